//! Prompts as sound, by a player of the system.

use crate::audio::codec::{Decoder, LONGEST};
use crate::audio::{Arena, Utterance};
use crate::codec::Codec;
use crate::record::Out;
use crate::server::studio::voice;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Players and what they are told besides the file.
const PLAYERS: [(&str, &[&str]); 4] = [
    ("aplay", &["-q"]),
    ("paplay", &[]),
    ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "quiet"]),
    ("play", &["-q"]),
];

pub struct Player {
    arena: Arc<Arena>,
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Player {
    /// The first one that there is.
    pub fn find(arena: &Arc<Arena>) -> Result<Player, String> {
        let folders = std::env::var_os("PATH").ok_or("there is no PATH to find a player of sound on")?;
        let there =
            |name: &str| std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file());
        let found = PLAYERS.iter().find_map(|(name, arguments)| {
            there(name).map(|program| Player { arena: arena.clone(), program, arguments })
        });
        found.ok_or_else(|| {
            "there is no player of sound here: aplay, paplay, ffplay or play (--audio needs one)".to_owned()
        })
    }

    /// Plays what is said, to its end. Music is left out: it would have none.
    pub fn hear(&self, out: &Out) {
        let Out::Play { say, looped: false, .. } = out else { return };
        let file = self.samples(say).and_then(|samples| voice::file(&samples).map_err(|error| error.to_string()));
        if let Err(why) = file.and_then(|bytes| self.play(&bytes)) {
            println!("  (no sound: {why})");
        }
    }

    fn samples(&self, say: &[Utterance]) -> Result<Vec<i16>, String> {
        let spans = self.arena.spans(say).map_err(|missing| missing.to_string())?;
        let mut decoder = Decoder::new(Codec::Pcmu);
        let mut samples = Vec::new();
        for frame in spans.iter().flat_map(|span| span.start..span.start + span.frames) {
            let frame = self.arena.frame(Codec::Pcmu, frame).ok_or("no such frame")?;
            samples.extend_from_slice(decoder.decode(frame, &mut [0; LONGEST]).unwrap_or(&[]));
        }
        Ok(samples)
    }

    fn play(&self, bytes: &[u8]) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        let file = tempfile::Builder::new().suffix(".wav").tempfile().map_err(failed)?;
        std::fs::write(file.path(), bytes).map_err(failed)?;
        let status = Command::new(&self.program)
            .args(self.arguments)
            .arg(file.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(failed)?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.program.display())) }
    }
}
