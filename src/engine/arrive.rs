//! A new call comes in: who sent it, which flow answers it, and whether there is room. Every refusal has a
//! status and a counter.

use super::identity::{self, Caller};
use super::take::Takes;
use super::{CallNumber, Engine, MediaPorts, Output, Phase, Reserved, Service, Slot, Stream};
use crate::call::{Birth, Call};
use crate::config::{Number, Trunk};
use crate::context::carrier::uui;
use crate::record::fixture::Local;
use crate::record::seam::{Arrival, In, Leg};
use crate::record::trace::Head;
use crate::sdp::Offer;
use crate::secret::Secret;
use crate::sip::Request;
use crate::sip::endpoint::DialogId;
use crate::sip::{Hop, Locals};
use crate::time::Instant;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Seconds after which a refused caller's side may try again, at the least and how many more at the most: not all in
/// the same moment.
const RETRY_AFTER: (u32, u32) = (5, 10);

/// Max-Forwards of a call that came without one (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// Header fields of one INVITE that a flow may know facts from.
const HEADERS: usize = 64;

impl Engine {
    pub(super) fn arrive(&mut self, now: Instant, dialog: DialogId, from: Hop, request: &Request) {
        // The door let nobody else in.
        let Some(trunk) = self.config.trunk(from.address.ip()).cloned() else {
            return self.refuse(now, dialog, from, 403, &[]);
        };
        let (called, entry) = identity::called(&self.config, &trunk, request);
        let with = entry.map_or_else(BTreeMap::new, given);
        let recorded = entry.is_some_and(|entry| self.config.records(&trunk, entry));
        let Some(service) = entry.and_then(|entry| self.service(entry)) else {
            self.counters.unknown_number += 1;
            // A number that is not there at all is incomplete rather than unknown (RFC 3261 section 21.4.22).
            return self.refuse(now, dialog, from, if called.is_empty() { 484 } else { 404 }, &[]);
        };
        // Without a body the caller wants our offer, in the 200.
        let offer = (!request.body.is_empty()).then(|| crate::sdp::read(&request.body)).transpose();
        let Ok(offer) = offer else {
            self.counters.no_common_codec += 1;
            let warning = ("Warning", "305 askonce \"an audio offer by RTP/AVP or RTP/SAVP is needed\"".to_owned());
            return self.refuse(now, dialog, from, 488, &[warning]);
        };
        let (arrival, forms) = arrival(&trunk, request, called, offer);
        self.count_uui(&trunk, &forms);
        let arrival = Box::new(arrival);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.counters.calls += 1;
        self.dialogs.insert(dialog, (number, Leg::Caller));
        self.half_open.begins(dialog, from.address.ip());
        let slot = Slot {
            takes: Takes::default(),
            phase: Phase::Arriving { arrival, recall: None },
            name: String::new(),
            case: None,
            from,
            trunk,
            service,
            caller: Some(dialog),
            agent: None,
            agent_hop: None,
            destination: None,
            stored: false,
            journal: None,
            early: false,
            streams: [Stream::None; 2],
            media: Vec::new(),
            tapes: Vec::new(),
            packets: None,
            recorded,
            with,
            invited: Some(now),
            lookups: Vec::new(),
            armed: None,
        };
        self.slots.insert(number, slot);
        self.trace_arrival(now, number);
        self.recall(now, number);
    }

    /// The shell's sockets for a call, or none.
    pub(super) fn reserved(&mut self, now: Instant, number: CallNumber, reserved: Option<Reserved>) {
        let Some(Reserved { ports, at, name }) = reserved else {
            self.counters.no_ports += 1;
            if let Some(slot) = self.slots.remove(&number)
                && let Some(dialog) = slot.caller
            {
                self.forget(dialog);
                self.busy(now, dialog, slot.from);
            }
            return self.trace_over(now, number, None);
        };
        let seed = self.rehearsed.unwrap_or_else(|| self.random.u64());
        let Some(slot) = self.slots.get_mut(&number) else {
            // The caller withdrew meanwhile; its sockets go at once.
            return self.out.push_back(Output::Release { call: number, name, agent_told: false });
        };
        let Phase::Arriving { arrival, .. } = &slot.phase else { return };
        let arrival = arrival.clone();
        let case = slot.case.clone().unwrap_or_else(|| name.clone());
        let birth = Birth {
            program: slot.service.program.clone(),
            destinations: self.destinations.clone(),
            trunk: slot.trunk.name.text.clone(),
            codecs: slot.trunk.codecs.clone(),
            srtp: slot.trunk.srtp,
            recorded: slot.recorded,
            with: slot.with.clone(),
            switches: self.switches.clone(),
            user_agent: super::dialogs::USER_AGENT.to_owned(),
            case: case.clone(),
            call: name.clone(),
            at,
            seed,
            local: local(self.locals.clone(), ports),
        };
        (slot.name, slot.case) = (name, Some(case));
        slot.journal = self.record.then(|| super::Journal::new(now, birth.header("live")));
        tracing::info!(call = slot.name, from = %slot.from, flow = birth.program.flow.name.text, "a call begins");
        let (call, flow) = (slot.name.clone(), birth.program.flow.name.text.clone());
        self.trace_begin(now, number, Head::new(call, flow, at, &arrival));
        self.log_input(now, number, &In::Invite(arrival.clone()));
        match catch_unwind(AssertUnwindSafe(|| Box::new(Call::new(now, birth, &arrival)))) {
            Ok(call) => {
                if let Some(slot) = self.slots.get_mut(&number) {
                    slot.phase = Phase::Live { call };
                }
                self.act(now, number);
            }
            Err(_) => self.wreck(now, number),
        }
    }

    /// The flow that answers a called number. A number without a name is quick mode's: it has one flow.
    fn service(&self, entry: &Number) -> Option<Service> {
        match &entry.flow {
            Some(flow) => self.services.get(&flow.text).cloned(),
            None => self.services.values().next().cloned(),
        }
    }

    fn busy(&mut self, now: Instant, dialog: DialogId, from: Hop) {
        let wait = RETRY_AFTER.0 + self.random.below(RETRY_AFTER.1 + 1);
        self.refuse(now, dialog, from, 503, &[("Retry-After", wait.to_string())]);
    }

    fn refuse(&mut self, now: Instant, dialog: DialogId, from: Hop, status: u16, headers: &[(&str, String)]) {
        tracing::debug!(%from, status, "a call is refused");
        let told = self.endpoint.refuse(now, dialog, status, headers);
        self.told(told);
        self.tell_turned_away(now, from);
    }
}

/// What a call may know of its INVITE: from an untrusted trunk neither User-to-User nor headers. Besides the forms of the
/// User-to-User values: `None` of one that was left out.
pub fn arrival(
    trunk: &Trunk,
    request: &Request,
    to: String,
    offer: Option<Offer>,
) -> (Arrival, Vec<Option<uui::Form>>) {
    let (uui, forms) = if trunk.trust_uui { super::recall::uui(trunk, request) } else { (Vec::new(), Vec::new()) };
    let mut headers = Vec::new();
    if trunk.trust_headers {
        let known =
            request.headers.iter().filter(|(name, _)| name.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("X-")));
        headers = known.take(HEADERS).map(|(name, value)| (name.to_owned(), Secret::new(value))).collect();
    }
    let Caller { number: from, name, private } = identity::caller(trunk, &request.headers);
    let max_forwards = request.headers.get("Max-Forwards").and_then(|hops| hops.trim().parse().ok());
    let max_forwards = max_forwards.unwrap_or(MAX_FORWARDS);
    let (web, last_call, case) = (Vec::new(), Vec::new(), Vec::new());
    (Arrival { from, name, private, to, uui, headers, offer, web, last_call, case, max_forwards }, forms)
}

/// What a number gives to the parameters of its flow.
pub fn given(number: &Number) -> BTreeMap<String, String> {
    number.with.iter().map(|(name, value)| (name.text.clone(), value.text.clone())).collect()
}

fn local(sip: Locals, ports: MediaPorts) -> Local {
    Local { sip, caller_media: ports.caller, agent_media: ports.agent }
}
