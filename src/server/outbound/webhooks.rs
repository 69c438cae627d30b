//! Webhooks: what the outbox holds is brought to its destination, and brought again until it is taken. Whoever takes it
//! knows by the key what it has seen before, and by the signature that we sent it.

use super::client::{Answer, Client, Errand, Failure};
use super::lookups::IDEMPOTENCY_KEY;
use crate::secret::Secret;
use crate::server::store::outbox::{Delivery, Due, Sent};
use crate::server::store::{Desk, Row};
use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Deliveries at once.
const AT_ONCE: usize = 16;
/// For one of them.
const LIMIT: Duration = Duration::from_secs(10);
/// From one try to the next: twice as long each time, from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// What nobody took for so long is given up.
const GIVEN_UP: Duration = Duration::from_secs(24 * 3600);
/// The store has written down what it was told of by then, or has failed to: then it is brought once more.
const WRITTEN: Duration = Duration::from_secs(30);
/// The outbox is looked at so often, if nothing is told of it.
const LOOK: Duration = Duration::from_secs(60);

const SIGNATURE: HeaderName = HeaderName::from_static("x-askonce-signature");

/// Where a destination's webhook goes, and what it is signed with.
#[derive(Clone)]
pub struct Hook {
    pub endpoint: String,
    pub path: String,
    pub secret: Secret,
}

/// Who delivers.
pub struct Courier {
    /// By destination.
    pub hooks: BTreeMap<String, Hook>,
    pub due: Due,
    pub desk: Desk,
    /// Something is new in the outbox.
    pub posted: Arc<Notify>,
}

/// Delivers for ever.
pub async fn deliver(courier: Courier, client: Arc<Client>) {
    let Courier { hooks, due, desk, posted } = courier;
    let (mut under_way, mut keys) = (JoinSet::new(), BTreeSet::new());
    // Told to the store, which may not have written it down yet.
    let mut told: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        let (found, next) = due.look(AT_ONCE + keys.len() + told.len()).unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox cannot be read");
            (Vec::new(), None)
        });
        told.retain(|key, at| at.elapsed() < WRITTEN && found.iter().any(|delivery| delivery.key == *key));
        for delivery in found {
            if under_way.len() < AT_ONCE && !told.contains_key(&delivery.key) && keys.insert(delivery.key.clone()) {
                under_way.spawn(attempt(client.clone(), hooks.get(&delivery.destination).cloned(), delivery));
            }
        }
        let wait = next.map_or(LOOK, |next| until(next).min(LOOK));
        tokio::select! {
            () = posted.notified() => {}
            () = tokio::time::sleep(wait) => {}
            Some(done) = under_way.join_next() => match done {
                Ok((key, sent)) => {
                    keys.remove(&key);
                    if desk.keep(Row::Sent(sent)) {
                        told.insert(key, Instant::now());
                    }
                }
                Err(error) => tracing::error!(%error, "a delivery died"),
            },
        }
    }
}

/// Tries once: what became of it.
async fn attempt(client: Arc<Client>, hook: Option<Hook>, delivery: Delivery) -> (String, Sent) {
    let Delivery { key, call, destination, body, since, attempts } = delivery;
    let outcome = match hook.as_ref().and_then(|hook| Some((hook, errand(hook, &key, body)?))) {
        Some((hook, errand)) => client.exchange(&hook.endpoint, &errand, LIMIT).await,
        // The configuration of today knows no such webhook.
        None => Err(Failure::NoSuchPlace),
    };
    let why = match outcome {
        Ok(Answer { status, .. }) if status.is_success() => return (key.clone(), Sent::Delivered(key)),
        Ok(Answer { status, .. }) => status.to_string(),
        Err(failure) => format!("{failure:?}"),
    };
    if age(since) >= GIVEN_UP {
        tracing::error!(call, destination, why, attempts, "a webhook is given up: nobody took it for a day");
        return (key.clone(), Sent::GivenUp(key));
    }
    tracing::debug!(call, destination, why, attempts, "a webhook was not taken");
    let wait = FIRST_WAIT.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT);
    let due = Timestamp::now().as_millisecond().saturating_add(wait.as_millis() as i64);
    (key.clone(), Sent::Postponed { key, due })
}

fn errand(hook: &Hook, key: &str, body: String) -> Option<Errand> {
    let at = Timestamp::now().as_second();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?);
    let signature = format!("t={at},v1={}", signature(&hook.secret, at, &body)?);
    headers.insert(SIGNATURE, HeaderValue::from_str(&signature).ok()?);
    let (method, path, body) = (Method::POST, hook.path.clone(), Bytes::from(body));
    Some(Errand { method, path, headers, body, repeatable: true, reads: false })
}

/// HMAC-SHA256 over `TIME.BODY`, in hex: with the time in it, what was heard once cannot be played again later.
fn signature(secret: &Secret, at: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.open().as_bytes()).ok()?;
    mac.update(format!("{at}.").as_bytes());
    mac.update(body.as_bytes());
    Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Until a time in milliseconds since 1970.
fn until(due: i64) -> Duration {
    Duration::from_millis(u64::try_from(due - Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// Since a time in milliseconds since 1970.
fn age(since: i64) -> Duration {
    Duration::from_millis(u64::try_from(Timestamp::now().as_millisecond() - since).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret-of-the-desk
        let signed = signature(&Secret::new("secret-of-the-desk"), 1_700_000_000, "{\"a\":1}").expect("signed");
        assert_eq!(signed, "86149755fd7d67b1ed810f8f7a7212ded9fa797a0452c340d33a80ef318ed89e");
    }
}
