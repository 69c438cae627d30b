//! The peer sends us elsewhere (RFC 3515): its REFER, and the NOTIFY that tells it how that went.

use super::reply::Incoming;
use super::usage::Pending;
use super::{DialogId, Endpoint, Event, Refusal};
use crate::sip::message::Method;
use crate::sip::transaction::Purpose;
use crate::time::Instant;

impl Endpoint {
    /// Its owner is asked, and answers with `answer_refer`.
    pub(super) fn on_refer(&mut self, now: Instant, dialog: DialogId, incoming: Incoming) {
        let mut named = incoming.request.headers.all("Refer-To");
        // Section 2.4.2: exactly one.
        let (Some(refer_to), None) = (named.next(), named.next()) else {
            return self.answer_in_transaction(now, &incoming, (400, None));
        };
        let refer_to = refer_to.to_owned();
        let Some(usage) = self.usages.get_mut(dialog) else { return };
        if usage.early || usage.silent {
            return self.answer_in_transaction(now, &incoming, (480, None));
        }
        if usage.referred.is_some() {
            return self.answer_in_transaction(now, &incoming, (491, None));
        }
        let pending = self.await_owner(now, incoming.key, incoming.cseq, incoming.reply);
        let Some(usage) = self.usages.get_mut(dialog) else { return };
        usage.referred = Some(pending);
        self.tell_of(dialog, Event::Refer { dialog, refer_to });
    }

    /// Answers the peer's REFER. With 202 we have taken the call over, and that is all that will be told of it (section
    /// 2.4.5: the first NOTIFY may be the last one).
    pub fn answer_refer(&mut self, now: Instant, dialog: DialogId, status: u16) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        let pending: Pending = usage.referred.take().ok_or(Refusal::NotNow)?;
        let (tag, account) = (usage.dialog.remote_tag.clone(), usage.account);
        self.refuse_offer(now, &pending, (status, None));
        if status != 202 {
            self.counters.refused += 1;
            return Ok(());
        }
        let (to, mut request) = self.request(dialog, Method::Notify, &tag)?;
        // The REFER that made the subscription, by its number (section 2.4.6).
        request.headers.put("Event", format!("refer;id={}", pending.cseq));
        request.headers.put("Subscription-State", "terminated;reason=noresource");
        request.headers.put("Content-Type", "message/sipfrag;version=2.0");
        request.body = b"SIP/2.0 200 OK\r\n".to_vec();
        self.transact(now, to, &request, Purpose::Info(dialog), account);
        Ok(())
    }
}
