//! Retention: what is older than the configuration says goes, a little at a time, so that no call waits for it.

use super::Places;
use crate::time::Duration;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use std::io;
use std::path::Path;

/// How often it is looked, and how soon again while there is more.
const EVERY: Duration = Duration::from_secs(3_600);
const AGAIN: Duration = Duration::from_millis(100);
/// Rows of a table, and files, that go in one turn.
const ROWS: usize = 500;
const FILES: usize = 100;

/// Deletes some of what is too old; tells when to do it again.
pub fn turn(database: &Connection, places: &Places) -> Duration {
    let kept = places.retention;
    let rows = |table, time: Option<Duration>| time.map_or(Ok(0), |time| rows(database, table, ago(time)));
    let done = rows("context", kept.context).and_then(|contexts| {
        let records = rows("cdr", kept.cdr)?;
        // The rowid of a deleted record may come again: it must not be taken for one that the file has.
        let known = "UPDATE mark SET value = min(value, (SELECT coalesce(max(rowid), 0) FROM cdr)) WHERE name = 'told'";
        if records > 0 {
            database.execute(known, [])?;
        }
        Ok((contexts, records))
    });
    let (contexts, records) = done.unwrap_or_else(|error| {
        tracing::error!(%error, "what is too old could not be deleted");
        (0, 0)
    });
    let files = kept.recordings.map_or(Ok(0), |time| files(&places.sound, ago(time))).unwrap_or_else(|error| {
        tracing::error!(%error, folder = %places.sound.display(), "recordings that are too old could not be deleted");
        0
    });
    if contexts + records + files > 0 {
        tracing::info!(contexts, records, files, "what was too old is deleted");
    }
    if contexts == ROWS || records == ROWS || files == FILES { AGAIN } else { EVERY }
}

fn ago(time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    Timestamp::now().saturating_sub(time).unwrap_or(Timestamp::MIN)
}

/// The first name that a call may have which came within that time: a name begins with the time.
pub fn first_since(time: Duration) -> String {
    first(ago(time))
}

fn first(since: Timestamp) -> String {
    ulid::Ulid::from_parts(u64::try_from(since.as_millisecond()).unwrap_or(0), 0).to_string()
}

fn rows(database: &Connection, table: &str, before: Timestamp) -> rusqlite::Result<usize> {
    let first = first(before);
    let old = format!("SELECT call FROM {table} WHERE call < ?1 ORDER BY call LIMIT ?2");
    database.execute(&format!("DELETE FROM {table} WHERE call IN ({old})"), params![first, ROWS as i64])
}

/// The files of whole days, and then the days.
fn files(sound: &Path, before: Timestamp) -> io::Result<usize> {
    let before = before.strftime("%Y-%m-%d").to_string();
    let mut gone = 0;
    if !sound.exists() {
        return Ok(gone);
    }
    for day in std::fs::read_dir(sound)? {
        let day = day?;
        let name = day.file_name().to_string_lossy().into_owned();
        if !is_day(&name) || name >= before {
            continue;
        }
        for file in std::fs::read_dir(day.path())? {
            if gone == FILES {
                return Ok(gone);
            }
            std::fs::remove_file(file?.path())?;
            gone += 1;
        }
        std::fs::remove_dir(day.path())?;
    }
    Ok(gone)
}

fn is_day(name: &str) -> bool {
    name.len() == 10
        && name.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() })
}
