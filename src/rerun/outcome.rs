//! What comes of running a recorded call again: it does the same, or it differs, or the flow asks what the recording never
//! answered.

use super::anchored::{self, Need, Ran, Wanted};
use super::judge::{Violation, judge};
use super::sounds::Sounds;
use super::{Unplayable, run};
use crate::call::Program;
use crate::record::compare::{self, Difference, Layer, Layers, of_clip};
use crate::record::fixture::{Clip, Fixture, Line, Step};
use crate::record::seam::{In, Out};
use std::collections::BTreeMap;

/// How recordings are run again.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Each input when it was recorded, whatever it answers to.
    pub exact: bool,
    pub layers: Layers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// So many outputs are equal.
    Pass { outputs: usize },
    /// In the order of the call.
    Diff(Vec<Difference>),
    /// What the flow asked as it is now, and nobody can know. What differs behind it follows from that.
    NeedsInput(Vec<Need>),
    /// It could not be run; why.
    Broken(String),
}

impl Outcome {
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Pass { .. } => "pass",
            Outcome::Diff(_) => "diff",
            Outcome::NeedsInput(_) => "needs-input",
            Outcome::Broken(_) => "error",
        }
    }

    pub fn passes(&self) -> bool {
        matches!(self, Outcome::Pass { .. })
    }
}

/// A recording run again.
pub struct Replayed {
    pub outcome: Outcome,
    /// What the call did, inputs included; `None` of what could not be run, and of what did the same to the byte.
    pub ran: Option<Ran>,
    /// The flow's text is not the one that was recorded.
    pub edited: bool,
}

/// Runs a recording on a flow as it is now, and says what comes of it.
pub fn replay(fixture: &Fixture, program: &Program, sounds: &Sounds, how: &How) -> Replayed {
    let edited = program.flow.digest != fixture.header.digest;
    let renewed = renewed(fixture, sounds);
    // As it was recorded: the clock of the recording is that of every prompt, and a run to the byte is promised.
    let as_recorded = !edited && renewed.is_empty();
    if how.exact || as_recorded {
        match run(fixture, program.clone()) {
            Ok(replayed) if as_recorded && replayed.comparison.first_difference.is_none() => {
                let violated = violations(fixture, &fixture.lines, program, &how.layers);
                let outcome = match violated.is_empty() {
                    true => Outcome::Pass { outputs: replayed.comparison.equal },
                    false => Outcome::Diff(violated),
                };
                return Replayed { outcome, ran: None, edited };
            }
            Ok(_) => {}
            Err(unplayable) => return broken(&unplayable, edited),
        }
    }
    let ran = if how.exact { exactly(fixture, program) } else { anchored::run(fixture, program, sounds) };
    let ran = match ran {
        Ok(ran) => ran,
        Err(unplayable) => return broken(&unplayable, edited),
    };
    if !ran.needs.is_empty() {
        return Replayed { outcome: Outcome::NeedsInput(ran.needs.clone()), ran: Some(ran), edited };
    }
    let is_renewed = |prompt: &str| renewed.iter().any(|(clip, _)| of_clip(clip) == prompt);
    let mut differences = compare::compare(&fixture.lines, &ran.lines, &how.layers, &is_renewed);
    if how.layers.has(Layer::Prompts) {
        differences.splice(0..0, renewed.iter().map(|(clip, now)| sound(fixture, clip, now)));
    }
    differences.extend(violations(fixture, &ran.lines, program, &how.layers));
    if differences.is_empty() && as_recorded && how.layers.has(Layer::Bytes) {
        differences.extend(bytes(fixture, &ran));
    }
    let outputs = ran.lines.iter().filter(|line| matches!(line.step, Step::Out(_))).count();
    let outcome = if differences.is_empty() { Outcome::Pass { outputs } } else { Outcome::Diff(differences) };
    Replayed { outcome, ran: Some(ran), edited }
}

/// What no call may do, and this one did: in the recording already, perhaps.
pub fn violations(fixture: &Fixture, lines: &[Line], program: &Program, layers: &Layers) -> Vec<Difference> {
    if !layers.has(Layer::Invariants) {
        return Vec::new();
    }
    let violations = judge(&fixture.header, lines, program).into_iter();
    let difference = |Violation { code, t, place, line, message, .. }| Difference {
        layer: Layer::Invariants,
        t,
        place,
        line,
        subject: code.to_owned(),
        recorded: None,
        replayed: Some(message),
    };
    violations.map(difference).collect()
}

/// The recording as it is right from now on: what the call did on the flow as it is.
pub fn golden(fixture: &Fixture, ran: &Ran, program: &Program, sounds: &Sounds) -> Fixture {
    let mut header = fixture.header.clone();
    header.digest.clone_from(&program.flow.digest);
    header.clips = sounds.heard(&ran.lines);
    Fixture { header, lines: ran.lines.clone(), sip: fixture.sip.clone() }
}

fn broken(unplayable: &Unplayable, edited: bool) -> Replayed {
    Replayed { outcome: Outcome::Broken(unplayable.to_string()), ran: None, edited }
}

/// The recorded inputs at their times.
fn exactly(fixture: &Fixture, program: &Program) -> Result<Ran, Unplayable> {
    let mut lines = Vec::new();
    super::watched(fixture, program.clone(), |line, _| lines.push(line.clone()))?;
    let answered = |wanted: &dyn Fn(&In) -> bool| {
        fixture.lines.iter().any(|line| matches!(&line.step, Step::In(input) if wanted(input)))
    };
    let mut needs = Vec::new();
    for line in &lines {
        // By their numbers: what is asked for more often than in the recording has no answer in it.
        if let Step::Out(Out::Lookup { lookup, name, request }) = &line.step
            && !answered(&|input| matches!(input, In::LookedUp { lookup: it, .. } if it == lookup))
            && !recorded_lookup(fixture, *lookup)
        {
            let values = request.wants.iter().map(|want| want.name.clone()).collect();
            needs.push(Need { t: line.t, place: None, what: Wanted::Lookup { name: name.clone(), values } });
        }
    }
    Ok(Ran { lines, needs, unused: Vec::new() })
}

/// Whether the recorded call made it too, and ended before the answer.
fn recorded_lookup(fixture: &Fixture, number: u32) -> bool {
    let made = |line: &Line| matches!(line.step, Step::Out(Out::Lookup { lookup, .. }) if lookup == number);
    fixture.lines.iter().any(made)
}

/// The clips that were heard and sound otherwise now, each with what it is now. What is gone, the prompts will show.
fn renewed(fixture: &Fixture, sounds: &Sounds) -> BTreeMap<String, Clip> {
    let clips = fixture.header.clips.iter();
    let changed = clips.filter_map(|(name, was)| {
        let now = sounds.clip(name).filter(|now| *now != was)?;
        Some((name.clone(), now.clone()))
    });
    changed.collect()
}

fn sound(fixture: &Fixture, clip: &str, now: &Clip) -> Difference {
    let was = fixture.header.clips.get(clip);
    let told = |clip: &Clip| format!("{:.1} s, {}", clip.ms as f64 / 1e3, clip.digest);
    let first = fixture.lines.iter().find(|line| match &line.step {
        Step::Out(Out::Play { say, .. }) => {
            say.iter().any(|said| matches!(said, crate::audio::Utterance::Clip(name) if name == clip))
        }
        _ => false,
    });
    Difference {
        layer: Layer::Prompts,
        t: first.map_or(0, |line| line.t),
        // Wherever it is heard, it is the same difference.
        place: None,
        line: None,
        subject: format!("the sound of {clip}"),
        recorded: was.map(told),
        replayed: Some(told(now)),
    }
}

/// The first output that is not the same to the byte.
fn bytes(fixture: &Fixture, ran: &Ran) -> Option<Difference> {
    let outputs: Vec<Line> = ran.lines.iter().filter(|line| matches!(line.step, Step::Out(_))).cloned().collect();
    let parting = compare::outputs(&fixture.lines, &outputs).first_difference?;
    let (kind, recorded, replayed) = parting.named();
    Some(Difference { layer: Layer::Bytes, t: parting.t, place: None, line: None, subject: kind, recorded, replayed })
}
