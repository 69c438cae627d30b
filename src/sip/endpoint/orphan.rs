//! Dialogs beyond the process that had them: what of one is kept, and the BYE that ends it when nobody knows it any more.

use super::digest::{Account, authorize};
use super::{DialogId, Endpoint, Refusal, RequestId};
use crate::sip::dialog::{Dialog, Standing};
use crate::sip::invite::via;
use crate::sip::message::Method;
use crate::sip::transaction::Purpose;
use crate::time::Instant;

impl Endpoint {
    /// What is to be kept of a dialog that is answered; `None` for one that is not, or is gone.
    pub fn standing(&self, dialog: DialogId) -> Option<Standing> {
        let usage = self.usages.get(dialog).filter(|usage| !usage.early && !usage.silent)?;
        Some(usage.dialog.standing())
    }

    /// Sends BYE in a dialog that this endpoint does not have. Ends with one `Outcome`.
    pub fn bye_to(
        &mut self,
        now: Instant,
        standing: &Standing,
        account: Option<Account>,
    ) -> Result<RequestId, Refusal> {
        let mut dialog = Dialog::of_standing(standing).map_err(Refusal::Bad)?;
        let to = dialog.destination(&self.config.locals);
        let Some(local) = self.config.locals.facing(&to) else {
            return Err(Refusal::Bad("no address of ours has that transport and IP version"));
        };
        if !self.has_room_for_call() {
            return Err(Refusal::Full);
        }
        let via = via(local, &mut self.random);
        let cseq = dialog.next_cseq();
        let mut request = dialog.request(Method::Bye, cseq, via);
        self.dress(&mut request, to);
        authorize(&mut self.accounts, account, &mut request);
        let id = self.next_request();
        self.transact(now, to, &request, Purpose::Outside(id), account);
        Ok(id)
    }
}
