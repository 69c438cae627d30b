//! From 8,000 to 16,000 Hz and back, as the sound comes: a half-band filter, flat to 3.4 kHz and 50 dB down from 4.6 kHz,
//! with a delay of 1.5 ms. For whole clips, at any rate, there is `resample`.

/// Every second coefficient to one side of the filter's middle, in units of 1/16,384: a sine in a Kaiser window (beta 6).
/// Those in between are zero.
const HALF_BAND: [i32; 12] = [10384, -3332, 1851, -1175, 779, -518, 338, -213, 127, -69, 33, -13];
const TAPS: usize = HALF_BAND.len();

/// What changes the rate of one direction of a call.
#[derive(Clone, Debug)]
pub enum Converter {
    Same,
    /// The samples that are looked at, the newest is the last.
    Doubling([i32; 2 * TAPS]),
    Halving([i32; 4 * TAPS]),
}

impl Converter {
    /// Both rates are a codec's: 8,000 or 16,000 Hz.
    pub fn new(from: u32, to: u32) -> Converter {
        match from.cmp(&to) {
            std::cmp::Ordering::Equal => Converter::Same,
            std::cmp::Ordering::Less => Converter::Doubling([0; 2 * TAPS]),
            std::cmp::Ordering::Greater => Converter::Halving([0; 4 * TAPS]),
        }
    }

    /// Converts what fits into `out`. Returns how many samples came of it; of halving, an odd last one is left out.
    pub fn convert(&mut self, samples: &[i16], out: &mut [i16]) -> usize {
        match self {
            Converter::Same => {
                let fit = samples.len().min(out.len());
                out[..fit].copy_from_slice(&samples[..fit]);
                fit
            }
            Converter::Doubling(line) => {
                let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(samples);
                2 * pairs.map(|(pair, &sample)| *pair = doubled(line, sample)).count()
            }
            Converter::Halving(line) => {
                let pairs = out.iter_mut().zip(samples.as_chunks::<2>().0);
                pairs.map(|(out, pair)| *out = halved(line, *pair)).count()
            }
        }
    }
}

/// A sample, twelve ago, and what lies between it and the next.
fn doubled(line: &mut [i32; 2 * TAPS], sample: i16) -> [i16; 2] {
    line.copy_within(1.., 0);
    line[2 * TAPS - 1] = sample.into();
    let between: i32 = (0..TAPS).map(|k| HALF_BAND[k] * (line[TAPS - 1 - k] + line[TAPS + k])).sum();
    [line[TAPS - 1], (between + (1 << 13)) >> 14].map(saturate)
}

fn halved(line: &mut [i32; 4 * TAPS], pair: [i16; 2]) -> i16 {
    line.copy_within(2.., 0);
    line[4 * TAPS - 2..].copy_from_slice(&pair.map(i32::from));
    let middle = 2 * TAPS;
    let sides: i32 = (0..TAPS).map(|k| HALF_BAND[k] * (line[middle - 1 - 2 * k] + line[middle + 1 + 2 * k])).sum();
    saturate((line[middle] * (1 << 14) + sides + (1 << 14)) >> 15)
}

fn saturate(value: i32) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::{snr, tone};

    #[test]
    fn speech_goes_up_and_down_again_unharmed() {
        for frequency in [300, 1_000, 2_000, 3_300] {
            let sent = tone(frequency, 8_000, 8_000, 10_000.0);
            let (mut wide, mut narrow) = (vec![0; 16_000], vec![0; 8_000]);
            assert_eq!(Converter::new(8_000, 16_000).convert(&sent, &mut wide), 16_000);
            let heard = snr(&tone(frequency, 16_000, 16_000, 10_000.0), &wide);
            assert!(heard > 45.0, "{frequency} Hz doubled: {heard} dB");
            assert_eq!(Converter::new(16_000, 8_000).convert(&wide, &mut narrow), 8_000);
            let heard = snr(&sent, &narrow);
            assert!(heard > 45.0, "{frequency} Hz there and back: {heard} dB");
        }
    }

    #[test]
    fn what_a_narrow_band_cannot_carry_is_left_out() {
        for frequency in [4_700, 5_500, 7_000] {
            let mut narrow = vec![0; 8_000];
            Converter::new(16_000, 8_000).convert(&tone(frequency, 16_000, 16_000, 10_000.0), &mut narrow);
            let loudest = narrow[100..].iter().map(|s| s.unsigned_abs()).max();
            assert!(loudest < Some(40), "{frequency} Hz: {loudest:?}");
        }
    }

    #[test]
    fn pieces_give_what_the_whole_gives_and_full_scale_does_not_wrap() {
        let sound: Vec<i16> = (0..640).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        for (from, to) in [(8_000, 16_000), (16_000, 8_000), (8_000, 8_000)] {
            let (mut whole, mut pieces) = ([0; 1280], [0; 1280]);
            let made = Converter::new(from, to).convert(&sound, &mut whole);
            let (mut converter, mut at) = (Converter::new(from, to), 0);
            for piece in sound.chunks(128) {
                at += converter.convert(piece, &mut pieces[at..]);
            }
            assert_eq!((at, &pieces[..]), (made, &whole[..]), "{from} to {to}");
            let steps = whole[..made].windows(2).filter(|w| i32::from(w[0]).abs_diff(i32::from(w[1])) > 50_000);
            assert!(steps.count() <= 32, "{from} to {to}: an overflow is a jump of its own");
        }
    }
}
