//! The database's tables, brought up to date when it is opened, and what a process that was killed left in them.

use super::outbox::Outbox;
use super::{Places, REFERENCE_LIVES, after, append, pragma};
use crate::engine::DialogRow;
use crate::record::seam::Leg;
use rusqlite::{Connection, Row};
use std::fs::{File, TryLockError};
use std::path::Path;

/// One for each version; the database says how many it has behind it. A step that was released is never changed.
const STEPS: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS context (
        call TEXT PRIMARY KEY, kase TEXT NOT NULL, document TEXT NOT NULL, stored TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reference (
        reference TEXT PRIMARY KEY, call TEXT NOT NULL, destination TEXT NOT NULL, expires INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS reference_call ON reference (call);
    CREATE INDEX IF NOT EXISTS reference_expires ON reference (expires);
    CREATE TABLE IF NOT EXISTS cdr (
        call TEXT PRIMARY KEY, started TEXT NOT NULL, disposition TEXT NOT NULL, record TEXT NOT NULL
    ) STRICT;",
    "ALTER TABLE reference ADD COLUMN webhook INTEGER NOT NULL DEFAULT 0;
    -- Of calls that stand: the record that they have if nothing is heard of them any more, and their dialogs.
    CREATE TABLE live (call TEXT PRIMARY KEY, started TEXT NOT NULL, record TEXT NOT NULL) STRICT;
    CREATE TABLE dialog (
        call TEXT NOT NULL, leg TEXT NOT NULL, destination TEXT, dialog TEXT NOT NULL, PRIMARY KEY (call, leg)
    ) STRICT;
    -- The rowid of the last record that is in the file as well.
    CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT INTO mark (name, value) SELECT 'told', coalesce(max(rowid), 0) FROM cdr;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, call TEXT NOT NULL, destination TEXT NOT NULL,
        body TEXT NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (due);
    CREATE INDEX outbox_call ON outbox (call, destination);",
    // What is known beyond a call: `server::memory` has them.
    "CREATE TABLE web (
        whose TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at TEXT NOT NULL, expires INTEGER NOT NULL,
        PRIMARY KEY (whose, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX web_expires ON web (expires);
    CREATE TABLE last_call (
        caller TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL, confirmed INTEGER NOT NULL,
        at TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (caller, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX last_call_expires ON last_call (expires);",
];

/// What a killed process left.
#[derive(Default)]
pub struct Left {
    /// Calls that were under way: they have their records now.
    pub calls: usize,
    /// Their dialogs, which nobody has ended.
    pub dialogs: Vec<DialogRow>,
}

/// One service a store: two would take each other's calls for over.
pub fn lock(database: &Path) -> Result<File, String> {
    let path = database.with_extension("lock");
    let file = append(&path).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!("another service holds {}", path.display())),
        Err(TryLockError::Error(error)) => Err(error.to_string()),
    }
}

pub fn open(places: &Places) -> Result<(Connection, Outbox, Left), String> {
    let mut database = Connection::open(&places.database).map_err(|error| error.to_string())?;
    let synchronous = database.pragma_update(None, "synchronous", pragma(places.synchronous));
    synchronous.map_err(|error| error.to_string())?;
    up_to_date(&mut database)?;
    clear_up(&mut database).map(|(outbox, left)| (database, outbox, left)).map_err(|error| error.to_string())
}

fn up_to_date(database: &mut Connection) -> Result<(), String> {
    let plain = |error: rusqlite::Error| error.to_string();
    database.pragma_update(None, "journal_mode", "WAL").map_err(plain)?;
    let version = version(database).map_err(plain)?;
    let Some(steps) = STEPS.get(version..) else {
        return Err(format!("a newer askonce wrote it (version {version}; this one knows {})", STEPS.len()));
    };
    if !steps.is_empty() {
        let transaction = database.transaction().map_err(plain)?;
        steps.iter().try_for_each(|step| transaction.execute_batch(step)).map_err(plain)?;
        transaction.pragma_update(None, "user_version", STEPS.len() as i64).map_err(plain)?;
        transaction.commit().map_err(plain)?;
    }
    Ok(())
}

fn version(database: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Whether the database is as this program writes it.
pub fn is_current(database: &Connection) -> rusqlite::Result<bool> {
    Ok(version(database)? == STEPS.len())
}

/// Calls that a killed process left are over: they get their records, their references begin to expire, and whoever
/// was told that they began is told so.
fn clear_up(database: &mut Connection) -> rusqlite::Result<(Outbox, Left)> {
    let transaction = database.transaction()?;
    let mut outbox = Outbox::open(&transaction)?;
    let expires = after(REFERENCE_LIVES);
    transaction.execute("UPDATE reference SET expires = ?1 WHERE expires > ?1", [expires])?;
    let calls: Vec<String> =
        transaction.prepare("SELECT call FROM live")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for call in &calls {
        transaction.execute(
            "INSERT OR IGNORE INTO cdr (call, started, disposition, record)
             SELECT call, started, 'failed', json_set(record, '$.interrupted', json('true')) FROM live WHERE call = ?1",
            [call],
        )?;
        outbox.ended(&transaction, call)?;
    }
    transaction.execute("DELETE FROM live", [])?;
    let dialogs = transaction
        .prepare("SELECT call, leg, destination, dialog FROM dialog ORDER BY call, leg")?
        .query_map([], dialog)?
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok((outbox, Left { calls: calls.len(), dialogs }))
}

/// `None`, and told of: one that cannot be read.
fn dialog(row: &Row<'_>) -> rusqlite::Result<Option<DialogRow>> {
    let (call, leg_name, destination): (String, String, _) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let leg = Leg::BOTH.into_iter().find(|known| leg(*known) == leg_name);
    let standing = serde_json::from_str(row.get_ref(3)?.as_str()?).ok();
    if leg.is_none() || standing.is_none() {
        tracing::error!(call, leg = leg_name, "a dialog that a killed process left cannot be read");
    }
    Ok(leg.zip(standing).map(|(leg, standing)| DialogRow { call, leg, destination, standing }))
}

pub fn leg(leg: Leg) -> &'static str {
    match leg {
        Leg::Caller => "caller",
        Leg::Agent => "agent",
    }
}
