//! The key under which values become pseudonyms, and what is drawn from it.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Octets of a key, as its file has them.
pub const OCTETS: usize = 32;

/// The same value has the same pseudonym in all calls that are redacted under one key. Whoever has the key can find out
/// whose value a pseudonym is, by trying all of them: it stays where the callers' values are.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    pub fn new(octets: &[u8; OCTETS]) -> Key {
        // HMAC takes a key of any length.
        Key(Hmac::new_from_slice(octets).unwrap_or_else(|_| unreachable!("a key of {OCTETS} octets")))
    }

    /// Says in a recording under which key it was redacted; of the key itself it tells nothing.
    pub fn id(&self) -> String {
        let named = self.0.clone().chain_update(b"id").finalize().into_bytes();
        HEXLOWER.encode(&named[..4])
    }

    /// Octets that nobody without the key can tell from random ones; always the same of the same text and number.
    pub(super) fn stream(&self, scope: &str, text: &str, number: u32) -> Stream {
        // A length ahead of each part: no two lists of parts are one text.
        let length = |part: &str| (part.len() as u64).to_be_bytes();
        let begun = self.0.clone().chain_update(b"pseudonym").chain_update(length(scope)).chain_update(scope);
        let begun = begun.chain_update(length(text)).chain_update(text).chain_update(number.to_be_bytes());
        Stream { begun, blocks: 0, block: [0; 32], at: 32 }
    }
}

/// Says which one, and not what it is.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

pub(super) struct Stream {
    begun: Hmac<Sha256>,
    blocks: u32,
    block: [u8; 32],
    at: usize,
}

impl Stream {
    fn octet(&mut self) -> u8 {
        if self.at == self.block.len() {
            self.block = self.begun.clone().chain_update(self.blocks.to_be_bytes()).finalize().into_bytes().into();
            (self.blocks, self.at) = (self.blocks + 1, 0);
        }
        self.at += 1;
        self.block[self.at - 1]
    }

    /// Evenly of `0..bound`; `bound` is at most 65,536.
    pub fn below(&mut self, bound: u32) -> u32 {
        // What is left over of the last round would favour small numbers.
        let whole = 65_536 / bound * bound;
        loop {
            let drawn = u32::from(self.octet()) << 8 | u32::from(self.octet());
            if drawn < whole {
                return drawn % bound;
            }
        }
    }
}
