//! `askonce scrub`: callers taken out of recordings, and looked for in files.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests run the program")]

use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::Out;
use rusqlite::Connection;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ACCOUNT: &str = "79927398713";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn recording(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("fixtures/{name}/call.jsonl"))).expect("a recording")
}

/// A folder with a call's.
fn kept(folder: &Path, name: &str) -> PathBuf {
    let call = folder.join("calls").join(name);
    std::fs::create_dir_all(&call).expect("a folder");
    std::fs::write(call.join("call.jsonl"), recording(name)).expect("written");
    call
}

fn askonce(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.current_dir(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// With the flows of the examples.
fn scrub(folder: &Path, args: &[&str]) -> (bool, String) {
    let flows = root().join("flows");
    let output = askonce(folder, &[&["scrub"], args, &["--flows", flows.to_str().expect("a path")]].concat(), "");
    told(&output)
}

/// In the values of standard input.
fn verify(folder: &Path, args: &[&str], values: &str) -> (bool, String) {
    told(&askonce(folder, &[&["scrub", "--verify", "--values", "-"], args].concat(), values))
}

fn told(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[test]
fn recordings_in_clear_are_redacted_in_place_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clean, retries) = (kept(folder.path(), "clean"), kept(folder.path(), "retries"));
    let values = format!("{ACCOUNT}\n+15551230001\n\n12\n");
    let (free, text) = verify(folder.path(), &["calls"], &values);
    assert!(!free && text.contains("calls/clean/call.jsonl: line 2: **********01 in clear"), "{text}");
    assert!(text.contains("as hex") && text.contains("key by key") && text.contains("1 too short"), "{text}");
    assert!(!text.contains(ACCOUNT) && !text.contains("15551230001"), "{text}");

    let (done, text) = scrub(folder.path(), &["calls", "--key", "key"]);
    assert!(done && text.ends_with("2 recordings redacted, 0 redacted already, 0 left in clear\n"), "{text}");
    let (free, text) = verify(folder.path(), &["calls"], &values);
    assert!(free && text.starts_with("2 files looked through for 2 numbers in nine encodings: none found"), "{text}");
    let flows = root().join("flows");
    let replayed = askonce(folder.path(), &["replay", "calls", "--flows", flows.to_str().expect("a path")], "");
    assert!(replayed.status.success(), "{}", told(&replayed).1);

    let redacted =
        [&clean, &retries].map(|call| std::fs::read_to_string(call.join("call.jsonl")).expect("a recording"));
    let (done, text) = scrub(folder.path(), &["calls", "--key", "key"]);
    assert!(done && text.contains("already   calls/clean/call.jsonl (under the key "), "{text}");
    let after = [&clean, &retries].map(|call| std::fs::read_to_string(call.join("call.jsonl")).expect("a recording"));
    assert_eq!(redacted, after);
}

#[test]
fn recordings_are_redacted_elsewhere_and_their_sound_stays_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = kept(folder.path(), "clean");
    std::fs::write(call.join("caller.wav"), b"RIFF").expect("written");
    let (done, text) = scrub(folder.path(), &["calls", "--key", "key"]);
    assert!(!done && text.contains("caller.wav beside it has the caller in clear") && text.contains("--out"), "{text}");
    assert_eq!(std::fs::read_to_string(call.join("call.jsonl")).expect("a recording"), recording("clean"));

    let (done, text) = scrub(folder.path(), &["calls", "--key", "key", "--out", "public"]);
    assert!(
        done && text.contains("redacted  public/calls/clean/call.jsonl (1 file of sound not taken along)"),
        "{text}"
    );
    assert!(folder.path().join("public/calls/clean/call.jsonl").exists());
    assert!(!folder.path().join("public/calls/clean/caller.wav").exists());
    let (done, text) = scrub(folder.path(), &["calls", "--key", "key", "--out", "public"]);
    assert!(!done && text.contains("is there already"), "{text}");
    // A sound that cannot be listened to is no sound without numbers.
    let (free, text) = verify(folder.path(), &["calls/clean/caller.wav"], ACCOUNT);
    assert!(!free && text.contains("1 that could not be looked through"), "{text}");
}

#[test]
fn what_the_store_has_of_a_caller_is_looked_for_beside_its_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = kept(folder.path(), "clean");
    std::fs::write(call.join("notes.txt"), "he said 7992 739 8713\n").expect("written");
    let fixture = Fixture::read(&recording("clean")).expect("a readable recording");
    let document = fixture.lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::Store { context, .. }) => Some(context.to_string()),
        _ => None,
    });
    let database = Connection::open(folder.path().join("askonce.db")).expect("a database");
    database
        .execute_batch("CREATE TABLE context (call TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;")
        .expect("made");
    let look = || told(&askonce(folder.path(), &["scrub", "calls", "--verify", "--store", "askonce.db"], ""));
    let (free, text) = look();
    assert!(!free && text.contains("of no recording the store has its caller"), "{text}");
    let row = [fixture.header.call.as_str(), &document.expect("a context")];
    database.execute("INSERT INTO context VALUES (?1, ?2)", row).expect("kept");
    let (free, text) = look();
    assert!(!free && text.contains("calls/clean/notes.txt: line 1: *********13 with separators"), "{text}");
    assert!(text.contains("calls/clean/call.jsonl: line 2: **********01 in clear"), "{text}");
    std::fs::remove_file(call.join("notes.txt")).expect("removed");
    assert!(scrub(folder.path(), &["calls", "--key", "key"]).0);
    let (free, text) = look();
    assert!(free, "{text}");
}

#[test]
fn what_cannot_be_scrubbed_is_told_and_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = kept(folder.path(), "clean");
    let with = |text: String| {
        std::fs::write(call.join("call.jsonl"), &text).expect("written");
        let (done, told) = scrub(folder.path(), &["calls", "--key", "key"]);
        assert_eq!(std::fs::read_to_string(call.join("call.jsonl")).expect("a recording"), text);
        assert!(!done && told.contains("1 left in clear"), "{told}");
        told
    };
    let told = with(recording("clean").replacen("\"digest\":\"", "\"digest\":\"0", 1));
    assert!(told.contains("edited") && told.contains("--flows"), "{told}");
    let told = with(recording("clean").replacen("\"account-desk\"", "\"another-desk\"", 1));
    assert!(told.contains("`another-desk`"), "{told}");
    let told = with(recording("clean")[..2_000].to_owned());
    assert!(told.contains("call.jsonl: line "), "{told}");
    let (done, text) = scrub(folder.path(), &["nowhere", "--key", "key"]);
    assert!(!done && text.contains("no such file"), "{text}");
    let (done, text) = scrub(folder.path(), &["calls"]);
    assert!(!done && text.contains("--key"), "{text}");
    let (done, text) = told_of(&folder, &["scrub", "calls", "--verify"]);
    assert!(!done && text.contains("--values"), "{text}");
    let (free, text) = verify(folder.path(), &["calls"], "12\nAnn\n");
    assert!(!free && text.contains("no number of four digits"), "{text}");
}

fn told_of(folder: &tempfile::TempDir, args: &[&str]) -> (bool, String) {
    told(&askonce(folder.path(), args, ""))
}
