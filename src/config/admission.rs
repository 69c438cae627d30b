//! `limits:` and `unknown:`: how much is let in, and what those hear who are not.

use super::{Limits, MAX_CALLS, Unknown};
use crate::yaml::{Faults, Fields, Node, Value};

/// Beyond this a limit is none.
const MAX_RATE: u32 = 100_000;

pub fn limits(node: &Node, faults: &mut Faults) -> Option<Limits> {
    let mut fields = Fields::of(node, "`limits`", faults)?;
    let calls = fields.take("calls");
    let calls = calls.map_or(Some(MAX_CALLS), |node| node.number("calls at once", 1..=MAX_CALLS, faults));
    let usual = Limits::default().per_source;
    let per_source = fields.take("per_source").map_or(Some(usual), |node| rate(node, faults).map(Some));
    fields.finish(faults);
    Some(Limits { calls: calls?, per_source: per_source? })
}

/// `50/s`.
fn rate(node: &Node, faults: &mut Faults) -> Option<u32> {
    let rate = match &node.value {
        Value::Scalar { text, .. } => text.strip_suffix("/s").and_then(|number| number.parse().ok()),
        Value::Nothing | Value::List(_) | Value::Map(_) => None,
    };
    let rate = rate.filter(|rate| (1..=MAX_RATE).contains(rate));
    if rate.is_none() {
        node.wrong(&format!("a rate as `50/s`, from 1/s to {MAX_RATE}/s"), faults);
    }
    rate
}

pub fn unknown(node: &Node, faults: &mut Faults) -> Option<Unknown> {
    let word = node.word("refuse or drop", faults)?;
    match word.text.as_str() {
        "refuse" => Some(Unknown::Refuse),
        "drop" => Some(Unknown::Drop),
        _ => {
            faults.unknown("answer to an unknown source", &word, ["refuse", "drop"]);
            None
        }
    }
}
