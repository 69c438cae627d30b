//! Which files a place was read from, and what they looked like: whether it is to be read again.

use crate::server::files::{Disk, Files};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files and listings, as they were when they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    files: BTreeMap<PathBuf, Stamp>,
    /// By folder and whether what lies deeper counts.
    listings: BTreeMap<(PathBuf, bool), Vec<PathBuf>>,
}

/// Inode, size, and time of the last change of its text in nanoseconds. `None` while the file is not there.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Seen {
    /// The same places as they look now.
    pub fn look(&self) -> Seen {
        Seen {
            files: self.files.keys().map(|path| (path.clone(), stamp(path))).collect(),
            listings: self.listings.keys().map(|key| (key.clone(), listing(&key.0, key.1))).collect(),
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let of = |found: std::fs::Metadata| (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
    std::fs::metadata(path).ok().map(of)
}

/// What is read of a folder: flows of the folder itself, sound of those below. Whatever else comes and goes means nothing.
fn listing(folder: &Path, deep: bool) -> Vec<PathBuf> {
    let (found, ending) = if deep { (Disk.below(folder), "wav") } else { (Disk.within(folder), "yaml") };
    let mut found = found.unwrap_or_else(|_| Vec::new());
    found.retain(|path| path.extension().is_some_and(|end| end == ending));
    found
}

/// The file system, which notes what is read of it.
#[derive(Default)]
pub struct Noted(RefCell<Seen>);

impl Noted {
    pub fn note(&self, path: &Path) {
        // What is written while it is read looks different afterwards.
        self.0.borrow_mut().files.entry(path.to_owned()).or_insert_with(|| stamp(path));
    }

    pub fn into_seen(self) -> Seen {
        self.0.into_inner()
    }

    fn list(&self, folder: &Path, deep: bool) {
        self.0.borrow_mut().listings.insert((folder.to_owned(), deep), listing(folder, deep));
    }
}

impl Files for Noted {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.note(path);
        Disk.read(path)
    }

    fn below(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.list(folder, true);
        Disk.below(folder)
    }

    fn within(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.list(folder, false);
        Disk.within(folder)
    }
}
