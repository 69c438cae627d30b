//! One direction of a bridge between two codecs: packets of one become frames of 20 ms of the other, what was lost is
//! made up, and pauses stay pauses. Made when the bridge or a codec changes; a packet allocates nothing.
//!
//! ```text
//! source     1    2    .    4                 5       sequence; 3 is lost, then the sender was silent
//! out        1    2    3'   4                 5       frames under timestamps of our clock
//! ```

use super::relay::Passing;
use crate::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::rtp::Place;

/// A gap of more seconds is a sender that began again.
const LONGEST_PAUSE: u32 = 10;
/// Timestamps that are so many milliseconds from where they should be are a sender's rounding.
const SLACK: u32 = 5;
/// A made-up sound is silent after so many milliseconds: what else is lost is a pause.
const CONCEALED: u32 = 60;
/// Comfort noise is soft, whatever is asked for: its level in dB below full scale.
const SOFTEST: u8 = 90;
const LOUDEST: u8 = 45;

pub struct Transcoder {
    from: Codec,
    to: Codec,
    decoder: Decoder,
    converter: Converter,
    encoder: Encoder,
    /// Samples of the frame that is not full yet.
    pending: [i16; SAMPLES],
    waiting: usize,
    last: Option<Last>,
    /// The timestamp of the next frame, while one follows the other.
    next: Option<u32>,
    /// Nothing was sent right before the next frame.
    paused: bool,
    noise: Option<Noise>,
    /// Frames that were made up.
    pub concealed: u64,
}

/// The source's last packet.
#[derive(Clone, Copy)]
struct Last {
    ssrc: u32,
    sequence: u16,
    /// The timestamp behind it, and its length, in units of its clock.
    end: u32,
    length: u32,
}

/// What lies between two packets, in units of the source's clock.
enum Gap {
    /// They have nothing to do with each other.
    Fresh,
    Missing {
        lost: u32,
        pause: u32,
    },
}

/// A frame to send.
pub struct Coded<'a> {
    pub marker: bool,
    pub timestamp: u32,
    pub payload: &'a [u8],
}

impl Transcoder {
    /// `None` where there is nothing to decode: between codecs that are the same, and between the laws of G.711.
    pub fn new(from: Codec, to: Codec) -> Option<Box<Transcoder>> {
        if from == to || from.is_law() && to.is_law() {
            return None;
        }
        Some(Box::new(Transcoder {
            from,
            to,
            decoder: Decoder::new(from),
            converter: Converter::new(from.rate(), to.rate()),
            encoder: Encoder::new(to),
            pending: [0; SAMPLES],
            waiting: 0,
            last: None,
            next: None,
            paused: true,
            noise: None,
            concealed: 0,
        }))
    }

    /// The next packet of the source, none that comes late. `start` is the timestamp that our clock has for it, where
    /// it does not follow from the one before. Each frame that it completes goes to `send`.
    pub fn take(&mut self, passing: &Passing, payload: &[u8], start: u32, mut send: impl FnMut(Coded)) {
        let header = passing.header;
        self.noise = None;
        match self.gap(passing) {
            Gap::Fresh => self.restart(),
            Gap::Missing { lost, pause } => {
                self.conceal(lost, payload, start, &mut send);
                self.pause(pause, start, &mut send);
            }
        }
        let mut sound = [0; LONGEST];
        let before = self.last.filter(|last| last.ssrc == header.ssrc).map_or(self.from.units(), |last| last.length);
        let length = match self.decoder.decode(payload, &mut sound) {
            Some(samples) => {
                let length = units(self.from, samples.len());
                let samples = samples.len();
                self.feed(&sound[..samples], start, &mut send);
                length
            }
            None => {
                self.conceal(before, &[], start, &mut send);
                before
            }
        };
        let end = header.timestamp.wrapping_add(length);
        self.last = Some(Last { ssrc: header.ssrc, sequence: header.sequence, end, length });
    }

    /// A packet of the source that has no sound: an event.
    pub fn pass_over(&mut self, passing: &Passing) {
        if let Some(last) = self.last.as_mut().filter(|last| last.ssrc == passing.header.ssrc) {
            last.sequence = passing.header.sequence;
        }
    }

    /// Comfort noise came (RFC 3389): from now on there is noise of that level, until sound comes.
    pub fn begin_noise(&mut self, payload: &[u8]) {
        let level = payload.first().copied().unwrap_or(SOFTEST).clamp(LOUDEST, SOFTEST);
        match &mut self.noise {
            Some(noise) => noise.set(level),
            None => self.noise = Some(Noise::new(level)),
        }
        self.restart();
    }

    /// A frame of noise, while there is any.
    pub fn noise<'o>(&mut self, out: &'o mut [u8; FRAME]) -> Option<&'o [u8]> {
        let noise = self.noise.as_mut()?;
        let samples = [0; SAMPLES].map(|_| noise.next());
        Some(self.encoder.encode(&samples, out))
    }

    /// Whatever comes next has nothing to do with what came before.
    pub fn restart(&mut self) {
        (self.last, self.next, self.waiting, self.paused) = (None, None, 0, true);
    }

    fn gap(&self, passing: &Passing) -> Gap {
        let header = passing.header;
        let Some(last) = self.last.filter(|last| last.ssrc == header.ssrc && passing.place == Place::Ahead) else {
            return Gap::Fresh;
        };
        let clock = self.from.clock();
        let gap = header.timestamp.wrapping_sub(last.end);
        let slack = clock / 1000 * SLACK;
        let rounded = gap.wrapping_add(slack) <= 2 * slack;
        let missing = u32::from(header.sequence.wrapping_sub(last.sequence)).saturating_sub(1);
        match gap {
            _ if rounded => Gap::Missing { lost: 0, pause: 0 },
            gap if gap > clock * LONGEST_PAUSE => Gap::Fresh,
            gap => {
                let lost = missing.saturating_mul(last.length).min(gap).min(clock / 1000 * CONCEALED);
                Gap::Missing { lost, pause: gap - lost }
            }
        }
    }

    /// Makes up so much of the source's sound.
    fn conceal(&mut self, lost: u32, next: &[u8], start: u32, send: &mut impl FnMut(Coded)) {
        if lost == 0 {
            return;
        }
        let mut sound = [0; LONGEST];
        let samples = (lost * self.from.rate() / self.from.clock()).min(LONGEST as u32) as usize;
        self.decoder.conceal(next, &mut sound[..samples]);
        self.concealed += samples.div_ceil(self.from.samples()) as u64;
        self.feed(&sound[..samples], start, send);
    }

    /// The source was silent: the frame that is under way ends, and the timestamps go on.
    fn pause(&mut self, pause: u32, start: u32, send: &mut impl FnMut(Coded)) {
        if pause == 0 {
            return;
        }
        let rest = if self.waiting == 0 { 0 } else { self.to.samples() - self.waiting };
        let silence = units(self.to, rest);
        self.fill(&[0; SAMPLES][..rest], start, send);
        let pause = u64::from(pause) * u64::from(self.to.clock()) / u64::from(self.from.clock());
        self.next = self.next.map(|next| next.wrapping_add((pause as u32).saturating_sub(silence)));
        self.paused = true;
    }

    fn feed(&mut self, samples: &[i16], start: u32, send: &mut impl FnMut(Coded)) {
        let mut converted = [0; 2 * LONGEST];
        let length = self.converter.convert(samples, &mut converted);
        self.fill(&converted[..length], start, send);
    }

    /// Fills frames of the other codec, and sends those that are full.
    fn fill(&mut self, mut samples: &[i16], start: u32, send: &mut impl FnMut(Coded)) {
        let whole = self.to.samples();
        while !samples.is_empty() {
            let (taken, rest) = samples.split_at(samples.len().min(whole - self.waiting));
            self.pending[self.waiting..self.waiting + taken.len()].copy_from_slice(taken);
            self.waiting += taken.len();
            samples = rest;
            if self.waiting == whole {
                self.waiting = 0;
                let timestamp = self.next.unwrap_or(start);
                self.next = Some(timestamp.wrapping_add(self.to.units()));
                let (marker, mut out) = (std::mem::take(&mut self.paused), [0; FRAME]);
                send(Coded { marker, timestamp, payload: self.encoder.encode(&self.pending, &mut out) });
            }
        }
    }
}

/// Samples of a codec in units of its clock.
fn units(codec: Codec, samples: usize) -> u32 {
    (samples as u64 * u64::from(codec.clock()) / u64::from(codec.rate())) as u32
}

/// White noise.
struct Noise {
    seed: u32,
    /// Its loudest sample.
    peak: i64,
}

impl Noise {
    fn new(level: u8) -> Self {
        let mut noise = Noise { seed: 1, peak: 0 };
        noise.set(level);
        noise
    }

    /// Equal chances up to a peak are 4.8 dB softer than the peak.
    fn set(&mut self, level: u8) {
        self.peak = (32_768.0 * 1.732 * 10_f64.powf(-f64::from(level) / 20.0)) as i64;
    }

    fn next(&mut self) -> i16 {
        // Numerical Recipes' generator: what is heard as noise need be no more.
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((i64::from(self.seed as i32) * self.peak) >> 31) as i16
    }
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transcoder({:?} to {:?})", self.from, self.to)
    }
}
