//! The keys of a recorded caller: those that the recording has, those that were heard in its sound or its packets anew, and
//! what is not the same.

use crate::call::Fusion;
use crate::key::Key;
use crate::record::compare::{Difference, Layer};
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{In, KeyCarrier, Leg};

/// A key counts as the same if it came so much sooner or later, in microseconds: packets are looked at every few
/// milliseconds, and a tone is certain with the packet in which it has lasted long enough.
const NEAR: u64 = 60_000;
/// Another key in its place may be so far from it: keys are seldom pressed faster.
const BESIDE: u64 = 150_000;

/// A press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Microseconds since the INVITE.
    pub t: u64,
    pub key: Key,
}

/// What the recording says of a press, and what was heard of it.
type Pair = (Option<Pressed>, Option<Pressed>);

/// The presses of a call's caller, each once, whatever carried it and however often.
pub fn presses(lines: &[Line]) -> Vec<Pressed> {
    counting(lines).into_iter().map(|(_, pressed)| pressed).collect()
}

/// Those lines that are a press of their own.
fn counting(lines: &[Line]) -> Vec<(usize, Pressed)> {
    let (mut fusion, mut presses) = (Fusion::default(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        if fusion.follow(line) == Some(true)
            && let Step::In(In::Key { key, .. }) = &line.step
        {
            presses.push((at, Pressed { t: line.t, key: *key }));
        }
    }
    presses
}

/// What is not the same, in the order of the call.
pub fn compare(recorded: &[Pressed], heard: &[Pressed]) -> Vec<Difference> {
    let pairs = pairs(recorded, heard);
    let number = |pressed: &Pressed| recorded.iter().position(|other| other == pressed).map_or(0, |at| at + 1);
    let told = |pressed: &Pressed| {
        format!("{} at {}.{:03} s", pressed.key.to_char(), pressed.t / 1_000_000, pressed.t / 1_000 % 1_000)
    };
    let parts = pairs.into_iter().filter(|pair| !are_one(pair));
    let difference = |(was, is): Pair| Difference {
        layer: Layer::Keys,
        t: was.or(is).map_or(0, |pressed| pressed.t),
        place: None,
        line: None,
        subject: "what is keyed in".to_owned(),
        recorded: was.map(|was| format!("key {} of {}: {}", number(&was), recorded.len(), told(&was))),
        replayed: is.map(|is| told(&is)),
    };
    parts.map(difference).collect()
}

/// The recording with the keys that were heard in place of its own; those that are the same stay as they were.
pub fn in_place(fixture: &Fixture, heard: &[Pressed]) -> Fixture {
    let counting = counting(&fixture.lines);
    let recorded: Vec<Pressed> = counting.iter().map(|(_, pressed)| *pressed).collect();
    let (same, others): (Vec<Pair>, Vec<Pair>) = pairs(&recorded, heard).into_iter().partition(are_one);
    let stays = |at: usize, line: &Line| match &line.step {
        Step::In(In::Key { leg: Leg::Caller, .. }) => {
            let press = counting.iter().find(|(of, _)| *of == at).map(|(_, pressed)| *pressed);
            press.is_some_and(|press| same.iter().any(|(was, _)| *was == Some(press)))
        }
        _ => true,
    };
    let kept = fixture.lines.iter().enumerate().filter(|(at, line)| stays(*at, line));
    let mut lines: Vec<Line> = kept.map(|(_, line)| line.clone()).collect();
    for Pressed { t, key } in others.into_iter().filter_map(|(_, heard)| heard) {
        let at = lines.partition_point(|line| line.t <= t);
        lines.insert(at, Line { t, step: Step::In(In::Key { leg: Leg::Caller, key, by: KeyCarrier::Rtp }) });
    }
    // One carrier for all: none of them is another one's word for a press.
    for line in &mut lines {
        if let Step::In(In::Key { leg: Leg::Caller, by, .. }) = &mut line.step {
            *by = KeyCarrier::Rtp;
        }
    }
    Fixture { header: fixture.header.clone(), lines, sip: Vec::new() }
}

fn are_one((was, is): &Pair) -> bool {
    was.zip(*is).is_some_and(|(was, is)| was.key == is.key && was.t.abs_diff(is.t) <= NEAR)
}

/// Each press once: with the one that is the same, else with another at its time, else alone.
fn pairs(recorded: &[Pressed], heard: &[Pressed]) -> Vec<Pair> {
    let mut free: Vec<Option<Pressed>> = heard.iter().copied().map(Some).collect();
    let mut take =
        |fits: &dyn Fn(&Pressed) -> bool| free.iter_mut().find(|free| free.as_ref().is_some_and(fits))?.take();
    let mut pairs: Vec<Pair> =
        recorded.iter().map(|was| (Some(*was), take(&|is| are_one(&(Some(*was), Some(*is)))))).collect();
    for (was, is) in pairs.iter_mut().filter(|(_, is)| is.is_none()) {
        *is = was.and_then(|was| take(&|is| was.t.abs_diff(is.t) <= BESIDE));
    }
    pairs.extend(free.into_iter().flatten().map(|is| (None, Some(is))));
    pairs.sort_by_key(|(was, is)| was.or(*is).map_or(0, |pressed| pressed.t));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &[(u64, char)]) -> Vec<Pressed> {
        keys.iter().map(|&(ms, key)| Pressed { t: ms * 1_000, key: Key::from_char(key).expect("a key") }).collect()
    }

    #[test]
    fn each_key_is_held_against_the_one_at_its_time() {
        type Case<'c> = (&'c [(u64, char)], &'c [(u64, char)], &'c [(Option<&'c str>, Option<&'c str>)]);
        let cases: &[Case] = &[
            (&[(100, '1'), (300, '2')], &[(160, '1'), (240, '2')], &[]),
            (&[(100, '1')], &[(161, '1')], &[(Some("key 1 of 1: 1 at 0.100 s"), Some("1 at 0.161 s"))]),
            (
                &[(100, '7'), (300, '2')],
                &[(90, '1'), (300, '2')],
                &[(Some("key 1 of 2: 7 at 0.100 s"), Some("1 at 0.090 s"))],
            ),
            // One that was missed is not the one behind it.
            (&[(100, '7'), (220, '2')], &[(220, '2')], &[(Some("key 1 of 2: 7 at 0.100 s"), None)]),
            (&[(100, '2')], &[(100, '2'), (200, '2')], &[(None, Some("2 at 0.200 s"))]),
            (&[], &[(2_060, '#')], &[(None, Some("# at 2.060 s"))]),
        ];
        for (recorded, heard, expected) in cases {
            let found = compare(&pressed(recorded), &pressed(heard));
            let found: Vec<_> = found.iter().map(|part| (part.recorded.as_deref(), part.replayed.as_deref())).collect();
            assert_eq!(found, *expected, "{recorded:?} {heard:?}");
        }
    }
}
