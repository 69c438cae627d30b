//! What was in step when sound was made: beside the files of a language, `.built.json` says of each what its text was and
//! whether a machine spoke it. By that a text that changed is spoken again, and what somebody recorded is never touched.

use super::Piece;
use crate::server::files::Files;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of one folder, by their names without `.wav`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest(BTreeMap<String, Made>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    text: String,
    /// The voice that spoke it; none of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voice: Option<String>,
    /// The first 16 hex digits of SHA-256 over the file.
    sound: String,
}

/// What a file is, beside its text and the voice that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A machine spoke it: this text, in this voice.
    InStep,
    /// A machine spoke it, but another text or in another voice.
    Stale,
    /// Somebody made it.
    Recorded,
}

impl Manifest {
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(".built.json")
    }

    /// That of a folder; an empty one where there is none.
    pub fn read(files: &dyn Files, folder: &Path) -> Result<Manifest, String> {
        match files.read(&Manifest::path(folder)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// One line a file, for whoever reads its changes.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let lines =
            self.0.iter().map(|(name, made)| Ok(format!("  {}: {}", quoted(name)?, serde_json::to_string(made)?)));
        let lines = lines.collect::<std::io::Result<Vec<_>>>()?.join(",\n");
        std::fs::write(Manifest::path(folder), format!("{{\n{lines}\n}}\n"))
    }

    pub fn standing(&self, piece: &Piece, sound: &[u8], voice: &str) -> Standing {
        match self.0.get(&piece.name) {
            Some(made) if made.sound == digest(sound) && made.voice.is_some() => {
                let same = made.text == piece.text && made.voice.as_deref() == Some(voice);
                if same { Standing::InStep } else { Standing::Stale }
            }
            _ => Standing::Recorded,
        }
    }

    pub fn spoken(&mut self, piece: &Piece, sound: &[u8], voice: &str) {
        let made = Made { text: piece.text.clone(), voice: Some(voice.to_owned()), sound: digest(sound) };
        self.0.insert(piece.name.clone(), made);
    }

    /// Remembers the text of a recording that was not seen before.
    pub fn recorded(&mut self, piece: &Piece, sound: &[u8]) {
        let made = Made { text: piece.text.clone(), voice: None, sound: digest(sound) };
        if self.0.get(&piece.name).is_none_or(|known| known.sound != made.sound) {
            self.0.insert(piece.name.clone(), made);
        }
    }

    /// The text that a file says, if that is another one than its piece has now, and whether a machine spoke it.
    pub fn outdated(&self, files: &dyn Files, piece: &Piece) -> Option<(&str, bool)> {
        let made = self.0.get(&piece.name).filter(|made| made.text != piece.text)?;
        let sound = files.read(&piece.file()).ok()?;
        (made.sound == digest(&sound)).then_some((made.text.as_str(), made.voice.is_some()))
    }
}

fn quoted(text: &str) -> Result<String, serde_json::Error> {
    serde_json::to_string(text)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
