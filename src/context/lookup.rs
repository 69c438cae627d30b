//! A lookup in a system of the business: what is asked, and how that ended. Values are the caller's until a fact has
//! them.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Get,
    Post,
    /// No exchange: the path is held against the secret whose name is the endpoint's.
    Compare,
}

/// An HTTP exchange with an endpoint of the configuration, or a secret of it that a value is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupRequest {
    /// The endpoint's name.
    pub endpoint: String,
    pub method: Method,
    /// Path and query, escaped: `/phone/15551230001`.
    pub path: Secret,
    /// A JSON object.
    pub body: Option<Secret>,
    /// For the whole exchange.
    pub timeout: Duration,
    /// The name of the secret that is the bearer token.
    pub auth: Option<String>,
    /// The exchange may be made twice: under this key.
    pub key: Option<String>,
    /// What of the answer counts; the rest is dropped.
    pub wants: Vec<Want>,
}

/// A scalar of the answer's JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    pub name: String,
    /// Where it stands, keys joined by dots: `customer.tier`.
    pub at: String,
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// 2xx with a JSON object.
    Ok,
    /// 404: there is no such thing.
    None,
    /// Another 4xx.
    Refused,
    /// No whole answer in time: whether it was done nobody knows.
    Slow,
    /// Everything else.
    Failed,
}
