//! Who is heard at all: token buckets for each source, before a message is parsed, so that no source takes the
//! time or the memory of the others.
//!
//! Each source has two buckets. One is for messages that open something: beyond it, those of a trunk are read and
//! turned away with 503, and a stranger's are dropped unread. The other is for all messages: what is beyond it is
//! dropped. Openers to be turned away use its upper half only, so that they take nothing from calls under way.
//!
//! A bucket is one moment: when it will be full. A full one is as good as one never used, so that its place can be
//! given to another source, and the tables are neither swept nor do they grow.

use crate::random::Random;
use crate::sip::hop::source_key;
use crate::time::Instant;
use std::collections::HashSet;
use std::net::IpAddr;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    Read,
    /// Read, but if it opens a call: 503.
    TurnAway,
    /// Not even parsed.
    Drop,
}

/// What was dropped unread, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Openers of strangers beyond their rate.
    pub strangers: u64,
    /// Beyond a source's rate for all messages.
    pub floods: u64,
    /// From sources for which there was no bucket.
    pub crowds: u64,
}

impl Counters {
    pub fn dropped(&self) -> u64 {
        self.strangers + self.floods + self.crowds
    }
}

pub struct Gate {
    trunks: Sources,
    strangers: Sources,
    /// Addresses that we called: what they send is awaited.
    called: HashSet<u64>,
    counters: Counters,
}

/// A second's tokens are refilled in a second; so many seconds' tokens fit into a bucket.
const DEPTH: u64 = 2 * SECOND;
/// In nanoseconds, as all times here.
const SECOND: u64 = 1_000_000_000;
/// All messages for one that opens something: a call is some ten, with its keys as INFO twenty.
const MESSAGES: u64 = 20;
/// A source that no trunk has gets this part.
const STRANGER: u64 = 8;
/// A message costs a token for each 4 kB that it begins: what it costs us to read and to remember grows with it.
const TOKEN: usize = 4_096;
/// Addresses we called that are remembered. One more, and all are forgotten: each next call brings its own back.
const CALLED: usize = 4_096;

impl Gate {
    /// `per_source`: messages a second from one source that open something; `None`: as many as come.
    pub fn new(per_source: Option<u32>, random: &mut Random) -> Gate {
        let (trunks, strangers) = (Sources::new(random), Sources::new(random));
        let mut gate = Gate { trunks, strangers, called: HashSet::new(), counters: Counters::default() };
        gate.limit(per_source);
        gate
    }

    /// Other rates than so far.
    pub fn limit(&mut self, per_source: Option<u32>) {
        let gap = per_source.map_or(0, |rate| SECOND / u64::from(rate.max(1)));
        (self.trunks.gap, self.strangers.gap) = (gap, gap * STRANGER);
    }

    /// Takes the tokens of a message; `trunk` says whether a trunk has its source.
    pub fn admit(&mut self, now: Instant, source: IpAddr, bytes: &[u8], trunk: bool) -> Passage {
        let key = source_key(source);
        let known = trunk || self.called.contains(&key);
        let sources = if known { &mut self.trunks } else { &mut self.strangers };
        let gap = sources.gap;
        let now = nanoseconds(now);
        let Some(source) = sources.of(now, key) else {
            self.counters.crowds += 1;
            return Passage::Drop;
        };
        let tokens = bytes.len().div_ceil(TOKEN).max(1) as u64;
        let beyond = opens(bytes) && !source.openers.take(now, gap * tokens, DEPTH);
        if beyond && !known {
            self.counters.strangers += 1;
            return Passage::Drop;
        }
        let depth = if beyond { DEPTH / 2 } else { DEPTH };
        if !source.messages.take(now, gap * tokens / MESSAGES, depth) {
            self.counters.floods += 1;
            return Passage::Drop;
        }
        if beyond { Passage::TurnAway } else { Passage::Read }
    }

    /// We call this address: it is a stranger no more.
    pub fn call(&mut self, address: IpAddr) {
        if self.called.len() >= CALLED {
            self.called.clear();
        }
        self.called.insert(source_key(address));
    }

    pub fn has_called(&self, address: IpAddr) -> bool {
        self.called.contains(&source_key(address))
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Sources whose buckets are not full. It looks at all places: not for every message.
    pub fn sources(&self, now: Instant) -> usize {
        let now = nanoseconds(now);
        let places = self.trunks.places.iter().chain(&self.strangers.places);
        places.filter(|source| !source.rested(now)).count()
    }
}

fn nanoseconds(now: Instant) -> u64 {
    now.as_micros().saturating_mul(1_000)
}

/// Requests that come within calls; what else looks like a request opens something, or wants to.
const WITHIN_CALLS: [&[u8]; 7] = [b"ACK", b"BYE", b"CANCEL", b"INFO", b"PRACK", b"UPDATE", b"NOTIFY"];
/// No longer word is a method.
const METHOD: usize = 32;

/// Whether a message may begin a call, or have any other answer than one within a call. Looks at its first word only.
fn opens(bytes: &[u8]) -> bool {
    // Empty lines ahead of the start line are allowed (RFC 3261 section 7.5); many of them are a disguise.
    let Some(start) = bytes.iter().take(METHOD).position(|b| !matches!(b, b'\r' | b'\n')) else {
        return bytes.len() > METHOD;
    };
    let word = bytes[start..].iter().take(METHOD).position(|b| *b == b' ');
    let Some(word) = word.map(|length| &bytes[start..start + length]) else { return false };
    word.first().is_some_and(u8::is_ascii_alphabetic) && word != b"SIP/2.0" && !WITHIN_CALLS.contains(&word)
}

/// A source's place in a table.
#[derive(Clone, Copy, Default)]
struct Source {
    key: u64,
    openers: Bucket,
    messages: Bucket,
}

impl Source {
    /// Nothing is left to remember of it.
    fn rested(&self, now: u64) -> bool {
        self.openers.0 <= now && self.messages.0 <= now
    }
}

/// When it is full.
#[derive(Clone, Copy, Default)]
struct Bucket(u64);

impl Bucket {
    /// Takes what is refilled in `price`, if there is anything in a bucket that is filled in `depth`: a message that
    /// costs more than is there leaves a debt.
    fn take(&mut self, now: u64, price: u64, depth: u64) -> bool {
        let enough = self.0.saturating_sub(now) < depth;
        if enough {
            self.0 = self.0.max(now).saturating_add(price);
        }
        enough
    }
}

/// A table has so many sets, and each set so many places: 32,768 sources in 786 kB. Which set a source is in depends
/// on the seed, so that nobody can choose sources that crowd one set.
const SETS: usize = 4_096;
const WAYS: usize = 8;

struct Sources {
    /// Between two openers.
    gap: u64,
    salt: [u64; 2],
    /// Set by set.
    places: Box<[Source]>,
}

impl Sources {
    fn new(random: &mut Random) -> Sources {
        let salt = [random.u64(), random.u64() | 1];
        Sources { gap: 0, salt, places: vec![Source::default(); SETS * WAYS].into() }
    }

    /// The buckets of a source: its own, or those of one that has rested.
    fn of(&mut self, now: u64, key: u64) -> Option<&mut Source> {
        let product = u128::from(key ^ self.salt[0]) * u128::from(self.salt[1]);
        let hash = (product >> 64) as u64 ^ product as u64;
        let first = (hash as usize % SETS) * WAYS;
        let set = &mut self.places[first..first + WAYS];
        let own = set.iter().position(|source| source.key == key);
        let place = own.or_else(|| set.iter().position(|source| source.rested(now)))?;
        let source = &mut set[place];
        if source.key != key {
            *source = Source { key, ..Source::default() };
        }
        Some(source)
    }
}

#[cfg(test)]
mod tests;
