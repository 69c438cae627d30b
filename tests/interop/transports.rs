//! Whole calls over UDP, TCP and TLS, the callers and the agents by SIPp, baresip and Linphone.

use crate::peers::{Baresip, Linphone, Sipp, baresips_talk, free, reached};
use crate::scenario::{AGENT, KEYS, caller};
use crate::server::{AWAY, DESK, Server};
use crate::{ACCOUNT, carries_the_account, counted, reached_an_agent, talked};
use askonce::sip::Transport;

/// All at once: a call takes its time.
fn over_each(call: impl Fn(Transport) + Sync) {
    std::thread::scope(|scope| {
        for transport in Transport::ALL {
            let call = &call;
            scope.spawn(move || call(transport));
        }
    });
}

#[test]
fn sipp_calls_and_answers_over_tcp_with_one_connection_and_with_one_a_call() {
    std::thread::scope(|scope| {
        for over in ["t1", "tn"] {
            scope.spawn(move || {
                let at = free();
                let agent = Sipp::answering_over(over, AGENT, at);
                let server = Server::serving(DESK, &reached(at, Transport::Tcp), "", &[]);
                let to = server.at(Transport::Tcp);
                Sipp::calling_over(over, &caller(30), to, KEYS).messages().only("BYE ");
                carries_the_account(agent.messages().only("INVITE "));
                talked(&reached_an_agent(&server.records(), "agent"));
            });
        }
    });
}

#[test]
fn baresip_calls_a_baresip_agent() {
    over_each(|transport| {
        let at = free();
        let server = Server::serving(DESK, &reached(at, transport), "", &[]);
        let mut agent = Baresip::start(at, server.folder());
        let mut caller = Baresip::start(free(), server.folder());
        baresips_talk(&mut caller, &mut agent, &server.uri("127.0.0.1", transport));
        let cdr = reached_an_agent(&server.records(), "agent");
        assert_eq!([counted(&cdr, "caller", "keys"), counted(&cdr, "agent", "keys")], [13, 3], "by RTP: {cdr}");
        talked(&cdr);
    });
}

#[test]
fn baresip_is_sent_away_and_calls_the_desk_by_itself() {
    over_each(|transport| {
        let at = free();
        let server = Server::serving(AWAY, &reached(at, transport), "", &[]);
        let mut desk = Baresip::start(at, server.folder());
        let mut caller = Baresip::start(free(), server.folder());
        caller.program.hears(&format!("/dial {}\n", server.uri("127.0.0.1", transport)));
        caller.program.says("Call established");
        desk.program.says("Call established");
        let records = server.records();
        let [cdr] = &records[..] else { panic!("one record, not {records:?}") };
        assert_eq!(
            (&cdr["disposition"], &cdr["hops"][0]["received"]),
            (&"transferred".into(), &"confirmed".into()),
            "{cdr}"
        );
    });
}

#[test]
fn linphone_calls_a_baresip_agent() {
    over_each(|transport| {
        let at = free();
        let server = Server::serving(DESK, &reached(at, transport), "", &[]);
        let mut caller = Linphone::start(free(), server.folder(), &[]);
        let mut agent = Baresip::start(at, server.folder());
        // It knows certificates by names only.
        caller.program.hears(&format!("call {}\n", server.uri("localhost", transport)));
        caller.program.says("Media streams established");
        caller.program.hears(&format!("{ACCOUNT}#1\n"));
        agent.program.says("Call established");
        agent.program.presses("555");
        caller.program.hears("terminate\n");
        agent.program.says("session closed");
        let cdr = reached_an_agent(&server.records(), "caller");
        assert_eq!(counted(&cdr, "caller", "keys"), 13, "every key came by RTP: {cdr}");
    });
}

#[test]
fn a_linphone_agent_answers() {
    std::thread::scope(|scope| {
        for transport in [Transport::Udp, Transport::Tcp] {
            scope.spawn(move || {
                let at = free();
                let server = Server::serving(DESK, &reached(at, transport), "", &[]);
                let mut agent = Linphone::start(at, server.folder(), &["-a"]);
                let to = server.sip;
                let caller = Sipp::calling(&caller(12), to, KEYS);
                agent.program.says("Media streams established");
                assert!(caller.messages().received("BYE ").is_empty(), "the caller hung up");
                agent.program.says("ended");
                reached_an_agent(&server.records(), "caller");
            });
        }
    });
}
