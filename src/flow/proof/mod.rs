//! What is proved of a loaded flow on every way that a call can take through it, from every combination of facts that are
//! known already. The verbs say what they do to the facts (`Step::moves`); here all states that come of that are walked
//! (`explore`), judged (`judge`), and a shortest way to what is wrong is turned into a call (`witness`).
//!
//! Facts only climb from unknown to filled or declined, so a round in the states is a call that never ends, and there are
//! few enough of them: facts that no step looks at any more are not told apart (`ground`). Where there are too many all the
//! same, each fact is looked at by itself.

mod clock;
mod cover;
mod explore;
mod graph;
mod ground;
mod judge;
mod length;
mod moves;
mod reached;
mod sample;
mod solve;
mod standing;
mod witness;

pub use ground::{Ground, Minds};
pub use moves::{By, Move, Point};
pub use reached::Reached;
pub use standing::{Standing, Status};

use super::hours::Hours;
use super::model::Flow;
use super::prompts::Prompts;
use super::script::Script;
use crate::time::Duration;
use crate::yaml::Diagnostic;
use explore::{States, TooMany};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use judge::{Found, Judge};
use length::Lengths;

/// Something that must not be, and a call that shows it.
#[derive(Clone, Debug)]
pub struct Finding {
    pub diagnostic: Diagnostic,
    /// `None`: it takes no call to see it, or none that we could make up.
    pub witness: Option<Witness>,
}

/// The shortest call that comes to what is wrong.
#[derive(Clone, Debug)]
pub struct Witness {
    pub script: Script,
    /// Where that is: the block, and the step from 1.
    pub at: (String, usize),
}

/// All proofs. `clip` is the length of a clip by its name, where that is known.
pub fn prove(flow: &Flow, prompts: &Prompts, clip: &dyn Fn(&str) -> Option<Duration>) -> Vec<Finding> {
    let ground = Ground::new(flow, prompts, None);
    let lengths = Lengths { flow, prompts, clip };
    let mut findings: Vec<Finding> =
        judge::declared(&ground).into_iter().map(|found| finding(&ground, None, found)).collect();
    match States::explore(&ground) {
        Ok(states) => {
            let judge = Judge { ground: &ground, states: &states, lengths: &lengths };
            findings.extend(judge.everything().into_iter().map(|found| finding(&ground, Some(&states), found)));
        }
        Err(TooMany) => findings.extend(one_by_one(flow, prompts, &lengths)),
    }
    findings.sort_by_key(|finding| {
        let file = flow.paths.iter().position(|path| *path == finding.diagnostic.path);
        (file, finding.diagnostic.span.start)
    });
    findings
}

/// Calls that together take every way out of every step of a flow that is proved, fail in every way in which an entry can, and
/// come in when hours begin and end; and how many ways out no call could be made up for. `None`: there are too many states
/// to tell.
pub fn calls(flow: &Flow, prompts: &Prompts) -> Option<(Vec<Script>, usize)> {
    let ground = Ground::new(flow, prompts, None);
    let states = States::explore(&ground).ok()?;
    Some(cover::calls(&ground, &states))
}

/// When hours begin and end in the weeks around the calls of `calls`: right before and right then.
pub fn moments(hours: &Hours) -> Vec<Timestamp> {
    clock::moments(hours, solve::USUAL)
}

/// A value of a fact, as it is written, for a call that is made up.
pub fn sample(flow: &Flow, fact: usize) -> Option<String> {
    sample::value(&flow.facts[fact], solve::USUAL.to_zoned(TimeZone::UTC).date())
}

/// Each fact by itself; what goes round, and who is in reach, is looked for once, with no fact told apart. What is not proved so
/// is told.
fn one_by_one(flow: &Flow, prompts: &Prompts, lengths: &Lengths) -> Vec<Finding> {
    let message = "the facts of this flow may stand in so many ways that each was looked at by itself: whether a round passes a \
                   choice, a block is on some way, silence and budget were not";
    let mut partly = Diagnostic::warning(flow.path(), "partly-proved", flow.name.span, message);
    partly.remedy("make two flows of it, or lead callers who gave up on a question elsewhere");
    let mut findings = vec![Finding { diagnostic: partly, witness: None }];
    let none = flow.facts.len();
    for fact in (0..flow.facts.len()).chain([none]) {
        let ground = Ground::new(flow, prompts, Some(fact));
        let Ok(states) = States::explore(&ground) else {
            let span = flow.name.span;
            let mut unproved = Diagnostic::error(
                flow.path(),
                "unproved",
                span,
                "there are more ways through the flow than can be looked at",
            );
            unproved.remedy("make two flows of it");
            return vec![Finding { diagnostic: unproved, witness: None }];
        };
        let judge = Judge { ground: &ground, states: &states, lengths };
        let found = if fact == none { [judge.endless(), judge.no_way_out()].concat() } else { judge.troubles() };
        for found in found {
            let same = |known: &Finding| {
                known.diagnostic.code == found.diagnostic.code && known.diagnostic.span == found.diagnostic.span
            };
            if !findings.iter().any(same) {
                findings.push(finding(&ground, Some(&states), found));
            }
        }
    }
    findings
}

fn finding(ground: &Ground, states: Option<&States>, found: Found) -> Finding {
    let Found { mut diagnostic, way, end } = found;
    let Some((states, way)) = states.zip(way) else { return Finding { diagnostic, witness: None } };
    diagnostic.witness = witness::words(ground, states, &way, end);
    let at = (ground.flow.blocks[end.0].name.text.clone(), end.1 + 1);
    let witness = witness::script(ground, states, &way).map(|script| Witness { script, at });
    Finding { diagnostic, witness }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
