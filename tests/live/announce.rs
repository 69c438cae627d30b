//! An announcement by telephone: recorded in one call, heard in the next ones, switched on and off.

use crate::server::{Server, TOKEN};
use crate::{PATIENCE, set};
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::sip::Uri;
use askonce::time::Duration;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// What other callers hear, by the same prompt.
const TOLD: &str = "askonce: 1
flow: told
prompts: announce-desk
blocks:
  start:
    - if: switch.storm
      then: storm
    - say: failed
    - hangup
  storm:
    - say: storm
    - hangup
";

const PLACE: &str = "askonce: 1
listen: { sip: [udp:127.0.0.1:0], rtp: { ports: 21000-28999 }, http: 127.0.0.1:0 }
flows: [flows/]
store: askonce.db
trunks: { local: { from: [127.0.0.0/8] } }
numbers: { \"100\": announce-desk, \"*\": told }
destinations: { desk: { to: [\"sip:desk@127.0.0.1:9\"] } }
switches: { storm: false }
secrets: { announce_pin: { file: pin } }
announcements: { flows: [announce-desk] }
";

fn place() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let flows = folder.path().join("flows");
    std::fs::create_dir(&flows).expect("a folder");
    std::os::unix::fs::symlink(ours.join("announce-desk"), flows.join("announce-desk")).expect("a link");
    std::fs::copy(ours.join("announce-desk.yaml"), flows.join("announce-desk.yaml")).expect("a flow");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("flows/told.yaml", TOLD);
    write("pin", "2468\n");
    write("askonce.yaml", PLACE);
    let config = folder.path().join("askonce.yaml");
    Server::serve(folder, &["--config", config.to_str().expect("a name")])
}

/// A phone that calls once and again.
struct Caller {
    clock: Clock,
    phone: (Net, Phones),
    server: SocketAddr,
}

impl Caller {
    /// What a call to that number hears of a voice: the byte that fills its frames.
    fn dial(&mut self, number: &str, script: &[Act]) -> Option<u8> {
        let (net, phones) = &mut self.phone;
        let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
        let from = uri("+15551230001", net.contact());
        phones.call(self.server, uri(number, self.server), from, Vec::new(), script.into());
        let began = self.clock.now();
        let mut ended = None;
        while ended.is_none() {
            assert!(self.clock.now().since(began) < PATIENCE, "the call did not end");
            net.turn(phones, &mut |_, _, happened| {
                if let Happened::Ended { status, counted, .. } = happened {
                    assert_eq!(status, 0, "a BYE, not a refusal");
                    ended = Some(counted.voice);
                }
            });
            net.wait(phones);
        }
        ended.expect("an end")
    }
}

fn reading(server: &Server) -> Value {
    let (_, told) = server.get("/v1/reload", TOKEN);
    serde_json::from_str::<Value>(&told).expect("JSON")
}

fn storm(server: &Server) -> (bool, String) {
    let (status, body) = server.get("/v1/switches", TOKEN);
    assert_eq!(status, 200, "{body}");
    let switches: Value = serde_json::from_str(&body).expect("JSON");
    let storm = switches.as_array().and_then(|all| all.first()).unwrap_or(&switches["switches"][0]).clone();
    (storm["on"] == true, storm["who"].as_str().map_or_else(String::new, str::to_owned))
}

fn wait(milliseconds: u64) -> Act {
    Act::Wait(Duration::from_millis(milliseconds))
}

fn press(keys: &str) -> Act {
    Act::Press(keys.to_owned())
}

#[test]
fn what_a_manager_says_is_heard_by_the_next_callers_until_it_is_switched_off() {
    let mut server = place();
    let clock = Clock::start();
    let phone = set(0x31, Answering::Refuse(486), clock);
    let mut caller = Caller { clock, phone, server: server.sip };
    assert_eq!(caller.dial("200", &[Act::Stay]), None);
    let before = reading(&server)["at"].clone();
    // The PIN and the menu over their prompts; a key brings the tone, another one ends what is said.
    let records = [
        wait(500),
        press("2468#1"),
        wait(800),
        press("5"),
        wait(3_000),
        press("#"),
        Act::HearVoice,
        press("1"),
        Act::Stay,
    ];
    let own = caller.dial("100", &records);
    assert!(own.is_some(), "the caller hears it back: {}", server.log());
    let (on, who) = storm(&server);
    assert!(on && who.starts_with("call "), "{on} {who}");
    let began = clock.now();
    while reading(&server)["at"] == before {
        assert!(clock.now().since(began) < PATIENCE, "nothing was read again: {}", server.log());
        clock.sleep_until(clock.now() + Duration::from_millis(50));
    }
    assert_eq!(reading(&server)["ok"], true);
    assert_eq!(caller.dial("200", &[Act::Stay]), own, "another caller hears the same");
    let file = server.path("announcements/en/storm.wav");
    let spec = hound::WavReader::open(&file).expect("a whole file").spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 8_000, 16));

    // Who does not know the PIN changes nothing, whoever does switches it off, and a restart finds what was said.
    assert_eq!(caller.dial("100", &[wait(500), press("1357#"), wait(500), press("12"), Act::HangUp]), None);
    assert!(storm(&server).0);
    assert_eq!(caller.dial("100", &[wait(500), press("2468#2"), Act::Stay]), None);
    assert!(!storm(&server).0);
    assert_eq!(caller.dial("200", &[Act::Stay]), None);
    server.terminate();
    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    assert!(!records.contains("2468") && !server.log().contains("2468"), "{records}");
    assert!(std::fs::read_dir(server.path("recordings")).expect("a folder").next().is_none(), "no take is a file");
}
