//! What a test expects of a call, held against what the call did.

use super::Handed;
use crate::call::Program;
use crate::context::{Context, State};
use crate::record::compare;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{Leg, Out};
use crate::replay::tell::word;
use crate::yaml::near::suggestion;
use crate::yaml::{Span, Word};

/// What was expected, and what there was instead.
pub struct Unmet {
    pub expected: String,
    pub found: String,
    /// Block, step and line of the flow; `None`: where the call stands.
    pub place: Option<(String, usize, usize)>,
    pub remedy: Option<String>,
}

impl Unmet {
    pub fn of(expected: String, found: &str) -> Unmet {
        Unmet { expected, found: found.to_owned(), place: None, remedy: None }
    }

    pub fn remedy(self, remedy: &str) -> Unmet {
        Unmet { remedy: Some(remedy.to_owned()), ..self }
    }

    pub fn and(self, more: String) -> Unmet {
        Unmet { found: self.found + "; " + &more, ..self }
    }
}

/// That prompt, among the lines behind those that were heard: how many are heard then.
pub fn hear(lines: &[Line], heard: usize, prompt: &str, program: &Program) -> Result<usize, Unmet> {
    let behind = || lines.iter().enumerate().skip(heard);
    if let Some((at, _)) = behind().find(|(_, line)| says(line, prompt)) {
        return Ok(at + 1);
    }
    let expected = format!("the caller hears `{prompt}`");
    if let Some(remedy) = unknown(prompt, program) {
        return Err(Unmet::of(expected, "there is no such prompt").remedy(&remedy));
    }
    let others: Vec<String> = behind().filter_map(|(_, line)| said(line)).collect();
    let others =
        if others.is_empty() { "nothing is heard".to_owned() } else { format!("heard: {}", others.join(", ")) };
    Err(Unmet::of(expected, &others))
}

pub fn never(lines: &[Line], prompt: &str, program: &Program) -> Option<Unmet> {
    let expected = format!("the caller never hears `{prompt}`");
    if let Some(remedy) = unknown(prompt, program) {
        return Some(Unmet::of(expected, "there is no such prompt").remedy(&remedy));
    }
    let at = lines.iter().position(|line| says(line, prompt))?;
    let found = format!("it is heard after {:.1} s", lines[at].t as f64 / 1e6);
    let place = lines[..at].iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::Step { block, step, line, .. }) => Some((block.clone(), *step, *line)),
        _ => None,
    });
    Some(Unmet { place, ..Unmet::of(expected, &found) })
}

pub fn ends(lines: &[Line], end: &str) -> Option<Unmet> {
    let ended = lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::End { disposition, .. }) => Some(word(disposition)),
        _ => None,
    });
    let ended = ended.unwrap_or_else(|| "not at all".to_owned());
    (ended != end).then(|| Unmet::of(format!("the call ends as `{end}`"), &format!("it ends as `{ended}`")))
}

/// A test's own values: they were never a caller's.
pub fn facts(context: &Context, expected: &[(Word, Option<String>)]) -> Vec<(Span, Unmet)> {
    let unmet = expected.iter().filter_map(|(name, expected)| {
        let Some(fact) = context.facts.iter().find(|fact| fact.name == name.text) else {
            let names = context.facts.iter().map(|fact| fact.name.as_str());
            let unmet = Unmet::of(format!("`{}` is known", name.text), "the flow has no such fact");
            return Some((name.span, unmet.remedy(&suggestion(&name.text, names))));
        };
        let known = match &fact.state {
            State::Filled { value, .. } => Some(value.open()),
            _ => None,
        };
        if known == expected.as_deref() {
            return None;
        }
        let told = |value: Option<&str>| value.map_or("not known".to_owned(), |value| format!("`{value}`"));
        let wanted = format!("`{}` is {}", name.text, told(expected.as_deref()));
        Some((name.span, Unmet::of(wanted, &format!("it is {}", told(known)))))
    });
    unmet.collect()
}

/// What goes along with the caller who is handed on now.
pub fn handed(lines: &[Line], context: &Context, handed: &Handed, program: &Program) -> Vec<(Span, Unmet)> {
    let mut unmet = Vec::new();
    let called = lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::Agent { destination, invite, .. }) => Some((destination, Some(invite.as_str()))),
        Step::Out(Out::Refer { destination, .. }) => Some((destination, None)),
        _ => None,
    });
    let Some((destination, invite)) = called else { return unmet };
    if let Some(queue) = &handed.queue {
        let known = program.flow.queues.iter().find(|known| known.name.text == queue.text);
        let expected = format!("the caller goes to `{}`", queue.text);
        match known {
            None => {
                let names = program.flow.queues.iter().map(|queue| queue.name.text.as_str());
                let missing = Unmet::of(expected, "the flow has no such queue");
                unmet.push((queue.span, missing.remedy(&suggestion(&queue.text, names))));
            }
            Some(known) if known.to.as_ref().is_none_or(|to| to.text != *destination) => {
                unmet.push((queue.span, Unmet::of(expected, &format!("`{destination}` is called"))));
            }
            Some(_) => {}
        }
    }
    unmet.extend(facts(context, &handed.facts));
    for (name, expected) in &handed.headers {
        let found = invite.and_then(|invite| header(invite, &name.text));
        if found != expected.as_deref() {
            let told = |value: Option<&str>| value.map_or("none".to_owned(), |value| format!("`{value}`"));
            let wanted = format!("the header field {} is {}", name.text, told(expected.as_deref()));
            unmet.push((name.span, Unmet::of(wanted, &format!("it is {}", told(found)))));
        }
    }
    unmet
}

fn header<'i>(invite: &'i str, name: &str) -> Option<&'i str> {
    let head = invite.split("\r\n\r\n").next()?;
    let field = |line: &'i str| line.split_once(':').filter(|(field, _)| field.eq_ignore_ascii_case(name));
    head.split("\r\n").skip(1).find_map(field).map(|(_, value)| value.trim())
}

/// Prompts by their ids, with their language or without.
fn says(line: &Line, prompt: &str) -> bool {
    said(line).is_some_and(|said| {
        said.split(" + ").any(|one| one == prompt || one.split_once('/').is_some_and(|(_, id)| id == prompt))
    })
}

/// Music is no prompt.
fn said(line: &Line) -> Option<String> {
    match &line.step {
        Step::Out(Out::Play { leg: Leg::Caller, say, looped: false, .. }) => Some(compare::prompt(say)),
        _ => None,
    }
}

/// What might be meant by a prompt that there is not.
fn unknown(prompt: &str, program: &Program) -> Option<String> {
    let books = program.prompts.books();
    let ids: Vec<&str> = books.flat_map(|book| book.prompts().map(|(id, _)| id)).collect();
    let id = prompt.split_once('/').map_or(prompt, |(_, id)| id);
    (!ids.contains(&id)).then(|| suggestion(id, ids))
}
