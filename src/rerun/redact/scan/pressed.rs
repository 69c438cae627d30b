//! Digits that are told one by one: as lines, as packets, as tones.

use crate::audio::dtmf::Detector;
use std::collections::BTreeMap;

/// Tones are heard at that many samples a second.
pub const RATE: u32 = 8_000;

/// Where each key stands, and its digit.
type Keys<P> = Vec<(P, u8)>;

/// Begins of what our formats, and INFO, write of one key.
const BEGINS: [&[u8]; 3] = [b"\"key\":\"", b"key=", b"Signal="];

/// Of a recording's lines, of a log's, of INFO. By the carrier where one is told: several may tell one press.
pub fn lines(bytes: &[u8]) -> Vec<Keys<usize>> {
    let mut all: BTreeMap<&[u8], Keys<usize>> = BTreeMap::new();
    for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'"' | b'k' | b'S')) {
        let Some(begin) = BEGINS.iter().find(|begin| bytes[at..].starts_with(begin)) else { continue };
        let key = at + begin.len();
        let behind = bytes.get(key + 1);
        let Some(digit) = bytes.get(key).filter(|key| key.is_ascii_digit()) else { continue };
        if behind.is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let by = bytes[key..].strip_prefix(&[*digit]).and_then(|rest| rest.strip_prefix(b"\",\"by\":\""));
        let by = by.map_or(&begin[..], |by| &by[..by.iter().position(|byte| *byte == b'"').unwrap_or(by.len())]);
        all.entry(by).or_default().push((at, *digit));
    }
    all.into_values().collect()
}

/// The packets of a capture with their places, of libpcap's form or pcapng's; `None` if it is none.
pub fn packets(bytes: &[u8]) -> Option<Vec<(usize, &[u8])>> {
    let word = |at: usize, little: bool| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) } as usize)
    };
    let mut packets = Vec::new();
    let mut add = |from: usize, length: usize| {
        packets.extend(bytes.get(from..).map(|rest| (from, &rest[..length.min(rest.len())])));
    };
    match word(0, true)? {
        0xa1b2_c3d4 | 0xa1b2_3c4d | 0xd4c3_b2a1 | 0x4d3c_b2a1 => {
            let little = matches!(word(0, true)?, 0xa1b2_c3d4 | 0xa1b2_3c4d);
            let mut at = 24;
            while let Some(length) = word(at + 8, little) {
                add(at + 16, length);
                at = at.saturating_add(16).saturating_add(length);
            }
        }
        0x0a0d_0d0a => {
            let little = word(8, true)? == 0x1a2b_3c4d;
            let mut at = 0;
            while let (Some(kind), Some(length)) = (word(at, little), word(at + 4, little)) {
                match kind {
                    6 => add(at + 28, word(at + 20, little).unwrap_or(0)),
                    3 => add(at + 12, length.saturating_sub(16)),
                    _ => {}
                }
                // A block is twelve octets long at least: one that says less is the end.
                at = at.saturating_add(length.max(12));
            }
        }
        _ => return None,
    }
    Some(packets)
}

/// What was pressed by telephone-event (RFC 4733), a source after the other: RTP datagrams of four octets of payload. An
/// event has several packets of one timestamp.
pub fn events(packets: &[(usize, &[u8])]) -> Vec<Keys<usize>> {
    const UDP: usize = 8;
    const RTP: usize = 12;
    const EVENT: usize = 4;
    let mut sources: BTreeMap<u32, (Option<u32>, Keys<usize>)> = BTreeMap::new();
    for (place, packet) in packets {
        for (at, datagram) in packet.windows(UDP + RTP + EVENT).enumerate() {
            let of_length = usize::from(u16::from_be_bytes([datagram[4], datagram[5]])) == UDP + RTP + EVENT;
            let [code, end, ..] = datagram[UDP + RTP..] else { continue };
            // Version 2 without extension and contributing sources; the event's reserved bit is 0.
            if !of_length || datagram[UDP] & 0xdf != 0x80 || code > 9 || end & 0x40 != 0 {
                continue;
            }
            let word = |at: usize| datagram[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
            let (last, keys) = sources.entry(word(UDP + 8)).or_default();
            if last.replace(word(UDP + 4)) != Some(word(UDP + 4)) {
                keys.push((place + at, b'0' + code));
            }
        }
    }
    sources.into_values().map(|(_, keys)| keys).collect()
}

/// What is heard, and after how many milliseconds.
pub fn tones(samples: &[i16]) -> Keys<u64> {
    let (mut detector, mut keys) = (Detector::default(), Vec::new());
    // A few milliseconds at a time: nobody asks for better.
    let step = RATE as usize / 100;
    for (at, some) in samples.chunks(step).enumerate() {
        let ms = (at * 10) as u64;
        detector.hear(some.iter().copied(), |key| {
            keys.extend(u8::try_from(key.to_char()).ok().filter(u8::is_ascii_digit).map(|digit| (ms, digit)));
        });
    }
    keys
}
