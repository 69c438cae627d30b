//! What a flow is put together from (modules, types, parameters), and what may be said of a fact besides its type. The
//! scenes' words are those of `tests`.

use super::tests::{Scene, world, world_with};
use super::*;
use crate::context::{Earlier, Source};
use crate::flow::load::load_with;
use crate::secret::Secret;
use crate::yaml::Source as File;
use jiff::Timestamp;
use std::collections::BTreeMap;

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}

const MAIN: &str = "askonce: 1
flow: t
use: [verify.yaml]
always: { error: sorry }
types: { short: { type: digits, length: 2, class: pii } }
facts:
  code: { type: short, ask: [ask], class: public }
queues: { desk: { to: support } }
blocks:
  start:
    - collect: code
    - run: verify.check
    - agent: desk
      needs: [code, verify.answer]
  sorry: [{ say: sorry }, hangup]
";

const VERIFY: &str = "askonce: 1
module: verify
types: { one: { type: digits, length: 1 } }
facts:
  answer: { type: one, ask: [menu] }
blocks:
  check:
    - collect: answer
      else: return
    - goto: end
  end: [{ say: terms }, return]
";

#[test]
fn a_module_has_names_of_its_own_and_comes_back_to_who_ran_it() {
    let mut scene = Scene::of(world_with(MAIN, &[file("verify.yaml", VERIFY)]), Inbound::default());
    scene.event(Event::Begin);
    for word in "k:42 k:7 .".split(' ') {
        scene.act(word);
    }
    assert_eq!(scene.trace.join(" "), "ask x code=42/keypad menu x verify.answer=7/keypad terms @desk[0,1]");
    let passed = scene.context.journey.iter().find(|passed| passed.block == "verify.end").expect("the module's block");
    assert_eq!((passed.line, passed.verb.as_str()), (11, "say"));
}

#[test]
fn mistakes_of_a_module_are_told_in_its_own_file() {
    let (_, prompts) = world(super::tests::FLOW);
    let found = |main: &str, module: &str| {
        let found = load_with(&file("t.yaml", main), &[file("verify.yaml", module)], &prompts);
        let found = found.map_or_else(|found| found, |(_, warnings)| warnings);
        found.iter().map(|d| format!("{} {}", d.place(), d.code)).collect::<Vec<_>>()
    };
    assert_eq!(found(MAIN, VERIFY), Vec::<String>::new());
    let cases = [
        (VERIFY.replace("goto: end", "goto: ned"), "verify.yaml:10:13 unknown-name"),
        (VERIFY.replace("say: terms }, return", "say: terms }"), "verify.yaml:11:9 falls-off"),
        (VERIFY.replace("module: verify\n", ""), "verify.yaml:1:1 missing-key"),
        (VERIFY.replace("facts:", "queues:"), "verify.yaml:4:1 unknown-key"),
    ];
    for (module, expected) in cases {
        let found = found(MAIN, &module);
        assert!(found.iter().any(|found| found == expected), "{module}\n{found:?}");
    }
}

const FACTS: &str = "askonce: 1
flow: t
answer: early
with: { greeting: [welcome, terms], desk: [first, second] }
escape: { menu: 0, to: desk }
always: { error: sorry }
facts:
  account:
    type: digits
    length: 4
    known: [web.account, last_call]
    fresh: 10m
    offer: { say: readback, right: 3, again: 4 }
    ask: [ask, last]
    confirm: { say: readback, right: 5, again: 6 }
  day: { type: date, range: 1970-01-01..today, ask: [menu, menu2] }
  score: { type: choice, keys: { 1: bad, 2: good }, ask: [rate], default: good, survey: true }
queues: { first: { to: one }, second: { to: two } }
blocks:
  start:
    - say: with.greeting
    - if: with.greeting == 'terms'
      then: more
    - reject: 603
  more:
    - collect: account
    - forget: account
      keep: true
      at_most: 1
      else: days
    - goto: more
  days:
    - collect: day
      else: continue
    - collect: score
    - goto: desk
  desk:
    - agent: with.desk
      needs: [account]
  sorry: [{ say: sorry }, hangup]
";

fn earlier(at: &str) -> Vec<Earlier> {
    let at: Timestamp = at.parse().expect("a timestamp");
    let (name, value, from) = ("account".to_owned(), Secret::new("1234"), Source::Web);
    vec![Earlier { name, value, from, confirmed: false, at }]
}

fn scene(greeting: &str, web: Vec<Earlier>) -> Scene {
    let with = BTreeMap::from([("greeting".into(), greeting.into()), ("desk".into(), "second".into())]);
    Scene::new(FACTS, Inbound { web, with, ..Inbound::default() })
}

fn play(mut scene: Scene, script: &str) -> String {
    script.split(' ').for_each(|word| scene.act(word));
    scene.trace.join(" ")
}

#[test]
fn a_number_decides_what_is_said_and_a_call_is_refused_before_it_is_answered() {
    assert_eq!(play(scene("welcome", Vec::new()), "."), "welcome REJECT:603");
    // A value that the flow does not have counts as none.
    assert_eq!(play(scene("other", Vec::new()), "."), "welcome REJECT:603");
}

/// A scene begins at the epoch.
#[test]
fn a_known_value_is_offered_and_its_keys_are_the_facts_own() {
    let known = || scene("terms", earlier("1969-12-31T23:55:00Z"));
    let offered = "terms answer <1234>+readback.1";
    assert!(play(known(), ". k:3").starts_with(&format!("{offered} x account=1234/web!")));
    assert!(play(known(), ". k:4").starts_with(&format!("{offered} x answer ask")));
    // 1 and 2 mean nothing here; whoever says nothing is asked.
    assert!(play(known(), ". k:1").starts_with(&format!("{offered} x answer ask")));
    assert!(play(known(), ". . t").starts_with(&format!("{offered} answer ask")));
    // Too old to count.
    let old = scene("terms", earlier("1969-12-31T23:45:00Z"));
    assert_eq!(play(old, "."), "terms answer ask");
}

#[test]
fn a_fact_is_asked_once_more_on_purpose_and_so_often_only() {
    let first = ". k:1111 k:5";
    let once = play(scene("terms", Vec::new()), first);
    assert_eq!(once, "terms answer ask x <1111>+readback.1 x account=1111/keypad! account? answer ask");
    let mut twice = scene("terms", Vec::new());
    format!("{first} k:2222 k:5").split(' ').for_each(|word| twice.act(word));
    assert!(twice.trace.join(" ").ends_with("x account=2222/keypad! answer menu"), "{:?}", twice.trace);
    let kept: Vec<_> = twice.context.earlier.iter().map(|fact| fact.value().map(Secret::open)).collect();
    assert_eq!(kept, [Some("1111")]);
    assert_eq!(twice.context.document()["earlier"][0]["value"], "1111");
}

#[test]
fn a_date_is_taken_within_its_range_and_no_escape_leaves_a_survey() {
    let until = ". k:1111 k:5 k:2222 k:5";
    let told = |script: &str| play(scene("terms", Vec::new()), &format!("{until} {script}"));
    assert!(told("k:01021970").ends_with("answer menu x answer menu2"), "{}", told("k:01021970"));
    assert!(told("k:01011970").ends_with("x day=1970-01-01/keypad answer rate"));
    // 0 is the escape everywhere else.
    assert!(told("k:01011970 k:0").ends_with("x score=good/default answer @second[0]"), "{}", told("k:01011970 k:0"));
}
