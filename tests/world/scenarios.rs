//! What has to hold of whole calls.

use crate::network::Weather;
use crate::{Plan, World};
use askonce::call::Program;
use askonce::config::Number;
use askonce::context::carrier::uui;
use askonce::engine::{Input, Output, Service, Setup};
use askonce::flow::Flow;
use askonce::peer::{Act, Answering, Happened};
use askonce::random::Random;
use askonce::record::Line;
use askonce::record::fixture::Step;
use askonce::record::seam::{Disposition, EndedBy, In, Leg, Out};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::sip::Request;
use askonce::time::Duration;
use askonce::yaml::{Span, Word};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const FAIR: Weather = Weather { loss: 0, duplication: 0 };
pub const ACCOUNT: &str = "79927398713";

pub fn flow() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml")
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn answers(script: &[Act]) -> Answering {
    Answering::Answer { after: ms(800), script: script.into() }
}

pub fn plan(seed: u64, answering: Answering) -> Plan {
    Plan { seed, weather: FAIR, answering, flow: flow(), store: true, ports: u32::MAX, tamper: |_| {} }
}

pub fn world(seed: u64, weather: Weather, answering: Answering) -> World {
    World::new(Plan { weather, ..plan(seed, answering) })
}

/// A caller who knows the flow: keys the account over the welcome, confirms it, and talks.
pub fn caller(account: &str) -> Vec<Act> {
    vec![
        Act::Wait(ms(300)),
        Act::Press(format!("{account}#")),
        Act::Hear("en/account_readback.1".to_owned()),
        Act::Wait(ms(400)),
        Act::Press("1".to_owned()),
        Act::HearVoice,
        Act::Stay,
    ]
}

/// The facts in the User-to-User of an INVITE.
pub fn uui(invite: &Request) -> BTreeMap<String, String> {
    let values: Vec<&str> = invite.headers.all("User-to-User").collect();
    let [value] = values.as_slice() else { panic!("{} User-to-User headers", values.len()) };
    let read = uui::read(value, None).expect("our own form").pairs;
    read.into_iter().map(|(name, value)| (name, value.open().to_owned())).collect()
}

/// Eight to twelve random digits that pass the Luhn check.
fn account(random: &mut Random) -> String {
    let length = 7 + random.below(5) as usize;
    let mut digits: Vec<u32> = (0..length).map(|_| random.below(10)).collect();
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, d)| if at % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { *d }).sum();
    digits.push((10 - sum % 10) % 10);
    digits.iter().map(u32::to_string).collect()
}

#[test]
fn the_account_reaches_the_agent_and_was_asked_for_once() {
    let mut world = world(1, FAIR, answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]));
    let talk = world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    assert_eq!(world.invites.len(), 1);
    let facts = uui(&world.invites[0]);
    assert_eq!(facts.get("account").map(String::as_str), Some(ACCOUNT));
    assert_eq!(facts["ref"].len(), 32);
    assert_eq!(world.invites[0].headers.get("X-Askonce-Context"), Some(facts["ref"].as_str()));
    assert_eq!(world.invites[0].headers.get("X-Account"), Some(ACCOUNT));
    let cdr = &world.cdrs[0];
    assert_eq!(cdr.disposition, Disposition::Agent);
    assert_eq!((cdr.keys, cdr.facts[0].tries, cdr.hops.len()), (13, 1, 1));
    let record = serde_json::to_string(cdr).expect("a record");
    assert!(!record.contains(ACCOUNT), "the record holds the account: {record}");
    let context = world.contexts.first().expect("a context");
    assert_eq!(context["facts"]["account"]["value"], ACCOUNT);
    assert_eq!(context["facts"]["account"]["from"], "keypad");
    assert_eq!(context["facts"]["account"]["confirmed"], true);
    let ended = world.happened[&talk].iter().any(|h| matches!(h, Happened::Ended { status: 0, through: true, .. }));
    assert!(ended, "{:?}", world.happened[&talk]);
}

#[test]
fn a_value_that_came_with_the_call_is_not_asked_for() {
    let headers = vec![("X-Account-Number".to_owned(), ACCOUNT.to_owned())];
    let mut world = world(2, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    let talk = world.call("+15551230001", headers, vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    assert_eq!(uui(&world.invites[0])["account"], ACCOUNT);
    let asked = |h: &Happened| matches!(h, Happened::Heard(clip) if clip.starts_with("en/account"));
    assert!(!world.happened[&talk].iter().any(asked), "{:?}", world.happened[&talk]);
    assert_eq!(world.contexts[0]["facts"]["account"]["from"], "header");
}

#[test]
fn when_nobody_is_there_the_flow_goes_on_with_the_caller() {
    for (answering, status) in [(Answering::Refuse(486), 486), (Answering::Refuse(603), 603), (Answering::Ring, 408)] {
        let mut world = world(3, FAIR, answering);
        let mut script = caller(ACCOUNT);
        script.truncate(5);
        script.extend([Act::Hear("en/call_later".to_owned()), Act::Stay]);
        let talk = world.call("+15551230001", Vec::new(), script);
        world.run(Duration::from_secs(120));
        let ended = world.happened[&talk]
            .iter()
            .any(|h| matches!(h, Happened::Ended { by_us: false, status: 0, through: true, .. }));
        assert!(ended, "{status}: {:?}", world.happened[&talk]);
        let cdr = &world.cdrs[0];
        assert_eq!((cdr.disposition, cdr.refusals[0].status), (Disposition::Failed, status));
    }
}

#[test]
fn a_store_that_says_nothing_does_not_keep_the_caller_from_a_person() {
    let answering = answers(&[Act::HearVoice, Act::HangUp]);
    let mut world = World::new(Plan { store: false, ..plan(4, answering) });
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    assert_eq!(world.cdrs[0].disposition, Disposition::Agent);
    assert_eq!(world.engine.counters().contexts_not_durable, 1);
}

#[test]
fn a_caller_who_hangs_up_takes_the_agent_s_phone_along() {
    for (until, expected) in
        [(Act::Hear("music/hold".to_owned()), Disposition::AbandonedQueue), (Act::HearVoice, Disposition::Agent)]
    {
        let mut world = world(5, FAIR, answers(&[Act::Stay]));
        let mut script = caller(ACCOUNT);
        script.truncate(5);
        script.extend([until, Act::HangUp]);
        world.call("+15551230001", Vec::new(), script);
        world.run(Duration::from_secs(120));
        let ended =
            world.agents_happened.iter().filter(|(_, h)| matches!(h, Happened::Ended { by_us: false, .. })).count();
        assert_eq!(ended, 1, "{expected:?}: {:?}", world.agents_happened);
        assert_eq!(world.cdrs[0].disposition, expected);
        assert_eq!(world.engine.calls(), 0);
    }
}

#[test]
fn keys_by_info_count_like_keys_by_rtp() {
    let mut world = world(6, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    let mut script = caller(ACCOUNT);
    script[1] = Act::Info(format!("{ACCOUNT}#"));
    world.captured = Some(Vec::new());
    world.call("+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    crate::rehearsed::again(&world, &flow());
    assert_eq!(uui(&world.invites[0])["account"], ACCOUNT);
}

#[test]
fn what_was_recorded_replays_to_the_byte() {
    let mut world = world(7, FAIR, answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]));
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    let fixture = &world.recordings[0];
    let text = fixture.write().expect("a recording");
    let read = askonce::record::Fixture::read(&text).expect("the same recording");
    assert_eq!(&read, fixture);
    let program = files::load(&Disk, &flow()).0.expect("the flow loads").program;
    let replayed = rerun::run(&read, program).expect("a playable recording");
    assert_eq!(replayed.comparison.first_difference, None);
    let invite = |lines: &[askonce::record::Line]| {
        lines.iter().find_map(|line| match &line.step {
            Step::Out(Out::Agent { invite, .. }) => Some(invite.clone()),
            _ => None,
        })
    };
    let sent = invite(&replayed.lines).expect("an INVITE");
    assert_eq!(Some(&sent), invite(&fixture.lines).as_ref());
    assert_eq!(sent.as_bytes(), world.invites[0].to_bytes(), "what was recorded is what was on the wire");
}

/// A thousand whole calls at 10 % loss and 5 % duplication, both ways, SIP and RTP alike.
fn thousand(seed: u64) -> (World, Vec<String>) {
    let weather = Weather { loss: 10, duplication: 5 };
    let mut world = world(seed, weather, answers(&[Act::HearVoice, Act::Wait(ms(300)), Act::HangUp]));
    let mut random = Random::from_seed(seed);
    let mut accounts = Vec::new();
    for _ in 0..1000 {
        let account = account(&mut random);
        world.call("+15551230001", Vec::new(), caller(&account));
        accounts.push(account);
        world.run(ms(30));
    }
    world.run(Duration::from_secs(200));
    (world, accounts)
}

#[test]
fn a_thousand_calls_in_bad_weather_all_complete_and_the_same_seed_gives_the_same_world() {
    let runs = [(); 2].map(|()| std::thread::spawn(|| thousand(42)));
    let [(first, accounts), (second, _)] = runs.map(|run| run.join().expect("a run"));
    assert_eq!(first.cdrs.len(), 1000);
    assert_eq!(first.engine.calls(), 0, "every call is over");
    let mut carried: Vec<String> = first.invites.iter().map(|invite| uui(invite)["account"].clone()).collect();
    let mut keyed = accounts;
    carried.sort();
    keyed.sort();
    assert_eq!(carried, keyed, "one agent INVITE a call, with the account that was keyed");
    for cdr in &first.cdrs {
        assert_eq!(cdr.disposition, Disposition::Agent, "{}", cdr.call);
        assert_eq!(cdr.facts[0].tries, 1, "{}: no key was lost or doubled", cdr.call);
    }
    let ended = |happened: &Vec<Happened>| {
        happened.iter().any(|h| matches!(h, Happened::Ended { status: 0, through: true, .. }))
    };
    assert!(first.happened.values().all(ended), "every caller heard the call out");
    assert_eq!(first.digest(), second.digest());
}

/// A second number whose flow is broken in a way that the loader cannot let happen: its agent step names a queue
/// that is not there.
fn with_a_broken_flow(setup: &mut Setup) {
    let service = setup.services.values().next().expect("a flow").clone();
    let mut flow = Flow::clone(&service.program.flow);
    flow.queues.clear();
    let program = Program { flow: Arc::new(flow), ..service.program };
    setup.services.insert("broken".to_owned(), Service { program, ..service });
    let word = |text: &str| Word { text: text.to_owned(), span: Span::default() };
    let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
    config.numbers.push(Number { number: word("666"), flow: Some(word("broken")), record: None, with: Vec::new() });
}

#[test]
fn a_broken_invariant_ends_its_call_and_no_other() {
    let answering = answers(&[Act::HearVoice, Act::HangUp]);
    let mut world = World::new(Plan { tamper: with_a_broken_flow, ..plan(8, answering) });
    let sound = world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    let broken = world.call_number("666", "+15551230002", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    assert_eq!(world.engine.counters().panics, 1);
    for talk in [sound, broken] {
        let hung_up = |h: &Happened| matches!(h, Happened::Ended { by_us: false, status: 0, .. });
        assert!(world.happened[&talk].iter().any(hung_up), "{:?}", world.happened[&talk]);
    }
    let mut dispositions: Vec<Disposition> = world.cdrs.iter().map(|cdr| cdr.disposition).collect();
    dispositions.sort();
    assert_eq!(dispositions, [Disposition::Agent, Disposition::Failed]);
    assert_eq!(world.invites.len(), 1);
    assert!(world.engine.idle());
}

#[test]
fn without_media_ports_a_call_is_refused_and_the_next_one_works() {
    let mut world = World::new(Plan { ports: 2, ..plan(9, Answering::Refuse(486)) });
    let first = world.call("+15551230001", Vec::new(), vec![Act::Wait(ms(500)), Act::HangUp]);
    world.run(ms(100));
    let second = world.call("+15551230002", Vec::new(), vec![Act::Stay]);
    world.run(Duration::from_secs(60));
    let third = world.call("+15551230003", Vec::new(), vec![Act::Wait(ms(500)), Act::HangUp]);
    world.run(Duration::from_secs(60));
    let statuses = [first, second, third].map(|talk| {
        let ended = world.happened[&talk].iter().find_map(|h| match h {
            Happened::Ended { status, .. } => Some(*status),
            _ => None,
        });
        ended.expect("an end")
    });
    assert_eq!(statuses, [0, 503, 0]);
    assert_eq!(world.engine.counters().no_ports, 1);
}

#[test]
fn a_call_from_elsewhere_and_a_call_to_nobody_are_refused() {
    let refuse_all = |setup: &mut Setup| {
        let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
        Arc::get_mut(&mut config.trunks[0]).expect("a trunk of its own").from =
            vec!["192.0.2.0/24".parse().expect("a network")];
    };
    let no_number = |setup: &mut Setup| {
        Arc::get_mut(&mut setup.config).expect("a configuration of its own").numbers.clear();
    };
    let no_room = |setup: &mut Setup| {
        Arc::get_mut(&mut setup.config).expect("a configuration of its own").limits.calls = 0;
    };
    for (tamper, expected) in [(refuse_all as fn(&mut Setup), 403), (no_number, 404), (no_room, 503)] {
        let mut world = World::new(Plan { tamper, ..plan(10, Answering::Refuse(486)) });
        let talk = world.call("+15551230001", Vec::new(), vec![Act::Stay]);
        world.run(Duration::from_secs(60));
        let refused = |h: &Happened| matches!(h, Happened::Ended { status, .. } if *status == expected);
        assert!(world.happened[&talk].iter().any(refused), "{expected}: {:?}", world.happened[&talk]);
        assert!(world.cdrs.is_empty() && world.engine.idle());
    }
}

#[test]
fn while_the_agent_holds_the_caller_hears_music() {
    let agent =
        [Act::HearVoice, Act::Wait(ms(300)), Act::Hold, Act::Wait(ms(1500)), Act::Resume, Act::HearVoice, Act::HangUp];
    let mut world = world(12, FAIR, answers(&agent));
    let mut script = caller(ACCOUNT);
    script.truncate(6);
    script.extend([Act::Hear("music/hold".to_owned()), Act::Stay]);
    let talk = world.call("+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    let music = |h: &&Happened| matches!(h, Happened::Heard(clip) if clip == "music/hold");
    assert_eq!(world.happened[&talk].iter().filter(music).count(), 2, "waiting, and on hold");
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, cdr.by), (Disposition::Agent, EndedBy::Agent));
}

#[test]
fn a_caller_whose_address_changes_is_answered_and_followed() {
    let mut world = world(13, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    let mut fixture = world.recordings.remove(0);
    let Step::In(In::Invite(arrival)) = &fixture.lines[0].step else { panic!("no INVITE") };
    let mut offer = arrival.offer.clone().expect("an offer");
    offer.address = "127.0.0.2:4444".parse().expect("an address");
    let reoffer = In::Reoffer { leg: Leg::Caller, offer: Some(offer.clone()) };
    let at = fixture.lines.iter().position(|line| line.t > 2_000_000).expect("a later line");
    fixture.lines.insert(at, Line { t: 2_000_000, step: Step::In(reoffer) });
    let program = files::load(&Disk, &flow()).0.expect("the flow loads").program;
    let replayed = rerun::run(&fixture, program).expect("a playable recording");
    let moved = replayed.lines.iter().find_map(|line| match &line.step {
        Step::Out(Out::Reanswer { leg: Leg::Caller, session: Some(session), .. }) => Some(session.remote),
        _ => None,
    });
    assert_eq!(moved, Some(offer.address));
}

/// An INVITE as a phone would send it, with the account in a header and its From as given.
fn invite_with(from: &str, more: &str) -> Vec<u8> {
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
    let head = format!(
        "INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKx\r\nFrom: \
         {from};tag=a\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: \
         <sip:127.0.0.2:5060>\r\n{more}X-Account-Number: {ACCOUNT}\r\nContent-Type: application/sdp\r\n"
    );
    format!("{head}Content-Length: {}\r\n\r\n{offer}", offer.len()).into_bytes()
}

#[test]
fn a_display_name_does_not_keep_a_caller_from_the_agent() {
    for display in ["\"A\tB\"", "\"A\u{7}B\"", "\"A\\\"B\"", "Ann"] {
        let world = injected(&invite_with(&format!("{display} <sip:+15551230001@127.0.0.2>"), ""));
        assert_eq!(world.invites.len(), 1, "{display:?}");
        assert_eq!(uui(&world.invites[0])["account"], ACCOUNT);
    }
}

#[test]
fn an_offer_among_other_parts_is_answered_like_one_that_is_alone() {
    let invite = String::from_utf8(invite_with("<sip:+15551230001@127.0.0.2>", "")).expect("text");
    let (head, offer) = invite.split_once("\r\n\r\n").expect("a body");
    let head = head.rsplit_once("Content-Type: ").expect("a type").0;
    let parts = |handling: &str| {
        let body = format!(
            "--b\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling={handling}\r\n\r\n\
             \u{1}\u{2}\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--b--\r\n"
        );
        format!("{head}Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let world = injected(parts("optional").as_bytes());
    assert_eq!((world.invites.len(), &*uui(&world.invites[0])["account"]), (1, ACCOUNT));
    let world = injected(parts("required").as_bytes());
    assert!(world.last_to_caller.starts_with(b"SIP/2.0 415 ") && world.invites.is_empty());
}

/// A world with that INVITE in it, 20 s later.
fn injected(invite: &[u8]) -> World {
    let mut world = world(14, FAIR, answers(&[Act::Stay]));
    world.inject(5060, 5060, invite);
    world.run(ms(100));
    // A packet of the caller's shows that its address is real.
    world.inject(9000, 10_000, &[&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0xff; 160]].concat());
    world.run(Duration::from_secs(20));
    world
}

#[test]
fn the_caller_s_number_is_found_where_carriers_put_it() {
    let plain = "<sip:+15551230001@127.0.0.2>";
    for (from, more) in [
        (plain, ""),
        ("<sip:+15551230001;cpc=ordinary@127.0.0.2>", ""),
        ("<sip:anonymous@x>", "P-Asserted-Identity: <sip:+15551230001@x>, <tel:+15551230001>\r\n"),
        ("<sip:+19@x>", "P-Asserted-Identity: \"A, B\" <tel:+15551230001>\r\n"),
    ] {
        let world = injected(&invite_with(from, more));
        assert_eq!(world.contexts[0]["caller"]["number"], "+15551230001", "{from} {more}");
    }
}

#[test]
fn a_call_that_is_routed_back_to_us_ends_when_its_hops_do() {
    let plain = "<sip:+15551230001@127.0.0.2>";
    for (hops, expected) in [("70", Some("69")), ("2", Some("1")), ("1", None), ("0", None)] {
        let world = injected(&invite_with(plain, &format!("Max-Forwards: {hops}\r\n")));
        let sent = world.invites.first().map(|invite| invite.headers.get("Max-Forwards").expect("one"));
        assert_eq!(sent, expected, "{hops}");
    }
}

#[test]
fn a_withheld_identity_stays_withheld() {
    let headers = [("Privacy", "id"), ("X-Account-Number", ACCOUNT)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut world = world(15, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    world.call("+15551230001", headers, vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(60));
    let invite = String::from_utf8(world.invites[0].to_bytes()).expect("text");
    assert!(!invite.contains("15551230001") && invite.contains("anonymous.invalid"), "{invite}");
    assert!(world.contexts[0]["caller"]["number"].is_null());
    // The network asserts who calls, for the flow; the agent's side is not told.
    let asserted = "Privacy: id\r\nP-Asserted-Identity: \"Ann\" <sip:+15551230001@x>\r\n";
    let world = injected(&invite_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>", asserted));
    let invite = String::from_utf8(world.invites[0].to_bytes()).expect("text");
    assert!(invite.contains("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>"), "{invite}");
    for told in [&invite, &world.contexts[0].to_string()] {
        assert!(!told.contains("15551230001") && !told.contains("Ann\""), "{told}");
    }
}

#[test]
fn a_call_to_no_number_at_all_is_incomplete_unless_any_number_is_answered() {
    let no_number = |setup: &mut Setup| {
        Arc::get_mut(&mut setup.config).expect("a configuration of its own").numbers.clear();
    };
    let invite = String::from_utf8(invite_with("<sip:1@127.0.0.2>", "")).expect("text");
    let invite = invite.replacen("sip:1@127.0.0.1", "sip:127.0.0.1", 1);
    for (tamper, incomplete) in [(no_number as fn(&mut Setup), true), (|_| {}, false)] {
        let mut world = World::new(Plan { tamper, ..plan(20, Answering::Refuse(486)) });
        let source = SocketAddr::from(([127, 0, 0, 2], 5060));
        world
            .engine
            .handle(world.now, Input::Message { from: askonce::sip::Hop::udp(source), bytes: invite.as_bytes() });
        let refused = |output| matches!(output, Output::Send { bytes, .. } if bytes.starts_with(b"SIP/2.0 484 "));
        let refusals = std::iter::from_fn(|| world.engine.poll()).map(refused).filter(|refused| *refused);
        assert_eq!(refusals.count(), usize::from(incomplete));
        assert_eq!(world.engine.counters().unknown_number, u64::from(incomplete));
    }
}

#[test]
fn a_re_invite_without_an_offer_takes_its_answer_from_the_ack() {
    let mut world = world(16, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    let mut fixture = world.recordings.remove(0);
    let Step::In(In::Invite(arrival)) = &fixture.lines[0].step else { panic!("no INVITE") };
    let mut answer = arrival.offer.clone().expect("an offer");
    answer.address = "127.0.0.2:4444".parse().expect("an address");
    let inputs = [
        In::Reoffer { leg: Leg::Caller, offer: None },
        In::LateAnswer { leg: Leg::Caller, answer: Some(answer.clone()) },
    ];
    let at = fixture.lines.iter().position(|line| line.t > 2_000_000).expect("a later line");
    fixture.lines.splice(at..at, inputs.map(|input| Line { t: 2_000_000, step: Step::In(input) }));
    let program = files::load(&Disk, &flow()).0.expect("the flow loads").program;
    let replayed = rerun::run(&fixture, program).expect("a playable recording");
    let moved = replayed.lines.iter().find_map(|line| match &line.step {
        Step::Out(Out::Retarget { leg: Leg::Caller, session }) => Some(session.remote),
        _ => None,
    });
    assert_eq!(moved, Some(answer.address));
}

#[test]
fn a_service_that_ends_waits_for_its_byes_and_can_be_hurried() {
    let mut world = world(17, FAIR, answers(&[Act::Stay]));
    let talk = world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(15));
    world.tell(Input::Drain);
    let late = world.call("+15551230002", Vec::new(), vec![Act::Stay]);
    world.run(Duration::from_secs(2));
    let status = |happened: &[Happened]| {
        happened.iter().find_map(|h| match h {
            Happened::Ended { status, .. } => Some(*status),
            _ => None,
        })
    };
    assert_eq!(status(&world.happened[&late]), Some(503), "no new calls");
    assert_eq!(status(&world.happened[&talk]), None, "those that stand go on");
    world.weather(Weather { loss: 100, duplication: 0 });
    world.tell(Input::Stop);
    world.run(Duration::from_secs(2));
    assert_eq!(world.engine.calls(), 0);
    assert!(!world.engine.idle(), "the BYEs wait for an answer");
    world.weather(FAIR);
    world.run(Duration::from_secs(5));
    assert!(world.engine.idle());
    assert_eq!(status(&world.happened[&talk]), Some(0));
    assert_eq!(world.cdrs[0].disposition, Disposition::Failed);
}

#[test]
fn agents_who_drop_the_caller_again_and_again_come_to_an_end() {
    let text = std::fs::read_to_string(flow()).expect("the flow");
    let again = text.replace("      else: sorry", "      done: start\n      else: sorry");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("again.yaml"), again).expect("a flow");
    std::os::unix::fs::symlink(flow().with_file_name("prompts"), folder.path().join("prompts")).expect("a link");
    let mut world = World::new(Plan { flow: folder.path().join("again.yaml"), ..plan(18, answers(&[Act::HangUp])) });
    let headers = vec![("X-Account-Number".to_owned(), ACCOUNT.to_owned())];
    world.call("+15551230001", headers, vec![Act::Stay]);
    world.run(Duration::from_secs(3600));
    assert_eq!((world.cdrs.len(), world.cdrs[0].hops.len()), (1, 32));
}

#[test]
fn tries_run_out_and_the_agent_is_told_that_they_did() {
    let mut world = world(11, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    let script = vec![
        Act::Hear("en/account_ask".to_owned()),
        Act::Press("12345678#".to_owned()),
        Act::Hear("en/account_invalid".to_owned()),
        Act::Press("99#".to_owned()),
        Act::Hear("en/account_last".to_owned()),
        Act::HearVoice,
        Act::Stay,
    ];
    world.call("+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    let account = &world.contexts[0]["facts"]["account"];
    assert_eq!((account["state"].as_str(), account["why"].as_str()), (Some("declined"), Some("tries")));
    assert!(!uui(&world.invites[0]).contains_key("account"));
    let fact = &world.cdrs[0].facts[0];
    assert_eq!((fact.tries, fact.invalids, fact.silences), (3, 2, 1));
}

#[test]
fn another_seed_gives_another_world() {
    let digest = |seed| {
        let mut world = world(seed, FAIR, Answering::Refuse(486));
        world.call("+15551230001", Vec::new(), vec![Act::Wait(ms(500)), Act::HangUp]);
        world.run(Duration::from_secs(60));
        world.digest()
    };
    assert_ne!(digest(1), digest(2));
}

/// A refused call leaves nothing behind: not even its place among those that nobody has ACKed.
#[test]
fn calls_without_a_common_codec_cost_nothing_for_good() {
    let mut world = world(31, FAIR, Answering::Refuse(486));
    let source = SocketAddr::from(([127, 0, 0, 2], 5060));
    for number in 0..400 {
        let invite = invite_with("<sip:1@127.0.0.2>", "");
        let text = String::from_utf8(invite).expect("text").replace("RTP/AVP 0", "RTP/AVP 18");
        let text =
            text.replace("z9hG4bK", &format!("z9hG4bK{number}x")).replace("Call-ID: ", &format!("Call-ID: {number}"));
        let from = askonce::sip::Hop::udp(source);
        world.tell(Input::Message { from, bytes: text.as_bytes() });
        world.run(Duration::from_millis(100));
    }
    assert!(world.engine.counters().no_common_codec >= 400, "{:?}", world.engine.counters());
    assert_eq!(world.engine.half_open(), 0);
}
