//! How far a long file is read, on a terminal.

use std::fs::File;
use std::io::{IsTerminal, Read, Result, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);
const BAR: u64 = 30;

/// A file that tells how far it is read.
pub struct Progress {
    file: File,
    name: String,
    length: u64,
    read: u64,
    told: Instant,
    terminal: bool,
    /// A line of ours is on the terminal.
    shown: bool,
}

impl Progress {
    pub fn of(file: File, path: &Path) -> Result<Progress> {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let length = file.metadata()?.len();
        Ok(Progress {
            file,
            name,
            length,
            read: 0,
            told: Instant::now(),
            terminal: stderr().is_terminal(),
            shown: false,
        })
    }
}

impl Read for Progress {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        if self.terminal && self.told.elapsed() >= EVERY {
            (self.told, self.shown) = (Instant::now(), true);
            let done = (self.read * BAR).checked_div(self.length).unwrap_or(BAR).min(BAR) as usize;
            let bar = "#".repeat(done) + &".".repeat(BAR as usize - done);
            let (read, length) = (self.read >> 20, self.length >> 20);
            // What cannot be shown is not worth an error.
            let _ = write!(stderr(), "\r[{bar}] {read} of {length} MB of {}\x1b[K", self.name);
        }
        Ok(read)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
