//! A recording of what the caller says, under way: it has no keys, and its value is the name of the take.
//!
//! ```text
//! prompt, tone .... the recorder listens ...................... its word: a take, or nothing was said
//!   a key: the tone at once   | a key: it stops
//!                             | else it stops by itself: silence, or as long as it may be
//! ```

use super::{Action, Event, Turn};
use crate::context::Outcome;
use crate::secret::Secret;
use crate::time::{Duration, Instant};

/// The recorder keeps the time itself, and writes what it heard behind the clock.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Taking {
    fact: usize,
    longest: Duration,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// The prompt and the tone, or the tone alone.
    Prompt { play: u32, bare: bool },
    /// The caller speaks; `stopped` says that a key ended it.
    Hearing { take: String, until: Instant, stopped: bool },
}

/// How it ended.
#[derive(Clone, Debug)]
pub enum Taken {
    Take(Secret),
    /// Nothing was said.
    Silent,
    /// The caller wants a person.
    Escape,
    /// Nothing could be recorded.
    Failed,
}

impl Taking {
    pub fn begin(turn: &mut Turn, fact: usize, prompt: &str, longest: Duration) -> Taking {
        let play = turn.play_tone(Some(prompt));
        Taking { fact, longest, phase: Phase::Prompt { play, bare: false } }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Prompt { .. } => None,
            Phase::Hearing { until, .. } => Some(*until),
        }
    }

    /// How it ended, if it did.
    pub fn on(&mut self, turn: &mut Turn, event: Event) -> Option<Taken> {
        match (&mut self.phase, event) {
            (_, Event::Key(key)) if turn.is_escape(self.fact, key, false) => {
                turn.answered();
                self.stop(turn);
                return Some(Taken::Escape);
            }
            (Phase::Prompt { bare, .. }, Event::Key(_)) if !*bare => {
                turn.answered();
                turn.act(Action::Stop);
                self.phase = Phase::Prompt { play: turn.play_tone(None), bare: true };
            }
            (Phase::Prompt { play, .. }, Event::PlayEnded(ended)) if *play == ended => {
                let take = turn.next_take();
                turn.act(Action::Take { take: take.clone(), longest: self.longest });
                let until = turn.now + self.longest + GRACE;
                self.phase = Phase::Hearing { take, until, stopped: false };
            }
            // What follows is for the next prompt.
            (Phase::Hearing { stopped: true, .. }, Event::Key(key)) => turn.type_ahead(key),
            (Phase::Hearing { until, .. }, Event::Key(_)) => {
                turn.answered();
                *until = turn.now + GRACE;
                self.stop(turn);
            }
            (Phase::Hearing { take, .. }, Event::Taken { take: ended, outcome }) if *take == ended => {
                return Some(match outcome {
                    Outcome::Ok => Taken::Take(Secret::new(ended)),
                    Outcome::None => Taken::Silent,
                    Outcome::Refused | Outcome::Slow | Outcome::Failed => Taken::Failed,
                });
            }
            (Phase::Hearing { until, .. }, Event::Deadline) if *until <= turn.now => {
                self.stop(turn);
                return Some(Taken::Failed);
            }
            _ => {}
        }
        None
    }

    fn stop(&mut self, turn: &mut Turn) {
        match &mut self.phase {
            Phase::Prompt { .. } => turn.act(Action::Stop),
            Phase::Hearing { take, stopped, .. } => {
                if !std::mem::replace(stopped, true) {
                    turn.act(Action::EndTake { take: take.clone() });
                }
            }
        }
    }
}
