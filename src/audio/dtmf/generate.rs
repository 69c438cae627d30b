//! One key as two tones.

use super::{FREQUENCIES, RATE, peak, place};
use crate::key::Key;
use std::f64::consts::TAU;

/// Each tone's level in dBm0: what phones send, and what a far end at 25 dB of loss still has to hear (Q.24).
const LEVEL: f64 = -8.0;
/// The tones swell and fade over 2 ms, so that they do not click.
const RAMP: u32 = 16;

/// The sound of a key, sample by sample. It keeps its phase from frame to frame.
#[derive(Clone, Debug)]
pub struct Tone {
    /// Sample n of a tone is `2 cos(step)` times sample n - 1, less sample n - 2.
    tones: [Resonator; 2],
    at: u32,
    total: u32,
}

#[derive(Clone, Debug)]
struct Resonator {
    coefficient: f64,
    last: f64,
    before: f64,
}

impl Tone {
    /// The tones of `key`, `samples` long at 8,000 Hz.
    pub fn new(key: Key, samples: u32) -> Tone {
        let (row, column) = place(key);
        let tones = [FREQUENCIES[row], FREQUENCIES[4 + column]].map(|frequency| Resonator::new(frequency, peak(LEVEL)));
        Tone { tones, at: 0, total: samples }
    }
}

impl Iterator for Tone {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let left = self.total.checked_sub(self.at).filter(|&left| left > 0)?;
        let swell = f64::from(left.min(self.at).min(RAMP)) / f64::from(RAMP);
        self.at += 1;
        let [row, column] = &mut self.tones;
        Some(((row.step() + column.step()) * swell) as i16)
    }
}

impl Resonator {
    fn new(frequency: f64, peak: f64) -> Resonator {
        let step = TAU * frequency / RATE;
        Resonator { coefficient: 2.0 * step.cos(), last: -peak * step.sin(), before: -peak * (2.0 * step).sin() }
    }

    fn step(&mut self) -> f64 {
        let next = self.coefficient * self.last - self.before;
        self.before = std::mem::replace(&mut self.last, next);
        next
    }
}
