//! The packets that a recorded caller's phone would have sent: an INVITE, sound with its keys as telephone-events, a BYE.

use askonce::key::Key;
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::{Arrival, In, Leg, Out};
use askonce::replay::world::wire::{Came, Wire};
use askonce::rtp::event::Sender;
use askonce::rtp::packet::{HEADER, Header};
use askonce::secret::Secret;
use askonce::sip::Hop;
use askonce::time::Duration;
use std::fmt::Write;
use std::net::SocketAddr;

const EVENT: u8 = 101;
/// A packet every 20 ms.
const MICROS: u64 = 20_000;

/// All of a call's; its caller has a phone with G.711 and telephone-event, and came over UDP.
pub fn wire(fixture: &Fixture) -> Wire {
    let Some(Step::In(In::Invite(arrival))) = fixture.lines.first().map(|line| &line.step) else { panic!("no INVITE") };
    let phone = arrival.offer.as_ref().expect("an offer").address;
    let hop = Hop::udp(SocketAddr::new(phone.ip(), 5060));
    let own = fixture.header.local.sip.facing(&hop).expect("an address of ours").address;
    let ends = fixture.lines.iter().find(|line| matches!(line.step, Step::In(In::Bye { leg: Leg::Caller })));
    let over = ends.or(fixture.lines.last()).map_or(0, |line| line.t);
    let message = |t, bytes| Came { t, from: hop, to: own, bytes };
    let mut came = vec![message(0, request("INVITE", (hop.address, own), arrival).into_bytes())];
    came.extend(ends.map(|line| message(line.t, request("BYE", (hop.address, own), arrival).into_bytes())));
    let sound = sound(fixture, over).into_iter();
    let media = fixture.header.local.caller_media;
    came.extend(sound.map(|(t, bytes)| Came { t, from: Hop::udp(phone), to: media, bytes }));
    Wire::of(&fixture.header, came).expect("a call")
}

fn request(method: &str, (from, to): (SocketAddr, SocketAddr), arrival: &Arrival) -> String {
    let number = arrival.from.as_ref().map_or("anonymous", Secret::open);
    let called = &arrival.to;
    let cseq = if method == "INVITE" { 1 } else { 2 };
    let mut text = format!(
        "{method} sip:{called}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{cseq}\r\nMax-Forwards: {}\r\n\
         From: <sip:{number}@{from}>;tag=phone\r\nTo: <sip:{called}@{to}>\r\nCall-ID: recorded\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:{from}>\r\n",
        arrival.max_forwards
    );
    let body = match &arrival.offer {
        Some(offer) if method == "INVITE" => offer.in_clear(1, 1),
        _ => String::new(),
    };
    for (name, value) in arrival.headers.iter().filter(|_| method == "INVITE") {
        write!(text, "{name}: {}\r\n", value.open()).expect("text");
    }
    if !arrival.uui.is_empty() && method == "INVITE" {
        let pairs: Vec<String> = arrival.uui.iter().map(|(name, value)| format!("{name}={}", value.open())).collect();
        let hex: String = pairs.join(";").bytes().map(|octet| format!("{octet:02x}")).collect();
        write!(text, "User-to-User: 04{hex};encoding=hex\r\n").expect("text");
    }
    write!(text, "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("text");
    text
}

fn sound(fixture: &Fixture, over: u64) -> Vec<(u64, Vec<u8>)> {
    let listens = |step: &Step| matches!(step, Step::Out(Out::Listen { leg: Leg::Caller, .. }));
    let Some(begins) = fixture.lines.iter().find(|line| listens(&line.step)).map(|line| line.t) else {
        return Vec::new();
    };
    let keys = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(In::Key { leg: Leg::Caller, key, .. }) => Some((line.t, *key)),
        _ => None,
    });
    let mut keys = keys.peekable();
    let mut pressed: Option<Sender> = None;
    let mut packets = Vec::new();
    for number in 0_u32.. {
        let t = begins + u64::from(number) * MICROS;
        if t > over {
            break;
        }
        let timestamp = number * 160;
        if let Some((_, key)) = keys.next_if(|(at, _)| *at <= t) {
            pressed = Some(begun(key, timestamp));
        }
        let update = pressed.as_mut().and_then(Sender::step);
        let (marker, payload_type, timestamp, payload) = match update {
            Some(update) => (update.marker, EVENT, update.timestamp, update.payload.to_vec()),
            None => (number == 0, 0, timestamp, vec![0xff; 160]),
        };
        let mut bytes = vec![0; HEADER];
        let header = Header { marker, payload_type, sequence: number as u16, timestamp, ssrc: 7 };
        header.write(bytes.first_chunk_mut().expect("room"));
        bytes.extend(payload);
        packets.push((t, bytes));
    }
    packets
}

fn begun(key: Key, timestamp: u32) -> Sender {
    Sender::new(key, timestamp, Duration::from_millis(60)).expect("short enough")
}
