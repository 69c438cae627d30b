//! REFER out, and what the peer tells of it.

use super::network::{Network, await_invite};
use super::*;

const NOW: Instant = Instant::from_micros(1_000_000);

/// A dialog that we answered, and its tags: ours is wanted by the peer's requests.
fn answered() -> (Endpoint, String) {
    let (mut endpoint, head, ack) = unconfirmed();
    endpoint.on_message(NOW, hop(0), ack.as_bytes(), Door::Open);
    drain(&mut endpoint);
    (endpoint, head)
}

/// The same before its ACK, and that.
fn unconfirmed() -> (Endpoint, String, String) {
    let mut endpoint = endpoint(1);
    endpoint.on_message(NOW, hop(0), &invite(1).to_bytes(), Door::Open);
    endpoint.accept(NOW, DialogId(1), b"v=0\r\n".to_vec()).unwrap();
    let (sent, _) = drain(&mut endpoint);
    let ok = &sent[0].1;
    let dialog = |name: &str| ok.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let head = [dialog("From"), dialog("To"), dialog("Call-ID")].join("\r\n");
    let ack = format!(
        "ACK sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n{head}\r\nCSeq: 1 ACK\r\n\r\n"
    );
    (endpoint, head, ack)
}

fn response(request: &str, status: &str) -> String {
    let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines = request.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
    format!("SIP/2.0 {status}\r\n{}\r\n\r\n", lines.collect::<Vec<_>>().join("\r\n"))
}

fn notify(head: &str, cseq: u32, event: &str, state: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "NOTIFY sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn{cseq}\r\n{head}\r\nCSeq: {cseq} NOTIFY\r\n\
         Event: {event}\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn the_peer_is_sent_away_and_tells_how_it_went() {
    let (mut endpoint, head) = answered();
    endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3?User-to-User=04%3Bencoding%3Dhex>").unwrap();
    let (sent, _) = drain(&mut endpoint);
    let refer = &sent[0].1;
    assert!(refer.starts_with("REFER sip:192.0.2.1:5060 SIP/2.0"), "{refer}");
    for line in ["Refer-To: <sip:b@192.0.2.3?User-to-User=04%3Bencoding%3Dhex>", "Referred-By: <sip:192.0.2.2:5060>"] {
        assert!(refer.contains(line), "{refer}");
    }
    // What the peer says, what it gets, what we hear of it.
    let cases = [
        (response(refer, "202 Accepted"), None, vec!["Referred(1, 202)"]),
        (
            notify(&head, 5, "refer", "active;expires=60", "SIP/2.0 100 Trying\r\n"),
            Some("200"),
            vec!["Transfer(1, 100, false)"],
        ),
        (notify(&head, 6, "refer;id=99", "active", "SIP/2.0 200 OK\r\n"), Some("489"), vec![]),
        (notify(&head, 7, "presence", "active", ""), Some("489"), vec![]),
        (
            notify(&head, 8, "refer;id=1", "terminated;reason=noresource", "SIP/2.0 200 OK"),
            Some("200"),
            vec!["Transfer(1, 200, true)"],
        ),
        (notify(&head, 9, "refer", "terminated", "SIP/2.0 200 OK"), Some("489"), vec![]),
    ];
    for (text, answer, events) in cases {
        endpoint.on_message(NOW, hop(0), text.as_bytes(), Door::Open);
        let (sent, heard) = drain(&mut endpoint);
        assert_eq!(
            (words(&sent).first().map(String::as_str), names(&heard)),
            (answer, events.iter().map(|e| (*e).to_owned()).collect()),
            "{text}"
        );
    }
}

#[test]
fn a_refused_or_unanswered_refer_is_told() {
    let statuses =
        [("603 Decline", "Referred(1, 603)"), ("408 Timeout", "Referred(1, 408)"), ("481 Gone", "Lost(1, Unknown)")];
    for (status, told) in statuses {
        let (mut endpoint, _) = answered();
        endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
        let (sent, _) = drain(&mut endpoint);
        endpoint.on_message(NOW, hop(0), response(&sent[0].1, status).as_bytes(), Door::Open);
        assert_eq!(names(&drain(&mut endpoint).1), [told]);
    }
    let (mut endpoint, _) = answered();
    endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
    run(&mut endpoint, NOW + 33 * SECOND);
    assert_eq!(names(&drain(&mut endpoint).1), ["Referred(1, 408)"]);
    assert_eq!(endpoint.bye(NOW, DialogId(1)), Ok(()), "the call stands");
    let (mut endpoint, _) = answered();
    assert_eq!(
        endpoint.refer(NOW, DialogId(1), "<sip:b@h>\r\nX: 1"),
        Err(Refusal::Bad("a control byte in a header value"))
    );
    let mut net = Network::quiet();
    net.call();
    let callee = await_invite(&mut net).unwrap();
    assert_eq!(net.ends[1].refer(net.now, callee, "<sip:b@192.0.2.3>"), Err(Refusal::NotNow), "not answered yet");
}

#[test]
fn what_is_told_of_an_earlier_refer_does_not_decide_the_later_one() {
    let (mut endpoint, head) = answered();
    let mut refers = Vec::new();
    for _ in 0..2 {
        endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
        refers.push(drain(&mut endpoint).0.remove(0).1);
    }
    let cases = [
        (response(&refers[0], "603 Decline"), None),
        (response(&refers[1], "202 Accepted"), Some("Referred(1, 202)")),
        // Of the second, now the only one that is open.
        (notify(&head, 5, "refer", "active", "SIP/2.0 180 Ringing"), Some("Transfer(1, 180, false)")),
    ];
    hears(&mut endpoint, &cases);

    let (mut endpoint, head) = answered();
    for _ in 0..2 {
        endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
    }
    drain(&mut endpoint);
    let cases = [
        (notify(&head, 5, "refer", "active", "SIP/2.0 487 Cancelled"), None),
        (notify(&head, 6, "refer;id=1", "active", "SIP/2.0 200 OK"), None),
        (notify(&head, 7, "refer;id=2", "active", "SIP/2.0 180 Ringing"), Some("Transfer(1, 180, false)")),
        (notify(&head, 8, "refer", "terminated", "SIP/2.0 487 Cancelled"), None),
        (notify(&head, 9, "refer", "terminated", "SIP/2.0 200 OK"), Some("Transfer(1, 200, true)")),
    ];
    hears(&mut endpoint, &cases);
}

#[test]
fn refers_without_an_end_have_a_bound() {
    let (mut endpoint, head) = answered();
    let refer = |endpoint: &mut Endpoint| endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>");
    while refer(&mut endpoint).is_ok() {}
    assert_eq!((drain(&mut endpoint).0.len(), refer(&mut endpoint)), (8, Err(Refusal::Full)));
    hears(&mut endpoint, &[(notify(&head, 5, "refer;id=3", "terminated", "SIP/2.0 200 OK"), None)]);
    assert_eq!(refer(&mut endpoint), Ok(()));
}

/// What the peer says, and what we are told of it.
fn hears(endpoint: &mut Endpoint, cases: &[(String, Option<&str>)]) {
    for (text, event) in cases {
        endpoint.on_message(NOW, hop(0), text.as_bytes(), Door::Open);
        let (sent, heard) = drain(endpoint);
        assert_eq!(names(&heard), event.iter().map(|event| (*event).to_owned()).collect::<Vec<_>>(), "{text}");
        assert!(!text.starts_with("NOTIFY") || words(&sent) == ["200"], "{text}");
    }
}

#[test]
fn a_subscription_that_ends_without_a_word_says_that_nothing_more_comes() {
    let (mut endpoint, head) = answered();
    endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
    drain(&mut endpoint);
    hears(
        &mut endpoint,
        &[(notify(&head, 5, "refer", "terminated;reason=noresource", ""), Some("Transfer(1, 100, true)"))],
    );
}

#[test]
fn a_refer_waits_for_the_ack() {
    let (mut endpoint, _, ack) = unconfirmed();
    endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
    assert_eq!(endpoint.refer(NOW, DialogId(1), "<sip:c@192.0.2.3>"), Err(Refusal::NotNow));
    assert_eq!(drain(&mut endpoint).0, []);
    endpoint.on_message(NOW, hop(0), ack.as_bytes(), Door::Open);
    let (sent, events) = drain(&mut endpoint);
    assert_eq!((words(&sent), names(&events)), (vec!["REFER".to_owned()], vec!["Confirmed(1)".to_owned()]));
    assert!(sent[0].1.contains("Refer-To: <sip:b@192.0.2.3>\r\n"));
}

#[test]
fn a_connection_that_broke_refuses_the_refer_and_leaves_the_call() {
    let (mut endpoint, _) = answered();
    endpoint.refer(NOW, DialogId(1), "<sip:b@192.0.2.3>").unwrap();
    endpoint.info(NOW, DialogId(1), "text/plain", b"1".to_vec()).unwrap();
    for (_, text) in drain(&mut endpoint).0 {
        endpoint.on_undelivered(NOW, text.as_bytes());
    }
    assert_eq!(names(&drain(&mut endpoint).1), ["Referred(1, 503)"]);
    assert_eq!(endpoint.load().0, 1);
}
