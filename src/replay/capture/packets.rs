//! The packets of a capture file, pcap or pcapng, one after the other: a file of any size takes the same memory.

use super::unread::{Unread, Why};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use std::fmt;
use std::io::Read;

/// What is read at once. A record is no longer: packets are 256 kB at the most (tcpdump's own bound).
const BUFFER: usize = 1 << 20;
/// Interfaces of one section of pcapng.
const INTERFACES: usize = 1_024;
/// Of a pcap's link type, the bits that are one; above them is the length of checksums.
const LINK: i32 = 0x0fff_ffff;

/// A packet as the capture has it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'c> {
    /// As Wireshark counts, from 1.
    pub number: u64,
    /// Microseconds since 1970.
    pub at: u64,
    /// The number of its link type (<https://www.tcpdump.org/linktypes.html>).
    pub link: i32,
    pub bytes: &'c [u8],
    /// The capture kept only the first bytes.
    pub cut: bool,
}

/// What is no capture at all.
#[derive(Debug, PartialEq, Eq)]
pub struct NotACapture(pub &'static str);

impl fmt::Display for NotACapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NotACapture {}

/// How the packets of an interface tell their link and their time.
#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    /// Units of a second.
    units: u64,
    /// Seconds to add.
    offset: i64,
}

/// Gives every packet to `each`; where the file is damaged, all that stood before.
pub fn read(
    source: impl Read + Send,
    unread: &mut Unread,
    mut each: impl FnMut(Packet, &mut Unread),
) -> Result<(), NotACapture> {
    let mut file = create_reader(BUFFER, source).map_err(|error| {
        NotACapture(match error {
            PcapError::ReadError => "it cannot be read",
            PcapError::Eof => "it is empty",
            _ => "it is neither pcap nor pcapng",
        })
    })?;
    let mut kept = Kept::default();
    loop {
        let stopped = match file.next() {
            Ok((length, block)) => {
                kept.take(block, unread, &mut each);
                file.consume(length);
                continue;
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                let before = file.data().len();
                if file.refill().is_err() {
                    Why::Ends
                } else if file.data().len() == before && !file.reader_exhausted() {
                    Why::TooLong
                } else {
                    continue;
                }
            }
            Err(PcapError::UnexpectedEof) => Why::Ends,
            Err(PcapError::BufferTooSmall) => Why::TooLong,
            Err(_) => Why::Damaged,
        };
        unread.note(kept.number + 1, stopped);
        return Ok(());
    }
}

/// What a packet needs of what stood before it.
#[derive(Default)]
struct Kept {
    number: u64,
    interfaces: Vec<Interface>,
}

impl Kept {
    fn take(&mut self, block: PcapBlockOwned, unread: &mut Unread, each: &mut impl FnMut(Packet, &mut Unread)) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let units = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                self.interfaces = vec![Interface { link: header.network.0 & LINK, units, offset: 0 }];
            }
            PcapBlockOwned::Legacy(record) => {
                let Some(interface) = self.interfaces.first() else { return };
                let ticks = u128::from(record.ts_sec) * u128::from(interface.units) + u128::from(record.ts_usec);
                let cut = record.caplen < record.origlen;
                self.packet(0, ticks, (record.data, record.caplen, cut), unread, each);
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) if self.interfaces.len() < INTERFACES => {
                let units = interface.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000);
                self.interfaces.push(Interface { link: interface.linktype.0, units, offset: interface.ts_offset() });
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(record)) => {
                let ticks = u128::from(record.ts_high) << 32 | u128::from(record.ts_low);
                let cut = record.caplen < record.origlen;
                self.packet(record.if_id as usize, ticks, (record.data, record.caplen, cut), unread, each);
            }
            PcapBlockOwned::NG(Block::SimplePacket(_)) => {
                self.number += 1;
                unread.note(self.number, Why::NoTime);
            }
            // Names, statistics and what others invented.
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn packet(
        &mut self,
        interface: usize,
        ticks: u128,
        (bytes, length, cut): (&[u8], u32, bool),
        unread: &mut Unread,
        each: &mut impl FnMut(Packet, &mut Unread),
    ) {
        self.number += 1;
        let number = self.number;
        // Padding may follow it.
        let bytes = bytes.get(..length as usize);
        let (Some(interface), Some(bytes)) = (self.interfaces.get(interface), bytes) else {
            return unread.note(number, Why::BadHeader);
        };
        let micros = ticks * 1_000_000 / u128::from(interface.units);
        let at = i128::try_from(micros).unwrap_or(i128::MAX).saturating_add(i128::from(interface.offset) * 1_000_000);
        let at = u64::try_from(at.max(0)).unwrap_or(u64::MAX);
        each(Packet { number, at, link: interface.link, bytes, cut }, unread);
    }
}
