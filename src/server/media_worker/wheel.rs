//! The worker's wheel: one slot a tick, one turn of it every 20 ms; each stream waits in the slot of its next step.

use crate::media::{FRAME_TIME, StreamId};
use crate::time::Duration;

#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<StreamId>>,
}

impl Wheel {
    /// `None` unless whole ticks of at least one millisecond make up 20 ms, and two of them at least.
    pub fn new(tick: Duration) -> Option<Self> {
        let (frame, tick) = (FRAME_TIME.as_micros(), tick.as_micros());
        if !(1_000..=frame / 2).contains(&tick) || frame % tick != 0 {
            return None;
        }
        let slots = usize::try_from(frame / tick).ok()?;
        Some(Self { slots: vec![Vec::new(); slots] })
    }

    pub fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Of the turn after tick `now`, the first tick with the fewest streams.
    pub fn emptiest(&self, now: u64) -> u64 {
        (now + 1..=now + self.len()).min_by_key(|&tick| self.slots[self.slot(tick)].len()).unwrap_or(now + 1)
    }

    /// Puts a stream where tick `at` finds it; returns its slot.
    pub fn place(&mut self, id: StreamId, at: u64) -> usize {
        let slot = self.slot(at);
        self.slots[slot].push(id);
        slot
    }

    pub fn remove(&mut self, id: StreamId, slot: usize) {
        if let Some(position) = self.slots[slot].iter().position(|&other| other == id) {
            self.slots[slot].swap_remove(position);
        }
    }

    /// Takes the streams of this tick's slot, in exchange for an empty list with room.
    pub fn take(&mut self, tick: u64, into: &mut Vec<StreamId>) {
        into.clear();
        let slot = self.slot(tick);
        std::mem::swap(&mut self.slots[slot], into);
    }

    /// The streams whose step is so many ticks away.
    pub fn ahead(&self, tick: u64, ticks: u64) -> &[StreamId] {
        &self.slots[self.slot(tick + ticks)]
    }

    fn slot(&self, tick: u64) -> usize {
        (tick % self.len()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_whole_ticks() {
        let slots = |micros| Wheel::new(Duration::from_micros(micros)).map(|wheel| wheel.len());
        let cases =
            [(1000, Some(20)), (2000, Some(10)), (5000, Some(4)), (10_000, Some(2)), (3000, None), (20_000, None)];
        for (micros, expected) in cases {
            assert_eq!(slots(micros), expected, "{micros}");
        }
        assert_eq!((slots(0), slots(500)), (None, None));
    }

    #[test]
    fn new_streams_spread_over_the_slots() {
        let mut wheel = Wheel::new(Duration::from_millis(2)).expect("a wheel");
        for call in 0..100 {
            let at = wheel.emptiest(7);
            assert!((8..=17).contains(&at));
            wheel.place(StreamId { call, leg: 0 }, at);
        }
        assert!(wheel.slots.iter().all(|slot| slot.len() == 10));
        wheel.remove(StreamId { call: 0, leg: 0 }, 8);
        assert_eq!(wheel.emptiest(7), 8);
        let mut taken = Vec::new();
        wheel.take(18, &mut taken);
        assert_eq!((taken.len(), wheel.ahead(13, 5).len()), (9, 0));
    }
}
