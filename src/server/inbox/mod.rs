//! The inbox: calls that are over, judged, without their callers, kept. One thread, that gives way to calls.
//!
//! ```text
//! control -- a call that is over --> judge --> redact --> the journal of the last calls --> `askonce record CALL`
//!                                      |                         |
//!                                      +-- event, metric         +-- as the policy says --> INBOX/CALL/call.jsonl
//! ```
//!
//! Nothing waits for it: where it has no time, no room or no disk, a call is not kept, and counted.

pub mod folder;
pub mod journal;
pub mod key;
mod policy;
mod redaction;
mod sound;

use super::recorder::{Said, Taker};
use super::store::Places;
use super::{NotStarted, not_started};
use crate::config::{Config, Fixtures, Keeping};
use crate::engine::Finished;
use crate::os::sys::give_way;
use crate::rerun::judge::{INVARIANTS, Violation, judge};
use crate::rerun::packets::Wanted;
use crate::rerun::redact::{Key, Redacted};
use crate::time::Duration;
use folder::{Folder, NotPut};
use journal::Journal;
use redaction::Redaction;
use sound::Sounds;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Calls that wait for the thread; most of them take some 50 kB.
const QUEUE: usize = 256;
/// How often it is looked for what is too old.
const SWEEP: Duration = Duration::from_secs(3_600);
/// Violations of one call that the log tells.
const TOLD: usize = 5;

/// What became of calls; read by whoever reports.
#[derive(Debug, Default, serde::Serialize)]
pub struct Counters {
    /// Calls that were judged.
    pub judged: AtomicU64,
    /// Recordings in the journal, and in the inbox.
    pub journalled: AtomicU64,
    pub kept: AtomicU64,
    /// Calls of which nothing is kept, for too many others waited.
    pub refused: AtomicU64,
    /// Calls of which nothing may be kept: they cannot be redacted.
    pub unredacted: AtomicU64,
    /// Calls that did something else than their rerun; of those that were to be redacted.
    pub differed: AtomicU64,
    /// Recordings that the disk would not take.
    pub unwritten: AtomicU64,
    /// Fixtures for which the inbox has no room.
    pub full: AtomicU64,
    /// Fixtures that were to have sound, and have none.
    pub unheard: AtomicU64,
}

/// What the thread and its owner both see.
#[derive(Default)]
struct Seen {
    counters: Counters,
    /// By `INVARIANTS`.
    violated: [AtomicU64; INVARIANTS.len()],
}

pub struct Inbox {
    calls: SyncSender<Box<Finished>>,
    /// If fixtures are to have sound.
    said: Option<Sender<Said>>,
    keeping: Arc<Mutex<Keeping>>,
    seen: Arc<Seen>,
    thread: JoinHandle<()>,
}

impl Inbox {
    /// `None` where the configuration keeps no calls.
    pub fn of(config: &Config, places: &Places) -> Result<Option<Inbox>, NotStarted> {
        config.record.fixtures.as_ref().map(|fixtures| Inbox::start(places, fixtures)).transpose()
    }

    /// Makes folders and key, if they are not there, and starts the thread.
    fn start(places: &Places, fixtures: &Fixtures) -> Result<Inbox, NotStarted> {
        let failed = |what: &str, place: &std::path::Path, error: std::io::Error| {
            not_started(format!("{what} {}", place.display()), error, "a place that this user may write")
        };
        let journal = places.journal();
        let key = key::read_or_make(&places.redaction_key())?;
        let seen = Arc::new(Seen::default());
        let keeping = Arc::new(Mutex::new(fixtures.keeping.clone()));
        let (calls, queue) = sync_channel(QUEUE);
        // Bounded by the memory that the recorder has for it.
        let (said, heard) = channel();
        let desk = Desk {
            sounds: Sounds::new(Wanted { wav: fixtures.audio, pcap: fixtures.packets }, heard),
            redaction: Redaction(Key::new(&key)),
            journal: Journal::open(&journal, fixtures.journal)
                .map_err(|error| failed("the journal", &journal, error))?,
            folder: Folder::open(&places.inbox).map_err(|error| failed("the inbox", &places.inbox, error))?,
            keeping: keeping.clone(),
            seen: seen.clone(),
            retention: places.retention.fixtures,
        };
        let thread = std::thread::Builder::new().name("inbox".to_owned()).spawn(move || desk.run(&queue));
        let thread = thread.map_err(|error| not_started("the inbox's thread", error, "this system cannot serve"))?;
        Ok(Inbox { calls, said: fixtures.sounds().then_some(said), keeping, seen, thread })
    }

    /// A call is over. If the thread is behind, nothing of it is kept.
    pub fn take(&self, finished: Box<Finished>) {
        if self.calls.try_send(finished).is_err() {
            count(&self.seen.counters.refused);
        }
    }

    /// Where the recorder puts what callers said; `None`: it is not wanted.
    pub fn taker(&self) -> Option<Taker> {
        let said = self.said.clone()?;
        // The thread is gone only when the service ends.
        Some(Box::new(move |heard| drop(said.send(heard))))
    }

    /// Another policy, for calls that are looked at from now on.
    pub fn keep(&self, keeping: &Keeping) {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner).clone_from(keeping);
    }

    pub fn counters(&self) -> &Counters {
        &self.seen.counters
    }

    /// How often each promise was broken, those among them that never were.
    pub fn violated(&self) -> Vec<(&'static str, u64)> {
        let counts = self.seen.violated.iter().map(|count| count.load(Ordering::Relaxed));
        INVARIANTS.iter().map(|invariant| invariant.code).zip(counts).collect()
    }

    /// Keeps what waits, and stops.
    pub fn close(self) {
        drop(self.calls);
        if self.thread.join().is_err() {
            tracing::error!("the inbox's thread had died");
        }
    }
}

struct Desk {
    redaction: Redaction,
    sounds: Sounds,
    journal: Journal,
    folder: Folder,
    keeping: Arc<Mutex<Keeping>>,
    seen: Arc<Seen>,
    /// How long what is kept is kept.
    retention: Option<Duration>,
}

impl Desk {
    fn run(mut self, queue: &Receiver<Box<Finished>>) {
        // A call that is over has time.
        if let Err(error) = give_way() {
            tracing::warn!(%error, "to keep calls may take time from others");
        }
        let mut swept = None;
        loop {
            let due = swept.is_none_or(|at: std::time::Instant| at.elapsed() >= SWEEP);
            if due {
                self.sweep();
                swept = Some(std::time::Instant::now());
            }
            match queue.recv_timeout(SWEEP) {
                Ok(finished) => self.look_at(*finished),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look_at(&mut self, finished: Finished) {
        let Finished { fixture, service, sound, .. } = &finished;
        let said = sound.then(|| self.sounds.of(&fixture.header.call));
        let call = fixture.header.call.as_str();
        let violations = judge(&fixture.header, &fixture.lines, &service.program);
        count(&self.seen.counters.judged);
        self.tell(call, &violations);
        let why = {
            let keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
            policy::why(&keeping, &finished, &violations)
        };
        if why.is_none() && !self.journal.is_kept() {
            return;
        }
        let redacted = self.redaction.redact(&finished).and_then(|redacted| Ok((written(&redacted)?, redacted)));
        let (text, mut redacted) = match redacted {
            Ok(redacted) => redacted,
            Err(why) => {
                count(&self.seen.counters.unredacted);
                return tracing::warn!(call, why, "a call cannot be redacted: nothing of it is kept");
            }
        };
        let differs = redacted.fixture.header.live_differs;
        let counters = &self.seen.counters;
        if differs {
            count(&counters.differed);
            tracing::warn!(
                call,
                "a live call did something else than its rerun: one of the two is wrong, report it with its recording"
            );
        }
        if self.journal.is_kept() {
            match self.journal.put(call, &text) {
                Ok(()) => count(&counters.journalled),
                Err(error) => unwritten(counters, call, &NotPut::Disk(error)),
            }
        }
        let Some(why) = why.or(differs.then_some("its rerun differs")) else { return };
        let kept = match said {
            None => self.folder.put(call, &[(folder::CALL, text.as_bytes())]),
            Some(said) => self.put_with_sound(call, &mut redacted, said),
        };
        match kept {
            Ok(()) => {
                count(&self.seen.counters.kept);
                tracing::info!(call, why, "a call is kept as a fixture");
            }
            Err(error) => unwritten(&self.seen.counters, call, &error),
        }
    }

    fn put_with_sound(&mut self, call: &str, redacted: &mut Redacted, said: Option<Said>) -> Result<(), NotPut> {
        let sounds = self.sounds.put_beside(redacted, said).unwrap_or_else(|why| {
            count(&self.seen.counters.unheard);
            tracing::warn!(call, why, "a fixture has no sound");
            Vec::new()
        });
        let text = written(redacted).map_err(|why| NotPut::Disk(std::io::Error::other(why)))?;
        let sounds = sounds.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        let files: Vec<(&str, &[u8])> = std::iter::once((folder::CALL, text.as_bytes())).chain(sounds).collect();
        self.folder.put(call, &files)
    }

    /// Without a value: a message has names only.
    fn tell(&self, call: &str, violations: &[Violation]) {
        for violation in violations {
            let at = INVARIANTS.iter().position(|invariant| invariant.code == violation.code);
            at.into_iter().for_each(|at| count(&self.seen.violated[at]));
        }
        for Violation { code, t, place, line, message, remedy } in violations.iter().take(TOLD) {
            let (block, step) = place.as_ref().map(|(block, step)| (block.as_str(), *step)).unzip();
            let seconds = *t as f64 / 1e6;
            tracing::warn!(call, code, seconds, block, step, line, remedy, "a call broke a promise: {message}");
        }
    }

    /// What is older than `retention: { fixtures: }` says.
    fn sweep(&mut self) {
        let Some(time) = self.retention else { return };
        let first = super::store::first_since(time);
        match self.journal.forget_before(&first).and_then(|journal| Ok((journal, self.folder.forget_before(&first)?))) {
            Ok((0, 0)) => {}
            Ok((journalled, fixtures)) => tracing::info!(journalled, fixtures, "what was too old is deleted"),
            Err(error) => tracing::error!(%error, "fixtures that are too old could not be deleted"),
        }
    }
}

fn written(redacted: &Redacted) -> Result<String, String> {
    redacted.fixture.write().map_err(|broken| broken.to_string())
}

/// The log tells of the first, and of each time that there are twice as many.
fn unwritten(counters: &Counters, call: &str, why: &NotPut) {
    let counter = match why {
        NotPut::Full => &counters.full,
        NotPut::Disk(_) => &counters.unwritten,
    };
    let many = counter.fetch_add(1, Ordering::Relaxed) + 1;
    if many.is_power_of_two() {
        tracing::error!(call, %why, calls = many, "what a call left could not be written; calls go on");
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
