//! Calls with SRTP, by the stacks of baresip (libre) and Linphone (libsrtp).

use crate::peers::{Baresip, Linphone, baresips_talk, free, reached};
use crate::server::Server;
use crate::{ACCOUNT, counted, reached_an_agent, talked};
use askonce::sip::Transport;
use serde_json::Value;

/// With what a leg was protected.
fn suite<'c>(cdr: &'c Value, leg: &str) -> &'c Value {
    let legs = cdr["media"].as_array().expect("media");
    &legs.iter().find(|counted| counted["leg"] == leg).expect("the leg")["srtp"]
}

#[test]
fn baresip_calls_a_baresip_agent_and_each_leg_is_as_secure_as_it_is_to_be() {
    // Ours for the caller and the agent, theirs, and what comes of it.
    let cases = [
        ("required", "required", "srtp-mand", "srtp-mand", true, true),
        ("offered", "off", "srtp", "", true, false),
        ("off", "offered", "srtp", "srtp", false, true),
        ("offered", "offered", "", "", false, false),
    ];
    std::thread::scope(|scope| {
        for (callers, people, caller, agent, first, second) in cases {
            scope.spawn(move || {
                let at = free();
                let server = Server::secure(callers, people, &reached(at, Transport::Tls));
                let start = |at, encrypting: &str| match encrypting {
                    "" => Baresip::start(at, server.folder()),
                    _ => Baresip::encrypting(at, server.folder(), encrypting),
                };
                let mut agent = start(at, agent);
                let mut caller = start(free(), caller);
                baresips_talk(&mut caller, &mut agent, &server.uri("127.0.0.1", Transport::Tls));
                let cdr = reached_an_agent(&server.records(), "agent");
                assert_eq!([counted(&cdr, "caller", "keys"), counted(&cdr, "agent", "keys")], [13, 3], "{cdr}");
                let secure = ["caller", "agent"].map(|leg| !suite(&cdr, leg).is_null());
                assert_eq!(secure, [first, second], "{callers} {people}: {cdr}");
                talked(&cdr);
            });
        }
    });
}

#[test]
fn linphone_calls_by_srtp_and_a_linphone_agent_answers_by_it() {
    let at = free();
    let server = Server::secure("required", "required", &reached(at, Transport::Tcp));
    let mut agent = Linphone::encrypting(at, server.folder(), &["-a"]);
    let mut caller = Linphone::encrypting(free(), server.folder(), &[]);
    caller.program.hears(&format!("call {}\n", server.uri("localhost", Transport::Tls)));
    caller.program.says("Media streams established");
    caller.program.hears(&format!("{ACCOUNT}#1\n"));
    agent.program.says("Media streams established");
    caller.program.hears("terminate\n");
    agent.program.says("ended");
    let cdr = reached_an_agent(&server.records(), "caller");
    assert_eq!(counted(&cdr, "caller", "keys"), 13, "every key came by SRTP: {cdr}");
    assert!(["caller", "agent"].iter().all(|leg| !suite(&cdr, leg).is_null()), "{cdr}");
}
