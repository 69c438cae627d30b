//! The shipped recordings replay to the byte, and a replay that differs is caught.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings")]

#[path = "fixtures/judged.rs"]
mod judged;

use askonce::call::Program;
use askonce::record::fixture::Step;
use askonce::record::seam::{In, Out};
use askonce::record::{Fixture, Line};
use askonce::rerun::{self, Unplayable};
use askonce::server::files::{self, Disk};
use std::path::{Path, PathBuf};

/// What is shipped, and how each call ended. Those that have the name of a flow are `tests/world/examples.rs`' own.
const RECORDINGS: [(&str, &str); 12] = [
    ("clean", "agent"),
    ("retries", "agent"),
    ("agent-busy", "failed"),
    ("contact-center", "agent"),
    ("after-hours", "agent"),
    ("bank-card", "agent"),
    ("pharmacy", "agent"),
    ("multi-brand", "agent"),
    ("utility-outage", "agent"),
    ("clinic", "agent"),
    ("announce-desk", "agent"),
    ("announcing", "self_served"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    let path: PathBuf = root().join("fixtures").join(name).join("call.jsonl");
    std::fs::read_to_string(path).expect("a recording")
}

fn fixture(name: &str) -> Fixture {
    Fixture::read(&text(name)).expect("a readable recording")
}

fn program(fixture: &Fixture) -> Program {
    let flow = root().join(format!("flows/{}.yaml", fixture.header.flow));
    files::load(&Disk, &flow).0.expect("the flow loads").program
}

#[test]
fn the_shipped_recordings_replay_to_the_byte() {
    for (name, ends_with) in RECORDINGS {
        let fixture = fixture(name);
        let replayed = rerun::run(&fixture, program(&fixture)).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{name}");
        assert!(!replayed.edited, "{name} was recorded with another text of the flow: record it anew");
        assert!(replayed.comparison.equal > 20, "{name}");
        let Some(Line { step: Step::Out(Out::End { disposition, .. }), .. }) = replayed.lines.last() else {
            panic!("{name} does not end")
        };
        assert_eq!(serde_json::to_value(disposition).expect("JSON"), ends_with, "{name}");
    }
}

#[test]
fn the_recordings_show_what_they_are_for() {
    let retries = text("retries");
    assert_eq!(retries.matches("\"in\":\"key\"").count(), 9 + 9 + 1 + 12 + 1, "three entries and two answers");
    assert!(retries.contains("\"tries\":3") && retries.contains("en/account_invalid"));
    assert!(text("clean").contains("\"tries\":1"));
    assert!(text("agent-busy").contains("\"status\":486"));
}

#[test]
fn a_replay_that_differs_is_caught() {
    type Change = fn(&mut Vec<Line>);
    let another_byte: Change = |lines| {
        let invite = lines.iter_mut().find_map(|line| match &mut line.step {
            Step::Out(Out::Agent { invite, .. }) => Some(invite),
            _ => None,
        });
        let invite = invite.expect("an INVITE");
        *invite = invite.replace("Max-Forwards: 69", "Max-Forwards: 68");
    };
    let another_time: Change =
        |lines| lines.iter_mut().filter(|line| matches!(line.step, Step::Out(_))).for_each(|line| line.t += 1);
    let one_less: Change = |lines| {
        let at = lines.iter().rposition(|line| matches!(line.step, Step::Out(_))).expect("an output");
        lines.remove(at);
    };
    let another_key: Change = |lines| {
        let key = lines.iter_mut().find_map(|line| match &mut line.step {
            Step::In(In::Key { key, .. }) => Some(key),
            _ => None,
        });
        *key.expect("a key") = askonce::key::Key::from_char('1').expect("a key");
    };
    for change in [another_byte, another_time, one_less, another_key] {
        let mut fixture = fixture("clean");
        change(&mut fixture.lines);
        let replayed = rerun::run(&fixture, program(&fixture)).expect("a playable recording");
        assert!(replayed.comparison.first_difference.is_some());
    }
}

#[test]
fn a_broken_recording_is_named_by_its_line() {
    let whole = text("clean");
    let second = whole.replacen("\"in\":\"invite\"", "\"in\":\"invitation\"", 1);
    assert_eq!(Fixture::read(&second).expect_err("no such input").line, 2);
    assert_eq!(Fixture::read("").expect_err("nothing").line, 1);
    let newer = whole.replacen("\"askonce\":1", "\"askonce\":2", 1);
    assert!(Fixture::read(&newer).expect_err("a newer version").why.contains("version 2"));
    let mut headless = fixture("clean");
    headless.lines.remove(0);
    assert!(matches!(rerun::run(&headless, program(&headless)), Err(Unplayable::NoInvite)));
}
