//! `askonce trace` of shipped recordings: the ladder to the character, and a capture that other tools read.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests run the program and read its files")]

use std::path::Path;
use std::process::{Command, Output};

fn trace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("trace").args(arguments).output().expect("askonce trace")
}

#[test]
fn a_recording_without_messages_is_drawn_from_what_the_call_took_in_and_did() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trace/clean.txt");
    let printed = trace(&["fixtures/clean"]);
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).expect("text");
    let golden = std::fs::read_to_string(golden).expect("the golden text");
    assert_eq!(printed, golden, "printed:\n{printed}");
    assert!(!printed.contains("79927398713"));
}

#[test]
fn what_cannot_be_shown_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let pcap = folder.path().join("call.pcap").display().to_string();
    for (arguments, why) in [
        (&["nowhere.jsonl"][..], "nowhere.jsonl"),
        (&["fixtures/clean", "--pcap", &pcap], "no SIP messages"),
        (&["--live", "x"], "--token-file"),
        (&["--live", "x", "--token-file", "nowhere"], "nowhere"),
        (&[], "RECORDING"),
    ] {
        let Output { status, stderr, .. } = trace(arguments);
        let said = String::from_utf8(stderr).expect("text");
        assert!(!status.success() && said.contains(why), "{arguments:?}: {said}");
    }
}
