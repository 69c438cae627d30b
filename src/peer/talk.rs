//! The sound of one peer's call: what it sends every 20 ms, what it hears, and how evenly that comes.

use super::ear::Ear;
use crate::audio::codec::Law;
use crate::codec::{Codec, Preference};
use crate::key::Key;
use crate::keying::{Keyring, Ours, Policy};
use crate::media::{Guard, Pressed, Presses, Statistics, Timing};
use crate::random::Random;
use crate::rtp::event::Receiver;
use crate::rtp::packet::{HEADER, Header};
use crate::sdp::{self, Direction, Negotiated, Srtp};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

pub const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
/// How long a key is held, and the pause before the next one.
const TIMING: Timing = Timing { on: Duration::from_millis(100), off: Duration::from_millis(120) };
/// So many frames of nothing known end what was heard; the same clip again is then heard anew.
const QUIET_FRAMES: u32 = 10;

/// A talk has a keyring of its own: its keys are of one call and one leg.
const ALONE: (u32, u8) = (0, 0);

/// What a talk noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// A clip began, by its number in the ear.
    Heard(u16),
    /// A key of the other side.
    Key(Key),
}

/// What a talk counted.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub sent: u64,
    pub received: u64,
    /// Frames of one byte repeated: another peer's voice, by that byte.
    pub voice: Option<u8>,
    pub voice_frames: u64,
    /// Of SRTP: what could not be protected, and what was refused.
    pub media: Statistics,
    /// Gaps between packets in steps of a millisecond; the last one holds all from 199 ms.
    pub gaps: Vec<u32>,
}

pub struct Talk {
    session: sdp::Session,
    keyring: Keyring,
    guard: Guard,
    negotiated: Option<Negotiated>,
    ear: Option<Arc<Ear>>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The byte that fills our frames.
    voice: u8,
    keys: VecDeque<Key>,
    presses: Presses,
    events: Receiver,
    current: Option<u16>,
    unknown_frames: u32,
    last_packet: Option<Instant>,
    pub next_tick: Instant,
    pub counted: Counted,
}

impl Talk {
    pub fn new(local: SocketAddr, srtp: Policy, voice: u8, ear: Option<Arc<Ear>>, random: &mut Random) -> Self {
        Self {
            session: sdp::Session::new(local, srtp, random),
            keyring: keyring(random),
            guard: Guard::Clear,
            negotiated: None,
            ear,
            ssrc: random.u32(),
            sequence: random.u16(),
            timestamp: random.u32(),
            voice,
            keys: VecDeque::new(),
            presses: Presses::default(),
            events: Receiver::default(),
            current: None,
            unknown_frames: 0,
            last_packet: None,
            next_tick: Instant::ZERO,
            counted: Counted { gaps: vec![0; 200], ..Counted::default() },
        }
    }

    /// An offer of ours; to hold is to offer `SendOnly`.
    pub fn offer(&mut self, direction: Direction) -> Vec<u8> {
        let offer = self.session.offer(&Codec::LAWS, direction);
        self.keyed(&offer)
    }

    /// Answers an offer; `None` if there is nothing in common.
    pub fn answer(&mut self, now: Instant, offer: &[u8]) -> Option<Vec<u8>> {
        let offer = sdp::read(offer).ok()?;
        let (body, negotiated) = self.session.answer(&offer, &Preference::default(), Direction::SendRecv).ok()?;
        self.begin(now, negotiated);
        Some(self.keyed(&body))
    }

    /// Takes the answer to our offer; false if it is of no use.
    pub fn take_answer(&mut self, now: Instant, answer: &[u8]) -> bool {
        let negotiated = sdp::read(answer).ok().and_then(|answer| self.session.take_answer(&answer).ok());
        negotiated.map(|negotiated| self.begin(now, negotiated)).is_some()
    }

    fn begin(&mut self, now: Instant, mut negotiated: Negotiated) {
        if self.negotiated.is_none() {
            self.next_tick = now;
            // As the call does it (RFC 4568 section 6.4).
            self.sequence = if negotiated.srtp.is_some() { self.sequence & 0x7fff } else { self.sequence };
        }
        if let Some(Srtp { ours, theirs }) = &mut negotiated.srtp
            && let Ours::Named(name) = *ours
        {
            *ours = Ours::Known(self.keyring.master(ALONE, name, theirs.suite()));
        }
        self.guard.renew(negotiated.srtp.as_ref());
        self.events.set_clock(negotiated.event_clock);
        self.negotiated = Some(negotiated);
    }

    fn keyed(&self, described: &[u8]) -> Vec<u8> {
        let described = String::from_utf8_lossy(described);
        sdp::fill(&described, |name, suite| self.keyring.master(ALONE, name, suite)).into_bytes()
    }

    pub fn press(&mut self, key: Key) {
        self.keys.push_back(key);
    }

    /// Whether every key that was to be pressed has gone out.
    pub fn pressed(&self) -> bool {
        self.keys.is_empty() && !self.presses.pending()
    }

    /// The packet of this 20 ms step, and where it goes.
    pub fn tick(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.next_tick = self.next_tick + FRAME;
        let negotiated = self.negotiated.as_ref().filter(|negotiated| negotiated.direction != Direction::Inactive)?;
        if !self.presses.pending()
            && let Some(key) = self.keys.pop_front()
        {
            // One key of that timing is always taken.
            self.presses.press(&[key], TIMING);
        }
        let mut packet = vec![0; HEADER];
        let audio = (false, negotiated.payload_type, self.timestamp);
        let events = negotiated.event_send.map(|_| negotiated.event_clock);
        let (marker, payload_type, timestamp) =
            match (self.presses.step(self.timestamp, events), negotiated.event_send, Law::of(negotiated.codec)) {
                (Some(Pressed::Event(update)), Some(event), _) => {
                    packet.extend(update.payload);
                    (update.marker, event, update.timestamp)
                }
                // We offer and answer the laws of G.711 alone.
                (Some(Pressed::Tone(tone)), _, Some(law)) => {
                    let sound = tone.chain(std::iter::repeat(0)).take(SAMPLES);
                    packet.extend(sound.map(law.encode));
                    audio
                }
                _ => {
                    packet.resize(HEADER + SAMPLES, self.voice);
                    audio
                }
            };
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        if let Some(fixed) = packet.first_chunk_mut() {
            header.write(fixed);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES as u32);
        self.counted.sent += 1;
        if !self.guard.is_clear() {
            let mut sealed = None;
            self.guard.close(&packet, &mut self.counted.media, |packet| sealed = Some(packet.to_vec()));
            packet = sealed?;
        }
        Some((negotiated.remote, packet))
    }

    pub fn on_packet(&mut self, now: Instant, packet: &[u8]) -> Option<Noticed> {
        let mut opened;
        let packet = if self.guard.is_clear() {
            packet
        } else {
            opened = packet.to_vec();
            let length = self.guard.open(&mut opened, &mut self.counted.media)?;
            &opened[..length]
        };
        let (header, payload) = Header::read(packet).ok()?;
        let negotiated = self.negotiated.as_ref()?;
        self.counted.received += 1;
        let gap = self.last_packet.map(|last| now.since(last).as_millis());
        if let Some(gap) = gap {
            let step = usize::try_from(gap).unwrap_or(usize::MAX).min(self.counted.gaps.len() - 1);
            self.counted.gaps[step] += 1;
        }
        self.last_packet = Some(now);
        let payload = &packet[payload];
        if Some(header.payload_type) == negotiated.event_receive {
            let mut heard = None;
            self.events.on_event(now, &header, payload, |key| heard = Some(Noticed::Key(key)));
            return heard;
        }
        let codec = negotiated.codec;
        self.listen(payload);
        let heard = self.ear.as_ref().and_then(|ear| ear.hear(codec, payload));
        let Some(clip) = heard else {
            self.unknown_frames += 1;
            if self.unknown_frames >= QUIET_FRAMES {
                self.current = None;
            }
            return None;
        };
        self.unknown_frames = 0;
        if self.current.replace(clip) == Some(clip) {
            return None;
        }
        Some(Noticed::Heard(clip))
    }

    fn listen(&mut self, payload: &[u8]) {
        let first = payload.first().copied();
        let silence = matches!(first, Some(0xff | 0xd5));
        if !silence && payload.iter().all(|byte| Some(*byte) == first) {
            self.counted.voice = first;
            self.counted.voice_frames += 1;
        }
    }
}

/// A peer of ours serves tests and measurements: its keys may come from its seed.
fn keyring(random: &mut Random) -> Keyring {
    let mut secret = [0; 32];
    secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.u64().to_be_bytes()));
    Keyring::new(secret)
}
