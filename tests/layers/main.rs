//! Recorded calls in the layers beneath their events: the sound of the caller through the detector, the packets through SIP
//! and RTP.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings")]

mod determined;
mod phone;

use askonce::audio::dtmf::Tone;
use askonce::engine::Service;
use askonce::key::Key;
use askonce::record::Fixture;
use askonce::record::compare::Layer as Compared;
use askonce::record::fixture::Step;
use askonce::record::seam::{In, Leg};
use askonce::replay::layers::{self, Layer};
use askonce::rerun::Sounds;
use askonce::rerun::outcome::{How, Outcome};
use askonce::server::files::{self, Disk};
use std::path::{Path, PathBuf};

/// Samples at 8,000 Hz.
const TONE: u32 = 800;
/// From the beginning of a tone to the packet in which it is certain.
const LEAD: u64 = 40_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(folder: &Path) -> Fixture {
    let text = std::fs::read_to_string(folder.join("call.jsonl")).expect("a recording");
    Fixture::read(&text).expect("a readable recording")
}

fn service(fixture: &Fixture) -> Service {
    let flow = root().join(format!("flows/{}.yaml", fixture.header.flow));
    files::load(&Disk, &flow).0.expect("the flow loads")
}

fn replay(layer: Layer, folder: &Path) -> Outcome {
    let fixture = read(folder);
    let service = service(&fixture);
    let sounds = Sounds::of(service.arena.clone());
    layers::replay(layer, folder, &fixture, &service.program, &sounds, &How::default()).outcome
}

fn passes(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Pass { outputs } if *outputs > 10)
}

#[test]
fn calls_of_real_phones_come_in_again_by_what_tcpdump_saw() {
    let folders = std::fs::read_dir(root().join("fixtures/peers")).expect("fixtures/peers");
    let mut folders: Vec<PathBuf> = folders.map(|folder| folder.expect("a folder").path()).collect();
    folders.sort();
    assert_eq!(folders.len(), 9);
    for folder in folders {
        let opus = folder.to_string_lossy().contains("opus");
        if opus && cfg!(not(feature = "opus")) {
            continue;
        }
        let outcome = replay(Layer::Packets, &folder);
        assert!(passes(&outcome), "{}: {outcome:#?}", folder.display());
    }
}

/// The keys of a recording's caller, in order.
pub fn keys(fixture: &Fixture) -> Vec<(u64, Key)> {
    let keys = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(In::Key { leg: Leg::Caller, key, .. }) => Some((line.t, *key)),
        _ => None,
    });
    keys.collect()
}

/// A copy of a recording with its caller's sound beside it: a tone for each key, with its time in microseconds.
pub fn with_sound(name: &str, keys: &[(u64, Key)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = root().join("fixtures").join(name).join("call.jsonl");
    std::fs::copy(recording, folder.path().join("call.jsonl")).expect("a copy");
    let mut samples: Vec<i16> = Vec::new();
    for (t, key) in keys {
        let begins = (t.saturating_sub(LEAD) / 125) as usize;
        samples.resize(samples.len().max(begins), 0);
        samples.extend(Tone::new(*key, TONE));
    }
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(folder.path().join("caller.wav"), spec).expect("a file");
    samples.into_iter().for_each(|sample| wav.write_sample(sample).expect("written"));
    wav.finalize().expect("written");
    folder
}

#[test]
fn a_callers_sound_has_the_keys_of_its_call() {
    for name in ["clean", "retries", "contact-center", "clinic"] {
        let keys = keys(&read(&root().join("fixtures").join(name)));
        assert!(keys.len() > 8, "{name}");
        let outcome = replay(Layer::Audio, with_sound(name, &keys).path());
        assert!(passes(&outcome), "{name}: {outcome:#?}");
    }
}

#[test]
fn another_key_in_the_sound_is_named_with_all_that_follows_from_it() {
    let mut keys = keys(&read(&root().join("fixtures/clean")));
    keys[2].1 = Key::from_char('1').expect("a key");
    let Outcome::Diff(differences) = replay(Layer::Audio, with_sound("clean", &keys).path()) else {
        panic!("the account is another one")
    };
    let first = &differences[0];
    assert_eq!((first.layer, first.recorded.as_deref()), (Compared::Keys, Some("key 3 of 13: 9 at 6.482 s")));
    assert!(first.replayed.as_ref().is_some_and(|heard| heard.starts_with("1 at 6.4")), "{first:?}");
    assert!(differences.iter().any(|difference| difference.layer == Compared::Prompts), "{differences:#?}");

    // One too many.
    let mut more = self::keys(&read(&root().join("fixtures/clean")));
    more.push((more.last().expect("a key").0 + 800_000, more[2].1));
    let Outcome::Diff(differences) = replay(Layer::Audio, with_sound("clean", &more).path()) else {
        panic!("a key too many")
    };
    assert_eq!((differences[0].layer, differences[0].recorded.as_ref()), (Compared::Keys, None));

    keys.remove(2);
    let Outcome::Diff(differences) = replay(Layer::Audio, with_sound("clean", &keys).path()) else {
        panic!("a key is missing")
    };
    assert_eq!(differences[0].replayed, None);
}

#[test]
fn what_is_missing_or_damaged_is_named_with_its_file_and_a_remedy() {
    let folder = with_sound("clean", &[]);
    let place = |name: &str| folder.path().join(name);
    let spec = |channels, sample_rate, bits_per_sample| {
        let sample_format = hound::SampleFormat::Int;
        hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    };
    let write = |spec: hound::WavSpec| {
        let mut wav = hound::WavWriter::create(place("caller.wav"), spec).expect("a file");
        (0..64).for_each(|_| wav.write_sample(0_i16).expect("written"));
        wav.finalize().expect("written");
    };
    let capture = std::fs::read(root().join("fixtures/peers/baresip-pcmu/call.pcap")).expect("a capture");
    let cases: [(Layer, &dyn Fn(), &str); 9] = [
        (Layer::Packets, &|| (), "call.pcap: there is no such file: "),
        (Layer::Packets, &|| std::fs::write(place("call.pcap"), "").expect("written"), "call.pcap: it is empty"),
        (Layer::Packets, &|| std::fs::write(place("call.pcap"), "no capture").expect("written"), "call.pcap: it "),
        // Of another call.
        (
            Layer::Packets,
            &|| std::fs::write(place("call.pcap"), &capture).expect("written"),
            "there is no INVITE to udp:",
        ),
        (
            Layer::Packets,
            &|| std::fs::write(place("call.pcap"), &capture[..64]).expect("written"),
            "there is no INVITE",
        ),
        (Layer::Audio, &|| write(spec(2, 8_000, 16)), "caller.wav: a caller's sound is one channel at 8000 Hz"),
        (Layer::Audio, &|| write(spec(1, 16_000, 16)), "and this is 1 channels at 16000 Hz"),
        (Layer::Audio, &|| std::fs::write(place("caller.wav"), "RIFF").expect("written"), "caller.wav: "),
        (
            Layer::Audio,
            &|| std::fs::remove_file(place("caller.wav")).expect("removed"),
            "caller.wav: there is no such file: ",
        ),
    ];
    for (layer, prepare, why) in cases {
        prepare();
        let outcome = replay(layer, folder.path());
        assert!(matches!(&outcome, Outcome::Broken(told) if told.contains(why)), "{why}: {outcome:?}");
    }
}
