//! The cases of the design (docs of media, "28 cases") that concern RFC 4733, as packet scripts on virtual time.

use super::*;
use crate::key::Key;
use crate::random::Random;
use crate::rtp::packet::Header;
use crate::time::{Duration, Instant};

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

type Case = (u8, &'static str, Vec<Packet>, &'static str);

fn check(cases: Vec<Case>) {
    for (number, name, packets, expected) in cases {
        assert_eq!(keys(&packets), expected, "case {number}: {name}");
    }
}

/// The packets of `press` by index.
fn some(packets: Vec<Packet>, indexes: &[usize]) -> Vec<Packet> {
    indexes.iter().map(|&index| packets[index].clone()).collect()
}

#[test]
fn cases_of_loss() {
    let p = |at, sequence, timestamp, key| press(at, sequence, timestamp, key);
    check(vec![
        (1, "three ENDs", p(0, 1, 0, '5'), "5"),
        (2, "START lost", some(p(0, 1, 0, '5'), &[1, 2, 3, 4, 5]), "5"),
        (3, "one END is all that arrives", some(p(0, 1, 0, '5'), &[4]), "5"),
        (4, "ENDs lost, another key", [&p(0, 1, 0, '5')[..3], &p(120, 7, 960, '6')].concat(), "56"),
        (5, "ENDs lost, the same key again", [&p(0, 1, 0, '5')[..3], &p(120, 7, 960, '5')].concat(), "55"),
        (5, "and START lost as well", [&p(0, 1, 0, '5')[..3], &p(120, 7, 960, '5')[1..]].concat(), "55"),
        (5, "and the update", [&p(0, 1, 0, '5')[..2], &p(120, 7, 960, '5')[2..]].concat(), "55"),
        (6, "ENDs lost, then silence", p(0, 1, 0, '5')[..3].to_vec(), "5"),
        (
            6,
            "ENDs lost, an END long after is another press",
            [&p(0, 1, 0, '5')[..3], &[end(900, 50, 7200, '5', 800)]].concat(),
            "55",
        ),
        (6, "updates stop and go on: still held", vec![report(0, 1, 0, '5', 160), report(400, 9, 0, '5', 3360)], "5"),
    ]);
}

#[test]
fn cases_of_order() {
    let two = || [press(0, 1, 0, '5'), press(120, 7, 960, '5')].concat();
    check(vec![
        (7, "ENDs past the next START", some(two(), &[0, 1, 2, 3, 6, 4, 5, 7, 8, 9]), "55"),
        (7, "END before its own START", some(two(), &[3, 0, 1, 2]), "5"),
        (8, "an old update after END", some(two(), &[0, 1, 3, 2, 4]), "5"),
        (
            8,
            "an old update renumbered by a proxy",
            [some(two(), &[0, 3, 6]), vec![report(125, 90, 0, '5', 320)]].concat(),
            "55",
        ),
        (9, "every packet twice", two().into_iter().flat_map(|p| [p.clone(), p]).collect(), "55"),
    ]);
}

#[test]
fn cases_of_wraps_and_of_sources() {
    check(vec![
        (
            10,
            "sequence wraps inside a press",
            (0..6)
                .map(|i| Packet { sequence: 65533u16.wrapping_add(i), ..press(0, 1, 0, '5')[usize::from(i)].clone() })
                .collect(),
            "5",
        ),
        (
            11,
            "timestamp wraps between presses",
            [press(0, 1, u32::MAX - 480, '5'), press(120, 7, 480, '5')].concat(),
            "55",
        ),
        (
            11,
            "and inside one whose timestamp moves",
            (0..4u16)
                .map(|i| {
                    report(
                        20 * u64::from(i),
                        1 + i,
                        (u32::MAX - 200).wrapping_add(160 * u32::from(i)),
                        '5',
                        160 * (i + 1),
                    )
                })
                .collect(),
            "5",
        ),
        (
            12,
            "SSRC changes inside a press, timestamp lower",
            [
                press(0, 100, 90_000, '5')[..2].to_vec(),
                from(8, vec![report(40, 9, 5, '5', 480), end(60, 10, 5, '5', 640)]),
            ]
            .concat(),
            "5",
        ),
        (
            12,
            "SSRC changes between its ENDs",
            [press(0, 100, 90_000, '5')[..4].to_vec(), from(8, vec![end(80, 9, 5, '5', 480)])].concat(),
            "5",
        ),
        (
            12,
            "SSRC changes between presses",
            [press(0, 100, 90_000, '5'), from(8, press(200, 1, 5, '5'))].concat(),
            "55",
        ),
        (
            12,
            "SSRC changes, ENDs lost, new press",
            [press(0, 100, 90_000, '5')[..3].to_vec(), from(8, press(120, 1, 5, '5'))].concat(),
            "55",
        ),
        (
            12,
            "new SSRC, the old one's timestamp by chance",
            [press(0, 100, 0, '5'), from(8, press(200, 1, 0, '5'))].concat(),
            "55",
        ),
    ]);
}

#[test]
fn cases_of_other_packets_in_between() {
    check(vec![
        (
            21,
            "audio in between",
            (0..6).map(|i| Packet { sequence: 1 + 2 * i, ..press(0, 1, 0, '5')[usize::from(i)].clone() }).collect(),
            "5",
        ),
        (
            23,
            "the sequence went once round since the last key",
            [press(0, 1, 0, '5'), press(1_310_000, 6u16.wrapping_sub(20), 10_480_000, '5')].concat(),
            "55",
        ),
        (
            27,
            "after hold the sequence began again",
            [press(0, 30_000, 0, '5'), press(9000, 1, 72_000, '5')].concat(),
            "55",
        ),
    ]);
}

#[test]
fn cases_of_odd_timestamps() {
    let moving = |keys: u16| {
        (0..keys).map(|i| report(20 * u64::from(i), 1 + i, 160 * u32::from(i), '2', 160 * (i + 1))).collect::<Vec<_>>()
    };
    let proxied = |first, step| {
        [
            press(0, 1, 0, '5')[..3].to_vec(),
            (0..3).map(|i| end(60 + 20 * u64::from(i), 4 + i, first + step * u32::from(i), '5', 480)).collect(),
        ]
        .concat()
    };
    check(vec![
        (13, "timestamp moves with every packet", moving(6), "2"),
        (
            13,
            "and with its ENDs",
            [moving(6), (6..9).map(|i| end(20 * u64::from(i), 1 + i, 160 * u32::from(i), '2', 1120)).collect()]
                .concat(),
            "2",
        ),
        (13, "and some are lost", some(moving(9), &[0, 3, 4, 8]), "2"),
        (
            13,
            "moves, then the key again",
            [
                moving(4),
                moving(4)
                    .into_iter()
                    .map(|p| Packet { at: p.at + 200, sequence: p.sequence + 10, timestamp: p.timestamp + 1600, ..p })
                    .collect(),
            ]
            .concat(),
            "22",
        ),
        (14, "END at the end's timestamp", proxied(480, 0), "5"),
        (14, "each END at another", proxied(480, 160), "5"),
        (
            14,
            "END with the proxy's own short duration",
            [press(0, 1, 0, '5')[..3].to_vec(), vec![end(60, 4, 480, '5', 320)]].concat(),
            "5",
        ),
        (14, "then the original END", [proxied(480, 0), vec![end(125, 7, 0, '5', 480)]].concat(), "5"),
        (
            14,
            "then the same key, only its END arrives",
            [proxied(480, 0), vec![end(250, 12, 1600, '5', 480)]].concat(),
            "55",
        ),
    ]);
}

#[test]
fn cases_of_odd_durations() {
    let held = |gap: u32| {
        vec![
            report(8160, 400, 0, '5', 65_280),
            report(8180, 401, 0, '5', 65_535),
            report(8200, 402, 65_535 + gap, '5', 160),
            report(8220, 403, 65_535 + gap, '5', 320),
            end(8240, 404, 65_535 + gap, '5', 480),
        ]
    };
    check(vec![
        (15, "held over 8 s: segments", held(0), "5"),
        (15, "segments, the full report lost", some(held(0), &[0, 2, 3, 4]), "5"),
        (
            15,
            "held, duration wraps",
            vec![report(8160, 400, 0, '5', 65_280), report(8200, 402, 0, '5', 64), end(8220, 403, 0, '5', 224)],
            "5",
        ),
        (
            15,
            "moving timestamp, duration at its most",
            (0..5)
                .map(|i| report(9000 + 20 * u64::from(i), 400 + i, 70_000 + 160 * u32::from(i), '5', 65_535))
                .collect(),
            "5",
        ),
        (15, "held, all ENDs lost, pressed again", held(800), "55"),
        (16, "START with duration 0", [vec![report(0, 9, 0, '0', 0)], press(20, 10, 0, '0')].concat(), "0"),
        (16, "START with duration 0, twice pressed", vec![report(0, 9, 0, '0', 0), report(100, 20, 800, '0', 0)], "00"),
        (
            17,
            "a 48,000 Hz clock",
            (0..6u16)
                .map(|i| report(20 * u64::from(i), 1 + i, 5, '5', 960 * (i + 1)))
                .chain(press(200, 20, 9605, '5'))
                .collect(),
            "55",
        ),
    ]);
}

#[test]
fn cases_of_codes_and_payloads() {
    let with = |at, sequence, payload: &[u8]| Packet { payload: payload.to_vec(), ..report(at, sequence, 0, '0', 0) };
    let code = |sequence, code| with(0, sequence, &[code, 0x8a, 1, 0xe0]);
    check(vec![
        (18, "star, pound and letters", vec![code(1, 10), code(2, 11), code(3, 12), code(4, 15)], "*#AD"),
        (18, "flash and beyond are no keys", vec![code(1, 16), code(2, 17), code(3, 255)], ""),
        (
            19,
            "two events in a packet",
            vec![with(0, 1, &[1, 0x8a, 1, 0xe0, 2, 0x0a, 0, 160]), end(20, 2, 480, '2', 320)],
            "12",
        ),
        (
            19,
            "the second is known already",
            vec![report(0, 1, 480, '2', 160), with(20, 2, &[1, 0x8a, 1, 0xe0, 2, 0x0a, 1, 64])],
            "21",
        ),
        (19, "zeros behind the event", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 0, 0, 0, 0])], "5"),
        (19, "odd bytes behind the event", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 9, 9, 9])], "5"),
        (19, "the event twice in its packet", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 5, 0x8a, 1, 0xe0])], "5"),
        (20, "under four bytes", vec![with(0, 1, &[]), with(0, 2, &[5, 0x8a, 1])], ""),
        (26, "nothing before the event", press(60_000, 1, 480_000, '5'), "5"),
        (28, "quieter than -55 dBm0", vec![with(0, 1, &[5, 63, 0, 160])], "5"),
    ]);
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

/// Twenty digits of 50 ms with pauses of 50 ms, as our own sender sends them.
fn twenty(digits: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    for (n, digit) in (0u16..).zip(digits.chars()) {
        let key = Key::from_char(digit).expect("a key");
        let mut sender = Sender::new(key, 800 * u32::from(n), Duration::from_millis(50)).expect("short");
        for i in 0.. {
            let Some(update) = sender.step() else { break };
            let at = 100 * u64::from(n) + 20 * u64::from(i);
            packets.push(Packet {
                at,
                ssrc: 7,
                sequence: 5 * n + i,
                timestamp: update.timestamp,
                payload: update.payload.to_vec(),
            });
        }
    }
    packets
}

#[test]
fn case_25_twenty_digits_survive_loss() {
    const DIGITS: &str = "00112233445566778899";
    for percent in [0, 1, 3, 5] {
        for burst in [1, 3] {
            let mut random = Random::from_seed(u64::from(percent * 10 + burst));
            for _ in 0..200 {
                let mut losing = 0;
                let mut arrived = twenty(DIGITS);
                arrived.retain(|_| {
                    if losing == 0 && random.below(100 * burst) < percent {
                        losing = burst;
                    }
                    let lost = losing > 0;
                    losing -= u32::from(lost);
                    !lost
                });
                // Nobody can hear a press of which nothing arrived: two bursts in a row do that.
                let came = |n: u16| arrived.iter().any(|packet| packet.sequence / 5 == n);
                let expected: String =
                    (0..).zip(DIGITS.chars()).filter(|&(n, _)| came(n)).map(|(_, key)| key).collect();
                assert_eq!(keys(&arrived), expected, "{percent} % in bursts of {burst}");
            }
        }
    }
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
