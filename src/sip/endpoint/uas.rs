//! The callee's side (RFC 3261 sections 8.2, 12.2.2, 13.3 and 14.2): requests as they come, and the commands that
//! answer an INVITE.

use super::usage::{Pending, Unacked};
use super::{DialogId, Door, Endpoint, Event, Incoming, InviteUsage, Refusal, Reply, Verdict, unavailable};
use crate::sip::dialog::Dialog;
use crate::sip::hop::Hop;
use crate::sip::invite::{ALLOW, contact};
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::{InviteServer, Machine, Purpose, Server, TransactionId};
use crate::time::Instant;

impl Endpoint {
    /// Answers a new call with 180 or 183 (any of 101-199), with an SDP for early media, or an empty one.
    pub fn ring(&mut self, now: Instant, dialog: DialogId, status: u16, sdp: Vec<u8>) -> Result<(), Refusal> {
        if !(101..200).contains(&status) {
            return Err(Refusal::Bad("not a status to ring with"));
        }
        let usage = self.usage(dialog)?;
        let Some(pending) = usage.incoming.take_if(|_| usage.early) else { return Err(Refusal::NotNow) };
        let response = self.invite_response(dialog, &pending, status, sdp);
        self.respond(now, &pending, &response);
        self.usage(dialog)?.incoming = Some(pending);
        Ok(())
    }

    /// Answers a new call with 200 and `sdp`, the answer or, if the INVITE had none, the offer.
    pub fn accept(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        self.answer(now, dialog, sdp, true)
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

    /// Answers a re-INVITE with 200.
    pub fn accept_reinvite(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        self.answer(now, dialog, sdp, false)
    }

    /// Refuses a re-INVITE with a status of 300-699, such as 488; the session stays as it was.
    pub fn refuse_reinvite(&mut self, now: Instant, dialog: DialogId, status: u16) -> Result<(), Refusal> {
        if self.usage(dialog)?.early {
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
            (Method::Cancel, _) => self.on_cancel(now, known, &incoming),
            (_, Some(transaction)) => self.on_repeated(transaction),
            (_, None) => match self.verdict(&incoming) {
                Some(verdict) => self.answer_stateless(&incoming, verdict),
                None => self.on_new_request(now, incoming, door),
            },
        }
    }

    fn on_new_request(&mut self, now: Instant, incoming: Incoming, door: Door) {
        match (&incoming.to_tag, &incoming.request.method) {
            (Some(tag), _) => match self.usages.find(&incoming.call_id, tag, &incoming.from_tag) {
                Some(id) => self.on_request_in_dialog(now, id, incoming),
                None => self.answer_stateless(&incoming, (481, None)),
            },
            (None, Method::Invite) if door == Door::Forbidden => {
                self.counters.forbidden += 1;
                self.answer_stateless(&incoming, (403, None));
            }
            (None, Method::Invite | Method::Options) if door == Door::Unavailable => {
                self.counters.unavailable += 1;
                self.answer_stateless(&incoming, unavailable());
            }
            (None, Method::Invite) => self.on_new_call(incoming),
            (None, Method::Options) => self.on_options(&incoming),
            (None, _) => self.answer_stateless(&incoming, (481, None)),
        }
    }

    fn on_new_call(&mut self, incoming: Incoming) {
        if !self.has_room_for_call() {
            return self.answer_no_room(&incoming);
        }
        let Ok(head) = incoming.request.headers.head() else { return };
        let tag = self.random.token();
        let mut usage = InviteUsage::new(Dialog::of_invite(&incoming.request.headers, &head, tag, incoming.from));
        let dialog = self.usages.next_id();
        let merge_key = (!incoming.from_tag.is_empty()).then(|| incoming.merge_key());
        let pending = self.begin_invite(dialog, incoming.cseq, incoming.key, incoming.reply);
        if let Some(key) = merge_key {
            self.transactions.alias(pending.transaction, key);
        }
        usage.incoming = Some(pending);
        self.usages.insert(dialog, usage);
        self.tell(Event::Invite { dialog, from: incoming.from, request: incoming.request });
    }

    /// Section 8.2.6.1: 100 at once, so that the caller does not send the INVITE again while we think.
    fn begin_invite(&mut self, dialog: DialogId, cseq: u32, key: String, reply: Reply) -> Pending {
        let trying = reply.response(100, None).to_bytes();
        let machine = Machine::InviteServer(InviteServer::new(reply.to.transport));
        let transaction = self.transactions.insert(key, reply.to, trying.clone(), Purpose::Invite(dialog), machine);
        self.send(reply.to, trying);
        Pending { transaction, cseq, reply }
    }

    /// Section 11.2.
    fn on_options(&mut self, incoming: &Incoming) {
        let tag = self.stateless_tag(&incoming.key, &incoming.call_id);
        let mut response = self.response(&incoming.reply, 200, Some(&tag));
        for (name, value) in [("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", "")] {
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
        if usage.dialog.remote_cseq.is_some_and(|last| incoming.cseq <= last) {
            // Section 12.2.2: out of order.
            return self.answer_stateless(&incoming, (500, None));
        }
        if !room && incoming.request.method != Method::Bye {
            return self.answer_no_room(&incoming);
        }
        usage.dialog.remote_cseq = Some(incoming.cseq);
        usage.dialog.peer = incoming.from;
        match incoming.request.method {
            Method::Invite => self.on_reinvite(now, id, incoming),
            Method::Bye => self.on_bye(now, id, &incoming),
            Method::Notify => self.on_notify(now, id, &incoming),
            // The verdict let no other method through than INFO.
            _ => {
                let silent = usage.silent;
                self.answer_in_transaction(now, &incoming);
                if !silent {
                    self.tell(Event::Info { dialog: id, request: incoming.request });
                }
            }
        }
    }

    /// Section 14.2.
    fn on_reinvite(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.incoming.is_some() {
            let wait = self.random.below(10).to_string();
            return self.refuse_reinvite_at_once(now, incoming, (500, Some(("Retry-After", wait))));
        }
        // Our own INVITE is on its way, or the ACK of the last one is still to come (RFC 5407 section 3.1.4).
        if usage.outgoing.is_some() || usage.unacked.is_some() {
            return self.refuse_reinvite_at_once(now, incoming, (491, None));
        }
        usage.dialog.refresh(&incoming.request.headers);
        let pending = self.begin_invite(id, incoming.cseq, incoming.key, incoming.reply);
        if let Some(usage) = self.usages.get_mut(id) {
            usage.incoming = Some(pending);
        }
        self.tell(Event::Reinvite { dialog: id, request: incoming.request });
    }

    /// In a transaction: were the re-INVITE, coming again, judged anew, a peer that took the refusal could be accepted.
    fn refuse_reinvite_at_once(&mut self, now: Instant, incoming: Incoming, (status, header): Verdict) {
        let Incoming { key, reply, cseq, .. } = incoming;
        let machine = Machine::InviteServer(InviteServer::new(reply.to.transport));
        let transaction = self.transactions.insert(key, reply.to, Vec::new(), Purpose::Nobody, machine);
        let mut response = self.response(&reply, status, None);
        if let Some((name, value)) = header {
            response.headers.put(name, value);
        }
        self.counters.refused += 1;
        self.respond(now, &Pending { transaction, cseq, reply }, &response);
    }

    /// Section 15.1.2: the 200, and 487 to an INVITE that is still open.
    fn on_bye(&mut self, now: Instant, id: DialogId, incoming: &Incoming) {
        self.answer_in_transaction(now, incoming);
        if self.forget(now, id, 487).is_some_and(|usage| !usage.silent) {
            self.tell(Event::Bye { dialog: id });
        }
    }

    /// 200 without body, kept for the request coming again.
    pub(super) fn answer_in_transaction(&mut self, now: Instant, incoming: &Incoming) {
        let bytes = self.response(&incoming.reply, 200, None).to_bytes();
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
        if again {
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
        if usage.unacked.take_if(|unacked| unacked.cseq == incoming.cseq).is_none() {
            self.counters.stray_acks += 1;
            return;
        }
        usage.dialog.peer = incoming.from;
        if usage.silent {
            // Section 15: a BYE of the callee waits for the ACK.
            self.say_bye(now, id);
        } else {
            self.tell(Event::Confirmed { dialog: id, body: incoming.request.body });
        }
    }

    /// Section 9.2: 200 to the CANCEL if its INVITE is known, 487 to the INVITE if that is still open.
    fn on_cancel(&mut self, now: Instant, known: Option<TransactionId>, incoming: &Incoming) {
        let Some(transaction) = known else { return self.answer_stateless(incoming, (481, None)) };
        self.answer_stateless(incoming, (200, None));
        let Some(Purpose::Invite(id)) = self.transactions.get(transaction).map(|known| known.purpose) else { return };
        let Some(usage) = self.usages.get_mut(id) else { return };
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

    fn answer(&mut self, now: Instant, id: DialogId, sdp: Vec<u8>, early: bool) -> Result<(), Refusal> {
        let usage = self.usage(id)?;
        let Some(pending) = usage.incoming.take_if(|_| usage.early == early) else { return Err(Refusal::NotNow) };
        usage.early = false;
        let response = self.invite_response(id, &pending, 200, sdp);
        let bytes = self.respond(now, &pending, &response);
        self.usages.await_ack(id, Unacked::new(now, &pending, bytes));
        Ok(())
    }

    fn refuse_pending(
        &mut self,
        now: Instant,
        id: DialogId,
        status: u16,
        headers: &[(&str, String)],
    ) -> Result<(), Refusal> {
        if !(300..700).contains(&status) {
            return Err(Refusal::Bad("not a status to refuse with"));
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

    /// Refuses the open INVITE of a dialog, if it has one, without asking whether its owner still listens.
    pub(super) fn close_pending(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let tag = usage.dialog.local_tag.clone();
        if let Some(pending) = usage.incoming.take() {
            let response = self.response(&pending.reply, status, Some(&tag));
            self.respond(now, &pending, &response);
        }
    }

    /// Gives a response to the INVITE's transaction, and sends it.
    fn respond(&mut self, now: Instant, pending: &Pending, response: &Response) -> Vec<u8> {
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

    /// A 101-299 to an INVITE: To tag, Contact, and the body.
    fn invite_response(&mut self, id: DialogId, pending: &Pending, status: u16, sdp: Vec<u8>) -> Response {
        let tag = self.usages.get_mut(id).map(|usage| usage.dialog.local_tag.clone());
        let mut response = self.response(&pending.reply, status, tag.as_deref());
        response.headers.put("Contact", contact(self.config.local(pending.reply.to)));
        response.headers.put("Allow", ALLOW);
        if !sdp.is_empty() {
            response.headers.put("Content-Type", "application/sdp");
        }
        response.body = sdp;
        response
    }
}
