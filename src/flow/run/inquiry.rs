//! A lookup under way: the caller hears music if it takes longer than a moment, and nobody waits for ever.
//!
//! ```text
//! asked .... 1 s: music .... the answer, or the lookup's own time and half a second: slow
//! ```

use super::{Action, Event, Turn};
use crate::context::{Outcome, Source};
use crate::secret::Secret;
use crate::time::{Duration, Instant};

/// After this the caller hears that something goes on.
pub const SILENCE: Duration = Duration::from_secs(1);
/// The shell keeps the lookup's time; what it says may be this much late.
const GRACE: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Inquiry {
    lookup: usize,
    number: u32,
    /// When music begins; `None` once it plays.
    silent_until: Option<Instant>,
    patience: Instant,
}

impl Inquiry {
    /// Asks. `candidate` counts as the value of its fact. The error is how it ended without being asked.
    pub fn begin(turn: &mut Turn, lookup: usize, candidate: Option<(usize, &Secret)>) -> Result<Self, Outcome> {
        let asked = &turn.flow.lookups[lookup];
        for fact in
            asked.sent().filter(|fact| candidate.is_none_or(|(candidate, _)| candidate != *fact)).collect::<Vec<_>>()
        {
            turn.look_up(fact);
        }
        let request = asked.request(turn, candidate)?;
        let number = turn.talk.next_lookup();
        let patience = turn.now + asked.timeout + GRACE;
        turn.act(Action::Lookup { lookup: number, name: asked.name.text.clone(), request });
        let silent_until = (!turn.talk.gone).then(|| turn.now + SILENCE);
        Ok(Self { lookup, number, silent_until, patience })
    }

    pub fn deadline(&self) -> Instant {
        self.silent_until.map_or(self.patience, |at| at.min(self.patience))
    }

    /// How it ended, if it did.
    pub fn on(&mut self, turn: &mut Turn, event: Event) -> Option<Outcome> {
        let outcome = match event {
            Event::LookedUp { lookup, outcome, values } if lookup == self.number => {
                if outcome == Outcome::Ok {
                    self.keep(turn, values);
                }
                outcome
            }
            Event::Deadline if self.patience <= turn.now => Outcome::Slow,
            Event::Deadline if self.silent_until.is_some_and(|at| at <= turn.now) => {
                self.silent_until = None;
                turn.act(Action::Music(None));
                return None;
            }
            Event::Key(key) => {
                turn.type_ahead(key);
                return None;
            }
            _ => return None,
        };
        if self.silent_until.is_none() && !turn.talk.gone {
            turn.act(Action::Stop);
        }
        Some(outcome)
    }

    /// What was found: facts that name the lookup among their sources take it in their order, the others at once.
    fn keep(&self, turn: &mut Turn, values: Vec<(String, Secret)>) {
        let lookup = &turn.flow.lookups[self.lookup];
        let value = |name: &str| values.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        for (which, given) in lookup.gives.iter().enumerate() {
            let value = value(&given.name.text);
            let fits = value.filter(|value| given.kind.fits(value.open()));
            turn.talk.give(self.lookup, which, fits);
        }
        for (fact, _) in &lookup.fills {
            let Some(value) = value(&turn.flow.facts[*fact].name.text) else { continue };
            if turn.flow.facts[*fact].is_known_by(self.lookup) {
                turn.talk.found(self.lookup, *fact, value);
            } else if turn.takes(*fact, &value) {
                turn.fill(*fact, value, Source::Lookup(lookup.name.text.clone()), false);
            } else {
                turn.talk.refuse_known();
            }
        }
    }
}
