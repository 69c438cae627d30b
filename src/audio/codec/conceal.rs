//! Filling a gap with what was heard before it: the last period of the voice again and again, and softer and softer.
//! The idea is that of G.711 Appendix I; nothing is held back for it, so there is no delay.

/// All times are in samples at 8,000 Hz; at 16,000 Hz there are twice as many.
const SHORTEST: usize = 40;
const LONGEST: usize = 120;
/// What two periods are compared over.
const WINDOW: usize = 160;
/// How long the gap's sound stays as loud as it was, and when it is silent.
const FULL: usize = 80;
const SILENT: usize = 480;
/// How long the sound behind a gap takes over.
const BACK: usize = 40;
/// The most that is looked at, at 16,000 Hz.
const HISTORY: usize = 2 * (WINDOW + LONGEST);

#[derive(Clone, Debug)]
pub struct Concealer {
    /// Times that a sample is there for each at 8,000 Hz: 1 or 2.
    scale: usize,
    /// The newest is the last.
    history: [i16; HISTORY],
    period: [i16; 2 * LONGEST],
    length: usize,
    /// Samples made up since the last one that came.
    made: usize,
    /// What the first of them are corrected by, so that they join what was heard.
    step: i32,
}

impl Concealer {
    pub fn new(rate: u32) -> Self {
        let scale = if rate > 8_000 { 2 } else { 1 };
        Self { scale, history: [0; HISTORY], period: [0; 2 * LONGEST], length: 1, made: 0, step: 0 }
    }

    /// Sound came: it is remembered, and what was made up before it fades into it.
    pub fn came(&mut self, samples: &mut [i16]) {
        if self.made > 0 {
            let back = (BACK * self.scale).min(samples.len());
            for (n, sample) in samples[..back].iter_mut().enumerate() {
                let (old, new) = (i32::from(self.next()), i32::from(*sample));
                *sample = ((old * (back - n) as i32 + new * n as i32) / back as i32) as i16;
            }
            self.made = 0;
        }
        let kept = samples.len().min(HISTORY);
        self.history.copy_within(kept.., 0);
        self.history[HISTORY - kept..].copy_from_slice(&samples[samples.len() - kept..]);
    }

    /// Makes sound up, in as many calls as there are frames missing.
    pub fn fill(&mut self, out: &mut [i16]) {
        if self.made == 0 {
            self.begin();
        }
        out.iter_mut().for_each(|sample| *sample = self.next());
    }

    fn begin(&mut self) {
        let length = self.pitch();
        // The period's end leads over to its beginning, as what came before it did.
        let (start, over) = (HISTORY - length, length / 4);
        self.period[..length].copy_from_slice(&self.history[start..]);
        for n in 0..over {
            let (end, before) =
                (i32::from(self.history[HISTORY - over + n]), i32::from(self.history[start - over + n]));
            self.period[length - over + n] = ((end * (over - n) as i32 + before * n as i32) / over as i32) as i16;
        }
        self.length = length;
        self.step = i32::from(self.history[HISTORY - 1]) - i32::from(self.history[start - 1]);
    }

    fn next(&mut self) -> i16 {
        let (full, silent) = (FULL * self.scale, SILENT * self.scale);
        let over = self.length / 4;
        let join = self.step * over.saturating_sub(self.made) as i32 / over.max(1) as i32;
        let sample = i32::from(self.period[self.made % self.length]) + join;
        let level = (silent.saturating_sub(self.made)).min(silent - full) as i32;
        self.made = self.made.saturating_add(1);
        (sample * level / (silent - full) as i32).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    /// The period at which the end of the history is most like what lies before it, in samples.
    fn pitch(&self) -> usize {
        let (shortest, longest) = (SHORTEST * self.scale, LONGEST * self.scale);
        let coarse = self.best((shortest..=longest).step_by(self.scale), self.scale);
        if self.scale == 1 { coarse } else { self.best((coarse - 1).max(shortest)..=(coarse + 1).min(longest), 1) }
    }

    fn best(&self, lags: impl Iterator<Item = usize>, step: usize) -> usize {
        let from = HISTORY - WINDOW * self.scale;
        let mut best = (LONGEST * self.scale, 0.0);
        for lag in lags {
            let (newer, older) = (&self.history[from..], &self.history[from - lag..]);
            let (mut product, mut power) = (0_i64, 1_i64);
            for (&a, &b) in newer.iter().zip(older).step_by(step) {
                product += i64::from(i32::from(a) * i32::from(b));
                power += i64::from(i32::from(b) * i32::from(b));
            }
            let likeness = product.max(0) as f64 * product as f64 / power as f64;
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::{tone, voice};

    /// Loses the frames of 20 ms whose numbers are given.
    fn lossy(sound: &[i16], rate: u32, lost: impl Fn(usize) -> bool) -> Vec<i16> {
        let mut concealer = Concealer::new(rate);
        let mut heard = sound.to_vec();
        for (number, frame) in heard.chunks_mut(rate as usize / 50).enumerate() {
            if lost(number) { concealer.fill(frame) } else { concealer.came(frame) }
        }
        heard
    }

    fn level(sound: &[i16]) -> f64 {
        (sound.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / sound.len() as f64).sqrt()
    }

    #[test]
    fn a_voice_goes_on_through_a_lost_frame() {
        for rate in [8_000, 16_000] {
            let sound = voice(rate, rate as usize);
            let frame = rate as usize / 50;
            let heard = lossy(&sound, rate, |number| number % 10 == 9);
            let error: Vec<i16> = sound.iter().zip(&heard).map(|(a, b)| a.wrapping_sub(*b)).collect();
            for number in (19..50).step_by(10) {
                let at = number * frame..(number + 1) * frame;
                let snr = 20.0 * (level(&sound[at.clone()]) / level(&error[at])).log10();
                assert!(snr > 8.0, "{rate} Hz, frame {number}: {snr} dB, where silence has 0");
            }
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_without_a_click_at_either_end() {
        for rate in [8_000, 16_000] {
            let sound = tone(200, rate, rate as usize, 10_000.0);
            let heard = lossy(&sound, rate, |number| (20..30).contains(&number));
            let frame = rate as usize / 50;
            let levels: Vec<f64> = (19..31).map(|n| level(&heard[n * frame..(n + 1) * frame])).collect();
            assert!(levels[1] > 0.9 * levels[0] && levels[2] < 0.8 * levels[1] && levels[11] > 0.9 * levels[0]);
            assert!(levels[5..10].iter().all(|&level| level == 0.0), "{levels:?}");
            let step = |sound: &[i16]| sound.windows(2).map(|w| (w[0] - w[1]).unsigned_abs()).max();
            assert!(step(&heard) <= step(&sound).map(|s| s * 5 / 4), "{rate} Hz: {:?}", step(&heard));
        }
    }

    #[test]
    fn anything_may_come_and_be_missing() {
        let mut concealer = Concealer::new(16_000);
        let mut sound = [i16::MIN; 1920];
        concealer.fill(&mut sound);
        assert_eq!(sound, [0; 1920], "nothing was heard yet");
        for length in [0, 1, 7, 320, 1920] {
            concealer.came(&mut [i16::MIN; 1920][..length]);
            concealer.fill(&mut sound[..length]);
            concealer.fill(&mut sound[..3]);
        }
    }
}
