//! A performance is kept: a folder with its recording, as every other fixture.

use crate::record::fixture::Fixture;
use std::path::{Path, PathBuf};

/// Writes a recording to a folder of its own, over an older one of a stage; gives the file. What was recorded of a call
/// that really was is left alone.
#[allow(clippy::disallowed_methods, reason = "the shells own what the core may not have")]
pub fn keep(fixture: &Fixture, folder: &Path) -> Result<PathBuf, String> {
    let file = folder.join("call.jsonl");
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    if let Ok(text) = std::fs::read_to_string(&file)
        && !Fixture::read(&text).is_ok_and(|there| there.header.source == fixture.header.source)
    {
        return Err(failed(&"there is another recording; give a folder of its own"));
    }
    let text = fixture.write().map_err(|broken| failed(&broken))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    std::fs::write(&file, text).map_err(|error| failed(&error))?;
    Ok(file)
}
