//! Calls of real peers, captured by tcpdump on their way, become recordings: each comes to the context that the live call
//! had.

use crate::ACCOUNT;
use crate::peers::{Baresip, Linphone, Sipp, baresips_talk, free, reached};
use crate::program::Program;
use crate::proxy;
use crate::scenario::{AGENT, KEYS, caller, holder, informer};
use crate::server::{DESK, Server};
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::Out;
use askonce::sip::Transport;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What tcpdump writes between its beginning and its end.
struct Capture {
    program: Program,
    folder: TempDir,
}

impl Capture {
    /// Of everything at these ports, and of all media of our servers.
    fn begin(ports: &[u16]) -> Capture {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("tcpdump");
        let ports: String = ports.iter().map(|port| format!("port {port} or ")).collect();
        command.args(["-i", "lo", "-s", "0", "-U", "--immediate-mode", "-w"]).arg(folder.path().join("call.pcap"));
        command.arg(format!("{ports}udp portrange 21000-28999"));
        let mut program = Program::start(command, "tcpdump");
        program.says("listening on");
        Capture { program, folder }
    }

    fn end(mut self) -> TempDir {
        self.program.signal("-INT");
        assert!(self.program.ends().success(), "{}", self.program.said());
        self.folder
    }
}

fn askonce(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).args(paths);
    command.output().expect("askonce")
}

/// What the server knew of its calls when they were over.
fn contexts(server: Server) -> Vec<Value> {
    let database = server.folder().join("askonce.db");
    server.program.signal("-TERM");
    let mut server = server;
    assert!(server.program.ends().success());
    let database = rusqlite::Connection::open(database).expect("the store");
    let mut rows = database.prepare("SELECT document FROM context ORDER BY stored").expect("a question");
    let rows = rows.query_map([], |row| row.get::<_, String>(0)).expect("contexts");
    rows.map(|row| serde_json::from_str(&row.expect("a row")).expect("JSON")).collect()
}

/// What a recording has of its context at last.
fn kept(fixture: &Fixture) -> Value {
    let stored = fixture.lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::Store { context, .. }) => Some(context.clone()),
        _ => None,
    });
    stored.expect("a context")
}

/// A context but for the moments, and the names of its call.
fn timeless(context: &Value) -> Value {
    let without = |value: &Value, names: &[&str]| {
        let mut value = value.clone();
        names.iter().for_each(|name| drop(value.as_object_mut().expect("an object").shift_remove(*name)));
        value
    };
    let facts = context["facts"].as_object().expect("facts").iter();
    let facts: Value = facts.map(|(name, fact)| (name.clone(), without(fact, &["at"]))).collect();
    let journey = context["journey"].as_array().expect("a journey").iter();
    let journey: Value = journey.map(|step| without(step, &["at", "line"])).collect();
    json!({
        "caller": context["caller"], "called": context["called"], "language": context["language"], "facts": facts,
        "journey": journey,
    })
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let mut calls: Vec<_> =
        std::fs::read_dir(folder).expect("recordings").map(|call| call.expect("one").path()).collect();
    calls.sort();
    calls
}

/// Imports what was captured, and holds it against what the server knew: in clear the same context, and redacted one of the
/// same form without any of its values.
fn comes_to_the_same(capture: Capture, server: Server) {
    let folder = capture.end();
    let live = contexts(server);
    let file = folder.path().join("call.pcap");
    for redacted in [false, true] {
        let out = folder.path().join(if redacted { "redacted" } else { "clear" });
        let key = folder.path().join("key").display().to_string();
        let how = if redacted { vec!["--key", &key] } else { vec!["--test-data"] };
        let flow = ["import", "--flow", "account-desk", "--flows", "flows"];
        let arguments = [&flow[..], &how[..], &["--out"]].concat();
        let imported = askonce(&arguments, &[&out, &file]);
        let told = String::from_utf8_lossy(&imported.stdout).into_owned() + &String::from_utf8_lossy(&imported.stderr);
        assert!(imported.status.success(), "{told}");
        let calls = recordings(&out);
        assert_eq!(calls.len(), live.len(), "{told}");
        for (call, live) in calls.iter().zip(&live) {
            let text = std::fs::read_to_string(call.join("call.jsonl")).expect("a recording");
            let context = kept(&Fixture::read(&text).expect("a readable one"));
            if redacted {
                assert!(!text.contains(ACCOUNT), "{told}");
                let form = |context: &Value| {
                    let account = &context["facts"]["account"];
                    let digits = account["value"].as_str().expect("a value").len();
                    (account["state"].clone(), account["from"].clone(), account["confirmed"].clone(), digits)
                };
                assert_eq!(form(&context), form(live), "{told}");
            } else {
                assert_eq!(timeless(&context), timeless(live), "{told}");
                assert_eq!(context["facts"]["account"]["value"], ACCOUNT);
            }
            // Who keys by INFO here sends no sound.
            let sends = text.contains("\"by\":\"rtp\"");
            for file in ["caller.wav", "call.pcap"] {
                assert_eq!(call.join(file).is_file(), sends, "{file}: {told}");
            }
        }
        let again = askonce(&["replay", "--flows", "flows"], &[&out]);
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    }
}

#[test]
fn calls_of_sipp_over_udp() {
    let at = free();
    let server = Server::start(at);
    let capture = Capture::begin(&[server.sip.port(), at.port()]);
    for scenario in [caller(30), holder(30), informer(30)] {
        let agent = Sipp::answering(AGENT, at);
        Sipp::calling(&scenario, server.sip, KEYS).messages().only("BYE ");
        agent.messages();
    }
    comes_to_the_same(capture, server);
}

#[test]
fn calls_of_sipp_over_tcp() {
    let at = free();
    let server = Server::serving(DESK, &reached(at, Transport::Tcp), "", &[]);
    let ours = server.at(Transport::Tcp);
    let capture = Capture::begin(&[ours.port(), at.port()]);
    let agent = Sipp::answering_over("t1", AGENT, at);
    Sipp::calling_over("t1", &caller(30), ours, KEYS).messages();
    agent.messages();
    comes_to_the_same(capture, server);
}

fn phones(srtp: &str, call: impl FnOnce(&Server, SocketAddr, Baresip)) {
    let at = free();
    let server = Server::secure(srtp, srtp, &reached(at, Transport::Udp));
    let capture = Capture::begin(&[server.sip.port(), at.port()]);
    let agent = match srtp {
        "required" => Baresip::encrypting(at, server.folder(), "srtp-mand"),
        _ => Baresip::start(at, server.folder()),
    };
    call(&server, at, agent);
    comes_to_the_same(capture, server);
}

#[test]
fn a_call_of_baresip() {
    phones("off", |server, _, mut agent| {
        let mut caller = Baresip::start(free(), server.folder());
        baresips_talk(&mut caller, &mut agent, &server.uri("127.0.0.1", Transport::Udp));
    });
}

#[test]
fn a_call_of_linphone_with_srtp() {
    phones("required", |server, _, mut agent| {
        let mut caller = Linphone::encrypting(free(), server.folder(), &[]);
        caller.program.hears(&format!("call {}\n", server.uri("127.0.0.1", Transport::Udp)));
        caller.program.says("Media streams established");
        caller.program.hears(&format!("{ACCOUNT}#1\n"));
        agent.program.says("Call established");
        agent.program.hears("/hangup\n");
        caller.program.says("ended");
    });
}

#[test]
fn a_call_through_kamailio() {
    let at = free();
    let (server, _proxy, local) = proxy::behind(Transport::Udp, at);
    let capture = Capture::begin(&[server.sip.port(), at.port(), local.port()]);
    let agent = Sipp::answering(AGENT, at);
    Sipp::calling(&holder(30), local, KEYS).messages().only("BYE ");
    agent.messages();
    comes_to_the_same(capture, server);
}
