//! The keys of a call's caller: what they were, and what stands in their place.

use super::Unsound;
use crate::audio::dtmf::Tone;
use crate::call::Fusion;
use crate::key::Key;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, KeyCarrier};
use crate::rerun::redact::{Pressed, Redacted};

/// Samples at 8,000 Hz from the beginning of a tone to the packet with which it is certain, the packet's own not counted.
const LEAD: u64 = 208;
/// A tone is 100 ms long, or what the next one leaves of that: it is heard from 32 ms on (`audio::dtmf`).
const TONE: u64 = 800;
const SHORTEST: u64 = 320;
/// What is between two tones for one key to be two presses.
const PAUSE: u64 = 288;

/// A key as one of its carriers brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// Microseconds since the INVITE.
    pub t: u64,
    pub by: KeyCarrier,
    pub was: Key,
    pub is: Key,
    /// Whether it is a press of its own, and not another carrier's word for one.
    pub counts: bool,
}

/// The caller's keys.
pub fn presses(call: &Redacted) -> Result<Vec<Press>, Unsound> {
    let (mut pressed, mut fusion, mut presses) = (call.map.keys.iter(), Fusion::default(), Vec::new());
    for line in &call.fixture.lines {
        let counts = fusion.follow(line);
        let Line { t, step: Step::In(In::Key { leg, key, by }) } = line else { continue };
        let same = |pressed: &&Pressed| (pressed.t, pressed.leg, pressed.pseudonym) == (*t, *leg, *key);
        let was = pressed.next().filter(same).ok_or(Unsound::OtherCall)?.original;
        presses.extend(counts.map(|counts| Press { t: *t, by: *by, was, is: *key, counts }));
    }
    if pressed.next().is_some() { Err(Unsound::OtherCall) } else { Ok(presses) }
}

/// Writes the tones of keys into the sound, for each to be heard at its time, which is a place here, and alone; more is
/// appended where they need it. Of keys that come quicker than tones can be told apart the later ones come later.
pub fn write_tones(samples: &mut Vec<i16>, keys: &[(u64, Key)]) {
    let mut next = 0;
    for (index, &(at, key)) in keys.iter().enumerate() {
        let begin = at.saturating_sub(LEAD).max(next);
        let following = keys.get(index + 1).map_or(u64::MAX, |(at, _)| at.saturating_sub(LEAD));
        let length = following.saturating_sub(begin + PAUSE).clamp(SHORTEST, TONE);
        let place = begin.saturating_sub(PAUSE)..begin + length + PAUSE;
        next = begin + length + PAUSE;
        if samples.len() < place.end as usize {
            samples.resize(place.end as usize, 0);
        }
        // The pause before belongs to the one before as well.
        samples[begin.saturating_sub(PAUSE) as usize..place.end as usize].fill(0);
        let tone = Tone::new(key, length as u32);
        samples[begin as usize..].iter_mut().zip(tone).for_each(|(sample, tone)| *sample = tone);
    }
}
