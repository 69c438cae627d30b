//! `- callback: QUEUE` and `- ticket: INBOX`: words of the language that nothing serves yet. They load with a warning,
//! and at run time they take their `else:`.

use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::run::{Go, Turn};
use crate::yaml::{Fields, Node, Value};

#[derive(Clone, Debug)]
pub struct Unserved {
    /// The queue or the inbox, as it was written.
    to: String,
    otherwise: Next,
}

impl Unserved {
    fn load(verb: &str, node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let remedy = "the call goes on at its `else:`";
        loading.faults.warning("not-served-yet", node.span, format!("`{verb}` is not served yet")).remedy(remedy);
        let otherwise = loading.otherwise(fields, node)?;
        // What is no name was reported by whoever read it.
        let Value::Scalar { text, .. } = &node.value else { return None };
        Some(Self { to: text.clone(), otherwise })
    }

    /// What it will lead to is looked at as well: a flow that loads today loads once it is served.
    fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON, Way::at_once("else", self.otherwise)]
    }

    fn begin(&self, turn: &mut Turn) -> Go {
        turn.fail(self.otherwise)
    }
}

macro_rules! unserved {
    ($Verb:ident, $verb:literal, $load:expr) => {
        #[derive(Clone, Debug)]
        pub struct $Verb(Unserved);

        impl $Verb {
            pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
                let load: fn(&Node, &mut Fields, &mut Loading) = $load;
                load(node, fields, loading);
                Unserved::load($verb, node, fields, loading).map($Verb)
            }

            pub fn ways(&self) -> Vec<Way<'_>> {
                self.0.ways()
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

unserved!(Callback, "callback", |node, fields, loading| {
    loading.queue(node);
    if let Some(number) = fields.need("number", &mut loading.faults) {
        loading.fact(number);
    }
});
unserved!(Ticket, "ticket", |node, fields, loading| {
    node.name("an inbox of the configuration", &mut loading.faults);
    loading.needs(fields);
});
