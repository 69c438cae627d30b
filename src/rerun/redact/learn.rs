//! What a recording does not say, and its rerun does: what became of each key, when somebody was asked for what is not to
//! be heard, and whether the live call did the same.

use crate::call::{Call, Program};
use crate::context::Class;
use crate::flow::Heard;
use crate::flow::fact::{Kind, Question};
use crate::key::Key;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{In, KeyCarrier, Leg, Out};
use crate::rerun::{self, Unplayable};
use std::collections::BTreeMap;
use std::ops::Range;

/// A press is told again by a lesser carrier, or a better one, within this time (`call::leg`).
const AGAIN: u64 = 1_000_000;

/// A value of that fact that is somebody's. A choice is a word of the flow, and a recording the name of its take.
pub fn is_sensitive(question: &Question) -> bool {
    let named = matches!(question.kind, Kind::Choice(_) | Kind::Bool | Kind::Recording { .. });
    question.class != Class::Public && !named
}

#[derive(Default)]
pub struct Learned {
    /// Inputs and outputs in the order in which the call took and gave them.
    pub lines: Vec<Line>,
    /// The recorded outputs are others.
    pub differs: bool,
    /// One for each `In::Key`, in its order.
    pub keys: Vec<Pressing>,
    pub spans: Vec<Range<u64>>,
}

#[derive(Clone, Debug)]
pub struct Pressing {
    pub t: u64,
    pub leg: Leg,
    pub by: KeyCarrier,
    pub key: Key,
    pub became: Became,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// A part of that entry of a fact, which was asked for in that language.
    Entered { fact: usize, entry: u32, language: String },
    /// It answered or ordered something.
    Answered,
    /// Nobody took it.
    Unheard,
    /// The call had it already, by another carrier: as that one, by its place.
    Again(usize),
}

/// Runs the recording.
pub fn learn(fixture: &Fixture, program: Program) -> Result<Learned, Unplayable> {
    let flow = program.flow.clone();
    let mut learned = Learned::default();
    let mut listening = Listening::default();
    let replayed = rerun::watched(fixture, program, |line, call| {
        listening.keep_up(call);
        learned.lines.push(line.clone());
        if let Step::In(In::Key { leg, key, by }) = &line.step {
            listening.waiting = Some((learned.keys.len(), call.pressed()));
            learned.keys.push(Pressing { t: line.t, leg: *leg, by: *by, key: *key, became: Became::Unheard });
        }
        let private = call.asked().is_some_and(|fact| flow.facts[fact].class != Class::Public);
        match (private, listening.since) {
            (true, None) => listening.since = Some(line.t),
            (false, Some(from)) => {
                listening.since = None;
                learned.spans.push(from..line.t);
            }
            _ => {}
        }
        listening.last = line.t;
    })?;
    learned.spans.extend(listening.since.map(|from| from..listening.last + 1));
    learned.differs = differs(&fixture.lines, &replayed.lines);
    listening.settle(&mut learned.keys);
    Ok(learned)
}

/// Whether a rerun did something else. What was recorded of a call that has no end is compared as far as it goes.
fn differs(recorded: &[Line], rerun: &[Line]) -> bool {
    let outputs = |line: &&Line| matches!(line.step, Step::Out(_));
    let ends = |line: &Line| matches!(line.step, Step::Out(Out::End { .. }));
    let (mut recorded, mut rerun) = (recorded.iter().filter(outputs), rerun.iter().filter(outputs));
    let over = recorded.clone().any(ends);
    !recorded.all(|line| rerun.next() == Some(line)) || over && rerun.next().is_some()
}

#[derive(Default)]
struct Listening {
    /// The key that came last, and how many the call had counted before.
    waiting: Option<(usize, u32)>,
    /// Which key each counted one is, by its number less one.
    counted: Vec<usize>,
    /// What became of them, by their numbers.
    heard: BTreeMap<u32, Became>,
    read: usize,
    /// Since when something is asked for that is not to be heard.
    since: Option<u64>,
    last: u64,
}

impl Listening {
    fn keep_up(&mut self, call: &Call) {
        if let Some((key, _)) = self.waiting.filter(|(_, before)| *before < call.pressed()) {
            self.waiting = None;
            self.counted.push(key);
        }
        for (number, heard) in &call.heard()[self.read..] {
            let became = match *heard {
                Heard::Answered => Became::Answered,
                Heard::Entered { fact, entry } => {
                    Became::Entered { fact, entry, language: call.context().language.clone() }
                }
            };
            // What asked for a person ahead of a question may be typed into the next one: it means that first.
            self.heard.entry(*number).or_insert(became);
        }
        self.read = call.heard().len();
    }

    /// Says of each key what became of it.
    fn settle(self, keys: &mut [Pressing]) {
        let mut counted = vec![false; keys.len()];
        for (at, key) in self.counted.iter().enumerate() {
            counted[*key] = true;
            if let Some(became) = u32::try_from(at + 1).ok().and_then(|number| self.heard.get(&number)) {
                keys[*key].became = became.clone();
            }
        }
        // Of two quick presses of one key the first is told again first.
        let mut told: Vec<(usize, KeyCarrier)> = Vec::new();
        for at in (0..keys.len()).filter(|at| !counted[*at]) {
            let (key, leg, by, t) = (keys[at].key, keys[at].leg, keys[at].by, keys[at].t);
            let same = |of: &usize| {
                let first = &keys[*of];
                counted[*of] && first.key == key && first.leg == leg && first.by != by && !told.contains(&(*of, by))
            };
            let soon = t.saturating_sub(AGAIN);
            if let Some(first) = (0..at).filter(|of| keys[*of].t >= soon).find(same) {
                told.push((first, by));
                keys[at].became = Became::Again(first);
            }
        }
    }
}
