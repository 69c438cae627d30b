//! How much of a core a thread has, and how much it would have if nobody else were on it.

use crate::os::sys::ThreadTimes;
use crate::time::{Duration, Instant};

/// Shares are told anew each time this has passed.
pub const WINDOW: Duration = Duration::from_millis(100);

/// Of one window, in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The thread had it.
    pub busy: u64,
    /// It had it, or was ready to run while others had it: on a core of its own, the same as `busy`.
    pub wanted: u64,
}

/// Measures the thread that it lives on.
#[derive(Debug)]
pub struct Meter {
    times: ThreadTimes,
    since: Instant,
    /// Microseconds on a core, and ready for one, at `since`.
    had: (u64, u64),
}

impl Meter {
    pub fn start(now: Instant) -> Self {
        let mut times = ThreadTimes::of_this_thread();
        Self { had: times.read(), times, since: now }
    }

    /// The shares of the window that has passed, if one has.
    pub fn turn(&mut self, now: Instant) -> Option<Share> {
        let passed = now.since(self.since);
        if passed < WINDOW {
            return None;
        }
        let had = self.times.read();
        let permille = |micros: u64| micros * 1000 / passed.as_micros() as u64;
        let (ran, waited) = (had.0.saturating_sub(self.had.0), had.1.saturating_sub(self.had.1));
        (self.had, self.since) = (had, now);
        Some(Share { busy: permille(ran), wanted: permille(ran + waited) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::clock::Clock;

    #[test]
    fn a_thread_that_never_rests_wants_a_core() {
        let clock = Clock::start();
        let mut meter = Meter::start(clock.now());
        let share = loop {
            if let Some(share) = meter.turn(clock.now()) {
                break share;
            }
        };
        assert!((950..1050).contains(&share.wanted) && share.busy <= share.wanted, "{share:?}");
    }
}
