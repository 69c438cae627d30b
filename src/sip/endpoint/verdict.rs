//! Requests that are refused before anybody hears of them, in the order of RFC 3261 section 8.2.

use super::Endpoint;
use super::reply::Incoming;
use super::retry::replaced;
use super::session_timer;
use crate::sip::invite::{ALLOW, SUPPORTED};
use crate::sip::message::{Headers, Method, Request};
use crate::sip::multipart;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Scheme;

/// The status to refuse with and the header that says what would be accepted.
pub(super) type Verdict = (u16, Option<(&'static str, String)>);

/// The body that an INVITE may have, alone or as a part of the other one, and its only encoding.
const BODY: &str = "application/sdp";
const MIXED: &str = "multipart/mixed";
pub(super) const ACCEPT: &str = "application/sdp, multipart/mixed";
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
            Method::Invite | Method::Bye | Method::Info | Method::Options | Method::Update | Method::Prack => {}
            // Of our REFERs; the dialog knows whether there was one.
            Method::Notify if incoming.to_tag.is_some() => {}
            // Whose it is decides: where a caller goes next is for the flow to say, and not for its phone.
            Method::Refer if incoming.to_tag.is_some() => {}
            Method::Refer => return Some((403, None)),
            Method::Other(_) => return with(501, "Allow", ALLOW),
            _ => return with(405, "Allow", ALLOW),
        }
        if !matches!(request.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Some((416, None));
        }
        let unknown: Vec<&str> = headers.tokens("Require").filter(|option| !is_supported(option)).collect();
        if !unknown.is_empty() {
            return with(420, "Unsupported", &unknown.join(", "));
        }
        if !matches!(request.method, Method::Invite | Method::Update | Method::Prack) {
            return None;
        }
        if request.method == Method::Invite
            && let Some(verdict) = self.invite_verdict(incoming)
        {
            return Some(verdict);
        }
        if let Some(least) = session_timer::too_short(headers) {
            return with(422, "Min-SE", &least.to_string());
        }
        body_verdict(headers, &request.body)
    }

    fn invite_verdict(&self, incoming: &Incoming) -> Option<Verdict> {
        let headers = &incoming.request.headers;
        let merged = incoming.to_tag.is_none() && !incoming.from_tag.is_empty();
        if merged && self.transactions.find(&incoming.merge_key()).is_some() {
            return Some((482, None));
        }
        // RFC 7332 section 5: a new call may go on to an agent, and one that was sent round in circles ends here.
        if incoming.to_tag.is_none() && headers.get("Max-Forwards").is_some_and(|hops| hops.parse() == Ok(0u8)) {
            return Some((483, None));
        }
        // Taking another dialog's place (RFC 3891) is not served: a caller could take over a stranger's call.
        headers.get("Replaces").map(|_| (403, None))
    }
}

fn is_supported(option: &str) -> bool {
    SUPPORTED.split(", ").any(|ours| option.eq_ignore_ascii_case(ours))
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

/// Leaves of a body with several parts the session description alone, which is all that anybody here reads. One that
/// cannot be taken apart stays as it is, for the verdict.
pub(super) fn unpack(headers: &mut Headers, body: &mut Vec<u8>) {
    let Some(content_type) = headers.get("Content-Type").filter(|media| media_type(media) == MIXED) else { return };
    if let Ok(session) = multipart::session(content_type, body) {
        *body = session.to_vec();
        *headers = replaced(headers, &[("Content-Type", BODY.to_owned())]);
    }
}

/// Section 8.2.3: what we cannot read is 415; an INVITE that would not take our answer is 406.
fn body_verdict(headers: &Headers, body: &[u8]) -> Option<Verdict> {
    let encoded = headers.tokens("Content-Encoding").any(|encoding| !encoding.eq_ignore_ascii_case(ENCODING));
    if encoded {
        return Some((415, Some(("Accept-Encoding", ENCODING.to_owned()))));
    }
    let content_type = headers.get("Content-Type").unwrap_or("");
    let readable = match &*media_type(content_type) {
        _ if body.is_empty() => Ok(()),
        BODY => Ok(()),
        MIXED => multipart::session(content_type, body).map(|_| ()),
        _ => Err(415),
    };
    match readable {
        Ok(()) => {}
        Err(415) => return Some((415, Some(("Accept", ACCEPT.to_owned())))),
        Err(status) => return Some((status, None)),
    }
    let mut accepted = headers.tokens("Accept").map(media_type).peekable();
    let all_others = accepted.peek().is_some() && !accepted.any(|t| t == BODY || t == "application/*" || t == "*/*");
    all_others.then_some((406, None))
}

fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase()
}
