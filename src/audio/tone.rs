//! The sounds that are built in: the tone before a recording, and the hold music, a slow arpeggio over four chords, each
//! note dying away. They are sums and products only, so that every machine makes the same bytes.

/// Samples a second.
pub const RATE: u32 = 8_000;
/// One chord lasts three seconds of the loop's twelve.
const CHORD: usize = 24_000;
/// Notes follow each other by half a second.
const BEAT: usize = CHORD / 6;
/// A note is inaudible after this many samples.
const NOTE: usize = 20_000;
/// Softer than speech: a note peaks at some -21 dBFS.
const LOUDNESS: f32 = 2_600.0;
/// What is left of a note from one sample to the next.
const DECAY: f32 = 0.999_72;
/// Samples over which a note swells, so that it does not click.
const ATTACK: usize = 160;

/// Frequencies in Hz of each chord's notes, in the order in which they are played (C, A minor, F, G).
const CHORDS: [[f32; 6]; 4] = [
    [261.63, 392.00, 523.25, 659.26, 523.25, 392.00],
    [220.00, 329.63, 440.00, 523.25, 440.00, 329.63],
    [349.23, 440.00, 523.25, 698.46, 523.25, 440.00],
    [392.00, 493.88, 587.33, 783.99, 587.33, 493.88],
];

/// Samples of the tone after which somebody is recorded: 300 ms.
const BEEP: usize = 2_400;

/// What a caller hears before it is recorded: 1,000 Hz, as loud as a prompt.
pub fn beep() -> Vec<i16> {
    let sample = |at: usize| {
        let swell = at.min(BEEP - at).min(ATTACK) as f32 / ATTACK as f32;
        (sine(at as f32 / 8.0 % 1.0) * swell * 3_600.0) as i16
    };
    (0..BEEP).map(sample).collect()
}

/// Twelve seconds at 8,000 Hz. A note that outlasts the end dies away at the beginning: the loop has no seam.
pub fn hold_music() -> Vec<i16> {
    let mut mix = vec![0.0; CHORD * CHORDS.len()];
    for (note, &frequency) in CHORDS.iter().flatten().enumerate() {
        add_note(&mut mix, note * BEAT, frequency);
    }
    mix.into_iter().map(|sample| sample as i16).collect()
}

fn add_note(mix: &mut [f32], start: usize, frequency: f32) {
    let step = frequency / RATE as f32;
    let (mut phase, mut level) = (0.0, LOUDNESS);
    for i in 0..NOTE {
        let swell = i.min(ATTACK) as f32 / ATTACK as f32;
        let last = ((NOTE - i) as f32 / 2_000.0).min(1.0);
        let wave = sine(phase) + 0.2 * sine((2.0 * phase) % 1.0);
        let at = (start + i) % mix.len();
        mix[at] += wave * level * swell * last;
        level *= DECAY;
        phase = (phase + step) % 1.0;
    }
}

/// The sine of a phase in turns, 0 to 1: two parabolas, smoothed (right to 0.1 %).
fn sine(phase: f32) -> f32 {
    let x = if phase < 0.5 { phase } else { phase - 1.0 };
    let parabola = 8.0 * x - 16.0 * x * x.abs();
    0.225 * (parabola * parabola.abs() - parabola) + parabola
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_is_soft_whole_frames_long_and_without_a_seam() {
        let music = hold_music();
        assert_eq!(music.len(), 96_000);
        let peak = music.iter().map(|s| s.unsigned_abs()).max();
        assert!((3_000..8_000).contains(&peak.unwrap_or(0)), "{peak:?}");
        let jump = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
        let inside = music.windows(2).map(|w| jump(w[0], w[1])).max();
        assert!(Some(jump(music[95_999], music[0])) <= inside);
        for second in music.chunks(8_000) {
            assert!(second.iter().any(|s| s.unsigned_abs() > 800), "a second of silence");
        }
    }

    #[test]
    fn a_sine_is_a_sine() {
        for i in 0..1000 {
            let phase = i as f32 / 1000.0;
            assert!((sine(phase) - (phase * std::f32::consts::TAU).sin()).abs() < 0.002, "{phase}");
        }
    }
}
