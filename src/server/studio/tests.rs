//! A flow on disk: what it says, what is built of it by the machine's voice, and what is left alone.

use super::*;
use crate::audio::measure;
use crate::server::files::{self, Disk};
use std::path::Path;

/// A flow that reads a sum and a date's digits in two languages, in a folder that goes with the test.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = "askonce: 1\nflow: t\nlanguages: [en, es]\nprompts: own\nfacts:\n  language: { type: choice, keys: { 1: en, 2: es }, \
                survey: true, ask: [pick] }\n  sum: { type: money, survey: true, ask: [ask], confirm: back }\nblocks: { start: [{ collect: language, else: \
                continue }, { collect: sum, else: continue }, hangup] }\n";
    std::fs::write(folder.path().join("t.yaml"), flow).expect("written");
    std::fs::create_dir_all(folder.path().join("own/en")).expect("made");
    let catalogue = "pick: One or two.\nask: How much?\nback: \"So {sum}? Press 1.\"\nlost: Never.\n";
    for language in ["en", "es"] {
        std::fs::write(folder.path().join(format!("own/{language}.yaml")), catalogue).expect("written");
    }
    folder
}

/// A voice that needs no program: a tone as long as its text.
fn tone(text: &str, voice: &str) -> Result<Vec<u8>, String> {
    if voice.starts_with("nobody") {
        return Err("nobody speaks".to_owned());
    }
    voice::file(&measure::tone(400, 8_000, 800 * text.len(), 9_000.0)).map_err(|error| error.to_string())
}

fn choice(force: bool) -> Choice {
    Choice { voices: Voices::default(), force, speak: tone }
}

fn lines(folder: &Path, words: Words) -> Vec<Line> {
    let (lines, findings) = read(&Disk, &[folder.join("t.yaml")], words);
    assert_eq!(findings.errors(), 0, "{}", findings.render());
    lines
}

fn codes(folder: &Path) -> Vec<(&'static str, String)> {
    let mut findings = Findings::default();
    check(&Disk, &lines(folder, Words::Needed), &mut findings);
    findings.diagnostics.iter().map(|d| (d.code, d.message.clone())).collect()
}

#[test]
fn a_flow_says_its_prompts_in_each_language_and_the_words_of_its_values() {
    let folder = folder();
    let lines = lines(folder.path(), Words::Needed);
    let prompts: Vec<&Line> = lines.iter().filter(|line| !line.word && line.language == "es").collect();
    let ids: Vec<&str> = prompts.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["ask", "back", "lost", "pick"]);
    let back: Vec<(&str, &str)> = prompts[1].pieces.iter().map(|p| (p.name.as_str(), p.text.as_str())).collect();
    assert_eq!(back, [("back.1", "So"), ("back.2", "Press 1.")]);
    assert_eq!(prompts[1].uses.iter().collect::<Vec<_>>(), ["t fact sum"]);
    assert!(prompts[2].uses.is_empty() && prompts.iter().all(|p| p.pieces[0].sound == Sound::Missing));
    let words = |language: &str| lines.iter().filter(|line| line.word && line.language == language).count();
    let needed = spoken::vocabulary("en", spoken::Reading::Money(spoken::Currency::Usd)).expect("English").len();
    assert_eq!(words("en"), needed);
    let built_in = |line: &&Line| line.word && line.pieces[0].sound != Sound::BuiltIn;
    assert_eq!(lines.iter().filter(built_in).count(), 0);
    assert_eq!(lines.iter().filter(|line| line.uses.contains("t money")).count(), words("en") + words("es"));
}

/// What `build` does, file by file, is told apart by what its text says and by who made it.
#[test]
fn what_somebody_recorded_is_never_spoken_over_and_a_changed_text_is_spoken_again() {
    let folder = folder();
    let (path, own) = (folder.path(), folder.path().join("own/en"));
    let recorded = std::fs::read("flows/prompts/en/welcome.wav").expect("a file");
    std::fs::write(own.join("pick.wav"), &recorded).expect("written");
    let built = build(&lines(path, Words::Needed), &choice(false)).expect("it is built");
    assert_eq!((built.spoken.len(), built.in_step, built.recorded), (9, 0, 1));
    let (service, findings) = files::load(&Disk, &path.join("t.yaml"));
    assert!(service.is_some(), "{}", findings.render());
    assert_eq!(findings.diagnostics, [], "{}", findings.render());
    let again = |force| build(&lines(path, Words::Needed), &choice(force)).expect("built");
    assert_eq!((again(false).spoken.len(), again(false).in_step), (0, 9));
    let same = std::fs::read(own.join("ask.wav")).expect("a file");
    assert_eq!((again(true).spoken.len(), std::fs::read(own.join("ask.wav")).expect("a file")), (9, same));
    assert_eq!(codes(path), ["en", "es"].map(|_| ("unused-prompt", "nothing says `lost`".to_owned())));

    let catalogue = "pick: Another.\nask: How many?\nback: \"So {sum}? Press 1.\"\n";
    std::fs::write(path.join("own/en.yaml"), catalogue).expect("written");
    let stale: Vec<_> = codes(path).into_iter().filter(|(code, _)| *code == "out-of-step").collect();
    assert_eq!(stale.len(), 2);
    assert!(stale[0].1.ends_with("ask.wav` still says: How much?") && stale[1].1.ends_with("One or two."), "{stale:?}");
    let rebuilt = again(false);
    assert_eq!((rebuilt.spoken, rebuilt.recorded), (vec![own.join("ask.wav")], 1));
    assert_eq!(std::fs::read(own.join("pick.wav")).expect("a file"), recorded);
    assert_eq!(codes(path).iter().filter(|(code, _)| *code == "out-of-step").count(), 1, "who records is asked again");

    std::fs::write(own.join("old.wav"), &recorded).expect("written");
    assert_eq!(
        codes(path).iter().filter(|(code, _)| *code == "leftover-clip").count(),
        2,
        "old, and lost of the build"
    );
    std::fs::write(own.join("ask.wav"), &recorded).expect("written");
    assert_eq!(again(true).recorded, 2, "a recording took the place of the machine's");
    assert_eq!(std::fs::read(own.join("ask.wav")).expect("a file"), recorded);
    std::fs::write(Manifest::path(&own), "{").expect("written");
    assert!(build(&lines(path, Words::Needed), &choice(false)).expect_err("no JSON").contains(".built.json"));
    assert_eq!(codes(path).iter().filter(|(code, _)| *code == "unreadable").count(), 1);
}

#[test]
fn words_of_our_own_are_every_word_beside_the_prompts() {
    let folder = folder();
    let lines = lines(folder.path(), Words::OfOurOwn);
    let own = lines.iter().filter(|line| line.word && line.language == "es");
    let (all, missing): (Vec<_>, Vec<_>) = own.map(|line| (line, line.pieces[0].sound)).unzip();
    assert_eq!(all.len(), spoken::words("es").len());
    assert!(missing.iter().all(|sound| *sound == Sound::Missing));
}

#[test]
fn another_voice_speaks_again_and_what_was_spoken_before_a_failure_is_known() {
    let folder = folder();
    let voiced = |language: &str, voice: &str| {
        let voices = Voices(BTreeMap::from([(language.to_owned(), voice.to_owned())]));
        build(&lines(folder.path(), Words::Needed), &Choice { voices, ..choice(false) })
    };
    assert_eq!(voiced("es", "nobody"), Err("nobody speaks".to_owned()));
    let built = build(&lines(folder.path(), Words::Needed), &choice(false)).expect("built");
    assert_eq!((built.spoken.len(), built.in_step), (5, 5), "the English is there");
    assert_eq!(voiced("es", "es+m1").map(|built| (built.spoken.len(), built.in_step)), Ok((5, 5)));
}
