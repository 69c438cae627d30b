//! The folder of fixtures: one folder a call, whole or not there at all, for this user alone. What people put there or
//! rename is theirs, and never touched.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Of a fixture, what must be there.
pub const CALL: &str = "call.jsonl";
/// Fixtures that the service puts there: more than anybody looks through, and less than fills a disk by itself.
pub const MOST: usize = 50_000;
/// The folder of a fixture that is not whole yet begins so.
const UNFINISHED: &str = ".unfinished-";

/// Why a fixture is not there.
#[derive(Debug)]
pub enum NotPut {
    /// There are as many as may be.
    Full,
    Disk(io::Error),
}

impl std::fmt::Display for NotPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotPut::Full => write!(f, "the inbox has {MOST} fixtures already: move some away"),
            NotPut::Disk(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for NotPut {
    fn from(error: io::Error) -> NotPut {
        NotPut::Disk(error)
    }
}

pub struct Folder {
    path: PathBuf,
    /// What is in it, whoever put it there.
    count: usize,
    most: usize,
}

impl Folder {
    /// Makes it if it is not there, and takes away what a killed process left half done.
    pub fn open(path: &Path) -> io::Result<Folder> {
        make(path)?;
        let mut count = 0;
        for name in names(path)? {
            match name.starts_with(UNFINISHED) {
                true => std::fs::remove_dir_all(path.join(name))?,
                false => count += 1,
            }
        }
        Ok(Folder { path: path.to_owned(), count, most: MOST })
    }

    #[cfg(test)]
    pub fn bound(&mut self, most: usize) {
        self.most = most;
    }

    /// A fixture of these files.
    pub fn put(&mut self, call: &str, files: &[(&str, &[u8])]) -> Result<(), NotPut> {
        if self.count >= self.most {
            // Somebody may have cleared it out.
            self.count = names(&self.path)?.len();
            if self.count >= self.most {
                return Err(NotPut::Full);
            }
        }
        put(&self.path, call, files)?;
        self.count += 1;
        Ok(())
    }

    /// Removes the fixtures of calls whose names come before that one; how many.
    pub fn forget_before(&mut self, first: &str) -> io::Result<usize> {
        let mut gone = 0;
        for name in names(&self.path)?.iter().filter(|name| is_call(name) && name.as_str() < first) {
            std::fs::remove_dir_all(self.path.join(name))?;
            gone += 1;
        }
        self.count = self.count.saturating_sub(gone);
        Ok(gone)
    }
}

/// Puts a folder of these files below `folder`: under its name it is there when all of it is.
pub fn put(folder: &Path, call: &str, files: &[(&str, &[u8])]) -> io::Result<()> {
    make(folder)?;
    let fresh = folder.join(format!("{UNFINISHED}{call}"));
    let written = fill(&fresh, files).and_then(|()| std::fs::rename(&fresh, folder.join(call)));
    if written.is_err() {
        // What it could not be written for is what was said; this is the attempt to leave nothing.
        let _ = std::fs::remove_dir_all(&fresh);
    }
    written
}

fn fill(folder: &Path, files: &[(&str, &[u8])]) -> io::Result<()> {
    make(folder)?;
    for (name, bytes) in files {
        write(&folder.join(name), bytes)?.sync_all()?;
    }
    Ok(())
}

/// A file of this user's alone.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes the fixture of a call, if there is one: whether there was.
pub fn forget(folder: &Path, call: &str) -> io::Result<bool> {
    match std::fs::remove_dir_all(folder.join(call)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Whether the service gives such names: what it did not put there it does not remove.
pub fn is_call(name: &str) -> bool {
    ulid::Ulid::from_string(name).is_ok()
}
