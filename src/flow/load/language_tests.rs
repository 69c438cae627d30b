//! Flows of several languages, and values that a language can read.

use super::*;
use crate::flow::PromptBook;

fn book(language: &str, text: &str) -> PromptBook {
    let path = format!("prompts/{language}.yaml");
    PromptBook::read(language, &Source { path, text: text.into() }).0
}

/// Code and message of what is found in a flow whose facts and prompts are these.
fn found(facts: &str, en: &str, other: (&str, &str)) -> Vec<(&'static str, String)> {
    let prompts = Prompts::new(book("en", en), vec![book(other.0, other.1)]);
    let text = format!(
        "askonce: 1\nflow: t\nlanguages: [en, {}]\nfacts:\n  language: {{ type: choice, keys: {{ 1: en, 2: {} }}, ask: [pick], \
         default: en }}\n  x: {facts}\nblocks:\n  start: [{{ collect: language }}, {{ collect: x, else: continue }}, hangup]\n",
        other.0, other.0
    );
    let found = match load(&Source { path: "t.yaml".into(), text }, &prompts) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    found.into_iter().map(|diagnostic| (diagnostic.code, diagnostic.message)).collect()
}

const PROMPTS: &str = "pick: a\nask: b\nback: \"It is {x}.\"\nday: \"{x.weekday}.\"\n";

#[test]
fn every_prompt_that_a_flow_names_is_in_every_language_and_speaks_the_same() {
    let date = "{ type: date, ask: [ask, ask], confirm: back }";
    assert_eq!(found(date, PROMPTS, ("es", PROMPTS)), []);
    let cases = [
        ("pick: a\nback: \"{x}\"\n", "prompt `ask` is missing in `es`"),
        ("pick: a\nask: b\n", "prompt `back` is missing in `es`"),
        ("pick: a\nask: b\nback: c\n", "prompt `back` speaks other values in `es`"),
    ];
    for (spanish, message) in cases {
        assert_eq!(found(date, PROMPTS, ("es", spanish)), [("not-in-language", message.to_owned())]);
    }
}

#[test]
fn a_value_is_read_back_where_the_language_has_words_for_it() {
    let french = ("fr", PROMPTS);
    let confirmed = |kind: &str| found(&format!("{{ type: {kind}, ask: [ask], confirm: back }}"), PROMPTS, french);
    assert_eq!(confirmed("digits, length: 4"), []);
    for kind in ["number", "money", "date", "time", "phone"] {
        let message = format!("nobody taught us to read a value of type {kind} in `fr`");
        assert_eq!(confirmed(kind), [("not-spoken", message)]);
    }
}

#[test]
fn only_a_date_has_a_day_of_the_week() {
    let spanish = ("es", PROMPTS);
    assert_eq!(found("{ type: date, ask: [ask], confirm: day }", PROMPTS, spanish), []);
    let found = found("{ type: time, ask: [ask], confirm: day }", PROMPTS, spanish);
    assert_eq!(found, [("value-spoken", "prompt `day` speaks a day of the week, and `x` is no date".to_owned())]);
}

#[test]
fn the_fact_that_chooses_the_language_is_a_choice_among_them() {
    let prompts = Prompts::new(book("en", PROMPTS), vec![book("es", PROMPTS)]);
    let cases = [
        ("{ type: choice, keys: { 1: en, 2: fr }, ask: [pick], default: en }", "unknown-name"),
        ("{ type: digits, length: 2, ask: [pick], default: \"12\" }", "wrong-type"),
    ];
    for (fact, code) in cases {
        let text = format!(
            "askonce: 1\nflow: t\nlanguages: [en, es]\nfacts: {{ language: {fact} }}\nblocks: {{ start: [{{ collect: \
             language }}, hangup] }}\n"
        );
        let found = load(&Source { path: "t.yaml".into(), text }, &prompts).expect_err("a mistake");
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), [code], "{found:?}");
    }
}
