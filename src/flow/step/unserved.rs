//! `- callback: QUEUE` and `- ticket: INBOX`: words of the language that nothing serves yet. They load with a warning,
//! and at run time they take their `else:`.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Needs, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{FACT, FACTS, QUEUE, TARGET};
use crate::yaml::shape::{Shape, Takes, key, need};
use crate::yaml::{Fields, Node, Value};

#[derive(Clone, Debug)]
pub struct Unserved {
    /// The queue or the inbox, as it was written.
    to: String,
    needs: Needs,
    otherwise: Next,
}

impl Unserved {
    fn load(verb: &str, node: &Node, needs: Option<Needs>, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let remedy = "the call goes on at its `else:`";
        loading.faults.warning("not-served-yet", node.span, format!("`{verb}` is not served yet")).remedy(remedy);
        let otherwise = loading.otherwise(fields, node)?;
        // What is no name was reported by whoever read it.
        let Value::Scalar { text, .. } = &node.value else { return None };
        Some(Self { to: text.clone(), needs: needs?, otherwise })
    }

    /// What it will lead to is looked at as well: a flow that loads today loads once it is served.
    fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON, Way::of("else", self.otherwise)]
    }

    fn minds(&self, minds: &mut Minds) {
        minds.bring(&self.needs.facts);
        minds.hand_off();
    }

    fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, self.otherwise), at.on(By::Unserved, Next::Continue)]
    }

    fn begin(&self, turn: &mut Turn) -> Go {
        turn.fail(Exit::Key("else"), self.otherwise)
    }
}

macro_rules! unserved {
    ($Verb:ident, $verb:literal, $load:expr, $shape:expr) => {
        #[derive(Clone, Debug)]
        pub struct $Verb(Unserved);

        impl $Verb {
            pub const SHAPE: &Shape = &$shape;

            pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
                let load: fn(&Node, &mut Fields, &mut Loading) -> Option<Needs> = $load;
                let needs = load(node, fields, loading);
                Unserved::load($verb, node, needs, fields, loading).map($Verb)
            }

            pub fn ways(&self) -> Vec<Way<'_>> {
                self.0.ways()
            }

            pub fn needs(&self) -> &Needs {
                &self.0.needs
            }

            pub fn minds(&self, minds: &mut Minds) {
                self.0.minds(minds);
            }

            pub fn moves(&self, at: &Point) -> Vec<Move> {
                self.0.moves(at)
            }

            pub fn object(&self, _: &Flow) -> String {
                self.0.to.clone()
            }

            pub fn begin(&self, turn: &mut Turn) -> Go {
                self.0.begin(turn)
            }
        }
    };
}

unserved!(
    Callback,
    "callback",
    |node, fields, loading| {
        loading.queue(node);
        let node = fields.need("number", &mut loading.faults)?;
        Some(Needs { facts: vec![loading.fact(node)?], unasked: vec![false], at: vec![node.span] })
    },
    Shape::new(
        "callback",
        "Not served yet, it goes on at its `else:`. Keeps the caller's place in the line and calls back.",
        &[
            need("callback", QUEUE, "The queue whose line it is.").like("support"),
            need("number", FACT, "The fact with the number to call.").like("callback"),
            key("else", TARGET, "Where the caller goes when that cannot be promised."),
        ],
    )
);
unserved!(
    Ticket,
    "ticket",
    |node, fields, loading| {
        node.name("an inbox of the configuration", &mut loading.faults);
        loading.needs(fields)
    },
    Shape::new(
        "ticket",
        "Not served yet, it goes on at its `else:`. Leaves the facts for somebody who looks at them later.",
        &[
            need("ticket", Takes::Name("inbox"), "An inbox of the configuration.").like("claims"),
            key("needs", FACTS, "Facts that go along.").like("[account]"),
            key("else", TARGET, "Where the caller goes when the inbox takes nothing."),
        ],
    )
);
