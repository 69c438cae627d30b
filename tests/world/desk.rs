//! What a whole call does with the systems of the business, in a line of ours, and after its caller hung up.

use crate::scenarios::{answers, flow, ms, plan};
use crate::{Plan, World};
use askonce::audio::arena::HOLD;
use askonce::call::cdr::Cdr;
use askonce::context::Outcome;
use askonce::engine::Setup;
use askonce::peer::{Act, Happened};
use askonce::record::Fixture;
use askonce::record::seam::Disposition;
use askonce::replay;
use askonce::secret::Secret;
use askonce::server::files::{self, Disk, Files};
use askonce::time::Duration;
use std::path::{Path, PathBuf};

/// The account desk with another text: the same prompts, and these facts and blocks.
struct Desk(&'static str);

impl Files for Desk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path.file_name() == flow().file_name() { Ok(self.0.as_bytes().to_vec()) } else { Disk.read(path) }
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        Disk.below(folder)
    }
}

const LOOKS_UP: Desk = Desk(
    "askonce: 1
flow: account-desk
always: { error: sorry, hangup: note }
facts:
  account: { type: digits, length: 8-12, check: luhn, class: pii, known: [crm], ask: [account_ask], confirm: account_readback }
lookups:
  crm: { get: \"crm:/phone/{caller.number}\", timeout: 4s, fills: [account] }
  note: { post: \"crm:/left\", send: [account], timeout: 2s, idempotent: true }
queues: { support: { to: support } }
blocks:
  start:
    - say: welcome
    - lookup: crm
      else: continue
    - collect: account
    - agent: support
      needs: [account]
  note:
    - lookup: note
      else: continue
  sorry: [{ say: call_later }, hangup]
",
);

const HOLDS: Desk = Desk(
    "askonce: 1
flow: account-desk
waiting: { hold: { every: 20s, say: connecting } }
queues: { support: { to: support, at_once: 1, size: 1, longest: 2m, waiting: hold } }
blocks:
  start:
    - agent: support
      full: sorry
      waited: sorry
      else: sorry
  sorry: [{ say: call_later }, hangup]
",
);

fn world(tamper: fn(&mut Setup), agent: &[Act]) -> World {
    World::new(Plan { tamper, ..plan(7, answers(agent)) })
}

fn looks_up(setup: &mut Setup) {
    serves(setup, &LOOKS_UP);
}

fn holds(setup: &mut Setup) {
    serves(setup, &HOLDS);
}

fn serves(setup: &mut Setup, desk: &Desk) {
    let (service, findings) = files::load(desk, &flow());
    let service = service.unwrap_or_else(|| panic!("{}", findings.render()));
    setup.services.insert("account-desk".to_owned(), service);
}

/// Every recording runs again as it was.
fn replays(world: &World, desk: &Desk) {
    for recording in &world.recordings {
        let text = recording.write().expect("a recording");
        let program = files::load(desk, &flow()).0.expect("the flow loads").program;
        let read = Fixture::read(&text).expect("the same recording");
        assert_eq!(replay::run(&read, program).expect("a playable recording").comparison.first_difference, None);
    }
}

fn heard(world: &World, talk: u32) -> Vec<&str> {
    let heard = world.happened[&talk].iter().filter_map(|happened| match happened {
        Happened::Heard(clip) => Some(clip.as_str()),
        _ => None,
    });
    let mut names: Vec<&str> = heard.collect();
    names.dedup();
    names
}

fn dispositions(world: &World) -> Vec<Disposition> {
    let mut all: Vec<_> = world.cdrs.iter().map(|Cdr { disposition, .. }| *disposition).collect();
    all.sort_unstable();
    all
}

#[test]
fn a_slow_lookup_is_waited_for_with_music_and_its_answer_spares_the_question() {
    let mut world = world(looks_up, &[Act::HearVoice, Act::HangUp]);
    let values = vec![("account".to_owned(), Secret::new("79927398713"))];
    world.answers.insert("/phone/%2B15551230001".to_owned(), (ms(3_000), Outcome::Ok, values));
    let talk = world.call("+15551230001", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(60));
    assert_eq!(heard(&world, talk)[..2], ["en/welcome", HOLD]);
    assert_eq!(dispositions(&world), [Disposition::Agent]);
    assert_eq!(world.contexts[0]["facts"]["account"]["from"], "lookup:crm");
    assert_eq!(world.contexts[0]["facts"]["account"]["value"], "79927398713");
    assert!(world.asked[0].body.is_none() && world.asked[0].key.is_none());
    replays(&world, &LOOKS_UP);
}

#[test]
fn what_is_left_to_do_is_done_when_the_caller_is_gone() {
    let mut world = world(looks_up, &[Act::Stay]);
    let values = vec![("account".to_owned(), Secret::new("79927398713"))];
    world.answers.insert("/phone/%2B15551230001".to_owned(), (ms(10), Outcome::Ok, values));
    world.answers.insert("/left".to_owned(), (ms(500), Outcome::Ok, Vec::new()));
    world.call("+15551230001", Vec::new(), vec![Act::HearVoice, Act::HangUp]);
    world.run(Duration::from_secs(60));
    let [_, left] = world.asked.as_slice() else { panic!("two lookups") };
    assert_eq!(left.body.as_ref().expect("a body").open(), r#"{"account":"79927398713"}"#);
    assert_eq!(left.key.as_deref(), Some("call-0-2"));
    assert_eq!(dispositions(&world), [Disposition::Agent]);
    replays(&world, &LOOKS_UP);
}

#[test]
fn a_line_of_ours_gives_one_caller_after_the_other_to_the_agent() {
    let mut world = world(holds, &[Act::HearVoice, Act::Wait(Duration::from_secs(30)), Act::HangUp]);
    let first = world.call("+15551230001", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(2));
    let second = world.call("+15551230002", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(2));
    // There is room for one who waits.
    let third = world.call("+15551230003", Vec::new(), vec![Act::Hear("en/call_later".to_owned()), Act::Stay]);
    world.run(Duration::from_secs(300));
    assert_eq!(heard(&world, first), [HOLD]);
    assert_eq!(heard(&world, second), [HOLD, "en/connecting", HOLD]);
    assert_eq!(heard(&world, third), ["en/call_later"]);
    assert_eq!(dispositions(&world), [Disposition::Agent, Disposition::Agent, Disposition::Failed]);
    let waited: Vec<u64> = world.cdrs.iter().flat_map(|cdr| &cdr.hops).map(|hop| hop.waited_ms).collect();
    assert!(waited.iter().any(|ms| *ms > 25_000), "the second one waited for the first: {waited:?}");
    assert_eq!(world.engine.counters().lines_full, 1);
    replays(&world, &HOLDS);
}

#[test]
fn who_gives_up_in_a_line_makes_room() {
    let mut world = world(holds, &[Act::HearVoice, Act::Wait(Duration::from_secs(40)), Act::HangUp]);
    world.call("+15551230001", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(2));
    world.call("+15551230002", Vec::new(), vec![Act::Wait(Duration::from_secs(5)), Act::HangUp]);
    world.run(Duration::from_secs(8));
    world.call("+15551230003", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(300));
    assert_eq!(dispositions(&world), [Disposition::Agent, Disposition::Agent, Disposition::AbandonedQueue]);
    replays(&world, &HOLDS);
}
