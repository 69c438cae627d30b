//! Compares what a replay did with what the recording says. Inputs are the stimulus and equal by
//! construction; outputs are compared one by one, in order, time included.

use super::fixture::{Line, Step};
use super::seam::Out;

/// The first place where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Microseconds since the INVITE, in the recording (or in the replay, where the recording had ended).
    pub t: u64,
    pub recorded: Option<String>,
    pub replayed: Option<String>,
}

/// What a comparison found: how many outputs are equal, and where the runs part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub equal: usize,
    pub first_difference: Option<Difference>,
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
                let difference = Difference { t, recorded: text(a), replayed: text(b) };
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
