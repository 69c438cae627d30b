//! Calls with the sound of their callers: what they sent is redacted with the call, and heard again.

use crate::network::Weather;
use crate::scenarios::{ACCOUNT, FAIR, answers, caller, flow, ms, plan};
use crate::{Plan, World};
use askonce::audio::dtmf::Detector;
use askonce::call::Fusion;
use askonce::config::{Fixtures, Keep, Keeping};
use askonce::engine::Setup;
use askonce::media::{Kind, RecordAct};
use askonce::peer::Act;
use askonce::record::fixture::{Line, Step};
use askonce::record::seam::{In, Leg, Out};
use askonce::rerun::packets::{self, Wanted};
use askonce::rerun::redact::scan::Search;
use askonce::rerun::redact::{self, Key, OCTETS};
use askonce::server::files;
use askonce::time::{Duration, Instant};
use std::sync::Arc;

/// What carries the keys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Events,
    Tones,
    Info,
}

/// Calls are kept with their sound.
fn heard(setup: &mut Setup) {
    let keeping = Keeping { keep: Keep::All, numbers: Vec::new(), flows: Vec::new() };
    let config = Arc::make_mut(&mut setup.config);
    config.record.fixtures = Some(Fixtures { packets: true, keeping, ..Fixtures::default() });
}

#[test]
fn a_redacted_call_is_heard_to_press_its_pseudonyms_at_its_times_and_its_numbers_are_in_no_file() {
    let rough = Weather { loss: 3, duplication: 3 };
    for (seed, (by, weather)) in
        (71..).zip([By::Events, By::Tones, By::Info].into_iter().flat_map(|by| [(by, FAIR), (by, rough)]))
    {
        let people = answers(&[Act::HearVoice, Act::Wait(ms(1_000)), Act::HangUp]);
        let mut world = World::new(Plan { weather, tamper: heard, ..plan(seed, people) });
        world.no_events = by == By::Tones;
        let mut script = caller(ACCOUNT);
        if by == By::Info {
            script[1] = Act::Info(format!("{ACCOUNT}#"));
        }
        world.call("+15551230001", vec![], script);
        world.run(Duration::from_secs(90));
        let case = format!("{by:?} {}", weather.loss);
        assert!(!world.contexts.is_empty(), "{case}: it came to a person");

        let live = &world.recordings[0];
        let (orders, packets) = world.recorder.kept.values().next().expect("packets");
        // At the bridge nobody listens any more but the person.
        let ordered: Vec<_> = orders.iter().map(|(at, act)| (at.since(orders[0].0).as_micros() as u64, *act)).collect();
        let of = |wanted: fn(&Out) -> bool| {
            live.lines.iter().find_map(|line| match &line.step {
                Step::Out(out) if wanted(out) => Some(line.t),
                _ => None,
            })
        };
        let (bridge, end) = (of(|out| matches!(out, Out::Bridge)), of(|out| matches!(out, Out::End { .. })));
        let [(0, RecordAct::Start), (mask, RecordAct::Mask), .., (stop, RecordAct::Stop)] = ordered.as_slice() else {
            panic!("{case}: {ordered:?}")
        };
        assert_eq!((Some(*mask), Some(*stop)), (bridge, end), "{case}");
        let silent = packets.iter().filter(|packet| matches!(packet.kind, Kind::Audio(_)) && packet.payload.is_none());
        assert!(silent.count() > 30, "{case}");

        let program = files::load(&files::Disk, &flow()).0.expect("the flow loads").program;
        let redacted =
            redact::redact(live, &program, &Key::new(&[7; OCTETS])).unwrap_or_else(|why| panic!("{case}: {why}"));
        let sound = packets::redact(packets, &redacted, Wanted { wav: true, pcap: true })
            .unwrap_or_else(|why| panic!("{case}: {why}"));
        let (wav, pcap) = (sound.wav.expect("a WAV"), sound.pcap.expect("a capture"));

        let (mut fusion, mut pressed) = (Fusion::default(), Vec::new());
        for Line { t, step } in &redacted.fixture.lines {
            if let Step::In(In::Key { leg: Leg::Caller, key, by }) = step
                && fusion.press(Instant::from_micros(*t), *key, *by)
            {
                pressed.push((*t, *key));
            }
        }
        let (mut detector, mut heard) = (Detector::default(), Vec::new());
        for (place, &sample) in (0..).zip(&wav.samples) {
            detector.hear([sample], |key| heard.push((wav.from + place * 125, key)));
        }
        assert_eq!(heard.len(), pressed.len(), "{case}");
        for (heard, pressed) in heard.iter().zip(&pressed) {
            assert!(
                heard.1 == pressed.1 && heard.0.abs_diff(pressed.0) <= 20_000,
                "{case}: {} us",
                heard.0.abs_diff(pressed.0)
            );
        }

        let numbers: Vec<_> = redacted.map.values.iter().map(|value| value.original.clone()).collect();
        assert!(numbers.len() > 1, "{case}: the account and the caller");
        let search = Search::of(&numbers);
        let wav = wav.to_bytes().expect("a file");
        for (name, file) in [("caller.wav", &wav), ("call.pcap", &pcap)] {
            assert_eq!(search.file(file).expect("readable"), [], "{case}: {name}");
        }
        // They are where they were: whoever looks for what is there now finds it.
        let pseudonyms: Vec<_> = redacted.map.values.iter().map(|value| value.pseudonym.clone()).collect();
        let search = Search::of(&pseudonyms);
        for (name, file) in [("caller.wav", &wav), ("call.pcap", &pcap)] {
            assert!(!search.file(file).expect("readable").is_empty(), "{case}: {name}");
        }
    }
}
