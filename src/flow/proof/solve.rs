//! What has to be so that the conditions on a way come out as they do there: the time of the call, switches, parameters,
//! what lookups answer and what the caller keys in. A small search among the values that the conditions themselves name.

use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::sample;
use super::standing::{Standing, Status};
use super::witness::Way;
use crate::flow::expr::{Expr, Operand, Sight, Told};
use crate::flow::fact::Kind;
use crate::flow::lookup::Lookup;
use crate::flow::model::{Flow, Named};
use crate::flow::step::Step;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// When a call comes in, where its hour makes no difference: 10:15 in New York, of a Tuesday.
pub const USUAL: Timestamp = Timestamp::constant(1_796_138_100, 0);
/// Hours that are tried behind that one, and ways to fill in the values of one condition.
const HOURS: i64 = 24 * 400;
const TRIES: usize = 2_000;

#[derive(Clone)]
pub struct Conditions {
    pub at: Timestamp,
    pub with: BTreeMap<String, String>,
    pub switches: BTreeMap<String, bool>,
    /// Of facts whose value is not told apart otherwise.
    pub facts: BTreeMap<usize, String>,
    /// By lookup and value.
    given: BTreeMap<(usize, usize), String>,
}

/// Something that a condition reads and that is ours to choose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unknown {
    With(usize),
    Switch(String),
    Given(usize, usize),
    Fact(usize),
}

/// What is to come out.
enum Wanted<'w> {
    Holds(&'w Expr, bool, &'w Standing),
    Open(usize, bool),
}

type Chosen = BTreeMap<Unknown, String>;

impl Conditions {
    /// `None`: there is no such call.
    pub fn of(ground: &Ground, states: &States, way: &Way) -> Option<Conditions> {
        let flow = ground.flow;
        let wanted: Vec<Wanted> = way.iter().filter_map(|(state, by)| wanted(flow, states, *state, *by)).collect();
        let hours = wanted.iter().any(|wanted| match wanted {
            Wanted::Open(..) => true,
            Wanted::Holds(condition, ..) => !asked(condition).1.is_empty(),
        });
        let times = (0..if hours { HOURS } else { 1 })
            .filter_map(|hour| USUAL.checked_add(SignedDuration::from_hours(hour)).ok());
        let mut found =
            times.filter_map(|at| Some(Self::chosen(flow, at, choose(ground, &wanted, at, Chosen::new())?)));
        found.next()
    }

    /// The same for a call that comes in then, on a way on which those hours decide something.
    pub fn at(ground: &Ground, states: &States, way: &Way, hours: usize, at: Timestamp) -> Option<Conditions> {
        let flow = ground.flow;
        let wanted: Vec<Wanted> = way.iter().filter_map(|(state, by)| wanted(flow, states, *state, *by)).collect();
        let mut chosen = Chosen::new();
        let mut is_asked = false;
        for wanted in &wanted {
            match wanted {
                Wanted::Open(open, _) => is_asked |= *open == hours,
                Wanted::Holds(condition, ..) => {
                    for named in asked(condition).1 {
                        let Some((parameter, which)) = named_by(named, hours) else { continue };
                        is_asked = true;
                        let value = |parameter: usize| flow.with[parameter].values[which].text.clone();
                        chosen.extend(parameter.map(|parameter| (Unknown::With(parameter), value(parameter))));
                    }
                }
            }
        }
        let chosen = is_asked.then(|| choose(ground, &wanted, at, chosen))??;
        Some(Self::chosen(flow, at, chosen))
    }

    fn chosen(flow: &Flow, at: Timestamp, chosen: Chosen) -> Self {
        let (with, switches, facts, given) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut conditions = Self { at, with, switches, facts, given };
        for (unknown, value) in chosen {
            match unknown {
                Unknown::With(parameter) => {
                    conditions.with.insert(flow.with[parameter].name.text.clone(), value);
                }
                Unknown::Switch(name) => drop(conditions.switches.insert(name, value == "true")),
                Unknown::Given(lookup, which) => drop(conditions.given.insert((lookup, which), value)),
                Unknown::Fact(fact) => drop(conditions.facts.insert(fact, value)),
            }
        }
        conditions
    }

    /// What a lookup answers: the values that a condition wants, and of the others some that fit.
    pub fn answers(&self, lookup: usize, asked: &Lookup) -> Vec<(String, String)> {
        let values = asked.gives.iter().enumerate().filter_map(|(which, given)| {
            let sample = || example(&given.kind).map(str::to_owned);
            let value = self.given.get(&(lookup, which)).cloned().or_else(sample)?;
            Some((given.name.text.clone(), value))
        });
        values.collect()
    }
}

fn wanted<'w>(flow: &'w Flow, states: &'w States, state: usize, by: By) -> Option<Wanted<'w>> {
    let state = &states.all[state];
    let (block, step) = state.place;
    match (&flow.blocks[block].steps[step].step, by) {
        (Step::Branch(branch), By::Holds(holds)) => Some(Wanted::Holds(branch.condition(), holds, &state.standing)),
        (Step::Agent(agent), by) => {
            let hours = flow.queues[*agent.queues().first()?].hours?;
            let called = matches!(by, By::Agent(_) | By::Full | By::Waited | By::Left);
            (called || by == By::Closed).then_some(Wanted::Open(hours, called))
        }
        _ => None,
    }
}

/// The parameter by which hours are named, if it is by one, and which of its values names these.
fn named_by(named: &Named<usize>, hours: usize) -> Option<(Option<usize>, usize)> {
    match named {
        Named::This(this) => (*this == hours).then_some((None, 0)),
        Named::With(parameter, all) => Some((Some(*parameter), all.iter().position(|this| *this == hours)?)),
    }
}

/// Values for all that the conditions read, one condition after the other.
fn choose(ground: &Ground, wanted: &[Wanted], at: Timestamp, mut chosen: Chosen) -> Option<Chosen> {
    for wanted in wanted {
        match wanted {
            Wanted::Open(hours, open) if ground.flow.hours[*hours].is_open(at) == *open => {}
            Wanted::Open(..) => return None,
            Wanted::Holds(condition, holds, standing) => {
                chosen = settle(ground, (condition, *holds), standing, at, &chosen)?;
            }
        }
    }
    Some(chosen)
}

/// The first values with which a condition comes out so.
fn settle(
    ground: &Ground,
    (condition, holds): (&Expr, bool),
    standing: &Standing,
    at: Timestamp,
    chosen: &Chosen,
) -> Option<Chosen> {
    let open = unknowns(ground, condition, standing);
    let open: Vec<_> = open.into_iter().filter(|(unknown, _)| !chosen.contains_key(unknown)).collect();
    let mut turn = vec![0; open.len()];
    for _ in 0..TRIES {
        let mut tried = chosen.clone();
        for ((unknown, values), at) in open.iter().zip(&turn) {
            tried.insert(unknown.clone(), values.get(*at)?.clone());
        }
        let mut seen = Supposed { ground, standing, at, chosen: &tried };
        if condition.judge(&mut seen) == Some(holds) {
            return Some(tried);
        }
        // The next combination, as a counter goes on.
        let digit = turn.iter().zip(&open).position(|(at, (_, values))| at + 1 < values.len())?;
        turn[..digit].fill(0);
        turn[digit] += 1;
    }
    None
}

fn asked(condition: &Expr) -> (Vec<usize>, Vec<&Named<usize>>) {
    let (mut filled, mut hours) = (Vec::new(), Vec::new());
    condition.asked(&mut filled, &mut hours);
    (filled, hours)
}

/// What a condition reads that is ours to choose, each with the values that may make a difference.
fn unknowns(ground: &Ground, condition: &Expr, standing: &Standing) -> Vec<(Unknown, Vec<String>)> {
    let flow = ground.flow;
    let mut operands = Vec::new();
    condition.operands(&mut operands);
    let with = |parameter: usize| {
        let values = flow.with[parameter].values.iter().map(|value| value.text.clone());
        (Unknown::With(parameter), values.collect())
    };
    let mut found: Vec<(Unknown, Vec<String>)> = Vec::new();
    for hours in asked(condition).1 {
        if let Named::With(parameter, _) = hours {
            found.push(with(*parameter));
        }
    }
    for operand in &operands {
        found.extend(match operand {
            Operand::With(parameter) => Some(with(*parameter)),
            Operand::Switch(name) => Some((Unknown::Switch(name.clone()), vec!["false".to_owned(), "true".to_owned()])),
            Operand::Given(lookup, which) => {
                let kind = &flow.lookups[*lookup].gives[*which].kind;
                Some((Unknown::Given(*lookup, *which), values(kind, &operands)))
            }
            Operand::Fact(fact) if standing.status(*fact) == Status::Filled(None) => {
                let today = USUAL.to_zoned(TimeZone::UTC).date();
                let mut values = values(&flow.facts[*fact].kind, &operands);
                values.extend(sample::value(&flow.facts[*fact], today));
                values.retain(|value| sample::fits(&flow.facts[*fact], value, today));
                Some((Unknown::Fact(*fact), values))
            }
            Operand::Fact(_) | Operand::Text(_) | Operand::Number(_) => None,
        });
    }
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

/// Values of a type around those that the condition names.
fn values(kind: &Kind, operands: &[&Operand]) -> Vec<String> {
    let mut values: Vec<String> = example(kind).map(str::to_owned).into_iter().collect();
    for operand in operands {
        match operand {
            Operand::Text(text) => values.push(text.clone()),
            Operand::Number(hundredths) => {
                for near in [0, 100, -100] {
                    let number = hundredths.saturating_add(near).max(0);
                    values.push(match kind {
                        Kind::Money(_) => format!("{}.{:02}", number / 100, number % 100),
                        _ => (number / 100).to_string(),
                    });
                }
            }
            Operand::Fact(_) | Operand::Given(..) | Operand::With(_) | Operand::Switch(_) => {}
        }
    }
    values.extend(kind.named_values().map(str::to_owned));
    match kind {
        Kind::Date => values.extend(["1970-01-01", "2199-12-31"].map(str::to_owned)),
        Kind::Time => values.extend(["00:00", "23:59"].map(str::to_owned)),
        _ => {}
    }
    values.retain(|value| kind.fits(value));
    values
}

/// A value of a type that a lookup gives.
fn example(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Digits { .. } | Kind::Number => "12345678",
        Kind::Phone => "12025550123",
        Kind::Money(_) => "12.50",
        Kind::Date => "2026-12-01",
        Kind::Time => "16:05",
        Kind::Bool => "true",
        Kind::Text => "sample",
        Kind::Choice(_) | Kind::Recording { .. } => return None,
    })
}

/// What a condition sees with those values.
struct Supposed<'s, 'f> {
    ground: &'s Ground<'f>,
    standing: &'s Standing,
    at: Timestamp,
    chosen: &'s Chosen,
}

impl Supposed<'_, '_> {
    fn value(&self, unknown: &Unknown) -> Told<'_> {
        self.chosen.get(unknown).map_or(Told::Unsure, |value| Told::Value(value))
    }
}

impl Sight for Supposed<'_, '_> {
    fn flow(&self) -> &Flow {
        self.ground.flow
    }

    /// It was looked for before.
    fn look_up(&mut self, _: usize) {}

    fn told(&self, operand: &Operand) -> Told<'_> {
        match operand {
            Operand::With(parameter) => self.value(&Unknown::With(*parameter)),
            Operand::Switch(name) => self.value(&Unknown::Switch(name.clone())),
            Operand::Given(lookup, which) => self.value(&Unknown::Given(*lookup, *which)),
            Operand::Fact(fact) => match self.standing.status(*fact) {
                Status::Filled(Some(value)) => self.ground.text(*fact, value).map_or(Told::Unsure, Told::Value),
                Status::Filled(None) | Status::Any => self.value(&Unknown::Fact(*fact)),
                Status::Unknown | Status::Fresh | Status::Answered | Status::Declined | Status::Settled => Told::Absent,
            },
            Operand::Text(_) | Operand::Number(_) => Told::Absent,
        }
    }

    fn is_open(&mut self, hours: &Named<usize>) -> Option<bool> {
        let hours = match hours {
            Named::This(hours) => *hours,
            Named::With(parameter, all) => {
                let chosen = self.chosen.get(&Unknown::With(*parameter))?;
                let at = self.ground.flow.with[*parameter].values.iter().position(|value| value.text == *chosen)?;
                all[at]
            }
        };
        Some(self.ground.flow.hours[hours].is_open(self.at))
    }

    fn is_filled(&self, fact: usize) -> Option<bool> {
        Some(matches!(self.standing.status(fact), Status::Filled(_)))
    }
}
