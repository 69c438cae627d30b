//! `askonce scrub`: takes callers out of recordings that have them in clear, and looks whether any are left in files.

mod verify;

use super::suite::{self, Flows};
use super::{Failed, count, fail};
use crate::rerun::redact::{Key, Redacted, Unredacted, redact};
use crate::server::files::{Disk, Files};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Recordings (call.jsonl), or folders with them; with --verify any files
    #[arg(required = true)]
    places: Vec<PathBuf>,
    /// The key of pseudonyms, as a service has it beside its store; a file that is not there is made
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    key: Option<PathBuf>,
    /// Where the flows are, as they were when the calls were recorded
    #[arg(long, default_value = "flows")]
    flows: PathBuf,
    /// Write the redacted recordings into this folder [default: in place of the ones in clear]
    #[arg(long, value_name = "DIR", conflicts_with = "verify")]
    out: Option<PathBuf>,
    /// Change nothing, and look whether callers' numbers are in these files, in nine encodings
    #[arg(long, conflicts_with = "key", requires = "known")]
    verify: bool,
    #[command(flatten)]
    known: verify::Known,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    // What is written may hold pseudonyms whose values somebody with the key could find.
    crate::os::sys::private_files();
    let files = files(&args.places)?;
    let Some(key) = &args.key else { return verify::run(&files, &args.known) };
    let key = Key::new(&crate::server::inbox::key::read_or_make(key).map_err(fail)?);
    let recordings: Vec<&Found> = files.iter().filter(|found| is_recording(&found.path)).collect();
    if recordings.is_empty() {
        return Err(fail("no recording (*.jsonl) found"));
    }
    let flows = Flows::in_folder(&args.flows);
    let (mut done, mut already, mut failed) = (0, 0, 0);
    for found in recordings {
        let path = found.path.display();
        match one(found, &key, &flows, args.out.as_deref()) {
            Ok(Done::Redacted { to, told }) => {
                done += 1;
                println!("redacted  {}{told}", to.display());
            }
            Ok(Done::Already(key)) => {
                already += 1;
                println!("already   {path} (under the key {key})");
            }
            Err(why) => {
                failed += 1;
                println!("in clear  {path}: {why}");
            }
        }
    }
    println!("{} redacted, {already} redacted already, {failed} left in clear", count(done, "recording"));
    if failed == 0 { Ok(()) } else { Err(Failed) }
}

enum Done {
    Redacted { to: PathBuf, told: String },
    Already(String),
}

fn one(found: &Found, key: &Key, flows: &Flows, out: Option<&Path>) -> Result<Done, String> {
    let fixture = suite::read(&found.path)?;
    if let Some(key) = fixture.header.redacted {
        return Ok(Done::Already(key));
    }
    let served = flows.served(&fixture.header.flow)?;
    let Redacted { fixture, dropped, .. } = redact(&fixture, &served.program, key).map_err(|why| match why {
        Unredacted::Edited => format!("{why}: --flows has to say where the flow is as it was then"),
        why => why.to_string(),
    })?;
    let text = fixture.write().map_err(|broken| broken.to_string())?;
    let to = match out {
        Some(out) => out.join(&found.below),
        None => found.path.clone(),
    };
    let beside = beside(&found.path);
    if let (None, Some(sound)) = (out, beside.first()) {
        return Err(format!(
            "{} beside it has the caller in clear and would be left: delete it, or write elsewhere with --out",
            sound.display()
        ));
    }
    if out.is_some() && to.exists() {
        return Err(format!("{} is there already", to.display()));
    }
    write(&to, &text).map_err(|error| format!("{}: {error}", to.display()))?;
    let mut told = String::new();
    if fixture.header.live_differs {
        told += " (the live call did something else than this one: one of the two is wrong)";
    }
    if dropped > 0 {
        told += &format!(" ({} with a number in it left out)", count(dropped, "message"));
    }
    if !beside.is_empty() {
        told += &format!(" ({} not taken along)", count(beside.len(), "file of sound"));
    }
    Ok(Done::Redacted { to, told })
}

/// What a recording may have beside it: its sound and packets, which are in clear as it is.
fn beside(recording: &Path) -> Vec<PathBuf> {
    let files = ["caller.wav", "call.pcap"].map(|name| recording.with_file_name(name));
    files.into_iter().filter(|file| file.exists()).collect()
}

/// Whole or not at all: what was there is in clear, and is not to be lost either.
fn write(to: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = to.with_extension("new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, to)
}

/// A file, and where it lies from the place that was named: `calls/01J…/call.jsonl`.
struct Found {
    path: PathBuf,
    below: PathBuf,
}

fn files(places: &[PathBuf]) -> Result<Vec<Found>, Failed> {
    let mut all = Vec::new();
    for place in places {
        let failed = |why: &dyn std::fmt::Display| fail(format!("{}: {why}", place.display()));
        if !place.exists() {
            return Err(failed(&"there is no such file or folder"));
        }
        let paths =
            if place.is_file() { vec![place.clone()] } else { Disk.below(place).map_err(|error| failed(&error))? };
        // A recording is told apart by its folder.
        let root = if place.is_file() { place.parent().unwrap_or(place) } else { place };
        let name = root.canonicalize().ok().and_then(|root| root.file_name().map(PathBuf::from));
        let named = name.unwrap_or_else(|| PathBuf::from("recordings"));
        for path in paths {
            let below = path.strip_prefix(root).map_or_else(|_| path.clone(), |rest| named.join(rest));
            all.push(Found { path, below });
        }
    }
    Ok(all)
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}
