//! What is promised to the bit: the same recording on the same flow does the same, however often, in whichever process, on
//! whichever machine.

use crate::phone;
use askonce::audio::ArenaBuilder;
use askonce::call::Program;
use askonce::engine::Service;
use askonce::flow::script::Script;
use askonce::flow::{self, PromptBook, Prompts, proof};
use askonce::random::Random;
use askonce::record::Fixture;
use askonce::record::fixture::{Line, Step};
use askonce::record::seam::{In, Leg};
use askonce::replay::stage::{self, Place};
use askonce::replay::{audio, world};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::yaml::Source;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

const FLOWS: [&str; 9] = [
    "account-desk",
    "after-hours",
    "announce-desk",
    "bank-card",
    "clinic",
    "contact-center",
    "multi-brand",
    "pharmacy",
    "utility-outage",
];
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FIXTURES: usize = 1_000;
/// Of these, by their packets.
const BY_PACKETS: usize = 60;

/// How `FLOW`'s calls go, on every machine: as events, as packets, and as what is heard. It changes when what a call does or
/// what is written of it changes, and with nothing else: then it says so in its commit.
const DIGESTS: [&str; 3] = [
    "340da2eafaaeb255b357b668e8da2091b432bd325b7c6a3a2784edf4f2c3f54e",
    "83d82b983036afe3749f5a17183e67bf2b32bfcd4436f5420539ff31b632164a",
    "ad9736d079b95a946b7581e14f5e8ccd2a9590c72bf3805cbd80280bc4469ffb",
];

const FLOW: &str = "askonce: 1
flow: bench
always: { error: sorry }
facts:
  account: { type: digits, length: 6-8, class: pii, known: [uui.account], ask: [ask, again], confirm: about }
  reason: { type: choice, keys: { 1: billing, 2: sales }, ask: [ask] }
lookups:
  crm: { get: \"crm:/a/{account}\", timeout: 1s, gives: { age: number } }
queues: { desk: { to: support } }
blocks:
  start:
    - say: hello
    - collect: account
      else: desk
    - lookup: crm
      none: desk
      else: desk
    - collect: reason
      else: desk
    - goto: desk
  desk:
    - agent: desk
      needs: [account?, reason?]
      else: sorry
  sorry: [{ say: sorry }, hangup]
";
const PROMPTS: &str = "hello: Hello.\nask: Your number?\nagain: Once more?\nabout: \"About {account}.\"\nsorry: Sorry.\n\
    reason/billing: bills\nreason/sales: sales\n";
const CALLS: [&str; 4] = [
    "press 123456#\npress 1\nlookup ok age=7\npress 2\nagent hangs-up",
    "silence\npress 12345678\npress 1\nlookup none\nagent fails",
    "silence\nsilence\nhang-up",
    "uui account=1234567\nlookup slow\nagent hangs-up",
];

struct Made {
    service: Service,
    fixture: Fixture,
}

/// Calls of the examples that take every way out of every step, and then the same with other rhythms of the keys.
fn made() -> Vec<Made> {
    let mut made = Vec::new();
    for name in FLOWS {
        let path = Path::new(ROOT).join(format!("flows/{name}.yaml"));
        let service = files::load(&Disk, &path).0.expect("the flow loads");
        let Program { flow, prompts } = &service.program;
        let (scripts, _) = proof::calls(flow, prompts).expect("few enough states");
        let place = Place::made_up(flow);
        for script in scripts {
            let performed = stage::perform(&service.program, &service.arena, &place, &script);
            let fixture = performed.unwrap_or_else(|unfit| panic!("{name}: {unfit}")).fixture;
            made.push(Made { service: service.clone(), fixture });
        }
    }
    let mut random = Random::from_seed(7);
    let first = made.len();
    for at in 0..FIXTURES.saturating_sub(first) {
        let Made { service, fixture } = &made[at % first];
        let fixture = with_rhythm(fixture, &mut random);
        made.push(Made { service: service.clone(), fixture });
    }
    made
}

/// The caller's keys a little sooner or later; nothing that they follow comes behind them.
fn with_rhythm(fixture: &Fixture, random: &mut Random) -> Fixture {
    let mut fixture = fixture.clone();
    let times: Vec<u64> = fixture.lines.iter().map(|line| line.t).collect();
    for (at, line) in fixture.lines.iter_mut().enumerate() {
        if matches!(line.step, Step::In(In::Key { leg: Leg::Caller, .. })) && at > 0 {
            line.t -= u64::from(random.below((line.t - times[at - 1]) as u32 / 2 + 1));
        }
    }
    fixture
}

fn written(fixture: &Fixture, lines: Vec<Line>) -> String {
    let header = fixture.header.clone();
    let text = Fixture { header, lines, sip: Vec::new() }.write().expect("a recording");
    let (_, lines) = text.split_once('\n').expect("a header");
    // Another version names itself otherwise, and does the same.
    lines.replace(concat!("askonce/", env!("CARGO_PKG_VERSION")), "askonce")
}

fn digest<'m>(made: impl Iterator<Item = &'m Made>, run: impl Fn(&Made) -> Vec<Line>) -> String {
    let mut digest = Sha256::new();
    made.for_each(|made| digest.update(written(&made.fixture, run(made))));
    hex(digest.finalize())
}

fn by_events(made: &Made) -> Vec<Line> {
    rerun::run(&made.fixture, made.service.program.clone()).expect("a playable recording").lines
}

fn by_packets(made: &Made) -> Vec<Line> {
    let wire = phone::wire(&made.fixture);
    let performed = world::perform(&made.fixture, &wire, &made.service);
    performed.unwrap_or_else(|why| panic!("{why}\n{}", made.fixture.write().expect("a recording"))).lines
}

#[test]
fn a_thousand_recordings_do_the_same_twice() {
    let made = made();
    assert!(made.len() >= FIXTURES, "{}", made.len());
    let again = |made: &Made| {
        let text = made.fixture.write().expect("a recording");
        let fixture = Fixture::read(&text).expect("the same recording");
        by_events(&Made { service: made.service.clone(), fixture })
    };
    assert_eq!(digest(made.iter(), by_events), digest(made.iter(), again));
    let some = || made.iter().step_by(made.len() / BY_PACKETS);
    assert_eq!(digest(some(), by_packets), digest(some(), by_packets));
    // It is the calls' own words, and not nothing.
    assert_ne!(digest(some(), by_packets), digest(some().skip(1), by_packets));
}

#[test]
fn what_a_call_does_is_the_same_on_every_machine() {
    let source = Source { path: "en.yaml".to_owned(), text: PROMPTS.to_owned() };
    let prompts = Prompts::new(PromptBook::read("en", &source).0, Vec::new());
    let source = Source { path: "bench.yaml".to_owned(), text: FLOW.to_owned() };
    let (flow, _) = flow::load(&source, &prompts).unwrap_or_else(|told| panic!("{}", told[0].render(&[&source])));
    let place = Place::made_up(&flow);
    let program = Program { flow: Arc::new(flow), prompts: Arc::new(prompts) };
    let service = Service { program, arena: Arc::new(ArenaBuilder::default().build()) };
    let made: Vec<Made> = CALLS
        .iter()
        .map(|script| {
            let script: Script = script.parse().expect("a script");
            let performed = stage::perform(&service.program, &service.arena, &place, &script);
            Made { service: service.clone(), fixture: performed.expect("a performance").fixture }
        })
        .collect();
    let packets = digest(made.iter(), by_packets);
    let folder = crate::with_sound("clean", &crate::keys(&crate::read(&Path::new(ROOT).join("fixtures/clean"))));
    let heard = audio::hear(folder.path(), &crate::read(folder.path())).expect("a caller's sound");
    let heard: Vec<String> = heard.iter().map(|press| format!("{} {}", press.t, press.key.to_char())).collect();
    let heard = hex(Sha256::digest(heard.join("\n")));
    assert_eq!([digest(made.iter(), by_events), packets, heard], DIGESTS);
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}
