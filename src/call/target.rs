//! Which of a destination's targets is tried, over which hop, and what is tried next when that one fails.
//!
//! ```text
//! target -> its hops, or resolve its name -> hop -> INVITE --503, silence--> next hop -> .. -> next target
//!    ^                                                 |
//!    +------------- 3xx to the same host --------------+--other refusals--> next target
//! ```

use super::handoff::{Handoff, Means, Phase};
use super::person::{NO_ANSWER, UNREACHABLE};
use super::{AgentEnd, Call, Event, LegState};
use crate::context::Target;
use crate::record::seam::{Leg, Out};
use crate::secret::Secret;
use crate::sip::{Hop, NameAddr, Uri};
use crate::time::Instant;

/// Hops of one target that are tried: the caller waits.
const MAX_HOPS: usize = 4;
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
        // A fresh session for a fresh dialog.
        self.agent = LegState::new(self.birth.local.agent_media, &mut self.random);
        self.next_hop(now, reference);
        true
    }

    pub(super) fn next_target(&mut self, now: Instant) {
        let Some(handoff) = &mut self.handoff else { return };
        if self.context.hops.len() < super::person::HOPS && handoff.next_target(now) {
            // A fresh session for a fresh dialog: its own id, its own version.
            self.agent = LegState::new(self.birth.local.agent_media, &mut self.random);
            return self.emit(now, Out::Mint);
        }
        self.handoff = None;
        self.failed = true;
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.run_event(now, Event::Agent(AgentEnd::Failed));
    }

    /// RFC 3261 section 8.1.3.4: a 3xx names others to try. They must be at the same host and port as a target of this
    /// destination: nobody sends our callers anywhere else.
    pub(super) fn redirect(&mut self, contacts: &[String]) {
        let Some(handoff) = &mut self.handoff else { return };
        let Some(destination) = self.birth.destinations.get(&handoff.destination) else { return };
        let mut allowed = Vec::new();
        for contact in contacts.iter().take(MAX_CONTACTS) {
            let Some(uri) = NameAddr::read(contact).ok().map(|contact| contact.uri) else { continue };
            let known = destination.to.iter().find(|target| leads_to(target, &uri));
            if let Some(known) = known.filter(|_| uri.headers().is_empty()) {
                allowed.push(Target { uri: uri.to_string(), hops: known.hops.clone() });
            }
        }
        for target in allowed.into_iter().rev() {
            handoff.targets.push_front(target);
        }
    }
}

fn leads_to(target: &Target, uri: &Uri) -> bool {
    let same = |own: Uri| {
        let place = |uri: &Uri| (uri.scheme(), uri.host().to_ascii_lowercase(), uri.port(), uri.transport());
        place(&own) == place(uri)
    };
    Uri::read(&target.uri).is_ok_and(same)
}
