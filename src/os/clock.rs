//! The clock of the whole process: monotonic, and one zero for every thread.

use super::sys;
use crate::time::{Duration, Instant};

/// Copies agree: they count from the same zero.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Microseconds of CLOCK_MONOTONIC at `Instant::ZERO`.
    zero: u64,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { zero: sys::monotonic_micros() }
    }

    pub fn now(&self) -> Instant {
        Instant::from_micros(sys::monotonic_micros().saturating_sub(self.zero))
    }

    /// Blocks the thread until `at`; returns at once if that has passed.
    pub fn sleep_until(&self, at: Instant) {
        sys::sleep_until(Duration::from_micros(self.zero + at.as_micros()));
    }
}
