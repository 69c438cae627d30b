//! What is written has no caller in it.

use crate::call::Program;
use crate::engine::Finished;
use crate::record::Fixture;
use crate::record::fixture::Step;
use crate::rerun::redact::{Key, Redacted, redact};
use crate::rerun::sounds;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub struct Redaction(pub Key);

impl Redaction {
    /// The error is why not; it tells no value. What a call has of which not all is there is redacted as far as it goes.
    pub fn redact(&self, finished: &Finished) -> Result<Redacted, String> {
        let mut redacted = self.as_far_as_it_goes(finished)?;
        let Fixture { header, lines, .. } = &mut redacted.fixture;
        header.clips = sounds::heard(&finished.service.arena, lines);
        Ok(redacted)
    }

    fn as_far_as_it_goes(&self, Finished { fixture, service, .. }: &Finished) -> Result<Redacted, String> {
        let program = &service.program;
        if fixture.header.complete {
            return self.attempt(fixture, program);
        }
        let end = fixture.lines.last().map_or(0, |line| line.t);
        let mut cut = fixture.clone();
        cut.header.complete = true;
        let redacted = self.attempt(&cut, program).or_else(|_| {
            // What broke the call breaks it again: up to there.
            let last = cut.lines.iter().rposition(|line| matches!(line.step, Step::In(_)));
            cut.lines.truncate(last.unwrap_or(0));
            self.attempt(&cut, program)
        });
        let mut redacted = redacted?;
        redacted.fixture.header.complete = false;
        // Nobody knows what came behind it.
        redacted.fixture.lines.retain(|line| line.t <= end);
        Ok(redacted)
    }

    fn attempt(&self, fixture: &Fixture, program: &Program) -> Result<Redacted, String> {
        let attempt = catch_unwind(AssertUnwindSafe(|| redact(fixture, program, &self.0)));
        let attempt = attempt.map_err(|_| "a broken invariant ends the rerun".to_owned())?;
        attempt.map_err(|why| why.to_string())
    }
}
