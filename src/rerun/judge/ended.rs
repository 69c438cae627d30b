//! Every call ends, once, and then does nothing more.

use super::Scene;
use crate::record::fixture::{Line, Step};
use crate::record::seam::Out;

#[derive(Default)]
pub(super) struct Ended {
    over: bool,
}

impl Ended {
    pub fn pass(&mut self, scene: &mut Scene<'_>, line: &Line) {
        let Step::Out(out) = &line.step else { return };
        let ends = matches!(out, Out::End { .. });
        if self.over {
            let what = if ends { "the call ended twice" } else { "the call went on after its end" };
            scene.violated("after-the-end", line.t, what.to_owned());
        }
        self.over |= ends;
    }

    /// One that broke, or outgrew its journal, cannot be held to it.
    pub fn close(&self, scene: &mut Scene<'_>, lines: &[Line]) {
        if !self.over && scene.header.complete {
            let t = lines.last().map_or(0, |line| line.t);
            scene.violated("not-ended", t, "the call is over, and did not say how it ended".to_owned());
        }
    }
}
