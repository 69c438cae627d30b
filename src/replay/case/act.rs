//! A test performed: its caller acts, and what the call does is held against what the test expects.

use super::expect::{self, Unmet};
use super::{Answer, Case, Lookups, Then};
use crate::audio::Arena;
use crate::call::Program;
use crate::flow::run::AgentEnd;
use crate::flow::script::Cue;
use crate::record::Fixture;
use crate::record::compare::{Difference, Layer};
use crate::record::fixture::{Line, Step};
use crate::record::seam::Out;
use crate::replay::stage::{Awaits, Place, Stage, Unfit};
use crate::yaml::near::suggestion;
use crate::yaml::{Diagnostic, Span};

/// What a test came to.
pub struct Tried {
    pub fixture: Fixture,
    pub failures: Vec<Failure>,
}

/// Something that was not as the test has it.
#[derive(Debug)]
pub struct Failure {
    /// With the line of the test.
    pub diagnostic: Diagnostic,
    /// With the step of the flow.
    pub difference: Difference,
}

/// Performs a test on its flow. `path` is the test's file, for what is said of it.
pub fn perform(case: &Case, path: &str, program: &Program, arena: &Arena) -> Tried {
    let place = Place::made_up(&program.flow);
    let stage = Stage::open(program, arena, &place, &case.opening);
    let lookups = case.lookups.clone();
    let mut acting = Acting { case, path, program, stage, lookups, used: Vec::new(), heard: 0, failures: Vec::new() };
    for (name, span) in foreign(case, program) {
        acting.unmet(span, Layer::Path, Unmet::of(format!("a lookup `{name}`"), "the flow makes none of that name"));
    }
    // Behind what did not happen, nothing is as the test has it.
    for (at, (span, then)) in case.then.iter().enumerate() {
        if !acting.failures.is_empty() {
            break;
        }
        acting.step(at, *span, then);
    }
    acting.stage.close();
    if acting.failures.is_empty() {
        acting.whole();
    }
    Tried { failures: acting.failures, fixture: acting.stage.into_fixture() }
}

struct Acting<'c> {
    case: &'c Case,
    path: &'c str,
    program: &'c Program,
    stage: Stage<'c>,
    lookups: Lookups,
    /// Things of `then:` that happened before their turn: a lookup ends when it is made.
    used: Vec<usize>,
    /// Lines whose prompts the test has heard.
    heard: usize,
    failures: Vec<Failure>,
}

impl Acting<'_> {
    fn step(&mut self, at: usize, span: Span, then: &Then) {
        let cue = match then {
            Then::Hear(prompt) => {
                self.settle(at, span);
                return match expect::hear(self.stage.lines(), self.heard, &prompt.text, self.program) {
                    Ok(heard) => self.heard = heard,
                    Err(unmet) => {
                        let awaits = self.stage.settle().to_string();
                        self.unmet(prompt.span, Layer::Prompts, unmet.and(awaits));
                    }
                };
            }
            // Of the whole call.
            Then::Never(_) | Then::Ends(_) => return,
            Then::Facts(facts) => {
                self.settle(at, span);
                let unmet = expect::facts(self.stage.context(), facts);
                return unmet.into_iter().for_each(|(span, unmet)| self.unmet(span, Layer::Facts, unmet));
            }
            Then::Agent(handed) => {
                let awaits = self.settle(at, span);
                let unmet = match awaits {
                    Awaits::Agent => expect::handed(self.stage.lines(), self.stage.context(), handed, self.program),
                    awaits => vec![(span, Unmet::of("a person is called".to_owned(), &awaits.to_string()))],
                };
                return unmet.into_iter().for_each(|(span, unmet)| self.unmet(span, Layer::HandOff, unmet));
            }
            Then::Lookup(..) if self.used.contains(&at) => return,
            Then::Lookup(name, answer) => match self.settle(at, span) {
                Awaits::Lookup { name: made, .. } if made == name.text => answer.cue(),
                awaits => {
                    let unmet = Unmet::of(format!("the lookup `{}` is made", name.text), &awaits.to_string());
                    return self.unmet(name.span, Layer::Path, unmet);
                }
            },
            Then::Press(keys) => Cue::Press(keys.clone()),
            Then::SayNothing => Cue::Silence,
            Then::Line(line) => Cue::Line(*line),
            Then::AgentFails => Cue::Agent(AgentEnd::Failed),
            Then::AgentHangsUp(time) => self.after_talk(*time, AgentEnd::Done),
            Then::AgentSendsOn(time) => self.after_talk(*time, AgentEnd::Escalated),
            Then::HangUp(time) => {
                self.settle(at, span);
                self.stage.wait(time.unwrap_or_default());
                Cue::HangUp
            }
        };
        self.settle(at, span);
        if let Err(Unfit { why, .. }) = self.stage.give(&cue) {
            self.unmet(span, Layer::Path, Unmet::of(format!("`{cue}` has its occasion"), &why));
        }
    }

    fn after_talk(&mut self, time: Option<crate::time::Duration>, end: AgentEnd) -> Cue {
        if let Some(time) = time {
            self.stage.talk_for(time);
        }
        Cue::Agent(end)
    }

    /// Lets happen what happens by itself, lookups that the test knows the end of among it.
    fn settle(&mut self, at: usize, span: Span) -> Awaits {
        loop {
            let awaits = self.stage.settle();
            let Awaits::Lookup { name, .. } = &awaits else { return awaits };
            if matches!(&self.case.then[at].1, Then::Lookup(this, _) if this.text == *name) {
                return awaits;
            }
            let Some(answer) = self.answer(at, name) else {
                let unmet = Unmet::of(format!("the lookup `{name}` has an end"), "the test does not say how it ends");
                let remedy = format!("add `lookups: {{ {name}: … }}`, or `- lookup: {{ {name}: … }}` where it is made");
                self.unmet(span, Layer::Path, unmet.remedy(&remedy));
                return awaits;
            };
            if let Err(Unfit { why, .. }) = self.stage.give(&answer.cue()) {
                self.unmet(span, Layer::Path, Unmet::of(format!("the lookup `{name}` ends so"), &why));
                return awaits;
            }
        }
    }

    /// How a lookup ends this time: as the next thing of `then:` says that is about one, or as `lookups:` does.
    fn answer(&mut self, at: usize, name: &str) -> Option<Answer> {
        let next = (at..self.case.then.len())
            .find(|next| matches!(self.case.then[*next].1, Then::Lookup(..)) && !self.used.contains(next));
        if let Some(next) = next
            && let Then::Lookup(of, answer) = &self.case.then[next].1
            && of.text == name
        {
            self.used.push(next);
            return Some(answer.clone());
        }
        let (_, answers) = self.lookups.get_mut(name)?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }

    /// What is said of the call as a whole.
    fn whole(&mut self) {
        for (span, then) in &self.case.then {
            let (layer, unmet) = match then {
                Then::Never(prompt) => {
                    let unmet = expect::never(self.stage.lines(), &prompt.text, self.program);
                    (Layer::Prompts, unmet)
                }
                Then::Ends(end) => (Layer::Disposition, expect::ends(self.stage.lines(), &end.text)),
                _ => continue,
            };
            if let Some(unmet) = unmet {
                self.unmet(*span, layer, unmet);
            }
        }
    }

    fn unmet(&mut self, span: Span, layer: Layer, unmet: Unmet) {
        let Unmet { expected, found, place, remedy } = unmet;
        let stands = place.or_else(|| place_at_the_end(self.stage.lines()));
        let message = format!("expected that {expected}; {found}");
        let mut diagnostic = Diagnostic::error(self.path, "unmet", span, message);
        if let Some((block, step, line)) = &stands {
            diagnostic.note(format!("the call is at {block}.{step}, {}:{line}", self.program.flow.path()));
        }
        if let Some(remedy) = remedy {
            diagnostic.remedy(remedy);
        }
        let t = self.stage.lines().last().map_or(0, |line| line.t);
        let (place, line) = stands.map_or((None, None), |(block, step, line)| (Some((block, step)), Some(line)));
        let (subject, recorded, replayed) = ("what the test expects".to_owned(), Some(expected), Some(found));
        let difference = Difference { layer, t, place, line, subject, recorded, replayed };
        self.failures.push(Failure { diagnostic, difference });
    }
}

fn place_at_the_end(lines: &[Line]) -> Option<(String, usize, usize)> {
    lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::Step { block, step, line, .. }) => Some((block.clone(), *step, *line)),
        _ => None,
    })
}

/// Lookups of the test that the flow does not make.
fn foreign(case: &Case, program: &Program) -> Vec<(String, Span)> {
    let known: Vec<&str> = program.flow.lookups.iter().map(|lookup| lookup.name.text.as_str()).collect();
    let named = case.then.iter().filter_map(|(_, then)| match then {
        Then::Lookup(name, _) => Some((name.text.as_str(), name.span)),
        _ => None,
    });
    let above = case.lookups.iter().map(|(name, (span, _))| (name.as_str(), *span));
    let foreign = named.chain(above).filter(|(name, _)| !known.contains(name));
    foreign.map(|(name, span)| (format!("{name}`; {}", suggestion(name, known.iter().copied())), span)).collect()
}
