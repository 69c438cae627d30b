//! Recordings without their callers: what becomes of what, and that nothing of the original is left.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings")]

use askonce::audio::ArenaBuilder;
use askonce::call::Program;
use askonce::codec::Codec;
use askonce::flow::{self, PromptBook, Prompts};
use askonce::key::Key as Dtmf;
use askonce::record::Fixture;
use askonce::record::fixture::{Line, Step};
use askonce::record::seam::{Arrival, In, KeyCarrier, Leg, Out};
use askonce::replay::stage::{self, Place};
use askonce::rerun;
use askonce::rerun::redact::scan::Search;
use askonce::rerun::redact::{Key, Redacted, Unredacted, redact};
use askonce::secret::Secret;
use askonce::server::files::{self, Disk};
use askonce::yaml::Source;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Of every example flow, and some more calls of the account desk.
const RECORDED: [&str; 12] = [
    "clean",
    "retries",
    "agent-busy",
    "contact-center",
    "after-hours",
    "bank-card",
    "pharmacy",
    "multi-brand",
    "utility-outage",
    "clinic",
    "announce-desk",
    "announcing",
];

fn recorded(name: &str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("call.jsonl");
    Fixture::read(&std::fs::read_to_string(path).expect("a recording")).expect("a readable recording")
}

fn program(flow: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{flow}.yaml"));
    files::load_unproved(&Disk, &path, &Codec::LAWS).0.expect("the flow loads").program
}

/// A flow of one's own, over two prompts.
fn own(flow: &str) -> Program {
    let text = "ask: Your number?\nsorry: Sorry.\n";
    let source = Source { path: "en.yaml".to_owned(), text: text.to_owned() };
    let prompts = Prompts::new(PromptBook::read("en", &source).0, Vec::new());
    let source = Source { path: "own.yaml".to_owned(), text: flow.to_owned() };
    let (flow, _) = flow::load(&source, &prompts).unwrap_or_else(|told| {
        panic!("{}", told.iter().map(|told| told.render(&[&source]) + "\n").collect::<String>())
    });
    Program { flow: Arc::new(flow), prompts: Arc::new(prompts) }
}

fn perform(program: &Program, script: &str) -> Fixture {
    let (place, arena) = (Place::made_up(&program.flow), ArenaBuilder::default().build());
    let script = script.parse().expect("a script");
    stage::perform(program, &arena, &place, &script).unwrap_or_else(|unfit| panic!("{unfit}")).fixture
}

/// The recording with other inputs, and what the call then does.
fn with(fixture: &Fixture, program: &Program, change: impl FnOnce(&mut Vec<Line>)) -> Fixture {
    let mut changed = fixture.clone();
    change(&mut changed.lines);
    let mut lines = Vec::new();
    rerun::watched(&changed, program.clone(), |line, _| lines.push(line.clone())).expect("a playable recording");
    Fixture { lines, ..changed }
}

fn key(seed: u8) -> Key {
    Key::new(&[seed; 32])
}

fn clean(fixture: &Fixture, program: &Program) -> Redacted {
    redact(fixture, program, &key(7)).unwrap_or_else(|why| panic!("{}: {why}", fixture.header.flow))
}

fn arrival(fixture: &Fixture) -> &Arrival {
    let Some(Step::In(In::Invite(arrival))) = fixture.lines.first().map(|line| &line.step) else { panic!("no INVITE") };
    arrival
}

fn keys(fixture: &Fixture) -> String {
    let keys = fixture.lines.iter().filter_map(|line| match line.step {
        Step::In(In::Key { key, .. }) => Some(key.to_char()),
        _ => None,
    });
    keys.collect()
}

/// The last value of each fact.
fn facts(fixture: &Fixture) -> BTreeMap<String, String> {
    let filled = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::Out(Out::Fact(fact)) => Some((fact.name.clone(), fact.value.as_ref()?.open().to_owned())),
        _ => None,
    });
    filled.collect()
}

fn luhn(digits: &str) -> bool {
    let doubled = |(at, digit): (usize, u32)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
    let digits = digits.chars().rev().map(|digit| digit.to_digit(10).expect("a digit"));
    digits.enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

#[test]
fn every_example_is_redacted_and_replays_and_has_nothing_of_its_caller() {
    for name in RECORDED {
        let original = recorded(name);
        let program = program(&original.header.flow);
        let Redacted { fixture, map, dropped } = clean(&original, &program);
        assert_eq!((fixture.header.live_differs, dropped), (false, 0), "{name}");
        let replayed = rerun::run(&fixture, program).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{name}");
        let search = Search::of(map.values.iter().map(|replaced| &replaced.original));
        assert!(!search.is_empty(), "{name}: the caller's number at least");
        let before = original.write().expect("JSON lines");
        assert!(!search.octets(before.as_bytes()).is_empty(), "{name}: what is looked for was there");
        let written = fixture.write().expect("JSON lines");
        assert_eq!(search.file(written.as_bytes()).expect("text"), [], "{name}");
        assert_eq!(Fixture::read(&written).expect("a readable recording").header.redacted, Some(key(7).id()), "{name}");
        let sizes = [&original, &fixture].map(|fixture| keys(fixture).len());
        assert_eq!((sizes[0], map.keys.len()), (sizes[1], sizes[1]), "{name}");
        assert!(!written.contains("****01@"), "{name}: the tail of a number that a mask shows");
    }
}

#[test]
fn one_value_has_one_pseudonym_under_a_key_and_another_one_under_another() {
    let [clean_call, retries] = ["clean", "retries"].map(recorded);
    let desk = program("account-desk");
    let of = |fixture: &Fixture, seed| facts(&redact(fixture, &desk, &key(seed)).expect("redacted").fixture);
    assert_eq!(of(&clean_call, 7)["account"], of(&retries, 7)["account"]);
    assert_ne!(of(&clean_call, 7)["account"], of(&clean_call, 8)["account"]);
    // In another flow, where it comes by another way and is called something else.
    let (center, phone) =
        (program("contact-center"), "from +15551230001\nuui account=79927398713 from=\"+1 555-123-0001\"");
    let told = clean(&perform(&center, &format!("{phone}\nlookup none\npress 1\nhang-up")), &center).fixture;
    let [number, account] = ["from", "account"].map(|name| {
        let uui = arrival(&told).uui.iter().find(|(named, _)| named == name).expect("it came along");
        uui.1.open().to_owned()
    });
    assert_eq!(account, of(&clean_call, 7)["account"]);
    assert!(luhn(&account) && account != "79927398713");
    let from = arrival(&told).from.as_ref().expect("a number").open();
    assert!(from.starts_with('+') && from.len() == 12 && from != "+15551230001");
    assert_eq!(number, format!("{} {}-{}-{}", &from[..2], &from[2..5], &from[5..8], &from[8..]));
}

#[test]
fn what_is_wrong_stays_as_wrong_and_as_long() {
    let desk = program("account-desk");
    let original = recorded("retries");
    let redacted = clean(&original, &desk).fixture;
    let [before, after] = [&original, &redacted].map(keys);
    let entries = |keys: &str| keys.split('#').map(str::to_owned).collect::<Vec<_>>();
    for (before, after) in entries(&before).iter().zip(entries(&after)) {
        assert_eq!(before.len(), after.len());
        // A key of the readback is before the second entry.
        let (before, after) = if before.len() == 12 { (&before[1..], &after[1..]) } else { (&before[..], &after[..]) };
        assert_eq!(luhn(before), luhn(after), "{after}");
        assert!(before.len() < 8 || before != after);
    }
    // Too short, and left in the middle.
    let short = perform(&desk, "press 799#\npress 7992739");
    let pressed = keys(&clean(&short, &desk).fixture);
    assert_eq!(pressed.len(), 11);
    assert!(&pressed[..3] != "799" && pressed.as_bytes()[3] == b'#' && &pressed[4..] != "7992739", "{pressed}");
}

#[test]
fn keys_count_for_the_question_that_takes_them() {
    // All at once over the greeting: the language, the account with its end and its confirm, the PIN, the reason.
    let center = program("contact-center");
    let script = "at 2026-12-01T18:15:00Z\nlookup none\npress 179927398713#147111\nlookup ok verified=true\nline turn\nagent hangs-up\nhang-up";
    let original = perform(&center, script);
    let original = with(&original, &center, |lines| {
        let looked_up = lines.iter().position(|line| matches!(line.step, Step::In(In::LookedUp { .. }))).expect("one");
        let first = lines[looked_up].t;
        let keys = lines.iter_mut().filter(|line| matches!(line.step, Step::In(In::Key { .. })));
        for line in keys {
            line.t = first;
        }
        lines.sort_by_key(|line| line.t);
    });
    assert_eq!(facts(&original)["account"], "79927398713");
    let Redacted { fixture, map, .. } = clean(&original, &center);
    let (pressed, known) = (keys(&fixture), facts(&fixture));
    assert_eq!((known["language"].as_str(), known["reason"].as_str()), ("en", "billing"));
    let pin = &pressed[14..18];
    assert_eq!(pressed, format!("1{}#1{pin}1", known["account"]));
    assert!(pin != "4711" && known["account"] != "79927398713" && luhn(&known["account"]));
    let values: Vec<&str> = map.values.iter().map(|replaced| replaced.original.open()).collect();
    assert!(values.contains(&"4711") && values.contains(&"79927398713"));
}

#[test]
fn a_pin_has_another_pseudonym_in_each_call() {
    let bank = program("bank-card");
    let original = recorded("bank-card");
    let mut later = original.clone();
    later.header.call = "another".to_owned();
    let [one, two] = [&original, &later].map(|fixture| facts(&clean(fixture, &bank).fixture));
    assert_eq!(one["card"], two["card"]);
    assert!(one["pin"] != two["pin"] && one["pin"] != "1234" && one["pin"].len() == 4, "{one:?} {two:?}");
}

#[test]
fn days_sums_and_names_keep_their_form() {
    let clinic = program("clinic");
    let redacted = clean(&recorded("clinic"), &clinic);
    let (was, is) = (facts(&recorded("clinic")), facts(&redacted.fixture));
    assert!(was["birth"] != is["birth"] && is["birth"].parse::<jiff::civil::Date>().is_ok(), "{is:?}");
    assert!(is["birth"].as_str() < "2026-12-02", "nobody is born tomorrow: {is:?}");
    let desk = program("account-desk");
    let called = with(&recorded("clean"), &desk, |lines| {
        let Step::In(In::Invite(arrival)) = &mut lines[0].step else { panic!("no INVITE") };
        arrival.name = Some(Secret::new("Zoë O'Hara Étoile 3rd"));
        arrival.headers = vec![("X-Order".to_owned(), Secret::new("ord-2041/b 12.50"))];
    });
    let redacted = clean(&called, &desk).fixture;
    let name = arrival(&redacted).name.as_ref().expect("a name").open();
    let form = |text: &str| {
        text.chars().map(|c| (c.is_uppercase(), c.is_alphabetic(), c.is_numeric(), c.len_utf8())).collect::<Vec<_>>()
    };
    assert_eq!(form(name), form("Zoë O'Hara Étoile 3rd"));
    assert!(!name.contains("Zo") && !name.contains("Hara"), "{name}");
    let order = arrival(&redacted).headers[0].1.open();
    assert_eq!(form(order), form("ord-2041/b 12.50"));
    assert!(!order.contains("2041"), "{order}");
}

#[test]
fn what_the_flow_says_itself_stays_and_what_a_lookup_told_does_not() {
    let center = program("contact-center");
    let script = "at 2026-12-01T18:15:00Z\nlookup ok account=79927398713 language=es\npress 4711\nlookup ok verified=true\npress 1\nline turn\nagent hangs-up\nhang-up";
    let redacted = clean(&perform(&center, script), &center).fixture;
    let known = facts(&redacted);
    assert_eq!(
        (known["language"].as_str(), known["verified"].as_str(), known["reason"].as_str()),
        ("es", "true", "billing")
    );
    assert!(known["account"] != "79927398713" && luhn(&known["account"]));
}

#[test]
fn a_press_that_came_twice_is_one_press() {
    let desk = program("account-desk");
    let original = with(&recorded("clean"), &desk, |lines| {
        let again: Vec<Line> = lines
            .iter()
            .filter_map(|line| match line.step {
                Step::In(In::Key { leg, key, .. }) => {
                    Some(Line { t: line.t + 150_000, step: Step::In(In::Key { leg, key, by: KeyCarrier::Info }) })
                }
                _ => None,
            })
            .collect();
        lines.extend(again);
        lines.sort_by_key(|line| line.t);
    });
    assert_eq!(keys(&original), "7799992277339988771133##11");
    let redacted = clean(&original, &desk).fixture;
    let pressed: Vec<char> = keys(&redacted).chars().collect();
    assert!(pressed.chunks(2).all(|two| two[0] == two[1]), "{pressed:?}");
    assert_ne!(pressed[0], '7');
}

#[test]
fn keys_of_a_conversation_are_replaced_and_the_agents_too() {
    let desk = program("account-desk");
    let original = recorded("clean");
    let bridged = original.lines.iter().position(|line| matches!(line.step, Step::Out(Out::Bridge))).expect("a bridge");
    let at = original.lines[bridged].t;
    let press = |leg, number: &str, from: u64| -> Vec<Line> {
        let keys = number.chars().filter_map(Dtmf::from_char).enumerate();
        let line = |(n, key)| Line {
            t: at + from + 50_000 * n as u64,
            step: Step::In(In::Key { leg, key, by: KeyCarrier::Rtp }),
        };
        keys.map(line).collect()
    };
    let original = with(&original, &desk, |lines| {
        lines.extend(press(Leg::Caller, "79927398713#4111111111111111", 10_000));
        lines.extend(press(Leg::Agent, "24681357", 20_000));
        lines.sort_by_key(|line| line.t);
    });
    let Redacted { fixture, map, .. } = clean(&original, &desk);
    let account = &facts(&fixture)["account"];
    let of =
        |leg: Leg| map.keys.iter().filter(|key| key.leg == leg).map(|key| key.pseudonym.to_char()).collect::<String>();
    let (caller, agent) = (of(Leg::Caller), of(Leg::Agent));
    assert!(caller.starts_with(&format!("{account}#1{account}#")), "the agent asked again: {caller}");
    let card = &caller[25..];
    assert!(card.len() == 16 && card != "4111111111111111" && luhn(card), "{card}");
    assert!(agent.len() == 8 && agent != "24681357");
}

#[test]
fn the_caller_is_not_to_be_heard_while_it_is_asked() {
    let original = recorded("clean");
    let Redacted { map, .. } = clean(&original, &program("account-desk"));
    let at = |wanted: fn(&Step) -> bool| original.lines.iter().find(|line| wanted(&line.step)).expect("a line").t;
    let asked = at(|step| matches!(step, Step::Out(Out::Step { verb, .. }) if verb == "collect"));
    let known = at(|step| matches!(step, Step::Out(Out::Fact(_))));
    assert_eq!(map.spans, vec![asked..known; 1]);
    // A choice is nobody's.
    assert_eq!(clean(&recorded("after-hours"), &program("after-hours")).map.spans, []);
}

const NUMBERS: &str = "askonce: 1
flow: own
always: { error: sorry }
lookups:
  crm: { get: crm:/balance, timeout: 1s, gives: { one: number, two: number } }
blocks:
  start:
    - lookup: crm
      else: sorry
    - if: crm.one < crm.two
      then: sorry
    - if: crm.one > 5000
      then: sorry
    - hangup
  sorry:
    - say: sorry
    - hangup
";

#[test]
fn a_call_that_would_go_another_way_is_not_redacted() {
    let program = own(NUMBERS);
    let original = perform(&program, "lookup ok one=4444 two=4400");
    let answered =
        original.lines.iter().position(|line| matches!(line.step, Step::In(In::LookedUp { .. }))).expect("one");
    let (mut same, mut parted) = (0, 0);
    for seed in 0..32 {
        match redact(&original, &program, &key(seed)) {
            Ok(redacted) => {
                same += 1;
                let Step::In(In::LookedUp { values, .. }) = &redacted.fixture.lines[answered].step else {
                    panic!("no answer")
                };
                let [one, two] = [0, 1].map(|at: usize| values[at].1.open().parse::<u32>().expect("a number"));
                // What a condition compares with a number of the flow holds under every key.
                assert!(two <= one && one <= 5000 && (one, two) != (4444, 4400));
            }
            Err(Unredacted::Parts { recorded, redacted, .. }) => {
                parted += 1;
                assert_eq!(
                    (recorded.as_str(), redacted.as_str()),
                    ("step start:3 (if, line 12)", "step sorry:1 (say, line 16)")
                );
            }
            Err(why) => panic!("{why}"),
        }
    }
    assert!(same > 5 && parted > 5, "{same} {parted}");
}

#[test]
fn what_cannot_be_redacted_says_why() {
    let desk = program("account-desk");
    let original = recorded("clean");
    let because =
        |fixture: &Fixture, program: &Program| redact(fixture, program, &key(7)).expect_err("a reason").to_string();
    let redacted = clean(&original, &desk).fixture;
    assert_eq!(because(&redacted, &desk), format!("it is redacted already, under the key {}", key(7).id()));
    let mut edited = original.clone();
    edited.header.digest = "0".repeat(16);
    assert_eq!(because(&edited, &desk), "the flow was edited since the call was recorded");
    let mut cut = original.clone();
    cut.header.complete = false;
    assert!(because(&cut, &desk).contains("not complete"));
    let only = "askonce: 1
flow: own
always: { error: sorry }
facts:
  one: { type: digits, length: 4, class: pii, check: { regex: \"^4711$\" }, ask: [ask] }
blocks:
  start:
    - collect: one
      else: sorry
    - hangup
  sorry:
    - say: sorry
    - hangup
";
    let only = own(only);
    assert!(because(&perform(&only, "press 4711"), &only).contains("`one` has no pseudonym"));
    // It is a part of the name of our own address.
    let mut named = original.clone();
    named.header.user_agent = "desk 79927398713".to_owned();
    assert!(because(&named, &desk).contains("line 1"));
}

#[test]
fn a_live_call_that_did_something_else_is_told() {
    let desk = program("account-desk");
    let mut original = recorded("clean");
    let at = original.lines.iter().position(|line| matches!(line.step, Step::Out(Out::Play { .. }))).expect("a prompt");
    original.lines.remove(at);
    let redacted = clean(&original, &desk).fixture;
    assert!(redacted.header.live_differs);
    assert!(redacted.write().expect("JSON lines").starts_with("{\"askonce\":1") && rerun::run(&redacted, desk).is_ok());
}

#[test]
fn a_message_that_shows_a_value_is_left_out() {
    let mut original = recorded("bank-card");
    let messages = original.sip.len();
    original.sip[1].text = original.sip[1]
        .text
        .replace("User-Agent: ", "Call-ID: 4111111111111111-")
        .replace("Server: ", "Call-ID: 4111111111111111-");
    let redacted = clean(&original, &program("bank-card"));
    assert_eq!((redacted.fixture.sip.len(), redacted.dropped), (messages - 1, 1));
}

#[test]
fn nothing_is_printed() {
    let redacted = clean(&recorded("clean"), &program("account-desk"));
    let account = &facts(&redacted.fixture)["account"];
    let printed = format!("{redacted:?} {:?} {:#?}", key(7), redacted.map);
    assert!(!printed.contains("7992") && !printed.contains(account) && !printed.contains("7, 7"), "{printed}");
}
