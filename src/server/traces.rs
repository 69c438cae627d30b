//! Traces of calls on their way to the HTTP API: the control plane hands them over without waiting, the service thread
//! keeps those of the calls under way and of some that have ended.

use crate::config::MAX_CALLS;
use crate::record::trace::{Entry, Head, Told, Trace};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// What may wait for the service thread; in the last part of it there is room for begins and ends only.
const QUEUE: usize = 32_768;
const FOR_BEGINS_AND_ENDS: usize = 16_384;
/// Calls that have ended and are kept, and what all traces take together at most.
const ENDED: usize = 200;
const BYTES: usize = 64 << 20;
/// Calls under way and their trails of a second.
const UNDER_WAY: usize = 2 * MAX_CALLS;

/// The control plane's end.
pub struct Publisher {
    to: mpsc::Sender<Told>,
    /// What did not get through, by call.
    missing: HashMap<String, u64>,
    /// Ends that found no room and go before anything else: without its end a call is under way for ever.
    owed: VecDeque<Told>,
    /// What did not get through at all.
    pub lost: u64,
}

/// The queue between the two.
pub fn queue() -> (Publisher, mpsc::Receiver<Told>) {
    let (to, from) = mpsc::channel(QUEUE);
    (Publisher { to, missing: HashMap::new(), owed: VecDeque::new(), lost: 0 }, from)
}

impl Publisher {
    /// What finds no room is counted, and the trace says so at its end.
    pub fn tell(&mut self, mut told: Told) {
        while let Some(over) = self.owed.pop_front() {
            if let Err(full) = self.to.try_send(over) {
                self.owed.push_front(full.into_inner());
                break;
            }
        }
        match &mut told {
            Told::Entry { call, .. } if self.to.capacity() < FOR_BEGINS_AND_ENDS => {
                *self.missing.entry(std::mem::take(call)).or_insert(0) += 1;
                self.lost += 1;
                return;
            }
            Told::Over { call, dropped } => *dropped += self.missing.remove(call).unwrap_or(0),
            Told::Begun(_) | Told::Entry { .. } => {}
        }
        match self.to.try_send(told).map_err(TrySendError::into_inner) {
            Ok(()) => {}
            Err(over @ Told::Over { .. }) if self.owed.len() < UNDER_WAY => self.owed.push_back(over),
            Err(_) => self.lost += 1,
        }
    }
}

/// The service thread's end. Its clones are the same traces.
#[derive(Clone, Default)]
pub struct Traces(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    calls: HashMap<String, Trace>,
    ended: VecDeque<String>,
    bytes: usize,
}

impl Traces {
    /// Takes what the control plane tells, until it is gone.
    pub async fn follow(self, mut told: mpsc::Receiver<Told>) {
        while let Some(told) = told.recv().await {
            self.with(|kept| kept.take(told));
        }
    }

    /// The calls under way, oldest first.
    pub fn under_way(&self) -> Vec<Head> {
        let under_way =
            |kept: &mut Kept| kept.calls.values().map(|trace| &trace.head).filter(|head| !head.over).cloned().collect();
        let mut heads: Vec<Head> = self.with(under_way);
        heads.sort_by(|a, b| a.call.cmp(&b.call));
        heads
    }

    /// The trace of a call that is under way, or that ended not long ago.
    pub fn of(&self, call: &str) -> Option<Trace> {
        self.with(|kept| kept.calls.get(call).cloned())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn take(&mut self, told: Told) {
        match told {
            Told::Begun(head) if self.calls.len() < UNDER_WAY + ENDED => {
                self.calls.insert(head.call.clone(), Trace { head, entries: Vec::new() });
            }
            Told::Begun(head) => tracing::warn!(call = head.call, "no room for the trace of a call"),
            Told::Entry { call, entry } => self.add(&call, entry),
            Told::Over { call, dropped } => {
                let Some(trace) = self.calls.get_mut(&call) else { return };
                trace.head.over = true;
                trace.head.dropped += dropped;
                self.ended.push_back(call);
                if self.ended.len() > ENDED {
                    self.forget_oldest();
                }
            }
        }
    }

    fn add(&mut self, call: &str, entry: Entry) {
        while self.bytes + entry.size() > BYTES && self.forget_oldest() {}
        let room = self.bytes + entry.size() <= BYTES;
        let Some(trace) = self.calls.get_mut(call) else { return };
        if room {
            self.bytes += entry.size();
            trace.entries.push(entry);
        } else {
            trace.head.dropped += 1;
        }
    }

    /// False: no ended call is left.
    fn forget_oldest(&mut self) -> bool {
        let Some(call) = self.ended.pop_front() else { return false };
        let entries = self.calls.remove(&call).into_iter().flat_map(|trace| trace.entries);
        self.bytes -= entries.map(|entry| entry.size()).sum::<usize>();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::trace::Note;

    fn begun(call: &str) -> Told {
        let at = "2026-12-01T10:15:00Z".parse().expect("a time");
        let (call, flow, from) = (call.to_owned(), "desk".to_owned(), "****01".to_owned());
        Told::Begun(Head { call, flow, at, from, over: false, dropped: 0 })
    }

    fn entry(call: &str, size: usize) -> Told {
        let entry = Entry::Note(Note { t: 0, note: "say".to_owned(), leg: None, what: "x".repeat(size) });
        Told::Entry { call: call.to_owned(), entry }
    }

    fn over(call: &str) -> Told {
        Told::Over { call: call.to_owned(), dropped: 3 }
    }

    #[test]
    fn ended_calls_make_room_and_one_under_way_is_never_forgotten() {
        let traces = Traces::default();
        let tell = |told| traces.with(|kept| kept.take(told));
        for number in 0..=ENDED {
            let call = format!("{number:03}");
            [begun(&call), entry(&call, 10), over(&call)].into_iter().for_each(tell);
        }
        assert!(traces.of("000").is_none() && traces.of("001").is_some_and(|trace| trace.head.dropped == 3));
        tell(begun("live"));
        for _ in 0..3 {
            tell(entry("live", BYTES / 2 - 200));
        }
        assert!(traces.of("200").is_none(), "all that ended made room");
        let live = traces.of("live").expect("it is under way");
        assert_eq!((live.entries.len(), live.head.dropped), (2, 1));
        assert_eq!(traces.under_way().len(), 1);
        tell(over("live"));
        assert_eq!(traces.under_way().len(), 0);
    }

    #[test]
    fn a_full_queue_loses_entries_before_ends_and_says_so() {
        let (mut publisher, mut queue) = queue();
        publisher.tell(begun("a"));
        for _ in 0..QUEUE {
            publisher.tell(entry("a", 1));
        }
        publisher.tell(over("a"));
        let told: Vec<Told> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
        let missing = (QUEUE - (told.len() - 2)) as u64;
        assert_eq!(publisher.lost, missing);
        assert!(missing > 0 && matches!(told.last(), Some(Told::Over { dropped, .. }) if *dropped == missing + 3));
    }

    #[test]
    fn an_end_that_finds_no_room_comes_when_there_is_some() {
        let (mut publisher, mut queue) = queue();
        for _ in 0..QUEUE {
            publisher.tell(begun("a"));
        }
        publisher.tell(over("a"));
        assert_eq!(publisher.lost, 0);
        while queue.try_recv().is_ok() {}
        publisher.tell(begun("b"));
        let told: Vec<Told> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
        assert!(matches!(&told[..], [Told::Over { call, .. }, Told::Begun(_)] if call == "a"));
    }
}
