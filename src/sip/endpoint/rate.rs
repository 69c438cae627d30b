//! How many requests a dialog may bring: a person presses ten keys a second at most, a flood brings thousands, each of
//! which would leave a transaction for 32 s.

use crate::time::{Duration, Instant};

/// Requests in one second of one dialog; those beyond are refused, a BYE never.
pub(super) const PER_SECOND: u32 = 50;

#[derive(Default)]
pub(super) struct RequestRate {
    since: Instant,
    count: u32,
}

impl RequestRate {
    /// Counts one request; false if it is too many.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = RequestRate { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= PER_SECOND
    }
}
