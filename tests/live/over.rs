//! `askonce replay --over`: recorded calls placed by real phones, at our own server and at systems that do other things.

use crate::server::{Server, askonce};
use crate::set;
use askonce::flow::script::{Opening, Script};
use askonce::os::clock::Clock;
use askonce::peer::{Act, Answering};
use askonce::random::Random;
use askonce::record::Fixture;
use askonce::replay::stage::{self, Place};
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use tempfile::TempDir;

const FLOW: &str = "askonce: 1
flow: shop
facts:
  account: { type: digits, length: 2, known: [header.X-Account], ask: [ask, ask], confirm: readback }
queues: { desk: { to: desk } }
blocks:
  start:
    - say: welcome
    - collect: account
      else: continue
    - say: connecting
    - agent: desk
      needs: [account]
      whisper: whisper
      else: sorry
  sorry: [{ say: sorry }, hangup]
";
const TEXTS: &str = "welcome: Welcome.
ask: Your account?
readback: \"It is {account}? Then press 1.\"
connecting: One moment.
whisper: A caller.
sorry: Nobody is there.
";
const CLIPS: [&str; 7] = ["welcome", "ask", "readback.1", "readback.2", "connecting", "whisper", "sorry"];
/// Nobody takes longer than that to answer, to talk and to hang up.
const QUICK: u64 = 600_000;

/// A folder with the flow and its prompts: short noises, each its own.
fn shop() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let prompts = folder.path().join("prompts");
    std::fs::create_dir_all(prompts.join("en")).expect("a folder");
    std::fs::write(prompts.join("en.yaml"), TEXTS).expect("a catalogue");
    std::fs::write(folder.path().join("shop.yaml"), FLOW).expect("a flow");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    for (seed, clip) in (1..).zip(CLIPS) {
        let mut random = Random::from_seed(seed);
        let mut wav = hound::WavWriter::create(prompts.join(format!("en/{clip}.wav")), spec).expect("a file");
        for _ in 0..3_000 {
            wav.write_sample(random.below(8_000) as i16 - 4_000).expect("written");
        }
        wav.finalize().expect("written");
    }
    folder
}

/// A server of that flow, whose people are at `agent`; `carriers` say what goes along to them.
fn serve(flow: &str, agent: SocketAddr, carriers: &str) -> Server {
    let folder = shop();
    std::fs::write(folder.path().join("shop.yaml"), flow).expect("a flow");
    let config = folder.path().join("askonce.yaml");
    std::fs::write(&config, configuration(agent, carriers)).expect("a configuration");
    Server::serve(folder, &["--config", config.to_str().expect("a name")])
}

fn configuration(agent: SocketAddr, carriers: &str) -> String {
    format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [shop.yaml]
store: askonce.db
trunks: {{ local: {{ from: [127.0.0.0/8], trust: [uui, headers] }} }}
numbers: {{ \"*\": shop }}
destinations: {{ desk: {{ to: [\"sip:desk@{agent}\"], trusted: true, carriers: {carriers} }} }}
"
    )
}

const ALL: &str = "[uui-isdn, headers, body]";

/// Told calls of the shop, kept in `recordings`.
fn record(shop: &Path, calls: &[(&str, &str)]) {
    let (service, findings) = files::load(&Disk, &shop.join("shop.yaml"));
    let service = service.unwrap_or_else(|| panic!("{}", findings.render()));
    let config = shop.join("askonce.yaml");
    std::fs::write(&config, configuration(SocketAddr::from(([127, 0, 0, 1], 9)), ALL)).expect("a configuration");
    let (config, findings) = askonce::server::read_config(&Disk, &config);
    let config = config.unwrap_or_else(|| panic!("{}", findings.render()));
    let place = Place::of(&config, &service.program.flow).expect("a number");
    for (number, (name, script)) in (1..).zip(calls) {
        let script: Script = script.parse().expect("a script");
        let opening = Opening { from: Some(format!("+1555123000{number}")), ..script.opening.clone() };
        let script = Script { opening, ..script };
        let performed = stage::perform(&service.program, &service.arena, &place, &script).expect("performed");
        let folder = shop.join("recordings").join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let text = quick(performed.fixture).write().expect("a recording");
        std::fs::write(folder.join("call.jsonl"), text).expect("written");
    }
}

/// The same call with people who never take long.
fn quick(mut fixture: Fixture) -> Fixture {
    let (mut before, mut now) = (0, 0);
    for line in &mut fixture.lines {
        now += (line.t - before).min(QUICK);
        before = std::mem::replace(&mut line.t, now);
    }
    fixture
}

fn free() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port")
}

fn replay(shop: &Path, server: SocketAddr, agent: SocketAddr, window: u32, more: &[&str]) -> Child {
    let mut command = askonce();
    command.arg("replay").arg(shop.join("recordings")).arg("--flows").arg(shop);
    command.args(["--over", &format!("sip:{server}"), "--agent", &agent.to_string(), "--window", &window.to_string()]);
    command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("askonce replay")
}

/// Whether all passed, and what was told.
fn told(child: Child) -> (bool, String) {
    let out = child.wait_with_output().expect("its end");
    let text = String::from_utf8([out.stdout, out.stderr].concat()).expect("text");
    (out.status.success(), text)
}

const TALKS: (&str, &str) = ("talks", "press 42\npress 1\nagent hangs-up");
const BUSY: (&str, &str) = ("busy", "press 42\npress 2\npress 43\npress 1\nagent fails");
const KNOWN: (&str, &str) = ("known", "header X-Account=77\nagent hangs-up");
const GONE: (&str, &str) = ("gone", "press 42\nhang-up");

#[test]
fn recorded_calls_pass_over_the_wire_with_keys_of_every_kind() {
    let shop = shop();
    record(shop.path(), &[TALKS, BUSY, KNOWN, GONE]);
    let mut servers: Vec<(Server, Child)> = ["rtp", "info", "inband"]
        .map(|keys| {
            let agent = free();
            let server = serve(FLOW, agent, ALL);
            let child = replay(shop.path(), server.sip, agent, 500, &["--keys", keys, "--jobs", "4"]);
            (server, child)
        })
        .into();
    for (mut server, child) in servers.drain(..) {
        let (passed, text) = told(child);
        assert!(passed && text.contains("4 replayed, 4 passed, 0 failed"), "{text}\n{}", server.log());
        assert!(text.contains("not judged: facts"), "{text}");
        server.terminate();
        let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
        assert_eq!(records.matches("\"disposition\":\"agent\"").count(), 2, "{records}");
    }
}

#[test]
fn what_the_served_flow_does_otherwise_is_told() {
    let shop = shop();
    record(shop.path(), &[TALKS]);
    let agent = free();
    let swapped = FLOW.replace("    - say: welcome\n", "    - say: sorry\n    - say: welcome\n");
    let mut other = serve(&swapped, agent, "[uui-isdn]");
    let (passed, text) = told(replay(shop.path(), other.sip, agent, 200, &[]));
    assert!(!passed, "{text}");
    for wanted in [
        "path at start.1 (line 8): the order of prompts: the caller hears en/welcome -> the caller hears en/sorry",
        "hand-off at start.4 (line 12): X-Account: a value -> nothing",
        "hand-off at start.4 (line 12): X-Askonce-Context: a value -> nothing",
        "hand-off at start.4 (line 12): body, account: a value -> nothing",
        "timing at start.1 (line 8): the caller hears en/welcome, after the call is answered: 0.00 s after -> 0.3",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
    assert!(!text.contains("42") && !text.contains("User-to-User, account"), "{text}");
    let (_, path) = told(replay(shop.path(), other.sip, agent, 500, &["--layers", "path", "--format", "json"]));
    assert!(path.contains("\"layer\": \"path\"") && !path.contains("hand-off"), "{path}");
    other.terminate();
}

#[test]
fn systems_that_are_silent_dead_or_send_us_away_cost_seconds() {
    let shop = shop();
    record(shop.path(), &[TALKS, KNOWN]);
    let quick = ["--patience", "1500"];
    let dead = replay(shop.path(), free(), free(), 500, &quick);
    let answer = |answering, layers: &[&str]| {
        let (mut net, mut phones) = set(0x31, answering, Clock::start());
        let more = [&quick[..], layers].concat();
        let mut child = replay(shop.path(), net.contact(), free(), 500, &more);
        while child.try_wait().expect("its state").is_none() {
            net.turn(&mut phones, &mut |_, _, _| {});
            net.wait(&phones);
        }
        told(child)
    };
    let (passed, text) = answer(Answering::Answer { after: Duration::ZERO, script: [Act::Stay].into() }, &[]);
    let silent =
        "prompts at start.1 (line 8): what did not come: the caller hears en/welcome -> nothing of it 2.00 s after";
    assert!(!passed && text.contains(silent) && text.contains("2 replayed, 0 passed, 2 failed"), "{text}");
    let (passed, text) = answer(Answering::Refuse(404), &[]);
    assert!(!passed && text.contains("the end: the call is answered -> the call is refused with 404"), "{text}");
    let (passed, text) = answer(Answering::Refuse(404), &["--layers", "path"]);
    assert!(!passed && text.contains("could not be judged to its end: disposition"), "{text}");
    let (passed, text) = told(dead);
    assert!(
        !passed && text.contains("nobody answers at udp:127.0.0.1:") && text.contains("see that it runs"),
        "{text}"
    );
    assert!(text.contains("1 more recordings were not tried"), "{text}");
}

#[test]
fn what_cannot_be_placed_is_refused_with_a_remedy() {
    let shop = shop();
    record(shop.path(), &[TALKS]);
    let recordings = shop.path().join("recordings").display().to_string();
    for (more, told) in [
        (&["--over", "127.0.0.1"][..], "write sip:host:port"),
        (&["--over", "sip:127.0.0.1;transport=tcp"], "over UDP only"),
        (&["--over", "sip:127.0.0.1:9", "--agent", "192.0.2.1:5060"], "192.0.2.1"),
        (&["--agent", "127.0.0.1:0"], "--over"),
    ] {
        let out = askonce().arg("replay").arg(&recordings).args(more).output().expect("askonce replay");
        let said = String::from_utf8(out.stderr).expect("text");
        assert!(!out.status.success() && said.contains(told), "{more:?}: {said}");
    }
}
