//! Reliable provisional responses and early dialogs (RFC 3262).

use super::calls::all_gone;
use super::network::{Network, await_invite};
use super::*;

#[test]
fn a_reliable_183_is_sent_until_its_prack_and_the_200_waits_for_it() {
    let mut net = Network::quiet();
    net.lose = vec![(1, "183"), (0, "PRACK"), (0, "PRACK")];
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].ring(net.now, callee, 183, b"v=1\r\n".to_vec()).unwrap();
    assert_eq!(net.ends[1].ring(net.now, callee, 183, SDP.to_vec()), Err(Refusal::NotNow), "one at a time");
    net.ends[1].ring(net.now, callee, 180, Vec::new()).unwrap();
    net.ends[1].accept(net.now, callee, Vec::new()).unwrap();
    assert_eq!(net.ends[1].accept(net.now, callee, Vec::new()), Err(Refusal::NotNow));
    net.pass(400 * Duration::from_millis(1), None);
    assert_eq!(net.words(1), ["183", "180"], "no 200 before the PRACK");
    assert!(net.pass(5 * SECOND, Some((0, "Answered"))));
    net.pass(SECOND, None);
    assert_eq!(net.words(1).iter().filter(|word| **word == "183").count(), 3, "{:?}", net.words(1));
    assert_eq!(names(&net.events[0]), ["Progress(1, 180)", "Progress(1, 183)", "Answered(1)"]);
    assert_eq!(names(&net.events[1])[1..], ["Acknowledged(1)", "Confirmed(1)"]);
    let answer = net.events[0].iter().find_map(|event| match event {
        Event::Answered { response, .. } => Some(response.body.clone()),
        _ => None,
    });
    assert_eq!(answer.as_deref(), Some(&b"v=1\r\n"[..]), "the answer of the 183");
    net.ends[1].bye(net.now, callee).unwrap();
    all_gone(&mut net);
}

#[test]
fn a_183_that_nobody_acknowledges_ends_the_call() {
    let mut net = Network::quiet();
    net.lose = vec![(0, "PRACK"); 40];
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].ring(net.now, callee, 183, SDP.to_vec()).unwrap();
    net.ends[1].accept(net.now, callee, Vec::new()).unwrap();
    net.pass(33 * SECOND, None);
    assert_eq!(names(&net.events[1])[1..], ["Lost(1, NoPrack)"]);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Refused(1, 500)");
    assert_eq!(net.words(1).iter().filter(|word| **word == "183").count(), 7);
    all_gone(&mut net);
}

/// A call to a proxy that rings two phones: each is an early dialog with its own numbers and route.
#[test]
fn each_phone_of_a_fork_is_acknowledged_by_itself() {
    let mut caller = endpoint(0);
    let now = Instant::from_micros(1);
    let request = invite(1);
    let dialog = caller.invite(now, hop(1), request.clone()).unwrap();
    drain(&mut caller);
    let mut hear = |status: u16, tag: &str, rseq: u32, body: &str| {
        let mut response = Reply::to(&request.headers, hop(0)).unwrap().response(status, Some(tag));
        response.headers.put("Contact", format!("<sip:{tag}@192.0.2.7>"));
        response.headers.put("Record-Route", format!("<sip:192.0.2.{};lr>", if tag == "a" { 8 } else { 9 }));
        if rseq > 0 {
            response.headers.put("Require", "100rel");
            response.headers.put("RSeq", rseq.to_string());
        }
        response.body = body.as_bytes().to_vec();
        caller.on_message(now, hop(1), &response.to_bytes(), Door::Open);
        let (sent, events) = drain(&mut caller);
        let header =
            |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").to_owned();
        let sent: Vec<String> = sent
            .iter()
            .map(|(to, text)| format!("{} {} {}", to.address.ip(), header(text, "CSeq: "), header(text, "RAck: ")))
            .collect();
        let answer = events.iter().find_map(|event| match event {
            Event::Answered { response, .. } => Some(String::from_utf8(response.body.clone()).unwrap()),
            _ => None,
        });
        (sent.join(", ").trim_end().to_owned(), events.len(), answer)
    };
    let cases = [
        (180, "a", 0, "", "", 1),
        (183, "a", 5, "v=1\r\n", "192.0.2.8 2 PRACK 5 1 INVITE", 1),
        (180, "b", 700, "", "192.0.2.9 2 PRACK 700 1 INVITE", 1),
        (183, "a", 5, "v=1\r\n", "", 0),
        (180, "a", 7, "", "", 0),
        (180, "a", 6, "", "192.0.2.8 3 PRACK 6 1 INVITE", 1),
        (183, "b", 701, "v=2\r\n", "192.0.2.9 3 PRACK 701 1 INVITE", 1),
    ];
    for (status, tag, rseq, body, sent, events) in cases {
        assert_eq!(hear(status, tag, rseq, body), (sent.to_owned(), events, None), "{status} {tag} {rseq}");
    }
    let answered = ("192.0.2.9 1 ACK".to_owned(), 1, Some("v=2\r\n".to_owned()));
    assert_eq!(hear(200, "b", 0, ""), answered, "the answer of its own 183");
    assert_eq!(hear(200, "a", 0, "").0, "192.0.2.8 1 ACK , 192.0.2.8 2 BYE");
    caller.bye(now, dialog).unwrap();
    assert!(drain(&mut caller).0[0].1.contains("CSeq: 4 BYE"), "after the PRACKs of that phone");
}

/// A reliable 180 from the phone of that tag.
fn ringing(request: &Request, tag: &str, rseq: u32) -> Vec<u8> {
    let mut response = Reply::to(&request.headers, hop(0)).unwrap().response(180, Some(tag));
    response.headers.put("Require", "100rel");
    response.headers.put("RSeq", rseq.to_string());
    response.to_bytes()
}

#[test]
fn early_dialogs_and_their_pracks_are_bounded() {
    let mut caller = endpoint(0);
    let now = Instant::from_micros(1);
    let request = invite(1);
    caller.invite(now, hop(1), request.clone()).unwrap();
    for phone in 0..20 {
        caller.on_message(now, hop(1), &ringing(&request, &phone.to_string(), 1), Door::Open);
    }
    let (sent, events) = drain(&mut caller);
    assert_eq!((sent.len(), events.len(), caller.counters().forks_dropped), (1 + 16, 16, 4));
    caller.config.max_transactions = 0;
    caller.config.max_dialogs = 0;
    caller.on_message(now, hop(1), &ringing(&request, "0", 2), Door::Open);
    assert!(drain(&mut caller).0.is_empty());
    caller.config.max_dialogs = 20;
    caller.on_message(now, hop(1), &ringing(&request, "0", 2), Door::Open);
    assert_eq!(words(&drain(&mut caller).0), ["PRACK"], "there is room when it comes again");
}

/// An INVITE made again (here with the interval that a 422 asked for) has early dialogs of its own.
#[test]
fn an_invite_made_again_begins_anew() {
    let mut caller = endpoint(0);
    let now = Instant::from_micros(1);
    let dialog = caller.invite(now, hop(1), invite(1)).unwrap();
    for _ in 0..2 {
        let sent = drain(&mut caller).0.pop().unwrap().1;
        let Ok(Message::Request(request)) = wire::read(sent.as_bytes()) else { panic!("{sent}") };
        caller.on_message(now, hop(1), &ringing(&request, "a", 5), Door::Open);
        assert_eq!(words(&drain(&mut caller).0), ["PRACK"]);
        let mut short = Reply::to(&request.headers, hop(0)).unwrap().response(422, Some("a"));
        short.headers.put("Min-SE", if sent.contains("Min-SE") { "5000" } else { "4000" });
        caller.on_message(now, hop(1), &short.to_bytes(), Door::Open);
    }
    let sent = drain(&mut caller).0.pop().unwrap().1;
    assert!(sent.starts_with("INVITE ") && sent.contains("Min-SE: 5000\r\n"), "{sent}");
    // Nobody wants it any more: the next 422 is its end.
    let Ok(Message::Request(request)) = wire::read(sent.as_bytes()) else { panic!("{sent}") };
    caller.cancel(now, dialog).unwrap();
    let mut short = Reply::to(&request.headers, hop(0)).unwrap().response(422, Some("a"));
    short.headers.put("Min-SE", "6000");
    caller.on_message(now, hop(1), &short.to_bytes(), Door::Open);
    let (sent, events) = drain(&mut caller);
    assert_eq!((words(&sent).concat(), names(&events).concat()), ("ACK".to_owned(), "Refused(1, 422)".to_owned()));
}

/// The 183 held the answer, so an SDP in its PRACK is a new offer, which the 200 to the PRACK answers.
#[test]
fn a_prack_may_bring_an_offer() {
    let mut net = Network::quiet();
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.lose = vec![(0, "PRACK"); 9];
    net.ends[1].ring(net.now, callee, 183, SDP.to_vec()).unwrap();
    net.pass(SECOND, None);
    let prack = net.last(0, "PRACK").to_owned();
    let offer = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=7\r\n";
    let prack = prack.replace("Content-Length: 0\r\n\r\n", offer);
    net.ends[1].on_message(net.now, hop(0), prack.as_bytes(), Door::Open);
    let (sent, events) = drain(&mut net.ends[1]);
    assert!(sent.is_empty(), "its owner is asked");
    assert!(matches!(&events[..], [Event::Reinvite { request, .. }] if request.body == b"v=7\r\n"), "{events:?}");
    net.ends[1].accept_reinvite(net.now, callee, b"v=8\r\n".to_vec()).unwrap();
    let (sent, _) = drain(&mut net.ends[1]);
    assert!(sent[0].1.starts_with("SIP/2.0 200") && sent[0].1.ends_with("v=8\r\n"), "{}", sent[0].1);
    assert!(sent[0].1.contains(" PRACK\r\n") && !sent[0].1.contains("Session-Expires"), "{}", sent[0].1);
    net.ends[1].on_message(net.now, hop(0), prack.as_bytes(), Door::Open);
    assert_eq!(drain(&mut net.ends[1]).0, sent, "the same answer again");
}

#[test]
fn a_cancel_ends_a_call_whose_200_still_waits() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.lose = vec![(0, "PRACK"); 9];
    net.ends[1].ring(net.now, callee, 183, SDP.to_vec()).unwrap();
    net.ends[1].accept(net.now, callee, Vec::new()).unwrap();
    net.pass(SECOND, None);
    net.ends[0].cancel(net.now, caller).unwrap();
    net.pass(SECOND, None);
    assert_eq!(names(&net.events[0]).last().unwrap(), "Refused(1, 487)");
    assert_eq!(names(&net.events[1]).last().unwrap(), "Cancelled(1)");
    all_gone(&mut net);
}
