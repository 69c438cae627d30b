//! Catalogues cut into clips and values, and values put into speech.

use super::*;
use crate::flow::fact::{Check, Kind, Lives};
use crate::key::Key;

fn book(text: &str) -> (PromptBook, Vec<Diagnostic>) {
    let catalogue = Source { path: "prompts/en.yaml".into(), text: text.into() };
    PromptBook::read("en", &catalogue)
}

fn clip(name: &str, text: &str) -> Part {
    Part::Clip { name: name.to_owned(), text: text.to_owned() }
}

fn fact(name: &str, form: Form, not_given: bool) -> Part {
    Part::Fact(Placeholder { name: name.to_owned(), form, not_given })
}

#[test]
fn a_placeholder_cuts_the_text_into_numbered_clips() {
    let text = "hello: Good day.\nback: \"I have {account}. Right?\"\ntail: \"It is {visit.weekday}.\"\n\
                line: \"{queue.position}, ¿{queue.minutes}?\"\nmask: \"{card.last4}{reason?}{phone.last2?}\"\n\
                module: \"{verify.card.last4} {verify.card?}\"\n";
    let (book, faults) = book(text);
    assert_eq!(faults, []);
    let parts = |id| book.prompt(id).map(|p| p.parts.clone()).expect("a prompt");
    assert_eq!(parts("hello"), [clip("en/hello", "Good day.")]);
    let account = fact("account", Form::Whole, false);
    assert_eq!(parts("back"), [clip("en/back.1", "I have"), account, clip("en/back.2", "Right?")]);
    assert_eq!(parts("tail"), [clip("en/tail.1", "It is"), fact("visit", Form::Weekday, false)]);
    assert_eq!(parts("line"), [Part::Queue(Queued::Position), Part::Queue(Queued::Minutes)]);
    assert_eq!(parts("module"), [fact("verify.card", Form::Last(4), false), fact("verify.card", Form::Whole, true)]);
    let masked = [("card", Form::Last(4), false), ("reason", Form::Whole, true), ("phone", Form::Last(2), true)];
    assert_eq!(parts("mask"), masked.map(|(name, form, not_given)| fact(name, form, not_given)));
}

#[test]
fn what_a_catalogue_may_not_say() {
    let cases = [
        ("a: \"{x\"\n", "placeholder", 1, 4),
        ("a: \"{card.last5}\"\n", "placeholder", 1, 4),
        ("a: \"{card.last0}\"\n", "placeholder", 1, 4),
        ("a: \"{card.last}\"\n", "placeholder", 1, 4),
        ("a: \"{queue.length}\"\n", "placeholder", 1, 4),
        ("a: \"{queue.position?}\"\n", "placeholder", 1, 4),
        ("a: \"{name??}\"\n", "placeholder", 1, 4),
        ("a: \"{verify.}\"\n", "placeholder", 1, 4),
        ("a: \"{a/b}\"\n", "placeholder", 1, 4),
        ("a: \"{}\"\n", "placeholder", 1, 4),
        ("a: \"...\"\n", "wrong-type", 1, 4),
        ("a: [b]\n", "wrong-type", 1, 4),
        ("../../etc/passwd: b\n", "bad-name", 1, 1),
        ("- a\n", "wrong-type", 1, 1),
    ];
    for (text, code, line, column) in cases {
        let (_, faults) = book(text);
        let found: Vec<_> = faults.iter().map(|d| (d.code, d.span.line, d.span.column)).collect();
        assert_eq!(found, [(code, line, column)], "{text}: {faults:?}");
    }
}

fn question(name: &str, class: Class, kind: Kind) -> Question {
    let name = Word { text: name.to_owned(), span: Span::default() };
    Question {
        name,
        kind,
        class,
        known: Vec::new(),
        ask: Vec::new(),
        confirm: None,
        offer: None,
        accept: None,
        range: None,
        lives: Lives::Call,
        fresh: None,
        survey: false,
        default: None,
        span: Span::default(),
        file: 0,
    }
}

/// What is said of a value, with clips by their names and values with their readings.
fn said(text: &str, entry: Entry) -> Vec<String> {
    let (book, faults) =
        book(&format!("say: \"{text}\"\nreason/sales: To buy.\nreason/true: Yes.\nnot_given: Not given.\n"));
    assert_eq!(faults, []);
    let speech = book.speech("say", |wanted| match (wanted, entry) {
        (Wanted::Queue(Queued::Minutes), _) => Entry::Number(12),
        (Wanted::Queue(Queued::Position), _) => Entry::Number(1),
        (Wanted::Fact(_), entry) => entry,
    });
    let words = speech.iter().map(|utterance| match utterance {
        Utterance::Clip(name) => name.clone(),
        Utterance::Value { reading, value, .. } => format!("{} {}", reading.name(), value.open()),
    });
    words.collect()
}

#[test]
fn a_value_is_read_by_its_type_and_form_and_class() {
    let digits = || Kind::Digits { length: 16..=16, check: Check::None };
    let choice = || {
        let value = Word { text: "sales".to_owned(), span: Span::default() };
        Kind::Choice(vec![(Key::POUND, value)])
    };
    let cases = [
        (Class::Public, digits(), "4000123412341234", "{x}", vec!["digits 4000123412341234"]),
        (Class::Pii, digits(), "4000123412341234", "{x}", vec!["digits 4000123412341234"]),
        (Class::Pci, digits(), "4000123412341234", "{x.last4}", vec!["digits 1234"]),
        (Class::Pci, digits(), "4000123412341234", "{x}", vec![]),
        (Class::Secret, digits(), "4000123412341234", "{x.last4}", vec![]),
        (Class::Pii, Kind::Phone, "+15551230001", "{x.last2}", vec!["digits 01"]),
        (Class::Public, Kind::Date, "2026-03-01", "{x.weekday}", vec!["date 2026-03-01"]),
        (Class::Public, choice(), "sales", "{x}", vec!["en/reason/sales"]),
        (Class::Public, choice(), "gone", "{x}", vec![]),
        (Class::Public, Kind::Bool, "true", "{x}", vec!["en/reason/true"]),
        (Class::Public, Kind::Text, "true", "{x}", vec![]),
    ];
    for (class, kind, value, text, expected) in cases {
        let (question, value) = (question("reason", class, kind), Secret::new(value));
        assert_eq!(said(text, Entry::Fact(&question, &value)), expected, "{class:?} {text}");
    }
}

#[test]
fn what_has_no_value_is_left_out_or_said_to_be_not_given() {
    assert_eq!(said("So {x}", Entry::NotGiven), ["en/say.1"]);
    assert_eq!(said("So {x?}", Entry::NotGiven), ["en/say.1", "en/not_given"]);
    assert_eq!(said("So {x?}", Entry::Withheld), ["en/say.1"]);
    assert_eq!(said("{queue.position} in {queue.minutes}", Entry::NotGiven), ["number 1", "en/say.1", "number 12"]);
}
