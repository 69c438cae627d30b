//! What is written has no caller in it.

use super::key::OCTETS;
use crate::call::Program;
use crate::record::Fixture;

pub struct Redaction;

impl Redaction {
    pub fn new(_: &[u8; OCTETS]) -> Redaction {
        Redaction
    }

    pub fn redact(&self, fixture: &Fixture, _: &Program) -> Result<Fixture, String> {
        Ok(fixture.clone())
    }
}
