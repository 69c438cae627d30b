//! What an operator sees and sets: readiness, metrics, switches, the log, and what systemd hears.

use crate::server::{Server, TOKEN, askonce, configuration};
use crate::{answers, call, script, set, talk};
use askonce::os::clock::Clock;
use askonce::peer::Answering;
use askonce::time::Duration;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// `PUT path` with the token; the status and what follows the head.
fn put(server: &Server, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.http).expect("a connection");
    stream.set_read_timeout(Some(crate::PATIENCE)).expect("a deadline");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a head").1.to_owned())
}

#[test]
fn every_metric_is_documented_and_a_call_is_counted_without_a_word_of_its_caller() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::configured(folder, "udp:127.0.0.1:0, tcp:127.0.0.1:0", agent.0.contact(), "");
    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, _) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!(invites.len(), 1);
    let (status, page) = server.get("/metrics", "");
    assert_eq!(status, 200);
    for line in [
        "askonce_calls_begun_total 1",
        "askonce_setup_seconds_count 1",
        "askonce_steps_total{flow=\"account-desk\",verb=\"collect\"} 1",
        "askonce_engine_events_total{event=\"no_ports\"} 0",
        "askonce_media_events_total{event=\"reports_unbound\"} 0",
        "# TYPE askonce_handoffs counter",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line:?} in\n{page}");
    }
    assert!(!page.contains("7992739871") && !page.contains("5551230001"), "{page}");

    let docs = include_str!("../../docs/operating.md");
    let listed: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("askonce_"))
        .collect();
    let named: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(listed, named, "docs/operating.md lists the metrics");
    let events = page.lines().filter_map(|line| line.split("event=\"").nth(1)?.split('"').next());
    let untold: Vec<&str> = events.filter(|event| !docs.contains(&format!("`{event}`"))).collect();
    assert!(untold.is_empty(), "docs/operating.md says nothing of {untold:?}");

    server.terminate();
}

#[test]
fn who_drains_is_alive_and_not_ready() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::start(agent.0.contact(), &[]);
    assert_eq!((server.get("/livez", "").0, server.get("/readyz", "").0), (200, 200));
    assert_eq!(server.get("/v1/reload", "another-token-altogether").0, 401);
    call(&mut caller, server.sip, Vec::new(), script());
    let (_, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {
        let sent = Command::new("kill").args(["-TERM", &server.pid().to_string()]).status().expect("kill");
        assert!(sent.success());
        let since = clock.now();
        let told = loop {
            let (status, told) = server.get("/readyz", "");
            if status != 200 {
                break told;
            }
            assert!(clock.now().since(since) < crate::PATIENCE, "it does not drain: {told}");
        };
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((&told["ready"], &told["draining"]), (&false.into(), &true.into()), "{told}");
        assert_eq!(server.get("/livez", "").0, 200);
    });
    assert_eq!(status, 0, "the call comes to its end");
    server.terminate();
}

#[test]
fn a_switch_is_set_with_the_token_for_a_time_and_stays_so_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let path = configuration(&folder, "udp:127.0.0.1:0", nobody, "switches: { storm: false }\n");
    let path = path.to_str().expect("a name").to_owned();
    let mut server = Server::serve(folder, &["--config", &path]);
    let storm = "/v1/switches/storm";
    for (path, token, body, status) in [
        (storm, "another-token-altogether", "{\"on\": true}", 401),
        ("/v1/switches/strom", TOKEN, "{\"on\": true}", 404),
        (storm, TOKEN, "{\"on\": \"yes\"}", 400),
        (storm, TOKEN, "{\"on\": true, \"for\": \"-2h\"}", 400),
        (storm, TOKEN, "{\"on\": true, \"foor\": \"2h\"}", 400),
        (storm, TOKEN, "{\"on\": true, \"for\": \"2h\"}", 200),
    ] {
        let (told, body) = put(&server, path, token, body);
        assert_eq!(told, status, "{path} {body}");
    }
    let stands = |server: &Server| {
        let (status, body) = server.get("/v1/switches", TOKEN);
        assert_eq!(status, 200, "{body}");
        let all: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        (all[0]["on"].clone(), all[0]["who"].clone(), all[0]["until"].is_string())
    };
    assert_eq!(stands(&server), (true.into(), "api".into(), true));
    assert!(server.log().contains("a switch was set"), "{}", server.log());
    server.kill();
    let mut server = Server::serve(server.into_folder(), &["--config", &path]);
    assert_eq!(stands(&server), (true.into(), "api".into(), true));
    server.terminate();
}

#[test]
fn systemd_hears_that_it_is_ready_that_it_lives_and_that_it_stops_and_the_log_is_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
    let hear = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).expect("a state");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let path = configuration(&folder, "udp:127.0.0.1:0", nobody, "");
    let mut command = askonce();
    command.arg("serve").arg("--config").arg(&path).args(["--log", "json"]);
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "200000");
    let mut server = Server::run(folder, command);
    let heard: BTreeSet<String> = (0..3).map(|_| hear()).collect();
    assert_eq!(heard.into_iter().collect::<Vec<_>>(), ["READY=1", "WATCHDOG=1"]);
    server.terminate();
    assert!((0..100).any(|_| hear() == "STOPPING=1"));
    let log = server.log();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|line| line["message"] == "ended" && line["level"] == "INFO"), "{log}");
}
