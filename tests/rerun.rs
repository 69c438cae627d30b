//! Recorded calls on flows that were edited since: what was said to them finds its place, and what differs is named once.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings and the flows")]

use askonce::codec::Codec;
use askonce::engine::Service;
use askonce::record::Fixture;
use askonce::record::compare::{self, Difference};
use askonce::record::fixture::Step;
use askonce::record::seam::Out;
use askonce::rerun::anchored::{self, Wanted};
use askonce::rerun::outcome::{self, How};
use askonce::rerun::{Outcome, Sounds};
use askonce::server::files::{self, Disk, Files};
use std::path::{Path, PathBuf};

/// The files on the disk, with some of them edited.
struct Edited(Vec<(PathBuf, Vec<u8>)>);

impl Files for Edited {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let edited = self.0.iter().find(|(edited, _)| edited == path);
        edited.map_or_else(|| Disk.read(path), |(_, text)| Ok(text.clone()))
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

/// A file of the flows, a text in it, and what stands there instead.
type Edit = (&'static str, &'static str, &'static str);

/// The flow of a recording with these texts in place of others, in its file or its prompts.
fn edited(flow: &str, edits: &[Edit]) -> Service {
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
    served(flow, Edited(texts.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()))
}

fn served(flow: &str, files: Edited) -> Service {
    let path = root().join(format!("flows/{flow}.yaml"));
    let (service, findings) = files::load_unproved(&files, &path, &Codec::LAWS);
    service.unwrap_or_else(|| panic!("{}", findings.render()))
}

fn replay(fixture: &Fixture, service: &Service) -> Outcome {
    let sounds = Sounds::of(service.arena.clone());
    outcome::replay(fixture, &service.program, &sounds, &How::default()).outcome
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

/// The recording as a server makes it that knows how its clips sound.
fn with_clips(name: &str) -> Fixture {
    let mut fixture = fixture(name);
    let service = edited(&fixture.header.flow, &[]);
    fixture.header.clips = Sounds::of(service.arena.clone()).heard(&fixture.lines);
    fixture
}

/// Edits of a flow, and what a recorded call makes of each.
#[test]
fn what_an_edit_changes_is_named_once() {
    const FLOW: &str = "account-desk.yaml";
    let collect = "    - collect: account\n";
    let edits: &[(&[Edit], &[&str])] = &[
        (
            &[(FLOW, "say: welcome", "say: connecting")],
            &["prompts at start.1 (line 25): what is heard: en/welcome -> en/connecting"],
        ),
        // The keys follow their question, and what is behind a new step keeps its words.
        (
            &[(FLOW, collect, "    - say: connecting\n    - collect: account\n")],
            &[
                "path at start.2 (line 26): the way: nothing -> start: say",
                "prompts at start.2 (line 26): what is heard: nothing -> en/connecting",
            ],
        ),
        (
            &[(FLOW, "- account_ask\n", "- account_last\n")],
            &["prompts at start.2 (line 26): what is heard: en/account_ask -> en/account_last"],
        ),
        // A fact that is lost on the way to the person.
        (
            &[(FLOW, "needs: [account]", "needs: []")],
            &[
                "hand-off at start.4 (line 29): what the person gets: the INVITE has account in User-to-User -> nothing",
                "hand-off at start.4 (line 29): what the person gets: the INVITE has X-Account -> nothing",
            ],
        ),
        (
            &[(FLOW, "blocks:\n  start:\n", "blocks:\n  start:\n    - goto: ask\n  ask:\n")],
            &[
                "path at start.1 (line 25): the way: start: say -> start: goto, ask: say",
                "path at ask.2 (line 28): the way: start: collect -> ask: collect",
                "path at ask.3 (line 30): the way: start: say -> ask: say",
                "path at ask.4 (line 31): the way: start: agent -> ask: agent",
            ],
        ),
    ];
    let clean = with_clips("clean");
    for (edits, expected) in edits {
        let Outcome::Diff(differences) = replay(&clean, &edited("account-desk", edits)) else { panic!("{edits:?}") };
        let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(told, *expected, "{edits:?}");
    }
}

#[test]
fn what_the_recording_cannot_answer_is_named() {
    const FLOW: &str = "account-desk.yaml";
    let lookup = "\nlookups:\n  crm: { get: \"crm:/a/{account}\", timeout: 1s }\nqueues:";
    let reason = "confirm: account_readback\n  reason:\n    type: choice\n    keys: { 1: bill, 2: fault }\n    \
                  ask: [account_last]";
    let edits: &[(&[Edit], Wanted)] = &[
        (
            &[(FLOW, "confirm: account_readback", "accept: crm"), (FLOW, "\nqueues:", lookup)],
            Wanted::Lookup { name: "crm".to_owned(), values: Vec::new() },
        ),
        (
            &[
                (FLOW, "confirm: account_readback", reason),
                (FLOW, "    - say: connecting", "    - collect: reason\n      else: continue\n    - say: connecting"),
            ],
            Wanted::Entry { fact: "reason".to_owned(), prompt: "en/account_last".to_owned() },
        ),
    ];
    let clean = with_clips("clean");
    for (edits, expected) in edits {
        let Outcome::NeedsInput(needs) = replay(&clean, &edited("account-desk", edits)) else { panic!("{edits:?}") };
        assert_eq!(needs.iter().map(|need| &need.what).collect::<Vec<_>>(), [expected], "{edits:?}");
    }
}

/// A prompt that was spoken anew, twice as long: one thing to say yes to, whether or not a caller heard it out.
#[test]
fn another_sound_of_a_prompt_is_one_difference() {
    for prompt in ["welcome", "account_ask"] {
        let path = root().join(format!("flows/prompts/en/{prompt}.wav"));
        let mut spoken = hound::WavReader::open(&path).expect("a prompt");
        let samples: Vec<i16> = spoken.samples().collect::<Result<_, _>>().expect("samples");
        let mut wav = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut wav, spoken.spec()).expect("a WAV");
        samples.iter().chain(&samples).for_each(|sample| writer.write_sample(*sample).expect("memory"));
        writer.finalize().expect("memory");
        let service = served("account-desk", Edited(vec![(path, wav.into_inner())]));
        let clean = with_clips("clean");
        let Outcome::Diff(differences) = replay(&clean, &service) else { panic!("{prompt}") };
        let [difference] = differences.as_slice() else { panic!("{differences:?}") };
        assert_eq!(difference.subject, format!("the sound of en/{prompt}"));
        // It is right from now on.
        let sounds = Sounds::of(service.arena.clone());
        let how = How::default();
        let ran = outcome::replay(&clean, &service.program, &sounds, &how).ran.expect("it ran");
        let golden = outcome::golden(&clean, &ran, &service.program, &sounds);
        let read = Fixture::read(&golden.write().expect("text")).expect("a readable recording");
        assert!(outcome::replay(&read, &service.program, &sounds, &how).outcome.passes());
    }
}

/// Where nothing was edited, every byte counts.
#[test]
fn a_byte_that_differs_is_named_by_its_place() {
    let mut clean = fixture("clean");
    for line in &mut clean.lines {
        if let Step::Out(Out::Agent { invite, .. }) = &mut line.step {
            *invite = invite.replace("Max-Forwards: 69", "Max-Forwards: 68");
        }
    }
    let Outcome::Diff(differences) = replay(&clean, &edited("account-desk", &[])) else { panic!("it passed") };
    let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
    assert_eq!(
        told,
        [
            "bytes: agent: agent at 21.282644 s, invite from byte 128 on -> agent at 21.282644 s, invite from byte 128 on"
        ]
    );
}
