//! `askonce debug`: a recorded call event by event, either way, from the keyboard or by lines of text.

use super::suite::{self, Flows, Served};
use super::{Failed, fail, quotes};
use crate::record::Fixture;
use crate::replay::debug::{Debugger, Done, Now};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A line of commands has so many bytes at most.
const LINE: u64 = 1 << 12;

#[derive(clap::Args)]
pub struct Args {
    /// A recording (call.jsonl, or its folder)
    fixture: PathBuf,
    /// Where the flows are
    #[arg(long, default_value = "flows")]
    flows: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let file = if args.fixture.is_dir() { args.fixture.join("call.jsonl") } else { args.fixture.clone() };
    let failed = |why: String| fail(format!("{}: {why}", file.display()));
    let session = suite::read(&file).and_then(|fixture| session(fixture, &args.flows)).map_err(failed)?;
    if session.obeyed || std::io::stdin().is_terminal() { Ok(()) } else { Err(Failed) }
}

/// How a session went.
pub(super) struct Session {
    /// Every command could be done.
    obeyed: bool,
    /// The flow was read again.
    pub reloaded: bool,
}

pub(super) fn session(fixture: Fixture, flows: &Path) -> Result<Session, String> {
    let name = fixture.header.flow.clone();
    // Looked for anew each time: what was edited is to be read again.
    let load = || {
        let Served { program, sounds } = Flows::in_folder(flows).served(&name)?;
        let quotes = quotes(&program.flow);
        Ok::<_, String>((Now { program, sounds }, quotes))
    };
    let (flow, quotes) = load()?;
    let mut debugger = Debugger::new(fixture, flow, quotes).map_err(|unplayable| unplayable.to_string())?;
    print!("{}", debugger.greeting());
    let reload = |debugger: &mut Debugger, edit: Edit| {
        if let Some((file, line)) = edit {
            editor(&file, line)?;
        }
        let (flow, quotes) = load()?;
        Ok(debugger.reload(flow, quotes))
    };
    converse(&mut debugger, reload).map_err(|error| error.to_string())
}

type Edit = Option<(String, usize)>;

/// Commands until the end of the input; in a terminal an empty line does the same once more.
fn converse(
    debugger: &mut Debugger,
    reload: impl Fn(&mut Debugger, Edit) -> Result<String, String>,
) -> std::io::Result<Session> {
    let terminal = std::io::stdin().is_terminal();
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let (mut last, mut session) = ("n".to_owned(), Session { obeyed: true, reloaded: false });
    loop {
        if terminal {
            write!(output, "(debug) ")?;
        }
        output.flush()?;
        let mut line = String::new();
        if std::io::Read::take(&mut input, LINE).read_line(&mut line)? == 0 {
            return Ok(session);
        }
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut last);
        } else if !terminal {
            continue;
        }
        let answer = match debugger.obey(&last) {
            Done::Reload { edit } => {
                session.reloaded = true;
                reload(debugger, edit.filter(|_| terminal)).map_or_else(Done::Not, Done::Told)
            }
            answer => answer,
        };
        match answer {
            Done::Told(text) => write!(output, "{text}")?,
            Done::Not(why) => {
                writeln!(output, "{why}")?;
                session.obeyed = false;
            }
            Done::End | Done::Reload { .. } => return Ok(session),
        }
    }
}

/// The author's editor on the flow; without one the file is read again as it is.
fn editor(file: &str, line: usize) -> Result<(), String> {
    let Some(editor) = ["VISUAL", "EDITOR"].into_iter().find_map(std::env::var_os) else {
        return Err(format!("there is no $EDITOR; edit {file} elsewhere, then `reload`"));
    };
    // `+41` is understood by vi, nano, emacs, micro and most others.
    let status = Command::new(&editor).arg(format!("+{line}")).arg(Path::new(file)).status();
    let name = editor.to_string_lossy();
    let status = status.map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}; the flow was not read again")) }
}
