//! The keys of one stream's far end: telephone-events or, where none were agreed on, tones in its audio.

use super::Statistics;
use crate::audio::codec;
use crate::audio::dtmf::Detector;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::event::{Ignored, Receiver};
use crate::rtp::{Header, Place};
use crate::time::{Duration, Instant};

/// Presses of one stream in a second: five times what the fastest dialler sends. More is no caller.
const PRESSES: u32 = 50;
const PRESSES_IN: Duration = Duration::from_secs(1);

/// Timestamps that differ by less than this, 10 ms, from what the packets' sounds add up to are a rough clock's.
const ROUGH: u32 = 80;
/// A far end that sent nothing for 30 ms made a pause between two presses.
const PAUSE: u32 = 240;
/// After half a second of loss what was heard before means nothing any more.
const FORGOTTEN: u32 = 4000;

#[derive(Debug)]
pub struct Ear {
    events: Receiver,
    tones: Option<Box<Tones>>,
    /// Presses since a moment, for their bound.
    since: Instant,
    presses: u32,
}

/// Tones in the audio, fed by what came: never twice, never out of order, never with what was made up for a loss.
#[derive(Debug, Default)]
struct Tones {
    detector: Detector,
    /// Sequence number and timestamp of the packet that follows.
    next: Option<(u16, u32)>,
}

impl Ear {
    /// `events`: whether telephone-event is agreed on; if it is, tones are not listened for.
    pub fn new(events: bool) -> Self {
        let mut ear = Self { events: Receiver::default(), tones: None, since: Instant::ZERO, presses: 0 };
        ear.agree(events);
        ear
    }

    /// What is agreed on now.
    pub fn agree(&mut self, events: bool) {
        if events {
            self.tones = None;
        } else {
            self.tones.get_or_insert_default();
        }
    }

    /// An event packet that was taken; `told` gets each press.
    pub fn event(
        &mut self,
        now: Instant,
        header: &Header,
        payload: &[u8],
        statistics: &mut Statistics,
        mut told: impl FnMut(Key),
    ) {
        self.turn(now);
        let presses = &mut self.presses;
        self.events.on_event(now, header, payload, |key| count(presses, statistics, key, &mut told));
    }

    /// An audio packet that was taken, of `codec`, or of none if it says that its sender is silent.
    pub fn audio(
        &mut self,
        now: Instant,
        (header, place): (&Header, Place),
        sound: Option<(Codec, &[u8])>,
        statistics: &mut Statistics,
        mut told: impl FnMut(Key),
    ) {
        self.turn(now);
        let Some(tones) = &mut self.tones else { return };
        if !tones.follow(header, place, sound.map_or(0, |(_, payload)| payload.len() as u32)) {
            return;
        }
        let Some((law, payload)) = sound else { return tones.detector.reset() };
        let samples = payload.iter().map(|&byte| codec::decode(law, byte));
        let presses = &mut self.presses;
        tones.detector.hear(samples, |key| count(presses, statistics, key, &mut told));
    }

    pub fn ignored(&self) -> Ignored {
        self.events.ignored()
    }

    fn turn(&mut self, now: Instant) {
        if now.since(self.since) >= PRESSES_IN {
            (self.since, self.presses) = (now, 0);
        }
    }
}

fn count(presses: &mut u32, statistics: &mut Statistics, key: Key, told: &mut impl FnMut(Key)) {
    *presses += 1;
    if *presses > PRESSES {
        statistics.refused.presses += 1;
        return;
    }
    statistics.keys += 1;
    told(key);
}

impl Tones {
    /// Whether the packet is to be heard; what lies between it and the one before is told to the detector.
    fn follow(&mut self, header: &Header, place: Place, samples: u32) -> bool {
        let next = match place {
            Place::Ahead => self.next,
            Place::Restarted => None,
            Place::Late | Place::Repeated | Place::Unproven => return false,
        };
        let begun = self.next.is_some();
        self.next = Some((header.sequence.wrapping_add(1), header.timestamp.wrapping_add(samples)));
        let Some((sequence, timestamp)) = next else {
            if begun {
                self.detector.freeze();
            }
            return true;
        };
        let lost = header.sequence != sequence;
        // A timestamp that goes back is a clock that was set anew: it says nothing of a pause.
        let ahead = header.timestamp.wrapping_sub(timestamp) as i32;
        match u32::try_from(ahead).unwrap_or(0) {
            _ if !lost && ahead.unsigned_abs() < ROUGH => {}
            FORGOTTEN.. => self.detector.reset(),
            PAUSE.. if !lost => self.detector.reset(),
            _ => self.detector.freeze(),
        }
        true
    }
}
