//! UPDATE (RFC 3311).

use super::calls::{all_gone, answered};
use super::network::{Network, await_invite};
use super::*;

#[test]
fn updates_go_both_ways_once_the_call_stands() {
    let (mut net, caller, callee) = answered();
    for (who, dialog, peer) in [(0, caller, callee), (1, callee, caller)] {
        net.events = [Vec::new(), Vec::new()];
        net.ends[who].update(net.now, dialog, SDP.to_vec()).unwrap();
        assert_eq!(net.ends[who].update(net.now, dialog, SDP.to_vec()), Err(Refusal::NotNow));
        assert_eq!(net.ends[who].reinvite(net.now, dialog, SDP.to_vec()), Err(Refusal::NotNow));
        assert!(net.pass(SECOND, Some((1 - who, "Reinvite("))));
        net.ends[1 - who].accept_reinvite(net.now, peer, b"v=1\r\n".to_vec()).unwrap();
        net.pass(SECOND, None);
        assert_eq!(names(&net.events[who]), [format!("Reanswered({})", dialog.0)]);
        assert!(net.last(1 - who, "200").ends_with("v=1\r\n"), "{}", net.last(1 - who, "200"));
        net.ends[who].update(net.now, dialog, SDP.to_vec()).unwrap();
        net.pass(SECOND, None);
        net.ends[1 - who].refuse_reinvite(net.now, peer, 488).unwrap();
        net.pass(SECOND, None);
        assert_eq!(names(&net.events[who])[1..], [format!("ReinviteRefused({}, 488)", dialog.0)]);
    }
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

#[test]
fn an_update_changes_the_session_of_a_call_that_still_rings() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    assert_eq!(net.ends[1].update(net.now, callee, SDP.to_vec()), Err(Refusal::NotNow), "nothing is settled");
    net.ends[1].ring(net.now, callee, 183, b"v=1\r\n".to_vec()).unwrap();
    net.pass(SECOND, None);
    for (who, dialog, peer) in [(1, callee, caller), (0, caller, callee)] {
        net.events = [Vec::new(), Vec::new()];
        net.ends[who].update(net.now, dialog, SDP.to_vec()).unwrap();
        assert!(net.pass(SECOND, Some((1 - who, "Reinvite("))));
        net.ends[1 - who].accept_reinvite(net.now, peer, b"v=2\r\n".to_vec()).unwrap();
        net.pass(SECOND, None);
        assert_eq!(names(&net.events[who]), [format!("Reanswered({})", dialog.0)]);
    }
    net.ends[1].accept(net.now, callee, Vec::new()).unwrap();
    net.pass(SECOND, None);
    let answer = net.events[0].iter().find_map(|event| match event {
        Event::Answered { response, .. } => Some(response.body.clone()),
        _ => None,
    });
    assert_eq!(answer, Some(Vec::new()), "the answer of the 183 counts no more");
    net.ends[1].bye(net.now, callee).unwrap();
    all_gone(&mut net);
}

/// Offers that cross are 491; a second one while the first has no answer is 500; a refresh is answered at once.
#[test]
fn updates_that_come_at_the_wrong_time_are_refused() {
    let (mut net, caller, callee) = answered();
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    net.ends[1].update(net.now, callee, SDP.to_vec()).unwrap();
    assert!(net.pass(5 * SECOND, Some((0, "Reinvite("))), "the callee's comes again first");
    assert!(net.words(0).contains(&"491") && net.words(1).contains(&"491"));
    let update = net.last(1, "UPDATE").to_owned();
    let again = |cseq: u32, text: &str| {
        let old = text.lines().find(|line| line.starts_with("CSeq: ")).unwrap().to_owned();
        text.replace(&old, &format!("CSeq: {cseq} UPDATE")).replace("branch=", &format!("branch=z9hG4bK{cseq}"))
    };
    let now = net.now;
    let mut heard = |text: String| {
        net.ends[0].on_message(now, hop(1), text.as_bytes(), Door::Open);
        drain(&mut net.ends[0]).0
    };
    assert!(heard(update.clone()).is_empty(), "the same again has no answer yet");
    let second = heard(again(50, &update));
    assert!(second[0].1.contains(" 500 ") && second[0].1.contains("Retry-After: "), "{}", second[0].1);
    net.ends[0].accept_reinvite(now, caller, SDP.to_vec()).unwrap();
    drain(&mut net.ends[0]);
    let refresh = again(51, &update).replace("Content-Length: 5", "Content-Length: 0").replace("v=0\r\n", "");
    net.ends[0].on_message(now, hop(1), refresh.as_bytes(), Door::Open);
    let (sent, events) = drain(&mut net.ends[0]);
    assert_eq!((words(&sent), events.len()), (vec!["200".to_owned()], 0));
    assert!(sent[0].1.contains("Contact: <sip:192.0.2.1:5060>\r\n"), "{}", sent[0].1);
}

#[test]
fn an_update_nobody_answers_loses_the_dialog_and_a_bye_closes_one_that_waits() {
    let (mut net, caller, _) = answered();
    net.lose = vec![(0, "UPDATE"); 20];
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(33 * SECOND, None);
    assert_eq!(names(&net.events[0]), ["Lost(1, NoAnswer)"]);
    all_gone(&mut net);

    // While it rings, the INVITE will tell.
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].ring(net.now, callee, 183, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.lose = vec![(0, "UPDATE"); 20];
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(33 * SECOND, None);
    assert_eq!(names(&net.events[0]).last().unwrap(), "ReinviteRefused(1, 408)");
    net.ends[1].accept(net.now, callee, Vec::new()).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Answered(1)");

    let (mut net, caller, callee) = answered();
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    assert!(net.pass(SECOND, Some((1, "Reinvite("))));
    net.ends[1].bye(net.now, callee).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(1), ["480", "BYE"]);
    all_gone(&mut net);
}

/// A peer that asks for a longer interval again and again does not keep us at it (RFC 4028 section 7.4).
#[test]
fn an_update_refused_with_422_is_made_again_three_times() {
    let (mut net, caller, _) = answered();
    net.lose = vec![(0, "UPDATE"); 9];
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    for least in [2000, 3000, 4000, 5000] {
        net.pass(Duration::from_millis(100), None);
        assert!(net.events[0].is_empty());
        let update = net.last(0, "UPDATE").replace("Content-Length: 5\r\n\r\nv=0\r\n", "Content-Length: 0\r\n\r\n");
        let (_, headers) = update.split_once("\r\n").unwrap();
        let answer = format!("SIP/2.0 422 Too Small\r\nMin-SE: {least}\r\n{headers}");
        net.ends[0].on_message(net.now, hop(1), answer.as_bytes(), Door::Open);
    }
    net.pass(Duration::from_millis(100), None);
    assert_eq!(names(&net.events[0]), ["ReinviteRefused(1, 422)"]);
    assert!(net.last(0, "UPDATE").contains("Session-Expires: 4000;refresher=uac\r\nMin-SE: 4000\r\n"));
}
