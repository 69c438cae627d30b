//! What the tests of sound share: tones, and how much of them is left.

use std::f64::consts::TAU;

pub fn tone(frequency: u32, rate: u32, samples: usize, peak: f64) -> Vec<i16> {
    let step = TAU * f64::from(frequency) / f64::from(rate);
    (0..samples).map(|n| (peak * (step * n as f64).sin()) as i16).collect()
}

/// Pulses of a voice at 120 Hz through two resonances, with a breath of noise: what predictors and pitch searches are
/// made for.
pub fn voice(rate: u32, samples: usize) -> Vec<i16> {
    let (mut noise, mut out) = (1_u32, Vec::with_capacity(samples));
    let mut formants = [(500.0, [0.0_f64; 2]), (1_500.0, [0.0; 2])];
    for n in 0..samples {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let breath = f64::from(noise >> 16) / 65_536.0 - 0.5;
        let pulse = if (n as u32).is_multiple_of(rate / 120) { 1.0 } else { 0.0 };
        let mut sound = pulse * 6_000.0 + breath * 60.0;
        for (frequency, past) in &mut formants {
            let (radius, turn) = ((-180.0 / f64::from(rate)).exp(), TAU * *frequency / f64::from(rate));
            let next = sound + 2.0 * radius * turn.cos() * past[0] - radius * radius * past[1];
            *past = [next, past[0]];
            sound = next * 0.3;
        }
        out.push(sound.clamp(-20_000.0, 20_000.0) as i16);
    }
    out
}

/// Signal to noise in dB, at the delay of up to 20 ms of 16,000 Hz that fits best. The first 50 ms settle.
pub fn snr(sent: &[i16], heard: &[i16]) -> f64 {
    let at = |delay: usize| {
        let pairs = sent.iter().zip(&heard[delay..]).skip(heard.len().min(16_000) / 20);
        let (signal, noise) = pairs.fold((0.0, 1e-9), |(signal, noise), (&a, &b)| {
            let (a, b) = (f64::from(a), f64::from(b));
            (signal + a * a, noise + (a - b) * (a - b))
        });
        10.0 * (signal / noise).log10()
    };
    (0..320.min(heard.len())).map(at).fold(f64::MIN, f64::max)
}
