//! The context as the agent's side may read it: what the store keeps, and what the API gives for a reference. Its schema
//! is docs/context.schema.json.

use super::{Class, Context, Fact, FlowStamp, Hop, Passed, Recording, Source, State, Why};
use crate::secret::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of this form. What is added to it later may be absent; nothing is taken away or changed without another version.
pub const VERSION: u32 = 1;

/// Everything that a person may know of a caller: pii in clear, the values of pci and secret withheld.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    /// The version of this form: 1.
    pub askonce: u32,
    /// Outlives the call: a call that comes back has the case of the one before.
    pub case: String,
    pub call: String,
    pub caller: Caller,
    /// The number that was called.
    pub called: String,
    pub flow: FlowStamp,
    pub language: String,
    /// By their names, every fact that the flow declares.
    pub facts: BTreeMap<String, FactEntry>,
    /// What was known, and forgotten to be asked once more; oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Forgotten>,
    /// How many more of those there were; absent where there are none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_dropped: Option<u32>,
    /// The steps of the flow that the call entered, in order.
    pub journey: Vec<Passed>,
    /// Steps that the journey had no room for.
    pub journey_dropped: u32,
    /// The people whom the caller was handed to, or was to be, in order.
    pub hops: Vec<Hop>,
    /// Of the call's sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<Recording>,
}

/// Null where the caller is anonymous, or asked that nobody sees it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Caller {
    /// E.164, where the trunk has a country.
    pub number: Option<String>,
    pub name: Option<String>,
    /// Whether the network vouches for the number; not served yet.
    pub verstat: Option<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FactEntry {
    #[serde(flatten)]
    pub state: FactState,
    pub class: Class,
    /// Times the caller was asked.
    pub r#try: u32,
}

/// A fact as it was.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Forgotten {
    pub name: String,
    #[serde(flatten)]
    pub fact: FactEntry,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum FactState {
    /// Nobody asked for it.
    Unknown,
    Filled {
        /// Null where its class, or the caller, keeps it from people.
        value: Option<String>,
        /// `keypad`, `spoken`, `uui`, `header`, `caller.number`, `web`, `last_call`, `lookup:NAME`, `set` or `default`.
        #[cfg_attr(test, schemars(with = "String"))]
        from: Source,
        /// The caller heard it and said that it is right.
        confirmed: bool,
        at: Timestamp,
    },
    /// The caller was asked and did not give it, or wanted a person instead.
    Declined { why: Why, at: Timestamp },
}

impl Document {
    pub fn of(context: &Context) -> Document {
        let open = |secret: Option<&Secret>| secret.map(|secret| secret.open().to_owned());
        let (number, name) = context.shown_caller();
        let entry = |fact: &Fact| (fact.name.clone(), entry(fact, open(context.shown_value(fact))));
        let earlier = context.earlier.iter().map(entry).map(|(name, fact)| Forgotten { name, fact });
        let earlier: Vec<Forgotten> = earlier.collect();
        Document {
            askonce: VERSION,
            case: context.case.clone(),
            call: context.call.clone(),
            caller: Caller { number: open(number), name: open(name), verstat: None },
            called: context.called.clone(),
            flow: context.flow.clone(),
            language: context.language.clone(),
            facts: context.facts.iter().map(entry).collect(),
            earlier_dropped: Some(context.earlier_dropped).filter(|_| !earlier.is_empty()),
            earlier,
            journey: context.journey.clone(),
            journey_dropped: context.journey_dropped,
            hops: context.hops.clone(),
            recordings: context.recordings.clone(),
        }
    }
}

fn entry(fact: &Fact, value: Option<String>) -> FactEntry {
    let state = match &fact.state {
        State::Unknown => FactState::Unknown,
        State::Filled { from, confirmed, at, .. } => {
            FactState::Filled { value, from: from.clone(), confirmed: *confirmed, at: *at }
        }
        State::Declined { why, at } => FactState::Declined { why: *why, at: *at },
    };
    FactEntry { state, class: fact.class, r#try: fact.tries }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema in the tree is the one of these types.
    #[test]
    fn the_published_schema_is_up_to_date() {
        let fresh = serde_json::to_string_pretty(&schemars::schema_for!(Document)).expect("a schema") + "\n";
        let published = include_str!("../../docs/context.schema.json");
        assert!(published == fresh, "docs/context.schema.json is stale; it should be:\n{fresh}");
    }
}
