//! The interpreter: a flow under way in one call. It reads no clock and plays nothing itself: `handle` takes
//! what happened, `poll` gives what to do, `next_deadline` says when to come back.

mod inquiry;
mod queued;
mod taking;
mod talking;
mod turn;

pub use inquiry::{Inquiry, SILENCE};
pub use queued::Queued;
pub use taking::{Taken, Taking};
pub use talking::Talking;
pub use turn::{Counts, ESCAPE, HANGUP, Heard, INVALID, SILENT, Turn};

use super::model::{Flow, Next};
use super::prompts::Prompts;
use super::step::announce::Announcing;
use super::step::collect::Asking;
use super::step::lookup::Looking;
use super::step::say::Saying;
use crate::audio::Utterance;
use crate::context::{Context, Fact, Inbound, LookupRequest, Outcome, Passed, Why};
use crate::key::Key;
use crate::media::RecordAct;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use turn::Talk;

/// Steps taken without waiting. A flow that is proved does not go round; one that is tried before that may, and its call
/// ends then.
const MAX_STEPS_AT_ONCE: usize = 10_000;

/// What happened in the call.
#[derive(Clone, Debug)]
pub enum Event {
    /// The call is answered.
    Begin,
    /// The caller pressed a key.
    Key(Key),
    /// The prompt of that `Action::Play` ended by itself.
    PlayEnded(u32),
    Agent(AgentEnd),
    /// The lookup of that `Action::Lookup` ended, with these of the values that it wants.
    LookedUp {
        lookup: u32,
        outcome: Outcome,
        values: Vec<(String, Secret)>,
    },
    /// What the caller said is recorded under that name (`Ok`), nothing was said (`None`), or it failed.
    Taken {
        take: String,
        outcome: Outcome,
    },
    /// How the `Action::Announce` of that number ended.
    Announced {
        announce: u32,
        done: bool,
    },
    /// A word of the line that the caller waits in.
    Line(LineWord),
    /// The caller hung up. What `always.hangup` has to do is done without it; then `Action::Hangup` follows.
    Gone,
    /// `now` is `next_deadline()` or later.
    Deadline,
}

/// What the line says: `acd::Word`, as a flow knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineWord {
    /// The caller's place, 1 for the next, and how long the wait may take, once anybody knows.
    Place {
        position: u32,
        wait: Option<Duration>,
    },
    Turn,
    Full,
}

/// How an `Action::Agent` ended while the caller is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentEnd {
    /// No agent answered, or the transfer failed.
    Failed,
    /// The agent hung up, or the transfer is done.
    Done,
    /// The agent sent the caller on, to where the flow escalates.
    Escalated,
}

/// What the call has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Say this. `Event::PlayEnded` is due with the same number, unless `Stop` comes first.
    Play { play: u32, say: Vec<Utterance> },
    /// Ask a system of the business. `Event::LookedUp` is due with the same number.
    Lookup { lookup: u32, name: String, request: LookupRequest },
    /// Play music, that clip or the usual one: the caller waits. Until `Stop`.
    Music(Option<String>),
    /// Refuse the call with this status, or hang up if it is answered. Nothing follows.
    Reject(u16),
    /// Answer the call, if that is not done yet.
    Answer,
    /// Stop the prompt that plays.
    Stop,
    /// What became of a fact: filled, declined or forgotten.
    Fact(Box<Fact>),
    /// A step was entered; the context's journey has it already. `step` counts from 1.
    Step { block: String, step: usize, verb: &'static str, line: usize },
    /// Hand the caller to a person, with these of `context.facts`; a person who answers hears the prompt first. Ends with
    /// `Event::Agent`.
    /// `escalates`: the person may send the caller on to where the flow says.
    Agent { queue: String, destination: String, facts: Vec<usize>, whisper: Option<String>, escalates: bool },
    /// Into the line of that queue; `Event::Line` follows. So many callers at once are with its people, and wait.
    Join { queue: String, at_once: usize, size: usize },
    /// Out of the line.
    Leave,
    /// Send the caller's phone away to a destination, with these of `context.facts`. Ends with `Event::Agent`.
    Transfer { destination: String, facts: Vec<usize>, because: String },
    /// Begin, pause or end the recording of the call's sound.
    Record(RecordAct),
    /// Record what the caller says, until it is silent, or for that long. Ends with `Event::Taken`.
    Take { take: String, longest: Duration },
    /// It has said everything; the event follows.
    EndTake { take: String },
    /// That take is heard in place of the prompt from now on, and the switch is set. Ends with `Event::Announced`.
    Announce { announce: u32, prompt: String, language: String, take: Option<String>, switch: Option<(String, bool)> },
    /// The flow is over. Nothing follows.
    Hangup { because: Ending },
}

/// How a flow ended, as the disposition counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The caller got through the flow alone.
    SelfServed,
    /// The caller talked to an agent.
    Agent,
    /// The caller's phone was sent to somebody else.
    Transferred,
    /// It was closed, and nobody was to be talked to.
    Closed,
    /// The flow ended on a failure, or the caller asked for a person, and no agent was talked to.
    Failed,
}

/// What a step gives: it waits, or the flow goes on.
#[derive(Debug)]
pub enum Go {
    Wait(Doing),
    Take(Next),
}

/// What the flow is waiting for.
#[derive(Clone, Debug)]
pub enum Doing {
    Nothing,
    Saying(Saying),
    Asking(Asking),
    Looking(Looking),
    Announcing(Announcing),
    Queued(Box<Queued>),
    Talking(Talking),
    Ended,
}

impl Doing {
    fn is_in_line(&self) -> bool {
        match self {
            Doing::Queued(_) => true,
            Doing::Talking(talking) => talking.is_held(),
            _ => false,
        }
    }
}

/// A flow under way.
#[derive(Debug)]
pub struct Run {
    flow: Arc<Flow>,
    prompts: Arc<Prompts>,
    inbound: Inbound,
    place: Place,
    doing: Doing,
    talk: Talk,
}

impl Run {
    /// `inbound` is what came with the call, already cut down to what its trunk is trusted for.
    pub fn new(flow: Arc<Flow>, prompts: Arc<Prompts>, inbound: Inbound) -> Self {
        let (place, talk) = (Place { at: (flow.start, 0), stack: Vec::new() }, Talk::new(&flow));
        Self { flow, prompts, inbound, place, doing: Doing::Nothing, talk }
    }

    /// Takes one event. `context.facts` are the flow's, in its order (`Flow::unknown_facts`).
    pub fn handle(&mut self, now: Instant, context: &mut Context, event: Event) {
        assert_eq!(context.facts.len(), self.flow.facts.len(), "the context is of this flow");
        if let Event::Key(_) = event {
            self.talk.pressed();
        }
        let flow = Arc::clone(&self.flow);
        let mut turn =
            Turn { flow: &flow, prompts: &self.prompts, inbound: &self.inbound, now, context, talk: &mut self.talk };
        let go = match (std::mem::replace(&mut self.doing, Doing::Ended), event) {
            (Doing::Ended, _) => Go::Wait(Doing::Ended),
            (doing, Event::Gone) if !turn.talk.gone => {
                if doing.is_in_line() {
                    turn.act(Action::Leave);
                }
                turn.gone()
            }
            (Doing::Nothing, Event::Begin) => {
                turn.reattach();
                Go::Take(Next::Afresh(flow.start))
            }
            (doing @ (Doing::Saying(_) | Doing::Asking(_)), Event::Key(key)) if turn.swallows(key) => Go::Wait(doing),
            (Doing::Saying(saying), event) => saying.on(&mut turn, event),
            (Doing::Asking(asking), event) => asking.on(&mut turn, event),
            (Doing::Looking(looking), event) => looking.on(&mut turn, event),
            (Doing::Announcing(announcing), event) => announcing.on(&mut turn, event),
            (Doing::Queued(queued), event) => queued.on(&mut turn, event),
            (Doing::Talking(talking), event) => talking.on(&mut turn, event),
            (Doing::Nothing, _) => Go::Wait(Doing::Nothing),
        };
        self.doing = advance(&mut self.place, &mut turn, go);
    }

    /// When `Event::Deadline` is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.doing {
            Doing::Asking(asking) => asking.deadline(),
            Doing::Looking(looking) => Some(looking.deadline()),
            Doing::Announcing(announcing) => Some(announcing.deadline()),
            Doing::Queued(queued) => Some(queued.deadline()),
            Doing::Nothing | Doing::Saying(_) | Doing::Talking(_) | Doing::Ended => None,
        }
    }

    /// The next thing to do. Drained after every `handle`.
    pub fn poll(&mut self) -> Option<Action> {
        self.talk.next_action()
    }

    /// A switch was set: conditions read it from now on.
    pub fn switch(&mut self, name: &str, on: bool) {
        self.inbound.switches.insert(name.to_owned(), on);
    }

    /// Whether the caller is asked for what nobody may hear.
    pub fn asks_in_private(&self) -> bool {
        let Doing::Asking(asking) = &self.doing else { return false };
        !self.flow.facts[asking.fact()].class.for_agent()
    }

    /// The fact that the caller is asked for.
    pub fn asked(&self) -> Option<usize> {
        if let Doing::Asking(asking) = &self.doing { Some(asking.fact()) } else { None }
    }

    /// From now on it is kept what becomes of each key.
    pub fn keep_heard(&mut self) {
        self.talk.heard = Some(Vec::new());
    }

    /// What became of keys, in the order in which they were heard: the number of each, counted from 1, as it came. Keys
    /// that are not in here nobody took.
    pub fn heard(&self) -> &[(u32, Heard)] {
        self.talk.heard.as_deref().unwrap_or(&[])
    }

    /// Whether keys of an entry have come, and it has not ended.
    pub fn is_entering(&self) -> bool {
        matches!(&self.doing, Doing::Asking(asking) if asking.is_entering())
    }

    pub fn counts(&self) -> Counts {
        self.talk.counts()
    }
}

/// Walks from step to step until one waits.
fn advance(place: &mut Place, turn: &mut Turn, mut go: Go) -> Doing {
    for _ in 0..MAX_STEPS_AT_ONCE {
        let next = match go {
            Go::Wait(doing) => return doing,
            Go::Take(next) => next,
        };
        let ended = place.go(next, turn);
        let (block, step) = place.at;
        // What is done after the caller is gone may come to the end of its block.
        let ended = ended.or((step == turn.flow.blocks[block].steps.len()).then_some(Ending::SelfServed));
        if let Some(because) = ended {
            turn.act(Action::Hangup { because });
            return Doing::Ended;
        }
        go = enter(place.at, turn);
    }
    turn.act(Action::Hangup { because: Ending::Failed });
    Doing::Ended
}

/// Places that a run remembers to return to.
const MAX_STACK: usize = 64;

/// Where a run is.
#[derive(Debug)]
struct Place {
    /// Block and step, both from 0.
    at: (usize, usize),
    /// Where each `run` goes on; the proofs bound how many there are, and whoever tries more has its first ones forgotten.
    stack: Vec<(usize, usize)>,
}

impl Place {
    /// Goes on there, or says how the flow ended.
    fn go(&mut self, next: Next, turn: &mut Turn) -> Option<Ending> {
        let (block, step) = self.at;
        self.at = match next {
            Next::Continue => (block, step + 1),
            Next::Block(block) => (block, 0),
            Next::Run(run) => {
                if self.stack.len() == MAX_STACK {
                    self.stack.remove(0);
                }
                self.stack.push((block, step + 1));
                (run, 0)
            }
            Next::Return => match self.stack.pop() {
                Some(back) => back,
                None => return Some(Ending::Failed),
            },
            Next::Afresh(block) => {
                self.stack.clear();
                (block, 0)
            }
            Next::Always => {
                let Some(block) = turn.flow.always_error else {
                    unreachable!("a step without an exit is not loaded");
                };
                turn.decline_unknown(Why::Error);
                self.stack.clear();
                (block, 0)
            }
            Next::End(because) => return Some(because),
        };
        None
    }
}

fn enter((block, step): (usize, usize), turn: &mut Turn) -> Go {
    let flow = turn.flow;
    let (block, placed) = (&flow.blocks[block], &flow.blocks[block].steps[step]);
    let (block, step, verb, line) = (block.name.text.clone(), step + 1, placed.step.verb(), placed.at.line);
    let at = turn.context.wall(turn.now);
    turn.context.pass(Passed { block: block.clone(), step, verb: verb.to_owned(), line, at, became: Vec::new() });
    turn.act(Action::Step { block, step, verb, line });
    placed.step.begin(turn)
}

#[cfg(test)]
mod language_tests;
#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod lookup_tests;
#[cfg(test)]
mod reuse_tests;
#[cfg(test)]
mod taking_tests;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod walk_tests;
