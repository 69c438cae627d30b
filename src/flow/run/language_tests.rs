//! Which language speaks, and how values are keyed in and read back in it.

use super::tests::context;
use super::*;
use crate::audio::spoken::{Currency, Reading};
use crate::context::State;
use crate::flow::PromptBook;
use crate::flow::load::load;
use crate::secret::Secret;
use crate::yaml::Source;

const FLOW: &str = "askonce: 1
flow: t
languages: [en, es]
currency: eur
facts:
  language: { type: choice, keys: { 1: en, 2: es }, known: [uui.language], ask: [pick], default: en }
  visit: { type: date, ask: [when], confirm: day, default: 2026-01-01 }
  sum: { type: money, ask: [much], confirm: amount, default: '0.00' }
blocks:
  start:
    - collect: language
    - collect: visit
    - collect: sum
    - say: bye
    - hangup
";

const PROMPTS: &str = "pick: a\nwhen: b\nday: \"{visit.weekday}.\"\nmuch: c\namount: \"{sum}\"\nbye: d\n";

fn book(language: &str) -> PromptBook {
    PromptBook::read(language, &Source { path: "p.yaml".into(), text: PROMPTS.into() }).0
}

/// Runs the flow to its end; each prompt ends, and is answered with the next keys. Gives what was said, and the facts.
fn run(inbound: Inbound, answers: &[&str]) -> (Vec<Utterance>, Vec<String>, String) {
    let prompts = Prompts::new(book("en"), vec![book("es")]);
    let (flow, _) = load(&Source { path: "t.yaml".into(), text: FLOW.into() }, &prompts).expect("the flow loads");
    let mut context = context(&flow);
    let mut run = Run::new(Arc::new(flow), Arc::new(prompts), inbound);
    let mut events: Vec<Event> = vec![Event::Begin];
    let (mut answers, mut said) = (answers.iter(), Vec::new());
    while let Some(event) = events.pop() {
        run.handle(Instant::from_micros(1), &mut context, event);
        while let Some(action) = run.poll() {
            if let Action::Play { play, say } = action {
                said.extend(say);
                events.clear();
                let keys = answers.next().map_or("", |keys| keys);
                events.extend(keys.chars().rev().map(|c| Event::Key(Key::from_char(c).expect("a key"))));
                events.push(Event::PlayEnded(play));
            }
        }
    }
    let value = |fact: &crate::context::Fact| match &fact.state {
        State::Filled { value, .. } => value.open().to_owned(),
        State::Unknown | State::Declined { .. } => String::new(),
    };
    (said, context.facts.iter().map(value).collect(), context.language)
}

fn value(language: &str, reading: Reading, value: &str) -> Utterance {
    Utterance::Value { language: language.into(), reading, value: Secret::new(value) }
}

fn clip(name: &str) -> Utterance {
    Utterance::Clip(name.into())
}

#[test]
fn the_first_language_speaks_until_the_caller_chose() {
    let day = Reading::Date { weekday: true };
    let sum = Reading::Money(Currency::Eur);
    let (said, facts, language) = run(Inbound::default(), &["2", "03012026", "1", "1250#", "1"]);
    assert_eq!(facts, ["es", "2026-01-03", "12.50"]);
    assert_eq!(language, "es");
    let expected = [
        clip("en/pick"),
        clip("es/when"),
        value("es", day, "2026-01-03"),
        clip("es/much"),
        value("es", sum, "12.50"),
        clip("es/bye"),
    ];
    assert_eq!(said, expected);
    let (said, facts, language) = run(Inbound::default(), &["1", "03012026", "1", "50#", "1"]);
    assert_eq!((facts[1].as_str(), facts[2].as_str(), language.as_str()), ("2026-03-01", "0.50", "en"));
    assert_eq!(said[2], value("en", day, "2026-03-01"));
}

#[test]
fn a_language_that_is_known_is_spoken_from_the_beginning() {
    let inbound = Inbound { uui: vec![("language".into(), Secret::new("es"))], ..Inbound::default() };
    let (said, facts, _) = run(inbound, &["01032026", "1", "100#", "1"]);
    assert_eq!((&said[0], facts[1].as_str()), (&clip("es/when"), "2026-03-01"));
}
