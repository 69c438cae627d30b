//! What a step may do in its turn: speak, take keys, change facts.

use super::{Action, Ending, Go};
use crate::audio::Utterance;
use crate::audio::arena::BEEP;
use crate::context::{Context, Earlier, Inbound, Source, State, Why};
use crate::flow::fact::{Kind, Known, LANGUAGE, Lives, Question};
use crate::flow::model::{Exit, Flow, Named, Next};
use crate::flow::prompts::{Entry, Prompts, Queued, Wanted};
use crate::key::Key;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// Keys that are kept for questions still to come; two of the longest entries.
const MAX_TYPED: usize = 64;
/// A `#` within this time after an entry that ended by its length belongs to that entry.
const LATE_POUND: Duration = Duration::from_secs(3);
/// Ways out of a step that no step names: the caller asked for a person, or is gone.
pub const ESCAPE: &str = "escape";
pub const HANGUP: &str = "hangup";
/// Tries that brought nothing.
pub const SILENT: &str = "silent";
pub const INVALID: &str = "invalid";

/// What was refused, for the call's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys typed ahead that no question took: too many of them, or dropped by a failed try.
    pub keys_dropped: u32,
    /// Outside values that a fact did not accept.
    pub known_refused: u32,
}

/// What became of a key that the caller pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A part of that fact's value; the keys of one entry have the same number.
    Entered { fact: usize, entry: u32 },
    /// It answered or ordered something: a confirm, an escape, the end of an entry, the way out of a line.
    Answered,
}

/// What a run keeps between events, apart from where it is.
#[derive(Debug)]
pub(super) struct Talk {
    /// With their numbers.
    typed: VecDeque<(u32, Key)>,
    /// Keys that came, and which of them is heard now.
    pressed: u32,
    hearing: u32,
    entries: u32,
    /// What became of each key that a step heard, where somebody wants to know.
    pub heard: Option<Vec<(u32, Heard)>>,
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
    lookups: u32,
    takes: u32,
    announcements: u32,
    /// What lookups gave, by lookup and value.
    given: Vec<Vec<Option<Secret>>>,
    /// What they found for facts that name them among their sources: lookup, fact, value.
    found: Vec<(usize, usize, Secret)>,
    /// Facts whose known value was offered.
    offered: Vec<bool>,
    /// How often each fact was forgotten.
    rounds: Vec<u32>,
    /// A condition or a queue found closed hours.
    closed: bool,
    /// The caller asked for a person.
    escaped: bool,
    /// The caller is gone.
    pub gone: bool,
}

impl Talk {
    pub fn new(flow: &Flow) -> Self {
        let facts = flow.facts.len();
        Self {
            typed: VecDeque::new(),
            pressed: 0,
            hearing: 0,
            entries: 0,
            heard: None,
            late_pound: None,
            actions: VecDeque::new(),
            plays: 0,
            looked_up: vec![false; facts],
            failed: false,
            talked: false,
            counts: Counts::default(),
            lookups: 0,
            takes: 0,
            announcements: 0,
            given: flow.lookups.iter().map(|lookup| vec![None; lookup.gives.len()]).collect(),
            found: Vec::new(),
            offered: vec![false; facts],
            rounds: vec![0; facts],
            closed: false,
            escaped: false,
            gone: false,
        }
    }

    pub fn pressed(&mut self) {
        self.pressed += 1;
        self.hearing = self.pressed;
    }

    /// The number of the next lookup.
    pub fn next_lookup(&mut self) -> u32 {
        self.lookups += 1;
        self.lookups
    }

    pub fn give(&mut self, lookup: usize, which: usize, value: Option<Secret>) {
        self.given[lookup][which] = value;
    }

    /// A lookup found a value for a fact that has it among its sources: those are looked at again.
    pub fn found(&mut self, lookup: usize, fact: usize, value: Secret) {
        self.found.retain(|(l, f, _)| (*l, *f) != (lookup, fact));
        self.found.push((lookup, fact, value));
        self.looked_up[fact] = false;
    }

    pub fn refuse_known(&mut self) {
        self.counts.known_refused += 1;
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
        self.speak(prompt, candidate, None)
    }

    /// Says a prompt of the line, with the caller's place in it, and how long it may take if that is known.
    pub fn announce(&mut self, prompt: &str, place: (u32, Option<Duration>)) -> u32 {
        self.speak(prompt, None, Some(place))
    }

    /// Says a prompt that reads nothing, if there is one, and then the tone after which the caller is recorded.
    pub fn play_tone(&mut self, prompt: Option<&str>) -> u32 {
        self.talk.plays += 1;
        let play = self.talk.plays;
        let book = self.prompts.book(&self.context.language);
        let mut say = prompt.map_or_else(Vec::new, |prompt| book.speech(prompt, |_| Entry::Withheld));
        say.push(Utterance::Clip(BEEP.to_owned()));
        self.act(Action::Play { play, say });
        play
    }

    fn speak(
        &mut self,
        prompt: &str,
        candidate: Option<(usize, &Secret)>,
        place: Option<(u32, Option<Duration>)>,
    ) -> u32 {
        self.talk.plays += 1;
        let play = self.talk.plays;
        let entry = |wanted: Wanted| match wanted {
            Wanted::Queue(queued) => {
                let number = place.and_then(|(position, wait)| match queued {
                    Queued::Position => Some(position),
                    Queued::Minutes => wait.and_then(|wait| u32::try_from(wait.as_secs().div_ceil(60)).ok()),
                });
                number.map_or(Entry::Withheld, Entry::Number)
            }
            Wanted::Fact(name) => {
                let Some(fact) = self.flow.spoken(name) else { return Entry::Withheld };
                let held = || self.context.facts[fact].value();
                let value = candidate.filter(|(of, _)| *of == fact).map(|(_, value)| value).or_else(held);
                value.map_or(Entry::NotGiven, |value| Entry::Fact(&self.flow.facts[fact], value))
            }
        };
        let say = self.prompts.book(&self.context.language).speech(prompt, entry);
        self.act(Action::Play { play, say });
        play
    }

    /// The name of the next recording of this call: a clip that its prompts can play.
    pub fn next_take(&mut self) -> String {
        self.talk.takes += 1;
        format!("take/{}", self.talk.takes)
    }

    /// The name of what a fact recorded, if its caller heard it and took it as right.
    pub fn take_of(&self, fact: usize) -> Option<String> {
        match &self.context.facts[fact].state {
            State::Filled { confirmed: false, .. } if self.flow.facts[fact].confirm.is_some() => None,
            State::Filled { value, .. } => Some(value.open().to_owned()),
            State::Unknown | State::Declined { .. } => None,
        }
    }

    pub fn next_announcement(&mut self) -> u32 {
        self.talk.announcements += 1;
        self.talk.announcements
    }

    /// Whether a lookup said that the caller is who it says.
    pub fn is_verified(&self) -> bool {
        let mut facts = self.flow.facts.iter().zip(&self.context.facts);
        facts.any(|(question, fact)| question.is_verified() && fact.value().is_some_and(|value| value.open() == "true"))
    }

    /// Something is asked, or somebody called: from here on the caller is answered.
    pub fn answer(&mut self) {
        if self.flow.early {
            self.act(Action::Answer);
        }
    }

    pub fn type_ahead(&mut self, key: Key) {
        if self.talk.typed.len() < MAX_TYPED {
            self.talk.typed.push_back((self.talk.hearing, key));
        } else {
            self.talk.counts.keys_dropped += 1;
        }
    }

    pub fn next_key(&mut self) -> Option<Key> {
        let (number, key) = self.talk.typed.pop_front()?;
        self.talk.hearing = number;
        self.answered();
        Some(key)
    }

    /// The key that is heard now means something here.
    pub fn answered(&mut self) {
        if let Some(heard) = &mut self.talk.heard {
            heard.push((self.talk.hearing, Heard::Answered));
        }
    }

    /// The key that was taken last is a part of that fact's value.
    pub fn entered(&mut self, fact: usize, first: bool) {
        self.talk.entries += u32::from(first);
        if let Some((_, heard)) = self.talk.heard.as_mut().and_then(|heard| heard.last_mut()) {
            *heard = Heard::Entered { fact, entry: self.talk.entries };
        }
    }

    pub fn drop_typed(&mut self) {
        self.talk.counts.keys_dropped += self.talk.typed.len() as u32;
        self.talk.typed.clear();
    }

    /// Whether a person was asked for ahead of a question.
    pub fn typed_escape(&mut self, fact: usize) -> bool {
        let escape = self.talk.typed.iter().find(|(_, key)| self.is_escape(fact, *key, false));
        let Some((number, _)) = escape else { return false };
        self.talk.hearing = *number;
        self.answered();
        true
    }

    /// An entry ended by its length or by time: the `#` that a caller presses all the same is a part of it.
    pub fn ended_without_pound(&mut self) {
        match self.talk.typed.front() {
            Some((_, Key::POUND)) => drop(self.talk.typed.pop_front()),
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
        let question = &self.flow.facts[fact];
        match question.kind {
            _ if question.survey => false,
            _ if confirming => menu || collect,
            Kind::Choice(_) => menu,
            _ => collect,
        }
    }

    /// The caller asked for a person: no fact is unknown after that. Whoever was led back to a question since, by a
    /// `forget:`, gives up on that one: a second escape would only go round.
    pub fn escape(&mut self, fact: usize, gave_up: Next) -> Go {
        let Some(escape) = self.flow.escape.filter(|_| !self.talk.escaped) else {
            self.decline(fact, Why::Person);
            return self.fail(Exit::Key("else"), gave_up);
        };
        self.decline_unknown(Why::Person);
        (self.talk.failed, self.talk.escaped) = (true, true);
        self.context.note(ESCAPE);
        Go::Take(Next::Afresh(escape.to))
    }

    /// The caller hung up: what is left to do without it, or nothing.
    pub fn gone(&mut self) -> Go {
        self.talk.gone = true;
        self.context.note(HANGUP);
        Go::Take(self.flow.always_hangup.map_or(Next::End(Ending::SelfServed), Next::Afresh))
    }

    /// The step is done.
    pub fn on(&mut self) -> Go {
        self.take(Exit::On, Next::Continue)
    }

    /// The step is left by that way.
    pub fn take(&mut self, exit: Exit, next: Next) -> Go {
        self.context.note(exit);
        Go::Take(next)
    }

    /// A step did not work.
    pub fn fail(&mut self, exit: Exit, next: Next) -> Go {
        self.talk.failed |= next != Next::Continue;
        self.take(exit, next)
    }

    /// The same, by the way of that name if the step has one, and else by its `else:`.
    pub fn fail_as(&mut self, key: &'static str, named: Option<Next>, otherwise: Next) -> Go {
        match named {
            Some(next) => self.fail(Exit::Key(key), next),
            None => self.fail(Exit::Key("else"), otherwise),
        }
    }

    /// The caller will not wait.
    pub fn leave(&mut self, exit: String, next: Next) -> Go {
        self.talk.failed = true;
        self.context.note(exit);
        Go::Take(next)
    }

    /// The caller talked to a person.
    pub fn talked(&mut self, exit: Exit, next: Next) -> Go {
        self.talk.talked = true;
        self.take(exit, next)
    }

    /// What a `hangup` here amounts to.
    pub fn ending(&self) -> Ending {
        match (self.talk.talked, self.talk.closed, self.talk.failed) {
            (true, ..) => Ending::Agent,
            (false, true, _) => Ending::Closed,
            (false, false, true) => Ending::Failed,
            (false, false, false) => Ending::SelfServed,
        }
    }

    /// Makes these facts ready to go along. Nothing is asked: one that is still unknown may be known from outside, and
    /// goes as it is if not. What was typed ahead was for us.
    pub fn bring(&mut self, facts: &[usize]) {
        facts.iter().for_each(|fact| self.bring_one(*fact));
        self.drop_typed();
    }

    fn bring_one(&mut self, fact: usize) {
        if let Some((value, from)) = self.known(fact) {
            self.fill(fact, value, from, false);
        }
    }

    /// Fills an unknown fact from outside, unless what is known is to be offered to the caller first.
    pub fn look_up(&mut self, fact: usize) {
        if self.flow.facts[fact].offer.is_none()
            && let Some((value, from)) = self.known(fact)
        {
            self.fill(fact, value, from, false);
        }
    }

    /// What an outside source knows of a fact that is unknown: the first one whose value it takes. Each is looked at once,
    /// and again after a lookup.
    fn known(&mut self, fact: usize) -> Option<(Secret, Source)> {
        let looked_up = std::mem::replace(&mut self.talk.looked_up[fact], true);
        if looked_up || !self.context.facts[fact].is_unknown() {
            return None;
        }
        let flow = self.flow;
        let question = &flow.facts[fact];
        let since = self.since(question);
        for source in &question.known {
            let known = match source {
                Known::Lookup(lookup) => {
                    let found = self.talk.found.iter().find(|(l, f, _)| (*l, *f) == (*lookup, fact));
                    let name = &flow.lookups[*lookup].name.text;
                    found.map(|(_, _, value)| (value.clone(), Source::Lookup(name.clone())))
                }
                source => {
                    let known = source.look(self.inbound, &question.name.text, since);
                    known.map(|(value, from)| (Secret::new(value), from))
                }
            };
            match known {
                Some((value, from)) if self.takes(fact, &value) => return Some((value, from)),
                Some(_) => self.talk.counts.known_refused += 1,
                None => {}
            }
        }
        None
    }

    /// A known value that the caller is to hear before it counts; once a call.
    pub fn offer(&mut self, fact: usize) -> Option<(Secret, Source)> {
        let offered = std::mem::replace(&mut self.talk.offered[fact], true);
        if offered { None } else { self.known(fact) }
    }

    /// How old what is known of a fact from before the call may be.
    fn since(&self, question: &Question) -> Timestamp {
        let now = self.context.wall(self.now);
        let age = question.fresh.and_then(|fresh| SignedDuration::try_from(fresh).ok());
        age.and_then(|age| now.checked_sub(age).ok()).unwrap_or(Timestamp::MIN)
    }

    /// Whether a value is one of the fact's, and within its range.
    pub fn takes(&self, fact: usize, value: &Secret) -> bool {
        let (question, value) = (&self.flow.facts[fact], value.open());
        let today = || self.context.wall(self.now).to_zoned(TimeZone::UTC).date();
        question.accepts(value) && question.range.as_ref().is_none_or(|range| range.has(value, today()))
    }

    /// The call came back to its case: what was known there is known here.
    pub fn reattach(&mut self) {
        for earlier in &self.inbound.case {
            let fact = self.flow.facts.iter().position(|question| question.name.text == earlier.name);
            let lives = |fact: &usize| self.flow.facts[*fact].lives == Lives::Case;
            let Some(fact) = fact.filter(lives) else { continue };
            let fresh = earlier.at >= self.since(&self.flow.facts[fact]);
            if fresh && self.takes(fact, &earlier.value) {
                let Earlier { value, from, confirmed, at, .. } = earlier.clone();
                self.fill_at(fact, value, from, confirmed, at);
            } else {
                self.talk.counts.known_refused += 1;
            }
        }
    }

    pub fn given(&self, lookup: usize, which: usize) -> Option<&Secret> {
        let given = self.talk.given[lookup][which].as_ref();
        given.or(self.flow.lookups[lookup].gives[which].default.as_ref())
    }

    /// Which of its values a parameter has.
    fn chosen(&self, parameter: usize) -> usize {
        let parameter = &self.flow.with[parameter];
        let given = self.inbound.with.get(&parameter.name.text);
        given.and_then(|given| parameter.values.iter().position(|value| value.text == *given)).unwrap_or(0)
    }

    pub fn parameter(&self, parameter: usize) -> &str {
        &self.flow.with[parameter].values[self.chosen(parameter)].text
    }

    /// The thing itself, of a thing that may be named by a parameter.
    pub fn of<'n, T>(&self, named: &'n Named<T>) -> &'n T {
        match named {
            Named::This(one) => one,
            Named::With(parameter, all) => &all[self.chosen(*parameter)],
        }
    }

    pub fn switch(&self, name: &str) -> bool {
        self.inbound.switches.get(name).copied().unwrap_or(false)
    }

    pub fn is_open(&mut self, hours: usize) -> bool {
        let open = self.flow.hours[hours].is_open(self.context.wall(self.now));
        self.talk.closed |= !open;
        open
    }

    /// How often a fact was forgotten.
    pub fn rounds(&self, fact: usize) -> u32 {
        self.talk.rounds[fact]
    }

    /// Back to unknown. What came with the call is not looked at again; what a lookup finds from now on is.
    pub fn forget(&mut self, fact: usize, keep: bool) {
        self.talk.rounds[fact] += 1;
        self.talk.found.retain(|(_, found, _)| *found != fact);
        self.talk.looked_up[fact] = true;
        if keep {
            self.context.file_earlier(fact);
        }
        self.context.facts[fact].forget();
        self.told(fact);
    }

    pub fn fill(&mut self, fact: usize, value: Secret, from: Source, confirmed: bool) {
        let at = self.context.wall(self.now);
        self.fill_at(fact, value, from, confirmed, at);
    }

    fn fill_at(&mut self, fact: usize, value: Secret, from: Source, confirmed: bool, at: Timestamp) {
        let chosen = self.prompts.books().find(|book| value == Secret::new(book.language.as_str()));
        let chosen = chosen.filter(|_| self.flow.facts[fact].name.text == LANGUAGE);
        if self.context.facts[fact].fill(value, from, confirmed, at) {
            if let Some(book) = chosen {
                self.context.language.clone_from(&book.language);
            }
            self.told(fact);
        }
    }

    /// As it is now: more may happen to it in the same turn.
    fn told(&mut self, fact: usize) {
        let fact = Box::new(self.context.facts[fact].clone());
        self.act(Action::Fact(fact));
    }

    pub fn decline(&mut self, fact: usize, why: Why) {
        let at = self.context.wall(self.now);
        if self.context.facts[fact].decline(why, at) {
            self.told(fact);
        }
    }

    /// Nothing more is asked. What is known from outside is known, whether or not anything had come to it yet.
    pub fn decline_unknown(&mut self, why: Why) {
        // A survey is of every caller, however the call went.
        let flow = self.flow;
        for fact in (0..flow.facts.len()).filter(|fact| !flow.facts[*fact].survey) {
            self.bring_one(fact);
            self.decline(fact, why);
        }
    }
}
