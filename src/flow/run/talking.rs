//! The caller is with a person, or on the way to one: what the flow does in the meantime, and after.

use super::{AgentEnd, Doing, Event, Go, Turn};
use crate::flow::model::Next;

#[derive(Clone, Debug)]
pub struct Talking {
    otherwise: Next,
    done: Next,
}

impl Talking {
    /// Where the flow goes on when nobody took the call, and when somebody did and the caller is still there.
    pub fn new(otherwise: Next, done: Next) -> Self {
        Self { otherwise, done }
    }

    /// Keys belong to the person's side: they are neither heard nor kept.
    pub fn on(self, turn: &mut Turn, event: Event) -> Go {
        match event {
            Event::Agent(AgentEnd::Failed) => turn.fail(self.otherwise),
            Event::Agent(AgentEnd::Done) => turn.talked(self.done),
            _ => Go::Wait(Doing::Talking(self)),
        }
    }
}
