//! `- agent: QUEUE`: hands the caller to a person, with the facts that the step `needs:`.

use crate::flow::load::Loading;
use crate::flow::model::{Next, Way};
use crate::flow::run::{Action, Doing, Ending, Go, Talking, Turn};
use crate::yaml::{Fields, Node};

/// Modifiers that the language document names.
const LATER: [&str; 4] = ["escalate", "full", "waited", "closed"];

#[derive(Clone, Debug)]
pub struct Agent {
    queue: usize,
    needs: Vec<usize>,
    /// A prompt for the agent alone.
    whisper: Option<String>,
    otherwise: Next,
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
        let otherwise = loading.otherwise(fields, node);
        let done = fields.take("done").map_or(Some(Next::End(Ending::Agent)), |n| loading.block(n).map(Next::Block));
        Some(Self { queue: queue?, needs: needs?, whisper: whisper?, otherwise: otherwise?, done: done? })
    }

    pub fn ways(&self) -> Vec<Way> {
        vec![Way::at_once(self.otherwise), Way { next: self.done, paced: true }]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.answer();
        turn.bring(&self.needs);
        let queue = &turn.flow.queues[self.queue];
        let (queue, destination) = (queue.name.text.clone(), queue.to.text.clone());
        turn.act(Action::Agent { queue, destination, facts: self.needs.clone(), whisper: self.whisper.clone() });
        Go::Wait(Doing::Talking(Talking::new(self.otherwise, self.done)))
    }
}
