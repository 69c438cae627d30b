//! The fault set: mistakes that people make, each planted alone in a sound place. Each is told by exactly one finding, with
//! the right code, at the right line, and by nothing else that would mislead whoever mends it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read their places")]

#[path = "faults/place.rs"]
mod place;
#[path = "faults/planted.rs"]
mod planted;
#[path = "faults/watch.rs"]
mod watch;

use askonce::yaml::Severity;
use place::Place;
use planted::{FAULTS, Fault, SOUND, bytes};

/// `error[unknown-key] desk.yaml:3`, for each finding.
fn told(place: &Place) -> Vec<String> {
    let findings = place.check();
    let line = |found: &askonce::yaml::Diagnostic| {
        let severity = if found.severity == Severity::Error { "error" } else { "warning" };
        let at = if found.span.line == 0 { String::new() } else { format!(":{}", found.span.line) };
        format!("{severity}[{}] {}{at}", found.code, found.path)
    };
    findings.diagnostics.iter().map(line).collect()
}

#[test]
fn the_place_without_a_fault_is_sound() {
    assert_eq!(told(&Place::sound()), Vec::<String>::new(), "{}", Place::sound().check().render());
}

#[test]
fn every_planted_fault_is_told_once_where_it_is_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for Fault { what, file, from, to, expected } in FAULTS {
        let mut place = Place::sound();
        let text = place.text(file);
        assert!(text.contains(from), "{what}: {from:?} is not in {file}");
        place.write(file, text.replacen(from, to, 1));
        if told(&place) != [*expected] {
            wrong.push(format!("== {what}: expected {expected}\n{:#?}\n{}", told(&place), place.check().render()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), FAULTS.len(), wrong.join("\n"));
}

#[test]
fn whole_files_that_are_wrong_are_told_of_once() {
    let mut wrong = Vec::new();
    let faults = bytes(&Place::sound());
    for (what, file, bytes, expected) in &faults {
        let mut place = Place::sound();
        place.write(file, bytes.clone());
        if told(&place) != [*expected] {
            wrong.push(format!("== {what}: expected {expected}\n{:#?}", told(&place)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), faults.len(), wrong.join("\n"));
    assert!(FAULTS.len() + faults.len() >= 100, "there are {} and {}", FAULTS.len(), faults.len());
}

#[test]
fn what_looks_like_a_fault_and_is_none_is_sound() {
    for (what, edit) in SOUND {
        let mut place = Place::sound();
        let text = place.text(place::FLOW);
        let edited = edit(&text);
        assert_ne!(edited.as_bytes(), text.as_bytes(), "{what} changes something");
        place.write(place::FLOW, edited);
        assert_eq!(told(&place), Vec::<String>::new(), "{what}: {}", place.check().render());
    }
}
