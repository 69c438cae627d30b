//! Where flows and prompts are read from: a folder on disk, or what is built into the program.

use super::findings::codes::code;
use super::sounds::{Folders, Sounds};
use crate::audio::{Arena, wav};
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::proof::{self, Finding, Witness};
use crate::flow::{self, Flow, PromptBook, Prompts};
use crate::yaml::{Diagnostic, Severity, Source, Span};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by their path.
pub trait Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    /// Every file at or below a folder; empty if there is no such folder.
    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>>;
    /// The files that lie directly in a folder.
    fn within(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let mut files = self.below(folder)?;
        files.retain(|file| file.parent() == Some(folder));
        Ok(files)
    }
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

    fn within(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        walk(folder, 1, &mut files)?;
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

/// The flow that is shown first and its prompts, built into the program, and the words that every flow's values are read
/// with. The other examples are files.
#[derive(rust_embed::RustEmbed)]
#[folder = "flows/"]
#[include = "account-desk.yaml"]
#[include = "prompts/*.yaml"]
#[include = "prompts/*.wav"]
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
    /// Calls that come to what proofs found.
    pub witnesses: Vec<Shown>,
}

/// A finding that a call shows.
#[derive(Debug)]
pub struct Shown {
    /// The flow's file.
    pub flow: PathBuf,
    pub code: &'static str,
    pub line: usize,
    pub call: Witness,
}

impl Findings {
    /// As a person reads them: each with its place, the quoted line, the remedy, and why it matters.
    pub fn render(&self) -> String {
        let sources: Vec<&Source> = self.sources.iter().collect();
        let explained = |found: &Diagnostic| {
            let mut found = found.clone();
            if let Some(code) = code(found.code) {
                found.note(format!("why: {}", code.why));
            }
            found.render(&sources) + "\n\n"
        };
        self.diagnostics.iter().map(explained).collect()
    }

    /// The file of that name, if it was read.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// A file that cannot be read at all.
    pub fn unreadable(&mut self, path: &Path, why: &str) {
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
    load_for(files, path, &Codec::LAWS, None)
}

/// The same, with the clips in these codecs, and the announcements of a folder in place of its prompts.
pub fn load_for(
    files: &dyn Files,
    path: &Path,
    codecs: &[Codec],
    announcements: Option<&Path>,
) -> (Option<Service>, Findings) {
    let (service, findings) = load_all(files, path, (codecs, announcements));
    let sound = findings.errors() == 0;
    (service.filter(|_| sound), findings)
}

/// As `load`, in these codecs; a flow that can run is given though proofs of it failed, which are among the findings with
/// their witnesses.
pub fn load_unproved(files: &dyn Files, path: &Path, codecs: &[Codec]) -> (Option<Service>, Findings) {
    load_all(files, path, (codecs, None))
}

fn load_all(
    files: &dyn Files,
    path: &Path,
    (codecs, announcements): (&[Codec], Option<&Path>),
) -> (Option<Service>, Findings) {
    let mut findings = Findings::default();
    let service = load_into(files, path, (codecs, announcements), &mut findings);
    let runs = findings.errors() == 0;
    // What is not recorded yet is as long as its letters.
    if let Some(Service { program, arena }) = &service {
        let length = |clip: &str| arena.span(clip).map(|span| span.time());
        for Finding { diagnostic, witness } in proof::prove(&program.flow, &program.prompts, &length) {
            let (code, line) = (diagnostic.code, diagnostic.span.line);
            findings.diagnostics.push(diagnostic);
            findings.witnesses.extend(witness.map(|call| Shown { flow: path.to_owned(), code, line, call }));
        }
    }
    (service.filter(|_| runs), findings)
}

fn load_into(
    files: &dyn Files,
    path: &Path,
    (codecs, announcements): (&[Codec], Option<&Path>),
    findings: &mut Findings,
) -> Option<Service> {
    let Written { prompts, flow, folders, .. } = read_flow(files, path, findings)?;
    let folders = folders.with_announcements(announcements);
    let mut sounds = Sounds::new(files, codecs, &prompts, &folders, findings);
    sounds.take_all(flow.as_ref(), &prompts, findings);
    let program = Program { flow: Arc::new(flow?), prompts: Arc::new(prompts) };
    Some(Service { program, arena: Arc::new(sounds.build()) })
}

/// The clips of a flow at the levels of their files: what a system plays that does not bring them to one.
pub fn unlevelled(files: &dyn Files, path: &Path) -> Option<Arena> {
    let mut findings = Findings::default();
    let Written { prompts, flow, folders } = read_flow(files, path, &mut findings)?;
    let mut sounds = Sounds::new(files, &Codec::LAWS, &prompts, &folders, &mut findings).unlevelled();
    sounds.take_all(flow.as_ref(), &prompts, &mut findings);
    Some(sounds.build())
}

/// A flow and what it says, before any sound is read.
pub struct Written {
    /// `None`: it has mistakes, which are among the findings.
    pub flow: Option<Flow>,
    pub prompts: Prompts,
    pub folders: Folders,
}

/// Reads a flow and its catalogues.
pub fn read_flow(files: &dyn Files, path: &Path, findings: &mut Findings) -> Option<Written> {
    let source = findings.read(files, path)?;
    let preface = flow::load::preface(&source);
    let folders = Folders::of(path, &preface.prompts);
    let mut books = preface.languages.iter().map(|language| book(files, &folders.prompts, language, findings));
    let prompts = Prompts::new(books.next()?, books.collect());
    let beside = path.parent().unwrap_or(Path::new(""));
    let modules: Option<Vec<Source>> =
        preface.modules.iter().map(|module| findings.read(files, &beside.join(module))).collect();
    let flow = flow::load::load_with(&source, &modules?, &prompts);
    let (flow, told) = match flow {
        Ok((flow, warnings)) => (Some(flow), warnings),
        Err(mistakes) => (None, mistakes),
    };
    findings.diagnostics.extend(told);
    Some(Written { flow, prompts, folders })
}

/// The catalogue of a language.
fn book(files: &dyn Files, prompts: &Path, language: &str, findings: &mut Findings) -> PromptBook {
    let catalogue = prompts.join(format!("{language}.yaml"));
    // Without a catalogue the flow's own mistakes are still told.
    let Some(source) = findings.read(files, &catalogue) else {
        return PromptBook::unread(language, &catalogue.display().to_string());
    };
    let (book, mistakes) = PromptBook::read(language, &source);
    findings.diagnostics.extend(mistakes);
    book
}
