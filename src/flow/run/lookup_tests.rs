//! Lookups in a flow: what is asked, what the caller hears meanwhile, and where each end leads. The scenes' words are those
//! of `tests`; a lookup is `?name`.

use super::tests::Scene;
use super::*;
use crate::context::{Earlier, Source};
use crate::time::Duration;

const FLOW: &str = "askonce: 1
flow: t
escape: { menu: 0, collect: star, to: desk }
always: { error: sorry }
facts:
  account: { type: digits, length: 4-6, known: [uui.account, crm], ask: [ask, last], accept: is_ours }
  pin: { type: digits, length: 4, class: secret, ask: [menu] }
  verified: { type: bool }
  tier: { type: text }
lookups:
  crm: { get: \"crm:/phone/{caller.number}\", timeout: 3s, fills: [account], gives: { tier: { type: text, default: basic }, age: number } }
  is_ours: { get: \"crm:/account/{account}\", timeout: 800ms }
  check: { post: \"crm:/verify\", send: [account, pin], timeout: 2s, fills: [verified], auth: token, idempotent: true }
queues: { desk: { to: support } }
blocks:
  start:
    - lookup: crm
      none: nobody
      slow: desk
      else: continue
    - collect: account
      else: continue
    - run: verify
    - set: tier
      from: crm.tier
    - if: crm.age > 17 and verified
      then: desk
    - goto: sorry
  verify:
    - collect: pin
      else: return
    - lookup: check
      else: continue
    - forget: pin
    - return
  nobody: [{ say: terms }, { goto: desk }]
  desk:
    - agent: desk
      needs: [account, tier]
  sorry: [{ say: sorry }, hangup]
";

fn scene(number: Option<&str>) -> Scene {
    let mut scene = Scene::idle(FLOW, Inbound::default());
    scene.context.caller_number = number.map(Secret::new);
    scene.event(Event::Begin);
    scene
}

fn answer(scene: &mut Scene, outcome: Outcome, values: &[(&str, &str)]) {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let lookup = scene.lookups.last().expect("a lookup was asked for").0;
    scene.event(Event::LookedUp { lookup, outcome, values });
}

#[test]
fn the_answer_fills_facts_and_gives_values() {
    let mut scene = scene(Some("+15551230001"));
    let request = &scene.lookups[0].1;
    assert_eq!((request.endpoint.as_str(), request.path.open()), ("crm", "/phone/%2B15551230001"));
    assert_eq!(request.wants.iter().map(|want| want.name.as_str()).collect::<Vec<_>>(), ["account", "tier", "age"]);
    answer(&mut scene, Outcome::Ok, &[("account", "4711"), ("tier", "gold"), ("age", "30")]);
    scene.pass(Duration::from_millis(10));
    scene.act("k:1234");
    let request = &scene.lookups[1].1;
    assert_eq!(request.body.as_ref().expect("a body").open(), r#"{"account":"4711","pin":"1234"}"#);
    assert_eq!((request.auth.as_deref(), request.key.is_some()), (Some("token"), true));
    answer(&mut scene, Outcome::Ok, &[("verified", "true")]);
    assert_eq!(
        scene.trace.join(" "),
        "?crm account=4711/lookup:crm menu x pin=1234/keypad ?check verified=true/lookup:check pin? tier=gold/set @desk[0,3]"
    );
}

#[test]
fn each_end_has_its_exit() {
    type Values = &'static [(&'static str, &'static str)];
    let cases: [(Outcome, Values, &str); 6] = [
        (Outcome::None, &[], "?crm terms"),
        (Outcome::Refused, &[], "?crm ask"),
        (Outcome::Slow, &[], "?crm @desk[0,3]"),
        (Outcome::Failed, &[], "?crm ask"),
        // A value that the fact does not take is as good as none.
        (Outcome::Ok, &[("account", "12")], "?crm ask"),
        (Outcome::Ok, &[("account", "<script>")], "?crm ask"),
    ];
    for (outcome, values, expected) in cases {
        let mut scene = scene(Some("1555"));
        answer(&mut scene, outcome, values);
        assert_eq!(scene.trace.join(" "), expected, "{outcome:?}");
    }
}

#[test]
fn nobody_is_looked_up_who_is_anonymous() {
    assert_eq!(scene(None).trace.join(" "), "terms");
}

#[test]
fn the_caller_hears_music_while_it_takes_long_and_does_not_wait_for_ever() {
    let mut scene = scene(Some("1555"));
    scene.pass(Duration::from_millis(900));
    assert_eq!(scene.trace.join(" "), "?crm");
    scene.pass(Duration::from_millis(200));
    assert_eq!(scene.trace.join(" "), "?crm music");
    // The shell would have said so after 3 s; without a word it is over half a second later.
    scene.pass(Duration::from_millis(2_300));
    assert_eq!(scene.trace.join(" "), "?crm music");
    scene.pass(Duration::from_millis(200));
    assert_eq!(scene.trace.join(" "), "?crm music x @desk[0,3]");
    // What comes later is not taken for another's.
    answer(&mut scene, Outcome::Ok, &[("account", "4711")]);
    assert_eq!(scene.trace.join(" "), "?crm music x @desk[0,3]");
}

#[test]
fn the_business_may_refuse_a_value_as_one_of_the_tries() {
    let play = |outcomes: &[Outcome]| {
        let mut scene = scene(Some("1555"));
        answer(&mut scene, Outcome::Failed, &[]);
        for outcome in outcomes {
            scene.act("k:4711#");
            answer(&mut scene, *outcome, &[]);
        }
        scene.trace.join(" ")
    };
    assert_eq!(play(&[Outcome::Ok]), "?crm ask x ?is_ours account=4711/keypad menu");
    assert_eq!(play(&[Outcome::None, Outcome::Ok]), "?crm ask x ?is_ours last x ?is_ours account=4711/keypad menu");
    assert_eq!(play(&[Outcome::Refused, Outcome::None]), "?crm ask x ?is_ours last x ?is_ours account!tries menu");
    // Whoever cannot say does not send a caller away.
    assert_eq!(play(&[Outcome::Slow]), "?crm ask x ?is_ours account=4711/keypad menu");
}

#[test]
fn keys_pressed_during_a_lookup_are_typed_ahead() {
    let mut scene = scene(Some("1555"));
    scene.act("k:4711#");
    answer(&mut scene, Outcome::Failed, &[]);
    assert_eq!(scene.trace.join(" "), "?crm ?is_ours");
}

#[test]
fn a_case_that_comes_back_brings_what_lives_as_long_as_it() {
    let earlier = |name: &str, value: &str| Earlier {
        name: name.into(),
        value: Secret::new(value),
        from: Source::Keypad,
        confirmed: true,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let case = vec![earlier("account", "4711"), earlier("verified", "true"), earlier("pin", "1234"), earlier("x", "1")];
    let scene = Scene::new(FLOW, Inbound { case, ..Inbound::default() });
    // Whether we know who calls is of one call alone, and secrets are of none.
    assert_eq!(scene.trace.join(" "), "account=4711/keypad! terms");
}
