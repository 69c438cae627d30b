//! `- agent: QUEUE`: hands the caller to a person, with the facts that the step `needs:`.

use crate::flow::load::Loading;
use crate::flow::model::{Named, Next, Way};
use crate::flow::run::{Action, Doing, Ending, Go, Talking, Turn};
use crate::yaml::{Fields, Node};

/// Modifiers that the language document names.
const LATER: [&str; 3] = ["escalate", "full", "waited"];

#[derive(Clone, Debug)]
pub struct Agent {
    queue: Named<usize>,
    needs: Vec<usize>,
    /// A prompt for the agent alone.
    whisper: Option<String>,
    otherwise: Next,
    /// The queue's hours say so.
    closed: Option<Next>,
    done: Next,
}

impl Agent {
    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let queue = loading.queue(node);
        fields.later(&LATER, &mut loading.faults);
        let needs = loading.needs(fields);
        let whisper = match fields.take("whisper") {
            Some(node) => loading.whisper(node).map(|prompt| Some(prompt.text)),
            None => Some(None),
        };
        let closed = fields.take("closed").map(|node| loading.target(node));
        let otherwise = loading.otherwise(fields, node);
        let done = fields.take("done").map_or(Some(Next::End(Ending::Agent)), |n| loading.block(n).map(Next::Block));
        let closed = closed.map_or(Some(None), |exit| exit.map(Some));
        let (queue, closed, otherwise, done) = (queue?, closed?, otherwise?, done?);
        Some(Self { queue, needs: needs?, whisper: whisper?, otherwise, closed, done })
    }

    pub fn ways(&self) -> Vec<Way> {
        let failed = self.closed.into_iter().chain([self.otherwise]).map(Way::at_once);
        failed.chain([Way { next: self.done, paced: true }]).collect()
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let queue = &turn.flow.queues[*turn.of(&self.queue)];
        if queue.hours.is_some_and(|hours| !turn.is_open(hours)) {
            return turn.fail(self.closed.unwrap_or(self.otherwise));
        }
        turn.answer();
        turn.bring(&self.needs);
        let (queue, destination) = (queue.name.text.clone(), queue.to.text.clone());
        turn.act(Action::Agent { queue, destination, facts: self.needs.clone(), whisper: self.whisper.clone() });
        Go::Wait(Doing::Talking(Talking::new(self.otherwise, self.done)))
    }
}
