//! What single datagrams are answered with.

use super::*;

const NOW: Instant = Instant::from_micros(1_000_000);

/// A request from host 0; `lines` go in front of its headers.
fn request(method: &str, lines: &str) -> String {
    format!(
        "{method} sip:ivr@192.0.2.2 SIP/2.0\r\n{lines}Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}\r\n\
         From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:ivr@192.0.2.2>\r\nCall-ID: c1\r\nCSeq: 7 {method}\r\n\
         Contact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What an endpoint sends on one datagram, and the names of its events.
fn heard(endpoint: &mut Endpoint, text: &str) -> (Vec<(Hop, String)>, Vec<String>) {
    endpoint.on_message(NOW, hop(0), text.as_bytes(), Door::Open);
    let (sent, events) = drain(endpoint);
    (sent, names(&events))
}

#[test]
fn requests_that_cannot_be_served_are_refused_with_what_would_be() {
    let body =
        |headers: &str| request("INVITE", headers).replace("Content-Length: 0\r\n\r\n", "Content-Length: 1\r\n\r\nx");
    // request, status, a line that the answer has
    let cases = [
        (request("OPTIONS", ""), "200 OK", "Accept: application/sdp, multipart/mixed"),
        (request("OPTIONS", ""), "200 OK", "Supported: 100rel, timer"),
        (
            request("REGISTER", ""),
            "405 Method Not Allowed",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE",
        ),
        (request("DANCE", ""), "501 Not Implemented", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE"),
        (request("BYE", ""), "481 Call/Transaction Does Not Exist", ""),
        (request("INFO", ""), "481 Call/Transaction Does Not Exist", ""),
        (request("CANCEL", "Require: x\r\n"), "481 Call/Transaction Does Not Exist", ""),
        (request("INVITE", "").replace("2>\r\nCall", "2>;tag=9\r\nCall"), "481 Call/Transaction Does Not Exist", ""),
        (request("INVITE", "").replace("sip:ivr@192.0.2.2 SIP", "tel:+1 SIP"), "416 Unsupported URI Scheme", ""),
        (request("INVITE", "").replace("sip:ivr@192.0.2.2 SIP", "soap.beep://x SIP"), "416 Unsupported URI Scheme", ""),
        (request("INVITE", "Require: 100rel, x\r\n"), "420 Bad Extension", "Unsupported: x"),
        (body("c: text/plain\r\n"), "415 Unsupported Media Type", "Accept: application/sdp, multipart/mixed"),
        (body(""), "415 Unsupported Media Type", "Accept: application/sdp, multipart/mixed"),
        (body("c: multipart/mixed;boundary=b\r\n"), "400 Bad Request", ""),
        (
            body("c: multipart/related;boundary=b\r\n"),
            "415 Unsupported Media Type",
            "Accept: application/sdp, multipart/mixed",
        ),
        (body("c: application/sdp\r\ne: gzip\r\n"), "415 Unsupported Media Type", "Accept-Encoding: identity"),
        (request("INVITE", "Accept: text/x\r\n"), "406 Not Acceptable", ""),
        (request("INVITE", "").replace("SIP/2.0\r\n", "SIP/3.0\r\n"), "505 Version Not Supported", ""),
        (request("INVITE", "Max-Forwards: x\r\n"), "400 Bad Request", ""),
        (request("INVITE", "Max-Forwards: 0\r\n"), "483 Too Many Hops", ""),
        (request("OPTIONS", "Max-Forwards: 0\r\n"), "200 OK", ""),
        (
            request("DANCE", "").replace("7 DANCE", "7 INVITE"),
            "501 Not Implemented",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE",
        ),
        (request("REGISTER", "m: sip:a@b?x=y\r\n"), "400 Bad Request", ""),
        (
            request("REGISTER", "m: *\r\n"),
            "405 Method Not Allowed",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE",
        ),
        (
            request("OPTIONS", "").replace("ivr@192.0.2.2 SIP", &format!("{} SIP", "1".repeat(2_048))),
            "414 Request-URI Too Long",
            "",
        ),
        (request("OPTIONS", "").replace("Length: 0", "Length: 65537"), "513 Message Too Large", ""),
        (request("REFER", "Refer-To: <sip:c@192.0.2.3>\r\n"), "403 Forbidden", ""),
        (request("INVITE", "Replaces: c9;to-tag=1;from-tag=2\r\n"), "403 Forbidden", ""),
        (request("UPDATE", ""), "481 Call/Transaction Does Not Exist", ""),
        (request("PRACK", "RAck: 1 7 INVITE\r\n"), "481 Call/Transaction Does Not Exist", ""),
        (request("INVITE", "k: timer\r\nx: 89\r\n"), "422 Session Interval Too Small", "Min-SE: 90"),
        (request("INVITE", "").replace("Contact: <", "Contact: \"<"), "400 Bad Request", ""),
    ];
    for (text, status, line) in cases {
        let mut endpoint = endpoint(1);
        let (sent, events) = heard(&mut endpoint, &text);
        assert_eq!((lines(&sent), events), (vec![status.to_owned()], vec![]), "{text}");
        assert!(sent[0].1.contains(&format!("{line}\r\n")), "{}", sent[0].1);
        assert!(sent[0].1.contains("tag="), "{}", sent[0].1);
        assert_eq!(heard(&mut endpoint, &text).0, sent, "the same answer to the same request");
        assert_eq!(endpoint.load(), (0, 0), "and no state");
    }
}

#[test]
fn what_cannot_be_answered_is_dropped_and_counted() {
    let mut endpoint = endpoint(1);
    let invite = request("INVITE", "");
    let dropped = [
        "\r\n\r\n".to_owned(),
        "garbage".to_owned(),
        invite.replace("Via:", "Vie:"),
        request("ACK", "Max-Forwards: x\r\n"),
        invite.replace("INVITE sip:ivr@192.0.2.2 SIP/2.0", "SIP/2.0 2000 OK"),
    ];
    for text in &dropped {
        assert!(heard(&mut endpoint, text).0.is_empty(), "{text}");
    }
    assert_eq!(endpoint.counters().malformed_dropped, dropped.len() as u64);
    assert!(heard(&mut endpoint, &request("ACK", "")).0.is_empty());
    assert!(heard(&mut endpoint, &invite.replace("INVITE sip:ivr@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK")).0.is_empty());
    assert_eq!((endpoint.counters().stray_acks, endpoint.counters().stray_responses), (1, 1));
    let unreadable = invite.replace("branch=z9hG4bKINVITE", ";;");
    assert_eq!(words(&heard(&mut endpoint, &unreadable).0), ["400"]);
}

#[test]
fn answers_go_to_the_source_never_to_maddr() {
    let mut endpoint = endpoint(1);
    let source: Hop = "udp:192.0.2.99:7777".parse().unwrap();
    // Via parameters, where the answer goes
    for (params, to) in
        [("maddr=203.0.113.1;ttl=9", "udp:192.0.2.99:5060"), ("rport;received=203.0.113.1", "udp:192.0.2.99:7777")]
    {
        let text = request("OPTIONS", "").replace("branch", &format!("{params};branch"));
        endpoint.on_message(NOW, source, text.as_bytes(), Door::Open);
        let (sent, _) = drain(&mut endpoint);
        assert_eq!(sent[0].0.to_string(), to);
        assert!(sent[0].1.contains("received=192.0.2.99") && !sent[0].1.contains("received=203"));
    }
}

#[test]
fn a_source_that_nobody_knows_is_forbidden_to_call_and_to_ask() {
    let mut endpoint = endpoint(1);
    for method in ["INVITE", "OPTIONS"] {
        endpoint.on_message(NOW, hop(0), request(method, "").as_bytes(), Door::Forbidden);
        let (sent, _) = drain(&mut endpoint);
        assert_eq!(words(&sent), ["403"], "{method}");
        assert!(!sent[0].1.contains("Allow"), "{method}");
    }
    assert_eq!(endpoint.counters().forbidden, 2);
}

#[test]
fn a_source_that_is_to_learn_nothing_hears_nothing() {
    let (mut endpoint, tag) = answered();
    let silent = |endpoint: &mut Endpoint, text: &str| {
        endpoint.on_message(NOW, hop(0), text.as_bytes(), Door::Silent);
        words(&drain(endpoint).0)
    };
    for method in ["INVITE", "OPTIONS", "REGISTER", "DANCE", "BYE", "CANCEL"] {
        let text = request(method, "Require: x\r\n").replace("c1", "c2").replace("z9hG4bK", "z9hG4bKx");
        assert!(silent(&mut endpoint, &text).is_empty(), "{method}");
    }
    assert!(silent(&mut endpoint, "OPTIONS x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n").is_empty());
    assert_eq!(endpoint.counters().forbidden, 6);
    assert_eq!(silent(&mut endpoint, &in_dialog("BYE", 9, &tag)), ["200"], "a peer that we called goes on");
}

#[test]
fn over_a_stream_a_message_says_how_long_it_is() {
    let mut endpoint = endpoint(1);
    let source: Hop = "tcp:192.0.2.99:7777".parse().unwrap();
    let options = request("OPTIONS", "");
    // An ACK takes no answer.
    let ack = options.replace("OPTIONS", "ACK").replace("Content-Length: 0\r\n", "");
    for (text, status) in
        [(&*options, Some("200")), (&options.replace("Content-Length: 0\r\n", ""), Some("400")), (&ack, None)]
    {
        endpoint.on_message(NOW, source, text.as_bytes(), Door::Open);
        let (sent, _) = drain(&mut endpoint);
        assert_eq!(words(&sent).first().map(String::as_str), status, "{text}");
        assert!(sent.iter().all(|(to, _)| *to == source), "answers go back over the connection");
    }
}

#[test]
fn a_repeated_invite_is_one_call_and_another_branch_of_it_is_merged() {
    for cookie in ["z9hG4bK", ""] {
        let mut endpoint = endpoint(1);
        let invite = request("INVITE", "").replace("z9hG4bK", cookie);
        assert_eq!(heard(&mut endpoint, &invite).1, ["Invite(1, from udp:192.0.2.1:5060)"]);
        let (sent, events) = heard(&mut endpoint, &invite);
        assert_eq!((sent.len(), events.len()), (0, 0));
        let other_way = invite.replace("branch=", "branch=z9hG4bKother");
        assert_eq!(words(&heard(&mut endpoint, &other_way).0), ["482"]);
        endpoint.refuse(NOW, DialogId(1), 486, &[]).unwrap();
        assert_eq!(words(&drain(&mut endpoint).0), ["486"]);
        assert_eq!(words(&heard(&mut endpoint, &invite).0), ["486"]);
        let ack = invite.replace("INVITE sip", "ACK sip").replace("7 INVITE", "7 ACK");
        assert!(heard(&mut endpoint, &ack).0.is_empty());
        run(&mut endpoint, NOW + 4 * SECOND);
        assert!(drain(&mut endpoint).0.is_empty(), "the ACK stopped the refusal");
        run(&mut endpoint, NOW + 6 * SECOND);
        assert_eq!(endpoint.load(), (0, 0));
    }
}

#[test]
fn an_invite_that_waits_for_its_answer_gets_a_100_after_200_ms() {
    let mut endpoint = endpoint(1);
    let invite = request("INVITE", "");
    assert!(heard(&mut endpoint, &invite).0.is_empty());
    let due = NOW + Duration::from_millis(200);
    assert_eq!(endpoint.next_deadline(), Some(due));
    run(&mut endpoint, due);
    assert_eq!(words(&drain(&mut endpoint).0), ["100"]);
    assert_eq!(words(&heard(&mut endpoint, &invite).0), ["100"]);
    run(&mut endpoint, due + 40 * SECOND);
    assert!(drain(&mut endpoint).0.is_empty(), "once");
    endpoint.accept(due, DialogId(1), SDP.to_vec()).unwrap();
    assert_eq!(words(&drain(&mut endpoint).0), ["200"]);
    assert_eq!(words(&heard(&mut endpoint, &invite).0), [""; 0]);
}

/// An answered call from a caller behind a proxy, and the To tag of our side.
fn answered() -> (Endpoint, String) {
    let mut endpoint = endpoint(1);
    let routes = "Record-Route: <sip:192.0.2.8;lr>, <sip:p.example;lr>\r\n";
    heard(&mut endpoint, &request("INVITE", routes));
    endpoint.accept(NOW, DialogId(1), Vec::new()).unwrap();
    let answer = drain(&mut endpoint).0.remove(0).1;
    assert!(answer.contains("Record-Route: <sip:192.0.2.8;lr>\r\nRecord-Route: <sip:p.example;lr>\r\n"));
    let tag = answer.split("192.0.2.2>;tag=").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
    (endpoint, tag)
}

fn in_dialog(method: &str, cseq: u32, tag: &str) -> String {
    request(method, "")
        .replace("2>\r\nCall", &format!("2>;tag={tag}\r\nCall"))
        .replace("CSeq: 7", &format!("CSeq: {cseq}"))
        .replace("branch=", &format!("branch=z9hG4bK{cseq}"))
}

#[test]
fn requests_in_a_dialog_are_counted_in_order_and_answered_once() {
    let (mut endpoint, tag) = answered();
    for _ in 0..2 {
        let (sent, _) = heard(&mut endpoint, &in_dialog("INVITE", 8, &tag));
        assert_eq!(words(&sent), ["491"], "the ACK is still to come");
    }
    assert!(heard(&mut endpoint, &in_dialog("ACK", 6, &tag)).1.is_empty(), "the ACK of another INVITE");
    assert_eq!(heard(&mut endpoint, &in_dialog("ACK", 7, &tag)).1, ["Confirmed(1)"]);
    let foreign = in_dialog("BYE", 9, &tag).replace("From: <sip:a@192.0.2.1>;tag=1", "From: <sip:a@192.0.2.1>;tag=2");
    assert_eq!(words(&heard(&mut endpoint, &foreign).0), ["481"]);
    let info = in_dialog("INFO", 9, &tag);
    for events in [vec!["Info(1)".to_owned()], vec![]] {
        let (sent, heard) = heard(&mut endpoint, &info);
        assert_eq!((words(&sent), heard), (vec!["200".to_owned()], events));
    }
    assert_eq!(words(&heard(&mut endpoint, &in_dialog("INFO", 6, &tag)).0), ["500"]);
    assert_eq!(words(&heard(&mut endpoint, &in_dialog("INFO", 10, "other")).0), ["481"]);
    for _ in 0..2 {
        assert_eq!(words(&heard(&mut endpoint, &in_dialog("OPTIONS", 11, &tag)).0), ["200"]);
    }
    assert_eq!(heard(&mut endpoint, &in_dialog("INVITE", 12, &tag)).1, ["Reinvite(1)"]);
    let (sent, _) = heard(&mut endpoint, &in_dialog("INVITE", 13, &tag));
    assert!(sent[0].1.contains("SIP/2.0 500") && sent[0].1.contains("Retry-After: "));
    let cancel = in_dialog("INVITE", 12, &tag).replace("INVITE sip", "CANCEL sip").replace("12 INVITE", "12 CANCEL");
    assert_eq!(words(&heard(&mut endpoint, &cancel).0), ["200", "487"], "a cancelled re-INVITE leaves the call");
    let bye = in_dialog("BYE", 14, &tag);
    for events in [vec!["Bye(1)".to_owned()], vec![]] {
        let (sent, heard) = heard(&mut endpoint, &bye);
        assert_eq!((words(&sent), heard), (vec!["200".to_owned()], events));
    }
}

#[test]
fn a_flood_in_a_dialog_is_refused_and_counted_and_the_next_second_is_another() {
    for (method, served) in [("INFO", "200"), ("UPDATE", "200"), ("PRACK", "481"), ("NOTIFY", "489"), ("INVITE", "")] {
        let (mut endpoint, tag) = answered();
        heard(&mut endpoint, &in_dialog("ACK", 7, &tag));
        let before = endpoint.load().1;
        let statuses: Vec<_> =
            (8..68).map(|cseq| words(&heard(&mut endpoint, &in_dialog(method, cseq, &tag)).0).concat()).collect();
        assert_eq!(statuses[0], served, "{method}");
        assert!(statuses[..50].iter().all(|status| status != "503"), "{statuses:?}");
        assert!(statuses[50..].iter().all(|status| status == "503"), "{statuses:?}");
        assert_eq!((endpoint.counters().dialog_floods, endpoint.load().1), (10, before + 50), "{method}");
        // One that was refused so was not served yet, and may come again.
        endpoint.on_message(NOW + SECOND, hop(0), in_dialog("OPTIONS", 68, &tag).as_bytes(), Door::Open);
        endpoint.on_message(NOW + SECOND, hop(0), in_dialog("INFO", 67, &tag).as_bytes(), Door::Open);
        assert_eq!(words(&drain(&mut endpoint).0), ["200", "200"]);
    }
    let (mut endpoint, tag) = answered();
    // It says nothing of where to.
    assert_eq!(words(&heard(&mut endpoint, &in_dialog("REFER", 100, &tag)).0), ["400"]);
}

#[test]
fn no_answer_grows_with_a_list_of_empty_values() {
    for (name, hops, answered) in
        [("v", 70, true), ("v", 71, false), ("Record-Route", 70, true), ("Record-Route", 71, false)]
    {
        let mut endpoint = endpoint(1);
        let mut values = vec!["a"; hops - usize::from(name == "v")].join(",");
        if name == "v" {
            values = values.replace('a', "SIP/2.0/UDP h");
        }
        let (_, events) = heard(&mut endpoint, &request("INVITE", &format!("{name}: {values}\r\n")));
        let dropped = endpoint.counters().malformed_dropped;
        assert_eq!((events.len(), dropped), (usize::from(answered), u64::from(!answered)), "{name} {hops}");
    }
}

#[test]
fn the_answers_to_an_invite_and_to_its_cancel_have_one_to_tag() {
    let cancel = request("INVITE", "").replace("INVITE sip", "CANCEL sip").replace("7 INVITE", "7 CANCEL");
    let tag = |text: &str| {
        let to = text.lines().find(|line| line.starts_with("To:")).unwrap();
        to.split(";tag=").nth(1).unwrap_or("").to_owned()
    };
    let mut open = endpoint(1);
    heard(&mut open, &request("INVITE", ""));
    let (sent, events) = heard(&mut open, &cancel);
    assert_eq!((words(&sent), events), (vec!["200".to_owned(), "487".to_owned()], vec!["Cancelled(1)".to_owned()]));
    assert_eq!(tag(&sent[0].1), tag(&sent[1].1));
    // The dialog of a refused INVITE is gone.
    let mut refused = endpoint(1);
    heard(&mut refused, &request("INVITE", ""));
    refused.refuse(NOW, DialogId(1), 486, &[]).unwrap();
    let refusal = drain(&mut refused).0.remove(0).1;
    assert_eq!(tag(&heard(&mut refused, &cancel).0[0].1), tag(&refusal));
    // A CANCEL that crossed the 200 changes nothing.
    let (mut accepted, local) = answered();
    assert_eq!(tag(&heard(&mut accepted, &cancel).0[0].1), local);
    assert_eq!(heard(&mut accepted, &in_dialog("ACK", 7, &local)).1, ["Confirmed(1)"]);
}

#[test]
fn our_requests_follow_the_route_and_the_refreshed_target() {
    let (mut endpoint, tag) = answered();
    heard(&mut endpoint, &in_dialog("ACK", 7, &tag));
    let moved = in_dialog("INVITE", 8, &tag).replace("Contact: <sip:a@192.0.2.1>", "Contact: <sip:b@192.0.2.77>");
    heard(&mut endpoint, &moved);
    endpoint.refuse_reinvite(NOW, DialogId(1), 488).unwrap();
    drain(&mut endpoint);
    endpoint.bye(NOW, DialogId(1)).unwrap();
    let (sent, _) = drain(&mut endpoint);
    assert_eq!(sent[0].0.to_string(), "udp:192.0.2.8:5060");
    assert!(sent[0].1.starts_with("BYE sip:b@192.0.2.77 SIP/2.0\r\n"), "{}", sent[0].1);
    assert!(sent[0].1.contains("Route: <sip:192.0.2.8;lr>\r\nRoute: <sip:p.example;lr>\r\n"));
}

#[test]
fn a_full_endpoint_turns_new_calls_away_without_state_and_keeps_the_others() {
    let mut endpoint = endpoint(1);
    let invite = |n: usize| request("INVITE", "").replace("c1", &format!("c{n}")).replace("KINVITE", &format!("K{n}"));
    for n in 0..20 {
        assert_eq!(heard(&mut endpoint, &invite(n)).1.len(), 1);
    }
    let full = endpoint.load();
    let (sent, events) = heard(&mut endpoint, &invite(20));
    assert!(sent[0].1.contains("SIP/2.0 503") && events.is_empty());
    assert_eq!(heard(&mut endpoint, &invite(20)).0[0].1, sent[0].1, "coming again, it gets the same answer");
    let wait = |n| {
        let (sent, _) = heard(&mut endpoint, &invite(n));
        let wait = sent[0].1.split_once("Retry-After: ").and_then(|(_, rest)| rest.split_once("\r\n"));
        wait.expect("when to try again").0.parse().expect("a number")
    };
    let waits: std::collections::BTreeSet<u32> = (21..121).map(wait).collect();
    assert!(waits.into_iter().eq(5..=15), "not all of them at once");
    assert_eq!((endpoint.load(), endpoint.counters().no_room), (full, 102));
    assert_eq!(endpoint.invite(NOW, hop(0), super::invite(1)).err(), Some(Refusal::Full));
    endpoint.accept(NOW, DialogId(1), Vec::new()).unwrap();
    endpoint.refuse(NOW, DialogId(2), 486, &[]).unwrap();
    assert_eq!(heard(&mut endpoint, &invite(20)).1.len(), 1, "room again");
}

#[test]
fn an_endpoint_s_own_name_is_checked() {
    let config =
        Config { locals: Locals::new([hop(0)]), user_agent: "x\r\ny".into(), max_transactions: 1, max_dialogs: 1 };
    assert!(Endpoint::new(config, Random::from_seed(1)).is_err());
}
