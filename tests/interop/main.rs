//! askonce and programs that others wrote, on real sockets: SIPp, baresip and Linphone as callers and as
//! agents' phones, Kamailio as a proxy, dnsmasq, tshark, espeak-ng.
//! `cargo test --features interop --test interop -- --test-threads=4`; SIPp needs root to send its keys.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the sources and run the program")]

#[path = "../../examples/business/answers.rs"]
mod business;
#[path = "../captured/mod.rs"]
mod captured;
mod captures;
mod codecs;
mod coverage;
mod dialogs;
mod examples;
mod floods;
mod imports;
mod keys;
#[path = "../live/line.rs"]
mod line;
#[path = "../world/messages.rs"]
mod messages;
mod others;
mod over;
mod peers;
mod program;
mod prompts;
mod proxy;
mod scenario;
mod secure;
mod server;
mod transports;

use askonce::context::carrier::uui;
use askonce::time::Duration;
use peers::{Messages, Sipp, free};
use scenario::{AGENT, BUSY, CANCEL, COMPACT, KEYS, caller, informer};
use serde_json::Value;
use server::Server;
use std::net::{SocketAddr, UdpSocket};

const ACCOUNT: &str = "79927398713";
fn call(scenario: &str, server: SocketAddr) -> Messages {
    Sipp::calling(scenario, server, KEYS).messages()
}

/// The values of a header in a message.
fn header<'m>(message: &'m str, name: &str) -> Vec<&'m str> {
    let fields = message.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// The INVITE carries the account that was keyed, and the reference by which the rest can be fetched.
fn carries_the_account(invite: &str) {
    let [uui] = header(invite, "User-to-User")[..] else { panic!("one User-to-User in\n{invite}") };
    let [reference] = header(invite, "X-Askonce-Context")[..] else { panic!("one reference in\n{invite}") };
    let pairs = uui::read(uui, None).expect("readable").pairs;
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.open())).collect();
    assert_eq!(pairs, [("ref", reference), ("account", ACCOUNT)]);
}

/// The record of a call in which the caller was asked once and reached a person.
fn reached_an_agent(records: &[Value], by: &str) -> Value {
    let [cdr] = records else { panic!("one record, not {records:?}") };
    assert_eq!((cdr["disposition"].as_str(), cdr["by"].as_str()), (Some("agent"), Some(by)), "{cdr}");
    assert_eq!(cdr["keys"], 13, "{cdr}");
    let fact = &cdr["facts"][0];
    assert_eq!(fact["name"], "account");
    assert_eq!((&fact["state"], &fact["from"], &fact["tries"]), (&"filled".into(), &"keypad".into(), &1.into()));
    assert_eq!(cdr["hops"][0]["received"], "confirmed");
    cdr.clone()
}

/// What the stream of a leg counted.
fn counted(cdr: &Value, leg: &str, what: &str) -> u64 {
    let legs = cdr["media"].as_array().expect("media");
    let leg = legs.iter().find(|counted| counted["leg"] == leg).unwrap_or_else(|| panic!("no {leg} in {cdr}"));
    leg[what].as_u64().expect("a count")
}

/// The agent's phone was sent the caller's voice, and sent its own.
fn talked(cdr: &Value) {
    for what in ["received", "sent"] {
        assert!(counted(cdr, "agent", what) > 0, "{what}: {cdr}");
    }
}

#[test]
fn sipp_calls_and_a_sipp_agent_answers() {
    let at = free();
    let agent = Sipp::answering(AGENT, at);
    let server = Server::start(at);
    let caller = call(&caller(30), server.sip);
    let agent = agent.messages();
    carries_the_account(agent.only("INVITE "));
    caller.only("BYE ");
    let cdr = reached_an_agent(&server.records(), "agent");
    talked(&cdr);
}

#[test]
fn sipp_keys_by_info() {
    let at = free();
    let agent = Sipp::answering(AGENT, at);
    let server = Server::start(at);
    call(&informer(30), server.sip);
    let agent = agent.messages();
    carries_the_account(agent.only("INVITE "));
    let cdr = reached_an_agent(&server.records(), "agent");
    assert_eq!(counted(&cdr, "caller", "keys"), 0, "no key came by RTP: {cdr}");
}

#[test]
fn a_busy_agent_does_not_cost_the_caller_the_call() {
    let at = free();
    let agent = Sipp::answering(BUSY, at);
    let server = Server::start(at);
    let caller = call(&caller(40), server.sip);
    let agent = agent.messages();
    carries_the_account(agent.only("INVITE "));
    caller.only("BYE ");
    let records = server.records();
    let [cdr] = &records[..] else { panic!("one record, not {records:?}") };
    assert_eq!((&cdr["disposition"], &cdr["by"]), (&"failed".into(), &"flow".into()), "{cdr}");
    assert_eq!(cdr["keys"], 13, "{cdr}");
    let [asked, end] =
        [&cdr["hops"][0]["at"], &cdr["end"]].map(|at| at.as_str().expect("a time").parse().expect("a time"));
    let apology: jiff::SignedDuration = jiff::Timestamp::duration_since(end, asked);
    assert!(apology.as_secs() >= 6, "the caller heard the apology out: {cdr}");
    assert_eq!(cdr["blocks"], serde_json::json!(["start", "sorry"]));
    assert_eq!(cdr["refusals"][0]["status"], 486, "{cdr}");
    assert_eq!(cdr["refusals"].as_array().map(Vec::len), Some(1));
}

#[test]
fn compact_and_folded_headers_are_understood() {
    let server = Server::start(free());
    let caller = call(COMPACT, server.sip);
    let answers: Vec<_> = caller.received("SIP/2.0 200 ").into_iter().map(|answer| header(answer, "CSeq")).collect();
    assert_eq!(answers, [["1 INVITE"], ["2 BYE"]]);
    let records = server.records();
    let [cdr] = &records[..] else { panic!("one record, not {records:?}") };
    assert_eq!((&cdr["disposition"], &cdr["by"]), (&"abandoned_flow".into(), &"caller".into()), "{cdr}");
    assert_eq!(cdr["from"], "+15551230001");
}

#[test]
fn a_call_withdrawn_in_the_same_breath_is_terminated() {
    let server = Server::start(free());
    let gate = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    gate.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
    let pass = |method: &str| {
        let mut buffer = [0; 2048];
        let (length, _) = gate.recv_from(&mut buffer).expect(method);
        assert!(buffer.starts_with(method.as_bytes()), "{}", String::from_utf8_lossy(&buffer[..length]));
        gate.send_to(&buffer[..length], server.sip).expect("sent on");
    };
    // The server finds both when it wakes up; else the CANCEL would race with the 200.
    server.program.signal("-STOP");
    let caller = Sipp::calling(CANCEL, gate.local_addr().expect("its address"), KEYS);
    pass("INVITE ");
    pass("CANCEL ");
    server.program.signal("-CONT");
    pass("ACK ");
    let caller = caller.messages();
    assert_eq!(header(caller.only("SIP/2.0 200 "), "CSeq"), ["1 CANCEL"]);
    assert_eq!(header(caller.only("SIP/2.0 487 "), "CSeq"), ["1 INVITE"]);
    assert!(server.records().is_empty(), "what was never answered has no record");
}
