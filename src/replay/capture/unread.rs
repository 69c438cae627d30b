//! What of a capture could not be read, by ranges of its packets.

use std::collections::BTreeMap;
use std::fmt;

/// Packets that fail for one reason are one range as long as no more others than these lie between two of them.
const NEAR: u64 = 32;
/// Ranges that are kept; further ones are counted only.
const RANGES: usize = 1_000;

/// Why packets were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The capture kept only the first bytes of it.
    Cut,
    Link(i32),
    NoTime,
    Damaged,
    Ends,
    TooLong,
    BadHeader,
    /// Fragments, by the version of IP.
    NoFirst(u8),
    NoRest(u8),
    BadFragment(u8),
    Tls,
    /// Segments of TCP are missing before it.
    Gap,
    Endless,
    NotSip,
    /// RTP that no description names.
    Unnamed,
    /// SRTP without its key.
    Keyless,
    Full,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Cut => f.write_str("truncated by the capture's snap length (tcpdump -s 0 takes whole packets)"),
            Why::Link(number) => {
                write!(f, "of link type {number}, which is not read (Ethernet, Linux cooked, raw IP and loopback are)")
            }
            Why::NoTime => f.write_str("without a time (simple packet blocks have none)"),
            Why::Damaged => f.write_str("damaged from here on: no record of a capture"),
            Why::Ends => f.write_str("the file ends in the middle of it"),
            Why::TooLong => f.write_str("a record that is longer than any packet: the file is damaged from here on"),
            Why::BadHeader => f.write_str("IP, UDP or TCP headers that contradict themselves"),
            Why::NoFirst(version) => write!(f, "IPv{version} fragments without their first"),
            Why::NoRest(version) => write!(f, "IPv{version} fragments without their rest"),
            Why::BadFragment(version) => write!(f, "IPv{version} fragments that contradict each other"),
            Why::Tls => {
                f.write_str("TLS, whose keys are not in a capture (capture behind it, or use `serve --record`)")
            }
            Why::Gap => f.write_str("SIP over TCP with segments missing before it"),
            Why::Endless => f.write_str("SIP over TCP whose end nobody can tell"),
            Why::NotSip => f.write_str("SIP that cannot be read"),
            Why::Unnamed => f.write_str("RTP to where no SDP of the capture leads"),
            Why::Keyless => f.write_str("SRTP without its key in the SDP"),
            Why::Full => f.write_str("more calls at once than are followed"),
        }
    }
}

/// Packets that were left out for one reason: numbers as Wireshark counts them, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: u64,
    pub last: u64,
    /// How many of them.
    pub packets: u64,
    pub why: Why,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { first, last, packets, why } = self;
        match last - first + 1 {
            1 => write!(f, "packet {first}: {why}"),
            all if all == *packets => write!(f, "packets {first}-{last}: {why}"),
            _ => write!(f, "packets {first}-{last} ({packets} of them): {why}"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Unread {
    ranges: Vec<Range>,
    /// The place of the last range of each reason.
    last: BTreeMap<Why, usize>,
    /// Packets for which there was no range any more.
    beyond: u64,
}

impl Unread {
    pub fn note(&mut self, number: u64, why: Why) {
        self.note_all(number, number, 1, why);
    }

    pub fn note_all(&mut self, first: u64, last: u64, packets: u64, why: Why) {
        let near = self.last.get(&why).and_then(|&at| self.ranges.get_mut(at));
        if let Some(range) = near.filter(|range| first <= range.last.saturating_add(NEAR) && range.first <= last) {
            range.first = range.first.min(first);
            range.last = range.last.max(last);
            range.packets += packets;
        } else if self.ranges.len() < RANGES {
            self.last.insert(why, self.ranges.len());
            self.ranges.push(Range { first, last, packets, why });
        } else {
            self.beyond += packets;
        }
    }

    /// In the order of their first packets.
    pub fn ranges(&self) -> Vec<Range> {
        let mut ranges = self.ranges.clone();
        ranges.sort_by_key(|range| (range.first, range.last));
        ranges
    }

    /// Packets beyond the ranges.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_named_by_ranges_and_what_is_beyond_them_is_counted() {
        let mut unread = Unread::default();
        for number in [7, 1041, 1042, 1043, 1050] {
            unread.note(number, Why::Cut);
        }
        unread.note_all(1041, 1077, 37, Why::NoFirst(6));
        let told: Vec<_> = unread.ranges().iter().map(Range::to_string).collect();
        assert_eq!(told[0], format!("packet 7: {}", Why::Cut));
        assert_eq!(told[1], format!("packets 1041-1050 (4 of them): {}", Why::Cut));
        assert_eq!(told[2], "packets 1041-1077: IPv6 fragments without their first");
        (0..2 * RANGES as u64).for_each(|n| unread.note(10_000 + n * 100, Why::Gap));
        assert_eq!((unread.ranges().len(), unread.beyond()), (RANGES, 3 + RANGES as u64));
    }
}
