//! Streams on the virtual clock: a wire that remembers, and packets made by hand.

mod bridge;
mod join;
mod keys;
mod play;
mod reports;
mod secure;
mod transcode;
mod trust;

use super::*;
use crate::audio::ArenaBuilder;
use crate::audio::codec::Law;
use crate::codec::Codec;
use crate::rtp::packet::{HEADER, Header};
use crate::sdp::Direction;
use crate::time::{Duration, Instant};

const A: StreamId = StreamId { call: 1, leg: 0 };
const B: StreamId = StreamId { call: 1, leg: 1 };

/// A packet that was sent: when, by whom, where to, and what.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at: u64,
    id: StreamId,
    to: SocketAddr,
    header: Header,
    payload: Vec<u8>,
}

#[derive(Default)]
struct Wire {
    now: u64,
    sent: Vec<Sent>,
    events: Vec<Event>,
    /// Reports: when, by whom, where to, and what.
    reports: Vec<(u64, StreamId, SocketAddr, Vec<u8>)>,
    connects: Vec<(StreamId, Option<SocketAddr>)>,
}

impl Sink for Wire {
    fn send(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        let Ok((header, payload)) = Header::read(packet) else { return self.report(id, to, packet) };
        let payload = packet[payload].to_vec();
        self.sent.push(Sent { at: self.now, id, to, header, payload });
    }

    fn report(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        self.reports.push((self.now, id, to, packet.to_vec()));
    }

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn connect(&mut self, id: StreamId, to: SocketAddr) {
        self.connects.push((id, Some(to)));
    }

    fn disconnect(&mut self, id: StreamId) {
        self.connects.push((id, None));
    }
}

/// Streams and their wire, at a time in milliseconds.
#[derive(Default)]
struct World {
    streams: Streams,
    wire: Wire,
}

impl World {
    /// Two legs: A in PCMU on 10.0.0.1, B in PCMA on 10.0.0.2 whose telephone-event is 96.
    fn with_two() -> World {
        let mut world = World::default();
        for open in [open(A), with_b()] {
            world.command(Command::Open(Box::new(open)));
        }
        world
    }

    fn command(&mut self, command: Command) {
        self.streams.command(command, &mut self.wire);
    }

    fn tick(&mut self, at: u64, id: StreamId) -> u64 {
        self.wire.now = at;
        let due = self.streams.tick(Instant::from_micros(at * 1000), id, &mut self.wire);
        due.expect("an open stream").as_micros() / 1000
    }

    /// Ticks whenever the stream is due, until `until`.
    fn run(&mut self, id: StreamId, from: u64, until: u64) {
        let mut at = from;
        while at < until {
            at = self.tick(at, id);
        }
    }

    fn packet(&mut self, at: u64, id: StreamId, source: &str, bytes: &[u8]) {
        self.wire.now = at;
        let now = Instant::from_micros(at * 1000);
        self.streams.on_packet(now, id, address(source), &mut bytes.to_vec(), &mut self.wire);
    }

    fn play(&mut self, id: StreamId, play: u32, clips: &[&str], looped: bool) {
        self.play_from(id, play, clips, looped, 0);
    }

    fn play_from(&mut self, id: StreamId, play: u32, clips: &[&str], looped: bool, from: u32) {
        let arena = arena();
        let spans = clips.iter().map(|clip| arena.span(clip).expect("a clip")).collect();
        self.command(Command::Play { id, play, arena, spans, looped, from });
    }

    fn close(&mut self, id: StreamId) -> Statistics {
        self.command(Command::Close { id });
        match self.wire.events.pop() {
            Some(Event::Closed { statistics, .. }) => statistics,
            other => panic!("closed, not {other:?}"),
        }
    }

    fn keys(&self) -> String {
        let key = |event: &Event| match event {
            Event::Key { key, .. } => Some(key.to_char()),
            _ => None,
        };
        self.wire.events.iter().filter_map(key).collect()
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// PCMA at 10.0.0.2:4000, telephone-event 96.
fn with_b() -> Open {
    let (b, remote, codec) = (open(B), address("10.0.0.2:4000"), Codec::Pcma);
    let session =
        Negotiated { codec, payload_type: 8, receive_payload_type: 8, remote, event_send: Some(96), ..b.session };
    Open { session, signalling: remote.ip(), ssrc: 0xb, ..b }
}

/// PCMU at 10.0.0.1:4000, telephone-event 101 one way and 102 the other.
fn open(id: StreamId) -> Open {
    let remote = address("10.0.0.1:4000");
    Open {
        id,
        session: Negotiated {
            codec: Codec::Pcmu,
            payload_type: 0,
            receive_payload_type: 0,
            event_send: Some(102),
            event_receive: Some(101),
            event_clock: 8000,
            remote,
            direction: Direction::SendRecv,
            rtcp_mux: false,
            srtp: None,
        },
        signalling: remote.ip(),
        media_from: Vec::new(),
        ssrc: 0xa,
        sequence: 65_530,
        timestamp: u32::MAX - 100,
        gated: false,
    }
}

/// Clips of one and two frames whose bytes are all alike, and one of no frame.
fn arena() -> Arc<Arena> {
    let mut builder = ArenaBuilder::default();
    builder.clip("one", &[1000; 160], 8_000).expect("room");
    builder.clip("two", &[-5000; 320], 8_000).expect("room");
    builder.clip("empty", &[], 8_000).expect("room");
    Arc::new(builder.build())
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    of(0x5, payload_type, sequence, timestamp, payload)
}

fn of(ssrc: u32, payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut head = [0; HEADER];
    Header { marker: false, payload_type, sequence, timestamp, ssrc }.write(&mut head);
    [&head, payload].concat()
}
