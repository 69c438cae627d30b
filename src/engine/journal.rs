//! The journal of one call: its inputs and outputs in the order in which they happened.

use super::Service;
use crate::record::fixture::{Fixture, Header, Line, Step};
use crate::record::seam::{In, Out};
use crate::time::Instant;

/// Lines that a recording holds; what a call does beyond them is counted and not kept.
const LINES: usize = 20_000;

/// A call that is over, as it was recorded.
pub struct Finished {
    pub fixture: Fixture,
    /// What it ran and heard: by now another text of the flow may serve.
    pub service: Service,
    /// A broken invariant ended it, or it outgrew its journal: not all of it is there.
    pub broke: bool,
    /// Somebody asked its caller for what it had told us.
    pub asked_again: bool,
    /// Its caller's packets were kept (`Onto::Packets`).
    pub sound: bool,
}

pub struct Journal {
    pub begun: Instant,
    pub fixture: Fixture,
    pub dropped: u64,
    /// A broken invariant ended the call.
    pub broke: bool,
}

impl Journal {
    pub fn new(begun: Instant, header: Header) -> Self {
        Self { begun, fixture: Fixture { header, lines: Vec::new(), sip: Vec::new() }, dropped: 0, broke: false }
    }

    pub fn input(&mut self, at: Instant, input: &In) {
        self.push(at, Step::In(input.clone()));
    }

    pub fn output(&mut self, at: Instant, out: &Out) {
        self.push(at, Step::Out(out.clone()));
    }

    fn push(&mut self, at: Instant, step: Step) {
        if self.fixture.lines.len() < LINES {
            let t = at.as_micros() - self.begun.as_micros();
            self.fixture.lines.push(Line { t, step });
        } else {
            self.dropped += 1;
            self.fixture.header.complete = false;
        }
    }
}
