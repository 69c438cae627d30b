//! `- lookup: LOOKUP` with `else:` and, where they differ, `none:` (there is no such thing), `refused:` and `slow:`
//! (nobody knows whether it was done).

use crate::context::Outcome;
use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Doing, Event, Go, Inquiry, Turn};
use crate::flow::shape::{LOOKUP, TARGET};
use crate::time::Instant;
use crate::yaml::shape::{Shape, key, need};
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Lookup {
    lookup: usize,
    exits: Exits,
}

#[derive(Clone, Copy, Debug)]
struct Exits {
    none: Option<Next>,
    refused: Option<Next>,
    slow: Option<Next>,
    otherwise: Next,
}

/// The answer is awaited.
#[derive(Clone, Debug)]
pub struct Looking {
    inquiry: Inquiry,
    exits: Exits,
}

impl Lookup {
    pub const SHAPE: &Shape = &Shape::new(
        "lookup",
        "Asks a system of the business. The caller hears music if that takes longer than a second.",
        &[
            need("lookup", LOOKUP, "The lookup.").like("crm"),
            key(
                "none",
                TARGET,
                "Where to go when the system knows no such thing (404), or the caller withholds the number.",
            ),
            key("refused", TARGET, "Where to go when the system refuses (any other 4xx)."),
            key("slow", TARGET, "Where to go when no answer came in time: nobody knows whether it was done."),
            key("else", TARGET, "Where to go when it failed in any way that has no exit of its own."),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let lookup = loading.lookup(node);
        let mut exit = |key| fields.take(key).map(|node| loading.target(node));
        let (none, refused, slow) = (exit("none"), exit("refused"), exit("slow"));
        let otherwise = loading.otherwise(fields, node);
        let named = |exit: Option<Option<Next>>| exit.map_or(Some(None), |exit| exit.map(Some));
        let exits = Exits { none: named(none)?, refused: named(refused)?, slow: named(slow)?, otherwise: otherwise? };
        Some(Self { lookup: lookup?, exits })
    }

    /// Which of the flow's lookups.
    pub fn lookup(&self) -> usize {
        self.lookup
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        let Exits { none, refused, slow, otherwise } = self.exits;
        let failed = [("none", none), ("refused", refused), ("slow", slow), ("else", Some(otherwise))];
        let failed = failed.into_iter().filter_map(|(key, next)| Some(Way::of(key, next?)));
        [Way::ON].into_iter().chain(failed).collect()
    }

    pub fn minds(&self, minds: &mut Minds) {
        let lookup = &minds.flow().lookups[self.lookup];
        lookup.sent().for_each(|fact| minds.look_up(fact));
        // What is filled already stays so.
        lookup.fills.iter().for_each(|(fact, _)| minds.read(*fact));
    }

    /// What it finds shows when it is looked for.
    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let Exits { none, refused, slow, otherwise } = self.exits;
        let by = |outcome| By::LookedUp { lookup: self.lookup, outcome };
        let failed = at.on(by(Outcome::Failed), otherwise);
        let lookup = &at.ground.flow.lookups[self.lookup];
        if lookup.sent().any(|fact| !matches!(at.status(fact), Status::Filled(_) | Status::Any)) {
            return vec![failed];
        }
        let mut on = at.on(by(Outcome::Ok), Next::Continue);
        at.ground.given(self.lookup).into_iter().for_each(|slot| on.then.set_slot(slot, 1));
        at.fill_by(self.lookup, &mut on.then);
        let exits = [(Outcome::None, none), (Outcome::Refused, refused), (Outcome::Slow, slow)];
        let named = exits.into_iter().filter_map(|(outcome, exit)| Some(at.on(by(outcome), exit?)));
        [on].into_iter().chain(named).chain([failed]).collect()
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        match Inquiry::begin(turn, self.lookup, None) {
            Ok(inquiry) => Go::Wait(Doing::Looking(Looking { inquiry, exits: self.exits })),
            Err(outcome) => self.exits.take(turn, outcome),
        }
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.lookups[self.lookup].name.text.clone()
    }
}

impl Exits {
    fn take(self, turn: &mut Turn, outcome: Outcome) -> Go {
        let (key, named) = match outcome {
            Outcome::Ok => return turn.on(),
            Outcome::None => ("none", self.none),
            Outcome::Refused => ("refused", self.refused),
            Outcome::Slow => ("slow", self.slow),
            Outcome::Failed => ("else", None),
        };
        turn.fail_as(key, named, self.otherwise)
    }
}

impl Looking {
    pub fn on(mut self, turn: &mut Turn, event: Event) -> Go {
        match self.inquiry.on(turn, event) {
            Some(outcome) => self.exits.take(turn, outcome),
            None => Go::Wait(Doing::Looking(self)),
        }
    }

    pub fn deadline(&self) -> Instant {
        self.inquiry.deadline()
    }
}
