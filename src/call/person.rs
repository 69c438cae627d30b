//! What a call does on its way to a person: reference, store, INVITE, ring, bridge, and back to the flow
//! when nobody is there. The caller stays with us through all of it.

use super::handoff::{Handoff, Phase};
use super::{AgentEnd, Call, Event, LegState, cdr};
use crate::audio::Utterance;
use crate::audio::arena::HOLD;
use crate::context::carrier::{Parcel, Written};
use crate::context::{Destination, Fact, Hop, Received};
use crate::record::seam::{Leg, Out};
use crate::sdp::Offer;
use crate::secret::Secret;
use crate::sip::invite::Invite;
use crate::sip::{self, Uri};
use crate::time::Instant;

/// Hops of one call: people that it was handed to, or was to be.
const HOPS: usize = 32;

/// SIP status of a target that did not answer at all, and of one that rang too long (RFC 3261 section 21.4.9).
const NO_ANSWER: u16 = 408;

impl Call {
    pub(super) fn begin_handoff(&mut self, now: Instant, destination: String, needs: Vec<usize>) {
        // Agents' phones that answer and drop the caller again and again, or a call that was routed back to us again
        // and again: the flow's exit ends it.
        if self.context.hops.len() >= HOPS || self.hops <= 1 {
            self.failed = true;
            return self.run_event(now, Event::Agent(AgentEnd::Failed));
        }
        self.handoff = Some(Handoff::new(now, destination, needs));
        self.agent = LegState::new(self.birth.local.agent_media, &mut self.random);
        self.play_music(now);
        self.emit(now, Out::Mint);
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
            self.invite(now, reference, kept);
        }
    }

    pub(super) fn progress(&mut self) {
        if let Some(handoff) = &mut self.handoff {
            handoff.heard();
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
                self.invite(now, reference, false);
            }
            Phase::Ringing { .. } => {
                self.emit(now, Out::Cancel);
                self.refused(now, NO_ANSWER);
            }
            Phase::Bridged { .. } => {}
        }
    }

    pub(super) fn agent_answered(&mut self, now: Instant, answer: Option<&Offer>) {
        let Some(Handoff { phase: Phase::Ringing { reference, .. }, .. }) = &self.handoff else {
            // It answered after we had given up on it (CANCEL crossed the 200).
            return self.emit(now, Out::Hangup { leg: Leg::Agent });
        };
        let reference = reference.clone();
        // Without one in the 200, what an UPDATE of the ringing phone agreed on stands.
        let session = match answer {
            Some(answer) => self.agent.take_answer(answer),
            None => self.agent.negotiated.clone(),
        };
        let Some(session) = session else {
            self.emit(now, Out::Hangup { leg: Leg::Agent });
            return self.refused(now, 488);
        };
        self.close_hop(now, Received::Confirmed);
        self.reached = true;
        if let Some(handoff) = &mut self.handoff {
            handoff.phase = Phase::Bridged { held: false };
            handoff.deadline = None;
        }
        self.listen(now, Leg::Agent, session);
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.emit(now, Out::Bridge);
        // The hop is a part of the context: whoever fetches it sees that this person has it.
        self.store(now, reference);
    }

    pub(super) fn refused(&mut self, now: Instant, status: u16) {
        let ringing = |handoff: &Handoff| matches!(handoff.phase, Phase::Ringing { .. });
        if !self.handoff.as_ref().is_some_and(ringing) {
            return;
        }
        if let Some(target) = self.target().map(|target| target.uri.clone()) {
            self.refusals.push(cdr::Refused { target, status });
        }
        self.close_hop(now, Received::Failed);
        self.next_target(now);
    }

    /// The agent hung up, or its leg broke, and the caller did not.
    pub(super) fn agent_gone(&mut self, now: Instant, end: AgentEnd) {
        let Some(Handoff { phase: Phase::Bridged { held }, .. }) = &self.handoff else {
            return self.refused(now, NO_ANSWER);
        };
        // While the agent holds there is music instead of a bridge.
        let stopped = if *held { Out::Stop { leg: Leg::Caller } } else { Out::Unbridge };
        self.handoff = None;
        self.emit(now, stopped);
        self.failed |= end == AgentEnd::Failed;
        self.run_event(now, Event::Agent(end));
    }

    /// The caller is gone, or we end the call: the agent's side is told.
    pub(super) fn release_agent(&mut self, now: Instant) {
        if self.handoff.as_ref().is_some_and(|handoff| matches!(handoff.phase, Phase::Ringing { .. })) {
            self.close_hop(now, Received::Failed);
        }
        match self.handoff.take().map(|handoff| handoff.phase) {
            Some(Phase::Ringing { .. }) => self.emit(now, Out::Cancel),
            Some(Phase::Bridged { .. }) => {
                self.emit(now, Out::Unbridge);
                self.emit(now, Out::Hangup { leg: Leg::Agent });
            }
            Some(Phase::Minting | Phase::Storing { .. }) | None => {}
        }
    }

    /// Music for the caller while the agent's side holds, the agent again when it comes back.
    pub(super) fn agent_hold(&mut self, now: Instant) {
        let holds = self.agent.held();
        let Some(Handoff { phase: Phase::Bridged { held }, .. }) = &mut self.handoff else { return };
        if *held == holds {
            return;
        }
        *held = holds;
        if holds {
            self.emit(now, Out::Unbridge);
            self.play_music(now);
        } else {
            self.emit(now, Out::Stop { leg: Leg::Caller });
            self.emit(now, Out::Bridge);
        }
    }

    fn next_target(&mut self, now: Instant) {
        let Some(handoff) = &mut self.handoff else { return };
        handoff.next_target(now);
        if self.target().is_some() {
            // A fresh session for a fresh dialog: its own id, its own version.
            self.agent = LegState::new(self.birth.local.agent_media, &mut self.random);
            return self.emit(now, Out::Mint);
        }
        self.handoff = None;
        self.failed = true;
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.run_event(now, Event::Agent(AgentEnd::Failed));
    }

    fn store(&mut self, now: Instant, reference: Secret) {
        let Some(handoff) = &self.handoff else { return };
        let destination = handoff.destination.clone();
        let context = self.context.document();
        let store = self.stores;
        self.stores += 1;
        self.emit(now, Out::Store { store, reference, destination, context });
    }

    /// Sends the INVITE: its headers carry the reference, and the facts where the destination is trusted.
    fn invite(&mut self, now: Instant, reference: Secret, durable: bool) {
        let (Some(handoff), Some(destination)) = (&self.handoff, self.destination()) else { return };
        let Some(target) = destination.to.get(handoff.target) else { return self.next_target(now) };
        let (name, target) = (handoff.destination.clone(), target.clone());
        let ring = destination.ring;
        let carriers = destination.carriers.iter().map(|carrier| carrier.name().to_owned()).collect();
        let written = self.written(destination, &handoff.needs, &reference);
        let sdp = self.agent.offer(self.caller.codec());
        let (Ok(uri), Some(local)) =
            (Uri::read(&target.uri), self.birth.local.sip.facing(&sip::Hop::udp(target.address)))
        else {
            return self.next_target(now);
        };
        let invite = Invite {
            local,
            target: uri,
            display: self.context.caller_name.as_ref().map_or(String::new(), |name| name.open().to_owned()),
            from: self.caller_uri(local),
            headers: written.headers,
            sdp: sdp.into_bytes(),
            user_agent: self.birth.user_agent.clone(),
            max_forwards: self.hops.saturating_sub(1),
        };
        let Ok(request) = invite.build(&mut self.random) else {
            // A target or header that cannot be written is the configuration's mistake: the caller goes on.
            return self.next_target(now);
        };
        let at = self.context.wall(now);
        let hop = Hop { to: name.clone(), waited_ms: 0, carriers, received: Received::Sent, at };
        self.context.hops.push(hop);
        if let Some(handoff) = &mut self.handoff {
            handoff.ring(now, reference, ring);
        }
        let invite = String::from_utf8_lossy(&request.to_bytes()).into_owned();
        let omitted = written.omitted;
        self.emit(now, Out::Agent { destination: name, target: target.uri, invite, durable, omitted });
    }

    /// Whom the agent's phone sees as calling: the caller's number at our address, or an anonymous caller
    /// (RFC 3323 section 4.1.1.3).
    fn caller_uri(&self, local: sip::Hop) -> Uri {
        let number = self.context.caller_number.as_ref();
        let uri = number.and_then(|number| Uri::of(number.open(), local.address).ok());
        uri.unwrap_or_else(|| Uri::read("sip:anonymous@anonymous.invalid").expect("a URI of our own"))
    }

    fn written(&self, destination: &Destination, needs: &[usize], reference: &Secret) -> Written {
        let value = |name: &String| {
            let fact = self.context.fact(name).filter(|fact| fact.class.for_agent())?;
            Some((fact.name.as_str(), fact.value()?))
        };
        let mut parcel = Parcel { reference, uui: Vec::new(), headers: Vec::new() };
        if destination.trusted {
            let needed = needs.iter().filter_map(|index| self.context.facts.get(*index));
            let needed: Vec<String> = needed.map(|fact: &Fact| fact.name.clone()).collect();
            parcel.uui = destination.uui.as_ref().unwrap_or(&needed).iter().filter_map(value).collect();
            parcel.headers = if destination.headers.is_empty() {
                needed.iter().filter_map(value).map(|(name, value)| (header_name(name), value)).collect()
            } else {
                let mapped = destination.headers.iter();
                mapped.filter_map(|(header, fact)| Some((header.clone(), value(fact)?.1))).collect()
            };
        }
        let mut written = Written::default();
        for carrier in &destination.carriers {
            carrier.write(&parcel, &mut written);
        }
        written
    }

    fn close_hop(&mut self, now: Instant, received: Received) {
        let Some(began) = self.handoff.as_ref().map(|handoff| handoff.began) else { return };
        if let Some(hop) = self.context.hops.last_mut() {
            hop.received = received;
            hop.waited_ms = u64::try_from(now.since(began).as_millis()).unwrap_or(u64::MAX);
        }
    }

    fn play_music(&mut self, now: Instant) {
        self.music -= 1;
        let say = vec![Utterance::Clip(HOLD.to_owned())];
        self.emit(now, Out::Play { leg: Leg::Caller, play: self.music, say, looped: true });
    }

    fn destination(&self) -> Option<&Destination> {
        self.birth.destinations.get(&self.handoff.as_ref()?.destination)
    }

    fn target(&self) -> Option<&crate::context::Target> {
        self.destination()?.to.get(self.handoff.as_ref()?.target)
    }
}

/// The header of a fact that no configuration mapped: `account_number` goes as `X-Account-Number`.
fn header_name(fact: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    format!("X-{}", fact.split('_').map(word).collect::<Vec<_>>().join("-"))
}
