//! Calls whose sound is recorded, over the same tapes as the server's.

use crate::scenarios::{ACCOUNT, answers, flow, ms, plan};
use crate::{Plan, World};
use askonce::audio::Arena;
use askonce::audio::codec::PCMU;
use askonce::audio::dtmf::Detector;
use askonce::audio::take::{self, Take};
use askonce::context::{Ended, Outcome};
use askonce::engine::{Input, Onto, RecordOrder, Setup, Spoken, TakeWanted};
use askonce::media::tape::Tape;
use askonce::media::{Kind, RecordAct, Side, Tapped};
use askonce::peer::Act;
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::Out;
use askonce::rerun::packets::Packets;
use askonce::rtp::Header;
use askonce::time::{Duration, Instant};
use askonce::{rerun, server::files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A packet on its way to the recorder.
pub struct Copied {
    recording: u32,
    number: u32,
    side: Side,
    kind: Kind,
    header: Header,
    payload: Vec<u8>,
}

impl From<Tapped<'_>> for Copied {
    fn from(tapped: Tapped<'_>) -> Copied {
        let Tapped { recording, number, side, kind, header, payload } = tapped;
        Copied { recording, number, side, kind, header, payload: payload.to_vec() }
    }
}

/// The recorder of a world, without files.
#[derive(Default)]
pub struct Recorder {
    tapes: BTreeMap<u32, (RecordOrder, Tape, Vec<i16>)>,
    /// Left and right of each that ended, with its order.
    pub ended: Vec<(RecordOrder, Vec<[i16; 2]>)>,
    /// What is refused, and why.
    pub full: bool,
    /// Callers' packets by their numbers, with what was ordered and when.
    pub kept: BTreeMap<u32, (Vec<(Instant, RecordAct)>, Packets)>,
}

impl Recorder {
    pub fn take(&mut self, now: Instant, copied: &Copied) {
        let &Copied { recording, number, side, kind, header, ref payload } = copied;
        if let Some((orders, packets)) = self.kept.get_mut(&recording) {
            let (t, last) = (now.since(orders[0].0).as_micros() as u64, orders.last().map(|order| order.1));
            let masked = last == Some(RecordAct::Mask) && matches!(kind, Kind::Audio(_));
            return packets.push(t, header, kind, payload, masked).expect("room");
        }
        let Some((_, tape, out)) = self.tapes.get_mut(&recording) else { return };
        tape.take(now, &Tapped { recording, number, side, kind, header, payload }, out);
    }

    pub fn order(&mut self, order: RecordOrder) -> Option<Input<'static>> {
        let (call, recording) = (order.call, order.recording);
        if order.onto == Onto::Packets {
            self.kept.entry(recording).or_default().0.push((order.at, order.act));
            return None;
        }
        if order.act == RecordAct::Start {
            if self.full {
                return Some(Input::Recorded { call, recording, ended: Ended::unbegun("full") });
            }
            self.tapes.insert(recording, (order.clone(), Tape::new(order.at), Vec::new()));
            return None;
        }
        let (_, tape, out) = self.tapes.get_mut(&recording)?;
        tape.act(order.at, order.act);
        if order.act != RecordAct::Stop {
            return None;
        }
        tape.advance(order.at + ms(1_000), out);
        let lengths = tape.lengths();
        let (started, _, out) = self.tapes.remove(&recording)?;
        if let Onto::Take(wanted) = started.onto {
            return Some(taken(&started.file, (call, recording), wanted, &out));
        }
        self.ended.push((started, out.as_chunks().0.to_vec()));
        let ms = |time: Duration| time.as_millis() as u64;
        let (written, blanked, lost) = (ms(lengths.written), ms(lengths.blanked), ms(lengths.lost));
        let ended = Ended { ms: written, blanked_ms: blanked, lost_ms: lost, why: order.because.to_owned() };
        Some(Input::Recorded { call, recording, ended })
    }
}

/// What the caller said, as the server's announcer finishes it.
fn taken(name: &str, (call, recording): (u32, u32), wanted: TakeWanted, sound: &[i16]) -> Input<'static> {
    let mut take = Take::default();
    take.hear(sound.iter().step_by(2).copied());
    let spoken = take.finish().map(|samples| {
        let arena = Arena::with(wanted.over, name, &samples, take::RATE).expect("room");
        Spoken { samples, arena: Arc::new(arena) }
    });
    let outcome = if spoken.is_some() { Outcome::Ok } else { Outcome::None };
    Input::Taken { call, recording, outcome, spoken }
}

const FLOW: &str = "askonce: 1
flow: recorded
facts:
  account: { type: digits, length: 8-12, check: luhn, class: pii, ask: [account_ask], confirm: account_readback }
  pin: { type: digits, length: 4, class: secret, ask: [account_ask] }
queues: { support: { to: support } }
blocks:
  start:
    - record: start
    - say: welcome
      barge: false
    - say: welcome
      barge: false
    - collect: account
      else: continue
    - collect: pin
      else: continue
    - record: pause
    - say: connecting
    - forget: pin
    - record: resume
    - agent: support
      needs: [account]
      done: bye
      else: bye
  bye:
    - record: stop
    - hangup
";

/// The flow above, beside copies of the example's prompts.
fn recorded_flow() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    copy(flow().parent().expect("a folder"), folder.path());
    let path = folder.path().join("recorded.yaml");
    std::fs::write(&path, FLOW).expect("a flow");
    (folder, path)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, copied).expect("a copy");
        }
    }
}

fn caller(pin: &str) -> Vec<Act> {
    vec![
        Act::Hear("en/account_ask".to_owned()),
        Act::Wait(ms(300)),
        Act::Press(format!("{ACCOUNT}#")),
        Act::Hear("en/account_readback.1".to_owned()),
        Act::Wait(ms(400)),
        Act::Press("1".to_owned()),
        Act::Wait(ms(1_500)),
        Act::Press(pin.to_owned()),
        Act::HearVoice,
        Act::Stay,
    ]
}

fn keys(samples: impl Iterator<Item = i16>) -> String {
    let mut keys = String::new();
    Detector::default().hear(samples, |key| keys.push(key.to_char()));
    keys
}

fn acts(fixture: &Fixture) -> Vec<(RecordAct, u64)> {
    let act = |line: &askonce::record::Line| match &line.step {
        Step::Out(Out::Record { act, .. }) => Some((*act, line.t)),
        _ => None,
    };
    fixture.lines.iter().filter_map(act).collect()
}

#[test]
fn a_flow_records_and_nothing_that_was_keyed_in_is_in_it() {
    for no_events in [false, true] {
        let (_folder, flow) = recorded_flow();
        let mut world = World::new(Plan {
            flow: flow.clone(),
            ..plan(41, answers(&[Act::HearVoice, Act::Wait(ms(2_000)), Act::HangUp]))
        });
        world.no_events = no_events;
        world.call("+15551230001", Vec::new(), caller("2580"));
        world.run(Duration::from_secs(60));
        assert_eq!(world.cdrs[0].keys, 17);

        let [(order, sound)] = world.recorder.ended.as_slice() else { panic!("one recording") };
        assert_eq!(order.file, "2026-12-01/call-0.wav");
        let [left, right] = [0, 1].map(|side| sound.iter().map(move |pair| pair[side]));
        assert_eq!((keys(left.clone()), keys(right.clone())), (String::new(), String::new()), "{no_events}");

        use RecordAct::{Mask, Pause, Resume, Start, Stop, Unmask};
        let acts = acts(&world.recordings[0]);
        let [start, mask, pause, unmask, resume, stop] = acts.as_slice() else { panic!("{acts:?}") };
        let names = [start, mask, pause, unmask, resume, stop].map(|act| act.0);
        assert_eq!(names, [Start, Mask, Pause, Unmask, Resume, Stop]);
        let place = |at: u64| ((at - start.1) / 125) as usize;
        assert_eq!(sound.len(), place(stop.1));
        assert!(sound[place(mask.1)..place(unmask.1)].iter().all(|pair| pair[0] == 0));
        assert!(sound[place(mask.1)..place(unmask.1)].iter().any(|pair| pair[1] != 0), "the question is there");
        assert!(sound[place(pause.1)..place(resume.1)].iter().all(|pair| *pair == [0, 0]));
        // The two talk at the end: each has one byte of mu-law for a voice.
        let voices = [0x31, 0x42].map(PCMU.decode);
        let talk = sound[place(resume.1)..].iter().filter(|pair| **pair == voices).count();
        assert!(talk > 8_000, "{talk}");

        let [recording] = world.cdrs[0].recordings.as_slice() else { panic!("one recording") };
        let ended = recording.ended.as_ref().expect("it ended");
        assert_eq!((ended.why.as_str(), ended.ms), ("the flow stopped it", (stop.1 - start.1) / 1000));
        assert!(ended.blanked_ms > 3_000 && ended.lost_ms == 0, "{ended:?}");
        let context = &world.contexts[0]["recordings"][0];
        assert_eq!((context["file"].as_str(), context.get("ms")), (Some("2026-12-01/call-0.wav"), None));

        let text = world.recordings[0].write().expect("a recording");
        let read = Fixture::read(&text).expect("the same recording");
        let program = files::load(&files::Disk, &flow).0.expect("the flow loads").program;
        assert_eq!(rerun::run(&read, program).expect("a playable recording").comparison.first_difference, None);
    }
}

/// What is typed ahead of a secret question is gone as well, though nobody could know what it was for.
#[test]
fn a_secret_that_is_typed_ahead_is_not_in_the_recording() {
    let (_folder, flow) = recorded_flow();
    let mut world = World::new(Plan { flow, ..plan(42, answers(&[Act::HearVoice, Act::HangUp])) });
    world.no_events = true;
    let script = vec![Act::Wait(ms(500)), Act::Press(format!("{ACCOUNT}#12580"))];
    world.call("+15551230001", Vec::new(), [script, vec![Act::HearVoice, Act::Stay]].concat());
    world.run(Duration::from_secs(60));
    let acts: Vec<RecordAct> = acts(&world.recordings[0]).into_iter().map(|(act, _)| act).collect();
    assert!(!acts.contains(&RecordAct::Mask), "the question was never asked: {acts:?}");
    let (_, sound) = &world.recorder.ended[0];
    assert_eq!((world.cdrs[0].keys, keys(sound.iter().map(|pair| pair[0]))), (17, String::new()));
}

#[test]
fn the_configuration_has_calls_recorded_from_the_beginning_and_the_number_has_the_last_word() {
    type Case = (fn(&mut Setup), bool);
    let cases: [Case; 6] = [
        (|setup| configure(setup, false, None, None), false),
        (|setup| configure(setup, true, None, None), true),
        (|setup| configure(setup, true, Some(false), None), false),
        (|setup| configure(setup, false, Some(true), None), true),
        (|setup| configure(setup, false, Some(true), Some(false)), false),
        (|setup| configure(setup, true, Some(false), Some(true)), true),
    ];
    for (index, (tamper, recorded)) in cases.into_iter().enumerate() {
        let mut world = World::new(Plan { tamper, ..plan(43, answers(&[Act::HearVoice, Act::HangUp])) });
        world.call("+15551230001", Vec::new(), crate::scenarios::caller(ACCOUNT));
        world.run(Duration::from_secs(60));
        assert_eq!(world.recorder.ended.len(), usize::from(recorded), "{index}");
        let cdr = &world.cdrs[0];
        assert_eq!(cdr.recordings.len(), usize::from(recorded));
        assert_eq!(world.recordings[0].header.recorded, recorded);
        if recorded {
            let ended = cdr.recordings[0].ended.as_ref().expect("it ended");
            assert_eq!((ended.why.as_str(), ended.ms), ("the call ended", cdr.answered_ms));
        }
    }
}

fn configure(setup: &mut Setup, all: bool, trunk: Option<bool>, number: Option<bool>) {
    let config = Arc::make_mut(&mut setup.config);
    config.record.audio = all;
    Arc::make_mut(&mut config.trunks[0]).record = trunk;
    config.numbers[0].record = number;
}

#[test]
fn a_recorder_that_refuses_costs_the_recording_and_not_the_call() {
    let (_folder, flow) = recorded_flow();
    let mut world = World::new(Plan { flow, ..plan(44, answers(&[Act::HearVoice, Act::HangUp])) });
    world.recorder.full = true;
    world.call("+15551230001", Vec::new(), caller("2580"));
    world.run(Duration::from_secs(60));
    assert_eq!((world.cdrs[0].keys, world.engine.counters().recordings_failed), (17, 1));
    assert_eq!(world.cdrs[0].recordings[0].ended, Some(Ended::unbegun("full")));
    assert_eq!(world.contexts[0]["recordings"][0]["why"], "full");
}
