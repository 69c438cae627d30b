//! What lookups find, from a file: by the lookup's name how it ends, or the values of one that went well; of several
//! answers, one after the other, and the last one from then on.
//!
//! ```yaml
//! crm: { tier: gold, language: en }
//! check_pin: [refused, { verified: true }]
//! outages: slow
//! ```

use crate::cli::{Failed, fail};
use crate::context::Outcome;
use crate::flow::script::{Cue, outcome};
use crate::server::files::{Disk, Findings};
use crate::yaml::{Faults, Node, Value, read};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// Lookups of the file, answers of each, and values of one answer.
const MOST: usize = 1_000;

#[derive(Clone, Default)]
pub struct Answers(BTreeMap<String, VecDeque<Cue>>);

impl Answers {
    pub fn read(path: &Path) -> Result<Answers, Failed> {
        let mut findings = Findings::default();
        let answers = findings.read(&Disk, path).and_then(|source| {
            let mut faults = Faults::new(&source.path);
            let node = read(&source, &mut faults);
            let answers = node.and_then(|node| answers(&node, &mut faults));
            findings.diagnostics.extend(faults.into_list());
            answers
        });
        crate::cli::show(&findings);
        let sound = findings.errors() == 0;
        answers.filter(|_| sound).ok_or_else(|| fail("the answers of the lookups cannot be read"))
    }

    /// How the lookup of that name ends this time.
    pub fn next(&mut self, lookup: &str) -> Option<Cue> {
        let answers = self.0.get_mut(lookup)?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }
}

fn answers(node: &Node, faults: &mut Faults) -> Option<Answers> {
    let entries = node.map("lookups as `crm: { tier: gold }`", MOST, faults)?;
    let mut answers = BTreeMap::new();
    for (name, node) in entries {
        let several = match &node.value {
            Value::List(items) => items.iter().map(|item| answer(item, faults)).collect::<Option<_>>()?,
            _ => VecDeque::from([answer(node, faults)?]),
        };
        answers.insert(name.text.clone(), several);
    }
    Some(Answers(answers))
}

fn answer(node: &Node, faults: &mut Faults) -> Option<Cue> {
    if let Value::Map(_) = node.value {
        let entries = node.map("values by their names", MOST, faults)?;
        let value = |(name, node): &(crate::yaml::Word, Node), faults: &mut Faults| {
            Some((name.text.clone(), node.word("a value", faults)?.text))
        };
        let values = entries.iter().map(|entry| value(entry, faults)).collect::<Option<_>>()?;
        return Some(Cue::Lookup { outcome: Outcome::Ok, values });
    }
    let word = node.word("how the lookup ends, or its values", faults)?;
    match outcome(&word.text) {
        Ok(outcome) => Some(Cue::Lookup { outcome, values: Vec::new() }),
        Err(misread) => {
            faults.error("unknown-word", node.span, misread.why).remedy(misread.remedy);
            None
        }
    }
}
