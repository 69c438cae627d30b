//! `askonce import`: calls that were captured off the wire, or sound of a caller, as recordings that `replay` takes.

mod keeping;
mod progress;

use super::play::answers::Answers;
use super::suite::{Flows, Served};
use super::{Failed, count, fail, show};
use crate::audio::resample::resample;
use crate::audio::wav::{self, Channel};
use crate::config::Config;
use crate::replay::capture::{self, Capture, Legs, Service};
use crate::replay::stage::{Place, Reheard};
use crate::replay::talk;
use crate::rerun::packets::Packets;
use crate::rerun::redact::Key;
use crate::server;
use crate::server::files::{Disk, Files};
use crate::server::inbox::key;
use clap::ValueEnum;
use jiff::Timestamp;
use progress::Progress;
use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Sound of a caller is no longer, in seconds.
const LONGEST: usize = 3_600;

#[derive(clap::Args)]
pub struct Args {
    /// Captures (pcap, pcapng), or sound of a caller (WAV)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The flow that answers every call, whoever calls
    #[arg(long, value_name = "NAME", required_unless_present_any = ["config", "list"], conflicts_with = "config")]
    flow: Option<String>,
    /// The configuration whose trunks, numbers and destinations count
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the flows are
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// Where recordings are put: a folder for each call
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// The number that was called, in place of what the capture says
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Where the service is in the capture, if that cannot be seen: IP, or IP:PORT
    #[arg(long, value_name = "ADDRESS")]
    server: Option<Service>,
    /// What lookups find, by their names, as YAML: `crm: { tier: gold }`, `crm: none`
    #[arg(long, value_name = "FILE")]
    lookups: Option<PathBuf>,
    /// Of sound with two channels, the one that the caller is on
    #[arg(long, value_enum, default_value_t = Side::Left)]
    channel: Side,
    /// The key under which values become pseudonyms; it is made if it is not there
    #[arg(long, value_name = "FILE", default_value = "askonce.redaction-key", conflicts_with = "test_data")]
    key: PathBuf,
    /// Nobody's values: keep them as they are
    #[arg(long)]
    test_data: bool,
    /// Show the calls of captures, and write nothing
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    Left,
    Right,
}

impl From<Side> for Channel {
    fn from(side: Side) -> Channel {
        match side {
            Side::Left => Channel::Left,
            Side::Right => Channel::Right,
        }
    }
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let desk = Desk::of(args)?;
    let (mut calls, mut imported) = (0, 0);
    for file in &args.files {
        match desk.file(file) {
            Ok(done) => {
                calls += done.calls;
                imported += done.imported;
            }
            Err(why) => println!("{}: {why}", file.display()),
        }
    }
    if args.list {
        return if calls > 0 { Ok(()) } else { Err(fail("no call in any of the captures")) };
    }
    println!("{imported} of {} imported", count(calls, "call"));
    if imported > 0 { Ok(()) } else { Err(Failed) }
}

/// What every file is imported with.
struct Desk<'a> {
    args: &'a Args,
    config: Config,
    flows: Flows,
    answers: Answers,
    /// `None`: nobody's values.
    key: Option<Key>,
}

#[derive(Default)]
struct Done {
    calls: usize,
    imported: usize,
}

impl Desk<'_> {
    fn of(args: &Args) -> Result<Desk<'_>, Failed> {
        let config = match &args.config {
            Some(path) => {
                let (config, findings) = server::read_config(&Disk, path);
                show(&findings);
                config.ok_or_else(|| fail("the configuration does not load"))?
            }
            None => capture::anywhere(args.flow.as_deref().unwrap_or("")).map_err(fail)?,
        };
        let flows = Flows::in_folder(&args.flows);
        if let Some(flow) = &args.flow {
            flows.file(flow).map_err(fail)?;
        }
        let answers = args.lookups.as_deref().map_or_else(|| Ok(Answers::default()), Answers::read)?;
        let key = match args.test_data || args.list {
            true => None,
            false => Some(Key::new(&key::read_or_make(&args.key).map_err(fail)?)),
        };
        if args.test_data && !args.list {
            eprintln!("askonce: --test-data: recordings have every value in clear");
        }
        Ok(Desk { args, config, flows, answers, key })
    }

    fn file(&self, path: &Path) -> Result<Done, String> {
        let mut begins = [0; 4];
        let known = std::fs::File::open(path).and_then(|mut file| file.read(&mut begins));
        known.map_err(|error| error.to_string())?;
        if &begins == b"RIFF" { self.talk(path) } else { self.capture(path) }
    }

    /// What a caller said, as a call.
    fn talk(&self, path: &Path) -> Result<Done, String> {
        let bytes = Disk.read(path).map_err(|error| error.to_string())?;
        let clip = wav::read_longer(&bytes, LONGEST, Some(self.args.channel.into())).map_err(|why| why.to_string())?;
        let samples = resample(&clip.samples, clip.rate, talk::RATE);
        let seconds = samples.len() / talk::RATE as usize;
        println!("{}: {seconds} s of sound, {}", path.display(), count(talk::keys(&samples).len(), "key"));
        clip.remarks.iter().for_each(|remark| println!("  {remark}"));
        if self.args.list {
            return Ok(Done { calls: 1, imported: 0 });
        }
        let imported = match self.spoken(path, &samples) {
            Ok(told) => {
                told.iter().for_each(|line| println!("  {line}"));
                1
            }
            Err(why) => {
                println!("  not imported: {why}");
                0
            }
        };
        Ok(Done { calls: 1, imported })
    }

    fn spoken(&self, path: &Path, samples: &[i16]) -> Result<Vec<String>, String> {
        let dialled = self.args.number.as_deref().and_then(|number| self.config.number(number));
        let flow = self.args.flow.as_deref().or_else(|| dialled?.flow.as_ref().map(|flow| flow.text.as_str()));
        let flow =
            flow.ok_or("sound names no number: --flow NAME says which flow answers, or --number which was called")?;
        let served = self.flows.served(flow)?;
        let flow = &served.program.flow;
        let place = Place::of(&self.config, flow).filter(|_| !self.config.destinations.is_empty());
        let place = place.unwrap_or_else(|| Place::made_up(flow));
        let written = std::fs::metadata(path).and_then(|file| file.modified()).map_err(|error| error.to_string())?;
        let at = Timestamp::try_from(written).map_err(|error| error.to_string())?;
        let name = stem(path);
        let dialled = dialled.filter(|_| self.args.flow.is_none());
        let born = talk::birth(&served.program, &place, at, &name, dialled);
        let mut answers = self.answers.clone();
        let program = (&served.program, &**served.sounds.arena());
        let heard = talk::timed(samples).perform(program, born, talk::SOURCE, &mut |lookup| answers.next(lookup))?;
        for remark in &heard.remarks {
            println!("  {remark}");
        }
        self.keep(&name, heard, (keeping::packets_of(samples), false), &served)
    }

    fn capture(&self, path: &Path) -> Result<Done, String> {
        let capture = Capture::read(open(path)?).map_err(|why| why.to_string())?;
        let (calls, asides) = capture.calls(self.args.server);
        println!("{}: {}, {}", path.display(), count(capture.packets as usize, "packet"), count(calls.len(), "call"));
        let mut imported = 0;
        // By the callers' dialogs: what became of each call.
        let mut told = BTreeMap::new();
        if !self.args.list && !calls.is_empty() {
            let each = |legs: &Legs, packets| {
                let number = calls.iter().position(|other| other.caller == legs.caller).map_or(0, |at| at + 1);
                let (kept, lines) = self.call(&format!("{}-{number}", stem(path)), &capture, legs, packets);
                imported += usize::from(kept);
                told.insert(legs.caller, lines);
            };
            capture.sounds(open(path)?, &calls, each).map_err(|why| why.to_string())?;
        }
        for (number, legs) in (1..).zip(&calls) {
            println!("call {number}: {}", capture.summary(legs));
            told.get(&legs.caller).into_iter().flatten().for_each(|line| println!("  {line}"));
        }
        for (dialog, aside) in &asides {
            println!("{}: {aside}", capture.place(*dialog));
        }
        for range in capture.unread.ranges() {
            println!("{range}");
        }
        if capture.unread.beyond() > 0 {
            println!("and {} that could not be read", count(capture.unread.beyond() as usize, "more packet"));
        }
        Ok(Done { calls: calls.len(), imported })
    }

    /// One call to its folder: whether it is there, and what is to be said of it.
    fn call(&self, name: &str, capture: &Capture, legs: &Legs, packets: Option<Packets>) -> (bool, Vec<String>) {
        let mut lines = Vec::new();
        let perform = || {
            let (heard, served) = self.performed(name, capture, legs)?;
            lines.extend(heard.remarks.iter().cloned());
            let answered = capture.answered(legs, served.program.flow.early);
            let sound = packets.and_then(|packets| keeping::placed(&packets, &heard, answered));
            self.keep(name, heard, (sound, true), &served)
        };
        // What breaks one call is no reason to lose the others.
        let broken = |_| Err("a broken invariant ended it; please report it, with this capture if you may".to_owned());
        let done = catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(broken);
        match done {
            Ok(told) => lines.extend(told),
            Err(why) => {
                lines.push(format!("not imported: {why}"));
                return (false, lines);
            }
        }
        (true, lines)
    }

    fn keep(
        &self,
        name: &str,
        heard: Reheard,
        sound: (Option<Packets>, bool),
        served: &Served,
    ) -> Result<Vec<String>, String> {
        let out = self.args.out.as_deref().ok_or("--out says where to")?;
        keeping::keep((out, name), heard, sound, served, self.key.as_ref())
    }

    fn performed(&self, name: &str, capture: &Capture, legs: &Legs) -> Result<(Reheard, Served), String> {
        let came = capture.came(legs, &self.config, self.args.number.as_deref())?;
        let served = self.flows.served(&came.flow)?;
        let mut answers = self.answers.clone();
        let program = (&served.program, &**served.sounds.arena());
        let heard = capture.perform((legs, &came), &self.config, program, name, &mut |lookup| answers.next(lookup))?;
        Ok((heard, served))
    }
}

/// What folders are named after.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "capture".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn open(path: &Path) -> Result<impl Read + Send + use<>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    Progress::of(file, path).map_err(|error| error.to_string())
}
