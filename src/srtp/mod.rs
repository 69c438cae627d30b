//! SRTP and SRTCP (RFC 3711, RFC 7714) in place, on the ciphers of `aes`, `hmac`, `sha1` and `ring`: how packets are
//! framed, counted and kept from coming twice. One context a direction and key; nothing is allocated for a packet, and
//! nothing is kept of one that is not authentic.

mod cipher;
mod window;

use crate::keying::Master;
use cipher::Cipher;
use window::Window;

/// What protecting adds at most: a tag of 16 bytes, and of SRTCP the word with its index.
pub const OVERHEAD: usize = 20;

/// Sources of one key. A peer changes its SSRC when it is transferred; more often than that is refused, for a source
/// that was forgotten could be replayed.
const SOURCES: usize = 8;

/// RFC 3711 section 9.2: no more packets under one master key.
const MAX_INDEX: u64 = (1 << 48) - 1;
const MAX_RTCP_INDEX: u64 = (1 << 31) - 1;

/// Length of an RTP header without its CSRCs, and of what stays legible of RTCP.
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;
/// SRTCP's word: the E bit and the index.
const WORD: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// Why a packet was not protected, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Shorter than its header says it is, or than its tag.
    Malformed,
    /// Its tag is not by that key.
    Forged,
    /// It was here before, or is too old to tell.
    Replayed,
    /// From one source too many.
    Source,
    /// The key has protected all that it may.
    Exhausted,
    /// No room for the tag.
    Room,
}

/// What we send under one key.
#[derive(Debug)]
pub struct Outbound {
    rtp: Cipher,
    rtcp: Cipher,
    /// Our source, from its first packet on.
    source: Option<Source>,
    /// Of the next SRTCP packet.
    rtcp_index: u64,
}

/// What a peer sends under one key.
#[derive(Debug)]
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Sources,
    rtcp_sources: Sources,
}

impl Outbound {
    pub fn new(master: &Master) -> Self {
        Self { rtp: Cipher::rtp(master), rtcp: Cipher::rtcp(master), source: None, rtcp_index: 0 }
    }

    /// The next packet is of another source, whose rollovers begin at zero. One that was before must not come again.
    pub fn restart(&mut self) {
        self.source = None;
    }

    /// Makes the RTP packet in the first `length` bytes an SRTP packet; returns its length. A sequence number goes out
    /// once only: the same keystream on two packets would show both.
    pub fn protect(&mut self, packet: &mut [u8], length: usize) -> Result<usize, Refused> {
        let head = Head::of(packet.get(..length).ok_or(Refused::Room)?)?;
        let source = match self.source {
            Some(source) if source.ssrc != head.ssrc => return Err(Refused::Source),
            Some(source) => source,
            None => Source::first(head.ssrc, u64::from(head.sequence)),
        };
        let index = source.window.guess(head.sequence).ok_or(Refused::Replayed)?;
        if index > MAX_INDEX {
            return Err(Refused::Exhausted);
        }
        if self.source.is_some() && !source.window.is_new(index) {
            return Err(Refused::Replayed);
        }
        let sealed = self.rtp.seal(packet, head.length, length, head.ssrc, index)?;
        self.source.get_or_insert(source).window.note(index);
        Ok(sealed)
    }

    /// The same of a compound RTCP packet (RFC 3711 section 3.4).
    pub fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Result<usize, Refused> {
        let ssrc = rtcp_ssrc(packet.get(..length).ok_or(Refused::Room)?)?;
        if self.rtcp_index > MAX_RTCP_INDEX {
            return Err(Refused::Exhausted);
        }
        let sealed = self.rtcp.seal_rtcp(packet, length, ssrc, self.rtcp_index as u32)?;
        self.rtcp_index += 1;
        Ok(sealed)
    }
}

impl Inbound {
    pub fn new(master: &Master) -> Self {
        let (sources, rtcp_sources) = Default::default();
        Self { rtp: Cipher::rtp(master), rtcp: Cipher::rtcp(master), sources, rtcp_sources }
    }

    /// Makes an SRTP packet the RTP packet that it was; returns its length. What is refused changes nothing here, and
    /// its bytes are worth nothing then.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let head = Head::of(packet)?;
        let known = self.sources.find(head.ssrc);
        let index = match known {
            Some(source) => source.window.guess(head.sequence).ok_or(Refused::Forged)?,
            // RFC 3711 section 3.3.1: the counter of rollovers begins at zero.
            None => u64::from(head.sequence),
        };
        self.sources.admit(head.ssrc, index)?;
        let length = self.rtp.open(packet, head.length, head.ssrc, index)?;
        self.sources.note(head.ssrc, index);
        Ok(length)
    }

    /// The same of SRTCP. One whose E bit is 0 is refused like any forged one: we never agree on that.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ssrc = rtcp_ssrc(packet)?;
        let word = self.rtcp.rtcp_word(packet)?;
        if word & ENCRYPTED == 0 {
            return Err(Refused::Forged);
        }
        let index = u64::from(word & !ENCRYPTED);
        self.rtcp_sources.admit(ssrc, index)?;
        let length = self.rtcp.open_rtcp(packet, ssrc, word)?;
        self.rtcp_sources.note(ssrc, index);
        Ok(length)
    }
}

/// A source and what came, or went, of it.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    window: Window,
}

impl Source {
    fn first(ssrc: u32, index: u64) -> Self {
        Self { ssrc, window: Window::new(index) }
    }
}

/// The sources that were authentic.
#[derive(Debug, Default)]
struct Sources([Option<Source>; SOURCES]);

impl Sources {
    fn find(&self, ssrc: u32) -> Option<&Source> {
        self.0.iter().flatten().find(|source| source.ssrc == ssrc)
    }

    /// Whether a packet could be taken, if it is authentic.
    fn admit(&self, ssrc: u32, index: u64) -> Result<(), Refused> {
        match self.find(ssrc) {
            Some(source) if !source.window.is_new(index) => Err(Refused::Replayed),
            Some(_) if index > MAX_INDEX => Err(Refused::Exhausted),
            None if self.0.iter().all(Option::is_some) => Err(Refused::Source),
            Some(_) | None => Ok(()),
        }
    }

    fn note(&mut self, ssrc: u32, index: u64) {
        match self.0.iter_mut().flatten().find(|source| source.ssrc == ssrc) {
            Some(source) => source.window.note(index),
            None => {
                if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
                    *free = Some(Source::first(ssrc, index));
                }
            }
        }
    }
}

/// What an RTP header says in clear.
struct Head {
    sequence: u16,
    ssrc: u32,
    /// With CSRCs and extension, none of which is encrypted.
    length: usize,
}

impl Head {
    fn of(packet: &[u8]) -> Result<Head, Refused> {
        let fixed: &[u8; RTP_HEADER] = packet.first_chunk().ok_or(Refused::Malformed)?;
        let [first, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = *fixed;
        let mut length = RTP_HEADER + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            // RFC 3550 section 5.3.1: a length in words after two bytes of profile.
            let words = packet.get(length + 2..length + 4).ok_or(Refused::Malformed)?;
            length += 4 + 4 * words.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        }
        if first >> 6 != 2 || length > packet.len() {
            return Err(Refused::Malformed);
        }
        Ok(Head { sequence: u16::from_be_bytes([s0, s1]), ssrc: u32::from_be_bytes([c0, c1, c2, c3]), length })
    }
}

fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Refused> {
    let header: &[u8; RTCP_HEADER] = packet.first_chunk().ok_or(Refused::Malformed)?;
    let [first, _, _, _, c0, c1, c2, c3] = *header;
    if first >> 6 != 2 {
        return Err(Refused::Malformed);
    }
    Ok(u32::from_be_bytes([c0, c1, c2, c3]))
}

#[cfg(test)]
mod tests;
