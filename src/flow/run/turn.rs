//! What a step may do in its turn: speak, take keys, change facts.

use super::{Action, Ending, Go};
use crate::context::{Context, Inbound, Source, Why};
use crate::flow::fact::{Kind, LANGUAGE};
use crate::flow::model::{Flow, Next};
use crate::flow::prompts::{Entry, Prompts, Wanted};
use crate::key::Key;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Keys that are kept for questions still to come; two of the longest entries.
const MAX_TYPED: usize = 64;
/// A `#` within this time after an entry that ended by its length belongs to that entry.
const LATE_POUND: Duration = Duration::from_secs(3);

/// What was refused, for the call's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys typed ahead that no question took: too many of them, or dropped by a failed try.
    pub keys_dropped: u32,
    /// Outside values that a fact did not accept.
    pub known_refused: u32,
}

/// What a run keeps between events, apart from where it is.
#[derive(Debug)]
pub(super) struct Talk {
    typed: VecDeque<Key>,
    /// Until when a `#` belongs to the entry before.
    late_pound: Option<Instant>,
    actions: VecDeque<Action>,
    plays: u32,
    /// Facts whose outside sources were looked at.
    looked_up: Vec<bool>,
    /// A failure's exit was taken, or the caller asked for a person, and no agent was talked to since.
    failed: bool,
    talked: bool,
    counts: Counts,
}

impl Talk {
    pub fn new(facts: usize) -> Self {
        Self {
            typed: VecDeque::new(),
            late_pound: None,
            actions: VecDeque::new(),
            plays: 0,
            looked_up: vec![false; facts],
            failed: false,
            talked: false,
            counts: Counts::default(),
        }
    }

    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// One event's worth of the call, as the steps see it.
pub struct Turn<'t> {
    pub flow: &'t Flow,
    pub prompts: &'t Prompts,
    pub inbound: &'t Inbound,
    pub now: Instant,
    pub context: &'t mut Context,
    pub(super) talk: &'t mut Talk,
}

impl Turn<'_> {
    pub fn act(&mut self, action: Action) {
        self.talk.actions.push_back(action);
    }

    /// Says a prompt; the number is that of its `PlayEnded`. Of the fact that is confirmed, its candidate is read; of
    /// others, what they hold.
    pub fn play(&mut self, prompt: &str, candidate: Option<(usize, &Secret)>) -> u32 {
        self.talk.plays += 1;
        let play = self.talk.plays;
        let entry = |wanted: Wanted| {
            let Wanted::Fact(name) = wanted else { return Entry::Withheld };
            let Some(fact) = self.flow.facts.iter().position(|question| question.name.text == name) else {
                return Entry::Withheld;
            };
            let held = || self.context.facts[fact].value();
            let value = candidate.filter(|(of, _)| *of == fact).map(|(_, value)| value).or_else(held);
            value.map_or(Entry::NotGiven, |value| Entry::Fact(&self.flow.facts[fact], value))
        };
        let say = self.prompts.book(&self.context.language).speech(prompt, entry);
        self.act(Action::Play { play, say });
        play
    }

    /// Something is asked, or somebody called: from here on the caller is answered.
    pub fn answer(&mut self) {
        if self.flow.early {
            self.act(Action::Answer);
        }
    }

    pub fn type_ahead(&mut self, key: Key) {
        if self.talk.typed.len() < MAX_TYPED {
            self.talk.typed.push_back(key);
        } else {
            self.talk.counts.keys_dropped += 1;
        }
    }

    pub fn next_key(&mut self) -> Option<Key> {
        self.talk.typed.pop_front()
    }

    pub fn drop_typed(&mut self) {
        self.talk.counts.keys_dropped += self.talk.typed.len() as u32;
        self.talk.typed.clear();
    }

    /// An entry ended by its length or by time: the `#` that a caller presses all the same is a part of it.
    pub fn ended_without_pound(&mut self) {
        match self.talk.typed.front() {
            Some(&Key::POUND) => drop(self.talk.typed.pop_front()),
            Some(_) => {}
            None => self.talk.late_pound = Some(self.now + LATE_POUND),
        }
    }

    /// Whether a key that comes in now belongs to the entry before.
    pub fn swallows(&mut self, key: Key) -> bool {
        let until = self.talk.late_pound.take();
        key == Key::POUND && until.is_some_and(|until| self.now <= until)
    }

    /// Whether a key asks for a person. At a confirm both escape keys do.
    pub fn is_escape(&self, fact: usize, key: Key, confirming: bool) -> bool {
        let Some(escape) = self.flow.escape else { return false };
        let (menu, collect) = (escape.menu == Some(key), escape.collect == Some(key));
        match self.flow.facts[fact].kind {
            _ if confirming => menu || collect,
            Kind::Choice(_) => menu,
            _ => collect,
        }
    }

    /// The caller asked for a person. After that no fact is unknown, so no question is asked again.
    pub fn escape(&mut self) -> Go {
        self.decline_unknown(Why::Person);
        self.talk.failed = true;
        match self.flow.escape {
            Some(escape) => Go::Take(Next::Block(escape.to)),
            None => unreachable!("an escape key is one of the flow's escape"),
        }
    }

    /// A step did not work.
    pub fn fail(&mut self, exit: Next) -> Go {
        self.talk.failed |= exit != Next::Continue;
        Go::Take(exit)
    }

    /// The caller talked to a person.
    pub fn talked(&mut self, exit: Next) -> Go {
        self.talk.talked = true;
        Go::Take(exit)
    }

    /// What a `hangup` here amounts to.
    pub fn ending(&self) -> Ending {
        match (self.talk.talked, self.talk.failed) {
            (true, _) => Ending::Agent,
            (false, true) => Ending::Failed,
            (false, false) => Ending::SelfServed,
        }
    }

    /// Makes these facts ready to go along. Nothing is asked: one that is still unknown may be known from outside, and
    /// goes as it is if not. What was typed ahead was for us.
    pub fn bring(&mut self, facts: &[usize]) {
        for &fact in facts {
            self.look_up(fact);
        }
        self.drop_typed();
    }

    /// Fills an unknown fact from the first outside source whose value it accepts. Each fact is looked up once.
    pub fn look_up(&mut self, fact: usize) {
        let looked_up = std::mem::replace(&mut self.talk.looked_up[fact], true);
        if looked_up || !self.context.facts[fact].is_unknown() {
            return;
        }
        let question = &self.flow.facts[fact];
        for (value, from) in question.known.iter().filter_map(|known| known.look(self.inbound)) {
            if question.accepts(value) {
                return self.fill(fact, Secret::new(value), from, false);
            }
            self.talk.counts.known_refused += 1;
        }
    }

    pub fn fill(&mut self, fact: usize, value: Secret, from: Source, confirmed: bool) {
        let at = self.context.wall(self.now);
        let chosen = self.prompts.books().find(|book| value == Secret::new(book.language.as_str()));
        let chosen = chosen.filter(|_| self.flow.facts[fact].name.text == LANGUAGE);
        if self.context.facts[fact].fill(value, from, confirmed, at) {
            if let Some(book) = chosen {
                self.context.language.clone_from(&book.language);
            }
            self.act(Action::Fact(fact));
        }
    }

    pub fn decline(&mut self, fact: usize, why: Why) {
        let at = self.context.wall(self.now);
        if self.context.facts[fact].decline(why, at) {
            self.act(Action::Fact(fact));
        }
    }

    pub fn decline_unknown(&mut self, why: Why) {
        for fact in 0..self.context.facts.len() {
            self.decline(fact, why);
        }
    }
}
