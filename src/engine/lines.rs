//! The lines that we hold: a call's way in and out, and the words that go to the others in it.

use super::{CallNumber, Engine};
use crate::acd::{Bounds, Word};
use crate::record::seam::{In, LineTold};
use crate::time::Instant;

impl Engine {
    /// A line is of one flow and one of its queues: two flows that name theirs alike have two lines.
    pub(super) fn join(&mut self, now: Instant, call: CallNumber, queue: &str, bounds: Bounds) {
        let Some(slot) = self.slots.get(&call).filter(|_| self.rehearsed.is_none()) else { return };
        let name = format!("{}/{queue}", slot.service.program.flow.name.text);
        self.lines.join(now, &name, bounds, call);
    }

    /// Tells calls what their lines say. Not within a call's own turn: one that leaves may wake a hundred others.
    pub(super) fn tell_lines(&mut self, now: Instant) {
        while let Some((call, word)) = self.lines.poll() {
            let told = match word {
                Word::Place { position, wait } => {
                    LineTold::Place { position, seconds: wait.map(|wait| wait.as_secs()) }
                }
                Word::Turn => LineTold::Turn,
                Word::Full => {
                    self.counters.lines_full += 1;
                    LineTold::Full
                }
            };
            self.deliver(now, call, In::Line(told));
        }
    }
}
