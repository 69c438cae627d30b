//! Out of a packet of any link type its IP packet, fragments put together again, and what that carries.

use super::packets::Packet;
use super::unread::{Unread, Why};
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpNumber, LaxIpSlice};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Link types (<https://www.tcpdump.org/linktypes.html>). Two of raw IP were written by older systems.
const NULL: i32 = 0;
const ETHERNET: i32 = 1;
const RAW: [i32; 5] = [12, 14, 101, 228, 229];
const LOOP: i32 = 108;
const COOKED: i32 = 113;
const COOKED_2: i32 = 276;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what was there before it.
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Tags on one frame.
const TAGS: usize = 4;

/// Packets that wait for fragments.
const POOL: usize = 1_024;
/// Fragments of one packet come within so many microseconds (RFC 8200 section 4.5), or never.
const LAPSE: u64 = 60_000_000;

/// What an IP packet carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Carried<'p> {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: &'p [u8] },
    Segment(Segment<'p>),
}

/// A segment of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'p> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub sequence: u32,
    pub begins: bool,
    pub ends: bool,
    pub bytes: &'p [u8],
}

/// Packets that wait for their fragments.
#[derive(Default)]
pub struct Ip {
    pool: HashMap<Name, Waiting>,
}

/// Of fragments that belong together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    from: IpAddr,
    to: IpAddr,
    identification: u32,
    carries: u8,
}

struct Waiting {
    parts: IpDefragBuf,
    /// The packets that brought them.
    first: u64,
    last: u64,
    packets: u64,
    at: u64,
}

impl Ip {
    /// What the packet carries, to `each`, once all of it is there.
    pub fn take(&mut self, packet: &Packet, unread: &mut Unread, each: impl FnOnce(Carried, &mut Unread)) {
        let bytes = match network(packet.link, packet.bytes) {
            Ok(Some(bytes)) => bytes,
            // ARP, STP and the like.
            Ok(None) => return,
            Err(why) => return unread.note(packet.number, if packet.cut { Why::Cut } else { why }),
        };
        let Ok((ip, _)) = LaxIpSlice::from_slice(bytes) else {
            return unread.note(packet.number, if packet.cut { Why::Cut } else { Why::BadHeader });
        };
        let payload = ip.payload();
        if payload.incomplete {
            return unread.note(packet.number, if packet.cut { Why::Cut } else { Why::BadHeader });
        }
        let (from, to, carries) = (ip.source_addr(), ip.destination_addr(), payload.ip_number);
        if !payload.fragmented {
            return transport(carries, (from, to), payload.payload, packet, unread, each);
        }
        if let Some(whole) = self.fragment(packet, &ip, unread) {
            transport(carries, (from, to), &whole, packet, unread, each);
        }
    }

    /// The capture is at its end: what still waits never came.
    pub fn finish(&mut self, unread: &mut Unread) {
        self.drop_older(u64::MAX, unread);
    }

    /// What the packet's fragment completes.
    fn fragment(&mut self, packet: &Packet, ip: &LaxIpSlice, unread: &mut Unread) -> Option<Vec<u8>> {
        let (version, identification, offset, more) = match ip {
            LaxIpSlice::Ipv4(ip) => {
                let header = ip.header();
                (4, u32::from(header.identification()), header.fragments_offset(), header.more_fragments())
            }
            LaxIpSlice::Ipv6(ip) => {
                let mut extensions = ip.extensions().clone().into_iter();
                let header = extensions.find_map(|extension| match extension {
                    etherparse::Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment.to_header()),
                    _ => None,
                })?;
                (6, header.identification, header.fragment_offset, header.more_fragments)
            }
        };
        if self.pool.len() >= POOL {
            self.make_room(unread);
        }
        let payload = ip.payload();
        let (from, to, carries) = (ip.source_addr(), ip.destination_addr(), payload.ip_number);
        let name = Name { from, to, identification, carries: carries.0 };
        let fresh = || Waiting {
            parts: IpDefragBuf::new(carries, Vec::new(), Vec::new()),
            first: packet.number,
            last: packet.number,
            packets: 0,
            at: packet.at,
        };
        let waiting = self.pool.entry(name.clone()).or_insert_with(fresh);
        waiting.last = packet.number;
        waiting.packets += 1;
        if waiting.parts.add(offset, more, payload.payload).is_err() {
            let Waiting { first, last, packets, .. } = self.pool.remove(&name)?;
            unread.note_all(first, last, packets, Why::BadFragment(version));
            return None;
        }
        let whole = waiting.parts.is_complete();
        let waiting = if whole { self.pool.remove(&name) } else { None };
        waiting.map(|waiting| waiting.parts.take_bufs().0)
    }

    fn make_room(&mut self, unread: &mut Unread) {
        let mut times: Vec<u64> = self.pool.values().map(|waiting| waiting.at).collect();
        times.sort_unstable();
        let newest = times.last().copied().unwrap_or(0);
        self.drop_older(newest.saturating_sub(LAPSE).max(times[times.len() / 2] + 1), unread);
    }

    fn drop_older(&mut self, than: u64, unread: &mut Unread) {
        let mut dropped: Vec<_> = self.pool.extract_if(|_, waiting| waiting.at < than).collect();
        dropped.sort_by_key(|(_, waiting)| waiting.first);
        for (name, Waiting { parts, first, last, packets, .. }) in dropped {
            let version = if name.from.is_ipv4() { 4 } else { 6 };
            let begun = parts.sections().iter().any(|section| section.start == 0);
            let why = if begun { Why::NoRest(version) } else { Why::NoFirst(version) };
            unread.note_all(first, last, packets, why);
        }
    }
}

/// The IP packet in a frame; `None` if it has none.
fn network(link: i32, bytes: &[u8]) -> Result<Option<&[u8]>, Why> {
    let short = Why::BadHeader;
    let (kind, rest) = match link {
        NULL | LOOP => return Ok(Some(bytes.get(4..).ok_or(short)?)),
        link if RAW.contains(&link) => return Ok(Some(bytes)),
        ETHERNET => (12, 14),
        COOKED => (14, 16),
        COOKED_2 => (0, 20),
        link => return Err(Why::Link(link)),
    };
    let number = |bytes: &[u8], at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let mut kind = number(bytes, kind).ok_or(short)?;
    let mut rest = bytes.get(rest..).ok_or(short)?;
    for _ in 0..TAGS {
        if VLAN.contains(&kind) {
            kind = number(rest, 2).ok_or(short)?;
            rest = rest.get(4..).ok_or(short)?;
        }
    }
    Ok([IPV4, IPV6].contains(&kind).then_some(rest))
}

/// RFC 768, RFC 9293 section 3.1. Checksums are not looked at: the sender's network card fills them in after the capture.
fn transport(
    carries: IpNumber,
    (from, to): (IpAddr, IpAddr),
    bytes: &[u8],
    packet: &Packet,
    unread: &mut Unread,
    each: impl FnOnce(Carried, &mut Unread),
) {
    let read = || {
        let (&[f0, f1, t0, t1], _) = bytes.split_first_chunk()?;
        let from = SocketAddr::new(from, u16::from_be_bytes([f0, f1]));
        let to = SocketAddr::new(to, u16::from_be_bytes([t0, t1]));
        if carries == IpNumber::UDP {
            let (&[l0, l1], _) = bytes.get(4..)?.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            // A length of zero stands in what the sender's card is to cut up.
            let bytes = if length == 0 { bytes.get(8..)? } else { bytes.get(8..length)? };
            return Some(Carried::Datagram { from, to, bytes });
        }
        let (&[s0, s1, s2, s3], _) = bytes.get(4..)?.split_first_chunk()?;
        let (offset, flags) = (usize::from(*bytes.get(12)? >> 4) * 4, *bytes.get(13)?);
        Some(Carried::Segment(Segment {
            from,
            to,
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            begins: flags & 0x02 != 0,
            ends: flags & 0x05 != 0,
            bytes: bytes.get(offset.max(20)..)?,
        }))
    };
    if carries != IpNumber::UDP && carries != IpNumber::TCP {
        return;
    }
    match read() {
        Some(carried) => each(carried, unread),
        None => unread.note(packet.number, if packet.cut { Why::Cut } else { Why::BadHeader }),
    }
}
