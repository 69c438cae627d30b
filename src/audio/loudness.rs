//! Prompts at one level: recordings come from many rooms, and a caller should not have to reach for the volume.

use super::nearest;
use std::fmt;

/// What active speech should have, in dB below full scale (RFC 7874 section 4: -19 dBm0).
const TARGET: f64 = -22.0;
/// A prompt is not changed by more than this, in dB: a whisper that is raised further is mostly noise.
const MOST: f64 = 12.0;
/// What is left of a difference and not worth a word, in dB.
const NEAR: f64 = 3.0;
/// No peak is raised beyond this: 0.9 of full scale, so that a change of the rate finds room.
const PEAK: f64 = 29_490.0;
const FULL: f64 = 32_768.0;
/// Below this mean square a piece of 20 ms is a pause: -55 dB.
const PAUSE: f64 = 3.2e-6;
/// And below this part of the mean of all that is none: -16 dB.
const SOFT: f64 = 0.025;
/// Samples like these, so many times the same, are a wave whose top was cut off. (The greatest values of A-law and
/// mu-law are 32,256 and 32,124.)
const CUT: (u16, usize) = (32_000, 4);

/// What the author should know about the level of a clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Remark {
    /// There is nothing to hear.
    Silent,
    /// Full scale is reached and held: how often, and where first, in milliseconds.
    Clipped { times: usize, first: usize },
    /// The level in dB of full scale that it was given with, and that to which it could be brought.
    Far { given: f64, brought: f64 },
}

/// Brings a clip to the level that all prompts have.
pub fn level(samples: &mut [i16], rate: u32) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = clipped(samples, rate).into_iter().collect();
    let Some(given) = loudness(samples, rate) else {
        remarks.push(Remark::Silent);
        return remarks;
    };
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().map_or(0.0, f64::from);
    let room = (20.0 * (PEAK / peak).log10()).max(0.0);
    let gain = (TARGET - given).clamp(-MOST, MOST).min(room);
    let factor = 10_f64.powf(gain / 20.0);
    samples.iter_mut().for_each(|sample| *sample = nearest(f64::from(*sample) * factor));
    let brought = given + gain;
    if (brought - TARGET).abs() > NEAR {
        remarks.push(Remark::Far { given, brought });
    }
    remarks
}

/// The level of what is no pause, in dB of full scale, of a clip of any length; `None` if all of it is a pause.
pub fn loudness(samples: &[i16], rate: u32) -> Option<f64> {
    // Squares and samples of each: the last piece may be a short one.
    let energy = |piece: &[i16]| piece.iter().map(|&sample| (f64::from(sample) / FULL).powi(2)).sum::<f64>();
    let pieces = samples.chunks((rate / 50).max(1) as usize).map(|piece| (energy(piece), piece.len() as f64));
    let pieces: Vec<(f64, f64)> = pieces.collect();
    let mean = |above: f64| {
        let loud = pieces.iter().filter(|(energy, length)| *energy > above * length);
        let (energy, length) = loud.fold((0.0, 0.0), |sum, piece| (sum.0 + piece.0, sum.1 + piece.1));
        (length > 0.0).then(|| energy / length)
    };
    let speech = mean(SOFT * mean(PAUSE)?)?;
    Some(10.0 * speech.log10())
}

fn clipped(samples: &[i16], rate: u32) -> Option<Remark> {
    let (loud, long) = CUT;
    let (mut times, mut first, mut at) = (0, None, 0);
    for run in samples.chunk_by(|a, b| a == b) {
        if run.len() >= long && run[0].unsigned_abs() >= loud {
            times += 1;
            first.get_or_insert(at * 1_000 / rate.max(1) as usize);
        }
        at += run.len();
    }
    first.map(|first| Remark::Clipped { times, first })
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Silent => f.write_str("nothing is heard in it; record it again, or leave the prompt out"),
            Remark::Clipped { times, first } => write!(
                f,
                "the tops of the wave are cut off in {times} place(s), the first after {first} ms; it was recorded too loud, \
                 record it again"
            ),
            Remark::Far { given, brought } => write!(
                f,
                "its level is {given:.0} dB of full scale and could be brought to {brought:.0} only, beside {TARGET} of the \
                 others; record it again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::{tone, voice};
    use crate::audio::resample::{RATES, resample};

    /// A tone at a level in dB of full scale (a sine is 3 dB below its peak).
    fn at(level: f64, rate: u32, milliseconds: usize) -> Vec<i16> {
        tone(400, rate, milliseconds * rate as usize / 1_000, FULL * 2_f64.sqrt() * 10_f64.powf(level / 20.0))
    }

    #[test]
    fn the_level_is_that_of_speech_without_its_pauses() {
        for rate in RATES {
            for length in [200, 300, 2_000] {
                for level in [-40.0, -22.0, -10.0] {
                    let sound = at(level, rate, length);
                    let pauses = [vec![9; rate as usize], sound.clone(), vec![0; rate as usize / 3], sound].concat();
                    let measured = loudness(&pauses, rate).expect("a sound");
                    assert!((measured - level).abs() < 0.6, "{rate} Hz, {length} ms at {level}: {measured}");
                }
            }
        }
        assert_eq!(loudness(&[20; 8_000], 8_000), None);
        assert_eq!(loudness(&[], 8_000), None);
    }

    #[test]
    fn loud_and_soft_come_to_one_level() {
        for given in [-33.5, -30.0, -22.0, -16.0, -10.5] {
            let mut sound = at(given, 16_000, 500);
            assert_eq!(level(&mut sound, 16_000), [], "{given}");
            let brought = loudness(&sound, 16_000).expect("a sound");
            assert!((brought - TARGET).abs() < 0.1, "{given}: {brought}");
        }
        let mut sound = at(-45.0, 8_000, 500);
        let remarks = level(&mut sound, 8_000);
        assert!(matches!(remarks[..], [Remark::Far { given, brought }] if (brought - given - MOST).abs() < 1e-9));
        assert!((loudness(&sound, 8_000).expect("a sound") + 33.0).abs() < 0.2);
    }

    #[test]
    fn no_peak_is_raised_to_full_scale_and_what_reaches_it_is_not_raised() {
        for (peak, highest) in [(10_000, 29_490), (25_000, 29_490), (32_000, 32_000)] {
            let mut sound = [at(-33.0, 8_000, 1_000), vec![peak, -peak]].concat();
            let far = matches!(level(&mut sound, 8_000)[..], [Remark::Far { .. }]);
            assert_eq!(far, peak > 20_000, "{peak}");
            assert_eq!(sound.iter().max(), Some(&highest), "{peak}");
        }
        let mut voice = voice(16_000, 32_000);
        assert_eq!(level(&mut voice, 16_000), []);
        for rate in RATES {
            let loudest = resample(&voice, 16_000, rate).iter().map(|s| s.unsigned_abs()).max();
            assert!(loudest < Some(31_000), "{rate}: {loudest:?}");
        }
    }

    #[test]
    fn tops_that_are_cut_off_are_counted_and_peaks_that_are_not_pass() {
        for rate in RATES {
            let whole = tone(300, rate, rate as usize, 32_767.0);
            assert_eq!(clipped(&whole, rate), None, "{rate}");
            let cut: Vec<i16> = tone(300, rate, rate as usize, 32_767.0).iter().map(|s| s.saturating_mul(4)).collect();
            let Some(Remark::Clipped { times, first }) = clipped(&cut, rate) else { panic!("{rate}: nothing found") };
            assert!((590..=600).contains(&times) && first <= 1, "{rate}: {times}, {first}");
        }
        let law = [vec![0; 8_000], vec![32_124; 4], vec![-32_256; 5]].concat();
        assert_eq!(clipped(&law, 8_000), Some(Remark::Clipped { times: 2, first: 1_000 }));
    }

    #[test]
    fn silence_is_said() {
        let mut nothing = vec![3; 4_000];
        assert_eq!(level(&mut nothing, 8_000), [Remark::Silent]);
        assert_eq!(nothing, vec![3; 4_000]);
        assert_eq!(level(&mut [], 8_000), [Remark::Silent]);
    }
}
