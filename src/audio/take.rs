//! What somebody says to be heard by others: listened to for its end, then cut and brought to the level of prompts.

use super::loudness::level;
use crate::time::Duration;

/// Samples a second.
pub const RATE: u32 = 8_000;

/// 20 ms.
const PIECE: usize = 160;
const PIECE_TIME: Duration = Duration::from_millis(20);
/// Below this mean square a piece is a pause: -50 dB of full scale, louder than a line and softer than a voice.
const PAUSE: f64 = 1e-5;
/// And below this part of the loudest piece: -25 dB.
const SOFT: f64 = 3.2e-3;
/// Who has not begun after this time does not speak.
const BEGIN: Duration = Duration::from_secs(5);
/// And who has said nothing for so long has ended.
const END: Duration = Duration::from_secs(3);
/// Pieces of speech that are a message: with fewer it was a cough, or a click.
const FEWEST: usize = 25;
/// Pieces that are left before the first word and behind the last one.
const MARGIN: usize = 10;

/// A take under way.
#[derive(Debug, Default)]
pub struct Take {
    samples: Vec<i16>,
    /// The mean square of each whole piece.
    energies: Vec<f64>,
    loudest: f64,
    /// Behind the last piece of speech; 0 before the first.
    spoken: usize,
}

impl Take {
    pub fn hear(&mut self, samples: impl IntoIterator<Item = i16>) {
        self.samples.extend(samples);
        let heard = self.energies.len();
        for piece in self.samples[heard * PIECE..].chunks_exact(PIECE) {
            let energy = piece.iter().map(|&sample| (f64::from(sample) / 32_768.0).powi(2)).sum::<f64>() / PIECE as f64;
            self.energies.push(energy);
            self.loudest = self.loudest.max(energy);
            if is_speech(energy, self.loudest) {
                self.spoken = self.energies.len();
            }
        }
    }

    /// Whether it ends by itself: it is as long as it may be, nobody began, or nobody speaks any more.
    pub fn is_over(&self, longest: Duration) -> bool {
        let time = |pieces: usize| PIECE_TIME * pieces as u32;
        let silent = time(self.energies.len() - self.spoken);
        let patience = if self.spoken == 0 { BEGIN } else { END };
        silent >= patience || time(self.energies.len()) >= longest
    }

    /// From its first word to its last, at the level of prompts; `None`: nothing was said.
    pub fn finish(self) -> Option<Vec<i16>> {
        let speech = |energy: &&f64| is_speech(**energy, self.loudest);
        if self.energies.iter().filter(speech).count() < FEWEST {
            return None;
        }
        let first = self.energies.iter().position(|energy| speech(&energy))?.saturating_sub(MARGIN);
        let last = self.energies.iter().rposition(|energy| speech(&energy))? + 1 + MARGIN;
        let mut samples = self.samples;
        samples.truncate(last * PIECE);
        samples.drain(..first * PIECE);
        // Its author is on the telephone, and hears how it is.
        level(&mut samples, RATE);
        Some(samples)
    }
}

fn is_speech(energy: f64, loudest: f64) -> bool {
    energy > PAUSE.max(loudest * SOFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::loudness::loudness;
    use crate::audio::measure::voice;

    /// What a line has in it while nobody speaks: some -60 dB.
    fn hush(milliseconds: usize) -> Vec<i16> {
        (0..milliseconds * 8).map(|at| if at % 2 == 0 { 33 } else { -33 }).collect()
    }

    fn speech(milliseconds: usize) -> Vec<i16> {
        voice(RATE, milliseconds * 8)
    }

    fn take(parts: &[Vec<i16>]) -> Take {
        let mut take = Take::default();
        // In pieces as a recorder has them, which need not be whole.
        parts.concat().chunks(333).for_each(|some| take.hear(some.iter().copied()));
        take
    }

    #[test]
    fn it_ends_when_nobody_begins_or_goes_on_or_it_is_long_enough() {
        let minute = Duration::from_secs(60);
        let cases = [
            (vec![hush(4_900)], minute, false),
            (vec![hush(5_020)], minute, true),
            (vec![hush(4_000), speech(1_000), hush(2_900)], minute, false),
            (vec![hush(4_000), speech(1_000), hush(3_020)], minute, true),
            (vec![speech(1_000), hush(2_900), speech(500), hush(2_900)], minute, false),
            (vec![speech(9_900)], Duration::from_secs(10), false),
            (vec![speech(10_020)], Duration::from_secs(10), true),
        ];
        for (number, (parts, longest, over)) in cases.into_iter().enumerate() {
            assert_eq!(take(&parts).is_over(longest), over, "{number}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_said_at_the_level_of_prompts() {
        let loud: Vec<i16> = speech(2_000).iter().map(|sample| sample * 3).collect();
        for said in [speech(2_000), loud] {
            let kept = take(&[hush(1_500), said, hush(3_000)]).finish().expect("a take");
            let ms = kept.len() / 8;
            assert!((2_300..=2_460).contains(&ms), "{ms} ms");
            let level = loudness(&kept, RATE).expect("a sound");
            assert!((level + 22.0).abs() < 3.0, "{level}");
        }
    }

    #[test]
    fn silence_and_a_click_are_no_take() {
        assert_eq!(take(&[]).finish(), None);
        assert_eq!(take(&[hush(5_000)]).finish(), None);
        assert_eq!(take(&[hush(1_000), speech(400), hush(3_000)]).finish(), None);
        assert!(take(&[speech(600)]).finish().is_some());
    }
}
