//! `- transfer: DESTINATION`: sends the caller's own phone away to a destination (REFER, RFC 3515), with the facts
//! that the step `needs:`. The call leaves our care, so the step says `because:` of what.

use crate::flow::load::Loading;
use crate::flow::model::{Flow, Needs, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Action, AgentEnd, Doing, Ending, Go, Talking, Turn};
use crate::flow::shape::{DESTINATION, FACTS, TARGET};
use crate::yaml::shape::{Shape, Takes, key, need};
use crate::yaml::{Fields, Node, Word};

#[derive(Clone, Debug)]
pub struct Transfer {
    to: Word,
    because: String,
    needs: Needs,
    otherwise: Next,
}

impl Transfer {
    pub const SHAPE: &Shape = &Shape::new(
        "transfer",
        "Sends the caller's own phone to another place: the call leaves our care when that has answered.",
        &[
            need("transfer", DESTINATION, "A destination of the configuration.").like("clinic"),
            need("because", Takes::Text("a reason in a few words", ""), "Why it leaves: it is on the call's record.")
                .like("\"the clinic has its own menu\""),
            key("needs", FACTS, "Facts that go along.").like("[birth]"),
            key("else", TARGET, "Where the caller goes on whom the other side did not take."),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let to = loading.destination(node);
        let because = because(node, fields, loading);
        let needs = loading.needs(fields);
        let otherwise = loading.otherwise(fields, node);
        Some(Self { to: to?, because: because?, needs: needs?, otherwise: otherwise? })
    }

    /// A destination of the configuration.
    pub fn to(&self) -> &Word {
        &self.to
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("else", self.otherwise), Way::of("done", Next::End(Ending::Transferred))]
    }

    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    pub fn minds(&self, minds: &mut Minds) {
        minds.bring(&self.needs.facts);
        minds.hand_off();
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let done = at.paced(By::Agent(AgentEnd::Done), Next::End(Ending::Transferred));
        vec![done, at.on(By::Agent(AgentEnd::Failed), self.otherwise)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.answer();
        turn.bring(&self.needs.facts);
        let (destination, because) = (self.to.text.clone(), self.because.clone());
        turn.act(Action::Transfer { destination, facts: self.needs.facts.clone(), because });
        Go::Wait(Doing::Talking(Talking::new(self.otherwise, Next::End(Ending::Transferred), None, false)))
    }

    pub fn object(&self, _: &Flow) -> String {
        self.to.text.clone()
    }
}

fn because(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<String> {
    let Some(because) = fields.take("because") else {
        loading
            .faults
            .error("no-reason", node.span, "a transfer leaves our care and says why")
            .remedy("add `because: \"the clinic has its own menu\"`");
        return None;
    };
    Some(because.word("a reason in a few words", &mut loading.faults)?.text)
}
