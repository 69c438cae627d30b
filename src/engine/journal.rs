//! The journal of one call: its inputs and outputs in the order in which they happened.

use crate::record::fixture::{Fixture, Header, Line, Step};
use crate::record::seam::{In, Out};
use crate::time::Instant;

/// Lines that a recording holds; what a call does beyond them is counted and not kept.
const LINES: usize = 20_000;

pub struct Journal {
    pub begun: Instant,
    pub fixture: Fixture,
    pub dropped: u64,
}

impl Journal {
    pub fn new(begun: Instant, header: Header) -> Self {
        Self { begun, fixture: Fixture { header, lines: Vec::new(), sip: Vec::new() }, dropped: 0 }
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
