//! The call's door. An input goes in behind `catch_unwind`: a broken invariant ends that call and nothing
//! else. What comes out is journalled and done.

use super::{Asker, CallNumber, ContextRow, Engine, Finished, Output, Phase, STATISTICS_PATIENCE};
use crate::acd::Bounds;
use crate::call::Call;
use crate::call::cdr::Cdr;
use crate::context::Destination;
use crate::context::carrier::Carrier;
use crate::media::RecordAct;
use crate::record::seam::{In, Leg, Out};
use crate::secret::Secret;
use crate::sip::endpoint::{DialogId, Endpoint, Refusal};
use crate::sip::{Hop, Message, Transport, Uri, wire};
use crate::time::Instant;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Engine {
    /// Gives an input to its call, if it is still one.
    pub(super) fn deliver(&mut self, now: Instant, number: CallNumber, input: In) {
        if !self.advance(now, number) {
            return;
        }
        self.log_input(now, number, &input);
        if self.enter(now, number, |call| call.handle(now, input)).is_some() {
            self.act(now, number);
        }
    }

    /// Lets everything happen that is due in the call; false if there is no such call any more.
    pub(super) fn advance(&mut self, now: Instant, number: CallNumber) -> bool {
        let entered = self.enter(now, number, |call| call.advance(now)).is_some();
        if entered {
            self.act(now, number);
        }
        entered && self.slots.get(&number).is_some_and(|slot| matches!(slot.phase, Phase::Live { .. }))
    }

    /// The only way into a call; `None` if there is none, or no longer.
    pub(super) fn enter<T>(
        &mut self,
        now: Instant,
        number: CallNumber,
        enter: impl FnOnce(&mut Call) -> T,
    ) -> Option<T> {
        let Phase::Live { call } = &mut self.slots.get_mut(&number)?.phase else { return None };
        // The call is dropped after a panic, so nobody sees it half-changed.
        let entered = catch_unwind(AssertUnwindSafe(|| enter(call))).ok();
        if entered.is_none() {
            self.wreck(now, number);
        }
        entered
    }

    /// Does what the call says, in its order.
    pub(super) fn act(&mut self, now: Instant, number: CallNumber) {
        while let Some((at, out)) = self.enter(now, number, Call::poll).flatten() {
            self.log_output(at, number, &out);
            self.count_output(now, number, &out);
            self.act_on(now, number, out);
        }
        self.arm(now, number);
    }

    fn act_on(&mut self, now: Instant, number: CallNumber, out: Out) {
        let Some(slot) = self.slots.get(&number) else { return };
        let dialog = |leg| match leg {
            Leg::Caller => slot.caller,
            Leg::Agent => slot.agent,
        };
        match out {
            Out::Answer { sdp } => self.answer(now, number, &sdp),
            Out::Early { sdp } => self.ring_caller(now, number, &sdp),
            Out::Reject { status, because } => self.reject(now, slot.caller, status, because),
            Out::Reanswer { leg, sdp, session } => {
                let (dialog, sdp) = (dialog(leg), self.keyed(number, leg, &sdp));
                self.with(dialog, |sip, dialog| sip.accept_reinvite(now, dialog, sdp));
                self.keep_dialog(number, leg);
                if let Some(session) = session {
                    self.retarget(number, leg, session);
                }
            }
            Out::Retarget { leg, session } => self.retarget(number, leg, session),
            Out::Rerefuse { leg, status } => {
                self.with(dialog(leg), |sip, dialog| sip.refuse_reinvite(now, dialog, status));
            }
            Out::Listen { leg, session, ssrc, sequence, timestamp } => {
                self.listen(number, leg, session, (ssrc, sequence, timestamp));
            }
            Out::Play { leg, play, say, looped, from } => self.play(now, number, leg, play, &say, (looped, from)),
            Out::Press { leg, key } => self.press(number, leg, key),
            Out::Stop { leg } => self.stop(number, leg),
            Out::Bridge => {
                self.bridge(now, number);
                self.keep_record(now, number);
            }
            Out::Unbridge => self.unbridge(now, number),
            Out::Step { .. } | Out::Fact(_) => {}
            Out::Join { queue, at_once, size } => self.join(now, number, &queue, Bounds { at_once, size }),
            Out::Leave => self.lines.leave(now, number),
            Out::Lookup { lookup, request, .. } => self.look_up(now, number, lookup, request),
            Out::Mint => self.out.push_back(Output::Mint { call: number }),
            Out::Resolve { resolve, uri } => match Uri::read(&uri) {
                Ok(uri) => self.out.push_back(Output::Resolve { asker: Asker::Call(number, resolve), uri }),
                Err(_) => self.deliver(now, number, In::Resolved { resolve, hops: Vec::new() }),
            },
            Out::Store { store, reference, destination, context } => {
                self.store_context(now, number, (store, reference, destination, context));
            }
            Out::Agent { invite, target, hop, durable, omitted, destination } => {
                tracing::info!(call = slot.name, destination, target, %hop, "a person is called");
                self.counters.contexts_not_durable += u64::from(!durable);
                self.counters.facts_not_carried += omitted.len() as u64;
                self.ring_agent(now, number, &destination, hop, invite.as_bytes());
            }
            Out::Refer { destination, target, refer_to, because, durable, omitted } => {
                tracing::info!(call = slot.name, destination, target, because, "the caller is sent to a person");
                self.counters.contexts_not_durable += u64::from(!durable);
                self.counters.facts_not_carried += omitted.len() as u64;
                self.refer(now, number, refer_to.open());
            }
            Out::Bodiless { destination } => self.forget_body(&destination),
            Out::AnswerRefer { leg, status } => {
                self.with(dialog(leg), |sip, dialog| sip.answer_refer(now, dialog, status));
            }
            Out::Record { act, file } => self.record(now, number, act, file),
            Out::Take { .. } | Out::EndTake { .. } | Out::Announce { .. } => self.speaks(now, number, out),
            Out::Cancel => self.leave(now, number, Leg::Agent),
            Out::Hangup { leg } => self.leave(now, number, leg),
            Out::End { .. } => self.over(now, number),
        }
    }

    fn answer(&mut self, now: Instant, number: CallNumber, sdp: &str) {
        let Some(slot) = self.slots.get(&number) else { return };
        let (dialog, sdp) = (slot.caller, self.keyed(number, Leg::Caller, sdp));
        self.with(dialog, |sip, dialog| sip.accept(now, dialog, sdp));
        self.keep_dialog(number, Leg::Caller);
        self.keep_record(now, number);
    }

    fn store_context(
        &mut self,
        now: Instant,
        number: CallNumber,
        (store, reference, destination, document): (u32, Secret, String, serde_json::Value),
    ) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        slot.stored = true;
        let (name, case) = (slot.name.clone(), slot.case.clone().unwrap_or_else(|| slot.name.clone()));
        let told = |to: &Destination| to.carriers.contains(&Carrier::Webhook);
        let webhook = self.destinations.get(&destination).is_some_and(told);
        let row = ContextRow { call: number, store, name, case, reference, destination, document, webhook };
        self.out.push_back(Output::Store(Box::new(row)));
        self.keep_record(now, number);
    }

    /// The 183, with what is heard before the answer.
    fn ring_caller(&mut self, now: Instant, number: CallNumber, sdp: &str) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        slot.early = true;
        // Where a connection comes from nobody forges.
        let (dialog, shown) = (slot.caller, slot.from.transport != Transport::Udp);
        let sdp = self.keyed(number, Leg::Caller, sdp);
        self.with(dialog, |sip, dialog| sip.ring(now, dialog, 183, sdp));
        if shown {
            self.shown(now, number);
        }
    }

    fn reject(&mut self, now: Instant, dialog: Option<DialogId>, status: u16, because: Option<String>) {
        let counter = &mut self.counters;
        *(if because.is_some() { &mut counter.srtp_refused } else { &mut counter.no_common_codec }) += 1;
        // RFC 3261 section 20.43: 302 is a transport of media that does not fit.
        let because = because.map(|because| ("Warning", format!("302 askonce \"{because}\"")));
        self.with(dialog, |sip, dialog| sip.refuse(now, dialog, status, because.as_slice()));
        // The refused dialog is gone without another word.
        if let Some(dialog) = dialog {
            self.forget(dialog);
        }
    }

    fn with(&mut self, dialog: Option<DialogId>, act: impl FnOnce(&mut Endpoint, DialogId) -> Result<(), Refusal>) {
        if let Some(dialog) = dialog {
            let told = act(&mut self.endpoint, dialog);
            self.told(told);
        }
    }
}

impl Engine {
    /// Sends the call's INVITE, byte for byte as the call wrote it but for the keys.
    fn ring_agent(&mut self, now: Instant, number: CallNumber, destination: &str, hop: Hop, invite: &[u8]) {
        let request = match wire::read(invite) {
            Ok(Message::Request(mut request)) => {
                // Line by line, so that one among other parts is found as well.
                request.body = self.keyed(number, Leg::Agent, &String::from_utf8_lossy(&request.body));
                Some(request)
            }
            Ok(Message::Response(_)) | Err(_) => None,
        };
        self.trace_agent(number, request.as_ref().and_then(|request| request.headers.get("Call-ID")));
        let sent = request.and_then(|request| {
            let account = self.trunks.account(destination).ok()?;
            let dialog = self.endpoint.invite_on(now, hop, request, account).ok()?;
            self.gate.call(hop.address.ip());
            Some((hop, dialog))
        });
        match (sent, self.slots.get_mut(&number)) {
            (Some((hop, dialog)), Some(slot)) => {
                slot.agent = Some(dialog);
                slot.agent_hop = Some(hop);
                slot.destination = Some(destination.to_owned());
                self.dialogs.insert(dialog, (number, Leg::Agent));
                self.keep_dialog(number, Leg::Agent);
            }
            // The trunk is down, or the endpoint has no room: the call tries its next target or takes the flow's exit.
            (None, Some(_)) => self.deliver(
                now,
                number,
                In::Refused { status: 503, reason: "no way out".to_owned(), contacts: Vec::new() },
            ),
            (_, None) => {}
        }
    }

    /// Later calls are born with the destination as it is now. There are no more of these than destinations.
    fn forget_body(&mut self, destination: &str) {
        tracing::warn!(destination, "takes no body beside the session description; the carrier `body` is off there");
        self.counters.bodies_refused += 1;
        if let Some(destination) = Arc::make_mut(&mut self.destinations).get_mut(destination) {
            destination.carriers.retain(|carrier| *carrier != Carrier::Body);
        }
    }

    fn refer(&mut self, now: Instant, number: CallNumber, refer_to: &str) {
        let Some(dialog) = self.slots.get(&number).and_then(|slot| slot.caller) else { return };
        let told = self.endpoint.refer(now, dialog, refer_to);
        if told.is_err() {
            self.deliver(now, number, In::Referred { status: 503 });
        }
        self.told(told);
    }

    /// Leaves a leg: its dialog ends as fits its state, its stream closes.
    pub(super) fn leave(&mut self, now: Instant, number: CallNumber, leg: Leg) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let dialog = match leg {
            Leg::Caller => slot.caller.take(),
            Leg::Agent => slot.agent.take(),
        };
        if let Some(dialog) = dialog {
            self.forget(dialog);
            let told = self.endpoint.bye(now, dialog);
            self.told(told);
        }
        self.close_stream(number, leg);
    }

    /// The call is over: its recording goes out, its streams close, its record waits for what they counted.
    fn over(&mut self, now: Instant, number: CallNumber) {
        let stored = self.slots.get(&number).is_some_and(|slot| slot.stored);
        if let Some((cdr, context)) = self.enter(now, number, |call| last_words(now, call, stored)) {
            self.leave_behind(number, cdr.disposition);
            self.wind_up(now, number, cdr, context);
        }
    }

    /// A call whose invariant broke: both sides are told, its rows leave our tables, the others go on.
    pub(super) fn wreck(&mut self, now: Instant, number: CallNumber) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        self.counters.panics += 1;
        tracing::error!(call = slot.name, "a broken invariant ended this call; the others go on");
        if let Some(journal) = &mut slot.journal {
            (journal.fixture.header.complete, journal.broke) = (false, true);
        }
        // It may be beyond telling what happened to it.
        let words = match &slot.phase {
            Phase::Live { call } => catch_unwind(AssertUnwindSafe(|| last_words(now, call, slot.stored))).ok(),
            Phase::Arriving { .. } | Phase::Closing { .. } => None,
        };
        self.drop_dialogs(now, number);
        match words {
            Some((cdr, context)) => self.wind_up(now, number, cdr, context),
            None => {
                self.lines.leave(now, number);
                for leg in Leg::BOTH {
                    self.close_stream(number, leg);
                }
                self.record_over(now, number, false);
                self.order_packets(now, number, RecordAct::Stop);
                self.close(number);
            }
        }
    }

    /// Ends every call: the drain took too long, or somebody is in a hurry.
    pub(super) fn end_all(&mut self, now: Instant) {
        self.draining = true;
        let mut numbers: Vec<CallNumber> = self.slots.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.drop_dialogs(now, number);
            // The call never said that it ends: run again, it would go on.
            if let Some(journal) = self.slots.get_mut(&number).and_then(|slot| slot.journal.as_mut()) {
                journal.fixture.header.complete = false;
            }
            self.over(now, number);
        }
        self.slots.retain(|_, slot| !matches!(slot.phase, Phase::Arriving { .. }));
    }

    fn drop_dialogs(&mut self, now: Instant, number: CallNumber) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        for dialog in [slot.caller.take(), slot.agent.take()].into_iter().flatten() {
            self.forget(dialog);
            self.endpoint.drop_dialog(now, dialog);
        }
    }

    fn wind_up(&mut self, now: Instant, number: CallNumber, cdr: Box<Cdr>, context: Option<serde_json::Value>) {
        self.lines.leave(now, number);
        let Some(slot) = self.slots.get_mut(&number) else { return };
        self.counters.ended += 1;
        self.tally.over(&cdr);
        tracing::info!(call = slot.name, disposition = ?cdr.disposition, by = ?cdr.by, "a call ends");
        let asked_again = !cdr.asked_again.is_empty();
        let until = now + STATISTICS_PATIENCE;
        slot.phase = Phase::Closing { cdr, context, until };
        slot.armed = None;
        self.record_over(now, number, asked_again);
        self.stop_recording(now, number);
        for leg in Leg::BOTH {
            self.close_stream(number, leg);
        }
        self.settle(now, number);
    }

    /// Its recording is as long as it will be.
    fn record_over(&mut self, now: Instant, number: CallNumber, asked_again: bool) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let (service, sound) = (slot.service.clone(), slot.packets.is_some());
        let finished = slot.journal.take().map(|journal| {
            self.counters.journal_lines_dropped += journal.dropped;
            let broke = journal.broke || journal.dropped > 0;
            Box::new(Finished { fixture: journal.fixture, service, broke, asked_again, sound })
        });
        self.trace_over(now, number, finished);
    }

    /// Lets the record go once every stream has told what it counted.
    pub(super) fn settle(&mut self, now: Instant, number: CallNumber) {
        match self.slots.get(&number) {
            Some(slot) if slot.streams == [super::Stream::None; 2] && slot.tapes.is_empty() => self.close(number),
            _ => self.arm(now, number),
        }
    }

    /// The end of the slot, with or without the statistics.
    pub(super) fn close(&mut self, number: CallNumber) {
        let Some(slot) = self.slots.remove(&number) else { return };
        if let Phase::Closing { mut cdr, context, .. } = slot.phase {
            cdr.media = slot.media;
            self.out.push_back(Output::Cdr { cdr, context });
        }
        let agent_told = slot.agent_hop.is_some();
        self.out.push_back(Output::Release { call: number, name: slot.name, agent_told });
    }
}

/// The call's record, and its context if that was stored before.
fn last_words(now: Instant, call: &Call, stored: bool) -> (Box<Cdr>, Option<serde_json::Value>) {
    (Box::new(call.cdr(now)), stored.then(|| call.context().document()))
}
