//! The recorder as a service starts it: with its folder, and with whoever waits for what it recorded.

use super::{Bounds, Recorded, Recorder, Taker, folder};
use crate::config::Config;
use crate::os::clock::Clock;
use crate::server::announcer::{self, Announcer};
use crate::server::recorder::ring::Outlet;
use crate::server::switches::Switches;
use crate::server::{NotStarted, not_started};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// The recorder, and who announces what it recorded, each with its words.
pub type Recording =
    (Option<Recorder>, mpsc::UnboundedReceiver<Recorded>, Option<Announcer>, mpsc::UnboundedReceiver<announcer::Word>);

/// If anything may be recorded: sees that recordings can be written, mends what a killed process left of them, and starts
/// the recorder and the announcer. `taker` gets what callers said whose calls may become fixtures.
pub fn begin(
    config: &Config,
    folder: PathBuf,
    (records, taker): (bool, Option<Taker>),
    (clock, rings): (Clock, Vec<Outlet>),
    switches: &Switches,
) -> Result<Recording, NotStarted> {
    let ((told, recorded), (words, announced)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    if !records && taker.is_none() {
        return Ok((None, recorded, None, announced));
    }
    if records {
        mend(&folder)?;
    }
    let bounds = Bounds { folder, longest: config.record.longest, at_once: config.record.at_once };
    let announcements = config.announcements.as_ref().map(|announced| PathBuf::from(&announced.folder));
    let no_thread = |error| not_started("the recorder's threads", error, "this system cannot serve");
    let switches = switches.clone();
    let set = Box::new(move |name: &str, on, who: &str| switches.set(name, on, None, who).map(drop));
    let announcer = Announcer::start(announcements, set, words).map_err(no_thread)?;
    let taker = taker.unwrap_or_else(|| Box::new(drop));
    let recorder = Recorder::start(bounds, clock, rings, announcer.clone(), told, taker).map_err(no_thread)?;
    Ok((Some(recorder), recorded, Some(announcer), announced))
}

fn mend(folder: &Path) -> Result<(), NotStarted> {
    let mended = folder::prepare(folder).and_then(|()| folder::mend(folder));
    let mended = mended.map_err(|error| {
        let what = format!("recordings in {}", folder.display());
        not_started(what, error, "a folder that this user may write: record: { folder: var/recordings }")
    })?;
    if mended > 0 {
        tracing::warn!(mended, "recordings that a killed process left unfinished were mended");
    }
    Ok(())
}
