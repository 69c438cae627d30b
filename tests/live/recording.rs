//! Recorded calls as files, of a server that ends, that is killed, and whose folder is no folder.

use crate::server::{Server, configuration};
use crate::{ACCOUNT, answers, call, script, set, talk};
use askonce::audio::dtmf::Detector;
use askonce::os::clock::Clock;
use askonce::peer::Answering;
use askonce::time::Duration;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const LISTEN: &str = "udp:127.0.0.1:0";
const RECORD: &str = "record: { audio: true, folder: sound }";

/// The one recording in a folder, wherever in it.
fn recording(server: &Server) -> PathBuf {
    let below = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let files: Vec<PathBuf> = below(&server.path("sound")).iter().flat_map(|day| below(day)).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    file.clone()
}

/// Left and right.
fn read(path: &Path) -> [Vec<i16>; 2] {
    let mut wav = hound::WavReader::open(path).expect("a file that is whole");
    let spec = wav.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
    let samples: Vec<i16> = wav.samples().map(|sample| sample.expect("a sample")).collect();
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

fn cdr(server: &Server) -> serde_json::Value {
    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    serde_json::from_str(records.lines().next().expect("a record")).expect("JSON")
}

#[test]
fn a_call_is_recorded_from_its_answer_to_its_end_without_its_keys() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::configured(tempfile::tempdir().expect("a folder"), LISTEN, agent.0.contact(), RECORD);
    call(&mut caller, server.sip, Vec::new(), script());
    talk(clock, [&mut caller, &mut agent], &mut |_| ());
    server.terminate();

    let path = recording(&server);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let shown = path.display().to_string();
    assert!(!shown.contains("1555123") && !shown.contains(ACCOUNT), "{shown}");
    let [left, right] = read(&path);
    let cdr = cdr(&server);
    let told = &cdr["recordings"][0];
    assert!(shown.ends_with(told["file"].as_str().expect("a name")), "{told}");
    let ms = told["ms"].as_u64().expect("a length");
    assert_eq!((left.len() as u64 / 8, told["why"].as_str()), (ms, Some("the call ended")));
    let answered = cdr["answered_ms"].as_u64().expect("a length");
    assert!(ms.abs_diff(answered) < 100, "{ms} {answered}");
    assert_eq!(told["lost_ms"], 0, "{told}");
    assert!(told["blanked_ms"].as_u64() > Some(1_000), "thirteen keys: {told}");
    for side in [&left, &right] {
        Detector::default().hear(side.iter().copied(), |_| panic!("a key in the recording"));
    }
    assert!(right.iter().filter(|sample| sample.abs() > 300).count() > 4_000, "the prompts are there");
}

#[test]
fn a_server_that_is_killed_leaves_a_file_that_can_be_read_and_the_next_one_mends_it() {
    let clock = Clock::start();
    let agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::configured(tempfile::tempdir().expect("a folder"), LISTEN, agent.0.contact(), RECORD);
    call(&mut caller, server.sip, Vec::new(), script());
    let began = clock.now();
    while clock.now().since(began) < Duration::from_millis(4_500) {
        caller.0.turn(&mut caller.1, &mut |_, _, _| ());
        caller.0.wait(&caller.1);
    }
    server.kill();
    let path = recording(&server);
    let [left, right] = read(&path);
    assert!(left.len() >= 2 * 8_000, "{} samples", left.len());
    assert!(right.iter().any(|sample| sample.abs() > 300), "the welcome is there");
    let size = std::fs::metadata(&path).expect("a file").len();

    // What the killed one wrote after it had last made its file whole.
    let file = std::fs::OpenOptions::new().append(true).open(&path).expect("the file");
    std::io::Write::write_all(&mut &file, &[1; 4_001]).expect("written");
    let mut next = Server::configured(server.into_folder(), LISTEN, agent.0.contact(), RECORD);
    next.terminate();
    let pairs = (size - 44 + 4_000) / 4;
    assert_eq!(read(&path)[0].len() as u64, pairs);
    assert!(next.log().contains("mended=1"), "{}", next.log());
}

#[test]
fn a_folder_that_cannot_be_written_costs_the_recording_and_not_the_call() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::configured(tempfile::tempdir().expect("a folder"), LISTEN, agent.0.contact(), RECORD);
    // Files where the folders of these days should be.
    let today = jiff::Timestamp::now();
    for day in [today, today + jiff::SignedDuration::from_hours(24)] {
        std::fs::write(server.path("sound").join(day.strftime("%Y-%m-%d").to_string()), "").expect("written");
    }
    call(&mut caller, server.sip, Vec::new(), script());
    let (_, status) = talk(clock, [&mut caller, &mut agent], &mut |_| ());
    assert_eq!(status, 0, "a BYE");
    server.terminate();
    let cdr = cdr(&server);
    assert_eq!((cdr["disposition"].as_str(), cdr["recordings"][0]["ms"].as_u64()), (Some("agent"), Some(0)));
    assert!(cdr["recordings"][0]["why"].as_str().is_some_and(|why| !why.is_empty()), "{cdr}");
    assert_eq!(server.log().matches("is not recorded").count(), 1, "{}", server.log());
}

/// No disk is full here, but a file may have no more than 128 kB.
#[test]
fn a_full_disk_costs_the_rest_of_the_recording_and_not_the_call() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let folder = tempfile::tempdir().expect("a folder");
    let config = configuration(&folder, LISTEN, agent.0.contact(), RECORD);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ && ulimit -f 256 && exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_askonce")).args(["serve", "--config"]).arg(config);
    let mut server = Server::run(folder, command);
    call(&mut caller, server.sip, Vec::new(), script());
    let (_, status) = talk(clock, [&mut caller, &mut agent], &mut |_| ());
    assert_eq!(status, 0, "a BYE");
    server.terminate();
    let cdr = cdr(&server);
    let told = &cdr["recordings"][0];
    assert_eq!(cdr["disposition"], "agent");
    assert!(told["why"].as_str().is_some_and(|why| why.contains("too large")), "{told}");
    let [left, _] = read(&recording(&server));
    assert!((2_000..4_096).contains(&(left.len() / 8)), "what was whole before stays so: {}", left.len());
    assert_eq!(server.log().matches("is not recorded").count(), 1, "{}", server.log());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_any_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = "record: { audio: true, folder: /dev/null/sound }";
    let path = configuration(&folder, LISTEN, std::net::SocketAddr::from(([127, 0, 0, 1], 9)), record);
    let said = crate::refused(&["serve", "--config", path.to_str().expect("a name")]);
    assert!(said.contains("/dev/null/sound") && said.contains("remedy"), "{said}");
}
