//! Where flows and prompts are read from: a folder on disk, or what is built into the program.

use crate::audio::{ArenaBuilder, wav};
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::{self, PromptBook};
use crate::yaml::{Diagnostic, Severity, Source, Span};
use std::collections::BTreeMap;
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
        std::fs::read(path)
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
            let samples = files.read(path).map_err(|error| error.to_string());
            let samples = samples.and_then(|bytes| wav::read(&bytes).map_err(|error| error.to_string()));
            let taken = samples.and_then(|samples| {
                self.arena.clip(&name, &samples, wav::RATE).map_err(|full| full.to_string())?;
                Ok(Duration::from_secs(samples.len() as u64) / 8_000)
            });
            match taken {
                Ok(length) => {
                    self.clips.insert(name, length);
                }
                Err(why) => {
                    let place = path.display().to_string();
                    findings.diagnostics.push(Diagnostic::error(&place, "bad-clip", Span::default(), why));
                    // It is there, whatever is in it: that it is missing is no second mistake.
                    self.clips.insert(name, Duration::ZERO);
                }
            }
        }
    }
}
