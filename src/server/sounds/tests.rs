//! Flows with clips changed, missing and beside others.

use super::super::files::{Files, Findings, load};
use super::*;
use crate::audio::Utterance;
use crate::engine::Service;
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
        "askonce: 1\nflow: t\nlanguages: [{languages}]\nfacts:\n  day: {{ type: date, survey: true, ask: [ask], confirm: back, default: \
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
    let mut there: BTreeSet<PathBuf> = Embedded.below(Path::new("flows/prompts")).expect("files").into_iter().collect();
    for language in spoken::languages() {
        for (name, text) in spoken::words(language) {
            let path = built_in(language, &format!("{language}/{name}"));
            assert!(
                there.remove(&path),
                "{} says {text} and is not there: askonce prompts build --words",
                path.display()
            );
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
    let told = |findings: &Findings| codes(findings).into_iter().filter(|c| *c != "doubtful-clip").collect::<Vec<_>>();
    let said = |service: Service, language: &str| {
        let value = Secret::new("2026-11-22");
        let reading = spoken::Reading::Date { weekday: true };
        service.arena.spans(&[Utterance::Value { language: language.into(), reading, value }]).map(|spans| spans.len())
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
    let flow = "askonce: 1\nflow: t\nlanguages: [fr]\nfacts:\n  day: { type: digits, survey: true, length: 4, ask: [ask], confirm: \
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
        let told = |found: &Diagnostic| found.path.ends_with(&format!("{name}.wav")) && found.message.contains(warning);
        assert!(findings.diagnostics.iter().any(told), "{name}, {warning}: {}", findings.render());
    }
    files.0.insert("flows/prompts/en/welcome.wav", b"RIFF".to_vec());
    let (service, findings) = load(&files, Path::new("flows/account-desk.yaml"));
    assert!(service.is_none() && findings.render().contains("flows/prompts/en/welcome.wav"), "{}", findings.render());
}

#[test]
fn a_missing_clip_is_told_at_its_prompt_with_its_text() {
    let mut files = dated("en", &[]);
    files.0.insert("my/prompts/en.yaml".into(), "ask: a\nback: \"{day} it is.\"\n".into());
    let (service, findings) = load(&files, Path::new("my/flow.yaml"));
    let told = findings.render();
    assert!(service.is_none() && told.contains("my/prompts/en.yaml:2:1"), "{told}");
    assert!(told.contains("`en/back.1.wav`") && told.contains("its text is: it is."), "{told}");
}

#[test]
fn words_lie_among_the_prompts_of_a_flow_or_are_shared_beside_it() {
    let mut files = dated("en", &["prompts/en/digits/1", "prompts/en/days/1", "prompts/en/other"]);
    let flow = String::from_utf8(files.0[Path::new("my/flow.yaml")].clone()).expect("text") + "prompts: own\n";
    files.0.insert("my/flow.yaml".into(), flow.into_bytes());
    for file in ["en.yaml", "en/ask.wav"] {
        let there = files.0.remove(&Path::new("my/prompts").join(file)).expect("a file");
        files.0.insert(Path::new("my/own").join(file), there);
    }
    files.0.insert("my/own/en/days/1.wav".into(), b"RIFF".to_vec());
    let (_, findings) = load(&files, Path::new("my/flow.yaml"));
    let bad: Vec<_> = findings.diagnostics.iter().filter(|d| d.code == "bad-clip").map(|d| d.path.as_str()).collect();
    assert_eq!(bad, ["my/own/en/days/1.wav"], "its own goes first");
    files.0.remove(Path::new("my/own/en/days/1.wav"));
    let (service, findings) = load(&files, Path::new("my/flow.yaml"));
    let arena = service.unwrap_or_else(|| panic!("{}", findings.render())).arena;
    let frames = |name: &str| arena.span(name).map(|span| span.frames);
    assert_eq!((frames("en/digits/1"), frames("en/days/1"), frames("en/other")), (Some(25), Some(25), None));
}
