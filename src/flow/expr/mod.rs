//! The conditions of `if:`: typed, resolved when the flow is loaded, and total. A comparison with a value that is not
//! there is false, whichever way it compares.

mod parse;
#[cfg(test)]
mod tests;

pub use parse::parse;

use super::model::{Flow, Named};
use super::run::Turn;
use crate::audio::spoken;
use crate::secret::Secret;
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    /// A fact, a given value or a switch of type bool.
    Is(Operand),
    Compare(Operand, Op, Operand),
    /// One of these.
    In(Operand, Vec<Operand>),
    /// Within hours: of the flow's, by index.
    Open(Named<usize>),
    Filled(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Op {
    /// Whether it asks for more than the same or another value.
    fn orders(self) -> bool {
        !matches!(self, Op::Equal | Op::Unequal)
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Op::Equal => order.is_eq(),
            Op::Unequal => order.is_ne(),
            Op::Less => order.is_lt(),
            Op::AtMost => order.is_le(),
            Op::Greater => order.is_gt(),
            Op::AtLeast => order.is_ge(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Fact(usize),
    /// A value that a lookup gives: the lookup, and which.
    Given(usize, usize),
    /// A parameter of the flow.
    With(usize),
    Switch(String),
    Text(String),
    /// In hundredths.
    Number(i64),
}

/// What a condition sees: the call as it is, or as much as is sure of every call that comes here.
pub trait Sight {
    fn flow(&self) -> &Flow;
    /// What may be known of a fact from outside is looked for first.
    fn look_up(&mut self, fact: usize);
    /// Of what is no literal.
    fn told(&self, operand: &Operand) -> Told<'_>;
    /// `None`: nobody can say.
    fn is_open(&mut self, hours: &Named<usize>) -> Option<bool>;
    fn is_filled(&self, fact: usize) -> Option<bool>;
}

/// What is known of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'v> {
    Value(&'v str),
    /// It has no value.
    Absent,
    /// Nobody can say.
    Unsure,
}

#[derive(PartialEq, Eq)]
enum Value<'v> {
    Text(&'v str),
    Number(i64),
}

/// Nobody can say.
struct Unsure;

impl Expr {
    /// Whether it holds in the call as it is.
    pub fn holds(&self, turn: &mut Turn) -> bool {
        self.judge(turn).unwrap_or_else(|| unreachable!("a call knows whatever a condition reads"))
    }

    /// Whether it holds; `None`: in some of the calls that are seen.
    pub fn judge(&self, sight: &mut impl Sight) -> Option<bool> {
        match self {
            Expr::Any(all) => settle(all, true, sight),
            Expr::All(all) => settle(all, false, sight),
            Expr::Not(one) => one.judge(sight).map(|holds| !holds),
            Expr::Is(operand) => {
                operand.ready(sight);
                match operand.value(sight, false) {
                    Ok(value) => Some(value == Some(Value::Text("true"))),
                    Err(Unsure) => None,
                }
            }
            Expr::Compare(left, op, right) => compare(sight, left, right, |order| op.holds(order)),
            Expr::In(left, all) => {
                let mut found = Some(false);
                for one in all {
                    match compare(sight, left, one, Ordering::is_eq) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => found = None,
                    }
                }
                found
            }
            Expr::Open(hours) => sight.is_open(hours),
            Expr::Filled(fact) => {
                sight.look_up(*fact);
                sight.is_filled(*fact)
            }
        }
    }

    /// Everything that it reads, in its order.
    pub fn operands<'e>(&'e self, found: &mut Vec<&'e Operand>) {
        match self {
            Expr::Any(all) | Expr::All(all) => all.iter().for_each(|one| one.operands(found)),
            Expr::Not(one) => one.operands(found),
            Expr::Is(one) => found.push(one),
            Expr::Compare(left, _, right) => found.extend([left, right]),
            Expr::In(left, all) => found.extend(std::iter::once(left).chain(all)),
            Expr::Open(_) | Expr::Filled(_) => {}
        }
    }

    /// The facts of its `filled()`, and the hours that it asks for.
    pub fn asked<'e>(&'e self, filled: &mut Vec<usize>, hours: &mut Vec<&'e Named<usize>>) {
        match self {
            Expr::Any(all) | Expr::All(all) => all.iter().for_each(|one| one.asked(filled, hours)),
            Expr::Not(one) => one.asked(filled, hours),
            Expr::Open(named) => hours.push(named),
            Expr::Filled(fact) => filled.push(*fact),
            Expr::Is(_) | Expr::Compare(..) | Expr::In(..) => {}
        }
    }
}

/// The first of them that is `wanted` settles it; one of which nobody can say leaves it open.
fn settle(all: &[Expr], wanted: bool, sight: &mut impl Sight) -> Option<bool> {
    let mut found = Some(!wanted);
    for one in all {
        match one.judge(sight) {
            Some(holds) if holds == wanted => return Some(wanted),
            Some(_) => {}
            None => found = None,
        }
    }
    found
}

/// A comparison with a value that is not there does not hold.
fn compare(sight: &mut impl Sight, left: &Operand, right: &Operand, holds: impl Fn(Ordering) -> bool) -> Option<bool> {
    left.ready(sight);
    right.ready(sight);
    let number = matches!(left, Operand::Number(_)) || matches!(right, Operand::Number(_));
    let number = number || left.is_number(sight.flow());
    let order = match (left.value(sight, number), right.value(sight, number)) {
        (Ok(None), _) | (_, Ok(None)) => None,
        (Err(Unsure), _) | (_, Err(Unsure)) => return None,
        (Ok(Some(Value::Number(left))), Ok(Some(Value::Number(right)))) => Some(left.cmp(&right)),
        // Dates and times are written so that their order is that of their letters.
        (Ok(Some(Value::Text(left))), Ok(Some(Value::Text(right)))) => Some(left.cmp(right)),
        _ => None,
    };
    Some(order.is_some_and(holds))
}

impl Operand {
    fn ready(&self, sight: &mut impl Sight) {
        if let Operand::Fact(fact) = self {
            sight.look_up(*fact);
        }
    }

    pub fn is_number(&self, flow: &Flow) -> bool {
        match self {
            Operand::Fact(fact) => flow.facts[*fact].kind.is_number(),
            Operand::Given(lookup, which) => flow.lookups[*lookup].gives[*which].kind.is_number(),
            _ => false,
        }
    }

    fn value<'v>(&'v self, sight: &'v impl Sight, number: bool) -> Result<Option<Value<'v>>, Unsure> {
        let text = match self {
            Operand::Text(text) => text,
            Operand::Number(hundredths) => return Ok(Some(Value::Number(*hundredths))),
            other => match sight.told(other) {
                Told::Value(text) => text,
                Told::Absent => return Ok(None),
                Told::Unsure => return Err(Unsure),
            },
        };
        Ok(if number { spoken::hundredths(text).map(Value::Number) } else { Some(Value::Text(text)) })
    }
}

impl Sight for Turn<'_> {
    fn flow(&self) -> &Flow {
        self.flow
    }

    fn look_up(&mut self, fact: usize) {
        Turn::look_up(self, fact);
    }

    fn told(&self, operand: &Operand) -> Told<'_> {
        let value = match operand {
            Operand::Fact(fact) => self.context.facts[*fact].value().map(Secret::open),
            Operand::Given(lookup, which) => self.given(*lookup, *which).map(Secret::open),
            Operand::With(parameter) => Some(self.parameter(*parameter)),
            Operand::Switch(name) => Some(if self.switch(name) { "true" } else { "false" }),
            Operand::Text(_) | Operand::Number(_) => None,
        };
        value.map_or(Told::Absent, Told::Value)
    }

    fn is_open(&mut self, hours: &Named<usize>) -> Option<bool> {
        let hours = *self.of(hours);
        Some(Turn::is_open(self, hours))
    }

    fn is_filled(&self, fact: usize) -> Option<bool> {
        Some(self.context.facts[fact].value().is_some())
    }
}
