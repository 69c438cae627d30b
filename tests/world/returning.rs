//! Calls that come back with our reference, and what trunks write in User-to-User.

use crate::scenarios::{ACCOUNT, answers, caller, flow, plan, uui};
use crate::{Plan, World};
use askonce::context::{Earlier, Source};
use askonce::engine::Setup;
use askonce::peer::{Act, Happened, TalkId};
use askonce::rerun;
use askonce::secret::Secret;
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use std::sync::Arc;

fn world(tamper: fn(&mut Setup)) -> World {
    World::new(Plan { tamper, ..plan(61, answers(&[Act::HearVoice, Act::HangUp])) })
}

/// A first call that keyed the account in; the reference that its agent was given.
fn first(world: &mut World) -> String {
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(60));
    uui(&world.invites[0])["ref"].clone()
}

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// A second call with that header.
fn second(world: &mut World, name: &str, value: String) -> TalkId {
    let talk = world.call("+15551230009", vec![(name.to_owned(), value)], vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    talk
}

fn asked(world: &World, talk: TalkId) -> bool {
    world.happened[&talk].iter().any(|h| matches!(h, Happened::Heard(clip) if clip.starts_with("en/account")))
}

#[test]
fn a_call_with_our_reference_is_not_asked_again_and_keeps_its_case() {
    type Form = fn(&str) -> String;
    let forms: [(&str, Form); 3] = [
        ("X-Askonce-Context", str::to_owned),
        ("User-to-User", |reference| format!("04{};encoding=hex", hex(&format!("ref={reference}")))),
        ("User-to-User", |reference| format!("{};pd=04;encoding=hex", hex(&format!("ref={reference};other=1")))),
    ];
    for (name, form) in forms {
        let mut world = world(|_| {});
        let reference = first(&mut world);
        let talk = second(&mut world, name, form(&reference));
        assert!(!asked(&world, talk), "{name}: {:?}", world.happened[&talk]);
        let facts = uui(&world.invites[1]);
        assert_eq!(facts["account"], ACCOUNT);
        assert_ne!(facts["ref"], reference, "each hop has a reference of its own");
        let (one, two) = (&world.cdrs[0], &world.cdrs[1]);
        assert_eq!(two.case, one.case);
        assert_ne!(two.call, one.call);
        let context = world.contexts.last().expect("a context");
        assert_eq!((&context["case"], &context["call"]), (&one.case.clone().into(), &two.call.clone().into()));
        // With its provenance, and as old as it is.
        let account = |context: &serde_json::Value| context["facts"]["account"].clone();
        let (before, after) = (account(&world.contexts[0]), account(context));
        for key in ["value", "from", "confirmed", "at"] {
            assert_eq!(before[key], after[key], "{key}");
        }
        assert_eq!(world.kept[&facts["ref"]].0, one.case, "the store files it there too");
        assert_eq!(world.engine.counters().cases_resumed, 1);
        for recording in &world.recordings {
            let text = recording.write().expect("a recording");
            let read = askonce::record::Fixture::read(&text).expect("the same recording");
            let program = files::load(&Disk, &crate::scenarios::flow()).0.expect("the flow loads").program;
            let replayed = rerun::run(&read, program).expect("a playable recording");
            assert_eq!(replayed.comparison.first_difference, None);
        }
    }
}

#[test]
fn a_reference_that_leads_nowhere_or_comes_from_a_stranger_is_a_call_like_any_other() {
    let mut trusting = world(|_| {});
    let reference = first(&mut trusting);
    let unknown: String = reference.chars().rev().collect();
    let talk = second(&mut trusting, "X-Askonce-Context", unknown);
    assert!(asked(&trusting, talk));
    let talk = second(&mut trusting, "X-Askonce-Context", "../../etc/passwd".to_owned());
    assert!(asked(&trusting, talk));
    assert_eq!(trusting.engine.counters().cases_resumed, 0);

    let mut strict = world(|setup| {
        let trunk = Arc::make_mut(&mut Arc::make_mut(&mut setup.config).trunks[0]);
        (trunk.trust_uui, trunk.trust_headers) = (false, false);
    });
    let reference = first(&mut strict);
    let talk = second(&mut strict, "X-Askonce-Context", reference);
    assert!(asked(&strict, talk));
}

#[test]
fn a_store_that_does_not_answer_delays_a_returning_call_by_a_quarter_of_a_second() {
    let mut world = World::new(Plan { store: false, ..plan(62, answers(&[Act::HearVoice, Act::HangUp])) });
    let begun = world.now;
    world.call("+15551230009", vec![("X-Askonce-Context".to_owned(), "9f".repeat(16))], caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    assert_eq!(world.engine.counters().recalls_late, 1);
    let waited = world.cdrs[0].start.as_millisecond() - 1_796_120_100_000 - (begun.as_micros() / 1_000) as i64;
    assert!((250..300).contains(&waited), "{waited}");
    assert_eq!(uui(&world.invites[0])["account"], ACCOUNT, "and is a call like any other");
}

#[test]
fn a_caller_who_gives_up_meanwhile_leaves_nothing_behind() {
    let mut world = World::new(Plan { store: false, ..plan(63, answers(&[Act::Stay])) });
    let header = vec![("X-Askonce-Context".to_owned(), "9f".repeat(16))];
    world.call("+15551230009", header, vec![Act::HangUp]);
    world.run(Duration::from_secs(120));
    assert_eq!(world.engine.calls(), 0);
}

/// The account desk with another `known:`, in a folder that has to stay.
fn knowing(known: &str) -> (tempfile::TempDir, World) {
    let text = std::fs::read_to_string(flow()).expect("the flow");
    let text = text.replace("[uui.account, header.X-Account-Number]", known);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("desk.yaml"), text).expect("a flow");
    std::os::unix::fs::symlink(flow().with_file_name("prompts"), folder.path().join("prompts")).expect("a link");
    let path = folder.path().join("desk.yaml");
    let world = World::new(Plan { flow: path, ..plan(64, answers(&[Act::HearVoice, Act::HangUp])) });
    (folder, world)
}

#[test]
fn what_another_channel_posted_is_not_asked_for() {
    let (_folder, mut world) = knowing("[web.account]");
    let at = "2026-12-01T10:14:00Z".parse().expect("a time");
    let (name, value) = ("account".to_owned(), Secret::new(ACCOUNT));
    let posted = Earlier { name, value, from: Source::Web, confirmed: false, at };
    world.posted.insert("+15551230009".to_owned(), vec![posted]);
    let talk = world.call("+15551230009", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    assert!(!asked(&world, talk));
    assert_eq!(world.contexts[0]["facts"]["account"]["from"], "web");
    let talk = world.call("+15551230001", Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    assert!(asked(&world, talk), "that was for another caller");
}

#[test]
fn a_caller_who_was_cut_off_goes_on_where_it_was_and_one_who_was_served_does_not() {
    let (folder, mut world) = knowing("[last_call]");
    let from = "+15551230009";
    let mut script = caller(ACCOUNT);
    script.truncate(5);
    // The account is given and confirmed; then the line breaks.
    script.extend([Act::Hear("en/connecting".to_owned()), Act::HangUp]);
    world.call(from, Vec::new(), script);
    world.run(Duration::from_secs(120));
    assert!(world.invites.is_empty() && world.left[from].len() == 1);
    let talk = world.call(from, Vec::new(), vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    assert!(!asked(&world, talk), "{:?}", world.happened[&talk]);
    assert_eq!(uui(&world.invites[0])["account"], ACCOUNT);
    // It talked to somebody: what it said is not for the next call.
    assert!(world.left[from].is_empty());
    for recording in &world.recordings {
        let program = files::load(&Disk, &folder.path().join("desk.yaml")).0.expect("the flow loads").program;
        let replayed = rerun::run(recording, program).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None);
    }
}

#[test]
fn of_several_user_to_user_the_first_that_can_be_read_counts() {
    let mut world = world(|_| {});
    let header = |value: &str| ("User-to-User".to_owned(), value.to_owned());
    let good = format!("{};encoding=hex", hex(&format!("account={ACCOUNT}")));
    let headers = vec![header("zz;encoding=hex"), header(&good), header(&format!("04{}", hex("account=18")))];
    let talk = world.call("+15551230009", headers, vec![Act::HearVoice, Act::Stay]);
    world.run(Duration::from_secs(120));
    assert!(!asked(&world, talk));
    assert_eq!(uui(&world.invites[0])["account"], ACCOUNT);
    let counters = world.engine.counters();
    assert_eq!((counters.uui_raw, counters.uui_isdn, counters.uui_ignored), (1, 0, 2));
}

#[test]
fn a_bare_value_is_what_its_trunk_says_and_nothing_without_a_word() {
    for named in [true, false] {
        let mut world = match named {
            true => world(|setup| {
                let trunk = Arc::make_mut(&mut Arc::make_mut(&mut setup.config).trunks[0]);
                trunk.uui_bare = Some("account".to_owned());
            }),
            false => world(|_| {}),
        };
        let talk = second(&mut world, "User-to-User", format!("04{};encoding=hex", hex(ACCOUNT)));
        assert_eq!(asked(&world, talk), !named);
        assert_eq!(world.engine.counters().uui_ignored, u64::from(!named));
    }
}
