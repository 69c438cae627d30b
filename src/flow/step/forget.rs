//! `- forget: FACT`: back to unknown, the one way down. `keep: true` files the value under what was known earlier;
//! `at_most: N` bounds a loop that asks once more on purpose, and then takes `else:`.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{FACT, TARGET};
use crate::yaml::shape::{Rule, Shape, Takes, key, need};
use crate::yaml::{Fields, Node};

/// Rounds that a loop may have.
const MAX_ROUNDS: usize = 20;

#[derive(Clone, Debug)]
pub struct Forget {
    fact: usize,
    keep: bool,
    bound: Option<Bound>,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    at_most: u32,
    otherwise: Next,
}

impl Forget {
    pub const SHAPE: &Shape = &Shape::new(
        "forget",
        "Makes a fact unknown again: a secret before a person hears of the call, or a question that is asked once more on \
         purpose.",
        &[
            need("forget", FACT, "The fact.").like("rx"),
            key("keep", Takes::Bool, "Files the value under what was known earlier, so that the person still sees it.")
                .or("false"),
            key("at_most", Takes::Number(1, MAX_ROUNDS), "How often the caller may come through here.").like("5"),
            key("else", TARGET, "Where a caller goes who was here that often."),
        ],
    )
    .with(&[Rule::Only(&["else"], "at_most")]);

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let fact = loading.fact(node);
        let keep = fields.take("keep").map_or(Some(false), |node| node.boolean(&mut loading.faults));
        let class = fact.and_then(|fact| loading.question(fact)).map(|question| question.class);
        if keep == Some(true) && class.is_some_and(|class| !class.for_agent()) {
            let message = "what nobody may see is not kept";
            loading.faults.error("class", node.span, message).remedy("take `keep: true` away");
        }
        let at_most =
            fields.take("at_most").map(|node| node.number("a number of rounds", 1..=MAX_ROUNDS, &mut loading.faults));
        let bound = match at_most {
            None => None,
            Some(at_most) => {
                let otherwise = loading.otherwise(fields, node);
                Some(Bound { at_most: u32::try_from(at_most?).ok()?, otherwise: otherwise? })
            }
        };
        Some(Self { fact: fact?, keep: keep?, bound })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        let exit = self.bound.map(|bound| Way::of("else", bound.otherwise));
        exit.into_iter().chain([Way::ON]).collect()
    }

    /// Whether it lets a path through so many times only.
    pub fn is_bounded(&self) -> bool {
        self.bound.is_some()
    }

    pub fn fact(&self) -> usize {
        self.fact
    }

    pub fn minds(&self, minds: &mut Minds) {
        minds.read(self.fact);
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let rounds = at.ground.rounds(self.fact);
        let gone = rounds.map_or(0, |slot| at.standing.slot(slot));
        if let Some(bound) = self.bound.filter(|bound| u32::from(gone) >= bound.at_most) {
            return vec![at.on(By::Itself, bound.otherwise)];
        }
        let mut on = at.with(By::Itself, Next::Continue, self.fact, Status::Unknown);
        if let Some(slot) = rounds {
            on.then.set_slot(slot, gone.saturating_add(1));
        }
        // What is bounded is a round of its own, with all that is asked in it.
        let facts = if self.is_bounded() { 0..at.ground.flow.facts.len() } else { self.fact..self.fact + 1 };
        if self.is_bounded() || self.keep {
            facts.for_each(|fact| on.then.mark_asked(fact, false));
        }
        vec![on]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        if let Some(bound) = self.bound
            && turn.rounds(self.fact) >= bound.at_most
        {
            return turn.fail(Exit::Key("else"), bound.otherwise);
        }
        turn.forget(self.fact, self.keep);
        turn.on()
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.facts[self.fact].name.text.clone()
    }
}
