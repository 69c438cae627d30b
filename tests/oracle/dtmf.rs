//! Keys in the audio: their generator for our detector, our tones for both detectors.

#[path = "../dtmf/signal.rs"]
mod signal;

use crate::spandsp;
use askonce::audio::dtmf::{Detector, Tone};
use askonce::key::Key;
use askonce::random::Random;
use signal::{KEYS, PLAIN, Press, add_noise, music, pcm, speech};

fn ours(samples: &[i16]) -> String {
    let (mut detector, mut keys) = (Detector::default(), String::new());
    detector.hear(samples.iter().copied(), |key| keys.push(key.to_char()));
    keys
}

/// Presses each key at 17 positions; how many each of the two detectors, ours first, hears as that key and once.
fn both(press: Press, snr: Option<f64>) -> ([usize; 2], usize) {
    let mut random = Random::from_seed(24);
    let (mut right, mut all) = ([0; 2], 0);
    for position in 0..17 {
        for key in KEYS.chars() {
            let mut samples = vec![0.0; 400 + 3 * position];
            samples.extend(press.samples(key, &mut random));
            samples.extend([0.0; 800]);
            if let Some(snr) = snr {
                add_noise(&mut samples, press.power() / 10f64.powf(snr / 10.0), &mut random);
            }
            let samples = pcm(&samples);
            for (right, heard) in right.iter_mut().zip([ours(&samples), spandsp::heard(&samples)]) {
                *right += usize::from(heard == key.to_string());
            }
            all += 1;
        }
    }
    (right, all)
}

const fn on(ms: usize) -> Press {
    Press { on: 8 * ms, ..PLAIN }
}

const fn level(dbm0: f64) -> Press {
    Press { row: dbm0, column: dbm0, ..PLAIN }
}

const fn twist(row: f64, column: f64) -> Press {
    Press { row, column, ..PLAIN }
}

const fn off(per_cent: f64) -> Press {
    Press { row_off: per_cent, column_off: per_cent, ..PLAIN }
}

#[test]
fn well_within_and_well_beyond_the_limits_both_say_the_same() {
    let rows = [
        ("40 ms", on(40), true),
        ("35 ms", on(35), true),
        ("20 ms", on(20), false),
        ("0 dBm0", level(0.0), true),
        ("-40 dBm0", level(-40.0), true),
        ("-44 dBm0", level(-44.0), false),
        ("the row 6 dB above", twist(-8.0, -14.0), true),
        ("the row 10 dB above", twist(-8.0, -18.0), false),
        ("the column 3 dB above", twist(-11.0, -8.0), true),
        ("the column 6 dB above", twist(-14.0, -8.0), false),
        ("1 % off", off(1.0), true),
        ("3 % off", off(3.0), false),
        ("3.5 % off", off(-3.5), false),
    ];
    for (name, press, heard) in rows {
        let (right, all) = both(press, None);
        assert_eq!(right, if heard { [all; 2] } else { [0; 2] }, "{name}: ours and theirs of {all}");
    }
}

/// Where the two differ, how much, and why ours is right to.
#[test]
fn the_disagreements_are_these() {
    // (name, press, SNR, least and most that ours hears in per cent, the same of theirs)
    let rows = [
        // Theirs takes two whole blocks in a row, which 23 ms fill when they begin right; Q.24 wants none.
        ("23 ms", on(23), None, (0, 0), (20, 50)),
        ("23 ms in noise", on(23), Some(15.0), (0, 0), (10, 40)),
        // Between reject and accept anything goes. Ours looks twice as often.
        ("30 ms", on(30), None, (95, 100), (40, 70)),
        ("30 ms in noise", on(30), Some(15.0), (85, 100), (30, 70)),
        // Theirs measures frequencies by the width of its blocks, without a window: what is 1.5 % off has too little
        // power for it at the top. Ours measures them by phase.
        ("1.5 % off", off(1.5), None, (100, 100), (70, 95)),
        ("1.5 % off in noise", off(1.5), Some(15.0), (100, 100), (5, 60)),
        ("2 % off", off(2.0), None, (95, 100), (0, 5)),
        // Its limits of level and twist have no room for an error of measure, ours have 1 and 1.5 dB.
        ("-42 dBm0", level(-42.0), None, (100, 100), (10, 50)),
        ("8 dB", twist(-8.0, -16.0), None, (100, 100), (25, 65)),
        ("8 dB in noise", twist(-8.0, -16.0), Some(15.0), (98, 100), (25, 65)),
        ("4 dB of reverse twist", twist(-12.0, -8.0), None, (100, 100), (25, 65)),
        ("4 dB of reverse twist in noise", twist(-12.0, -8.0), Some(15.0), (98, 100), (25, 65)),
    ];
    for (name, press, snr, ours, theirs) in rows {
        let (right, all) = both(press, snr);
        for (right, (least, most), who) in [(right[0], ours, "ours"), (right[1], theirs, "theirs")] {
            let share = 100.0 * right as f64 / all as f64;
            assert!((f64::from(least)..=f64::from(most)).contains(&share), "{name}: {who} hears {share:.1} %");
        }
    }
}

#[test]
fn what_its_generator_makes_we_hear_in_noise_as_well() {
    let keys = KEYS.repeat(4);
    // (level in dBm0, column above row in dB, tone and pause in ms; heard)
    let rows = [
        (-10, 0, 50, 50, true),
        (-3, 0, 50, 50, true),
        (-10, 4, 50, 50, true),
        (-10, -8, 50, 50, true),
        (-25, 0, 40, 40, true),
        (-40, 0, 50, 50, true),
        (-10, 0, 40, 30, true),
        (-10, 0, 23, 50, false),
        (-10, 6, 50, 50, false),
        (-10, -10, 50, 50, false),
        (-44, 0, 50, 50, false),
    ];
    for (level, twist, on, off, heard) in rows {
        let samples = spandsp::keys(&keys, level, twist, on, off);
        let expected = if heard { keys.as_str() } else { "" };
        assert_eq!(ours(&samples), expected, "{level} dBm0, twist {twist} dB, {on}/{off} ms");
        if heard && twist == 0 {
            let mut random = Random::from_seed(6);
            let mut noisy: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
            add_noise(&mut noisy, PLAIN.power() * 10f64.powf(f64::from(level + 10 - 15) / 10.0), &mut random);
            assert_eq!(ours(&pcm(&noisy)), expected, "{level} dBm0, {on}/{off} ms, in noise");
        }
    }
}

#[test]
fn what_we_send_it_hears() {
    let tone = |key| Tone::new(Key::from_char(key).expect("a key"), 800).chain([0; 480]);
    let samples: Vec<i16> = KEYS.chars().flat_map(tone).collect();
    assert_eq!(spandsp::heard(&samples), KEYS);
}

#[test]
fn voices_are_no_keys_to_either_and_chords_of_pure_tones_seldom() {
    let voices = pcm(&speech(600, 1));
    assert_eq!((ours(&voices), spandsp::heard(&voices)), (String::new(), String::new()));
    let music = pcm(&music(1800, 2));
    let (ours, theirs) = (ours(&music).len(), spandsp::heard(&music).len());
    // A chord of two sines that is a key's to 2.5 % is a key to anyone.
    assert!(ours <= 5 && theirs <= 5, "{ours} and {theirs} in half an hour of music");
}
