//! What becomes of a flow with one slip in it: the loader refuses it, a proof fails, a generated call goes otherwise, or nobody
//! notices. The generated calls are those that take every way out of every step. `-- --nocapture` tells of each mutant.
#![allow(clippy::disallowed_methods, reason = "tests read the flows")]

#[path = "mutants/survivors.rs"]
mod survivors;
#[path = "mutants/text.rs"]
mod text;

use askonce::call::Program;
use askonce::engine::Service;
use askonce::flow::proof::{self, Reached};
use askonce::record::compare::{self, Parting};
use askonce::record::fixture::{Fixture, Line, Step};
use askonce::record::seam::Out;
use askonce::replay::coverage::Plan;
use askonce::replay::explore::{self, Numbers};
use askonce::replay::stage::{self, Place};
use askonce::rerun;
use askonce::server::files::{self, Disk, Files, Findings};
use askonce::server::flow_files;
use askonce::yaml::{Diagnostic, Source};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use survivors::{SURVIVORS, Survivor, Why};
use text::Mutant;

/// The files, but for one.
struct Overlay<'m> {
    path: &'m Path,
    text: &'m str,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.as_bytes().to_vec()) } else { Disk.read(path) }
    }

    fn below(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.below(folder)
    }
}

enum Fate {
    /// By the loader, or it warns: its code.
    Refused(&'static str),
    /// The code of the proof that fails.
    Disproved(&'static str),
    /// The first difference in a generated call.
    Heard(Parting),
    Survived,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Refused(code) => write!(f, "the loader says {code}"),
            Fate::Disproved(code) => write!(f, "a proof says {code}"),
            Fate::Heard(Parting { recorded, replayed, .. }) => {
                let none = || "nothing".to_owned();
                let (recorded, replayed) =
                    (recorded.clone().unwrap_or_else(none), replayed.clone().unwrap_or_else(none));
                write!(f, "a call has {replayed:.150} for {recorded:.150}")
            }
            Fate::Survived => f.write_str("it survives"),
        }
    }
}

struct Original {
    path: PathBuf,
    source: Source,
    service: Service,
    /// Ways out that no call could be made up for.
    missed: usize,
    calls: Vec<Fixture>,
    /// The smallest suite that takes all of the flow.
    explored: Vec<Fixture>,
    /// What is warned of as it is: code and line.
    known: Vec<(&'static str, usize)>,
}

impl Original {
    fn of(flow: &str) -> Original {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{flow}.yaml"));
        let text = std::fs::read_to_string(&path).expect("a flow");
        let (service, findings) = files::load(&Disk, &path);
        let known = findings.diagnostics.iter().map(|found| (found.code, found.span.line)).collect();
        let service = service.expect("the flow loads");
        let Program { flow: loaded, prompts } = &service.program;
        let (scripts, missed) = proof::calls(loaded, prompts).expect("few enough states");
        let place = Place::made_up(loaded);
        let perform = |script| {
            let performed = stage::perform(&service.program, &service.arena, &place, script);
            let call = performed.unwrap_or_else(|unfit| panic!("{flow}: {unfit}\n{script:?}")).fixture;
            let replayed = rerun::run(&call, service.program.clone()).expect("a playable recording");
            assert_eq!(replayed.comparison.first_difference, None, "{flow}: {script:?}");
            call
        };
        let calls = scripts.iter().map(perform).collect();
        let plan = Plan::of(loaded, prompts, Reached::of(loaded, prompts).as_ref());
        let explored = explore::explore(&service, &plan, &Numbers::new(), None).expect("few enough states");
        let explored = explored.into_iter().map(|call| call.fixture).collect();
        let source = Source { path: path.display().to_string(), text };
        Original { path, source, service, missed, calls, explored, known }
    }

    /// And whether the explored suite notices as well, of what a call does.
    fn fate(&self, text: &str) -> (Fate, bool) {
        let mut findings = Findings::default();
        let written = files::read_flow(&Overlay { path: &self.path, text }, &self.path, &mut findings);
        let is_new = |found: &&Diagnostic| !self.known.contains(&(found.code, found.span.line));
        if let Some(found) = findings.diagnostics.iter().find(is_new) {
            return (Fate::Refused(found.code), false);
        }
        let written = written.expect("it was read");
        let (mut flow, prompts) = (written.flow.expect("nothing is wrong"), written.prompts);
        let arena = &self.service.arena;
        let length = |clip: &str| arena.span(clip).map(|span| span.time());
        if let Some(found) = proof::prove(&flow, &prompts, &length).first() {
            return (Fate::Disproved(found.diagnostic.code), false);
        }
        // That another text has another digest would be all that a call shows of some.
        flow.digest = self.service.program.flow.digest.clone();
        let program = Program { flow: Arc::new(flow), prompts: Arc::new(prompts) };
        let parts = |calls: &[Fixture]| calls.iter().find_map(|call| difference(call, program.clone()));
        (parts(&self.calls).map_or(Fate::Survived, Fate::Heard), parts(&self.explored).is_some())
    }
}

/// Where a call goes otherwise, for anybody who hears it or reads what it hands over: the steps that it takes are its own matter.
/// What is told to it is told at the same times, so that a script performed anew could show no more.
fn difference(call: &Fixture, program: Program) -> Option<Parting> {
    let replayed = rerun::run(call, program).expect("a playable recording").lines;
    let told = |lines: &[Line]| -> Vec<Line> {
        let told = lines.iter().filter(|line| !matches!(line.step, Step::Out(Out::Step { .. })));
        told.cloned().collect()
    };
    compare::outputs(&told(&call.lines), &told(&replayed)).first_difference
}

/// What became of a flow's mutants, as a row of docs/proofs.md has it.
#[derive(Default)]
struct Tally {
    refused: usize,
    disproved: usize,
    heard: usize,
    explored: usize,
    same: usize,
    unseen: usize,
}

impl Tally {
    fn row(&self, flow: &str, original: &Original) -> String {
        let Self { refused, disproved, heard, explored, same, unseen } = self;
        let all = refused + disproved + heard + same + unseen;
        let (calls, few) = (original.calls.len(), original.explored.len());
        format!(
            "| {flow} | {all} | {refused} | {disproved} | {heard} ({calls}) | {explored} ({few}) | {same} | {unseen} |"
        )
    }
}

/// `missed`: ways out of steps that no call could be made up for.
fn look_at(flow: &str, missed: usize) {
    let original = Original::of(flow);
    assert_eq!(original.missed, missed, "ways out of steps without a call");
    let mut tally = Tally::default();
    let mut survivors = Vec::new();
    for Mutant { line, what, text } in text::all(&original.source) {
        let (fate, explored) = original.fate(&text);
        let but =
            if explored || !matches!(fate, Fate::Heard(_)) { "" } else { ", which the explored suite does not hear" };
        println!("{flow}:{line} {what}: {fate}{but}");
        tally.explored += usize::from(explored);
        match fate {
            Fate::Refused(_) => tally.refused += 1,
            Fate::Disproved(_) => tally.disproved += 1,
            Fate::Heard(_) => tally.heard += 1,
            Fate::Survived => survivors.push((line, what)),
        }
    }
    let known: Vec<_> = SURVIVORS.iter().filter(|survivor| survivor.flow == flow).collect();
    let listed: Vec<_> = known.iter().map(|survivor| (survivor.line, survivor.what.to_owned())).collect();
    assert_eq!(survivors, listed, "who survives, and who is in the table");
    for Survivor { line, what, why, .. } in known {
        let (count, reason) = match why {
            Why::Same(reason) => (&mut tally.same, reason),
            Why::Unseen(reason) => (&mut tally.unseen, reason),
        };
        *count += 1;
        println!("{flow}:{line} {what} survives: {reason}");
    }
    let row = tally.row(flow, &original);
    assert!(include_str!("../docs/proofs.md").contains(&row), "docs/proofs.md says otherwise: {row}");
}

#[test]
fn account_desk() {
    look_at("account-desk", 0);
}

#[test]
fn announce_desk() {
    look_at("announce-desk", 0);
}

#[test]
fn after_hours() {
    look_at("after-hours", 0);
}

#[test]
fn bank_card() {
    look_at("bank-card", 0);
}

#[test]
fn clinic() {
    look_at("clinic", 0);
}

/// Two ways out lie behind `callback`, which is not served yet. Two need hours that end between two steps of one call.
#[test]
fn contact_center() {
    look_at("contact-center", 4);
}

#[test]
fn multi_brand() {
    look_at("multi-brand", 0);
}

#[test]
fn pharmacy() {
    look_at("pharmacy", 0);
}

#[test]
fn utility_outage() {
    look_at("utility-outage", 0);
}

#[test]
fn every_example_has_its_row() {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for path in flow_files(&Disk, &flows) {
        let flow = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let row = format!("\n| {flow} | ");
        assert!(include_str!("../docs/proofs.md").contains(&row), "{flow} is not looked at");
    }
}
