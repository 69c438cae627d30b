//! `askonce load` against the service, and against targets that do not do what a caller hopes for.

use crate::server::{Server, TOKEN, askonce};
use crate::{PATIENCE, set_at};
use askonce::os::clock::Clock;
use askonce::peer::{Act, Answering};
use askonce::sip::Transport;
use askonce::time::Duration;
use serde_json::Value;
use std::fmt::Display;
use std::net::SocketAddr;
use std::process::{Child, Stdio};

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
const NOBODY: ([u8; 4], u16) = (LOOPBACK, 9);

pub fn start(target: impl Display, more: &str) -> Child {
    let target = format!("sip:load@{target}");
    let mut command = askonce();
    command.args(["load", "--json", "--target", &target]).args(more.split('|'));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("askonce load")
}

/// The report, and what was told meanwhile. A machine that builds on all cores makes the tool late (exit code 3): what
/// is counted holds all the same.
pub fn report(child: Child, complete: bool) -> (Value, String) {
    let out = child.wait_with_output().expect("its end");
    let told = String::from_utf8(out.stderr).expect("text");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let late = report["tool"]["bottleneck"].as_bool().expect("a verdict");
    let code = if late { 3 } else { i32::from(!complete) };
    assert_eq!(out.status.code(), Some(code), "{report:#}\n{told}");
    (report, told)
}

/// Phones at an address of their own, which live as long as the load tool does.
fn against(answering: Answering, more: &str) -> (Value, String) {
    let (mut net, mut phones) = set_at(SocketAddr::from((LOOPBACK, 0)), 0x42, answering, Clock::start());
    let mut child = start(net.contact(), more);
    while child.try_wait().expect("its state").is_none() {
        net.turn(&mut phones, &mut |_, _, _| {});
        net.wait(&phones);
    }
    report(child, false)
}

fn failures(report: &Value) -> Vec<(String, Option<u64>, u64)> {
    let failures = report["calls"]["failures"].as_array().expect("a list");
    let failure = |failure: &Value| {
        let reason = failure["reason"].as_str().expect("a reason").to_owned();
        (reason, failure["status"].as_u64(), failure["calls"].as_u64().expect("a count"))
    };
    failures.iter().map(failure).collect()
}

fn only(reason: &str, status: Option<u64>, calls: u64) -> Vec<(String, Option<u64>, u64)> {
    vec![(reason.to_owned(), status, calls)]
}

#[test]
fn a_menu_is_measured_in_every_way_that_a_caller_may_speak() {
    let mut server = Server::start(SocketAddr::from(NOBODY), &[]);
    let records = server.path("askonce.cdr.jsonl").display().to_string();
    for (more, heard) in [
        ("--script|1s 12345674# 1s|--rate|20|--calls|6", 9),
        ("--script|1s 1234# 1s|--keys|tones|--calls|2|--rate|9", 5),
        ("--script|1s 1234# 1s|--keys|info|--calls|2|--rate|9", 5),
    ] {
        let (report, told) = report(start(server.sip, &format!("{more}|--records|{records}")), true);
        assert!(told.starts_with(&format!("calling sip:load@{} at udp:{}: ", server.sip, server.sip)), "{told}");
        let calls = &report["calls"];
        let tried = calls["tried"].as_u64().expect("a count");
        assert_eq!((calls["complete"].as_u64(), calls["failed"].as_u64()), (Some(tried), Some(0)), "{report:#}");
        assert_eq!(calls["complete_percent"], 100.0);
        let keys = &report["keys"];
        assert_eq!((&keys["pressed"], &keys["lost"]), (&(tried * heard).into(), &0.into()), "{report:#}");
        let times = &report["times_ms"];
        for (time, count) in [
            ("setup", tried),
            ("first_key_to_silence", tried),
            ("last_key_begin_to_prompt", tried),
            ("last_key_end_to_prompt", tried),
        ] {
            let of = &times[time];
            assert_eq!(of["count"].as_u64(), Some(count), "{time}: {report:#}");
            let [p50, most] = ["p50", "max"].map(|what| of[what].as_f64().expect("a number"));
            assert!(0.0 <= p50 && p50 <= most, "{time}: {report:#}");
        }
        assert!(times["packet_gap"]["count"].as_u64() > Some(tried * 60), "{report:#}");
        assert!(times["turned_away"].is_null());
        let packets = &report["packets"];
        for none in ["lost", "late", "pauses", "strays", "unsent", "forged", "unprotected"] {
            assert_eq!(packets[none], 0, "{none}: {report:#}");
        }
    }
    server.terminate();
}

#[test]
fn calls_may_be_of_any_codec_over_tcp_and_with_srtp() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0, tcp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{}]
store: askonce.db
codecs: [g722, opus, pcma]
trunks: {{ local: {{ from: [127.0.0.0/8], srtp: offered }} }}
numbers: {{ \"*\": account-desk }}
destinations: {{ support: {{ to: [\"sip:agent@127.0.0.1:9\"] }} }}
",
        flow.display(),
    );
    let path = folder.path().join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    let path = path.display().to_string();
    let mut server = Server::serve(folder, &["--config", &path]);
    let [udp, tcp] = [server.sip.to_string(), format!("{};transport=tcp", server.at(Transport::Tcp))];
    for (target, way) in [(&udp, "g722|--srtp|required"), (&udp, "opus"), (&tcp, "pcmu,pcma")] {
        let child = start(target, &format!("--codec|{way}|--calls|2|--rate|9|--script|1s 12# 1s"));
        let (report, _) = report(child, true);
        assert_eq!(report["times_ms"]["first_key_to_silence"]["count"], 2, "{way}: {report:#}");
        assert_eq!((&report["packets"]["forged"], &report["packets"]["lost"]), (&0.into(), &0.into()), "{report:#}");
    }
    server.terminate();
}

#[test]
fn the_tool_s_own_agents_answer_what_the_target_sends_on() {
    let place = std::net::UdpSocket::bind((std::net::IpAddr::from(LOOPBACK), 0)).expect("a port");
    let agents = place.local_addr().expect("an address");
    drop(place);
    let mut server = Server::start(agents, &[]);
    let line = format!("--agents|{agents}|--calls|2|--rate|9|--script|1s 79927398713# 1s 1 4s");
    let (report, _) = report(start(server.sip, &line), true);
    let [sent, received] = ["sent", "received"].map(|what| report["packets"][what].as_u64().expect("a count"));
    // Both sides of each call: the callers 8.1 s, the agents a good second at least.
    assert!(sent > 2 * 9 * 50 && received > 2 * 9 * 50, "{report:#}");
    server.terminate();
    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    assert_eq!(records.matches("\"disposition\":\"agent\"").count(), 2, "{records}");
}

#[test]
fn each_way_to_fail_has_its_name() {
    let silent = std::net::UdpSocket::bind((std::net::IpAddr::from(LOOPBACK), 0)).expect("a port");
    let never = start(silent.local_addr().expect("an address"), "--calls|3|--rate|30|--patience|1");
    let (report, _) = report(never, false);
    assert_eq!(failures(&report), only("not answered in time", None, 3));
    assert_eq!((&report["calls"]["answered"], &report["calls"]["complete_percent"]), (&0.into(), &0.0.into()));
    assert!(report["times_ms"]["setup"].is_null());

    let (report, _) = against(Answering::Refuse(503), "--calls|3|--rate|30");
    assert_eq!(failures(&report), only("refused", Some(503), 3));
    assert_eq!(report["times_ms"]["turned_away"]["count"], 3);

    let at_once = Answering::Answer { after: Duration::ZERO, script: [Act::HangUp].into() };
    let (report, _) = against(at_once, "--calls|3|--rate|30");
    assert_eq!(failures(&report), only("hung up by the target", None, 3));
    assert_eq!(report["calls"]["answered"], 3);

    let (report, _) = against(Answering::Ring, "--calls|2|--rate|30|--patience|0.5");
    assert_eq!(failures(&report), only("not answered in time", None, 2));

    let talks = Answering::Answer { after: Duration::ZERO, script: [Act::Stay].into() };
    let (report, _) = against(talks, "--calls|2|--rate|30|--script|200ms|--srtp|required");
    assert_eq!(failures(&report), only("refused", Some(488), 2));
}

#[test]
fn an_answer_without_media_is_no_complete_call() {
    let target = std::net::UdpSocket::bind((std::net::IpAddr::from(LOOPBACK), 0)).expect("a port");
    target.set_read_timeout(Some(Duration::from_millis(50))).expect("a deadline");
    let mut child = start(target.local_addr().expect("an address"), "--calls|1|--script|300ms");
    let mut buffer = [0; 4096];
    while child.try_wait().expect("its state").is_none() {
        let Ok((length, source)) = target.recv_from(&mut buffer) else { continue };
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if request.starts_with("ACK") {
            continue;
        }
        let kept =
            |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
        let tagged = |line: &str| {
            if line.starts_with("To:") && !line.contains("tag=") { format!("{line};tag=1") } else { line.to_owned() }
        };
        let head: Vec<String> = request.lines().take_while(|line| !line.is_empty()).filter(kept).map(tagged).collect();
        let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
        let body = if request.starts_with("INVITE") { body } else { "" };
        let answer = format!(
            "SIP/2.0 200 OK\r\n{}\r\nContact: <sip:{}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            head.join("\r\n"),
            target.local_addr().expect("an address"),
            body.len(),
        );
        target.send_to(answer.as_bytes(), source).expect("sent");
    }
    let (report, _) = report(child, false);
    assert_eq!(failures(&report), only("answered without a packet of audio", None, 1));
}

#[test]
fn whoever_stops_a_run_leaves_no_call_standing() {
    let mut server = Server::start(SocketAddr::from(NOBODY), &["--trace"]);
    let child = start(server.sip, "--calls|1000|--rate|20|--script|60s");
    let clock = Clock::start();
    while !server.get("/v1/calls", TOKEN).1.contains("account-desk") {
        assert!(clock.now().as_micros() < PATIENCE.as_micros() as u64, "no call came");
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let (report, told) = report(child, false);
    let [reason] = &failures(&report)[..] else { panic!("{report:#}") };
    assert_eq!((reason.0.as_str(), report["calls"]["tried"].as_u64()), ("stopped", Some(reason.2)), "{told}");
    // Half an hour of drain, if one stood.
    server.terminate();
}

#[test]
fn too_much_and_too_wrong_is_refused_with_a_remedy() {
    for (more, told) in [("--rate|500", "add --heavy"), ("--codec|speex", "pcmu"), ("--script|2x", "write")] {
        let out = start(SocketAddr::from(NOBODY), more).wait_with_output().expect("its end");
        let said = String::from_utf8(out.stderr).expect("text");
        assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.contains(told) || more.starts_with("--script") && said.contains("neither a wait"), "{said}");
    }
}
