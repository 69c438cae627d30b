//! `askonce replay`: recorded calls again, in virtual time, against the flows as they are now.

use super::{Failed, count, fail};
use crate::call::Program;
use crate::codec::Codec;
use crate::record::Fixture;
use crate::rerun;
use crate::server;
use crate::server::files::{self, Disk, Files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Folders with recordings (call.jsonl at any depth), or single recordings
    #[arg(required = true)]
    fixtures: Vec<PathBuf>,
    /// Where the flows are
    #[arg(long, default_value = "flows")]
    flows: PathBuf,
}

enum Outcome {
    Pass { outputs: usize },
    Differs(String),
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let mut paths = Vec::new();
    for place in &args.fixtures {
        if place.is_file() {
            paths.push(place.clone());
            continue;
        }
        if !place.exists() {
            return Err(fail(format!("{}: there is no such file or folder", place.display())));
        }
        let found = Disk.below(place).map_err(|error| fail(format!("{}: {error}", place.display())))?;
        paths.extend(found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")));
    }
    if paths.is_empty() {
        return Err(fail("no recording (*.jsonl) found; `askonce serve --record DIR` makes them"));
    }
    let mut programs = BTreeMap::new();
    let mut failed = 0;
    for path in &paths {
        match one(path, &args.flows, &mut programs) {
            Ok(Outcome::Pass { outputs }) => println!("pass  {} ({})", path.display(), count(outputs, "output")),
            Ok(Outcome::Differs(why)) => {
                failed += 1;
                println!("diff  {}\n{why}", path.display());
            }
            Err(why) => {
                failed += 1;
                println!("error {}: {why}", path.display());
            }
        }
    }
    println!("{} replayed, {} passed, {failed} failed", paths.len(), paths.len() - failed);
    if failed == 0 { Ok(()) } else { Err(Failed) }
}

fn one(path: &Path, flows: &Path, programs: &mut BTreeMap<String, Program>) -> Result<Outcome, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let fixture = Fixture::read(&text).map_err(|broken| broken.to_string())?;
    let program = program(&fixture.header.flow, flows, programs)?;
    let replayed = rerun::run(&fixture, program).map_err(|unplayable| unplayable.to_string())?;
    let Some(difference) = replayed.comparison.first_difference else {
        return Ok(Outcome::Pass { outputs: replayed.comparison.equal });
    };
    let none = || "nothing more".to_owned();
    let edited = if replayed.edited { "\n      (the flow was edited since this was recorded)" } else { "" };
    Ok(Outcome::Differs(format!(
        "      after {} equal\n      recorded: {}\n      replayed: {}{edited}",
        count(replayed.comparison.equal, "output"),
        difference.recorded.unwrap_or_else(none),
        difference.replayed.unwrap_or_else(none),
    )))
}

/// The flow of that name in the flows folder.
pub(super) fn program(name: &str, flows: &Path, programs: &mut BTreeMap<String, Program>) -> Result<Program, String> {
    if let Some(program) = programs.get(name) {
        return Ok(program.clone());
    }
    let path = server::flow_files(&Disk, flows).into_iter().find(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|_| String::new());
        text.lines().any(|line| line.strip_prefix("flow:").is_some_and(|flow| flow.trim() == name))
    });
    let path =
        path.ok_or_else(|| format!("no file in {} is the flow `{name}` (--flows says where)", flows.display()))?;
    // What fails a proof is replayed as well: a witness of that is a recording like others.
    let (service, findings) = files::load_unproved(&Disk, &path, &Codec::LAWS);
    let Some(service) = service else {
        super::show(&findings);
        return Err(format!("the flow {} does not load (--flows says where flows are)", path.display()));
    };
    let program = service.program;
    programs.insert(name.to_owned(), program.clone());
    Ok(program)
}
