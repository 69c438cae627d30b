//! Calls that go as they were recorded, and calls that do not.

use super::*;
use crate::audio::ArenaBuilder;
use crate::peer::ear::Ear;
use crate::replay::over::plan::Caller;
use std::collections::BTreeSet;

const PATIENCE: Patience = Patience { window: Duration::from_millis(300), patience: Duration::from_secs(2) };

fn says(leg: Leg, prompt: &str, words: &[&str]) -> What {
    What::Says { leg, prompt: prompt.to_owned(), words: words.iter().map(|word| (*word).to_owned()).collect() }
}

fn press(key: char) -> What {
    What::Press { leg: Leg::Caller, key, by: KeyCarrier::Rtp }
}

/// The recorded call: it is asked, keys 4 and 2 and hears them back, reaches a person, who hangs up.
///
/// (milliseconds, what, the number of its cause)
fn recorded() -> Vec<(u64, What, Option<usize>)> {
    let (caller, agent) = (Leg::Caller, Leg::Agent);
    vec![
        (0, What::Answers, None),
        (0, says(caller, "en/welcome", &["en/welcome"]), Some(0)),
        (1_000, What::Said(caller), Some(1)),
        (1_000, says(caller, "en/ask", &["en/ask"]), Some(2)),
        (2_000, press('4'), Some(3)),
        (2_050, press('2'), Some(4)),
        (2_050, says(caller, "en/back", &["en/back.1", "en/digits/4", "en/digits/2"]), Some(5)),
        (5_000, press('1'), Some(6)),
        (5_000, What::Calls(HandOff::default()), Some(7)),
        (5_100, What::Rings, Some(8)),
        (6_000, What::Takes, Some(8)),
        (6_000, says(agent, "en/whisper", &["en/whisper"]), Some(10)),
        (9_000, What::Leaves(agent), Some(11)),
        (9_000, What::HangsUp(caller), Some(12)),
    ]
}

fn call(marks: Vec<(u64, What, Option<usize>)>) -> Call {
    let times: Vec<u64> = marks.iter().map(|(t, ..)| *t).collect();
    let marks = marks.into_iter().map(|(t, what, cause)| {
        let after = Duration::from_millis(t - cause.map_or(0, |cause| times[cause]));
        Mark { t: t * 1_000, what, cause, after, place: None, line: None }
    });
    let (name, to, headers) = (String::new(), String::new(), Vec::new());
    let caller = Caller { number: None, private: false, name, to, headers, events: true };
    let length = Duration::from_millis(times.last().copied().unwrap_or(0));
    let plan = Plan { caller, marks: marks.collect(), unjudged: BTreeSet::new(), length };
    let arena = Arc::new(ArenaBuilder::default().build());
    let prompts = ["welcome", "ask", "back.1", "whisper", "sorry"].map(|clip| format!("en/{clip}"));
    let sounds = Sounds { ear: Arc::new(Ear::new(&arena)), arena, knows: BTreeSet::new(), prompts: prompts.into() };
    Call::begin(Instant::ZERO, plan, Arc::new(sounds), PATIENCE)
}

/// Changes what is seen.
type Change = fn(&mut Vec<(u64, Seen)>);

/// What is seen, at which millisecond; then time goes on until the call is over. What the phones did and when, and what
/// differed.
fn run(call: Call, seen: Vec<(u64, Seen)>) -> (Vec<(u64, Do)>, Vec<String>) {
    let (done, judged) = go(call, seen);
    (done, judged.differences.iter().map(Difference::to_string).collect())
}

fn go(mut call: Call, seen: Vec<(u64, Seen)>) -> (Vec<(u64, Do)>, Judged) {
    let (mut done, mut seen) = (Vec::new(), seen.into_iter().peekable());
    for ms in 0..100_000 {
        let now = Instant::from_micros(ms * 1_000);
        while let Some((_, seen)) = seen.next_if(|(at, _)| *at <= ms) {
            call.on(now, seen);
        }
        let due = call.due(now);
        for wanted in &due {
            // Phones that hang up are in no call any more.
            if let Do::HangUp(leg) = wanted {
                call.on(now, Seen::Ended { leg: *leg, by_us: true, status: 0 });
            }
        }
        done.extend(due.into_iter().map(|wanted| (ms, wanted)));
        if call.over() {
            return (done, call.judged());
        }
    }
    panic!("it is not over: {done:?}");
}

fn heard(clip: &str) -> Seen {
    Seen::Heard(if clip == "en/whisper" { Leg::Agent } else { Leg::Caller }, clip.to_owned())
}

fn calls(user: &str) -> HandOff {
    let mut handoff = HandOff::default();
    handoff.user = user.to_owned();
    handoff
}

fn bye() -> Seen {
    Seen::Ended { leg: Leg::Caller, by_us: false, status: 0 }
}

/// As it was recorded, but everything from the first prompt on so many milliseconds later.
fn as_recorded(later: u64) -> Vec<(u64, Seen)> {
    vec![
        (0, Seen::Answered),
        (later, heard("en/welcome")),
        (later + 1_000, heard("en/ask")),
        (later + 2_200, heard("en/back.1")),
        (later + 2_700, heard("en/digits/4")),
        (later + 3_200, heard("en/digits/2")),
        (later + 5_150, Seen::Called(HandOff::default())),
        (later + 6_160, heard("en/whisper")),
        (later + 9_170, bye()),
    ]
}

#[test]
fn a_call_as_it_was_recorded_differs_in_nothing_and_keys_follow_their_prompts() {
    for later in [0, 250] {
        let (done, differences) = run(call(recorded()), as_recorded(later));
        assert_eq!(differences, Vec::<String>::new());
        let key = |key| Do::Press { leg: Leg::Caller, key, by: KeyCarrier::Rtp };
        let expected = [
            (2_000, key('4')),
            // No quicker than keys can be told apart.
            (2_160, key('2')),
            (5_150, key('1')),
            (5_250, Do::Ring),
            (6_150, Do::Take),
            (9_160, Do::HangUp(Leg::Agent)),
        ];
        assert_eq!(done, expected.map(|(at, wanted)| (at + later, wanted)));
    }
}

#[test]
fn each_thing_that_is_otherwise_is_told_once() {
    let hears = "the caller hears en/";
    let cases: [(&str, Change, &[String]); 9] = [
        (
            "the welcome is left out",
            |seen| drop(seen.remove(1)),
            &[format!("path: the order of prompts: {hears}welcome -> {hears}ask")],
        ),
        (
            "another prompt comes between",
            |seen| seen.insert(2, (900, heard("en/sorry"))),
            &[format!("path: the order of prompts: {hears}ask -> {hears}sorry")],
        ),
        (
            "another digit is read",
            |seen| seen[5].1 = heard("en/digits/3"),
            &["prompts: what is read in en/back: a value -> another value".to_owned()],
        ),
        (
            "a digit is left out",
            |seen| drop(seen.remove(4)),
            &["prompts: what is read in en/back: a word -> nothing".to_owned()],
        ),
        (
            "the question is late",
            |seen| seen[2..].iter_mut().for_each(|(at, _)| *at += 900),
            &[format!("timing: {hears}ask, after the prompt is over: 0.00 s after -> 0.90 s after")],
        ),
        (
            "what follows the keys comes before them",
            |seen| seen.splice(3.., [(1_500, heard("en/back.1")), (1_600, bye())]).for_each(drop),
            &[
                format!("path: the order of prompts: the caller presses a key -> {hears}back"),
                "disposition: the end: the caller presses a key -> the system hangs up on the caller".to_owned(),
            ],
        ),
        ("another queue", |seen| seen[6].1 = Seen::Called(calls("x")), &["hand-off: whom it calls:  -> x".to_owned()]),
        (
            "nobody is called",
            |seen| seen.truncate(6),
            &["hand-off: what did not come:  is called -> nothing of it 2.30 s after its time".to_owned()],
        ),
        (
            "it ends before the person is called",
            |seen| seen.splice(6.., [(4_000, bye())]).for_each(drop),
            &["disposition: the end: the caller presses a key -> the system hangs up on the caller".to_owned()],
        ),
    ];
    for (name, change, expected) in cases {
        let mut seen = as_recorded(0);
        change(&mut seen);
        let (_, differences) = run(call(recorded()), seen);
        assert_eq!(differences, expected, "{name}");
    }
}

#[test]
fn a_silent_system_is_hung_up_on() {
    let (done, differences) = run(call(recorded()), vec![(0, Seen::Answered)]);
    assert_eq!(done, [(2_301, Do::HangUp(Leg::Caller))]);
    let waited = "prompts: what did not come: the caller hears en/welcome -> nothing of it 2.30 s after its time";
    assert_eq!(differences, [waited]);
}

#[test]
fn a_phone_that_is_let_ring_and_a_person_who_is_called_unasked() {
    let marks = vec![
        (0, What::Answers, None),
        (0, What::Calls(HandOff::default()), Some(0)),
        (100, What::Rings, Some(1)),
        (3_000, What::Withdraws, Some(1)),
        (3_000, What::HangsUp(Leg::Caller), Some(3)),
    ];
    let gone = || Seen::Ended { leg: Leg::Agent, by_us: false, status: 0 };
    let seen = |then: Vec<(u64, Seen)>| {
        let begins = [(0, Seen::Answered), (0, Seen::Called(HandOff::default()))];
        run(call(marks.clone()), begins.into_iter().chain(then).collect()).1
    };
    assert_eq!(seen(vec![(3_000, gone()), (3_010, bye())]), Vec::<String>::new());
    let late = "timing: the agent's phone stops ringing, after  is called: 3.00 s after -> 5.00 s after";
    assert_eq!(seen(vec![(5_000, gone()), (5_010, bye())]), [late]);
    let again = calls("another");
    let twice = seen(vec![(2_000, Seen::Called(again)), (3_000, gone()), (3_010, bye())]);
    assert_eq!(twice, ["hand-off: what was not recorded: nothing -> another is called"]);
}

#[test]
fn what_ends_a_call_before_its_time_is_known_apart_from_what_only_differs() {
    let cut = |change: Change| {
        let mut seen = as_recorded(0);
        change(&mut seen);
        go(call(recorded()), seen).1.cut.map(|difference| difference.layer)
    };
    assert_eq!(cut(|_| {}), None);
    assert_eq!(cut(|seen| drop(seen.remove(1))), None, "a prompt is left out, and the call goes on");
    let refused: Change = |seen| *seen = vec![(10, Seen::Ended { leg: Leg::Caller, by_us: false, status: 503 })];
    assert_eq!(cut(refused), Some(Layer::Disposition));
}

#[test]
fn a_refusal_is_held_against_the_recorded_one() {
    let refused = |status| vec![(10, Seen::Ended { leg: Leg::Caller, by_us: false, status })];
    let marks = vec![(0, What::Rejects(486), None)];
    assert_eq!(run(call(marks.clone()), refused(486)).1, Vec::<String>::new());
    let other = "disposition: the end: the call is refused with 486 -> the call is refused with 404";
    assert_eq!(run(call(marks), refused(404)).1, [other]);
}
