//! Targets that are names: where they lead is asked before each call, and a hop that is dead costs seconds, not the call.

use crate::scenarios::{ACCOUNT, answers, caller, ms, plan};
use crate::simulation::AGENTS;
use crate::{Plan, World};
use askonce::call::cdr::Cdr;
use askonce::context::Received;
use askonce::peer::{Act, Answering};
use askonce::record::seam::Disposition;
use askonce::sip::{Hop, Uri};
use askonce::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

/// A call to a destination at `pbx.example`, which leads to these hosts.
fn called_by_name(hosts: &[&str], answering: Answering) -> (World, Cdr) {
    let tamper = |setup: &mut askonce::engine::Setup| {
        let uri = Uri::read("sip:agent@pbx.example").expect("a URI");
        Arc::make_mut(&mut setup.config).destinations[0].to = vec![uri];
    };
    let mut world = World::new(Plan { tamper, ..plan(7, answering) });
    let hop = |host: &&str| Hop::udp(SocketAddr::new(host.parse().expect("an address"), 5060));
    world.names.insert("pbx.example".to_owned(), hosts.iter().map(hop).collect());
    let mut script = caller(ACCOUNT);
    script.truncate(5);
    script.push(Act::Stay);
    world.call("+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    let cdr = world.cdrs.remove(0);
    (world, cdr)
}

#[test]
fn a_name_is_resolved_and_a_dead_hop_passed_over() {
    let agent = AGENTS.to_string();
    let talks = || answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]);
    // Hops, and what they said before somebody answered.
    let cases: [(&[&str], &[u16]); 2] = [(&[&agent], &[]), (&["127.0.9.9", &agent], &[408])];
    for (hosts, refusals) in cases {
        let (world, cdr) = called_by_name(hosts, talks());
        assert_eq!(cdr.disposition, Disposition::Agent, "{hosts:?}");
        assert_eq!(cdr.refusals.iter().map(|refused| refused.status).collect::<Vec<_>>(), refusals);
        assert_eq!((world.invites.len(), cdr.hops.len()), (1, 1), "one hand-off, however many hops");
        assert_eq!(world.invites[0].uri.as_str(), "sip:agent@pbx.example");
    }
}

#[test]
fn a_busy_person_is_busy_on_every_hop_and_a_name_that_nobody_knows_is_an_exit() {
    let agent = AGENTS.to_string();
    let (world, cdr) = called_by_name(&[&agent, &agent], Answering::Refuse(486));
    assert_eq!((world.invites.len(), cdr.refusals[0].status, cdr.refusals.len()), (1, 486, 1));
    let (world, cdr) = called_by_name(&[&agent, &agent], Answering::Refuse(503));
    assert_eq!((world.invites.len(), cdr.refusals.len()), (2, 2), "503 is of that hop alone");
    // Nothing of ours sends to the second one.
    let (world, cdr) = called_by_name(&["127.0.9.9", "2001:db8::1"], Answering::Refuse(486));
    assert_eq!((world.invites.len(), cdr.hops.len(), cdr.hops[0].received), (0, 1, Received::Failed));
    assert!(cdr.hops[0].waited_ms >= 8_000);
    let (world, cdr) = called_by_name(&[], Answering::Refuse(486));
    assert_eq!((world.invites.len(), cdr.refusals[0].status), (0, 503));
}
