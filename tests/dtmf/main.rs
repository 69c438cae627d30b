//! The detector of keys in the audio against ITU-T Q.24: each limit from both sides, on tones made for it.
#![allow(clippy::disallowed_methods, reason = "tests read the prompts")]

mod signal;
mod talk_off;

use askonce::audio::codec::Law;
use askonce::audio::dtmf::{Detector, Tone};
use askonce::codec::Codec;
use askonce::key::Key;
use askonce::random::Random;
use signal::{KEYS, PLAIN, Press, add_noise, pcm};

/// What a detector hears in one go.
pub fn heard(samples: &[i16]) -> String {
    let (mut detector, mut keys) = (Detector::default(), String::new());
    detector.hear(samples.iter().copied(), |key| keys.push(key.to_char()));
    keys
}

/// Presses each key at 17 positions against the blocks. Says how many were heard as themselves and once; what was
/// heard as anything else fails.
fn told(name: &str, press: Press, snr: Option<f64>, shape: impl Fn(&mut Vec<f64>)) -> (usize, usize) {
    let mut random = Random::from_seed(24);
    let (mut right, mut all) = (0, 0);
    for position in 0..17 {
        for key in KEYS.chars() {
            let mut tone = press.samples(key, &mut random);
            shape(&mut tone);
            let mut samples = vec![0.0; 400 + 3 * position];
            samples.extend(tone);
            samples.extend([0.0; 400]);
            if let Some(snr) = snr {
                add_noise(&mut samples, press.power() / 10f64.powf(snr / 10.0), &mut random);
            }
            let heard = heard(&pcm(&samples));
            assert!(heard.is_empty() || heard == key.to_string(), "{name}: {key} was heard as {heard:?}");
            right += usize::from(!heard.is_empty());
            all += 1;
        }
    }
    (right, all)
}

/// A limit: what is on this side of it is heard always (`true`) or never.
type Row = (&'static str, Press, Option<f64>, bool);

fn check(rows: &[Row]) {
    for &(name, press, snr, expected) in rows {
        let (right, all) = told(name, press, snr, |_| ());
        assert_eq!(right, if expected { all } else { 0 }, "{name}, of {all}");
    }
}

fn ms(ms: usize) -> usize {
    ms * 8
}

#[test]
fn timing() {
    let on = |on| Press { on: ms(on), ..PLAIN };
    check(&[
        ("40 ms are a key", on(40), None, true),
        ("35 ms as well", on(35), None, true),
        ("23 ms are none", on(23), None, false),
        ("10 ms are none", on(10), None, false),
        ("a second is one", on(1000), None, true),
        ("40 ms in noise", on(40), Some(15.0), true),
        ("23 ms in noise", on(23), Some(15.0), false),
    ]);
}

#[test]
fn level() {
    let level = |dbm0| Press { row: dbm0, column: dbm0, ..PLAIN };
    check(&[
        ("0 dBm0 each, which clips", level(0.0), None, true),
        ("-25 dBm0", level(-25.0), None, true),
        ("-42 dBm0", level(-42.0), None, true),
        ("-44 dBm0", level(-44.0), None, false),
        ("-55 dBm0", level(-55.0), None, false),
    ]);
}

#[test]
fn twist() {
    let twist = |row, column| Press { row, column, ..PLAIN };
    check(&[
        ("the row 8 dB above the column", twist(-8.0, -16.0), None, true),
        ("10 dB", twist(-8.0, -18.0), None, false),
        ("the column 4 dB above the row", twist(-12.0, -8.0), None, true),
        ("6 dB", twist(-14.0, -8.0), None, false),
        ("the row alone", twist(-8.0, -90.0), None, false),
        ("the column alone", twist(-90.0, -8.0), None, false),
    ]);
}

#[test]
fn frequency() {
    for (at, off) in [(1.5, true), (-1.5, true), (3.5, false), (-3.5, false), (7.0, false), (-7.0, false)] {
        for (row_off, column_off) in [(at, 0.0), (0.0, at), (at, at), (at, -at)] {
            let press = Press { row_off, column_off, ..PLAIN };
            check(&[("off", press, None, off)]);
            if at.abs() == 1.5 {
                check(&[("off, 40 ms, in noise", Press { on: ms(40), ..press }, Some(15.0), true)]);
            }
        }
    }
}

#[test]
fn noise() {
    check(&[
        ("15 dB below", PLAIN, Some(15.0), true),
        ("15 dB below, quiet", Press { row: -35.0, column: -35.0, ..PLAIN }, Some(15.0), true),
        ("as loud as the key", PLAIN, Some(0.0), false),
    ]);
    let mut random = Random::from_seed(1);
    let mut minute = vec![0.0; 60 * 8000];
    add_noise(&mut minute, 2000.0 * 2000.0, &mut random);
    assert_eq!(heard(&pcm(&minute)), "", "a minute of noise");
}

#[test]
fn interrupted_tones_and_pauses() {
    // (silence in the middle of 100 ms, in milliseconds; presses)
    for (hole, presses) in [(1, 1), (5, 1), (10, 1), (30, 2), (40, 2)] {
        let mut random = Random::from_seed(3);
        for position in 0..51 {
            for key in KEYS.chars() {
                let mut samples = vec![0.0; 200 + position];
                let press = Press { on: ms(100) + ms(hole), ..PLAIN };
                let mut tone = press.samples(key, &mut random);
                tone[ms(50)..ms(50) + ms(hole)].fill(0.0);
                samples.extend(tone);
                let expected = key.to_string().repeat(presses);
                assert_eq!(heard(&pcm(&samples)), expected, "{hole} ms of silence at {position}");
            }
        }
    }
}

#[test]
fn harmonics_and_third_tones_are_no_key() {
    let mut random = Random::from_seed(4);
    for (name, share) in [("second harmonics 13 dB below", 0.22), ("a third tone 5 dB below", 0.56)] {
        for key in KEYS.chars() {
            let tone = Press { on: ms(100), ..PLAIN }.samples(key, &mut random);
            let peak = signal::peak(PLAIN.row);
            let at = KEYS.find(key).expect("a key");
            let column = [1209.0, 1336.0, 1477.0, 1633.0][at % 4];
            let hz = if share < 0.5 { 2.0 * column } else { 2100.0 };
            let more =
                (0..).map(|n| peak * share * 2f64.sqrt() * (std::f64::consts::TAU * hz * f64::from(n) / 8000.0).sin());
            let sum: Vec<f64> = tone.iter().zip(more).map(|(tone, more)| tone + more).collect();
            assert_eq!(heard(&pcm(&sum)), "", "{name}: {key}");
        }
    }
}

/// The samples of `keys` in packets of 20 ms that begin at `phase` samples, through a codec.
fn packets(keys: &str, press: Press, phase: usize, codec: Codec) -> Vec<Vec<i16>> {
    let mut random = Random::from_seed(5);
    let mut samples = vec![0.0; 800 - phase];
    keys.chars().for_each(|key| samples.extend(press.samples(key, &mut random)));
    samples.extend([0.0; 800]);
    let law = Law::of(codec).expect("a law of G.711");
    let coded = pcm(&samples).into_iter().map(|sample| (law.decode)((law.encode)(sample)));
    coded.collect::<Vec<i16>>().chunks(160).map(<[i16]>::to_vec).collect()
}

fn heard_with_gaps(packets: &[Vec<i16>], lost: impl Fn(usize) -> bool) -> String {
    let (mut detector, mut keys) = (Detector::default(), String::new());
    for (index, packet) in packets.iter().enumerate() {
        if lost(index) {
            detector.freeze();
        } else {
            detector.hear(packet.iter().copied(), |key| keys.push(key.to_char()));
        }
    }
    keys
}

#[test]
fn one_lost_packet_anywhere_doubles_no_key_and_loses_none_of_100_ms() {
    let press = Press { on: ms(100), off: ms(60), ..PLAIN };
    for codec in [Codec::Pcmu, Codec::Pcma] {
        for phase in (0..160).step_by(20) {
            for key in KEYS.chars() {
                let keys = key.to_string().repeat(2);
                let packets = packets(&keys, press, phase, codec);
                for at in 0..packets.len() {
                    let heard = heard_with_gaps(&packets, |index| index == at);
                    assert_eq!(heard, keys, "{key} in {codec:?} from {phase}, packet {at} is lost");
                }
            }
        }
    }
}

#[test]
fn lost_packets_double_no_key_of_50_ms() {
    for phase in (0..160).step_by(8) {
        for key in KEYS.chars() {
            let packets = packets(&key.to_string(), PLAIN, phase, Codec::Pcma);
            for at in 0..packets.len() {
                for burst in 1..=3 {
                    let heard = heard_with_gaps(&packets, |index| (at..at + burst).contains(&index));
                    assert!(heard.len() <= 1, "{key} from {phase}, {burst} packets from {at}: {heard}");
                }
            }
        }
    }
}

#[test]
fn what_we_send_we_hear_and_after_a_reset_again() {
    let mut detector = Detector::default();
    for key in KEYS.chars().filter_map(Key::from_char) {
        for _ in 0..2 {
            let mut keys = Vec::new();
            detector.hear(Tone::new(key, 800), |key| keys.push(key));
            assert_eq!(keys, [key], "{}", key.to_char());
            detector.reset();
        }
    }
}
