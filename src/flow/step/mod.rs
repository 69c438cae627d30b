//! The verbs, one file each with its loading and its running. To add a verb is a file and a line of this table.

pub mod agent;
pub mod announce;
pub mod branch;
pub mod collect;
pub mod forget;
pub mod goto;
pub mod hangup;
pub mod lookup;
pub mod record;
pub mod reject;
pub mod return_back;
pub mod route;
pub mod run_block;
pub mod say;
pub mod set;
pub mod transfer;
pub mod unserved;

use super::load::Loading;
use super::model::{Flow, Needs, Way};
use super::proof::{Minds, Move, Point};
use super::run::{Go, Turn};
use crate::yaml::Fields;
use crate::yaml::shape::Shape;

macro_rules! steps {
    ($($word:literal: $room:ident::$Verb:ident),+ $(,)?) => {
        /// One step of a block.
        #[derive(Clone, Debug)]
        pub enum Step {
            $($Verb($room::$Verb)),+
        }

        /// Every verb.
        pub const VERBS: &[&str] = &[$($word),+];

        /// What each of them takes.
        pub const SHAPES: &[&Shape] = &[$($room::$Verb::SHAPE),+];

        impl Step {
            pub fn verb(&self) -> &'static str {
                match self {
                    $(Step::$Verb(_) => $word),+
                }
            }

            /// The step of `verb`, whose key is still among `fields`. What is wrong is reported.
            pub fn load(verb: &str, fields: &mut Fields, loading: &mut Loading) -> Option<Step> {
                match verb {
                    $($word => {
                        let node = fields.take($word)?;
                        $room::$Verb::load(node, fields, loading).map(Step::$Verb)
                    })+
                    _ => None,
                }
            }

            /// Where the step may lead.
            pub fn ways(&self) -> Vec<Way<'_>> {
                match self {
                    $(Step::$Verb(step) => step.ways()),+
                }
            }

            /// What the step looks at, for the proofs.
            pub fn minds<'f>(&'f self, minds: &mut Minds<'f>) {
                match self {
                    $(Step::$Verb(step) => step.minds(minds)),+
                }
            }

            /// The ways on from a point of a proof.
            pub fn moves(&self, at: &Point) -> Vec<Move> {
                match self {
                    $(Step::$Verb(step) => step.moves(at)),+
                }
            }

            /// What the verb is said of, as the file names it: `collect` of `account`. Empty of a verb that stands bare.
            pub fn object(&self, flow: &Flow) -> String {
                match self {
                    $(Step::$Verb(step) => step.object(flow)),+
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
    "say": say::Say,
    "collect": collect::Collect,
    "lookup": lookup::Lookup,
    "if": branch::Branch,
    "route": route::Route,
    "run": run_block::RunBlock,
    "return": return_back::Return,
    "goto": goto::Goto,
    "set": set::Set,
    "forget": forget::Forget,
    "agent": agent::Agent,
    "callback": unserved::Callback,
    "ticket": unserved::Ticket,
    "transfer": transfer::Transfer,
    "record": record::Record,
    "announce": announce::Announce,
    "reject": reject::Reject,
    "hangup": hangup::Hangup,
}

impl Step {
    /// What a verb takes.
    pub fn shape(verb: &str) -> Option<&'static Shape> {
        SHAPES.iter().copied().find(|shape| shape.name == verb)
    }

    /// The facts that it hands on, and where each is named.
    pub fn needs(&self) -> Option<&Needs> {
        match self {
            Step::Agent(step) => Some(step.needs()),
            Step::Transfer(step) => Some(step.needs()),
            Step::Callback(step) => Some(step.needs()),
            Step::Ticket(step) => Some(step.needs()),
            _ => None,
        }
    }

    /// The step of a verb that stands bare.
    pub fn bare(verb: &str) -> Option<Step> {
        match verb {
            "hangup" => Some(Step::Hangup(hangup::Hangup)),
            "return" => Some(Step::Return(return_back::Return)),
            _ => None,
        }
    }
}
