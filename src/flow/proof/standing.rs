//! How the facts stand on a way through the flow: all that the proofs tell calls apart by, beside where they are.

use super::ground::Ground;

/// How one fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Unknown,
    /// Unknown so far, and something outside may know it: that shows when it is looked for.
    Fresh,
    Declined,
    /// A lookup had its word on it: filled, or as unknown as before.
    Answered,
    /// What was outside had its last word: known from there, or else declined.
    Settled,
    /// Filled, with which of its values where that matters.
    Filled(Option<u8>),
    /// It is not told apart.
    Any,
}

/// An octet a fact; behind them one for each lookup, one for each bounded `forget:`, and one for the whole call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standing(Box<[u8]>);

/// The caller was asked for the fact before, and it was forgotten since without a word that this is on purpose.
const ASKED: u8 = 0x40;
const FILLED: u8 = 6;
/// Of the octet of the whole call.
const ESCAPED: u8 = 1;
const GONE: u8 = 2;

impl Standing {
    /// Of a call that begins.
    pub fn new(ground: &Ground) -> Self {
        let mut standing = Self(vec![0; ground.slots()].into_boxed_slice());
        for fact in 0..ground.flow.facts.len() {
            let status = match (ground.tracked(fact), ground.may_be_known(fact)) {
                (false, _) => Status::Any,
                (true, true) => Status::Fresh,
                (true, false) => Status::Unknown,
            };
            standing.set(fact, status);
        }
        standing
    }

    pub fn status(&self, fact: usize) -> Status {
        match self.0[fact] & !ASKED {
            0 => Status::Unknown,
            1 => Status::Fresh,
            2 => Status::Declined,
            3 => Status::Settled,
            4 => Status::Any,
            5 => Status::Answered,
            FILLED => Status::Filled(None),
            value => Status::Filled(Some(value - FILLED - 1)),
        }
    }

    pub fn set(&mut self, fact: usize, status: Status) {
        let code = match status {
            Status::Unknown => 0,
            Status::Fresh => 1,
            Status::Declined => 2,
            Status::Settled => 3,
            Status::Any => 4,
            Status::Answered => 5,
            Status::Filled(None) => FILLED,
            Status::Filled(Some(value)) => FILLED + 1 + value,
        };
        self.0[fact] = (self.0[fact] & ASKED) | code;
    }

    /// The same with one fact as it is now; of a fact that is not told apart nothing changes.
    pub fn with(&self, fact: usize, status: Status) -> Self {
        let mut then = self.clone();
        if then.status(fact) != Status::Any {
            then.set(fact, status);
        }
        then
    }

    pub fn was_asked(&self, fact: usize) -> bool {
        self.0[fact] & ASKED != 0
    }

    /// Once more, on purpose, or not.
    pub fn mark_asked(&mut self, fact: usize, asked: bool) {
        self.0[fact] = if asked { self.0[fact] | ASKED } else { self.0[fact] & !ASKED };
    }

    /// Every fact that is unknown is declined, but for what is known outside.
    pub fn decline_unknown(&mut self, facts: usize) {
        for fact in 0..facts {
            match self.status(fact) {
                Status::Unknown => self.set(fact, Status::Declined),
                Status::Fresh | Status::Answered => self.set(fact, Status::Settled),
                Status::Declined | Status::Settled | Status::Filled(_) | Status::Any => {}
            }
        }
    }

    pub fn slot(&self, slot: usize) -> u8 {
        self.0[slot]
    }

    pub fn set_slot(&mut self, slot: usize, value: u8) {
        self.0[slot] = value;
    }

    pub fn has_escaped(&self) -> bool {
        self.whole() & ESCAPED != 0
    }

    pub fn escape(&mut self) {
        self.set_whole(ESCAPED);
    }

    pub fn is_gone(&self) -> bool {
        self.whole() & GONE != 0
    }

    pub fn go(&mut self) {
        self.set_whole(GONE);
    }

    fn whole(&self) -> u8 {
        self.0.last().copied().unwrap_or(0)
    }

    fn set_whole(&mut self, bit: u8) {
        if let Some(whole) = self.0.last_mut() {
            *whole |= bit;
        }
    }

    /// Forgets what no step from here on looks at: calls that differ in nothing else are one.
    pub fn forget_but(&mut self, live: &[u64]) {
        let whole = self.0.len() - 1;
        for (slot, value) in self.0[..whole].iter_mut().enumerate() {
            if live[slot / 64] & (1 << (slot % 64)) == 0 {
                *value = 0;
            }
        }
    }
}
