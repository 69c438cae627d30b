//! What the store has of one call, read beside a running service.

use super::{Places, read_only};
use crate::context::document::FactState;
use crate::context::{Class, Document};
use crate::record::seam::{Disposition, EndedBy};
use crate::secret::Secret;
use jiff::Timestamp;
use rusqlite::OptionalExtension as _;
use serde::Deserialize;
use std::path::Path;

/// Of a call's record what tells its story; the whole of it is `call::cdr::Cdr`.
#[derive(Deserialize)]
pub struct Record {
    pub call: String,
    pub case: String,
    pub flow: String,
    pub digest: String,
    pub from: Option<String>,
    pub to: String,
    pub trunk: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub disposition: Disposition,
    pub by: EndedBy,
    pub facts: Vec<FactRecord>,
    pub refusals: Vec<Refused>,
    /// The process was killed while it went on.
    #[serde(default)]
    pub interrupted: bool,
}

#[derive(Deserialize)]
pub struct FactRecord {
    pub name: String,
    pub state: String,
    pub from: Option<String>,
    pub tries: u32,
    pub silences: u32,
    pub invalids: u32,
}

#[derive(Deserialize)]
pub struct Refused {
    pub target: String,
    pub status: u16,
}

pub struct Kept {
    pub record: Record,
    /// The context, if the caller was handed to anybody.
    pub document: Option<Document>,
    /// It goes on: the record is what it would be if nothing more were heard of it.
    pub under_way: bool,
}

/// Every record of the store, each as the JSON that it is.
///
/// # Errors
/// Why the store cannot be read.
pub fn each_record(database: &Path, mut see: impl FnMut(&str)) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", database.display());
    let database = read_only(database).map_err(|error| failed(&error))?;
    let mut query = database.prepare("SELECT record FROM cdr").map_err(|error| failed(&error))?;
    let mut rows = query.query([]).map_err(|error| failed(&error))?;
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        see(&row.get::<_, String>(0).map_err(|error| failed(&error))?);
    }
    Ok(())
}

/// What is kept of the call of that name; `None` if nothing is.
///
/// # Errors
/// Why the store cannot be read.
pub fn kept(places: &Places, call: &str) -> Result<Option<Kept>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", places.database.display());
    let database = read_only(&places.database).map_err(|error| failed(&error))?;
    let one = |query: &str| {
        let found = database.query_row(query, [call], |row| row.get::<_, String>(0)).optional();
        found.map_err(|error| failed(&error))
    };
    let over = one("SELECT record FROM cdr WHERE call = ?1")?;
    let under_way = over.is_none();
    let record = match over {
        Some(record) => Some(record),
        None => one("SELECT record FROM live WHERE call = ?1")?,
    };
    let Some(record) = record else { return Ok(None) };
    let record = serde_json::from_str(&record).map_err(|error| failed(&error))?;
    let document = one("SELECT document FROM context WHERE call = ?1")?;
    let document = document.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| failed(&error))?;
    Ok(Some(Kept { record, document, under_way }))
}

/// What is kept of that call's caller: its number and name, and its values of classes that are not open to all. `None` if
/// nothing is kept of it.
///
/// # Errors
/// Why the store cannot be read.
pub fn told(database: &Path, call: &str) -> Result<Option<Vec<Secret>>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", database.display());
    let open = read_only(database).map_err(|error| failed(&error))?;
    let query = "SELECT document FROM context WHERE call = ?1";
    let found = open.query_row(query, [call], |row| row.get::<_, String>(0)).optional();
    let Some(document) = found.map_err(|error| failed(&error))? else { return Ok(None) };
    let document: Document = serde_json::from_str(&document).map_err(|error| failed(&error))?;
    let facts = document.facts.into_values().chain(document.earlier.into_iter().map(|forgotten| forgotten.fact));
    let values = facts.filter_map(|fact| match fact.state {
        FactState::Filled { value, .. } if fact.class != Class::Public => value,
        _ => None,
    });
    let caller = [document.caller.number, document.caller.name].into_iter().flatten();
    Ok(Some(caller.chain(values).map(Secret::new).collect()))
}
