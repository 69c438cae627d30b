//! The sound of one peer's call: what it sends every 20 ms, what it hears, and how evenly that comes.

use super::ear::{Ear, Frame};
use super::histogram::Histogram;
use super::voice::{self, Level, Voice};
use super::watch::{Entry, Watch};
use crate::audio::codec::{FRAME as BYTES, silence};
use crate::codec::Preference;
use crate::key::Key;
use crate::keying::{Keyring, Ours};
use crate::media::{FRAME_TIME, Guard, Pressed, Presses, Statistics};
use crate::random::Random;
use crate::rtp::event::Receiver;
use crate::rtp::packet::{HEADER, Header};
use crate::rtp::{Order, Place};
use crate::sdp::{self, Direction, Negotiated, Srtp};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// So many frames of nothing known end what was heard; the same clip again is then heard anew, as it is from an earlier
/// frame.
const QUIET_FRAMES: u32 = 10;

/// Frames that are made up for after a delay; of more, none is.
const CATCH_UP: u32 = 2;

/// A talk has a keyring of its own: its keys are of one call and one leg.
const ALONE: (u32, u8) = (0, 0);

/// What a talk noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// A clip began, by its number in the ear, so long ago.
    Heard(u16, Duration),
    /// A key of the other side.
    Key(Key),
}

/// What a talk counted.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub sent: u64,
    pub received: u64,
    /// By sequence numbers.
    pub lost: u64,
    /// Reordered on their way, or twice.
    pub late: u64,
    /// Times that the sender left out by its timestamps.
    pub pauses: u64,
    /// Frames of one byte repeated: another peer's voice, by that byte.
    pub voice: Option<u8>,
    pub voice_frames: u64,
    pub keys_pressed: u64,
    /// What came of each entry of keys that was finished.
    pub entries: Vec<Entry>,
    /// Of SRTP: what could not be protected, and what was refused.
    pub media: Statistics,
}

pub struct Talk {
    session: sdp::Session,
    keyring: Keyring,
    guard: Guard,
    negotiated: Option<Negotiated>,
    ear: Option<Arc<Ear>>,
    voice: Arc<Voice>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Of the voice, the next frame.
    frame: usize,
    keys: VecDeque<Key>,
    /// The key that goes out, and how many of its frames have gone out as a tone.
    key: Option<(Key, usize)>,
    presses: Presses,
    events: Receiver,
    order: Order,
    last: Option<Last>,
    watch: Watch,
    /// The last frame that was known.
    current: Option<Frame>,
    unknown_frames: u32,
    pub next_tick: Instant,
    pub counted: Counted,
}

struct Last {
    /// When the newest packet came.
    at: Instant,
    /// Of the newest that was no telephone-event.
    sequence: u16,
    timestamp: u32,
    /// Timestamp units of the shortest packet so far.
    units: u32,
}

impl Talk {
    pub fn new(local: SocketAddr, voice: Arc<Voice>, ear: Option<Arc<Ear>>, random: &mut Random) -> Self {
        Self {
            session: sdp::Session::new(local, voice.speech.srtp, random),
            keyring: keyring(random),
            guard: Guard::Clear,
            negotiated: None,
            ear,
            voice,
            ssrc: random.u32(),
            sequence: random.u16(),
            timestamp: random.u32(),
            frame: 0,
            keys: VecDeque::new(),
            key: None,
            presses: Presses::default(),
            events: Receiver::default(),
            order: Order::default(),
            last: None,
            watch: Watch::default(),
            current: None,
            unknown_frames: 0,
            next_tick: Instant::ZERO,
            counted: Counted::default(),
        }
    }

    /// An offer of ours; to hold is to offer `SendOnly`.
    pub fn offer(&mut self, direction: Direction) -> Vec<u8> {
        let offer = self.session.offer(&self.voice.speech.codecs, direction);
        let offer = self.keyed(&offer);
        if self.voice.speech.events { offer } else { without_events(&offer) }.into_bytes()
    }

    /// Answers an offer; `None` if there is nothing in common.
    pub fn answer(&mut self, now: Instant, offer: &[u8]) -> Option<Vec<u8>> {
        let offer = sdp::read(offer).ok()?;
        let preference = Preference { codecs: self.voice.speech.codecs.clone(), ours: false };
        let (body, negotiated) = self.session.answer(&offer, &preference, Direction::SendRecv).ok()?;
        self.begin(now, negotiated);
        Some(self.keyed(&body).into_bytes())
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

    /// Where the other side receives, once it has said so; what it sends comes from there as well, as a rule.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.negotiated.as_ref().map(|negotiated| negotiated.remote)
    }

    fn keyed(&self, described: &[u8]) -> String {
        let described = String::from_utf8_lossy(described);
        sdp::fill(&described, |name, suite| self.keyring.master(ALONE, name, suite))
    }

    /// An entry of keys.
    pub fn press(&mut self, now: Instant, keys: impl Iterator<Item = Key>) {
        self.end_entry(now);
        self.keys.extend(keys);
    }

    /// Whether every key that was to be pressed has gone out.
    pub fn pressed(&self) -> bool {
        self.keys.is_empty() && !self.presses.pending()
    }

    /// A key goes out: within this talk, or beside it as INFO.
    pub fn key_begins(&mut self, now: Instant, last: bool) {
        self.counted.keys_pressed += 1;
        self.watch.key(now, last);
    }

    /// The last entry is over as far as it is watched: another one begins, or the call ends.
    pub fn end_entry(&mut self, now: Instant) {
        self.counted.entries.extend(self.watch.close(now));
    }

    /// The packet of this 20 ms step, and where it goes.
    pub fn tick(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        self.next_tick = self.next_tick + FRAME_TIME;
        let negotiated = self.negotiated.as_ref().filter(|negotiated| negotiated.direction != Direction::Inactive)?;
        let (codec, to, payload_type) = (negotiated.codec, negotiated.remote, negotiated.payload_type);
        let (events, event_send) = (negotiated.event_send.map(|_| negotiated.event_clock), negotiated.event_send);
        let behind = u32::try_from(now.since(self.next_tick).as_micros() / FRAME_TIME.as_micros()).unwrap_or(u32::MAX);
        if behind > CATCH_UP {
            // Whoever is late for want of time makes it worse by making up for it.
            self.next_tick = self.next_tick + FRAME_TIME * behind;
            self.timestamp = self.timestamp.wrapping_add(codec.units().wrapping_mul(behind));
        }
        if !self.presses.pending()
            && let Some(key) = self.keys.pop_front()
        {
            // One key of that timing is always taken.
            self.presses.press(&[key], self.voice.speech.timing);
            self.key = Some((key, 0));
            self.key_begins(now, self.keys.is_empty());
        }
        let mut packet = Vec::with_capacity(HEADER + BYTES + crate::srtp::OVERHEAD);
        packet.resize(HEADER, 0);
        let mut header = Header {
            marker: self.counted.sent == 0,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        match (self.presses.step(self.timestamp, events), event_send, &mut self.key) {
            (Some(Pressed::Event(update)), Some(event), _) => {
                (header.marker, header.payload_type, header.timestamp) = (update.marker, event, update.timestamp);
                packet.extend(update.payload);
            }
            // Its samples are in the voice already, encoded.
            (Some(Pressed::Tone(_)), _, Some((key, number))) => {
                packet.extend_from_slice(self.voice.tone(codec, *key, *number));
                *number += 1;
            }
            (Some(_), ..) => packet.extend_from_slice(silence(codec)),
            (None, ..) => {
                packet.extend_from_slice(self.voice.frame(codec, self.frame));
                self.frame += 1;
            }
        }
        if let Some(fixed) = packet.first_chunk_mut() {
            header.write(fixed);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(codec.units());
        self.counted.sent += 1;
        if !self.guard.is_clear() {
            let mut sealed = None;
            self.guard.close(&packet, &mut self.counted.media, |packet| sealed = Some(packet.to_vec()));
            packet = sealed?;
        }
        Some((to, packet))
    }

    /// A packet that came in at `now`; how long after the one before it, goes into `gaps`.
    pub fn on_packet(&mut self, now: Instant, packet: &[u8], gaps: &mut Histogram) -> Option<Noticed> {
        let mut opened;
        let packet = if self.guard.is_clear() {
            packet
        } else {
            opened = packet.to_vec();
            let length = self.guard.open(&mut opened, &mut self.counted.media)?;
            &opened[..length]
        };
        let (header, payload) = Header::read(packet).ok()?;
        let payload = &packet[payload];
        let place = self.order.place(header.ssrc, header.sequence);
        self.counted.received += 1;
        self.counted.lost = self.order.lost();
        if matches!(place, Place::Late | Place::Repeated) {
            self.counted.late += 1;
            return None;
        }
        let negotiated = self.negotiated.as_ref()?;
        let event = Some(header.payload_type) == negotiated.event_receive;
        let (begins, paused) = pace(&mut self.last, now, &header, event, gaps);
        self.counted.pauses += u64::from(paused);
        if event {
            let mut heard = None;
            self.events.on_event(now, &header, payload, |key| heard = Some(Noticed::Key(key)));
            return heard;
        }
        let codec = negotiated.codec;
        let level = voice::level(codec, header.payload_type, payload);
        self.watch.heard(now, level, begins);
        if level == Level::Sound
            && let Some(first) = payload.first()
            && payload.iter().all(|byte| byte == first)
        {
            self.counted.voice = Some(*first);
            self.counted.voice_frames += 1;
        }
        let Some(frame) = self.ear.as_ref()?.hear(codec, payload) else {
            self.unknown_frames += 1;
            return None;
        };
        // What several clips have is a pause of the one that is heard.
        let frame = frame?;
        let quiet = std::mem::take(&mut self.unknown_frames) >= QUIET_FRAMES;
        let goes_on = self.current.replace(frame).is_some_and(|before| {
            let back = before.index.zip(frame.index).is_some_and(|(before, at)| at < before);
            before.clip == frame.clip && !quiet && !back
        });
        let since = FRAME_TIME * frame.index.unwrap_or(0);
        (!goes_on).then_some(Noticed::Heard(frame.clip, since))
    }
}

/// Counts the gap before a packet, unless the sender says that it paused. Says whether a sound begins with it, and whether
/// that is for a pause.
fn pace(last: &mut Option<Last>, now: Instant, header: &Header, event: bool, gaps: &mut Histogram) -> (bool, bool) {
    let &Header { marker, sequence, timestamp, .. } = header;
    let Some(last) = last else {
        *last = Some(Last { at: now, sequence, timestamp, units: u32::MAX });
        return (true, false);
    };
    let packets = u32::from(sequence.wrapping_sub(last.sequence));
    let units = timestamp.wrapping_sub(last.timestamp).checked_div(packets).unwrap_or(0);
    let paused = !event && units > last.units.saturating_add(last.units / 2);
    if !paused {
        gaps.add(now.since(last.at));
    }
    last.at = now;
    // An event's updates bear the timestamp of its beginning; the sound goes on behind them.
    if !event {
        (last.sequence, last.timestamp) = (sequence, timestamp);
        last.units = if units == 0 || paused { last.units } else { units.min(last.units) };
    }
    (marker || paused, paused)
}

/// The description without telephone-event.
fn without_events(described: &str) -> String {
    let event = |line: &&str| line.starts_with("a=rtpmap:") && line.contains(" telephone-event/");
    let types: Vec<&str> = described.lines().filter(event).filter_map(|line| line[9..].split(' ').next()).collect();
    let kept = described.lines().filter(|line| {
        let about = line.strip_prefix("a=rtpmap:").or(line.strip_prefix("a=fmtp:"));
        about.and_then(|about| about.split(' ').next()).is_none_or(|about| !types.contains(&about))
    });
    let line = |line: &str| {
        let formats = line.split(' ').enumerate().filter(|(at, word)| *at < 3 || !types.contains(word));
        let media = line.starts_with("m=").then(|| formats.map(|(_, word)| word).collect::<Vec<_>>().join(" "));
        media.unwrap_or_else(|| line.to_owned()) + "\r\n"
    };
    kept.map(line).collect()
}

/// A peer of ours serves tests and measurements: its keys may come from its seed.
fn keyring(random: &mut Random) -> Keyring {
    let mut secret = [0; 32];
    secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.u64().to_be_bytes()));
    Keyring::new(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::peer::voice::Speech;
    use crate::time::Duration;

    fn talk(speech: Speech, seed: u64) -> Talk {
        let random = &mut Random::from_seed(seed);
        let local = SocketAddr::from(([127, 0, 0, 1], 4000 + seed as u16));
        Talk::new(local, Arc::new(Voice::new(0x31, speech)), None, random)
    }

    /// Two phones that talk with each other; keys of the first, and what the second heard.
    fn between(speech: Speech) -> (Codec, Vec<Key>, Counted) {
        let (mut a, mut b) = (talk(speech.clone(), 1), talk(speech, 2));
        let mut now = Instant::from_micros(1_000_000);
        let offer = a.offer(Direction::SendRecv);
        let answer = b.answer(now, &offer).expect("an answer");
        assert!(a.take_answer(now, &answer));
        a.press(now, "1#".chars().filter_map(Key::from_char));
        let (mut heard, mut gaps) = (Vec::new(), Histogram::default());
        for _ in 0..40 {
            now = now + FRAME_TIME;
            let (_, packet) = a.tick(now).expect("a packet");
            if let Some(Noticed::Key(key)) = b.on_packet(now, &packet, &mut gaps) {
                heard.push(key);
            }
        }
        assert_eq!((gaps.total(), gaps.most()), (39, FRAME_TIME));
        assert_eq!((a.counted.keys_pressed, a.pressed()), (2, true));
        (a.negotiated.expect("agreed").codec, heard, b.counted)
    }

    #[test]
    fn two_phones_understand_each_other_in_every_codec_with_and_without_srtp() {
        for codec in Codec::ALL {
            for srtp in [crate::keying::Policy::Off, crate::keying::Policy::Required] {
                let (agreed, heard, counted) = between(Speech { codecs: vec![codec], srtp, ..Speech::default() });
                assert_eq!((agreed, heard.len()), (codec, 2), "{srtp:?}");
                assert_eq!((counted.received, counted.lost, counted.late, counted.pauses), (40, 0, 0, 0), "{codec:?}");
            }
        }
    }

    #[test]
    fn without_telephone_event_keys_are_tones() {
        for codec in Codec::ALL {
            let (agreed, heard, counted) = between(Speech { codecs: vec![codec], events: false, ..Speech::default() });
            assert_eq!((agreed, heard, counted.received), (codec, Vec::new(), 40));
        }
        let offer = talk(Speech { events: false, codecs: Codec::ALL.to_vec(), ..Speech::default() }, 1);
        let mut offer = offer;
        let offer = String::from_utf8(offer.offer(Direction::SendRecv)).expect("text");
        assert!(
            !offer.contains("telephone-event") && !offer.contains("101") && offer.contains("a=rtpmap:0 PCMU"),
            "{offer}"
        );
    }

    #[test]
    fn a_gap_is_what_the_sender_did_not_announce() {
        let (mut a, mut b) = (talk(Speech::default(), 1), talk(Speech::default(), 2));
        let now = Instant::from_micros(1_000_000);
        let offer = a.offer(Direction::SendRecv);
        let answer = b.answer(now, &offer).expect("an answer");
        assert!(a.take_answer(now, &answer));
        let mut gaps = Histogram::default();
        let mut comes = |millis, sequence, timestamp| {
            let header = Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 7 };
            let mut packet = vec![0xff; HEADER + 160];
            header.write(packet.first_chunk_mut().expect("a header"));
            b.on_packet(now + Duration::from_millis(millis), &packet, &mut gaps);
        };
        for (millis, sequence, timestamp) in
            [(0, 10, 0), (20, 11, 160), (75, 12, 320), (80, 14, 640), (78, 13, 480), (1080, 15, 8640), (1100, 16, 8800)]
        {
            comes(millis, sequence, timestamp);
        }
        let counted = &b.counted;
        assert_eq!((counted.lost, counted.late, counted.pauses, counted.received), (0, 1, 1, 7));
        assert_eq!((gaps.total(), gaps.most()), (4, Duration::from_millis(55)));
    }
}
