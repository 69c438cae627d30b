//! `askonce play`: a flow tried from the keyboard, without a phone. Time is virtual and waits for the person; a script
//! does the same without one.

pub mod answers;
mod keyboard;
mod sound;

use super::{Failed, fail, show};
use crate::audio::ArenaBuilder;
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::script::{Cue, Opening, Script};
use crate::record::fixture::Step;
use crate::record::{In, Out};
use crate::replay::stage::{Awaits, Place, Stage, Words, keep};
use crate::replay::tell::{self, Reader, Teller};
use crate::server;
use crate::server::files::{self, Disk, Findings};
use crate::yaml::{Diagnostic, Severity};
use answers::Answers;
use sound::Player;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A script that is read from standard input has so many bytes at most.
const SCRIPT: u64 = 1 << 20;

#[derive(clap::Args)]
pub struct Args {
    /// The flow
    flow: PathBuf,
    /// What happens, one line each (docs/bench.md); `-`: from standard input, as without a terminal
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// How the call comes in, as a line of a script: "from +15551230002", "uui account=79927398713", "switch storm=on"
    #[arg(long, value_name = "LINE", conflicts_with = "script")]
    opening: Vec<String>,
    /// What lookups find, by their names, as YAML: `crm: { tier: gold }`, `crm: none`
    #[arg(long, value_name = "FILE")]
    lookups: Option<PathBuf>,
    /// The configuration whose destinations and switches the call has; without one they are made up
    #[arg(long)]
    config: Option<PathBuf>,
    /// Keep the call as a recording that `replay` and `trace` take: a folder for it
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Play the prompts, with aplay, paplay, ffplay or play
    #[arg(long)]
    audio: bool,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let service = load(&args.flow).ok_or_else(|| fail("the flow cannot be played"))?;
    let place = place(args, &service)?;
    let answers = args.lookups.as_deref().map_or_else(|| Ok(Answers::default()), Answers::read)?;
    let player = args.audio.then(|| Player::find(&service.arena)).transpose().map_err(fail)?;
    let interactive = args.script.is_none() && std::io::stdin().is_terminal();
    let script = if interactive { opening(&args.opening)? } else { script(args)? };
    let stage = Stage::open(&service.program, &service.arena, &place, &script.opening);
    let words = Words::of(&service.program.prompts);
    let mut session = Session { stage, answers, teller: Teller::new(Reader::Author, Some(&words)), told: 0, player };
    session.tell();
    let done = if interactive { keyboard::play(&mut session) } else { session.perform(&script.cues) };
    // What came of it is kept in either case, and a recording is of a call that has ended.
    session.stage.close();
    let fixture = session.stage.into_fixture();
    if let Some(folder) = &args.save {
        let file = keep::keep(&fixture, folder).map_err(fail)?;
        println!("kept in {}", file.display());
    }
    done
}

/// A call that is shown as it goes.
struct Session<'p> {
    stage: Stage<'p>,
    answers: Answers,
    teller: Teller<'p>,
    /// Lines of the call that were told.
    told: usize,
    player: Option<Player>,
}

impl Session<'_> {
    fn perform(&mut self, cues: &[Cue]) -> Result<(), Failed> {
        for (number, cue) in cues.iter().enumerate() {
            self.look_up(Some(cue))?;
            println!("> {}", self.shown(cue));
            let given = self.stage.give(cue);
            self.tell();
            given.map_err(|unfit| fail(format!("cue {}: {unfit}", number + 1)))?;
        }
        self.look_up(None)?;
        if self.stage.settle() != Awaits::Over && !self.stage.is_gone() {
            self.tell();
            println!("> {}", Cue::HangUp);
        }
        self.stage.close();
        self.tell();
        Ok(())
    }

    /// Answers lookups from the file, as long as there is one under way and no cue that ends it.
    fn look_up(&mut self, cue: Option<&Cue>) -> Result<(), Failed> {
        loop {
            let awaits = self.stage.settle();
            self.tell();
            let (Awaits::Lookup { name, .. }, false) = (&awaits, matches!(cue, Some(Cue::Lookup { .. }))) else {
                return Ok(());
            };
            let Some(answer) = self.answers.next(name) else { return Ok(()) };
            self.stage.give(&answer).map_err(fail)?;
            self.tell();
        }
    }

    /// Prints what happened since; a change of the facts with all of them.
    fn tell(&mut self) {
        let lines = &self.stage.lines()[self.told..];
        let context = self.stage.context();
        let mut changed = false;
        for line in lines {
            if let Step::In(In::Invite(arrival)) = &line.step {
                println!("{}", tell::arrival(Reader::Author, arrival));
            }
            let rows = self.teller.tell(line, Some(context));
            rows.iter().for_each(|row| println!("{}", row.render()));
            if let Step::Out(out) = &line.step {
                changed |= matches!(out, Out::Fact(_));
                if let Some(player) = &self.player {
                    player.hear(out);
                }
            }
        }
        self.told = self.stage.lines().len();
        if changed {
            self.panel();
        }
    }

    /// Every fact that is known or was declined, and how.
    fn panel(&self) {
        for (number, fact) in tell::facts(Reader::Author, self.stage.context()).iter().enumerate() {
            println!("{:>10}{fact}", if number == 0 { "facts  " } else { "" });
        }
    }

    /// A cue, but for the keys of what nobody may see.
    fn shown(&self, cue: &Cue) -> String {
        match cue {
            Cue::Press(keys) if self.stage.asks_in_private() => format!("press {}", "\u{2022}".repeat(keys.len())),
            cue => cue.to_string(),
        }
    }
}

/// A flow that failed a proof can be tried, and one whose prompts nobody has spoken yet.
fn load(path: &Path) -> Option<Service> {
    let (service, mut findings) = files::load_unproved(&Disk, path, &Codec::LAWS);
    let unspoken = |told: &Diagnostic| told.code == "no-clip";
    let played = service.or_else(|| {
        if !findings.diagnostics.iter().all(|told| unspoken(told) || told.severity == Severity::Warning) {
            return None;
        }
        let written = files::read_flow(&Disk, path, &mut Findings::default())?;
        let program = Program { flow: Arc::new(written.flow?), prompts: Arc::new(written.prompts) };
        Some(Service { program, arena: Arc::new(ArenaBuilder::default().build()) })
    });
    if played.is_some() {
        findings.diagnostics.retain(|told| !unspoken(told));
    }
    show(&findings);
    played
}

fn place(args: &Args, service: &Service) -> Result<Place, Failed> {
    let flow = &service.program.flow;
    let Some(path) = &args.config else { return Ok(Place::made_up(flow)) };
    let (config, findings) = server::read_config(&Disk, path);
    show(&findings);
    let config = config.ok_or_else(|| fail("the configuration does not load"))?;
    let unbound = || fail(format!("{}: no number leads to the flow {}", path.display(), flow.name.text));
    Place::of(&config, flow).ok_or_else(unbound)
}

fn opening(lines: &[String]) -> Result<Script, Failed> {
    let mut opening = Opening::usual();
    lines.iter().try_for_each(|line| opening.take(line).map_err(|misread| fail(format!("--opening: {misread}"))))?;
    Ok(Script { opening, cues: Vec::new() })
}

fn script(args: &Args) -> Result<Script, Failed> {
    let file = args.script.as_deref().filter(|path| *path != Path::new("-"));
    let name = file.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let failed = |why: &dyn std::fmt::Display| fail(format!("{name}: {why}"));
    let mut text = String::new();
    let read = match file {
        Some(path) => std::fs::File::open(path).and_then(|file| file.take(SCRIPT).read_to_string(&mut text)),
        None => std::io::stdin().take(SCRIPT).read_to_string(&mut text),
    };
    read.map_err(|error| failed(&error))?;
    let mut script: Script = text.parse().map_err(|bad: crate::flow::script::BadLine| failed(&bad))?;
    for line in &args.opening {
        script.opening.take(line).map_err(|misread| fail(format!("--opening: {misread}")))?;
    }
    Ok(script)
}
