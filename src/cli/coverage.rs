//! `askonce coverage`: what of flows recorded calls have taken, or the callers of a service.

use super::{Failed, count, fail, show, suite};
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::proof::Reached;
use crate::graph;
use crate::replay::coverage::lcov::Lcov;
use crate::replay::coverage::records::{self, Counted, Read};
use crate::replay::coverage::table::{Covered, percent, together};
use crate::replay::coverage::{Coverage, Kind, Plan, Taken};
use crate::rerun::Sounds;
use crate::server;
use crate::server::files::{self, Disk, Files, Findings};
use crate::server::store::kept::each_record;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Flow files, or folders of them
    #[arg(required = true)]
    flows: Vec<PathBuf>,
    /// Recordings (call.jsonl at any depth of a folder): each runs again on its flow as it is now
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present_any = ["cdr", "store"])]
    fixtures: Vec<PathBuf>,
    /// The file of a service's call records, `askonce.cdr.jsonl`
    #[arg(long, value_name = "FILE")]
    cdr: Vec<PathBuf>,
    /// The same records from a service's store, `askonce.db`
    #[arg(long, value_name = "FILE", conflicts_with = "cdr")]
    store: Option<PathBuf>,
    /// Count records of other texts of a flow as well, by the names of blocks and the numbers of steps
    #[arg(long)]
    any_version: bool,
    /// Write the coverage of the flows' lines for lcov's tools: genhtml, and what reads such files in CI
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// Draw the flow with what was not taken dashed: a file that ends in .svg or .html
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// What has to be taken at least, in percent of what can be: `steps=100,exits=95`; else the exit code is 1
    #[arg(long, value_name = "KIND=PERCENT", value_delimiter = ',', value_parser = wanted)]
    min: Vec<(Kind, f64)>,
    /// How it is told: to a person, or as one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A flow with all that there is to take.
struct Loaded {
    program: Program,
    sounds: Sounds,
    plan: Plan,
    findings: Findings,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let paths = args.flows.iter().flat_map(|path| server::flow_files(&Disk, path));
    let flows = paths.map(|path| load(&path)).collect::<Result<Vec<Loaded>, Failed>>()?;
    if args.picture.is_some() && flows.len() != 1 {
        return Err(fail("--picture is of one flow: name its file"));
    }
    let mut coverage: Vec<Coverage> = flows.iter().map(|flow| Coverage::new(&flow.plan)).collect();
    let mut sound = recordings(&args.fixtures, &flows, &mut coverage)?;
    count_records(args, &flows, &mut coverage)?;
    let of_records = args.fixtures.is_empty();
    let covered: Vec<Covered> = flows
        .iter()
        .zip(&coverage)
        .map(|(flow, coverage)| Covered { flow: &flow.program.flow, coverage, of_records })
        .collect();
    if let Some(path) = &args.lcov {
        let mut lcov = Lcov::default();
        covered.iter().for_each(|covered| lcov.add(covered.flow, covered.coverage));
        write(path, &lcov.text())?;
    }
    if let (Some(path), [flow], [coverage]) = (&args.picture, flows.as_slice(), coverage.as_slice()) {
        write(path, &picture(path, flow, coverage)?)?;
    }
    tell(args.format, &covered)?;
    for covered in &covered {
        if covered.coverage.calls == 0 {
            sound = false;
            eprintln!("askonce: flow {}: no call of it was counted", covered.flow.name.text);
        }
        sound &= args.min.iter().fold(true, |sound, (kind, least)| reaches(covered, *kind, *least) && sound);
    }
    if sound { Ok(()) } else { Err(Failed) }
}

fn load(path: &Path) -> Result<Loaded, Failed> {
    let (service, findings) = files::load_unproved(&Disk, path, &Codec::LAWS);
    let Some(Service { program, arena }) = service else {
        show(&findings);
        return Err(fail(format!("{}: the flow does not load", path.display())));
    };
    let (flow, prompts) = (&program.flow, &program.prompts);
    let plan = Plan::of(flow, prompts, Reached::of(flow, prompts).as_ref());
    Ok(Loaded { sounds: Sounds::of(arena), program, plan, findings })
}

/// Every recording, one after the other. Gives whether each could be run.
fn recordings(places: &[PathBuf], flows: &[Loaded], coverage: &mut [Coverage]) -> Result<bool, Failed> {
    let (mut sound, mut others) = (true, 0);
    for path in fixtures(places)? {
        let taken = suite::read(&path).and_then(|fixture| {
            let at = flows.iter().position(|flow| flow.program.flow.name.text == fixture.header.flow);
            let Some(at) = at else { return Ok(None) };
            let Loaded { program, sounds, plan, .. } = &flows[at];
            let taken = Taken::again(plan, &fixture, program, sounds);
            taken.map(|taken| Some((at, taken))).map_err(|unplayable| unplayable.to_string())
        });
        match taken {
            Ok(Some((at, taken))) => coverage[at].add(&taken),
            Ok(None) => others += 1,
            Err(why) => {
                sound = false;
                eprintln!("askonce: {}: not counted: {why}", path.display());
            }
        }
    }
    if others > 0 {
        eprintln!("askonce: {} of other flows: not counted", count(others, "recording"));
    }
    Ok(sound)
}

/// Recordings, and those in folders at any depth.
pub(super) fn fixtures(places: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    let mut paths = Vec::new();
    for place in places {
        if place.is_file() {
            paths.push(place.clone());
            continue;
        }
        let found = Disk.below(place).map_err(|error| fail(format!("{}: {error}", place.display())))?;
        paths.extend(found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")));
    }
    Ok(paths)
}

fn count_records(args: &Args, flows: &[Loaded], coverage: &mut [Coverage]) -> Result<(), Failed> {
    let mut read = Read::default();
    let mut counted: Vec<Counted> = flows
        .iter()
        .zip(coverage)
        .map(|(flow, coverage)| {
            let flow = &flow.program.flow;
            Counted { flow: &flow.name.text, digest: &flow.digest, coverage }
        })
        .collect();
    for path in &args.cdr {
        let failed = |error: std::io::Error| fail(format!("{}: {error}", path.display()));
        let file = BufReader::new(File::open(path).map_err(failed)?);
        records::read(file, args.any_version, &mut counted, &mut read).map_err(failed)?;
    }
    if let Some(store) = &args.store {
        let take = |record: &str| records::take(record.as_bytes(), args.any_version, &mut counted, &mut read);
        each_record(store, take).map_err(fail)?;
    }
    let Read { other_version, other_flow, pathless, cut, broken, .. } = read;
    let notes = [
        (other_version, "of another version of its flow: not counted (--any-version counts by name)"),
        (other_flow, "of another flow: not counted"),
        (pathless, "without a path, of an older askonce: not counted"),
        (cut, "cut, of a call of more steps than a record has room for: counted as far as it goes"),
        (broken, "no record, or not whole: not counted"),
    ];
    for (number, what) in notes.into_iter().filter(|(number, _)| *number > 0) {
        eprintln!(
            "askonce: {} {what}",
            if number == 1 { "1 record is".to_owned() } else { format!("{number} records are") }
        );
    }
    Ok(())
}

fn picture(path: &Path, loaded: &Loaded, coverage: &Coverage) -> Result<String, Failed> {
    let Program { flow, prompts } = &loaded.program;
    let untaken = coverage.untaken_ways();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Ok(graph::svg(flow, Some(&untaken))),
        Some("html") => {
            let catalogue = |path: &str| prompts.books().any(|book| book.path == path);
            let files: Vec<_> = loaded.findings.sources.iter().filter(|source| !catalogue(&source.path)).collect();
            Ok(graph::html(flow, prompts, &files, Some(&untaken)))
        }
        _ => Err(fail(format!("{}: a picture ends in .svg or .html", path.display()))),
    }
}

fn tell(format: Format, covered: &[Covered]) -> Result<(), Failed> {
    let text = match format {
        Format::Text => covered.iter().map(Covered::text).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let flows: Vec<_> = covered.iter().map(Covered::told).collect();
            serde_json::to_string_pretty(&serde_json::json!({ "askonce": 1, "flows": flows })).map_err(fail)? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(fail)
}

/// Whether enough of a kind was taken; says what is missing.
fn reaches(covered: &Covered, kind: Kind, least: f64) -> bool {
    let flow = &covered.flow.name.text;
    if !covered.tells(kind) {
        eprintln!("askonce: flow {flow}: records do not tell of {}", kind.name());
        return false;
    }
    let reached = percent(covered.coverage.of(kind, None));
    if reached >= least {
        return true;
    }
    let missing = together(covered.coverage.missing(kind));
    let kind = kind.name();
    eprintln!("askonce: flow {flow}: {kind} {reached:.2} %, wanted are {least} %: {}", missing.join("; "));
    false
}

fn wanted(text: &str) -> Result<(Kind, f64), String> {
    let (kind, least) = text.split_once('=').ok_or_else(|| format!("`{text}` is not KIND=PERCENT"))?;
    let known = || Kind::ALL.map(Kind::name).join(", ");
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = kind.ok_or_else(|| format!("`{text}`: KIND is one of {}", known()))?;
    let least = least.parse().ok().filter(|least| (0.0..=100.0).contains(least));
    Ok((kind, least.ok_or_else(|| format!("`{text}`: PERCENT is from 0 to 100"))?))
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| fail(format!("{}: {error}", path.display())))
}
