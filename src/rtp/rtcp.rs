//! RTCP (RFC 3550 section 6): the compound packet that we send, and what one that came says of us. Nothing in it ever ends
//! or moves a stream: a BYE is a packet like any other.

/// Of a sender's report, a block and the name, in bytes.
pub const LONGEST: usize = 80;

const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
const DESCRIPTION: u8 = 202;
/// The item that names the source for good (section 6.5.1).
const CNAME: u8 = 1;
/// Length of our CNAME: 96 bits as text (RFC 7022 section 4.2).
pub const NAME: usize = 16;

const HEADER: usize = 4;
const SENDER_INFO: usize = 20;
const BLOCK: usize = 24;

/// When a sender's report was made, by both of its clocks, and what was sent until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Seconds and their 2^32nd parts.
    pub ntp: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// What a receiver tells of one source (section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    /// Lost since the report before, in 256ths.
    pub fraction: u8,
    /// Lost in all: 24 bits with a sign, for packets may come twice.
    pub lost: i32,
    /// The highest sequence number, and above it how often it went round.
    pub highest: u32,
    /// In units of the source's timestamps.
    pub jitter: u32,
    /// The middle 32 bits of the `ntp` of the source's last report, and the time since it came, in 65,536ths of a second.
    pub last: u32,
    pub since: u32,
}

/// What came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The `ntp` of a sender's report.
    pub ntp: Option<u64>,
    /// What its author hears of us.
    pub of_us: Option<Block>,
}

/// Writes a sender's or a receiver's report and the source's name. Returns its length.
pub fn write(out: &mut [u8; LONGEST], ssrc: u32, sent: Option<Sent>, of: Option<Block>, name: &[u8; NAME]) -> usize {
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    let (kind, info) = if sent.is_some() { (SENDER, SENDER_INFO) } else { (RECEIVER, 0) };
    let length = HEADER + 4 + info + of.map_or(0, |_| BLOCK);
    put(&header(of.map_or(0, |_| 1), kind, length));
    put(&ssrc.to_be_bytes());
    if let Some(Sent { ntp, timestamp, packets, octets }) = sent {
        put(&ntp.to_be_bytes());
        [timestamp, packets, octets].iter().for_each(|word| put(&word.to_be_bytes()));
    }
    if let Some(Block { ssrc, fraction, lost, highest, jitter, last, since }) = of {
        let lost = lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let words = [ssrc, u32::from(fraction) << 24 | lost, highest, jitter, last, since];
        words.iter().for_each(|word| put(&word.to_be_bytes()));
    }
    // The list of items ends with zeros up to a whole word (section 6.5).
    let length = HEADER + 4 + (2 + NAME + 1).next_multiple_of(4);
    put(&header(1, DESCRIPTION, length));
    put(&ssrc.to_be_bytes());
    put(&[CNAME, NAME as u8]);
    put(name);
    put(&[0; (2 + NAME + 1).next_multiple_of(4) - 2 - NAME]);
    at
}

fn header(count: u8, kind: u8, length: usize) -> [u8; HEADER] {
    let [l0, l1] = ((length / 4 - 1) as u16).to_be_bytes();
    [0x80 | count, kind, l0, l1]
}

/// Reads a compound packet; `us` is our SSRC. `None` if it is none by the checks of appendix A.2: a report comes first,
/// lengths add up, and only the last packet is padded. Packets of other kinds are looked past.
pub fn read(bytes: &[u8], us: u32) -> Option<Report> {
    let mut report = Report::default();
    let (mut rest, mut first) = (bytes, true);
    while !rest.is_empty() {
        let &[head, kind, l0, l1] = rest.first_chunk::<HEADER>()?;
        let length = 4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1);
        let (packet, behind) = rest.split_at_checked(length)?;
        let padded = head & 0x20 != 0;
        let starts = matches!(kind, SENDER | RECEIVER) && !padded || !first;
        if head >> 6 != 2 || !starts || padded && !behind.is_empty() {
            return None;
        }
        if matches!(kind, SENDER | RECEIVER) {
            let info = if kind == SENDER { SENDER_INFO } else { 0 };
            let blocks = packet.get(HEADER + 4 + info..)?;
            let blocks = blocks.get(..BLOCK * usize::from(head & 0x1f))?.as_chunks::<BLOCK>().0;
            if kind == SENDER {
                report.ntp = Some(u64::from_be_bytes(*packet.get(HEADER + 4..)?.first_chunk()?));
            }
            report.of_us = blocks.iter().map(block).find(|block| block.ssrc == us).or(report.of_us);
        }
        (rest, first) = (behind, false);
    }
    (!first).then_some(report)
}

fn block(bytes: &[u8; BLOCK]) -> Block {
    let word = |at: usize| bytes[4 * at..4 * at + 4].iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
    // The sign of 24 bits is made one of 32.
    let lost = (word(1) << 8) as i32 >> 8;
    let (ssrc, fraction) = (word(0), bytes[4]);
    Block { ssrc, fraction, lost, highest: word(2), jitter: word(3), last: word(4), since: word(5) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKED: Block =
        Block { ssrc: 7, fraction: 64, lost: -3, highest: 0x1_0005, jitter: 12, last: 0x0203_0405, since: 65_536 };

    fn written(sent: Option<Sent>, of: Option<Block>) -> Vec<u8> {
        let mut out = [0; LONGEST];
        let length = write(&mut out, 9, sent, of, b"0123456789abcdef");
        out[..length].to_vec()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let sent = Sent { ntp: 0x0102_0304_0506_0708, timestamp: 1, packets: 2, octets: 3 };
        for (sent, of, length) in
            [(Some(sent), Some(BLOCKED), LONGEST), (Some(sent), None, 56), (None, Some(BLOCKED), 60), (None, None, 36)]
        {
            let bytes = written(sent, of);
            assert_eq!(bytes.len(), length);
            assert_eq!(read(&bytes, 7), Some(Report { ntp: sent.map(|sent| sent.ntp), of_us: of }));
            assert_eq!(read(&bytes, 8).and_then(|report| report.of_us), None, "of somebody else");
            let name = bytes.windows(NAME).any(|window| window == b"0123456789abcdef");
            assert!(name && bytes[length - 2..] == [0, 0]);
        }
    }

    #[test]
    fn a_compound_packet_is_read_strictly_and_anything_may_follow_a_report() {
        let report = written(None, Some(BLOCKED));
        let with = |more: &[u8]| [&report, more].concat();
        let taken = [
            with(&[]),
            with(&[0x81, 203, 0, 1, 0, 0, 0, 9]),
            with(&[0x80, 204, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4]),
            with(&[0xa0, 205, 0, 1, 0, 0, 0, 4]),
            with(&report),
        ];
        for bytes in &taken {
            assert_eq!(read(bytes, 7).and_then(|report| report.of_us), Some(BLOCKED), "{bytes:?}");
        }
        let goodbye = [0x81, 203, 0, 1, 0, 0, 0, 9];
        let refused: [Vec<u8>; 9] = [
            vec![],
            goodbye.to_vec(),
            report[..report.len() - 1].to_vec(),
            with(&[0x80]),
            with(&[0x40, 203, 0, 0]),
            with(&[0x80, 203, 0, 9, 0, 0]),
            [&[0xa0, 201, 0, 1, 0, 0, 0, 9], &goodbye[..]].concat(),
            with(&[0xa0, 205, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0]),
            vec![0x82, 201, 0, 1, 0, 0, 0, 9],
        ];
        for bytes in &refused {
            assert_eq!(read(bytes, 7), None, "{bytes:?}");
        }
        for cut in 0..report.len() {
            assert_eq!(read(&report[..cut], 7).is_some(), cut == 32, "{cut}");
        }
    }
}
