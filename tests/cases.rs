//! Tests of flows in their short form: the examples' own pass, and what is wrong with one is told with its place.
#![allow(clippy::disallowed_methods, reason = "tests read the flows")]

use askonce::engine::Service;
use askonce::record::Fixture;
use askonce::replay::case;
use askonce::rerun::outcome::{self, How};
use askonce::rerun::{Outcome, Sounds};
use askonce::server::files::{self, Disk, Files};
use askonce::yaml::Source;
use std::path::{Path, PathBuf};

fn flows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows")
}

fn service(flow: &str) -> Service {
    files::load(&Disk, &flows().join(format!("{flow}.yaml"))).0.expect("the flow loads")
}

/// What is wrong: the place of each, and what is said of it.
fn wrong(text: &str, service: &Service) -> Vec<String> {
    let source = Source { path: "t.test.yaml".to_owned(), text: text.to_owned() };
    let told = |found: &askonce::yaml::Diagnostic| {
        let Diagnostic { span, message, remedy, .. } = found;
        let remedy = remedy.as_ref().map_or(String::new(), |remedy| format!(" ({remedy})"));
        format!("{}:{}: {message}{remedy}", span.line, span.column)
    };
    use askonce::yaml::Diagnostic;
    match case::read(&source) {
        Err(mistakes) => mistakes.iter().map(told).collect(),
        Ok(cases) => {
            let tried = cases.iter().map(|case| case::perform(case, &source.path, &service.program, &service.arena));
            tried.flat_map(|tried| tried.failures).map(|failure| told(&failure.diagnostic)).collect()
        }
    }
}

#[test]
fn the_tests_of_the_examples_pass_and_each_is_a_recording() {
    let mut calls = 0;
    for path in Disk.within(&flows()).expect("the flows") {
        if !path.to_string_lossy().ends_with(".test.yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let source = Source { path: path.display().to_string(), text };
        for case in case::read(&source).expect("a sound test") {
            let service = service(&case.flow.text);
            let tried = case::perform(&case, &source.path, &service.program, &service.arena);
            let failures: Vec<String> = tried.failures.iter().map(|it| it.diagnostic.render(&[&source])).collect();
            assert!(failures.is_empty(), "{}: {}", case.title, failures.join("\n"));
            let fixture = Fixture::read(&tried.fixture.write().expect("text")).expect("a readable recording");
            let sounds = Sounds::of(service.arena.clone());
            let outcome = outcome::replay(&fixture, &service.program, &sounds, &How::default()).outcome;
            assert!(matches!(outcome, Outcome::Pass { .. }), "{}: {outcome:?}", case.title);
            calls += 1;
        }
    }
    assert!(calls >= 6);
}

#[test]
fn what_is_wrong_with_a_test_is_told_with_its_place() {
    let desk = service("account-desk");
    let head = "call: a test\nflow: account-desk\nthen:\n";
    let table: &[(&str, &[&str])] = &[
        // Text that cannot be read.
        ("  - hera: welcome\n", &["4:5: nothing is called `hera` (did you mean `hear`?)"]),
        ("  - press: 12x\n", &["4:12: expected keys of a telephone: 0 to 9, * and #, found `12x`"]),
        ("  - hang_up: soon\n", &["4:14: expected a duration as `800ms`, `20s`, `2m`, `12h` or `30d`, found `soon`"]),
        ("  - say_nothing: 2s\n", &["4:18: expected nothing behind `say_nothing:`; write `- say_nothing`, found `2s`"]),
        (
            "  - ends: happy\n",
            &["4:11: there is no end of a call `happy` (there is: agent, transferred, self_served, abandoned_flow, \
               abandoned_queue, closed, rejected, failed)"],
        ),
        // What the call does not do.
        (
            "  - hear: connecting\n",
            &["4:11: expected that the caller hears `connecting`; heard: en/welcome, en/account_ask; the caller is \
               asked, which is for `press` or `silence`"],
        ),
        (
            "  - hear: welcom\n",
            &["4:11: expected that the caller hears `welcom`; there is no such prompt; the caller is asked, which is \
               for `press` or `silence` (did you mean `welcome`?)"],
        ),
        (
            "  - never: account_ask\n",
            &["4:5: expected that the caller never hears `account_ask`; it is heard after 2.4 s"],
        ),
        (
            "  - press: \"79927398713#\"\n  - press: \"1\"\n  - facts: { account: \"79927398714\" }\n",
            &["6:14: expected that `account` is `79927398714`; it is `79927398713`"],
        ),
        (
            "  - agent: { queue: support }\n",
            &["4:5: expected that a person is called; the caller is asked, which is for `press` or `silence`"],
        ),
        (
            "  - hang_up\n  - ends: agent\n",
            &["5:5: expected that the call ends as `agent`; it ends as `abandoned_flow`"],
        ),
        (
            "  - agent_hangs_up\n",
            &["4:5: expected that `agent hangs-up` has its occasion; `agent hangs-up` does not fit: the caller is \
               asked, which is for `press` or `silence` (start:2, line 26)"],
        ),
    ];
    for (then, expected) in table {
        assert_eq!(wrong(&format!("{head}{then}"), &desk), *expected, "{then}");
    }
    assert_eq!(
        wrong("call: a test\n", &desk),
        ["1:1: a test has no `flow:` (name the flow that the call is for)", "1:1: a test has no `then:`"]
    );
    let foreign = "call: a test\nflow: account-desk\nlookups: { crm: slow }\nthen: [hang_up]\n";
    assert_eq!(wrong(foreign, &desk).len(), 1);
    let centre = service("contact-center");
    let unanswered = "call: a test\nflow: contact-center\nthen:\n  - hear: welcome\n";
    assert_eq!(
        wrong(unanswered, &centre)[0],
        "4:5: expected that the lookup `crm` has an end; the test does not say how it ends (add `lookups: { crm: … }`, \
         or `- lookup: { crm: … }` where it is made)"
    );
}
