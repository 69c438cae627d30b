//! The journal of the last calls, redacted, as files beside the store: what may still become a fixture. The oldest go first.

use super::folder::{is_call, make, names, write};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Bytes of all of them: a thousand calls of the usual length take half of it.
pub const BYTES: u64 = 100_000_000;

const ENDING: &str = ".jsonl";
/// Of a file that is not whole yet.
const UNFINISHED: &str = ".new";

pub struct Journal {
    folder: PathBuf,
    /// How many it holds at most.
    most: usize,
    /// The oldest first, with their lengths.
    calls: VecDeque<(String, u64)>,
    bytes: u64,
}

impl Journal {
    /// Makes the folder if it is not there, and takes on what another process left, up to the bound of this one.
    pub fn open(folder: &Path, most: usize) -> io::Result<Journal> {
        make(folder)?;
        let mut journal = Journal { folder: folder.to_owned(), most, calls: VecDeque::new(), bytes: 0 };
        for name in names(folder)? {
            if name.ends_with(UNFINISHED) {
                std::fs::remove_file(folder.join(name))?;
            }
        }
        for call in calls(folder)? {
            let length = std::fs::metadata(path(folder, &call))?.len();
            journal.bytes += length;
            journal.calls.push_back((call, length));
        }
        journal.make_room(0, 0)?;
        Ok(journal)
    }

    /// Whether there is any.
    pub fn is_kept(&self) -> bool {
        self.most > 0
    }

    pub fn put(&mut self, call: &str, text: &str) -> io::Result<()> {
        let length = text.len() as u64;
        self.make_room(1, length)?;
        let fresh = self.folder.join(format!("{call}{UNFINISHED}"));
        let written = write(&fresh, text.as_bytes()).and_then(|_| std::fs::rename(&fresh, path(&self.folder, call)));
        if let Err(error) = written {
            // As with a folder: the attempt to leave nothing.
            let _ = std::fs::remove_file(&fresh);
            return Err(error);
        }
        self.calls.push_back((call.to_owned(), length));
        self.bytes += length;
        Ok(())
    }

    /// Forgets calls whose names come before that one; how many.
    pub fn forget_before(&mut self, first: &str) -> io::Result<usize> {
        let mut gone = 0;
        while self.calls.front().is_some_and(|(call, _)| call.as_str() < first) {
            self.forget_oldest()?;
            gone += 1;
        }
        Ok(gone)
    }

    /// For so many calls more, of so many bytes.
    fn make_room(&mut self, calls: usize, bytes: u64) -> io::Result<()> {
        while !self.calls.is_empty() && (self.calls.len() + calls > self.most || self.bytes + bytes > BYTES) {
            self.forget_oldest()?;
        }
        Ok(())
    }

    fn forget_oldest(&mut self) -> io::Result<()> {
        let Some((call, length)) = self.calls.pop_front() else { return Ok(()) };
        self.bytes -= length;
        forget(&self.folder, &call).map(drop)
    }
}

fn path(folder: &Path, call: &str) -> PathBuf {
    folder.join(format!("{call}{ENDING}"))
}

/// The calls of a journal, the oldest first: their names begin with the time.
pub fn calls(folder: &Path) -> io::Result<Vec<String>> {
    let names = names(folder)?;
    let calls = names.iter().filter_map(|name| name.strip_suffix(ENDING)).filter(|call| is_call(call));
    let mut calls: Vec<String> = calls.map(str::to_owned).collect();
    calls.sort_unstable();
    Ok(calls)
}

/// What the journal has of a call; `None` if it has nothing.
pub fn read(folder: &Path, call: &str) -> io::Result<Option<String>> {
    // A name that leads elsewhere is no call's.
    if !is_call(call) {
        return Ok(None);
    }
    match std::fs::read_to_string(path(folder, call)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Forgets a call: whether it was there.
pub fn forget(folder: &Path, call: &str) -> io::Result<bool> {
    match std::fs::remove_file(path(folder, call)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
