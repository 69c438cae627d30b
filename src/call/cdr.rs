//! The call detail record: one JSON object a call. Names and states of the facts, never their values.

use crate::context::{Class, Context, Hop, Passed, Recording, State};
use crate::flow::Flow;
use crate::flow::step::Step;
use crate::record::seam::{Disposition, EndedBy, Leg};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Clone, Serialize)]
pub struct Cdr {
    pub askonce: u32,
    pub call: String,
    pub case: String,
    pub flow: String,
    pub digest: String,
    /// The caller's number; `None` for an anonymous caller, and for one who asked that its number be withheld.
    pub from: Option<String>,
    pub to: String,
    pub trunk: String,
    pub start: Timestamp,
    pub answer: Option<Timestamp>,
    pub end: Timestamp,
    /// From the answer to the end.
    pub answered_ms: u64,
    pub disposition: Disposition,
    pub by: EndedBy,
    /// Blocks in the order in which they were entered.
    pub blocks: Vec<String>,
    /// Steps in the order in which they were entered, as `block:step`, each with what became of it: the tries that failed and
    /// the way out, `start:2:silent:next`. Names of the flow, and no values.
    pub path: Vec<String>,
    /// Steps that were too many to keep.
    #[serde(skip_serializing_if = "is_zero")]
    pub path_dropped: u32,
    pub facts: Vec<FactRecord>,
    pub hops: Vec<Hop>,
    /// Facts that we held, and that the caller keyed in again while it talked to a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked_again: Vec<AskedAgain>,
    /// Keys that counted, whatever brought them.
    pub keys: u32,
    /// Keys that the full type-ahead buffer dropped.
    pub keys_dropped: u32,
    /// Values from outside that their fact would not take.
    pub known_refused: u32,
    /// What the agents' phones said instead of 200.
    pub refusals: Vec<Refused>,
    /// Files of the call's sound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<Recording>,
    /// Times that another file was wanted, and there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub unrecorded: u32,
    /// A leg's packets, where its stream closed in time to tell.
    pub media: Vec<LegMedia>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Clone, Debug, Serialize)]
pub struct FactRecord {
    pub name: String,
    pub state: &'static str,
    /// The source of a filled fact, the reason of a declined one.
    pub from: Option<String>,
    pub tries: u32,
    pub silences: u32,
    pub invalids: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    pub target: String,
    /// The SIP status; 408 for no answer at all.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedAgain {
    /// Whose side it was, as in the hop.
    pub to: String,
    pub fact: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct LegMedia {
    pub leg: Leg,
    #[serde(flatten)]
    pub statistics: crate::media::Statistics,
}

/// The facts for the record: how each came to be known, and not what it is.
pub fn facts(context: &Context) -> Vec<FactRecord> {
    let record = |fact: &crate::context::Fact| {
        let (state, from) = match &fact.state {
            State::Unknown => ("unknown", None),
            State::Filled { from, .. } => ("filled", Some(from.to_string())),
            State::Declined { why, .. } => ("declined", Some(format!("{why:?}").to_lowercase())),
        };
        let (tries, silences, invalids) = (fact.tries, fact.silences, fact.invalids);
        FactRecord { name: fact.name.clone(), state, from, tries, silences, invalids }
    };
    context.facts.iter().map(record).collect()
}

/// The steps of the journey, each with what became of it. Where a caller's choice leads is told by its value only if
/// everybody may see that.
pub fn path(flow: &Flow, context: &Context) -> Vec<String> {
    let told = context.journey.iter().map(|passed| {
        let told = passed.told();
        match told.split_once(":to.") {
            Some((step, _)) if !is_public(flow, passed) => format!("{step}:to"),
            _ => told,
        }
    });
    told.collect()
}

/// Whether a step is a `route:` on a fact that is public.
fn is_public(flow: &Flow, passed: &Passed) -> bool {
    let block = flow.blocks.iter().find(|block| block.name.text == passed.block);
    let placed = block.and_then(|block| block.steps.get(passed.step.checked_sub(1)?));
    matches!(placed, Some(placed) if matches!(&placed.step, Step::Route(route) if flow.facts[route.fact()].class == Class::Public))
}

/// The blocks of the journey, each once for every time it was entered.
pub fn blocks(context: &Context) -> Vec<String> {
    let entered = context.journey.iter().filter(|passed| passed.step == 1);
    entered.map(|passed| passed.block.clone()).collect()
}
