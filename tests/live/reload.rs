//! Flows and configuration that change while calls stand.

use crate::server::{Server, TOKEN, configuration};
use crate::{PATIENCE, answers, call, load, script, set, talk};
use askonce::os::clock::Clock;
use askonce::peer::Answering;
use askonce::time::Duration;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A configuration with a copy of the account desk beside it.
fn place(agent: SocketAddr) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for name in ["prompts", "music"] {
        std::os::unix::fs::symlink(flows.join(name), folder.path().join(name)).expect("a link");
    }
    let flow = folder.path().join("desk.yaml");
    std::fs::copy(flows.join("account-desk.yaml"), &flow).expect("a flow");
    let config = configuration(&folder, "udp:127.0.0.1:0", agent, "");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = text.replace(flows.join("account-desk.yaml").to_str().expect("a name"), "desk.yaml");
    std::fs::write(&config, text).expect("written");
    (folder, config, flow)
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.contains(from), "no {from:?} in {text}");
    std::fs::write(path, text.replace(from, to)).expect("written");
}

fn json(server: &Server, path: &str) -> (u16, Value) {
    let (status, body) = server.get(path, TOKEN);
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

/// Waits until the service has read again after `at`; gives what it says of that.
fn read_again(server: &Server, at: &Value) -> Value {
    let clock = Clock::start();
    loop {
        let (_, told) = json(server, "/v1/reload");
        if told["at"] != *at {
            return told;
        }
        assert!(clock.now().since(askonce::time::Instant::ZERO) < PATIENCE, "nothing was read again: {}", server.log());
        clock.sleep_until(clock.now() + Duration::from_millis(50));
    }
}

fn hang_up(server: &Server) {
    let sent = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().expect("kill");
    assert!(sent.success());
}

fn last(server: &Server) -> Value {
    json(server, "/v1/reload").1["at"].clone()
}

fn digest(server: &Server) -> String {
    let (status, ready) = json(server, "/readyz");
    assert_eq!((status, &ready["ready"]), (200, &Value::Bool(true)), "{ready}");
    ready["flows"][0]["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_call_ends_on_the_flow_it_began_with_and_the_next_one_has_the_new() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let (folder, config, flow) = place(agent.0.contact());
    let mut server = Server::serve(folder, &["--config", config.to_str().expect("a name")]);
    assert_eq!(server.get("/livez", "").0, 200);
    let first = digest(&server);
    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {
        let before = last(&server);
        edit(&flow, "askonce: 1", "# Edited.\naskonce: 1");
        assert_eq!(read_again(&server, &before)["ok"], true);
    });
    assert_eq!((invites.len(), status), (1, 0), "the call under way was not disturbed");
    let second = digest(&server);
    assert_ne!(first, second);

    // A mistake leaves what serves, and says where it is.
    let before = last(&server);
    edit(&flow, "# Edited.\naskonce: 1", "# Edited.\naskonce: 1\nfloww: x");
    let told = read_again(&server, &before);
    assert_eq!(told["ok"], false);
    assert!(told["error"].as_str().is_some_and(|error| error.contains("desk.yaml:6:1: unknown-key")), "{told}");
    let found = &told["findings"][0];
    assert_eq!(
        (&found["code"], &found["line"], &found["column"]),
        (&"unknown-key".into(), &6.into(), &1.into()),
        "{told}"
    );
    assert!(["message", "why", "remedy"].iter().all(|key| found[key].as_str().is_some_and(|text| !text.is_empty())));
    let (_, ready) = json(&server, "/readyz");
    for key in ["ok", "error", "findings"] {
        assert_eq!(ready["reload"][key], told[key], "{key}");
    }
    assert_eq!(digest(&server), second);
    // So does what only a restart can change.
    edit(&flow, "\nfloww: x", "");
    assert_eq!(read_again(&server, &told["at"])["ok"], true);
    let before = last(&server);
    edit(&config, "store: askonce.db", "store: other.db");
    let told = read_again(&server, &before);
    assert!(told["error"].as_str().is_some_and(|error| error.contains("askonce.yaml:4:1: needs-restart")), "{told}");

    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0), "a refused edit takes no call down");
    server.terminate();
    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    let digests: Vec<String> = records
        .lines()
        .map(|record| serde_json::from_str::<Value>(record).expect("JSON")["digest"].as_str().expect("one").to_owned())
        .collect();
    assert_eq!(digests, [first, second]);
}

#[test]
fn calls_under_way_lose_no_key_and_no_packet_to_edits_sound_and_broken() {
    let (folder, config, flow) = place("127.0.0.1:9".parse().expect("an address"));
    let mut server = Server::serve(folder, &["--config", config.to_str().expect("a name")]);
    let records = server.path("askonce.cdr.jsonl").display().to_string();
    let load = load::start(server.sip, &format!("--script|1s 12345674# 4s|--rate|10|--calls|40|--records|{records}"));
    for (from, to, sound) in [
        ("askonce: 1", "# Once.\naskonce: 1", true),
        ("# Once.", "floww: x\n# Once.", false),
        ("floww: x\n# Once.", "# Twice.", true),
    ] {
        let before = last(&server);
        edit(&flow, from, to);
        hang_up(&server);
        assert_eq!(read_again(&server, &before)["ok"], sound);
    }
    let (report, _) = load::report(load, true);
    let calls = &report["calls"];
    assert_eq!((&calls["complete"], &calls["failed"]), (&40.into(), &0.into()), "{report:#}");
    assert_eq!((&report["keys"]["lost"], &report["packets"]["lost"]), (&0.into(), &0.into()), "{report:#}");
    server.terminate();
    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    let digest = |record: &str| serde_json::from_str::<Value>(record).expect("JSON")["digest"].to_string();
    let digests: std::collections::BTreeSet<String> = records.lines().map(digest).collect();
    assert_eq!(digests.len(), 3, "calls began on each of the three");
}

#[test]
fn a_hangup_signal_reads_again_and_a_new_number_is_answered() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let (folder, config, _) = place(agent.0.contact());
    edit(&config, "\"*\": account-desk", "\"100\": account-desk");
    let mut server = Server::serve(folder, &["--config", config.to_str().expect("a name")]);
    call(&mut caller, server.sip, Vec::new(), script());
    assert_eq!(talk(clock, [&mut caller, &mut agent], &mut |_| {}).1, 404);
    let before = last(&server);
    edit(&config, "\"100\": account-desk", "\"*\": account-desk");
    hang_up(&server);
    assert_eq!(read_again(&server, &before)["ok"], true);
    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0));
    server.terminate();
}
