//! Tapes fed by hand on the virtual clock. A sound is told by its loudness: each packet has its own.

use super::*;
use crate::audio::codec::{Encoder, FRAME, SAMPLES};
use crate::audio::dtmf::{Detector, Tone};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::Header;

/// Far above what the codecs make of silence.
const AUDIBLE: i16 = 200;

struct Rig {
    tape: Tape,
    out: Vec<i16>,
    number: u32,
}

impl Rig {
    fn new() -> Rig {
        Rig { tape: Tape::new(Instant::ZERO), out: Vec::new(), number: 0 }
    }

    /// A packet that comes at `ms`.
    fn tap(&mut self, ms: u64, side: Side, kind: Kind, timestamp: u32, payload: &[u8]) {
        let header = Header { marker: false, payload_type: 0, sequence: 0, timestamp, ssrc: 7 };
        let tapped = Tapped { recording: 1, number: self.number, side, kind, header, payload };
        self.number += 1;
        self.tape.take(at(ms), &tapped, &mut self.out);
    }

    /// 20 ms of a loudness by the law of `Pcmu`.
    fn loud(&mut self, ms: u64, side: Side, timestamp: u32, level: i16) {
        self.tap(ms, side, Kind::Audio(Codec::Pcmu), timestamp, &coded(&[level; 160]));
    }

    fn event(&mut self, ms: u64) {
        self.tap(ms, Side::Said, Kind::Event { clock: 8_000 }, 0, &[1, 10, 0, 160]);
    }

    /// What was written up to `ms`: left and right.
    fn end(mut self, ms: u64) -> (Vec<i16>, Vec<i16>, Lengths) {
        self.tape.act(at(ms), RecordAct::Stop);
        self.tape.advance(at(ms + 1_000), &mut self.out);
        assert!(self.tape.over());
        let pairs = self.out.as_chunks::<2>().0;
        assert_eq!(pairs.len() as u64, ms * 8);
        let (left, right) = pairs.iter().map(|pair| (pair[0], pair[1])).unzip();
        (left, right, self.tape.lengths())
    }
}

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

fn coded(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| (crate::audio::codec::PCMU.encode)(sample)).collect()
}

/// From and to which millisecond something is heard, and with which loudness.
fn heard(samples: &[i16]) -> Vec<(usize, usize, i16)> {
    let mut spans: Vec<(usize, usize, i16)> = Vec::new();
    for (ms, part) in samples.chunks(8).enumerate().filter(|(_, part)| part[4].abs() > AUDIBLE) {
        match spans.last_mut().filter(|last| last.1 == ms && last.2.abs_diff(part[4]) < AUDIBLE as u16) {
            Some(last) => last.1 += 1,
            None => spans.push((ms, ms + 1, part[4])),
        }
    }
    spans
}

/// The keys that are in it.
fn keys(samples: &[i16]) -> Vec<char> {
    let mut keys = Vec::new();
    Detector::default().hear(samples.iter().copied(), |key| keys.push(key.to_char()));
    keys
}

/// As G.711 has these.
fn level(level: i16) -> i16 {
    let law = crate::audio::codec::PCMU;
    (law.decode)((law.encode)(level))
}

#[test]
fn each_side_lies_at_its_own_place_and_what_comes_late_too() {
    let mut rig = Rig::new();
    for n in 0..50_u32 {
        let ms = u64::from(n) * 20;
        rig.loud(ms, Side::Heard, 900_000 + n * 160, 4_000);
        // Packet 10 comes 180 ms late, 20 never, 30 250 ms late.
        match n {
            10 | 20 | 30 => {}
            _ => rig.loud(ms, Side::Said, n.wrapping_mul(160).wrapping_sub(2_000), 8_000),
        }
        if n == 19 {
            rig.loud(ms, Side::Said, 1_600_u32.wrapping_sub(2_000), 2_000);
        }
        if n == 43 {
            rig.loud(ms, Side::Said, 4_800_u32.wrapping_sub(2_000), 2_000);
        }
    }
    let (left, right, lengths) = rig.end(1_000);
    let [loud, soft] = [level(8_000), level(2_000)];
    let expected = [(0, 200, loud), (200, 220, soft), (220, 400, loud), (420, 600, loud), (620, 1_000, loud)];
    assert_eq!(heard(&left), expected);
    assert_eq!(heard(&right), [(0, 1_000, level(4_000))]);
    let [second, frame] = [1_000, 20].map(Duration::from_millis);
    assert_eq!(lengths, Lengths { written: second, blanked: Duration::ZERO, lost: frame });
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    // (what it is, when each packet comes and its timestamp, what is heard)
    type Packets = Box<dyn Iterator<Item = (u64, u32)>>;
    let steady = |from: u64, to: u64, ahead: u32| (from..to).map(move |n| (n * 20, ahead.wrapping_add(n as u32 * 160)));
    type Case<'c> = (&'c str, Packets, &'c [(usize, usize)]);
    let cases: [Case; 4] = [
        ("a pause", Box::new(steady(0, 5, 0).chain(steady(50, 60, 0))), &[(0, 100), (1_000, 1_200)]),
        (
            "timestamps that stood still in the pause",
            Box::new(steady(0, 5, 0).chain(steady(50, 60, 0_u32.wrapping_sub(45 * 160)))),
            &[(0, 100), (1_000, 1_200)],
        ),
        (
            "a clock that jumps: ten packets are lost",
            Box::new(steady(0, 50, 0).chain(steady(50, 75, 80_000))),
            &[(0, 1_000), (1_180, 1_500)],
        ),
        (
            "a first packet 150 ms late",
            Box::new([(150, 0)].into_iter().chain((1..60).map(|n| (n * 20, n as u32 * 160)).skip(7))),
            &[(150, 170), (310, 1_350)],
        ),
    ];
    for (name, packets, expected) in cases {
        let mut rig = Rig::new();
        packets.for_each(|(ms, timestamp)| rig.loud(ms, Side::Said, timestamp, 5_000));
        let (left, ..) = rig.end(2_000);
        let spans: Vec<(usize, usize)> = heard(&left).into_iter().map(|(from, to, _)| (from, to)).collect();
        assert_eq!(spans, expected, "{name}");
    }
}

/// Two crystals differ by less than a thousandth of this.
#[test]
fn a_clock_that_drifts_loses_little() {
    for ppm in [-20_000_i64, 20_000] {
        let mut rig = Rig::new();
        for n in 0..3_000_u32 {
            let micros = i64::from(n) * 20_000 * (1_000_000 + ppm) / 1_000_000;
            if micros < 58_000_000 {
                rig.loud(micros as u64 / 1000, Side::Said, n * 160, 5_000);
            }
        }
        let (left, _, lengths) = rig.end(58_000);
        let silent = left.iter().filter(|sample| **sample == 0).count();
        assert!(silent < 58_000 * 8 / 20 && lengths.lost < Duration::from_secs(2), "{ppm}: {silent}, {lengths:?}");
    }
}

#[test]
fn any_codec_is_decoded_and_may_change() {
    for codec in Codec::ALL {
        let mut rig = Rig::new();
        let (mut encoder, mut converter) = (Encoder::new(codec), Converter::new(8_000, codec.rate()));
        for n in 0..50_u32 {
            let mut wide = [0; SAMPLES];
            let tone: [i16; 160] =
                std::array::from_fn(|i| (8_000.0 * ((n as usize * 160 + i) as f64 * 0.3).sin()) as i16);
            converter.convert(if (20..30).contains(&n) { &tone } else { &[0; 160] }, &mut wide);
            let mut frame = [0; FRAME];
            let payload = encoder.encode(&wide, &mut frame).to_vec();
            rig.tap(u64::from(n) * 20, Side::Said, Kind::Audio(codec), n * codec.units(), &payload);
        }
        rig.loud(1_000, Side::Said, 50 * 160, 5_000);
        let (left, ..) = rig.end(1_020);
        let energy = |from: usize, to: usize| {
            left[from * 8..to * 8].iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / ((to - from) * 8) as f64
        };
        assert!(energy(410, 600).sqrt() > 4_000.0, "{codec:?}: {}", energy(410, 600).sqrt());
        assert!(energy(0, 395).sqrt() < 100.0 && energy(640, 1_000).sqrt() < 100.0, "{codec:?}");
        assert!(energy(1_002, 1_020).sqrt() > 4_000.0, "{codec:?}");
    }
}

/// A voice, then a key of 80 ms as a tone, then the voice again; `cut` are packets that never come.
fn keyed(key: char, onset: usize, cut: &[u64], jitter: u64) -> (Vec<i16>, Lengths) {
    let mut sound: Vec<i16> = (0..16_000).map(|n| if n / 40 % 2 == 0 { 3_000 } else { -3_000 }).collect();
    let tone = Tone::new(Key::from_char(key).expect("a key"), 640);
    sound[onset..onset + 640].iter_mut().zip(tone).for_each(|(sample, tone)| *sample = tone);
    let mut rig = Rig::new();
    let mut packets: Vec<(u64, u64)> = (0..100).map(|n| (n * 20 + n * 7_919 % (jitter + 1), n)).collect();
    packets.sort_unstable();
    for (ms, n) in packets.into_iter().filter(|(_, n)| !cut.contains(n)) {
        let payload = coded(&sound[n as usize * 160..][..160]);
        rig.tap(ms, Side::Said, Kind::Audio(Codec::Pcmu), n as u32 * 160, &payload);
    }
    let (left, _, lengths) = rig.end(2_000);
    (left, lengths)
}

#[test]
fn a_key_in_the_audio_is_blanked_from_its_onset_and_nothing_far_from_it() {
    for (index, key) in "0123456789*#ABCD".chars().enumerate() {
        for (cut, jitter) in [(&[][..], 0), (&[50, 52], 0), (&[51], 0), (&[], 150)] {
            let onset = 8_000 + index * 23;
            let (left, lengths) = keyed(key, onset, cut, jitter);
            let case = format!("{key} at {onset}, without {cut:?}, jitter {jitter}");
            assert!(keys(&left).is_empty(), "{case}");
            // A tone that is cut to pieces too short for a key is none.
            if cut.is_empty() {
                assert!(left[onset..onset + 640].iter().all(|sample| *sample == 0), "{case}");
                assert!(lengths.blanked >= Duration::from_millis(80), "{case}: {lengths:?}");
            }
            let far = |range: std::ops::Range<usize>| left[range].iter().filter(|sample| sample.abs() > 2_000).count();
            assert!(far(0..onset - 1_000) > onset - 1_000 - 700, "{case}: the voice before");
            assert!(far(onset + 640 + 600..16_000) > 16_000 - onset - 640 - 600 - 700, "{case}: the voice after");
        }
    }
}

#[test]
fn a_key_of_either_side_is_blanked_on_both_and_so_is_an_event() {
    for by_event in [true, false] {
        let mut rig = Rig::new();
        let mut tone = Tone::new(Key::POUND, 800);
        for n in 0..100_u32 {
            let ms = u64::from(n) * 20;
            if by_event && (50..55).contains(&n) {
                rig.event(ms);
            }
            rig.loud(ms, Side::Said, n * 160, 5_000);
            let mut sound = [5_000; 160];
            if !by_event && (50..55).contains(&n) {
                sound.iter_mut().for_each(|sample| *sample = tone.next().unwrap_or(0));
            }
            rig.tap(ms, Side::Heard, Kind::Audio(Codec::Pcmu), n * 160, &coded(&sound));
        }
        let (left, right, lengths) = rig.end(2_000);
        assert_eq!(heard(&left), heard(&right));
        let [(0, before, _), (after, 2_000, _)] = heard(&left)[..] else { panic!("{:?}", heard(&left)) };
        assert!((690..=1_000).contains(&before) && (1_100..=1_250).contains(&after), "{before} {after}");
        assert_eq!(lengths.blanked.as_millis() as usize / 20, (after - before) / 20);
    }
}

#[test]
fn masks_and_pauses_are_silence_from_what_is_not_written_yet() {
    let cases = [
        (RecordAct::Mask, RecordAct::Unmask, (1_000, 1_700), None),
        (RecordAct::Pause, RecordAct::Resume, (1_000, 1_500), Some((1_000, 1_500))),
    ];
    for (on, off, said, silent) in cases {
        let mut rig = Rig::new();
        for n in 0..100_u32 {
            let ms = u64::from(n) * 20;
            match n {
                50 => rig.tape.act(at(ms), on),
                75 => rig.tape.act(at(ms), off),
                _ => {}
            }
            rig.loud(ms, Side::Said, n * 160, 5_000);
            rig.loud(ms, Side::Heard, n * 160, 5_000);
        }
        let (left, right, lengths) = rig.end(2_000);
        let spans = |samples: &[i16]| heard(samples).into_iter().map(|(from, to, _)| (from, to)).collect::<Vec<_>>();
        let before = |from: usize| from - 320..=from - 300;
        let [(0, begins), (ends, 2_000)] = spans(&left)[..] else { panic!("{:?}", spans(&left)) };
        assert!(before(said.0).contains(&begins) && ends == said.1, "{on:?}: {begins} {ends}");
        match (silent, &spans(&right)[..]) {
            (None, [(0, 2_000)]) => {}
            (Some((from, to)), [(0, begins), (ends, 2_000)]) => assert!(before(from).contains(begins) && *ends == to),
            (_, other) => panic!("{on:?}: {other:?}"),
        }
        assert_eq!(lengths.blanked.as_millis() as usize, ends - begins);
    }
}

#[test]
fn what_found_no_way_here_is_silence_and_counted() {
    let mut rig = Rig::new();
    for n in 0..50_u32 {
        if n == 20 {
            rig.number += 5;
        } else if !(20..25).contains(&n) {
            rig.loud(u64::from(n) * 20, Side::Said, n * 160, 5_000);
        }
    }
    let (left, _, lengths) = rig.end(1_000);
    assert_eq!(heard(&left).iter().map(|span| (span.0, span.1)).collect::<Vec<_>>(), [(0, 400), (500, 1_000)]);
    assert_eq!(lengths.lost, Duration::from_millis(100));
}
