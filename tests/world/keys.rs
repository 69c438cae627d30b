//! Keys of whole calls: whatever brings them and whenever they come, each counts once.

use crate::World;
use crate::scenarios::{ACCOUNT, FAIR, answers, caller, ms, uui, world};
use askonce::engine::Input;
use askonce::key::Key;
use askonce::media::{Event, StreamId};
use askonce::peer::Act;
use askonce::record::fixture::Step;
use askonce::record::seam::{In, KeyCarrier};
use askonce::time::Duration;
use askonce::{rerun, server::files};

/// The account as the agent got it, and how many keys the flow took.
fn outcome(world: &World) -> (String, u32) {
    (uui(&world.invites[0])["account"].clone(), world.cdrs[0].keys)
}

#[test]
fn case_22_events_tones_and_info_of_each_press_are_one_key() {
    let mut world = world(22, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    let mut script = caller(ACCOUNT);
    script[1] = Act::Info(format!("{ACCOUNT}#"));
    world.call("+15551230001", Vec::new(), script);
    world.run(ms(310));
    let id = StreamId { call: 0, leg: 0 };
    for key in format!("{ACCOUNT}#").chars().filter_map(Key::from_char) {
        world.run(ms(20));
        world.tell(Input::Media(Event::Key { id, key }));
        world.run(ms(40));
        world.tell(Input::Media(Event::Tone { id, key }));
        world.run(ms(100));
    }
    world.run(Duration::from_secs(60));
    assert_eq!(outcome(&world), (ACCOUNT.to_owned(), 13));
}

#[test]
fn case_23_keys_count_whenever_they_begin_around_prompts() {
    // From the first packet of the call over the welcome to the middle of the question.
    for wait in (0..9_000).step_by(333) {
        let mut world = world(23, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
        let mut script = caller(ACCOUNT);
        script[0] = Act::Wait(ms(wait));
        world.call("+15551230001", Vec::new(), script);
        world.run(Duration::from_secs(60));
        assert_eq!(outcome(&world), (ACCOUNT.to_owned(), 13), "after {wait} ms");
    }
}

#[test]
fn case_23_the_confirmation_keyed_ahead_of_its_question_counts() {
    let mut world = world(24, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    let script = vec![Act::Press(format!("{ACCOUNT}#1")), Act::HearVoice, Act::Stay];
    world.call("+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(60));
    assert_eq!(outcome(&world), (ACCOUNT.to_owned(), 13));
}

#[test]
fn a_phone_without_telephone_event_is_heard_by_its_tones_and_the_recording_replays() {
    let mut world = world(25, FAIR, answers(&[Act::HearVoice, Act::HangUp]));
    world.no_events = true;
    world.captured = Some(Vec::new());
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(60));
    assert_eq!(outcome(&world), (ACCOUNT.to_owned(), 13));
    crate::rehearsed::again(&world, &crate::scenarios::flow());
    let fixture = &world.recordings[0];
    let tones = |step: &Step| matches!(step, Step::In(In::Key { by: KeyCarrier::InBand, .. }));
    assert_eq!(fixture.lines.iter().filter(|line| tones(&line.step)).count(), 13);
    let text = fixture.write().expect("a recording");
    let read = askonce::record::Fixture::read(&text).expect("the same recording");
    let program = files::load(&files::Disk, &crate::scenarios::flow()).0.expect("the flow loads").program;
    assert_eq!(rerun::run(&read, program).expect("a playable recording").comparison.first_difference, None);
}
