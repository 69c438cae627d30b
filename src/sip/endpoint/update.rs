//! UPDATE (RFC 3311), both ways: a session changed or refreshed without an INVITE, before its answer or after.

use super::reply::{Incoming, reason};
use super::retry::MAX_TRIES;
use super::session_timer::Terms;
use super::usage::{InviteUsage, Pending};
use super::{DialogId, Endpoint, Event, Loss, Refusal, Verdict};
use crate::sip::message::{Method, Response};
use crate::sip::transaction::{Machine, Purpose, Server, TransactionId};
use crate::time::Instant;

impl Endpoint {
    /// Offers a changed session by UPDATE. Ends like `reinvite`. Not now: the peer does not take it, no early dialog has
    /// been settled by a reliable 1xx, or another offer is on its way.
    pub fn update(&mut self, now: Instant, dialog: DialogId, sdp: Vec<u8>) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if sdp.is_empty() {
            return Err(Refusal::Bad("an UPDATE without an offer changes nothing"));
        }
        if usage.retry.is_some() {
            return Err(Refusal::NotNow);
        }
        usage.tries = 0;
        self.send_update(now, dialog, sdp).map(|_| ())
    }

    /// Sends an UPDATE with an offer, or one that refreshes the session.
    pub(super) fn send_update(&mut self, now: Instant, id: DialogId, sdp: Vec<u8>) -> Result<TransactionId, Refusal> {
        let usage = self.usage(id)?;
        let tag = usage.settled_tag().ok_or(Refusal::NotNow)?;
        let open = usage.owes_answer() || usage.awaits_answer(&tag) || usage.reliable.is_open();
        if !usage.takes_update || usage.updating.is_some() || !sdp.is_empty() && open {
            return Err(Refusal::NotNow);
        }
        let account = usage.account;
        let (to, mut request) = self.request(id, Method::Update, &tag)?;
        self.usage(id)?.timer.write(&mut request.headers);
        if !sdp.is_empty() {
            request.headers.put("Content-Type", "application/sdp");
        }
        request.body.clone_from(&sdp);
        let transaction = self.transact(now, to, &request, Purpose::Update(id), account);
        self.usage(id)?.updating = Some((transaction, sdp));
        Ok(transaction)
    }

    /// The final answer to our UPDATE.
    pub(super) fn on_update_answer(
        &mut self,
        now: Instant,
        id: DialogId,
        transaction: TransactionId,
        response: Response,
    ) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let Some((_, offer)) = usage.updating.take_if(|(known, _)| *known == transaction) else { return };
        let refresh = usage.timer.refreshing.take_if(|known| *known == transaction).is_some();
        if response.status < 300 {
            return self.on_update_accepted(now, id, offer, response);
        }
        let may_again = response.status == 422 && usage.tries < MAX_TRIES;
        if may_again && usage.timer.lengthen(&response.headers).is_some() {
            usage.tries += 1;
            return self.update_again(now, id, offer, refresh);
        }
        if !usage.early && self.on_status_in_dialog(now, id, response.status) {
            return;
        }
        match response.status {
            _ if refresh => self.on_refresh_refused(now, id, &response),
            491 => self.on_glare(now, id, true, offer),
            status => {
                let reason = response.reason;
                self.tell_of(id, Event::ReinviteRefused { dialog: id, status, reason });
            }
        }
    }

    fn on_update_accepted(&mut self, now: Instant, id: DialogId, offer: Vec<u8>, response: Response) {
        let Ok(head) = response.headers.head() else { return };
        let Some(usage) = self.usages.get_mut(id) else { return };
        let tag = head.to.tag().unwrap_or("");
        usage.dialog_with(tag).refresh(&response.headers);
        usage.tries = 0;
        if !usage.early {
            usage.timer.accepted(now, &response.headers);
            self.usages.arm(id);
        }
        if offer.is_empty() {
            return;
        }
        if let Some(usage) = self.usages.get_mut(id) {
            usage.described = offer;
        }
        self.tell_of(id, Event::Reanswered { dialog: id, response: Box::new(response) });
    }

    /// RFC 4028 section 7.4: with the longer interval that the peer asked for.
    fn update_again(&mut self, now: Instant, id: DialogId, offer: Vec<u8>, refresh: bool) {
        let sent = self.send_update(now, id, offer);
        match (sent, self.usages.get_mut(id)) {
            (Ok(transaction), Some(usage)) if refresh => usage.timer.refreshing = Some(transaction),
            (Ok(_), _) | (_, None) => {}
            (Err(_), Some(_)) => {
                let reason = reason(422).to_owned();
                self.tell_of(id, Event::ReinviteRefused { dialog: id, status: 422, reason });
            }
        }
    }

    /// Nobody answered our UPDATE. An early dialog has its INVITE, which will tell.
    pub(super) fn on_update_timeout(&mut self, now: Instant, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        usage.updating = None;
        if !usage.early {
            return self.lose(now, id, Loss::NoAnswer);
        }
        let reason = reason(408).to_owned();
        self.tell_of(id, Event::ReinviteRefused { dialog: id, status: 408, reason });
    }

    /// An UPDATE of the peer (section 5.2).
    pub(super) fn on_update(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let has_offer = !incoming.request.body.is_empty();
        if has_offer && (usage.silent || usage.awaits_answer(&incoming.from_tag)) {
            return self.answer_in_transaction(now, &incoming, (491, None));
        }
        if usage.offered.is_some() || has_offer && usage.owes_answer() {
            let wait = self.random.below(10).to_string();
            return self.answer_in_transaction(now, &incoming, (500, Some(("Retry-After", wait))));
        }
        usage.note_allow(&incoming.request.headers);
        usage.dialog_with(&incoming.from_tag).refresh(&incoming.request.headers);
        if has_offer {
            return self.take_offer(now, id, incoming);
        }
        let pending = self.await_owner(now, incoming.key, incoming.cseq, incoming.reply);
        let terms = Terms::answering(&incoming.request.headers);
        self.accept_offer(now, id, Pending { terms, ..pending }, Vec::new());
    }

    /// The owner is asked what to answer to the offer of an UPDATE or PRACK.
    pub(super) fn take_offer(&mut self, now: Instant, id: DialogId, incoming: Incoming) {
        let pending = self.await_owner(now, incoming.key, incoming.cseq, incoming.reply);
        let terms = Terms::answering(&incoming.request.headers).filter(|_| incoming.request.method == Method::Update);
        let Some(usage) = self.usages.get_mut(id) else { return };
        if let Some(fork) = usage.forks.iter_mut().find(|fork| fork.dialog.remote_tag == incoming.from_tag) {
            // What the reliable 1xx answered counts no more.
            fork.answer = Some(Vec::new());
        }
        usage.offered = Some(Pending { terms, ..pending });
        self.tell_of(id, Event::Reinvite { dialog: id, request: incoming.request });
    }

    pub(super) fn await_owner(&mut self, now: Instant, key: String, cseq: u32, reply: super::Reply) -> Pending {
        let machine = Machine::Server(Server::new(now, reply.to.transport));
        let transaction = self.transactions.insert(key, reply.to, Vec::new(), Purpose::Nobody, machine);
        Pending { transaction, cseq, reply, has_offer: true, settled: false, terms: None }
    }

    /// 200 to an UPDATE or PRACK, with the answer to its offer.
    pub(super) fn accept_offer(&mut self, now: Instant, id: DialogId, pending: Pending, sdp: Vec<u8>) {
        let mut response = self.invite_response(id, &pending, 200, sdp);
        if let Some(terms) = pending.terms {
            terms.write(&mut response);
        }
        self.respond(now, &pending, &response);
        let Some(usage) = self.usages.get_mut(id) else { return };
        if !response.body.is_empty() {
            usage.described = response.body;
        }
        if !usage.early && pending.terms.is_some() {
            usage.timer.answered(now, pending.terms);
            self.usages.arm(id);
        }
    }

    /// A final refusal of such a request.
    pub(super) fn refuse_offer(&mut self, now: Instant, pending: &Pending, (status, header): Verdict) {
        let mut response = self.response(&pending.reply, status, None);
        if let Some((name, value)) = header {
            response.headers.put(name, value);
        }
        self.respond(now, pending, &response);
    }
}

impl InviteUsage {
    /// The tag of the peer in whose dialog an UPDATE of ours may go (section 5.1): the one that stands, or the last early
    /// one that a reliable 1xx has settled.
    fn settled_tag(&self) -> Option<String> {
        if !self.early {
            return Some(self.dialog.remote_tag.clone());
        }
        if !self.caller {
            let settled = self.incoming.as_ref().is_some_and(|pending| pending.settled);
            return settled.then(|| self.dialog.remote_tag.clone());
        }
        let settled = self.forks.iter().rfind(|fork| fork.answer.is_some());
        settled.map(|fork| fork.dialog.remote_tag.clone())
    }
}
