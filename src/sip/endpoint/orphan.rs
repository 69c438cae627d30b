//! Dialogs beyond the process that had them: what of one is kept, and the BYE that ends it when nobody knows it any more.

use super::digest::{Account, authorize};
use super::{DialogId, Endpoint, Refusal, RequestId};
use crate::sip::dialog::{Dialog, Standing};
use crate::sip::hop::Hop;
use crate::sip::invite::via;
use crate::sip::message::{Message, Method, Request};
use crate::sip::transaction::{Machine, Purpose};
use crate::sip::wire;
use crate::time::Instant;

impl Endpoint {
    /// What is to be kept of a dialog that is answered, or of an INVITE of ours that is not; `None` for any other.
    pub fn standing(&self, dialog: DialogId) -> Option<Standing> {
        let usage = self.usages.get(dialog).filter(|usage| !usage.silent)?;
        let mut standing = usage.dialog.standing();
        if !usage.early {
            return Some(standing);
        }
        let known = self.transactions.get(usage.outgoing?)?;
        let Machine::InviteClient(machine) = &known.machine else { return None };
        let cancel = machine.follow_up(Method::Cancel, machine.request().headers.get("To")?);
        standing.peer = known.to;
        standing.cancel = Some(String::from_utf8(cancel.to_bytes()).ok()?);
        Some(standing)
    }

    /// Sends BYE in a dialog that this endpoint does not have, or CANCEL to an INVITE that it did not send. Ends with one
    /// `Outcome`.
    pub fn end_orphan(
        &mut self,
        now: Instant,
        standing: &Standing,
        account: Option<Account>,
    ) -> Result<RequestId, Refusal> {
        if !self.has_room_for_call() {
            return Err(Refusal::Full);
        }
        let (to, request) = match &standing.cancel {
            None => self.bye_of(standing, account)?,
            Some(cancel) => match wire::read(cancel.as_bytes()) {
                Ok(Message::Request(request)) => (standing.peer, request),
                Ok(Message::Response(_)) | Err(_) => return Err(Refusal::Bad("what was kept is no CANCEL")),
            },
        };
        let id = self.next_request();
        self.transact(now, to, &request, Purpose::Outside(id), account);
        Ok(id)
    }

    fn bye_of(&mut self, standing: &Standing, account: Option<Account>) -> Result<(Hop, Request), Refusal> {
        let mut dialog = Dialog::of_standing(standing).map_err(Refusal::Bad)?;
        let to = dialog.destination(&self.config.locals);
        let Some(local) = self.config.locals.facing(&to) else {
            return Err(Refusal::Bad("no address of ours has that transport and IP version"));
        };
        let via = via(local, &mut self.random);
        let cseq = dialog.next_cseq();
        let mut request = dialog.request(Method::Bye, cseq, via);
        self.dress(&mut request, to);
        authorize(&mut self.accounts, account, &mut request);
        Ok((to, request))
    }
}
