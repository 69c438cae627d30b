//! The invite usage of a dialog (RFC 5057): which INVITEs are on their way within it, and what it waits for.

use std::collections::HashMap;

use super::event::{DialogId, Refusal};
use super::reply::Reply;
use crate::sip::dialog::Dialog;
use crate::sip::hop::{Hop, Transport};
use crate::sip::transaction::TransactionId;
use crate::sip::transaction::timer::{Backoff, Due, T2};
use crate::time::{Deadlines, Instant};

pub(super) struct InviteUsage {
    pub(super) dialog: Dialog,
    /// Until the first 2xx.
    pub(super) early: bool,
    /// The INVITE or re-INVITE of the peer that we have not answered.
    pub(super) incoming: Option<Pending>,
    /// Our INVITE or re-INVITE that has no final answer.
    pub(super) outgoing: Option<TransactionId>,
    /// Our 2xx that has no ACK.
    pub(super) unacked: Option<Unacked>,
    /// The ACK that we sent last, for 2xx that come again: its CSeq, bytes and way.
    pub(super) acked: Option<(u32, Vec<u8>, Hop)>,
    pub(super) cancel: Cancel,
    /// The CSeq of our REFER whose end we have not heard of.
    pub(super) referring: Option<u32>,
    /// Its owner has let go of it: no more events.
    pub(super) silent: bool,
    armed: Option<Instant>,
}

pub(super) struct Pending {
    pub(super) transaction: TransactionId,
    pub(super) cseq: u32,
    pub(super) reply: Reply,
}

/// RFC 3261 section 13.3.1.4: the 2xx is sent again, at gaps doubling up to T2, until its ACK or 64*T1.
pub(super) struct Unacked {
    /// That of the INVITE, which the ACK repeats.
    pub(super) cseq: u32,
    pub(super) to: Hop,
    pub(super) bytes: Vec<u8>,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as a 1xx comes.
    Wanted,
    Sent,
}

impl Unacked {
    /// Over a stream as well: the next hop need not be one (section 13.3.1.4).
    pub(super) fn new(now: Instant, pending: &Pending, bytes: Vec<u8>) -> Unacked {
        Unacked { cseq: pending.cseq, to: pending.reply.to, bytes, backoff: Backoff::new(now, Transport::Udp, T2) }
    }
}

impl InviteUsage {
    pub(super) fn new(dialog: Dialog) -> InviteUsage {
        InviteUsage {
            dialog,
            early: true,
            incoming: None,
            outgoing: None,
            unacked: None,
            acked: None,
            cancel: Cancel::No,
            referring: None,
            silent: false,
            armed: None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.unacked.as_ref().map(|unacked| unacked.backoff.deadline())
    }
}

/// All usages, found by number or by what a request in their dialog carries.
#[derive(Default)]
pub(super) struct Usages {
    live: HashMap<DialogId, InviteUsage>,
    by_identity: HashMap<String, DialogId>,
    deadlines: Deadlines<DialogId>,
    last: u64,
}

impl Usages {
    /// The number that `insert` wants for the next usage.
    pub(super) fn next_id(&mut self) -> DialogId {
        self.last += 1;
        DialogId(self.last)
    }

    pub(super) fn insert(&mut self, id: DialogId, usage: InviteUsage) {
        self.by_identity.insert(identity(&usage.dialog.call_id, &usage.dialog.local_tag), id);
        self.live.insert(id, usage);
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Dialogs that their owner has ended and the peer not yet.
    pub(super) fn ending(&self) -> usize {
        self.live.values().filter(|usage| usage.silent).count()
    }

    pub(super) fn get_mut(&mut self, id: DialogId) -> Option<&mut InviteUsage> {
        self.live.get_mut(&id)
    }

    /// One that its owner has not let go of.
    pub(super) fn owned(&mut self, id: DialogId) -> Result<&mut InviteUsage, Refusal> {
        self.live.get_mut(&id).filter(|usage| !usage.silent).ok_or(Refusal::NoDialog)
    }

    /// RFC 3261 section 12.2.2: Call-ID and both tags name the dialog.
    pub(super) fn find(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<DialogId> {
        let id = *self.by_identity.get(&identity(call_id, local_tag))?;
        self.live.get(&id).filter(|usage| usage.dialog.remote_tag == remote_tag).map(|_| id)
    }

    pub(super) fn remove(&mut self, id: DialogId) -> Option<InviteUsage> {
        let usage = self.live.remove(&id)?;
        self.by_identity.remove(&identity(&usage.dialog.call_id, &usage.dialog.local_tag));
        Some(usage)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Our 2xx waits for its ACK from now on.
    pub(super) fn await_ack(&mut self, id: DialogId, unacked: Unacked) {
        if let Some(usage) = self.live.get_mut(&id) {
            usage.unacked = Some(unacked);
            self.arm(id);
        }
    }

    /// The next usage whose 2xx is due again, or was never ACKed.
    pub(super) fn due(&mut self, now: Instant) -> Option<(DialogId, Due)> {
        while let Some((at, id)) = self.deadlines.due(now) {
            let Some(usage) = self.live.get_mut(&id).filter(|usage| usage.armed == Some(at)) else { continue };
            usage.armed = None;
            let due = usage.unacked.as_mut().map_or(Due::Nothing, |unacked| unacked.backoff.on_deadline(now));
            self.arm(id);
            if due != Due::Nothing {
                return Some((id, due));
            }
        }
        None
    }

    fn arm(&mut self, id: DialogId) {
        let Some(usage) = self.live.get_mut(&id) else { return };
        let Some(at) = usage.deadline() else { return };
        if usage.armed.is_none_or(|armed| at < armed) {
            usage.armed = Some(at);
            self.deadlines.set(at, id);
        }
    }
}

fn identity(call_id: &str, local_tag: &str) -> String {
    format!("{local_tag} {call_id}")
}
