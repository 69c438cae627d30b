//! The fixed header of an RTP packet (RFC 3550 section 5.1): read with its bounds checked, written in place.

use std::fmt;
use std::ops::Range;

/// Length of a header without CSRCs or extension: what we write.
pub const HEADER: usize = 12;

/// The fields that a stream works with; where the payload lies comes beside it from `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    /// 0-127.
    pub payload_type: u8,
    pub sequence: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRtp {
    /// Shorter than its header says it is.
    Short,
    Version,
    /// RTCP on the RTP port (rtcp-mux, RFC 5761): not a mistake.
    Rtcp,
    /// More padding than payload.
    Padding,
}

impl Header {
    /// Reads the header and says which bytes are payload: behind CSRCs and extension, before the padding.
    pub fn read(bytes: &[u8]) -> Result<(Header, Range<usize>), NotRtp> {
        let fixed: &[u8; HEADER] = bytes.first_chunk().ok_or(NotRtp::Short)?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(NotRtp::Version);
        }
        // RFC 5761 section 4: packet types 192-223 are RTCP; payload types 64-95 are not used beside it.
        if (192..=223).contains(&second) {
            return Err(NotRtp::Rtcp);
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Ok((header, payload(bytes, first)?))
    }

    /// Writes the twelve bytes: version 2, no padding, no extension, no CSRC.
    pub fn write(&self, out: &mut [u8; HEADER]) {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let second = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        *out = [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
    }
}

/// Where the payload lies, given the first byte: its extension bit, padding bit and CSRC count.
fn payload(bytes: &[u8], first: u8) -> Result<Range<usize>, NotRtp> {
    let mut start = HEADER + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        // Two bytes of profile, two of length in 32-bit words (RFC 3550 section 5.3.1).
        let words = bytes.get(start + 2..start + 4).ok_or(NotRtp::Short)?;
        start += 4 + 4 * words.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    }
    let mut end = bytes.len();
    if first & 0x20 != 0 {
        // The last byte counts the padding, itself included, so zero is impossible.
        match bytes.last() {
            None | Some(0) => return Err(NotRtp::Padding),
            Some(&count) => end = end.checked_sub(usize::from(count)).ok_or(NotRtp::Padding)?,
        }
        if start <= bytes.len() && end < start {
            return Err(NotRtp::Padding);
        }
    }
    if start > end { Err(NotRtp::Short) } else { Ok(start..end) }
}

impl fmt::Display for NotRtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotRtp::Short => "shorter than its header says",
            NotRtp::Version => "not RTP version 2",
            NotRtp::Rtcp => "RTCP",
            NotRtp::Padding => "more padding than payload",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 14] = [0x80, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xaa, 0xbb];

    fn with(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = PLAIN[..HEADER].to_vec();
        bytes[0] = first;
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn a_header_is_read_and_written_back_equal() {
        let (header, payload) = Header::read(&PLAIN).expect("a packet");
        let expected =
            Header { marker: true, payload_type: 0, sequence: 0x0102, timestamp: 0x0304_0506, ssrc: 0x0708_090a };
        assert_eq!((header, payload), (expected, 12..14));
        let mut out = [0; HEADER];
        header.write(&mut out);
        assert_eq!(out, PLAIN[..HEADER]);
    }

    #[test]
    fn the_payload_lies_behind_csrcs_and_extension_and_before_padding() {
        type Case = (&'static str, Vec<u8>, Result<Range<usize>, NotRtp>);
        let cases: [Case; 14] = [
            ("empty payload", with(0x80, &[]), Ok(12..12)),
            ("two csrcs", with(0x82, &[0, 0, 0, 1, 0, 0, 0, 2, 9]), Ok(20..21)),
            ("csrcs cut off", with(0x82, &[0, 0, 0, 1]), Err(NotRtp::Short)),
            ("extension of one word", with(0x90, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9]), Ok(20..22)),
            ("extension of no words", with(0x90, &[0xbe, 0xde, 0, 0, 9]), Ok(16..17)),
            ("extension header cut off", with(0x90, &[0xbe, 0xde, 0]), Err(NotRtp::Short)),
            ("extension past the end", with(0x90, &[0xbe, 0xde, 0xff, 0xff, 1]), Err(NotRtp::Short)),
            ("padding", with(0xa0, &[9, 9, 0, 2]), Ok(12..14)),
            ("padding only", with(0xa0, &[0, 2]), Ok(12..12)),
            ("padding of zero", with(0xa0, &[9, 0]), Err(NotRtp::Padding)),
            ("padding into the header", with(0xa0, &[9, 3]), Err(NotRtp::Padding)),
            ("padding past the start", with(0xa0, &[9, 255]), Err(NotRtp::Padding)),
            ("version 1", with(0x40, &[9]), Err(NotRtp::Version)),
            ("eleven bytes", PLAIN[..11].to_vec(), Err(NotRtp::Short)),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(Header::read(&bytes).map(|(_, payload)| payload), expected, "{name}");
        }
    }

    #[test]
    fn rtcp_on_the_same_port_is_told_apart() {
        for packet_type in 200..=204 {
            let mut bytes = PLAIN;
            bytes[1] = packet_type;
            assert_eq!(Header::read(&bytes).err(), Some(NotRtp::Rtcp), "{packet_type}");
        }
        for not_rtcp in [0x80, 0x80 | 101, 101, 127, 255] {
            let mut bytes = PLAIN;
            bytes[1] = not_rtcp;
            assert!(Header::read(&bytes).is_ok(), "{not_rtcp}");
        }
    }
}
