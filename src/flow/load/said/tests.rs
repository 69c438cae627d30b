//! What each prompt may read out, by the class of the fact and by who hears it.

use crate::audio::spoken::Reading;
use crate::flow::load::Loading;
use crate::flow::model::Use;
use crate::flow::{Flow, PromptBook, Prompts, load};
use crate::yaml::{Diagnostic, Node, Source, Span, Value};

fn book(language: &str, text: &str) -> PromptBook {
    PromptBook::read(language, &Source { path: format!("prompts/{language}.yaml"), text: text.into() }).0
}

const PLAIN: &str = "ask: a\nnot_given: n\nreason/a: A\nreason/b: B\n";

/// A flow that knows a fact of every class, says, confirms and whispers a prompt.
fn flow(text: &str, confirm: &str, say: &str, whisper: &str, spanish: Option<&str>) -> Result<Flow, Vec<Diagnostic>> {
    let english = format!("{PLAIN}p: \"{text}\"\n");
    let others = spanish.map(|text| book("es", &format!("{PLAIN}p: \"{text}\"\n")));
    let languages = if spanish.is_some() { "languages: [en, es]" } else { "" };
    let language = if spanish.is_some() {
        "language: { type: choice, keys: { 1: en, 2: es }, default: en }"
    } else {
        "x: { type: date }"
    };
    let text = format!(
        "askonce: 1\nflow: t\n{languages}\nfacts:\n  {language}\n  open: {{ type: digits, length: 8 }}\n  mine: {{ type: \
         phone, class: pii }}\n  card: {{ type: digits, length: 16, class: pci, ask: [ask]{confirm} }}\n  short: {{ type: \
         digits, length: 6, class: pci }}\n  pin: {{ type: digits, length: 16, class: secret }}\n  reason: {{ type: choice, \
         keys: {{ 1: a, 2: b }} }}\nqueues: {{ q: {{ to: d }} }}\nblocks:\n  start: [{{ collect: card, else: continue }}, {{ \
         say: {say} }}, {{ agent: q, whisper: {whisper}, else: continue }}, hangup]\n"
    );
    let prompts = Prompts::new(book("en", &english), others.into_iter().collect());
    load(&Source { path: "t.yaml".into(), text }, &prompts).map(|(flow, _)| flow)
}

fn codes(found: Result<Flow, Vec<Diagnostic>>) -> Vec<&'static str> {
    found.map_or_else(|found| found.iter().map(|d| d.code).collect(), |_| Vec::new())
}

#[test]
fn who_may_hear_what() {
    let none: [&str; 0] = [];
    // Text; what is wrong with it as `say:`, and as `whisper:`.
    let cases: [(&str, &[&str], &[&str]); 12] = [
        ("{open}", &none, &none),
        ("{mine}", &["value-spoken"], &none),
        ("{mine.last4}", &none, &none),
        ("{card.last4}", &none, &none),
        ("{card}", &["secret-spoken"], &["secret-spoken"]),
        ("{short.last4}", &["secret-spoken"], &["secret-spoken"]),
        ("{short.last2}", &none, &none),
        ("{pin.last1}", &["secret-spoken"], &["secret-spoken"]),
        ("{reason?}", &none, &none),
        ("{reason.last2}", &["value-spoken"], &["value-spoken"]),
        ("{queue.position}", &["value-spoken"], &["value-spoken"]),
        ("{nothing}", &["unknown-name"], &["unknown-name"]),
    ];
    for (text, say, whisper) in cases {
        assert_eq!(codes(flow(text, "", "p", "ask", None)), say, "say {text}");
        assert_eq!(codes(flow(text, "", "ask", "p", None)), whisper, "whisper {text}");
    }
}

#[test]
fn a_card_is_confirmed_by_its_last_digits() {
    for (text, expected) in [
        ("{card.last4}", vec![]),
        ("{card}", vec!["secret-spoken"]),
        ("{card.last4?}", vec!["value-spoken"]),
        ("{open}", vec!["value-spoken"]),
        ("{queue.minutes} {card.last4}", vec!["value-spoken"]),
        ("nothing", vec!["not-read"]),
    ] {
        assert_eq!(codes(flow(text, ", confirm: p", "ask", "ask", None)), expected, "{text}");
    }
}

/// Else a translation would read out what the first language masks.
#[test]
fn every_language_masks_the_same() {
    for (english, spanish, same) in [
        ("{mine.last4}", "{mine.last4}", true),
        ("{mine.last4}", "{mine}", false),
        ("{mine.last4}", "{mine.last2}", false),
        ("{reason?}", "{reason}", false),
    ] {
        let expected = if same { vec![] } else { vec!["not-in-language"] };
        assert_eq!(codes(flow(english, "", "p", "ask", Some(spanish))), expected, "{english}, {spanish}");
    }
}

#[test]
fn a_flow_knows_who_says_each_of_its_prompts() {
    let loaded = flow("{reason?}", "", "ask", "p", None).expect("it is sound");
    let uses =
        ["ask fact card", "ask start:2", "p start:3", "reason/a start:3", "reason/b start:3", "not_given start:3"];
    let uses = uses.map(|both| {
        let (prompt, place) = both.split_once(' ').expect("two");
        Use { prompt: prompt.to_owned(), place: place.to_owned() }
    });
    assert_eq!(loaded.uses, uses);
}

#[test]
fn those_who_wait_hear_of_their_line() {
    let word =
        |text: &str| Node { span: Span::default(), value: Value::Scalar { text: text.to_owned(), quoted: false } };
    let prompts =
        Prompts::new(book("en", "place: \"You are number {queue.position}, for {queue.minutes} minutes.\"\n"), vec![]);
    let mut loading = Loading::new("t.yaml", &prompts);
    assert_eq!(loading.announcement(&word("place")).map(|word| word.text).as_deref(), Some("place"));
    assert_eq!(loading.readings.iter().map(|(reading, _)| *reading).collect::<Vec<_>>(), [Reading::Number]);
    assert!(loading.announcement(&word("plaice")).is_none() && loading.has_errors());
}
