//! `POST /v1/web`: what another channel, a chat or a form, knows of a caller before it calls.
//!
//! ```json
//! {"caller": "+15551230001", "facts": {"account": "79927398713"}, "expires": 900}
//! ```

use super::memory::{Memory, Post, Unkept, Whose};
use crate::secret::Secret;
use crate::time::Duration;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Octets of one post.
pub const MAX_POST: usize = 16 * 1024;
/// Facts of one post, and characters of a name and of a value.
const FACTS: usize = 32;
const NAME: usize = 64;
const VALUE: usize = 256;
/// Far longer than any, and no reference.
const NUMBER: usize = 24;
/// Seconds for which it is kept where nothing is said, and at the most.
const EXPIRES: u64 = 3_600;
const LONGEST: u64 = 24 * 3_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    /// The number, as the context has it.
    caller: Option<String>,
    /// Or 32 hex digits that the call will bring as its reference.
    r#ref: Option<String>,
    facts: BTreeMap<String, String>,
    /// In seconds.
    expires: Option<u64>,
}

/// What a post says, or what is wrong with it. No value is repeated in the answer.
fn read(body: &[u8]) -> Result<Post, &'static str> {
    let posted: Posted = serde_json::from_slice(body)
        .map_err(|_| "expected {\"caller\" or \"ref\": …, \"facts\": {NAME: VALUE as text}, \"expires\": seconds}")?;
    let of = match (posted.caller, posted.r#ref) {
        (Some(caller), None) if is_number(&caller) => Whose::Caller(Secret::new(caller)),
        (None, Some(reference)) if Secret::new(reference.as_str()).is_hex(32) => {
            Whose::Reference(Secret::new(reference))
        }
        _ => return Err("one of `caller`, a number as +15551230001, or `ref`, 32 hex digits"),
    };
    let fits = |(name, value): (&String, &String)| {
        let named =
            !name.is_empty() && name.len() <= NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        named && !value.is_empty() && value.chars().count() <= VALUE && !value.chars().any(char::is_control)
    };
    if posted.facts.is_empty() || posted.facts.len() > FACTS || !posted.facts.iter().all(fits) {
        return Err("`facts` are 1 to 32 values of 1 to 256 characters, by names of letters, digits and `_`");
    }
    let expires = posted.expires.unwrap_or(EXPIRES);
    if !(1..=LONGEST).contains(&expires) {
        return Err("`expires` is 1 to 86400 seconds");
    }
    let facts = posted.facts.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    Ok(Post { of, facts, expires: Duration::from_secs(expires) })
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && text.len() <= NUMBER && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Keeps what was posted: the status of the answer, and what was wrong.
pub async fn post(memory: &Memory, body: &[u8]) -> (u16, &'static str) {
    match read(body) {
        Err(why) => (400, why),
        Ok(post) => match memory.post(post).await {
            Ok(()) => (204, ""),
            Err(Unkept::Full) => (503, "no room for more"),
            Err(Unkept::Failed) => (503, "the store does not answer"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_posted_is_read_strictly() {
        let good = [
            r#"{"caller":"+15551230001","facts":{"account":"79927398713"}}"#,
            r#"{"caller":"100","facts":{"a":"1","b_2":"x y"},"expires":86400}"#,
            r#"{"ref":"0123456789abcdef0123456789abcdef","facts":{"a":"1"},"expires":1}"#,
        ];
        for body in good {
            assert!(read(body.as_bytes()).is_ok(), "{body}");
        }
        let long = format!(r#"{{"caller":"1","facts":{{"a":"{}"}}}}"#, "x".repeat(257));
        let many = (0..33).map(|n| format!("\"a{n}\":\"1\"")).collect::<Vec<_>>().join(",");
        let many = format!(r#"{{"caller":"1","facts":{{{many}}}}}"#);
        let bad = [
            "",
            "[]",
            r#"{"facts":{"a":"1"}}"#,
            r#"{"caller":"1","ref":"0123456789abcdef0123456789abcdef","facts":{"a":"1"}}"#,
            r#"{"caller":"ann","facts":{"a":"1"}}"#,
            r#"{"caller":"+","facts":{"a":"1"}}"#,
            r#"{"ref":"1","facts":{"a":"1"}}"#,
            r#"{"caller":"1","facts":{}}"#,
            r#"{"caller":"1","facts":{"a":1}}"#,
            r#"{"caller":"1","facts":{"a":""}}"#,
            r#"{"caller":"1","facts":{"a b":"1"}}"#,
            r#"{"caller":"1","facts":{"a":"1\r\n"}}"#,
            r#"{"caller":"1","facts":{"a":"1"},"expires":0}"#,
            r#"{"caller":"1","facts":{"a":"1"},"expires":86401}"#,
            r#"{"caller":"1","facts":{"a":"1"},"more":1}"#,
            &long,
            &many,
        ];
        for body in bad {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
