//! Recorded calls on flows that were edited since: what was said to them finds its place, and what differs is named once.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings and the flows")]

use askonce::engine::Service;
use askonce::record::Fixture;
use askonce::record::compare::{self, Difference, Layer};
use askonce::record::fixture::Step;
use askonce::rerun::anchored::{self, Wanted};
use askonce::rerun::outcome::{self, How};
use askonce::rerun::{Outcome, Sounds};
use askonce::server::files::{self, Disk, Files};
use std::path::{Path, PathBuf};

/// The files on the disk, with some of them edited.
struct Edited(Vec<(PathBuf, String)>);

impl Files for Edited {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let edited = self.0.iter().find(|(edited, _)| edited == path);
        edited.map_or_else(|| Disk.read(path), |(_, text)| Ok(text.clone().into_bytes()))
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        Disk.below(folder)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> Fixture {
    let path = root().join("fixtures").join(name).join("call.jsonl");
    Fixture::read(&std::fs::read_to_string(path).expect("a recording")).expect("a readable recording")
}

/// The flow of a recording with these texts in place of others, in its file or its prompts.
fn edited(flow: &str, edits: &[(&str, &str, &str)]) -> Service {
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for (file, old, new) in edits {
        let path = root().join("flows").join(file);
        let at = texts.iter().position(|(edited, _)| *edited == path).unwrap_or_else(|| {
            texts.push((path.clone(), std::fs::read_to_string(&path).expect("a file")));
            texts.len() - 1
        });
        assert!(texts[at].1.contains(old), "{file} has no {old:?}");
        texts[at].1 = texts[at].1.replacen(old, new, 1);
    }
    let (service, findings) =
        files::load_unproved(&Edited(texts), &root().join(format!("flows/{flow}.yaml")), &askonce::codec::Codec::LAWS);
    service.unwrap_or_else(|| panic!("{}", findings.render()))
}

fn replay(fixture: &Fixture, service: &Service) -> Outcome {
    let sounds = Sounds::of(service.arena.clone());
    outcome::replay(fixture, &service.program, &sounds, &How::default()).outcome
}

fn differences(outcome: Outcome) -> Vec<Difference> {
    match outcome {
        Outcome::Diff(differences) => differences,
        other => panic!("{other:?}"),
    }
}

fn told(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(Difference::to_string).collect()
}

#[test]
fn what_answers_to_its_cause_comes_when_it_was_recorded() {
    let mut paths = Disk.below(&root().join("fixtures")).expect("the recordings");
    paths.retain(|path| path.ends_with("call.jsonl"));
    assert!(paths.len() > 20);
    for path in paths {
        let fixture = Fixture::read(&std::fs::read_to_string(&path).expect("text")).expect("a readable recording");
        let service = edited(&fixture.header.flow, &[]);
        let sounds = Sounds::of(service.arena.clone());
        let ran = anchored::run(&fixture, &service.program, &sounds).expect("a playable recording");
        let outputs: Vec<_> = ran.lines.into_iter().filter(|line| matches!(line.step, Step::Out(_))).collect();
        assert_eq!(compare::outputs(&fixture.lines, &outputs).first_difference, None, "{}", path.display());
        assert!(ran.needs.is_empty() && ran.unused.is_empty(), "{}: {:?}", path.display(), ran.needs);
    }
}

#[test]
fn another_prompt_for_the_same_question_is_one_difference() {
    let clean = fixture("clean");
    let edits = [("account-desk.yaml", "say: welcome", "say: connecting")];
    let outcome = replay(&clean, &edited("account-desk", &edits));
    assert_eq!(
        told(&differences(outcome)),
        ["prompts at start.1 (line 25): what is heard: en/welcome -> en/connecting"]
    );
}
