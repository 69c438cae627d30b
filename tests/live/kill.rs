//! A service that is killed in the middle of a call, at whatever moment: the next one on its store finds the context if
//! the agent rang, writes the call's record, tells both sides that the call is over, and delivers what was to be told.

use crate::desk::{self, Asked, Log, say};
use crate::server::{Server, TOKEN};
use crate::{ACCOUNT, PATIENCE, answers, call, script, set};
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::time::{Duration, Instant};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// What a call did within this time before the kill the next service need not know: the store commits every 10 ms what
/// nobody waits for. Other tests take their time of this machine as well.
const COMMITTED: Duration = Duration::from_millis(150);
const KEY: &str = "a-key-of-the-desk";

/// What is seen of a call from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Answered,
    /// The account is keyed, and then that it is right.
    Keyed,
    Confirmed,
    Invited,
    AgentAnswered,
    Bridged,
    AgentGone,
}

/// The moments: that long after that.
const MOMENTS: [(Seen, u64); 17] = [
    (Seen::Answered, 0),
    (Seen::Answered, 200),
    (Seen::Answered, 1_500),
    (Seen::Keyed, 0),
    (Seen::Keyed, 400),
    (Seen::Confirmed, 0),
    (Seen::Confirmed, 30),
    (Seen::Invited, 0),
    (Seen::Invited, 20),
    (Seen::Invited, 100),
    (Seen::Invited, 400),
    (Seen::AgentAnswered, 0),
    (Seen::AgentAnswered, 200),
    (Seen::Bridged, 0),
    (Seen::Bridged, 200),
    (Seen::AgentGone, 0),
    (Seen::AgentGone, 30),
];

/// Both sides of a call, and when what was seen of it.
struct Call {
    clock: Clock,
    caller: (Net, Phones),
    agent: (Net, Phones),
    seen: Vec<(Seen, Instant)>,
    keyed: usize,
    references: Vec<String>,
    /// Whether each of the two was told that it is over.
    told: [bool; 2],
}

impl Call {
    fn turn(&mut self) {
        let now = self.clock.now();
        let (seen, keyed) = (&mut self.seen, &mut self.keyed);
        let told = &mut self.told;
        self.caller.0.turn(&mut self.caller.1, &mut |_, _, happened| match happened {
            Happened::Answered { .. } => seen.push((Seen::Answered, now)),
            Happened::Pressed => {
                *keyed += 1;
                seen.push((if *keyed == 1 { Seen::Keyed } else { Seen::Confirmed }, now));
            }
            Happened::HeardVoice => seen.push((Seen::Bridged, now)),
            Happened::Ended { by_us, .. } => told[0] |= !by_us,
            _ => {}
        });
        let references = &mut self.references;
        self.agent.0.turn(&mut self.agent.1, &mut |_, _, happened| match happened {
            Happened::Invited(invite) => {
                references.push(invite.headers.get("X-Askonce-Context").expect("a reference").to_owned());
                seen.push((Seen::Invited, now));
            }
            Happened::Answered { .. } => seen.push((Seen::AgentAnswered, now)),
            // The agent's phone hears the caller first, and hangs up 300 ms later.
            Happened::HeardVoice => seen.push((Seen::Bridged, now)),
            Happened::Ended { by_us, .. } => {
                told[1] |= !by_us;
                if by_us {
                    seen.push((Seen::AgentGone, now));
                }
            }
            _ => {}
        });
        self.caller.0.wait(&self.caller.1);
    }

    fn at(&self, what: Seen) -> Option<Instant> {
        self.seen.iter().find(|(seen, _)| *seen == what).map(|(_, at)| *at)
    }

    /// Goes on until it is so.
    fn until(&mut self, what: &str, mut so: impl FnMut(&Call) -> bool) {
        let began = self.clock.now();
        while !so(self) {
            assert!(self.clock.now().since(began) < PATIENCE, "not {what}: {:?}, told {:?}", self.seen, self.told);
            self.turn();
        }
    }
}

fn serve(folder: TempDir, agent: SocketAddr, desk: SocketAddr) -> Server {
    std::fs::write(folder.path().join("key"), KEY).expect("a secret");
    let flow = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/account-desk.yaml");
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{flow}]
store: askonce.db
trunks: {{ local: {{ from: [127.0.0.0/8] }} }}
numbers: {{ \"*\": account-desk }}
secrets: {{ desk_key: {{ file: key }} }}
endpoints: {{ desk: \"http://{desk}\" }}
destinations:
  support:
    to: [\"sip:agent@{agent}\"]
    trusted: true
    carriers: [headers, webhook]
    webhook: {{ to: \"desk:/calls\", secret: desk_key }}
"
    );
    let path = folder.path().join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    Server::serve(folder, &["--config", path.to_str().expect("a name")])
}

/// Kills a service at that moment of a call, starts the next one, and looks at what became of the call.
fn killed(moment: (Seen, u64)) {
    let clock = Clock::start();
    let open = Arc::new(AtomicBool::new(false));
    let opened = open.clone();
    // It takes nothing before the kill: what arrives then has waited in the outbox.
    let (address, log) = desk::serve(move |_: &Asked, stream: &mut TcpStream| {
        say(stream, if opened.load(Ordering::SeqCst) { 200 } else { 503 }, "text/plain", "");
    });
    let stays = Answering::Answer { after: Duration::from_millis(200), script: [Act::HearVoice, Act::Stay].into() };
    let answering = match moment.0 {
        Seen::Invited => Answering::Ring,
        Seen::AgentGone => answers(),
        _ => stays,
    };
    let (caller, agent) = (set(0x31, Answering::Refuse(486), clock), set(0x42, answering, clock));
    let at = agent.0.contact();
    let mut server = serve(tempfile::tempdir().expect("a folder"), at, address);
    let (seen, references) = (Vec::new(), Vec::new());
    let mut talk = Call { clock, caller, agent, seen, keyed: 0, references, told: [false; 2] };
    call(&mut talk.caller, server.sip, Vec::new(), script());
    let after = Duration::from_millis(moment.1);
    talk.until("so far", |talk| talk.at(moment.0).is_some_and(|at| talk.clock.now() >= at + after));
    server.kill();
    let killed = clock.now();
    let before = delivered(&log);
    log.lock().expect("a log").clear();
    open.store(true, Ordering::SeqCst);
    let mut next = serve(server.into_folder(), at, address);

    let long_before = |what| talk.at(what).is_some_and(|at| killed.since(at) > COMMITTED);
    // One that answers within that time is known as a phone that rings, and its CANCEL comes too late.
    let agent = if talk.at(Seen::AgentAnswered).is_some() { Seen::AgentAnswered } else { Seen::Invited };
    let answered = [Seen::Answered, agent].map(long_before);
    let over = talk.at(Seen::AgentGone).is_some();
    talk.until("told", |talk| over || [0, 1].iter().all(|side| !answered[*side] || talk.told[*side]));
    for reference in &talk.references {
        let (status, context) = next.get(&format!("/v1/contexts/{reference}"), TOKEN);
        assert!(status == 200 && context.contains(ACCOUNT), "{moment:?}: {status} {context}");
    }
    if !talk.references.is_empty() {
        talk.until("delivered", |_| delivered(&log).iter().any(|(_, event)| event == "ended"));
    }
    next.terminate();
    let records = std::fs::read_to_string(next.path("askonce.cdr.jsonl")).expect("the call records");
    let mut records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    // At least once: a line may have been written right before the kill.
    records.dedup();
    if answered[0] {
        let [record] = &records[..] else { panic!("{moment:?}: {records:?}") };
        let cut_off = (&record["disposition"], &record["by"], &record["interrupted"]);
        let failed = cut_off == (&"failed".into(), &"system".into(), &true.into());
        assert!(failed || over && record["disposition"] == "agent", "{moment:?}: {record}");
        assert!(record["answer"].is_string() && record["end"].is_string() && record["to"] == "+18005550100");
    }
    let keys = delivered(&log);
    let events: Vec<&str> = keys.iter().map(|(_, event)| event.as_str()).collect();
    let expected: &[&[&str]] = match talk.references.len() {
        0 => &[&[]],
        _ => &[&["handoff", "ended"], &["handoff", "answered", "ended"]],
    };
    assert!(expected.contains(&&*events), "{moment:?}: {keys:?}");
    assert!(before.is_subset(&keys), "what was not taken comes again under its key: {before:?} {keys:?}");
}

/// Keys and events of what came, each signed as it should be.
fn delivered(log: &Log) -> BTreeSet<(String, String)> {
    let asked = log.lock().expect("a log");
    let known = asked.iter().map(|asked| {
        let signature = asked.header("x-askonce-signature");
        let (time, signed) =
            signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("a signature");
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key");
        mac.update(format!("{time}.{}", asked.body).as_bytes());
        let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((signed, asked.path.as_str()), (&*expected, "/calls"));
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        assert_eq!(body["context"]["facts"]["account"]["value"], ACCOUNT, "{body}");
        (asked.header("idempotency-key").to_owned(), body["event"].as_str().expect("an event").to_owned())
    });
    known.collect()
}

#[test]
fn whenever_it_is_killed_nothing_is_lost_and_nobody_is_left_in_silence() {
    // Four at once: a call takes some nine seconds, most of which it waits.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while let Some(moment) = MOMENTS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    killed(*moment);
                }
            });
        }
    });
}
