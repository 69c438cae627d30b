//! docs/tutorial.md, followed literally in an empty folder: each change that it shows makes the next of docs/tutorial/, each
//! step loads with the prompts that the page has given by then, and `check` and `play` answer what the page says.

use crate::{Folder, fences, read};
use askonce::flow::PromptBook;
use askonce::yaml::Source;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

const STEPS: usize = 7;

/// What the page shows and the reader runs, and this test does not: a call takes its time, and prompts another program.
const NOT_RUN: [&str; 5] = ["mkdir ", "askonce prompts build ", "askonce serve ", "askonce load ", "tail "];

#[test]
fn the_tutorial_leads_from_an_empty_file_to_the_contact_centre() {
    let desk = tempfile::tempdir().expect("a folder");
    let (mut flow, mut step) = (String::new(), 0);
    let mut catalogues: BTreeMap<String, String> = BTreeMap::new();
    written(desk.path(), &flow, &catalogues);
    for fence in fences("docs/tutorial.md") {
        let place = &fence.place;
        match fence.info.split_once(' ').unwrap_or((&fence.info, "")) {
            ("yaml", "flow") | ("diff", "") => {
                step += 1;
                flow = if fence.info == "diff" { patched(&flow, &fence.text, place) } else { fence.text };
                assert_eq!(flow, read(format!("docs/tutorial/step-{step}.yaml")), "{place}: this is not step {step}");
            }
            ("yaml", prompts) if prompts.starts_with("prompts/") => {
                *catalogues.entry(prompts.to_owned()).or_default() += &fence.text;
            }
            ("text", "call.txt") => std::fs::write(desk.path().join("call.txt"), &fence.text).expect("a file"),
            ("console", "") => run(&fence.text, desk.path(), place),
            ("json", "") => {}
            (other, _) => panic!("{place}: nothing is known of a fence `{other}`"),
        }
        written(desk.path(), &flow, &catalogues);
    }
    assert_eq!(step, STEPS);
    for (path, text) in &catalogues {
        assert_eq!(*text, read(format!("docs/tutorial/{path}")), "{path}");
    }
}

#[test]
fn each_step_loads() {
    for step in 1..=STEPS {
        let mut folder = Folder::default();
        folder.put("flow.yaml", read(format!("docs/tutorial/step-{step}.yaml")));
        for language in ["en", "es"] {
            let catalogue = format!("prompts/{language}.yaml");
            folder.put(&catalogue, read(format!("docs/tutorial/{catalogue}")));
        }
        assert_eq!(folder.findings(), "", "step {step}");
    }
}

/// What the reader has by now; for each text a tone, as espeak-ng would speak it.
fn written(desk: &Path, flow: &str, catalogues: &BTreeMap<String, String>) {
    std::fs::write(desk.join("desk.yaml"), flow).expect("a file");
    for (path, text) in catalogues {
        let source = Source { path: path.clone(), text: text.clone() };
        let language = Path::new(path).file_stem().and_then(|stem| stem.to_str()).expect("a language");
        let (book, mistakes) = PromptBook::read(language, &source);
        assert_eq!(mistakes, [], "{path}");
        for clip in book.clips() {
            let clip = desk.join(format!("prompts/{clip}.wav"));
            std::fs::create_dir_all(clip.parent().expect("a folder")).expect("a folder");
            std::fs::write(clip, tone()).expect("a clip");
        }
        std::fs::write(desk.join(path), text).expect("a file");
    }
}

fn tone() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a WAV");
    for at in 0..1_600 {
        writer.write_sample(if at / 10 % 2 == 0 { 6_000_i16 } else { -6_000 }).expect("a sample");
    }
    writer.finalize().expect("a WAV");
    bytes.into_inner()
}

/// Commands, each behind `$ ` and before what it answers.
fn run(text: &str, desk: &Path, place: &str) {
    for told in text.split("$ ").skip(1) {
        let (command, answer) = told.split_once('\n').expect("a line");
        if NOT_RUN.iter().any(|start| command.starts_with(start)) {
            continue;
        }
        let mut words = command.split_whitespace();
        assert_eq!(words.next(), Some("askonce"), "{place}: `{command}`");
        let askonce = Command::new(env!("CARGO_BIN_EXE_askonce")).current_dir(desk).args(words).output();
        let Output { status, stdout, stderr } = askonce.expect("askonce");
        let said = String::from_utf8([stdout, stderr].concat()).expect("text");
        // Where the page shows no answer it ends well.
        let as_shown = if answer.trim().is_empty() { status.success() } else { lines(&said) == lines(answer) };
        assert!(as_shown, "{place}: `{command}` says\n{said}");
    }
}

/// Without digests, which each change of the language changes, without times, for a tone is shorter than a prompt, and without
/// the space that editors take away.
fn lines(text: &str) -> Vec<String> {
    let vary = regex_lite::Regex::new(r"digest [0-9a-f]{16}|^  \d+:\d\d\.\d ").expect("a pattern");
    text.trim_end().lines().map(|line| vary.replace(line, "").trim_end().to_owned()).collect()
}

/// The text with the hunks of a diff put in, each where its context and what it takes away stand next.
fn patched(text: &str, diff: &str, place: &str) -> String {
    let (before, mut after): (Vec<&str>, Vec<&str>) = (text.lines().collect(), Vec::new());
    let mut at = 0;
    for hunk in diff.split("@@\n") {
        let with = |sign: char| move |line: &&str| line.is_empty() || line.starts_with([' ', sign]);
        let old: Vec<&str> = hunk.lines().filter(with('-')).map(|line| line.get(1..).unwrap_or("")).collect();
        let found = (at..=before.len().saturating_sub(old.len())).find(|from| before[*from..].starts_with(&old));
        let found = found.unwrap_or_else(|| panic!("{place}: this is not in the step before:\n{hunk}"));
        after.extend(&before[at..found]);
        after.extend(hunk.lines().filter(with('+')).map(|line| line.get(1..).unwrap_or("")));
        at = found + old.len();
    }
    after.extend(&before[at..]);
    after.iter().map(|line| format!("{line}\n")).collect()
}
