//! What the memory holds, in tables of the store.

use super::{Post, Unkept, Whose};
use crate::context::document::{FactEntry, FactState};
use crate::context::{Document, Earlier, Source};
use crate::engine::{Recall, Recalled};
use crate::secret::Secret;
use crate::server::store::{Places, pragma};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::time::Duration;

/// Values that other channels posted, of all callers together.
const POSTED: i64 = 100_000;
/// How long a caller who was cut off may take to call again.
const CUT_OFF: Duration = Duration::from_secs(10 * 60);

pub fn open(places: &Places) -> rusqlite::Result<Connection> {
    let database = Connection::open(&places.database)?;
    database.pragma_update(None, "synchronous", pragma(places.synchronous))?;
    Ok(database)
}

pub fn look(database: &Connection, recall: &Recall) -> rusqlite::Result<Recalled> {
    let mut recalled = Recalled::default();
    if let Some(reference) = &recall.reference {
        let mut query = database.prepare_cached(
            "SELECT kase, document FROM reference JOIN context USING (call) WHERE reference = ?1 AND expires > ?2",
        )?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        if let Some((case, document)) = query.query_row(params![reference.open(), now()], row).optional()? {
            recalled.case = Some(case);
            recalled.earlier = facts(&document);
        }
        recalled.web = posted(database, reference)?;
    }
    if let Some(caller) = &recall.caller {
        recalled.web.extend(posted(database, caller)?);
        recalled.last_call = left(database, caller)?;
    }
    Ok(recalled)
}

/// The facts of a stored context that have a value.
pub fn facts(document: &str) -> Vec<Earlier> {
    let facts = serde_json::from_str::<Document>(document).map(|document| document.facts);
    let facts = facts.unwrap_or_else(|error| {
        tracing::error!(%error, "a stored context cannot be read");
        BTreeMap::new()
    });
    let earlier = |(name, entry): (String, FactEntry)| match entry.state {
        FactState::Filled { value: Some(value), from, confirmed, at } => {
            Some(Earlier { name, value: Secret::new(value), from, confirmed, at })
        }
        FactState::Filled { .. } | FactState::Unknown | FactState::Declined { .. } => None,
    };
    facts.into_iter().filter_map(earlier).collect()
}

fn posted(database: &Connection, whose: &Secret) -> rusqlite::Result<Vec<Earlier>> {
    let mut query =
        database.prepare_cached("SELECT name, value, at FROM web WHERE whose = ?1 AND expires > ?2 ORDER BY name")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
    let rows = query.query_map(params![whose.open(), now()], row)?;
    let earlier = |(name, value, at): (String, String, String)| {
        let (at, value) = (at.parse().ok()?, Secret::new(value));
        Some(Earlier { name, value, from: Source::Web, confirmed: false, at })
    };
    rows.filter_map(|row| row.map(earlier).transpose()).collect()
}

fn left(database: &Connection, caller: &Secret) -> rusqlite::Result<Vec<Earlier>> {
    let mut query = database.prepare_cached(
        "SELECT name, value, source, confirmed, at FROM last_call WHERE caller = ?1 AND expires > ?2 ORDER BY name",
    )?;
    let row = |row: &rusqlite::Row<'_>| {
        let (from, at): (String, String) = (row.get(2)?, row.get(4)?);
        Ok((row.get(0)?, row.get::<_, String>(1)?, from, row.get(3)?, at))
    };
    let rows = query.query_map(params![caller.open(), now()], row)?;
    let earlier = |(name, value, from, confirmed, at): (String, String, String, bool, String)| {
        Some(Earlier { name, value: Secret::new(value), from: from.parse().ok()?, confirmed, at: at.parse().ok()? })
    };
    rows.filter_map(|row| row.map(earlier).transpose()).collect()
}

/// Keeps what calls left behind and what was posted: all of it, or nothing but what there is no room for.
pub fn keep<'p>(
    database: &mut Connection,
    left: &[(Secret, Vec<Earlier>)],
    posts: impl Iterator<Item = &'p Post>,
) -> rusqlite::Result<Vec<Result<(), Unkept>>> {
    let transaction = database.transaction()?;
    for table in ["web", "last_call"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE expires <= ?1"), [now()])?;
    }
    for (caller, facts) in left {
        leave(&transaction, caller, facts)?;
    }
    let kept: rusqlite::Result<Vec<_>> = posts.map(|post| put(&transaction, post)).collect();
    let kept = kept?;
    transaction.commit()?;
    Ok(kept)
}

fn leave(transaction: &Transaction<'_>, caller: &Secret, facts: &[Earlier]) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM last_call WHERE caller = ?1")?.execute([caller.open()])?;
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO last_call (caller, name, value, source, confirmed, at, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for Earlier { name, value, from, confirmed, at } in facts {
        let (from, at) = (from.to_string(), at.to_string());
        insert.execute(params![caller.open(), name, value.open(), from, confirmed, at, after(CUT_OFF)])?;
    }
    Ok(())
}

fn put(transaction: &Transaction<'_>, post: &Post) -> rusqlite::Result<Result<(), Unkept>> {
    let there: i64 = transaction.prepare_cached("SELECT count(*) FROM web")?.query_row([], |row| row.get(0))?;
    if there + i64::try_from(post.facts.len()).unwrap_or(i64::MAX) > POSTED {
        return Ok(Err(Unkept::Full));
    }
    let (Whose::Caller(whose) | Whose::Reference(whose)) = &post.of;
    let mut insert = transaction
        .prepare_cached("INSERT OR REPLACE INTO web (whose, name, value, at, expires) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (name, value) in &post.facts {
        insert.execute(params![whose.open(), name, value.open(), Timestamp::now().to_string(), after(post.expires)])?;
    }
    Ok(Ok(()))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn after(time: Duration) -> i64 {
    now().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
