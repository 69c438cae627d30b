//! `record: { fixtures: }`: which calls are kept for those who look after the flows, without their callers.

use super::optional;
use crate::yaml::{Faults, Fields, Node, Word};

const MAX_NUMBERS: usize = 1_000;
const MAX_FLOWS: usize = 100;
/// Calls that the journal holds: at 50 kB each, as much as a small disk has to spare.
const MAX_JOURNAL: usize = 10_000;
const JOURNAL: usize = 1_000;
/// One in a million is none of most services' calls.
const RAREST: u32 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixtures {
    /// Relative to the configuration; `None`: `inbox` beside the store.
    pub folder: Option<String>,
    /// How many of the last calls stay in the journal, whichever are kept.
    pub journal: usize,
    pub keeping: Keeping,
}

/// Which calls are kept. One that broke a promise is kept whatever is said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    pub keep: Keep,
    /// Of calls to these numbers alone; none: of all.
    pub numbers: Vec<Word>,
    /// Of calls that these flows answered alone; none: of all.
    pub flows: Vec<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    All,
    /// The caller left or the call failed; it broke, or was too long for its journal; the caller was asked again.
    EndedBadly,
    /// One in so many, by the call's name.
    OneIn(u32),
    None,
}

impl Default for Fixtures {
    fn default() -> Fixtures {
        let keeping = Keeping { keep: Keep::EndedBadly, numbers: Vec::new(), flows: Vec::new() };
        Fixtures { folder: None, journal: JOURNAL, keeping }
    }
}

pub fn fixtures(node: &Node, faults: &mut Faults) -> Option<Fixtures> {
    let mut fields = Fields::of(node, "`fixtures`", faults)?;
    let usual = Fixtures::default();
    let folder = fields.take("folder").map(|node| node.word("a folder", faults).map(|word| word.text));
    let keep = fields.take("keep").map_or(Some(usual.keeping.keep), |node| keep(node, faults));
    let words = |node: Option<&Node>, what, most, faults: &mut Faults| {
        node.map_or(Some(Vec::new()), |node| node.words(what, most, faults))
    };
    let numbers = words(fields.take("numbers"), "called numbers", MAX_NUMBERS, faults);
    let flows = words(fields.take("flows"), "names of flows", MAX_FLOWS, faults);
    let journal = fields.take("journal");
    let journal =
        journal.map_or(Some(usual.journal), |node| node.number("calls in the journal", 0..=MAX_JOURNAL, faults));
    fields.later(&["audio", "packets"], faults);
    fields.finish(faults);
    let keeping = Keeping { keep: keep?, numbers: numbers?, flows: flows? };
    Some(Fixtures { folder: optional(folder)?, journal: journal?, keeping })
}

fn keep(node: &Node, faults: &mut Faults) -> Option<Keep> {
    let word = node.word("all, ended-badly, 1/20 or none", faults)?;
    if let Some(many) = word.text.strip_prefix("1/") {
        let many = many.parse().ok().filter(|many| (2..=RAREST).contains(many));
        if many.is_none() {
            faults.error("out-of-range", word.span, "one in 2 to 1000000 can be kept: `keep: 1/20`");
        }
        return Some(Keep::OneIn(many?));
    }
    match &*word.text {
        "all" => Some(Keep::All),
        "ended-badly" => Some(Keep::EndedBadly),
        "none" => Some(Keep::None),
        _ => {
            faults.unknown("policy", &word, ["all", "ended-badly", "1/20", "none"]);
            None
        }
    }
}
