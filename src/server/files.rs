//! Where flows and prompts are read from: a folder on disk, or what is built into the program.

use crate::audio::arena::HOLD;
use crate::audio::wav::{self, Clip};
use crate::audio::{ArenaBuilder, Shape, loudness, spoken};
use crate::call::Program;
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::{self, Flow, PromptBook, Prompts};
use crate::yaml::{Diagnostic, Severity, Source, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Seconds of the longest prompt. One that is longer is a mistake in the file.
const MAX_PROMPT: usize = 300;

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
    let mut sounds = Sounds::new(files, codecs, &preface.languages);
    for language in &preface.languages {
        sounds.list(&prompts, &prompts.join(language), findings);
    }
    sounds.list(folder, &folder.join("music"), findings);
    let mut books = preface.languages.iter().map(|language| book(files, &prompts, language, &sounds, findings));
    let prompts = Prompts::new(books.next()?, books.collect());
    let modules: Option<Vec<Source>> =
        preface.modules.iter().map(|module| findings.read(files, &folder.join(module))).collect();
    let flow = flow::load::load_with(&flow, &modules?, &prompts);
    if let Ok((flow, _)) = &flow {
        sounds.take_words(flow, &preface.languages, findings);
        sounds.take_music(flow, findings);
    }
    for clip in prompts.books().flat_map(|book| book.clips()).chain([HOLD]) {
        sounds.take(clip, findings);
    }
    let flow = match flow {
        Ok((flow, warnings)) => {
            findings.diagnostics.extend(warnings);
            flow
        }
        Err(mistakes) => {
            findings.diagnostics.extend(mistakes);
            return None;
        }
    };
    let program = Program { flow: Arc::new(flow), prompts: Arc::new(prompts) };
    Some(Service { program, arena: Arc::new(sounds.arena.build()) })
}

/// The catalogue of a language.
fn book(files: &dyn Files, prompts: &Path, language: &str, sounds: &Sounds, findings: &mut Findings) -> PromptBook {
    let catalogue = prompts.join(format!("{language}.yaml"));
    // Without a catalogue the flow's own mistakes are still told.
    let missing = || Source { path: catalogue.display().to_string(), text: "{}".to_owned() };
    let source = findings.read(files, &catalogue).unwrap_or_else(missing);
    let (book, mistakes) = PromptBook::read(language, &source, &sounds.beside.keys().cloned().collect());
    findings.diagnostics.extend(mistakes);
    book
}

/// The sound files of a flow, read as they are wanted.
struct Sounds<'f> {
    files: &'f dyn Files,
    arena: ArenaBuilder,
    /// Those that lie beside the flow and are not read yet, by their clips' names.
    beside: BTreeMap<String, PathBuf>,
    /// The names of all words of the languages.
    words: BTreeSet<String>,
}

impl<'f> Sounds<'f> {
    fn new(files: &'f dyn Files, codecs: &[Codec], languages: &[String]) -> Sounds<'f> {
        let mut words = BTreeSet::new();
        for language in languages {
            words.extend(spoken::words(language).into_iter().map(|(name, _)| format!("{language}/{name}")));
        }
        Sounds { files, arena: ArenaBuilder::new(codecs), beside: BTreeMap::new(), words }
    }

    /// Every WAV below `folder`, named by its path from `base`: `en/welcome`, `music/hold`.
    fn list(&mut self, base: &Path, folder: &Path, findings: &mut Findings) {
        let found = match self.files.below(folder) {
            Ok(found) => found,
            Err(error) => return findings.unreadable(folder, &error.to_string()),
        };
        for path in found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "wav")) {
            let name = path.strip_prefix(base).unwrap_or(&path).with_extension("").to_string_lossy().into_owned();
            self.beside.insert(name, path);
        }
    }

    /// The music of the flow's lines. Without its file the built-in tones are heard.
    fn take_music(&mut self, flow: &Flow, findings: &mut Findings) {
        for clip in flow.music() {
            if self.beside.contains_key(clip) {
                self.take(clip, findings);
            } else {
                let message = format!("the music `{clip}.wav` is not there: a built-in loop is heard");
                findings.diagnostics.push(Diagnostic::warning(&flow.path, "no-clip", Span::default(), message));
                self.arena.also_hold(clip);
            }
        }
    }

    /// The words that the flow's values are read with: those beside it, and the built-in voice's for what is not there.
    fn take_words(&mut self, flow: &Flow, languages: &[String], findings: &mut Findings) {
        for language in languages {
            let (mut ours, mut theirs, mut told) = (Vec::new(), 0, BTreeSet::new());
            for (reading, prompt) in flow.readings() {
                let mut missing = Vec::new();
                for (name, text) in spoken::vocabulary(language, reading).into_iter().flatten() {
                    if !told.insert(name.clone()) {
                        continue;
                    }
                    let built_in = built_in(language, &name);
                    if self.beside.contains_key(&name) {
                        theirs += 1;
                        self.take(&name, findings);
                    } else if Embedded.read(&built_in).is_ok() {
                        self.read(&Embedded, &built_in, &name, findings);
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
                    let mut error = Diagnostic::error(&flow.path, "no-clip", prompt.span, message);
                    error.remedy(format!("record them beside the other prompts: {}", missing.join(", ")));
                    findings.diagnostics.push(error);
                }
            }
            if theirs > 0 && !ours.is_empty() {
                let message = format!(
                    "values are read in two voices in `{language}`: {theirs} words lie beside the flow, and {} are the built-in voice's, such as {}",
                    ours.len(),
                    ours[0]
                );
                findings.diagnostics.push(Diagnostic::warning(&flow.path, "two-voices", Span::default(), message));
            }
        }
    }

    /// A file beside the flow, if it is there and not read yet: that a prompt lacks it is told already.
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

    /// Encodes one clip, at the level that all have. Gives what its author should know.
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
        let levels = loudness::level(&mut samples, rate);
        self.arena.shaped(name, shape, &samples, rate).map_err(|full| full.to_string())?;
        Ok(remarks.iter().map(ToString::to_string).chain(levels.iter().map(ToString::to_string)).collect())
    }
}

/// Where the built-in voice has a word. A variant of a language has none of its own.
fn built_in(language: &str, name: &str) -> PathBuf {
    let spoken = language.split('-').next().unwrap_or(language);
    let word = name.strip_prefix(language).unwrap_or(name);
    PathBuf::from(format!("flows/prompts/{spoken}{word}.wav"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Utterance;
    use crate::secret::Secret;
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

    /// A folder of its own.
    struct Folder(BTreeMap<PathBuf, Vec<u8>>);

    impl Files for Folder {
        fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
            self.0.get(path).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
        }

        fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
            Ok(self.0.keys().filter(|path| path.starts_with(folder)).cloned().collect())
        }
    }

    /// A flow that reads a date in these languages, with its prompts; and what else lies beside it.
    fn dated(languages: &str, beside: &[&str]) -> Folder {
        let flow = format!(
            "askonce: 1\nflow: t\nlanguages: [{languages}]\nfacts:\n  day: {{ type: date, ask: [ask], confirm: back, default: \
             2026-01-01 }}\nblocks: {{ start: [{{ collect: day }}, hangup] }}\n"
        );
        let mut files = BTreeMap::from([(PathBuf::from("my/flow.yaml"), flow.into_bytes())]);
        let prompts = "ask: a\nback: \"{day.weekday}\"\n";
        for language in languages.split(", ") {
            files.insert(format!("my/prompts/{language}.yaml").into(), prompts.into());
            files.insert(format!("my/prompts/{language}/ask.wav").into(), square(8_000));
        }
        files.extend(beside.iter().map(|clip| (PathBuf::from(format!("my/{clip}.wav")), square(8_000))));
        Folder(files)
    }

    #[test]
    fn the_built_in_voice_has_every_word_of_its_languages_and_no_other() {
        let mut there: BTreeSet<PathBuf> =
            Embedded.below(Path::new("flows/prompts")).expect("files").into_iter().collect();
        for language in spoken::languages() {
            for (name, text) in spoken::words(language) {
                let path = built_in(language, &format!("{language}/{name}"));
                assert!(there.remove(&path), "{} says {text} and is not there: run build.sh", path.display());
                let clip = wav::read(&Embedded.read(&path).expect("a file")).expect("a sound file");
                let mut samples = clip.samples;
                assert_eq!(loudness::level(&mut samples, clip.rate), [], "{}", path.display());
            }
        }
        let words = there.iter().filter(|path| path.components().count() > 4).collect::<Vec<_>>();
        assert_eq!(words, Vec::<&PathBuf>::new());
    }

    #[test]
    fn a_flow_reads_values_in_the_built_in_voice_unless_the_words_lie_beside_it() {
        let load = |files: &Folder| load(files, Path::new("my/flow.yaml"));
        // Every clip here has two channels, and is told of.
        let codes = |findings: &Findings| findings.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>();
        let told =
            |findings: &Findings| codes(findings).into_iter().filter(|c| *c != "doubtful-clip").collect::<Vec<_>>();
        let said = |service: Service, language: &str| {
            let value = Secret::new("2026-11-22");
            let reading = spoken::Reading::Date { weekday: true };
            service
                .arena
                .spans(&[Utterance::Value { language: language.into(), reading, value }])
                .map(|spans| spans.len())
        };
        for language in ["en", "es", "es-MX"] {
            let (service, findings) = load(&dated(language, &[]));
            let service = service.unwrap_or_else(|| panic!("{}", findings.render()));
            assert_eq!(told(&findings), Vec::<&str>::new());
            assert!(service.arena.span(&format!("{language}/money/dollar")).is_none(), "no sum is read");
            assert_eq!(said(service, language), Ok(if language == "en" { 5 } else { 7 }));
        }
        let (service, findings) = load(&dated("en", &["prompts/en/weekdays/7", "prompts/en/nothing", "music/hold"]));
        assert_eq!(told(&findings), ["two-voices"], "{}", findings.render());
        let arena = service.expect("warnings do not matter").arena;
        assert_eq!(arena.span("en/weekdays/7").map(|span| span.frames), Some(25));
        assert_eq!((arena.span("en/nothing"), arena.span(HOLD).map(|span| span.frames)), (None, Some(19)));
    }

    #[test]
    fn a_language_without_words_and_a_word_that_is_nowhere_are_told() {
        let (service, findings) = load(&dated("fr", &[]), Path::new("my/flow.yaml"));
        assert!(service.is_none() && findings.render().contains("languages with words for it: en, es"));
        let mut files = dated("fr", &["prompts/fr/digits/1"]);
        let flow = "askonce: 1\nflow: t\nlanguages: [fr]\nfacts:\n  day: { type: digits, length: 4, ask: [ask], confirm: \
                    back, default: '1234' }\nblocks: { start: [{ collect: day }, hangup] }\n";
        files.0.insert("my/flow.yaml".into(), flow.into());
        files.0.insert("my/prompts/fr.yaml".into(), "ask: a\nback: \"{day}\"\n".into());
        let (service, findings) = load(&files, Path::new("my/flow.yaml"));
        let told = findings.render();
        assert!(service.is_none() && told.contains("fr/digits/0.wav: 0, fr/digits/2.wav: 2"), "{told}");
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
