//! What a call leaves with the store while it stands, so that the next process can clear up after one that was killed:
//! the record as it would be now, and the dialogs, each of which then gets a BYE. A peer that learns it from a 481 only
//! leaves its user in silence till then.

use super::{CallNumber, Engine, Output};
use crate::call::Call;
use crate::record::seam::Leg;
use crate::sip::endpoint::{RequestId, Standing};
use crate::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};

/// So many BYEs go out at once, and the next ones after the pause: 12,000 in one moment would be a flood to the trunk.
const AT_ONCE: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// A dialog of a call.
pub struct DialogRow {
    /// The call's name.
    pub call: String,
    pub leg: Leg,
    /// Of the agent's leg: over whose trunk it goes.
    pub destination: Option<String>,
    pub standing: Standing,
}

#[derive(Default)]
pub(super) struct Orphans {
    waiting: VecDeque<DialogRow>,
    under_way: HashMap<RequestId, (String, Leg)>,
    next: Option<Instant>,
}

impl Orphans {
    pub fn next_deadline(&self) -> Option<Instant> {
        self.next.filter(|_| !self.waiting.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }
}

impl Engine {
    /// A dialog is answered, rings at the agent's, or its way has changed.
    pub(super) fn keep_dialog(&mut self, number: CallNumber, leg: Leg) {
        let Some(slot) = self.slots.get(&number) else { return };
        let (dialog, destination) = match leg {
            Leg::Caller => (slot.caller, None),
            Leg::Agent => (slot.agent, slot.destination.clone()),
        };
        if let Some(standing) = dialog.and_then(|dialog| self.endpoint.standing(dialog)) {
            let row = DialogRow { call: slot.name.clone(), leg, destination, standing };
            self.out.push_back(Output::Dialog(Box::new(row)));
        }
    }

    /// What the call's record is if nothing is heard of it any more.
    pub(super) fn keep_record(&mut self, now: Instant, number: CallNumber) {
        if let Some(record) = self.enter(now, number, |call: &mut Call| Box::new(call.cdr(now))) {
            self.out.push_back(Output::Live(record));
        }
    }

    /// A dialog that a process before this one left.
    pub(super) fn orphaned(&mut self, now: Instant, row: DialogRow) {
        self.orphans.waiting.push_back(row);
        self.orphans.next.get_or_insert(now);
    }

    pub(super) fn bye_orphans(&mut self, now: Instant) {
        if self.orphans.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        self.orphans.next = Some(now + PAUSE);
        for _ in 0..AT_ONCE {
            let Some(DialogRow { call, leg, destination, standing }) = self.orphans.waiting.pop_front() else { return };
            let account = destination.and_then(|destination| self.trunks.account(&destination).ok()).flatten();
            self.gate.call(standing.peer().address.ip());
            match self.endpoint.end_orphan(now, &standing, account) {
                Ok(request) => {
                    self.orphans.under_way.insert(request, (call, leg));
                }
                Err(why) => {
                    tracing::warn!(
                        call,
                        ?leg,
                        ?why,
                        "a call that a killed process left cannot be told that it is over"
                    );
                    self.out.push_back(Output::OrphanGone { call, leg });
                }
            }
        }
    }

    /// Whatever the answer is, there is no second try. False: it was no orphan's.
    pub(super) fn orphan_answered(&mut self, request: RequestId, status: Option<u16>) -> bool {
        let Some((call, leg)) = self.orphans.under_way.remove(&request) else { return false };
        tracing::info!(call, ?leg, status, "a call that a killed process left is told that it is over");
        self.out.push_back(Output::OrphanGone { call, leg });
        true
    }
}
