//! False keys an hour in voices and music, and what the detector costs: `cargo bench --bench talk_off [-- HOURS [WAV...]]`.
//! Files are mono 16-bit WAV at 8,000 Hz with a header of 44 bytes.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock and files")]

#[path = "../tests/dtmf/signal.rs"]
mod signal;

use askonce::audio::dtmf::Detector;
use askonce::random::Random;
use signal::{PLAIN, add_noise, music, pcm, speech};
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let hours = arguments.next().and_then(|hours| hours.parse().ok()).unwrap_or(1);
    talk_off("voices", hours, |seed| pcm(&speech(3600, seed)));
    talk_off("music", hours, |seed| pcm(&music(3600, seed)));
    for path in arguments {
        let bytes = std::fs::read(&path).expect("a file");
        let samples: Vec<i16> =
            bytes.as_chunks::<2>().0.iter().skip(22).map(|&sample| i16::from_le_bytes(sample)).collect();
        println!("{path}: {} s, {} false keys", samples.len() / 8000, keys(&samples));
    }
    let mut random = Random::from_seed(1);
    let press: Vec<f64> = (0..300).flat_map(|_| PLAIN.samples('5', &mut random)).collect();
    let mut noise = vec![0.0; 240_000];
    add_noise(&mut noise, 1_000_000.0, &mut random);
    for (name, samples) in [
        ("silence", vec![0; 240_000]),
        ("voices", pcm(&speech(30, 9))),
        ("noise", pcm(&noise)),
        ("keys of 50 ms", pcm(&press)),
    ] {
        let began = Instant::now();
        for _ in 0..20 {
            std::hint::black_box(keys(std::hint::black_box(&samples)));
        }
        let frames = 20 * samples.len() / 160;
        println!("{name}: {} ns a frame of 20 ms", began.elapsed().as_nanos() / frames as u128);
    }
}

fn talk_off(name: &str, hours: u64, signal: impl Fn(u64) -> Vec<i16>) {
    let each: Vec<usize> = (0..hours).map(|hour| keys(&signal(100 + hour))).collect();
    let all: usize = each.iter().sum();
    println!("{name}: {all} false keys in {hours} h ({:.2} an hour): {each:?}", all as f64 / hours as f64);
}

fn keys(samples: &[i16]) -> usize {
    let (mut detector, mut keys) = (Detector::default(), 0);
    detector.hear(samples.iter().copied(), |_| keys += 1);
    keys
}
