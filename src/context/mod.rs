//! What we know of the caller: the facts with their provenance, the journey through the flow, the hops
//! to people. One `Context` a call, merge-only, and the carriers that hand it on.

pub mod carrier;
pub mod destination;
pub mod document;
pub mod fact;
pub mod lookup;
pub mod recording;

pub use destination::{Destination, Target, UuiFacts};
pub use document::Document;
pub use fact::{Class, Fact, Source, State, Why};
pub use lookup::{LookupRequest, Method, Outcome, Want};
pub use recording::{Ended, Recording};

use crate::secret::Secret;
use crate::time::Instant;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Steps of the journey that a context keeps; a flow that walks further is counted in `journey_dropped`.
const JOURNEY: usize = 256;
/// Facts that are kept after they were forgotten; more are counted in `earlier_dropped`.
const EARLIER: usize = 32;

/// What a call finds when it begins: values that came with it from outside, and how its place is set. Only a trusted trunk fills `uui` and `headers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    /// Name and value pairs read from User-to-User.
    pub uui: Vec<(String, Secret)>,
    /// Header fields of the INVITE, names as they came.
    pub headers: Vec<(String, Secret)>,
    /// The caller's number, normalised; `None` for an anonymous caller.
    pub caller_number: Option<Secret>,
    /// Posted by another channel for the same caller or case.
    pub web: Vec<Earlier>,
    /// Of the same caller's call before this one, which was cut off minutes ago.
    pub last_call: Vec<Earlier>,
    /// Of the case that this call came back to: what was known when it left us.
    pub case: Vec<Earlier>,
    /// What the called number gives to the flow's parameters.
    pub with: BTreeMap<String, String>,
    /// The switches as they stand.
    pub switches: BTreeMap<String, bool>,
}

/// A value from before this call, with its provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    pub name: String,
    pub value: Secret,
    pub from: Source,
    pub confirmed: bool,
    pub at: Timestamp,
}

impl Inbound {
    pub fn uui(&self, name: &str) -> Option<&Secret> {
        self.uui.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The first header of that name; header names know no case (RFC 3261 section 7.3.1).
    pub fn header(&self, name: &str) -> Option<&Secret> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }
}

/// A step that the call entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Passed {
    pub block: String,
    /// Counted from 1.
    pub step: usize,
    pub verb: String,
    /// The line of the flow's file.
    pub line: usize,
    pub at: Timestamp,
    /// What became of it, for the record of the call: the tries that failed (`silent`, `invalid`), then the way out.
    #[serde(skip)]
    pub became: Vec<Cow<'static, str>>,
}

impl Passed {
    /// `start:2:silent:next`: the step, and what became of it.
    pub fn told(&self) -> String {
        let words = self.became.iter().map(|word| format!(":{word}"));
        format!("{}:{}{}", self.block, self.step, words.collect::<String>())
    }
}

/// How far we know that the context of a hop was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Received {
    /// The INVITE that carries it went out.
    Sent,
    /// The agent's phone accepted that INVITE.
    Confirmed,
    /// That INVITE was refused, not answered, or withdrawn.
    Failed,
}

/// One attempt to hand the caller to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hop {
    pub to: String,
    /// How long the caller waited on this hop before an answer or its end.
    pub waited_ms: u64,
    pub carriers: Vec<String>,
    pub received: Received,
    pub at: Timestamp,
}

/// Which flow, and exactly which text of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowStamp {
    pub name: String,
    pub digest: String,
}

/// Everything known of one caller in one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Outlives the call; the first call of a case names it.
    pub case: String,
    pub call: String,
    pub caller_number: Option<Secret>,
    /// The caller's display name.
    pub caller_name: Option<Secret>,
    /// The caller asked that nobody whom it talks to sees its number and name.
    pub private: bool,
    pub called: String,
    pub flow: FlowStamp,
    pub language: String,
    /// In the flow's order.
    pub facts: Vec<Fact>,
    /// What was forgotten to be asked once more, and kept: the name and the fact as it was, oldest first.
    pub earlier: Vec<Fact>,
    /// How many more of those there were.
    pub earlier_dropped: u32,
    pub journey: Vec<Passed>,
    pub journey_dropped: u32,
    pub hops: Vec<Hop>,
    /// Of the call's sound.
    pub recordings: Vec<Recording>,
    /// The wall clock when the call began, and the monotonic clock at that moment. Within a call time is
    /// monotonic; the wall is derived from it, so a clock that is set back cannot turn a call around.
    pub started: Timestamp,
    pub begun: Instant,
}

impl Context {
    /// The wall clock at `now`.
    pub fn wall(&self, now: Instant) -> Timestamp {
        let passed = SignedDuration::try_from(now.since(self.begun)).unwrap_or(SignedDuration::MAX);
        self.started.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    pub fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts.iter().find(|f| f.name == name)
    }

    /// The caller's number and name, as far as a person may see them.
    pub fn shown_caller(&self) -> (Option<&Secret>, Option<&Secret>) {
        if self.private { (None, None) } else { (self.caller_number.as_ref(), self.caller_name.as_ref()) }
    }

    /// A fact's value, as far as a person may see it: by its class, never a number that the caller withheld, and of what
    /// was spoken only that it was.
    pub fn shown_value<'f>(&self, fact: &'f Fact) -> Option<&'f Secret> {
        let withheld = match fact.state {
            State::Filled { from: Source::CallerNumber, confirmed: false, .. } => self.private,
            State::Filled { from: Source::Spoken, .. } => true,
            _ => false,
        };
        fact.value().filter(|_| fact.class.for_agent() && !withheld)
    }

    /// What a call that was cut off leaves to the next one of its caller.
    pub fn left_behind(&self) -> Vec<Earlier> {
        let left = |fact: &Fact| match (&fact.state, self.shown_value(fact)) {
            (State::Filled { from, confirmed, at, .. }, Some(value)) => Some(Earlier {
                name: fact.name.clone(),
                value: value.clone(),
                from: from.clone(),
                confirmed: *confirmed,
                at: *at,
            }),
            _ => None,
        };
        self.facts.iter().filter_map(left).collect()
    }

    /// Keeps a fact as it is, before it is asked once more.
    pub fn file_earlier(&mut self, fact: usize) {
        if self.earlier.len() < EARLIER {
            self.earlier.push(self.facts[fact].clone());
        } else {
            self.earlier_dropped += 1;
        }
    }

    pub fn pass(&mut self, passed: Passed) {
        if self.journey.len() < JOURNEY {
            self.journey.push(passed);
        } else {
            self.journey_dropped += 1;
        }
    }

    /// A word of what becomes of the step under way.
    pub fn note(&mut self, word: impl Into<Cow<'static, str>>) {
        if let Some(passed) = self.journey.last_mut().filter(|_| self.journey_dropped == 0) {
            passed.became.push(word.into());
        }
    }

    /// For the store and for whoever fetches it with the reference, and for nobody else.
    pub fn document(&self) -> Value {
        json!(Document::of(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_private_caller_withholds_is_shown_to_nobody() {
        let filled = |from, confirmed| {
            let mut fact = Fact::unknown("phone", Class::Pii);
            fact.fill(Secret::new("12025550123"), from, confirmed, Timestamp::UNIX_EPOCH);
            fact
        };
        let cases = [
            (Source::CallerNumber, false, false, true),
            (Source::CallerNumber, false, true, false),
            // The caller heard it and said yes, or told it itself.
            (Source::CallerNumber, true, true, true),
            (Source::Keypad, false, true, true),
            // Of what was recorded there is nothing to read.
            (Source::Spoken, true, false, false),
        ];
        for (from, confirmed, private, shown) in cases {
            let context = Context {
                case: String::new(),
                call: String::new(),
                caller_number: Some(Secret::new("+12025550123")),
                caller_name: Some(Secret::new("Ann")),
                private,
                called: String::new(),
                flow: FlowStamp { name: String::new(), digest: String::new() },
                language: String::new(),
                facts: vec![filled(from.clone(), confirmed)],
                earlier: Vec::new(),
                earlier_dropped: 0,
                journey: Vec::new(),
                journey_dropped: 0,
                hops: Vec::new(),
                recordings: Vec::new(),
                started: Timestamp::UNIX_EPOCH,
                begun: Instant::ZERO,
            };
            let document = context.document();
            assert_eq!(document["facts"]["phone"]["value"].is_string(), shown, "{from} {confirmed} {private}");
            assert_eq!(document["caller"]["number"].is_null(), private);
            assert_eq!(document["caller"]["name"].is_null(), private);
        }
    }
}
