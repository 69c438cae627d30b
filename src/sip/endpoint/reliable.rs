//! Reliable provisional responses (RFC 3262), as caller and as callee.
//!
//! ```text
//! callee: 18x (RSeq) --T1, doubling--> the same again --64*T1--> 500, the call is lost
//!            \--PRACK--> 200, and the 200 to the INVITE if that had to wait
//! caller: 18x with RSeq n --> PRACK if n follows the last one of that early dialog; else nothing
//! ```

use super::digest::authorize;
use super::reply::Incoming;
use super::usage::Pending;
use super::{DialogId, Endpoint, Event, Loss};
use crate::random::Random;
use crate::sip::dialog::Dialog;
use crate::sip::hop::{Hop, Transport};
use crate::sip::invite::via;
use crate::sip::message::{Head, Headers, Method, Response, digits};
use crate::sip::transaction::Purpose;
use crate::sip::transaction::timer::{Backoff, Due};
use crate::time::{Duration, Instant};

/// Early dialogs that one INVITE of ours may make; 1xx from further phones are dropped and counted.
const MAX_EARLY: usize = 16;

/// An early dialog of our INVITE (RFC 3261 section 12.1.2).
pub(super) struct Early {
    pub(super) dialog: Dialog,
    /// The RSeq that its last PRACK was for.
    rseq: Option<u32>,
    /// The answer to our offer, by a reliable 1xx. Empty once an offer of the peer's has taken its place.
    pub(super) answer: Option<Vec<u8>>,
}

/// Our reliable 1xx to one INVITE.
#[derive(Default)]
pub(super) struct Reliable {
    /// The caller knows of them, or insists on them.
    supported: bool,
    required: bool,
    rseq: u32,
    waiting: Option<Waiting>,
    /// The SDP of a 200 that may not go out before the PRACK (section 3).
    pub(super) held: Option<Vec<u8>>,
}

struct Waiting {
    rseq: u32,
    cseq: u32,
    to: Hop,
    bytes: Vec<u8>,
    described: bool,
    offer: bool,
    /// None once a final response has gone out: the 1xx is not sent again, its PRACK still welcome.
    resend: Option<Backoff>,
}

impl Reliable {
    pub(super) fn for_invite(headers: &Headers) -> Reliable {
        let names = |name| headers.tokens(name).any(|option| option.eq_ignore_ascii_case("100rel"));
        Reliable { supported: names("Supported"), required: names("Require"), ..Reliable::default() }
    }

    /// Whether a 1xx is to go out reliably: the caller insists, or there is something in it that may not get lost.
    pub(super) fn wanted(&self, sdp: &[u8]) -> bool {
        self.required || self.supported && !sdp.is_empty()
    }

    /// A reliable 1xx has no PRACK yet.
    pub(super) fn is_open(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.resend.is_some())
    }

    /// An offer of ours in it waits for its answer.
    pub(super) fn awaits_answer(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.offer && waiting.resend.is_some())
    }

    /// A 200 has to wait.
    pub(super) fn holds_back(&self) -> bool {
        self.is_open() && self.waiting.as_ref().is_some_and(|waiting| waiting.described)
    }

    /// Section 3: the first RSeq is drawn from 1 to 2^30 - 1, each next one is one more.
    pub(super) fn number(&mut self, random: &mut Random, response: &mut Response) {
        self.rseq = if self.rseq == 0 { 1 + random.below(0x3fff_ffff) } else { self.rseq + 1 };
        response.headers.put("Require", "100rel");
        response.headers.put("RSeq", self.rseq.to_string());
    }

    /// The 1xx numbered last is on its way.
    pub(super) fn sent(&mut self, now: Instant, pending: &Pending, bytes: Vec<u8>, described: bool) {
        let offer = described && !pending.has_offer && !pending.settled;
        // The gap has no cap (section 3). Over a stream as well: the next hop need not be one.
        let resend = Some(Backoff::new(now, Transport::Udp, Duration::MAX));
        let (cseq, to) = (pending.cseq, pending.reply.to);
        self.waiting = Some(Waiting { rseq: self.rseq, cseq, to, bytes, described, offer, resend });
    }

    /// A final response goes out.
    pub(super) fn stop(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.resend = None;
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.as_ref()?.resend.as_ref().map(Backoff::deadline)
    }

    pub(super) fn on_deadline(&mut self, now: Instant) -> Due {
        let resend = self.waiting.as_mut().and_then(|waiting| waiting.resend.as_mut());
        resend.map_or(Due::Nothing, |resend| resend.on_deadline(now))
    }
}

impl Endpoint {
    /// A reliable 1xx of ours is due again, or the caller never took it (section 3: 5xx).
    pub(super) fn on_provisional_due(&mut self, now: Instant, id: DialogId, due: Due) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let Some(waiting) = usage.reliable.waiting.as_ref() else { return };
        let (to, bytes) = (waiting.to, waiting.bytes.clone());
        if due == Due::Resend {
            self.counters.resent += 1;
            return self.send(to, bytes);
        }
        self.tell_of(id, Event::Lost { dialog: id, why: Loss::NoPrack });
        self.forget(now, id, 500);
    }

    /// The PRACK of a caller.
    pub(super) fn on_prack(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        let acknowledged = rack(&incoming.request.headers);
        let Some(usage) = self.usages.get_mut(id) else { return };
        let meant = |waiting: &mut Waiting| acknowledged == Some((waiting.rseq, waiting.cseq));
        let Some(waiting) = usage.reliable.waiting.take_if(meant) else {
            return self.answer_in_transaction(now, &incoming, (481, None));
        };
        let held = usage.reliable.held.take();
        let body = incoming.request.body.clone();
        if let Some(pending) = usage.incoming.as_mut().filter(|_| waiting.offer && !body.is_empty()) {
            pending.settled = true;
        }
        if body.is_empty() || waiting.offer || !waiting.described {
            self.answer_in_transaction(now, &incoming, (200, None));
            self.tell_of(id, Event::Acknowledged { dialog: id, answer: waiting.offer.then_some(body) });
        } else {
            // Section 5: the session stands already, so this is a new offer, which the 200 answers.
            self.take_offer(now, id, incoming);
        }
        if let Some(sdp) = held {
            self.answer_now(now, id, sdp);
        }
    }

    /// A 1xx with a To tag makes an early dialog, or speaks in one. False if nobody is to hear of it: a reliable one
    /// that came again or too early, or one phone too many.
    pub(super) fn on_early(&mut self, now: Instant, from: Hop, id: DialogId, response: &Response) -> bool {
        let Ok(head) = response.headers.head() else { return false };
        let Some(tag) = head.to.tag().filter(|_| response.status > 100) else { return true };
        let has_room = self.has_room_in_dialog();
        let Some(usage) = self.usages.get_mut(id) else { return false };
        usage.note_allow(&response.headers);
        let known = usage.forks.iter().position(|fork| fork.dialog.remote_tag == tag);
        if known.is_none() && usage.forks.len() == MAX_EARLY {
            self.counters.forks_dropped += 1;
            return false;
        }
        let at = known.unwrap_or_else(|| {
            let dialog = usage.dialog.early(&response.headers, &head, from);
            usage.forks.push(Early { dialog, rseq: None, answer: None });
            usage.forks.len() - 1
        });
        let fork = &mut usage.forks[at];
        fork.dialog.peer = from;
        let Some(rseq) = rseq(&response.headers) else { return true };
        if fork.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
            return false;
        }
        if !has_room {
            // It comes again.
            self.counters.no_room += 1;
            return false;
        }
        fork.rseq = Some(rseq);
        if !response.body.is_empty() && fork.answer.is_none() {
            fork.answer = Some(response.body.clone());
        }
        self.send_prack(now, id, at, &head, rseq);
        true
    }

    /// Section 4: with a CSeq of its own. It is of no consequence if nobody answers it; the INVITE has its own end.
    fn send_prack(&mut self, now: Instant, id: DialogId, fork: usize, head: &Head<'_>, rseq: u32) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let account = usage.account;
        let dialog = &mut usage.forks[fork].dialog;
        let to = dialog.destination(&self.config.locals);
        let via = via(self.config.local(to), &mut self.random);
        let cseq = dialog.next_cseq();
        let mut request = dialog.request(Method::Prack, cseq, via);
        request.headers.put("RAck", format!("{rseq} {} {}", head.cseq, head.method));
        self.dress(&mut request, to);
        authorize(&mut self.accounts, account, &mut request);
        self.transact(now, to, &request, Purpose::Nobody, account);
    }
}

/// The RSeq of a 1xx that asks for a PRACK.
fn rseq(headers: &Headers) -> Option<u32> {
    let asks = headers.tokens("Require").any(|option| option.eq_ignore_ascii_case("100rel"));
    digits(headers.get("RSeq").filter(|_| asks)?.trim())
}

/// The RSeq and CSeq that a PRACK names; it must be an INVITE's.
fn rack(headers: &Headers) -> Option<(u32, u32)> {
    let mut words = headers.get("RAck")?.split_ascii_whitespace();
    let (rseq, cseq, method) = (words.next()?, words.next()?, words.next()?);
    (method == "INVITE").then_some((digits(rseq)?, digits(cseq)?))
}
