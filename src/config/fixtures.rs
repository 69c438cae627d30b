//! `record: { fixtures: }`: which calls are kept for those who look after the flows, without their callers.

use super::optional;
use crate::yaml::{Faults, Fields, Node, Word};
use sha2::{Digest as _, Sha256};

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
    /// Whether what the caller said is beside a fixture, as a WAV and as packets.
    pub audio: bool,
    pub packets: bool,
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
        Fixtures { folder: None, journal: JOURNAL, audio: false, packets: false, keeping }
    }
}

impl Fixtures {
    /// Whether callers' packets are needed at all.
    pub fn sounds(&self) -> bool {
        self.audio || self.packets
    }
}

impl Keeping {
    /// Whether a call of that name, of that flow and to that number may be one that is kept, for all that is known while it
    /// lasts. One that breaks a promise is kept though this says no.
    pub fn may_keep(&self, call: &str, flow: &str, number: Option<&str>) -> bool {
        let among = |words: &[Word], wanted: Option<&str>| {
            words.is_empty() || words.iter().any(|word| Some(word.text.as_str()) == wanted)
        };
        let drawn = match self.keep {
            Keep::All | Keep::EndedBadly => true,
            Keep::OneIn(many) => is_drawn(call, many),
            Keep::None => false,
        };
        drawn && among(&self.flows, Some(flow)) && among(&self.numbers, number)
    }
}

/// One in so many calls; always the same ones, whoever asks.
fn is_drawn(call: &str, many: u32) -> bool {
    let digest = Sha256::digest(call);
    let (first, _) = digest.split_at(8);
    let drawn = first.iter().fold(0_u64, |drawn, octet| drawn << 8 | u64::from(*octet));
    drawn.is_multiple_of(u64::from(many))
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
    let [audio, packets] =
        ["audio", "packets"].map(|name| fields.take(name).map_or(Some(false), |node| node.boolean(faults)));
    fields.finish(faults);
    let keeping = Keeping { keep: keep?, numbers: numbers?, flows: flows? };
    let (audio, packets) = (audio?, packets?);
    Some(Fixtures { folder: optional(folder)?, journal: journal?, audio, packets, keeping })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_in_so_many_is_drawn_and_the_same_ones_again() {
        let drawn = |many| (0..10_000).filter(|n| is_drawn(&format!("call-{n}"), many)).collect::<Vec<_>>();
        for (many, least, most) in [(2, 4_800, 5_200), (20, 440, 560), (1_000, 3, 20)] {
            let first = drawn(many);
            assert!((least..=most).contains(&first.len()), "1/{many}: {}", first.len());
            assert_eq!(first, drawn(many));
        }
        // As another program computes it: the first eight octets of SHA-256, as a number.
        let hundred: Vec<u32> = (0..100).filter(|n| is_drawn(&format!("call-{n}"), 20)).collect();
        assert_eq!(hundred, [7, 20, 34, 51, 73, 74, 92]);
    }
}
