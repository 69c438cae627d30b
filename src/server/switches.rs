//! Switches that are set while the service runs. A setting is durable before it counts, is written down with who made
//! it, may expire, and outlives a restart; without one a switch stands as the configuration says.

use super::control::Order;
use crate::config::Config;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// `switch` has what is set, `switch_log` each change that ever was.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS switch (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL, until TEXT, who TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS switch_log (
        at TEXT NOT NULL, name TEXT NOT NULL, who TEXT NOT NULL, old INTEGER NOT NULL, new INTEGER NOT NULL, until TEXT
    ) STRICT;
";

/// Who changes a switch whose time is up.
const EXPIRY: &str = "expiry";

/// The longest that a setting may be made for: what is to stay is set without a time.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Its clones are the same switches.
#[derive(Clone)]
pub struct Switches(Arc<Mutex<Book>>);

struct Book {
    database: Connection,
    /// Where each stands that the configuration has.
    configured: BTreeMap<String, bool>,
    /// What is set, those of switches that are not configured (any more) as well.
    set: BTreeMap<String, Setting>,
    orders: mpsc::Sender<Order>,
}

#[derive(Clone, Debug)]
struct Setting {
    on: bool,
    until: Option<Timestamp>,
    who: String,
    at: Timestamp,
}

/// A switch as the API shows it.
#[derive(Debug, Serialize)]
pub struct Switch {
    name: String,
    on: bool,
    configured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Who set it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

/// Why a switch was not set.
#[derive(Debug)]
pub enum NotSet {
    /// There is none of that name.
    Unknown,
    Store(rusqlite::Error),
}

impl Switches {
    /// Reads what is set. A connection of its own: settings are few, and synced to the disk one by one.
    pub fn open(path: &Path, config: &Config, orders: mpsc::Sender<Order>) -> rusqlite::Result<Switches> {
        let database = Connection::open(path)?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.execute_batch(SCHEMA)?;
        let set = read(&database)?;
        Ok(Switches(Arc::new(Mutex::new(Book { database, configured: configured(config), set, orders }))))
    }

    /// How all of them stand.
    pub fn values(&self) -> BTreeMap<String, bool> {
        self.book().values()
    }

    pub fn list(&self) -> Vec<Switch> {
        let book = self.book();
        book.configured.keys().filter_map(|name| book.show(name)).collect()
    }

    /// Other switches are configured from now on. `order` gets the values and may order, so that no other order overtakes
    /// it.
    pub fn configure<T>(&self, config: &Config, order: impl FnOnce(BTreeMap<String, bool>) -> T) -> T {
        let mut book = self.book();
        book.configured = configured(config);
        order(book.values())
    }

    /// Blocks for the disk.
    pub fn set(&self, name: &str, on: bool, lasts: Option<SignedDuration>, who: &str) -> Result<Switch, NotSet> {
        let mut book = self.book();
        let at = Timestamp::now();
        let until = lasts.and_then(|lasts| at.checked_add(lasts).ok());
        book.change(name, Some(Setting { on, until, who: who.to_owned(), at }), who)?;
        book.show(name).ok_or(NotSet::Unknown)
    }

    /// Takes back what was set until now or earlier.
    pub fn expire(&self, now: Timestamp) {
        let mut book = self.book();
        let due = |setting: &Setting| setting.until.is_some_and(|until| until <= now);
        let due: Vec<String> = book.set.iter().filter(|(_, set)| due(set)).map(|(name, _)| name.clone()).collect();
        for name in due {
            match book.change(&name, None, EXPIRY) {
                Ok(()) => {}
                // Nothing reads it: it is forgotten with its row.
                Err(NotSet::Unknown) => drop(book.set.remove(&name)),
                Err(NotSet::Store(error)) => tracing::error!(%error, name, "a switch could not expire"),
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn values(&self) -> BTreeMap<String, bool> {
        self.configured.keys().filter_map(|name| Some((name.clone(), self.value(name)?))).collect()
    }

    fn value(&self, name: &str) -> Option<bool> {
        let configured = *self.configured.get(name)?;
        Some(self.set.get(name).map_or(configured, |set| set.on))
    }

    fn show(&self, name: &str) -> Option<Switch> {
        let set = self.set.get(name);
        Some(Switch {
            name: name.to_owned(),
            on: self.value(name)?,
            configured: *self.configured.get(name)?,
            until: set.and_then(|set| set.until),
            who: set.map(|set| set.who.clone()),
            at: set.map(|set| set.at),
        })
    }

    /// Written down, then in force.
    fn change(&mut self, name: &str, setting: Option<Setting>, who: &str) -> Result<(), NotSet> {
        let old = self.value(name).ok_or(NotSet::Unknown)?;
        let configured = self.configured.get(name).copied().unwrap_or(old);
        let new = setting.as_ref().map_or(configured, |setting| setting.on);
        self.write(name, setting.as_ref(), (old, new), who).map_err(NotSet::Store)?;
        let until = setting.as_ref().and_then(|setting| setting.until).map(tracing::field::display);
        tracing::info!(name, who, old, new, until, "a switch was set");
        match setting {
            Some(setting) => drop(self.set.insert(name.to_owned(), setting)),
            None => drop(self.set.remove(name)),
        }
        // The control plane is gone only when the service ends; the next start reads what was written.
        let _ = self.orders.blocking_send(Order::Switch { name: name.to_owned(), on: new });
        Ok(())
    }

    fn write(
        &mut self,
        name: &str,
        setting: Option<&Setting>,
        (old, new): (bool, bool),
        who: &str,
    ) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        let until = setting.and_then(|setting| setting.until).map(|until| until.to_string());
        transaction.execute("DELETE FROM switch WHERE name = ?1", [name])?;
        if let Some(Setting { on, who, at, .. }) = setting {
            transaction.execute(
                "INSERT INTO switch (name, value, until, who, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![name, on, until, who, at.to_string()],
            )?;
        }
        transaction.execute(
            "INSERT INTO switch_log (at, name, who, old, new, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![Timestamp::now().to_string(), name, who, old, new, until],
        )?;
        transaction.commit()
    }
}

fn configured(config: &Config) -> BTreeMap<String, bool> {
    config.switches.iter().map(|(name, on)| (name.text.clone(), *on)).collect()
}

fn read(database: &Connection) -> rusqlite::Result<BTreeMap<String, Setting>> {
    let time =
        |text: String| text.parse::<Timestamp>().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()));
    let mut query = database.prepare("SELECT name, value, until, who, at FROM switch")?;
    let mut rows = query.query([])?;
    let mut set = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let until = row.get::<_, Option<String>>(2)?.map(time).transpose()?;
        let setting = Setting { on: row.get(1)?, until, who: row.get(3)?, at: time(row.get(4)?)? };
        set.insert(row.get(0)?, setting);
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Span, Word};
    use std::net::SocketAddr;

    fn config(switches: &[(&str, bool)]) -> Config {
        let here = SocketAddr::from(([127, 0, 0, 1], 5060));
        let rtp = crate::config::RtpPorts { address: here.ip(), first: 20_000, last: 20_999 };
        let quick = crate::config::Quick {
            flow: "f",
            destinations: &[],
            endpoints: &[],
            sip: here,
            rtp,
            http: here,
            store: "s",
        };
        let mut config = Config::quick(&quick).expect("a configuration");
        let word = |text: &str| Word { text: text.to_owned(), span: Span::default() };
        config.switches = switches.iter().map(|(name, on)| (word(name), *on)).collect();
        config
    }

    fn values(switches: &Switches) -> Vec<(String, bool)> {
        switches.values().into_iter().collect()
    }

    #[test]
    fn a_setting_outlives_a_restart_and_is_written_down_and_expires() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let (orders, mut ordered) = mpsc::channel(8);
        let both = config(&[("holiday", true), ("storm", false)]);
        let open = || Switches::open(&path, &both, orders.clone()).expect("a database");
        let switches = open();
        assert!(matches!(switches.set("strom", true, None, "api"), Err(NotSet::Unknown)));
        let hour = Some(SignedDuration::from_hours(1));
        let shown = switches.set("storm", true, hour, "api").expect("it is there");
        assert!(shown.on && !shown.configured && shown.who.as_deref() == Some("api"));
        drop(switches);

        let switches = open();
        assert_eq!(values(&switches), [("holiday".to_owned(), true), ("storm".to_owned(), true)]);
        let now = Timestamp::now();
        switches.expire(now);
        assert!(switches.values()["storm"], "not yet");
        switches.expire(now + SignedDuration::from_hours(2));
        assert!(!open().values()["storm"], "as configured again, for whoever comes next as well");

        let mut told = Vec::new();
        while let Ok(Order::Switch { name, on }) = ordered.try_recv() {
            told.push((name, on));
        }
        assert_eq!(told, [("storm".to_owned(), true), ("storm".to_owned(), false)]);
        let database = Connection::open(&path).expect("the database");
        let mut log = database.prepare("SELECT name, who, old, new FROM switch_log ORDER BY at").expect("a query");
        let rows = log.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).expect("rows");
        let rows: Vec<(String, String, bool, bool)> = rows.map(|row| row.expect("a row")).collect();
        let row = |who: &str, old, new| ("storm".to_owned(), who.to_owned(), old, new);
        assert_eq!(rows, [row("api", false, true), row(EXPIRY, true, false)]);
    }

    #[test]
    fn what_a_reload_takes_away_is_unknown_and_what_it_brings_stands_as_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let (orders, _ordered) = mpsc::channel(8);
        let switches = Switches::open(&folder.path().join("a.db"), &config(&[("storm", false)]), orders).expect("one");
        switches.set("storm", true, Some(SignedDuration::from_secs(1)), "api").expect("it is there");
        let values = switches.configure(&config(&[("holiday", true)]), |values| values);
        assert_eq!(values, BTreeMap::from([("holiday".to_owned(), true)]));
        assert!(matches!(switches.set("storm", true, None, "api"), Err(NotSet::Unknown)));
        switches.expire(Timestamp::now() + SignedDuration::from_secs(2));
        let values = switches.configure(&config(&[("storm", false)]), |values| values);
        assert_eq!(values, BTreeMap::from([("storm".to_owned(), false)]), "it expired meanwhile");
    }
}
