//! One stream: what it takes from its far end, and what it sends at each step.

use super::guard::Guard;
use super::pace::Pace;
use super::player::Player;
use super::relay::{Kind, Mapping, Passing};
use super::source::Source;
use super::{Event, Open, Sink, Statistics, StreamId};
use crate::audio::arena::FRAME;
use crate::audio::codec;
use crate::codec::Codec;
use crate::rtp::event::Receiver;
use crate::rtp::packet::HEADER;
use crate::rtp::{Header, NotRtp, Order, Place};
use crate::sdp::Negotiated;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::ops::Range;

/// Comfort noise (RFC 3551 section 6): taken as a sign of life, never passed on, for nobody agreed on it.
const COMFORT_NOISE: u8 = 13;

/// Presses of one stream in a second: five times what the fastest dialler sends. More is no caller.
const PRESSES: u32 = 50;
const PRESSES_IN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    /// What is agreed on now.
    pub(super) session: Negotiated,
    /// Presses since a moment, for their bound.
    presses: (Instant, u32),
    pub(super) ssrc: u32,
    /// Of the next packet.
    pub(super) sequence: u16,
    pub(super) pace: Pace,
    pub(super) player: Option<Player>,
    pub(super) mapping: Option<Mapping>,
    /// Our own frames paused: the next one bears the marker (RFC 3551 section 4.1).
    pub(super) gap: bool,
    pub(super) statistics: Statistics,
    /// The leg that this one is bridged with.
    pub(super) bridged: Option<u8>,
    gated: bool,
    source: Source,
    guard: Guard,
    order: Order,
    keys: Receiver,
}

impl Stream {
    pub fn new(open: Open) -> Self {
        Self {
            id: open.id,
            ssrc: open.ssrc,
            sequence: open.sequence,
            pace: Pace::new(open.timestamp),
            player: None,
            mapping: None,
            gap: true,
            statistics: Statistics::default(),
            bridged: None,
            gated: open.gated,
            source: Source::new(&open),
            guard: Guard::new(open.session.srtp.as_ref()),
            order: Order::default(),
            keys: Receiver::default(),
            session: open.session,
            presses: (Instant::ZERO, 0),
        }
    }

    /// Takes a datagram in, and its protection off. Returns what the bridged leg should send of it.
    pub fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        bytes: &mut [u8],
        sink: &mut impl Sink,
    ) -> Option<Passing> {
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
        let kind = if Some(header.payload_type) == self.session.event_receive {
            self.hear(now, &header, bytes.get(payload.clone())?, sink);
            Kind::Event
        } else {
            Kind::Audio(self.codec_of(header.payload_type).unwrap_or(self.session.codec))
        };
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
        if self.may_send() && (self.player.is_some() || self.bridged.is_none()) {
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

    pub fn bridge(&mut self, leg: Option<u8>) {
        self.bridged = leg;
        self.break_relay();
    }

    pub fn retarget(&mut self, session: Negotiated, sink: &mut impl Sink) {
        if self.source.retarget(session.remote) {
            sink.disconnect(self.id);
        }
        self.guard.renew(session.srtp.as_ref());
        self.session = session;
    }

    pub fn close(self) -> Statistics {
        let ignored = self.keys.ignored();
        let mut statistics = self.statistics;
        statistics.srtp = self.session.srtp.map(|srtp| srtp.theirs.suite());
        statistics.refused.events = ignored.codes + ignored.short;
        statistics
    }

    /// Sends a finished packet to the far end.
    pub fn send(&mut self, packet: &[u8], sink: &mut impl Sink) {
        let (id, to) = (self.id, self.source.destination());
        self.guard.close(packet, &mut self.statistics, |packet| sink.send(id, to, packet));
    }

    fn due(&mut self, now: Instant) -> Instant {
        let early = self.may_send() && self.player.as_ref().is_some_and(Player::fresh);
        self.pace.due(now, early)
    }

    /// The header and where the payload lies, of a packet that we may believe. The first one latches its source.
    fn admit(&mut self, source: SocketAddr, bytes: &mut [u8], sink: &mut impl Sink) -> Option<(Header, Range<usize>)> {
        if !self.source.trusts(source) {
            self.statistics.refused.foreign += 1;
            return None;
        }
        let length = self.guard.open(bytes, &mut self.statistics)?;
        let refused = &mut self.statistics.refused;
        let (header, payload) = match Header::read(bytes.get(..length)?) {
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

    fn hear(&mut self, now: Instant, header: &Header, payload: &[u8], sink: &mut impl Sink) {
        if now.since(self.presses.0) >= PRESSES_IN {
            self.presses = (now, 0);
        }
        let (id, statistics, presses) = (self.id, &mut self.statistics, &mut self.presses.1);
        self.keys.on_event(now, header, payload, |key| {
            *presses += 1;
            if *presses > PRESSES {
                statistics.refused.presses += 1;
                return;
            }
            statistics.keys += 1;
            sink.event(Event::Key { id, key });
        });
    }

    fn send_frame(&mut self, sink: &mut impl Sink) {
        let id = self.id;
        let mut packet = [codec::silence(self.session.codec); HEADER + FRAME];
        if let Some(player) = &mut self.player {
            let (play, fresh) = (player.play, player.fresh());
            if let Some(frame) = player.next_frame(self.session.codec) {
                packet[HEADER..].copy_from_slice(frame);
                if fresh {
                    sink.event(Event::Started { id, play });
                }
            }
            if player.ended() {
                self.player = None;
                sink.event(Event::Ended { id, play });
            }
        }
        let header = Header {
            marker: std::mem::take(&mut self.gap),
            payload_type: self.session.payload_type,
            sequence: self.sequence,
            timestamp: self.pace.stamp(),
            ssrc: self.ssrc,
        };
        if let Some(head) = packet.first_chunk_mut() {
            header.write(head);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.send(&packet, sink);
    }
}
