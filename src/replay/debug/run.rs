//! One run of the recorded call, event by event.

use super::Now;
use crate::call::Program;
use crate::context::{Class, Context};
use crate::flow::step::Step as Verb;
use crate::record::compare::Layer;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{In, Leg, Out};
use crate::record::trace::Note;
use crate::replay::stage::Words;
use crate::replay::tell::{self, Reader, Teller};
use crate::rerun::Unplayable;
use crate::rerun::anchored;
use crate::rerun::outcome::{self, How, Outcome};

/// Something that the call learned or did.
pub struct Event {
    pub line: Line,
    /// In words.
    pub text: String,
    /// The step that the call is in: block, number and line of the flow.
    pub step: Option<(String, usize, usize)>,
}

impl Event {
    pub fn is_input(&self) -> bool {
        matches!(self.line.step, Step::In(_))
    }

    /// It is the beginning of a step.
    pub fn enters(&self) -> bool {
        matches!(self.line.step, Step::Out(Out::Step { .. }))
    }

    /// `main:2, line 41`.
    pub fn place(&self) -> String {
        self.step.as_ref().map_or_else(String::new, |(block, step, line)| tell::place(block, *step, *line))
    }

    /// Whether it is the same in another run; times and the lines of the flow may be others.
    pub fn is_as(&self, other: &Event) -> bool {
        let place = |event: &Event| event.step.as_ref().map(|(block, step, _)| (block.clone(), *step));
        (&self.text, place(self)) == (&other.text, place(other))
    }
}

/// Something about an event: a difference from the recording, or what the flow asks and the recording cannot answer.
pub struct Mark {
    pub at: usize,
    pub text: String,
}

pub struct Run {
    /// At least the INVITE.
    pub events: Vec<Event>,
    /// In their order.
    pub marks: Vec<Mark>,
}

impl Run {
    pub fn of(fixture: &Fixture, flow: &Now) -> Result<Run, Unplayable> {
        let Now { program, sounds } = flow;
        let words = Words::of(&program.prompts);
        let (mut teller, mut events) = (Teller::new(Reader::Author, Some(&words)), Vec::<Event>::new());
        anchored::watched(fixture, program, sounds, |line, context| {
            let told = teller.tell(line, Some(context)).pop().map(|row| row.text);
            let mut step = events.last().and_then(|event| event.step.clone());
            if let Step::Out(Out::Step { block, step: number, line, .. }) = &line.step {
                step = Some((block.clone(), *number, *line));
            }
            let keyed = keyed(line, step.as_ref(), program, context);
            let text = keyed.or(told).unwrap_or_else(|| noted(line, step.as_ref(), program));
            events.push(Event { line: line.clone(), text, step });
        })?;
        let outcome = outcome::replay(fixture, program, sounds, &How::default()).outcome;
        let mut marks = marks(&events, &outcome);
        marks.sort_by_key(|mark| mark.at);
        Ok(Run { events, marks })
    }
}

fn marks(events: &[Event], outcome: &Outcome) -> Vec<Mark> {
    match outcome {
        Outcome::Pass { .. } => Vec::new(),
        Outcome::Broken(why) => vec![Mark { at: 0, text: why.clone() }],
        Outcome::NeedsInput(needs) => needs
            .iter()
            .map(|need| Mark { at: near(events, need.t, |_| true), text: format!("needs input: {}", need.what) })
            .collect(),
        Outcome::Diff(differences) => differences
            .iter()
            .map(|difference| {
                let placed = |event: &Event| {
                    let at = event.step.as_ref().map(|(block, step, _)| (block.clone(), *step));
                    at == difference.place && is_of(difference.layer, event)
                };
                Mark { at: near(events, difference.t, placed), text: difference.to_string() }
            })
            .collect(),
    }
}

/// The first of those nearest to that time that are meant, or else of all.
fn near(events: &[Event], t: u64, meant: impl Fn(&Event) -> bool) -> usize {
    let away = |(_, event): &(usize, &Event)| event.line.t.abs_diff(t);
    let found = events.iter().enumerate().filter(|(_, event)| meant(event)).min_by_key(away);
    found.or_else(|| events.iter().enumerate().min_by_key(away)).map_or(0, |(at, _)| at)
}

/// Whether a difference in that layer may be about it.
fn is_of(layer: Layer, event: &Event) -> bool {
    let Step::Out(out) = &event.line.step else { return false };
    match layer {
        Layer::Prompts => matches!(out, Out::Play { .. }),
        Layer::Facts => matches!(out, Out::Fact(_)),
        Layer::HandOff => matches!(out, Out::Store { .. } | Out::Agent { .. } | Out::Refer { .. }),
        Layer::Disposition => matches!(out, Out::End { .. }),
        Layer::Keys | Layer::Path | Layer::Timing | Layer::Invariants | Layer::Bytes => true,
    }
}

/// What the call knows at an event: it is run again up to there.
pub fn context(fixture: &Fixture, flow: &Now, at: usize) -> Option<Context> {
    let (mut number, mut found) = (0, None);
    let ran = anchored::watched(fixture, &flow.program, &flow.sounds, |_, context| {
        if number == at {
            found = Some(context.clone());
        }
        number += 1;
    });
    found.filter(|_| ran.is_ok())
}

/// A key of the caller's. It is shown where it answers a question about what may be shown, and else it could be of one that
/// may not: typed ahead, or behind it.
fn keyed(line: &Line, step: Option<&(String, usize, usize)>, program: &Program, context: &Context) -> Option<String> {
    let Step::In(In::Key { leg: Leg::Caller, key, .. }) = &line.step else { return None };
    let asked = step.and_then(|(block, step, _)| {
        let block = program.flow.blocks.iter().find(|found| found.name.text == *block)?;
        match &block.steps.get(step.checked_sub(1)?)?.step {
            verb @ Verb::Collect(_) => context.fact(&verb.object(&program.flow)),
            _ => None,
        }
    });
    let shown = asked.is_some_and(|fact| fact.class <= Class::Pii) || matches!(key.to_char(), '#' | '*');
    Some(format!("the caller presses {}", if shown { key.to_char() } else { '\u{2022}' }))
}

/// What is not told of a call otherwise, in a few words.
fn noted(line: &Line, step: Option<&(String, usize, usize)>, program: &Program) -> String {
    if let (Step::Out(Out::Step { verb, .. }), Some((block, number, _))) = (&line.step, step) {
        let block = program.flow.blocks.iter().find(|found| found.name.text == *block);
        let placed = block.and_then(|block| block.steps.get(number.checked_sub(1)?));
        let object = placed.map_or_else(String::new, |placed| placed.step.object(&program.flow));
        return format!("{verb} {object}").trim_end().to_owned();
    }
    let note = match &line.step {
        Step::In(input) => Note::of_input(line.t, input),
        Step::Out(out) => Note::of_output(line.t, out),
    };
    if let Some(note) = note {
        return format!("{} {}", note.note, note.what).trim_end().to_owned();
    }
    // The rest is named as the recording names it.
    let written = serde_json::to_value(line).ok();
    let word = |key: &str| written.as_ref().and_then(|line| line.get(key)?.as_str().map(str::to_owned));
    let leg = word("leg").map_or_else(String::new, |leg| format!(" ({leg})"));
    word("in").or_else(|| word("out")).unwrap_or_default() + &leg
}
