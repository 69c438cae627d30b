//! One step of a proof: the ways on from a step, each with what makes a call take it and how the facts stand then. Every
//! verb tells its own, beside what it does in a call.

use super::ground::Ground;
use super::standing::{Standing, Status};
use crate::context::Outcome;
use crate::flow::expr::{Expr, Operand, Sight, Told};
use crate::flow::model::{Flow, Named, Next};
use crate::flow::run::AgentEnd;

/// Where a call is in a proof: before a step, with all that the step looks for outside already looked for.
pub struct Point<'p, 'f> {
    pub ground: &'p Ground<'f>,
    pub standing: &'p Standing,
}

/// One way on.
pub struct Move {
    pub by: By,
    pub next: Next,
    pub then: Standing,
    /// A person paces it: it cannot be taken twice in no time.
    pub paced: bool,
}

/// What makes a call take a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// Nothing: the flow goes on.
    Itself,
    /// What the language has and nobody serves yet would have worked.
    Unserved,
    /// Something behind us fails.
    Failed,
    /// Outside, the fact is known, with that value.
    Known {
        fact: usize,
        value: Option<u8>,
    },
    Unknown {
        fact: usize,
    },
    /// The caller keys in a value, and confirms it.
    Keyed {
        fact: usize,
        value: Option<u8>,
    },
    /// The caller takes the value that is offered.
    Taken {
        fact: usize,
        value: Option<u8>,
    },
    /// The caller lets every try go by.
    GaveUp {
        fact: usize,
    },
    AskedForPerson {
        fact: usize,
    },
    LookedUp {
        lookup: usize,
        outcome: Outcome,
    },
    /// The condition holds, or not.
    Holds(bool),
    /// The queue's hours are over.
    Closed,
    Full,
    Waited,
    /// The caller takes the way out of a line.
    Left,
    Agent(AgentEnd),
    HungUp,
}

impl Point<'_, '_> {
    pub fn status(&self, fact: usize) -> Status {
        self.standing.status(fact)
    }

    /// On, with nothing changed.
    pub fn on(&self, by: By, next: Next) -> Move {
        Move { by, next, then: self.standing.clone(), paced: false }
    }

    pub fn paced(&self, by: By, next: Next) -> Move {
        Move { paced: true, ..self.on(by, next) }
    }

    pub fn with(&self, by: By, next: Next, fact: usize, status: Status) -> Move {
        Move { by, next, then: self.standing.with(fact, status), paced: false }
    }

    /// Every way to fill a fact, each with its value where that matters.
    pub fn fills(&self, fact: usize, next: Next, by: impl Fn(Option<u8>) -> By) -> Vec<Move> {
        let filled = |value| self.with(by(value), next, fact, Status::Filled(value));
        self.ground.values(fact).into_iter().map(filled).collect()
    }

    /// How the facts may stand once the business looked at a value that was keyed in for the fact.
    pub fn accepted(&self, fact: usize) -> Standing {
        let mut then = self.standing.clone();
        if let Some(lookup) = self.ground.flow.facts[fact].accept {
            self.fill_by(lookup, &mut then);
        }
        then
    }

    /// What a lookup finds shows when it is looked for.
    pub fn fill_by(&self, lookup: usize, then: &mut Standing) {
        for (fact, _) in &self.ground.flow.lookups[lookup].fills {
            match (self.status(*fact), self.ground.flow.facts[*fact].is_known_by(lookup)) {
                (Status::Unknown, true) => then.set(*fact, Status::Fresh),
                (Status::Unknown | Status::Fresh, false) => then.set(*fact, Status::Answered),
                _ => {}
            }
        }
    }

    /// Whether a condition holds in every call that comes here; `None`: in some.
    pub fn judge(&self, condition: &Expr) -> Option<bool> {
        condition.judge(&mut Seen(self))
    }

    /// The caller asks for a person. It works once a call, and counts as giving up after that.
    pub fn escape(&self, fact: usize, gave_up: Next) -> Option<Move> {
        let to = self.ground.escape(fact)?;
        let by = By::AskedForPerson { fact };
        if self.standing.has_escaped() {
            return Some(self.with(by, gave_up, fact, Status::Declined));
        }
        let mut then = self.standing.clone();
        then.decline_unknown(self.ground.flow);
        then.escape();
        Some(Move { by, next: Next::Afresh(to), then, paced: false })
    }
}

/// What a condition sees of all calls that come to a point.
struct Seen<'s, 'p, 'f>(&'s Point<'p, 'f>);

impl Sight for Seen<'_, '_, '_> {
    fn flow(&self) -> &Flow {
        self.0.ground.flow
    }

    /// It was looked for before.
    fn look_up(&mut self, _: usize) {}

    fn told(&self, operand: &Operand) -> Told<'_> {
        let Operand::Fact(fact) = operand else { return Told::Unsure };
        match self.0.status(*fact) {
            Status::Filled(Some(value)) => self.0.ground.text(*fact, value).map_or(Told::Unsure, Told::Value),
            Status::Filled(None) | Status::Any => Told::Unsure,
            Status::Unknown | Status::Fresh | Status::Answered | Status::Declined | Status::Settled => Told::Absent,
        }
    }

    fn is_open(&mut self, _: &Named<usize>) -> Option<bool> {
        None
    }

    fn is_filled(&self, fact: usize) -> Option<bool> {
        match self.0.status(fact) {
            Status::Filled(_) => Some(true),
            Status::Any => None,
            Status::Unknown | Status::Fresh | Status::Answered | Status::Declined | Status::Settled => Some(false),
        }
    }
}
