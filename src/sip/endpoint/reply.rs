//! A request that came in, and how it is answered (RFC 3261 section 8.2.6).

use crate::sip::hop::Hop;
use crate::sip::message::{Headers, Request, Response};
use crate::sip::name_addr::NameAddr;
use crate::sip::transaction::server_key;
use crate::sip::via::Via;

/// Nothing comes over more hops: Max-Forwards begins at 70 (RFC 3261 section 8.1.1.6).
const MAX_HOPS: usize = 70;

/// A request with what tells it apart.
pub(super) struct Incoming {
    pub(super) from: Hop,
    /// By which its transaction is found.
    pub(super) key: String,
    pub(super) call_id: String,
    /// Empty from a caller of RFC 2543.
    pub(super) from_tag: String,
    pub(super) to_tag: Option<String>,
    pub(super) cseq: u32,
    pub(super) reply: Reply,
    pub(super) request: Box<Request>,
}

impl Incoming {
    /// `None` if the message lacks what `wire::read` makes sure of.
    pub(super) fn of(from: Hop, request: Request) -> Option<Incoming> {
        let head = request.headers.head().ok()?;
        Some(Incoming {
            from,
            key: server_key(&head, request.uri.as_str()),
            call_id: head.call_id.to_owned(),
            from_tag: head.from.tag().unwrap_or("").to_owned(),
            to_tag: head.to.tag().map(str::to_owned),
            cseq: head.cseq,
            reply: Reply::to(&request.headers, from)?,
            request: Box::new(request),
        })
    }

    /// The same INVITE come by another way has this in common (section 8.2.2.2).
    pub(super) fn merge_key(&self) -> String {
        format!("= {} {} {}", self.from_tag, self.cseq, self.call_id)
    }
}

/// What all responses to one request share.
pub(super) struct Reply {
    headers: Headers,
    pub(super) to: Hop,
}

impl Reply {
    /// Copies what responses need, as far as it is there; `None` without a Via. One that cannot be read is given
    /// back as it came, to the source. `None` too if it came further than anything can: a list of short values grows
    /// when each becomes a header, and the answer would be several times as long as what asked for it.
    pub(super) fn to(request: &Headers, from: Hop) -> Option<Reply> {
        if ["Via", "Record-Route"].iter().any(|name| request.all(name).count() > MAX_HOPS) {
            return None;
        }
        let top = request.get("Via")?;
        let (stamped, to) = match Via::read(top) {
            Ok(via) => (via.stamped(from.address), via.reply_hop(from)),
            Err(_) => (top.to_owned(), from),
        };
        let mut headers = Headers::default();
        headers.put("Via", stamped);
        for value in request.all("Via").skip(1) {
            headers.put("Via", value);
        }
        let makes_dialog = request.get("CSeq").is_some_and(|cseq| cseq.trim_end().ends_with("INVITE"));
        for (name, value) in request.iter() {
            // Section 12.1.1: the route is for what makes a dialog. To anybody else it would make our answer longer than
            // what asked for it.
            let routed = name == "Record-Route" && makes_dialog;
            if routed || matches!(name, "From" | "To" | "Call-ID" | "CSeq" | "Timestamp") {
                headers.put(name, value);
            }
        }
        Some(Reply { headers, to })
    }

    /// A response without body. `tag` goes into To unless the request had one there.
    pub(super) fn response(&self, status: u16, tag: Option<&str>) -> Response {
        let mut headers = Headers::default();
        for (name, value) in self.headers.iter() {
            match (name, tag) {
                // Section 12.1.1: the responses that make a dialog carry the route.
                ("Record-Route", _) if !(101..300).contains(&status) => {}
                ("Timestamp", _) if status != 100 => {}
                ("To", Some(tag)) if NameAddr::read(value).is_ok_and(|to| to.tag().is_none()) => {
                    headers.put(name, format!("{value};tag={tag}"));
                }
                _ => headers.put(name, value),
            }
        }
        Response { status, reason: reason(status).to_owned(), headers, body: Vec::new() }
    }
}

/// The reason phrases of RFC 3261 section 21 that we have a use for; by class for the others.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        101..=199 => "Progress",
        200..=299 => "OK",
        302 => "Moved Temporarily",
        300..=399 => "Redirection",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        401..=499 => "Request Failure",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        502..=599 => "Server Failure",
        603 => "Decline",
        _ => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_carries_what_its_status_asks_for() {
        let mut request = Headers::default();
        for (name, value) in [("Via", "SIP/2.0/UDP 192.0.2.1;rport"), ("To", "<sip:b@h>"), ("Timestamp", "5")] {
            request.put(name, value);
        }
        request.put("Record-Route", "<sip:p;lr>");
        request.put("CSeq", "1 INVITE");
        let reply = Reply::to(&request, Hop::udp("192.0.2.1:7000".parse().unwrap())).unwrap();
        // status, Record-Route, Timestamp
        for (status, route, timestamp) in
            [(100, false, true), (180, true, false), (200, true, false), (486, false, false)]
        {
            let headers = reply.response(status, Some("t")).headers;
            let found = (headers.get("Record-Route").is_some(), headers.get("Timestamp").is_some());
            assert_eq!(found, (route, timestamp), "{status}");
            assert_eq!(headers.get("Via"), Some("SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=7000"));
            assert_eq!(headers.get("To"), Some("<sip:b@h>;tag=t"));
        }
    }
}
