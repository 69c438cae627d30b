//! Suites that are explored of the example flows take all of them, and what they take is counted right.
#![allow(clippy::disallowed_methods, reason = "tests read the flows and keep suites in folders of their own")]

use askonce::call::Program;
use askonce::engine::Service;
use askonce::flow::model::{Flow, Next};
use askonce::flow::proof::{self, Reached};
use askonce::record::fixture::{Fixture, Step};
use askonce::record::seam::Out;
use askonce::replay::coverage::lcov::Lcov;
use askonce::replay::coverage::records::{self, Counted, Read};
use askonce::replay::coverage::{Coverage, Item, Kind, Plan, Taken};
use askonce::replay::explore::{self, Explored, Numbers};
use askonce::rerun::{self, Sounds};
use askonce::server::files::{self, Disk};
use askonce::server::flow_files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn flows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows")
}

struct Loaded {
    service: Service,
    plan: Plan,
}

fn load(flow: &str) -> Loaded {
    let service = files::load(&Disk, &flows().join(format!("{flow}.yaml"))).0.expect("the flow loads");
    let Program { flow, prompts } = &service.program;
    let plan = Plan::of(flow, prompts, Reached::of(flow, prompts).as_ref());
    Loaded { service, plan }
}

fn suite(loaded: &Loaded) -> Vec<Explored> {
    explore::explore(&loaded.service, &loaded.plan, &Numbers::new(), None).expect("few enough states")
}

/// The steps of a recorded call, each as `Passed::told` tells it.
fn path(call: &Fixture, program: Program) -> Vec<String> {
    let mut path = Vec::new();
    let replayed = rerun::watched(call, program, |line, call| {
        if let Step::Out(Out::End { .. }) = &line.step {
            path = call.context().journey.iter().map(|passed| passed.told()).collect();
        }
    });
    let parts = replayed.expect("a playable recording").comparison.first_difference;
    assert_eq!(parts, None, "a recording runs again as it was");
    path
}

/// Each way out of a step leads to the step that follows.
fn follows(flow: &Flow, path: &[String]) {
    for pair in path.windows(2) {
        let place = |told: &str| {
            let mut parts = told.splitn(3, ':');
            let name = parts.next().expect("a block");
            let block = flow.blocks.iter().position(|block| block.name.text == name).expect("a block of the flow");
            let step: usize = parts.next().expect("a step").parse().expect("a number");
            (block, step - 1, parts.next().unwrap_or("").to_owned())
        };
        let ((block, step, words), (to, first, _)) = (place(&pair[0]), place(&pair[1]));
        let failed = |word: &&str| matches!(*word, "silent" | "invalid");
        let exit = words.split(':').skip_while(failed).collect::<Vec<_>>().join(":");
        let exit = exit.as_str();
        let step_of = &flow.blocks[block].steps[step].step;
        let expected = match step_of.ways().iter().find(|way| way.exit.to_string() == exit).map(|way| way.next) {
            Some(Next::Continue) => (block, step + 1),
            Some(Next::Block(to) | Next::Run(to) | Next::Afresh(to)) => (to, 0),
            Some(Next::Always) => (flow.always_error.expect("it loads with a place to go"), 0),
            Some(Next::Return) => continue,
            Some(Next::End(_)) => panic!("nothing follows {}", pair[0]),
            None if exit == "escape" => (flow.escape.expect("an escape").to, 0),
            None if exit == "hangup" => (flow.always_hangup.expect("something to do then"), 0),
            None if exit.starts_with("instead") => (to, 0),
            None => panic!("{} was left by no way of its step", pair[0]),
        };
        assert_eq!((to, first), expected, "{} and then {}", pair[0], pair[1]);
    }
}

#[test]
fn every_example_is_taken_whole() {
    let mut rows = String::new();
    for file in flow_files(&Disk, &flows()) {
        let flow = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let loaded = load(flow);
        let Program { flow: model, prompts } = &loaded.service.program;
        let made_up = proof::calls(model, prompts).expect("few enough states").0.len();
        let suite = suite(&loaded);
        let sounds = Sounds::of(loaded.service.arena.clone());
        let mut coverage = Coverage::new(&loaded.plan);
        for call in &suite {
            follows(model, &path(&call.fixture, loaded.service.program.clone()));
            let taken = Taken::again(&loaded.plan, &call.fixture, &loaded.service.program, &sounds).expect("it runs");
            // A fact that nobody asks for is declined with all the others, and any may come with the case.
            let planned = |item: &&Item| loaded.plan.number(item).is_some() || item.kind == Kind::Sources;
            let foreign: Vec<&Item> = taken.0.keys().filter(|item| !planned(item)).collect();
            assert!(foreign.is_empty(), "{flow}, {}: not planned: {foreign:?}", call.name);
            assert!(call.takes.is_subset(&explore::numbers(&loaded.plan, &taken)), "{flow}, {}", call.name);
            coverage.add(&taken);
        }
        let names: BTreeSet<&str> = suite.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names.len(), suite.len(), "{flow}: each has a name of its own");
        for kind in [Kind::Steps, Kind::Exits, Kind::Escapes, Kind::Always] {
            let missing: Vec<&str> = coverage.missing(kind).map(|planned| planned.item.name.as_str()).collect();
            assert!(missing.is_empty(), "{flow}: {kind:?}: {missing:?}");
        }
        let part = |kind| {
            let (taken, all) = coverage.of(kind, None);
            format!("{taken}/{all}")
        };
        let beyond = loaded.plan.all.iter().filter(|planned| planned.beyond.is_some()).count();
        let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Always).map(part);
        let kinds = kinds.collect::<Vec<_>>().join(" | ");
        rows += &format!("| {flow} | {made_up} | {} | {kinds} | {beyond} |\n", suite.len());
    }
    assert!(include_str!("../docs/coverage.md").contains(&rows), "docs/coverage.md says otherwise:\n{rows}");
}

#[test]
fn records_are_counted_by_their_text_of_the_flow() {
    let loaded = load("account-desk");
    let flow = &loaded.service.program.flow;
    let record = |digest: &str, path: &str| {
        format!(
            r#"{{"flow":"account-desk","digest":"{digest}",{path}"facts":[{{"name":"account","state":"filled","from":"keypad","tries":2}}]}}"#
        )
    };
    let path = r#""path":["start:1:next","start:2:silent:next"],"#;
    let lines = [
        record(&flow.digest, path),
        record("another", path),
        record(&flow.digest, ""),
        r#"{"flow":"another","digest":"0","path":[],"facts":[]}"#.to_owned(),
        "{".to_owned(),
        format!("\"{}\"", "x".repeat(3 << 20)),
        record(&flow.digest, r#""path_dropped":3,"path":["start:1"],"#),
    ]
    .join("\n");
    let count = |any_version| {
        let (mut coverage, mut read) = (Coverage::new(&loaded.plan), Read::default());
        let counted = Counted { flow: "account-desk", digest: &flow.digest, coverage: &mut coverage };
        records::read(lines.as_bytes(), any_version, &mut [counted], &mut read).expect("bytes");
        (coverage, read)
    };
    let (coverage, read) = count(false);
    assert_eq!(read, Read { counted: 2, other_version: 1, other_flow: 1, pathless: 1, cut: 1, broken: 2 });
    let times = |kind, name: &str| coverage.counts[loaded.plan.number(&Item::new(kind, name)).expect("planned")];
    assert_eq!((times(Kind::Steps, "start:1"), times(Kind::Steps, "start:2")), (2, 1));
    assert_eq!((times(Kind::Exits, "start:1:next"), times(Kind::Exits, "start:2:next")), (1, 1));
    let tries = ["account try 1 silent", "account try 1 invalid", "account try 2 taken"];
    assert_eq!(tries.map(|name| times(Kind::Tries, name)), [1, 0, 2]);
    assert_eq!(times(Kind::Sources, "account from keypad"), 2);
    assert_eq!(count(true).1.counted, 3);
}

#[test]
fn lines_functions_and_branches_are_as_lcov_has_them() {
    let loaded = load("account-desk");
    let mut coverage = Coverage::new(&loaded.plan);
    let mut taken = Taken::default();
    let path = ["start:1:next", "start:2:else", "start:3:next", "start:4:done"];
    taken.walk(&loaded.plan, path.into_iter().map(str::to_owned));
    coverage.add(&taken);
    let mut lcov = Lcov::default();
    lcov.add(&loaded.service.program.flow, &coverage);
    let text = lcov.text();
    let flow = &loaded.service.program.flow;
    let line = |block: usize, step: usize| flow.blocks[block].steps[step].at.line;
    for expected in [
        format!("SF:{}", flow.path()),
        format!("FN:{},start", flow.blocks[0].name.span.line),
        "FNDA:1,start".to_owned(),
        format!("DA:{},1", line(0, 0)),
        "FNDA:0,sorry".to_owned(),
        format!("DA:{},0", line(1, 0)),
        // Its ways in their order: on, and else.
        format!("BRDA:{},0,0,0\nBRDA:{},0,1,1", line(0, 1), line(0, 1)),
        format!("BRDA:{},0,0,-", line(1, 0)),
        "end_of_record".to_owned(),
    ] {
        assert!(text.contains(&format!("{expected}\n")), "{expected}\n{text}");
    }
}

fn askonce(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_askonce")).args(args).output().expect("it runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A flow of our own, to be edited.
const FLOW: &str = "\
askonce: 1
flow: small

facts:
  choice: { type: choice, keys: { 1: one, 2: two }, ask: [account_ask] }

blocks:
  start:
    - collect: choice
      else: bye
    - route: choice
      to: { one: bye, two: more }
      else: bye
  more:
    - goto: bye
  bye:
    - hangup
";
const EDITED: [(&str, &str); 3] =
    [("1: one, 2: two", "1: one"), ("one: bye, two: more", "one: bye"), ("  more:\n    - goto: bye\n", "")];

#[test]
fn a_suite_follows_its_flow() {
    let folder = tempfile::tempdir().expect("a folder");
    let account = flows().join("account-desk.yaml").display().to_string();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (kept, lcov, picture) = (at("kept"), at("lcov.info"), at("flow.svg"));
    // So many calls and no more.
    let few = askonce(&["explore", &account, "--write", &kept, "--budget", "1"]);
    assert!(few.status.success() && out(&few).contains("left out"), "{}", out(&few));
    assert_eq!(std::fs::read_dir(&kept).expect("a folder").count(), 1);
    let covered = ["coverage", &account, "--fixtures", &kept, "--lcov", &lcov, "--picture", &picture];
    let short = askonce(&[&covered[..], &["--min", "steps=10,sources=100"]].concat());
    assert_eq!(short.status.code(), Some(1), "{}", out(&short));
    assert!(
        out(&short).contains("wanted are 100 %: ") && out(&short).contains("account-desk.yaml:"),
        "{}",
        out(&short)
    );
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.contains(" untaken\"") && drawn.contains("no call took it"));
    // The rest is added, and then nothing.
    let rest = askonce(&["explore", &account, "--write", &kept]);
    assert!(rest.status.success() && out(&rest).contains("1 recording there"), "{}", out(&rest));
    let again = askonce(&["explore", &account, "--write", &kept]);
    assert!(out(&again).contains("nothing is to be added"), "{}", out(&again));
    let whole = askonce(&[&covered[..], &["--min", "steps=100,exits=100,tries=100,sources=100"]].concat());
    assert!(whole.status.success(), "{}", out(&whole));
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(!drawn.contains("data-way=\"start:2:else\" class=\"line untaken"), "everything was taken");
    assert!(std::fs::read_to_string(&lcov).expect("lcov").contains("LF:"));
    let json = askonce(&["coverage", &account, "--fixtures", &kept, "--format", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(told["flows"][0]["steps"]["percent"], 100.0);
    // Nothing at all is no success.
    let empty = at("empty");
    std::fs::create_dir(&empty).expect("a folder");
    assert_eq!(askonce(&["coverage", &account, "--fixtures", &empty]).status.code(), Some(1));
}

#[test]
fn what_an_edit_takes_away_is_told_and_pruned() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(flows().join("prompts"), at("prompts")).expect("a link");
    std::fs::write(at("small.yaml"), FLOW).expect("a file");
    let (flow, kept) = (at("small.yaml").display().to_string(), at("kept").display().to_string());
    let first = askonce(&["explore", &flow, "--write", &kept]);
    assert!(first.status.success(), "{}", out(&first));
    // One of them is somebody's own as well.
    let is_of_more = |folder: &PathBuf| {
        let text = std::fs::read_to_string(folder.join("call.jsonl")).expect("a recording");
        text.lines().next().is_some_and(|header| header.contains("\"more:1\""))
    };
    let folders: Vec<PathBuf> =
        std::fs::read_dir(&kept).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let of_more = folders.iter().find(|folder| is_of_more(folder)).expect("one shows it");
    let text = std::fs::read_to_string(of_more.join("call.jsonl")).expect("a recording");
    std::fs::create_dir(at("kept/own")).expect("a folder");
    std::fs::write(at("kept/own/call.jsonl"), text.replace(r#""source":"explore""#, r#""source":"live""#))
        .expect("a file");
    std::fs::write(at("small.yaml"), EDITED.iter().fold(FLOW.to_owned(), |text, (from, to)| text.replace(from, to)))
        .expect("a file");
    let after = askonce(&["explore", &flow, "--write", &kept]);
    let name = of_more.file_name().and_then(|name| name.to_str()).expect("a name");
    let told = out(&after)
        .lines()
        .any(|line| line.contains(name) && line.contains("no longer shows") && line.contains("more:1"));
    assert!(after.status.success() && told && of_more.exists(), "{}", out(&after));
    let pruned = askonce(&["explore", &flow, "--write", &kept, "--prune"]);
    assert!(pruned.status.success() && !of_more.exists(), "{}", out(&pruned));
    assert!(at("kept/own/call.jsonl").exists(), "what somebody else recorded stays");
}
