//! From the events of a way through the flow to a call that takes it: how it comes in, what its caller presses, what the
//! systems answer. And the same in words.

use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::sample;
use super::solve::Conditions;
use crate::audio::spoken;
use crate::context::Outcome;
use crate::flow::fact::{Kind, Known};
use crate::flow::run::AgentEnd;
use crate::flow::script::{Cue, LineCue, Opening, Script};
use crate::flow::step::Step;
use crate::yaml::Word;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A caller, where nothing says whether one is known.
const CALLER: &str = "+12025550100";

pub type Way = [(usize, By)];

/// The call; `None`: nothing that comes to us makes a call take that way.
pub fn script(ground: &Ground, states: &States, way: &Way) -> Option<Script> {
    let conditions = Conditions::of(ground, states, way)?;
    let mut opening = Opening::at(conditions.at);
    opening.from = Some(CALLER.to_owned());
    opening.with = conditions.with.clone();
    opening.switches = conditions.switches.clone();
    let today = conditions.at.to_zoned(TimeZone::UTC).date();
    let mut told = Telling { ground, states, conditions, today, opening, cues: Vec::new(), answers: Vec::new() };
    for (state, by) in way {
        told.event(*state, *by)?;
    }
    Some(Script { opening: told.opening, cues: told.cues })
}

struct Telling<'t, 'f> {
    ground: &'t Ground<'f>,
    states: &'t States,
    conditions: Conditions,
    today: Date,
    opening: Opening,
    cues: Vec<Cue>,
    /// Lookups that ended well: which, and its cue.
    answers: Vec<(usize, usize)>,
}

impl Telling<'_, '_> {
    fn event(&mut self, state: usize, by: By) -> Option<()> {
        let flow = self.ground.flow;
        match by {
            By::Itself | By::Holds(_) => {}
            By::Unserved | By::Failed => return None,
            By::Known { fact, value } => {
                let value = self.value(fact, value)?;
                self.known(fact, value)?;
            }
            By::Unknown { fact } => {
                if flow.facts[fact].known.contains(&Known::CallerNumber) {
                    self.opening.from = None;
                }
            }
            By::Keyed { fact, .. } if matches!(flow.facts[fact].kind, Kind::Recording { .. }) => {
                // Whoever ends a recording has said something.
                self.press("#".to_owned());
                let confirm = flow.facts[fact].confirm.as_ref();
                confirm.into_iter().for_each(|confirm| self.press(sample::letters(&[confirm.right])));
            }
            By::Keyed { fact, value } => {
                let value = self.value(fact, value)?;
                self.key_in(fact, &value)?;
            }
            By::Taken { fact, value } => {
                let value = self.value(fact, value)?;
                self.known(fact, value)?;
                let offer = flow.facts[fact].offer.as_ref()?;
                self.press(sample::letters(&[offer.right]));
            }
            By::GaveUp { fact } => {
                flow.facts[fact].ask.iter().for_each(|_| self.cues.push(Cue::Silence));
            }
            By::AskedForPerson { fact } => self.ask_for_person(fact)?,
            By::LookedUp { lookup, outcome } => self.look_up(lookup, outcome),
            By::Closed => {}
            By::Full => self.cues.push(Cue::Line(LineCue::Full)),
            By::Waited => self.cues.push(Cue::Line(LineCue::Longest)),
            By::Left => {
                let (block, step) = self.states.all[state].place;
                let Step::Agent(agent) = &flow.blocks[block].steps[step].step else { return None };
                let held =
                    agent.queues().iter().filter_map(|queue| flow.queues[*queue].held.as_ref()?.waiting.as_ref());
                let key = held.filter_map(|waiting| waiting.instead.as_ref()).map(|instead| instead.key).next()?;
                self.cues.push(Cue::Line(LineCue::Offer));
                self.press(sample::letters(&[key]));
            }
            By::Agent(end) => self.agent(state, end),
            By::HungUp => self.cues.push(Cue::HangUp),
        }
        Some(())
    }

    fn press(&mut self, keys: String) {
        self.cues.push(Cue::Press(keys));
    }

    /// The value that a fact gets here, as it is written.
    fn value(&mut self, fact: usize, value: Option<u8>) -> Option<String> {
        let question = &self.ground.flow.facts[fact];
        if let Some(value) = value {
            return self.ground.text(fact, value).map(str::to_owned);
        }
        let wanted = self.conditions.facts.get(&fact).cloned();
        wanted.or_else(|| sample::value(question, self.today))
    }

    /// Where it is known from: what came with the call, a lookup before, or the case that the call came back to.
    fn known(&mut self, fact: usize, value: String) -> Option<()> {
        let question = &self.ground.flow.facts[fact];
        let name = question.name.text.clone();
        for source in &question.known {
            match source {
                Known::Uui(at) => self.opening.uui.push((at.clone(), value)),
                Known::Header(at) => self.opening.headers.push((at.clone(), value)),
                Known::Web(at) => self.opening.web.push((at.clone(), value)),
                Known::LastCall => self.opening.last_call.push((name, value)),
                Known::CallerNumber => self.opening.from = Some(format!("+{}", value.trim_start_matches('+'))),
                Known::Lookup(_) => continue,
            }
            return Some(());
        }
        let fills = |lookup: usize| self.ground.flow.lookups[lookup].fills.iter().any(|(filled, _)| *filled == fact);
        if let Some((_, cue)) = self.answers.iter().rev().find(|(lookup, _)| fills(*lookup)) {
            let Cue::Lookup { values, .. } = &mut self.cues[*cue] else { return None };
            values.push((name, value));
            return Some(());
        }
        self.opening.case.push((name, value));
        Some(())
    }

    fn key_in(&mut self, fact: usize, value: &str) -> Option<()> {
        let question = &self.ground.flow.facts[fact];
        let month_first = spoken::month_first(&self.ground.flow.language);
        self.press(sample::keys(question, value, month_first)?);
        if question.accept.is_some() {
            self.cues.push(Cue::Lookup { outcome: Outcome::Ok, values: Vec::new() });
        }
        if let Some(confirm) = &question.confirm {
            self.press(sample::letters(&[confirm.right]));
        }
        Some(())
    }

    fn ask_for_person(&mut self, fact: usize) -> Option<()> {
        let (escape, question) = (self.ground.flow.escape?, &self.ground.flow.facts[fact]);
        let heard = if matches!(question.kind, Kind::Choice(_)) { escape.menu } else { escape.collect };
        if let Some(key) = heard {
            self.press(sample::letters(&[key]));
            return Some(());
        }
        // Only where the value is read back.
        let value = self.value(fact, None)?;
        let month_first = spoken::month_first(&self.ground.flow.language);
        self.press(sample::keys(question, &value, month_first)?);
        self.press(sample::letters(&[escape.menu?]));
        Some(())
    }

    fn look_up(&mut self, lookup: usize, outcome: Outcome) {
        let mut values = Vec::new();
        if outcome == Outcome::Ok {
            self.answers.push((lookup, self.cues.len()));
            values = self.conditions.answers(lookup, &self.ground.flow.lookups[lookup]);
        }
        self.cues.push(Cue::Lookup { outcome, values });
    }

    fn agent(&mut self, state: usize, end: AgentEnd) {
        let flow = self.ground.flow;
        let (block, step) = self.states.all[state].place;
        if let Step::Agent(agent) = &flow.blocks[block].steps[step].step
            && agent.queues().iter().any(|queue| flow.queues[*queue].held.is_some())
        {
            self.cues.push(Cue::Line(LineCue::Turn));
        }
        self.cues.push(Cue::Agent(end));
    }
}

/// The events in words, with the places where they happen; what goes on by itself is left out.
pub fn words(ground: &Ground, states: &States, way: &Way, end: (usize, usize)) -> Vec<String> {
    let place = |(block, step): (usize, usize)| {
        let block = &ground.flow.blocks[block];
        format!("{}:{}", block.name.text, step + 1)
    };
    let mut lines: Vec<String> = way
        .iter()
        .filter_map(|(state, by)| {
            let what = event(ground, *by)?;
            Some(format!("{}: {what}", place(states.all[*state].place)))
        })
        .collect();
    lines.push(format!("{}: here", place(end)));
    lines
}

fn event(ground: &Ground, by: By) -> Option<String> {
    let flow = ground.flow;
    let name = |fact: usize| flow.facts[fact].name.text.as_str();
    let with = |fact: usize, value: Option<u8>| {
        let value = value.and_then(|value| ground.text(fact, value));
        value.map_or_else(String::new, |value| format!(" as {value}"))
    };
    Some(match by {
        By::Itself => return None,
        By::Unserved => "it works, once it is served".to_owned(),
        By::Failed => "it cannot be done".to_owned(),
        By::Known { fact, value } => format!("{} is known already{}", name(fact), with(fact, value)),
        By::Unknown { .. } => return None,
        By::Keyed { fact, value } => format!("the caller keys in {}{}", name(fact), with(fact, value)),
        By::Taken { fact, value } => {
            format!("the caller takes the {} that is offered{}", name(fact), with(fact, value))
        }
        By::GaveUp { fact } => format!("the caller gives no {}", name(fact)),
        By::AskedForPerson { fact } => format!("asked for {}, the caller asks for a person", name(fact)),
        By::LookedUp { lookup, outcome } => {
            let lookup: &Word = &flow.lookups[lookup].name;
            let how = match outcome {
                Outcome::Ok => "answers",
                Outcome::None => "knows no such thing",
                Outcome::Refused => "refuses",
                Outcome::Slow => "is too slow",
                Outcome::Failed => "fails",
            };
            format!("{} {how}", lookup.text)
        }
        By::Holds(true) => "the condition holds".to_owned(),
        By::Holds(false) => "the condition does not hold".to_owned(),
        By::Closed => "it is closed".to_owned(),
        By::Full => "the line is full".to_owned(),
        By::Waited => "the caller waited as long as one may".to_owned(),
        By::Left => "the caller takes the way out of the line".to_owned(),
        By::Agent(AgentEnd::Failed) => "nobody takes the call".to_owned(),
        By::Agent(AgentEnd::Done) => "the person hangs up".to_owned(),
        By::Agent(AgentEnd::Escalated) => "the person sends the caller on".to_owned(),
        By::HungUp => "the caller hangs up".to_owned(),
    })
}
