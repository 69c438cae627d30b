//! Waiting in a line of ours: what is heard, the ways out, and who makes room. `+desk` is the way in, `leave` the way out.

use super::tests::Scene;
use super::*;

const FLOW: &str = "askonce: 1
flow: t
always: { error: sorry }
hours: { never: { zone: UTC } }
waiting:
  hold: { music: jazz, every: 45s, say: terms, instead: { after: 90s, key: 1, say: menu, to: rather } }
queues:
  desk: { to: support, at_once: 1, size: 5, longest: 3m, waiting: hold }
  shut: { to: support, hours: never }
blocks:
  start:
    - agent: desk
      full: fully
      waited: patient
      done: after
      else: sorry
  after: [{ agent: shut, closed: patient, else: sorry }]
  rather: [{ say: rate }, hangup]
  fully: [{ say: last }, hangup]
  patient: [{ say: silent }, hangup]
  sorry: [{ say: sorry }, hangup]
";

fn scene() -> Scene {
    Scene::new(FLOW, Inbound::default())
}

fn line(scene: &mut Scene, word: LineWord) {
    scene.event(Event::Line(word));
}

const SECOND: LineWord = LineWord::Place { position: 2, wait: None };

#[test]
fn a_turn_that_comes_at_once_is_a_call_at_once() {
    let mut scene = scene();
    line(&mut scene, LineWord::Turn);
    assert_eq!(scene.trace.join(" "), "+desk @desk[]");
    scene.event(Event::Agent(AgentEnd::Done));
    assert_eq!(scene.trace.join(" "), "+desk @desk[] leave silent");
}

#[test]
fn music_announcements_and_an_offer_until_its_turn() {
    let mut scene = scene();
    line(&mut scene, SECOND);
    scene.pass(Duration::from_secs(46));
    assert_eq!(scene.trace.join(" "), "+desk music/jazz x terms");
    // The offer's key means nothing before the offer.
    scene.act("k:1");
    scene.act(".");
    scene.pass(Duration::from_secs(45));
    assert_eq!(scene.trace.join(" "), "+desk music/jazz x terms music/jazz x menu");
    scene.act(".");
    line(&mut scene, LineWord::Turn);
    assert_eq!(scene.trace.join(" "), "+desk music/jazz x terms music/jazz x menu music/jazz x @desk[]");
    scene.event(Event::Agent(AgentEnd::Failed));
    assert_eq!(scene.trace[9..].join(" "), "@desk[] leave sorry");
}

#[test]
fn whoever_would_rather_goes_elsewhere_and_makes_room() {
    let mut scene = scene();
    line(&mut scene, SECOND);
    scene.pass(Duration::from_secs(91));
    scene.act("k:2");
    scene.act("k:1");
    assert_eq!(scene.trace.join(" "), "+desk music/jazz x terms x menu x leave rate");
}

#[test]
fn nobody_waits_longer_than_the_longest() {
    let mut scene = scene();
    line(&mut scene, SECOND);
    scene.pass(Duration::from_secs(181));
    assert_eq!(scene.trace.last().map(String::as_str), Some("silent"));
    assert_eq!(scene.trace.iter().filter(|word| *word == "leave").count(), 1);
}

#[test]
fn a_full_line_has_its_exit() {
    let mut scene = scene();
    line(&mut scene, LineWord::Full);
    assert_eq!(scene.trace.join(" "), "+desk last");
}

#[test]
fn a_caller_who_hangs_up_makes_room() {
    let mut scene = scene();
    line(&mut scene, SECOND);
    scene.event(Event::Gone);
    assert_eq!(scene.trace.join(" "), "+desk music/jazz leave END:SelfServed");
}
