//! Compares what a replay did with what the recording says. Inputs are the stimulus and equal by
//! construction; outputs are compared one by one, in order, time included.

use crate::record::fixture::{Line, Step};
use crate::record::seam::Out;
use serde_json::Value;

/// The first place where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Microseconds since the INVITE, in the recording (or in the replay, where the recording had ended).
    pub t: u64,
    pub recorded: Option<String>,
    pub replayed: Option<String>,
}

/// What a comparison found: how many outputs are equal, and where the runs part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub equal: usize,
    pub first_difference: Option<Parting>,
}

impl Parting {
    /// Which kind of output it is about, and of each side when it was and where in it the two part. Without values.
    pub fn named(&self) -> (String, Option<String>, Option<String>) {
        let read = |side: &Option<String>| {
            let (at, json) = side.as_ref()?.split_once(" s {")?;
            let json: Value = serde_json::from_str(&format!("{{{json}")).ok()?;
            Some((at.to_owned() + " s", json))
        };
        let (was, is) = (read(&self.recorded), read(&self.replayed));
        let kind = was.as_ref().or(is.as_ref()).and_then(|(_, json)| json["out"].as_str()).unwrap_or("an output");
        let place = match (&was, &is) {
            (Some((_, was)), Some((_, is))) => part(was, is),
            _ => String::new(),
        };
        let told = |side: Option<&(String, Value)>| side.map(|(at, json)| format!("{} {at}{place}", word(json)));
        (kind.to_owned(), told(was.as_ref()), told(is.as_ref()))
    }
}

fn word(json: &Value) -> &str {
    json["out"].as_str().unwrap_or("?")
}

/// The first member that is not the same, and of a text from which byte on.
fn part(was: &Value, is: &Value) -> String {
    let (Value::Object(old), Value::Object(new)) = (was, is) else { return String::new() };
    let Some((name, was)) = old.iter().find(|(name, was)| new.get(*name) != Some(was)) else {
        return new.keys().find(|name| !old.contains_key(*name)).map_or(String::new(), |name| format!(", {name}"));
    };
    match (was, new.get(name)) {
        (Value::String(was), Some(Value::String(is))) => {
            let byte = was.bytes().zip(is.bytes()).take_while(|(was, is)| was == is).count();
            format!(", {name} from byte {byte} on")
        }
        (was @ Value::Object(_), Some(is)) => format!(", {name}{}", part(was, is)),
        _ => format!(", {name}"),
    }
}

/// Compares the outputs of two runs.
pub fn outputs(recorded: &[Line], replayed: &[Line]) -> Comparison {
    let mut left = recorded.iter().filter_map(output);
    let mut right = replayed.iter().filter_map(output);
    let mut equal = 0;
    loop {
        let (a, b) = (left.next(), right.next());
        match (a, b) {
            (None, None) => return Comparison { equal, first_difference: None },
            (a, b) if a == b => equal += 1,
            (a, b) => {
                let t = a.or(b).map_or(0, |(t, _)| t);
                let text = |side: Option<(u64, &Out)>| side.map(|(t, out)| describe(t, out));
                let difference = Parting { t, recorded: text(a), replayed: text(b) };
                return Comparison { equal, first_difference: Some(difference) };
            }
        }
    }
}

fn output(line: &Line) -> Option<(u64, &Out)> {
    match &line.step {
        Step::Out(out) => Some((line.t, out)),
        Step::In(_) => None,
    }
}

/// The line as the fixture writes it: QA reads the same text in both.
fn describe(t: u64, out: &Out) -> String {
    let text = serde_json::to_string(out).unwrap_or_else(|error| format!("(cannot be written: {error})"));
    format!("at {}.{:06} s {text}", t / 1_000_000, t % 1_000_000)
}
