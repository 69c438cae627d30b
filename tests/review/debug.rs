//! `askonce debug` by lines from a pipe.

use super::{Place, golden};
use std::io::{BufRead, BufReader, Write};

fn debug(place: &Place, commands: &str) -> (bool, String) {
    let mut child = place.command(&["debug", "fixtures/contact-center-000"]).spawn().expect("askonce");
    child.stdin.take().expect("a pipe").write_all(commands.as_bytes()).expect("read to its end");
    let output = child.wait_with_output().expect("an end");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_call_is_gone_through_either_way() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    let commands = "n\nn 11\ns\ns\nr\nb\nfacts\nt 3.2\nlines 2\nt 7.2\nlines 3\nwhy pin\ng billing\nfacts\nwhy account\nwhy pin\nlines 2\nflow 2\n\
                    t 99\nd\nwhy acount\ng dek\ng desk\nt x\nn 0\nfly\nq\n";
    let (done, printed) = debug(&place, commands);
    assert!(!done, "what cannot be done is a failure");
    golden("debug.txt", &printed);
    // The PIN is nobody's business, be it a key, a fact or a lookup's.
    let pin = place.read("fixtures/contact-center-000/call.jsonl");
    assert!(pin.contains("\"name\":\"pin\",\"state\":\"filled\",\"value\":\"4321\""), "the test looks for this PIN");
    assert!(!printed.contains("4321"), "{printed}");
    // Every command could be done.
    assert!(debug(&place, "n\nd\n").1.contains("there is none"));
    assert!(debug(&place, "n 3\nb\nfacts\n").0);
}

#[test]
fn the_flow_is_edited_and_the_call_carries_on() {
    let place = Place::new("contact-center", &["contact-center"], 1);
    let mut child = place.command(&["debug", "fixtures/contact-center-000"]).spawn().expect("askonce");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut until = |what: &str| {
        let mut told = String::new();
        while !told.contains(what) {
            assert!(output.read_line(&mut told).expect("a line") > 0, "no {what:?} in:\n{told}");
        }
        told
    };
    writeln!(input, "g verify").expect("a command");
    until("verify:1");
    // Behind here: nothing changes yet.
    place.edit("flows/contact-center.yaml", "whisper: whisper_context", "whisper: welcome");
    writeln!(input, "reload").expect("a command");
    until("has done the same up to here; from the recording it differs first at event");
    until("verify:1");
    writeln!(input, "d").expect("a command");
    until("differs: prompts at billing.1");
    // Before here: this is where it parts.
    place.edit("flows/contact-center.yaml", "    - say: welcome\n", "    - say: thanks\n");
    writeln!(input, "edit").expect("a command");
    until("it now does something else from event 1");
    until("start:3");
    place.edit("flows/contact-center.yaml", "blocks:", "blocks: 7\nothers:");
    writeln!(input, "reload").expect("a command");
    until("does not load");
    // As it was before the mistake.
    writeln!(input, "b").expect("a command");
    until("start:");
    drop(input);
    assert!(!child.wait().expect("an end").success());
}
