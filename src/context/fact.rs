//! A fact about the caller: its state only climbs (unknown, then filled or declined) and carries its provenance.

use crate::secret::Secret;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How far a value may travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// May be shown anywhere.
    #[default]
    Public,
    /// Masked everywhere; goes to the agent.
    Pii,
    /// Goes only to the lookup that declares it, never to an agent leg.
    Pci,
    /// Forgotten before any hand-off; never written anywhere.
    Secret,
}

impl Class {
    /// Whether a carrier may hand the value to an agent.
    pub fn for_agent(self) -> bool {
        matches!(self, Class::Public | Class::Pii)
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Keypad,
    /// The caller's voice: the value names what was recorded.
    Spoken,
    Uui,
    Header,
    CallerNumber,
    /// Another channel of the same case: a chat, a form.
    Web,
    /// The same caller's call before this one, which was cut off.
    LastCall,
    /// A lookup, by its name.
    Lookup(String),
    /// A `set:` of the flow.
    Set,
    /// The fact's `default:`, after its last try.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Keypad => "keypad",
            Source::Spoken => "spoken",
            Source::Uui => "uui",
            Source::Header => "header",
            Source::CallerNumber => "caller.number",
            Source::Web => "web",
            Source::LastCall => "last_call",
            Source::Lookup(name) => return write!(f, "lookup:{name}"),
            Source::Set => "set",
            Source::Default => "default",
        })
    }
}

/// A word that is no source.
#[derive(Debug)]
pub struct NoSource;

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no source of a fact")
    }
}

impl FromStr for Source {
    type Err = NoSource;

    fn from_str(text: &str) -> Result<Self, NoSource> {
        Ok(match text {
            "keypad" => Source::Keypad,
            "spoken" => Source::Spoken,
            "uui" => Source::Uui,
            "header" => Source::Header,
            "caller.number" => Source::CallerNumber,
            "web" => Source::Web,
            "last_call" => Source::LastCall,
            "set" => Source::Set,
            "default" => Source::Default,
            _ => Source::Lookup(text.strip_prefix("lookup:").ok_or(NoSource)?.to_owned()),
        })
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Why a fact was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Every try was used up.
    Tries,
    /// The caller asked for a person instead.
    Person,
    /// Something behind us failed.
    Error,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Unknown,
    Filled {
        value: Secret,
        from: Source,
        /// Read back to the caller and taken as right.
        confirmed: bool,
        at: Timestamp,
    },
    Declined {
        why: Why,
        at: Timestamp,
    },
}

/// A fact of one call. `silences` and `invalids` are the tries that brought nothing, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: String,
    pub class: Class,
    pub state: State,
    /// Times the caller was asked.
    pub tries: u32,
    pub silences: u32,
    pub invalids: u32,
}

impl Fact {
    pub fn unknown(name: impl Into<String>, class: Class) -> Self {
        Self { name: name.into(), class, state: State::Unknown, tries: 0, silences: 0, invalids: 0 }
    }

    pub fn is_unknown(&self) -> bool {
        self.state == State::Unknown
    }

    /// The value, if the fact is filled.
    pub fn value(&self) -> Option<&Secret> {
        match &self.state {
            State::Filled { value, .. } => Some(value),
            State::Unknown | State::Declined { .. } => None,
        }
    }

    /// Fills the fact. A fact that is filled or declined already stays as it is: states only climb.
    pub fn fill(&mut self, value: Secret, from: Source, confirmed: bool, at: Timestamp) -> bool {
        if !self.is_unknown() {
            return false;
        }
        self.state = State::Filled { value, from, confirmed, at };
        true
    }

    /// Back to unknown, to be asked again: the one way down, and only a flow's `forget` takes it.
    pub fn forget(&mut self) {
        (self.state, self.tries) = (State::Unknown, 0);
    }

    /// Declines the fact, if it is still unknown.
    pub fn decline(&mut self, why: Why, at: Timestamp) -> bool {
        if !self.is_unknown() {
            return false;
        }
        self.state = State::Declined { why, at };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_is_known_is_never_overwritten() {
        let at = Timestamp::UNIX_EPOCH;
        let mut fact = Fact::unknown("account", Class::Pii);
        assert!(fact.fill(Secret::new("1"), Source::Keypad, false, at));
        assert!(!fact.fill(Secret::new("2"), Source::Uui, true, at));
        assert!(!fact.decline(Why::Person, at));
        assert_eq!(fact.value().map(Secret::open), Some("1"));
    }
}
