//! Runs a recorded call again, in virtual time, through the same `call::Call`, and compares: with its inputs at the times
//! at which they came (`run`), or as long after what they answer to as they did (`anchored`).

mod anchor;
pub mod anchored;
pub mod judge;
pub mod outcome;
pub mod redact;
pub mod sounds;

pub use outcome::Outcome;
pub use sounds::Sounds;

pub mod packets;

use crate::call::{Birth, Call, Program};
use crate::record::compare::{self, Comparison};
use crate::record::fixture::{Fixture, Header, Line, Step};
use crate::record::seam::In;
use crate::time::Instant;
use std::sync::Arc;

/// A fixture that cannot be run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplayable {
    /// Its first line is not the INVITE.
    NoInvite,
    /// The call broke, or outgrew its journal: the recording says so itself.
    Incomplete,
    /// On the flow as it is now it does not end.
    Endless,
}

impl std::fmt::Display for Unplayable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unplayable::NoInvite => "the recording does not begin with the INVITE",
            Unplayable::Incomplete => "the recording is not complete: the call broke, or outgrew its journal",
            Unplayable::Endless => "on this flow the call goes on for ever: `askonce check` says where it goes round",
        })
    }
}

impl std::error::Error for Unplayable {}

/// What a replay did.
pub struct Replayed {
    pub lines: Vec<Line>,
    pub comparison: Comparison,
    /// The flow's text is not the one that was recorded.
    pub edited: bool,
}

/// Gives the recorded inputs at the recorded times, and lets the call's own deadlines fall in between.
pub fn run(fixture: &Fixture, program: Program) -> Result<Replayed, Unplayable> {
    watched(fixture, program, |_, _| {})
}

/// The same, and shows each line with the call: an input right before it is taken, an output right after the event that
/// brought it.
pub fn watched(
    fixture: &Fixture,
    program: Program,
    mut watch: impl FnMut(&Line, &Call),
) -> Result<Replayed, Unplayable> {
    let header = &fixture.header;
    if !header.complete {
        return Err(Unplayable::Incomplete);
    }
    let edited = program.flow.digest != header.digest;
    let mut inputs = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(input) => Some((line, Instant::from_micros(line.t), input)),
        Step::Out(_) => None,
    });
    let Some((first, begun, In::Invite(arrival))) = inputs.next() else { return Err(Unplayable::NoInvite) };
    let mut call = Call::new(begun, birth(header, program), arrival);
    call.keep_heard();
    let mut lines = Vec::new();
    watch(first, &call);
    drain(&mut call, &mut lines, &mut watch);
    for (line, at, input) in inputs {
        call.advance(at);
        drain(&mut call, &mut lines, &mut watch);
        watch(line, &call);
        call.handle(at, input.clone());
        drain(&mut call, &mut lines, &mut watch);
    }
    // It ends: every call has a longest time.
    while let Some(at) = call.next_deadline() {
        call.advance(at);
        drain(&mut call, &mut lines, &mut watch);
    }
    let comparison = compare::outputs(&fixture.lines, &lines);
    Ok(Replayed { lines, comparison, edited })
}

/// What a recorded call was made from, on a flow as it is now.
fn birth(header: &Header, program: Program) -> Birth {
    Birth {
        program,
        destinations: Arc::new(header.destinations.clone()),
        trunk: header.trunk.clone(),
        codecs: header.codecs.clone(),
        srtp: header.srtp,
        recorded: header.recorded,
        with: header.with.clone(),
        switches: header.switches.clone(),
        user_agent: header.user_agent.clone(),
        call: header.call.clone(),
        case: header.case.clone(),
        at: header.at,
        seed: header.seed,
        local: header.local.clone(),
    }
}

fn drain(call: &mut Call, lines: &mut Vec<Line>, watch: &mut impl FnMut(&Line, &Call)) {
    while let Some((at, out)) = call.poll() {
        let line = Line { t: at.as_micros(), step: Step::Out(out) };
        watch(&line, call);
        lines.push(line);
    }
}
