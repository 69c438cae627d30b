//! Requests of ours that are made again by themselves: an offer that met glare (RFC 3261 section 14.1), an INVITE
//! whose interval was too short (RFC 4028 section 7.4) or that was challenged.

use super::digest::{authorize, without_credentials};
use super::{DialogId, Endpoint, Event, Refusal};
use crate::sip::auth::Tries;
use crate::sip::invite::via;
use crate::sip::message::{Headers, Request, Response};
use crate::sip::transaction::{Machine, TransactionId};
use crate::time::{Duration, Instant};

/// How often one request is made again.
pub(super) const MAX_TRIES: u8 = 3;

/// An offer that is to be made again.
pub(super) struct Retry {
    pub(super) at: Instant,
    by_update: bool,
    sdp: Vec<u8>,
}

impl Endpoint {
    /// Makes a refused INVITE of ours again where the refusal says how; false if it stays refused.
    pub(super) fn invite_again(
        &mut self,
        now: Instant,
        id: DialogId,
        transaction: TransactionId,
        response: &Response,
    ) -> bool {
        let Ok(usage) = self.usage(id) else { return false };
        if matches!(response.status, 401 | 407) {
            return self.learn(transaction, response) && self.repeat_invite(now, id, transaction, &[]);
        }
        if response.status != 422 || usage.tries == MAX_TRIES {
            return false;
        }
        let Some(least) = usage.timer.lengthen(&response.headers) else { return false };
        let mut said = Headers::default();
        usage.timer.write(&mut said);
        let expires = said.get("Session-Expires").map_or(least.to_string(), str::to_owned);
        let changed = [("Session-Expires", expires), ("Min-SE", least.to_string())];
        self.repeat_invite(now, id, transaction, &changed)
    }

    /// Sends a refused INVITE again as a new request of the same call, with these headers in place of its own.
    pub(super) fn repeat_invite(
        &mut self,
        now: Instant,
        id: DialogId,
        transaction: TransactionId,
        changed: &[(&'static str, String)],
    ) -> bool {
        let refused = self.transactions.get(transaction).and_then(|known| match &known.machine {
            Machine::InviteClient(machine) => Some((known.to, machine.request().clone())),
            _ => None,
        });
        let (Some((to, refused)), true) = (refused, self.has_room_in_dialog()) else { return false };
        let Some(usage) = self.usages.get_mut(id) else { return false };
        let (cseq, local) = (usage.dialog.next_cseq(), self.config.local(to));
        let mut renewed = vec![("Via", via(local, &mut self.random)), ("CSeq", format!("{cseq} INVITE"))];
        renewed.extend_from_slice(changed);
        usage.tries = (usage.tries + 1).min(MAX_TRIES);
        let challenged = self.transactions.get(transaction).map_or(Tries::default(), |known| known.challenged);
        let account = usage.account;
        // Its early dialogs went with it.
        usage.forks.clear();
        let headers = replaced(&without_credentials(&refused.headers), &renewed);
        let mut request = Request { headers, ..refused };
        authorize(&mut self.accounts, account, &mut request);
        let sent = self.send_invite(now, to, request, id, account);
        self.transactions.change(sent, |known| known.challenged = challenged);
        if let Some(usage) = self.usages.get_mut(id) {
            usage.timer.refreshing =
                usage.timer.refreshing.map(|known| if known == transaction { sent } else { known });
            usage.outgoing = Some(sent);
        }
        true
    }

    /// An offer of ours crossed one of the peer's. It is made again after a while, or given up and told.
    pub(super) fn on_glare(&mut self, now: Instant, id: DialogId, by_update: bool, sdp: Vec<u8>) {
        let at = now + self.glare_wait(id);
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.tries == MAX_TRIES {
            return self.give_up_retry(id);
        }
        usage.tries += 1;
        usage.retry = Some(Retry { at, by_update, sdp });
        self.usages.arm(id);
    }

    /// Section 14.1: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for the other, in units of 10 ms.
    pub(super) fn glare_wait(&mut self, id: DialogId) -> Duration {
        let caller = self.usages.get(id).is_some_and(|usage| usage.caller);
        let units = if caller { 210 + self.random.below(191) } else { self.random.below(201) };
        Duration::from_millis(u64::from(units) * 10)
    }

    pub(super) fn on_retry(&mut self, now: Instant, id: DialogId) {
        let Some(Retry { by_update, sdp, .. }) = self.usages.get_mut(id).and_then(|usage| usage.retry.take()) else {
            return;
        };
        let again = sdp.clone();
        let sent = if by_update { self.send_update(now, id, sdp) } else { self.send_reinvite(now, id, sdp) };
        match sent {
            Ok(_) | Err(Refusal::NoDialog) => {}
            Err(Refusal::NotNow) => self.on_glare(now, id, by_update, again),
            Err(Refusal::Full | Refusal::Bad(_)) => self.give_up_retry(id),
        }
    }

    /// The offer will not be made again: the tries are used up, or an offer of the peer has changed the session
    /// meanwhile, so that its owner has to think anew.
    pub(super) fn give_up_retry(&mut self, id: DialogId) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        usage.retry = None;
        usage.tries = 0;
        let reason = super::reply::reason(491).to_owned();
        self.tell_of(id, Event::ReinviteRefused { dialog: id, status: 491, reason });
    }
}

/// The headers with those of `renewed` in their places; such as were not there come last.
pub(super) fn replaced(headers: &Headers, renewed: &[(&'static str, String)]) -> Headers {
    let mut all = Headers::default();
    for (name, value) in headers.iter() {
        match renewed.iter().find(|(renewed, _)| *renewed == name) {
            Some((name, value)) => all.put(name, &**value),
            None => all.put(name, value),
        }
    }
    for (name, value) in renewed.iter().filter(|(name, _)| headers.get(name).is_none()) {
        all.put(name, &**value);
    }
    all
}
