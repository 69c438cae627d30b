//! A call as a person tells it: how it came in, and then what its caller and the systems around it did, one thing after
//! another. The prover tells its witnesses so, and whoever tries a flow without a phone.
//!
//! A cue is given when the call waits for one of its kind: nobody says when, only what.

mod read;

pub use read::{BadLine, Misread, outcome};

use super::run::AgentEnd;
use crate::context::{Earlier, Inbound, Outcome, Source};
use crate::secret::Secret;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Made up, all of it: no value here was ever a caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub opening: Opening,
    pub cues: Vec<Cue>,
}

/// How the call comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub at: Timestamp,
    /// The caller's number; `None` of one that withholds it.
    pub from: Option<String>,
    /// Name and value, as each channel brings them.
    pub uui: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub web: Vec<(String, String)>,
    pub last_call: Vec<(String, String)>,
    pub case: Vec<(String, String)>,
    /// What the called number gives to the flow's parameters.
    pub with: BTreeMap<String, String>,
    pub switches: BTreeMap<String, bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cue {
    /// The caller presses these keys: 0 to 9, `*`, `#`.
    Press(String),
    /// The caller says nothing until the try, the offer or the confirm under way is given up.
    Silence,
    /// The lookup under way ends, with these of the values that it wants.
    Lookup { outcome: Outcome, values: Vec<(String, String)> },
    /// What becomes of the person who is called; one who hangs up or sends the caller on has answered before.
    Agent(AgentEnd),
    /// What the line does that the caller waits in.
    Line(LineCue),
    /// The caller hangs up.
    HangUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineCue {
    Turn,
    Full,
    /// The caller waits for as long as one may.
    Longest,
    /// The caller waits until the way out is offered, and a moment longer: its key is a cue of its own.
    Offer,
}

impl Opening {
    pub fn at(at: Timestamp) -> Self {
        let none = Vec::new;
        let (with, switches) = (BTreeMap::new(), BTreeMap::new());
        Self {
            at,
            from: None,
            uui: none(),
            headers: none(),
            web: none(),
            last_call: none(),
            case: none(),
            with,
            switches,
        }
    }

    /// As a call finds it.
    pub fn inbound(&self) -> Inbound {
        let pairs = |all: &[(String, String)]| {
            all.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect()
        };
        let earlier = |all: &[(String, String)], from: Source| {
            let one = |(name, value): &(String, String)| Earlier {
                name: name.clone(),
                value: Secret::new(value.as_str()),
                from: from.clone(),
                confirmed: false,
                at: self.at,
            };
            all.iter().map(one).collect()
        };
        Inbound {
            uui: pairs(&self.uui),
            headers: pairs(&self.headers),
            caller_number: self.from.as_deref().map(Secret::new),
            web: earlier(&self.web, Source::Web),
            last_call: earlier(&self.last_call, Source::LastCall),
            case: earlier(&self.case, Source::Keypad),
            with: self.with.clone(),
            switches: self.switches.clone(),
        }
    }
}
