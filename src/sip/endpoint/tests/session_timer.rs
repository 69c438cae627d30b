//! Session timers (RFC 4028) on the virtual clock.

use super::calls::{all_gone, answered};
use super::network::{Network, await_invite};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_call_is_refreshed_by_update_for_as_long_as_it_lasts() {
    let (mut net, caller, callee) = answered();
    assert!(net.texts.iter().any(|(who, text)| *who == 0 && text.contains("\r\nSession-Expires: 1800\r\n")));
    let accepted = net.last(1, "200");
    assert!(accepted.contains("Session-Expires: 1800;refresher=uac") && accepted.contains("Require: timer"));
    net.pass(3 * HOUR, None);
    assert_eq!((names(&net.events[0]), names(&net.events[1])), (vec![], vec![]), "nobody hears of it");
    assert_eq!(net.words(0), ["UPDATE"; 11], "at half time each");
    assert!(net.last(0, "UPDATE").contains("Session-Expires: 1800;refresher=uac"));
    net.ends[1].bye(net.now, callee).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.ends[0].bye(net.now, caller), Err(Refusal::NoDialog));
    all_gone(&mut net);
}

#[test]
fn a_peer_without_update_gets_the_last_offer_again() {
    let (mut net, caller, callee) = answered();
    net.ends[0].update(net.now, caller, b"v=4\r\n".to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[1].accept_reinvite(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    net.ends[0].usages.get_mut(caller).unwrap().takes_update = false;
    net.events = [Vec::new(), Vec::new()];
    net.sent.clear();
    assert!(net.pass(HOUR, Some((1, "Reinvite("))));
    assert!(net.last(0, "INVITE").ends_with("v=4\r\n"), "the offer that stands");
    net.ends[1].accept_reinvite(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["INVITE", "ACK"]);
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

/// A refresh that falls due while an offer is on its way comes after it.
#[test]
fn a_refresh_waits_for_an_offer_on_its_way() {
    let (mut net, caller, callee) = answered();
    net.pass(895 * SECOND, None);
    net.ends[0].update(net.now, caller, SDP.to_vec()).unwrap();
    net.pass(10 * SECOND, None);
    assert_eq!(names(&net.events[1]), ["Reinvite(1)"]);
    net.ends[1].refuse_reinvite(net.now, callee, 488).unwrap();
    net.pass(10 * SECOND, None);
    assert_eq!(names(&net.events[0]), ["ReinviteRefused(1, 488)"]);
    let updates: Vec<&(usize, String)> = net.texts.iter().filter(|(_, text)| text.starts_with("UPDATE")).collect();
    assert!(updates.last().unwrap().1.contains("Content-Length: 0"), "the refresh");
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

#[test]
fn a_peer_that_vanished_is_noticed_by_both() {
    let (mut net, ..) = answered();
    net.lose = [vec![(0, "UPDATE"); 20], vec![(0, "BYE"); 20], vec![(1, "BYE"); 20]].concat();
    net.pass(HOUR, None);
    assert_eq!(names(&net.events[0]), ["Lost(1, NoAnswer)"]);
    assert_eq!(names(&net.events[1]), ["Lost(1, Expired)"]);
    all_gone(&mut net);
}

#[test]
fn a_refresh_that_is_refused_is_tried_again_when_the_refusal_says() {
    let (mut net, caller, callee) = answered();
    // The peer's answer to our UPDATE; what we do within the next 100 s, and after how many
    let cases = [
        ("500 Error\r\nRetry-After: 40", "UPDATE", 40),
        ("503 Busy", "UPDATE", 10),
        ("422 Too Small\r\nMin-SE: 3600", "UPDATE", 0),
        ("500 Error\r\nRetry-After: 0", "UPDATE", 2),
        ("405 No", "INVITE", 2),
    ];
    for (status, then, after) in cases {
        net.lose = vec![(0, "UPDATE"); 9];
        net.sent.clear();
        let mut waited = Instant::ZERO;
        while net.words(0).is_empty() {
            net.pass(SECOND, None);
            waited = net.now;
        }
        let update = net.last(0, "UPDATE").to_owned();
        let answer =
            update.lines().skip(1).filter(|line| !line.starts_with("Contact")).collect::<Vec<_>>().join("\r\n");
        let answer = format!("SIP/2.0 {status}\r\n{answer}\r\n\r\n");
        net.ends[0].on_message(net.now, hop(1), answer.as_bytes(), Door::Open);
        net.lose.clear();
        net.sent.clear();
        while net.words(0).is_empty() {
            net.pass(Duration::from_millis(100), None);
        }
        let gap = net.now.since(waited).as_secs();
        assert_eq!((net.words(0)[0], gap), (then, after), "{status}");
        if status.starts_with("422") {
            assert!(net.last(0, then).contains("Session-Expires: 3600;refresher=uac\r\nMin-SE: 3600\r\n"));
        }
        net.pass(SECOND, None);
    }
    net.ends[1].accept_reinvite(net.now, callee, SDP.to_vec()).unwrap();
    net.ends[0].bye(net.now, caller).unwrap();
    all_gone(&mut net);
}

#[test]
fn a_peer_without_timers_gets_none_and_an_interval_too_short_is_lengthened() {
    let mut endpoint = endpoint(0);
    let now = Instant::from_micros(1);
    let dialog = endpoint.invite(now, hop(1), invite(1)).unwrap();
    let sent = drain(&mut endpoint).0.remove(0).1;
    let answer = |sent: &str, status: u16, headers: &[(&str, &str)]| {
        let Ok(Message::Request(request)) = wire::read(sent.as_bytes()) else { panic!("no request") };
        let mut response = Reply::to(&request.headers, hop(0)).unwrap().response(status, Some("9"));
        headers.iter().for_each(|(name, value)| response.headers.put(name, *value));
        response.to_bytes()
    };
    // Min-SE of the 422s; each asks for more than the last
    let mut last = sent;
    for (least, cseq) in [("3600", 2), ("4000", 3), ("5000", 4)] {
        endpoint.on_message(now, hop(1), &answer(&last, 422, &[("Min-SE", least)]), Door::Open);
        let (sent, events) = drain(&mut endpoint);
        assert_eq!((words(&sent).join(" "), events.len()), ("ACK INVITE".to_owned(), 0));
        last = sent[1].1.clone();
        for line in [format!("Session-Expires: {least}"), format!("Min-SE: {least}"), format!("CSeq: {cseq} INVITE")] {
            assert_eq!(last.matches(&format!("\r\n{line}\r\n")).count(), 1, "{last}");
        }
    }
    endpoint.on_message(now, hop(1), &answer(&last, 200, &[("Contact", "<sip:b@192.0.2.2>")]), Door::Open);
    assert_eq!(names(&drain(&mut endpoint).1), ["Answered(1)"]);
    run(&mut endpoint, now + 10 * HOUR);
    assert!(drain(&mut endpoint).0.is_empty(), "no timer");
    endpoint.bye(now, dialog).unwrap();

    // It does not say how long, it asks for no more than before, or it has asked too often.
    for least in [vec![""], vec!["3600", "3600"], vec!["2000", "3000", "4000", "5000"]] {
        let mut refused = super::endpoint(0);
        refused.invite(now, hop(1), invite(1)).unwrap();
        let (mut sent, mut events) = drain(&mut refused);
        for least in &least {
            let invite = sent.pop().unwrap().1;
            assert!(events.is_empty() && invite.starts_with("INVITE "), "{invite}");
            refused.on_message(now, hop(1), &answer(&invite, 422, &[("Min-SE", least)]), Door::Open);
            (sent, events) = drain(&mut refused);
        }
        assert_eq!(format!("{events:?}"), "[Refused(1, 422)]", "{least:?}");
    }
}

#[test]
fn a_call_taken_and_then_silent_ends_before_the_interval() {
    let mut net = Network::quiet();
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    let mut alone = std::mem::replace(&mut net.ends[1], endpoint(1));
    drain(&mut alone);
    run(&mut alone, net.now + 1760 * SECOND);
    assert!(drain(&mut alone).0.is_empty());
    run(&mut alone, net.now + 1770 * SECOND);
    let (sent, events) = drain(&mut alone);
    assert!(words(&sent).contains(&"BYE".to_owned()));
    assert_eq!(names(&events), ["Lost(1, Expired)"]);
}
