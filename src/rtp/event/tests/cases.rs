//! The scripts of each case, by its number.

use super::*;

/// The packets of `press` by index.
fn some(packets: Vec<Packet>, indexes: &[usize]) -> Vec<Packet> {
    indexes.iter().map(|&index| packets[index].clone()).collect()
}

/// The key 5, 60 ms long.
fn five() -> Vec<Packet> {
    press(0, 1, 0, '5')
}

/// 5 and 5, with 60 ms in between.
fn two() -> Vec<Packet> {
    [five(), press(120, 7, 960, '5')].concat()
}

fn with(at: u64, sequence: u16, payload: &[u8]) -> Packet {
    Packet { payload: payload.to_vec(), ..report(at, sequence, 0, '0', 0) }
}

pub fn case_1() -> Vec<Script> {
    vec![("once each", five(), "5"), ("two presses", two(), "55")]
}

pub fn case_2() -> Vec<Script> {
    vec![("the first packet", some(five(), &[1, 2, 3, 4, 5]), "5"), ("the first two", some(five(), &[2, 3, 4, 5]), "5")]
}

pub fn case_3() -> Vec<Script> {
    vec![
        ("the first END", some(five(), &[3]), "5"),
        ("the second", some(five(), &[4]), "5"),
        ("the third", some(five(), &[5]), "5"),
    ]
}

pub fn case_4() -> Vec<Script> {
    vec![("6 after 5", [&five()[..3], &press(120, 7, 960, '6')].concat(), "56")]
}

pub fn case_5() -> Vec<Script> {
    let again = press(120, 7, 960, '5');
    vec![
        ("ENDs lost", [&five()[..3], &again].concat(), "55"),
        ("and START lost as well", [&five()[..3], &again[1..]].concat(), "55"),
        ("and the update", [&five()[..2], &again[2..]].concat(), "55"),
    ]
}

pub fn case_6() -> Vec<Script> {
    vec![
        ("nothing follows", five()[..3].to_vec(), "5"),
        ("an END long after is another press", [&five()[..3], &[end(900, 50, 7200, '5', 800)]].concat(), "55"),
        ("updates stop and go on: still held", vec![report(0, 1, 0, '5', 160), report(400, 9, 0, '5', 3360)], "5"),
    ]
}

pub fn case_7() -> Vec<Script> {
    vec![
        ("two ENDs past the next START", some(two(), &[0, 1, 2, 3, 6, 4, 5, 7, 8, 9]), "55"),
        ("END before its own START", some(two(), &[3, 0, 1, 2]), "5"),
    ]
}

pub fn case_8() -> Vec<Script> {
    let renumbered = vec![report(125, 90, 0, '5', 320)];
    vec![
        ("reordered", some(two(), &[0, 1, 3, 2, 4]), "5"),
        ("renumbered by a proxy", [some(two(), &[0, 3, 6]), renumbered].concat(), "55"),
    ]
}

pub fn case_9() -> Vec<Script> {
    vec![("every packet", two().into_iter().flat_map(|p| [p.clone(), p]).collect(), "55")]
}

pub fn case_10() -> Vec<Script> {
    let wrapping = (0..6).map(|i| Packet { sequence: 65_533u16.wrapping_add(i), ..five()[usize::from(i)].clone() });
    vec![("65533 to 2", wrapping.collect(), "5")]
}

pub fn case_11() -> Vec<Script> {
    let start = u32::MAX - 200;
    let inside = (0..4u16).map(|i| {
        let timestamp = start.wrapping_add(160 * u32::from(i));
        report(20 * u64::from(i), 1 + i, timestamp, '5', 160 * (i + 1))
    });
    vec![
        ("between", [press(0, 1, u32::MAX - 480, '5'), press(120, 7, 480, '5')].concat(), "55"),
        ("inside, of one that moves", inside.collect(), "5"),
    ]
}

pub fn case_12() -> Vec<Script> {
    let late = || press(0, 100, 90_000, '5');
    let lower = from(8, vec![report(40, 9, 5, '5', 480), end(60, 10, 5, '5', 640)]);
    vec![
        ("inside a press, timestamp lower", [late()[..2].to_vec(), lower].concat(), "5"),
        ("between its ENDs", [late()[..4].to_vec(), from(8, vec![end(80, 9, 5, '5', 480)])].concat(), "5"),
        ("between presses", [late(), from(8, press(200, 1, 5, '5'))].concat(), "55"),
        ("ENDs lost, new press", [late()[..3].to_vec(), from(8, press(120, 1, 5, '5'))].concat(), "55"),
        ("the old one's timestamp by chance", [press(0, 100, 0, '5'), from(8, press(200, 1, 0, '5'))].concat(), "55"),
    ]
}

pub fn case_13() -> Vec<Script> {
    let moving = |keys: u16| {
        (0..keys).map(|i| report(20 * u64::from(i), 1 + i, 160 * u32::from(i), '2', 160 * (i + 1))).collect::<Vec<_>>()
    };
    let ends = (6..9).map(|i| end(20 * u64::from(i), 1 + i, 160 * u32::from(i), '2', 1120));
    let later = moving(4).into_iter().map(|p| Packet {
        at: p.at + 200,
        sequence: p.sequence + 10,
        timestamp: p.timestamp + 1600,
        ..p
    });
    vec![
        ("and nothing else", moving(6), "2"),
        ("and with its ENDs", moving(6).into_iter().chain(ends).collect(), "2"),
        ("and some are lost", some(moving(9), &[0, 3, 4, 8]), "2"),
        ("then the key again", moving(4).into_iter().chain(later).collect(), "22"),
    ]
}

pub fn case_14() -> Vec<Script> {
    let proxied = |first, step| {
        let ends = (0..3).map(move |i| end(60 + 20 * u64::from(i), 4 + i, first + step * u32::from(i), '5', 480));
        five().into_iter().take(3).chain(ends).collect::<Vec<_>>()
    };
    vec![
        ("at the end", proxied(480, 0), "5"),
        ("each at another", proxied(480, 160), "5"),
        ("with the proxy's own short duration", [five()[..3].to_vec(), vec![end(60, 4, 480, '5', 320)]].concat(), "5"),
        ("then the original END", [proxied(480, 0), vec![end(125, 7, 0, '5', 480)]].concat(), "5"),
        ("then the same key, only its END", [proxied(480, 0), vec![end(250, 12, 1600, '5', 480)]].concat(), "55"),
    ]
}

pub fn case_15() -> Vec<Script> {
    let held = |gap: u32| {
        vec![
            report(8160, 400, 0, '5', 65_280),
            report(8180, 401, 0, '5', 65_535),
            report(8200, 402, 65_535 + gap, '5', 160),
            report(8220, 403, 65_535 + gap, '5', 320),
            end(8240, 404, 65_535 + gap, '5', 480),
        ]
    };
    let wraps = vec![report(8160, 400, 0, '5', 65_280), report(8200, 402, 0, '5', 64), end(8220, 403, 0, '5', 224)];
    let most = (0..5).map(|i| report(9000 + 20 * u64::from(i), 400 + i, 70_000 + 160 * u32::from(i), '5', 65_535));
    vec![
        ("segments", held(0), "5"),
        ("segments, the full report lost", some(held(0), &[0, 2, 3, 4]), "5"),
        ("duration wraps", wraps, "5"),
        ("moving timestamp, duration at its most", most.collect(), "5"),
        ("all ENDs lost, pressed again", held(800), "55"),
    ]
}

pub fn case_16() -> Vec<Script> {
    vec![
        ("then its reports", [vec![report(0, 9, 0, '0', 0)], press(20, 10, 0, '0')].concat(), "0"),
        ("and nothing else, twice", vec![report(0, 9, 0, '0', 0), report(100, 20, 800, '0', 0)], "00"),
    ]
}

pub fn case_17() -> Vec<Script> {
    // Two presses of 60 ms with 60 ms in between, in units of another clock.
    let at_clock = |khz: u32| {
        let scaled = two().into_iter().map(|mut packet| {
            let duration = u16::from_be_bytes([packet.payload[2], packet.payload[3]]);
            packet.payload[2..].copy_from_slice(&(duration * khz as u16 / 8).to_be_bytes());
            Packet { timestamp: packet.timestamp * khz / 8, ..packet }
        });
        scaled.collect::<Vec<_>>()
    };
    vec![
        ("16,000 Hz", at_clock(16), "55"),
        ("48,000 Hz", at_clock(48), "55"),
        ("48,000 Hz, ENDs lost", some(at_clock(48), &[0, 1, 2, 6, 7, 8]), "55"),
        ("48,000 Hz, STARTs lost", some(at_clock(48), &[2, 3, 4, 8, 9]), "55"),
    ]
}

pub fn case_18() -> Vec<Script> {
    let code = |sequence, code| with(0, sequence, &[code, 0x8a, 1, 0xe0]);
    vec![
        ("star, pound and letters", vec![code(1, 10), code(2, 11), code(3, 12), code(4, 15)], "*#AD"),
        ("flash and beyond are no keys", vec![code(1, 16), code(2, 17), code(3, 255)], ""),
        ("flash in the middle of a press", [&five()[..2], &[code(3, 16)], &five()[3..]].concat(), "5"),
    ]
}

pub fn case_19() -> Vec<Script> {
    let both = with(0, 1, &[1, 0x8a, 1, 0xe0, 2, 0x0a, 0, 160]);
    let known = with(20, 2, &[1, 0x8a, 1, 0xe0, 2, 0x0a, 1, 64]);
    vec![
        ("two events", vec![both, end(20, 2, 480, '2', 320)], "12"),
        ("the second is known already", vec![report(0, 1, 480, '2', 160), known], "21"),
        ("zeros behind the event", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 0, 0, 0, 0])], "5"),
        ("odd bytes behind it", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 9, 9, 9])], "5"),
        ("the event twice", vec![with(0, 1, &[5, 0x8a, 1, 0xe0, 5, 0x8a, 1, 0xe0])], "5"),
    ]
}

pub fn case_20() -> Vec<Script> {
    vec![("none and three", vec![with(0, 1, &[]), with(0, 2, &[5, 0x8a, 1])], "")]
}

pub fn case_21() -> Vec<Script> {
    let spread = five().into_iter().zip(0..).map(|(packet, i)| Packet { sequence: 1 + 2 * i, ..packet });
    vec![("one by one", spread.collect(), "5")]
}

pub fn case_23() -> Vec<Script> {
    let far = press(1_310_000, 6u16.wrapping_sub(20), 10_480_000, '5');
    vec![("the sequence went once round since the last key", [five(), far].concat(), "55")]
}

pub fn case_26() -> Vec<Script> {
    vec![("a minute of nothing before", press(60_000, 1, 480_000, '5'), "5")]
}

pub fn case_27() -> Vec<Script> {
    vec![("the sequence begins again", [press(0, 30_000, 0, '5'), press(9000, 1, 72_000, '5')].concat(), "55")]
}

pub fn case_28() -> Vec<Script> {
    vec![("-63 dBm0", vec![with(0, 1, &[5, 63, 0, 160])], "5"), ("0 dBm0", vec![with(0, 1, &[5, 0, 0, 160])], "5")]
}

/// Twenty digits of 50 ms with pauses of 50 ms, as our own sender sends them.
fn twenty(digits: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    for (n, digit) in (0u16..).zip(digits.chars()) {
        let key = Key::from_char(digit).expect("a key");
        let mut sender = Sender::new(key, 800 * u32::from(n), Duration::from_millis(50)).expect("short");
        for i in 0.. {
            let Some(Update { timestamp, payload, .. }) = sender.step() else { break };
            let at = 100 * u64::from(n) + 20 * u64::from(i);
            packets.push(Packet { at, ssrc: 7, sequence: 5 * n + i, timestamp, payload: payload.to_vec() });
        }
    }
    packets
}

/// 1, 3 and 5 % of loss, one packet and three at a time.
pub fn case_25() -> Vec<Script> {
    const DIGITS: &str = "00112233445566778899";
    let mut scripts = vec![("nothing lost", twenty(DIGITS), DIGITS)];
    for (percent, burst) in [(1, 1), (1, 3), (3, 1), (3, 3), (5, 1), (5, 3)] {
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
            if (0..20).all(|n| arrived.iter().any(|packet| packet.sequence / 5 == n)) {
                scripts.push(("some lost", arrived, DIGITS));
            }
        }
    }
    assert!(scripts.len() > 1100, "few are left out: {}", scripts.len());
    scripts
}
