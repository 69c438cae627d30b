//! The verbs, one file each with its loading and its running. To add a verb is a file and a line of this table.

use super::load::Loading;
use super::model::Way;
use super::run::{Go, Turn};
use crate::yaml::Fields;

macro_rules! steps {
    ($($word:ident: $Verb:ident),+ $(,)?) => {
        $(pub mod $word;)+

        /// One step of a block.
        #[derive(Clone, Debug)]
        pub enum Step {
            $($Verb($word::$Verb)),+
        }

        /// Every verb that is served.
        pub const VERBS: &[&str] = &[$(stringify!($word)),+];

        impl Step {
            pub fn verb(&self) -> &'static str {
                match self {
                    $(Step::$Verb(_) => stringify!($word)),+
                }
            }

            /// The step of `verb`, whose key is still among `fields`. What is wrong is reported.
            pub fn load(verb: &str, fields: &mut Fields, loading: &mut Loading) -> Option<Step> {
                match verb {
                    $(stringify!($word) => {
                        let node = fields.take(stringify!($word))?;
                        $word::$Verb::load(node, fields, loading).map(Step::$Verb)
                    })+
                    _ => None,
                }
            }

            /// Where the step may lead.
            pub fn ways(&self) -> Vec<Way> {
                match self {
                    $(Step::$Verb(step) => step.ways()),+
                }
            }

            /// Enters the step.
            pub fn begin(&self, turn: &mut Turn) -> Go {
                match self {
                    $(Step::$Verb(step) => step.begin(turn)),+
                }
            }
        }
    };
}

steps! {
    say: Say,
    collect: Collect,
    route: Route,
    goto: Goto,
    agent: Agent,
    transfer: Transfer,
    record: Record,
    hangup: Hangup,
}

impl Step {
    /// The step of a verb that stands bare.
    pub fn bare(verb: &str) -> Option<Step> {
        (verb == "hangup").then_some(Step::Hangup(hangup::Hangup))
    }
}
