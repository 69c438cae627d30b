//! All usages, found by number or by what a request in their dialog carries.

use std::collections::HashMap;

use super::event::{DialogId, Refusal};
use super::usage::{Alarm, InviteUsage, Unacked};
use crate::time::{Deadlines, Instant};

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

    pub(super) fn get(&self, id: DialogId) -> Option<&InviteUsage> {
        self.live.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: DialogId) -> Option<&mut InviteUsage> {
        self.live.get_mut(&id)
    }

    /// One that its owner has not let go of.
    pub(super) fn owned(&mut self, id: DialogId) -> Result<&mut InviteUsage, Refusal> {
        self.live.get_mut(&id).filter(|usage| !usage.silent).ok_or(Refusal::NoDialog)
    }

    /// RFC 3261 section 12.2.2: Call-ID and both tags name the dialog. One INVITE of ours may have made several.
    pub(super) fn find(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<DialogId> {
        let id = *self.by_identity.get(&identity(call_id, local_tag))?;
        let usage = self.live.get(&id)?;
        let mut forks = usage.forks.iter().map(|fork| &fork.dialog);
        let known = usage.dialog.remote_tag == remote_tag || forks.any(|dialog| dialog.remote_tag == remote_tag);
        known.then_some(id)
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

    /// The next usage in which something came due, and what.
    pub(super) fn due(&mut self, now: Instant) -> Option<(DialogId, Alarm)> {
        while let Some((at, id)) = self.deadlines.due(now) {
            let Some(usage) = self.live.get_mut(&id).filter(|usage| usage.armed == Some(at)) else { continue };
            usage.armed = None;
            let alarm = usage.on_deadline(now);
            self.arm(id);
            if let Some(alarm) = alarm {
                return Some((id, alarm));
            }
        }
        None
    }

    /// Looks at a usage's deadline, which may have come nearer.
    pub(super) fn arm(&mut self, id: DialogId) {
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
