//! The conditions of `if:`: typed, resolved when the flow is loaded, and total. A comparison with a value that is not
//! there is false, whichever way it compares.

mod parse;
#[cfg(test)]
mod tests;

pub use parse::parse;

use super::model::Named;
use super::run::Turn;
use crate::audio::spoken;
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

/// What an operand stands for at that moment.
#[derive(PartialEq, Eq)]
enum Value<'v> {
    Text(&'v str),
    Number(i64),
}

impl Expr {
    pub fn holds(&self, turn: &mut Turn) -> bool {
        match self {
            Expr::Any(all) => all.iter().any(|one| one.holds(turn)),
            Expr::All(all) => all.iter().all(|one| one.holds(turn)),
            Expr::Not(one) => !one.holds(turn),
            Expr::Is(operand) => {
                operand.ready(turn);
                operand.value(turn, false) == Some(Value::Text("true"))
            }
            Expr::Compare(left, op, right) => compare(turn, left, right).is_some_and(|order| op.holds(order)),
            Expr::In(left, all) => all.iter().any(|one| compare(turn, left, one).is_some_and(Ordering::is_eq)),
            Expr::Open(hours) => turn.is_open(*turn.of(hours)),
            Expr::Filled(fact) => {
                turn.look_up(*fact);
                turn.context.facts[*fact].value().is_some()
            }
        }
    }

    /// The switches that it reads.
    pub fn switches(&self, found: &mut Vec<String>) {
        let mut operand = |operand: &Operand| {
            if let Operand::Switch(name) = operand {
                found.push(name.clone());
            }
        };
        match self {
            Expr::Any(all) | Expr::All(all) => all.iter().for_each(|one| one.switches(found)),
            Expr::Not(one) => one.switches(found),
            Expr::Is(one) => operand(one),
            Expr::Compare(left, _, right) => [left, right].into_iter().for_each(operand),
            Expr::In(..) | Expr::Open(_) | Expr::Filled(_) => {}
        }
    }
}

fn compare(turn: &mut Turn, left: &Operand, right: &Operand) -> Option<Ordering> {
    left.ready(turn);
    right.ready(turn);
    let number = matches!(left, Operand::Number(_)) || matches!(right, Operand::Number(_));
    let number = number || left.is_number(turn);
    match (left.value(turn, number)?, right.value(turn, number)?) {
        (Value::Number(left), Value::Number(right)) => Some(left.cmp(&right)),
        // Dates and times are written so that their order is that of their letters.
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

impl Operand {
    /// A fact that may be known from outside is looked for there first.
    fn ready(&self, turn: &mut Turn) {
        if let Operand::Fact(fact) = self {
            turn.look_up(*fact);
        }
    }

    fn is_number(&self, turn: &Turn) -> bool {
        match self {
            Operand::Fact(fact) => turn.flow.facts[*fact].kind.is_number(),
            Operand::Given(lookup, which) => turn.flow.lookups[*lookup].gives[*which].kind.is_number(),
            _ => false,
        }
    }

    fn value<'v>(&'v self, turn: &'v Turn, number: bool) -> Option<Value<'v>> {
        let text = match self {
            Operand::Fact(fact) => turn.context.facts[*fact].value()?.open(),
            Operand::Given(lookup, which) => turn.given(*lookup, *which)?.open(),
            Operand::With(parameter) => turn.parameter(*parameter),
            Operand::Switch(name) => {
                if turn.switch(name) {
                    "true"
                } else {
                    "false"
                }
            }
            Operand::Text(text) => text,
            Operand::Number(hundredths) => return Some(Value::Number(*hundredths)),
        };
        if number { spoken::hundredths(text).map(Value::Number) } else { Some(Value::Text(text)) }
    }
}
