//! A recording in a flow, from its prompt to what others hear. The scenes' words are those of `tests`; a recording is
//! `rec:NAME`, its end by a key `end:NAME`, and an announcement `!PROMPT(NAME,SWITCH)`.

use super::tests::Scene;
use super::*;

const FLOW: &str = "askonce: 1
flow: t
escape: { menu: 0, collect: star, to: desk }
facts:
  verified: { type: bool }
  message: { type: recording, longest: 20s, ask: [ask, { silent: silent, invalid: invalid }], confirm: heard }
lookups: { check: { secret: pin, send: [account], fills: [verified] } }
queues: { desk: { to: support } }
blocks:
  start:
    - lookup: check
      else: continue
    - collect: message
      else: sorry
    - announce: terms
      from: message
      switch: { storm: true }
      else: sorry
    - say: welcome
    - hangup
  desk: [{ agent: desk, done: sorry, else: sorry }]
  sorry: [{ say: sorry }, hangup]
";

/// A call of somebody whose PIN is right, or not.
fn scene(right: bool) -> Scene {
    let text = FLOW.replace("facts:\n", "facts:\n  account: { type: digits, length: 4, known: [uui.account] }\n");
    let inbound = Inbound { uui: vec![("account".into(), Secret::new("4711"))], ..Inbound::default() };
    let mut scene = Scene::new(&text, inbound);
    let (lookup, request) = scene.lookups.pop().expect("it is asked");
    assert_eq!((request.endpoint.as_str(), request.path.open(), &request.body), ("pin", "4711", &None));
    let values = right.then(|| ("verified".to_owned(), Secret::new("true"))).into_iter().collect();
    let outcome = if right { Outcome::Ok } else { Outcome::Refused };
    scene.event(Event::LookedUp { lookup, outcome, values });
    scene.trace.clear();
    scene
}

/// Besides the words of `tests`: `ok`, `none` and `lost` are what becomes of the take, `done` and `undone` of the
/// announcement.
fn play(right: bool, script: &str) -> String {
    let mut scene = scene(right);
    scene.trace.push("ask+tone/beep".to_owned());
    for word in script.split_whitespace() {
        let taken = |outcome| Event::Taken { take: "take/1".to_owned(), outcome };
        match word {
            "ok" => scene.event(taken(Outcome::Ok)),
            "ok2" => scene.event(Event::Taken { take: "take/2".to_owned(), outcome: Outcome::Ok }),
            "none" => scene.event(taken(Outcome::None)),
            "lost" => scene.event(taken(Outcome::Failed)),
            "made" => scene.event(Event::Announced { announce: 1, done: true }),
            "unmade" => scene.event(Event::Announced { announce: 1, done: false }),
            word => scene.act(word),
        }
    }
    scene.trace.join(" ")
}

const TOLD: &str = "ask+tone/beep rec:take/1 end:take/1 heard.1+take/1 x message=take/1/spoken!";

#[test]
fn what_is_said_is_heard_back_and_then_announced() {
    let cases = [
        // A key ends it, and one behind it answers what comes next.
        (". k:# ok k:1 made . ", format!("{TOLD} !terms(take/1,storm) welcome END:SelfServed")),
        (
            ". k:#1 ok made",
            "ask+tone/beep rec:take/1 end:take/1 message=take/1/spoken! !terms(take/1,storm) welcome".into(),
        ),
        // Silence does, too.
        (". ok k:1", "ask+tone/beep rec:take/1 heard.1+take/1 x message=take/1/spoken! !terms(take/1,storm)".into()),
        // Once more is a try.
        (
            ". k:# ok k:2 . ok2",
            "ask+tone/beep rec:take/1 end:take/1 heard.1+take/1 x invalid+tone/beep rec:take/2 heard.1+take/2".into(),
        ),
        (". none . none", "ask+tone/beep rec:take/1 silent+tone/beep rec:take/2".into()),
        (". k:# ok k:1 unmade .", format!("{TOLD} !terms(take/1,storm) sorry END:Failed")),
        (". k:# ok k:1 +5000", format!("{TOLD} !terms(take/1,storm) sorry")),
        // Nobody said that it is right.
        (". ok . t . t", "ask+tone/beep rec:take/1 heard.1+take/1 heard.1+take/1 message=take/1/spoken sorry".into()),
    ];
    for (script, expected) in cases {
        assert_eq!(play(true, script), expected, "{script}");
    }
}

#[test]
fn a_key_in_the_prompt_brings_the_tone_and_the_escape_a_person() {
    let declined = "message!person @desk[]";
    let cases = [
        ("k:5 .", "ask+tone/beep x tone/beep rec:take/1".to_owned()),
        ("k:55 .", "ask+tone/beep x tone/beep rec:take/1".to_owned()),
        ("k:*", format!("ask+tone/beep x {declined}")),
        (". k:*", format!("ask+tone/beep rec:take/1 end:take/1 {declined}")),
        (". k:#*", format!("ask+tone/beep rec:take/1 end:take/1 {declined}")),
        (". lost", "ask+tone/beep rec:take/1 message!error sorry".to_owned()),
        // The recorder's word never comes.
        (". +30000", "ask+tone/beep rec:take/1 end:take/1 message!error sorry".to_owned()),
        (". k:# +10000", "ask+tone/beep rec:take/1 end:take/1 message!error sorry".to_owned()),
    ];
    for (script, expected) in cases {
        assert_eq!(play(true, script), expected, "{script}");
    }
}

#[test]
fn nobody_announces_who_is_not_verified() {
    assert_eq!(play(false, ". k:# ok k:1"), format!("{TOLD} sorry"));
}
