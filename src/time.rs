//! Monotonic time as a value. Nothing here reads a clock: the shells stamp `now` and pass it in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Add, Sub};
pub use std::time::Duration;

/// A moment of the monotonic clock, in whole microseconds since a zero that the shell chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    pub const ZERO: Instant = Instant(0);

    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` lies ahead.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, by: Duration) -> Instant {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, by: Duration) -> Instant {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_sub(micros))
    }
}

/// Deadlines in the order in which they fall due; equal ones in the order in which they were set.
///
/// A deadline cannot be taken back: its owner keeps the one that counts and ignores the others when
/// they come. That costs a comparison and saves a search.
#[derive(Debug)]
pub struct Deadlines<K> {
    heap: BinaryHeap<Reverse<(Instant, u64, K)>>,
    set: u64,
}

impl<K: Ord> Default for Deadlines<K> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), set: 0 }
    }
}

impl<K: Ord> Deadlines<K> {
    pub fn set(&mut self, at: Instant, key: K) {
        self.set += 1;
        self.heap.push(Reverse((at, self.set, key)));
    }

    /// The earliest deadline, whether or not its owner still wants it.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes the earliest deadline that is due at `now`.
    pub fn due(&mut self, now: Instant) -> Option<(Instant, K)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, key))| (at, key))
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fall_due_in_order_and_ties_in_the_order_set() {
        let at = Instant::from_micros;
        let mut deadlines = Deadlines::default();
        deadlines.set(at(20), 'c');
        deadlines.set(at(10), 'b');
        deadlines.set(at(10), 'a');
        assert_eq!(deadlines.due(at(9)), None);
        assert_eq!(deadlines.due(at(15)), Some((at(10), 'b')));
        assert_eq!(deadlines.due(at(15)), Some((at(10), 'a')));
        assert_eq!(deadlines.due(at(15)), None);
        assert_eq!(deadlines.next(), Some(at(20)));
    }

    #[test]
    fn time_before_zero_and_past_the_end_saturates() {
        assert_eq!(Instant::from_micros(5) - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(Instant::from_micros(5)), Duration::ZERO);
        assert_eq!(Instant::from_micros(u64::MAX) + Duration::MAX, Instant::from_micros(u64::MAX));
    }
}
