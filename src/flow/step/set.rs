//! `- set: FACT` with `to: VALUE`, or `from: LOOKUP.VALUE`: fills a fact that is still unknown, and never another one.

use crate::context::Source;
use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{FACT, GIVEN};
use crate::secret::Secret;
use crate::yaml::shape::{Rule, Shape, Takes, key, need};
use crate::yaml::{Fields, Node, Span};

#[derive(Clone, Debug)]
pub struct Set {
    fact: usize,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    This(Secret),
    /// A lookup's: which lookup, which of its values, and where that stands.
    Given(usize, usize, Span),
}

impl Set {
    pub const SHAPE: &Shape = &Shape::new(
        "set",
        "Fills a fact that is still unknown, and never another one.",
        &[
            need("set", FACT, "The fact.").like("reason"),
            key("to", Takes::Scalar("a value of the fact"), "The value.").like("billing"),
            key("from", GIVEN, "A value that a lookup has given. One that is not there leaves the fact unknown.")
                .like("crm.tier"),
        ],
    )
    .with(&[Rule::OneOf(&["to", "from"])]);

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let fact = loading.fact(node);
        let (to, from) = (fields.take("to"), fields.take("from"));
        let fact = fact?;
        // A fact that could not be read is one mistake already.
        let question = loading.question(fact)?.clone();
        if question.is_verified() {
            let message = "only a lookup can fill `verified`";
            loading.faults.error("trust", node.span, message).remedy("name it in the `fills:` of a lookup");
            return None;
        }
        let value = match (to, from) {
            (Some(node), None) => {
                let word = node.word("a value", &mut loading.faults)?;
                if !question.accepts(&word.text) {
                    let message = format!("`{}` is no value of `{}`", word.text, question.name.text);
                    loading.faults.error("bad-value", word.span, message).remedy(question.kind.example());
                    return None;
                }
                Value::This(Secret::new(word.text))
            }
            (None, Some(node)) => {
                let word = node.word("a value of a lookup as `crm.tier`", &mut loading.faults)?;
                let Some(given) = loading.given_place(&word) else {
                    let message = format!("`{}` is no value that a lookup gives", word.text);
                    loading
                        .faults
                        .error("unknown-name", word.span, message)
                        .remedy("write LOOKUP.NAME, of its `gives:`");
                    return None;
                };
                let (lookup, which) = given?;
                Value::Given(lookup, which, word.span)
            }
            _ => {
                let message = "`set` takes one of `to:` and `from:`";
                loading.faults.error("missing-key", node.span, message).remedy("to: VALUE, or from: LOOKUP.NAME");
                return None;
            }
        };
        Some(Self { fact, value })
    }

    /// The lookup's value that it takes.
    pub fn given(&self) -> Option<(usize, usize, Span)> {
        match self.value {
            Value::This(_) => None,
            Value::Given(lookup, which, place) => Some((lookup, which, place)),
        }
    }

    pub fn fact(&self) -> usize {
        self.fact
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON]
    }

    pub fn minds(&self, minds: &mut Minds) {
        minds.look_up(self.fact);
        minds.given.extend(self.given());
    }

    /// A value that is not there, or that the fact does not take, leaves it unknown.
    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let unknown = matches!(at.status(self.fact), Status::Unknown | Status::Fresh);
        let on = at.on(By::Itself, Next::Continue);
        match &self.value {
            Value::This(value) if unknown => {
                let value = at.ground.values(self.fact).into_iter().find(|one| {
                    one.is_none_or(|one| at.ground.text(self.fact, one).is_some_and(|text| *value == Secret::new(text)))
                });
                vec![at.with(By::Itself, Next::Continue, self.fact, Status::Filled(value.flatten()))]
            }
            Value::Given(..) if unknown => {
                let filled = at.fills(self.fact, Next::Continue, |_| By::Itself);
                filled.into_iter().chain([on]).collect()
            }
            Value::This(_) | Value::Given(..) => vec![on],
        }
    }

    /// A value that is not there, or that the fact does not take, leaves it unknown.
    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.look_up(self.fact);
        let value = match &self.value {
            Value::This(value) => Some(value.clone()),
            Value::Given(lookup, which, _) => turn.given(*lookup, *which).cloned(),
        };
        if let Some(value) = value.filter(|value| turn.takes(self.fact, value)) {
            turn.fill(self.fact, value, Source::Set, false);
        }
        turn.on()
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.facts[self.fact].name.text.clone()
    }
}
