//! Whether the agent's side asks again for what we have handed to it: while the two talk, keys that the caller sends are
//! held against the facts. No key is kept: of an entry there is a digest of what came so far, under a salt of the call.

use super::Call;
use super::cdr::AskedAgain;
use super::handoff::Handoff;
use crate::context::Fact;
use crate::key::Key;
use crate::time::{Duration, Instant};
use sha2::{Digest as _, Sha256};

/// A key after so long begins another entry.
const PAUSE: Duration = Duration::from_secs(5);
/// A shorter value is met by chance too often, and a choice of one key always.
const SHORTEST: usize = 4;
/// Facts that are told of; each once a hop.
const TOLD: usize = 32;

type Digest = [u8; 32];

/// What the caller has keyed in since the two talk.
#[derive(Default)]
pub(super) struct Entry {
    digest: Option<Digest>,
    last: Option<Instant>,
    pub told: Vec<AskedAgain>,
}

fn next(before: Digest, key: char) -> Digest {
    Sha256::new().chain_update(before).chain_update([key as u8]).finalize().into()
}

impl Call {
    /// A key of the caller's while the two talk.
    pub(super) fn keyed_again(&mut self, now: Instant, key: Key) {
        if !self.handoff.as_ref().is_some_and(Handoff::bridged) {
            return;
        }
        let salt: Digest = Sha256::digest(self.birth.seed.to_be_bytes()).into();
        let late = self.again.last.is_none_or(|last| now.since(last) > PAUSE);
        self.again.last = Some(now);
        if matches!(key, Key::STAR | Key::POUND) {
            self.again.digest = None;
            return;
        }
        let begun = self.again.digest.filter(|_| !late).unwrap_or(salt);
        let entered = next(begun, key.to_char());
        self.again.digest = Some(entered);
        let held = |fact: &Fact| {
            let value = fact.value().map(|value| value.open()).filter(|value| value.len() >= SHORTEST)?;
            let digest = value.chars().fold(salt, next);
            (digest == entered).then(|| fact.name.clone())
        };
        let again: Vec<String> = self.context.facts.iter().filter_map(held).collect();
        let Some(to) = self.context.hops.last().map(|hop| hop.to.clone()) else { return };
        for fact in again {
            let asked = AskedAgain { to: to.clone(), fact };
            if self.again.told.len() < TOLD && !self.again.told.contains(&asked) {
                self.again.told.push(asked);
            }
        }
    }
}
