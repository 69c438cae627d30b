//! `- collect: FACT`: the only verb that asks, and only for a fact that is still unknown.
//!
//! ```text
//! prompt plays .... ends | first key within 5 s | next key within 3 s of the last | `#` or the greatest length
//!        a key stops it  | else: a silent try   | else: the entry ends            | the entry ends
//! ```

use crate::context::{Outcome, Source, Why};
use crate::flow::fact::{Ask, Kind};
use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Action, Doing, Event, Go, INVALID, Inquiry, SILENT, Taken, Taking, Turn};
use crate::flow::shape::{FACT, TARGET};
use crate::key::Key;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use crate::yaml::shape::{Shape, key, need};
use crate::yaml::{Fields, Node};
use std::ops::ControlFlow;

/// The first key is waited for this long after the end of the prompt.
const FIRST_KEY: Duration = Duration::from_secs(5);
/// An entry ends this long after its last key.
const INTER_DIGIT: Duration = Duration::from_secs(3);
/// A value is read back once more to a caller who is silent, and then stands unconfirmed.
const SILENT_READINGS: u32 = 2;
/// A value is read back twice more to a caller who presses something else, and then stands unconfirmed.
const OTHER_READINGS: u32 = 3;

#[derive(Clone, Debug)]
pub struct Collect {
    fact: usize,
    otherwise: Next,
}

impl Collect {
    pub const SHAPE: &Shape = &Shape::new(
        "collect",
        "Asks the caller for a fact that is still unknown. One that is known already, from wherever it came, is not asked.",
        &[
            need("collect", FACT, "The fact. It has an `ask:`.").like("account"),
            key(
                "else",
                TARGET,
                "Where a caller goes on who gave no answer, or did not want to: the fact is declined then.",
            ),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let fact = loading.fact(node);
        let question = fact.and_then(|fact| loading.question(fact));
        let (name, asks, default) = match question {
            Some(q) => (q.name.text.clone(), !q.ask.is_empty(), q.default.is_some()),
            // A fact that could not be read is one mistake already.
            None => (String::new(), true, false),
        };
        let has_else = fields.rest().any(|key| key.text == "else");
        // With a default nothing can fail; a fact that was declined before is passed by.
        let settled = default || fact.is_none();
        let otherwise = if settled && !has_else { Some(Next::Continue) } else { loading.otherwise(fields, node) };
        if !asks {
            let message = format!("`{name}` cannot be collected: it has no `ask:`");
            loading.faults.error("no-ask", node.span, message).remedy("add `ask: [PROMPT]` to the fact");
        }
        Some(Self { fact: fact?, otherwise: otherwise? })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON, Way::of("else", self.otherwise)]
    }

    pub fn fact(&self) -> usize {
        self.fact
    }

    pub fn minds(&self, minds: &mut Minds) {
        minds.look_up(self.fact);
        if let Some(lookup) = minds.flow().facts[self.fact].accept {
            let sent = minds.flow().lookups[lookup].sent().filter(|fact| *fact != self.fact);
            sent.for_each(|fact| minds.look_up(fact));
            // What is filled already stays so.
            minds.flow().lookups[lookup].fills.iter().for_each(|(fact, _)| minds.read(*fact));
        }
    }

    /// Whether the caller is asked here, as things stand.
    pub fn asks(&self, at: &Point) -> bool {
        matches!(at.status(self.fact), Status::Unknown | Status::Fresh | Status::Any)
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let fact = self.fact;
        let filled = at.on(By::Itself, Next::Continue);
        let declined = at.on(By::Itself, self.otherwise);
        match at.status(fact) {
            Status::Filled(_) => return vec![filled],
            Status::Declined | Status::Settled => return vec![declined],
            Status::Unknown | Status::Fresh | Status::Answered | Status::Any => {}
        }
        let question = &at.ground.flow.facts[fact];
        let asked = at.accepted(fact);
        let judged = Point { ground: at.ground, standing: &asked };
        // A value that the business took may be keyed in again.
        let tried = if question.confirm.is_some() { &judged } else { at };
        let mut ways = judged.fills(fact, Next::Continue, |value| By::Keyed { fact, value });
        // What is known is offered.
        if at.status(fact) == Status::Fresh {
            ways.extend(at.fills(fact, Next::Continue, |value| By::Taken { fact, value }));
        }
        ways.push(match &question.default {
            Some(_) => {
                let standard = at.ground.values(fact).into_iter().find(|one| at.ground.is_default(fact, *one));
                tried.with(By::GaveUp { fact }, Next::Continue, fact, Status::Filled(standard.flatten()))
            }
            None => tried.with(By::GaveUp { fact }, self.otherwise, fact, Status::Declined),
        });
        ways.extend(tried.escape(fact, self.otherwise));
        ways.iter_mut().for_each(|way| way.then.mark_asked(fact, at.ground.tracked(fact)));
        if at.status(fact) == Status::Any {
            ways.extend([filled, declined]);
        }
        ways
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.look_up(self.fact);
        let fact = &turn.context.facts[self.fact];
        if fact.value().is_some() {
            return turn.on();
        }
        if !fact.is_unknown() {
            return turn.fail(Exit::Key("else"), self.otherwise);
        }
        if turn.flow.facts[self.fact].offer.is_some()
            && let Some((value, from)) = turn.offer(self.fact)
        {
            return offer(turn, self.fact, self.otherwise, (value, from));
        }
        ask(turn, self.fact, self.otherwise, Failure::Silent)
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.facts[self.fact].name.text.clone()
    }
}

/// A question under way: one try, from its prompt to the fact's value or the try's failure.
#[derive(Clone, Debug)]
pub struct Asking {
    fact: usize,
    otherwise: Next,
    /// Why the try before failed.
    failed: Failure,
    phase: Phase,
    hearing: Hearing,
    /// Whether this try's prompt was begun; keys typed ahead make it needless.
    said: bool,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Silent,
    Invalid,
}

#[derive(Clone, Debug)]
enum Phase {
    /// A known value is read to the caller, before anything is asked.
    Offer {
        value: Secret,
        from: Source,
    },
    Entry(Vec<Key>),
    /// It is spoken, and recorded.
    Speaking(Taking),
    /// The business looks at the value.
    Accepting {
        value: Secret,
        inquiry: Inquiry,
    },
    Confirm {
        value: Secret,
        silences: u32,
        others: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum Hearing {
    /// There is something to say, unless keys typed ahead make it needless.
    Due,
    Playing(u32),
    Until(Instant),
}

fn offer(turn: &mut Turn, fact: usize, otherwise: Next, (value, from): (Secret, Source)) -> Go {
    turn.answer();
    let (phase, hearing) = (Phase::Offer { value, from }, Hearing::Due);
    Asking { fact, otherwise, failed: Failure::Silent, phase, hearing, said: false }.listen(turn)
}

fn ask(turn: &mut Turn, fact: usize, otherwise: Next, failed: Failure) -> Go {
    turn.answer();
    turn.context.facts[fact].tries += 1;
    let Kind::Recording { longest } = turn.flow.facts[fact].kind else {
        let (phase, hearing) = (Phase::Entry(Vec::new()), Hearing::Due);
        return Asking { fact, otherwise, failed, phase, hearing, said: false }.listen(turn);
    };
    if turn.typed_escape(fact) {
        return turn.escape(fact, otherwise);
    }
    // No key is a part of it.
    turn.drop_typed();
    let prompt = wording(turn, fact, failed);
    let (phase, hearing) = (Phase::Speaking(Taking::begin(turn, fact, prompt, longest)), Hearing::Due);
    Go::Wait(Doing::Asking(Asking { fact, otherwise, failed, phase, hearing, said: true }))
}

/// The prompt of the try that a fact is at.
fn wording<'f>(turn: &Turn<'f>, fact: usize, failed: Failure) -> &'f str {
    let at = turn.context.facts[fact].tries.saturating_sub(1) as usize;
    let prompt = match (turn.flow.facts[fact].ask.get(at), failed) {
        (Some(Ask::Plain(word)), _) => word,
        (Some(Ask::Worded { silent, .. }), Failure::Silent) => silent,
        (Some(Ask::Worded { invalid, .. }), Failure::Invalid) => invalid,
        (None, _) => unreachable!("a try has its prompt: fail() counts them"),
    };
    &prompt.text
}

impl Asking {
    pub fn on(mut self, turn: &mut Turn, event: Event) -> Go {
        if let Phase::Accepting { inquiry, .. } = &mut self.phase {
            return match inquiry.on(turn, event) {
                Some(outcome) => self.judged(turn, outcome),
                None => Go::Wait(Doing::Asking(self)),
            };
        }
        if let Phase::Speaking(taking) = &mut self.phase {
            return match taking.on(turn, event) {
                Some(taken) => self.spoken(turn, taken),
                None => Go::Wait(Doing::Asking(self)),
            };
        }
        match event {
            Event::Key(key) => {
                self.stop(turn);
                turn.type_ahead(key);
                self.listen(turn)
            }
            Event::PlayEnded(play) if matches!(self.hearing, Hearing::Playing(p) if p == play) => {
                self.hearing = Hearing::Until(turn.now + FIRST_KEY);
                Go::Wait(Doing::Asking(self))
            }
            Event::Deadline if self.deadline().is_some_and(|at| at <= turn.now) => self.elapsed(turn),
            _ => Go::Wait(Doing::Asking(self)),
        }
    }

    /// Its place among the flow's facts.
    pub fn fact(&self) -> usize {
        self.fact
    }

    pub fn is_entering(&self) -> bool {
        matches!(&self.phase, Phase::Entry(keys) if !keys.is_empty())
    }

    pub fn deadline(&self) -> Option<Instant> {
        if let Phase::Accepting { inquiry, .. } = &self.phase {
            return Some(inquiry.deadline());
        }
        if let Phase::Speaking(taking) = &self.phase {
            return taking.deadline();
        }
        match self.hearing {
            Hearing::Until(at) => Some(at),
            Hearing::Due | Hearing::Playing(_) => None,
        }
    }

    fn stop(&mut self, turn: &mut Turn) {
        if let Hearing::Playing(_) = self.hearing {
            turn.act(Action::Stop);
            self.hearing = Hearing::Until(turn.now + FIRST_KEY);
        }
    }

    /// Takes what is typed ahead; what is left to say after that is said.
    fn listen(mut self, turn: &mut Turn) -> Go {
        while let Some(key) = turn.next_key() {
            match self.key(turn, key) {
                ControlFlow::Continue(asking) => self = asking,
                ControlFlow::Break(go) => return go,
            }
        }
        if let Hearing::Due = self.hearing {
            self.hearing = Hearing::Playing(self.say(turn));
            self.said = true;
        }
        Go::Wait(Doing::Asking(self))
    }

    fn say(&self, turn: &mut Turn) -> u32 {
        let flow = turn.flow;
        let question = &flow.facts[self.fact];
        let readback = match &self.phase {
            Phase::Confirm { value, .. } => question.confirm.as_ref().zip(Some(value)),
            Phase::Offer { value, .. } => question.offer.as_ref().zip(Some(value)),
            Phase::Entry(_) | Phase::Speaking(_) | Phase::Accepting { .. } => None,
        };
        if let Some((readback, value)) = readback {
            return turn.play(&readback.prompt.text, Some((self.fact, value)));
        }
        let prompt = wording(turn, self.fact, self.failed);
        turn.play(prompt, None)
    }

    fn key(mut self, turn: &mut Turn, key: Key) -> ControlFlow<Go, Self> {
        if turn.is_escape(self.fact, key, !matches!(self.phase, Phase::Entry(_))) {
            return ControlFlow::Break(turn.escape(self.fact, self.otherwise));
        }
        let Phase::Entry(keys) = &mut self.phase else {
            return self.answer(turn, key);
        };
        let question = &turn.flow.facts[self.fact];
        match key {
            Key::POUND if !question.has_key(key) => self.entered(turn),
            // Clears the entry at no cost of a try.
            Key::STAR if !question.has_key(key) => {
                keys.clear();
                self.hearing = if self.said { Hearing::Until(turn.now + FIRST_KEY) } else { Hearing::Due };
                ControlFlow::Continue(self)
            }
            key => {
                turn.entered(self.fact, keys.is_empty());
                keys.push(key);
                if keys.len() >= question.greatest_length() {
                    turn.ended_without_pound();
                    return self.entered(turn);
                }
                self.hearing = Hearing::Until(turn.now + INTER_DIGIT);
                ControlFlow::Continue(self)
            }
        }
    }

    /// The recording is over.
    fn spoken(self, turn: &mut Turn, taken: Taken) -> Go {
        let value = match taken {
            Taken::Take(value) => value,
            Taken::Silent => return self.fail(turn, Failure::Silent),
            Taken::Escape => return turn.escape(self.fact, self.otherwise),
            Taken::Failed => {
                turn.decline(self.fact, Why::Error);
                return turn.fail(Exit::Key("else"), self.otherwise);
            }
        };
        match self.accepted(turn, value) {
            ControlFlow::Continue(asking) => asking.listen(turn),
            ControlFlow::Break(go) => go,
        }
    }

    /// The entry is over.
    fn entered(self, turn: &mut Turn) -> ControlFlow<Go, Self> {
        let Phase::Entry(keys) = &self.phase else { return ControlFlow::Continue(self) };
        let question = &turn.flow.facts[self.fact];
        match question.value_of(keys, &turn.context.language) {
            Some(value) if turn.takes(self.fact, &value) => self.taken(turn, value),
            Some(_) | None => ControlFlow::Break(self.fail(turn, Failure::Invalid)),
        }
    }

    /// The value is one of the fact's: the business looks at it, if it wants to.
    fn taken(mut self, turn: &mut Turn, value: Secret) -> ControlFlow<Go, Self> {
        let Some(lookup) = turn.flow.facts[self.fact].accept else { return self.accepted(turn, value) };
        match Inquiry::begin(turn, lookup, Some((self.fact, &value))) {
            Ok(inquiry) => {
                self.phase = Phase::Accepting { value, inquiry };
                ControlFlow::Break(Go::Wait(Doing::Asking(self)))
            }
            Err(outcome) => self.verdict(turn, value, outcome),
        }
    }

    fn judged(self, turn: &mut Turn, outcome: Outcome) -> Go {
        let Phase::Accepting { value, .. } = &self.phase else { return Go::Wait(Doing::Asking(self)) };
        let value = value.clone();
        match self.verdict(turn, value, outcome) {
            ControlFlow::Continue(asking) => asking.listen(turn),
            ControlFlow::Break(go) => go,
        }
    }

    /// The business knows no such thing, or will not have it: the try failed. If it cannot say, the value stands: nobody
    /// is sent away because something behind us failed.
    fn verdict(self, turn: &mut Turn, value: Secret, outcome: Outcome) -> ControlFlow<Go, Self> {
        match outcome {
            Outcome::None | Outcome::Refused => ControlFlow::Break(self.fail(turn, Failure::Invalid)),
            Outcome::Ok | Outcome::Slow | Outcome::Failed => self.accepted(turn, value),
        }
    }

    fn accepted(mut self, turn: &mut Turn, value: Secret) -> ControlFlow<Go, Self> {
        if turn.flow.facts[self.fact].confirm.is_none() {
            return ControlFlow::Break(self.fill(turn, value, false));
        }
        self.phase = Phase::Confirm { value, silences: 0, others: 0 };
        self.hearing = Hearing::Due;
        ControlFlow::Continue(self)
    }

    /// A key at the confirm, or at the offer.
    fn answer(mut self, turn: &mut Turn, key: Key) -> ControlFlow<Go, Self> {
        let question = &turn.flow.facts[self.fact];
        if let Phase::Offer { value, from } = &self.phase {
            let right = question.offer.as_ref().is_some_and(|offer| offer.right == key);
            let (value, from) = (value.clone(), from.clone());
            return ControlFlow::Break(if right {
                self.take_offer(turn, value, from)
            } else {
                self.decline_offer(turn)
            });
        }
        let Phase::Confirm { value, others, .. } = &mut self.phase else { return ControlFlow::Continue(self) };
        let keys = question.confirm.as_ref().map(|confirm| (confirm.right, confirm.again));
        match keys {
            Some((right, _)) if right == key => {
                let value = value.clone();
                ControlFlow::Break(self.fill(turn, value, true))
            }
            Some((_, again)) if again == key => ControlFlow::Break(self.fail(turn, Failure::Invalid)),
            _ => {
                *others += 1;
                // What was typed behind it was meant for something else; the value must be heard again.
                turn.drop_typed();
                if *others < OTHER_READINGS {
                    self.hearing = Hearing::Due;
                    return ControlFlow::Continue(self);
                }
                let value = value.clone();
                ControlFlow::Break(self.fill(turn, value, false))
            }
        }
    }

    /// The deadline passed: a silent try, the end of an entry, or silence at the confirm.
    fn elapsed(mut self, turn: &mut Turn) -> Go {
        match &mut self.phase {
            Phase::Entry(keys) if keys.is_empty() => self.fail(turn, Failure::Silent),
            Phase::Entry(_) => {
                // A slow caller's `#` belongs to this entry, not to the next question.
                turn.ended_without_pound();
                match self.entered(turn) {
                    ControlFlow::Continue(asking) => asking.listen(turn),
                    ControlFlow::Break(go) => go,
                }
            }
            // Nobody said yes.
            Phase::Offer { .. } => self.decline_offer(turn),
            Phase::Accepting { .. } | Phase::Speaking(_) => Go::Wait(Doing::Asking(self)),
            Phase::Confirm { value, silences, .. } => {
                *silences += 1;
                if *silences < SILENT_READINGS {
                    self.hearing = Hearing::Due;
                    return self.listen(turn);
                }
                let value = value.clone();
                self.fill(turn, value, false)
            }
        }
    }

    fn take_offer(self, turn: &mut Turn, value: Secret, from: Source) -> Go {
        turn.fill(self.fact, value, from, true);
        turn.on()
    }

    /// Another value is wanted: the caller is asked.
    fn decline_offer(self, turn: &mut Turn) -> Go {
        ask(turn, self.fact, self.otherwise, Failure::Silent)
    }

    fn fill(self, turn: &mut Turn, value: Secret, confirmed: bool) -> Go {
        let spoken = matches!(turn.flow.facts[self.fact].kind, Kind::Recording { .. });
        turn.fill(self.fact, value, if spoken { Source::Spoken } else { Source::Keypad }, confirmed);
        turn.on()
    }

    /// The try brought nothing: the next one, or the default, or the fact is declined.
    fn fail(self, turn: &mut Turn, why: Failure) -> Go {
        turn.drop_typed();
        let fact = &mut turn.context.facts[self.fact];
        let word = match why {
            Failure::Silent => {
                fact.silences += 1;
                SILENT
            }
            Failure::Invalid => {
                fact.invalids += 1;
                INVALID
            }
        };
        let tries = fact.tries as usize;
        turn.context.note(word);
        let question = &turn.flow.facts[self.fact];
        if tries < question.ask.len() {
            return ask(turn, self.fact, self.otherwise, why);
        }
        if let Some(value) = &question.default {
            turn.fill(self.fact, value.clone(), Source::Default, false);
            return turn.on();
        }
        turn.decline(self.fact, Why::Tries);
        turn.fail(Exit::Key("else"), self.otherwise)
    }
}
