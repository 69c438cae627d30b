//! A recorded call as one sound of two channels at 8,000 Hz: what the caller says on the left, what it hears on the
//! right, each packet at its own place. It is written behind a delay line:
//!
//! ```text
//! ---- written ----|------ 100 ms ------|---------- 200 ms ----------| now
//!                  ^ a key is blanked   ^ the detectors are here:    ^ packets come in
//!                    from here on         what comes later is lost
//! ```
//! The detectors hear both sides as they will be written, so what is written has no key that they know. A key counts
//! whatever its fact's class: it may be typed ahead for a question that is still to come.

mod lay;
#[cfg(test)]
mod tests;
mod track;

pub use lay::Lay;

use super::RecordAct;
use super::relay::Kind;
use super::tap::{Side, Tapped};
use crate::time::{Duration, Instant};
use track::Track;

/// Samples a second of each channel.
pub const RATE: u32 = 8_000;

/// So late a packet still finds its place.
pub const LATE: u64 = 1_600;
/// From where the detectors are to what is written: a tone is known some 45 ms after it began, 70 in noise.
pub const BACK: u64 = 800;
/// What is heard, and written, in one go.
const STEP: u64 = 160;
/// So far ahead of the clock a packet still finds its place: the first one, from which the others count, may have been
/// late.
const AHEAD: u64 = 1_600;
/// The silence behind a packet of a telephone-event: they come every 50 ms at the latest.
const EVENT: u64 = 800;
/// Until further notice.
const ON: u64 = u64::MAX;

/// One recording on its way to a file. Times are those of the stream's shell.
#[derive(Debug)]
pub struct Tape {
    started: Instant,
    sides: [Track; 2],
    /// The next number of what is tapped.
    number: u32,
    /// Of packets that did not come here, in samples.
    missing: u64,
    /// The first place that the detectors have not heard, and the first that is not written.
    heard: u64,
    written: u64,
    /// Silence reaches to here: on both sides around keys and in a pause, on the caller's while it is masked.
    keys: u64,
    paused: u64,
    masked: u64,
    /// The first place behind the recording.
    end: u64,
    blanked: u64,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    pub written: Duration,
    /// Of it, on the caller's side, silence instead of what there was.
    pub blanked: Duration,
    /// Sound of both sides that came too late, could not be decoded, or found no way here.
    pub lost: Duration,
}

impl Tape {
    pub fn new(started: Instant) -> Tape {
        Tape {
            started,
            sides: [Track::default(), Track::default()],
            number: 0,
            missing: 0,
            heard: 0,
            written: 0,
            keys: 0,
            paused: 0,
            masked: 0,
            end: ON,
            blanked: 0,
        }
    }

    /// Takes effect at `at`; silence begins with what is not written yet.
    pub fn act(&mut self, at: Instant, act: RecordAct) {
        let place = self.place(at);
        match act {
            RecordAct::Start => {}
            RecordAct::Pause => self.paused = ON,
            RecordAct::Resume => self.paused = self.paused.min(place),
            RecordAct::Mask => self.masked = ON,
            RecordAct::Unmask => self.masked = self.masked.min(place + AHEAD),
            RecordAct::Stop => self.end = self.end.min(place).max(self.written),
        }
    }

    /// Takes a packet that came or went at `at`, after what was due before it.
    pub fn take(&mut self, at: Instant, tapped: &Tapped<'_>, out: &mut Vec<i16>) {
        self.advance(at, out);
        self.missing += u64::from(tapped.number.wrapping_sub(self.number)) * STEP;
        self.number = tapped.number.wrapping_add(1);
        let place = self.place(at);
        match tapped.kind {
            Kind::Event { .. } => self.keys = self.keys.max(place + EVENT),
            Kind::Audio(codec) => self.sides[tapped.side as usize].take(place, self.heard, codec, tapped),
            Kind::Noise => {}
        }
    }

    /// What is due to be written by `now`: left and right in turn.
    pub fn advance(&mut self, now: Instant, out: &mut Vec<i16>) {
        let due = self.place(now).saturating_sub(LATE);
        while self.heard + STEP <= due && !self.over() {
            self.listen();
            if self.heard > BACK {
                self.write(out);
            }
        }
    }

    /// All is written: nothing follows.
    pub fn over(&self) -> bool {
        self.written >= self.end
    }

    pub fn lengths(&self) -> Lengths {
        let time = |samples: u64| Duration::from_micros(samples * 1_000_000 / u64::from(RATE));
        let lost = self.missing + self.sides.iter().map(Track::lost).sum::<u64>();
        Lengths { written: time(self.written), blanked: time(self.blanked), lost: time(lost) }
    }

    /// Both sides, for a key of the one may be an echo on the other.
    fn listen(&mut self) {
        for place in self.heard..self.heard + STEP {
            for side in [Side::Said, Side::Heard] {
                if self.sides[side as usize].hears_key(place) {
                    self.keys = self.keys.max(place + 1);
                }
            }
        }
        self.heard += STEP;
    }

    fn write(&mut self, out: &mut Vec<i16>) {
        let end = (self.written + STEP).min(self.end);
        let [said, heard] = &mut self.sides;
        for place in self.written..end {
            let silence = place < self.keys.max(self.paused);
            let masked = silence || place < self.masked;
            let samples = [(said.erase(place), masked), (heard.erase(place), silence)];
            out.extend(samples.map(|(sample, blank)| if blank { 0 } else { sample }));
            self.blanked += u64::from(masked);
        }
        self.written = end;
    }

    fn place(&self, at: Instant) -> u64 {
        at.since(self.started).as_micros() as u64 * u64::from(RATE) / 1_000_000
    }
}
