//! `record:`: which calls' sound is recorded, where to, and how much of it; and which calls become fixtures.

use super::fixtures::{Fixtures, fixtures};
use super::{MAX_CALLS, optional};
use crate::time::Duration;
use crate::yaml::{Faults, Fields, Node};

/// As long as the longest call.
const LONGEST: Duration = Duration::from_secs(4 * 3600);
const SHORTEST: Duration = Duration::from_secs(60);
/// Each takes 50 kB of memory and writes 32 kB a second.
const AT_ONCE: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Of every call whose trunk and number say nothing else.
    pub audio: bool,
    /// Relative to the configuration; `None`: `recordings` beside the store.
    pub folder: Option<String>,
    /// A recording ends after this time.
    pub longest: Duration,
    /// Recordings at once.
    pub at_once: usize,
    /// `None`: no call is journalled, judged or kept.
    pub fixtures: Option<Fixtures>,
}

impl Default for Recording {
    fn default() -> Self {
        Self { audio: false, folder: None, longest: LONGEST, at_once: AT_ONCE, fixtures: None }
    }
}

pub fn recording(node: &Node, faults: &mut Faults) -> Option<Recording> {
    let mut fields = Fields::of(node, "`record`", faults)?;
    let usual = Recording::default();
    let audio = fields.take("audio").map_or(Some(usual.audio), |node| node.boolean(faults));
    let folder = fields.take("folder").map(|node| node.word("a folder", faults).map(|word| word.text));
    let longest = fields.take("longest").map_or(Some(usual.longest), |node| longest(node, faults));
    let at_once = fields.take("at_once");
    let at_once = at_once.map_or(Some(usual.at_once), |node| node.number("recordings at once", 1..=MAX_CALLS, faults));
    let fixtures = fields.take("fixtures").map(|node| fixtures(node, faults));
    fields.finish(faults);
    let (audio, folder, longest, at_once) = (audio?, optional(folder)?, longest?, at_once?);
    Some(Recording { audio, folder, longest, at_once, fixtures: optional(fixtures)? })
}

/// Of a trunk or a number: `{ audio: true }`.
pub fn audio(node: &Node, faults: &mut Faults) -> Option<bool> {
    let mut fields = Fields::of(node, "`record`", faults)?;
    let audio = fields.need("audio", faults).and_then(|node| node.boolean(faults));
    fields.finish(faults);
    audio
}

fn longest(node: &Node, faults: &mut Faults) -> Option<Duration> {
    let longest = node.duration(faults)?;
    if longest < SHORTEST || longest > LONGEST {
        faults.error("out-of-range", node.span, "a recording may be as long as 1m to 240m: no call is longer");
        return None;
    }
    Some(longest)
}
