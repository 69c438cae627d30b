//! A capture file of a call (the libpcap format, link type RAW): UDP datagrams with the headers that they would have had.
//! A message that came over TCP or TLS is a datagram here too; its Via says what carried it.

use super::trace::{Sip, Way};
use jiff::Timestamp;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// Bytes are written least significant first; times are in microseconds.
const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: [u16; 2] = [2, 4];
/// Packets begin with their IP header, version 4 or 6.
const LINKTYPE_RAW: u32 = 101;
const SNAPLEN: u32 = 65_535;
const UDP: u8 = 17;
/// Header lengths.
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
/// The most that fits into one packet; a longer message is cut.
const PAYLOAD: usize = 65_535 - UDP_HEADER - IPV4_HEADER;
const HOPS: u8 = 64;

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'d> {
    /// Microseconds since the INVITE.
    pub t: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub payload: Cow<'d, [u8]>,
}

impl<'d> From<&'d Sip> for Datagram<'d> {
    fn from(message: &'d Sip) -> Datagram<'d> {
        let (from, to) = match message.sip {
            Way::In => (message.with.address, message.via.address),
            Way::Out => (message.via.address, message.with.address),
        };
        Datagram { t: message.t, from, to, payload: Cow::Borrowed(message.text.as_bytes()) }
    }
}

/// The file. `at` is when the INVITE came.
pub fn write<'d>(at: Timestamp, datagrams: impl IntoIterator<Item = impl Into<Datagram<'d>>>) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    VERSION.iter().for_each(|part| file.extend(part.to_le_bytes()));
    // The time zone and the accuracy, neither of which anybody uses.
    file.extend([0; 8]);
    file.extend(SNAPLEN.to_le_bytes());
    file.extend(LINKTYPE_RAW.to_le_bytes());
    let begun = u64::try_from(at.as_microsecond()).unwrap_or(0);
    for Datagram { t, from, to, payload } in datagrams.into_iter().map(Into::into) {
        let packet = packet(from, to, &payload[..payload.len().min(PAYLOAD)]);
        let time = begun.saturating_add(t);
        // Seconds fit until 2106; a packet fits because its payload does.
        for field in [(time / 1_000_000) as u32, (time % 1_000_000) as u32, packet.len() as u32, packet.len() as u32] {
            file.extend(field.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// An IP packet with a UDP datagram (RFC 791, RFC 8200, RFC 768). A way between versions 4 and 6 is written as 6.
fn packet(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = (UDP_HEADER + payload.len()) as u16;
    let mut udp = Vec::with_capacity(usize::from(length));
    for field in [from.port(), to.port(), length, 0] {
        udp.extend(field.to_be_bytes());
    }
    udp.extend(payload);
    let (mut addresses, mut header) = (Vec::new(), Vec::new());
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            addresses.extend([from.octets(), to.octets()].concat());
            header.extend([0x45, 0]);
            header.extend((length + IPV4_HEADER as u16).to_be_bytes());
            // Identification and fragments (do not), hops, protocol, and the checksum, filled in below.
            header.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
            header.extend(&addresses);
            let checksum = checksum(&[&header]);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        (from, to) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            addresses.extend([octets(from), octets(to)].concat());
            header.extend([0x60, 0, 0, 0]);
            header.extend(length.to_be_bytes());
            header.extend([UDP, HOPS]);
            header.extend(&addresses);
        }
    }
    let pseudo = [0, UDP];
    let sum = checksum(&[&addresses, &pseudo, &length.to_be_bytes(), &udp]);
    // Zero would say that there is none.
    let sum = if sum == 0 { 0xffff } else { sum };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    header.extend(udp);
    header
}

/// The Internet checksum (RFC 1071). All parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Leg;

    fn sip(way: Way, via: &str, with: &str, text: &str) -> Sip {
        let (via, with) = (via.parse().unwrap(), with.parse().unwrap());
        Sip { t: 1_500_000, sip: way, leg: Leg::Caller, via, with, text: text.to_owned(), dropped: 0 }
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let at: Timestamp = "2026-12-01T10:15:00Z".parse().unwrap();
        let long = "x".repeat(70_000);
        let messages = [
            sip(Way::In, "udp:192.0.2.1:5060", "udp:192.0.2.9:5070", "odd"),
            sip(Way::Out, "tcp:[2001:db8::1]:5060", "tcp:[2001:db8::9]:5070", "even"),
            sip(Way::Out, "udp:192.0.2.1:5060", "udp:192.0.2.9:5070", &long),
        ];
        let file = write(at, &messages);
        let long = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        assert_eq!((long(&file[..4]), long(&file[20..24])), (MAGIC, LINKTYPE_RAW));
        let mut rest = &file[24..];
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let length = long(&rest[8..12]) as usize;
            assert_eq!((long(&rest[..4]), long(&rest[4..8])), (at.as_second() as u32 + 1, 500_000));
            packets.push(&rest[16..16 + length]);
            rest = &rest[16 + length..];
        }
        let [first, second, third] = packets.as_slice() else { panic!("{} packets", packets.len()) };
        // A sum over what includes its own checksum is zero.
        assert_eq!(checksum(&[&first[..20]]), 0);
        assert_eq!(checksum(&[&first[12..20], &[0, UDP], &first[24..26], &first[20..]]), 0);
        assert_eq!(checksum(&[&second[8..40], &[0, UDP], &second[4..6], &second[40..]]), 0);
        assert_eq!((&first[12..16], &first[16..20]), (&[192, 0, 2, 9][..], &[192, 0, 2, 1][..]));
        assert_eq!((&first[20..24], &first[28..]), (&[0x13, 0xce, 0x13, 0xc4][..], &b"odd"[..]));
        assert_eq!((&second[40..44], &second[48..]), (&[0x13, 0xc4, 0x13, 0xce][..], &b"even"[..]));
        assert_eq!((third.len(), &third[2..4]), (65_535, &[0xff, 0xff][..]));
    }
}
