//! The torture messages of RFC 4475 and RFC 5118: what the reader makes of each, and what the running server answers,
//! which has to be alive after each.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read files and run the program")]

mod driver;
mod server;
mod verdicts;

use askonce::sip::wire;
use driver::{Driver, Heard, Wire};
use server::Server;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use verdicts::{Answer, Fate, Reading, STREAMS, VERDICTS, Verdict};

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
    let server = Server::start();
    let mut driver = Driver::new(Wire::udp(server.udp), "udp");
    let mut untouched = Vec::new();
    for verdict in VERDICTS {
        let message = message(verdict);
        let sent = driver::asking_rport(&message);
        if sent == message && verdict.answer != Answer::Nothing {
            untouched.push(verdict.file);
        }
        let answers = statuses(&[verdict.answer]);
        let heard = driver.play(&sent, answers.len());
        judge(verdict, verdict.why, &answers, &sent, &heard);
    }
    driver.hang_up();
    // Two have a Via that cannot be read, and are answered where they came from; one asks by itself.
    assert_eq!(untouched, ["rfc4475/mpart01", "rfc4475/badinv01", "rfc4475/badvers"]);
    let calls = VERDICTS.iter().filter(|verdict| verdict.answer == Answer::Call).count();
    ended(server, calls);
}

/// As they are, each on a connection of its own.
#[test]
fn the_server_answers_each_over_tcp_and_lives() {
    let server = Server::start();
    let mut open = Vec::new();
    for verdict in VERDICTS {
        match play_over_tcp(server.tcp, verdict) {
            Some(driver) => open.push(driver),
            None => {
                let alive = Driver::new(Wire::tcp(server.tcp), &format!("after-{}", verdict.file)).play(b"", 0);
                assert!(alive.responses.is_empty() && !alive.closed, "{}", verdict.file);
            }
        }
    }
    open.iter_mut().for_each(Driver::hang_up);
    let alike = |verdict: &&Verdict| STREAMS.iter().all(|stream| stream.file != verdict.file);
    let calls = VERDICTS.iter().filter(alike).filter(|verdict| verdict.answer == Answer::Call);
    ended(server, calls.count());
}

/// Gives the driver if its connection lives, with a sign of life behind the message.
fn play_over_tcp(server: SocketAddr, verdict: &Verdict) -> Option<Driver> {
    let message = message(verdict);
    let stream = STREAMS.iter().find(|stream| stream.file == verdict.file);
    let mut driver = Driver::new(Wire::tcp(server), verdict.file);
    let own = [verdict.answer];
    let answers = match stream.map(|stream| &stream.fate) {
        Some(Fate::Waits) => {
            driver.leave_unfinished(verdict.file, &message);
            return None;
        }
        Some(Fate::Closes(answers)) => answers,
        None => &own[..],
    };
    let answers = statuses(answers);
    let heard = driver.play(&message, answers.len());
    let why = stream.map_or(verdict.why, |stream| stream.why);
    judge(verdict, why, &answers, &message, &heard);
    assert_eq!(heard.closed, stream.is_some(), "{}, {why}", verdict.file);
    (!heard.closed).then_some(driver)
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let status = |answer: &Answer| match *answer {
        Answer::Status(status) | Answer::Refused(status) => Some(status),
        Answer::Call => Some(200),
        Answer::Nothing => None,
    };
    answers.iter().filter_map(status).collect()
}

/// The responses have these statuses, in this order.
fn judge(verdict: &Verdict, why: &str, answers: &[u16], sent: &[u8], heard: &Heard) {
    let statuses: Vec<u16> = heard.responses.iter().map(|response| driver::status(response)).collect();
    let Verdict { file, section, .. } = verdict;
    assert_eq!(statuses, answers, "{file}, section {section}, {why}: {:?}", heard.responses);
    for response in &heard.responses {
        driver::check_response(file, sent, response);
    }
}

/// Ends the server: so many calls were answered.
fn ended(mut server: Server, calls: usize) {
    let records = server.end();
    let answered = records.iter().filter(|record| !record["answer"].is_null());
    assert_eq!(answered.count(), calls, "{records:?}");
    // The addresses in these descriptions are third parties': nobody who has not sent an ACK is sent any audio.
    for stream in records.iter().flat_map(|record| record["media"].as_array().expect("a list")) {
        assert_eq!(stream["sent"], 0, "{stream}");
    }
}
