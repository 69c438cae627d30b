//! A call with a phone that others wrote, as the server recorded it (`call.jsonl`) and as it lay on the wire
//! (`call.pcap`): the recording runs again in the replayer, the packets in the streams of a media worker.

use askonce::call::Program;
use askonce::keying::{Master, Ours, Suite};
use askonce::media::{Command, Event, Open, Sink, Statistics, StreamId, Streams};
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::{In, KeyCarrier, Leg, Out};
use askonce::rerun;
use askonce::sdp::{Negotiated, Srtp};
use askonce::server::files::{self, Disk};
use askonce::time::{Deadlines, Instant};
use std::net::SocketAddr;
use std::path::Path;

/// A recorded key counts as the same as one heard in the packets if it came so much later or earlier: the worker looks
/// at a stream's socket every few milliseconds, and the program's time begins at its first look at the INVITE.
const NEAR: u64 = 60_000;

pub struct Captured {
    pub fixture: Fixture,
    packets: Vec<Packet>,
}

struct Packet {
    /// Microseconds since the INVITE was taken off its queue.
    at: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// A key by its leg and its time in microseconds since the INVITE.
type Pressed = (Leg, char, u64);

impl Captured {
    /// What a folder keeps.
    pub fn read(folder: &Path) -> Captured {
        let recording = std::fs::read_to_string(folder.join("call.jsonl")).expect("call.jsonl");
        let fixture = Fixture::read(&recording).expect("a readable recording");
        let capture = std::fs::read(folder.join("call.pcap")).expect("call.pcap");
        let packets = packets(&capture, u64::try_from(fixture.header.at.as_microsecond()).expect("after 1970"));
        Captured { fixture, packets }
    }

    /// Runs both again. What each leg's stream counted, the caller's first.
    pub fn again(&self, name: &str) -> [Statistics; 2] {
        let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
        let program: Program = files::load(&Disk, &flow).0.expect("the flow loads").program;
        let replayed = rerun::run(&self.fixture, program).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{name}");
        let (heard, statistics) = self.on_the_wire();
        let recorded = self.recorded();
        // The capture is the phones' own, and has what was pressed; a redacted recording has pseudonyms for it.
        let redacted = self.fixture.header.redacted.is_some();
        let keys = |pressed: &[Pressed]| {
            let key = |key| if redacted { '-' } else { key };
            pressed.iter().map(|&(leg, pressed, _)| (leg, key(pressed))).collect::<Vec<_>>()
        };
        assert_eq!(keys(&heard), keys(&recorded), "{name}");
        for (&(_, key, heard), &(_, _, recorded)) in heard.iter().zip(&recorded) {
            assert!(heard.abs_diff(recorded) < NEAR, "{name}: {key} at {heard} us, recorded at {recorded} us");
        }
        statistics
    }

    /// The keys that came with the media.
    fn recorded(&self) -> Vec<Pressed> {
        let pressed = self.fixture.lines.iter().filter_map(|line| match &line.step {
            Step::In(In::Key { leg, key, by: KeyCarrier::Rtp | KeyCarrier::InBand }) => {
                Some((*leg, key.to_char(), line.t))
            }
            _ => None,
        });
        in_order(pressed.collect())
    }

    /// The streams of the call, opened, moved, bridged and closed as the recording says, hear the packets.
    fn on_the_wire(&self) -> (Vec<Pressed>, [Statistics; 2]) {
        let local = &self.fixture.header.local;
        let mut wire = Wire::default();
        let mut packets = self.packets.iter().peekable();
        let mut until = |wire: &mut Wire, time: u64| {
            while let Some(packet) = packets.next_if(|packet| packet.at <= time) {
                wire.to(packet.at);
                let leg = [local.caller_media, local.agent_media].iter().position(|at| *at == packet.to);
                let Some(leg) = leg else { continue };
                let (now, id) = (Instant::from_micros(packet.at), StreamId { call: 1, leg: leg as u8 });
                wire.streams.on_packet(now, id, packet.from, &mut packet.bytes.clone(), &mut wire.told);
                wire.heard();
            }
            wire.to(time);
        };
        for line in &self.fixture.lines {
            until(&mut wire, line.t);
            if let Step::Out(out) = &line.step
                && let Some(command) = self.command(out)
            {
                wire.command(command);
            }
        }
        for leg in 0..2 {
            wire.command(Command::Close { id: StreamId { call: 1, leg } });
        }
        let closed = std::mem::take(&mut wire.closed).try_into().expect("two legs");
        (in_order(wire.pressed), closed)
    }

    fn command(&self, out: &Out) -> Option<Command> {
        Some(match out {
            Out::Listen { leg, session, ssrc, sequence, timestamp } => Command::Open(Box::new(Open {
                id: id(*leg),
                signalling: session.remote.ip(),
                media_from: Vec::new(),
                ssrc: *ssrc,
                sequence: *sequence,
                timestamp: *timestamp,
                gated: false,
                session: self.keyed(session),
            })),
            Out::Retarget { leg, session } | Out::Reanswer { leg, session: Some(session), .. } => {
                Command::Retarget { id: id(*leg), session: Box::new(self.keyed(session)) }
            }
            Out::Bridge => Command::Bridge { call: 1, a: 0, b: 1 },
            Out::Unbridge => Command::Unbridge { call: 1 },
            _ => return None,
        })
    }

    /// A recording has no keys of SRTP: theirs is in the message that names their media port.
    fn keyed(&self, session: &Negotiated) -> Negotiated {
        let Some(Srtp { theirs, .. }) = &session.srtp else { return session.clone() };
        let key = self.key(theirs.suite(), session.remote.port()).expect("their key is in the capture");
        Negotiated { srtp: Some(Srtp { ours: Ours::Known(key.clone()), theirs: key }), ..session.clone() }
    }

    fn key(&self, suite: Suite, port: u16) -> Option<Master> {
        let texts = self.packets.iter().filter_map(|packet| std::str::from_utf8(&packet.bytes).ok());
        let mut theirs = texts.filter(|text| text.contains(&format!("\r\nm=audio {port} ")));
        let crypto = format!(" {} inline:", suite.name());
        let line = theirs.find_map(|text| text.lines().find_map(|line| line.split_once(&crypto)))?;
        Master::read(suite, line.1.split(['|', ' ']).next()?)
    }
}

fn id(leg: Leg) -> StreamId {
    StreamId { call: 1, leg: u8::from(leg == Leg::Agent) }
}

/// By legs: two that press at once are told in either order.
fn in_order(mut pressed: Vec<Pressed>) -> Vec<Pressed> {
    pressed.sort_by_key(|&(leg, ..)| leg);
    pressed
}

/// A worker without sockets.
#[derive(Default)]
struct Wire {
    streams: Streams,
    told: Told,
    ticks: Deadlines<StreamId>,
    now: Instant,
    pressed: Vec<Pressed>,
    closed: Vec<Statistics>,
}

#[derive(Default)]
struct Told(Vec<Event>);

impl Sink for Told {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn event(&mut self, event: Event) {
        self.0.push(event);
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}
}

impl Wire {
    fn command(&mut self, command: Command) {
        if let Command::Open(open) = &command {
            self.ticks.set(self.now, open.id);
        }
        self.streams.command(command, &mut self.told);
        self.heard();
    }

    /// Ticks the streams up to that time.
    fn to(&mut self, time: u64) {
        let time = Instant::from_micros(time);
        while let Some((due, id)) = self.ticks.due(time) {
            self.now = due;
            if let Some(next) = self.streams.tick(due, id, &mut self.told) {
                self.ticks.set(next, id);
            }
            self.heard();
        }
        self.now = time;
    }

    fn heard(&mut self) {
        for event in self.told.0.drain(..) {
            match event {
                Event::Key { id, key } | Event::Tone { id, key } => {
                    self.pressed.push((Leg::BOTH[usize::from(id.leg)], key.to_char(), self.now.as_micros()));
                }
                Event::Closed { statistics, .. } => self.closed.push(statistics),
                Event::Ended { .. } | Event::Silent { .. } | Event::Heard { .. } => {}
                Event::Refused { id, refusal } => panic!("{id:?}: {refusal:?}"),
            }
        }
    }
}

/// The UDP datagrams of a capture in libpcap's format, of Ethernet frames with IPv4, since `begun`, in microseconds.
fn packets(capture: &[u8], begun: u64) -> Vec<Packet> {
    let number = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((number(0), number(20)), (0xa1b2_c3d4, 1), "libpcap, in microseconds, of Ethernet");
    let (mut at, mut packets) = (24, Vec::new());
    while at < capture.len() {
        let length = number(at + 8) as usize;
        let time = u64::from(number(at)) * 1_000_000 + u64::from(number(at + 4));
        packets.extend(packet(time.saturating_sub(begun), &capture[at + 16..at + 16 + length]));
        at += 16 + length;
    }
    packets
}

/// RFC 791, RFC 768.
fn packet(at: u64, frame: &[u8]) -> Option<Packet> {
    let ip = frame.get(14..).filter(|ip| ip[0] >> 4 == 4 && ip[9] == 17)?;
    let header = usize::from(ip[0] & 15) * 4;
    let udp = ip.get(header..)?;
    let [f0, f1, t0, t1] = *udp.first_chunk::<4>()?;
    let address = |at: usize, port| SocketAddr::from((<[u8; 4]>::try_from(&ip[at..at + 4]).expect("four bytes"), port));
    let (from, to) = (address(12, u16::from_be_bytes([f0, f1])), address(16, u16::from_be_bytes([t0, t1])));
    Some(Packet { at, from, to, bytes: udp.get(8..)?.to_vec() })
}
