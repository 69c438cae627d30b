//! One stream: what it takes from its far end, and what it sends at each step.

use super::ear::Ear;
use super::pace::Pace;
use super::player::Player;
use super::press::{Pressed, Presses};
use super::relay::{Kind, Mapping, Passing};
use super::source::Source;
use super::{Event, Open, Sink, Statistics, StreamId, Timing};
use crate::audio::arena::FRAME;
use crate::audio::codec;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::packet::HEADER;
use crate::rtp::{Header, NotRtp, Order, Place};
use crate::sdp::Negotiated;
use crate::time::Instant;
use std::net::SocketAddr;
use std::ops::Range;

/// Comfort noise (RFC 3551 section 6): taken as a sign of life, never passed on, for nobody agreed on it.
const COMFORT_NOISE: u8 = 13;

#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    /// What is agreed on now.
    pub(super) session: Negotiated,
    pub(super) ssrc: u32,
    /// Of the next packet.
    pub(super) sequence: u16,
    pub(super) pace: Pace,
    pub(super) player: Option<Player>,
    /// Keys that we press.
    pub(super) presses: Presses,
    pub(super) mapping: Option<Mapping>,
    /// Our own frames paused: the next one bears the marker (RFC 3551 section 4.1).
    pub(super) gap: bool,
    pub(super) statistics: Statistics,
    /// The leg that this one is bridged with.
    pub(super) bridged: Option<u8>,
    gated: bool,
    source: Source,
    order: Order,
    ear: Ear,
}

impl Stream {
    pub fn new(open: Open) -> Self {
        Self {
            id: open.id,
            ssrc: open.ssrc,
            sequence: open.sequence,
            pace: Pace::new(open.timestamp),
            player: None,
            presses: Presses::default(),
            mapping: None,
            gap: true,
            statistics: Statistics::default(),
            bridged: None,
            gated: open.gated,
            source: Source::new(&open),
            order: Order::default(),
            ear: Ear::new(open.session.event_receive.is_some()),
            session: open.session,
        }
    }

    /// Takes a datagram in. Returns what the bridged leg should send of it.
    pub fn receive(&mut self, now: Instant, source: SocketAddr, bytes: &[u8], sink: &mut impl Sink) -> Option<Passing> {
        let (header, payload) = self.admit(source, bytes, sink)?;
        let place = self.order.place(header.ssrc, header.sequence);
        self.statistics.lost = self.order.lost();
        match place {
            Place::Unproven => {
                self.statistics.refused.unproven += 1;
                return None;
            }
            Place::Repeated | Place::Late => self.statistics.late += 1,
            Place::Ahead | Place::Restarted => {}
        }
        self.statistics.received += 1;
        let kind = self.hear(now, (&header, place), bytes.get(payload.clone())?, sink);
        let passed = place != Place::Repeated && header.payload_type != COMFORT_NOISE;
        (passed && self.bridged.is_some()).then_some(Passing { header, payload, kind, place })
    }

    /// One step of 20 ms, if its frame is due. Returns when the next one is.
    pub fn step(&mut self, now: Instant, sink: &mut impl Sink) -> Instant {
        self.gap |= self.pace.leap(now);
        let due = self.due(now);
        if now < due {
            return due;
        }
        if self.may_send() && (self.player.is_some() || self.presses.pending() || self.bridged.is_none()) {
            self.send_frame(sink);
        } else {
            self.gap = true;
        }
        self.pace.advance(now, self.player.is_some());
        self.due(now)
    }

    pub fn may_send(&self) -> bool {
        !self.gated && self.session.direction.sends()
    }

    pub fn ungate(&mut self) {
        self.gated = false;
    }

    pub fn play(&mut self, player: Player) {
        self.player = Some(player);
        self.break_relay();
    }

    pub fn stop(&mut self) {
        self.player = None;
        self.pace.settle();
    }

    /// `false` if these keys cannot wait.
    pub fn press(&mut self, keys: &[Key], timing: Timing) -> bool {
        self.break_relay();
        self.presses.press(keys, timing)
    }

    pub fn bridge(&mut self, leg: Option<u8>) {
        self.bridged = leg;
        self.break_relay();
    }

    pub fn retarget(&mut self, session: Negotiated, sink: &mut impl Sink) {
        if self.source.retarget(session.remote) {
            sink.disconnect(self.id);
        }
        self.ear.agree(session.event_receive.is_some());
        self.session = session;
    }

    pub fn close(self) -> Statistics {
        let ignored = self.ear.ignored();
        let mut statistics = self.statistics;
        statistics.refused.events = ignored.codes + ignored.short;
        statistics
    }

    /// Sends a finished packet to the far end.
    pub fn send(&mut self, packet: &[u8], sink: &mut impl Sink) {
        self.statistics.sent += 1;
        sink.send(self.id, self.source.destination(), packet);
    }

    fn due(&mut self, now: Instant) -> Instant {
        let early = self.may_send() && !self.presses.pending() && self.player.as_ref().is_some_and(Player::fresh);
        self.pace.due(now, early)
    }

    /// The header and where the payload lies, of a packet that we may believe. The first one latches its source.
    fn admit(&mut self, source: SocketAddr, bytes: &[u8], sink: &mut impl Sink) -> Option<(Header, Range<usize>)> {
        let refused = &mut self.statistics.refused;
        if !self.source.trusts(source) {
            refused.foreign += 1;
            return None;
        }
        let (header, payload) = match Header::read(bytes) {
            Ok(read) => read,
            Err(NotRtp::Rtcp) => {
                self.statistics.rtcp += 1;
                return None;
            }
            Err(_) => {
                refused.malformed += 1;
                return None;
            }
        };
        let agreed = [self.session.event_receive, Some(COMFORT_NOISE)].contains(&Some(header.payload_type));
        if !agreed && self.codec_of(header.payload_type).is_none() {
            self.statistics.refused.payload_type += 1;
            return None;
        }
        if !self.session.direction.receives() {
            self.statistics.refused.on_hold += 1;
            return None;
        }
        if self.source.latch(source) {
            sink.connect(self.id, source);
            sink.event(Event::Latched { id: self.id, source });
            self.gated = false;
        }
        Some((header, payload))
    }

    /// The codec of a payload type that may come in: the agreed one, and the other law of G.711 by its static type,
    /// which a peer that answered both may send as well (RFC 3264 section 6.1).
    fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        if payload_type == self.session.receive_payload_type {
            return Some(self.session.codec);
        }
        Codec::ALL.into_iter().find(|codec| codec.payload_type() == payload_type)
    }

    /// What kind of packet it is; keys in it are told.
    fn hear(&mut self, now: Instant, packet: (&Header, Place), payload: &[u8], sink: &mut impl Sink) -> Kind {
        let (id, payload_type) = (self.id, packet.0.payload_type);
        if Some(payload_type) == self.session.event_receive {
            let told = |key| sink.event(Event::Key { id, key });
            self.ear.event(now, packet.0, payload, &mut self.statistics, told);
            return Kind::Event;
        }
        let codec = self.codec_of(payload_type).unwrap_or(self.session.codec);
        let sound = (payload_type != COMFORT_NOISE).then_some((codec, payload));
        self.ear.audio(now, packet, sound, &mut self.statistics, |key| sink.event(Event::Tone { id, key }));
        Kind::Audio(codec)
    }

    /// Sends what this frame's time is for: a key that we press, what plays, or silence.
    fn send_frame(&mut self, sink: &mut impl Sink) {
        let stamp = self.pace.stamp();
        let mut packet = [codec::silence(self.session.codec); HEADER + FRAME];
        let (_, frame) = packet.split_at_mut(HEADER);
        match self.presses.step(stamp, self.session.event_send.is_some()) {
            Some(Pressed::Event(update)) => {
                let Some(payload_type) = self.session.event_send else { return };
                frame[..update.payload.len()].copy_from_slice(&update.payload);
                let length = HEADER + update.payload.len();
                return self.send_as(payload_type, update.marker, update.timestamp, &mut packet[..length], sink);
            }
            Some(Pressed::Tone(tone)) => {
                for (byte, sample) in frame.iter_mut().zip(tone) {
                    *byte = codec::encode(self.session.codec, sample);
                }
            }
            Some(Pressed::Pause) => {}
            None => self.play_frame(frame, sink),
        }
        let marker = std::mem::take(&mut self.gap);
        self.send_as(self.session.payload_type, marker, stamp, &mut packet, sink);
    }

    fn play_frame(&mut self, out: &mut [u8], sink: &mut impl Sink) {
        let id = self.id;
        let Some(player) = &mut self.player else { return };
        let (play, fresh) = (player.play, player.fresh());
        if let Some(frame) = player.next_frame(self.session.codec) {
            out.copy_from_slice(frame);
            if fresh {
                sink.event(Event::Started { id, play });
            }
        }
        if player.ended() {
            self.player = None;
            sink.event(Event::Ended { id, play });
        }
    }

    /// Sends a packet whose payload is written, under our next sequence number.
    fn send_as(&mut self, payload_type: u8, marker: bool, timestamp: u32, packet: &mut [u8], sink: &mut impl Sink) {
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        if let Some(head) = packet.first_chunk_mut() {
            header.write(head);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.send(packet, sink);
    }
}
