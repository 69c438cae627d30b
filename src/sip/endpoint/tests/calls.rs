//! Whole calls, and the races that RFC 3261 and RFC 5407 know.

use super::network::{Network, await_invite};
use super::*;

/// A call that is answered and confirmed: the dialogs of both ends.
pub(super) fn answered() -> (Network, DialogId, DialogId) {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    assert!(net.pass(SECOND, Some((1, "Confirmed"))));
    net.events = [Vec::new(), Vec::new()];
    net.sent.clear();
    (net, caller, callee)
}

pub(super) fn all_gone(net: &mut Network) {
    net.pass(100 * SECOND, None);
    assert_eq!([net.ends[0].load(), net.ends[1].load()], [(0, 0), (0, 0)]);
}

#[test]
fn a_call_from_invite_to_bye() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].ring(net.now, callee, 183, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[0]), ["Progress(1, 183)", "Answered(1)"]);
    net.ends[1].bye(net.now, callee).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["INVITE", "PRACK", "ACK", "200"]);
    assert_eq!(net.words(1), ["183", "200", "200", "BYE"]);
    assert_eq!(names(&net.events[0])[2..], ["Bye(1)"]);
    assert_eq!(net.ends[0].bye(net.now, caller), Err(Refusal::NoDialog));
    all_gone(&mut net);
}

#[test]
fn a_refusal_reaches_the_caller_and_its_headers_are_checked() {
    let mut net = Network::quiet();
    net.call();
    let callee = await_invite(&mut net).unwrap();
    let forged = [("X-A", "1\r\nX-B: 2".to_owned())];
    assert!(matches!(net.ends[1].refuse(net.now, callee, 486, &forged), Err(Refusal::Bad(_))));
    assert!(matches!(net.ends[1].refuse(net.now, callee, 200, &[]), Err(Refusal::Bad(_))));
    net.ends[1].refuse(net.now, callee, 486, &[("Retry-After", "9".into())]).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[0]), ["Refused(1, 486)"]);
    assert_eq!(net.words(0), ["INVITE", "ACK"]);
    all_gone(&mut net);
}

#[test]
fn a_cancel_waits_for_a_provisional_and_ends_the_call() {
    let mut net = Network::quiet();
    let caller = net.call();
    net.ends[0].cancel(net.now, caller).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!(net.words(1), ["100", "200", "487"]);
    assert_eq!(names(&net.events[0]), ["Refused(1, 487)"]);
    assert_eq!(names(&net.events[1]), ["Invite(1, from udp:192.0.2.1:5060)", "Cancelled(1)"]);
    all_gone(&mut net);
}

#[test]
fn a_200_that_crosses_the_cancel_is_acked_and_ended() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.pass(SECOND, None);
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    net.ends[0].cancel(net.now, caller).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["INVITE", "CANCEL", "ACK", "BYE"]);
    assert_eq!(names(&net.events[0]), ["Progress(1, 100)", "Refused(1, 487)"]);
    assert_eq!(names(&net.events[1])[1..], ["Confirmed(1)", "Bye(1)"]);
    all_gone(&mut net);
}

#[test]
fn an_invite_nobody_answers_fails_with_408_and_a_cancelled_one_with_487() {
    let mut caller = endpoint(0);
    let start = Instant::from_micros(1);
    let dialog = caller.invite(start, hop(1), invite(1)).unwrap();
    let other = caller.invite(start, hop(1), invite(2)).unwrap();
    caller.cancel(start, other).unwrap();
    run(&mut caller, start + 33 * SECOND);
    let (sent, events) = drain(&mut caller);
    assert_eq!(sent.len(), 14, "no CANCEL without a provisional: {:?}", words(&sent));
    let mut ended = names(&events);
    ended.sort();
    assert_eq!(ended, [format!("Refused({}, 408)", dialog.0), format!("Refused({}, 487)", other.0)]);
    assert_eq!(caller.load(), (0, 0));
}

#[test]
fn a_cancel_without_final_answer_is_given_up_after_64_t1() {
    let mut net = Network::quiet();
    let caller = net.call();
    await_invite(&mut net).unwrap();
    net.pass(SECOND, None);
    net.lose = vec![(1, "487"); 12];
    net.ends[0].cancel(net.now, caller).unwrap();
    net.pass(31 * SECOND, None);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Progress(1, 100)");
    net.pass(2 * SECOND, None);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Refused(1, 487)");
    all_gone(&mut net);
}

#[test]
fn a_lost_ack_is_sent_again_and_one_that_never_comes_ends_the_call() {
    let mut net = Network::quiet();
    net.lose = vec![(0, "ACK"), (0, "ACK")];
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    assert!(net.pass(5 * SECOND, Some((1, "Confirmed"))));
    assert_eq!(net.words(1), ["200", "200", "200"]);
    assert_eq!(names(&net.events[0]), ["Answered(1)"], "once");

    let mut net = Network::quiet();
    net.lose = vec![(0, "ACK"); 20];
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(40 * SECOND, None);
    assert_eq!(names(&net.events[1])[1..], ["Lost(1, NoAck)"]);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Bye(1)");
    assert_eq!(net.words(1).iter().filter(|word| **word == "200").count(), 11);
    all_gone(&mut net);
}

#[test]
fn the_callee_s_bye_waits_for_the_ack() {
    let mut net = Network::quiet();
    net.lose = vec![(0, "ACK")];
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    net.ends[1].bye(net.now, callee).unwrap();
    net.pass(SECOND / 4, None);
    assert!(net.ends[1].is_unacked(callee) && net.events[1].len() == 1);
    net.pass(SECOND, None);
    assert_eq!(net.words(1), ["200", "200", "BYE"]);
    assert_eq!(names(&net.events[1])[1..], ["Ended(1)"], "whoever let go hears no more but this");
    assert_eq!(names(&net.events[0]).last().unwrap(), "Bye(1)");
    all_gone(&mut net);
}

#[test]
fn reinvites_go_both_ways() {
    let (mut net, caller, callee) = answered();
    for (who, dialog, peer) in [(0, caller, callee), (1, callee, caller)] {
        net.ends[who].reinvite(net.now, dialog, SDP.to_vec()).unwrap();
        assert_eq!(net.ends[who].reinvite(net.now, dialog, SDP.to_vec()), Err(Refusal::NotNow));
        net.pass(SECOND, None);
        net.ends[1 - who].accept_reinvite(net.now, peer, SDP.to_vec()).unwrap();
        net.pass(SECOND, None);
        assert_eq!(names(&net.events[who]).last().unwrap(), &format!("Reanswered({})", dialog.0));
        assert_eq!(names(&net.events[1 - who]).last().unwrap(), &format!("Confirmed({})", peer.0));
    }
    net.ends[1].reinvite(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[0].refuse_reinvite(net.now, caller, 488).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[1]).last().unwrap(), "ReinviteRefused(1, 488)");
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

#[test]
fn a_bye_after_a_reinvite_that_never_ends_leaves_nothing_behind() {
    let (mut net, caller, _) = answered();
    net.lose = vec![(1, "487"); 12];
    net.ends[0].reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

#[test]
fn a_bye_that_crosses_a_reinvite_closes_both() {
    let (mut net, caller, callee) = answered();
    net.ends[0].reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[0].bye(net.now, caller).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(1), ["100", "200", "487"]);
    assert_eq!(net.words(0), ["INVITE", "BYE", "ACK"]);
    assert_eq!(net.ends[1].accept_reinvite(net.now, callee, SDP.to_vec()), Err(Refusal::NoDialog));
    all_gone(&mut net);
}

#[test]
fn a_peer_that_forgot_the_dialog_or_is_gone_loses_it() {
    let (mut net, caller, _) = answered();
    net.ends[1] = endpoint(1);
    net.ends[0].info(net.now, caller, "application/dtmf-relay", b"Signal=1".to_vec()).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[0]), ["Lost(1, Unknown)"]);
    all_gone(&mut net);

    let (mut net, caller, _) = answered();
    net.lose = [[(0, "INVITE"); 9], [(0, "BYE"); 9]].concat();
    net.ends[0].reinvite(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(33 * SECOND, None);
    assert_eq!(names(&net.events[0]), ["Lost(1, NoAnswer)"]);
    assert!(net.words(0).contains(&"BYE"));
}

#[test]
fn a_dropped_dialog_ends_as_its_state_asks_for() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.pass(SECOND, None);
    net.ends[1].drop_dialog(net.now, callee);
    net.ends[0].drop_dialog(net.now, caller);
    net.ends[0].drop_dialog(net.now, caller);
    net.pass(SECOND, None);
    assert_eq!(net.words(1), ["100", "500", "200"]);
    assert_eq!(net.words(0), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!((names(&net.events[0]).len(), names(&net.events[1]).len()), (1, 1), "no event after a drop");
    all_gone(&mut net);
    let (mut net, caller, _) = answered();
    net.ends[0].drop_dialog(net.now, caller);
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["BYE"]);
    all_gone(&mut net);
}

/// The second phone of a fork answers too: ACK and BYE, each 2xx of it ACKed, the call unharmed.
#[test]
fn a_second_answer_is_acked_and_ended() {
    let mut caller = endpoint(0);
    let now = Instant::from_micros(1);
    let request = invite(1);
    let dialog = caller.invite(now, hop(1), request.clone()).unwrap();
    let answer = |tag: &str| {
        let reply = Reply::to(&request.headers, hop(0)).unwrap();
        let mut response = reply.response(200, Some(tag));
        response.headers.put("Contact", format!("<sip:{tag}@192.0.2.7>"));
        response.to_bytes()
    };
    let mut heard = Vec::new();
    for tag in ["one", "two", "two", "one"] {
        caller.on_message(now, hop(1), &answer(tag), Door::Open);
        let (sent, events) = drain(&mut caller);
        assert!(sent.iter().skip(1).all(|(to, _)| to.address.ip() == hop(6).address.ip()) || tag == "one");
        heard.push((tag, words(&sent).join(" "), names(&events).len()));
    }
    let expected = [("one", "INVITE ACK", 1), ("two", "ACK BYE", 0), ("two", "ACK", 0), ("one", "ACK", 0)];
    assert_eq!(heard, expected.map(|(tag, words, events)| (tag, words.to_owned(), events)));
    assert_eq!(caller.counters().forks_ended, 1);
    caller.info(now, dialog, "text/plain", b"x".to_vec()).unwrap();
    caller.bye(now, dialog).unwrap();
    caller.on_message(now, hop(1), &answer("one"), Door::Open);
    assert_eq!(words(&drain(&mut caller).0), ["INFO", "BYE", "ACK"], "an ACK alone when the dialog is gone");
}
