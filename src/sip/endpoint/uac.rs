//! The caller's side (RFC 3261 sections 8.1, 9.1, 13.2 and 14.1): our requests, and what comes back.

use super::digest::{Account, authorize, credentials_of};
use super::reply::reason;
use super::usage::Cancel;
use super::{DialogId, Endpoint, Event, InviteUsage, Loss, Refusal, branch};
use crate::sip::dialog::Dialog;
use crate::sip::hop::Hop;
use crate::sip::invite::via;
use crate::sip::message::{Head, Method, Request, Response};
use crate::sip::transaction::{Heard, InviteClient, Machine, Purpose, TransactionId, client_key};
use crate::time::Instant;

impl Endpoint {
    /// Begins a call: sends the whole request, as `invite::Invite` builds it, byte for byte.
    pub fn invite(&mut self, now: Instant, to: Hop, request: Request) -> Result<DialogId, Refusal> {
        self.invite_on(now, to, request, None)
    }

    /// The same on an account: should it be challenged, it goes out again with that one's credentials.
    pub fn invite_on(
        &mut self,
        now: Instant,
        to: Hop,
        request: Request,
        account: Option<Account>,
    ) -> Result<DialogId, Refusal> {
        if !self.has_room_for_call() {
            return Err(Refusal::Full);
        }
        if self.config.locals.facing(&to).is_none() {
            return Err(Refusal::Bad("no address of ours has that transport and IP version"));
        }
        let head = request.headers.head().map_err(Refusal::Bad)?;
        if request.method != Method::Invite || head.method != Method::Invite || head.via.branch().is_none() {
            return Err(Refusal::Bad("not an INVITE with a branch"));
        }
        if head.from.tag().is_none() || head.to.tag().is_some() {
            return Err(Refusal::Bad("an INVITE needs a tag in From and none in To"));
        }
        let mut usage = InviteUsage::new(Dialog::of_caller(&request.headers, &head, request.uri.clone(), to), true);
        usage.described.clone_from(&request.body);
        usage.account = account;
        let dialog = self.usages.next_id();
        usage.outgoing = Some(self.send_invite(now, to, request, dialog, account));
        self.usages.insert(dialog, usage);
        Ok(dialog)
    }

    /// Gives up a call of ours that is not answered. It ends with `Refused`, as a rule 487.
    pub fn cancel(&mut self, now: Instant, dialog: DialogId) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if !usage.early || usage.outgoing.is_none() {
            return Err(Refusal::NotNow);
        }
        self.cancel_when_possible(now, dialog);
        Ok(())
    }

    /// Offers a changed session; on glare again and again (section 14.1). Ends with `Reanswered`, `ReinviteRefused` or
    /// `Lost`.
    pub fn reinvite(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if usage.retry.is_some() {
            return Err(Refusal::NotNow);
        }
        usage.tries = 0;
        self.send_reinvite(now, dialog, sdp).map(|_| ())
    }

    pub(super) fn send_reinvite(&mut self, now: Instant, id: DialogId, sdp: Vec<u8>) -> Result<TransactionId, Refusal> {
        let usage = self.usage(id)?;
        // Section 14.1: one INVITE at a time, and none before the last has its ACK; nor while an UPDATE offers.
        let busy = usage.incoming.is_some() || usage.outgoing.is_some() || usage.unacked.is_some();
        if usage.early || busy || usage.offered.is_some() || usage.updating.is_some() {
            return Err(Refusal::NotNow);
        }
        let tag = usage.dialog.remote_tag.clone();
        let (to, mut request) = self.request(id, Method::Invite, &tag)?;
        self.usage(id)?.timer.write(&mut request.headers);
        if !sdp.is_empty() {
            request.headers.put("Content-Type", "application/sdp");
        }
        request.body = sdp;
        let account = self.usage(id)?.account;
        let transaction = self.send_invite(now, to, request, id, account);
        self.usage(id)?.outgoing = Some(transaction);
        Ok(transaction)
    }

    /// Sends an INFO. Its success is not reported; `Lost` says that the peer does not know the dialog.
    pub fn info(&mut self, now: Instant, dialog: DialogId, content_type: &str, body: Vec<u8>) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if usage.early {
            return Err(Refusal::NotNow);
        }
        let (tag, account) = (usage.dialog.remote_tag.clone(), usage.account);
        let (to, mut request) = self.request(dialog, Method::Info, &tag)?;
        request.headers.push("Content-Type", content_type)?;
        request.body = body;
        self.transact(now, to, &request, Purpose::Info(dialog), account);
        Ok(())
    }

    /// Asks whether the peer is still in the dialog, by OPTIONS (RFC 3261 section 11). Any answer but 481 and 408 says yes;
    /// `Lost` says no.
    pub fn probe(&mut self, now: Instant, dialog: DialogId) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if usage.early {
            return Err(Refusal::NotNow);
        }
        let (tag, account) = (usage.dialog.remote_tag.clone(), usage.account);
        let (to, mut request) = self.request(dialog, Method::Options, &tag)?;
        request.headers.put("Accept", "application/sdp");
        self.transact(now, to, &request, Purpose::Info(dialog), account);
        Ok(())
    }

    /// A request in the dialog with the peer of that tag, and where it goes.
    pub(super) fn request(
        &mut self,
        id: DialogId,
        method: Method,
        remote_tag: &str,
    ) -> Result<(Hop, Request), Refusal> {
        if !self.has_room_in_dialog() {
            return Err(Refusal::Full);
        }
        let usage = self.usages.owned(id)?;
        let account = usage.account;
        let dialog = usage.dialog_with(remote_tag);
        let to = dialog.destination(&self.config.locals);
        let via = via(self.config.local(to), &mut self.random);
        let cseq = dialog.next_cseq();
        let mut request = dialog.request(method, cseq, via);
        self.dress(&mut request, to);
        authorize(&mut self.accounts, account, &mut request);
        Ok((to, request))
    }

    pub(super) fn send_invite(
        &mut self,
        now: Instant,
        to: Hop,
        request: Request,
        dialog: DialogId,
        account: Option<Account>,
    ) -> TransactionId {
        let bytes = request.to_bytes();
        let key = client_key(branch(&request.headers), &Method::Invite);
        let machine = Machine::InviteClient(InviteClient::new(now, to.transport, Box::new(request)));
        let id = self.transactions.insert(key, to, bytes.clone(), Purpose::Invite(dialog), machine);
        self.transactions.change(id, |known| known.account = account);
        self.send(to, bytes);
        id
    }

    pub(super) fn on_response(&mut self, now: Instant, from: Hop, response: Response) {
        let Ok(head) = response.headers.head() else { return };
        let key = client_key(head.via.branch().unwrap_or(""), &head.method);
        let heard = self.transactions.find(&key).and_then(|id| {
            let heard =
                self.transactions.change(id, |known| (known.machine.on_response(now, &response), known.purpose));
            heard.map(|(heard, purpose)| (id, heard, purpose))
        });
        let Some((transaction, heard, purpose)) = heard else {
            self.counters.stray_responses += 1;
            return;
        };
        let challenged = heard == Heard::Final && matches!(response.status, 401 | 407);
        if challenged && head.method != Method::Invite && self.request_again(now, transaction, &response) {
            return;
        }
        match (heard, purpose) {
            (Heard::Provisional, Purpose::Invite(id)) => self.on_provisional(now, from, id, response),
            (Heard::Final, Purpose::Invite(id)) if response.status < 300 => {
                self.on_answer(now, from, id, transaction, response);
            }
            (Heard::Final, Purpose::Invite(id)) => self.on_refusal(now, id, transaction, response),
            (Heard::Again, _) => self.send_again(transaction),
            (Heard::Final, Purpose::Info(id)) => {
                self.on_status_in_dialog(now, id, response.status);
            }
            (Heard::Final, Purpose::Outside(id)) => self.on_outcome(id, Some(response)),
            (Heard::Final, Purpose::Refer(id)) => self.on_referred(now, id, transaction, response.status),
            (Heard::Final, Purpose::Update(id)) => self.on_update_answer(now, id, transaction, response),
            (Heard::Nothing | Heard::Provisional | Heard::Final, _) => {}
        }
    }

    fn on_provisional(&mut self, now: Instant, from: Hop, id: DialogId, response: Response) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if !usage.early {
            return;
        }
        usage.dialog.peer = from;
        let cancel = usage.cancel;
        let news = self.on_early(now, from, id, &response);
        match cancel {
            Cancel::Wanted => self.cancel_when_possible(now, id),
            Cancel::Sent => {}
            Cancel::No if !news => {}
            Cancel::No => {
                let Response { status, body, .. } = response;
                self.tell(Event::Progress { dialog: id, status, body });
            }
        }
    }

    /// A 2xx to an INVITE of ours (section 13.2.2.4): the one that makes the dialog, the same again, or another
    /// phone's, which is ACKed and ended. After a CANCEL every 2xx is another phone's.
    fn on_answer(&mut self, now: Instant, from: Hop, id: DialogId, transaction: TransactionId, mut response: Response) {
        let Ok(head) = response.headers.head() else { return };
        let tag = head.to.tag().unwrap_or("");
        let Some(usage) = self.usages.get_mut(id) else {
            return self.end_stray(now, from, transaction, &response);
        };
        let same = usage.early || usage.dialog.remote_tag == tag;
        if let Some((_, bytes, to)) = usage.acked.as_ref().filter(|(cseq, ..)| *cseq == head.cseq && same) {
            let (to, bytes) = (*to, bytes.clone());
            self.counters.resent += 1;
            return self.send(to, bytes);
        }
        if usage.outgoing != Some(transaction) || !same || usage.cancel != Cancel::No {
            let cancelled = usage.outgoing == Some(transaction) && usage.cancel != Cancel::No;
            self.end_stray(now, from, transaction, &response);
            if cancelled {
                self.fail(id, 487, reason(487), Vec::new());
            }
            return;
        }
        let credentials = credentials_of(&self.transactions, transaction);
        let offer = self.transactions.get(transaction).and_then(|known| known.machine.invite_body());
        usage.described = offer.map_or(Vec::new(), <[u8]>::to_vec);
        let early = usage.forks.iter_mut().find(|fork| fork.dialog.remote_tag == tag);
        let answer = early.and_then(|fork| fork.answer.take());
        let first = usage.on_accepted(now, from, transaction, &response, &head);
        let to = usage.dialog.destination(&self.config.locals);
        let mut ack = usage.dialog.request(Method::Ack, head.cseq, via(self.config.local(to), &mut self.random));
        for (name, value) in credentials {
            ack.headers.put(name, value);
        }
        let bytes = ack.to_bytes();
        usage.acked = Some((head.cseq, bytes.clone(), to));
        // Should the dialog be gone when this 2xx comes again, an ACK alone is due.
        self.transactions.change(transaction, |known| known.machine.note_answer(tag));
        self.send(to, bytes);
        if let Some(answer) = answer.filter(|_| response.body.is_empty()) {
            response.body = answer;
        }
        self.usages.arm(id);
        let response = Box::new(response);
        self.tell(match first {
            true => Event::Answered { dialog: id, response },
            false => Event::Reanswered { dialog: id, response },
        });
    }

    /// ACK, and the first time BYE, to a 2xx that makes no dialog of ours.
    fn end_stray(&mut self, now: Instant, from: Hop, transaction: TransactionId, response: &Response) {
        let Ok(head) = response.headers.head() else { return };
        let tag = head.to.tag().unwrap_or("");
        let noted = self.transactions.change(transaction, |known| known.machine.note_answer(tag)).flatten();
        let Some((new, target)) = noted else {
            self.counters.forks_dropped += 1;
            return;
        };
        let mut dialog = Dialog::of_caller(&response.headers, &head, target, from);
        dialog.on_answer(&response.headers, &head);
        let to = dialog.destination(&self.config.locals);
        let mut ack = dialog.request(Method::Ack, head.cseq, via(self.config.local(to), &mut self.random));
        for (name, value) in credentials_of(&self.transactions, transaction) {
            ack.headers.put(name, value);
        }
        self.send(to, ack.to_bytes());
        if new {
            self.counters.forks_ended += 1;
            let account = self.transactions.get(transaction).and_then(|known| known.account);
            self.send_bye(now, &mut dialog, account);
        }
    }

    fn on_refusal(&mut self, now: Instant, id: DialogId, transaction: TransactionId, response: Response) {
        self.transactions.change(transaction, |known| {
            if let Machine::InviteClient(machine) = &known.machine {
                let to = response.headers.get("To").unwrap_or("");
                known.wire = machine.follow_up(Method::Ack, to).to_bytes();
            }
        });
        self.send_again(transaction);
        let Some(usage) = self.usages.get_mut(id).filter(|usage| usage.outgoing == Some(transaction)) else { return };
        usage.outgoing = None;
        let (early, cancelled) = (usage.early, usage.cancel != Cancel::No);
        if !cancelled && self.invite_again(now, id, transaction, &response) {
            return;
        }
        if early {
            let contacts = response.headers.all("Contact").filter(|_| (300..400).contains(&response.status));
            self.fail(id, response.status, &response.reason, contacts.map(str::to_owned).collect());
        } else if !self.on_status_in_dialog(now, id, response.status) {
            self.on_reinvite_refused(now, id, transaction, response);
        }
    }

    /// Our re-INVITE was refused with what ends no dialog.
    fn on_reinvite_refused(&mut self, now: Instant, id: DialogId, transaction: TransactionId, response: Response) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.timer.refreshing.take_if(|known| *known == transaction).is_some() {
            return self.on_refresh_refused(now, id, &response);
        }
        let offer = self.transactions.get(transaction).and_then(|known| known.machine.invite_body());
        let Response { status, reason, .. } = response;
        match offer.filter(|_| status == 491).map(<[u8]>::to_vec) {
            Some(offer) => self.on_glare(now, id, false, offer),
            None => self.tell_of(id, Event::ReinviteRefused { dialog: id, status, reason }),
        }
    }

    fn send_again(&mut self, transaction: TransactionId) {
        if let Some((to, bytes)) = self.transactions.get(transaction).map(|known| (known.to, known.wire.clone())) {
            self.send(to, bytes);
        }
    }

    /// The end of a call of ours that was never answered.
    fn fail(&mut self, id: DialogId, status: u16, reason: &str, contacts: Vec<String>) {
        if self.usages.remove(id).is_some_and(|usage| !usage.silent) {
            self.tell(Event::Refused { dialog: id, status, reason: reason.to_owned(), contacts });
        }
    }

    /// Section 12.2.1.2: 481 and 408 end the dialog. Says whether they did.
    pub(super) fn on_status_in_dialog(&mut self, now: Instant, id: DialogId, status: u16) -> bool {
        match status {
            481 => self.lose(now, id, Loss::Unknown),
            408 => self.lose(now, id, Loss::NoAnswer),
            _ => return false,
        }
        true
    }

    pub(super) fn on_timeout(&mut self, now: Instant, transaction: TransactionId, purpose: Purpose) {
        self.on_no_answer(now, transaction, purpose, 408);
    }

    pub(super) fn on_unreachable(&mut self, now: Instant, transaction: TransactionId, purpose: Purpose) {
        self.on_no_answer(now, transaction, purpose, 503);
    }

    fn on_no_answer(&mut self, now: Instant, transaction: TransactionId, purpose: Purpose, status: u16) {
        match purpose {
            Purpose::Outside(id) => self.on_outcome(id, None),
            // One connection that broke says nothing of the dialog (section 12.2.1.2 names 481, 408 and no answer).
            Purpose::Info(_) if status == 503 => {}
            Purpose::Info(id) => self.lose(now, id, Loss::NoAnswer),
            Purpose::Refer(id) => self.on_referred(now, id, transaction, status),
            Purpose::Update(id) => self.on_update_timeout(now, id),
            Purpose::Invite(id) => {
                let Some(usage) = self.usages.get_mut(id).filter(|usage| usage.outgoing == Some(transaction)) else {
                    return;
                };
                usage.outgoing = None;
                match (usage.early, usage.cancel) {
                    (true, Cancel::No) => self.fail(id, status, reason(status), Vec::new()),
                    (true, _) => self.fail(id, 487, reason(487), Vec::new()),
                    (false, _) => self.lose(now, id, Loss::NoAnswer),
                }
            }
            Purpose::Nobody => {}
        }
    }

    /// Sends the CANCEL, or leaves it for the first 1xx (section 9.1).
    pub(super) fn cancel_when_possible(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id).filter(|usage| usage.cancel != Cancel::Sent) else { return };
        usage.cancel = Cancel::Wanted;
        let Some(transaction) = usage.outgoing else { return };
        let cancel = self.transactions.change(transaction, |known| match &mut known.machine {
            Machine::InviteClient(machine) if machine.may_cancel() => {
                machine.abandon(now);
                let to = machine.request().headers.get("To").unwrap_or("");
                Some((known.to, machine.follow_up(Method::Cancel, to)))
            }
            _ => None,
        });
        let Some(Some((to, cancel))) = cancel else { return };
        usage.cancel = Cancel::Sent;
        self.transact(now, to, &cancel, Purpose::Nobody, None);
    }
}

impl InviteUsage {
    /// The 2xx to our INVITE, the first one of this dialog or a later one. Says which.
    fn on_accepted(
        &mut self,
        now: Instant,
        from: Hop,
        transaction: TransactionId,
        response: &Response,
        head: &Head<'_>,
    ) -> bool {
        self.outgoing = None;
        self.tries = 0;
        self.timer.refreshing.take_if(|known| *known == transaction);
        self.timer.accepted(now, &response.headers);
        self.note_allow(&response.headers);
        let first = std::mem::replace(&mut self.early, false);
        if first {
            // Section 13.2.2.4: the early dialog goes on with its numbers; its route is made anew.
            let tag = head.to.tag().unwrap_or("");
            self.dialog = self.dialog_with(tag).clone();
            self.forks.clear();
            self.dialog.on_answer(&response.headers, head);
        } else {
            self.dialog.refresh(&response.headers);
        }
        self.dialog.peer = from;
        first
    }
}
