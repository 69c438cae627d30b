//! Lines that we hold for a destination: so many callers at once are with its people, the others wait their turn in the
//! order in which they came. It knows numbers of calls and no call.

use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a line may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Callers with people.
    pub at_once: usize,
    /// Callers who wait.
    pub size: usize,
}

/// What a caller in a line learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Its place, 1 for the next, and how long the wait may take, once anybody knows.
    Place { position: u32, wait: Option<Duration> },
    /// It is with a person now, or on the way there.
    Turn,
    /// There is no room.
    Full,
}

#[derive(Debug)]
struct Line {
    bounds: Bounds,
    /// Callers with people.
    served: Vec<u32>,
    waiting: VecDeque<u32>,
    /// When somebody's turn last came, and how long one took to follow the other, while there were any.
    last_turn: Option<Instant>,
    pace: Option<Duration>,
}

/// Every line, by its name.
#[derive(Debug, Default)]
pub struct Lines {
    lines: BTreeMap<String, Line>,
    /// Which line a call is in; it is in one at most.
    calls: HashMap<u32, String>,
    words: VecDeque<(u32, Word)>,
}

impl Lines {
    /// A call comes into a line, and out of any other. The bounds are those of its flow, which may have changed.
    pub fn join(&mut self, now: Instant, name: &str, bounds: Bounds, call: u32) {
        self.leave(now, call);
        let line = self.lines.entry(name.to_owned()).or_insert_with(|| Line {
            bounds,
            served: Vec::new(),
            waiting: VecDeque::new(),
            last_turn: None,
            pace: None,
        });
        line.bounds = bounds;
        if line.served.len() >= bounds.at_once && line.waiting.len() >= bounds.size {
            return self.words.push_back((call, Word::Full));
        }
        line.waiting.push_back(call);
        self.calls.insert(call, name.to_owned());
        if !line.turns(now, &mut self.words) {
            let last = line.waiting.len();
            line.tell(last - 1, &mut self.words);
        }
    }

    /// Of each line: its name, callers who wait, callers with people.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.lines.iter().map(|(name, line)| (name.as_str(), line.waiting.len(), line.served.len()))
    }

    /// A call is out of its line, whether it waited or was with somebody.
    pub fn leave(&mut self, now: Instant, call: u32) {
        let Some(name) = self.calls.remove(&call) else { return };
        let Some(line) = self.lines.get_mut(&name) else { return };
        line.served.retain(|served| *served != call);
        let place = line.waiting.iter().position(|waiting| *waiting == call);
        if let Some(place) = place {
            line.waiting.remove(place);
        }
        if !line.turns(now, &mut self.words)
            && let Some(place) = place
        {
            line.tell(place, &mut self.words);
        }
        // What no call is in is remembered by nobody.
        if line.served.is_empty() && line.waiting.is_empty() {
            self.lines.remove(&name);
        }
    }

    /// Whom to tell what next.
    pub fn poll(&mut self) -> Option<(u32, Word)> {
        self.words.pop_front()
    }
}

impl Line {
    /// Gives turns while there is room. True if there was one: then everybody behind has heard of it.
    fn turns(&mut self, now: Instant, words: &mut VecDeque<(u32, Word)>) -> bool {
        let before = self.served.len();
        while self.served.len() < self.bounds.at_once {
            let Some(call) = self.waiting.pop_front() else { break };
            self.served.push(call);
            words.push_back((call, Word::Turn));
        }
        let turned = self.served.len() > before;
        if turned {
            let took = self.last_turn.replace(now).map(|last| now.since(last));
            // An eighth of what is new: one long talk does not frighten everybody.
            self.pace = match (self.pace, took) {
                (Some(pace), Some(took)) => Some((pace * 7 + took) / 8),
                (pace, took) => pace.or(took),
            };
            self.tell(0, words);
        }
        turned
    }

    /// Tells everybody from a place on where they are.
    fn tell(&self, from: usize, words: &mut VecDeque<(u32, Word)>) {
        for (ahead, call) in self.waiting.iter().enumerate().skip(from) {
            let position = u32::try_from(ahead + 1).unwrap_or(u32::MAX);
            words.push_back((*call, Word::Place { position, wait: self.pace.map(|pace| pace * position) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { at_once: 1, size: 2 };

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn told(lines: &mut Lines) -> Vec<(u32, Word)> {
        std::iter::from_fn(|| lines.poll()).collect()
    }

    fn place(position: u32, wait: Option<u64>) -> Word {
        Word::Place { position, wait: wait.map(Duration::from_secs) }
    }

    #[test]
    fn turns_come_in_order_and_everybody_hears_of_it() {
        let mut lines = Lines::default();
        for call in 1..=4 {
            lines.join(at(0), "desk", BOUNDS, call);
        }
        assert_eq!(told(&mut lines), [(1, Word::Turn), (2, place(1, None)), (3, place(2, None)), (4, Word::Full)]);
        assert_eq!(lines.lengths().collect::<Vec<_>>(), [("desk", 2, 1)]);
        lines.leave(at(60), 1);
        assert_eq!(told(&mut lines), [(2, Word::Turn), (3, place(1, Some(60)))]);
        // One who gives up makes room behind; who was refused is in no line.
        lines.join(at(61), "desk", BOUNDS, 5);
        lines.leave(at(62), 3);
        lines.leave(at(62), 4);
        assert_eq!(told(&mut lines), [(5, place(2, Some(120))), (5, place(1, Some(60)))]);
        lines.leave(at(63), 2);
        lines.leave(at(64), 5);
        assert_eq!(told(&mut lines), [(5, Word::Turn)]);
        assert_eq!(lines.lengths().count(), 0);
    }

    #[test]
    fn a_call_is_in_one_line_and_joins_another_by_leaving_it() {
        let mut lines = Lines::default();
        lines.join(at(0), "a", BOUNDS, 1);
        lines.join(at(0), "a", BOUNDS, 2);
        lines.join(at(1), "b", BOUNDS, 1);
        assert_eq!(told(&mut lines), [(1, Word::Turn), (2, place(1, None)), (2, Word::Turn), (1, Word::Turn)]);
    }

    #[test]
    fn more_room_is_given_to_who_waits() {
        let mut lines = Lines::default();
        for call in 1..=3 {
            lines.join(at(0), "a", BOUNDS, call);
        }
        told(&mut lines);
        // The flow was edited: from now on two at once.
        lines.join(at(1), "a", Bounds { at_once: 3, size: 2 }, 4);
        assert_eq!(told(&mut lines), [(2, Word::Turn), (3, Word::Turn), (4, place(1, Some(1)))]);
    }
}
