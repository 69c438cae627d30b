//! What the prompts of a flow sound like now: how long each is, and whether it is still the sound that was recorded.

use crate::audio::{Arena, Utterance};
use crate::codec::Codec;
use crate::record::fixture::{Clip, Line, Step};
use crate::record::seam::Out;
use crate::time::Duration;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A prompt that nobody has spoken yet is heard for so long.
const UNSPOKEN: Duration = Duration::from_secs(2);
/// Hex digits of a clip's digest.
const DIGITS: usize = 8;

/// Of a flow's clips. Cheap to share, not to make: every clip is looked at.
pub struct Sounds {
    arena: Arc<Arena>,
    clips: BTreeMap<String, Clip>,
}

impl Sounds {
    pub fn of(arena: Arc<Arena>) -> Sounds {
        let clips = arena.names().filter_map(|name| Some((name.to_owned(), clip(&arena, name)?))).collect();
        Sounds { arena, clips }
    }

    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// The clip of that name as it is now.
    pub fn clip(&self, name: &str) -> Option<&Clip> {
        self.clips.get(name)
    }

    /// How long that is heard.
    pub fn length(&self, say: &[Utterance]) -> Duration {
        match self.arena.spans(say) {
            Ok(spans) => spans.iter().map(|span| span.time()).sum(),
            Err(_) => UNSPOKEN,
        }
    }

    /// The clips that were heard in a call: what the header of its recording says of them.
    pub fn heard(&self, lines: &[Line]) -> BTreeMap<String, Clip> {
        names(lines).filter_map(|name| Some((name.to_owned(), self.clips.get(name)?.clone()))).collect()
    }
}

/// The same, where only one call is looked at.
pub fn heard(arena: &Arena, lines: &[Line]) -> BTreeMap<String, Clip> {
    let names: BTreeSet<&str> = names(lines).collect();
    names.into_iter().filter_map(|name| Some((name.to_owned(), clip(arena, name)?))).collect()
}

/// The clips that were played. Words that values are read with are left out, for their names would tell the value.
fn names(lines: &[Line]) -> impl Iterator<Item = &str> {
    let plays = lines.iter().filter_map(|line| match &line.step {
        Step::Out(Out::Play { say, .. }) => Some(say),
        _ => None,
    });
    plays.flatten().filter_map(|utterance| match utterance {
        Utterance::Clip(name) => Some(name.as_str()),
        Utterance::Value { .. } => None,
    })
}

/// Its frames as G.711 has them. What is not there as mu-law is not told apart.
fn clip(arena: &Arena, name: &str) -> Option<Clip> {
    let span = arena.span(name)?;
    let mut digest = Sha256::new();
    for frame in span.start..span.start + span.frames {
        digest.update(arena.frame(Codec::Pcmu, frame)?);
    }
    let digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Some(Clip { ms: span.time().as_millis() as u64, digest: digest[..DIGITS].to_owned() })
}
