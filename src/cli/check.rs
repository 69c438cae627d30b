//! `askonce check`: the mistakes of flows and configurations, each with its place, its remedy and why it matters.

use super::{Failed, count, show};
use crate::codec::Codec;
use crate::engine::Service;
use crate::record::fixture::{Line, Step as LineStep};
use crate::record::seam::Out;
use crate::replay::stage::{self, Place};
use crate::server::files::{self, Disk, Files, Findings, Shown};
use crate::server::findings::{self, Checked, github, sarif, tell, told};
use crate::server::{Noted, Seen};
use crate::time::Duration;
use clap::ValueEnum;
use jiff::Zoned;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// The folder that is looked at where nothing is named.
const FLOWS: &str = "flows";
/// How often `--watch` looks at the files: soon enough for who saves and looks up.
const LOOK: Duration = Duration::from_millis(200);
/// What puts the cursor to the top of an empty terminal.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

#[derive(clap::Args)]
pub struct Args {
    /// Flow files, or folders of them; without any, and without --config, the folder `flows`
    paths: Vec<PathBuf>,
    /// A configuration: it is checked, and every flow that it names, and the two against each other
    #[arg(long)]
    config: Option<PathBuf>,
    /// How findings are told: to a person, as one JSON object, as commands of a GitHub workflow, or as SARIF 2.1.0
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write a recorded call of each finding that a call shows: a folder each, for `replay`, `explain` and `trace`
    #[arg(long, value_name = "DIR", conflicts_with = "watch")]
    write: Option<PathBuf>,
    /// Check again whenever a file is saved, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Github,
    Sarif,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let mut paths = args.paths.clone();
    if paths.is_empty() && args.config.is_none() {
        if !Path::new(FLOWS).is_dir() {
            return Err(super::fail("name flows, folders of them or --config FILE: there is no folder `flows` here"));
        }
        paths.push(FLOWS.into());
    }
    if args.watch {
        return watch(args, &paths);
    }
    let errors = once(args, &paths, &Disk)?;
    // Who reads a format has the number in it.
    match (errors, args.format) {
        (0, _) => Ok(()),
        (_, Format::Text | Format::Github) => Err(super::fail(count(errors, "error"))),
        (_, Format::Json | Format::Sarif) => Err(Failed),
    }
}

/// One check, told. Gives the number of errors.
fn once(args: &Args, paths: &[PathBuf], files: &dyn Files) -> Result<usize, Failed> {
    let checked = findings::check(files, paths, args.config.as_deref());
    let text = match args.format {
        Format::Text => {
            show(&checked.findings);
            sound(args, &checked)
        }
        Format::Json => told::json(&checked).map_err(super::fail)? + "\n",
        Format::Github => github::commands(&tell(&checked.findings)),
        Format::Sarif => {
            let log = sarif::log(&tell(&checked.findings));
            serde_json::to_string_pretty(&log).map_err(super::fail)? + "\n"
        }
    };
    if let Some(folder) = &args.write {
        write(&checked.findings, folder)?;
    }
    // A reader that has closed its end wants no more.
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| super::fail(format!("the findings could not be written: {error}")))?;
    Ok(checked.findings.errors())
}

/// A recording of each finding that a call shows.
fn write(findings: &Findings, folder: &Path) -> Result<(), Failed> {
    for Shown { flow, code, line, call } in &findings.witnesses {
        let (service, _) = files::load_unproved(&Disk, flow, &Codec::LAWS);
        let Some(Service { program, arena }) = service else { continue };
        let folder = folder.join(format!("{}-{code}-{line}", program.flow.name.text));
        let place = Place::made_up(&program.flow);
        let file = stage::perform(&program, &arena, &place, &call.script).map_err(|unfit| unfit.to_string());
        let file = file.and_then(|performed| {
            let comes = |line: &Line| matches!(&line.step, LineStep::Out(Out::Step { block, step, .. }) if (block, step) == (&call.at.0, &call.at.1));
            let comes = performed.fixture.lines.iter().any(comes);
            let file = stage::keep::keep(&performed.fixture, &folder)?;
            if comes { Ok(file) } else { Err(format!("{}: the call does not come to {}:{}", file.display(), call.at.0, call.at.1)) }
        });
        eprintln!("written: {}", file.map_err(super::fail)?.display());
    }
    Ok(())
}

/// What is right, for a person.
fn sound(args: &Args, checked: &Checked) -> String {
    let flows = checked.flows.iter();
    let mut text: String = flows
        .map(|sound| format!("{}: flow {} is sound (digest {})\n", sound.path, sound.flow, sound.digest))
        .collect();
    if let (Some(path), Some(flows)) = (&args.config, checked.place) {
        let flows = count(flows, "flow");
        text.push_str(&format!("{}: the configuration and its {flows} are sound\n", path.display()));
    }
    text
}

/// Checks now and after each change, for ever.
fn watch(args: &Args, paths: &[PathBuf]) -> Result<(), Failed> {
    loop {
        if std::io::stderr().is_terminal() && args.format == Format::Text {
            eprint!("{CLEAR}");
        }
        let files = Noted::default();
        let errors = once(args, paths, &files)?;
        eprintln!("{}  {}", Zoned::now().strftime("%H:%M:%S"), count(errors, "error"));
        rest(&files.into_seen());
    }
}

/// Returns once something looks different, and is written to its end.
fn rest(seen: &Seen) {
    let mut before = seen.clone();
    loop {
        std::thread::sleep(LOOK);
        let now = seen.look();
        if now != *seen && now == before {
            return;
        }
        before = now;
    }
}
