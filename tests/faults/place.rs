//! The sound place that the faults are planted in, in memory: a configuration, a flow with its module, two catalogues, and a
//! clip for every prompt.

use askonce::server::files::{Files, Findings};
use askonce::server::findings::check;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub const CONFIG: &str = "askonce.yaml";
pub const FLOW: &str = "desk.yaml";
pub const MODULE: &str = "verify.yaml";
pub const EN: &str = "prompts/en.yaml";
pub const ES: &str = "prompts/es.yaml";

const BASE: [(&str, &str); 5] = [
    (CONFIG, include_str!("base/askonce.yaml")),
    (FLOW, include_str!("base/desk.yaml")),
    (MODULE, include_str!("base/verify.yaml")),
    (EN, include_str!("base/prompts/en.yaml")),
    (ES, include_str!("base/prompts/es.yaml")),
];

pub struct Place {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Place {
    pub fn sound() -> Place {
        let mut files: BTreeMap<PathBuf, Vec<u8>> =
            BASE.into_iter().map(|(name, text)| (name.into(), text.as_bytes().to_vec())).collect();
        let clip = clip();
        for name in ["music/jazz.wav", "music/hold.wav"] {
            files.insert(name.into(), clip.clone());
        }
        for (path, text) in [BASE[3], BASE[4]] {
            let folder = Path::new(path).with_extension("");
            for id in text.lines().filter_map(|line| line.split_once(':')).map(|(id, _)| id) {
                // Of a prompt that reads a value the pieces, too.
                for name in [id.to_owned(), format!("{id}.1"), format!("{id}.2")] {
                    files.insert(folder.join(format!("{name}.wav")), clip.clone());
                }
            }
        }
        Place { files }
    }

    pub fn text(&self, file: &str) -> String {
        String::from_utf8(self.files[Path::new(file)].clone()).expect("text")
    }

    pub fn write(&mut self, file: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(file.into(), bytes.into());
    }

    pub fn check(&self) -> Findings {
        check(self, &[], Some(Path::new(CONFIG))).findings
    }
}

impl Files for Place {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn below(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let whole = folder == Path::new("");
        Ok(self.files.keys().filter(|path| whole || path.starts_with(folder)).cloned().collect())
    }
}

/// Half a second of a tone, 8,000 Hz, at the level of speech.
fn clip() -> Vec<u8> {
    const SAMPLES: u32 = 4_000;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + 2 * SAMPLES).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((2 * SAMPLES).to_le_bytes());
    let sample = |n: u32| (f64::from(n) * 0.3).sin() * 3_000.0;
    wav.extend((0..SAMPLES).flat_map(|n| (sample(n) as i16).to_le_bytes()));
    wav
}
