//! The invite usage of a dialog (RFC 5057): which INVITEs are on their way within it, and what it waits for.

use super::digest::Account;
use super::rate::RequestRate;
use super::reliable::{Early, Reliable};
use super::reply::Reply;
use super::retry::Retry;
use super::session_timer::{SessionTimer, Terms};
use crate::sip::dialog::Dialog;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::Headers;
use crate::sip::transaction::TransactionId;
use crate::sip::transaction::timer::{Backoff, Due, T2};
use crate::time::Instant;

pub(super) struct InviteUsage {
    pub(super) dialog: Dialog,
    /// We sent the INVITE that made it: the Call-ID is ours.
    pub(super) caller: bool,
    /// Until the first 2xx.
    pub(super) early: bool,
    /// The early dialogs of our INVITE, one for each To tag of a 1xx.
    pub(super) forks: Vec<Early>,
    /// Our reliable 1xx to the peer's INVITE.
    pub(super) reliable: Reliable,
    /// The INVITE or re-INVITE of the peer that we have not answered.
    pub(super) incoming: Option<Pending>,
    /// The UPDATE or PRACK of the peer whose offer we have not answered.
    pub(super) offered: Option<Pending>,
    /// Our INVITE or re-INVITE that has no final answer.
    pub(super) outgoing: Option<TransactionId>,
    /// The REFER of the peer that we have not answered.
    pub(super) referred: Option<Pending>,
    /// Our UPDATE that has no final answer, and its offer (empty: it only refreshes).
    pub(super) updating: Option<(TransactionId, Vec<u8>)>,
    /// Our 2xx that has no ACK.
    pub(super) unacked: Option<Unacked>,
    /// The ACK that we sent last, for 2xx that come again: its CSeq, bytes and way.
    pub(super) acked: Option<(u32, Vec<u8>, Hop)>,
    pub(super) cancel: Cancel,
    /// What our requests in it are authorized with.
    pub(super) account: Option<Account>,
    /// The Refer-To of a REFER that waits for the ACK of our 2xx.
    pub(super) refer_to: Option<String>,
    /// Our REFERs whose end we have not heard of, and their CSeqs: the last one counts.
    pub(super) referring: Vec<(TransactionId, u32)>,
    /// Its owner has let go of it: no more events.
    pub(super) silent: bool,
    /// Whether the peer takes UPDATE, by its last Allow.
    pub(super) takes_update: bool,
    /// What we last described in an offer or answer that stands.
    pub(super) described: Vec<u8>,
    pub(super) timer: SessionTimer,
    /// An offer of ours that met glare and will be made again.
    pub(super) retry: Option<Retry>,
    /// How often the last request of ours was made again.
    pub(super) tries: u8,
    pub(super) rate: RequestRate,
    pub(super) armed: Option<Instant>,
}

/// A request of the peer that is to be answered.
pub(super) struct Pending {
    pub(super) transaction: TransactionId,
    pub(super) cseq: u32,
    pub(super) reply: Reply,
    /// It came with an offer.
    pub(super) has_offer: bool,
    /// A reliable 1xx of ours and its PRACK have made the session already.
    pub(super) settled: bool,
    /// What its 2xx is to say of the session's time.
    pub(super) terms: Option<Terms>,
}

/// RFC 3261 section 13.3.1.4: the 2xx is sent again, at gaps doubling up to T2, until its ACK or 64*T1.
pub(super) struct Unacked {
    /// That of the INVITE.
    pub(super) transaction: TransactionId,
    /// That of the INVITE as well, which the ACK repeats.
    pub(super) cseq: u32,
    pub(super) to: Hop,
    pub(super) bytes: Vec<u8>,
    /// It holds an offer: the ACK brings the answer.
    pub(super) offer: bool,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as a 1xx comes.
    Wanted,
    Sent,
}

/// What came due in a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Our 2xx is due again, or was never ACKed.
    Unacked(Due),
    /// Our reliable 1xx is due again, or never got its PRACK.
    Provisional(Due),
    /// The offer that met glare is due.
    Retry,
    /// The session is to be refreshed by us.
    Refresh,
    /// Nobody refreshed the session.
    Expired,
}

impl Unacked {
    /// Over a stream as well: the next hop need not be one (section 13.3.1.4).
    pub(super) fn new(now: Instant, pending: &Pending, bytes: Vec<u8>, offer: bool) -> Unacked {
        let backoff = Backoff::new(now, Transport::Udp, T2);
        Unacked { transaction: pending.transaction, cseq: pending.cseq, to: pending.reply.to, bytes, offer, backoff }
    }
}

impl InviteUsage {
    pub(super) fn new(dialog: Dialog, caller: bool) -> InviteUsage {
        InviteUsage {
            dialog,
            caller,
            early: true,
            forks: Vec::new(),
            reliable: Reliable::default(),
            incoming: None,
            offered: None,
            referred: None,
            outgoing: None,
            updating: None,
            unacked: None,
            acked: None,
            cancel: Cancel::No,
            account: None,
            refer_to: None,
            referring: Vec::new(),
            silent: false,
            takes_update: false,
            described: Vec::new(),
            timer: SessionTimer::default(),
            retry: None,
            tries: 0,
            rate: RequestRate::default(),
            armed: None,
        }
    }

    /// The dialog with the peer of that tag: an early one of ours, or the one that stands.
    pub(super) fn dialog_with(&mut self, remote_tag: &str) -> &mut Dialog {
        match self.forks.iter_mut().find(|fork| fork.dialog.remote_tag == remote_tag) {
            Some(fork) => &mut fork.dialog,
            None => &mut self.dialog,
        }
    }

    /// Takes note of what the peer says that it allows (RFC 3311 section 4).
    pub(super) fn note_allow(&mut self, headers: &Headers) {
        if headers.get("Allow").is_some() {
            self.takes_update = headers.tokens("Allow").any(|method| method.eq_ignore_ascii_case("UPDATE"));
        }
    }

    /// An offer of the peer waits for our answer, or its INVITE has not led to a session yet.
    pub(super) fn owes_answer(&self) -> bool {
        let open = |pending: &Pending| !self.early || !pending.settled;
        self.offered.is_some() || self.incoming.as_ref().is_some_and(open)
    }

    /// An offer of ours waits for the peer's answer; of our first INVITE's, in the early dialog of `remote_tag`.
    pub(super) fn awaits_answer(&self, remote_tag: &str) -> bool {
        let fork = self.forks.iter().find(|fork| fork.dialog.remote_tag == remote_tag);
        self.outgoing.is_some() && fork.is_none_or(|fork| fork.answer.is_none())
            || self.updating.as_ref().is_some_and(|(_, offer)| !offer.is_empty())
            || self.unacked.as_ref().is_some_and(|unacked| unacked.offer)
            || self.reliable.awaits_answer()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let unacked = self.unacked.as_ref().map(|unacked| unacked.backoff.deadline());
        let retry = self.retry.as_ref().map(|retry| retry.at);
        [unacked, self.reliable.deadline(), retry, self.timer.deadline()].into_iter().flatten().min()
    }

    /// The first thing that is due; one that is not sent again is due once.
    pub(super) fn on_deadline(&mut self, now: Instant) -> Option<Alarm> {
        match self.unacked.as_mut().map(|unacked| unacked.backoff.on_deadline(now)) {
            None | Some(Due::Nothing) => {}
            Some(due) => return Some(Alarm::Unacked(due)),
        }
        match self.reliable.on_deadline(now) {
            Due::Nothing => {}
            due => return Some(Alarm::Provisional(due)),
        }
        if self.retry.as_ref().is_some_and(|retry| retry.at <= now) {
            return Some(Alarm::Retry);
        }
        self.timer.on_deadline(now)
    }
}
