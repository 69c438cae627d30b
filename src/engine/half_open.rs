//! Calls whose caller has not shown that it hears us: not yet answered, or answered and not ACKed. They are cheap to
//! make and last for half a minute, so there are fewer of them than of calls.

use crate::sip::endpoint::DialogId;
use crate::sip::hop::source_key;
use std::collections::HashMap;
use std::net::IpAddr;

/// From one source, or what it may open in a second if that is more. A carrier that begins 50 calls a second, its ACKs
/// a second away, has 50. At 7,000 calls a second 300 are what a pause of 43 ms leaves.
pub const PER_SOURCE: usize = 300;
/// In all: this part of the calls there may be, but not less than a burst of honest ones.
const PART: usize = 4;
const BURST: usize = 32;

pub struct HalfOpen {
    most: usize,
    per_source: usize,
    /// By dialog, the key of its source.
    dialogs: HashMap<DialogId, u64>,
    sources: HashMap<u64, usize>,
}

impl HalfOpen {
    /// `rate`: the calls a second that one source may open; `None`: as many as come.
    pub fn new(calls: usize, rate: Option<u32>) -> HalfOpen {
        let mut none = HalfOpen { most: 0, per_source: 0, dialogs: HashMap::new(), sources: HashMap::new() };
        none.limit(calls, rate);
        none
    }

    /// Other bounds than so far, by the same measures.
    pub fn limit(&mut self, calls: usize, rate: Option<u32>) {
        self.most = (calls / PART).max(BURST);
        self.per_source = rate.map_or(self.most, |rate| PER_SOURCE.max(rate as usize));
    }

    /// Whether this source may begin no call now.
    pub fn is_full(&self, source: IpAddr) -> bool {
        self.dialogs.len() >= self.most
            || self.sources.get(&source_key(source)).is_some_and(|open| *open >= self.per_source)
    }

    pub fn begins(&mut self, dialog: DialogId, source: IpAddr) {
        self.dialogs.insert(dialog, source_key(source));
        *self.sources.entry(source_key(source)).or_insert(0) += 1;
    }

    /// Its ACK came, or nobody waits for it any more; of any other dialog it means nothing.
    pub fn ends(&mut self, dialog: DialogId) {
        let Some(source) = self.dialogs.remove(&dialog) else { return };
        if let Some(open) = self.sources.get_mut(&source) {
            *open -= 1;
            if *open == 0 {
                self.sources.remove(&source);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.dialogs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_and_all_sources_have_their_bounds_and_get_their_room_back() {
        let mut half_open = HalfOpen::new(2 * PER_SOURCE * PART, Some(50));
        let [first, second, third] = [1, 2, 3].map(|host| IpAddr::from([192, 0, 2, host]));
        let begin = |half_open: &mut HalfOpen, from: u64, source| {
            for dialog in from..from + PER_SOURCE as u64 {
                assert!(!half_open.is_full(source), "{dialog}");
                half_open.begins(DialogId(dialog), source);
            }
        };
        begin(&mut half_open, 0, first);
        assert!(half_open.is_full(first) && !half_open.is_full(second));
        begin(&mut half_open, 1_000, second);
        assert!(half_open.is_full(third), "all together are too many");
        half_open.ends(DialogId(0));
        half_open.ends(DialogId(0));
        assert!(!half_open.is_full(first) && !half_open.is_full(third) && half_open.is_full(second));
        assert_eq!(half_open.len(), 2 * PER_SOURCE - 1);
    }
    #[test]
    fn a_source_has_what_it_may_open_in_a_second_and_without_a_rate_all() {
        let source = IpAddr::from([192, 0, 2, 1]);
        let (all, second) = (2 * PER_SOURCE, PER_SOURCE + 100);
        for (rate, most) in [(None, all), (Some(second as u32), second), (Some(1), PER_SOURCE), (Some(100_000), all)] {
            let mut half_open = HalfOpen::new(all * PART, rate);
            for dialog in 0..most as u64 {
                assert!(!half_open.is_full(source), "{rate:?} {dialog}");
                half_open.begins(DialogId(dialog), source);
            }
            assert!(half_open.is_full(source), "{rate:?}");
        }
    }
}
