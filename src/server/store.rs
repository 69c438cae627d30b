//! The store: one writer thread over SQLite. Contexts and call records go through one bounded
//! queue; what is waiting is committed together, at once if a call waits for it. With a write-ahead log `synchronous=NORMAL`
//! survives the death of the process, and `FULL` a power cut as well.

pub mod erase;
pub mod kept;
pub mod outbox;
mod schema;
mod sweep;

use crate::call::cdr::Cdr;
use crate::config::{Config, Retention, Synchronous};
use crate::engine::{CallNumber, ContextRow, DialogRow};
use crate::record::seam::Leg;
use jiff::{SignedDuration, Timestamp};
use outbox::{Outbox, Sent};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};
pub use schema::Left;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
pub(super) use sweep::first_since;
use tokio::sync::Notify;

/// Rows that may wait for the writer. Beyond it a row is refused, and its call told so.
const QUEUE: usize = 16_384;
/// Rows committed together at most, so that no call waits behind a huge batch.
const BATCH: usize = 512;
/// What no call waits for waits this long for more: each commit costs as much as ten rows, and waking the writer as
/// much as handing it a row. What happened within it before a kill is not known to the next process.
const PATIENCE: Duration = Duration::from_millis(10);
/// That call records are in their file is committed after this time, if no other commit comes before.
const MARK: Duration = Duration::from_millis(100);
/// Call records that are written to their file in one piece, at most.
const LINES: usize = 1_000;
/// A context reference is good for this long after its call; if the word of its end is lost, as if the call had
/// been the longest there is.
const REFERENCE_LIVES: SignedDuration = SignedDuration::from_mins(10);
const LONGEST_CALL: SignedDuration = SignedDuration::from_mins(4 * 60 + 10);

/// Something to keep.
pub enum Row {
    Context(Box<ContextRow>),
    /// The record of a call that stands, as the next process is to find it if this one is killed.
    Live(Box<Cdr>),
    /// A dialog of a call that stands.
    Dialog(Box<DialogRow>),
    /// Nothing is owed to that dialog of a killed process any more.
    OrphanGone(String, Leg),
    /// The record of a call that has ended, and its context as it was in the end, if it was stored before.
    Cdr(Box<Cdr>, Option<serde_json::Value>),
    /// What became of a delivery.
    Sent(Sent),
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

/// Where things are kept, and how long.
#[derive(Clone, Debug)]
pub struct Places {
    pub database: PathBuf,
    pub synchronous: Synchronous,
    /// Calls that are kept as fixtures, one folder a call.
    pub inbox: PathBuf,
    /// Recorded sound, one folder a day.
    pub sound: PathBuf,
    pub retention: Retention,
}

impl Places {
    pub fn of(config: &Config) -> Places {
        let database = PathBuf::from(&config.store);
        let named =
            |folder: Option<&String>, usual| folder.map_or_else(|| database.with_file_name(usual), PathBuf::from);
        let sound = named(config.record.folder.as_ref(), "recordings");
        let fixtures = config.record.fixtures.as_ref();
        let inbox = named(fixtures.and_then(|fixtures| fixtures.folder.as_ref()), "inbox");
        let (synchronous, retention) = (config.synchronous, config.retention);
        Places { database, synchronous, inbox, sound, retention }
    }

    /// The call records as JSON lines, beside the database.
    pub fn records(&self) -> PathBuf {
        self.database.with_extension("cdr.jsonl")
    }

    /// The last calls, which may still become fixtures.
    pub fn journal(&self) -> PathBuf {
        Places::journal_of(&self.database)
    }

    pub fn journal_of(database: &Path) -> PathBuf {
        database.with_extension("journal")
    }

    /// Under which values become pseudonyms.
    pub fn redaction_key(&self) -> PathBuf {
        self.database.with_extension("redaction-key")
    }
}

/// Rows that were not kept, by kind; read by whoever reports.
#[derive(Debug, Default, serde::Serialize)]
pub struct Losses {
    pub contexts: AtomicU64,
    pub records: AtomicU64,
    /// Words that a call is over: its references live on for hours.
    pub ends: AtomicU64,
    /// What the next process would have been told of calls that stand, had this one been killed.
    pub standing: AtomicU64,
    /// Deliveries that found no place in the outbox, or were given up; words of others, which are made twice then.
    pub deliveries: AtomicU64,
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

/// The way to the writer, for as many as want to keep something.
#[derive(Clone)]
pub struct Desk {
    rows: SyncSender<Handed>,
    behind: Arc<Behind>,
    losses: Arc<Losses>,
    writer: Thread,
}

pub struct Store {
    desk: Desk,
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
    /// Opens the database and starts its writer, and tells what a killed process left. `stored` is called on the
    /// writer's thread; `posted` is told that there is something to be delivered.
    pub fn open(
        places: &Places,
        posted: Arc<Notify>,
        stored: impl Fn(Stored) + Send + 'static,
    ) -> Result<(Self, Left), Unopened> {
        let failed =
            |place: &Path, why: &dyn std::fmt::Display| Unopened { place: place.to_owned(), why: why.to_string() };
        let lock = schema::lock(&places.database).map_err(|why| failed(&places.database, &why))?;
        let (database, outbox, left) = schema::open(places).map_err(|why| failed(&places.database, &why))?;
        let records = places.records();
        append(&records).map_err(|error| failed(&records, &error))?;
        let (rows, queue) = sync_channel(QUEUE);
        let losses = Arc::new(Losses::default());
        let behind = Arc::new(Behind::default());
        let writer = Writer {
            database,
            outbox,
            posted,
            records,
            places: places.clone(),
            told: None,
            losses: losses.clone(),
            behind: behind.clone(),
            _lock: lock,
        };
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&queue, stored))
            .map_err(|error| failed(&places.database, &error))?;
        Ok((Self { desk: Desk { rows, behind, losses, writer: writer.thread().clone() }, writer }, left))
    }

    pub fn keep(&self, row: Row) -> bool {
        self.desk.keep(row)
    }

    /// Whether the writer is there.
    pub fn lives(&self) -> bool {
        !self.writer.is_finished()
    }

    /// Rows that are handed over and not committed.
    pub fn waiting(&self) -> u64 {
        self.desk.behind.waiting.load(Ordering::Relaxed)
    }

    /// How long the oldest row of the last commit had waited.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.desk.behind.lag.load(Ordering::Relaxed))
    }

    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    pub fn losses(&self) -> Arc<Losses> {
        self.desk.losses.clone()
    }

    /// Writes what waits, and stops; every other desk must be gone.
    pub fn close(self) {
        drop(self.desk.rows);
        self.writer.thread().unpark();
        if self.writer.join().is_err() {
            tracing::error!("the store's writer had died");
        }
    }
}

impl Desk {
    /// Hands a row over without waiting. False: the queue is full (or the writer is gone); the row is lost
    /// and counted, and the call goes on.
    pub fn keep(&self, row: Row) -> bool {
        let awaited = row.is_awaited();
        self.behind.waiting.fetch_add(1, Ordering::Relaxed);
        match self.rows.try_send((Instant::now(), row)) {
            Ok(()) => {
                if awaited {
                    self.writer.unpark();
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
}

impl Losses {
    fn count(&self, row: &Row) {
        let counter = match row {
            Row::Context(_) => &self.contexts,
            Row::Cdr(..) => &self.records,
            Row::Live(_) | Row::Dialog(_) | Row::OrphanGone(..) => &self.standing,
            Row::Sent(_) => &self.deliveries,
            Row::Over(_) => &self.ends,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
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
    outbox: Outbox,
    posted: Arc<Notify>,
    /// Opened for each batch, so that whoever rotates it only has to move it.
    records: PathBuf,
    places: Places,
    /// The last record that is in the file, while the database does not say so.
    told: Option<i64>,
    losses: Arc<Losses>,
    behind: Arc<Behind>,
    /// Held as long as the database is ours.
    _lock: File,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Handed>, stored: impl Fn(Stored)) {
        // What is left of another process.
        self.append_records();
        let (mut behind, mut well) = (false, true);
        let mut sweep = Instant::now();
        loop {
            let until_sweep = sweep.saturating_duration_since(Instant::now());
            if until_sweep.is_zero() {
                sweep = Instant::now() + sweep::turn(&self.database, &self.places);
                continue;
            }
            // What the file has is soon known to the database, lest the next process writes it there again.
            let untold = well && self.told.is_some();
            let (handed, first) = match queue.recv_timeout(if untold { MARK } else { until_sweep }) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) if untold => {
                    well = self.keep(&[], &stored);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if !behind && !first.is_awaited() {
                std::thread::park_timeout(PATIENCE);
            }
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1).map(|(_, row)| row));
            behind = batch.len() == BATCH;
            well = self.keep(&batch, &stored);
            self.behind.lag.store(u64::try_from(handed.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.behind.waiting.fetch_sub(batch.len() as u64, Ordering::Relaxed);
        }
        // What is left is one file, which can be copied as it is.
        let told = self.commit(&[]);
        let left = told.and_then(|()| self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        if let Err(error) = left {
            tracing::warn!(%error, "the store's log was left beside it");
        }
    }

    /// False: nothing was committed.
    fn keep(&mut self, batch: &[Row], stored: &impl Fn(Stored)) -> bool {
        let kept = self.commit(batch);
        if let Err(error) = &kept {
            tracing::error!(%error, rows = batch.len(), "the store refused a commit; calls go on without it");
        }
        for row in batch {
            self.after(row, kept.is_ok(), stored);
        }
        if batch.iter().any(|row| matches!(row, Row::Cdr(..))) {
            match kept.is_ok() {
                true => self.append_records(),
                false => self.append_only(batch),
            }
        }
        kept.is_ok()
    }

    fn commit(&mut self, batch: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        let mut outbox = self.outbox;
        for row in batch {
            write(&transaction, &mut outbox, row)?;
        }
        if batch.iter().any(|row| matches!(row, Row::Over(_))) {
            transaction.prepare_cached("DELETE FROM reference WHERE expires < ?1")?.execute([now()])?;
        }
        if let Some(told) = self.told {
            transaction.prepare_cached("UPDATE mark SET value = ?1 WHERE name = 'told'")?.execute([told])?;
        }
        transaction.commit()?;
        self.told = None;
        self.losses.deliveries.fetch_add(outbox.refused - self.outbox.refused, Ordering::Relaxed);
        if outbox != self.outbox {
            self.posted.notify_one();
        }
        self.outbox = outbox;
        Ok(())
    }

    /// What follows a commit: the call's acknowledgement.
    fn after(&mut self, row: &Row, kept: bool, stored: &impl Fn(Stored)) {
        if let Row::Context(context) = row {
            stored(Stored { call: context.call, store: context.store, kept });
        }
        // Records have a file beside the database.
        if !kept && !matches!(row, Row::Cdr(..)) {
            self.losses.count(row);
        }
    }

    /// The database would not have these records: their file does.
    fn append_only(&self, batch: &[Row]) {
        for row in batch {
            let Row::Cdr(cdr, _) = row else { continue };
            let line = serde_json::to_string(cdr).map_err(std::io::Error::from);
            let written = line.and_then(|line| append(&self.records)?.write_all(format!("{line}\n").as_bytes()));
            if let Err(error) = written {
                tracing::error!(%error, call = cdr.call, "a call record could be written nowhere");
                self.losses.count(row);
            }
        }
    }

    /// Writes the call records that their file lacks, those of a process that was killed before it could as well. What
    /// cannot be written now is written with the next ones.
    fn append_records(&mut self) {
        loop {
            match self.append_some() {
                Ok(LINES) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "call records could not be written to their file: they are in the database");
                    return;
                }
            }
        }
    }

    /// So many were written.
    fn append_some(&mut self) -> std::io::Result<usize> {
        let (lines, last, count) = self.untold().map_err(std::io::Error::other)?;
        if count > 0 {
            append(&self.records)?.write_all(lines.as_bytes())?;
            self.told = Some(last);
        }
        Ok(count)
    }

    /// The next records that their file lacks, as lines, and the place of the last one.
    fn untold(&self) -> rusqlite::Result<(String, i64, usize)> {
        let mut query = self.database.prepare_cached(
            "SELECT rowid, record FROM cdr WHERE rowid > coalesce(?1, (SELECT value FROM mark WHERE name = 'told'))
             ORDER BY rowid LIMIT ?2",
        )?;
        let mut rows = query.query(params![self.told, LINES as i64])?;
        let (mut lines, mut last, mut count) = (String::new(), 0, 0);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            lines += row.get_ref(1)?.as_str()?;
            lines.push('\n');
            count += 1;
        }
        Ok((lines, last, count))
    }
}

fn write(transaction: &Transaction<'_>, outbox: &mut Outbox, row: &Row) -> rusqlite::Result<()> {
    let run = |sql, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values);
    match row {
        Row::Context(row) => {
            run(
                "INSERT INTO context (call, kase, document, stored) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (call) DO UPDATE SET document = excluded.document, stored = excluded.stored",
                params![row.name, row.case, row.document.to_string(), Timestamp::now().to_string()],
            )?;
            let first = run(
                "INSERT INTO reference (reference, call, destination, expires, webhook) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (reference) DO NOTHING",
                params![row.reference.open(), row.name, row.destination, after(LONGEST_CALL), row.webhook],
            )?;
            if row.webhook {
                outbox.hand_off(transaction, row, first > 0)?;
            }
        }
        Row::Live(cdr) => {
            let record = json(cdr)?;
            run(
                "INSERT OR REPLACE INTO live (call, started, record) VALUES (?1, ?2, ?3)",
                params![cdr.call, cdr.start.to_string(), record],
            )?;
        }
        Row::Dialog(row) => {
            let dialog = json(&row.standing)?;
            run(
                "INSERT OR REPLACE INTO dialog (call, leg, destination, dialog) VALUES (?1, ?2, ?3, ?4)",
                params![row.call, schema::leg(row.leg), row.destination, dialog],
            )?;
        }
        Row::OrphanGone(call, leg) => {
            run("DELETE FROM dialog WHERE call = ?1 AND leg = ?2", params![call, schema::leg(*leg)])?;
        }
        Row::Cdr(cdr, context) => {
            let disposition = serde_json::to_value(cdr.disposition).ok();
            let disposition = disposition.as_ref().and_then(|value| value.as_str());
            run(
                "INSERT OR REPLACE INTO cdr (call, started, disposition, record) VALUES (?1, ?2, ?3, ?4)",
                params![cdr.call, cdr.start.to_string(), disposition, json(cdr)?],
            )?;
            run("DELETE FROM live WHERE call = ?1", params![cdr.call])?;
            run("DELETE FROM dialog WHERE call = ?1", params![cdr.call])?;
            if let Some(context) = context {
                // One that was erased meanwhile stays so.
                run("UPDATE context SET document = ?1 WHERE call = ?2", params![context.to_string(), cdr.call])?;
                outbox.ended(transaction, &cdr.call)?;
            }
        }
        Row::Sent(sent) => outbox.sent(transaction, sent)?,
        Row::Over(call) => {
            run("UPDATE reference SET expires = ?1 WHERE call = ?2", params![after(REFERENCE_LIVES), call])?;
        }
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
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
        let database = read_only(path);
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

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

#[cfg(test)]
mod left_tests;
#[cfg(test)]
mod tests;
