//! The endpoint: transactions and dialogs of a user agent, caller's and callee's side.
//!
//! Messages, deadlines and commands go in; `poll` gives messages and events out. It is drained, never re-entered.

use std::collections::VecDeque;

use super::auth;
use super::hop::{Hop, Locals};
use super::invite::{ALLOW, SUPPORTED_IN_DIALOG, contact};
use super::message::{Headers, Message, Method, Request, Response};
use super::transaction::{Client, Fired, Machine, Purpose, Table, TransactionId, client_key};
use super::via::Via;
use super::wire::{self, Malformed};
use crate::random::Random;
use crate::time::Instant;

mod digest;
mod ending;
mod event;
mod orphan;
mod outside;
mod rate;
mod refer;
mod refer_in;
mod reliable;
mod reply;
mod retry;
pub(super) mod session_timer;
mod uac;
mod uas;
mod update;
mod usage;
mod usages;
mod verdict;

pub use crate::sip::dialog::Standing;
pub use digest::Account;
pub use event::{Counters, DialogId, Event, Loss, Output, Refusal};
pub use outside::RequestId;
pub use reply::reason;

use reply::{Incoming, Reply};
use usage::{Alarm, InviteUsage};
use usages::Usages;
use verdict::Verdict;

/// When a caller turned away with 503 may try again, in seconds: at the least, and how many more at the most. All of
/// them at once would be the next flood.
const RETRY_AFTER: (u64, u64) = (5, 10);

/// Whether a new call may come in. Refused ones are answered without state, so that they cost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    /// 403, to OPTIONS as well: nobody knows this source.
    Forbidden,
    /// Nothing: nobody knows this source, and it is to learn nothing of us.
    Silent,
    /// 503 with Retry-After, to OPTIONS as well: full, or about to end.
    Unavailable,
}

#[derive(Clone, Debug)]
pub struct Config {
    /// Our addresses as peers reach them: the one that faces a peer goes into Contact and Via.
    pub locals: Locals,
    /// User-Agent of our requests and Server of our responses.
    pub user_agent: String,
    /// A new INVITE, either way, is refused when so many transactions live. Within a dialog `max_dialogs` more are
    /// let in; a BYE or CANCEL is never refused for want of room.
    pub max_transactions: usize,
    pub max_dialogs: usize,
}

impl Config {
    /// Our own address towards a peer. One that we heard, or sent to, faces an address of ours.
    fn local(&self, peer: Hop) -> Hop {
        self.locals.facing(&peer).unwrap_or(peer)
    }
}

pub struct Endpoint {
    config: Config,
    random: Random,
    /// Salt of the tags of stateless answers.
    salt: u64,
    transactions: Table,
    usages: Usages,
    /// By `Account`.
    accounts: Vec<auth::Client>,
    /// Requests outside of dialogs, so far.
    requests: u64,
    /// Drained after each input, of which each adds a few.
    out: VecDeque<Output>,
    counters: Counters,
}

impl Endpoint {
    /// Refuses a `user_agent` with control bytes in it.
    pub fn new(config: Config, mut random: Random) -> Result<Endpoint, Refusal> {
        Headers::default().push("User-Agent", &*config.user_agent)?;
        let salt = random.u64();
        let (transactions, usages) = (Table::default(), Usages::default());
        let (out, counters) = (VecDeque::new(), Counters::default());
        let accounts = Vec::new();
        Ok(Endpoint { config, random, accounts, salt, transactions, usages, requests: 0, out, counters })
    }

    /// Takes a datagram, or a message off a stream; `door` says whether a new call may come in from there. What cannot
    /// be read is answered with 400 if that is possible, and counted.
    pub fn on_message(&mut self, now: Instant, from: Hop, bytes: &[u8], door: Door) {
        self.counters.received += 1;
        match wire::read(bytes).and_then(|message| framed(from, message)) {
            Ok(Message::Request(mut request)) => {
                verdict::unpack(&mut request.headers, &mut request.body);
                self.on_request(now, from, request, door);
            }
            Ok(Message::Response(mut response)) => {
                verdict::unpack(&mut response.headers, &mut response.body);
                self.on_response(now, from, response);
            }
            Err(_) if door == Door::Silent => self.counters.malformed_dropped += 1,
            Err(malformed) => self.on_malformed(from, &malformed),
        }
    }

    /// Does what is due at `now`. Call it at `next_deadline`, or later.
    pub fn on_deadline(&mut self, now: Instant) {
        while let Some(fired) = self.transactions.due(now) {
            match fired {
                Fired::Trying(Purpose::Invite(id)) => self.say_trying(now, id),
                Fired::Trying(_) => {}
                Fired::Resend(to, bytes) => {
                    self.counters.resent += 1;
                    self.send(to, bytes);
                }
                Fired::TimedOut(transaction, purpose) => self.on_timeout(now, transaction, purpose),
            }
        }
        while let Some((id, alarm)) = self.usages.due(now) {
            match alarm {
                Alarm::Unacked(due) => self.on_unacked(now, id, due),
                Alarm::Provisional(due) => self.on_provisional_due(now, id, due),
                Alarm::Retry => self.on_retry(now, id),
                Alarm::Refresh => self.refresh(now, id),
                Alarm::Expired => self.lose(now, id, Loss::Expired),
            }
        }
    }

    /// When `on_deadline` is to be called next. It may come early; then nothing happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.transactions.next_deadline(), self.usages.next_deadline()].into_iter().flatten().min()
    }

    /// The next message to send or event to hear of.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What still has to be said to peers: requests of ours without an answer, dialogs whose BYE has to wait.
    pub fn waiting(&self) -> usize {
        self.transactions.waiting() + self.usages.ending()
    }

    /// Whether a 2xx of ours waits for its ACK; a dialog that is ended meanwhile lives on without its owner, until `Ended`.
    pub fn is_unacked(&self, dialog: DialogId) -> bool {
        self.usages.get(dialog).is_some_and(|usage| usage.unacked.is_some())
    }

    /// How many dialogs and transactions live.
    pub fn load(&self) -> (usize, usize) {
        (self.usages.len(), self.transactions.len())
    }

    fn on_malformed(&mut self, from: Hop, malformed: &Malformed) {
        tracing::trace!(%from, reason = malformed.reason, "malformed SIP message");
        let Some(reply) = malformed.request.as_ref().and_then(|headers| Reply::to(headers, from)) else {
            self.counters.malformed_dropped += 1;
            return;
        };
        self.counters.malformed_answered += 1;
        let tag = self.stateless_tag(malformed.reason, "");
        let response = self.response(&reply, malformed.status, Some(&tag));
        self.send(reply.to, response.to_bytes());
    }

    fn send(&mut self, to: Hop, bytes: Vec<u8>) {
        self.out.push_back(Output::Send { to, bytes });
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Tells the owner of a dialog, unless it has let go of it.
    fn tell_of(&mut self, id: DialogId, event: Event) {
        if self.usage(id).is_ok() {
            self.tell(event);
        }
    }

    /// The usage that a command names, unless its owner has let go of it.
    fn usage(&mut self, id: DialogId) -> Result<&mut InviteUsage, Refusal> {
        self.usages.owned(id)
    }

    /// Whether a new call may begin.
    fn has_room_for_call(&self) -> bool {
        self.transactions.len() < self.config.max_transactions && self.usages.len() < self.config.max_dialogs
    }

    /// Whether a dialog may have one more transaction.
    fn has_room_in_dialog(&self) -> bool {
        self.transactions.len() < self.config.max_transactions + self.config.max_dialogs
    }

    /// A response with our name in it, and what one that makes or keeps a dialog needs.
    fn response(&self, reply: &Reply, status: u16, tag: Option<&str>) -> Response {
        let mut response = reply.response(status, tag);
        response.headers.put("Server", &*self.config.user_agent);
        response
    }

    /// Answers without state (RFC 3261 section 8.2.7): the request, coming again, gets the same answer again.
    fn answer_stateless(&mut self, incoming: &Incoming, verdict: Verdict) {
        let hash = self.stateless_hash(&incoming.key, &incoming.call_id);
        let wait = || Some(("Retry-After", (RETRY_AFTER.0 + hash % (RETRY_AFTER.1 + 1)).to_string()));
        let (status, header) = verdict;
        let header = if status == 503 { wait() } else { header };
        self.answer_tagged(incoming, (status, header), &format!("{hash:016x}"));
    }

    fn answer_tagged(&mut self, incoming: &Incoming, (status, header): Verdict, tag: &str) {
        let mut response = self.response(&incoming.reply, status, Some(tag));
        if let Some((name, value)) = header {
            response.headers.put(name, value);
        }
        self.counters.refused += u64::from(status >= 300);
        self.send(incoming.reply.to, response.to_bytes());
    }

    fn answer_no_room(&mut self, incoming: &Incoming) {
        self.counters.no_room += 1;
        self.answer_stateless(incoming, unavailable());
    }

    fn stateless_tag(&self, key: &str, call_id: &str) -> String {
        format!("{:016x}", self.stateless_hash(key, call_id))
    }

    /// What makes answers to the same request always the same (section 8.2.7): FNV-1a over what names it, salted.
    fn stateless_hash(&self, key: &str, call_id: &str) -> u64 {
        let mut hash = self.salt;
        for byte in key.bytes().chain(call_id.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash
    }

    /// Completes a request of ours: name, and for one that refreshes the target Contact and what we can do.
    fn dress(&self, request: &mut Request, to: Hop) {
        if matches!(request.method, Method::Invite | Method::Update) {
            request.headers.put("Contact", contact(self.config.local(to)));
            request.headers.put("Allow", ALLOW);
            request.headers.put("Supported", SUPPORTED_IN_DIALOG);
        }
        request.headers.put("User-Agent", &*self.config.user_agent);
    }

    /// Sends a request of ours other than INVITE in a transaction of its own. On an account it goes out again by itself
    /// when it is challenged.
    fn transact(
        &mut self,
        now: Instant,
        to: Hop,
        request: &Request,
        purpose: Purpose,
        account: Option<Account>,
    ) -> TransactionId {
        let bytes = request.to_bytes();
        let key = client_key(branch(&request.headers), &request.method);
        let machine = Machine::Client(Client::new(now, to.transport));
        let transaction = self.transactions.insert(key, to, bytes.clone(), purpose, machine);
        self.transactions.change(transaction, |known| known.account = account);
        self.send(to, bytes);
        transaction
    }
}

/// RFC 3261 section 18.3: over a stream a message without Content-Length has no end.
fn framed(from: Hop, message: Message) -> Result<Message, Malformed> {
    let (headers, is_request) = match &message {
        Message::Request(request) => (&request.headers, request.method != Method::Ack),
        Message::Response(response) => (&response.headers, false),
    };
    if !from.transport.is_stream() || headers.get("Content-Length").is_some() {
        return Ok(message);
    }
    let request = is_request.then(|| Box::new(headers.clone()));
    Err(Malformed { reason: "no Content-Length over a stream", status: 400, request })
}

/// The branch of the topmost Via of a request of ours.
fn branch(headers: &Headers) -> &str {
    headers.get("Via").and_then(|via| Via::read(via).ok()).and_then(|via| via.branch()).unwrap_or("")
}

fn unavailable() -> Verdict {
    (503, None)
}

#[cfg(test)]
mod tests;
