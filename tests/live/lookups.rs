//! Lookups against servers that are slow, dead, lying and worse: each flow takes its exit in time, and its caller hears
//! no dead air and no other call's trouble.

use crate::desk::{Asked, say, serve};
use crate::server::Server;
use crate::{PATIENCE, set};
use askonce::os::clock::Clock;
use askonce::peer::{Act, Answering, Happened};
use askonce::sip::Uri;
use askonce::time::Duration;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

/// Of each lookup.
const LIMIT: u64 = 3_000;
/// The server, what the flow does then, and how long the lookup takes at most (milliseconds).
const CASES: [(&str, &str, u64); 15] = [
    ("quick", "gold", 300),
    ("late", "gold", LIMIT),
    ("unknown", "unknown", 300),
    ("refuses", "refuses", 300),
    ("silent", "slow", LIMIT + 200),
    ("drips", "slow", LIMIT + 200),
    ("dead", "broken", 300),
    ("fails", "broken", 300),
    ("sends-on", "broken", 300),
    ("shorter", "broken", 300),
    ("no-json", "broken", 300),
    ("html", "broken", 300),
    ("endless", "broken", 1_500),
    ("private", "broken", 300),
    // It answers, but not with what was asked for.
    ("other", "plain", 300),
];

const FLOW: &str = "askonce: 1
flow: NAME
lookups:
  crm: { get: \"NAME:/phone/{caller.number}\", timeout: 3s, auth: token, gives: { tier: { type: text, default: plain } } }
blocks:
  start:
    - say: welcome
    - lookup: crm
      none: unknown
      refused: refuses
      slow: slow
      else: broken
    - if: crm.tier == 'gold'
      then: gold
    - goto: plain
  gold: [{ say: call_later }, hangup]
  plain: [{ say: call_later }, hangup]
  unknown: [{ say: call_later }, hangup]
  refuses: [{ say: call_later }, hangup]
  slow: [{ say: call_later }, hangup]
  broken: [{ say: call_later }, hangup]
";

fn answer(asked: &Asked, stream: &mut TcpStream) {
    let (json, gold) = ("application/json", r#"{"tier": "gold", "other": [1]}"#);
    assert_eq!(asked.header("authorization"), "Bearer token-of-the-crm");
    // It is the server that is slow: the test itself waits on what its phones hear.
    let pause = |millis| std::thread::sleep(Duration::from_millis(millis));
    match asked.path.split('/').nth(1).expect("a case") {
        "quick" => say(stream, 200, json, gold),
        "late" => {
            pause(2_500);
            say(stream, 200, json, gold);
        }
        "unknown" => say(stream, 404, "text/html", "<html>"),
        "refuses" => say(stream, 403, json, "{}"),
        "silent" => pause(2 * LIMIT),
        "drips" => {
            for byte in "HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".bytes() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                pause(100);
            }
        }
        "fails" => say(stream, 500, json, gold),
        "sends-on" => {
            let _ = write!(stream, "HTTP/1.1 302 X\r\nLocation: /quick/phone/1\r\nContent-Length: 0\r\n\r\n");
        }
        "shorter" => {
            let _ = write!(stream, "HTTP/1.1 200 X\r\nContent-Type: {json}\r\nContent-Length: 99\r\n\r\n{gold}");
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        "no-json" => say(stream, 200, json, "{\"tier\": gold}"),
        "html" => say(stream, 200, "text/html", "<html>log in</html>"),
        "endless" => {
            let _ = write!(stream, "HTTP/1.1 200 X\r\nContent-Type: {json}\r\n\r\n{{\"tier\": \"");
            let chunk = [b'a'; 65_536];
            let mut left = 100_000_000;
            while left > 0 && stream.write_all(&chunk).is_ok() {
                left -= chunk.len().min(left);
            }
        }
        "other" => say(stream, 200, json, r#"{"tier": {"name": "gold"}}"#),
        path => panic!("{path} was asked for"),
    }
}

fn place(folder: &Path, port: u16) {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let (mut endpoints, mut flows, mut numbers) = (String::new(), String::new(), String::new());
    for (number, (name, ..)) in (100..).zip(CASES) {
        let port = if name == "dead" { dead } else { port };
        let host = if name == "private" { "localhost" } else { "127.0.0.1" };
        let _ = writeln!(endpoints, "  {name}: \"http://{host}:{port}/{name}\"");
        let _ = write!(flows, "{name}.yaml, ");
        let _ = write!(numbers, "\"{number}\": {name}, ");
        std::fs::write(folder.join(format!("{name}.yaml")), FLOW.replace("NAME", name)).expect("a flow");
    }
    let prompts = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/prompts");
    std::os::unix::fs::symlink(prompts, folder.join("prompts")).expect("the prompts");
    std::fs::write(folder.join("token-of-crm"), "token-of-the-crm\n").expect("a secret");
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{flows}]
store: askonce.db
record: {{ audio: true, folder: sound }}
trunks: {{ local: {{ from: [127.0.0.0/8] }} }}
numbers: {{ {numbers} }}
secrets: {{ token: {{ file: token-of-crm }} }}
endpoints:
{endpoints}"
    );
    std::fs::write(folder.join("askonce.yaml"), config).expect("a configuration");
}

/// The longest time without sound that a caller heard, between the first and the last sound.
fn dead_air(server: &Server, record: &Value) -> Duration {
    let file = record["recordings"][0]["file"].as_str().expect("a file");
    let mut wav = hound::WavReader::open(server.path("sound").join(file)).expect("a recording");
    let heard: Vec<i16> = wav.samples().skip(1).step_by(2).map(|sample| sample.expect("a sample")).collect();
    let sounds: Vec<usize> = (0..heard.len()).filter(|at| heard[*at].unsigned_abs() > 100).collect();
    let longest = sounds.windows(2).map(|pair| pair[1] - pair[0]).max().expect("a prompt");
    Duration::from_micros(longest as u64 * 125)
}

#[test]
fn whatever_the_other_side_does_the_flow_takes_its_exit_in_time_and_the_caller_hears_no_dead_air() {
    let (desk, log) = serve(answer);
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), desk.port());
    let config = folder.path().join("askonce.yaml").display().to_string();
    let mut server = Server::serve(folder, &["--config", &config]);
    let clock = Clock::start();
    let (mut net, mut phones) = set(0x31, Answering::Refuse(486), clock);
    let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
    for (number, _) in (100..).zip(CASES) {
        let from = uri("+15551230001", net.contact());
        phones.call(server.sip, uri(&number.to_string(), server.sip), from, Vec::new(), [Act::Stay].into());
    }
    let (mut ended, began) = (Vec::new(), clock.now());
    while ended.len() < CASES.len() {
        assert!(clock.now().since(began) < PATIENCE, "{} of {} calls ended", ended.len(), CASES.len());
        net.turn(&mut phones, &mut |_, _, happened| {
            if let Happened::Ended { status, counted, .. } = happened {
                ended.push((status, counted.lost, counted.pauses));
            }
        });
        net.wait(&phones);
    }
    assert!(ended.iter().all(|end| *end == (0, 0, 0)), "status, lost packets, pauses: {ended:?}");
    // What lies between two packets of a call, of which all were under way while the others waited.
    let gaps = &phones.gaps;
    let (usual, most) = (gaps.percentile(0.99), gaps.most());
    assert!(usual < Duration::from_millis(40), "99 % of {} gaps within {usual:?}, all within {most:?}", gaps.total());
    server.terminate();

    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| records.iter().find(|record| record["flow"] == name).unwrap_or_else(|| panic!("no {name}"));
    let least = of("quick")["answered_ms"].as_u64().expect("a time");
    for (name, exit, limit) in CASES {
        let record = of(name);
        assert_eq!(
            record["blocks"].as_array().and_then(|blocks| blocks.last()),
            Some(&exit.into()),
            "{name}: {record}"
        );
        let took = record["answered_ms"].as_u64().expect("a time").saturating_sub(least);
        assert!(took <= limit, "{name} took {took} ms");
        let silence = dead_air(&server, record);
        assert!(silence < Duration::from_secs(2), "{name}: {silence:?} of dead air");
    }
    let asked = log.lock().expect("a log").len();
    assert_eq!(asked, CASES.len() - 2, "the dead one and the private one heard nothing, and nobody was asked twice");
    assert!(!server.log().contains("15551230001"), "{}", server.log());
}
