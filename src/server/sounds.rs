//! The sound of a flow: its clips and the words that its values are read with, found, judged and encoded.

use super::files::{Embedded, Files, Findings};
use crate::audio::arena::HOLD;
use crate::audio::wav::{self, Clip};
use crate::audio::{Arena, ArenaBuilder, Shape, loudness, spoken};
use crate::codec::Codec;
use crate::flow::prompts::Part;
use crate::flow::{Flow, Prompts};
use crate::yaml::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Seconds of the longest prompt. One that is longer is a mistake in the file.
const MAX_PROMPT: usize = 300;
/// The folder beside a flow whose words are read in every flow beside it.
const SHARED: &str = "prompts";

/// Where the sound of a flow lies.
pub struct Folders {
    /// Its prompts: catalogues, and a folder of clips for each language.
    pub prompts: PathBuf,
    /// Words for its values that are not among its prompts.
    pub shared: PathBuf,
    /// What `music/hold` is named from.
    beside: PathBuf,
    /// Announcements: clips that take the place of the prompts of their names, in every flow.
    announcements: Option<PathBuf>,
}

impl Folders {
    /// Those of the flow in the file `path`, which says that its prompts are in `prompts`.
    pub fn of(path: &Path, prompts: &str) -> Folders {
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        Folders { prompts: beside.join(prompts), shared: beside.join(SHARED), beside, announcements: None }
    }

    pub fn with_announcements(self, announcements: Option<&Path>) -> Folders {
        Folders { announcements: announcements.map(Path::to_owned), ..self }
    }
}

/// The sound files of a flow, read as they are wanted.
pub struct Sounds<'f> {
    files: &'f dyn Files,
    arena: ArenaBuilder,
    /// Whether clips are brought to one level.
    levelled: bool,
    /// Whether anything will be heard; if not, our own words need no reading.
    heard: bool,
    /// Those that lie beside the flow and are not read yet, by their clips' names.
    beside: BTreeMap<String, PathBuf>,
    /// The names of all words of the languages.
    words: BTreeSet<String>,
}

impl<'f> Sounds<'f> {
    pub fn new(
        files: &'f dyn Files,
        codecs: &[Codec],
        prompts: &Prompts,
        folders: &Folders,
        findings: &mut Findings,
    ) -> Sounds<'f> {
        let (arena, heard) = (ArenaBuilder::new(codecs), !codecs.is_empty());
        let (beside, words) = (BTreeMap::new(), BTreeSet::new());
        let mut sounds = Sounds { files, arena, levelled: true, heard, beside, words };
        for language in prompts.books().map(|book| book.language.as_str()) {
            sounds.words.extend(spoken::words(language).into_iter().map(|(name, _)| format!("{language}/{name}")));
        }
        for language in prompts.books().map(|book| book.language.as_str()) {
            for (name, path) in wavs(files, &folders.shared, &folders.shared.join(language), findings) {
                if sounds.words.contains(&name) {
                    sounds.beside.insert(name, path);
                }
            }
            sounds.beside.extend(wavs(files, &folders.prompts, &folders.prompts.join(language), findings));
            if let Some(announcements) = &folders.announcements {
                sounds.beside.extend(wavs(files, announcements, &announcements.join(language), findings));
            }
        }
        sounds.beside.extend(wavs(files, &folders.beside, &folders.beside.join("music"), findings));
        sounds
    }

    /// The clips as loud as their files have them.
    pub fn unlevelled(self) -> Self {
        Sounds { levelled: false, ..self }
    }

    /// All that a flow says, and what its callers wait with.
    pub fn take_all(&mut self, flow: Option<&Flow>, prompts: &Prompts, findings: &mut Findings) {
        if let Some(flow) = flow {
            self.take_words(flow, prompts, findings);
            self.take_music(flow, findings);
            self.take_tone(flow, findings);
        }
        self.take_prompts(prompts, findings);
    }

    /// The words that the flow's values are read with: those beside it, and the built-in voice's for what is not there.
    pub fn take_words(&mut self, flow: &Flow, prompts: &Prompts, findings: &mut Findings) {
        for language in prompts.books().filter(|book| book.is_whole()).map(|book| book.language.as_str()) {
            let (mut ours, mut theirs, mut told) = (Vec::new(), 0, BTreeSet::new());
            for (reading, prompt) in &flow.readings {
                let mut missing = Vec::new();
                for (name, text) in spoken::vocabulary(language, *reading).into_iter().flatten() {
                    if !told.insert(name.clone()) {
                        continue;
                    }
                    let built_in = built_in(language, &name);
                    if self.beside.contains_key(&name) {
                        theirs += 1;
                        self.take(&name, findings);
                    } else if Embedded.read(&built_in).is_ok() {
                        if self.heard {
                            self.read(&Embedded, &built_in, &name, findings);
                        }
                        ours.push(name);
                    } else {
                        missing.push(format!("{name}.wav: {text}"));
                    }
                }
                if !missing.is_empty() {
                    let message = format!(
                        "prompt `{}` reads a value of type {}, and words for it are not there",
                        prompt.text,
                        reading.name()
                    );
                    let mut error = Diagnostic::error(flow.path(), "no-clip", prompt.span, message);
                    error.remedy(format!(
                        "record them beside the other prompts, or `askonce prompts build`: {}",
                        missing.join(", ")
                    ));
                    findings.diagnostics.push(error);
                }
            }
            if theirs > 0 && !ours.is_empty() {
                let message = format!(
                    "values are read in two voices in `{language}`: {theirs} words lie beside the flow, and {} are the built-in voice's, such as {}",
                    ours.len(),
                    ours[0]
                );
                findings.diagnostics.push(Diagnostic::warning(flow.path(), "two-voices", Span::default(), message));
            }
        }
    }

    /// The tone before a recording, of a flow that records.
    pub fn take_tone(&mut self, flow: &Flow, findings: &mut Findings) {
        if flow.takes()
            && let Err(full) = self.arena.beep()
        {
            findings.diagnostics.push(Diagnostic::error(flow.path(), "bad-clip", flow.name.span, full.to_string()));
        }
    }

    /// The music of the flow's lines. Without its file the built-in tones are heard.
    pub fn take_music(&mut self, flow: &Flow, findings: &mut Findings) {
        for clip in flow.music() {
            if self.beside.contains_key(clip) {
                self.take(clip, findings);
            } else if !self.arena.has(clip) {
                let message = format!("the music `{clip}.wav` is not there: a built-in loop is heard");
                findings.diagnostics.push(Diagnostic::warning(flow.path(), "no-clip", Span::default(), message));
                self.arena.also_hold(clip);
            }
        }
    }

    /// The clips of every prompt, and the music. One that is not there is an error at its prompt.
    pub fn take_prompts(&mut self, prompts: &Prompts, findings: &mut Findings) {
        for book in prompts.books() {
            for (id, prompt) in book.prompts() {
                for part in &prompt.parts {
                    let Part::Clip { name, text } = part else { continue };
                    if self.beside.contains_key(name) || self.arena.has(name) {
                        self.take(name, findings);
                        continue;
                    }
                    let message = format!("prompt `{id}` needs `{name}.wav`, which is not there");
                    let mut error = Diagnostic::error(&book.path, "no-clip", prompt.span, message);
                    error
                        .remedy("record it, or let `askonce prompts build` make it")
                        .note(format!("its text is: {text}"));
                    findings.diagnostics.push(error);
                }
            }
        }
        self.take(HOLD, findings);
    }

    pub fn build(self) -> Arena {
        self.arena.build()
    }

    /// A file beside the flow, if it is there and not read yet.
    fn take(&mut self, name: &str, findings: &mut Findings) {
        if let Some(path) = self.beside.remove(name) {
            self.read(self.files, &path, name, findings);
        }
    }

    fn read(&mut self, files: &dyn Files, path: &Path, name: &str, findings: &mut Findings) {
        let place = path.display().to_string();
        let bytes = files.read(path).map_err(|error| error.to_string());
        match bytes.and_then(|bytes| self.encode(name, &bytes)) {
            Ok(remarks) => {
                let warning = |remark| Diagnostic::warning(&place, "doubtful-clip", Span::default(), remark);
                findings.diagnostics.extend(remarks.into_iter().map(warning));
            }
            Err(why) => findings.diagnostics.push(Diagnostic::error(&place, "bad-clip", Span::default(), why)),
        }
    }

    /// Encodes one clip, at the level that all have unless it keeps its own. Gives what its author should know.
    fn encode(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<String>, String> {
        let Clip { mut samples, rate, remarks } = wav::read(bytes).map_err(|error| error.to_string())?;
        let shape = match name {
            _ if name.starts_with("music/") => Shape::Loop,
            _ if self.words.contains(name) => Shape::Word,
            _ => Shape::Prompt,
        };
        let longest = if shape == Shape::Loop { usize::MAX } else { MAX_PROMPT * rate as usize };
        if samples.is_empty() || samples.len() > longest {
            return Err(format!("it is empty, or longer than {MAX_PROMPT} s"));
        }
        let levels = if self.levelled { loudness::level(&mut samples, rate) } else { Vec::new() };
        self.arena.shaped(name, shape, &samples, rate).map_err(|full| full.to_string())?;
        Ok(remarks.iter().map(ToString::to_string).chain(levels.iter().map(ToString::to_string)).collect())
    }
}

/// Every WAV below `folder`, named by its path from `base`: `en/welcome`, `music/hold`.
fn wavs(files: &dyn Files, base: &Path, folder: &Path, findings: &mut Findings) -> Vec<(String, PathBuf)> {
    let found = match files.below(folder) {
        Ok(found) => found,
        Err(error) => {
            findings.unreadable(folder, &error.to_string());
            return Vec::new();
        }
    };
    let wavs = found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "wav"));
    let named = wavs.map(|path| {
        let name = path.strip_prefix(base).unwrap_or(&path).with_extension("").to_string_lossy().into_owned();
        (name, path)
    });
    named.collect()
}

/// Where the built-in voice has a word. A variant of a language has none of its own.
pub fn built_in(language: &str, name: &str) -> PathBuf {
    let spoken = language.split('-').next().unwrap_or(language);
    let word = name.strip_prefix(language).unwrap_or(name);
    PathBuf::from(format!("flows/prompts/{spoken}{word}.wav"))
}

#[cfg(test)]
mod tests;
