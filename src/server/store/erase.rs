//! Takes a caller out of everything that is kept. It works beside a running service: no transaction here is long enough
//! for a call to notice, and the file of the records is changed in place.

use super::{Places, schema};
use crate::server::inbox::{folder, journal};
use rusqlite::{Connection, OpenFlags, params};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};

/// Calls that go in one transaction.
const AT_ONCE: usize = 100;

/// What was removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub contexts: usize,
    pub references: usize,
    pub deliveries: usize,
    /// Values that other channels posted for the caller, or that its last call left behind.
    pub remembered: usize,
    /// Call records that have no caller any more, in the database and in its file.
    pub records: usize,
    pub lines: usize,
    /// Files of sound.
    pub recordings: usize,
    /// Recordings in the inbox and in the journal. They have pseudonyms only, and belong to the call all the same.
    pub fixtures: usize,
    /// Calls of that number that are not over: nothing of them is erased.
    pub under_way: i64,
    /// The service was reading: what was erased lies in the database's log until it is next written back.
    pub in_log: bool,
}

/// Erases the caller of that number.
///
/// # Errors
/// What could not be read or written, and why; what was erased before is erased.
pub fn erase(places: &Places, number: &str) -> Result<Erased, String> {
    if !number.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#.-_".contains(&b)) || number.is_empty() {
        return Err(format!("`{number}` is no number as calls have it: +15551230001"));
    }
    let mut erased = Erased::default();
    rows(places, number, &mut erased).map_err(|why| format!("{}: {why}", places.database.display()))?;
    let records = places.records();
    let folder = records.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = records.file_name().ok_or_else(|| format!("{} names no file", records.display()))?;
    let name = name.to_string_lossy().into_owned();
    let failed = |error: io::Error| format!("{}: {error}", records.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Those that were rotated as well: askonce.cdr.jsonl.1.
        if entry.file_name().to_string_lossy().starts_with(&name) {
            erased.lines += lines(&entry.path(), number).map_err(failed)?;
        }
    }
    Ok(erased)
}

fn rows(places: &Places, number: &str, erased: &mut Erased) -> Result<(), String> {
    let plain = |error: rusqlite::Error| error.to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(&places.database, flags).map_err(plain)?;
    if !schema::is_current(&database).map_err(plain)? {
        return Err("another version of askonce wrote it: start the service of this one once".to_owned());
    }
    // What is deleted is overwritten.
    database.pragma_update(None, "secure_delete", true).map_err(plain)?;
    let calls = calls(&database, number).map_err(plain)?;
    let standing = "SELECT count(*) FROM live WHERE json_extract(record, '$.from') = ?1";
    erased.under_way = database.query_row(standing, [number], |row| row.get(0)).map_err(plain)?;
    for calls in calls.chunks(AT_ONCE) {
        for call in calls {
            erased.recordings += sound(&database, places, call)?;
            erased.fixtures += fixtures(places, call)?;
        }
        some(&mut database, calls, erased).map_err(plain)?;
    }
    for sql in ["DELETE FROM web WHERE whose = ?1", "DELETE FROM last_call WHERE caller = ?1"] {
        erased.remembered += database.execute(sql, [number]).map_err(plain)?;
    }
    let checkpoint = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    erased.in_log = checkpoint.map_err(plain)? != 0;
    Ok(())
}

/// The names of its calls that are over.
fn calls(database: &Connection, number: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = database.prepare(
        "SELECT call FROM cdr WHERE json_extract(record, '$.from') = ?1
         UNION SELECT call FROM context WHERE json_extract(document, '$.caller.number') = ?1
         EXCEPT SELECT call FROM live",
    )?;
    query.query_map([number], |row| row.get(0))?.collect()
}

fn some(database: &mut Connection, calls: &[String], erased: &mut Erased) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for call in calls {
        let run = |sql| transaction.prepare_cached(sql)?.execute(params![call]);
        erased.contexts += run("DELETE FROM context WHERE call = ?1")?;
        erased.references += run("DELETE FROM reference WHERE call = ?1")?;
        erased.deliveries += run("DELETE FROM outbox WHERE call = ?1")?;
        erased.records += run("UPDATE cdr SET record = json_set(record, '$.from', NULL) WHERE call = ?1")?;
    }
    transaction.commit()
}

/// Removes the files of a call's sound.
fn sound(database: &Connection, places: &Places, call: &str) -> Result<usize, String> {
    let query = database.prepare_cached(
        "SELECT json_extract(value, '$.file') FROM cdr, json_each(record, '$.recordings') WHERE call = ?1
         UNION SELECT json_extract(value, '$.file') FROM context, json_each(document, '$.recordings') WHERE call = ?1",
    );
    let files: rusqlite::Result<BTreeSet<String>> =
        query.and_then(|mut query| query.query_map([call], |row| row.get(0))?.collect());
    let mut gone = 0;
    for file in files.map_err(|error| error.to_string())? {
        if !Path::new(&file).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format!("the record of {call} names a file outside of the recordings"));
        }
        match std::fs::remove_file(places.sound.join(&file)) {
            Ok(()) => gone += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{file}: {error}")),
        }
    }
    Ok(gone)
}

fn fixtures(places: &Places, call: &str) -> Result<usize, String> {
    let failed = |place: &Path, error: io::Error| format!("{}: {error}", place.display());
    if !call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(format!("`{call}` is no call of ours"));
    }
    let (inbox, journal) = (&places.inbox, places.journal());
    let kept = folder::forget(inbox, call).map_err(|error| failed(inbox, error))?;
    let journalled = journal::forget(&journal, call).map_err(|error| failed(&journal, error))?;
    Ok(usize::from(kept) + usize::from(journalled))
}

/// Writes `null` over the number, and blanks behind it up to its length: nobody who appends meanwhile is disturbed.
fn lines(path: &Path, number: &str) -> io::Result<usize> {
    let wanted = format!("\"from\":\"{number}\"");
    let nobody = format!("{:width$}", "\"from\":null", width = wanted.len());
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let (mut reader, mut line) = (BufReader::new(&file), Vec::new());
    let (mut at, mut changed) = (0, 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(changed);
        }
        if let Some(place) = line.windows(wanted.len()).position(|window| window == wanted.as_bytes()) {
            file.write_all_at(nobody.as_bytes(), at + place as u64)?;
            changed += 1;
        }
        at += length as u64;
    }
}
