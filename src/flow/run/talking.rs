//! The caller is with a person, or on the way to one: what the flow does in the meantime, and after.

use super::{Action, AgentEnd, Doing, Event, Go, Turn};
use crate::flow::model::{Exit, Next};

#[derive(Clone, Debug)]
pub struct Talking {
    otherwise: Next,
    done: Next,
    escalate: Option<Next>,
    /// The caller has a place in a line of ours, which others wait for.
    held: bool,
}

impl Talking {
    /// Where the flow goes on when nobody took the call, when somebody did and the caller is still there, and when that
    /// person sends the caller on.
    pub fn new(otherwise: Next, done: Next, escalate: Option<Next>, held: bool) -> Self {
        Self { otherwise, done, escalate, held }
    }

    /// Keys belong to the person's side: they are neither heard nor kept.
    pub fn on(self, turn: &mut Turn, event: Event) -> Go {
        let Event::Agent(end) = event else { return Go::Wait(Doing::Talking(self)) };
        if self.held {
            turn.act(Action::Leave);
        }
        match end {
            AgentEnd::Failed => turn.fail(Exit::Key("else"), self.otherwise),
            AgentEnd::Done => turn.talked(Exit::Key("done"), self.done),
            AgentEnd::Escalated => match self.escalate {
                Some(escalate) => turn.talked(Exit::Key("escalate"), escalate),
                None => turn.talked(Exit::Key("done"), self.done),
            },
        }
    }

    pub fn is_held(&self) -> bool {
        self.held
    }
}
