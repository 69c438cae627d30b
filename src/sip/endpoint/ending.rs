//! How dialogs end from our side (RFC 3261 section 15).

use super::digest::{Account, authorize};
use super::usage::InviteUsage;
use super::{DialogId, Endpoint, Event, Loss, Refusal};
use crate::sip::dialog::Dialog;
use crate::sip::invite::via;
use crate::sip::message::Method;
use crate::sip::transaction::timer::Due;
use crate::sip::transaction::{Machine, Purpose};
use crate::time::Instant;

impl Endpoint {
    /// Ends a dialog in whatever way its state asks for: BYE, CANCEL, or 480 to a call not yet answered. It is gone
    /// for the caller of this at once; what is left to do on the wire is done here.
    pub fn bye(&mut self, now: Instant, dialog: DialogId) -> Result<(), Refusal> {
        self.usage(dialog)?;
        self.end(now, dialog, 480);
        Ok(())
    }

    /// As `bye`, after a fault of ours: a call not yet answered gets 500. It never fails.
    pub fn drop_dialog(&mut self, now: Instant, dialog: DialogId) {
        if self.usage(dialog).is_ok() {
            self.end(now, dialog, 500);
        }
    }

    fn end(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        if usage.early && usage.outgoing.is_some() {
            usage.silent = true;
            self.cancel_when_possible(now, id);
        } else if usage.early {
            self.forget(now, id, status);
        } else if usage.unacked.is_some() {
            // Section 15: no BYE of the callee before the ACK came, or before it is certain not to come.
            usage.silent = true;
        } else {
            self.close_pending(now, id, status);
            self.say_bye(now, id);
        }
    }

    /// A 2xx of ours is due again, or was never ACKed (section 13.3.1.4).
    pub(super) fn on_unacked(&mut self, now: Instant, id: DialogId, due: Due) {
        if due == Due::TimedOut {
            return self.lose(now, id, Loss::NoAck);
        }
        let Some(unacked) = self.usages.get_mut(id).and_then(|usage| usage.unacked.as_ref()) else { return };
        let (to, bytes) = (unacked.to, unacked.bytes.clone());
        self.counters.resent += 1;
        self.send(to, bytes);
    }

    /// The dialog cannot go on; a peer that may still know it gets a BYE.
    pub(super) fn lose(&mut self, now: Instant, id: DialogId, why: Loss) {
        let Some(usage) = self.usages.get_mut(id) else { return };
        let silent = usage.silent;
        if why == Loss::Unknown {
            self.forget(now, id, 500);
        } else {
            self.say_bye(now, id);
        }
        if !silent {
            self.tell(Event::Lost { dialog: id, why });
        }
    }

    /// Sends BYE and forgets the dialog.
    pub(super) fn say_bye(&mut self, now: Instant, id: DialogId) {
        if let Some(mut usage) = self.forget(now, id, 500) {
            self.send_bye(now, &mut usage.dialog, usage.account);
        }
    }

    /// Removes a dialog, its open requests refused with `status` and an INVITE of ours in it left to end by itself.
    pub(super) fn forget(&mut self, now: Instant, id: DialogId, status: u16) -> Option<InviteUsage> {
        self.close_pending(now, id, status);
        let usage = self.usages.remove(id)?;
        if usage.silent {
            self.tell(Event::Ended { dialog: id });
        }
        if let Some(transaction) = usage.outgoing {
            self.transactions.change(transaction, |known| {
                if let Machine::InviteClient(machine) = &mut known.machine {
                    machine.abandon(now);
                }
            });
        }
        Some(usage)
    }

    pub(super) fn send_bye(&mut self, now: Instant, dialog: &mut Dialog, account: Option<Account>) {
        let to = dialog.destination(&self.config.locals);
        let via = via(self.config.local(to), &mut self.random);
        let cseq = dialog.next_cseq();
        let mut request = dialog.request(Method::Bye, cseq, via);
        self.dress(&mut request, to);
        authorize(&mut self.accounts, account, &mut request);
        self.transact(now, to, &request, Purpose::Nobody, account);
    }
}
