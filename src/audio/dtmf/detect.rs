//! Hearing keys in the audio: blocks of 102 samples, one every 51, each measured at the eight frequencies.
//!
//! ```text
//! block:  level of row and column, twist, share of the whole sound, second harmonics  -> one key or none
//! pair:   how far the phase moved from block to block: the frequency, to a few Hz       -> the run goes on or not
//! run:    four blocks are a press; five without its key end it
//! ```
//! A block's window weighs its middle most. So a tone has to fill some two thirds of a block, and the four blocks say how
//! long it lasts: 32 ms suffice in any position, 23 ms in none. Nobody sings a pair of these frequencies for so long
//! without any other sound, to 2.5 %.

use super::{FREQUENCIES, RATE, key, sin_cos};
use crate::key::Key;
use std::f64::consts::TAU;

/// Samples of a block, and from the beginning of one to that of the next.
const BLOCK: usize = 102;
const HOP: usize = BLOCK / 2;
/// The blocks of one key, one after the other, that make a press.
const HITS: u8 = 4;
/// The blocks without the key that end a press: a pause of 30 ms has them, an interruption of 10 ms has not (Q.24).
const MISSES: u8 = 5;
/// What a gap counts for, however long: less than a pause, for the key may have been held through it, but with what is
/// heard of the pause on both sides of one lost packet it is one.
const GAP: u8 = 3;
/// The sum of the window: half the block.
const WEIGHT: f32 = HOP as f32;
/// The square of the peak of a sine of -42 dBm0 and 1 dB less, by which a measure may be off: what each tone has at least.
const FLOOR: f32 = 161.0 * 161.0;
/// Twist as ratios of power: the row may be 8 dB above the column, the column 4 dB above the row, and 1.5 dB more that
/// noise makes of it.
const ROW_ABOVE: f32 = 8.913;
const COLUMN_ABOVE: f32 = 3.548;
/// What the two tones have at least of the block's power: 1.5 % off and with noise 15 dB below them, it is 0.84 or more.
const SHARE: f32 = 0.82;
/// What a second harmonic has at most of the power of both tones. A voice has strong ones.
const HARMONIC: f32 = 0.03;
/// How far a frequency may be off: 1.5 % is a phone's, 3.5 % is none (Q.24).
const OFF: f32 = 0.025;
/// A second harmonic this near to the other tone, in Hz, cannot be told from it; it is in the tones' share then.
const BESIDE: f64 = 160.0;

/// One row a sample: the windowed cosines of the frequencies, then their sines. Goertzel's recursion would give the same
/// sums one after the other; the table lets the machine do eight at once.
type Bank = [[f32; 16]; BLOCK];

static TONES: Bank = bank(1.0);
static HARMONICS: Bank = bank(2.0);
static WINDOW: [f32; BLOCK] = window();

/// Hears one stream of samples at 8,000 Hz.
#[derive(Clone, Debug)]
pub struct Detector {
    samples: [i16; BLOCK],
    filled: usize,
    /// The newest block's tones, if it was a key's and no sample is missing since.
    last: Option<Pair>,
    /// The key that blocks in a row agreed on, and how many did.
    run: Option<(usize, usize)>,
    hits: u8,
    /// The press that was told and goes on.
    pressed: Option<(usize, usize)>,
    misses: u8,
}

/// The two strongest tones of a block, row and column, with their amplitude and phase.
#[derive(Clone, Copy, Debug)]
struct Pair {
    place: (usize, usize),
    tones: [Complex; 2],
}

#[derive(Clone, Copy, Debug)]
struct Complex {
    re: f32,
    im: f32,
}

impl Default for Detector {
    fn default() -> Self {
        Self { samples: [0; BLOCK], filled: 0, last: None, run: None, hits: 0, pressed: None, misses: 0 }
    }
}

impl Detector {
    /// Takes samples that follow the ones before; tells each press once, as soon as it is certain.
    pub fn hear(&mut self, samples: impl IntoIterator<Item = i16>, mut press: impl FnMut(Key)) {
        for sample in samples {
            self.samples[self.filled] = sample;
            self.filled += 1;
            if self.filled == BLOCK {
                let heard = measure(&self.samples);
                self.samples.copy_within(HOP.., 0);
                self.filled = HOP;
                if let Some(key) = self.judge(heard) {
                    press(key);
                }
            }
        }
    }

    /// Samples are missing: what was heard so far stands, and goes on with what comes next.
    pub fn freeze(&mut self) {
        self.filled = 0;
        self.last = None;
        self.miss(GAP);
    }

    /// The far end was silent, or gone for so long that whatever comes is new.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether the key that was told last goes on, or ended so short a time ago that it may.
    pub fn holds(&self) -> bool {
        self.pressed.is_some()
    }

    /// What a block means to the run and to the press; a key if it completes one.
    fn judge(&mut self, heard: Option<Pair>) -> Option<Key> {
        let steady = match (&self.last, &heard) {
            (Some(last), Some(heard)) => last.place == heard.place && last.leads_to(heard),
            _ => true,
        };
        self.last = heard;
        let place = heard.map(|heard| heard.place);
        self.hits = if place.is_some() && place == self.run && steady { self.hits.saturating_add(1) } else { 1 };
        self.run = place;
        if place.is_some() && place == self.pressed {
            self.misses = 0;
            return None;
        }
        self.miss(1);
        let (row, column) = place.filter(|_| self.hits >= HITS)?;
        self.pressed = place;
        self.misses = 0;
        key(row, column)
    }

    fn miss(&mut self, blocks: u8) {
        self.misses = self.misses.saturating_add(blocks);
        if self.misses >= MISSES {
            self.pressed = None;
        }
    }
}

impl Pair {
    /// Whether the phases moved on as the frequencies ask for.
    fn leads_to(&self, next: &Pair) -> bool {
        let (row, column) = self.place;
        let frequencies = [FREQUENCIES[row], FREQUENCIES[4 + column]];
        self.tones.iter().zip(&next.tones).zip(frequencies).all(|((before, after), frequency)| {
            // Unambiguous within 78 Hz; a tone that is further off has no share of the block.
            let turn = after.times(before.conjugate()).times(expected(frequency).conjugate());
            let hz = turn.im.atan2(turn.re) * (RATE / TAU / HOP as f64) as f32;
            hz.abs() <= OFF * frequency as f32
        })
    }
}

impl Complex {
    fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    fn conjugate(self) -> Complex {
        Complex { im: -self.im, ..self }
    }

    fn times(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// By how much the phase of a frequency moves from one block to the next.
fn expected(frequency: f64) -> Complex {
    let (sin, cos) = (TAU * frequency * HOP as f64 / RATE).sin_cos();
    Complex { re: cos as f32, im: sin as f32 }
}

/// The pair of tones that a block is made of, if it is a key's.
fn measure(block: &[i16; BLOCK]) -> Option<Pair> {
    // The power of the whole block, as the square of the peak of one sine that had it.
    let energy: f32 = block.iter().zip(&WINDOW).map(|(&sample, weight)| f32::from(sample).powi(2) * weight).sum();
    let whole = energy * 2.0 / WEIGHT;
    if whole < FLOOR {
        return None;
    }
    let tones = project(block, &TONES);
    let powers = tones.map(Complex::power);
    let (row, column) = (strongest(&powers[..4]), strongest(&powers[4..]));
    let (low, high) = (powers[row], powers[4 + column]);
    let level = low.min(high) >= FLOOR;
    let twist = low <= high * ROW_ABOVE && high <= low * COLUMN_ABOVE;
    if !level || !twist || low + high < SHARE * whole {
        return None;
    }
    let harmonics = project(block, &HARMONICS).map(Complex::power);
    let apart = (2.0 * FREQUENCIES[row] - FREQUENCIES[4 + column]).abs() > BESIDE;
    let harmonic = harmonics[4 + column] + if apart { harmonics[row] } else { 0.0 };
    let pure = harmonic <= HARMONIC * (low + high);
    pure.then_some(Pair { place: (row, column), tones: [tones[row], tones[4 + column]] })
}

/// Amplitude (the peak of the sine) and phase at each of the eight frequencies.
fn project(block: &[i16; BLOCK], bank: &Bank) -> [Complex; 8] {
    let mut sums = [0.0; 16];
    for (&sample, row) in block.iter().zip(bank) {
        let sample = f32::from(sample);
        for (sum, factor) in sums.iter_mut().zip(row) {
            *sum += sample * factor;
        }
    }
    std::array::from_fn(|tone| Complex { re: sums[tone] * 2.0 / WEIGHT, im: sums[8 + tone] * 2.0 / WEIGHT })
}

fn strongest(powers: &[f32]) -> usize {
    let mut best = 0;
    for (index, power) in powers.iter().enumerate() {
        if *power > powers[best] {
            best = index;
        }
    }
    best
}

/// Hann's window: 0 at the ends, 1 in the middle.
const fn window() -> [f32; BLOCK] {
    let mut window = [0.0; BLOCK];
    let mut n = 0;
    while n < BLOCK {
        window[n] = (0.5 - 0.5 * sin_cos(TAU * (n as f64 + 0.5) / BLOCK as f64).1) as f32;
        n += 1;
    }
    window
}

const fn bank(multiple: f64) -> Bank {
    let window = window();
    let mut bank = [[0.0; 16]; BLOCK];
    let mut tone = 0;
    while tone < 8 {
        // One turn after the other: the angle stays small enough for the series.
        let (sin_step, cos_step) = sin_cos(TAU * FREQUENCIES[tone] * multiple / RATE);
        let (mut sin, mut cos) = (0.0, 1.0);
        let mut n = 0;
        while n < BLOCK {
            bank[n][tone] = (cos * window[n] as f64) as f32;
            bank[n][8 + tone] = (-sin * window[n] as f64) as f32;
            (sin, cos) = (sin * cos_step + cos * sin_step, cos * cos_step - sin * sin_step);
            n += 1;
        }
        tone += 1;
    }
    bank
}
