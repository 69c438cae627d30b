//! Where flows and prompts are read from: a folder on disk, or what is built into the program.

use crate::audio::wav::{self, Clip};
use crate::audio::{ArenaBuilder, loudness};
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::{self, PromptBook};
use crate::yaml::{Diagnostic, Severity, Source, Span};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Files by their path.
pub trait Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    /// Every file at or below a folder; empty if there is no such folder.
    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>>;
}

/// The file system.
pub struct Disk;

/// Folders are followed this deep, so that a link to a parent ends.
const DEPTH: usize = 4;

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // A byte more than anything that is read, so that its reader says that it is too much.
        std::fs::File::open(path)?.take(wav::LARGEST as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        walk(folder, DEPTH, &mut files)?;
        files.sort();
        Ok(files)
    }
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if depth == 0 || !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, depth - 1, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The example flows and their prompts, built into the program.
#[derive(rust_embed::RustEmbed)]
#[folder = "flows/"]
#[exclude = "*.sh"]
struct Flows;

/// What is built in, under `flows/`.
pub struct Embedded;

impl Files for Embedded {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let name = path.strip_prefix("flows").unwrap_or(path);
        let file = name.to_str().and_then(Flows::get);
        file.map(|file| file.data.into_owned()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let all = Flows::iter().map(|name| Path::new("flows").join(name.as_ref()));
        let mut files: Vec<PathBuf> = all.filter(|path| path.starts_with(folder)).collect();
        files.sort();
        Ok(files)
    }
}

/// Mistakes with the texts that they quote.
#[derive(Debug, Default)]
pub struct Findings {
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<Source>,
}

impl Findings {
    /// As a person reads them: each with its place, the quoted line and the remedy.
    pub fn render(&self) -> String {
        let sources: Vec<&Source> = self.sources.iter().collect();
        self.diagnostics.iter().map(|diagnostic| diagnostic.render(&sources) + "\n\n").collect()
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// A file that cannot be read at all.
    fn unreadable(&mut self, path: &Path, why: &str) {
        let place = path.display().to_string();
        let mut unreadable = Diagnostic::error(&place, "unreadable", Span::default(), why);
        unreadable.remedy("give the path of a file that is there and that this user may read");
        self.diagnostics.push(unreadable);
    }

    /// Reads a text file; what is wrong with it is among the findings.
    pub fn read(&mut self, files: &dyn Files, path: &Path) -> Option<Source> {
        let text = files.read(path).map_err(|error| error.to_string());
        let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
        match text {
            Ok(text) => {
                let source = Source { path: path.display().to_string(), text };
                self.sources.push(source.clone());
                Some(source)
            }
            Err(why) => {
                self.unreadable(path, &why);
                None
            }
        }
    }
}

/// Reads a flow, the catalogue of its prompts and their clips. Warnings, and without a service errors, are
/// among the findings.
pub fn load(files: &dyn Files, path: &Path) -> (Option<Service>, Findings) {
    load_for(files, path, &Codec::LAWS)
}

/// The same, with the clips in these codecs.
pub fn load_for(files: &dyn Files, path: &Path, codecs: &[Codec]) -> (Option<Service>, Findings) {
    let mut findings = Findings::default();
    let service = load_into(files, path, codecs, &mut findings);
    let sound = findings.errors() == 0;
    (service.filter(|_| sound), findings)
}

fn load_into(files: &dyn Files, path: &Path, codecs: &[Codec], findings: &mut Findings) -> Option<Service> {
    let flow = findings.read(files, path)?;
    let preface = flow::load::preface(&flow);
    let folder = path.parent().unwrap_or(Path::new(""));
    let prompts = folder.join(&preface.prompts);
    let mut sound = Sound { arena: ArenaBuilder::new(codecs), clips: BTreeMap::new() };
    sound.read(files, &prompts, &prompts.join(&preface.language), findings);
    sound.read(files, folder, &folder.join("music"), findings);
    let catalogue = prompts.join(format!("{}.yaml", preface.language));
    // Without a catalogue the flow's own mistakes are still told.
    let missing = || Source { path: catalogue.display().to_string(), text: "{}".to_owned() };
    let source = findings.read(files, &catalogue).unwrap_or_else(missing);
    let (book, mistakes) = PromptBook::read(&preface.language, &source, &sound.clips);
    findings.diagnostics.extend(mistakes);
    let flow = match flow::load(&flow, &book) {
        Ok((flow, warnings)) => {
            findings.diagnostics.extend(warnings);
            flow
        }
        Err(mistakes) => {
            findings.diagnostics.extend(mistakes);
            return None;
        }
    };
    let program = Program { flow: Arc::new(flow), prompts: Arc::new(book) };
    Some(Service { program, arena: Arc::new(sound.arena.build()) })
}

struct Sound {
    arena: ArenaBuilder,
    clips: BTreeMap<String, Duration>,
}

impl Sound {
    /// Every WAV below `folder`, named by its path from `base`: `en/welcome`, `music/hold`.
    fn read(&mut self, files: &dyn Files, base: &Path, folder: &Path, findings: &mut Findings) {
        let found = match files.below(folder) {
            Ok(found) => found,
            Err(error) => return findings.unreadable(folder, &error.to_string()),
        };
        for path in found.iter().filter(|path| path.extension().is_some_and(|ending| ending == "wav")) {
            let name = path.strip_prefix(base).unwrap_or(path).with_extension("");
            let name = name.to_string_lossy().into_owned();
            let place = path.display().to_string();
            let taken = files.read(path).map_err(|error| error.to_string()).and_then(|bytes| self.take(&name, &bytes));
            match taken {
                Ok((length, remarks)) => {
                    let warning = |remark| Diagnostic::warning(&place, "doubtful-clip", Span::default(), remark);
                    findings.diagnostics.extend(remarks.into_iter().map(warning));
                    self.clips.insert(name, length);
                }
                Err(why) => {
                    findings.diagnostics.push(Diagnostic::error(&place, "bad-clip", Span::default(), why));
                    // It is there, whatever is in it: that it is missing or empty is no second mistake.
                    self.clips.insert(name, Duration::from_millis(20));
                }
            }
        }
    }
    /// Takes one clip, at the level that all have. Gives its length, and what its author should know.
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<(Duration, Vec<String>), String> {
        let Clip { mut samples, rate, remarks } = wav::read(bytes).map_err(|error| error.to_string())?;
        let levels = loudness::level(&mut samples, rate);
        self.arena.clip(name, &samples, rate).map_err(|full| full.to_string())?;
        let remarks = remarks.iter().map(ToString::to_string).chain(levels.iter().map(ToString::to_string));
        Ok((Duration::from_secs(samples.len() as u64) / rate, remarks.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{SampleFormat, WavSpec, WavWriter};
    use std::io::Cursor;

    /// The example, with some clips replaced.
    struct Changed(BTreeMap<&'static str, Vec<u8>>);

    impl Files for Changed {
        fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
            let changed = path.to_str().and_then(|path| self.0.get(path));
            changed.map_or_else(|| Embedded.read(path), |bytes| Ok(bytes.clone()))
        }

        fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
            Embedded.below(folder)
        }
    }

    /// Two channels at 44,100 Hz: half a second of a square wave.
    fn square(peak: i16) -> Vec<u8> {
        let spec = WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).expect("a writer");
        for n in 0..44_100 {
            writer.write_sample(if n / 100 % 2 == 0 { peak } else { -peak }).expect("a sample");
        }
        writer.finalize().expect("a file");
        bytes.into_inner()
    }

    #[test]
    fn every_clip_of_the_example_is_sound() {
        let (service, findings) = load(&Embedded, Path::new("flows/account-desk.yaml"));
        assert!(service.is_some() && findings.diagnostics.is_empty(), "{}", findings.render());
    }

    #[test]
    fn a_doubtful_clip_is_taken_and_said_with_its_name_and_a_bad_one_is_not() {
        let clips = [("welcome", square(32_767)), ("connecting", square(5)), ("call_later", square(100))];
        let clips = clips.map(|(name, bytes)| (format!("flows/prompts/en/{name}.wav").leak() as &str, bytes));
        let mut files = Changed(BTreeMap::from(clips));
        let (service, findings) = load(&files, Path::new("flows/account-desk.yaml"));
        let arena = service.expect("warnings do not matter").arena;
        assert_eq!(arena.span("en/welcome").map(|span| span.frames), Some(25));
        for (name, warning) in [
            ("welcome", "two channels"),
            ("welcome", "are cut off"),
            ("connecting", "nothing is heard"),
            ("call_later", "could be brought to -38 only"),
        ] {
            let told =
                |found: &Diagnostic| found.path.ends_with(&format!("{name}.wav")) && found.message.contains(warning);
            assert!(findings.diagnostics.iter().any(told), "{name}, {warning}: {}", findings.render());
        }
        files.0.insert("flows/prompts/en/welcome.wav", b"RIFF".to_vec());
        let (service, findings) = load(&files, Path::new("flows/account-desk.yaml"));
        assert!(
            service.is_none() && findings.render().contains("flows/prompts/en/welcome.wav"),
            "{}",
            findings.render()
        );
    }
}
