//! Which calls of a live service become fixtures, what is written of them, and what becomes of the others.

use crate::encodings::{Search, events, once};
use crate::server::{Server, askonce};
use crate::{ACCOUNT, PATIENCE, answers, recordings, script, set, talk};
use askonce::audio::dtmf::Detector;
use askonce::key::Key;
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::voice::Speech;
use askonce::peer::{Act, Answering, Phones};
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::In;
use askonce::sip::Uri;
use askonce::time::Duration;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::process::Output;

struct Place {
    clock: Clock,
    server: Server,
    caller: (Net, Phones),
    agent: (Net, Phones),
}

impl Place {
    fn with(fixtures: &str) -> Place {
        let clock = Clock::start();
        let (agent, caller) = (set(0x42, answers(), clock), set(0x31, Answering::Refuse(486), clock));
        let folder = tempfile::tempdir().expect("a folder");
        let more = format!("record: {{ fixtures: {fixtures} }}\n");
        let server = Server::configured(folder, "\"udp:127.0.0.1:0\"", agent.0.contact(), &more);
        Place { clock, server, caller, agent }
    }

    /// A call to that number, to its end.
    fn call(&mut self, number: &str, script: Vec<Act>) {
        let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
        let from = uri("+15551230001", self.caller.0.contact());
        self.caller.1.call(self.server.sip, uri(number, self.server.sip), from, Vec::new(), script.into());
        talk(self.clock, [&mut self.caller, &mut self.agent], &mut |_| {});
    }

    /// What the inbox has, by the number that was called.
    fn kept(&self) -> Vec<(String, Fixture)> {
        let mut kept: Vec<(String, Fixture)> =
            recordings(&self.server.path("inbox")).iter().map(|path| read(path)).collect();
        kept.sort_by(|one, other| one.1.header.call.cmp(&other.1.header.call));
        kept
    }

    /// The calls of the journal, the oldest first.
    fn journalled(&self) -> Vec<PathBuf> {
        let calls = std::fs::read_dir(self.server.path("askonce.journal")).expect("the journal");
        let mut calls: Vec<PathBuf> = calls.map(|call| call.expect("a call").path()).collect();
        calls.sort();
        calls
    }
}

fn read(path: &Path) -> (String, Fixture) {
    let text = std::fs::read_to_string(path).expect("a fixture");
    let fixture = Fixture::read(&text).expect("a readable fixture");
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let invite = text.lines().map(json).find(|line| line["in"] == "invite").expect("the INVITE");
    (invite["to"].as_str().expect("a number").to_owned(), fixture)
}

/// Leaves before anything is asked.
fn leaves() -> Vec<Act> {
    vec![Act::Wait(Duration::from_millis(300)), Act::HangUp]
}

fn said(output: Output) -> String {
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn calls_are_kept_by_number_and_the_others_afterwards_and_nobodys_number_is_in_any() {
    let mut place = Place::with("{ keep: all, numbers: [\"100\"] }");
    place.call("100", script());
    place.call("200", script());
    place.server.terminate();
    let kept = place.kept();
    let [(number, fixture)] = &kept[..] else { panic!("{} are kept", kept.len()) };
    assert_eq!(number, "100");
    let journalled = place.journalled();
    assert_eq!(journalled.len(), 2);

    let (_, other) = read(&journalled[1]);
    assert_ne!(other.header.call, fixture.header.call);
    let (store, out) = (place.server.path("askonce.db"), place.server.path("fixtures"));
    let (store, out) = (store.to_str().expect("a name"), out.to_str().expect("a name"));
    let record =
        |call: &str| askonce().args(["record", call, "--store", store, "--out", out]).output().expect("askonce record");
    let done = record(&other.header.call);
    assert!(done.status.success(), "{}", said(done));
    assert!(!record(&other.header.call).status.success(), "nothing is overwritten");
    let missing = record("01JDAQ0000000000000000000A");
    assert!(!missing.status.success());
    let missing = said(missing);
    for call in [&fixture.header.call, &other.header.call] {
        assert!(missing.contains(&format!("{call}  {:.0}, flow account-desk", other.header.at)[..30]), "{missing}");
    }
    assert!(missing.contains("2 calls") && missing.contains("100 MB"), "{missing}");
    let nowhere = askonce().args(["record", "x", "--store", "/nowhere/a.db"]).output().expect("askonce record");
    assert!(said(nowhere).contains("remedy"));
    // What was kept and what was taken out of the journal run again.
    for folder in [&*place.server.path("inbox").display().to_string(), out] {
        let replay = askonce().args(["replay", folder]).output().expect("askonce replay");
        assert!(replay.status.success(), "{}", said(replay));
    }

    let account = Search::of([ACCOUNT.to_owned(), "15551230001".to_owned()]);
    let inbox = recordings(&place.server.path("inbox"));
    let all = inbox.into_iter().chain(journalled).chain(recordings(Path::new(out)));
    assert_eq!(all.map(|path| assert_eq!(account.found(&std::fs::read(path).expect("a file")), [""; 0])).count(), 4);
}

#[test]
fn what_ended_badly_is_kept_and_what_went_well_is_not() {
    let mut place = Place::with("{ keep: ended-badly, folder: bad }");
    place.call("100", script());
    place.call("200", leaves());
    place.server.terminate();
    let kept = recordings(&place.server.path("bad"));
    let [kept] = &kept[..] else { panic!("{} are kept", kept.len()) };
    assert_eq!(read(kept).0, "200");
    assert!(place.server.log().contains("the caller left"), "the log says why");
}

#[test]
fn one_in_so_many_is_drawn_by_the_name_of_the_call() {
    let mut place = Place::with("{ keep: 1/2, journal: 3 }");
    (0..8).for_each(|_| place.call("100", leaves()));
    place.server.terminate();
    let records = std::fs::read_to_string(place.server.path("askonce.cdr.jsonl")).expect("the call records");
    let name = |line: &str| -> String {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        record["call"].as_str().expect("a name").to_owned()
    };
    let names: Vec<String> = records.lines().map(name).collect();
    assert_eq!(names.len(), 8);
    // The eighth octet says whether the number of eight is even.
    let drawn: Vec<&String> = names.iter().filter(|name| Sha256::digest(name)[7].is_multiple_of(2)).collect();
    let kept = place.kept();
    assert_eq!(kept.iter().map(|(_, fixture)| &fixture.header.call).collect::<Vec<_>>(), drawn);
    let journalled: Vec<String> = place.journalled().iter().map(|path| read(path).1.header.call).collect();
    assert_eq!(journalled, names[5..]);
}

#[test]
fn a_folder_that_takes_nothing_costs_fixtures_and_no_call_and_is_counted() {
    let mut place = Place::with("{ keep: all }");
    place.call("100", leaves());
    let counted = |event: &str| {
        let page = place.server.get("/metrics", "").1;
        let metric = format!("askonce_inbox_events_total{{event=\"{event}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&metric)?.parse::<u64>().ok()).expect("the metric")
    };
    let until = |event: &str| {
        let began = place.clock.now();
        while counted(event) == 0 {
            assert!(place.clock.now().since(began) < PATIENCE, "no {event}");
            std::thread::yield_now();
        }
    };
    until("kept");
    let page = place.server.get("/metrics", "").1;
    for code in ["silence", "asked-twice", "fact-not-handed-on"] {
        assert!(page.contains(&format!("askonce_invariants_violated_total{{code=\"{code}\"}} 0")), "{page}");
    }
    let inbox = place.server.path("inbox");
    std::fs::rename(&inbox, place.server.path("aside")).expect("moved");
    std::fs::write(&inbox, "a file in its place").expect("written");
    let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
    let from = uri("+15551230001", place.caller.0.contact());
    place.caller.1.call(place.server.sip, uri("100", place.server.sip), from, Vec::new(), script().into());
    let (invites, status) = talk(place.clock, [&mut place.caller, &mut place.agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0), "the call went on to its person");
    until("unwritten");
    assert_eq!(counted("journalled"), 2);
    place.server.terminate();
    assert!(place.server.log().contains("what a call left could not be written"), "{}", place.server.log());
}

#[test]
fn a_fixture_has_the_sound_of_its_caller_with_the_keys_that_it_tells() {
    for by_events in [true, false] {
        let mut place = Place::with("{ keep: all, audio: true, packets: true }");
        place.caller.1.speak(Speech { events: by_events, ..Speech::default() });
        place.call("100", script());
        place.server.terminate();
        let kept = recordings(&place.server.path("inbox"));
        let [kept] = &kept[..] else { panic!("{} are kept", kept.len()) };
        let (_, fixture) = read(kept);
        let told = fixture.lines.iter().filter_map(|line| match &line.step {
            Step::In(In::Key { key, .. }) => Some((line.t, *key)),
            _ => None,
        });
        let told: Vec<(u64, Key)> = told.collect();
        assert_eq!(told.len(), ACCOUNT.len() + 2);

        let [wav, pcap] =
            ["caller.wav", "call.pcap"].map(|name| std::fs::read(kept.with_file_name(name)).expect("a file"));
        let account = Search::of([ACCOUNT.to_owned(), "15551230001".to_owned()]);
        for file in [&wav, &pcap] {
            assert_eq!(account.found(file), [""; 0]);
        }
        let from = fixture.header.wav_from.expect("when it begins");
        let mut wav = hound::WavReader::new(&*wav).expect("a WAV");
        assert_eq!((wav.spec().channels, wav.spec().sample_rate, wav.spec().bits_per_sample), (1, 8_000, 16));
        let (mut detector, mut heard) = (Detector::default(), Vec::new());
        for (place, sample) in (0..).zip(wav.samples::<i16>()) {
            detector.hear([sample.expect("a sample")], |key| heard.push((from + place * 125, key)));
        }
        assert_eq!(heard.len(), told.len(), "events: {by_events}");
        for ((at, heard), (t, key)) in heard.iter().zip(&told) {
            assert!(heard == key && at.abs_diff(*t) <= 20_000, "events: {by_events}, {} us", at.abs_diff(*t));
        }
        let digits = once(told.iter().map(|(_, key)| key.to_char()).filter(char::is_ascii_digit));
        assert_eq!(events(&pcap), if by_events { digits } else { String::new() });
    }
}
