//! All streams of one worker, by name, and the bridges between them.

use super::player::Player;
use super::stream::Stream;
use super::{Command, Event, Open, Refusal, Sink, StreamId};
use crate::time::Instant;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;

/// Streams of one worker: more than one core can send for (10,000 were measured).
const STREAMS: usize = 16_384;

/// A table by stream, for the packet path.
pub type ByStream<V> = HashMap<StreamId, V, BuildHasherDefault<IdHasher>>;

#[derive(Debug, Default)]
pub struct Streams {
    streams: ByStream<Stream>,
    /// The two bridged legs of a call.
    bridges: HashMap<u32, (u8, u8), BuildHasherDefault<IdHasher>>,
    /// The three joined ones.
    joins: HashMap<u32, [u8; 3], BuildHasherDefault<IdHasher>>,
    /// Packets for a stream that is not open.
    strays: u64,
}

/// The streams of a call on their way from one worker to another.
#[derive(Debug)]
pub struct Moving {
    pub call: u32,
    streams: Vec<(StreamId, Stream)>,
    bridge: Option<(u8, u8)>,
    joined: Option<[u8; 3]>,
}

impl Moving {
    pub fn ids(&self) -> impl Iterator<Item = StreamId> {
        self.streams.iter().map(|(id, _)| *id)
    }
}

/// How soon a stream's packets have to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// A prompt plays: a key may stop it.
    Playing,
    /// Silence: a key may be the last that was waited for.
    Listening,
    /// Another leg hears every packet.
    Bridged,
}

impl Streams {
    pub fn command(&mut self, command: Command, sink: &mut impl Sink) {
        match command {
            Command::Open(open) => self.open(*open, sink),
            Command::Ungate(id) => self.with(id, sink, |stream, _| stream.ungate()),
            Command::Retarget { id, session } => {
                self.with(id, sink, |stream, sink| stream.retarget(*session, sink));
                if let Some(&(a, b)) = self.bridges.get(&id.call) {
                    self.tell_codecs(id.call, a, b);
                }
            }
            Command::Play { id, play, arena, spans, looped, from } => {
                self.with(id, sink, |stream, sink| match Player::new(play, arena, spans, looped, from) {
                    Some(player) => stream.play(player),
                    None => sink.event(Event::Refused { id, refusal: Refusal::Spans }),
                });
            }
            Command::Stop { id } => self.with(id, sink, |stream, _| stream.stop()),
            Command::Press { id, keys, timing } => self.with(id, sink, |stream, sink| {
                if !stream.press(&keys, timing) {
                    sink.event(Event::Refused { id, refusal: Refusal::Keys });
                }
            }),
            Command::Tap { id, tapping, recording } => {
                self.with(id, sink, |stream, _| stream.tap(tapping, recording));
            }
            Command::Bridge { call, a, b } => self.bridge(call, a, b, sink),
            Command::Join { call, legs } => self.join(call, legs, sink),
            Command::Unbridge { call } => self.unbridge(call),
            Command::Close { id } => self.close(id, sink),
        }
    }

    /// A datagram that came to the stream's socket. Its header is overwritten if it is passed on.
    pub fn on_packet(
        &mut self,
        now: Instant,
        id: StreamId,
        source: SocketAddr,
        bytes: &mut [u8],
        sink: &mut impl Sink,
    ) {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.strays += 1;
            return;
        };
        let Some(passing) = stream.receive(now, source, bytes, sink) else { return };
        if let Some(seat) = &mut stream.seat {
            seat.take(&passing, bytes.get(passing.payload.clone()).unwrap_or(&[]));
            return;
        }
        let other = stream.bridged.map(|leg| StreamId { leg, ..id });
        if let Some(other) = other.and_then(|other| self.streams.get_mut(&other)) {
            other.relay(now, &passing, bytes, sink);
        }
    }

    /// A datagram that came to the port beside the stream's.
    pub fn on_report(&mut self, now: Instant, id: StreamId, source: SocketAddr, bytes: &mut [u8]) {
        match self.streams.get_mut(&id) {
            Some(stream) => stream.receive_report(now, source, bytes),
            None => self.strays += 1,
        }
    }

    /// One step of 20 ms of one stream, if it is due. Returns when the next one is; `None` if no such stream is open.
    pub fn tick(&mut self, now: Instant, id: StreamId, sink: &mut impl Sink) -> Option<Instant> {
        let stream = self.streams.get_mut(&id)?;
        let Some(others) = stream.seat.as_ref().map(|seat| seat.others()) else {
            return Some(stream.step(now, sink, |_| ()));
        };
        let [a, b] = others.map(|leg| StreamId { leg, ..id });
        let [stream, a, b] = self.streams.get_disjoint_mut([&id, &a, &b]);
        Some(stream?.step(now, sink, |sum| {
            let seats = [a, b].into_iter().flatten().filter_map(|other| other.seat.as_mut());
            seats.for_each(|seat| seat.add_to(id.leg, sum));
        }))
    }

    /// Takes a call's streams out as they stand.
    pub fn leave(&mut self, call: u32) -> Moving {
        let ids = (0..=u8::MAX).map(|leg| StreamId { call, leg });
        let streams = ids.filter_map(|id| Some((id, self.streams.remove(&id)?))).collect();
        Moving { call, streams, bridge: self.bridges.remove(&call), joined: self.joins.remove(&call) }
    }

    /// Takes a call in that left another worker. Its streams are refused together if there is no room for them.
    pub fn arrive(&mut self, moving: Moving, sink: &mut impl Sink) {
        if self.streams.len() + moving.streams.len() > STREAMS {
            return moving.ids().for_each(|id| sink.event(Event::Refused { id, refusal: Refusal::Full }));
        }
        self.streams.extend(moving.streams);
        self.bridges.extend(moving.bridge.map(|legs| (moving.call, legs)));
        self.joins.extend(moving.joined.map(|legs| (moving.call, legs)));
    }

    /// `None` if no such stream is open.
    pub fn attention(&self, id: StreamId) -> Option<Attention> {
        let stream = self.streams.get(&id)?;
        Some(match (stream.bridged, &stream.player) {
            (Some(_), _) => Attention::Bridged,
            (None, Some(_)) => Attention::Playing,
            (None, None) => Attention::Listening,
        })
    }

    pub fn len(&self) -> usize {
        self.streams.len()
    }

    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Packets that came for no stream.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    fn open(&mut self, open: Open, sink: &mut impl Sink) {
        let id = open.id;
        let refusal = if self.streams.contains_key(&id) {
            Refusal::Taken
        } else if self.streams.len() == STREAMS {
            Refusal::Full
        } else {
            self.streams.insert(id, Stream::new(open));
            return;
        };
        sink.event(Event::Refused { id, refusal });
    }

    fn close(&mut self, id: StreamId, sink: &mut impl Sink) {
        let bridged = self.bridges.get(&id.call).is_some_and(|&(a, b)| a == id.leg || b == id.leg);
        if bridged || self.joins.get(&id.call).is_some_and(|legs| legs.contains(&id.leg)) {
            self.unbridge(id.call);
        }
        match self.streams.remove(&id) {
            Some(stream) => sink.event(Event::Closed { id, statistics: stream.close() }),
            None => sink.event(Event::Refused { id, refusal: Refusal::Unknown }),
        }
    }

    /// Whether all of these are open; the first that is not is told.
    fn are_open(&self, call: u32, legs: &[u8], sink: &mut impl Sink) -> bool {
        let mut ids = legs.iter().map(|&leg| StreamId { call, leg });
        let absent = ids.find(|id| !self.streams.contains_key(id));
        if let Some(id) = absent {
            sink.event(Event::Refused { id, refusal: Refusal::Unknown });
        }
        absent.is_none()
    }

    fn join(&mut self, call: u32, legs: [u8; 3], sink: &mut impl Sink) {
        let [a, b, c] = legs;
        if a == b || b == c || a == c {
            sink.event(Event::Refused { id: StreamId { call, leg: b }, refusal: Refusal::Taken });
            return;
        }
        if !self.are_open(call, &legs, sink) {
            return;
        }
        self.unbridge(call);
        self.joins.insert(call, legs);
        for (leg, others) in [(a, [b, c]), (b, [a, c]), (c, [a, b])] {
            if let Some(stream) = self.streams.get_mut(&StreamId { call, leg }) {
                stream.join(others);
            }
        }
    }

    fn bridge(&mut self, call: u32, a: u8, b: u8, sink: &mut impl Sink) {
        let id = |leg| StreamId { call, leg };
        if !self.are_open(call, &[a, b], sink) {
            return;
        }
        self.unbridge(call);
        self.bridges.insert(call, (a, b));
        for (leg, other) in [(a, b), (b, a)] {
            if let Some(stream) = self.streams.get_mut(&id(leg)) {
                stream.bridge(Some(other));
            }
        }
        self.tell_codecs(call, a, b);
    }

    /// Each leg of a bridge learns what the other one speaks.
    fn tell_codecs(&mut self, call: u32, a: u8, b: u8) {
        for (leg, other) in [(a, b), (b, a)] {
            let codec = self.streams.get(&StreamId { call, leg: other }).map(Stream::codec);
            if let Some(stream) = self.streams.get_mut(&StreamId { call, leg }) {
                stream.hears(codec);
            }
        }
    }

    fn unbridge(&mut self, call: u32) {
        let pair = self.bridges.remove(&call).map(|(a, b)| [a, b]);
        let three = self.joins.remove(&call);
        for leg in pair.into_iter().flatten().chain(three.into_iter().flatten()) {
            if let Some(stream) = self.streams.get_mut(&StreamId { call, leg }) {
                stream.bridge(None);
                stream.hears(None);
            }
        }
    }

    fn with<S: Sink>(&mut self, id: StreamId, sink: &mut S, act: impl FnOnce(&mut Stream, &mut S)) {
        match self.streams.get_mut(&id) {
            Some(stream) => act(stream, sink),
            None => sink.event(Event::Refused { id, refusal: Refusal::Unknown }),
        }
    }
}

/// Names are numbers that we gave out ourselves: mixing their bits is enough, and every packet needs it.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(8) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
