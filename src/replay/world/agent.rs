//! The person who is called: a SIP phone that does what the recording says became of each call to it.

use super::wire::Wire;
use crate::random::Random;
use crate::record::fixture::{Fixture, Step};
use crate::record::seam::{In, KeyCarrier, Leg, Out};
use crate::sdp::{Crypto, Offer};
use crate::sip::endpoint::{Config, DialogId, Door, Endpoint, Event, Output};
use crate::sip::{Hop, Locals, Transport};
use crate::time::{Deadlines, Duration, Instant};

/// Calls of one recording to people, and what is under way between the two.
const DIALOGS: usize = 64;

pub struct Agent<'f> {
    endpoint: Endpoint,
    wire: &'f Wire,
    /// What becomes of each call to somebody: after how long, and what.
    calls: Vec<Vec<(Duration, &'f In)>>,
    /// Those that rang, in their order, and where they were sent.
    rang: Vec<(DialogId, Hop)>,
    due: Deadlines<(usize, usize)>,
}

/// What the phone wants of its world.
pub enum Wants {
    /// A message to us, from there.
    Sip(Hop, Vec<u8>),
    /// A key that came with the media, whatever the call's streams heard.
    Key(In),
}

impl<'f> Agent<'f> {
    pub fn of(fixture: &'f Fixture, wire: &'f Wire) -> Agent<'f> {
        let mut calls: Vec<(u64, Vec<(Duration, &In)>)> = Vec::new();
        let mut hops = Vec::new();
        for line in &fixture.lines {
            match &line.step {
                Step::Out(Out::Agent { hop, .. }) => {
                    hops.push(hop.address);
                    calls.push((line.t, Vec::new()));
                }
                Step::In(input) if is_the_agents(input) => {
                    if let Some((since, acts)) = calls.last_mut() {
                        acts.push((Duration::from_micros(line.t - *since), input));
                    }
                }
                _ => {}
            }
        }
        let locals = hops.into_iter().flat_map(|address| Transport::ALL.map(|transport| Hop::new(transport, address)));
        let config = Config {
            locals: Locals::new(locals),
            user_agent: "the person called".to_owned(),
            max_transactions: DIALOGS,
            max_dialogs: DIALOGS,
        };
        let endpoint = Endpoint::new(config, Random::from_seed(fixture.header.seed ^ u64::MAX));
        Agent {
            endpoint: endpoint.expect("our own name has no control bytes"),
            wire,
            calls: calls.into_iter().map(|(_, acts)| acts).collect(),
            rang: Vec::new(),
            due: Deadlines::default(),
        }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        [self.endpoint.next_deadline(), self.due.next()].into_iter().flatten().min()
    }

    /// A message of ours, which was sent there.
    pub fn hears(&mut self, now: Instant, from: Hop, to: Hop, bytes: &[u8]) -> Vec<Wants> {
        self.endpoint.on_message(now, from, bytes, Door::Open);
        self.drain(now, to)
    }

    pub fn on_deadline(&mut self, now: Instant) -> Vec<Wants> {
        self.endpoint.on_deadline(now);
        let mut wants = Vec::new();
        while let Some((_, (call, act))) = self.due.due(now) {
            let Some(&(dialog, hop)) = self.rang.get(call) else { continue };
            let (_, input) = self.calls[call][act];
            wants.extend(self.act(now, dialog, input));
            wants.extend(self.drain(now, hop));
        }
        if let Some(&(_, hop)) = self.rang.last() {
            wants.extend(self.drain(now, hop));
        }
        wants
    }

    fn drain(&mut self, now: Instant, from: Hop) -> Vec<Wants> {
        let mut wants = Vec::new();
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { bytes, .. } => wants.push(Wants::Sip(from, bytes)),
                Output::Event(Event::Invite { dialog, .. }) => self.rings(now, dialog, from),
                // Who was sent on by a recorded agent went elsewhere; nobody asks this phone to.
                Output::Event(Event::Refer { dialog, .. }) => told(self.endpoint.answer_refer(now, dialog, 603)),
                Output::Event(_) => {}
            }
        }
        wants
    }

    fn rings(&mut self, now: Instant, dialog: DialogId, hop: Hop) {
        let call = self.rang.len();
        self.rang.push((dialog, hop));
        for (act, (after, _)) in self.calls.get(call).into_iter().flatten().enumerate() {
            self.due.set(now + *after, (call, act));
        }
    }

    fn act(&mut self, now: Instant, dialog: DialogId, input: &In) -> Option<Wants> {
        let wire = self.wire;
        let described = |offer: &Option<Offer>| offer.as_ref().map_or_else(Vec::new, |offer| described(wire, offer));
        let endpoint = &mut self.endpoint;
        match input {
            // The endpoint's own.
            In::Progress { status: 100, .. } => {}
            In::Progress { status, answer } => told(endpoint.ring(now, dialog, *status, described(answer))),
            In::Answered { answer } => told(endpoint.accept(now, dialog, described(answer))),
            In::Refused { status, contacts, .. } => {
                let contacts: Vec<_> = contacts.iter().map(|contact| ("Contact", contact.clone())).collect();
                told(endpoint.refuse(now, dialog, *status, &contacts));
            }
            In::Key { key, by: KeyCarrier::Info, .. } => {
                let body = format!("Signal={}\r\nDuration=100\r\n", key.to_char());
                told(endpoint.info(now, dialog, "application/dtmf-relay", body.into_bytes()));
            }
            In::Key { .. } => return Some(Wants::Key(input.clone())),
            In::Reoffer { offer, .. } => told(endpoint.reinvite(now, dialog, described(offer))),
            In::Refer { to, replaces, .. } => {
                let replaces = replaces
                    .as_ref()
                    .map_or_else(String::new, |dialog| format!("?Replaces={}", crate::sip::uri::encode(dialog)));
                told(endpoint.refer(now, dialog, &format!("<{to}{replaces}>")));
            }
            In::Bye { .. } | In::Lost { .. } => told(endpoint.bye(now, dialog)),
            _ => {}
        }
        None
    }
}

/// What the phone of the person who is called does.
fn is_the_agents(input: &In) -> bool {
    match input {
        In::Progress { .. } | In::Answered { .. } | In::Refused { .. } => true,
        In::Key { leg, .. } | In::Reoffer { leg, .. } | In::Refer { leg, .. } => *leg == Leg::Agent,
        In::Bye { leg } | In::Lost { leg, .. } => *leg == Leg::Agent,
        _ => false,
    }
}

/// A dialog that is gone, or not yet as far: what differs then shows in what the call does.
fn told(refusal: Result<(), crate::sip::endpoint::Refusal>) {
    if let Err(refusal) = refusal {
        tracing::trace!(?refusal, "the person's phone cannot do that now");
    }
}

/// A description as it came, or as the recording has it: then its keys are none.
fn described(wire: &Wire, offer: &Offer) -> Vec<u8> {
    if let Some(came) = wire.described(offer) {
        return came.to_vec();
    }
    let clear = offer.in_clear(1, 1);
    let crypto =
        |key: &Crypto| format!("a=crypto:{} {} inline:{}\r\n", key.tag, key.key.suite().name(), key.key.open());
    let text = match offer.crypto.first().filter(|_| offer.secure) {
        Some(key) => clear.replacen(" RTP/AVP ", " RTP/SAVP ", 1) + &crypto(key),
        None => clear,
    };
    text.into_bytes()
}
