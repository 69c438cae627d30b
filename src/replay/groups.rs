//! Differences of many recordings, the equal ones together: one question for a prompt that changed, not one for each call.

use crate::record::compare::{Difference, Layer};
use crate::rerun::anchored::Need;
use crate::rerun::outcome::Outcome;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Hex digits of a group's name.
const DIGITS: usize = 8;

/// What recordings have in common that do not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Differs(Difference),
    /// The flow asks what the recordings cannot answer.
    Needs(Need),
    /// They could not be run; why.
    Broken(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The same for the same difference, whichever recordings have it.
    pub id: String,
    pub flow: String,
    /// As the first of them has it.
    pub what: What,
    /// In their order; at least one, and each once.
    pub cases: Vec<usize>,
}

impl What {
    /// Block and line of the flow.
    pub fn place(&self) -> Option<(&str, usize)> {
        match self {
            What::Differs(difference) => Some((difference.place.as_ref()?.0.as_str(), difference.line?)),
            What::Needs(need) => need.place.as_ref().map(|(block, _, line)| (block.as_str(), *line)),
            What::Broken(_) => None,
        }
    }

    /// The kind of thing: a layer's name, or that it is no difference.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Differs(difference) => difference.layer.name(),
            What::Needs(_) => "needs input",
            What::Broken(_) => "error",
        }
    }

    /// What it is about, in one line.
    pub fn summary(&self) -> String {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        match self {
            What::Differs(Difference { subject, recorded, replayed, .. }) => {
                format!("{subject}: {} -> {}", side(recorded), side(replayed))
            }
            What::Needs(need) => need.what.to_string(),
            What::Broken(why) => why.clone(),
        }
    }

    /// The same in fewer words, where its kind stands beside it.
    pub fn brief(&self) -> String {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        match self {
            What::Differs(Difference { layer: Layer::Timing, subject, .. }) => subject.clone(),
            What::Differs(Difference { place: Some(_), recorded, replayed, .. }) => {
                format!("{} -> {}", side(recorded), side(replayed))
            }
            What::Differs(Difference { subject, .. }) => subject.clone(),
            What::Needs(_) | What::Broken(_) => self.summary(),
        }
    }

    /// `main_menu.2`, if it is somewhere.
    pub fn step(&self) -> String {
        let step = match self {
            What::Differs(difference) => difference.place.as_ref().map(|(block, step)| (block, step)),
            What::Needs(need) => need.place.as_ref().map(|(block, step, _)| (block, step)),
            What::Broken(_) => None,
        };
        step.map_or_else(String::new, |(block, step)| format!("{block}.{step}"))
    }

    fn signature(&self) -> String {
        match self {
            What::Differs(difference) => difference.signature(),
            What::Needs(need) => format!("{} | {} | {}", self.kind(), self.step(), need.what),
            What::Broken(why) => format!("{} | {why}", self.kind()),
        }
    }
}

/// The groups of a case that does not pass, in the order of the call and each once: their names, and what they are there.
pub fn of_case(flow: &str, outcome: &Outcome) -> Vec<(String, What)> {
    let all: Vec<What> = match outcome {
        Outcome::Pass { .. } => Vec::new(),
        Outcome::Diff(differences) => differences.iter().cloned().map(What::Differs).collect(),
        // What is asked behind the first question follows from an answer that nobody gave.
        Outcome::NeedsInput(needs) => needs.iter().take(1).cloned().map(What::Needs).collect(),
        Outcome::Broken(why) => vec![What::Broken(why.clone())],
    };
    let mut named: Vec<(String, What)> = Vec::new();
    for what in all {
        let id = id(&format!("{flow} | {}", what.signature()));
        if named.iter().all(|(known, _)| *known != id) {
            named.push((id, what));
        }
    }
    named
}

/// The groups of cases, each by its flow's name and its outcome; the biggest first.
pub fn groups<'c>(cases: impl IntoIterator<Item = (&'c str, &'c Outcome)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (case, (flow, outcome)) in cases.into_iter().enumerate() {
        for (id, what) in of_case(flow, outcome) {
            let at = *known.entry(id.clone()).or_insert_with(|| {
                groups.push(Group { id, flow: flow.to_owned(), what, cases: Vec::new() });
                groups.len() - 1
            });
            groups[at].cases.push(case);
        }
    }
    // Of equal size, as they first came.
    groups.sort_by_key(|group| std::cmp::Reverse(group.cases.len()));
    groups
}

fn id(signature: &str) -> String {
    let digest = Sha256::digest(signature).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digest[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(t: u64, replayed: &str) -> Difference {
        Difference {
            layer: Layer::Prompts,
            t,
            place: Some(("main_menu".to_owned(), 2)),
            line: Some(41),
            subject: "what is heard".to_owned(),
            recorded: Some("en/main_menu".to_owned()),
            replayed: Some(replayed.to_owned()),
        }
    }

    #[test]
    fn equal_differences_are_one_group_whenever_they_were_and_the_biggest_is_first() {
        let outcomes: Vec<Outcome> = (0..40u64)
            .map(|at| match at {
                0 => Outcome::Broken("line 2: no such input".to_owned()),
                1 => Outcome::Pass { outputs: 9 },
                2 => Outcome::Diff(vec![prompt(7, "en/other")]),
                // Twice in one call is still one question, and one call.
                3 => Outcome::Diff(vec![prompt(3, "en/main_menu_v2"), prompt(4, "en/main_menu_v2")]),
                at => Outcome::Diff(vec![prompt(at, "en/main_menu_v2"), prompt(at, "en/other")]),
            })
            .collect();
        let all = |flow: &'static str| outcomes.iter().map(move |outcome| (flow, outcome));
        let found = groups(all("desk"));
        let sizes: Vec<(usize, &str)> = found.iter().map(|group| (group.cases.len(), group.what.kind())).collect();
        assert_eq!(sizes, [(37, "prompts"), (37, "prompts"), (1, "error")]);
        assert_eq!(found[0].cases[0], 2);
        assert_eq!(found[1].what.summary(), "what is heard: en/main_menu -> en/main_menu_v2");
        assert_eq!((found[1].what.step().as_str(), found[1].what.place()), ("main_menu.2", Some(("main_menu", 41))));
        // Another flow's is another question; the name of one does not depend on the others.
        let again = groups([("desk", &outcomes[3])]);
        assert_eq!((&again[0].id, again[0].id.len()), (&found[1].id, DIGITS));
        assert_ne!(groups([("shop", &outcomes[3])])[0].id, found[1].id);
    }
}
