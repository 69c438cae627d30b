//! How deep a recorded call runs again: its events, its caller's sound through the real detector, or its packets through the
//! real SIP and RTP. Each layer ends in the one above it: what a call does is compared alike.

use super::world::wire::Wire;
use super::{audio, pressed, world};
use crate::call::Program;
use crate::engine::Service;
use crate::record::compare::{self, Difference, Layer as Compared};
use crate::record::fixture::{Fixture, Line, Step};
use crate::rerun::Sounds;
use crate::rerun::anchored::{Need, Ran, Wanted};
use crate::rerun::outcome::{self, How, Outcome, Replayed};
use std::path::Path;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layer {
    /// What the call learned, as call.jsonl has it
    #[default]
    Events,
    /// The caller's keys are heard anew in caller.wav
    Audio,
    /// The caller's SIP and RTP come in again from call.pcap
    Packets,
}

/// Runs a recording on a flow as it is now; `folder`: where its sound and its packets lie.
pub fn replay(
    layer: Layer,
    folder: &Path,
    fixture: &Fixture,
    program: &Program,
    sounds: &Sounds,
    how: &How,
) -> Replayed {
    let deeper = match layer {
        Layer::Events => return outcome::replay(fixture, program, sounds, how),
        Layer::Audio => heard(folder, fixture, program, sounds, how),
        Layer::Packets => {
            let service = Service { program: program.clone(), arena: sounds.arena().clone() };
            world::wire::read(folder, fixture).and_then(|wire| performed(&wire, fixture, &service, how))
        }
    };
    let edited = program.flow.digest != fixture.header.digest;
    deeper.unwrap_or_else(|why| Replayed { outcome: Outcome::Broken(why), ran: None, edited })
}

fn heard(folder: &Path, fixture: &Fixture, program: &Program, sounds: &Sounds, how: &How) -> Result<Replayed, String> {
    let heard = audio::hear(folder, fixture)?;
    let keys = pressed::compare(&pressed::presses(&fixture.lines), &heard);
    if keys.is_empty() {
        return Ok(outcome::replay(fixture, program, sounds, how));
    }
    let heard = pressed::in_place(fixture, &heard);
    let replayed = outcome::replay(&heard, program, sounds, how);
    let lines = match (&replayed.ran, &replayed.outcome) {
        (None, Outcome::Broken(_)) => return Ok(replayed),
        (ran, _) => ran.as_ref().map_or(&heard.lines, |ran| &ran.lines),
    };
    Ok(Replayed { outcome: judged(fixture, lines, program, keys, how), ..replayed })
}

/// The call by its packets.
pub fn performed(wire: &Wire, fixture: &Fixture, service: &Service, how: &How) -> Result<Replayed, String> {
    let world::Performed { lines, unanswered } = world::perform(fixture, wire, service)?;
    let needs = unanswered.into_iter().map(|(name, values)| {
        let what = Wanted::Lookup { name, values };
        Need { t: 0, place: None, what }
    });
    let needs: Vec<Need> = needs.collect();
    let keys = pressed::compare(&pressed::presses(&fixture.lines), &pressed::presses(&lines));
    let outcome = match needs.is_empty() {
        true => judged(fixture, &lines, &service.program, keys, how),
        false => Outcome::NeedsInput(needs.clone()),
    };
    let edited = service.program.flow.digest != fixture.header.digest;
    Ok(Replayed { outcome, ran: Some(Ran { lines, needs, unused: Vec::new() }), edited })
}

/// What the call did, against its recording.
fn judged(fixture: &Fixture, lines: &[Line], program: &Program, keys: Vec<Difference>, how: &How) -> Outcome {
    let mut differences = if how.layers.has(Compared::Keys) { keys } else { Vec::new() };
    differences.extend(compare::compare(&fixture.lines, lines, &how.layers, &|_| false));
    differences.extend(outcome::violations(fixture, lines, program, &how.layers));
    differences.sort_by_key(|difference| (difference.t, difference.layer));
    if differences.is_empty() {
        let outputs = lines.iter().filter(|line| matches!(line.step, Step::Out(_))).count();
        return Outcome::Pass { outputs };
    }
    Outcome::Diff(differences)
}
