//! `- agent: QUEUE`: hands the caller to a person, with the facts that the step `needs:`. In a line that we hold the
//! caller waits its turn first.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Named, Needs, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Action, AgentEnd, Doing, Ending, Go, Queued, Talking, Turn};
use crate::flow::shape::{FACTS, PROMPT, QUEUE, TARGET};
use crate::yaml::shape::{Shape, key, need};
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Agent {
    queue: Named<usize>,
    needs: Needs,
    /// A prompt for the agent alone.
    whisper: Option<String>,
    exits: Exits,
}

/// Where the caller goes on: nobody took the call; the queue's hours, the line's length or its patience are why; a person
/// hung up, or sent the caller on.
#[derive(Clone, Copy, Debug)]
struct Exits {
    otherwise: Next,
    closed: Option<Next>,
    full: Option<Next>,
    waited: Option<Next>,
    escalate: Option<Next>,
    done: Next,
}

impl Agent {
    pub const SHAPE: &Shape = &Shape::new(
        "agent",
        "Hands the caller to a person, who sees at once what is known of them.",
        &[
            need("agent", QUEUE, "The queue, outright or by a parameter: `with.desk`.").like("support"),
            key(
                "needs",
                FACTS,
                "Facts that go along: each is filled or declined by then. One with a `?` may be unasked.",
            )
            .like("[account, reason?]"),
            key("whisper", PROMPT, "What the person hears, alone, before the caller is there.").like("whisper_account"),
            key("done", TARGET, "Where the caller goes on when the person hangs up first; without it the call ends."),
            key("escalate", TARGET, "Where the caller goes on whom the person sends on; every fact stays known."),
            key("closed", TARGET, "Where the caller goes outside of the queue's hours; without it, to `else:`."),
            key("full", TARGET, "Where the caller goes when the line has no room; without it, to `else:`."),
            key("waited", TARGET, "Where the caller goes who has waited as long as one may; without it, to `else:`."),
            key("else", TARGET, "Where the caller goes when nobody took the call."),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let queue = loading.queue(node);
        let needs = loading.needs(fields);
        let whisper = match fields.take("whisper") {
            Some(node) => loading.whisper(node).map(|prompt| Some(prompt.text)),
            None => Some(None),
        };
        let exits = exits(node, fields, queue.as_ref(), loading);
        Some(Self { queue: queue?, needs: needs?, whisper: whisper?, exits: exits? })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        let Exits { otherwise, closed, full, waited, escalate, done } = self.exits;
        let failed = [("closed", closed), ("full", full), ("waited", waited), ("else", Some(otherwise))];
        let failed = failed.into_iter();
        let talked = [("done", Some(done)), ("escalate", escalate)];
        failed.chain(talked).filter_map(|(key, next)| Some(Way::of(key, next?))).collect()
    }

    /// Which of the flow's queues it may be for.
    pub fn queues(&self) -> &[usize] {
        self.queue.all()
    }

    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// The blocks that callers take instead of waiting.
    pub fn offers(&self, flow: &Flow) -> Vec<usize> {
        let held = self.queues().iter().filter_map(|queue| flow.queues[*queue].held.as_ref()?.waiting.as_ref());
        held.filter_map(|waiting| Some(waiting.instead.as_ref()?.to)).collect()
    }

    /// What the way out of that queue's line is called, as other exits are.
    pub fn instead(&self, flow: &Flow, queue: usize) -> String {
        match self.queues() {
            [_] => "instead".to_owned(),
            _ => format!("instead.{}", flow.queues[queue].name.text),
        }
    }

    pub fn minds<'f>(&'f self, minds: &mut Minds<'f>) {
        minds.bring(&self.needs.facts);
        minds.hand_off();
        self.whisper.iter().for_each(|prompt| minds.speak(prompt));
        for queue in self.queues() {
            let held = minds.flow().queues[*queue].held.as_ref();
            let Some(waiting) = held.and_then(|held| held.waiting.as_ref()) else { continue };
            waiting.announce.iter().for_each(|(_, prompt)| minds.speak(prompt));
            waiting.instead.iter().for_each(|instead| minds.speak(&instead.say));
        }
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let flow = at.ground.flow;
        let Exits { otherwise, closed, full, waited, escalate, done } = self.exits;
        let queues = || self.queues().iter().map(|queue| &flow.queues[*queue]);
        let mut ways = vec![at.paced(By::Agent(AgentEnd::Done), done), at.on(By::Agent(AgentEnd::Failed), otherwise)];
        ways.extend(escalate.map(|next| at.paced(By::Agent(AgentEnd::Escalated), next)));
        if queues().any(|queue| queue.hours.is_some()) {
            ways.push(at.on(By::Closed, closed.unwrap_or(otherwise)));
        }
        if queues().any(|queue| queue.held.is_some()) {
            ways.push(at.on(By::Full, full.unwrap_or(otherwise)));
            ways.push(at.on(By::Waited, waited.unwrap_or(otherwise)));
            ways.extend(self.offers(flow).into_iter().map(|to| at.paced(By::Left, Next::Block(to))));
        }
        ways
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let flow = turn.flow;
        let at = *turn.of(&self.queue);
        let queue = &flow.queues[at];
        if queue.hours.is_some_and(|hours| !turn.is_open(hours)) {
            return turn.fail_as("closed", self.exits.closed, self.exits.otherwise);
        }
        turn.answer();
        turn.bring(&self.needs.facts);
        match &queue.held {
            Some(held) => Queued::begin(turn, self.clone(), at, held),
            None => self.call(turn, at),
        }
    }

    /// It is the caller's turn.
    pub fn call(&self, turn: &mut Turn, queue: usize) -> Go {
        let flow = turn.flow;
        let queue = &flow.queues[queue];
        let Some(to) = &queue.to else { return turn.fail(Exit::Key("else"), self.exits.otherwise) };
        let held = queue.held.is_some();
        let (queue, destination) = (queue.name.text.clone(), to.text.clone());
        let (facts, whisper) = (self.needs.facts.clone(), self.whisper.clone());
        let escalates = self.exits.escalate.is_some();
        turn.act(Action::Agent { queue, destination, facts, whisper, escalates });
        let Exits { otherwise, escalate, done, .. } = self.exits;
        Go::Wait(Doing::Talking(Talking::new(otherwise, done, escalate, held)))
    }

    /// The line had no room.
    pub fn full(&self, turn: &mut Turn) -> Go {
        turn.fail_as("full", self.exits.full, self.exits.otherwise)
    }

    /// The caller has waited as long as one may.
    pub fn waited(&self, turn: &mut Turn) -> Go {
        turn.fail_as("waited", self.exits.waited, self.exits.otherwise)
    }

    /// The caller takes the way out of the line instead.
    pub fn left(&self, turn: &mut Turn, queue: usize, to: usize) -> Go {
        turn.leave(self.instead(turn.flow, queue), Next::Block(to))
    }

    pub fn object(&self, flow: &Flow) -> String {
        self.queue.name(flow, |queue| flow.queues[*queue].name.text.clone())
    }

    /// The prompt for the agent alone.
    pub fn whisper(&self) -> Option<&str> {
        self.whisper.as_deref()
    }
}

fn exits(node: &Node, fields: &mut Fields, queue: Option<&Named<usize>>, loading: &mut Loading) -> Option<Exits> {
    let queues = queue.map(|queue| queue.all().to_vec());
    let read = |loading: &Loading, has: fn(&crate::flow::model::Queue) -> bool| {
        // A queue that could not be read is one mistake already.
        queues.as_ref().is_none_or(|all| all.iter().any(|at| loading.queues.get(*at).is_none_or(has)))
    };
    let (held, timed) = (read(loading, |queue| queue.held.is_some()), read(loading, |queue| queue.hours.is_some()));
    let mut exit = |key: &'static str, fits: bool, remedy: &str| {
        let node = fields.take(key)?;
        if !fits {
            let message = format!("this queue never is `{key}`");
            loading.faults.error("no-effect", node.span, message).remedy(remedy);
        }
        Some(loading.target(node))
    };
    let closed = exit("closed", timed, "give the queue `hours:`");
    let full = exit("full", held, "only a line that we hold is: give the queue `at_once:`");
    let waited = exit("waited", held, "only in a line that we hold: give the queue `at_once:`");
    let escalate = exit("escalate", true, "");
    let otherwise = loading.otherwise(fields, node);
    let done = fields.take("done").map_or(Some(Next::End(Ending::Agent)), |node| loading.target(node));
    let named = |exit: Option<Option<Next>>| exit.map_or(Some(None), |exit| exit.map(Some));
    Some(Exits {
        otherwise: otherwise?,
        closed: named(closed)?,
        full: named(full)?,
        waited: named(waited)?,
        escalate: named(escalate)?,
        done: done?,
    })
}
