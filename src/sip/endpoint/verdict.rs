//! Requests that are refused before anybody hears of them, in the order of RFC 3261 section 8.2.

use super::Endpoint;
use super::reply::Incoming;
use crate::sip::invite::ALLOW;
use crate::sip::message::{Headers, Method, Request};
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Scheme;

/// The status to refuse with and the header that says what would be accepted.
pub(super) type Verdict = (u16, Option<(&'static str, String)>);

/// The body that an INVITE may have, and its only encoding.
const BODY: &str = "application/sdp";
const ENCODING: &str = "identity";

impl Endpoint {
    /// Why a new request that matches no transaction is refused, if it is.
    pub(super) fn verdict(&self, incoming: &Incoming) -> Option<Verdict> {
        let request = &incoming.request;
        let headers = &request.headers;
        let with = |status, name, value: &str| Some((status, Some((name, value.to_owned()))));
        if !contacts_read(request) {
            return Some((400, None));
        }
        match &request.method {
            Method::Invite | Method::Bye | Method::Info | Method::Options => {}
            // Of our REFERs; the dialog knows whether there was one.
            Method::Notify if incoming.to_tag.is_some() => {}
            Method::Other(_) => return with(501, "Allow", ALLOW),
            _ => return with(405, "Allow", ALLOW),
        }
        if !matches!(request.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Some((416, None));
        }
        let required: Vec<&str> = headers.tokens("Require").collect();
        if !required.is_empty() {
            return with(420, "Unsupported", &required.join(", "));
        }
        if request.method != Method::Invite {
            return None;
        }
        let merged = incoming.to_tag.is_none() && !incoming.from_tag.is_empty();
        if merged && self.transactions.find(&incoming.merge_key()).is_some() {
            return Some((482, None));
        }
        // RFC 7332 section 5: a new call may go on to an agent, and one that was sent round in circles ends here.
        if incoming.to_tag.is_none() && headers.get("Max-Forwards").is_some_and(|hops| hops.parse() == Ok(0u8)) {
            return Some((483, None));
        }
        body_verdict(headers, &request.body)
    }
}

/// Of the requests in which they matter; `*` stands for all bindings in a REGISTER (section 10.2.2).
fn contacts_read(request: &Request) -> bool {
    let readable = |contact| NameAddr::read(contact).is_ok();
    match request.method {
        Method::Invite => request.headers.all("Contact").all(readable),
        Method::Register => request.headers.all("Contact").all(|contact| contact == "*" || readable(contact)),
        _ => true,
    }
}

/// Section 8.2.3: what we cannot read is 415; an INVITE that would not take our answer is 406.
fn body_verdict(headers: &Headers, body: &[u8]) -> Option<Verdict> {
    let encoded = headers.tokens("Content-Encoding").any(|encoding| !encoding.eq_ignore_ascii_case(ENCODING));
    if encoded {
        return Some((415, Some(("Accept-Encoding", ENCODING.to_owned()))));
    }
    if !body.is_empty() && headers.get("Content-Type").is_none_or(|media| media_type(media) != BODY) {
        return Some((415, Some(("Accept", BODY.to_owned()))));
    }
    let mut accepted = headers.tokens("Accept").map(media_type).peekable();
    let all_others = accepted.peek().is_some() && !accepted.any(|t| t == BODY || t == "application/*" || t == "*/*");
    all_others.then_some((406, None))
}

fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase()
}
