//! `- reject: 486` or `603`: refuses the call before it is answered.

use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Action, Doing, Ending, Go, Turn};
use crate::yaml::shape::{Shape, Takes, need};
use crate::yaml::{Fields, Node};

/// Busy Here, and Decline (RFC 3261 sections 21.4.24 and 21.6.2).
const STATUSES: [(&str, u16); 2] = [("486", 486), ("603", 603)];

#[derive(Clone, Debug)]
pub struct Reject {
    status: u16,
}

impl Reject {
    pub const SHAPE: &Shape = &Shape::new(
        "reject",
        "Refuses a call that was not answered yet; the flow has `answer: early`.",
        &[need("reject", Takes::Words(&[("486", "busy"), ("603", "declined")]), "What the caller's side is told.")],
    );

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let word = node.word("486 (busy) or 603 (declined)", &mut loading.faults)?;
        let status = STATUSES.iter().find(|(text, _)| *text == word.text).map(|(_, status)| *status);
        if status.is_none() {
            loading.faults.unknown("status of `reject`", &word, STATUSES.iter().map(|(text, _)| *text));
        }
        if !loading.early {
            let message = "the call is answered before its first step: it cannot be refused";
            loading.faults.error("answered", node.span, message).remedy("add `answer: early` to the flow, or hang up");
        }
        Some(Self { status: status? })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("reject", Next::End(Ending::SelfServed))]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::End(Ending::SelfServed))]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.act(Action::Reject(self.status));
        turn.context.note("reject");
        Go::Wait(Doing::Ended)
    }

    pub fn object(&self, _: &Flow) -> String {
        self.status.to_string()
    }
}
