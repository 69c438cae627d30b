//! The caller's phone: it says what it said in the capture, fitted to the dialog that stands now. Its ACKs, its PRACKs and its
//! answers come when what they answer comes; all else at its time.

use super::wire::{Said, Wire};
use crate::sip::{Head, Headers, Hop, Message, Method, NameAddr, Request, Response, Uri};

/// A 2xx to an INVITE, and a final answer to anything.
const FINAL: std::ops::Range<u16> = 200..700;
/// What an answer has of its request (RFC 3261 section 8.2.6.2), and an ACK of its INVITE.
const OF_THE_REQUEST: [&str; 5] = ["Via", "From", "To", "Call-ID", "CSeq"];

pub struct Caller<'w> {
    wire: &'w Wire,
    pub hop: Hop,
    /// Whether it acknowledges our 2xx: one that did not is played as such.
    acks: bool,
    call: String,
    /// Where requests within the dialog go, and their To, once we have answered.
    target: Option<Uri>,
    to: Option<String>,
    /// Of the reliable 1xx that was not acknowledged (RFC 3262).
    rseq: Option<String>,
    /// Requests of ours, by method: which of the captured answers comes next.
    answered: Vec<Method>,
}

impl<'w> Caller<'w> {
    pub fn of(wire: &'w Wire, hop: Hop, acks: bool) -> Caller<'w> {
        let call = wire.invite.headers.get("Call-ID").unwrap_or("").to_owned();
        Caller { wire, hop, acks, call, target: None, to: None, rseq: None, answered: Vec::new() }
    }

    /// Whether a message of ours is for this phone.
    pub fn is_meant(&self, message: &Message) -> bool {
        super::wire::call_id(message) == Some(&self.call)
    }

    /// The messages that come at their times.
    pub fn timed(&self) -> impl Iterator<Item = &'w Said> + use<'w> {
        self.wire.said.iter().skip(1).filter(|said| match &said.message {
            Message::Request(request) => !matches!(request.method, Method::Ack | Method::Prack),
            Message::Response(_) => false,
        })
    }

    /// One of them as it is said now.
    pub fn says(&self, said: &Said) -> Vec<u8> {
        match &said.message {
            Message::Request(request) => self.fitted(request).to_bytes(),
            Message::Response(_) => said.bytes.clone(),
        }
    }

    /// What it says to a message of ours, and when it said so in the capture, if it did.
    pub fn hears(&mut self, message: &Message) -> Option<(Option<u64>, Vec<u8>)> {
        match message {
            Message::Request(request) if request.method == Method::Ack => None,
            Message::Request(request) => self.answer(request).map(|(t, response)| (t, response.to_bytes())),
            Message::Response(response) => self.answered(response).map(|(t, request)| (t, request.to_bytes())),
        }
    }

    /// Our answer to a request of its: an INVITE's is acknowledged.
    fn answered(&mut self, response: &Response) -> Option<(Option<u64>, Request)> {
        let head = response.headers.head().ok()?;
        if head.method != Method::Invite || response.status == 100 {
            return None;
        }
        self.to = response.headers.get("To").filter(|_| head.to.param("tag").is_some()).map(str::to_owned);
        let contact = response.headers.get("Contact").and_then(|contact| NameAddr::read(contact).ok());
        self.target = contact.map(|contact| contact.uri).or(self.target.take());
        if !FINAL.contains(&response.status) {
            self.rseq = response.headers.get("RSeq").map(str::to_owned);
            return self.rseq.is_some().then(|| self.prack(&head)).flatten();
        }
        let invite = self.requests(&Method::Invite).find(|(_, invite)| cseq(invite) == Some(head.cseq))?.1;
        if response.status >= 300 {
            // Hop by hop: the INVITE's own branch (RFC 3261 section 17.1.1.3).
            let mut ack = derived(invite, Method::Ack, head.cseq);
            ack.headers = with(&ack.headers, &[("To", self.to.as_deref())], |_| true);
            return Some((None, ack));
        }
        if !self.acks {
            return None;
        }
        let said = self.requests(&Method::Ack).find(|(_, ack)| cseq(ack) == Some(head.cseq));
        Some(match said {
            Some((t, ack)) => (Some(t), self.fitted(ack)),
            None => (None, self.fitted(&derived(invite, Method::Ack, head.cseq))),
        })
    }

    fn prack(&self, head: &Head<'_>) -> Option<(Option<u64>, Request)> {
        if let Some((t, said)) = self.requests(&Method::Prack).next() {
            return Some((Some(t), self.fitted(said)));
        }
        let (_, invite) = self.requests(&Method::Invite).find(|(_, invite)| cseq(invite) == Some(head.cseq))?;
        let mut prack = derived(invite, Method::Prack, head.cseq + 1);
        // Ours is the number that is put there.
        prack.headers.push("RAck", format!("0 {} INVITE", head.cseq)).ok()?;
        Some((None, self.fitted(&prack)))
    }

    /// Its answer to a request of ours: what it said to the like of it, or that all is well.
    fn answer(&mut self, request: &Request) -> Option<(Option<u64>, Response)> {
        let method = request.method.clone();
        let before = self.answered.iter().filter(|answered| **answered == method).count();
        self.answered.push(method.clone());
        let said = self.wire.said.iter().filter_map(|said| match &said.message {
            Message::Response(response) => Some((said.t, response)),
            Message::Request(_) => None,
        });
        let to_it = |(_, response): &(u64, &Response)| {
            FINAL.contains(&response.status) && response.headers.head().is_ok_and(|head| head.method == method)
        };
        let (t, said) = said.filter(to_it).nth(before).unzip();
        let (status, reason) = said.map_or((200, "OK"), |said| (said.status, said.reason.as_str()));
        let mut headers = with(&request.headers, &[], |name| OF_THE_REQUEST.contains(&name));
        for name in ["Contact", "Content-Type", "Session-Expires", "Require"] {
            for value in said.into_iter().flat_map(|said| said.headers.all(name)) {
                headers.push(name, value).ok()?;
            }
        }
        let body = said.map_or_else(Vec::new, |said| said.body.clone());
        Some((t, Response { status, reason: reason.to_owned(), headers, body }))
    }

    /// A request of the capture in the dialog that stands now.
    fn fitted(&self, request: &Request) -> Request {
        // A CANCEL is the INVITE's (RFC 3261 section 9.1).
        if request.method == Method::Cancel {
            return request.clone();
        }
        let rack = request.headers.get("RAck").zip(self.rseq.as_ref()).map(|(rack, rseq)| {
            let (_, rest) = rack.split_once(' ').unwrap_or(("", rack));
            format!("{rseq} {rest}")
        });
        let headers = with(&request.headers, &[("To", self.to.as_deref()), ("RAck", rack.as_deref())], |_| true);
        let uri = self.target.clone().unwrap_or_else(|| request.uri.clone());
        Request { method: request.method.clone(), uri, headers, body: request.body.clone() }
    }

    fn requests(&self, method: &Method) -> impl Iterator<Item = (u64, &'w Request)> + use<'w> {
        let method = method.clone();
        self.wire.said.iter().filter_map(move |said| match &said.message {
            Message::Request(request) if request.method == method => Some((said.t, request)),
            _ => None,
        })
    }
}

fn cseq(request: &Request) -> Option<u32> {
    request.headers.head().ok().map(|head| head.cseq)
}

/// A request that belongs to an INVITE.
fn derived(invite: &Request, method: Method, cseq: u32) -> Request {
    let cseq = format!("{cseq} {method}");
    let headers = with(&invite.headers, &[("CSeq", Some(&cseq))], |name| OF_THE_REQUEST.contains(&name));
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }
}

/// Headers with other values for some.
fn with(headers: &Headers, changes: &[(&str, Option<&str>)], keep: impl Fn(&str) -> bool) -> Headers {
    let mut changed = Headers::default();
    for (name, value) in headers.iter().filter(|(name, _)| keep(name)) {
        let change = changes.iter().find(|(changes, _)| name.eq_ignore_ascii_case(changes));
        let value = change.and_then(|(_, value)| *value).unwrap_or(value);
        // One that no header may hold was none when it came: it stays away.
        if changed.push(name, value).is_err() {
            tracing::trace!(name, "a header of the capture is left out");
        }
    }
    changed
}
