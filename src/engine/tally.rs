//! What is counted by name: of steps, facts, lookups and people. The names are those of loaded flows and of the
//! configuration, never a caller's; so there are few, and `SERIES` bounds what many reloads can make of them.

use super::{CallNumber, Engine};
use crate::call::cdr::Cdr;
use crate::context::Outcome;
use crate::record::seam::Out;
use crate::time::{Duration, Instant};
use serde_json::Value;
use std::collections::BTreeMap;

/// Of one kind; what would be one more is counted in `beyond`.
const SERIES: usize = 10_000;
/// Of one call at once; a flow waits for one before it begins the next.
const LOOKUPS: usize = 8;
/// Between the values of a key: no name holds it.
const BETWEEN: char = '\u{1f}';

#[derive(Clone, Debug)]
pub struct Tally {
    /// From the INVITE to our first answer to it: 183 or 200.
    pub setup: Histogram,
    /// How long callers waited for a person, or until it was given up.
    pub waited: Histogram,
    /// From the question to its end.
    pub looked_up: Histogram,
    pub steps: Series,
    /// Calls that are over.
    pub ended: Series,
    /// In which block they were.
    pub exits: Series,
    pub asked: Series,
    pub facts: Series,
    pub lookups: Series,
    pub handoffs: Series,
    pub refused: Series,
    pub asked_again: Series,
    /// Counts that found no room.
    pub beyond: u64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            setup: Histogram::default(),
            waited: Histogram::default(),
            looked_up: Histogram::default(),
            steps: Series::by(&["flow", "verb"]),
            ended: Series::by(&["flow", "disposition", "by"]),
            exits: Series::by(&["flow", "block"]),
            asked: Series::by(&["flow", "fact"]),
            facts: Series::by(&["flow", "fact", "state", "source"]),
            lookups: Series::by(&["lookup", "result"]),
            handoffs: Series::by(&["destination", "carrier", "result"]),
            refused: Series::by(&["status"]),
            asked_again: Series::by(&["flow", "fact", "destination"]),
            beyond: 0,
        }
    }
}

impl Tally {
    pub fn step(&mut self, flow: &str, verb: &str) {
        self.beyond += u64::from(!self.steps.count(&[flow, verb]));
    }

    pub fn looked_up(&mut self, name: &str, result: &str, took: Duration) {
        self.looked_up.note(took);
        self.beyond += u64::from(!self.lookups.count(&[name, result]));
    }

    /// A call is over.
    pub fn over(&mut self, cdr: &Cdr) {
        let flow = cdr.flow.as_str();
        let mut kept = vec![self.ended.count(&[flow, &word(&cdr.disposition), &word(&cdr.by)])];
        kept.extend(cdr.blocks.last().map(|block| self.exits.count(&[flow, block])));
        for fact in &cdr.facts {
            let source = fact.from.as_deref().unwrap_or("");
            kept.push(self.facts.count(&[flow, &fact.name, fact.state, source]));
            if fact.tries > 0 {
                kept.push(self.asked.count(&[flow, &fact.name]));
            }
        }
        for hop in &cdr.hops {
            self.waited.note(Duration::from_millis(hop.waited_ms));
            let result = word(&hop.received);
            kept.extend(hop.carriers.iter().map(|carrier| self.handoffs.count(&[&hop.to, carrier, &result])));
        }
        let asked_again = cdr.asked_again.iter();
        kept.extend(asked_again.map(|again| self.asked_again.count(&[flow, &again.fact, &again.to])));
        kept.extend(cdr.refusals.iter().map(|refused| self.refused.count(&[&refused.status.to_string()])));
        self.beyond += kept.into_iter().filter(|kept| !kept).count() as u64;
    }
}

impl Engine {
    /// What a call does is counted, and what it asks is timed.
    pub(super) fn count_output(&mut self, now: Instant, number: CallNumber, out: &Out) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        match out {
            Out::Answer { .. } | Out::Early { .. } => {
                if let Some(invited) = slot.invited.take() {
                    self.tally.setup.note(now.since(invited));
                }
            }
            Out::Step { verb, .. } => self.tally.step(&slot.service.program.flow.name.text, verb),
            Out::Lookup { lookup, name, .. } if slot.lookups.len() < LOOKUPS => {
                slot.lookups.push((*lookup, name.clone(), now));
            }
            _ => {}
        }
    }

    /// A lookup has ended.
    pub(super) fn count_lookup(&mut self, now: Instant, number: CallNumber, lookup: u32, outcome: Outcome) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let Some(at) = slot.lookups.iter().position(|(known, ..)| *known == lookup) else { return };
        let (_, name, began) = slot.lookups.swap_remove(at);
        self.tally.looked_up(&name, &word(&outcome), now.since(began));
    }
}

/// A value of a closed list, as it is written in recordings and records.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Counts by the values of some labels.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: &'static [&'static str],
    counts: BTreeMap<String, u64>,
    /// Of the count before: most keys are known, and then nothing is allocated.
    key: String,
}

impl Series {
    fn by(labels: &'static [&'static str]) -> Series {
        Series { labels, counts: BTreeMap::new(), key: String::new() }
    }

    /// False: there are too many already.
    fn count(&mut self, values: &[&str]) -> bool {
        self.key.clear();
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.key.push(BETWEEN);
            }
            self.key.push_str(value);
        }
        if let Some(count) = self.counts.get_mut(&self.key) {
            *count += 1;
            return true;
        }
        let room = self.counts.len() < SERIES;
        if room {
            self.counts.insert(self.key.clone(), 1);
        }
        room
    }

    /// The values of the labels, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (impl Iterator<Item = &str>, u64)> {
        self.counts.iter().map(|(key, count)| (key.split(BETWEEN), *count))
    }
}

/// Upper bounds in milliseconds; what is longer is counted as well.
pub const BOUNDS: [u64; 16] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// By the bound that it is at or below; the last is without one.
    pub buckets: [u64; BOUNDS.len() + 1],
    pub sum: Duration,
}

impl Histogram {
    pub fn note(&mut self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| Duration::from_millis(*bound) < took);
        self.buckets[bucket] += 1;
        self.sum = self.sum.saturating_add(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_up_to_a_bound_and_beyond_it_all_the_same() {
        let mut tally = Tally::default();
        for verb in 0..SERIES {
            tally.step("desk", &verb.to_string());
        }
        tally.step("desk", "7");
        tally.step("desk", "another");
        assert_eq!((tally.steps.iter().count(), tally.beyond), (SERIES, 1));
        let (labels, count) = tally.steps.iter().find(|(_, count)| *count == 2).expect("the one that came twice");
        assert_eq!((labels.collect::<Vec<_>>(), count), (vec!["desk", "7"], 2));
    }

    #[test]
    fn a_time_is_in_the_bucket_of_its_bound() {
        let mut times = Histogram::default();
        for (millis, bucket) in [(0, 0), (5, 0), (6, 1), (600_000, 15), (600_001, 16)] {
            let before = times.buckets[bucket];
            times.note(Duration::from_millis(millis));
            assert_eq!(times.buckets[bucket], before + 1, "{millis}");
        }
        assert_eq!(times.sum, Duration::from_millis(1_200_012));
    }
}
