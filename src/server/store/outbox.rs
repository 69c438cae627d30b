//! The outbox: what destinations are told by webhook, written with what it tells of and kept until it is taken.

use super::now;
use crate::engine::ContextRow;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};

/// Deliveries that wait. Beyond it a new one is refused and counted; the context is kept all the same.
const ROWS: u64 = 100_000;

/// How full it is, and what it refused, as the writer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbox {
    rows: u64,
    /// Deliveries that found no place, or were given up.
    pub refused: u64,
    /// What was changed so far.
    changes: u64,
}

/// Something to be delivered.
pub struct Delivery {
    /// Stays the same however often it is tried.
    pub key: String,
    pub call: String,
    pub destination: String,
    /// JSON.
    pub body: String,
    /// Since when it waits, in milliseconds since 1970.
    pub since: i64,
    /// How often it was tried in vain.
    pub attempts: u32,
}

/// What became of a delivery, by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Delivered(String),
    /// To be tried again at that time.
    Postponed {
        key: String,
        due: i64,
    },
    GivenUp(String),
}

impl Outbox {
    pub fn open(database: &Connection) -> rusqlite::Result<Outbox> {
        let rows: i64 = database.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
        Ok(Outbox { rows: rows.unsigned_abs(), refused: 0, changes: 0 })
    }

    /// The context goes to the person's side together with the call; under a reference that it has already, as it is once
    /// the person has answered.
    pub fn hand_off(&mut self, transaction: &Transaction<'_>, row: &ContextRow, first: bool) -> rusqlite::Result<()> {
        let body = json!({
            "askonce": 1,
            "event": if first { "handoff" } else { "answered" },
            "destination": row.destination,
            "reference": row.reference.open(),
            "context": row.document,
        });
        self.put(transaction, &format!("{}-{}", row.name, row.store), &row.name, &row.destination, &body)
    }

    /// Everyone who was told of the call is told how it stood in the end.
    pub fn ended(&mut self, transaction: &Transaction<'_>, call: &str) -> rusqlite::Result<()> {
        let mut told = transaction
            .prepare_cached("SELECT DISTINCT destination FROM reference WHERE call = ?1 AND webhook ORDER BY 1")?;
        let told: Vec<String> = told.query_map([call], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut context = transaction.prepare_cached("SELECT document FROM context WHERE call = ?1")?;
        let context: Option<String> = context.query_row([call], |row| row.get(0)).optional()?;
        let Some(context) = context.filter(|_| !told.is_empty()) else { return Ok(()) };
        let context: Value =
            serde_json::from_str(&context).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        for destination in told {
            let body = json!({ "askonce": 1, "event": "ended", "destination": destination, "context": context });
            self.put(transaction, &format!("{call}-ended-{destination}"), call, &destination, &body)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        transaction: &Transaction<'_>,
        key: &str,
        call: &str,
        destination: &str,
        body: &Value,
    ) -> rusqlite::Result<()> {
        if self.rows >= ROWS {
            tracing::error!(call, destination, "the outbox is full: a webhook is not delivered");
            self.refused += 1;
            return Ok(());
        }
        let mut insert = transaction.prepare_cached(
            "INSERT INTO outbox (key, call, destination, body, since, due, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0)
             ON CONFLICT (key) DO NOTHING",
        )?;
        self.rows += insert.execute(params![key, call, destination, body.to_string(), now()])? as u64;
        self.changes += 1;
        Ok(())
    }

    pub fn sent(&mut self, transaction: &Transaction<'_>, sent: &Sent) -> rusqlite::Result<()> {
        self.changes += 1;
        match sent {
            Sent::Delivered(key) | Sent::GivenUp(key) => {
                let gone = transaction.prepare_cached("DELETE FROM outbox WHERE key = ?1")?.execute([key])?;
                self.rows = self.rows.saturating_sub(gone as u64);
                self.refused += u64::from(matches!(sent, Sent::GivenUp(_)));
            }
            Sent::Postponed { key, due } => {
                let sql = "UPDATE outbox SET due = ?1, attempts = attempts + 1 WHERE key = ?2";
                transaction.prepare_cached(sql)?.execute(params![due, key])?;
            }
        }
        Ok(())
    }
}

/// Reads what is to be delivered, on a connection of its own.
pub struct Due(Connection);

impl Due {
    pub fn open(path: &std::path::Path) -> rusqlite::Result<Due> {
        super::read_only(path).map(Due)
    }

    /// What is due, the longest first, and when to look again if nothing changes. Of one call and destination only the
    /// first: how it ended is told after that it began.
    pub fn look(&self, most: usize) -> rusqlite::Result<(Vec<Delivery>, Option<i64>)> {
        let now = now();
        let mut query = self.0.prepare_cached(
            "SELECT key, call, destination, body, since, attempts FROM outbox o
             WHERE due <= ?1 AND NOT EXISTS (
                 SELECT 1 FROM outbox e WHERE e.call = o.call AND e.destination = o.destination AND e.id < o.id
             ) ORDER BY due LIMIT ?2",
        )?;
        let delivery = |row: &rusqlite::Row<'_>| {
            Ok(Delivery {
                key: row.get(0)?,
                call: row.get(1)?,
                destination: row.get(2)?,
                body: row.get(3)?,
                since: row.get(4)?,
                attempts: row.get(5)?,
            })
        };
        let due = query.query_map(params![now, most as i64], delivery)?.collect::<Result<_, _>>()?;
        let mut next = self.0.prepare_cached("SELECT min(due) FROM outbox WHERE due > ?1")?;
        Ok((due, next.query_row([now], |row| row.get(0))?))
    }
}
