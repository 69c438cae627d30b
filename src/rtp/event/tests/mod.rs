//! Packet scripts on virtual time. `CASES` is the list of the 28 ways in which one key press becomes none or two, by
//! number; each is shown by scripts here, by tests above this room, or by both.

mod cases;

use super::*;
use crate::key::Key;
use crate::random::Random;
use crate::rtp::packet::Header;
use crate::time::{Duration, Instant};

struct Case {
    number: u8,
    name: &'static str,
    /// What is sent to one receiver, by name, and the keys that it has to tell.
    scripts: fn() -> Vec<Script>,
    /// Tests where a receiver alone cannot show it: the source and the beginning of the function's name.
    above: &'static [(&'static str, &'static str)],
}

type Script = (&'static str, Vec<Packet>, &'static str);

/// Streams: sources, payload types, hold.
const STREAM: &str = include_str!("../../../media/tests/keys.rs");
/// A leg of a call: its three carriers.
const LEG: &str = include_str!("../../../call/leg.rs");
/// Whole calls.
const CALL: &str = include_str!("../../../../tests/world/keys.rs");

const fn case(number: u8, name: &'static str, scripts: fn() -> Vec<Script>) -> Case {
    Case { number, name, scripts, above: &[] }
}

const CASES: [Case; 28] = [
    case(1, "three ENDs", cases::case_1),
    case(2, "START lost", cases::case_2),
    case(3, "one END is all that arrives", cases::case_3),
    case(4, "all ENDs lost, another key next", cases::case_4),
    case(5, "all ENDs lost, the same key again", cases::case_5),
    case(6, "all ENDs lost, then silence", cases::case_6),
    case(7, "ENDs reordered past the next START", cases::case_7),
    case(8, "an old update after END", cases::case_8),
    case(9, "packets twice", cases::case_9),
    case(10, "sequence wraps inside a press", cases::case_10),
    case(11, "timestamp wraps inside and between presses", cases::case_11),
    Case { above: &[(STREAM, "case_12_")], ..case(12, "SSRC changes", cases::case_12) },
    case(13, "timestamp moves with every packet", cases::case_13),
    case(14, "END with a timestamp of its own", cases::case_14),
    case(15, "held past a duration of 0xFFFF", cases::case_15),
    case(16, "START with duration 0", cases::case_16),
    Case { above: &[(STREAM, "case_17_")], ..case(17, "payload types and clocks", cases::case_17) },
    case(18, "codes 10 to 16 and over", cases::case_18),
    Case { above: &[(STREAM, "case_19_")], ..case(19, "several events a packet, and RFC 2198", cases::case_19) },
    case(20, "payload under four bytes", cases::case_20),
    case(21, "audio between the packets of an event", cases::case_21),
    Case { above: &[(LEG, "case_22_"), (CALL, "case_22_")], ..case(22, "one press by three carriers", Vec::new) },
    Case {
        above: &[(STREAM, "case_23_"), (CALL, "case_23_")],
        ..case(23, "across a prompt's start, before the ACK, ahead of the question", cases::case_23)
    },
    Case { above: &[(STREAM, "case_24_")], ..case(24, "from a source that is not latched", Vec::new) },
    case(25, "twenty digits at 50/50 ms under loss", cases::case_25),
    Case { above: &[(STREAM, "case_26_")], ..case(26, "no RTP around the event", cases::case_26) },
    Case { above: &[(STREAM, "case_27_")], ..case(27, "hold and resume", cases::case_27) },
    case(28, "quieter than -55 dBm0", cases::case_28),
];

#[test]
fn every_case_of_the_28_holds() {
    for Case { number, name, scripts, .. } in &CASES {
        for (script, packets, expected) in scripts() {
            assert_eq!(keys(&packets), expected, "case {number}, {name}: {script}");
        }
    }
}

#[test]
fn all_28_cases_are_shown() {
    for (Case { number, name, scripts, above }, expected) in CASES.iter().zip(1..) {
        assert_eq!(*number, expected);
        assert!(!scripts().is_empty() || !above.is_empty(), "case {number}, {name}");
        for (source, test) in *above {
            let shown = source
                .split("#[test]\n")
                .skip(1)
                .any(|test_on| test_on.trim_start().starts_with(&format!("fn {test}")));
            assert!(shown, "case {number}, {name}: no test {test}");
        }
    }
}

/// One event packet as it arrives.
#[derive(Clone)]
struct Packet {
    at: u64,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

/// A report that arrives `at` milliseconds: `key` by character, `duration` in timestamp units.
fn report(at: u64, sequence: u16, timestamp: u32, key: char, duration: u16) -> Packet {
    let code = Key::from_char(key).expect("a key").code();
    let [d0, d1] = duration.to_be_bytes();
    Packet { at, ssrc: 7, sequence, timestamp, payload: vec![code, 10, d0, d1] }
}

fn end(at: u64, sequence: u16, timestamp: u32, key: char, duration: u16) -> Packet {
    let mut packet = report(at, sequence, timestamp, key, duration);
    packet.payload[1] |= 0x80;
    packet
}

/// A whole press of 60 ms as a good phone sends it: three reports and three ENDs, 20 ms apart.
fn press(at: u64, sequence: u16, timestamp: u32, key: char) -> Vec<Packet> {
    let reports = (0..3).map(|i| report(at + 20 * u64::from(i), sequence + i, timestamp, key, 160 * (i + 1)));
    let ends = (3..6).map(|i| end(at + 20 * u64::from(i), sequence + i, timestamp, key, 480));
    reports.chain(ends).collect()
}

fn from(ssrc: u32, packets: Vec<Packet>) -> Vec<Packet> {
    packets.into_iter().map(|packet| Packet { ssrc, ..packet }).collect()
}

fn keys(packets: &[Packet]) -> String {
    let mut receiver = Receiver::default();
    let mut heard = String::new();
    for packet in packets {
        let header = Header {
            marker: false, // Never looked at: it may be lost, or set on every packet.
            payload_type: 101,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
        };
        let now = Instant::from_micros(packet.at * 1000);
        receiver.on_event(now, &header, &packet.payload, |key| heard.push(key.to_char()));
    }
    heard
}

#[test]
fn what_is_ignored_is_counted() {
    let mut receiver = Receiver::default();
    let header = Header { marker: true, payload_type: 101, sequence: 1, timestamp: 0, ssrc: 1 };
    for payload in [&[16, 0, 0, 1][..], &[1, 0], &[1, 0, 0, 160], &[1, 0, 0, 160]] {
        receiver.on_event(Instant::ZERO, &header, payload, |_| {});
    }
    assert_eq!(receiver.ignored(), Ignored { codes: 1, short: 1, late: 1 });
}

/// At 48,000 Hz a press of 1.4 s is two segments already, and 60 ms of slack are 2,880 units.
#[test]
fn keys_at_the_clock_of_opus() {
    let heard = |packets: &[Packet], clock| {
        let (mut receiver, mut heard) = (Receiver::new(clock), String::new());
        for packet in packets {
            let Packet { at, ssrc, sequence, timestamp, .. } = *packet;
            let header = Header { marker: false, payload_type: 110, sequence, timestamp, ssrc };
            let now = Instant::from_micros(at * 1000);
            receiver.on_event(now, &header, &packet.payload, |key| heard.push(key.to_char()));
        }
        heard
    };
    let held = [
        report(1_340, 400, 0, '5', 64_320),
        report(1_360, 401, 0, '5', 65_280),
        report(1_400, 403, 65_535, '5', 960),
        end(1_420, 404, 65_535, '5', 1_920),
    ];
    // The last reports of the first segment were lost: 500 ms, as at any clock.
    let lossy = [report(900, 380, 0, '5', 43_200), report(1_400, 403, 65_535, '5', 960)];
    let moving: Vec<_> =
        (0..6).map(|i| report(20 * u64::from(i), 1 + i, 960 * u32::from(i) + 2_000, '2', 960 * (i + 1))).collect();
    let sent = |clock| {
        let mut sender = Sender::at_clock(clock, Key::STAR, 7, Duration::from_millis(100)).expect("short");
        std::iter::from_fn(move || sender.step())
            .map(|update| u16::from_be_bytes([update.payload[2], update.payload[3]]))
    };
    assert_eq!(heard(&held, 48_000), "5");
    assert_eq!((heard(&lossy, 48_000), heard(&lossy, 8_000)), ("5".to_owned(), "55".to_owned()));
    assert_eq!(heard(&moving, 48_000), "2");
    assert!(sent(48_000).eq(sent(8_000).map(|duration| 6 * duration)));
    assert_eq!(Sender::at_clock(48_000, Key::STAR, 0, Duration::from_secs(2)).err(), Some(TooLong));
}

#[test]
fn a_press_is_sent_with_marker_updates_and_three_ends() {
    let mut sender = Sender::new(Key::POUND, 77, Duration::from_millis(70)).expect("short");
    let sent: Vec<_> = std::iter::from_fn(|| sender.step()).map(|u| (u.marker, u.payload)).collect();
    let update = |duration: u8| [11, 10, 0, duration];
    let last = [11, 0x8a, 0x02, 0x30];
    assert_eq!(
        sent,
        [
            (true, update(160)),
            (false, [11, 10, 1, 64]),
            (false, [11, 10, 1, 224]),
            (false, last),
            (false, last),
            (false, last)
        ]
    );
    assert_eq!(Sender::new(Key::STAR, 0, Duration::from_secs(9)).err(), Some(TooLong));
}
