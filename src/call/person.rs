//! What a call does on its way to a person: reference, store, INVITE, ring, bridge, and back to the flow
//! when nobody is there. The caller stays with us through all of it.

use super::handoff::{Body, Handoff, Means, Phase};
use super::{AgentEnd, Call, Event, LegState, cdr};
use crate::codec::Preference;
use crate::context::carrier::{self, Carrier, Parcel, Uui, Written};
use crate::context::{Destination, Fact, Hop, Received, Target, UuiFacts};
use crate::keying::Policy;
use crate::record::seam::{Leg, Out};
use crate::sdp::Offer;
use crate::secret::Secret;
use crate::sip::invite::{Invite, MAX_DATAGRAM};
use crate::sip::{self, Transport, Uri};
use crate::time::Instant;

/// Hops of one call: people that it was handed to, or was to be.
pub(super) const HOPS: usize = 32;

/// SIP status of a target that did not answer at all, and of one that rang too long (RFC 3261 section 21.4.9).
pub(super) const NO_ANSWER: u16 = 408;
/// Of one that no hop leads to (RFC 3261 section 8.1.3.1).
pub(super) const UNREACHABLE: u16 = 503;

impl Call {
    pub(super) fn hand_off(&mut self, now: Instant, means: Means, destination: String, needs: Vec<usize>) {
        let targets = self.birth.destinations.get(&destination).map_or_else(Vec::new, |known| known.to.clone());
        self.hand_off_to(now, means, destination, needs, targets);
    }

    /// To these targets of the destination alone.
    pub(super) fn hand_off_to(
        &mut self,
        now: Instant,
        means: Means,
        destination: String,
        needs: Vec<usize>,
        targets: Vec<Target>,
    ) {
        // Agents' phones that answer and drop the caller again and again, or a call that was routed back to us again
        // and again: the flow's exit ends it.
        if self.context.hops.len() >= HOPS || self.max_forwards <= 1 {
            self.failed = true;
            return self.run_event(now, Event::Agent(AgentEnd::Failed));
        }
        let mut handoff = Handoff::new(now, means, destination, needs, targets);
        // Who waited in a line of ours has waited for its first person.
        handoff.began = self.queued.take().unwrap_or(now);
        self.handoff = Some(handoff);
        self.fresh_agent();
        self.play_music(now, Leg::Caller);
        self.emit(now, Out::Mint);
    }

    /// A fresh session for a fresh dialog: its own id, its own version, its own keys.
    pub(super) fn fresh_agent(&mut self) {
        let destination = self.destination();
        let codecs = destination.map_or_else(Preference::default, |destination| destination.codecs.clone());
        let srtp = destination.map_or(Policy::Off, |destination| destination.srtp);
        self.agent = LegState::new(self.birth.local.agent_media, codecs, srtp, &mut self.random);
    }

    pub(super) fn minted(&mut self, now: Instant, reference: Secret) {
        let Some(handoff) = &mut self.handoff else { return };
        if handoff.phase != Phase::Minting {
            return;
        }
        handoff.phase = Phase::Storing { reference: reference.clone(), store: self.stores };
        self.store(now, reference);
    }

    /// The store spoke: it keeps the context, or it cannot. Either way the caller goes on to a person.
    pub(super) fn stored(&mut self, now: Instant, number: u32, kept: bool) {
        let Some(Handoff { phase: Phase::Storing { reference, store }, .. }) = &self.handoff else { return };
        if *store == number {
            let reference = reference.clone();
            self.go(now, reference, kept);
        }
    }

    pub(super) fn progress(&mut self, now: Instant, status: u16, answer: Option<&Offer>) {
        // A proxy's 100 is no word of the phone's.
        if status > 100 {
            self.rings_without_body(now);
        }
        if let Some(handoff) = &mut self.handoff {
            handoff.heard();
            self.overhear(now, answer);
        }
    }

    /// The hand-off's own deadline: no reference, no word from the store, or nobody who answers.
    pub(super) fn handoff_late(&mut self, now: Instant) {
        let Some(handoff) = &mut self.handoff else { return };
        handoff.deadline = None;
        match &handoff.phase {
            Phase::Minting => self.next_target(now),
            Phase::Storing { reference, .. } => {
                let reference = reference.clone();
                self.go(now, reference, false);
            }
            Phase::Resolving { .. } => {
                self.note_refusal(UNREACHABLE);
                self.next_target(now);
            }
            Phase::Ringing { .. } => {
                self.emit(now, Out::Cancel);
                self.refused(now, NO_ANSWER, &[]);
            }
            Phase::Referring { .. } => self.transfer_late(now),
            Phase::Whispering { .. } => self.whispered(now),
            Phase::Bridged { .. } => {}
        }
    }

    pub(super) fn agent_answered(&mut self, now: Instant, answer: Option<&Offer>) {
        let Some(Handoff { phase: Phase::Ringing { reference, .. }, .. }) = &self.handoff else {
            // It answered after we had given up on it (CANCEL crossed the 200).
            return self.emit(now, Out::Hangup { leg: Leg::Agent });
        };
        let reference = reference.clone();
        self.rings_without_body(now);
        // Without one in the 200, what an UPDATE of the ringing phone agreed on stands.
        let session = match answer {
            Some(answer) => self.agent.take_answer(answer),
            None => self.agent.negotiated.clone(),
        };
        let Some(session) = session else {
            self.emit(now, Out::Hangup { leg: Leg::Agent });
            return self.refused(now, 488, &[]);
        };
        self.hear_agent(now, session);
        self.whisper(now, reference);
    }

    /// The target would not, or could not: `contacts` are where a 3xx sends us.
    pub(super) fn refused(&mut self, now: Instant, status: u16, contacts: &[String]) {
        if !self.handoff.as_ref().is_some_and(Handoff::trying) {
            return;
        }
        self.note_refusal(status);
        if std::mem::take(&mut self.overheard) {
            self.emit(now, Out::Hangup { leg: Leg::Agent });
            self.play_music(now, Leg::Caller);
        }
        if self.goes_without_body(now, status) || self.failed_over(now, status) {
            return;
        }
        self.close_hop(now, Received::Failed);
        if (300..400).contains(&status) {
            self.redirect(contacts);
        }
        self.next_target(now);
    }

    pub(super) fn note_refusal(&mut self, status: u16) {
        if let Some(target) = self.target().map(|target| target.uri.clone()) {
            self.refusals.push(cdr::Refused { target, status });
        }
    }

    /// The caller is gone, or we end the call: the agent's side is told.
    pub(super) fn release_agent(&mut self, now: Instant) {
        match &self.handoff {
            // Its phone took the REFER: how that went nobody tells us any more.
            Some(Handoff { phase: Phase::Referring { accepted: true }, .. }) => self.close_hop(now, Received::Sent),
            Some(handoff) if handoff.trying() => self.close_hop(now, Received::Failed),
            Some(_) | None => {}
        }
        match self.handoff.take().map(|handoff| handoff.phase) {
            Some(Phase::Ringing { .. }) => {
                self.overheard = false;
                self.emit(now, Out::Cancel);
            }
            Some(Phase::Whispering { .. }) => self.emit(now, Out::Hangup { leg: Leg::Agent }),
            Some(Phase::Bridged { .. }) => {
                self.emit(now, Out::Unbridge);
                self.emit(now, Out::Hangup { leg: Leg::Agent });
            }
            Some(Phase::Minting | Phase::Storing { .. } | Phase::Resolving { .. } | Phase::Referring { .. }) | None => {
            }
        }
    }

    pub(super) fn store(&mut self, now: Instant, reference: Secret) {
        let Some(handoff) = &self.handoff else { return };
        let destination = handoff.destination.clone();
        let context = self.context.document();
        let store = self.stores;
        self.stores += 1;
        self.emit(now, Out::Store { store, reference, destination, context });
    }

    /// Sends the INVITE over a hop: its headers carry the reference, and the facts where the destination is trusted.
    pub(super) fn invite(&mut self, now: Instant, hop: sip::Hop, reference: Secret) {
        let (Some(handoff), Some(destination)) = (&self.handoff, self.destination()) else { return };
        let Some(target) = handoff.target.clone() else { return self.next_target(now) };
        let (name, ring, durable) = (handoff.destination.clone(), destination.ring, handoff.durable);
        let mut carriers = carrier::of_invite(&destination.carriers);
        carriers.retain(|carrier| *carrier != Carrier::Body || handoff.body == Body::Due);
        let mut written = self.written(destination, &carriers, &handoff.needs, &reference);
        let carriers = carriers.into_iter().map(|carrier| carrier.name().to_owned()).collect();
        if let Some(proxy) = &destination.proxy {
            // RFC 3261 section 8.1.2: an outbound proxy is a route of one.
            let lr = if proxy.contains(";lr") { "" } else { ";lr" };
            written.headers.push(("Route".to_owned(), format!("<{proxy}{lr}>")));
        }
        if let Some(replaces) = handoff.replaces() {
            written.headers.push(("Replaces".to_owned(), replaces.to_owned()));
            written.headers.push(("Require".to_owned(), "replaces".to_owned()));
        }
        let first = !matches!(handoff.phase, Phase::Ringing { .. });
        let sdp = self.agent.offer(self.caller.codec());
        let Some((hop, bytes)) = self.build(&target.uri, hop, &written, &sdp) else {
            // A target or header that cannot be written is the configuration's mistake: the caller goes on.
            if !first {
                self.close_hop(now, Received::Failed);
            }
            return self.next_target(now);
        };
        if first {
            let at = self.context.wall(now);
            self.context.hops.push(Hop { to: name.clone(), waited_ms: 0, carriers, received: Received::Sent, at });
        } else if let Some(last) = self.context.hops.last_mut() {
            last.carriers = carriers;
        }
        if let Some(handoff) = &mut self.handoff {
            handoff.hop = Some(hop);
            handoff.ring(now, reference, ring);
        }
        let (invite, omitted) = (String::from_utf8_lossy(&bytes).into_owned(), written.omitted);
        self.emit(now, Out::Agent { destination: name, target: target.uri, hop, invite, durable, omitted });
    }

    /// The INVITE's bytes, and the hop that they go over: one too large for a datagram goes by TCP where we have it
    /// and the URI leaves us the choice (RFC 3261 section 18.1.1); by UDP all the same if that fails.
    fn build(&mut self, target: &str, hop: sip::Hop, written: &Written, sdp: &str) -> Option<(sip::Hop, Vec<u8>)> {
        let target = Uri::read(target).ok()?;
        let write = |call: &mut Call, hop: &sip::Hop| {
            let local = call.birth.local.sip.facing(hop)?;
            let (display, from) = call.caller_identity(local);
            let invite = Invite {
                local,
                target: target.clone(),
                display,
                from,
                headers: written.headers.clone(),
                sdp: sdp.as_bytes().to_vec(),
                beside: written.body.clone(),
                user_agent: call.birth.user_agent.clone(),
                max_forwards: call.max_forwards.saturating_sub(1),
            };
            Some(invite.build(&mut call.random).ok()?.to_bytes())
        };
        let bytes = write(self, &hop)?;
        let handoff = self.handoff.as_mut()?;
        let tcp = sip::Hop::new(Transport::Tcp, hop.address);
        let may_switch = hop.transport == Transport::Udp && target.transport().is_none() && !handoff.datagrams;
        if bytes.len() <= MAX_DATAGRAM || !may_switch || self.birth.local.sip.facing(&tcp).is_none() {
            return Some((hop, bytes));
        }
        handoff.datagrams = true;
        handoff.hops.push_front(hop);
        Some((tcp, write(self, &tcp)?))
    }

    /// Whom the agent's phone sees as calling: the caller's number at our address with its name, or an anonymous
    /// caller (RFC 3323 section 4.1.1.3).
    fn caller_identity(&self, local: sip::Hop) -> (String, Uri) {
        let (number, name) = self.context.shown_caller();
        let uri = number.and_then(|number| Uri::of(number.open(), local.address).ok());
        let nameless = if uri.is_some() { "" } else { "Anonymous" };
        let uri = uri.unwrap_or_else(|| Uri::read("sip:anonymous@anonymous.invalid").expect("a URI of our own"));
        (name.map_or(nameless, Secret::open).to_owned(), uri)
    }

    /// What these carriers write for a destination.
    pub(super) fn written(
        &self,
        destination: &Destination,
        carriers: &[Carrier],
        needs: &[usize],
        reference: &Secret,
    ) -> Written {
        let value = |name: &String| {
            let fact = self.context.fact(name)?;
            Some((fact.name.as_str(), self.context.shown_value(fact)?))
        };
        let (case, call_info) = (self.context.case.as_str(), destination.call_info.as_deref());
        let mut parcel =
            Parcel { reference, case, uui: Uui::Pairs(Vec::new()), headers: Vec::new(), facts: Vec::new(), call_info };
        if destination.trusted {
            let needed = needs.iter().filter_map(|index| self.context.facts.get(*index));
            let needed: Vec<String> = needed.map(|fact: &Fact| fact.name.clone()).collect();
            parcel.uui = match &destination.uui {
                Some(UuiFacts::Bare { bare }) => Uui::Bare(bare, value(bare).map(|(_, value)| value)),
                Some(UuiFacts::Pairs(facts)) => Uui::Pairs(facts.iter().filter_map(value).collect()),
                None => Uui::Pairs(needed.iter().filter_map(value).collect()),
            };
            parcel.headers = if destination.headers.is_empty() {
                needed.iter().filter_map(value).map(|(name, value)| (carrier::header_name(name), value)).collect()
            } else {
                let mapped = destination.headers.iter();
                mapped.filter_map(|(header, fact)| Some((header.clone(), value(fact)?.1))).collect()
            };
            parcel.facts = self.context.facts.iter().filter_map(|fact| value(&fact.name)).collect();
        }
        let mut written = Written::default();
        for carrier in carriers {
            carrier.write(&parcel, &mut written);
        }
        written
    }

    pub(super) fn close_hop(&mut self, now: Instant, received: Received) {
        let Some(began) = self.handoff.as_ref().map(|handoff| handoff.began) else { return };
        if let Some(hop) = self.context.hops.last_mut() {
            hop.received = received;
            hop.waited_ms = u64::try_from(now.since(began).as_millis()).unwrap_or(u64::MAX);
        }
    }

    pub(super) fn destination(&self) -> Option<&Destination> {
        self.birth.destinations.get(&self.handoff.as_ref()?.destination)
    }

    pub(super) fn target(&self) -> Option<&crate::context::Target> {
        self.handoff.as_ref()?.target.as_ref()
    }
}
