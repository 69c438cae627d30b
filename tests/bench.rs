//! The author's bench as a program: `play` by a script, and `explain` of shipped recordings to the character.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests run the program and read its files")]

use askonce::server;
use askonce::server::files::Disk;
use askonce::server::store::{Places, Store};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tokio::sync::Notify;

/// What the caller of the whole call keys in, and nobody else may see.
const ACCOUNT: &str = "79927398713";

fn askonce(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("askonce");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("read to its end");
    child.wait_with_output().expect("an end")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

fn golden(name: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench").join(name);
    if std::env::var_os("ASKONCE_KEEP").is_some() {
        std::fs::write(&path, printed).expect("kept");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden text");
    assert_eq!(printed, golden, "{name}, printed:\n{printed}");
}

#[test]
fn a_whole_call_is_played_by_a_script_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(place("lookups.yaml"), "crm: none\ncheck_pin: [refused, { verified: true }]\n").expect("written");
    let script = "at 2026-12-01T18:15:00Z\npress 1\npress 79927398713#\npress 1\npress 4321\npress 1\nline turn\n\
                  agent sends-on\nline offer\nline turn\nagent hangs-up\npress 3\n";
    let arguments =
        ["play", "flows/contact-center.yaml", "--lookups", &place("lookups.yaml"), "--save", &place("kept")];
    let played = askonce(&arguments, script);
    let printed = text(played.stdout);
    assert!(played.status.success(), "{printed}{}", text(played.stderr));
    let printed = printed.replace(&folder.path().display().to_string(), "FOLDER");
    golden("play.txt", &printed);
    assert!(!printed.contains('\u{1b}') && !printed.contains("4321"), "{printed}");
    assert!(printed.contains("account   79927398713, keypad, 1st try, confirmed"));
    let again = askonce(&["replay", &place("kept")], "");
    assert!(again.status.success(), "{}", text(again.stdout));
    // One that stopped in the middle is whole as well.
    let stopped = ["play", "flows/account-desk.yaml", "--save", &place("stopped")];
    assert!(!askonce(&stopped, "press 79927398713#\nagent fails").status.success());
    assert!(askonce(&["replay", &place("stopped")], "").status.success());
    // A stage's own recording may be made anew, and nothing else is written over.
    assert!(askonce(&arguments, script).status.success());
    std::fs::write(place("kept/call.jsonl"), std::fs::read("fixtures/clean/call.jsonl").expect("a recording"))
        .expect("written");
    let refused = askonce(&arguments, script);
    assert!(!refused.status.success() && text(refused.stderr).contains("another recording"));
}

#[test]
fn what_cannot_be_played_says_why() {
    let desk = "flows/account-desk.yaml";
    for (arguments, script, why) in [
        (&["play", "nowhere.yaml"][..], "", "nowhere.yaml"),
        (&["play", desk], "pres 1", "standard input: line 1: `pres` is no line: did you mean `press`?"),
        (&["play", desk], "press 1#\nagent fails", "cue 2: `agent fails` does not fit: the caller is asked"),
        (&["play", desk, "--script", "nowhere"], "", "nowhere"),
        (&["play", desk, "--lookups", "nowhere"], "", "nowhere"),
        (&["play", desk, "--config", "nowhere"], "", "nowhere"),
    ] {
        let Output { status, stderr, .. } = askonce(arguments, script);
        let said = text(stderr);
        assert!(!status.success() && said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn a_configuration_gives_its_destinations_and_numbers() {
    let arguments =
        ["play", "flows/multi-brand.yaml", "--config", "examples/place.yaml", "--opening", "switch storm=on"];
    let played = askonce(&arguments, "at 2026-12-01T18:15:00Z\npress 2\n");
    let printed = text(played.stdout);
    assert!(played.status.success() && printed.contains("calls 105"), "{printed}{}", text(played.stderr));
}

#[test]
fn recordings_are_explained_without_what_the_caller_keyed_in() {
    for name in ["retries", "agent-busy", "contact-center", "bank-card", "pharmacy"] {
        let explained = askonce(&["explain", &format!("fixtures/{name}")], "");
        let printed = text(explained.stdout);
        assert!(explained.status.success(), "{}", text(explained.stderr));
        golden(&format!("{name}.txt"), &printed);
        assert!(!printed.contains(ACCOUNT) && !printed.contains("4111"), "{printed}");
    }
    // Without the flow there is less to tell, and nothing of the caller either.
    let explained = askonce(&["explain", "fixtures/contact-center", "--flows", "examples"], "");
    let printed = text(explained.stdout);
    assert!(
        printed.contains("without the flow as it was") && printed.contains("account is withheld, keypad, 1st try"),
        "{printed}"
    );
    let nothing = askonce(&["explain", "nowhere"], "");
    assert!(!nothing.status.success() && text(nothing.stderr).contains("--config"));
}

/// The record of a call as a service writes it; `tests/world/examples.rs` holds it against the record's type.
const RECORD: &str = r#"{"askonce":1,"call":"01CALL","case":"01CASE","flow":"bank-card","digest":"c523560ac071bb76",
    "from":"+15551230001","to":"103","trunk":"local","start":"2026-12-01T10:15:01.003349Z","answer":null,
    "end":"2026-12-01T10:15:30Z","answered_ms":0,"disposition":"agent","by":"agent","blocks":["start","desk"],
    "facts":[{"name":"card","state":"filled","from":"keypad","tries":2,"silences":1,"invalids":0},
        {"name":"sure","state":"declined","from":"person","tries":1,"silences":0,"invalids":0},
        {"name":"verified","state":"filled","from":"lookup:verify","tries":0,"silences":0,"invalids":0},
        {"name":"pin","state":"unknown","from":null,"tries":0,"silences":0,"invalids":0}],
    "hops":[],"keys":21,"keys_dropped":0,"known_refused":0,
    "refusals":[{"target":"sip:cards@192.0.2.9","status":486}],"media":[]}"#;

#[test]
fn a_call_of_a_service_is_explained_from_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("askonce.yaml");
    let place = "askonce: 1\nlisten: { sip: [udp:127.0.0.1:5060], rtp: { address: 127.0.0.1, ports: 20000-20099 } }\n\
                flows: [x.yaml]\nstore: a.db\ntrunks: { local: { from: [127.0.0.0/8] } }\nnumbers: { \"1\": x }\n\
                destinations: { x: { to: [\"sip:x@127.0.0.1\"] } }\n";
    std::fs::write(&config, place).expect("written");
    let (read, findings) = server::read_config(&Disk, &config);
    let places = Places::of(&read.unwrap_or_else(|| panic!("{}", findings.render())));
    let (store, _) = Store::open(&places, Arc::new(Notify::new()), |_| {}).expect("a store");
    store.close();
    let document = std::fs::read_to_string("fixtures/bank-card/call.jsonl").expect("a recording");
    let mut contexts = document.lines().filter(|line| line.contains("\"out\":\"store\""));
    let last: serde_json::Value = serde_json::from_str(contexts.next_back().expect("a context")).expect("JSON");
    let database = rusqlite::Connection::open(&places.database).expect("the database");
    database.execute("INSERT INTO cdr VALUES ('01CALL', '', 'agent', ?1)", [RECORD]).expect("a record");
    let context = last["context"].to_string();
    database.execute("INSERT INTO context VALUES ('01CALL', '01CASE', ?1, '')", [context]).expect("a context");
    let config = config.display().to_string();
    let explained = askonce(&["explain", "01CALL", "--config", &config], "");
    let printed = text_of(&explained);
    golden("stored.txt", &printed);
    assert!(!printed.contains("4111"), "{printed}");
    let nothing = askonce(&["explain", "01OTHER", "--config", &config], "");
    assert!(!nothing.status.success() && text(nothing.stderr).contains("no call `01OTHER`"));
}

fn text_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text(output.stdout.clone())
}

/// As under `| head`: nobody reads any more, and that is no mistake of the program.
#[test]
fn who_stops_reading_ends_it_in_silence() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    let command = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["replay", "fixtures/clean"]);
    let done = command.stdout(writer).stderr(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let done = done.expect("an end");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}
