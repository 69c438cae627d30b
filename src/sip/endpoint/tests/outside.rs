//! Requests outside of dialogs, and what cannot be delivered.

use super::*;
use crate::sip::Transport;

const NOW: Instant = Instant::from_micros(1_000_000);

fn options() -> Request {
    let mut headers = Headers::default();
    for (name, value) in [("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>"), ("Call-ID", "c"), ("CSeq", "1 OPTIONS")] {
        headers.put(name, value);
    }
    Request { method: Method::Options, uri: Uri::read("sip:b@h").unwrap(), headers, body: Vec::new() }
}

#[test]
fn a_request_outside_has_one_outcome() {
    let mut endpoint = endpoint(0);
    let asked = [endpoint.request_outside(NOW, hop(1), options()), endpoint.request_outside(NOW, hop(1), options())];
    assert_eq!(asked, [Ok(RequestId(1)), Ok(RequestId(2))]);
    let (sent, _) = drain(&mut endpoint);
    assert!(sent[0].1.starts_with("OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
    assert!(sent[0].1.contains("User-Agent: askonce\r\n"));
    let answer = sent[0].1.replace("OPTIONS sip:b@h SIP/2.0", "SIP/2.0 200 OK");
    for events in [vec!["Outcome(1)".to_owned()], vec![]] {
        endpoint.on_message(NOW, hop(1), answer.as_bytes(), Door::Open);
        assert_eq!(names(&drain(&mut endpoint).1), events);
    }
    run(&mut endpoint, NOW + 40 * SECOND);
    assert!(matches!(drain(&mut endpoint).1[..], [Event::Outcome { request: RequestId(2), response: None }]));
    let tcp = Hop { transport: Transport::Tcp, ..hop(1) };
    assert!(endpoint.request_outside(NOW, tcp, options()).is_err(), "we have no TCP");
}

#[test]
fn what_cannot_be_delivered_fails_at_once() {
    let mut endpoint = endpoint(0);
    endpoint.invite(NOW, hop(1), invite(1)).unwrap();
    endpoint.request_outside(NOW, hop(1), options()).unwrap();
    let (sent, _) = drain(&mut endpoint);
    for _ in 0..2 {
        for (_, text) in &sent {
            endpoint.on_undelivered(NOW, text.as_bytes());
        }
    }
    endpoint.on_undelivered(NOW, b"SIP/2.0 200 OK\r\n\r\n");
    assert_eq!(names(&drain(&mut endpoint).1), ["Refused(1, 503)", "Outcome(1)"]);
    assert_eq!((endpoint.load(), endpoint.counters().undelivered), ((0, 0), 5));
}
