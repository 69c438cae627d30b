//! Two offers that cross (RFC 3261 section 14.1).

use super::calls::{all_gone, answered};
use super::*;

/// The 491 alone, as from a peer that is busy with something else: the offer is made again until the tries are used up.
#[test]
fn an_offer_that_meets_glare_is_made_again_by_itself() {
    for (who, bounds) in [(0, 2100..=4000), (1, 0..=2000)] {
        let (mut net, caller, callee) = answered();
        let (dialog, peer) = if who == 0 { (caller, callee) } else { (callee, caller) };
        net.ends[who].reinvite(net.now, dialog, SDP.to_vec()).unwrap();
        net.pass(SECOND, None);
        net.ends[1 - who].refuse_reinvite(net.now, peer, 491).unwrap();
        net.events = [Vec::new(), Vec::new()];
        let refused = net.now;
        assert_eq!(net.ends[1 - who].refuse_reinvite(net.now, peer, 491), Err(Refusal::NotNow));
        assert!(net.pass(5 * SECOND, Some((1 - who, "Reinvite("))));
        let gap = net.now.since(refused).as_millis();
        assert!((*bounds.start()..=bounds.end() + 20).contains(&gap), "{who}: {gap} ms");
        assert_eq!(net.ends[who].reinvite(net.now, dialog, SDP.to_vec()), Err(Refusal::NotNow));
        net.ends[1 - who].accept_reinvite(net.now, peer, SDP.to_vec()).unwrap();
        net.pass(SECOND, None);
        assert_eq!(names(&net.events[who]), [format!("Reanswered({})", dialog.0)]);
        net.ends[0].bye(net.now, caller).unwrap();
        all_gone(&mut net);
    }
}

#[test]
fn after_three_more_tries_the_owner_hears_of_the_glare() {
    let (mut net, caller, callee) = answered();
    net.ends[1].reinvite(net.now, callee, SDP.to_vec()).unwrap();
    for _ in 0..4 {
        net.events = [Vec::new(), Vec::new()];
        assert!(net.pass(5 * SECOND, Some((0, "Reinvite("))));
        net.ends[0].refuse_reinvite(net.now, caller, 491).unwrap();
    }
    assert!(net.pass(5 * SECOND, Some((1, "ReinviteRefused(1, 491)"))));
    assert_eq!(net.words(1).iter().filter(|word| **word == "INVITE").count(), 4);
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

/// Both offer at once: the callee's comes first, and the caller, whose offer is out of date by then, is told.
#[test]
fn an_offer_of_the_peer_takes_the_place_of_one_that_waits() {
    let (mut net, caller, callee) = answered();
    net.ends[0].reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.ends[1].reinvite(net.now, callee, SDP.to_vec()).unwrap();
    assert!(net.pass(5 * SECOND, Some((0, "Reinvite("))));
    assert!(net.words(0).contains(&"491") && net.words(1).contains(&"491"));
    net.ends[0].accept_reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(5 * SECOND, None);
    assert_eq!(names(&net.events[0]), ["Reinvite(1)", "ReinviteRefused(1, 491)", "Confirmed(1)"]);
    assert_eq!(names(&net.events[1]), ["Reanswered(1)"]);
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

/// The time for the offer has come, but the peer's own waits for our owner: ours waits longer.
#[test]
fn an_offer_that_waits_is_not_forgotten_while_the_peer_s_is_open() {
    let (mut net, caller, callee) = answered();
    net.ends[0].reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[1].refuse_reinvite(net.now, callee, 491).unwrap();
    net.ends[1].update(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(5 * SECOND, None);
    assert_eq!(names(&net.events[0]), ["Reinvite(1)"]);
    net.ends[0].refuse_reinvite(net.now, caller, 488).unwrap();
    net.events = [Vec::new(), Vec::new()];
    assert!(net.pass(5 * SECOND, Some((1, "Reinvite("))), "now it is made again");
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}
