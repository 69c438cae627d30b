//! Which call a SIP message belongs to, while calls are traced or recorded: by its Call-ID, before anyone has read it.
//! What is kept of a message is masked; a call's last answers come when it is over, so its trail stays a little longer.

use super::{CallNumber, Engine, Finished, Output};
use crate::record::seam::{In, Leg, Out};
use crate::record::trace::{BYTES, Entry, Head, MESSAGES, Note, Sip, Told, Way};
use crate::sip::glance::{Glance, Kind, glance};
use crate::sip::{Hop, Locals};
use crate::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};

/// How long a call that is over waits for the answers to its last requests.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Tracer {
    /// Whether messages go into recordings, and whether everything goes out as it happens.
    record: bool,
    publish: bool,
    trails: HashMap<CallNumber, Trail>,
    calls: HashMap<Box<[u8]>, (CallNumber, Leg)>,
    /// Of an INVITE that may become a call: it does while it is looked at, or never.
    fresh: Option<(Box<[u8]>, Trail)>,
    /// Calls that are over, in the order in which their trails end.
    over: VecDeque<(Instant, CallNumber)>,
}

/// What a call's messages left.
struct Trail {
    begun: Instant,
    /// Empty until the call has a name: until then entries wait.
    name: String,
    ids: Vec<Box<[u8]>>,
    sip: Vec<Sip>,
    messages: usize,
    bytes: usize,
    dropped: u64,
    /// The recording, once the call is over.
    finished: Option<Box<Finished>>,
}

/// A message on its way: which way, and the peer.
type Passing<'m> = (Way, Hop, &'m [u8]);

impl Engine {
    /// A message came in; `new`: it may begin a call.
    pub(super) fn trace_in(&mut self, now: Instant, from: Hop, bytes: &[u8], new: bool) {
        if let Some(tracer) = &mut self.tracer {
            tracer.message(now, (Way::In, from, bytes), new, &self.locals, &mut self.out);
        }
    }

    pub(super) fn trace_out(&mut self, now: Instant, to: Hop, bytes: &[u8]) {
        if let Some(tracer) = &mut self.tracer {
            tracer.message(now, (Way::Out, to, bytes), false, &self.locals, &mut self.out);
        }
    }

    /// The message that was looked at is done with: if it became no call, nothing is kept of it.
    pub(super) fn trace_settled(&mut self) {
        if let Some(tracer) = &mut self.tracer {
            tracer.fresh = None;
        }
    }

    /// The INVITE that is looked at is that call's.
    pub(super) fn trace_arrival(&mut self, now: Instant, number: CallNumber) {
        let Some(tracer) = &mut self.tracer else { return };
        let trail = match tracer.fresh.take() {
            Some((id, mut trail)) => {
                trail.ids.push(id.clone());
                tracer.calls.insert(id, (number, Leg::Caller));
                trail
            }
            // Its Call-ID is another call's of ours: it was routed back to us. The messages stay with that call.
            None => Trail::new(now),
        };
        tracer.trails.insert(number, trail);
    }

    /// The call has a name now, and its time begins.
    pub(super) fn trace_begin(&mut self, now: Instant, number: CallNumber, head: Head) {
        let Some(tracer) = &mut self.tracer else { return };
        let Some(trail) = tracer.trails.get_mut(&number) else { return };
        trail.begun = now;
        trail.name = head.call.clone();
        if tracer.publish {
            self.out.push_back(Output::Trace(Told::Begun(head)));
            let waiting = trail.sip.iter().cloned().map(Entry::Sip);
            let told = waiting.map(|entry| Told::Entry { call: trail.name.clone(), entry });
            self.out.extend(told.map(Output::Trace));
        }
        if !tracer.record {
            trail.sip.clear();
        }
    }

    /// Messages with that Call-ID are between that call and its agent.
    pub(super) fn trace_agent(&mut self, number: CallNumber, call_id: Option<&str>) {
        let (Some(tracer), Some(id)) = (&mut self.tracer, call_id) else { return };
        if let Some(trail) = tracer.trails.get_mut(&number) {
            let id: Box<[u8]> = id.as_bytes().into();
            trail.ids.push(id.clone());
            tracer.calls.insert(id, (number, Leg::Agent));
        }
    }

    /// Into the call's journal and its trace.
    pub(super) fn log_input(&mut self, now: Instant, number: CallNumber, input: &In) {
        if let Some(journal) = self.slots.get_mut(&number).and_then(|slot| slot.journal.as_mut()) {
            journal.input(now, input);
        }
        self.trace_note(now, number, |t| Note::of_input(t, input));
    }

    /// Into the call's journal and its trace.
    pub(super) fn log_output(&mut self, at: Instant, number: CallNumber, out: &Out) {
        if let Some(journal) = self.slots.get_mut(&number).and_then(|slot| slot.journal.as_mut()) {
            journal.output(at, out);
        }
        self.trace_note(at, number, |t| Note::of_output(t, out));
    }

    fn trace_note(&mut self, at: Instant, number: CallNumber, note: impl FnOnce(u64) -> Option<Note>) {
        let Some(tracer) = self.tracer.as_mut().filter(|tracer| tracer.publish) else { return };
        let Some(trail) = tracer.trails.get_mut(&number) else { return };
        if let Some(note) = note(trail.time(at)) {
            trail.publish(Entry::Note(note), &mut self.out);
        }
    }

    /// The call is over, or never became one; its recording goes out when its trail ends.
    pub(super) fn trace_over(&mut self, now: Instant, number: CallNumber, recording: Option<Box<Finished>>) {
        let Some(tracer) = &mut self.tracer else { return };
        let Some(trail) = tracer.trails.get_mut(&number) else { return };
        trail.finished = recording;
        tracer.over.push_back((now + LINGER, number));
    }

    /// Ends the trails whose time has come.
    pub(super) fn trace_due(&mut self, now: Instant) {
        let Some(tracer) = &mut self.tracer else { return };
        while let Some((_, number)) = tracer.over.front().copied().filter(|(at, _)| *at <= now) {
            tracer.over.pop_front();
            let Some(trail) = tracer.trails.remove(&number) else { continue };
            for id in &trail.ids {
                if tracer.calls.get(id).is_some_and(|(call, _)| *call == number) {
                    tracer.calls.remove(id);
                }
            }
            if tracer.publish && !trail.name.is_empty() {
                let told = Told::Over { call: trail.name, dropped: trail.dropped };
                self.out.push_back(Output::Trace(told));
            }
            if let Some(mut finished) = trail.finished {
                finished.fixture.sip = trail.sip;
                finished.fixture.sip.last_mut().into_iter().for_each(|last| last.dropped = trail.dropped);
                self.out.push_back(Output::Recording(finished));
            }
        }
    }

    /// When `trace_due` is to be called.
    pub(super) fn trace_deadline(&self) -> Option<Instant> {
        self.tracer.as_ref().and_then(|tracer| tracer.over.front()).map(|(at, _)| *at)
    }
}

impl Tracer {
    /// `None` where there is nothing to do.
    pub fn new(record: bool, publish: bool) -> Option<Tracer> {
        let (trails, calls) = (HashMap::new(), HashMap::new());
        (record || publish).then(|| Tracer { record, publish, trails, calls, fresh: None, over: VecDeque::new() })
    }

    fn message(&mut self, now: Instant, passing: Passing<'_>, new: bool, at: &Locals, out: &mut VecDeque<Output>) {
        let Some(Glance { call_id, kind }) = glance(passing.2) else { return };
        let keep = |trail: &mut Trail, leg: Leg, out: &mut VecDeque<Output>| {
            let (way, with, bytes) = passing;
            if trail.has_room(bytes.len())
                && let Some(sip) = Sip::of(trail.time(now), (way, leg), at, with, bytes)
            {
                if self.record || trail.name.is_empty() {
                    trail.sip.push(sip.clone());
                }
                if self.publish && !trail.name.is_empty() {
                    trail.publish(Entry::Sip(sip), out);
                }
            }
        };
        if let Some((number, leg)) = self.calls.get(call_id) {
            self.trails.get_mut(number).into_iter().for_each(|trail| keep(trail, *leg, out));
        } else if let Some((_, trail)) = self.fresh.as_mut().filter(|(id, _)| **id == *call_id) {
            keep(trail, Leg::Caller, out);
        } else if new && kind == Kind::Invite {
            let mut trail = Trail::new(now);
            keep(&mut trail, Leg::Caller, out);
            self.fresh = Some((call_id.into(), trail));
        }
    }
}

impl Trail {
    fn new(now: Instant) -> Trail {
        let (name, ids, sip) = (String::new(), Vec::new(), Vec::new());
        Trail { begun: now, name, ids, sip, messages: 0, bytes: 0, dropped: 0, finished: None }
    }

    fn time(&self, at: Instant) -> u64 {
        at.as_micros().saturating_sub(self.begun.as_micros())
    }

    /// Room for one more message; where there is none it is counted.
    fn has_room(&mut self, length: usize) -> bool {
        let fits = self.messages < MESSAGES && self.bytes + length <= BYTES;
        if fits {
            self.messages += 1;
            self.bytes += length;
        } else {
            self.dropped += 1;
        }
        fits
    }

    fn publish(&mut self, entry: Entry, out: &mut VecDeque<Output>) {
        if matches!(entry, Entry::Note(_)) {
            if self.bytes + entry.size() > BYTES {
                self.dropped += 1;
                return;
            }
            self.bytes += entry.size();
        }
        out.push_back(Output::Trace(Told::Entry { call: self.name.clone(), entry }));
    }
}
