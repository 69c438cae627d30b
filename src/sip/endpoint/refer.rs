//! Sending the peer elsewhere (RFC 3515): REFER within the dialog, and the NOTIFYs that tell how it goes on.

use super::reply::Incoming;
use super::{DialogId, Endpoint, Event, Loss, Refusal};
use crate::sip::invite::contact;
use crate::sip::message::{Method, Request};
use crate::sip::transaction::{Purpose, TransactionId};
use crate::time::Instant;

/// REFERs of one dialog whose end we have not heard of; one more is refused.
const OPEN: usize = 8;

impl Endpoint {
    /// Asks the peer to call `refer_to`, a name-addr whose URI may hold headers for its INVITE. Ends with `Referred`
    /// and, if that is a 2xx, `Transfer`s. The dialog stays until `bye`.
    pub fn refer(&mut self, now: Instant, dialog: DialogId, refer_to: &str) -> Result<(), Refusal> {
        let usage = self.usage(dialog)?;
        if usage.early || usage.refer_to.is_some() {
            return Err(Refusal::NotNow);
        }
        if usage.unacked.is_some() {
            // Many a phone knows of no requests in a dialog that it has not confirmed yet.
            usage.refer_to = Some(refer_to.to_owned());
            return Ok(());
        }
        if usage.referring.len() == OPEN {
            return Err(Refusal::Full);
        }
        let tag = usage.dialog.remote_tag.clone();
        let account = usage.account;
        let (to, mut request) = self.request(dialog, Method::Refer, &tag)?;
        let own = contact(self.config.local(to));
        request.headers.push("Refer-To", refer_to)?;
        request.headers.put("Referred-By", &*own);
        request.headers.put("Contact", own);
        // Its subscription goes by the number of this REFER (section 2.4.6).
        let cseq = request.headers.head().map_err(Refusal::Bad)?.cseq;
        let transaction = self.transact(now, to, &request, Purpose::Refer(dialog), account);
        self.usage(dialog)?.referring.push((transaction, cseq));
        Ok(())
    }

    /// Sends the REFER that waited for the ACK.
    pub(super) fn refer_held(&mut self, now: Instant, dialog: DialogId) {
        let Some(refer_to) = self.usages.get_mut(dialog).and_then(|usage| usage.refer_to.take()) else { return };
        if self.refer(now, dialog, &refer_to).is_err() {
            self.tell_of(dialog, Event::Referred { dialog, status: 503 });
        }
    }

    /// The final answer to our REFER, or none: then the peer still knows the call, for all that we know. Of one that
    /// another has taken the place of nobody is told.
    pub(super) fn on_referred(&mut self, now: Instant, dialog: DialogId, transaction: TransactionId, status: u16) {
        let Ok(usage) = self.usage(dialog) else { return };
        let counts = usage.referring.last().is_some_and(|(known, _)| *known == transaction);
        if status >= 300 {
            usage.referring.retain(|(known, _)| *known != transaction);
        }
        if status == 481 {
            self.lose(now, dialog, Loss::Unknown);
        } else if counts {
            self.tell(Event::Referred { dialog, status });
        }
    }

    /// Section 2.4.4: the body of a NOTIFY begins with the status line that the peer got from the other side.
    pub(super) fn on_notify(&mut self, now: Instant, dialog: DialogId, incoming: &Incoming) {
        let request = &incoming.request;
        let state = request.headers.get("Subscription-State").unwrap_or("");
        let last = state.split(';').next().is_some_and(|state| state.trim().eq_ignore_ascii_case("terminated"));
        let open = self.usage(dialog).map_or(&[][..], |usage| &usage.referring);
        let (Some(of), Some(status)) = (subscription(request, open), told(&request.body, last)) else {
            return self.answer_in_transaction(now, incoming, (489, Some(("Allow-Events", "refer".to_owned()))));
        };
        let counts = of + 1 == open.len();
        self.answer_in_transaction(now, incoming, (200, None));
        if last && let Ok(usage) = self.usage(dialog) {
            usage.referring.remove(of);
        }
        if counts {
            self.tell(Event::Transfer { dialog, status, last });
        }
    }
}

/// Which of our open REFERs made the subscription that a NOTIFY is of. That of the first one need not say so; those of
/// the others must (section 2.4.6).
fn subscription(request: &Request, open: &[(TransactionId, u32)]) -> Option<usize> {
    let mut parts = request.headers.get("Event").unwrap_or("").split(';').map(str::trim);
    parts.next().filter(|event| event.eq_ignore_ascii_case("refer"))?;
    match parts.find_map(|part| part.strip_prefix("id=")) {
        Some(id) => open.iter().position(|(_, cseq)| id.trim() == cseq.to_string()),
        None => (!open.is_empty()).then_some(0),
    }
}

/// What a NOTIFY tells. One that ends the subscription need not say how it went (RFC 6665 section 4.1.3): that is as
/// good as 100.
fn told(body: &[u8], last: bool) -> Option<u16> {
    if last && body.is_empty() { Some(100) } else { fragment(body) }
}

/// The status in a `message/sipfrag` body (RFC 3420).
fn fragment(body: &[u8]) -> Option<u16> {
    let line = body.split(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line).ok()?.strip_prefix("SIP/2.0 ")?;
    text.get(..3)?.parse().ok().filter(|status| (100..700).contains(status))
}
