//! What a target of ours says it heard: its call records, from where the file ended when the run began.

use crate::time::Duration;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How long records may be written after their calls.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

pub struct Records {
    path: PathBuf,
    /// Bytes that were there before.
    from: u64,
}

impl Records {
    pub fn begin(path: &Path) -> io::Result<Records> {
        let length = match std::fs::metadata(path) {
            Ok(found) => found.len(),
            // It is made with the first record.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Records { path: path.to_owned(), from: length })
    }

    /// The keys of so many calls, once their records are there; of as many as there are, if they do not come.
    pub fn keys(&self, calls: u32) -> io::Result<u64> {
        let began = Instant::now();
        loop {
            let (found, keys) = self.read()?;
            if found >= calls || began.elapsed() > PATIENCE {
                return Ok(keys);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn read(&self) -> io::Result<(u32, u64)> {
        let mut text = String::new();
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.from))?;
        file.read_to_string(&mut text)?;
        let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let keys = records.filter_map(|record| record["keys"].as_u64());
        Ok(keys.fold((0, 0), |(found, sum), keys| (found + 1, sum + keys)))
    }
}
