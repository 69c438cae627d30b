//! The store: one writer thread over SQLite. Contexts, call records and recordings go through one bounded
//! queue; what is waiting is committed together, at once if a call waits for it. With a write-ahead log `synchronous=NORMAL`
//! survives the death of the process, and `FULL` a power cut as well.

use crate::call::cdr::Cdr;
use crate::config::Synchronous;
use crate::engine::{CallNumber, ContextRow};
use crate::record::Fixture;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rows that may wait for the writer. Beyond it a row is refused, and its call told so.
const QUEUE: usize = 16_384;
/// Rows committed together at most, so that no call waits behind a huge batch.
const BATCH: usize = 512;
/// What no call waits for waits this long for more: each commit costs as much as ten rows, and waking the writer as
/// much as handing it a row.
const PATIENCE: Duration = Duration::from_millis(50);
/// A context reference is good for this long after its call; if the word of its end is lost, as if the call had
/// been the longest there is.
const REFERENCE_LIVES: SignedDuration = SignedDuration::from_mins(10);
const LONGEST_CALL: SignedDuration = SignedDuration::from_mins(4 * 60 + 10);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS context (
        call TEXT PRIMARY KEY, kase TEXT NOT NULL, document TEXT NOT NULL, stored TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reference (
        reference TEXT PRIMARY KEY, call TEXT NOT NULL, destination TEXT NOT NULL, expires INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS reference_call ON reference (call);
    CREATE INDEX IF NOT EXISTS reference_expires ON reference (expires);
    CREATE TABLE IF NOT EXISTS cdr (
        call TEXT PRIMARY KEY, started TEXT NOT NULL, disposition TEXT NOT NULL, record TEXT NOT NULL
    ) STRICT;
";

/// Something to keep.
pub enum Row {
    Context(Box<ContextRow>),
    Cdr(Box<Cdr>),
    Recording(Box<Fixture>),
    /// The call of that name is over: its references begin to expire.
    Over(String),
}

impl Row {
    /// A call goes on only once it is kept.
    fn is_awaited(&self) -> bool {
        matches!(self, Row::Context(_))
    }
}

/// The writer's word on a context.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    pub call: CallNumber,
    pub store: u32,
    pub kept: bool,
}

/// Where things are kept.
#[derive(Clone, Debug)]
pub struct Places {
    pub database: PathBuf,
    pub synchronous: Synchronous,
    /// Recordings, one folder a call; `None` when calls are not recorded.
    pub recordings: Option<PathBuf>,
}

impl Places {
    /// The call records as JSON lines, beside the database.
    pub fn records(&self) -> PathBuf {
        self.database.with_extension("cdr.jsonl")
    }
}

/// Rows that were not kept, by kind; read by whoever reports.
#[derive(Debug, Default, serde::Serialize)]
pub struct Losses {
    pub contexts: AtomicU64,
    pub records: AtomicU64,
    pub recordings: AtomicU64,
    /// Words that a call is over: its references live on for hours.
    pub ends: AtomicU64,
}

/// How far the writer is behind.
#[derive(Debug, Default)]
struct Behind {
    /// Rows that are not committed.
    waiting: AtomicU64,
    /// Microseconds that the oldest row of the last commit had waited.
    lag: AtomicU64,
}

/// A row, and when it was handed over.
type Handed = (Instant, Row);

/// The way to the writer.
pub struct Store {
    rows: SyncSender<Handed>,
    behind: Arc<Behind>,
    losses: Arc<Losses>,
    writer: JoinHandle<()>,
}

/// A store that cannot be opened: where, and why.
#[derive(Debug)]
pub struct Unopened {
    pub place: PathBuf,
    pub why: String,
}

impl std::fmt::Display for Unopened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot open the store at {}: {}", self.place.display(), self.why)?;
        f.write_str("\n  remedy: give --store a file in a folder that exists and that this user may write")
    }
}

impl std::error::Error for Unopened {}

impl Store {
    /// Opens the database and starts its writer. `stored` is called on the writer's thread.
    pub fn open(places: &Places, stored: impl Fn(Stored) + Send + 'static) -> Result<Self, Unopened> {
        let failed =
            |place: &Path, why: &dyn std::fmt::Display| Unopened { place: place.to_owned(), why: why.to_string() };
        let lock = lock(&places.database).map_err(|why| failed(&places.database, &why))?;
        let database = open_database(places).map_err(|error| failed(&places.database, &error))?;
        let records = places.records();
        append(&records).map_err(|error| failed(&records, &error))?;
        if let Some(folder) = &places.recordings {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        }
        let (rows, queue) = sync_channel(QUEUE);
        let losses = Arc::new(Losses::default());
        let recordings = places.recordings.clone();
        let behind = Arc::new(Behind::default());
        let (losing, late) = (losses.clone(), behind.clone());
        let writer = Writer { database, records, recordings, losses: losing, behind: late, _lock: lock };
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&queue, stored))
            .map_err(|error| failed(&places.database, &error))?;
        Ok(Self { rows, behind, losses, writer })
    }

    /// Hands a row over without waiting. False: the queue is full (or the writer is gone); the row is lost
    /// and counted, and the call goes on.
    pub fn keep(&self, row: Row) -> bool {
        let awaited = row.is_awaited();
        self.behind.waiting.fetch_add(1, Ordering::Relaxed);
        match self.rows.try_send((Instant::now(), row)) {
            Ok(()) => {
                if awaited {
                    self.writer.thread().unpark();
                }
                true
            }
            Err(TrySendError::Full((_, row)) | TrySendError::Disconnected((_, row))) => {
                self.behind.waiting.fetch_sub(1, Ordering::Relaxed);
                self.losses.count(&row);
                false
            }
        }
    }

    /// Whether the writer is there.
    pub fn lives(&self) -> bool {
        !self.writer.is_finished()
    }

    /// Rows that are handed over and not committed.
    pub fn waiting(&self) -> u64 {
        self.behind.waiting.load(Ordering::Relaxed)
    }

    /// How long the oldest row of the last commit had waited.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.behind.lag.load(Ordering::Relaxed))
    }

    pub fn losses(&self) -> Arc<Losses> {
        self.losses.clone()
    }

    /// Writes what waits, and stops.
    pub fn close(self) {
        drop(self.rows);
        self.writer.thread().unpark();
        if self.writer.join().is_err() {
            tracing::error!("the store's writer had died");
        }
    }
}

impl Losses {
    fn count(&self, row: &Row) {
        let counter = match row {
            Row::Context(_) => &self.contexts,
            Row::Cdr(_) => &self.records,
            Row::Recording(_) => &self.recordings,
            Row::Over(_) => &self.ends,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// One service a store: two would take each other's calls for over.
fn lock(database: &Path) -> Result<File, String> {
    let path = database.with_extension("lock");
    let file = append(&path).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!("another service holds {}", path.display())),
        Err(TryLockError::Error(error)) => Err(error.to_string()),
    }
}

fn open_database(places: &Places) -> rusqlite::Result<Connection> {
    let database = Connection::open(&places.database)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", pragma(places.synchronous))?;
    database.execute_batch(SCHEMA)?;
    // Calls that a killed process left behind are over.
    let expires = after(REFERENCE_LIVES);
    database.execute("UPDATE reference SET expires = ?1 WHERE expires > ?1", [expires])?;
    Ok(database)
}

/// In SQLite's words.
pub(super) fn pragma(synchronous: Synchronous) -> &'static str {
    match synchronous {
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    }
}

struct Writer {
    database: Connection,
    /// Opened for each batch, so that whoever rotates it only has to move it.
    records: PathBuf,
    recordings: Option<PathBuf>,
    losses: Arc<Losses>,
    behind: Arc<Behind>,
    /// Held as long as the database is ours.
    _lock: File,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Handed>, stored: impl Fn(Stored)) {
        let mut behind = false;
        while let Ok((handed, first)) = queue.recv() {
            if !behind && !first.is_awaited() {
                std::thread::park_timeout(PATIENCE);
            }
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1).map(|(_, row)| row));
            behind = batch.len() == BATCH;
            let kept = self.commit(&batch);
            self.behind.lag.store(u64::try_from(handed.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.behind.waiting.fetch_sub(batch.len() as u64, Ordering::Relaxed);
            if let Err(error) = &kept {
                tracing::error!(%error, rows = batch.len(), "the store refused a commit; calls go on without it");
            }
            for row in &batch {
                self.after(row, kept.is_ok(), &stored);
            }
            self.append_records(&batch);
        }
        // What is left is one file, which can be copied as it is.
        if let Err(error) = self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the store's log was left beside it");
        }
    }

    fn commit(&mut self, batch: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        for row in batch {
            write(&transaction, row)?;
        }
        if batch.iter().any(|row| matches!(row, Row::Over(_))) {
            transaction.prepare_cached("DELETE FROM reference WHERE expires < ?1")?.execute([now()])?;
        }
        transaction.commit()
    }

    /// What follows a commit: the call's acknowledgement, and the files beside the database.
    fn after(&mut self, row: &Row, kept: bool, stored: &impl Fn(Stored)) {
        match row {
            Row::Context(context) => stored(Stored { call: context.call, store: context.store, kept }),
            Row::Recording(fixture) => {
                if let Err(error) = self.write_recording(fixture) {
                    tracing::error!(%error, call = fixture.header.call, "a recording could not be written");
                    self.losses.count(row);
                }
            }
            Row::Cdr(_) | Row::Over(_) => {}
        }
        if !kept {
            self.losses.count(row);
        }
    }

    /// The call records of a batch go to their file in one piece.
    fn append_records(&self, batch: &[Row]) {
        let mut lines = Vec::new();
        let mut written = Ok(());
        for row in batch {
            if let Row::Cdr(cdr) = row {
                written = written.and_then(|()| serde_json::to_writer(&mut lines, cdr));
                lines.push(b'\n');
            }
        }
        if lines.is_empty() {
            return;
        }
        let written = written.map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| append(&self.records)?.write_all(&lines)) {
            tracing::error!(%error, "call records could not be written to their file");
            batch.iter().filter(|row| matches!(row, Row::Cdr(_))).for_each(|row| self.losses.count(row));
        }
    }

    fn write_recording(&self, fixture: &Fixture) -> std::io::Result<()> {
        let Some(folder) = &self.recordings else { return Ok(()) };
        let folder = folder.join(&fixture.header.call);
        std::fs::create_dir_all(&folder)?;
        let text = fixture.write().map_err(std::io::Error::other)?;
        std::fs::write(folder.join("call.jsonl"), text)
    }
}

fn write(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    match row {
        Row::Context(context) => {
            transaction
                .prepare_cached(
                    "INSERT INTO context (call, kase, document, stored) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (call) DO UPDATE SET document = excluded.document, stored = excluded.stored",
                )?
                .execute(params![
                    context.name,
                    context.case,
                    context.document.to_string(),
                    Timestamp::now().to_string()
                ])?;
            transaction
                .prepare_cached(
                    "INSERT INTO reference (reference, call, destination, expires) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (reference) DO NOTHING",
                )?
                .execute(params![context.reference.open(), context.name, context.destination, after(LONGEST_CALL)])?;
        }
        Row::Cdr(cdr) => {
            let record =
                serde_json::to_string(cdr).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let disposition = serde_json::to_value(cdr.disposition).ok();
            let disposition = disposition.as_ref().and_then(|value| value.as_str());
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO cdr (call, started, disposition, record) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![cdr.call, cdr.start.to_string(), disposition, record])?;
        }
        Row::Over(call) => {
            transaction
                .prepare_cached("UPDATE reference SET expires = ?1 WHERE call = ?2")?
                .execute(params![after(REFERENCE_LIVES), call])?;
        }
        Row::Recording(_) => {}
    }
    Ok(())
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn after(time: SignedDuration) -> i64 {
    now().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Reads contexts by reference, on a connection of its own.
#[derive(Clone)]
pub struct Reader(Arc<Mutex<Connection>>);

impl Reader {
    pub fn open(path: &Path) -> Result<Self, Unopened> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(path, flags);
        let database = database.map_err(|error| Unopened { place: path.to_owned(), why: error.to_string() })?;
        Ok(Self(Arc::new(Mutex::new(database))))
    }

    /// Whether the database can be read.
    pub fn answers(&self) -> bool {
        let database = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        database.query_row("SELECT count(*) FROM reference WHERE reference = ''", [], |_| Ok(())).is_ok()
    }

    /// The context behind a reference; `None` for an unknown one and for an expired one alike.
    pub fn context(&self, reference: &str) -> rusqlite::Result<Option<String>> {
        let database = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut query = database.prepare_cached(
            "SELECT document FROM reference JOIN context USING (call)
             WHERE reference = ?1 AND expires > ?2",
        )?;
        query.query_row(params![reference, now()], |row| row.get(0)).optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::sync::mpsc::{Receiver, channel};

    const REFERENCE: &str = "0123456789abcdef0123456789abcdef";

    fn open(folder: &Path) -> (Store, Receiver<Stored>, Places) {
        let places = Places { database: folder.join("a.db"), synchronous: Synchronous::Full, recordings: None };
        let (words, stored) = channel();
        let store = Store::open(&places, move |word| drop(words.send(word))).expect("a store");
        (store, stored, places)
    }

    fn row(store: u32) -> Row {
        Row::Context(Box::new(ContextRow {
            call: 7,
            store,
            name: "call-7".to_owned(),
            case: "call-7".to_owned(),
            reference: Secret::new(REFERENCE),
            destination: "support".to_owned(),
            document: serde_json::json!({ "store": store }),
        }))
    }

    fn word(stored: &Receiver<Stored>) -> Stored {
        stored.recv_timeout(Duration::from_secs(10)).expect("the store's word")
    }

    #[test]
    fn a_context_is_there_once_the_store_says_so_and_is_replaced_by_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, stored, places) = open(folder.path());
        for number in [0, 1] {
            assert!(store.keep(row(number)));
            assert_eq!(word(&stored), Stored { call: 7, store: number, kept: true });
            let reader = Reader::open(&places.database).expect("a reader");
            let document = reader.context(REFERENCE).expect("an answer").expect("the context");
            assert_eq!(document, format!("{{\"store\":{number}}}"));
            assert_eq!(reader.context("another").expect("an answer"), None);
        }
        store.close();
    }

    #[test]
    fn a_reference_outlives_its_call_and_the_process_and_then_expires() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, stored, places) = open(folder.path());
        store.keep(row(0));
        word(&stored);
        let expires = || -> i64 {
            let database = Connection::open(&places.database).expect("the database");
            database.query_row("SELECT expires FROM reference", [], |row| row.get(0)).expect("a reference")
        };
        let minute = 60_000;
        assert!(expires() > now() + 4 * 60 * minute, "as long as the longest call");
        // The process ends without a word of the call's end; the next one takes it for over.
        store.close();
        let (store, _, _) = open(folder.path());
        assert!((9 * minute..=10 * minute).contains(&(expires() - now())));
        store.close();
        let database = Connection::open(&places.database).expect("the database");
        database.execute("UPDATE reference SET expires = ?1", [now() - 1]).expect("an update");
        assert_eq!(Reader::open(&places.database).expect("a reader").context(REFERENCE).expect("an answer"), None);
    }

    #[test]
    fn a_store_that_fails_says_so_and_counts_what_was_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, stored, places) = open(folder.path());
        Connection::open(&places.database).expect("the database").execute_batch("DROP TABLE context").expect("gone");
        store.keep(row(0));
        assert_eq!(word(&stored), Stored { call: 7, store: 0, kept: false });
        let losses = store.losses();
        store.close();
        assert_eq!(losses.contexts.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_place_that_cannot_be_opened_is_named_with_a_remedy() {
        let places = Places {
            database: PathBuf::from("/nowhere/at/all.db"),
            synchronous: Synchronous::Normal,
            recordings: None,
        };
        let Err(unopened) = Store::open(&places, |_| {}) else { panic!("it opened") };
        let said = unopened.to_string();
        assert!(said.contains("/nowhere/at/all.db") && said.contains("remedy"), "{said}");
    }
}
