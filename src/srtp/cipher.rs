//! One session key at work: AES in counter mode with HMAC-SHA1 (RFC 3711 sections 4.1.1 and 4.2), or AES-GCM (RFC
//! 7714). HMAC is RustCrypto's, not ring's: ring's SHA-1 takes 2.7 times as long.

use super::{ENCRYPTED, RTCP_HEADER, Refused, WORD};
use crate::keying::{Master, Suite};
use aes::Aes128Enc;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// RFC 3711 section 4.3.1.
const RTP_LABELS: u8 = 0;
const RTCP_LABELS: u8 = 3;
/// SRTCP keeps the long tag whatever the suite (RFC 4568 section 6.2.2).
const TAG_80: usize = 10;
const TAG_32: usize = 4;
const TAG_GCM: usize = MAX_TAG_LEN;
const BLOCK: usize = 16;
/// Blocks of keystream made at once: AES has room for eight in its pipeline.
const BLOCKS: usize = 8;

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one jump less a packet; 4 kB a secure leg are boxed as a whole")]
pub enum Cipher {
    Cm(Cm),
    Gcm(Gcm),
}

#[derive(Debug)]
pub struct Cm {
    aes: Aes128Enc,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
    tag: usize,
}

#[derive(Debug)]
pub struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Cipher {
    pub fn rtp(master: &Master) -> Self {
        Self::derived(master, RTP_LABELS, if master.suite() == Suite::Cm32 { TAG_32 } else { TAG_80 })
    }

    pub fn rtcp(master: &Master) -> Self {
        Self::derived(master, RTCP_LABELS, TAG_80)
    }

    fn derived(master: &Master, labels: u8, tag: usize) -> Self {
        let (mut key, mut auth, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(master, labels, &mut key);
        match master.suite() {
            Suite::Cm80 | Suite::Cm32 => {
                derive(master, labels + 1, &mut auth);
                derive(master, labels + 2, &mut salt);
                Cipher::Cm(Cm::new(&key, salt, &auth, tag))
            }
            Suite::Gcm128 => {
                let mut salt = [0; 12];
                derive(master, labels + 2, &mut salt);
                Cipher::Gcm(Gcm::new(&key, salt))
            }
        }
    }

    /// Encrypts from `header` to `length` and appends the tag; returns the new length.
    pub fn seal(
        &self,
        packet: &mut [u8],
        header: usize,
        length: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, Refused> {
        match self {
            Cipher::Cm(cm) => {
                let end = length + cm.tag;
                let (body, tag) =
                    packet.get_mut(..end).and_then(|all| all.split_at_mut_checked(length)).ok_or(Refused::Room)?;
                cm.crypt(ssrc, index, &mut body[header..]);
                tag.copy_from_slice(&cm.sign(body, rollovers(index))[..cm.tag]);
                Ok(end)
            }
            Cipher::Gcm(gcm) => {
                let end = length + TAG_GCM;
                let (body, tag) =
                    packet.get_mut(..end).and_then(|all| all.split_at_mut_checked(length)).ok_or(Refused::Room)?;
                let (aad, plain) = body.split_at_mut(header);
                tag.copy_from_slice(&gcm.seal(ssrc, index, aad, plain)?);
                Ok(end)
            }
        }
    }

    /// Checks the tag and decrypts; returns the length without the tag.
    pub fn open(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Result<usize, Refused> {
        match self {
            Cipher::Cm(cm) => {
                let end = packet.len().checked_sub(cm.tag).filter(|end| *end >= header).ok_or(Refused::Malformed)?;
                let (body, tag) = packet.split_at_mut(end);
                cm.check(body, rollovers(index), tag)?;
                cm.crypt(ssrc, index, &mut body[header..]);
                Ok(end)
            }
            Cipher::Gcm(gcm) => {
                let end = packet.len().checked_sub(TAG_GCM).filter(|end| *end >= header).ok_or(Refused::Malformed)?;
                let (aad, sealed) = packet.split_at_mut(header);
                gcm.open(ssrc, index, aad, sealed)?;
                Ok(end)
            }
        }
    }

    /// The word with the E bit and the index: before the tag, or behind it (RFC 3711 section 3.4, RFC 7714 section 9.2).
    pub fn rtcp_word(&self, packet: &[u8]) -> Result<u32, Refused> {
        let behind = match self {
            Cipher::Cm(cm) => cm.tag,
            Cipher::Gcm(_) => 0,
        };
        let end = packet.len().checked_sub(behind).ok_or(Refused::Malformed)?;
        let word = packet.get(..end).and_then(|all| all.last_chunk::<WORD>()).ok_or(Refused::Malformed)?;
        Ok(u32::from_be_bytes(*word))
    }

    pub fn seal_rtcp(&self, packet: &mut [u8], length: usize, ssrc: u32, index: u32) -> Result<usize, Refused> {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Cipher::Cm(cm) => {
                let (body, rest) = packet.split_at_mut_checked(length).ok_or(Refused::Room)?;
                let (behind, tag) = rest.split_at_mut_checked(WORD).ok_or(Refused::Room)?;
                let tag = tag.get_mut(..cm.tag).ok_or(Refused::Room)?;
                cm.crypt(ssrc, u64::from(index), &mut body[RTCP_HEADER..]);
                behind.copy_from_slice(&word);
                tag.copy_from_slice(&cm.sign(body, word)[..cm.tag]);
                Ok(length + WORD + cm.tag)
            }
            Cipher::Gcm(gcm) => {
                let (body, rest) = packet.split_at_mut_checked(length).ok_or(Refused::Room)?;
                let (tag, behind) = rest.split_at_mut_checked(TAG_GCM).ok_or(Refused::Room)?;
                let behind = behind.get_mut(..WORD).ok_or(Refused::Room)?;
                let (aad, plain) = rtcp_aad(body, word)?;
                tag.copy_from_slice(&gcm.seal(ssrc, u64::from(index), &aad, plain)?);
                behind.copy_from_slice(&word);
                Ok(length + TAG_GCM + WORD)
            }
        }
    }

    /// `word` as `rtcp_word` read it, its E bit set.
    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Result<usize, Refused> {
        let index = u64::from(word & !ENCRYPTED);
        let tag = match self {
            Cipher::Cm(cm) => cm.tag,
            Cipher::Gcm(_) => TAG_GCM,
        };
        let end = packet.len().checked_sub(tag + WORD).filter(|end| *end >= RTCP_HEADER).ok_or(Refused::Malformed)?;
        match self {
            Cipher::Cm(cm) => {
                let (body, rest) = packet.split_at_mut(end);
                cm.check(body, word.to_be_bytes(), &rest[WORD..])?;
                cm.crypt(ssrc, index, &mut body[RTCP_HEADER..]);
            }
            Cipher::Gcm(gcm) => {
                let (aad, sealed) = rtcp_aad(&mut packet[..end + TAG_GCM], word.to_be_bytes())?;
                gcm.open(ssrc, index, &aad, sealed)?;
            }
        }
        Ok(end)
    }
}

/// RFC 7714 section 9.2: the header and the word are authenticated, the rest is encrypted.
fn rtcp_aad(packet: &mut [u8], word: [u8; WORD]) -> Result<([u8; RTCP_HEADER + WORD], &mut [u8]), Refused> {
    let (header, rest) = packet.split_at_mut_checked(RTCP_HEADER).ok_or(Refused::Malformed)?;
    let mut aad = [0; RTCP_HEADER + WORD];
    aad[..RTCP_HEADER].copy_from_slice(header);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    Ok((aad, rest))
}

/// The counter of rollovers, which is signed and not sent (RFC 3711 section 4.2).
fn rollovers(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

impl Cm {
    fn new(key: &[u8; 16], salt: [u8; 14], auth: &[u8; 20], tag: usize) -> Self {
        // RFC 2104 section 2: a key that is shorter than a block is filled up with zeros.
        let mut block = [0; 64];
        block[..20].copy_from_slice(auth);
        Self { aes: Aes128Enc::new(&Array::from(*key)), salt, mac: Hmac::new(&Array::from(block)), tag }
    }

    /// RFC 3711 section 4.1.1: salt, SSRC and index make the first counter block.
    fn crypt(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut counter = [0; BLOCK];
        counter[..14].copy_from_slice(&self.salt);
        counter[4..8].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
        counter[8..14].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(byte, with)| *byte ^= with);
        xor_keystream(&self.aes, counter, payload);
    }

    fn sign(&self, packet: &[u8], behind: [u8; 4]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(&behind);
        mac.finalize().into_bytes().into()
    }

    fn check(&self, packet: &[u8], behind: [u8; 4], tag: &[u8]) -> Result<(), Refused> {
        let signed = self.sign(packet, behind);
        let equal = tag.len() == self.tag && bool::from(signed[..self.tag].ct_eq(tag));
        if equal { Ok(()) } else { Err(Refused::Forged) }
    }
}

impl Gcm {
    fn new(key: &[u8; 16], salt: [u8; 12]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, key).unwrap_or_else(|_| unreachable!("a key of 16 bytes"));
        Self { key: LessSafeKey::new(key), salt }
    }

    /// RFC 7714 sections 8.1 and 9.1: two zeros, SSRC, and the index on six bytes.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
        nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(byte, with)| *byte ^= with);
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, ssrc: u32, index: u64, aad: &[u8], plain: &mut [u8]) -> Result<[u8; TAG_GCM], Refused> {
        let sealed = self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(aad), plain);
        let tag = sealed.map_err(|_| Refused::Malformed)?;
        tag.as_ref().try_into().map_err(|_| Refused::Malformed)
    }

    fn open(&self, ssrc: u32, index: u64, aad: &[u8], sealed: &mut [u8]) -> Result<(), Refused> {
        let opened = self.key.open_in_place(self.nonce(ssrc, index), Aad::from(aad), sealed);
        opened.map(|_| ()).map_err(|_| Refused::Forged)
    }
}

/// RFC 3711 section 4.3.3, without a derivation rate: a keystream of the master key that begins at salt and label.
fn derive(master: &Master, label: u8, out: &mut [u8]) {
    let mut counter = [0; BLOCK];
    counter[..14].copy_from_slice(master.salt());
    counter[7] ^= label;
    out.fill(0);
    xor_keystream(&Aes128Enc::new(&Array::from(*master.key())), counter, out);
}

/// AES in counter mode; the last two bytes of the block count (no packet has 65,536 blocks).
fn xor_keystream(aes: &Aes128Enc, counter: [u8; BLOCK], bytes: &mut [u8]) {
    let mut number = u16::from_be_bytes([counter[14], counter[15]]);
    for chunk in bytes.chunks_mut(BLOCK * BLOCKS) {
        let mut keystream: [aes::Block; BLOCKS] = [Array::from(counter); BLOCKS];
        for block in &mut keystream {
            block[14..].copy_from_slice(&number.to_be_bytes());
            number = number.wrapping_add(1);
        }
        aes.encrypt_blocks(&mut keystream[..chunk.len().div_ceil(BLOCK)]);
        for (part, block) in chunk.chunks_mut(BLOCK).zip(&keystream) {
            part.iter_mut().zip(block.iter()).for_each(|(byte, with)| *byte ^= with);
        }
    }
}

#[cfg(test)]
mod tests;
