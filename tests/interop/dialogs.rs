//! What happens within a call, with SIPp on either side: reliable answers, session timers, hold, late offers, forks,
//! and callers that are sent away.

use crate::peers::{Sipp, free, reached};
use crate::scenario::{self, AGENT, FORKED, KEYS, RELIABLE, caller};
use crate::server::{AWAY, Server};
use crate::{carries_the_account, header, reached_an_agent, talked};
use askonce::sip::Transport;

/// The attribute that says who sends.
fn direction(message: &str) -> &str {
    let directions = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    message.lines().find(|line| directions.contains(line)).unwrap_or("a=sendrecv")
}

#[test]
fn callers_hold_refresh_and_leave_the_offer_to_us() {
    let kinds = [
        (scenario::late(30), "late"),
        (scenario::insistent(30), "insist"),
        (scenario::holder(30), "hold"),
        (scenario::refresher(30), "refresh"),
    ];
    std::thread::scope(|scope| {
        for (caller, kind) in kinds {
            scope.spawn(move || {
                let at = free();
                let agent = Sipp::answering(AGENT, at);
                let server = Server::start(at);
                let caller = Sipp::calling(&caller, server.sip, KEYS).messages();
                carries_the_account(agent.messages().only("INVITE "));
                talked(&reached_an_agent(&server.records(), "agent"));
                let answers = caller.received("SIP/2.0 200 ");
                let invited = answers.iter().filter(|answer| header(answer, "CSeq")[0].ends_with("INVITE"));
                match kind {
                    "hold" => {
                        let directions: Vec<_> = invited.map(|answer| direction(answer)).collect();
                        assert_eq!(directions, ["a=sendrecv", "a=recvonly", "a=sendrecv"]);
                    }
                    "refresh" => {
                        let timed: Vec<_> = answers.iter().map(|answer| header(answer, "Session-Expires")).collect();
                        assert_eq!(timed[..2], [["90;refresher=uac"], ["90;refresher=uac"]], "INVITE and UPDATE");
                    }
                    _ => assert_eq!(invited.count(), 1),
                }
            });
        }
    });
}

#[test]
fn whoever_is_parked_hears_music_and_both_sides_get_reports() {
    let (at, kept) = (free(), tempfile::tempdir().expect("a folder"));
    let agent = Sipp::answering(&scenario::parks_the_caller(), at);
    let server = Server::recording("pcmu", "off", &format!("sip:agent@{at}"), &kept.path().join("calls"));
    let caller = Sipp::calling(&scenario::parks_the_agent(), server.sip, KEYS).messages();
    for messages in [&caller, &agent.messages()] {
        let answers = messages.received("SIP/2.0 200 ");
        let directions: Vec<_> =
            answers.iter().filter(|answer| answer.contains("m=audio")).map(|a| direction(a)).collect();
        assert_eq!(directions[directions.len() - 2..], ["a=inactive", "a=sendrecv"]);
    }
    let records = server.records();
    reached_an_agent(&records, "agent");
    for leg in records[0]["media"].as_array().expect("legs") {
        assert!(leg["reports"].as_u64() > Some(0), "{leg}");
    }
    let calls = std::fs::read_dir(kept.path().join("calls")).expect("recordings");
    let call = calls.map(|call| call.expect("a folder").path()).next().expect("a call");
    let text = std::fs::read_to_string(call.join("call.jsonl")).expect("a recording");
    let music = |leg: &str| {
        let lines = text.lines().filter(|line| line.contains(r#""out":"play""#) && line.contains(r#""looped":true"#));
        lines.filter(|line| line.contains(&format!(r#""leg":"{leg}""#))).count()
    };
    assert_eq!((music("caller"), music("agent")), (2, 1), "waiting and parked; parked");
}

#[test]
fn the_session_is_refreshed_before_it_expires() {
    let at = free();
    let agent = Sipp::answering(&scenario::patient(), at);
    let server = Server::start(at);
    let caller = Sipp::calling(&scenario::refreshed(), server.sip, KEYS).messages();
    let update = caller.only("UPDATE ");
    assert_eq!(header(update, "Session-Expires"), ["90;refresher=uac"]);
    assert_eq!(header(update, "Content-Length"), ["0"]);
    assert_eq!(agent.messages().received("UPDATE "), [""; 0], "its session lasts half an hour");
    reached_an_agent(&server.records(), "caller");
}

#[test]
fn a_reliable_180_gets_its_prack_and_the_losing_fork_its_bye() {
    std::thread::scope(|scope| {
        for scenario in [RELIABLE, FORKED] {
            scope.spawn(move || {
                let at = free();
                let agent = Sipp::answering(scenario, at);
                let server = Server::start(at);
                Sipp::calling(&caller(9), server.sip, KEYS).messages();
                let agent = agent.messages();
                carries_the_account(agent.only("INVITE "));
                if scenario == RELIABLE {
                    assert_eq!(header(agent.only("PRACK "), "RAck"), ["17 1 INVITE"]);
                } else {
                    let byes: Vec<_> =
                        agent.received("BYE ").iter().map(|bye| header(bye, "To")[0].to_owned()).collect();
                    assert!(byes[0].ends_with("tag=second") && byes[1].ends_with("tag=first"), "{byes:?}");
                }
                reached_an_agent(&server.records(), "caller");
            });
        }
    });
}

#[test]
fn a_caller_is_sent_away_or_taken_back() {
    let ends = [("200 OK", "transferred"), ("486 Busy Here", "failed")];
    let ways = [("u1", Transport::Udp), ("t1", Transport::Tcp)];
    std::thread::scope(|scope| {
        for ((status, disposition), (over, transport)) in ends.into_iter().flat_map(|end| ways.map(|way| (end, way))) {
            scope.spawn(move || {
                let server = Server::serving(AWAY, &reached(free(), transport), "", &[]);
                let caller = scenario::transferred(status, 30);
                let caller = Sipp::calling_over(over, &caller, server.at(transport), KEYS).messages();
                assert!(header(caller.only("REFER "), "Refer-To")[0].contains("X-Askonce-Context="));
                caller.only("BYE ");
                let records = server.records();
                let [cdr] = &records[..] else { panic!("one record, not {records:?}") };
                assert_eq!(cdr["disposition"], disposition, "{cdr}");
            });
        }
    });
}
