//! What a whole call does with the systems of the business, in a line of ours, and after its caller hung up.

use crate::scenarios::{answers, flow, ms, plan};
use crate::simulation::AGENTS;
use crate::{Plan, World};
use askonce::audio::arena::HOLD;
use askonce::call::cdr::Cdr;
use askonce::context::Outcome;
use askonce::context::carrier::uui;
use askonce::engine::Setup;
use askonce::peer::{Act, Happened};
use askonce::record::Fixture;
use askonce::record::fixture::{Line, Step};
use askonce::record::seam::{Disposition, Out};
use askonce::rerun;
use askonce::secret::Secret;
use askonce::server::files::{self, Disk, Files};
use askonce::sip::Uri;
use askonce::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    - if: filled(account)
      then: tell
  tell:
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

const SENDS_ON: Desk = Desk(
    "askonce: 1
flow: account-desk
always: { error: sorry }
facts:
  account: { type: digits, length: 8-12, class: pii, known: [uui.account] }
queues: { support: { to: support }, second: { to: tier2 } }
blocks:
  start:
    - agent: support
      needs: [account]
      escalate: second
  second:
    - agent: second
      needs: [account]
  sorry: [{ say: call_later }, hangup]
",
);

fn world(tamper: fn(&mut Setup), agent: &[Act]) -> World {
    let mut world = World::new(Plan { tamper, ..plan(7, answers(agent)) });
    world.captured = Some(Vec::new());
    world
}

fn looks_up(setup: &mut Setup) {
    serves(setup, &LOOKS_UP);
}

fn holds(setup: &mut Setup) {
    serves(setup, &HOLDS);
}

fn sends_on(setup: &mut Setup) {
    serves(setup, &SENDS_ON);
    let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
    let mut tier2 = config.destinations[0].clone();
    tier2.name.text = "tier2".to_owned();
    tier2.to = vec![Uri::read(&format!("sip:tier2@{AGENTS}:5060")).expect("a URI")];
    config.destinations.push(tier2);
}

/// The agent may call tier 2 itself, and has no block to escalate to.
fn sends_on_alone(setup: &mut Setup) {
    sends_on(setup);
    let alone = SENDS_ON.0.replace("      escalate: second\n", "      done: second\n");
    let held = "support: { to: support, at_once: 1, size: 1, longest: 1m }";
    let alone = alone.replace("support: { to: support }", held);
    serves(setup, &Desk(alone.leak()));
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
        let service = files::load(desk, &flow()).0.expect("the flow loads");
        if world.recordings.len() == 1 {
            crate::rehearsed::again_on(world, &service);
        }
        let program = service.program;
        let read = Fixture::read(&text).expect("the same recording");
        assert_eq!(rerun::run(&read, program).expect("a playable recording").comparison.first_difference, None);
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

/// The caller's chat knew the account.
fn with_account() -> Vec<(String, String)> {
    let text: String = b"account=79927398713".iter().map(|byte| format!("{byte:02x}")).collect();
    vec![("User-to-User".to_owned(), format!("04{text};encoding=hex"))]
}

/// Whom we called, and the account that went along.
fn handed(world: &World) -> Vec<(String, Option<String>)> {
    let account = |request: &askonce::sip::Request| {
        let pairs = uui::read(request.headers.get("User-to-User")?, None).ok()?.pairs;
        pairs.iter().find(|(name, _)| name == "account").map(|(_, value)| value.open().to_owned())
    };
    let user = |request: &askonce::sip::Request| request.uri.user().unwrap_or("").to_owned();
    world.invites.iter().map(|request| (user(request), account(request))).collect()
}

fn answers_to_refer(world: &World) -> Vec<u16> {
    let status = |(_, happened): &(u32, Happened)| match happened {
        Happened::Referred(status) => Some(*status),
        _ => None,
    };
    world.agents_happened.iter().filter_map(status).collect()
}

#[test]
fn an_agent_sends_the_caller_on_to_where_the_flow_escalates_with_the_same_context() {
    let nobody = "<sip:nobody@192.0.2.9>".to_owned();
    let mut world = world(sends_on, &[Act::HearVoice, Act::SendOn(nobody), Act::Wait(ms(1_000)), Act::HangUp]);
    world.call("+15551230001", with_account(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(30));
    let account = Some("79927398713".to_owned());
    assert_eq!(handed(&world), [("agent".to_owned(), account.clone()), ("tier2".to_owned(), account)]);
    // There is nowhere to escalate to from there, and nobody of that name is configured.
    assert_eq!(answers_to_refer(&world).last(), Some(&403));
    let hops: Vec<&str> = world.cdrs[0].hops.iter().map(|hop| hop.to.as_str()).collect();
    assert_eq!((hops, world.cdrs[0].disposition), (vec!["support", "tier2"], Disposition::Agent));
    replays(&world, &SENDS_ON);
}

/// What was sent to the agents' side, by the recording: phones of ours take no other call's place.
fn sent(world: &World) -> Vec<String> {
    let invite = |line: &Line| match &line.step {
        Step::Out(Out::Agent { invite, .. }) => Some(invite.clone()),
        _ => None,
    };
    world.recordings[0].lines.iter().filter_map(invite).collect()
}

#[test]
fn an_agent_sends_the_caller_on_to_a_target_of_the_configuration_and_to_no_other() {
    let cases = [("", true, false), ("?Replaces=c1%3Bto-tag%3Da%3Bfrom-tag%3Db", true, true), (";x=1", false, false)];
    for (more, taken, replaces) in cases {
        let host = if taken { AGENTS.to_string() } else { "192.0.2.9".to_owned() };
        let to = format!("<sip:tier2@{host}:5060{more}>");
        let mut world = world(sends_on_alone, &[Act::HearVoice, Act::SendOn(to), Act::Stay]);
        world.call("+15551230001", with_account(), vec![Act::HearVoice, Act::Wait(ms(1_500)), Act::HangUp]);
        world.run(Duration::from_secs(30));
        let sent = sent(&world);
        assert_eq!(sent.len() > 1, taken, "{more}");
        assert!(handed(&world).iter().all(|(_, account)| account.as_deref() == Some("79927398713")));
        if taken {
            // It waited for that person alone, and not since it came into the line.
            let waited: Vec<u64> = world.cdrs[0].hops.iter().map(|hop| hop.waited_ms).collect();
            assert!(waited[1] < 1_200, "{waited:?}");
            assert!(sent[1].starts_with(&format!("INVITE sip:tier2@{AGENTS}:5060 SIP/2.0")), "{}", sent[1]);
            assert_eq!(sent[1].contains("Replaces: c1;to-tag=a;from-tag=b\r\n"), replaces);
        } else {
            assert_eq!((answers_to_refer(&world), world.cdrs[0].disposition), (vec![403], Disposition::Agent));
        }
    }
}
