//! The callee's side (RFC 3261 sections 8.2, 12.2.2, 13.3 and 14.2): requests as they come, and the commands that
//! answer an INVITE.

use super::reliable::Reliable;
use super::session_timer::Terms;
use super::usage::{Pending, Unacked};
use super::verdict::ACCEPT;
use super::{DialogId, Door, Endpoint, Event, Incoming, InviteUsage, Refusal, Reply, Verdict, unavailable};
use crate::sip::dialog::Dialog;
use crate::sip::hop::Hop;
use crate::sip::invite::{ALLOW, SUPPORTED, contact};
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::transaction::{InviteServer, Machine, Purpose, Server, TransactionId};
use crate::sip::wire;
use crate::time::Instant;

const NOT_A_REFUSAL: &str = "not a status to refuse with";

impl Endpoint {
    /// Answers a new call with 180 or 183 (any of 101-199), with an SDP for early media, or an empty one. It goes out
    /// reliably (RFC 3262) where the caller insists, or knows how and there is an SDP; not now while one such has no PRACK.
    pub fn ring(&mut self, now: Instant, dialog: DialogId, status: u16, sdp: Vec<u8>) -> Result<(), Refusal> {
        if !(101..200).contains(&status) {
            return Err(Refusal::Bad("not a status to ring with"));
        }
        let usage = self.usage(dialog)?;
        let reliable = usage.reliable.wanted(&sdp);
        let may = usage.early && !(reliable && usage.reliable.is_open());
        let Some(mut pending) = usage.incoming.take_if(|_| may) else { return Err(Refusal::NotNow) };
        let described = !sdp.is_empty();
        let mut response = self.invite_response(dialog, &pending, status, sdp);
        let Some(usage) = self.usages.get_mut(dialog) else { return Err(Refusal::NoDialog) };
        if reliable {
            usage.reliable.number(&mut self.random, &mut response);
            usage.reliable.sent(now, &pending, response.to_bytes(), described);
            pending.settled |= described && pending.has_offer;
            if described {
                usage.described.clone_from(&response.body);
            }
        }
        self.respond(now, &pending, &response);
        self.usage(dialog)?.incoming = Some(pending);
        self.usages.arm(dialog);
        Ok(())
    }

    /// Answers a new call with 200 and `sdp`, the answer or, if the INVITE had none, the offer. It waits for the PRACK of
    /// a reliable 1xx with an SDP (RFC 3262 section 3).
    pub fn accept(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if !usage.early || usage.incoming.is_none() || usage.reliable.held.is_some() {
            return Err(Refusal::NotNow);
        }
        if usage.reliable.holds_back() {
            usage.reliable.held = Some(sdp);
        } else {
            self.answer_now(now, dialog, sdp);
        }
        Ok(())
    }

    /// Refuses a new call with a status of 300-699; the dialog is gone.
    pub fn refuse(
        &mut self,
        now: Instant,
        dialog: DialogId,
        status: u16,
        headers: &[(&str, String)],
    ) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if !usage.early || usage.incoming.is_none() {
            return Err(Refusal::NotNow);
        }
        self.refuse_pending(now, dialog, status, headers)?;
        self.usages.remove(dialog);
        Ok(())
    }

    /// Answers a re-INVITE, or the offer of an UPDATE or PRACK, with 200.
    pub fn accept_reinvite(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if let Some(offered) = usage.offered.take() {
            self.accept_offer(now, dialog, offered, sdp);
        } else if !usage.early && usage.incoming.is_some() {
            self.answer_now(now, dialog, sdp);
        } else {
            return Err(Refusal::NotNow);
        }
        if self.usage(dialog)?.retry.is_some() {
            self.give_up_retry(dialog);
        }
        Ok(())
    }

    /// Refuses one with a status of 300-699, such as 488; the session stays as it was.
    pub fn refuse_reinvite(&mut self, now: Instant, dialog: DialogId, status: u16) -> Result<(), Refusal> {
        if !(300..700).contains(&status) {
            return Err(Refusal::Bad(NOT_A_REFUSAL));
        }
        let usage = self.usage(dialog)?;
        if let Some(offered) = usage.offered.take() {
            self.refuse_offer(now, &offered, (status, None));
            return Ok(());
        }
        if usage.early {
            return Err(Refusal::NotNow);
        }
        self.refuse_pending(now, dialog, status, &[])
    }

    pub(super) fn on_request(&mut self, now: Instant, from: Hop, request: Request, door: Door) {
        let Some(incoming) = Incoming::of(from, request) else {
            self.counters.malformed_dropped += 1;
            return;
        };
        let known = self.transactions.find(&incoming.key);
        match (&incoming.request.method, known) {
            (Method::Ack, _) => self.on_ack(now, known, incoming),
            (Method::Cancel, None) if door == Door::Silent => self.counters.forbidden += 1,
            (Method::Cancel, _) => self.on_cancel(now, known, &incoming),
            (_, Some(transaction)) => self.on_repeated(transaction),
            (_, None) if door == Door::Silent && !self.knows(&incoming) => self.counters.forbidden += 1,
            (_, None) => match self.verdict(&incoming) {
                Some(verdict) => self.answer_stateless(&incoming, verdict),
                None => self.on_new_request(now, incoming, door),
            },
        }
    }

    /// Whether a request is of a dialog of ours.
    fn knows(&self, incoming: &Incoming) -> bool {
        let tag = incoming.to_tag.as_deref();
        tag.is_some_and(|tag| self.usages.find(&incoming.call_id, tag, &incoming.from_tag).is_some())
    }

    fn on_new_request(&mut self, now: Instant, incoming: Incoming, door: Door) {
        match (&incoming.to_tag, &incoming.request.method) {
            (Some(tag), _) => match self.usages.find(&incoming.call_id, tag, &incoming.from_tag) {
                Some(id) => self.on_request_in_dialog(now, id, incoming),
                None => self.answer_stateless(&incoming, (481, None)),
            },
            (None, Method::Invite | Method::Options) if door == Door::Forbidden => {
                self.counters.forbidden += 1;
                self.answer_stateless(&incoming, (403, None));
            }
            (None, Method::Invite | Method::Options) if door == Door::Unavailable => {
                self.counters.unavailable += 1;
                self.answer_stateless(&incoming, unavailable());
            }
            (None, Method::Invite) => self.on_new_call(now, incoming),
            (None, Method::Options) => self.on_options(&incoming),
            (None, _) => self.answer_stateless(&incoming, (481, None)),
        }
    }

    fn on_new_call(&mut self, now: Instant, incoming: Incoming) {
        if !self.has_room_for_call() {
            return self.answer_no_room(&incoming);
        }
        let Ok(head) = incoming.request.headers.head() else { return };
        let tag = self.random.token();
        let headers = &incoming.request.headers;
        let mut usage = InviteUsage::new(Dialog::of_invite(headers, &head, tag, incoming.from), false);
        usage.reliable = Reliable::for_invite(headers);
        usage.note_allow(headers);
        let dialog = self.usages.next_id();
        let merge_key = (!incoming.from_tag.is_empty()).then(|| incoming.merge_key());
        let pending = self.begin_invite(now, dialog, incoming.cseq, incoming.key, incoming.reply, &incoming.request);
        if let Some(key) = merge_key {
            self.transactions.alias(pending.transaction, key);
        }
        usage.incoming = Some(pending);
        self.usages.insert(dialog, usage);
        self.tell(Event::Invite { dialog, from: incoming.from, request: incoming.request });
    }

    fn begin_invite(
        &mut self,
        now: Instant,
        dialog: DialogId,
        cseq: u32,
        key: String,
        reply: Reply,
        request: &Request,
    ) -> Pending {
        let machine = Machine::InviteServer(InviteServer::new(now, reply.to.transport));
        let transaction = self.transactions.insert(key, reply.to, Vec::new(), Purpose::Invite(dialog), machine);
        let (has_offer, terms) = (!request.body.is_empty(), Terms::answering(&request.headers));
        Pending { transaction, cseq, reply, has_offer, settled: false, terms }
    }

    /// Section 8.2.6.1: the owner of the dialog takes its time, and the peer need not send the INVITE again meanwhile.
    pub(super) fn say_trying(&mut self, now: Instant, id: DialogId) {
        let Some(pending) = self.usages.get_mut(id).and_then(|usage| usage.incoming.take()) else { return };
        let trying = pending.reply.response(100, None);
        self.respond(now, &pending, &trying);
        if let Some(usage) = self.usages.get_mut(id) {
            usage.incoming = Some(pending);
        }
    }

    /// Section 11.2.
    fn on_options(&mut self, incoming: &Incoming) {
        let tag = self.stateless_tag(&incoming.key, &incoming.call_id);
        let mut response = self.response(&incoming.reply, 200, Some(&tag));
        for (name, value) in [("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", SUPPORTED)] {
            response.headers.put(name, value);
        }
        self.send(incoming.reply.to, response.to_bytes());
    }

    fn on_request_in_dialog(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        if incoming.request.method == Method::Options {
            return self.on_options(&incoming);
        }
        let room = self.has_room_in_dialog();
        let Some(usage) = self.usages.get_mut(id) else { return };
        let method = &incoming.request.method;
        if usage.early && usage.caller && *method == Method::Bye {
            // Section 15: a callee may not end an early dialog so.
            return self.answer_stateless(&incoming, (481, None));
        }
        let dialog = usage.dialog_with(&incoming.from_tag);
        if dialog.remote_cseq.is_some_and(|last| incoming.cseq <= last) {
            // Section 12.2.2: out of order.
            return self.answer_stateless(&incoming, (500, None));
        }
        if !room && *method != Method::Bye {
            return self.answer_no_room(&incoming);
        }
        if *method != Method::Bye && !usage.rate.admits(now) {
            // Without state, so that a flood costs nothing.
            self.counters.dialog_floods += 1;
            return self.answer_stateless(&incoming, unavailable());
        }
        let dialog = usage.dialog_with(&incoming.from_tag);
        dialog.remote_cseq = Some(incoming.cseq);
        dialog.peer = incoming.from;
        match method {
            Method::Invite => self.on_reinvite(now, id, incoming),
            Method::Bye => self.on_bye(now, id, &incoming),
            Method::Notify => self.on_notify(now, id, &incoming),
            Method::Refer => self.on_refer(now, id, incoming),
            Method::Update => self.on_update(now, id, incoming),
            Method::Prack => self.on_prack(now, id, incoming),
            // The verdict let no other method through than INFO.
            _ => self.on_info(now, id, incoming),
        }
    }

    fn on_info(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        self.answer_in_transaction(now, &incoming, (200, None));
        self.tell_of(id, Event::Info { dialog: id, request: incoming.request });
    }

    /// Section 14.2.
    fn on_reinvite(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.incoming.is_some() || usage.offered.is_some() {
            let wait = self.random.below(10).to_string();
            return self.refuse_reinvite_at_once(now, incoming, (500, Some(("Retry-After", wait))));
        }
        // Our own INVITE is on its way, or the ACK of the last one is still to come (RFC 5407 section 3.1.4).
        if usage.outgoing.is_some() || usage.unacked.is_some() || usage.awaits_answer(&incoming.from_tag) {
            return self.refuse_reinvite_at_once(now, incoming, (491, None));
        }
        usage.dialog.refresh(&incoming.request.headers);
        usage.note_allow(&incoming.request.headers);
        let pending = self.begin_invite(now, id, incoming.cseq, incoming.key, incoming.reply, &incoming.request);
        if let Some(usage) = self.usages.get_mut(id) {
            usage.incoming = Some(pending);
        }
        self.tell(Event::Reinvite { dialog: id, request: incoming.request });
    }

    /// In a transaction: were the re-INVITE, coming again, judged anew, a peer that took the refusal could be accepted.
    fn refuse_reinvite_at_once(&mut self, now: Instant, incoming: Incoming, verdict: Verdict) {
        let Incoming { key, reply, cseq, .. } = incoming;
        let machine = Machine::InviteServer(InviteServer::new(now, reply.to.transport));
        let transaction = self.transactions.insert(key, reply.to, Vec::new(), Purpose::Nobody, machine);
        self.counters.refused += 1;
        let pending = Pending { transaction, cseq, reply, has_offer: false, settled: false, terms: None };
        self.refuse_offer(now, &pending, verdict);
    }

    /// Section 15.1.2: the 200, and 487 to an INVITE that is still open.
    fn on_bye(&mut self, now: Instant, id: DialogId, incoming: &Incoming) {
        self.answer_in_transaction(now, incoming, (200, None));
        if self.forget(now, id, 487).is_some_and(|usage| !usage.silent) {
            self.tell(Event::Bye { dialog: id });
        }
    }

    /// An answer without body to a request in a dialog, kept for the request coming again.
    pub(super) fn answer_in_transaction(&mut self, now: Instant, incoming: &Incoming, (status, header): Verdict) {
        let mut response = self.response(&incoming.reply, status, None);
        if let Some((name, value)) = header {
            response.headers.put(name, value);
        }
        self.counters.refused += u64::from(status >= 300);
        let bytes = response.to_bytes();
        let (key, machine) = (incoming.key.clone(), Machine::Server(Server::new(now, incoming.reply.to.transport)));
        self.transactions.insert(key, incoming.reply.to, bytes.clone(), Purpose::Nobody, machine);
        self.send(incoming.reply.to, bytes);
    }

    fn on_repeated(&mut self, transaction: TransactionId) {
        self.counters.repeated += 1;
        let Some(known) = self.transactions.get(transaction) else { return };
        let again = match &known.machine {
            Machine::InviteServer(machine) => machine.answers_again(),
            _ => true,
        };
        // An UPDATE that its owner has not answered yet has nothing to repeat.
        if again && !known.wire.is_empty() {
            let (to, bytes) = (known.to, known.wire.clone());
            self.send(to, bytes);
        }
    }

    fn on_ack(&mut self, now: Instant, known: Option<TransactionId>, incoming: Incoming) {
        let taken = known.and_then(|id| {
            self.transactions.change(id, |known| match &mut known.machine {
                Machine::InviteServer(machine) => machine.on_ack(now),
                _ => false,
            })
        });
        if taken == Some(true) {
            return;
        }
        let tag = incoming.to_tag.as_deref().unwrap_or("");
        let id = self.usages.find(&incoming.call_id, tag, &incoming.from_tag);
        let Some((id, usage)) = id.and_then(|id| self.usages.get_mut(id).map(|usage| (id, usage))) else {
            self.counters.stray_acks += 1;
            return;
        };
        // The ACK of a re-INVITE's 2xx does not stand for one that went before it.
        let Some(unacked) = usage.unacked.take_if(|unacked| unacked.cseq == incoming.cseq) else {
            self.counters.stray_acks += 1;
            return;
        };
        usage.dialog.peer = incoming.from;
        let silent = usage.silent;
        self.transactions.change(unacked.transaction, |known| {
            if let Machine::InviteServer(machine) = &mut known.machine {
                machine.on_ack_of_2xx(now);
            }
        });
        if silent {
            // Section 15: a BYE of the callee waits for the ACK.
            self.say_bye(now, id);
        } else {
            let answer = unacked.offer.then_some(incoming.request.body);
            self.tell(Event::Confirmed { dialog: id, answer });
            self.refer_held(now, id);
        }
    }

    /// Section 9.2: 200 to the CANCEL if its INVITE is known, with the To tag of its other answers; 487 to the INVITE
    /// if that is still open.
    fn on_cancel(&mut self, now: Instant, known: Option<TransactionId>, incoming: &Incoming) {
        let Some(transaction) = known else { return self.answer_stateless(incoming, (481, None)) };
        let known = self.transactions.get(transaction);
        let said = known.and_then(|known| said_tag(&known.wire));
        let id = known.and_then(|known| match known.purpose {
            Purpose::Invite(id) => Some(id),
            _ => None,
        });
        let ours = || Some(self.usages.get(id?)?.dialog.local_tag.clone());
        let tag = said.or_else(ours).unwrap_or_else(|| self.stateless_tag(&incoming.key, &incoming.call_id));
        self.answer_tagged(incoming, (200, None), &tag);
        let Some((id, usage)) = id.and_then(|id| Some((id, self.usages.get_mut(id)?))) else { return };
        if usage.incoming.as_ref().is_none_or(|pending| pending.transaction != transaction) {
            return;
        }
        if usage.early {
            self.forget(now, id, 487);
            self.tell(Event::Cancelled { dialog: id });
        } else {
            self.close_pending(now, id, 487);
        }
    }

    /// The 200 to the open INVITE of a dialog.
    pub(super) fn answer_now(&mut self, now: Instant, id: DialogId, sdp: Vec<u8>) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let Some(pending) = usage.incoming.take() else { return };
        usage.early = false;
        usage.reliable.stop();
        usage.timer.answered(now, pending.terms);
        let offer = !pending.has_offer && !pending.settled && !sdp.is_empty();
        if !sdp.is_empty() {
            usage.described.clone_from(&sdp);
        }
        let mut response = self.invite_response(id, &pending, 200, sdp);
        if let Some(terms) = pending.terms {
            terms.write(&mut response);
        }
        let bytes = self.respond(now, &pending, &response);
        self.usages.await_ack(id, Unacked::new(now, &pending, bytes, offer));
    }

    fn refuse_pending(
        &mut self,
        now: Instant,
        id: DialogId,
        status: u16,
        headers: &[(&str, String)],
    ) -> Result<(), Refusal> {
        if !(300..700).contains(&status) {
            return Err(Refusal::Bad(NOT_A_REFUSAL));
        }
        let usage = self.usage(id)?;
        let tag = usage.dialog.local_tag.clone();
        let Some(pending) = usage.incoming.take() else { return Err(Refusal::NotNow) };
        let mut response = self.response(&pending.reply, status, Some(&tag));
        for (name, value) in headers {
            if let Err(bad) = response.headers.push(name, &**value) {
                self.usage(id)?.incoming = Some(pending);
                return Err(bad.into());
            }
        }
        self.respond(now, &pending, &response);
        Ok(())
    }

    /// Refuses the open requests of a dialog, if it has any, without asking whether its owner still listens.
    pub(super) fn close_pending(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let tag = usage.dialog.local_tag.clone();
        if let Some(pending) = usage.incoming.take() {
            let response = self.response(&pending.reply, status, Some(&tag));
            self.respond(now, &pending, &response);
        }
        if let Some(offered) = self.usages.get_mut(id).and_then(|usage| usage.offered.take()) {
            self.refuse_offer(now, &offered, (status, None));
        }
    }

    /// Gives a response to the request's transaction, and sends it.
    pub(super) fn respond(&mut self, now: Instant, pending: &Pending, response: &Response) -> Vec<u8> {
        let bytes = response.to_bytes();
        self.transactions.change(pending.transaction, |known| {
            known.wire.clone_from(&bytes);
            if let Machine::InviteServer(machine) = &mut known.machine {
                machine.respond(now, response.status);
            }
        });
        self.send(pending.reply.to, bytes.clone());
        bytes
    }

    /// A 101-299 to an INVITE or UPDATE: To tag, Contact, and the body.
    pub(super) fn invite_response(&mut self, id: DialogId, pending: &Pending, status: u16, sdp: Vec<u8>) -> Response {
        let tag = self.usages.get_mut(id).map(|usage| usage.dialog.local_tag.clone());
        let mut response = self.response(&pending.reply, status, tag.as_deref());
        response.headers.put("Contact", contact(self.config.local(pending.reply.to)));
        response.headers.put("Allow", ALLOW);
        response.headers.put("Supported", SUPPORTED);
        if !sdp.is_empty() {
            response.headers.put("Content-Type", "application/sdp");
        }
        response.body = sdp;
        response
    }
}

/// The To tag of a response that we sent.
fn said_tag(wire: &[u8]) -> Option<String> {
    let Ok(Message::Response(response)) = wire::read(wire) else { return None };
    response.headers.head().ok()?.to.tag().map(str::to_owned)
}
