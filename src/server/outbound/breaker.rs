//! Leaves a server alone that has failed again and again: whoever calls meanwhile does not wait for it.

use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open; then one exchange tries, and each further pause another one.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// Open until then.
    until: Option<Instant>,
}

/// What an exchange changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    None,
    Opened,
    Closed,
}

impl Breaker {
    /// Whether an exchange may be tried now.
    pub fn admits(&mut self, now: Instant) -> bool {
        let admits = self.until.is_none_or(|until| now >= until);
        if admits && self.until.is_some() {
            // The others wait for what comes of this one, or for the next pause.
            self.until = Some(now + PAUSE);
        }
        admits
    }

    /// How an exchange ended.
    pub fn told(&mut self, now: Instant, well: bool) -> Turn {
        if well {
            self.failures = 0;
            return if self.until.take().is_some() { Turn::Closed } else { Turn::None };
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES {
            return Turn::None;
        }
        if self.until.replace(now + PAUSE).is_none() { Turn::Opened } else { Turn::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        let begin = Instant::now();
        for _ in 1..FAILURES {
            assert_eq!(breaker.told(begin, false), Turn::None);
        }
        assert_eq!(breaker.told(begin, true), Turn::None);
        for failure in 1..=FAILURES {
            assert!(breaker.admits(begin));
            let expected = if failure == FAILURES { Turn::Opened } else { Turn::None };
            assert_eq!(breaker.told(begin, false), expected);
        }
        assert!(!breaker.admits(begin + PAUSE / 2));
        let later = begin + PAUSE;
        assert!(breaker.admits(later), "one tries");
        assert!(!breaker.admits(later), "and the others wait for it");
        assert_eq!(breaker.told(later, false), Turn::None, "told of once");
        assert!(!breaker.admits(later + PAUSE / 2));
        assert!(breaker.admits(later + PAUSE), "whatever became of the one that tried");
        assert_eq!(breaker.told(later + PAUSE, true), Turn::Closed);
        assert!(breaker.admits(later + PAUSE));
    }
}
