//! How secrets are written into a recording: in clear, as a replay needs them. Of a live call what is written are
//! pseudonyms (`server/inbox`); nothing else may serialize a secret, and `Secret` itself refuses to.

use crate::audio::Utterance;
use crate::audio::spoken::Reading;
use crate::context::{Earlier, LookupRequest, Method, Source, Want};
use crate::key::Key;
use crate::secret::Secret;
use crate::time::Duration;
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub mod secret {
    use super::*;

    pub fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        secret.open().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

pub mod optional {
    use super::*;

    pub fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::open).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::new))
    }
}

pub mod pairs {
    use super::*;

    pub fn serialize<S: Serializer>(pairs: &[(String, Secret)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs.iter().map(|(name, value)| (name, value.open())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Secret)>, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}

pub mod earlier {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Written {
        name: String,
        value: String,
        from: Source,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        confirmed: bool,
        at: Timestamp,
    }

    pub fn serialize<S: Serializer>(all: &[Earlier], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().cloned().map(|Earlier { name, value, from, confirmed, at }| Written {
            name,
            value: value.open().to_owned(),
            from,
            confirmed,
            at,
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Earlier>, D::Error> {
        let written = Vec::<Written>::deserialize(from)?.into_iter();
        Ok(written
            .map(|Written { name, value, from, confirmed, at }| Earlier {
                name,
                value: Secret::new(value),
                from,
                confirmed,
                at,
            })
            .collect())
    }
}

pub mod request {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Written {
        endpoint: String,
        method: Method,
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        timeout: Duration,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        wants: Vec<Want>,
    }

    pub fn serialize<S: Serializer>(request: &LookupRequest, to: S) -> Result<S::Ok, S::Error> {
        let LookupRequest { endpoint, method, path, body, timeout, auth, key, wants } = request.clone();
        let (path, body) = (path.open().to_owned(), body.map(|body| body.open().to_owned()));
        Written { endpoint, method, path, body, timeout, auth, key, wants }.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<LookupRequest, D::Error> {
        let Written { endpoint, method, path, body, timeout, auth, key, wants } = Written::deserialize(from)?;
        let (path, body) = (Secret::new(path), body.map(Secret::new));
        Ok(LookupRequest { endpoint, method, path, body, timeout, auth, key, wants })
    }
}

pub mod key {
    use super::*;

    pub fn serialize<S: Serializer>(key: &Key, to: S) -> Result<S::Ok, S::Error> {
        key.to_char().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        let c = char::deserialize(from)?;
        Key::from_char(c).ok_or_else(|| D::Error::custom("a key is one of 0-9, *, #, A-D"))
    }
}

/// Speech: a clip is its name, a value is `{"digits": "…", "language": "en"}`, or with its `reading`
/// `{"value": "12.50", "reading": {"money": "usd"}, "language": "en"}`.
pub mod speech {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Clip(String),
        Digits { digits: String, language: String },
        Value { value: String, reading: Reading, language: String },
    }

    pub fn serialize<S: Serializer>(speech: &[Utterance], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(speech.iter().map(|utterance| match utterance {
            Utterance::Clip(name) => Written::Clip(name.clone()),
            Utterance::Value { language, reading, value } => {
                let (value, language) = (value.open().to_owned(), language.clone());
                match *reading {
                    Reading::Digits => Written::Digits { digits: value, language },
                    reading => Written::Value { value, reading, language },
                }
            }
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Utterance>, D::Error> {
        let written = Vec::<Written>::deserialize(from)?;
        let read = written.into_iter().map(|written| match written {
            Written::Clip(name) => Utterance::Clip(name),
            Written::Digits { digits, language } => {
                Utterance::Value { language, reading: Reading::Digits, value: Secret::new(digits) }
            }
            Written::Value { value, reading, language } => {
                Utterance::Value { language, reading, value: Secret::new(value) }
            }
        });
        Ok(read.collect())
    }
}
