//! A call that has been, made again by the flow as it is now: its caller and its agents do what they did, when they did it.
//!
//! Times count from causes. The caller's count from the answer, for as long as nobody is called. From then on all count
//! from the call to the agent, as it is made now: a prompt that is longer, or a lookup that is slower, makes nobody answer
//! before the phone rings.

use super::place::agent_sdp;
use super::rhythm::{ANSWERS, LOOKUP_TAKES, RINGS};
use super::{LINES, Stage};
use crate::audio::Arena;
use crate::call::{Birth, Program};
use crate::context::Outcome;
use crate::flow::script::Cue;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{Arrival, In, Leg, LineTold, Out};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// After so long what was caused by a call to an agent comes without it: the flow calls nobody.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between the caller's turn in a line and the call to an agent.
const LINE_MOVES: Duration = Duration::from_millis(10);

/// What was done, and when.
#[derive(Clone, Default)]
pub struct Timed {
    /// In their order; the first one's cause is the answer, those of the others are calls to agents and transfers.
    pub scenes: Vec<Scene>,
}

/// What was done after one cause.
#[derive(Clone, Default)]
pub struct Scene {
    /// Microseconds from the answer to the cause.
    pub at: u64,
    /// Each with its microseconds after the cause.
    pub inputs: Vec<(u64, In)>,
}

/// A lookup that nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    pub lookup: String,
    pub wants: Vec<String>,
}

/// What came of it.
pub struct Reheard {
    pub fixture: Fixture,
    /// Each taken as too slow.
    pub needs: Vec<Need>,
    /// What had to be made up, or left out.
    pub remarks: Vec<String>,
    /// Of each scene's cause, microseconds: after the answer, as it was, and since the INVITE, as it came now.
    pub causes: Vec<(u64, u64)>,
}

impl Reheard {
    /// When what was so many microseconds after the answer (or before it) is in the recording.
    pub fn now(&self, after: i64) -> u64 {
        let began = self.causes.iter().rev().find(|(was, _)| i64::try_from(*was).is_ok_and(|was| was <= after));
        let (was, is) = began.or(self.causes.first()).copied().unwrap_or((0, 0));
        is.saturating_add_signed(after.saturating_sub_unsigned(was))
    }
}

impl Timed {
    /// Performs it. `source` is what the recording says of itself; `answers` how a lookup of that name ends this time.
    pub fn perform(
        &self,
        (program, arena): (&Program, &Arena),
        (birth, arrival): (Birth, Arrival),
        source: &str,
        answers: &mut dyn FnMut(&str) -> Option<Cue>,
    ) -> Result<Reheard, String> {
        let mut stage = Stage::begin(program, arena, birth, arrival, source);
        let mut prompter = Prompter {
            alone: self.scenes.len() <= 1,
            scenes: self.scenes.iter().cloned().collect(),
            answered: None,
            began: Instant::ZERO,
            seen: 0,
            needs: Vec::new(),
            remarks: Vec::new(),
            causes: Vec::new(),
            answers,
        };
        prompter.follow(&mut stage)?;
        while !stage.call.ended() {
            if stage.lines.len() >= LINES {
                return Err("it goes on and on: the flow does not let its caller go".to_owned());
            }
            match prompter.missed(&stage) {
                Some(at) => prompter.go_on(&mut stage, at),
                None => stage.step(),
            }
            prompter.follow(&mut stage)?;
        }
        let Prompter { mut needs, remarks, causes, .. } = prompter;
        needs.sort();
        needs.dedup();
        Ok(Reheard { fixture: stage.into_fixture(), needs, remarks, causes })
    }
}

/// Gives everybody their cues.
struct Prompter<'a> {
    scenes: VecDeque<Scene>,
    /// Nobody was called at all, as far as anybody heard.
    alone: bool,
    answered: Option<Instant>,
    /// What the scenes to come count from: the answer, moved by what the last cause came earlier or later.
    began: Instant,
    /// Lines that were looked at.
    seen: usize,
    needs: Vec<Need>,
    remarks: Vec<String>,
    causes: Vec<(u64, u64)>,
    answers: &'a mut dyn FnMut(&str) -> Option<Cue>,
}

impl Prompter<'_> {
    /// What the call did since.
    fn follow(&mut self, stage: &mut Stage) -> Result<(), String> {
        while let Some(Line { t, step }) = stage.lines.get(self.seen) {
            let at = Instant::from_micros(*t);
            self.seen += 1;
            let Step::Out(out) = step else { continue };
            match out {
                Out::Answer { .. } | Out::Early { .. } if self.answered.is_none() => {
                    self.answered = Some(at);
                    self.scene(stage, at);
                }
                Out::Agent { .. } | Out::Refer { .. } => {
                    let transfer = matches!(out, Out::Refer { .. });
                    if !self.scene(stage, at) {
                        self.make_up(stage, at, transfer);
                    }
                }
                Out::Cancel | Out::Hangup { leg: Leg::Agent } => stage.due.retain(|_, input| !is_agents(input)),
                Out::Join { .. } => self.line(stage, at),
                Out::Lookup { lookup, name, request } => {
                    let wants = request.wants.iter().map(|want| want.name.clone()).collect();
                    let (lookup, name, timeout) = (*lookup, name.clone(), request.timeout);
                    self.look_up(stage, at, (lookup, name, wants), timeout)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The cause of the next scene is there; `false` if there is no scene any more.
    fn scene(&mut self, stage: &mut Stage, at: Instant) -> bool {
        let Some(scene) = self.scenes.pop_front() else { return false };
        self.began = at - Duration::from_micros(scene.at);
        self.causes.push((scene.at, at.as_micros()));
        for (after, input) in scene.inputs {
            stage.answer(at + Duration::from_micros(after), input);
        }
        true
    }

    /// When the next scene begins without its cause, if that comes before anything else does.
    fn missed(&self, stage: &Stage) -> Option<Instant> {
        let scene = self.scenes.front().filter(|_| self.answered.is_some())?;
        let at = (self.began + Duration::from_micros(scene.at) + PATIENCE).max(stage.now);
        let world = stage.due.first_key_value().map(|((at, _), _)| *at);
        let next = [world, stage.call.next_deadline()].into_iter().flatten().min();
        next.is_none_or(|next| next > at).then_some(at)
    }

    /// The caller goes on, though nobody was called.
    fn go_on(&mut self, stage: &mut Stage, at: Instant) {
        let Some(scene) = self.scenes.pop_front() else { return };
        let seconds = scene.at as f64 / 1e6;
        self.remarks
            .push(format!("{seconds:.1} s after the answer somebody was called, and this flow calls nobody then"));
        stage.now = at;
        self.causes.push((scene.at, at.as_micros()));
        for (after, input) in scene.inputs.into_iter().filter(|(_, input)| !is_agents(input)) {
            stage.answer(at + Duration::from_micros(after), input);
        }
    }

    fn make_up(&mut self, stage: &mut Stage, at: Instant, transfer: bool) {
        let (rung, done) = (at + RINGS, at + ANSWERS);
        let told = if transfer {
            stage.answer(rung, In::Referred { status: 202 });
            stage.answer(done, In::Transfer { status: 200, last: true });
            "what became of the transfer was not captured: taken as done"
        } else {
            stage.answer(rung, In::Progress { status: 180, answer: None });
            stage.answer(done, In::Answered { answer: Some(agent_sdp()) });
            "the leg to the agent was not captured: taken as answered after 3 s"
        };
        if !self.remarks.iter().any(|remark| remark == told) {
            self.remarks.push(told.to_owned());
        }
    }

    /// A caller in a line waited until somebody was called.
    fn line(&mut self, stage: &mut Stage, at: Instant) {
        let soon = at + LINE_MOVES;
        let turn = match self.scenes.front() {
            Some(scene) => soon.max(self.began + Duration::from_micros(scene.at) - LINE_MOVES),
            None if self.alone => soon,
            None => return stage.answer(soon, In::Line(LineTold::Place { position: 1, seconds: None })),
        };
        stage.answer(turn, In::Line(LineTold::Turn));
    }

    fn look_up(
        &mut self,
        stage: &mut Stage,
        at: Instant,
        (lookup, name, wants): (u32, String, Vec<String>),
        timeout: Duration,
    ) -> Result<(), String> {
        let (outcome, values) = match (self.answers)(&name) {
            Some(Cue::Lookup { outcome, values }) => (outcome, values),
            _ => {
                self.needs.push(Need { lookup: name.clone(), wants: wants.clone() });
                (Outcome::Slow, Vec::new())
            }
        };
        if let Some((foreign, _)) = values.iter().find(|(value, _)| !wants.contains(value)) {
            return Err(format!("lookup `{name}`: {}", super::unfit::unwanted(foreign, &wants)));
        }
        let takes = if outcome == Outcome::Slow { timeout } else { LOOKUP_TAKES.min(timeout) };
        let values = values.into_iter().map(|(name, value)| (name, Secret::new(value.as_str()))).collect();
        stage.answer(at + takes, In::LookedUp { lookup, outcome, values });
        Ok(())
    }
}

/// Whether it is the doing of an agent, or of a transfer.
fn is_agents(input: &In) -> bool {
    match input {
        In::Key { leg, .. } | In::Bye { leg } | In::Lost { leg, .. } | In::Reoffer { leg, .. } => *leg == Leg::Agent,
        In::Refer { .. }
        | In::Progress { .. }
        | In::Answered { .. }
        | In::Refused { .. }
        | In::Referred { .. }
        | In::Transfer { .. } => true,
        _ => false,
    }
}
