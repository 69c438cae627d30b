//! Why a fact is as it is: where it is from, who asked, and what was tried before.

use super::run::Event;
use crate::context::{Context, Fact, State};
use crate::record::fixture::Step;
use crate::record::seam::Out;
use crate::replay::quote::Quotes;
use crate::replay::tell::{self, Reader};
use std::fmt::Write;

/// `None`: the flow has no such fact. `events`: those until now.
pub fn why(name: &str, context: &Context, events: &[Event], quotes: &Quotes) -> Option<String> {
    let fact = context.fact(name)?;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match tell::facts(Reader::Author, context).into_iter().find(|told| told.split(' ').next() == Some(name)) {
        Some(known) => writeln!(text, "{known}"),
        None => writeln!(text, "{name} is not known yet"),
    };
    let _ = match &fact.state {
        State::Filled { at, .. } | State::Declined { at, .. } => writeln!(text, "  since {at}"),
        State::Unknown => Ok(()),
    };
    if fact.tries + fact.silences + fact.invalids > 0 {
        let _ = writeln!(text, "  asked {}", asked(fact));
    }
    for event in events.iter().filter(|event| concerns(name, event)) {
        let place = event.step.as_ref().and_then(|(block, _, line)| quotes.place(block, *line)).unwrap_or_default();
        let row = tell::Row { t: event.line.t, place, text: event.text.clone() };
        let _ = writeln!(text, "{}", row.render());
    }
    for earlier in context.earlier.iter().filter(|earlier| earlier.name == name) {
        let _ = writeln!(text, "  forgotten since, and kept as it was: asked {}", asked(earlier));
    }
    Some(text)
}

fn asked(fact: &Fact) -> String {
    let times = |number: u32| match number {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        number => format!("{number} times"),
    };
    let mut text = times(fact.tries);
    for (number, what) in [(fact.silences, "nothing was said"), (fact.invalids, "what was said was wrong")] {
        if number > 0 {
            let _ = write!(text, ", {what} {}", times(number));
        }
    }
    text
}

/// It changes the fact, or is a step about it.
fn concerns(name: &str, event: &Event) -> bool {
    match &event.line.step {
        Step::Out(Out::Fact(change)) => change.name == name,
        Step::Out(Out::Step { .. }) => event.text.split_once(' ').is_some_and(|(_, object)| object == name),
        _ => false,
    }
}
