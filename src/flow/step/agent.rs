//! `- agent: QUEUE`: hands the caller to a person, with the facts that the step `needs:`.

use crate::flow::load::Loading;
use crate::flow::model::{Next, Way};
use crate::flow::run::{Action, AgentEnd, Doing, Ending, Event, Go, Turn};
use crate::yaml::{Fields, Node};

const MAX_NEEDS: usize = 64;
/// Modifiers that the language document names.
const LATER: [&str; 5] = ["whisper", "escalate", "full", "waited", "closed"];

#[derive(Clone, Debug)]
pub struct Agent {
    queue: usize,
    needs: Vec<usize>,
    otherwise: Next,
    done: Next,
}

/// The caller is with a person, or on the way to one.
#[derive(Clone, Debug)]
pub struct Talking {
    otherwise: Next,
    done: Next,
}

impl Agent {
    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let queue = loading.queue(node);
        fields.later(&LATER, &mut loading.faults);
        let needs = fields.take("needs").map_or(Some(Vec::new()), |node| needs(node, loading));
        let otherwise = loading.otherwise(fields, node);
        let done = fields.take("done").map_or(Some(Next::End(Ending::Agent)), |n| loading.block(n).map(Next::Block));
        Some(Self { queue: queue?, needs: needs?, otherwise: otherwise?, done: done? })
    }

    pub fn ways(&self) -> Vec<Way> {
        vec![Way::at_once(self.otherwise), Way { next: self.done, paced: true }]
    }

    /// Asks nothing: a fact that is still unknown may be known from outside, and goes as it is if not.
    pub fn begin(&self, turn: &mut Turn) -> Go {
        for &fact in &self.needs {
            turn.look_up(fact);
        }
        turn.drop_typed();
        let queue = &turn.flow.queues[self.queue];
        let (queue, destination) = (queue.name.text.clone(), queue.to.text.clone());
        turn.act(Action::Agent { queue, destination, facts: self.needs.clone() });
        Go::Wait(Doing::Talking(Talking { otherwise: self.otherwise, done: self.done }))
    }
}

impl Talking {
    /// Keys belong to the agent's leg: they are neither heard nor kept.
    pub fn on(self, turn: &mut Turn, event: Event) -> Go {
        match event {
            Event::Agent(AgentEnd::Failed) => turn.fail(self.otherwise),
            Event::Agent(AgentEnd::Done) => turn.talked(self.done),
            Event::Begin | Event::Key(_) | Event::PlayEnded(_) | Event::Deadline => Go::Wait(Doing::Talking(self)),
        }
    }
}

fn needs(node: &Node, loading: &mut Loading) -> Option<Vec<usize>> {
    let items = node.list("facts as `[account]`", MAX_NEEDS, &mut loading.faults)?;
    let mut facts = Vec::with_capacity(items.len());
    let mut whole = true;
    for item in items {
        let Some(fact) = loading.fact(item) else {
            whole = false;
            continue;
        };
        let Some((name, class)) = loading.question(fact).map(|q| (q.name.text.clone(), q.class)) else { continue };
        if !class.for_agent() {
            let class = format!("{class:?}").to_lowercase();
            let message = format!("`{name}` is {class}: no agent may need it");
            loading.faults.error("class", item.span, message).remedy("take it out of `needs:`");
        } else if facts.contains(&fact) {
            loading.faults.error("duplicate-key", item.span, format!("`{name}` stands here a second time"));
        }
        facts.push(fact);
    }
    whole.then_some(facts)
}
