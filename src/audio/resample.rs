//! A whole clip at another rate: a windowed sinc at exact positions, so that time 0 stays time 0. For the sound of a call,
//! as it comes, there is `rate`.

use super::nearest;
use std::f64::consts::PI;

/// The rates that clips may have. Any other one would need a filter of its own for up to each of its samples.
pub const RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// Zeros of the sinc to one side of its middle.
const ZEROS: f64 = 32.0;
/// Of the lower rate's band, what passes; the filter falls around its end.
const PASSED: f64 = 0.95;
/// Of the Kaiser window: 90 dB down beside the band.
const BETA: f64 = 9.0;

/// The samples at another rate, as many as the same time has, rounded up. Both rates are of `RATES`.
pub fn resample(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to || samples.is_empty() {
        return samples.to_vec();
    }
    let shared = divisor(from, to);
    let (up, down) = ((to / shared) as usize, (from / shared) as usize);
    let filters = Filters::new(up, down);
    let length = (samples.len() * up).div_ceil(down);
    (0..length).map(|n| filters.at(samples, n * down)).collect()
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { divisor(b, a % b) }
}

/// One filter for each place that a new sample may have between two old ones.
struct Filters {
    up: usize,
    /// Taps to each side.
    half: usize,
    taps: Vec<f32>,
}

impl Filters {
    fn new(up: usize, down: usize) -> Filters {
        // Cycles an old sample.
        let cutoff = 0.5 * PASSED * (up as f64 / down as f64).min(1.0);
        let half = (0.5 * ZEROS / cutoff).ceil() as usize;
        let taps = (0..up).flat_map(|place| {
            let filter = filter(cutoff, half, place as f64 / up as f64);
            // Each passes a steady value as it is, else the rate would be heard as a tone.
            let sum: f64 = filter.iter().sum();
            filter.into_iter().map(move |tap| (tap / sum) as f32)
        });
        Filters { up, half, taps: taps.collect() }
    }

    /// The new sample at a position in parts (`up` of them) of an old one; there is silence around the clip.
    fn at(&self, samples: &[i16], position: usize) -> i16 {
        let width = 2 * self.half;
        let taps = &self.taps[position % self.up * width..][..width];
        // The first tap stands `half - 1` samples before.
        let (middle, before) = (position / self.up, self.half - 1);
        let taps = &taps[before.saturating_sub(middle)..];
        let near = &samples[middle.saturating_sub(before)..];
        nearest(near.iter().zip(taps).map(|(&sample, tap)| f32::from(sample) * tap).sum::<f32>().into())
    }
}

/// The sinc around a point `place` (0 to 1) after the old sample in the middle.
fn filter(cutoff: f64, half: usize, place: f64) -> Vec<f64> {
    let tap = |k: usize| {
        let t = k as f64 - (half as f64 - 1.0) - place;
        let within = (1.0 - (t / half as f64).powi(2)).max(0.0);
        let turn = 2.0 * PI * cutoff * t;
        let sinc = if turn == 0.0 { 1.0 } else { turn.sin() / turn };
        sinc * bessel(BETA * within.sqrt())
    };
    (0..2 * half).map(tap).collect()
}

/// The modified Bessel function of order 0, of which the Kaiser window is made.
fn bessel(x: f64) -> f64 {
    let terms = (1..30).scan(1.0, |term, k| {
        *term *= (x / 2.0 / f64::from(k)).powi(2);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::tone;

    /// dB of the difference, at the same time; the ends, where the clip stops at once, do not count.
    fn snr(expected: &[i16], heard: &[i16]) -> f64 {
        let inner = expected.len() / 10..expected.len() * 9 / 10;
        let pairs = expected[inner.clone()].iter().zip(&heard[inner]);
        let (signal, noise) = pairs.fold((0.0, 1e-9), |(signal, noise), (&a, &b)| {
            (signal + f64::from(a).powi(2), noise + (f64::from(a) - f64::from(b)).powi(2))
        });
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn every_rate_becomes_every_other_without_delay_or_noise() {
        for from in RATES {
            for to in RATES {
                for frequency in [200, 1_000, 3_300] {
                    let sent = tone(frequency, from, from as usize / 5, 10_000.0);
                    let heard = resample(&sent, from, to);
                    assert_eq!(heard.len(), to as usize / 5);
                    let snr = snr(&tone(frequency, to, to as usize / 5, 10_000.0), &heard);
                    assert!(snr > 70.0, "{frequency} Hz, {from} to {to}: {snr} dB");
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_left_out() {
        for (from, to, frequencies) in [
            (48_000, 8_000, [4_400, 7_000, 15_800]),
            (44_100, 16_000, [8_800, 12_345, 20_000]),
            (16_000, 8_000, [4_400, 5_000, 7_500]),
        ] {
            for frequency in frequencies {
                let heard = resample(&tone(frequency, from, from as usize / 5, 30_000.0), from, to);
                let loudest = heard[100..heard.len() - 100].iter().map(|s| s.unsigned_abs()).max();
                assert!(loudest <= Some(3), "{frequency} Hz, {from} to {to}: {loudest:?}");
            }
        }
    }

    #[test]
    fn the_length_is_that_of_the_time_rounded_up() {
        for (samples, from, to, expected) in [
            (160, 8_000, 16_000, 320),
            (161, 16_000, 8_000, 81),
            (441, 44_100, 16_000, 160),
            (442, 44_100, 16_000, 161),
            (7, 8_000, 8_000, 7),
            (1, 48_000, 8_000, 1),
            (1, 11_025, 48_000, 5),
            (0, 8_000, 16_000, 0),
        ] {
            assert_eq!(resample(&vec![900; samples], from, to).len(), expected, "{samples}, {from} to {to}");
        }
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> = (0..800).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        for to in RATES {
            let heard = resample(&square, 8_000, to);
            for half_wave in 0..40 {
                let middle = heard[(20 * half_wave + 10) * to as usize / 8_000];
                let right = if half_wave % 2 == 0 { middle > 20_000 } else { middle < -20_000 };
                assert!(right, "to {to} at {half_wave}: {middle}");
            }
        }
    }
}
