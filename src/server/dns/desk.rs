//! Who asked for what, and what DNS last said of it. Equal queries are one search. While DNS fails, what it said last is
//! given at once, and the search goes on behind it: nobody waits four seconds for a failure that is known.

use super::{AT_ONCE, Counters, Found, QUEUE, Query, Resolved, Searcher};
use crate::engine::Asker;
use crate::sip::Hop;
use crate::time::Duration;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

/// Last good answers that are kept; beyond these the one used longest ago goes.
pub const KEPT: usize = 1_024;
/// A query that failed less than this ago is expected to fail again.
const LATELY: Duration = Duration::from_secs(10);
/// How often the log tells that DNS fails.
const TELL_EVERY: Duration = Duration::from_secs(10);

pub struct Desk {
    searcher: Searcher,
    answers: mpsc::Sender<Resolved>,
    counters: Arc<Counters>,
    good: LastGood,
    /// Who waits for the answer to a query that is searched for; nobody, where the last good one was given. These
    /// searches are no more than `KEPT`, the others no more than there are askers.
    wanted: HashMap<Query, Vec<Asker>>,
    /// Of these, the queries whose search has not begun.
    line: VecDeque<Query>,
    searches: JoinSet<Found>,
    searched: HashMap<Id, Query>,
    /// Askers that wait.
    waiting: usize,
    /// When the log last told that DNS fails.
    told: Option<Instant>,
}

impl Desk {
    pub fn new(searcher: Searcher, answers: mpsc::Sender<Resolved>, counters: Arc<Counters>) -> Desk {
        Desk {
            searcher,
            answers,
            counters,
            good: LastGood::default(),
            wanted: HashMap::new(),
            line: VecDeque::new(),
            searches: JoinSet::new(),
            searched: HashMap::new(),
            waiting: 0,
            told: None,
        }
    }

    /// Takes queries until nobody can ask any more.
    pub async fn run(&mut self, queries: &mut mpsc::Receiver<(Asker, Query)>) {
        loop {
            self.begin();
            tokio::select! {
                asked = queries.recv(), if self.waiting < QUEUE => {
                    let Some((asker, query)) = asked else { return };
                    self.asked(asker, query).await;
                }
                Some(ended) = self.searches.join_next_with_id() => self.ended(ended).await,
            }
        }
    }

    /// Whoever waits hears that there is nothing, and nothing is searched for any more: after a panic.
    pub async fn give_up(&mut self) {
        self.searches = JoinSet::new();
        self.searched.clear();
        self.line.clear();
        self.waiting = 0;
        for (query, askers) in std::mem::take(&mut self.wanted) {
            self.answer(&query, askers, &[]).await;
        }
    }

    async fn asked(&mut self, asker: Asker, query: Query) {
        let stale = self.good.while_failing(&query, Instant::now());
        let (stale, askers) = match stale {
            Some(hops) => (Some((query.clone(), hops)), vec![]),
            None => (None, vec![asker]),
        };
        self.waiting += askers.len();
        match self.wanted.entry(query) {
            Entry::Occupied(mut same) => same.get_mut().extend(askers),
            Entry::Vacant(new) => {
                self.line.push_back(new.key().clone());
                new.insert(askers);
            }
        }
        if let Some((query, hops)) = stale {
            self.tell_stale(&query, 1);
            self.answer(&query, vec![asker], &hops).await;
        }
    }

    /// Begins what there is room for.
    fn begin(&mut self) {
        while self.searches.len() < AT_ONCE {
            let Some(query) = self.line.pop_front() else { return };
            let (search, asked, limit) = (self.searcher.search(), query.clone(), self.searcher.limit);
            let task = self.searches.spawn(async move { search.run(&asked, limit).await });
            self.searched.insert(task.id(), query);
        }
    }

    async fn ended(&mut self, ended: Result<(Id, Found), JoinError>) {
        let (task, found) = match ended {
            Ok((task, found)) => (task, found),
            Err(error) => {
                tracing::error!(%error, "a search in DNS died");
                (error.id(), Found { hops: Vec::new(), failed: true })
            }
        };
        let Some(query) = self.searched.remove(&task) else { return };
        let Some(askers) = self.wanted.remove(&query) else { return };
        self.waiting -= askers.len();
        let hops = self.outcome(&query, found, askers.len());
        self.answer(&query, askers, &hops).await;
    }

    /// What DNS said, if it said all of it; else its last good answer; else what there is.
    fn outcome(&mut self, query: &Query, found: Found, askers: usize) -> Vec<Hop> {
        if !found.failed {
            self.good.keep(query, &found.hops);
            return found.hops;
        }
        self.counters.failed.fetch_add(1, Relaxed);
        match self.good.failed(query, Instant::now()) {
            Some(hops) => {
                self.tell_stale(query, askers);
                hops
            }
            None => found.hops,
        }
    }

    fn tell_stale(&mut self, query: &Query, askers: usize) {
        let stale = self.counters.stale.fetch_add(askers as u64, Relaxed) + askers as u64;
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(host = query.host, stale, "DNS fails: the last good answers are used");
        }
    }

    async fn answer(&self, query: &Query, askers: Vec<Asker>, hops: &[Hop]) {
        for asker in askers {
            // Whoever takes answers is gone only when the service ends.
            let _ = self.answers.send(Resolved { asker, hops: hops.to_vec(), host: query.host.clone() }).await;
        }
    }
}

/// The last good answers.
#[derive(Default)]
struct LastGood {
    answers: HashMap<Query, Good>,
    uses: u64,
}

struct Good {
    hops: Vec<Hop>,
    /// The number of its last use.
    used: u64,
    /// When DNS failed to say it again.
    failed: Option<Instant>,
}

impl LastGood {
    /// That there is nothing is an answer too, and needs no keeping.
    fn keep(&mut self, query: &Query, hops: &[Hop]) {
        if hops.is_empty() {
            self.answers.remove(query);
            return;
        }
        if self.answers.len() >= KEPT && !self.answers.contains_key(query) {
            let oldest = self.answers.iter().min_by_key(|(_, good)| good.used).map(|(query, _)| query.clone());
            oldest.and_then(|query| self.answers.remove(&query));
        }
        self.uses += 1;
        self.answers.insert(query.clone(), Good { hops: hops.to_vec(), used: self.uses, failed: None });
    }

    /// The last good answer to a query that failed now.
    fn failed(&mut self, query: &Query, now: Instant) -> Option<Vec<Hop>> {
        self.answers.get_mut(query)?.failed = Some(now);
        self.while_failing(query, now)
    }

    /// The last good answer to a query that failed lately.
    fn while_failing(&mut self, query: &Query, now: Instant) -> Option<Vec<Hop>> {
        let good = self.answers.get_mut(query)?;
        good.failed.filter(|failed| now.saturating_duration_since(*failed) < LATELY)?;
        self.uses += 1;
        good.used = self.uses;
        Some(good.hops.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{A_EXAMPLE, searcher};
    use super::*;

    #[test]
    fn the_answer_used_longest_ago_goes_first() {
        let query = |number: usize| Query { host: number.to_string(), port: None, transport: None, secure: false };
        let (hops, now) = (["udp:192.0.2.1:5060".parse().unwrap()], Instant::now());
        let mut good = LastGood::default();
        for number in 0..KEPT {
            good.keep(&query(number), &hops);
        }
        assert!(good.failed(&query(0), now).is_some());
        good.keep(&query(KEPT), &hops);
        assert_eq!(good.answers.len(), KEPT);
        assert!(good.failed(&query(0), now).is_some() && good.failed(&query(1), now).is_none());
        // What failed long ago is searched for first.
        assert!(good.while_failing(&query(0), now + LATELY).is_none() && good.while_failing(&query(2), now).is_none());
    }

    #[tokio::test]
    async fn a_search_that_dies_and_all_that_are_given_up_answer_that_there_is_nothing() {
        let (tell, mut answers) = mpsc::channel(8);
        let mut desk = Desk::new(searcher(), tell, Arc::default());
        let query = Query { host: A_EXAMPLE.to_owned(), port: None, transport: None, secure: false };
        for call in [1, 2] {
            desk.asked(Asker::Call(call, 0), query.clone()).await;
        }
        desk.begin();
        desk.searches.abort_all();
        let ended = desk.searches.join_next_with_id().await.expect("one search for both");
        desk.ended(ended).await;
        desk.asked(Asker::Trunk(3), query).await;
        desk.begin();
        desk.give_up().await;
        for asker in [Asker::Call(1, 0), Asker::Call(2, 0), Asker::Trunk(3)] {
            let host = A_EXAMPLE.to_owned();
            assert_eq!(answers.try_recv(), Ok(Resolved { asker, hops: Vec::new(), host }));
        }
        assert_eq!((desk.waiting, desk.wanted.len(), desk.searches.len()), (0, 0, 0));
    }
}
