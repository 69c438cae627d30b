//! The keys of one stream's far end: telephone-events or, where none were agreed on, tones in its audio.

use super::Statistics;
use crate::audio::codec::{Decoder, LONGEST, Law};
use crate::audio::dtmf::Detector;
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::event::{Ignored, Receiver};
use crate::rtp::{Header, Place};
use crate::sdp::Negotiated;
use crate::time::{Duration, Instant};

/// Presses of one stream in a second: five times what the fastest dialler sends. More is no caller.
const PRESSES: u32 = 50;
const PRESSES_IN: Duration = Duration::from_secs(1);

/// Tones are heard at 8,000 samples a second.
const RATE: u32 = 8_000;
/// Timestamps that differ by fewer milliseconds from what the packets' sounds add up to are a rough clock's.
const ROUGH: u32 = 10;
/// A far end that sent nothing for so many milliseconds made a pause between two presses.
const PAUSE: u32 = 30;
/// After so many milliseconds of loss what was heard before means nothing any more.
const FORGOTTEN: u32 = 500;

#[derive(Debug)]
pub struct Ear {
    events: Receiver,
    tones: Option<Box<Tones>>,
    /// Presses since a moment, for their bound.
    since: Instant,
    presses: u32,
}

/// Tones in the audio, fed by what came: never twice, never out of order, never with what was made up for a loss.
struct Tones {
    codec: Codec,
    /// Makes sound of 8,000 Hz of a codec that is no law of G.711.
    wide: Option<(Decoder, Converter)>,
    detector: Detector,
    /// Sequence number and timestamp of the packet that follows.
    next: Option<(u16, u32)>,
}

impl Ear {
    pub fn new(session: &Negotiated) -> Self {
        let events = Receiver::new(session.event_clock);
        let mut ear = Self { events, tones: None, since: Instant::ZERO, presses: 0 };
        ear.agree(session);
        ear
    }

    /// What is agreed on now; where telephone-event is, tones are not listened for.
    pub fn agree(&mut self, session: &Negotiated) {
        self.events.set_clock(session.event_clock);
        if session.event_receive.is_some() {
            self.tones = None;
        } else if self.tones.as_ref().is_none_or(|tones| tones.codec != session.codec) {
            // A key that is held meanwhile stays one.
            let detector = self.tones.take().map_or_else(Detector::default, |tones| tones.detector);
            self.tones = Some(Box::new(Tones::new(session.codec, detector)));
        }
    }

    /// An event packet that was taken; `told` gets each press.
    pub fn event(
        &mut self,
        now: Instant,
        header: &Header,
        payload: &[u8],
        statistics: &mut Statistics,
        mut told: impl FnMut(Key),
    ) {
        self.turn(now);
        let presses = &mut self.presses;
        self.events.on_event(now, header, payload, |key| count(presses, statistics, key, &mut told));
    }

    /// An audio packet that was taken, of `codec`, or of none if it says that its sender is silent.
    pub fn audio(
        &mut self,
        now: Instant,
        (header, place): (&Header, Place),
        sound: Option<(Codec, &[u8])>,
        statistics: &mut Statistics,
        mut told: impl FnMut(Key),
    ) {
        self.turn(now);
        let Some(tones) = &mut self.tones else { return };
        if !tones.follows(header, place) {
            return;
        }
        let presses = &mut self.presses;
        let length = match sound {
            Some((codec, payload)) => tones.hear(codec, payload, |key| count(presses, statistics, key, &mut told)),
            None => {
                tones.detector.reset();
                0
            }
        };
        tones.next = Some((header.sequence.wrapping_add(1), header.timestamp.wrapping_add(length)));
    }

    pub fn ignored(&self) -> Ignored {
        self.events.ignored()
    }

    fn turn(&mut self, now: Instant) {
        if now.since(self.since) >= PRESSES_IN {
            (self.since, self.presses) = (now, 0);
        }
    }
}

fn count(presses: &mut u32, statistics: &mut Statistics, key: Key, told: &mut impl FnMut(Key)) {
    *presses += 1;
    if *presses > PRESSES {
        statistics.refused.presses += 1;
        return;
    }
    statistics.keys += 1;
    told(key);
}

impl Tones {
    fn new(codec: Codec, mut detector: Detector) -> Self {
        detector.freeze();
        let wide = (!codec.is_law()).then(|| (Decoder::new(codec), Converter::new(codec.rate(), RATE)));
        Self { codec, wide, detector, next: None }
    }

    /// Whether the packet is to be heard; what lies between it and the one before is told to the detector.
    fn follows(&mut self, header: &Header, place: Place) -> bool {
        if matches!(place, Place::Late | Place::Repeated | Place::Unproven) {
            return false;
        }
        let Some((sequence, timestamp)) = self.next else { return true };
        if place == Place::Restarted {
            self.detector.freeze();
            return true;
        }
        let lost = header.sequence != sequence;
        let units = self.codec.clock() / 1000;
        // A timestamp that goes back is a clock that was set anew: it says nothing of a pause.
        let ahead = header.timestamp.wrapping_sub(timestamp) as i32;
        let silent = u32::try_from(ahead).unwrap_or(0);
        if !lost && ahead.unsigned_abs() < ROUGH * units {
            return true;
        }
        if silent >= FORGOTTEN * units || !lost && silent >= PAUSE * units {
            self.detector.reset();
        } else {
            self.detector.freeze();
        }
        true
    }

    /// Hears a payload. Returns how long it is, in units of the clock.
    fn hear(&mut self, codec: Codec, payload: &[u8], told: impl FnMut(Key)) -> u32 {
        if let Some(law) = Law::of(codec) {
            self.detector.hear(payload.iter().map(|&byte| (law.decode)(byte)), told);
            return payload.len() as u32;
        }
        let Some((decoder, converter)) = &mut self.wide else { return 0 };
        let (mut sound, mut narrow) = ([0; LONGEST], [0; LONGEST]);
        let Some(samples) = decoder.decode(payload, &mut sound) else {
            self.detector.freeze();
            return codec.units();
        };
        let length = converter.convert(samples, &mut narrow);
        self.detector.hear(narrow[..length].iter().copied(), told);
        samples.len() as u32 * (codec.clock() / 1000) / (codec.rate() / 1000)
    }
}

impl std::fmt::Debug for Tones {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tones({:?}, {:?})", self.codec, self.detector)
    }
}
