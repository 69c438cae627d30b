//! Which of a destination's targets is tried, over which hop, and what is tried next when that one fails.
//!
//! ```text
//!                                              +--400, 415, 488--> the same hop without the carrier `body`, once
//!                                              |
//! target -> its hops, or resolve its name -> hop -> INVITE --503, silence--> next hop -> .. -> next target
//!    ^                                                 |
//!    +------------- 3xx to the same host --------------+--other refusals--> next target
//! ```

use super::handoff::{Body, Handoff, Means, Phase};
use super::person::{NO_ANSWER, UNREACHABLE};
use super::{AgentEnd, Call, Event};
use crate::context::Target;
use crate::context::carrier::Carrier;
use crate::record::seam::{Leg, Out};
use crate::secret::Secret;
use crate::sip::{Hop, NameAddr, Uri};
use crate::time::Instant;

/// Hops of one target that are tried: the caller waits.
const MAX_HOPS: usize = 4;
/// How a target refuses a body that it does not know (RFC 3261 section 21.4.13), or misreads as no offer.
const BODY_REFUSED: [u16; 3] = [400, 415, 488];
/// Contacts of one 3xx that are looked at.
const MAX_CONTACTS: usize = 8;

impl Call {
    /// The context is stored, or will not be: on to the person.
    pub(super) fn go(&mut self, now: Instant, reference: Secret, durable: bool) {
        let Some(handoff) = &mut self.handoff else { return };
        handoff.durable = durable;
        if let Means::Refer { because } = handoff.means.clone() {
            return self.refer(now, &reference, because);
        }
        let Some(target) = &handoff.target else { return self.next_target(now) };
        if !target.hops.is_empty() {
            handoff.hops = target.hops.iter().copied().take(MAX_HOPS).collect();
            return self.next_hop(now, reference);
        }
        let destination = self.birth.destinations.get(&handoff.destination);
        let proxy = destination.and_then(|destination| destination.proxy.clone());
        let (uri, resolve) = (proxy.unwrap_or_else(|| target.uri.clone()), self.resolves);
        handoff.resolve(now, reference, resolve);
        self.resolves += 1;
        self.emit(now, Out::Resolve { resolve, uri });
    }

    /// Where the target's name leads.
    pub(super) fn resolved(&mut self, now: Instant, resolve: u32, hops: &[Hop]) {
        let Some(Handoff { phase: Phase::Resolving { reference, resolve: asked }, hops: known, .. }) =
            &mut self.handoff
        else {
            return;
        };
        if *asked == resolve {
            let reference = reference.clone();
            *known = hops.iter().copied().take(MAX_HOPS).collect();
            self.next_hop(now, reference);
        }
    }

    /// Calls the target over its next hop; without one it is the next target's turn.
    pub(super) fn next_hop(&mut self, now: Instant, reference: Secret) {
        match self.handoff.as_mut().and_then(|handoff| handoff.hops.pop_front()) {
            Some(hop) => self.invite(now, hop, reference),
            None => {
                self.note_refusal(UNREACHABLE);
                self.next_target(now);
            }
        }
    }

    /// Another hop of the same target, if the last one did not work and there is one (RFC 3263 section 4.3).
    pub(super) fn failed_over(&mut self, now: Instant, status: u16) -> bool {
        let Some(Handoff { phase: Phase::Ringing { reference, heard, .. }, hops, .. }) = &self.handoff else {
            return false;
        };
        // A phone that refuses at once has said nothing before, and yet is there.
        let dead = status == UNREACHABLE || status == NO_ANSWER && !heard;
        if !dead || hops.is_empty() {
            return false;
        }
        let reference = reference.clone();
        self.fresh_agent();
        self.next_hop(now, reference);
        true
    }

    /// The same target once more, if it may have refused what went beside the session description.
    pub(super) fn goes_without_body(&mut self, now: Instant, status: u16) -> bool {
        let wanted = self.destination().is_some_and(|destination| destination.carriers.contains(&Carrier::Body));
        let Some(handoff) = &mut self.handoff else { return false };
        let Phase::Ringing { reference, .. } = &handoff.phase else { return false };
        let Some(hop) = handoff.hop.filter(|_| wanted && handoff.body == Body::Due && BODY_REFUSED.contains(&status))
        else {
            return false;
        };
        let reference = reference.clone();
        handoff.body = Body::Refused;
        handoff.hops.push_front(hop);
        self.fresh_agent();
        self.next_hop(now, reference);
        true
    }

    /// It was the body that it would not take.
    pub(super) fn rings_without_body(&mut self, now: Instant) {
        let Some(handoff) = self.handoff.as_mut().filter(|handoff| handoff.body == Body::Refused) else { return };
        handoff.body = Body::Learned;
        let destination = handoff.destination.clone();
        self.emit(now, Out::Bodiless { destination });
    }

    pub(super) fn next_target(&mut self, now: Instant) {
        let Some(handoff) = &mut self.handoff else { return };
        if self.context.hops.len() < super::person::HOPS && handoff.next_target(now) {
            self.fresh_agent();
            return self.emit(now, Out::Mint);
        }
        self.handoff = None;
        self.failed = true;
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.run_event(now, Event::Agent(AgentEnd::Failed));
    }

    /// RFC 3261 section 8.1.3.4: a 3xx names others to try. They come before the targets that are left.
    pub(super) fn redirect(&mut self, contacts: &[String]) {
        let Some(handoff) = &mut self.handoff else { return };
        let Some(destination) = self.birth.destinations.get(&handoff.destination) else { return };
        for target in redirected(&destination.to, contacts).into_iter().rev() {
            handoff.targets.push_front(target);
        }
    }
}

/// The contacts of a 3xx that may be called, the most wanted one first: any user at the same host and port as a target
/// of the destination. Nobody sends our callers anywhere else.
fn redirected(to: &[Target], contacts: &[String]) -> Vec<Target> {
    let mut wanted = Vec::new();
    for contact in contacts.iter().take(MAX_CONTACTS) {
        let Ok(contact) = NameAddr::read(contact) else { continue };
        // Section 16.6: without a `q` it is 1.
        let q =
            contact.param("q").and_then(|q| q.parse::<f32>().ok()).filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0);
        if let Some(known) = to.iter().find(|target| leads_to(target, &contact.uri)) {
            wanted.push((q, Target { uri: contact.uri.to_string(), hops: known.hops.clone() }));
        }
    }
    wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    wanted.into_iter().map(|(_, target)| target).collect()
}

/// A `maddr` would lead elsewhere, and what other parameters do we do not know.
fn leads_to(target: &Target, uri: &Uri) -> bool {
    let place = |uri: &Uri| (uri.scheme(), uri.host().to_ascii_lowercase(), uri.port(), uri.transport());
    let plain = !uri.host().is_empty() && uri.headers().is_empty() && uri.has_params_of(&["transport", "user"]);
    plain && Uri::read(&target.uri).is_ok_and(|own| place(&own) == place(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_leads_to_any_user_at_a_host_of_the_destination_and_nowhere_else() {
        let target = |uri: &str| Target { uri: uri.to_owned(), hops: Vec::new() };
        let to = [target("sip:desk@pbx.example:5070;transport=tcp"), target("sip:desk@192.0.2.1"), target("tel:+1555")];
        let cases: [(&[&str], &[&str]); 6] = [
            (&["<sip:ann@PBX.example:5070;Transport=TCP>"], &["sip:ann@PBX.example:5070;Transport=TCP"]),
            (&["sip:+15551230001@192.0.2.1", "junk"], &["sip:+15551230001@192.0.2.1"]),
            (&["<sip:a@192.0.2.1;user=phone>"], &["sip:a@192.0.2.1;user=phone"]),
            (
                &["<sip:a@192.0.2.1>;q=0.2", "<sip:b@192.0.2.1>;q=0.9", "<sip:c@192.0.2.1>", "<sip:d@192.0.2.1>;q=0.9"],
                &["sip:c@192.0.2.1", "sip:b@192.0.2.1", "sip:d@192.0.2.1", "sip:a@192.0.2.1"],
            ),
            (&["<sip:a@192.0.2.1;maddr=203.0.113.1>", "<sip:a@192.0.2.1;lr>", "<sip:a@192.0.2.1?X-A=1>"], &[]),
            (&["sip:a@203.0.113.1", "sip:a@192.0.2.1:5070", "sips:a@192.0.2.1", "tel:+1666"], &[]),
        ];
        for (contacts, expected) in cases {
            let contacts: Vec<String> = contacts.iter().map(|contact| (*contact).to_owned()).collect();
            let allowed: Vec<String> = redirected(&to, &contacts).into_iter().map(|target| target.uri).collect();
            assert_eq!(allowed, expected, "{contacts:?}");
        }
        let many: Vec<String> = (0..20).map(|n| format!("sip:{n}@192.0.2.1")).collect();
        assert_eq!(redirected(&to, &many).len(), MAX_CONTACTS);
    }
}
