//! How many INFO a dialog may bring: a person presses ten keys a second at most, a flood brings thousands.

use crate::time::{Duration, Instant};

/// INFO in one second of one dialog; those beyond are refused.
pub(super) const INFO_PER_SECOND: u32 = 50;

#[derive(Default)]
pub(super) struct InfoRate {
    since: Instant,
    count: u32,
}

impl InfoRate {
    /// Counts one INFO; false if it is too many.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = InfoRate { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= INFO_PER_SECOND
    }
}
