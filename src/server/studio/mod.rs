//! What flows say, prompt by prompt: to be listed, recorded, spoken by a machine, checked.

mod build;
mod made;
pub mod voice;

pub use build::{Built, Choice, build};
pub use made::Manifest;
pub use voice::{Voices, speak};

use super::files::{Embedded, Files, Findings, Written, read_flow};
use super::sounds::{Folders, built_in};
use crate::audio::spoken;
use crate::audio::wav;
use crate::flow::prompts::{Part, Prompt, PromptBook};
use crate::flow::{Flow, Prompts};
use crate::yaml::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A prompt of one language, or a word that values are read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub language: String,
    /// `account_readback`, `digits/1`.
    pub id: String,
    pub text: String,
    /// A word of values; it is said within others, and short.
    pub word: bool,
    /// Who says it: `account-desk start:1`; of a word, which values: `account-desk money`. Nobody, if empty.
    pub uses: BTreeSet<String>,
    pub pieces: Vec<Piece>,
    /// Its catalogue and its place there; a word that no catalogue has is of the flow's file.
    pub path: String,
    pub span: Span,
}

/// One sound file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name within the folder of the language: `account_readback.1`.
    pub name: String,
    pub text: String,
    /// The folder of the language.
    pub folder: PathBuf,
    pub sound: Sound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// A file of so many milliseconds; 0 of one that cannot be read, which `check` tells.
    There(u64),
    /// A word of the built-in voice.
    BuiltIn,
    Missing,
}

impl Piece {
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.wav", self.name))
    }
}

/// Which words are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Those that the values of the flows need, wherever they lie.
    Needed,
    /// Every one of each language, as if beside the flow.
    OfOurOwn,
}

/// Reads what these flows say, sorted by language, the words of values last. What is wrong with flows and catalogues is
/// among the findings; missing sound is not.
pub fn read(files: &dyn Files, flows: &[PathBuf], words: Words) -> (Vec<Line>, Findings) {
    let (mut findings, mut script) = (Findings::default(), Script { files, lines: BTreeMap::new() });
    for path in flows {
        let Some(Written { flow: Some(flow), prompts, folders }) = read_flow(files, path, &mut findings) else {
            continue;
        };
        for book in prompts.books() {
            script.prompts(&flow, book, &folders);
        }
        script.words(&flow, &prompts, &folders, words);
    }
    (script.lines.into_values().collect(), findings)
}

/// Prompts that nobody says, sound that no prompt has, and sound that does not go with its text any more.
pub fn check(files: &dyn Files, lines: &[Line], findings: &mut Findings) {
    leftovers(files, lines, findings);
    let mut manifests = BTreeMap::new();
    for line in lines {
        if line.uses.is_empty() {
            let mut unused =
                Diagnostic::warning(&line.path, "unused-prompt", line.span, format!("nothing says `{}`", line.id));
            unused.note("of the flows that were given");
            findings.diagnostics.push(unused);
        }
        for piece in &line.pieces {
            let manifest = manifests.entry(&piece.folder).or_insert_with(|| Manifest::read(files, &piece.folder));
            let manifest = match manifest {
                Ok(manifest) => manifest,
                Err(why) => {
                    // Once for each folder.
                    if !why.is_empty() {
                        findings.unreadable(&Manifest::path(&piece.folder), &std::mem::take(why));
                    }
                    continue;
                }
            };
            let Some((old, by_machine)) = manifest.outdated(files, piece) else { continue };
            let message = format!("`{}` still says: {old}", piece.file().display());
            let mut stale = Diagnostic::warning(&line.path, "out-of-step", line.span, message);
            stale.remedy(if by_machine { "askonce prompts build" } else { "record it again" });
            findings.diagnostics.push(stale);
        }
    }
}

fn leftovers(files: &dyn Files, lines: &[Line], findings: &mut Findings) {
    let mut folders: BTreeMap<&PathBuf, (&str, BTreeSet<PathBuf>)> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.word) {
        for piece in &line.pieces {
            folders.entry(&piece.folder).or_insert((&line.language, BTreeSet::new())).1.insert(piece.file());
        }
    }
    for (folder, (language, mut known)) in folders {
        // Words lie beside prompts, whoever reads them.
        known.extend(spoken::words(language).into_iter().map(|(name, _)| folder.join(format!("{name}.wav"))));
        // What cannot be listed is told when the flow loads.
        let there = files.below(folder).unwrap_or_else(|_| Vec::new());
        let sounds = there.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "wav"));
        for path in sounds.filter(|path| !known.contains(path)) {
            let message = "no prompt of the catalogue has this sound";
            let mut left = Diagnostic::warning(&path.display().to_string(), "leftover-clip", Span::default(), message);
            left.remedy("delete it, or write its text into the catalogue");
            findings.diagnostics.push(left);
        }
    }
}

struct Script<'f> {
    files: &'f dyn Files,
    /// By language, words behind prompts, folder, id.
    lines: BTreeMap<(String, bool, PathBuf, String), Line>,
}

impl Script<'_> {
    fn prompts(&mut self, flow: &Flow, book: &PromptBook, folders: &Folders) {
        let language = &book.language;
        let words: BTreeSet<String> = spoken::words(language).into_iter().map(|(name, _)| name).collect();
        let folder = folders.prompts.join(language);
        for (id, prompt) in book.prompts() {
            // A catalogue that lists words by their names only says what they sound like.
            let word = words.contains(id);
            let line =
                self.lines.entry((language.clone(), word, folder.clone(), id.to_owned())).or_insert_with(|| Line {
                    language: language.clone(),
                    id: id.to_owned(),
                    text: prompt.text.clone(),
                    word,
                    uses: BTreeSet::new(),
                    pieces: pieces(self.files, prompt, &folder, language),
                    path: book.path.clone(),
                    span: prompt.span,
                });
            let uses = flow.uses.iter().filter(|of| of.prompt == id);
            line.uses.extend(uses.map(|of| format!("{} {}", flow.name.text, of.place)));
        }
    }

    fn words(&mut self, flow: &Flow, prompts: &Prompts, folders: &Folders, words: Words) {
        for language in prompts.books().map(|book| book.language.as_str()) {
            let own = folders.prompts.join(language);
            if words == Words::OfOurOwn {
                for (name, text) in spoken::words(language) {
                    let sound = there(self.files, &own.join(format!("{name}.wav"))).unwrap_or(Sound::Missing);
                    self.word(flow, language, name, text, own.clone(), sound);
                }
            }
            for (reading, _) in &flow.readings {
                for (name, text) in spoken::vocabulary(language, *reading).into_iter().flatten() {
                    let name = name.strip_prefix(language).map_or(name.as_str(), |name| name.trim_start_matches('/'));
                    let (folder, sound) = self.place(name, language, &own, &folders.shared);
                    let line = self.word(flow, language, name.to_owned(), text, folder, sound);
                    line.uses.insert(format!("{} {}", flow.name.text, reading.name()));
                }
            }
        }
    }

    /// Where a word lies, as whoever loads the flow looks for it.
    fn place(&self, name: &str, language: &str, own: &Path, shared: &Path) -> (PathBuf, Sound) {
        let shared = shared.join(language);
        for folder in [own, &shared] {
            if let Some(sound) = there(self.files, &folder.join(format!("{name}.wav"))) {
                return (folder.to_owned(), sound);
            }
        }
        let is_built_in = Embedded.read(&built_in(language, &format!("{language}/{name}"))).is_ok();
        (own.to_owned(), if is_built_in { Sound::BuiltIn } else { Sound::Missing })
    }

    fn word(
        &mut self,
        flow: &Flow,
        language: &str,
        id: String,
        text: String,
        folder: PathBuf,
        sound: Sound,
    ) -> &mut Line {
        self.lines.entry((language.to_owned(), true, folder.clone(), id.clone())).or_insert_with(|| Line {
            language: language.to_owned(),
            text: text.clone(),
            word: true,
            uses: BTreeSet::new(),
            pieces: vec![Piece { name: id.clone(), text, folder, sound }],
            id,
            path: flow.path().to_owned(),
            span: Span::default(),
        })
    }
}

fn pieces(files: &dyn Files, prompt: &Prompt, folder: &Path, language: &str) -> Vec<Piece> {
    let clips = prompt.parts.iter().filter_map(|part| match part {
        Part::Clip { name, text } => Some((name.strip_prefix(language)?.trim_start_matches('/'), text)),
        Part::Fact(_) | Part::Queue(_) => None,
    });
    let pieces = clips.map(|(name, text)| {
        let sound = there(files, &folder.join(format!("{name}.wav"))).unwrap_or(Sound::Missing);
        Piece { name: name.to_owned(), text: text.clone(), folder: folder.to_owned(), sound }
    });
    pieces.collect()
}

fn there(files: &dyn Files, path: &Path) -> Option<Sound> {
    let bytes = files.read(path).ok()?;
    let clip = wav::read(&bytes);
    Some(Sound::There(clip.map_or(0, |clip| clip.samples.len() as u64 * 1_000 / u64::from(clip.rate))))
}

#[cfg(test)]
mod tests;
