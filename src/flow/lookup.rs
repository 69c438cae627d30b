//! A lookup in a system of the business: what it sends, and what of the answer it keeps.

use super::fact::Kind;
use super::run::Turn;
use crate::context::{LookupRequest, Method, Outcome, Want};
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::Word;
use serde_json::{Map, Value};
use std::fmt::Write;

/// A lookup of `lookups:`.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub name: Word,
    /// An endpoint of the configuration; of one that compares, a secret.
    pub endpoint: Word,
    pub method: Method,
    pub path: Vec<Piece>,
    /// Facts of the JSON body.
    pub send: Vec<usize>,
    pub timeout: Duration,
    /// A secret of the configuration.
    pub auth: Option<Word>,
    pub idempotent: bool,
    /// Facts that it fills, and where their values stand in the answer.
    pub fills: Vec<(usize, String)>,
    pub gives: Vec<Given>,
}

/// A piece of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Fact(usize),
    CallerNumber,
    Called,
}

/// A value of the answer that is no fact: `tier: text`.
#[derive(Clone, Debug)]
pub struct Given {
    pub name: Word,
    pub kind: Kind,
    pub default: Option<Secret>,
    /// Where it stands in the answer: `customer.tier`.
    pub at: String,
}

impl Lookup {
    /// The facts that it sends, in its body and in its path.
    pub fn sent(&self) -> impl Iterator<Item = usize> {
        self.send.iter().copied().chain(self.facts_in_path())
    }

    pub fn facts_in_path(&self) -> impl Iterator<Item = usize> {
        self.path.iter().filter_map(|piece| match piece {
            Piece::Fact(fact) => Some(*fact),
            _ => None,
        })
    }

    /// What is asked now. `candidate` counts as the value of its fact. The error is how the lookup ends without being asked:
    /// there is no such caller, or a fact that it sends is not filled.
    pub fn request(&self, turn: &Turn, candidate: Option<(usize, &Secret)>) -> Result<LookupRequest, Outcome> {
        let value = |fact: usize| match candidate {
            Some((candidate, value)) if candidate == fact => Ok(value),
            _ => turn.context.facts[fact].value().ok_or(Outcome::Failed),
        };
        let mut path = String::new();
        for piece in &self.path {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Fact(fact) => escape(value(*fact)?.open(), &mut path),
                Piece::CallerNumber => {
                    escape(turn.context.caller_number.as_ref().ok_or(Outcome::None)?.open(), &mut path);
                }
                Piece::Called => escape(&turn.context.called, &mut path),
            }
        }
        if let (Method::Compare, [fact]) = (self.method, self.send.as_slice()) {
            path.push_str(value(*fact)?.open());
        }
        let mut body = Map::new();
        for &fact in &self.send {
            let question = &turn.flow.facts[fact];
            body.insert(question.bare().to_owned(), question.kind.json(value(fact)?.open()));
        }
        let fills = self.fills.iter().map(|(fact, at)| (&turn.flow.facts[*fact].name.text, at));
        let gives = self.gives.iter().map(|given| (&given.name.text, &given.at));
        let wants = fills.chain(gives).map(|(name, at)| Want { name: name.clone(), at: at.clone() });
        Ok(LookupRequest {
            endpoint: self.endpoint.text.clone(),
            method: self.method,
            path: Secret::new(path),
            body: (self.method == Method::Post).then(|| Secret::new(Value::Object(body).to_string())),
            timeout: self.timeout,
            auth: self.auth.as_ref().map(|auth| auth.text.clone()),
            // The call knows its own name, which makes the key.
            key: self.idempotent.then(String::new),
            wants: wants.collect(),
        })
    }
}

/// RFC 3986 section 2.1: what is not unreserved is written by its octets.
fn escape(value: &str, path: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}
