//! The caller is never left in silence.

use super::{Scene, Verb};
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, Leg, Out};

/// Microseconds without a sound after which callers take the line for dead.
const LONGEST: u64 = 10_000_000;

/// What the caller hears. A prompt before the answer counts as heard from its beginning on: when it is, media decides.
#[derive(Default)]
pub(super) struct Silence {
    stands: bool,
    playing: Option<u32>,
    bridged: bool,
    /// Lookups that wait for their answer.
    lookups: usize,
    /// Since when nothing is heard, and the caller has nothing to say either.
    since: Option<u64>,
}

impl Silence {
    pub fn pass(&mut self, scene: &mut Scene<'_>, line: &Line) {
        if let Some(since) = self.since
            && line.t - since.min(line.t) > LONGEST
        {
            scene.violated("silence", since + LONGEST, "the caller has heard nothing for 10 seconds".to_owned());
            // Once for each.
            self.since = Some(u64::MAX);
        }
        self.follow(line);
        // The step that this line enters decides, where it enters one.
        let asked = match &line.step {
            Step::Out(Out::Step { verb, .. }) => verb == "collect",
            _ => matches!(scene.verb(), Some(Verb::Collect(_))),
        };
        let heard = self.playing.is_some() || self.bridged || asked && self.lookups == 0;
        match self.stands && !heard {
            true => self.since = self.since.or(Some(line.t)),
            false => self.since = None,
        }
    }

    fn follow(&mut self, line: &Line) {
        match &line.step {
            Step::In(In::PlayEnded { play }) if self.playing == Some(*play) => self.playing = None,
            Step::In(In::LookedUp { .. }) => self.lookups = self.lookups.saturating_sub(1),
            Step::In(In::Bye { leg: Leg::Caller } | In::Lost { leg: Leg::Caller, .. }) => self.stands = false,
            Step::Out(Out::Listen { leg: Leg::Caller, .. }) => self.stands = true,
            Step::Out(Out::Play { leg: Leg::Caller, play, .. }) => self.playing = Some(*play),
            Step::Out(Out::Stop { leg: Leg::Caller }) => self.playing = None,
            Step::Out(Out::Lookup { .. }) => self.lookups += 1,
            // A lookup that was given up on is answered to nobody: the flow goes on.
            Step::Out(Out::Step { .. }) => self.lookups = 0,
            Step::Out(Out::Bridge) => self.bridged = true,
            Step::Out(Out::Unbridge) => self.bridged = false,
            Step::Out(Out::Hangup { leg: Leg::Caller } | Out::Reject { .. } | Out::End { .. }) => self.stands = false,
            _ => {}
        }
    }
}
