//! Reading a carrier's INVITE, beside the parser of the crate whose header model we use, and writing the 200 to it.
//! `cargo bench --bench sip_read`

use askonce::sip::{Headers, Message, Request, Response, wire};
use meter::Work;
use std::hint::black_box;

mod meter;

/// As a session border controller sends it for a call through one proxy; 1.2 kB, SDP included.
const INVITE: [&str; 32] = [
    "INVITE sip:+4930123456@192.0.2.10:5060;user=phone SIP/2.0",
    "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK3dr1ua8q0c51n7v2m0g1;rport",
    "Via: SIP/2.0/UDP 203.0.113.44:5060;received=203.0.113.44;branch=z9hG4bKPjb2a8e1d47c",
    "Record-Route: <sip:198.51.100.7;lr;ftag=a6c85cf>",
    "Max-Forwards: 68",
    "From: \"Erika Mustermann\" <sip:+491701234567@carrier.example;user=phone>;tag=a6c85cf",
    "To: <sip:+4930123456@carrier.example;user=phone>",
    "Call-ID: 8f1c5a0e-7d21-4b1c-9c55-0a2f6f6d1b7e@203.0.113.44",
    "CSeq: 102 INVITE",
    "Contact: <sip:+491701234567@203.0.113.44:5060;transport=udp>",
    "P-Asserted-Identity: \"Erika Mustermann\" <sip:+491701234567@carrier.example>",
    "User-to-User: 00C81031373939323733393837313300;encoding=hex",
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, UPDATE, PRACK",
    "Supported: timer, 100rel, replaces, histinfo",
    "Session-Expires: 1800;refresher=uac",
    "Min-SE: 90",
    "User-Agent: ExampleSBC 9.4.1",
    "Content-Type: application/sdp",
    "Content-Length: 232",
    "",
    "v=0",
    "o=- 1842310 1842310 IN IP4 203.0.113.44",
    "s=-",
    "c=IN IP4 203.0.113.44",
    "t=0 0",
    "m=audio 24816 RTP/AVP 8 0 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=sendrecv\r\n",
];

fn main() {
    let bytes = INVITE.join("\r\n").into_bytes();
    println!("an INVITE of {} bytes", bytes.len());
    assert!((1_150..1_250).contains(&bytes.len()), "what the numbers are about");
    assert!(rsip::SipMessage::try_from(&*bytes).is_ok(), "rsip reads it as well");
    let request = read(&bytes);
    let answered = answer(&request).to_bytes();
    assert!(matches!(wire::read(&answered), Ok(Message::Response(_))));

    let minima = meter::measure(&mut [
        Work { name: "askonce: read", times: 200, once: &mut || drop(black_box(wire::read(black_box(&bytes)))) },
        Work {
            name: "askonce: read and head",
            times: 200,
            once: &mut || {
                black_box(read(black_box(&bytes)).headers.head().is_ok());
            },
        },
        Work {
            name: "rsip: try_from",
            times: 200,
            once: &mut || drop(black_box(rsip::SipMessage::try_from(black_box(&*bytes)))),
        },
        Work {
            name: "askonce: 200, built and written",
            times: 200,
            once: &mut || drop(black_box(answer(black_box(&request)).to_bytes())),
        },
    ]);
    println!("\nread and head to rsip: {:.2}", minima[1] / minima[2]);
}

fn read(bytes: &[u8]) -> Request {
    match wire::read(bytes) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) => panic!("a response"),
        Err(malformed) => panic!("{}", malformed.reason),
    }
}

/// A 200 with what a response takes over from its request, a Contact and a body.
fn answer(request: &Request) -> Response {
    let mut headers = Headers::default();
    for (name, value) in request.headers.iter() {
        if matches!(name, "Via" | "Record-Route" | "From" | "To" | "Call-ID" | "CSeq") {
            headers.push(name, value).expect("it was read");
        }
    }
    for (name, value) in [("Contact", "<sip:192.0.2.10:5060>"), ("Content-Type", "application/sdp")] {
        headers.push(name, value).expect("a sound header");
    }
    Response { status: 200, reason: "OK".to_owned(), headers, body: request.body.clone() }
}
