//! The torture messages of RFC 4475 and RFC 5118: what the reader makes of each, and what the running server answers,
//! which has to be alive after each.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read files and run the program")]

mod driver;
mod server;
mod verdicts;

use askonce::sip::wire;
use driver::{Driver, Wire};
use server::Server;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use verdicts::{Answer, Reading, VERDICTS, Verdict};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}

fn message(verdict: &Verdict) -> Vec<u8> {
    std::fs::read(folder().join(verdict.file).with_extension("dat")).expect(verdict.file)
}

#[test]
fn each_message_of_both_rfcs_has_its_verdict() {
    for (rfc, messages) in [("rfc4475", 49), ("rfc5118", 12)] {
        let files = std::fs::read_dir(folder().join(rfc)).expect("the messages");
        let stem = |path: PathBuf| format!("{rfc}/{}", path.file_stem().expect("a name").to_string_lossy());
        let files: BTreeSet<String> = files.map(|file| stem(file.expect("a file").path())).collect();
        let judged = VERDICTS.iter().map(|verdict| verdict.file.to_owned()).filter(|file| file.starts_with(rfc));
        assert_eq!(files, judged.collect());
        assert_eq!(files.len(), messages);
    }
    assert_eq!(VERDICTS.len(), 61, "none is judged twice");
}

#[test]
fn the_reader_takes_and_refuses_what_the_rfcs_say() {
    for verdict in VERDICTS {
        let (reading, reason) = match wire::read(&message(verdict)) {
            Ok(_) => (Reading::Reads, ""),
            Err(malformed) if malformed.request.is_none() => (Reading::Dropped, malformed.reason),
            Err(malformed) => (Reading::Malformed(malformed.status), malformed.reason),
        };
        let Verdict { file, section, why, .. } = verdict;
        assert_eq!(reading, verdict.reading, "{file}, section {section}, {why}: {reason}");
    }
}

#[test]
fn the_server_answers_each_over_udp_and_lives() {
    let mut server = Server::start();
    play_all(Wire::udp(server.sip));
    let calls = VERDICTS.iter().filter(|verdict| verdict.answer == Answer::Call).count();
    let records = server.end();
    let answered = records.iter().filter(|record| !record["answer"].is_null());
    assert_eq!(answered.count(), calls, "{records:?}");
    // The addresses in these descriptions are third parties': nobody who has not sent an ACK is sent any audio.
    for stream in records.iter().flat_map(|record| record["media"].as_array().expect("a list")) {
        assert_eq!(stream["sent"], 0, "{stream}");
    }
}

/// Plays each message, with a sign of life after it.
fn play_all(wire: Wire) {
    let mut driver = Driver::new(wire);
    let mut untouched = Vec::new();
    for verdict in VERDICTS {
        let message = message(verdict);
        let sent = driver::asking_rport(&message);
        if sent == message && verdict.answer != Answer::Nothing {
            untouched.push(verdict.file);
        }
        let heard = driver.play(&sent);
        let statuses: Vec<u16> = heard.iter().map(|response| driver::status(response)).collect();
        let wanted = match verdict.answer {
            Answer::Status(status) => vec![status],
            Answer::Call => vec![100, 200],
            Answer::Refused(status) => vec![100, status],
            Answer::Nothing => vec![],
        };
        let Verdict { file, section, why, .. } = verdict;
        assert_eq!(statuses, wanted, "{file}, section {section}, {why}: {heard:?}");
        for response in &heard {
            driver::check_response(file, &sent, response);
        }
    }
    driver.hang_up();
    // Two have a Via that cannot be read, and are answered where they came from; one asks by itself.
    assert_eq!(untouched, ["rfc4475/mpart01", "rfc4475/badinv01", "rfc4475/badvers"]);
}
