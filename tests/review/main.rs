//! What QA does with recordings that differ, as a program: they are reviewed, debugged, shown as a page and told to what
//! shows tests.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests run the program and read its files")]

mod debug;
mod page;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with flows of ours and recordings of them.
struct Place {
    folder: TempDir,
}

impl Place {
    /// So many recordings, copies of these in turn.
    fn new(flow: &str, recordings: &[&str], count: usize) -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        let flows = Path::new(ROOT).join("flows");
        copy(&flows.join(format!("{flow}.yaml")), &place.path(&format!("flows/{flow}.yaml")));
        for prompts in ["prompts", flow] {
            copy(&flows.join(prompts), &place.path(&format!("flows/{prompts}")));
        }
        for (at, name) in recordings.iter().cycle().take(count).enumerate() {
            let recording = Path::new(ROOT).join("fixtures").join(name).join("call.jsonl");
            copy(&recording, &place.path(&format!("fixtures/{name}-{at:03}/call.jsonl")));
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a text")
    }

    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old:?}");
        std::fs::write(self.path(name), text.replacen(old, new, 1)).expect("written");
    }

    /// The program, run in the folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
        command.current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Whether it went well, and what it printed.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("an end");
        (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    }
}

/// A file, or a folder that may not be there.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in std::fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.is_file() {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(from, to).expect("copied");
    }
}

/// What a test holds to the character; `ASKONCE_KEEP=1` writes it anew.
fn golden(name: &str, printed: &str) {
    let path = Path::new(ROOT).join("tests/review").join(name);
    if std::env::var_os("ASKONCE_KEEP").is_some() {
        std::fs::write(&path, printed).expect("kept");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden text");
    assert_eq!(printed, golden, "{name}, printed:\n{printed}");
}

const DESK: [&str; 3] = ["clean", "retries", "agent-busy"];

/// The names of the groups that a review prints, each with its line.
fn groups(printed: &str) -> Vec<(String, String)> {
    let heads = printed.lines().filter_map(|line| line.strip_prefix('[')?.split_once("] "));
    heads.map(|(id, text)| (id.to_owned(), text.to_owned())).collect()
}

#[test]
fn four_hundred_recordings_of_a_changed_prompt_are_one_question() {
    let place = Place::new("account-desk", &DESK, 400);
    place.edit("flows/account-desk.yaml", "- say: welcome", "- say: connecting");
    let before = place.read("fixtures/clean-000/call.jsonl");
    let (done, printed) = place.run(&["review", "fixtures"]);
    assert!(!done, "{printed}");
    golden("groups.txt", &printed);
    assert_eq!(place.read("fixtures/clean-000/call.jsonl"), before, "nothing is written that nobody accepted");
    let [(group, _)] = &groups(&printed)[..] else { panic!("{printed}") };

    // A name that is none writes nothing, and says which there are.
    let (done, printed) = place.run(&["review", "fixtures", "--accept", "0"]);
    assert!(!done && printed.contains(&format!("there is no group 0: {group}")), "{printed}");

    let (done, printed) = place.run(&["review", "fixtures", "--accept", group]);
    assert!(done && printed.contains("400 recordings written"), "{printed}");
    let (done, printed) = place.run(&["replay", "fixtures", "--ci"]);
    assert!(done && printed.contains("400 passed"), "{printed}");
    let after = place.read("fixtures/clean-000/call.jsonl");
    let inputs = |text: &str| text.lines().filter(|line| line.contains("\"in\":\"key\"")).count();
    assert_eq!(inputs(&after), inputs(&before));

    // And one that was spoken anew, which only the sound tells.
    let clip = |name: &str| place.path(&format!("flows/prompts/en/{name}.wav"));
    std::fs::copy(clip("account_ask"), clip("connecting")).expect("spoken anew");
    let (done, printed) = place.run(&["review", "fixtures"]);
    let [(group, told)] = &groups(&printed)[..] else { panic!("{printed}") };
    assert!(!done && told == "400 recordings differ the same way", "{printed}");
    assert!(printed.contains("prompts in the flow account-desk: the sound of en/connecting"), "{printed}");
    let (done, printed) = place.run(&["review", "fixtures", "--accept", group]);
    assert!(done && printed.contains("400 recordings written"), "{printed}");
    assert!(place.run(&["review", "fixtures"]).1.contains("400 as recorded, 0 not, in 0 groups"));
}

#[test]
fn a_recording_is_only_written_once_everything_in_it_is_accepted() {
    let place = Place::new("account-desk", &["clean"], 3);
    place.edit("flows/account-desk.yaml", "- say: welcome", "- say: connecting");
    place.edit("flows/account-desk.yaml", "needs: [account]", "needs: []");
    let (_, printed) = place.run(&["review", "fixtures"]);
    let found = groups(&printed);
    assert!(found.len() > 1, "{printed}");
    let (done, printed) = place.run(&["review", "fixtures", "--accept", &found[0].0]);
    assert!(!done && printed.contains("3 accepted") && !printed.contains("written"), "{printed}");
    let (done, printed) = place.run(&["review", "fixtures", "--accept-all"]);
    assert!(done && printed.contains("3 recordings written"), "{printed}");
    assert!(place.run(&["replay", "fixtures"]).0);
}

#[test]
fn what_the_flow_asks_anew_is_answered_once_for_all() {
    let place = Place::new("contact-center", &["contact-center"], 5);
    let edited = "    - lookup: outages\n      else: continue\n    - run: verify\n";
    place.edit("flows/contact-center.yaml", "    - run: verify\n", edited);
    let (done, printed) = place.run(&["review", "fixtures"]);
    assert!(!done && printed.contains("the lookup `outages` is made, and the recording has no answer"), "{printed}");
    let [(group, told)] = &groups(&printed)[..] else { panic!("{printed}") };
    assert_eq!(told, "5 recordings want the same answer");
    let (done, printed) = place.run(&["review", "fixtures", "--accept-all"]);
    assert!(!done && !printed.contains("written"), "{printed}");
    let wrong = place.run(&["review", "fixtures", "--answer", &format!("{group}=ok activ=no")]);
    assert!(!wrong.0 && wrong.1.contains("wants no `activ`: did you mean `active`?"), "{}", wrong.1);
    let answer = format!("{group}=ok active=false");
    let (done, printed) = place.run(&["review", "fixtures", "--answer", &answer, "--accept-all"]);
    assert!(done && printed.contains("5 recordings written"), "{printed}");
    let (done, printed) = place.run(&["replay", "fixtures"]);
    assert!(done, "{printed}");
    let recording = place.read("fixtures/contact-center-000/call.jsonl");
    assert!(recording.contains("\"values\":[[\"active\",\"false\"]]"), "{recording}");
}

#[test]
fn lines_people_and_keys_are_answered_as_well() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    let recording = place.read("fixtures/contact-center-000/call.jsonl");
    let route = "to: { billing: billing, outage: outage, sales: desk }";
    let collect = "    - collect: callback\n      else: continue\n    - run: verify\n";
    // What is edited, and what is answered to what that asks, one after the other.
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c [&'c str]);
    let cases: [Case<'_>; 2] = [
        (&[(route, "to: { billing: desk, outage: outage, sales: billing }")], &["turn", "hangs-up"]),
        (&[("    - run: verify\n", collect), ("known: [caller.number]", "known: [uui.number]")], &["5551230009#1"]),
    ];
    for (edits, answers) in cases {
        copy(&Path::new(ROOT).join("flows/contact-center.yaml"), &place.path("flows/contact-center.yaml"));
        std::fs::write(place.path("fixtures/contact-center-000/call.jsonl"), &recording).expect("written");
        edits.iter().for_each(|(old, new)| place.edit("flows/contact-center.yaml", old, new));
        for answer in answers {
            let printed = place.run(&["review", "fixtures"]).1;
            let [(group, told)] = &groups(&printed)[..] else { panic!("{answer}: {printed}") };
            assert_eq!(told, "1 recording wants an answer", "{answer}");
            let printed = place.run(&["review", "fixtures", "--answer", &format!("{group}={answer}")]).1;
            assert!(printed.contains("answered in 1 recording"), "{answer}: {printed}");
        }
        let (done, printed) = place.run(&["review", "fixtures", "--accept-all"]);
        assert!(done, "{answers:?}: {printed}");
        let (done, printed) = place.run(&["replay", "fixtures"]);
        assert!(done, "{answers:?}: {printed}");
    }
}

#[test]
fn what_cannot_be_run_is_told_and_cannot_be_accepted() {
    let place = Place::new("account-desk", &["clean"], 1);
    for (name, text) in [("empty", ""), ("foreign", "{\"log\":[]}\n"), ("newer", "{\"askonce\":9}\n")] {
        std::fs::create_dir_all(place.path(&format!("fixtures/{name}"))).expect("a folder");
        std::fs::write(place.path(&format!("fixtures/{name}/call.jsonl")), text).expect("written");
    }
    let (done, printed) = place.run(&["review", "fixtures", "--accept-all"]);
    assert!(!done && printed.contains("the file is empty") && !printed.contains("written"), "{printed}");
    assert_eq!(groups(&printed).len(), 3, "{printed}");
    let (done, printed) = place.run(&["replay", "fixtures", "--junit", "junit.xml"]);
    assert!(!done, "{printed}");
    let xml = place.read("junit.xml");
    assert!(xml.contains("<testsuites name=\"askonce replay\" tests=\"4\" failures=\"0\" errors=\"3\""), "{xml}");
    assert!(xml.contains("<testcase classname=\"account-desk\" name=\"fixtures/clean-000/call.jsonl\""), "{xml}");
    std::fs::write(place.path("flows/account-desk.yaml"), "flow: account-desk\nblocks: 7\n").expect("written");
    let (done, printed) = place.run(&["review", "fixtures"]);
    assert!(!done && printed.contains("does not load"), "{printed}");
}
