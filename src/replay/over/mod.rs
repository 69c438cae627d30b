//! Recorded calls again as true callers, with SIP and RTP, against any system that plays the same prompts; we stand in as the
//! person whom it calls. What can be seen from outside is judged.
//!
//! ```text
//! fixture -> plan (what is ours to do, what is to be seen, each after its cause) -> call (who is due, what came) -> outcome
//!                                                                                   ^ drive: two sets of phones
//! ```

mod call;
mod drive;
mod handoff;
mod plan;

pub use drive::Line;

use crate::audio::Arena;
use crate::flow::Prompts;
use crate::flow::prompts::Part;
use crate::peer::ear::Ear;
use crate::record::compare::Layers;
use crate::record::fixture::{Fixture, Step};
use crate::record::seam::{In, KeyCarrier, Leg};
use crate::rerun::Outcome;
use crate::sip::Hop;
use crate::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where calls go, and how they are judged.
#[derive(Clone, Debug)]
pub struct Options {
    pub to: Hop,
    /// Whom every call asks for; `None`: the number that was called then.
    pub user: Option<String>,
    /// What carries the caller's keys; `None`: what carried them then.
    pub keys: Option<KeyCarrier>,
    pub layers: Layers,
    /// What has not come so long after its window is missing.
    pub patience: Duration,
    pub at_once: usize,
}

/// What came of one recording.
pub struct Over {
    pub outcome: Outcome,
    /// What of it nobody outside can see or bring about.
    pub unjudged: BTreeSet<String>,
    pub took: Duration,
}

/// What a flow's prompts are known by.
pub struct Sounds {
    arena: Arc<Arena>,
    ear: Arc<Ear>,
    /// The clips that can be told from all others.
    knows: BTreeSet<String>,
    /// The clips of its prompts; all others are words that values are read with, and would tell the value.
    prompts: BTreeSet<String>,
}

impl Sounds {
    /// `others`: the same clips in another form, such as at the level of their files.
    pub fn of(prompts: &Prompts, arena: Arc<Arena>, others: &[Arena]) -> Sounds {
        let mut ear = Ear::new(&arena);
        others.iter().for_each(|other| ear.learn(other));
        let knows = ear.knows().into_iter().map(str::to_owned).collect();
        let parts = prompts.books().flat_map(|book| book.prompts()).flat_map(|(_, prompt)| &prompt.parts);
        let clips = parts.filter_map(|part| match part {
            Part::Clip { name, .. } => Some(name.clone()),
            _ => None,
        });
        Sounds { arena, ear: Arc::new(ear), knows, prompts: clips.collect() }
    }

    fn is_prompt(&self, clip: &str) -> bool {
        self.prompts.contains(clip)
    }
}

/// The best of what brought a side's keys: phones send a key by several, and what is lesser repeats it.
fn carrier_of(fixture: &Fixture, side: Leg) -> Option<KeyCarrier> {
    let carriers = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(In::Key { leg, by, .. }) if *leg == side => Some(*by),
        _ => None,
    });
    carriers.min_by_key(|by| *by as u8)
}
