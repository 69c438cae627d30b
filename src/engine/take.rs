//! What a call's caller says for others to hear: recorded for the call, played in it, and announced if its flow says so.
//! It is in memory, and gone with the call.

use super::{CallNumber, Engine, Onto, Output, Phase, RecordOrder, Stream};
use crate::audio::Arena;
use crate::context::Outcome;
use crate::media::{Command, RecordAct, Tapping};
use crate::record::seam::{In, Leg, Out, Switched};
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// Takes of one call, those included that were taken again.
const TAKES: usize = 16;

/// How a take is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeWanted {
    pub longest: Duration,
    /// It becomes a clip over these.
    pub over: Arc<Arena>,
}

/// What was said.
pub struct Spoken {
    /// At 8,000 Hz, as `audio::take` gives them.
    pub samples: Vec<i16>,
    /// The call's sound, with this one more.
    pub arena: Arc<Arena>,
}

/// A take that others are to hear, a switch that is to be set, or both.
pub struct Announcement {
    pub call: CallNumber,
    pub announce: u32,
    /// The call's name, and its flow's: who announces.
    pub name: String,
    pub flow: String,
    /// The prompt whose place it takes.
    pub prompt: String,
    pub language: String,
    pub spoken: Option<Arc<Spoken>>,
    pub switch: Option<Switched>,
}

/// The takes of a call.
#[derive(Default)]
pub(super) struct Takes {
    /// Under way: its number for the recorder, and its name.
    runs: Option<(u32, String)>,
    done: Vec<(String, Arc<Spoken>)>,
}

impl Takes {
    /// What the call can play, if it recorded anything.
    pub fn arena(&self) -> Option<&Arc<Arena>> {
        self.done.last().map(|(_, spoken)| &spoken.arena)
    }

    fn of(&self, take: &str) -> Option<Arc<Spoken>> {
        self.done.iter().find(|(name, _)| name == take).map(|(_, spoken)| spoken.clone())
    }
}

impl Engine {
    /// What a call says of its takes.
    pub(super) fn speaks(&mut self, now: Instant, call: CallNumber, out: Out) {
        match out {
            Out::Take { take, longest_ms } => self.take(now, call, take, Duration::from_millis(longest_ms)),
            Out::EndTake { .. } => self.end_take(now, call),
            Out::Announce { announce, prompt, language, take, switch } => {
                let spoken = take.map(|take| self.slots.get(&call)?.takes.of(&take));
                if matches!(spoken, Some(None)) {
                    return self.announced(now, call, announce, false);
                }
                let Some(slot) = self.slots.get(&call) else { return };
                let (name, flow) = (slot.name.clone(), slot.service.program.flow.name.text.clone());
                let spoken = spoken.flatten();
                let announcement = Announcement { call, announce, name, flow, prompt, language, spoken, switch };
                self.out.push_back(Output::Announce(Box::new(announcement)));
            }
            _ => {}
        }
    }

    fn take(&mut self, now: Instant, call: CallNumber, name: String, longest: Duration) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        if slot.takes.done.len() == TAKES {
            return self.deliver(now, call, In::Taken { take: name, outcome: Outcome::Failed });
        }
        let recording = self.next_recording;
        self.next_recording = recording.wrapping_add(1);
        slot.takes.runs = Some((recording, name.clone()));
        let over = slot.takes.arena().unwrap_or(&slot.service.arena).clone();
        let onto = Onto::Take(TakeWanted { longest, over });
        let (act, because) = (RecordAct::Start, "");
        // The recorder first: what is tapped finds its tape.
        self.out.push_back(Output::Record(RecordOrder { recording, call, at: now, act, file: name, onto, because }));
        self.tap_take(call, Some(recording));
    }

    /// Nobody speaks any more, or the call is over.
    pub(super) fn end_take(&mut self, now: Instant, call: CallNumber) {
        let Some((recording, name)) = self.slots.get(&call).and_then(|slot| slot.takes.runs.clone()) else { return };
        let (act, onto, because) = (RecordAct::Stop, Onto::File, "");
        self.out.push_back(Output::Record(RecordOrder { recording, call, at: now, act, file: name, onto, because }));
        self.tap_take(call, None);
    }

    /// What became of a take.
    pub(super) fn taken(
        &mut self,
        now: Instant,
        call: CallNumber,
        recording: u32,
        outcome: Outcome,
        spoken: Option<Spoken>,
    ) {
        let Some(slot) = self.slots.get_mut(&call).filter(|slot| matches!(slot.phase, Phase::Live { .. })) else {
            return;
        };
        // The call may have given up, and begun another one.
        let Some((_, take)) = slot.takes.runs.take_if(|(runs, _)| *runs == recording) else { return };
        slot.takes.done.extend(spoken.map(|spoken| (take.clone(), Arc::new(spoken))));
        self.counters.takes_failed += u64::from(outcome == Outcome::Failed);
        self.tap_take(call, None);
        self.deliver(now, call, In::Taken { take, outcome });
    }

    pub(super) fn announced(&mut self, now: Instant, call: CallNumber, announce: u32, done: bool) {
        *(if done { &mut self.counters.announced } else { &mut self.counters.announcements_failed }) += 1;
        self.deliver(now, call, In::Announced { announce, done });
    }

    fn tap_take(&mut self, call: CallNumber, recording: Option<u32>) {
        if self.slots.get(&call).is_some_and(|slot| slot.streams[Leg::Caller as usize] == Stream::Open) {
            let id = super::media::stream(call, Leg::Caller);
            self.out.push_back(Output::Media(Command::Tap { id, tapping: Tapping::Take, recording }));
        }
    }
}
