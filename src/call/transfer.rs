//! The caller's own phone is sent to somebody else (REFER, RFC 3515), and taken back if nobody is there.
//!
//! ```text
//! transfer step -> mint a reference -> store the context -> REFER --202--> NOTIFY 100, 180 .. --200--> BYE
//!                                                             |              |
//!                                                             +-- refused ---+-- 300-699, silent: next target, or else
//! ```

use super::handoff::{Handoff, Means, Phase};
use super::person::NO_ANSWER;
use super::{AgentEnd, Call};
use crate::context::carrier::{self, Carrier, refer_to};
use crate::context::{Hop, Received};
use crate::record::seam::Out;
use crate::secret::Secret;
use crate::time::Instant;

/// Answers to a REFER, none among them, of a phone that would take no other one either: the flow's `else` is next.
const WOULD_NOT: [u16; 6] = [405, NO_ANSWER, 420, 489, 501, 603];

impl Call {
    pub(super) fn begin_transfer(&mut self, now: Instant, destination: String, facts: Vec<usize>, because: String) {
        self.hand_off(now, Means::Refer { because }, destination, facts);
    }

    /// Sends the REFER: with the carrier `refer_to` the context goes along as headers of the Refer-To URI, which the
    /// caller's phone writes into its INVITE (RFC 3261 section 19.1.1); without it, nothing does.
    pub(super) fn refer(&mut self, now: Instant, reference: &Secret, because: String) {
        let (Some(handoff), Some(destination)) = (&self.handoff, self.destination()) else { return };
        let Some(target) = self.target() else { return self.next_target(now) };
        let (name, target) = (handoff.destination.clone(), target.uri.clone());
        let (ring, durable) = (destination.ring, handoff.durable);
        let riding = carrier::of_refer(&destination.carriers);
        let mut written = self.written(destination, &riding, &handoff.needs, reference);
        let refer_to = refer_to::address(&target, &mut written);
        let mut carriers: Vec<String> = riding.iter().map(|carrier| carrier.name().to_owned()).collect();
        if riding.is_empty() {
            let left = handoff.needs.iter().filter_map(|index| self.context.facts.get(*index));
            written.omitted.extend(left.filter(|fact| fact.value().is_some()).map(|fact| fact.name.clone()));
        } else {
            carriers.push(Carrier::ReferTo.name().to_owned());
        }
        let hop =
            Hop { to: name.clone(), waited_ms: 0, carriers, received: Received::Sent, at: self.context.wall(now) };
        self.context.hops.push(hop);
        if let Some(handoff) = &mut self.handoff {
            handoff.refer(now, ring);
        }
        let omitted = written.omitted;
        let refer_to = Secret::new(refer_to);
        self.emit(now, Out::Refer { destination: name, target, refer_to, because, durable, omitted });
    }

    /// The caller's phone took the REFER, or would not. An answer may come when the flow has taken the caller back.
    pub(super) fn referred(&mut self, now: Instant, status: u16) {
        let Some(Handoff { phase: Phase::Referring { accepted }, targets, .. }) = &mut self.handoff else { return };
        if status < 300 {
            *accepted = true;
            return;
        }
        if WOULD_NOT.contains(&status) {
            targets.clear();
        }
        self.refused(now, status, &[]);
    }

    /// A NOTIFY tells how the transfer goes on. One that ends the subscription without a final status (it is the
    /// peer's right, RFC 3515 section 2.4.7) leaves the caller in the hands that took it.
    pub(super) fn transfer_progress(&mut self, now: Instant, status: u16, last: bool) {
        let Some(Handoff { phase: Phase::Referring { .. }, .. }) = self.handoff else { return };
        match status {
            300.. => self.refused(now, status, &[]),
            200.. => self.transferred(now, Received::Confirmed),
            _ if last => self.transferred(now, Received::Sent),
            _ => {}
        }
    }

    fn transferred(&mut self, now: Instant, received: Received) {
        self.close_hop(now, received);
        self.handoff = None;
        self.emit(now, Out::Stop { leg: crate::record::seam::Leg::Caller });
        self.run_event(now, super::Event::Agent(AgentEnd::Done));
    }

    /// No word came on the REFER, or none on how it went.
    pub(super) fn transfer_late(&mut self, now: Instant) {
        if let Some(Handoff { phase: Phase::Referring { accepted: false }, targets, .. }) = &mut self.handoff {
            targets.clear();
        }
        self.refused(now, NO_ANSWER, &[]);
    }
}
