//! From the events of a way through the flow to a call that takes it: how it comes in, what its caller presses, what the
//! systems answer. And the same in words.

use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::sample::{self, Slip};
use super::solve::Conditions;
use super::standing::Status;
use crate::audio::spoken;
use crate::context::Outcome;
use crate::flow::fact::{Kind, Known, LANGUAGE};
use crate::flow::lookup::Piece;
use crate::flow::run::AgentEnd;
use crate::flow::script::{Cue, LineCue, Opening, Script};
use crate::flow::step::Step;
use crate::yaml::Word;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::HashSet;

/// A caller, where nothing says whether one is known.
const CALLER: &str = "+12025550100";

pub type Way = [(usize, By)];

/// The call; `None`: nothing that comes to us makes a call take that way.
pub fn script(ground: &Ground, states: &States, way: &Way) -> Option<Script> {
    tell(ground, states, way, Conditions::of(ground, states, way)?, 0).map(|told| told.0)
}

/// The call as one caller or another goes that way: by which values, from where they are known, with which slips before. 0 is
/// the one without slips. And what of that there is in it.
pub fn tell(
    ground: &Ground,
    states: &States,
    way: &Way,
    conditions: Conditions,
    manner: usize,
) -> Option<(Script, HashSet<Trait>)> {
    let mut opening = Opening::at(conditions.at);
    let is_withheld = |by: &By| match by {
        By::Unknown { fact } => ground.flow.facts[*fact].known.contains(&Known::CallerNumber),
        _ => false,
    };
    let withheld = way.iter().any(|(_, by)| is_withheld(by));
    opening.from = (!withheld).then(|| CALLER.to_owned());
    opening.with = conditions.with.clone();
    let mut traits = HashSet::new();
    for (number, parameter) in ground.flow.with.iter().enumerate().filter(|_| manner > 0) {
        let which = manner % parameter.values.len();
        let value = || parameter.values[which].text.clone();
        // What decides on the way is as it has to be there.
        if !opening.with.contains_key(&parameter.name.text) {
            opening.with.insert(parameter.name.text.clone(), value());
            traits.insert(Trait::Parameter(number, which));
        }
    }
    opening.switches = conditions.switches.clone();
    let today = conditions.at.to_zoned(TimeZone::UTC).date();
    let language = ground.flow.language.clone();
    let (cues, answers, offered) = (Vec::new(), Vec::new(), HashSet::new());
    let mut told =
        Telling { ground, states, conditions, manner, today, language, opening, cues, answers, offered, traits };
    for (state, by) in way {
        told.event(*state, *by)?;
    }
    Some((Script { opening: told.opening, cues: told.cues }, told.traits))
}

/// What a caller does with a fact that another one does otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trait {
    /// In which try, from 0, and which of the slips that there are.
    Slip(usize, usize, usize),
    Value(usize, String),
    /// Of a parameter of the flow, which of its values.
    Parameter(usize, usize),
    /// Which of the sources knows it.
    Source(usize, usize),
    /// Which of the sources knows something else, behind the one that counts.
    Overruled(usize, usize),
}

struct Telling<'t, 'f> {
    ground: &'t Ground<'f>,
    states: &'t States,
    conditions: Conditions,
    manner: usize,
    today: Date,
    /// In which the caller is asked.
    language: String,
    opening: Opening,
    cues: Vec<Cue>,
    /// Lookups that ended well: which, and its cue.
    answers: Vec<(usize, usize)>,
    /// Facts that were offered, or would have been: that is done once.
    offered: HashSet<usize>,
    traits: HashSet<Trait>,
}

impl Telling<'_, '_> {
    fn event(&mut self, state: usize, by: By) -> Option<()> {
        let flow = self.ground.flow;
        match by {
            By::Itself | By::Holds(_) => {}
            By::Unserved => return None,
            By::Failed => self.be_nobody()?,
            By::Known { fact, value } => {
                let value = self.value(fact, value)?;
                self.known(fact, value)?;
            }
            By::Unknown { .. } => {}
            By::Keyed { fact, .. } if matches!(flow.facts[fact].kind, Kind::Recording { .. }) => {
                // Whoever ends a recording has said something.
                self.press("#".to_owned());
                let confirm = flow.facts[fact].confirm.as_ref();
                confirm.into_iter().for_each(|confirm| self.press(sample::letters(&[confirm.right])));
            }
            By::Keyed { fact, value } => {
                let value = self.value(fact, value)?;
                self.decline_offer(fact);
                self.slip(fact, flow.facts[fact].ask.len() - 1)?;
                self.key_in(fact, &value)?;
            }
            By::Taken { fact, value } => {
                let value = self.value(fact, value)?;
                self.offered.insert(fact);
                self.known(fact, value)?;
                let offer = flow.facts[fact].offer.as_ref()?;
                self.press(sample::letters(&[offer.right]));
            }
            By::GaveUp { fact } => {
                self.decline_offer(fact);
                match self.manner {
                    0 => flow.facts[fact].ask.iter().for_each(|_| self.cues.push(Cue::Silence)),
                    _ => self.slip(fact, flow.facts[fact].ask.len())?,
                }
            }
            By::AskedForPerson { fact } => {
                self.decline_offer(fact);
                self.ask_for_person(fact)?;
            }
            By::LookedUp { lookup, outcome } if self.is_asked(state, lookup) => self.look_up(lookup, outcome),
            // It ends without being asked.
            By::LookedUp { outcome, .. } if outcome != Outcome::Ok => {}
            By::LookedUp { .. } => return None,
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

    /// An announcement is of those only who were found to be who may: here the business does not say so.
    fn be_nobody(&mut self) -> Option<()> {
        let flow = self.ground.flow;
        let is_verified = |name: &str| flow.facts.iter().any(|fact| fact.is_verified() && fact.name.text == name);
        let mut said = false;
        for cue in &mut self.cues {
            let Cue::Lookup { values, .. } = cue else { continue };
            let before = values.len();
            values.retain(|(name, _)| !is_verified(name));
            said |= values.len() < before;
        }
        said.then_some(())
    }

    fn press(&mut self, keys: String) {
        self.cues.push(Cue::Press(keys));
    }

    /// The value that a fact gets here, as it is written.
    fn value(&mut self, fact: usize, value: Option<u8>) -> Option<String> {
        let question = &self.ground.flow.facts[fact];
        let value = match value {
            Some(value) => self.ground.text(fact, value)?.to_owned(),
            None => {
                let wanted = self.conditions.facts.get(&fact).cloned();
                let mut all = wanted.map_or_else(|| sample::values(question, self.today), |wanted| vec![wanted]);
                if all.is_empty() {
                    return None;
                }
                all.swap_remove(self.manner % all.len())
            }
        };
        if question.name.text == LANGUAGE {
            self.language.clone_from(&value);
        }
        self.traits.insert(Trait::Value(fact, value.clone()));
        Some(value)
    }

    /// Where it is known from: what came with the call, a lookup before, or the case that the call came back to.
    fn known(&mut self, fact: usize, value: String) -> Option<()> {
        let question = &self.ground.flow.facts[fact];
        let sources: Vec<(usize, &Known)> =
            question.known.iter().enumerate().filter(|(_, source)| self.may_tell(source)).collect();
        // The number that calls is there in any case.
        let behind = sources.iter().position(|(_, source)| **source == Known::CallerNumber).map(|at| at + 1);
        let count = behind.unwrap_or(sources.len());
        let Some(&(which, source)) = sources.get(self.manner % count.max(1)) else {
            return self.filled_otherwise(fact, value);
        };
        self.traits.insert(Trait::Source(fact, which));
        self.tell_of(fact, source, value.clone())?;
        // What a later source says does not count.
        let later = sources.into_iter().find(|(later, _)| *later > which && self.manner > 0);
        let other = sample::values(question, self.today).into_iter().find(|other| *other != value);
        if let Some(((later, source), other)) = later.zip(other) {
            self.traits.insert(Trait::Overruled(fact, later));
            self.tell_of(fact, source, other)?;
        }
        Some(())
    }

    fn may_tell(&self, source: &Known) -> bool {
        match source {
            Known::Lookup(lookup) => self.answer(|answered| answered == *lookup).is_some(),
            Known::CallerNumber => self.opening.from.is_some(),
            Known::Uui(_) | Known::Header(_) | Known::Web(_) | Known::LastCall => true,
        }
    }

    fn tell_of(&mut self, fact: usize, source: &Known, value: String) -> Option<()> {
        let name = self.ground.flow.facts[fact].name.text.clone();
        match source {
            Known::Uui(at) => self.opening.uui.push((at.clone(), value)),
            Known::Header(at) => self.opening.headers.push((at.clone(), value)),
            Known::Web(at) => self.opening.web.push((at.clone(), value)),
            Known::LastCall => self.opening.last_call.push((name, value)),
            Known::CallerNumber => self.opening.from = Some(format!("+{}", value.trim_start_matches('+'))),
            Known::Lookup(lookup) => {
                let cue = self.answer(|answered| answered == *lookup)?;
                self.answered(cue, name, value)?;
            }
        }
        Some(())
    }

    /// By a lookup that fills it at once, or by the case.
    fn filled_otherwise(&mut self, fact: usize, value: String) -> Option<()> {
        let flow = self.ground.flow;
        let name = flow.facts[fact].name.text.clone();
        let fills = |lookup: usize| flow.lookups[lookup].fills.iter().any(|(filled, _)| *filled == fact);
        if let Some(cue) = self.answer(fills) {
            return self.answered(cue, name, value);
        }
        // What a case brings along is not offered.
        if self.offered.contains(&fact) {
            return None;
        }
        self.opening.case.push((name, value));
        Some(())
    }

    /// The cue of the last lookup of those that ended well.
    fn answer(&self, is_one: impl Fn(usize) -> bool) -> Option<usize> {
        self.answers.iter().rev().find(|(lookup, _)| is_one(*lookup)).map(|(_, cue)| *cue)
    }

    fn answered(&mut self, cue: usize, name: String, value: String) -> Option<()> {
        let Cue::Lookup { values, .. } = &mut self.cues[cue] else { return None };
        values.retain(|(known, _)| *known != name);
        values.push((name, value));
        Some(())
    }

    /// What is known is offered before anything is asked, and this caller wants another.
    fn decline_offer(&mut self, fact: usize) {
        let question = &self.ground.flow.facts[fact];
        let Some(offer) = &question.offer else { return };
        let is_known = question.known.contains(&Known::CallerNumber) && self.opening.from.is_some();
        if self.offered.insert(fact) && is_known {
            self.press(sample::letters(&[offer.again]));
        }
    }

    /// So many tries that bring nothing.
    fn slip(&mut self, fact: usize, tries: usize) -> Option<()> {
        if self.manner == 0 {
            return Some(());
        }
        let question = &self.ground.flow.facts[fact];
        let slips = sample::slips(question, self.today, spoken::month_first(&self.language), self.ground.flow.escape);
        for number in 0..tries {
            let which = (self.manner - 1 + number) % slips.len();
            self.traits.insert(Trait::Slip(fact, number, which));
            match &slips[which] {
                Slip::Silent => self.cues.push(Cue::Silence),
                Slip::Keys(keys) => self.press(keys.clone()),
                Slip::Refused => {
                    let value = sample::value(question, self.today)?;
                    self.enter(fact, &value)?;
                    self.cues.push(Cue::Lookup { outcome: Outcome::Refused, values: Vec::new() });
                }
                Slip::Again(key) => {
                    let value = sample::value(question, self.today)?;
                    self.enter(fact, &value)?;
                    self.accept(fact);
                    self.press(sample::letters(&[*key]));
                }
            }
        }
        Some(())
    }

    fn key_in(&mut self, fact: usize, value: &str) -> Option<()> {
        self.enter(fact, value)?;
        self.accept(fact);
        if let Some(confirm) = &self.ground.flow.facts[fact].confirm {
            self.press(sample::letters(&[confirm.right]));
        }
        Some(())
    }

    fn enter(&mut self, fact: usize, value: &str) -> Option<()> {
        let month_first = spoken::month_first(&self.language);
        self.press(sample::keys(&self.ground.flow.facts[fact], value, month_first)?);
        Some(())
    }

    fn accept(&mut self, fact: usize) {
        if let Some(lookup) = self.ground.flow.facts[fact].accept {
            self.look_up(lookup, Outcome::Ok);
            let cue = self.cues.len() - 1;
            let fills = &self.ground.flow.lookups[lookup].fills;
            // Whoever keys in what is taken is who may.
            for (filled, _) in fills.iter().filter(|(filled, _)| self.ground.flow.facts[*filled].is_verified()) {
                self.answered(cue, self.ground.flow.facts[*filled].name.text.clone(), "true".to_owned());
            }
        }
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
        self.enter(fact, &value)?;
        self.accept(fact);
        self.press(sample::letters(&[escape.menu?]));
        Some(())
    }

    /// Whether there is all that the lookup sends.
    fn is_asked(&self, state: usize, lookup: usize) -> bool {
        let (lookup, standing) = (&self.ground.flow.lookups[lookup], &self.states.all[state].standing);
        let is_there = |fact: usize| matches!(standing.status(fact), Status::Filled(_) | Status::Any);
        let sends_number = lookup.path.contains(&Piece::CallerNumber);
        lookup.sent().all(is_there) && (self.opening.from.is_some() || !sends_number)
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
