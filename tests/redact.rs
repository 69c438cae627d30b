//! Recordings without their callers: what becomes of what, and that nothing of the original is left.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings")]

use askonce::call::Program;
use askonce::record::Fixture;
use askonce::rerun;
use askonce::rerun::redact::{Key, Redacted, redact};
use askonce::server::files::{self, Disk};
use std::path::Path;

const EXAMPLES: [&str; 12] = [
    "clean",
    "retries",
    "agent-busy",
    "contact-center",
    "after-hours",
    "bank-card",
    "pharmacy",
    "multi-brand",
    "utility-outage",
    "clinic",
    "announce-desk",
    "announcing",
];

fn fixture(name: &str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("call.jsonl");
    Fixture::read(&std::fs::read_to_string(path).expect("a recording")).expect("a readable recording")
}

fn program(fixture: &Fixture) -> Program {
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{}.yaml", fixture.header.flow));
    files::load(&Disk, &flow).0.expect("the flow loads").program
}

fn redacted(fixture: &Fixture, key: &Key) -> Redacted {
    redact(fixture, &program(fixture), key).unwrap_or_else(|why| panic!("{}: {why}", fixture.header.flow))
}

#[test]
fn a_redacted_recording_replays() {
    let key = Key::new(&[7; 32]);
    for name in EXAMPLES {
        let original = fixture(name);
        let redacted = redacted(&original, &key);
        assert!(!redacted.fixture.header.live_differs, "{name}");
        let replayed = rerun::run(&redacted.fixture, program(&original)).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{name}");
    }
}
