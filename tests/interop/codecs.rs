//! Whole calls between phones of one codec each: prompts, keys both ways, and the bridge between them.

use crate::peers::{Baresip, Linphone, baresips_talk, free, reached};
use crate::server::{DESK, Server};
use crate::{ACCOUNT, counted, reached_an_agent, talked};
use askonce::sip::Transport;

/// The caller's and the agent's codec, by baresip's modules, and what it calls them.
const PAIRS: [(&str, &str, [&str; 2]); 5] = [
    ("opus", "g711", ["opus 48000Hz", "PCM"]),
    ("g711", "opus", ["PCM", "opus 48000Hz"]),
    ("g722", "opus", ["G722 16000Hz", "opus 48000Hz"]),
    ("g711", "g722", ["PCM", "G722 16000Hz"]),
    ("g722", "g722", ["G722 16000Hz", "G722 16000Hz"]),
];

#[test]
fn baresips_of_different_codecs_talk_and_press_keys() {
    std::thread::scope(|scope| {
        for (from, to, named) in PAIRS {
            scope.spawn(move || call(from, to, named));
        }
    });
}

fn call(from: &str, to: &str, named: [&str; 2]) {
    let at = free();
    let people = reached(at, Transport::Udp);
    let server = Server::serving(DESK, &people, "codecs: [opus, g722, pcma, pcmu]", &[]);
    let mut agent = Baresip::speaking(to, at, server.folder());
    let mut caller = Baresip::speaking(from, free(), server.folder());
    baresips_talk(&mut caller, &mut agent, &server.uri("127.0.0.1", Transport::Udp));
    for (said, named) in [caller.program.said(), agent.program.said()].iter().zip(named) {
        assert!(said.contains(&format!("Set audio encoder: {named}")), "{from} to {to}: no {named} in\n{said}");
    }
    let cdr = reached_an_agent(&server.records(), "agent");
    assert_eq!([counted(&cdr, "caller", "keys"), counted(&cdr, "agent", "keys")], [13, 3], "{from} to {to}: {cdr}");
    talked(&cdr);
    for leg in ["caller", "agent"] {
        let [sent, received, concealed] = ["sent", "received", "concealed"].map(|what| counted(&cdr, leg, what));
        assert!(sent > 20 && received > 20 && concealed * 10 < sent, "{from} to {to}: {cdr}");
    }
}

/// Linphone offers Opus first, and telephone-event at both clocks.
#[test]
fn linphone_calls_with_opus_and_is_bridged_to_g722() {
    let at = free();
    let people = reached(at, Transport::Udp);
    let server = Server::serving(DESK, &people, "codecs: [opus, g722]", &[]);
    let mut caller = Linphone::start(free(), server.folder(), &[]);
    let mut agent = Baresip::speaking("g722", at, server.folder());
    caller.program.hears(&format!("call {}\n", server.uri("127.0.0.1", Transport::Udp)));
    caller.program.says("Media streams established");
    caller.program.hears(&format!("{ACCOUNT}#1\n"));
    agent.program.says("Call established");
    agent.program.presses("555");
    agent.program.hears("/hangup\n");
    let said = agent.program.said();
    let (_, offer) = said.split_once("m=audio ").expect("an offer");
    assert!(offer.contains("RTP/AVP 111 9 101 110"), "the caller's codec is offered first:\n{offer}");
    let cdr = reached_an_agent(&server.records(), "agent");
    assert_eq!([counted(&cdr, "caller", "keys"), counted(&cdr, "agent", "keys")], [13, 3], "{cdr}");
    // Without a sound card Linphone sends nothing but its keys.
    assert!(counted(&cdr, "caller", "sent") > 100 && counted(&cdr, "agent", "received") > 20, "{cdr}");
}
