//! Makes the sound that is missing, and makes again what does not go with its text any more.

use super::made::{Manifest, Standing};
use super::voice::Voices;
use super::{Line, Piece, Sound};
use crate::server::files::{Disk, Files};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How and what to build.
#[derive(Debug)]
pub struct Choice {
    pub voices: Voices,
    /// All that a machine spoke, though it be in step.
    pub force: bool,
    /// A text and its voice to a WAV file, or why not: `speak`.
    pub speak: fn(&str, &str) -> Result<Vec<u8>, String>,
}

/// What was done, in files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    pub spoken: Vec<PathBuf>,
    pub in_step: usize,
    /// Somebody made them; they are not touched.
    pub recorded: usize,
    pub bytes: u64,
}

/// Builds the sound of these lines on disk, a folder after the other. What was built before a failure stands.
pub fn build(lines: &[Line], choice: &Choice) -> Result<Built, String> {
    let mut folders: BTreeMap<&PathBuf, Vec<(&Line, &Piece)>> = BTreeMap::new();
    for line in lines {
        for piece in line.pieces.iter().filter(|piece| piece.sound != Sound::BuiltIn) {
            folders.entry(&piece.folder).or_default().push((line, piece));
        }
    }
    let mut built = Built::default();
    for (folder, pieces) in folders {
        let failed = |error: String| format!("{}: {error}", Manifest::path(folder).display());
        let before = Manifest::read(&Disk, folder).map_err(failed)?;
        let mut manifest = before.clone();
        let done = pieces.iter().try_for_each(|(line, piece)| one(line, piece, choice, &mut manifest, &mut built));
        if manifest != before {
            manifest.write(folder).map_err(|error| failed(error.to_string()))?;
        }
        done?;
    }
    Ok(built)
}

fn one(line: &Line, piece: &Piece, choice: &Choice, manifest: &mut Manifest, built: &mut Built) -> Result<(), String> {
    let (file, voice) = (piece.file(), choice.voices.of(&line.language, line.word));
    match Disk.read(&file) {
        Ok(sound) => match manifest.standing(piece, &sound, &voice) {
            Standing::Recorded => {
                manifest.recorded(piece, &sound);
                built.recorded += 1;
                return Ok(());
            }
            Standing::InStep if !choice.force => {
                built.in_step += 1;
                return Ok(());
            }
            Standing::InStep | Standing::Stale => {}
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{}: {error}", file.display())),
    }
    let sound = (choice.speak)(&piece.text, &voice)?;
    let folder = file.parent().unwrap_or(&piece.folder);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, &sound));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    manifest.spoken(piece, &sound, &voice);
    built.bytes += sound.len() as u64;
    built.spoken.push(file);
    Ok(())
}
