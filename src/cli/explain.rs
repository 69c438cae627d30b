//! `askonce explain`: one call in plain words, from its recording or from what the store has of it. Values are masked.

use super::suite::{self, Flows, Served};
use super::{Failed, fail, quotes, show};
use crate::audio;
use crate::context::Source;
use crate::context::document::FactState;
use crate::record::Fixture;
use crate::record::fixture::Step;
use crate::record::seam::In;
use crate::replay::page;
use crate::replay::stage::Words;
use crate::replay::tell::{self, Reader, Row, Teller, WITHHELD};
use crate::rerun;
use crate::secret::Secret;
use crate::server;
use crate::server::files::{Disk, Files};
use crate::server::store::Places;
use crate::server::store::kept::{FactRecord, Kept, Record, kept};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the caller sent, beside its recording.
const SOUND: &str = "caller.wav";

#[derive(clap::Args)]
pub struct Args {
    /// A recording (call.jsonl, or its folder), or with --config the name of a call
    call: String,
    /// The configuration of the service that had the call
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where the flows are: with the flow as it was, a recording tells more
    #[arg(long, default_value = "flows")]
    flows: PathBuf,
    /// Write a page with all of it, in one file: a recording on one axis of time, with its sound, SIP and way through the flow
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    html: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    if let Some(page) = &args.html {
        return write_page(Path::new(&args.call), &args.flows, page);
    }
    let told = match &args.config {
        Some(config) => stored(config, &args.call)?,
        None => recorded(Path::new(&args.call), &args.flows)?,
    };
    print!("{told}");
    Ok(())
}

fn recorded(path: &Path, flows: &Path) -> Result<String, Failed> {
    let fixture = fixture(path)?;
    let header = &fixture.header;
    let mut text = format!("{} of {}, flow {} ({})\n", header.call, header.at, header.flow, header.digest);
    if let Some(Step::In(In::Invite(arrival))) = fixture.lines.first().map(|line| &line.step) {
        text += &(tell::arrival(Reader::Anybody, arrival) + "\n");
    }
    Ok(text + &story(&fixture, flows))
}

fn fixture(path: &Path) -> Result<Fixture, Failed> {
    let file = if path.is_dir() { path.join("call.jsonl") } else { path.to_owned() };
    if !file.exists() {
        eprintln!("askonce: to explain a call that a service had, give its --config");
    }
    suite::read(&file).map_err(|why| fail(format!("{}: {why}", file.display())))
}

fn write_page(path: &Path, flows: &Path, file: &Path) -> Result<(), Failed> {
    let fixture = fixture(path)?;
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    let wav = folder.map(|folder| folder.join(SOUND)).filter(|wav| wav.is_file());
    let sound = wav.map(|wav| {
        let failed = |why: &dyn std::fmt::Display| fail(format!("{}: {why}", wav.display()));
        let bytes = Disk.read(&wav).map_err(|error| failed(&error))?;
        let clip = audio::wav::read(&bytes).map_err(|not| failed(&not))?;
        Ok(page::Sound { clip, from: fixture.header.wav_from.unwrap_or(0) })
    });
    let sound = sound.transpose()?;
    // Without its flow a call is told with what it says itself.
    let served = Flows::in_folder(flows).served(&fixture.header.flow).map_err(|why| eprintln!("askonce: {why}")).ok();
    let flow = served.as_ref().map(|served| page::Now {
        program: &served.program,
        sounds: &served.sounds,
        quotes: quotes(&served.program.flow),
    });
    let text = page::html(&fixture, flow.as_ref(), sound.as_ref());
    std::fs::write(file, text).map_err(|error| fail(format!("{}: {error}", file.display())))
}

/// With the flow, the call runs again and says what it knew; without it, the lines say what they can.
fn story(fixture: &Fixture, flows: &Path) -> String {
    if let Ok(Served { mut program, .. }) = Flows::in_folder(flows).served(&fixture.header.flow) {
        // An edit that changes nothing for this call is no reason to tell less of it: what it did says whether it did.
        Arc::make_mut(&mut program.flow).digest.clone_from(&fixture.header.digest);
        let words = Words::of(&program.prompts);
        let (mut teller, mut rows, mut known) = (Teller::new(Reader::Anybody, Some(&words)), Vec::new(), Vec::new());
        let replayed = rerun::watched(fixture, program, |line, call| {
            rows.extend(teller.tell(line, Some(call.context())));
            known = tell::facts(Reader::Anybody, call.context());
        });
        if replayed.is_ok_and(|replayed| replayed.comparison.first_difference.is_none()) {
            return rendered(&rows) + &known.iter().map(|fact| format!("known: {fact}\n")).collect::<String>();
        }
    }
    let mut teller = Teller::new(Reader::Anybody, None);
    let rows: Vec<Row> = fixture.lines.iter().flat_map(|line| teller.tell(line, None)).collect();
    rendered(&rows) + "(told without the flow as it was then: --flows says where flows are)\n"
}

fn rendered(rows: &[Row]) -> String {
    rows.iter().map(|row| row.render() + "\n").collect()
}

fn stored(config: &Path, call: &str) -> Result<String, Failed> {
    let (config, findings) = server::read_config(&Disk, config);
    show(&findings);
    let config = config.ok_or_else(|| fail("the configuration does not say where things are"))?;
    let places = Places::of(&config);
    let kept = kept(&places, call).map_err(fail)?;
    let kept = kept.ok_or_else(|| fail(format!("{}: there is no call `{call}`", places.database.display())))?;
    Ok(of_record(&kept))
}

/// From the call's record, and the context that went along.
fn of_record(kept: &Kept) -> String {
    let Record { call, case, flow, digest, from, to, trunk, start, .. } = &kept.record;
    let from =
        from.as_deref().map_or_else(|| "a caller without a number".to_owned(), |from| tell::caller(&Secret::new(from)));
    let mut text = format!("{call} of {start}, flow {flow} ({digest})\n{from} calls {to} over {trunk}");
    if case != call {
        text += &format!("; it came back to the case {case}");
    }
    text += "\n";
    text += &rendered(&timeline(kept));
    for fact in kept.record.facts.iter().filter(|fact| fact.state != "unknown") {
        text += &format!("known: {}\n", known(fact, kept));
    }
    for refused in &kept.record.refusals {
        text += &format!("not reached: {} ({})\n", refused.target, refused.status);
    }
    text
}

/// Where the call went, what it learned and whom it was handed to, by the context; and its end.
fn timeline(kept: &Kept) -> Vec<Row> {
    let start = kept.record.start;
    let t = |at: &Timestamp| u64::try_from(at.duration_since(start).as_micros()).unwrap_or(0);
    let mut rows = Vec::new();
    if let Some(document) = &kept.document {
        rows.extend(document.facts.iter().filter_map(|(name, fact)| match &fact.state {
            FactState::Unknown => None,
            FactState::Filled { at, .. } => {
                Some(Row { t: t(at), place: String::new(), text: format!("{name} is known") })
            }
            FactState::Declined { at, .. } => {
                Some(Row { t: t(at), place: String::new(), text: format!("{name} stays open") })
            }
        }));
        rows.extend(document.journey.iter().map(|passed| {
            let place = tell::place(&passed.block, passed.step, passed.line);
            Row { t: t(&passed.at), place, text: passed.verb.clone() }
        }));
        rows.extend(document.hops.iter().map(|hop| {
            let (waited, by) = (hop.waited_ms / 1000, hop.carriers.join(", "));
            let text =
                format!("to {}: {} after {waited} s, with the context by {by}", hop.to, tell::word(&hop.received));
            Row { t: t(&hop.at), place: String::new(), text }
        }));
    }
    // At one moment a fact comes before the step that it leads to.
    rows.sort_by_key(|row| row.t);
    let end = match kept {
        Kept { under_way: true, .. } => "it goes on".to_owned(),
        Kept { record, .. } if record.interrupted => "the service was killed while it went on".to_owned(),
        Kept { record, .. } => tell::ending(record.disposition, record.by),
    };
    rows.push(Row { t: t(&kept.record.end), place: String::new(), text: end });
    rows
}

/// A fact with its provenance, and the tries that brought nothing.
fn known(fact: &FactRecord, kept: &Kept) -> String {
    let entry = kept.document.as_ref().and_then(|document| document.facts.get(&fact.name));
    let confirmed = entry.is_some_and(|entry| matches!(entry.state, FactState::Filled { confirmed: true, .. }));
    let source = fact.from.as_deref().and_then(|from| from.parse::<Source>().ok());
    let mut text = match (source, entry.map(|entry| (&entry.state, entry.class))) {
        (None, _) => fact.from.clone().map_or_else(|| "declined".to_owned(), |why| format!("declined ({why})")),
        (Some(source), Some((FactState::Filled { value: Some(value), .. }, class))) => {
            let how = tell::provenance(&source, fact.tries, confirmed);
            tell::entry(Reader::Anybody, class, Some(&Secret::new(value.as_str())), &how)
        }
        (Some(source), Some(_)) => format!("{WITHHELD}, {}", tell::provenance(&source, fact.tries, confirmed)),
        (Some(source), None) => tell::provenance(&source, fact.tries, confirmed),
    };
    if fact.silences + fact.invalids > 0 {
        text += &format!("; {} silent and {} wrong before", fact.silences, fact.invalids);
    }
    format!("{}  {text}", fact.name)
}
