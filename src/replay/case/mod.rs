//! The short form of a recorded call, written by a person: what the caller does and what it must hear, in `NAME.test.yaml`
//! beside the flow. It is performed on the stage, so what comes of it is a recording like others.
//!
//! ```yaml
//! call: a gold customer is never asked for what we know
//! flow: contact-center
//! uui: { account: "79927398713" }
//! lookups: { crm: { tier: gold } }
//! then:
//!   - hear: main_menu
//!   - press: 1
//!   - agent: { queue: billing, facts: { account: "79927398713" } }
//!   - agent_hangs_up: 45s
//! ```

mod act;
mod expect;
mod read;

pub use act::{Failure, Tried, perform};
pub use read::read;

use crate::context::Outcome;
use crate::flow::script::{Cue, LineCue, Opening};
use crate::time::Duration;
use crate::yaml::{Span, Word};
use std::collections::{BTreeMap, VecDeque};

/// One call.
#[derive(Clone, Debug)]
pub struct Case {
    pub title: String,
    pub flow: Word,
    pub opening: Opening,
    pub lookups: Lookups,
    pub then: Vec<(Span, Then)>,
}

/// By the lookup's name, where it stands and how the lookup ends each time; the last one from then on.
pub type Lookups = BTreeMap<String, (Span, VecDeque<Answer>)>;

/// How a lookup ends, and what it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    pub values: Vec<(String, String)>,
}

impl Answer {
    fn cue(&self) -> Cue {
        Cue::Lookup { outcome: self.outcome, values: self.values.clone() }
    }
}

/// One thing after the other.
#[derive(Clone, Debug)]
pub enum Then {
    /// The caller hears that prompt, after others perhaps.
    Hear(Word),
    /// In the whole call it does not.
    Never(Word),
    Press(String),
    SayNothing,
    /// That lookup ends so, this time.
    Lookup(Word, Answer),
    Line(LineCue),
    /// A person is called who gets this.
    Agent(Handed),
    AgentFails,
    AgentHangsUp(Option<Duration>),
    AgentSendsOn(Option<Duration>),
    /// What is known by now; `None`: nothing.
    Facts(Vec<(Word, Option<String>)>),
    HangUp(Option<Duration>),
    /// The call ends so.
    Ends(Word),
}

/// What a person is to get.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// A queue of the flow.
    pub queue: Option<Word>,
    pub facts: Vec<(Word, Option<String>)>,
    /// Header fields of the INVITE.
    pub headers: Vec<(Word, Option<String>)>,
}
