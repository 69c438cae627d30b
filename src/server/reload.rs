//! Flows and configuration are read again when a file of theirs changes, or when somebody asks. What is sound takes the
//! place of what serves, whole; what is not leaves it serving, and says why. All on a thread of its own.
//!
//! ```text
//! a look every second, SIGHUP -> files at rest -> read, check -> Order::Reload -> control
//!                                                     |
//!                                                     +-> Reloads: log, /readyz, /v1/reload
//! ```

mod seen;

use super::control::Order;
use super::files::Findings;
use super::findings::{Told, codes, tell};
use super::switches::Switches;
use super::{Place, quick_place, read_place, secrets};
use crate::config::{self, Config, SecretSource};
use crate::engine::{NewPlace, Service};
use crate::os::sys::give_way;
use crate::time::Duration;
use crate::yaml::{Diagnostic, Severity};
use jiff::Timestamp;
pub use seen::{Noted, Seen};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Files that did not change for so long are written to their end.
const SETTLE: Duration = Duration::from_millis(300);
/// Files that never rest are read as they are after so many looks.
const LOOKS: usize = 20;
/// Of an edit with more mistakes the log tells this many; `/v1/reload` has them all.
const TOLD: usize = 10;

/// What a place is read from, again and again.
#[derive(Clone)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// Quick mode: what the command line says, and its flow.
    Quick(Box<Config>),
}

/// A place as it was read, and what was looked at for it.
pub struct Reading {
    pub place: Option<Place>,
    pub findings: Findings,
    seen: Seen,
}

/// What is to be watched.
pub struct Watch {
    pub origin: Origin,
    seen: Seen,
}

impl Origin {
    pub fn read(&self) -> Reading {
        let files = Noted::default();
        let (place, findings) = match self {
            Origin::File(path) => read_place(&files, path),
            Origin::Quick(config) => quick_place(&files, config),
        };
        for secret in place.iter().flat_map(|place| &place.config.secrets) {
            if let SecretSource::File(path) = &secret.source {
                files.note(Path::new(path));
            }
        }
        Reading { place, findings, seen: files.into_seen() }
    }

    pub fn watch(self, reading: &Reading) -> Watch {
        Watch { origin: self, seen: reading.seen.clone() }
    }
}

/// How the last reading went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub at: Timestamp,
    /// Whether it serves.
    pub ok: bool,
    /// The first mistake, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// All of them, as `askonce check --format json` tells them; none where it was no edit that was wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Told>,
}

/// How the last reading went, for whoever asks, and how often one served and one did not. Its clones are the same.
#[derive(Clone)]
pub struct Reloads(Arc<Mutex<(Outcome, [u64; 2])>>);

impl Reloads {
    /// At the start.
    pub fn begin() -> Reloads {
        let outcome = Outcome { at: Timestamp::now(), ok: true, error: None, findings: Vec::new() };
        Reloads(Arc::new(Mutex::new((outcome, [0, 0]))))
    }

    pub fn last(&self) -> Outcome {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Readings that serve, and those that were refused.
    pub fn counts(&self) -> [u64; 2] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn tell(&self, refused: Option<Refused>) {
        let (ok, at) = (refused.is_none(), Timestamp::now());
        let (error, findings) = refused.map(|refused| (refused.first, refused.all)).unzip();
        let findings = findings.unwrap_or_else(Vec::new);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.1[usize::from(!ok)] += 1;
        told.0 = Outcome { at, ok, error, findings };
    }
}

/// Why a reading does not serve.
struct Refused {
    first: String,
    all: Vec<Told>,
}

impl Refused {
    fn of(findings: &Findings) -> Refused {
        let first = findings.diagnostics.iter().find(|found| found.severity == Severity::Error).map(line);
        // Nothing is refused without a reason; if it were, that must be seen.
        let first = first.unwrap_or_else(|| "the place does not load, and nothing says why".to_owned());
        Refused { first, all: tell(findings) }
    }

    fn because(why: impl std::fmt::Display) -> Refused {
        let why = why.to_string();
        let first = why.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        Refused { first, all: Vec::new() }
    }
}

/// A diagnostic in one line of the log.
fn line(found: &Diagnostic) -> String {
    format!("{}: {}: {}", found.place(), found.code, found.message)
}

/// The thread that reads again.
pub struct Reloader {
    pub watch: Watch,
    /// As it was read at the start: what is bound and open cannot change.
    pub running: Arc<Config>,
    /// Whether sound can be recorded: the recorder is there, or not.
    pub records: bool,
    /// Somebody wants it now; it ends when nobody can any more.
    pub wishes: Receiver<()>,
    pub orders: mpsc::Sender<Order>,
    pub reloads: Reloads,
    pub switches: Switches,
}

impl Reloader {
    pub fn start(self) -> io::Result<()> {
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        // To encode an hour of prompts takes seconds of a core, and calls are to have it first.
        if let Err(error) = give_way() {
            tracing::warn!(%error, "reading again may take time from calls");
        }
        loop {
            match self.wishes.recv_timeout(LOOK) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) if self.watch.seen.look() == self.watch.seen => continue,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.settle();
            let refused = self.reload().err();
            match &refused {
                None => tracing::info!("flows and configuration were read again: new calls have them"),
                Some(refused) => {
                    tracing::error!(why = refused.first, "an edit cannot be served: what served before goes on")
                }
            }
            self.reloads.tell(refused);
        }
    }

    /// Waits until nobody writes the files any more.
    fn settle(&self) {
        let mut before = self.watch.seen.look();
        for _ in 0..LOOKS {
            // One who wants it meanwhile gets it with this.
            if self.wishes.recv_timeout(SETTLE) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let now = self.watch.seen.look();
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn reload(&mut self) -> Result<(), Refused> {
        let Reading { place, mut findings, seen } = self.watch.origin.read();
        self.watch.seen = seen;
        if let Some(Place { config, services }) = &place {
            findings.diagnostics.extend(self.fixed(config, services, &findings));
        }
        for found in findings.diagnostics.iter().take(TOLD) {
            let why = codes::code(found.code).map(|code| code.why);
            let witness = (!found.witness.is_empty()).then(|| found.witness.join(", "));
            match found.severity {
                Severity::Error => tracing::error!(remedy = found.remedy, why, witness, "{}", line(found)),
                Severity::Warning => tracing::warn!(remedy = found.remedy, why, witness, "{}", line(found)),
            }
        }
        let Some(Place { config, services }) = place.filter(|_| findings.errors() == 0) else {
            return Err(Refused::of(&findings));
        };
        let credentials = secrets::credentials(&config).map_err(Refused::because)?;
        let pins = secrets::pins(&config, &services).map_err(Refused::because)?;
        let config = Arc::new(config);
        let (taken, answer) = oneshot::channel();
        let ordered = self.switches.configure(&config.clone(), |switches| {
            let place = Box::new(NewPlace { config, services, credentials, pins, switches });
            self.orders.blocking_send(Order::Reload(place, taken)).is_ok()
        });
        match ordered.then(|| answer.blocking_recv()) {
            Some(Ok(true)) => Ok(()),
            _ => Err(Refused::because("the service is coming to its end")),
        }
    }

    /// What this process cannot take over.
    fn fixed(&self, config: &Config, services: &BTreeMap<String, Service>, findings: &Findings) -> Vec<Diagnostic> {
        let source = findings.sources.iter().find(|source| source.path == config.path);
        let mut fixed = config::fixed(&self.running, config, source);
        if super::records(config, services) && !self.records {
            let mut needs = config::needs_restart("record", &config.path, source);
            needs.note("nothing was recorded when the service started, so there is no recorder");
            fixed.push(needs);
        }
        fixed
    }
}

#[cfg(test)]
mod tests;
