//! Which part of a recording becomes frames, and how it ends: a prompt as it is, a word so that the next one follows at
//! once, music so that its end leads to its beginning.

use super::loudness::loudness;
use std::ops::Range;

/// What a clip is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whole; its last frame is filled up with silence.
    Prompt,
    /// A piece of a value: from its first sound to its last, to the nearest frame. At most half a frame of its dying away
    /// is lost, or of silence added.
    Word,
    /// Played round and round: its end fades into its beginning, and is not played itself.
    Loop,
}

/// So far below its own level a word is over, in dB: soft consonants are louder, a room is not.
const OVER: f64 = 32.0;
/// Where a word is cut it swells and fades over so many thousandths of a second.
const SWELL: usize = 2;
const FADE: usize = 5;
/// Frames of music that fade into its beginning: half a second.
const SEAM: usize = 25;
/// Frames a second.
const FRAMES: usize = 50;

/// A part of a recording, the same frames at every rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub shape: Shape,
    /// Where it begins, in samples of the recording.
    start: usize,
    rate: usize,
    pub frames: usize,
    /// Frames behind it that fade into its beginning.
    seam: usize,
}

impl Cut {
    pub fn new(shape: Shape, samples: &[i16], rate: u32) -> Cut {
        let per_second = rate.max(1) as usize;
        let up = |samples: usize| (samples * FRAMES).div_ceil(per_second);
        let whole = Cut { shape, start: 0, rate: per_second, frames: up(samples.len()), seam: 0 };
        match shape {
            Shape::Prompt => whole,
            Shape::Word => {
                let Some(Range { start, end }) = sounding(samples, rate) else { return whole };
                let frames = ((end - start) * FRAMES + per_second / 2) / per_second;
                Cut { start, frames: frames.max(1), ..whole }
            }
            Shape::Loop => {
                let all = samples.len() * FRAMES / per_second;
                let seam = SEAM.min(all / 4);
                Cut { frames: if all > 0 { all - seam } else { whole.frames }, seam, ..whole }
            }
        }
    }

    /// The part, of the recording at another rate.
    pub fn of(&self, samples: &[i16], rate: u32) -> Vec<i16> {
        let rate = rate as usize;
        let (start, length) = (self.start * rate / self.rate, self.frames * rate / FRAMES);
        let mut part: Vec<i16> = samples.iter().copied().skip(start).take(length).collect();
        part.resize(length, 0);
        match self.shape {
            Shape::Prompt => {}
            Shape::Word => {
                fade(part.iter_mut(), SWELL * rate / 1_000);
                fade(part.iter_mut().rev(), FADE * rate / 1_000);
            }
            Shape::Loop => {
                let seam = self.seam * rate / FRAMES;
                let tail = &samples[length.min(samples.len())..];
                for (n, (sample, &after)) in part.iter_mut().zip(tail).take(seam).enumerate() {
                    let mixed = i64::from(*sample) * n as i64 + i64::from(after) * (seam - n) as i64;
                    *sample = (mixed / seam as i64) as i16;
                }
            }
        }
        part
    }
}

/// From the first sound of a word to its last one, in samples; `None` of silence.
pub fn sounding(samples: &[i16], rate: u32) -> Option<Range<usize>> {
    let floor = 10_f64.powf((loudness(samples, rate)? - OVER) / 10.0) * 32_768_f64.powi(2);
    let piece = (rate / 400).max(1) as usize;
    let loud = |piece: &[i16]| {
        let energy: f64 = piece.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        energy > floor * piece.len() as f64
    };
    let first = samples.chunks(piece).position(loud)?;
    let last = samples.chunks(piece).rposition(loud)?;
    Some(first * piece..((last + 1) * piece).min(samples.len()))
}

/// From silence to the full sound.
fn fade<'s>(samples: impl Iterator<Item = &'s mut i16>, over: usize) {
    for (n, sample) in samples.take(over).enumerate() {
        *sample = (i64::from(*sample) * n as i64 / over as i64) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::tone;
    use crate::audio::resample::{RATES, resample};

    #[test]
    fn a_prompt_is_whole_and_filled_up() {
        for rate in RATES {
            let samples = vec![500; rate as usize / 10 + 1];
            let cut = Cut::new(Shape::Prompt, &samples, rate);
            let part = cut.of(&samples, rate);
            assert_eq!((cut.frames, part.len()), (6, 6 * rate as usize / 50), "{rate}");
            assert!(part.starts_with(&samples) && part[samples.len()..].iter().all(|&s| s == 0));
        }
    }

    /// Half a second of a tone between pauses of any length: not a quarter of a frame of it is missing at either end, nor
    /// as much of a pause left.
    #[test]
    fn a_word_is_cut_out_of_its_pauses_in_the_same_frames_at_every_rate() {
        for rate in RATES {
            for (before, after) in [(0, 0), (1, 700), (333, 0), (4_001, 12_345)] {
                let (before, after) = (before * rate as usize / 8_000, after * rate as usize / 8_000);
                let word = tone(400, rate, rate as usize / 2, 9_000.0);
                let samples = [vec![3; before], word, vec![-3; after]].concat();
                let cut = Cut::new(Shape::Word, &samples, rate);
                assert_eq!(cut.frames, 25, "{rate}, {before}, {after}");
                for to in [8_000, 16_000] {
                    let part = cut.of(&resample(&samples, rate, to), to);
                    assert_eq!(part.len(), to as usize / 2);
                    let quarter = to as usize / 200;
                    for piece in [&part[..quarter], &part[part.len() - 2 * quarter..]] {
                        assert!(piece.iter().any(|s| s.unsigned_abs() > 2_000), "{rate} to {to}, {before}, {after}");
                    }
                    assert!(part[0].unsigned_abs() < 500 && part.last().is_some_and(|s| s.unsigned_abs() < 500));
                }
            }
        }
    }

    #[test]
    fn a_word_of_any_length_is_cut_to_the_nearest_frame() {
        for (milliseconds, frames) in [(1, 1), (29, 1), (31, 2), (49, 2), (51, 3), (400, 20)] {
            let word = tone(1_000, 8_000, milliseconds * 8, 9_000.0);
            let samples = [vec![0; 400], word, vec![0; 400]].concat();
            let found = Cut::new(Shape::Word, &samples, 8_000).frames;
            assert!(found.abs_diff(frames) <= usize::from(milliseconds % 20 != 0), "{milliseconds} ms: {found}");
        }
        assert_eq!(Cut::new(Shape::Word, &[0; 320], 8_000).frames, 2, "silence stays as long as it was");
    }

    /// The tone does not fit into the loop; the step from its end to its beginning is no greater than those inside.
    #[test]
    fn the_end_of_a_loop_leads_to_its_beginning() {
        for rate in RATES {
            for length in [rate as usize / 7, 3 * rate as usize + 77] {
                let samples = tone(333, rate, length, 9_000.0);
                let cut = Cut::new(Shape::Loop, &samples, rate);
                for to in [8_000, 16_000] {
                    let part = cut.of(&resample(&samples, rate, to), to);
                    let step = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
                    let inside = part.windows(2).map(|w| step(w[0], w[1])).max().unwrap_or(0);
                    let seam = step(part[part.len() - 1], part[0]);
                    assert!(seam <= inside, "{rate} to {to}, {length}: {seam} beside {inside}");
                    assert_eq!(part.len(), cut.frames * to as usize / 50);
                }
            }
        }
    }

    #[test]
    fn a_loop_shorter_than_a_frame_and_one_of_nothing_are_what_they_are() {
        for (samples, frames) in [(vec![], 0), (vec![100; 40], 1), (vec![100; 160], 1)] {
            let cut = Cut::new(Shape::Loop, &samples, 8_000);
            assert_eq!((cut.frames, cut.of(&samples, 8_000).len()), (frames, frames * 160));
        }
    }
}
