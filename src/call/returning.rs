//! A call that comes back with our reference goes on where its case was: what was filled then is not asked again.

use super::Call;
use crate::context::{Class, Earlier};
use crate::flow::LANGUAGE;
use crate::record::seam::{FactChange, Out};
use crate::time::Instant;

/// Holds for one call, whatever its case.
const OF_THE_CALL: &str = "verified";

impl Call {
    /// Fills the facts of the same name whose values fit, each with where it came from and when. What was verified has to
    /// be verified again.
    pub(super) fn resume(&mut self, now: Instant, case: &[Earlier]) {
        let program = self.birth.program.clone();
        for (question, fact) in program.flow.facts.iter().zip(&mut self.context.facts) {
            let carried = matches!(question.class, Class::Public | Class::Pii) && question.name.text != OF_THE_CALL;
            let found = case.iter().find(|earlier| earlier.name == question.name.text);
            let Some(found) = found.filter(|found| carried && question.accepts(found.value.open())) else { continue };
            if !fact.fill(found.value.clone(), found.from.clone(), found.confirmed, found.at) {
                continue;
            }
            let spoken = program.prompts.books().find(|book| book.language == found.value.open());
            if let Some(book) = spoken.filter(|_| question.name.text == LANGUAGE) {
                self.context.language.clone_from(&book.language);
            }
            self.out.extend(FactChange::of(fact).map(|change| (now, Out::Fact(change))));
        }
    }
}
