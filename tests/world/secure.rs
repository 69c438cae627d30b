//! Calls with SRTP: who gets it, what stays unsaid of its keys, and that a call goes on as any other.

use crate::network::Weather;
use crate::scenarios::{ACCOUNT, FAIR, answers, caller, ms, plan};
use crate::{Plan, World};
use askonce::engine::Setup;
use askonce::keying::Policy::{self, Off, Offered, Required};
use askonce::keying::Suite;
use askonce::peer::{Act, Happened, TalkId};
use askonce::record::Fixture;
use askonce::record::seam::{Disposition, EndedBy, Leg};
use askonce::record::trace::Told;
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use std::sync::Arc;

/// The policy of the trunk, and of the destination.
fn policies(setup: &mut Setup, trunk: Policy, destination: Policy) {
    let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
    Arc::get_mut(&mut config.trunks[0]).expect("a trunk of its own").srtp = trunk;
    config.destinations[0].srtp = Some(destination);
}

type Tamper = fn(&mut Setup);

const TAMPER: [(Policy, Tamper); 3] = [
    (Off, |setup| policies(setup, Off, Off)),
    (Offered, |setup| policies(setup, Offered, Offered)),
    (Required, |setup| policies(setup, Required, Required)),
];

/// A world with that policy on our side, and those on the callers' and the agents'.
fn world(tamper: Tamper, callers: Policy, agents: Policy, weather: Weather, agent: &[Act]) -> World {
    let mut world = World::new(Plan { tamper, weather, ..plan(31, answers(agent)) });
    world.callers.srtp(callers);
    world.agents.srtp(agents);
    world
}

fn status(world: &World, talk: TalkId) -> u16 {
    let ended = |happened: &Happened| match happened {
        Happened::Ended { status, .. } => Some(*status),
        _ => None,
    };
    world.happened[&talk].iter().find_map(ended).expect("an end")
}

/// With what each leg of the first call was protected; `None` where a leg had no stream.
fn suites(world: &World) -> [Option<Option<Suite>>; 2] {
    let of = |leg| world.cdrs[0].media.iter().find(|media| media.leg == leg).map(|media| media.statistics.srtp);
    [of(Leg::Caller), of(Leg::Agent)]
}

/// Every key in a text.
fn keys(text: &str) -> Vec<String> {
    text.split("inline:").skip(1).map(|rest| rest[..40].to_owned()).collect()
}

const BRIEF: [Act; 3] = [Act::HearVoice, Act::Wait(Duration::from_millis(300)), Act::HangUp];

#[test]
fn a_call_is_secure_as_far_as_both_sides_are_for_it() {
    let (clear, gcm) = (Some(None), Some(Some(Suite::Gcm128)));
    for (ours, tamper) in TAMPER {
        for theirs in [Off, Offered, Required] {
            let mut world = world(tamper, theirs, theirs, FAIR, &BRIEF);
            let talk = world.call("+15551230001", Vec::new(), caller(ACCOUNT));
            world.run(Duration::from_secs(120));
            let cdr = &world.cdrs[0];
            if [(Off, Required), (Required, Off)].contains(&(ours, theirs)) {
                assert_eq!(
                    (status(&world, talk), cdr.disposition),
                    (488, Disposition::Rejected),
                    "{ours:?} {theirs:?}"
                );
                assert_eq!((suites(&world), world.engine.counters().srtp_refused), ([None, None], 1));
                let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
                let why = if ours == Off { "no SRTP: RTP/AVP" } else { "SRTP is required: RTP/SAVP with a=crypto" };
                assert!(said.contains(&format!("\r\nWarning: 302 askonce \"{why}\"\r\n")), "{said}");
                continue;
            }
            assert_eq!((status(&world, talk), cdr.disposition), (0, Disposition::Agent), "{ours:?} {theirs:?}");
            let suite = if ours == Off || theirs == Off { clear } else { gcm };
            assert_eq!(suites(&world), [suite, suite], "{ours:?} {theirs:?}");
            let forged: u64 = cdr.media.iter().map(|media| media.statistics.refused.forged).sum();
            assert_eq!(forged, 0, "{ours:?} {theirs:?}");
            let offer = String::from_utf8(world.invites[0].body.clone()).expect("text");
            assert_eq!(
                (keys(&offer).len(), offer.contains("RTP/SAVP")),
                (if ours == Off { 0 } else { 2 }, ours == Required)
            );
        }
    }
}

#[test]
fn an_agent_without_the_srtp_that_is_required_is_not_talked_to() {
    for (ours, theirs) in [(Required, Off), (Off, Required)] {
        let tamper = TAMPER.iter().find(|(policy, _)| *policy == ours).expect("a policy").1;
        let mut world = world(tamper, ours, theirs, FAIR, &BRIEF);
        world.call("+15551230001", Vec::new(), caller(ACCOUNT));
        world.run(Duration::from_secs(120));
        assert_eq!(suites(&world)[1], None, "{ours:?} {theirs:?}");
        assert!(!world.agents_happened.iter().any(|(_, happened)| matches!(happened, Happened::HeardVoice)));
        assert_ne!(world.cdrs[0].disposition, Disposition::Agent);
        assert_eq!(world.cdrs[0].refusals[0].status, 488, "{:?}", world.cdrs[0].refusals);
    }
}

#[test]
fn no_key_is_in_a_recording_or_a_trace_and_the_recording_runs_again() {
    let mut world = world(TAMPER[2].1, Required, Offered, FAIR, &BRIEF);
    world.captured = Some(Vec::new());
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(ms(500));
    let answer = String::from_utf8(world.last_to_caller.clone()).expect("text");
    world.run(Duration::from_secs(120));
    let offer = String::from_utf8(world.invites[0].body.clone()).expect("text");
    let seen = [keys(&answer), keys(&offer)].concat();
    assert!(seen.len() == 3 && seen.iter().all(|key| !key.contains('*')), "{seen:?}");
    let recording = world.recordings[0].write().expect("a recording");
    let entry = |told: &Told| match told {
        Told::Entry { entry, .. } => Some(serde_json::to_string(entry).expect("a trace")),
        _ => None,
    };
    let traced: String = world.told.iter().filter_map(entry).collect();
    assert!(traced.contains("a=crypto:"), "{traced}");
    for text in [&recording, &traced] {
        assert!(seen.iter().all(|key| !text.contains(key.trim_end_matches('='))), "a key is in {text}");
        // Whatever stands where a key stands is none: names and stars.
        assert!(keys(text).iter().all(|key| key.ends_with("***")), "{text}");
    }
    assert!(recording.contains("RTP/SAVP") && recording.contains("\"theirs\":\"AEAD_AES_128_GCM\""), "it was secure");
    let read = Fixture::read(&recording).expect("it reads");
    assert_eq!(read.header.srtp, Required);
    crate::rehearsed::again(&world, &crate::scenarios::flow());
    let program = || {
        let flow = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
        files::load(&Disk, &flow).0.expect("the flow loads").program
    };
    for recording in [&read, &world.recordings[0]] {
        let replayed = rerun::run(recording, program()).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None);
    }
}

#[test]
fn hold_and_resume_go_on_under_the_same_keys() {
    let agent = [
        Act::HearVoice,
        Act::Wait(ms(300)),
        Act::Hold,
        Act::Wait(ms(1500)),
        Act::Resume,
        Act::HearVoice,
        Act::Wait(ms(500)),
        Act::HangUp,
    ];
    let mut world = world(TAMPER[1].1, Required, Offered, FAIR, &agent);
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, cdr.by), (Disposition::Agent, EndedBy::Agent));
    assert_eq!(suites(&world), [Some(Some(Suite::Gcm128)); 2]);
    for media in &cdr.media {
        let statistics = &media.statistics;
        assert_eq!((statistics.refused.forged, statistics.unprotected), (0, 0), "{statistics:?}");
        assert!(statistics.received > 50, "{statistics:?}");
    }
}

#[test]
fn calls_with_srtp_complete_in_bad_weather() {
    let weather = Weather { loss: 10, duplication: 5 };
    let mut world = world(TAMPER[2].1, Required, Required, weather, &BRIEF);
    for _ in 0..100 {
        world.call("+15551230001", Vec::new(), caller(ACCOUNT));
        world.run(ms(30));
    }
    world.run(Duration::from_secs(200));
    assert_eq!((world.cdrs.len(), world.engine.calls()), (100, 0));
    let mut repeated = 0;
    for cdr in &world.cdrs {
        assert_eq!((cdr.disposition, cdr.facts[0].tries), (Disposition::Agent, 1), "{}", cdr.call);
        repeated += cdr.media.iter().map(|media| media.statistics.refused.forged).sum::<u64>();
    }
    assert!(repeated > 100, "what came twice was taken once: {repeated}");
}
