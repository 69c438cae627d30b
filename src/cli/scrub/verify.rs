//! Whether the numbers of callers are in files.

use super::{Found, is_recording};
use crate::cli::{Failed, count, fail, suite};
use crate::rerun::redact::scan::Search;
use crate::secret::Secret;
use crate::server::store::kept;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A file that is larger is not read: captures that long are cut before anybody looks at them.
const LARGEST: u64 = 1 << 30;

/// What is looked for. Not by the command line, which others on the machine can see.
#[derive(clap::Args)]
#[group(id = "known", multiple = true)]
pub struct Known {
    /// The numbers to look for, one a line; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "verify")]
    values: Option<PathBuf>,
    /// The store of the service that had the calls: of each recording, what is kept of its caller
    #[arg(long, value_name = "DATABASE", requires = "verify")]
    store: Option<PathBuf>,
}

#[derive(Default)]
struct Told {
    found: usize,
    unread: usize,
    /// Recordings of calls that the store has nothing of.
    unknown: usize,
    /// Numbers that were looked for, and values that were too short.
    numbers: usize,
    short: usize,
}

pub fn run(files: &[Found], known: &Known) -> Result<(), Failed> {
    let mut told = Told::default();
    if let Some(path) = &known.values {
        let search = Search::of(&values(path)?);
        (told.numbers, told.short) = (search.len(), search.short);
        if search.is_empty() {
            return Err(fail(format!("{}: no number of four digits or more is in it", path.display())));
        }
        files.iter().for_each(|file| look(&file.path, &search, &mut told));
    }
    if let Some(database) = &known.store {
        for recording in files.iter().filter(|file| is_recording(&file.path)) {
            of_store(recording, files, database, &mut told)?;
        }
    }
    let (files, numbers) = (count(files.len(), "file"), count(told.numbers, "number"));
    let found =
        if told.found == 0 { "none found".to_owned() } else { format!("found at {}", count(told.found, "place")) };
    println!("{files} looked through for {numbers} in nine encodings: {found}");
    for (number, what) in [
        (told.short, "too short, or text: not looked for"),
        (told.unknown, "of a call that the store has nothing of: not looked through for it"),
        (told.unread, "that could not be looked through"),
    ] {
        if number > 0 {
            println!("{number} {what}");
        }
    }
    if told.numbers == 0 {
        return Err(fail("nothing was looked for: of no recording the store has its caller"));
    }
    if told.found + told.unread == 0 { Ok(()) } else { Err(Failed) }
}

fn values(path: &Path) -> Result<Vec<Secret>, Failed> {
    let failed = |error: std::io::Error| fail(format!("{}: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
    } else {
        text = std::fs::read_to_string(path).map_err(failed)?;
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect())
}

/// The caller of a recording, in all files of its folder.
fn of_store(recording: &Found, files: &[Found], database: &Path, told: &mut Told) -> Result<(), Failed> {
    let fixture = match suite::read(&recording.path) {
        Ok(fixture) => fixture,
        Err(why) => {
            told.unread += 1;
            println!("{}: {why}", recording.path.display());
            return Ok(());
        }
    };
    let Some(values) = kept::told(database, &fixture.header.call).map_err(fail)? else {
        told.unknown += 1;
        return Ok(());
    };
    let search = Search::of(&values);
    told.numbers += search.len();
    told.short += search.short;
    let beside = files.iter().filter(|file| file.path.parent() == recording.path.parent());
    beside.for_each(|file| look(&file.path, &search, told));
    Ok(())
}

fn look(path: &Path, search: &Search, told: &mut Told) {
    match read(path).and_then(|bytes| search.file(&bytes).map_err(|why| why.to_string())) {
        Ok(found) => {
            told.found += found.len();
            for one in &found {
                println!("{}: {}: {} {}", path.display(), one.place, search.masked(one), one.form);
            }
        }
        Err(why) => {
            told.unread += 1;
            println!("{}: {why}", path.display());
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let whole = bytes.len() as u64 <= LARGEST;
    if whole { Ok(bytes) } else { Err("larger than 1 GB: cut it, and look through the pieces".to_owned()) }
}
