//! Lookups: what a flow asks of a system of the business, as an HTTP exchange. Of the answer only the values that the
//! lookup wants are taken; what was asked and answered is the caller's and is told to nobody.

use super::client::{Answer, Client, Errand, Failure};
use crate::context::{LookupRequest, Method, Outcome, Want};
use crate::secret::Secret;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;

/// No value that a caller or an agent hears of is longer.
const VALUE: usize = 1_024;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The values that were there, in no order.
pub type Values = Vec<(String, Secret)>;

/// Asks; within the request's time there is an outcome.
pub async fn look_up(
    client: &Client,
    secrets: &BTreeMap<String, Secret>,
    request: &LookupRequest,
) -> (Outcome, Values) {
    let Some(errand) = errand(request, secrets) else { return (Outcome::Failed, Vec::new()) };
    let began = Instant::now();
    let mut answer = client.exchange(&request.endpoint, &errand, request.timeout).await;
    if request.key.is_some() && is_worth_another(&answer) {
        let left = request.timeout.saturating_sub(began.elapsed());
        answer = client.exchange(&request.endpoint, &errand, left).await;
    }
    match answer {
        Ok(answer) => outcome(&answer, &request.wants),
        Err(Failure::Slow) => (Outcome::Slow, Vec::new()),
        Err(_) => (Outcome::Failed, Vec::new()),
    }
}

fn errand(request: &LookupRequest, secrets: &BTreeMap<String, Secret>) -> Option<Errand> {
    let mut headers = HeaderMap::new();
    if let Some(name) = &request.auth {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secrets.get(name)?.open())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
    }
    if let Some(key) = &request.key {
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?);
    }
    let body = request.body.as_ref().map(|body| Bytes::copy_from_slice(body.open().as_bytes()));
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        // The engine answers it.
        Method::Compare => return None,
    };
    let repeatable = method == hyper::Method::GET || request.key.is_some();
    // A GET has none.
    let (path, body) = (request.path.open().to_owned(), body.unwrap_or_default());
    Some(Errand { method, path, headers, body, repeatable, reads: true })
}

/// Whether the other side failed in a way that may pass, and left us the time.
fn is_worth_another(answer: &Result<Answer, Failure>) -> bool {
    match answer {
        Ok(answer) => answer.status.is_server_error(),
        Err(failure) => matches!(failure, Failure::Unreachable | Failure::Broken),
    }
}

fn outcome(answer: &Answer, wants: &[Want]) -> (Outcome, Values) {
    let none = |outcome| (outcome, Vec::new());
    match answer.status {
        status if status.is_success() && answer.body.is_empty() && wants.is_empty() => none(Outcome::Ok),
        status if status.is_success() => match serde_json::from_slice(&answer.body) {
            Ok(object @ Value::Object(_)) => {
                let value = |want: &Want| Some((want.name.clone(), value(&object, &want.at)?));
                (Outcome::Ok, wants.iter().filter_map(value).collect())
            }
            Ok(_) | Err(_) => none(Outcome::Failed),
        },
        StatusCode::NOT_FOUND => none(Outcome::None),
        status if status.is_client_error() => none(Outcome::Refused),
        // A redirect as well: nobody sends our callers' data anywhere else.
        _ => none(Outcome::Failed),
    }
}

/// A scalar as text; what is none, or too long, is not there.
fn value(object: &Value, at: &str) -> Option<Secret> {
    let found = at.split('.').try_fold(object, |value, key| value.as_object()?.get(key))?;
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (text.len() <= VALUE).then(|| Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_outcome_and_the_values_that_are_wanted() {
        let want = |at: &str| Want { name: at.to_owned(), at: at.to_owned() };
        let wants = [want("tier"), want("customer.name"), want("active"), want("sum"), want("list"), want("tier.deep")];
        let long = format!("{{\"tier\": \"{}\"}}", "a".repeat(VALUE + 1));
        let cases = [
            (
                200,
                r#"{"tier": "gold", "customer": {"name": "Ann"}, "other": 1}"#,
                Outcome::Ok,
                "tier=gold customer.name=Ann",
            ),
            (201, r#"{"active": true, "sum": 12.5}"#, Outcome::Ok, "active=true sum=12.5"),
            (200, r#"{"tier": null, "list": [1], "customer": "Ann"}"#, Outcome::Ok, ""),
            (200, &long, Outcome::Ok, ""),
            (200, "{}", Outcome::Ok, ""),
            (200, "[]", Outcome::Failed, ""),
            (200, "\"gold\"", Outcome::Failed, ""),
            (200, r#"{"tier": "gold""#, Outcome::Failed, ""),
            (200, "", Outcome::Failed, ""),
            (404, "", Outcome::None, ""),
            (400, "", Outcome::Refused, ""),
            (429, "", Outcome::Refused, ""),
            (301, "", Outcome::Failed, ""),
            (500, "", Outcome::Failed, ""),
        ];
        for (status, body, expected, values) in cases {
            let status = StatusCode::from_u16(status).expect("a status");
            let (outcome, found) = outcome(&Answer { status, body: Bytes::copy_from_slice(body.as_bytes()) }, &wants);
            let found: Vec<String> = found.iter().map(|(name, value)| format!("{name}={}", value.open())).collect();
            assert_eq!((outcome, found.join(" ")), (expected, values.to_owned()), "{status} {body:.60}");
        }
        let empty = Answer { status: StatusCode::NO_CONTENT, body: Bytes::new() };
        assert_eq!(outcome(&empty, &[]).0, Outcome::Ok, "nothing was wanted");
    }
}
