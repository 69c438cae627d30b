//! Recorded sound: a call's orders to the recorder and to its caller's stream, and what became of each file.

use super::{CallNumber, Engine, Output, Phase, TakeWanted};
use crate::context::{Ended, Outcome};
use crate::media::{Command, RecordAct, Tapping};
use crate::record::seam::{In, Leg};
use crate::time::Instant;

/// What the recorder is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOrder {
    /// Never used twice.
    pub recording: u32,
    pub call: CallNumber,
    pub at: Instant,
    pub act: RecordAct,
    /// Below the folder of the recordings; of a take, its name; of packets, the call's.
    pub file: String,
    /// Of `Start`.
    pub onto: Onto,
    /// Of `Stop`: why.
    pub because: &'static str,
}

/// Where what is recorded goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onto {
    File,
    /// It stays in memory, and becomes a clip of its call.
    Take(TakeWanted),
    /// The caller's packets, as they came: they stay in memory until its fixture is written. Times count from the INVITE.
    /// `Mask` leaves their sound away. Nothing is told of them.
    Packets,
}

/// A file that the recorder has not finished yet.
pub(super) struct Taped {
    recording: u32,
    file: String,
    /// Nobody has stopped it.
    runs: bool,
}

impl Engine {
    pub(super) fn record(&mut self, now: Instant, call: CallNumber, act: RecordAct, file: String) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        if act == RecordAct::Start {
            slot.tapes.push(Taped { recording: self.next_recording, file: file.clone(), runs: true });
            self.next_recording = self.next_recording.wrapping_add(1);
        }
        let Some(tape) = slot.tapes.iter_mut().find(|tape| tape.file == file) else { return };
        let recording = tape.recording;
        tape.runs &= act != RecordAct::Stop;
        let because = "the flow stopped it";
        // The recorder first: what is tapped finds its tape.
        let onto = Onto::File;
        self.out.push_back(Output::Record(RecordOrder { recording, call, at: now, act, file, onto, because }));
        match act {
            RecordAct::Start => self.tap(call, Some(recording)),
            RecordAct::Stop => self.tap(call, None),
            _ => {}
        }
    }

    /// The call is over.
    pub(super) fn stop_recording(&mut self, now: Instant, call: CallNumber) {
        self.end_take(now, call);
        let Some(slot) = self.slots.get_mut(&call) else { return };
        for tape in slot.tapes.iter_mut().filter(|tape| tape.runs) {
            tape.runs = false;
            let (recording, file) = (tape.recording, tape.file.clone());
            let (act, onto, because) = (RecordAct::Stop, Onto::File, "the call ended");
            self.out.push_back(Output::Record(RecordOrder { recording, call, at: now, act, file, onto, because }));
        }
        self.order_packets(now, call, RecordAct::Stop);
    }

    /// The caller's stream is open: if its call is to become a fixture with sound, its packets are kept from now on.
    pub(super) fn keep_packets(&mut self, call: CallNumber) {
        let Some(fixtures) = self.config.record.fixtures.as_ref().filter(|fixtures| fixtures.sounds()) else { return };
        let Some(slot) = self.slots.get_mut(&call).filter(|slot| slot.packets.is_none()) else { return };
        let Some(journal) = &slot.journal else { return };
        let flow = &journal.fixture.header.flow;
        if !fixtures.keeping.may_keep(&slot.name, flow, journal.fixture.called()) {
            return;
        }
        let (at, recording) = (journal.begun, self.next_recording);
        slot.packets = Some(recording);
        self.next_recording = recording.wrapping_add(1);
        // The recorder first, as above.
        self.order_packets(at, call, RecordAct::Start);
        let id = super::media::stream(call, Leg::Caller);
        self.out.push_back(Output::Media(Command::Tap { id, tapping: Tapping::Packets, recording: Some(recording) }));
    }

    /// If its packets are kept.
    pub(super) fn order_packets(&mut self, at: Instant, call: CallNumber, act: RecordAct) {
        let Some(slot) = self.slots.get(&call) else { return };
        let Some(recording) = slot.packets else { return };
        let (file, onto, because) = (slot.name.clone(), Onto::Packets, "");
        self.out.push_back(Output::Record(RecordOrder { recording, call, at, act, file, onto, because }));
    }

    /// The recorder's word on a file: it is finished, or there is none.
    pub(super) fn recorded(&mut self, now: Instant, call: CallNumber, recording: u32, ended: Ended) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        let Some(at) = slot.tapes.iter().position(|tape| tape.recording == recording) else {
            // Of a take: it could not begin, or broke off.
            return self.taken(now, call, recording, Outcome::Failed, None);
        };
        let Taped { file, runs, .. } = slot.tapes.remove(at);
        self.counters.recordings_failed += u64::from(runs);
        match &mut slot.phase {
            Phase::Closing { cdr, .. } => {
                if let Some(recording) = cdr.recordings.iter_mut().find(|recording| recording.file == file) {
                    recording.ended = Some(ended);
                }
                self.settle(now, call);
            }
            Phase::Live { .. } => {
                if runs && slot.streams[Leg::Caller as usize] == super::Stream::Open {
                    self.tap(call, None);
                }
                self.deliver(now, call, In::Recorded { file, ended });
            }
            Phase::Arriving { .. } => {}
        }
    }

    fn tap(&mut self, call: CallNumber, recording: Option<u32>) {
        let id = super::media::stream(call, Leg::Caller);
        self.out.push_back(Output::Media(Command::Tap { id, tapping: Tapping::Call, recording }));
    }
}
