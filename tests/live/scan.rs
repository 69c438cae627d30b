//! Where what callers key in goes, and where it does not: lost cards of many callers, with account numbers among them, and
//! everything on that the service has (sound recorded, every call kept as a fixture, traces, the log at debug level, webhooks, metrics). Then each byte that
//! it wrote or told is searched for each card and PIN in nine encodings. `ASKONCE_SCAN=1000` makes it a thousand calls.

use crate::desk::{self, Log, say};
use crate::encodings::{Search, events, keys, once};
use crate::server::{Server, TOKEN, askonce};
use crate::{PATIENCE, answers, set};
use askonce::audio::dtmf::Detector;
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::voice::Speech;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::random::Random;
use askonce::sip::Uri;
use askonce::time::Duration;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Of lost cards. For ten of them there is a call to the account desk.
const CALLS: usize = 100;
/// At once: this many, or a fifth of all; the next one begins when one is over.
const AT_ONCE: usize = 60;
/// Calls between two looks at what HTTP tells.
const EVERY: usize = 20;

const DATABASE: [&str; 3] = ["askonce.db", "askonce.db-wal", "askonce.db-shm"];
/// What went to people's phones and desks.
const INVITES: &str = "INVITEs";
const HOOKS: &str = "webhooks";

/// One caller, and what nobody else may learn.
struct Caller {
    card: String,
    pin: String,
    /// Of those who call the account desk instead.
    account: Option<String>,
}

fn callers(number: usize) -> Vec<Caller> {
    let mut random = Random::from_seed(16);
    let digits = |random: &mut Random, count| (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
    let caller = |at: usize| {
        let card = checked(digits(&mut random, 15));
        let (pin, account) = (digits(&mut random, 4), checked(digits(&mut random, 10)));
        Caller { card, pin, account: (at % 11 == 10).then_some(account) }
    };
    (0..number).map(caller).collect()
}

/// With its check digit (Luhn).
fn checked(digits: String) -> String {
    let doubled = |(at, digit): (usize, char)| {
        let digit = digit.to_digit(10).expect("a digit");
        if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
    };
    let sum: u32 = digits.chars().rev().enumerate().map(doubled).sum();
    digits + &((10 - sum % 10) % 10).to_string()
}

/// Keys ahead of the prompts, as callers do who know them: every fourth one keeps the card, every fourth wants a person.
fn script(at: usize, caller: &Caller) -> Vec<Act> {
    let sure = ["1", "1", "2", "0"][at % 4];
    let entries = match &caller.account {
        Some(account) => vec![format!("{account}#"), "1".to_owned()],
        None => vec![caller.card.clone(), "1".to_owned(), caller.pin.clone(), sure.to_owned()],
    };
    // By telephone-event or by INFO; a set of phones that has no events presses tones.
    let press = |keys| if at % 3 == 2 { Act::Info(keys) } else { Act::Press(keys) };
    let entered = entries.into_iter().flat_map(|keys| [Act::Wait(Duration::from_millis(400)), press(keys)]);
    entered.chain([Act::Stay]).collect()
}

fn place(folder: &Path, people: SocketAddr, business: SocketAddr) -> PathBuf {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let person = format!(
        "{{ to: [\"sip:agent@{people}\"], trusted: true, carriers: [uui-isdn, headers, webhook], webhook: {{ to: \
         \"desk:/calls\", secret: desk_key }} }}"
    );
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{flows}/bank-card.yaml, {flows}/account-desk.yaml]
store: askonce.db
limits: {{ per_source: 500/s }}
record: {{ audio: true, folder: sound, fixtures: {{ keep: all, audio: true, packets: true, journal: 10000 }} }}
trunks: {{ local: {{ from: [127.0.0.0/8] }} }}
numbers: {{ \"103\": bank-card, \"100\": account-desk }}
secrets: {{ desk_key: {{ file: key }} }}
endpoints: {{ bank: \"http://{business}\", desk: \"http://{business}\" }}
destinations:
  cards: {person}
  support: {person}
",
        flows = flows.display(),
    );
    std::fs::write(folder.join("key"), "a-key-of-the-desk").expect("a secret");
    let path = folder.join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    path
}

fn serve(people: SocketAddr, business: SocketAddr) -> Server {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let config = place(folder.path(), people, business);
    let mut command = askonce();
    command.arg("serve").arg("--config").arg(config).arg("--trace").env("ASKONCE_LOG", "debug");
    Server::run(folder, command)
}

/// What HTTP tells, and what goes to people's phones.
#[derive(Default)]
struct Told {
    pages: String,
    invites: Vec<u8>,
}

/// Every caller calls; gives what was told meanwhile.
fn call(server: &Server, clock: Clock, callers: &[Caller], agents: &mut (Net, Phones)) -> Told {
    let mut sets = [0x31, 0x32].map(|voice| set(voice, Answering::Refuse(486), clock));
    sets[1].1.speak(Speech { events: false, ..Speech::default() });
    let (mut told, mut placed, mut ended, mut looked) = (Told::default(), 0, 0, 0);
    let (mut last, at_once) = (clock.now(), AT_ONCE.max(callers.len() / 5));
    while ended < callers.len() {
        while placed < callers.len() && placed - ended < at_once {
            let caller = &callers[placed];
            let (net, phones) = &mut sets[usize::from(placed % 3 == 1)];
            let number = if caller.account.is_some() { "100" } else { "103" };
            let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
            let from = uri("+15551230001", net.contact());
            phones.call(server.sip, uri(number, server.sip), from, Vec::new(), script(placed, caller).into());
            placed += 1;
        }
        for (net, phones) in &mut sets {
            net.turn(phones, &mut |_, _, happened| {
                if let Happened::Ended { status, by_us, .. } = happened {
                    assert_eq!((status, by_us), (0, false), "we hang up");
                    ended += 1;
                    last = clock.now();
                }
            });
        }
        agents.0.turn(&mut agents.1, &mut |_, _, happened| {
            if let Happened::Invited(invite) = happened {
                told.invites.extend(invite.to_bytes());
            }
        });
        if ended / EVERY > looked {
            looked = ended / EVERY;
            look(server, &mut told.pages);
        }
        assert!(clock.now().since(last) < PATIENCE, "{ended} of {} calls ended", callers.len());
        sets[0].0.wait(&sets[0].1);
    }
    look(server, &mut told.pages);
    told
}

/// Metrics, and the traces of some calls that are under way.
fn look(server: &Server, pages: &mut String) {
    *pages += &server.get("/metrics", "").1;
    let (_, calls) = server.get("/v1/calls", TOKEN);
    let listed: Value = serde_json::from_str(&calls).expect("JSON");
    *pages += &calls;
    for name in listed.as_array().expect("calls").iter().filter_map(|call| call["call"].as_str()).take(5) {
        *pages += &server.get(&format!("/v1/calls/{name}/trace"), TOKEN).1;
    }
}

/// Waits until the outbox is empty.
fn delivered(log: &Log, clock: Clock, calls: usize) {
    let began = clock.now();
    let ended = || log.lock().expect("a log").iter().filter(|asked| asked.body.contains("\"event\":\"ended\"")).count();
    while ended() < calls {
        assert!(clock.now().since(began) < PATIENCE, "{} of {calls} calls were told of", ended());
        std::thread::yield_now();
    }
}

/// Every file below a folder, and what is in it.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.clone(), std::fs::read(path).expect("a file"))),
        }
    }
}

/// The columns of the database that have one of these in them.
fn columns(database: &Path, wanted: &Search) -> BTreeSet<String> {
    let database = Connection::open(database).expect("the database");
    let list = |sql: &str| -> Vec<String> {
        let mut rows = database.prepare(sql).expect("a query");
        rows.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a name")).collect()
    };
    let mut found = BTreeSet::new();
    for table in list("SELECT name FROM sqlite_master WHERE type = 'table'") {
        for column in list(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            let values = list(&format!("SELECT coalesce(CAST({column} AS TEXT), '') FROM {table}"));
            if values.iter().any(|value| !wanted.found(value.as_bytes()).is_empty()) {
                found.insert(format!("{table}.{column}"));
            }
        }
    }
    found
}

/// No key is to be heard in a recording, on either side.
fn silent(name: &Path) {
    let mut wav = hound::WavReader::open(name).expect("a recording");
    let samples: Vec<i16> = wav.samples().map(|sample| sample.expect("a sample")).collect();
    for side in 0..2 {
        let heard = samples.iter().skip(side).step_by(2).copied();
        Detector::default().hear(heard, |_| panic!("a key in {}", name.display()));
    }
}

/// The keys of a caller.
fn heard(name: &Path) -> String {
    let mut wav = hound::WavReader::open(name).expect("a caller's sound");
    let mut keys = String::new();
    let samples = wav.samples().map(|sample| sample.expect("a sample"));
    Detector::default().hear(samples, |key| keys.push(key.to_char()));
    keys
}

/// All that was written and told, by the name of each.
fn left(server: &mut Server, told: Told, hooks: &str) -> Vec<(PathBuf, Vec<u8>)> {
    assert!(server.log().contains("a call begins") && told.pages.contains("askonce_calls_begun_total"));
    assert!(told.pages.contains("card"), "the traces tell of the fact");
    // The database as it is while it serves, and all files as they are left.
    let mut all = Vec::new();
    for name in DATABASE {
        all.push((server.path(name), std::fs::read(server.path(name)).expect("a file of the database")));
    }
    server.terminate();
    files(server.path("").as_path(), &mut all);
    all.push(("what HTTP told".into(), told.pages.into_bytes()));
    all.push((INVITES.into(), told.invites));
    all.push((HOOKS.into(), hooks.as_bytes().to_vec()));
    all
}

/// Four digits alone are found by chance: a PIN is searched for as our formats would write it.
fn secrets(banks: &[&Caller]) -> Search {
    let pins = banks.iter().flat_map(|bank| {
        let pin = &bank.pin;
        [format!("\"pin\":\"{pin}\""), format!("pin={pin}"), format!("\"value\":\"{pin}\"")]
    });
    Search::of(banks.iter().map(|bank| bank.card.clone()).chain(pins))
}

#[test]
fn no_card_and_no_pin_is_anywhere_and_account_numbers_only_where_their_class_allows() {
    let number = std::env::var("ASKONCE_SCAN").map_or(CALLS, |calls| calls.parse().expect("a number of calls"));
    let callers = callers(number * 11 / 10);
    let (business, log) = desk::serve(|asked, stream| {
        let body = if asked.path == "/cards/verify" { "{\"verified\": true}" } else { "{\"reference\": \"20261122\"}" };
        say(stream, 200, "application/json", body);
    });
    let clock = Clock::start();
    let mut agents = set(0x42, answers(), clock);
    let mut server = serve(agents.0.contact(), business);
    let told = call(&server, clock, &callers, &mut agents);
    let persons = callers.iter().enumerate().filter(|(at, caller)| caller.account.is_some() || at % 4 == 3).count();
    delivered(&log, clock, persons);
    let asked = log.lock().expect("a log").clone();
    let (hooks, lookups): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| asked.path == "/calls");
    let hooks: String = hooks.into_iter().map(|asked| asked.body.as_str()).collect();
    let all = left(&mut server, told, &hooks);

    let (desks, banks): (Vec<_>, Vec<_>) = callers.iter().partition(|caller| caller.account.is_some());
    // The bank was told each pair, so each call went its way: what is searched for was there to be found.
    for bank in &banks {
        let body = format!("{{\"card\":\"{}\",\"pin\":\"{}\"}}", bank.card, bank.pin);
        assert_eq!(lookups.iter().filter(|asked| asked.body == body).count(), 1, "{body}");
    }
    let sounds = all.iter().map(|(path, _)| path).filter(|path| path.extension().is_some_and(|end| end == "wav"));
    let (kept, recorded): (Vec<_>, Vec<_>) = sounds.partition(|path| path.ends_with("caller.wav"));
    assert_eq!([kept.len(), recorded.len()], [callers.len(); 2]);
    recorded.into_iter().for_each(|path| silent(path));

    let (secrets, numbers) = (secrets(&banks), Search::of(banks.iter().map(|bank| bank.card.clone())));
    let accounts = Search::of(desks.iter().filter_map(|desk| desk.account.clone()));
    let cards: Vec<String> = banks.iter().map(|bank| once(bank.card.chars())).collect();
    for path in kept {
        // Its keys are those that the fixture tells.
        let heard = heard(path);
        let card = cards.iter().find(|card| once(heard.chars()).contains(card.as_str()));
        assert!(heard.len() > 4 && card.is_none(), "{}: {heard}", path.display());
    }
    let mut fixtures = 0;
    for (path, bytes) in &all {
        let name = path.display();
        // In a fixture each key is told, and none is the caller's own. Of four digits one pseudonym or the other is
        // somebody's PIN by chance.
        let kept = path.iter().any(|part| part == "inbox" || part == "askonce.journal");
        assert_eq!(if kept { &numbers } else { &secrets }.found(bytes), [""; 0], "{name}");
        let keyed = once(keys(bytes).chars());
        assert!(
            if kept { cards.iter().all(|card| !keyed.contains(card)) } else { keyed.is_empty() },
            "{name}: {keyed}"
        );
        fixtures += usize::from(kept);
        let pressed = events(bytes);
        assert!(cards.iter().all(|card| !pressed.contains(card)), "{name}: {pressed}");
        let found: BTreeSet<&str> = accounts.found(bytes).into_iter().collect();
        match path.file_name().and_then(|file| file.to_str()).expect("a name") {
            INVITES | HOOKS => assert_eq!(found.len(), desks.len(), "{name} have each account"),
            file => assert!(found.is_empty() || DATABASE.contains(&file), "{name}: {found:?}"),
        }
    }
    assert_eq!(fixtures, 4 * callers.len(), "each call is in the inbox with its sound, and in the journal");
    assert_eq!(columns(&server.path("askonce.db"), &accounts), BTreeSet::from(["context.document".to_owned()]));
}
