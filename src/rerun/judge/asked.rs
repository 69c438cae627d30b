//! Nothing is asked that is known.

use super::{Scene, Verb};
use crate::record::fixture::{Line, Step};
use crate::record::seam::{Leg, Out};

/// A prompt of a question whose fact was filled before, and not forgotten.
pub(super) fn pass<'a>(scene: &mut Scene<'a>, line: &'a Line) {
    let (Step::Out(Out::Play { leg: Leg::Caller, .. }), Some(Verb::Collect(collect))) = (&line.step, scene.verb())
    else {
        return;
    };
    let name = &scene.program.flow.facts[collect.fact()].name.text;
    if scene.facts.contains_key(name.as_str()) {
        scene.violated("asked-twice", line.t, format!("`{name}` is asked for, and it is known"));
    }
}
