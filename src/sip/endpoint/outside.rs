//! Requests of ours that belong to no dialog: REGISTER and OPTIONS. And messages that could not be delivered.

use super::{Endpoint, Event, Refusal, branch};
use crate::sip::hop::Hop;
use crate::sip::invite::via;
use crate::sip::message::{Headers, Message, Method, Request, Response};
use crate::sip::transaction::{Purpose, client_key};
use crate::sip::wire;
use crate::time::Instant;

/// A request outside of dialogs; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

impl Endpoint {
    /// Sends a request that lacks nothing but Via and User-Agent. Ends with one `Outcome`.
    pub fn request_outside(&mut self, now: Instant, to: Hop, request: Request) -> Result<RequestId, Refusal> {
        let Some(local) = self.config.locals.facing(&to) else {
            return Err(Refusal::Bad("no address of ours has that transport and IP version"));
        };
        if !self.has_room_for_call() {
            return Err(Refusal::Full);
        }
        if matches!(request.method, Method::Invite | Method::Ack | Method::Cancel) {
            return Err(Refusal::Bad("a method that has its own transactions"));
        }
        let mut headers = Headers::default();
        headers.put("Via", via(local, &mut self.random));
        for (name, value) in request.headers.iter() {
            headers.put(name, value);
        }
        headers.put("User-Agent", &*self.config.user_agent);
        let id = self.next_request();
        self.transact(now, to, &Request { headers, ..request }, Purpose::Outside(id), None);
        Ok(id)
    }

    pub(super) fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub(super) fn on_outcome(&mut self, request: RequestId, response: Option<Response>) {
        self.tell(Event::Outcome { request, response: response.map(Box::new) });
    }

    /// The shell could not deliver a message: no connection, or one that broke. Its client transaction ends as if the
    /// peer had said 503 (RFC 3261 section 8.1.3.1); a response or ACK is lost like a datagram.
    pub fn on_undelivered(&mut self, now: Instant, bytes: &[u8]) {
        self.counters.undelivered += 1;
        let Ok(Message::Request(request)) = wire::read(bytes) else { return };
        let key = client_key(branch(&request.headers), &request.method);
        if let Some((transaction, purpose)) = self.transactions.give_up(&key) {
            self.on_unreachable(now, transaction, purpose);
        }
    }
}
