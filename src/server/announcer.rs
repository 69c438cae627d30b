//! The announcer: a thread that makes prompts of what callers said, and puts them where other flows find them. To encode
//! and to write takes longer than the recorder or the control plane may.
//!
//! ```text
//! recorder -- a take that ended --> announcer -- the call can play it --> control
//! control -- publish ------------->    |
//!                                      +-> announcements/en/closed_today.wav -> the next reading of flows
//!                                      +-> the switch
//! ```

use super::switches::NotSet;
use crate::audio::Arena;
use crate::audio::take::{RATE, Take};
use crate::context::Outcome;
use crate::engine::{Announcement, CallNumber, Spoken};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::mpsc::UnboundedSender;

/// Orders that may wait. Each is a take of a call, or a file to write.
const ORDERS: usize = 256;
/// How the file is called that an announcement took the place of.
const BEFORE: &str = "wav.before";

/// A take that ended.
pub struct Ended {
    pub call: CallNumber,
    pub recording: u32,
    pub name: String,
    pub take: Take,
    /// What the call can play so far.
    pub over: Arc<Arena>,
}

enum Order {
    Finish(Box<Ended>),
    Publish(Box<Announcement>),
}

/// What the control plane is told.
pub enum Word {
    Taken { call: CallNumber, recording: u32, outcome: Outcome, spoken: Option<Spoken> },
    Announced { call: CallNumber, announce: u32, done: bool },
}

/// Sets a switch for whoever is named last.
pub type SetSwitch = Box<dyn Fn(&str, bool, &str) -> Result<(), NotSet> + Send>;

/// The way to the announcer. The thread ends with the last of its clones.
#[derive(Clone)]
pub struct Announcer(SyncSender<Order>);

impl Announcer {
    /// Starts the thread; `folder` is where announcements lie, if there may be any.
    pub fn start(folder: Option<PathBuf>, set: SetSwitch, told: UnboundedSender<Word>) -> io::Result<Announcer> {
        let (sender, orders) = sync_channel(ORDERS);
        let desk = Desk { folder, set, told };
        std::thread::Builder::new().name("announcer".to_owned()).spawn(move || desk.run(&orders))?;
        Ok(Announcer(sender))
    }

    /// False: too many wait.
    pub fn finish(&self, ended: Ended) -> bool {
        self.0.try_send(Order::Finish(Box::new(ended))).is_ok()
    }

    /// False: too many wait.
    pub fn publish(&self, announcement: Box<Announcement>) -> bool {
        self.0.try_send(Order::Publish(announcement)).is_ok()
    }
}

struct Desk {
    folder: Option<PathBuf>,
    set: SetSwitch,
    told: UnboundedSender<Word>,
}

impl Desk {
    fn run(self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            let word = match order {
                Order::Finish(ended) => finish(*ended),
                Order::Publish(announcement) => {
                    let (call, announce) = (announcement.call, announcement.announce);
                    Word::Announced { call, announce, done: self.publish(&announcement) }
                }
            };
            // The control plane is gone only when the service ends.
            let _ = self.told.send(word);
        }
    }

    /// The sound first: once the switch is set, there is something to hear.
    fn publish(&self, announcement: &Announcement) -> bool {
        let Announcement { name, flow, prompt, language, spoken, switch, .. } = announcement;
        let Some(folder) = &self.folder else {
            tracing::error!(call = name, flow, "nothing can be announced: the configuration has no `announcements:`");
            return false;
        };
        if let Some(spoken) = spoken {
            let path = folder.join(language).join(prompt);
            if let Err(error) = replace(&path, &spoken.samples) {
                tracing::error!(call = name, flow, prompt, language, %error, "an announcement could not be written");
                return false;
            }
            let ms = spoken.samples.len() as u64 * 1_000 / u64::from(RATE);
            tracing::info!(call = name, flow, prompt, language, ms, "an announcement was recorded by telephone");
        }
        match switch.as_ref().map(|switch| (self.set)(&switch.name, switch.on, &format!("call {name}"))) {
            None | Some(Ok(())) => true,
            Some(Err(why)) => {
                let switch = switch.as_ref().map(|switch| &switch.name);
                match why {
                    NotSet::Unknown => tracing::error!(call = name, flow, switch, "there is no such switch any more"),
                    NotSet::Store(error) => tracing::error!(call = name, flow, switch, %error, "a switch was not set"),
                }
                false
            }
        }
    }
}

/// Makes a clip of the call's of a take.
fn finish(Ended { call, recording, name, take, over }: Ended) -> Word {
    let spoken = take.finish().map(|samples| {
        let arena = Arena::with(over, &name, &samples, RATE).map(Arc::new);
        arena.map(|arena| Spoken { samples, arena })
    });
    let (outcome, spoken) = match spoken {
        None => (Outcome::None, None),
        Some(Ok(spoken)) => (Outcome::Ok, Some(spoken)),
        Some(Err(why)) => {
            tracing::error!(%why, "what a caller said has no room among the prompts of its flow");
            (Outcome::Failed, None)
        }
    };
    Word::Taken { call, recording, outcome, spoken }
}

/// Puts the sound into `path` with the ending `wav`, whole or not at all, and keeps the one before it.
fn replace(path: &Path, samples: &[i16]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)?;
    let (fresh, place, before) =
        (path.with_extension("wav.new"), path.with_extension("wav"), path.with_extension(BEFORE));
    // What a killed process left is none of anybody's.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&fresh)?;
    write(&file, samples)?;
    file.sync_all()?;
    if_there(std::fs::remove_file(&before))?;
    if_there(std::fs::hard_link(&place, &before))?;
    std::fs::rename(&fresh, &place)?;
    File::open(folder)?.sync_all()
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn write(file: &File, samples: &[i16]) -> io::Result<()> {
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let plain = |error| match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    };
    // Its header is written last: it needs the sound's length.
    let mut whole = io::Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut wav = WavWriter::new(&mut whole, spec).map_err(plain)?;
    samples.iter().try_for_each(|&sample| wav.write_sample(sample)).and_then(|()| wav.finalize()).map_err(plain)?;
    let mut file = BufWriter::new(file);
    file.write_all(whole.get_ref())?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav;

    #[test]
    fn an_announcement_is_whole_and_the_one_before_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("en/storms/closed_today");
        let read = |ending: &str| {
            let bytes = std::fs::read(path.with_extension(ending)).expect("a file");
            wav::read(&bytes).expect("a prompt").samples
        };
        replace(&path, &[1; 800]).expect("written");
        assert_eq!(read("wav"), [1; 800]);
        // What a killed process left, longer than what follows.
        std::fs::write(path.with_extension("wav.new"), [9; 9_000]).expect("written");
        replace(&path, &[2; 900]).expect("written");
        replace(&path, &[3; 1_000]).expect("written");
        assert_eq!((read("wav"), read(BEFORE)), (vec![3; 1_000], vec![2; 900]));
        let listed = std::fs::read_dir(path.parent().expect("a folder")).expect("a folder").count();
        assert_eq!(listed, 2);
    }

    #[test]
    fn a_folder_that_is_none_is_an_error_and_what_there_was_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("en"), "a file").expect("written");
        assert!(replace(&folder.path().join("en/closed"), &[1; 800]).is_err());
    }
}
