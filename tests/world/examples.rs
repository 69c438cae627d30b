//! The example flows, bound as `examples/place.yaml` binds them: one whole call of each, the way to a person from each of their
//! questions, and the three ends of a lost card. With `ASKONCE_KEEP=fixtures` the whole calls are kept there, for
//! `cargo test --test fixtures`.

use crate::scenarios::{answers, ms, plan, uui};
use crate::simulation::AGENTS;
use crate::{Plan, World};
use askonce::context::Outcome;
use askonce::engine::Setup;
use askonce::peer::{Act, Happened};
use askonce::record::seam::Disposition;
use askonce::rerun;
use askonce::secret::Secret;
use askonce::server::files::{self, Disk};
use askonce::server::store::kept::Record;
use askonce::server::{self, Place};
use askonce::sip::Uri;
use askonce::time::{Duration, Instant};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Not anybody's: what everybody tests with.
const CARD: &str = "4111111111111111";

/// What the business answers to a path.
type Answers = &'static [(&'static str, Outcome, &'static [(&'static str, &'static str)])];

struct Example {
    flow: &'static str,
    number: &'static str,
    /// Hours after 10:15 UTC of a Tuesday, the first of December 2026.
    hours: u64,
    business: Answers,
    /// What the caller waits for, what it keys then, and the key that leads to a person there.
    keys: &'static [(&'static str, &'static str, Option<&'static str>)],
    /// Whom the person's phone is told to be, and the facts that came along by User-to-User.
    reaches: (&'static str, &'static [(&'static str, &'static str)]),
    /// What is asked once the person has hung up.
    after: &'static [(&'static str, &'static str)],
}

/// The account desk's are in `scenarios`.
const EXAMPLES: [Example; 8] = [
    Example {
        flow: "contact-center",
        number: "101",
        hours: 8,
        business: &[("/phone/%2B15551230001", Outcome::None, &[]), ("/verify", Outcome::Ok, &[("verified", "true")])],
        keys: &[
            ("pick_language", "1", Some("0")),
            ("account_ask", "79927398713#", Some("*")),
            ("digits/7", "1", None),
            ("pin_ask", "4321", Some("*")),
            ("main_menu", "1", Some("0")),
        ],
        reaches: ("billing", &[("account", "79927398713"), ("reason", "billing")]),
        after: &[("survey_ask", "3")],
    },
    Example {
        flow: "after-hours",
        number: "102",
        hours: 0,
        business: &[],
        keys: &[("closed_menu", "1", Some("0"))],
        reaches: ("doctor", &[("urgency", "emergency")]),
        after: &[],
    },
    Example {
        flow: "bank-card",
        number: "103",
        hours: 0,
        business: &[
            ("/cards/verify", Outcome::Ok, &[("verified", "true")]),
            ("/cards/block", Outcome::Ok, &[("reference", "20261122")]),
        ],
        keys: &[
            ("card_ask", CARD, Some("*")),
            ("card_readback.2", "1", None),
            ("pin_ask", "1234", Some("*")),
            ("sure_ask", "0", Some("0")),
        ],
        reaches: ("cards", &[("verified", "true")]),
        after: &[],
    },
    Example {
        flow: "pharmacy",
        number: "104",
        hours: 0,
        business: &[
            ("/prescriptions/1234567", Outcome::Ok, &[("refills", "3")]),
            ("/prescriptions/7654321", Outcome::Ok, &[("refills", "0")]),
            ("/refills", Outcome::Ok, &[]),
        ],
        keys: &[
            ("birth_ask", "03011980", Some("*")),
            ("birth_readback.2", "1", None),
            ("rx_ask", "1234567", Some("*")),
            ("pickup_ask", "12042026", Some("*")),
            ("more_ask", "1", Some("0")),
            ("rx_ask", "7654321", Some("*")),
        ],
        reaches: ("counter", &[("birth", "1980-03-01"), ("rx", "7654321")]),
        after: &[],
    },
    Example {
        flow: "multi-brand",
        number: "105",
        hours: 8,
        business: &[],
        keys: &[("menu", "1", Some("0")), ("order_ask", "123456#", None), ("order_readback.2", "1", None)],
        reaches: ("acme", &[("reason", "order"), ("order_number", "123456")]),
        after: &[],
    },
    Example {
        flow: "utility-outage",
        number: "107",
        hours: 0,
        business: &[
            ("/phone/%2B15551230001", Outcome::None, &[]),
            ("/premises/79927398713", Outcome::Ok, &[]),
            ("/outage/79927398713", Outcome::Ok, &[("active", "false")]),
        ],
        keys: &[
            ("pick_language", "1", Some("0")),
            ("trouble_ask", "2", Some("0")),
            ("account_ask", "79927398713#", Some("*")),
            ("extent_ask", "0", Some("0")),
        ],
        reaches: ("crew", &[("trouble", "no_power"), ("account", "79927398713")]),
        after: &[],
    },
    Example {
        flow: "clinic",
        number: "108",
        hours: 8,
        business: &[
            ("/patients/15551230001/1980-03-01", Outcome::Ok, &[("patient", "204117"), ("visit", "2026-12-03")]),
            ("/visits", Outcome::Ok, &[]),
            ("/visits/204117/2026-12-15", Outcome::Ok, &[]),
        ],
        keys: &[
            ("pick_language", "1", Some("0")),
            ("phone_offer.2", "1", None),
            ("birth_ask", "03011980", Some("*")),
            ("birth_readback.1", "1", None),
            ("wish_ask", "1", Some("0")),
            ("visit_offer.2", "1", None),
            ("change_ask", "3", Some("0")),
            ("day_ask", "12042026", Some("*")),
            ("day_readback.1", "1", None),
            ("more_ask", "1", Some("0")),
            ("visit_ask", "12152026", Some("*")),
            ("change_ask", "0", Some("0")),
        ],
        reaches: ("reception", &[("phone", "15551230001"), ("birth", "1980-03-01"), ("wish", "visit")]),
        after: &[],
    },
    Example {
        flow: "announce-desk",
        number: "109",
        hours: 0,
        business: &[],
        keys: &[("pin_ask", "2468#", Some("*")), ("wish_ask", "0", Some("0"))],
        reaches: ("desk", &[("verified", "true")]),
        after: &[],
    },
];

fn example(flow: &str) -> &'static Example {
    EXAMPLES.iter().find(|example| example.flow == flow).expect("an example")
}

fn flow(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{name}.yaml"))
}

/// The place of the examples; its people are on this world's phones.
fn bind(setup: &mut Setup) {
    static PLACE: OnceLock<Place> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/place.yaml");
        let (place, findings) = server::read_place(&Disk, &path);
        place.unwrap_or_else(|| panic!("{}", findings.render()))
    });
    let mut config = place.config.clone();
    for destination in &mut config.destinations {
        for to in &mut destination.to {
            let user = to.user().expect("a user").to_owned();
            *to = Uri::read(&format!("sip:{user}@{AGENTS}:5060")).expect("a URI");
        }
    }
    setup.switches = config.switches.iter().map(|(name, on)| (name.text.clone(), *on)).collect();
    setup.pins.insert("announce_pin".to_owned(), Secret::new("2468"));
    setup.config = Arc::new(config);
    setup.services.clone_from(&place.services);
}

fn storms(setup: &mut Setup) {
    bind(setup);
    setup.switches.insert("storm".to_owned(), true);
}

fn world(example: &Example, tamper: fn(&mut Setup)) -> World {
    let answering = answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]);
    let mut world = World::new(Plan { tamper, flow: flow(example.flow), ..plan(11, answering) });
    world.captured = Some(Vec::new());
    world.now = Instant::from_micros(0) + Duration::from_secs(3_600 * example.hours + 1);
    for (path, outcome, values) in example.business {
        answer(&mut world, path, *outcome, values);
    }
    world
}

fn answer(world: &mut World, path: &str, outcome: Outcome, values: &[(&str, &str)]) {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    world.answers.insert(path.to_owned(), (ms(40), outcome, values));
}

/// Waits for each of these prompts, and keys what follows.
fn keyed<'k>(language: &str, keys: impl IntoIterator<Item = (&'k str, &'k str)>) -> Vec<Act> {
    let one = |(clip, keys): (&str, &str)| {
        [Act::Hear(format!("{language}/{clip}")), Act::Wait(ms(400)), Act::Press(keys.to_owned())]
    };
    keys.into_iter().flat_map(one).collect()
}

/// Whom the calls to people went to.
fn reached(world: &World) -> Vec<&str> {
    world.invites.iter().map(|invite| invite.uri.user().expect("a user")).collect()
}

fn times_heard(world: &World, talk: u32, clip: &str) -> usize {
    let is = |happened: &&Happened| matches!(happened, Happened::Heard(heard) if *heard == format!("en/{clip}"));
    world.happened[&talk].iter().filter(is).count()
}

#[test]
fn one_call_of_each_example_reaches_its_person_with_its_facts() {
    for example in &EXAMPLES {
        let mut world = world(example, bind);
        let mut script = keyed("en", example.keys.iter().map(|(clip, keys, _)| (*clip, *keys)));
        script.push(Act::HearVoice);
        script.extend(keyed("en", example.after.iter().copied()));
        script.push(Act::Stay);
        world.call_number(example.number, "+15551230001", Vec::new(), script);
        world.run(Duration::from_secs(180));
        let (person, facts) = example.reaches;
        assert_eq!(reached(&world), [person], "{}", example.flow);
        let mut carried = uui(&world.invites[0]);
        assert_eq!(carried.remove("ref").map(|reference| reference.len()), Some(32));
        let carried: Vec<_> = carried.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut facts = facts.to_vec();
        facts.sort_unstable();
        assert_eq!(carried, facts, "{}", example.flow);
        assert_eq!(world.cdrs[0].disposition, Disposition::Agent, "{}", example.flow);
        // What `explain` reads of a record is in it.
        let record: Record = serde_json::from_value(serde_json::json!(world.cdrs[0])).expect("a record");
        assert_eq!(record.facts.len(), world.cdrs[0].facts.len());
        keep(example.flow, example.flow, &world);
    }
}

/// It runs again as it was; what is kept is what `fixtures` has under that name.
fn keep(name: &str, of: &str, world: &World) {
    let [recording] = &world.recordings[..] else { panic!("{name}: one recording") };
    let program = files::load(&Disk, &flow(of)).0.expect("the flow loads").program;
    let replayed = rerun::run(recording, program).expect("a playable recording");
    assert_eq!(replayed.comparison.first_difference, None, "{name}");
    crate::rehearsed::again(world, &flow(of));
    if let Some(folder) = std::env::var_os("ASKONCE_KEEP") {
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("call.jsonl"), recording.write().expect("a recording")).expect("kept");
    }
}

#[test]
fn every_question_has_a_way_to_a_person_and_nothing_is_asked_again() {
    for example in &EXAMPLES {
        for (number, (question, _, escape)) in example.keys.iter().enumerate() {
            let Some(escape) = escape else { continue };
            let mut world = world(example, bind);
            let before = example.keys[..number].iter().map(|(clip, keys, _)| (*clip, *keys));
            let mut script = keyed("en", before.chain([(*question, *escape)]));
            script.extend([Act::HearVoice, Act::Wait(Duration::from_secs(5)), Act::HangUp]);
            let talk = world.call_number(example.number, "+15551230001", Vec::new(), script);
            world.run(Duration::from_secs(120));
            assert_eq!(world.invites.len(), 1, "{} {question}", example.flow);
            assert_eq!(world.cdrs[0].disposition, Disposition::Agent, "{} {question}", example.flow);
            for (asked, ..) in example.keys.iter().filter(|(.., escape)| escape.is_some()) {
                let once = example.keys[..=number].iter().filter(|(clip, ..)| clip == asked).count();
                assert_eq!(times_heard(&world, talk, asked), once, "{}: {asked} after {question}", example.flow);
            }
        }
    }
}

#[test]
fn a_lost_card_is_blocked_or_kept_or_a_person_looks_and_nobody_else_learns_of_it() {
    let bank = example("bank-card");
    let asked = |sure| [("card_ask", CARD), ("card_readback.2", "1"), ("pin_ask", "1234"), ("sure_ask", sure)];
    let ends = [("1", "blocked", Outcome::Ok, true), ("2", "kept", Outcome::Ok, true)];
    for (sure, last, outcome, ends) in ends
        .into_iter()
        .chain([("1", "connecting", Outcome::Slow, false), ("1", "connecting", Outcome::Refused, false)])
    {
        let mut world = world(bank, bind);
        answer(&mut world, "/cards/block", outcome, &[("reference", "20261122")]);
        let mut script = keyed("en", asked(sure));
        script.extend([Act::Hear(format!("en/{last}")), Act::Stay]);
        let talk = world.call_number(bank.number, "+15551230001", Vec::new(), script);
        world.run(Duration::from_secs(120));
        assert_eq!((times_heard(&world, talk, last), world.invites.is_empty()), (1, ends), "{sure} {outcome:?}");
        let posted: Vec<&str> = world.asked.iter().map(|asked| asked.body.as_ref().expect("a body").open()).collect();
        let verify = format!("{{\"card\":\"{CARD}\",\"pin\":\"1234\"}}");
        let block = format!("{{\"card\":\"{CARD}\"}}");
        assert_eq!(posted, if sure == "1" { vec![verify, block] } else { vec![verify] });
        let told = [
            serde_json::to_string(&world.contexts).expect("JSON"),
            serde_json::to_string(&world.cdrs).expect("JSON"),
            format!("{:?}", world.told),
        ];
        assert!(told.iter().all(|told| !told.contains(CARD) && !told.contains("1234\"")), "{told:?}");
    }
    // Who cannot be verified speaks with a person, and nobody asks whether to block.
    let mut world = world(bank, bind);
    answer(&mut world, "/cards/verify", Outcome::Ok, &[("verified", "false")]);
    let mut script = keyed("en", asked("").into_iter().take(3));
    script.extend([Act::HearVoice, Act::Stay]);
    let talk = world.call_number(bank.number, "+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    assert_eq!((reached(&world), times_heard(&world, talk, "sure_ask")), (vec!["cards"], 0));
    assert_eq!(uui(&world.invites[0])["verified"], "false");
}

#[test]
fn what_the_business_knows_of_a_caller_is_not_asked() {
    let center = example("contact-center");
    let mut world = world(center, bind);
    let known = [("account", "79927398713"), ("language", "es")];
    answer(&mut world, "/phone/%2B15551230002", Outcome::Ok, &known);
    let mut script = keyed("es", [("pin_ask", "4321"), ("main_menu", "3")]);
    script.extend([Act::HearVoice, Act::Wait(Duration::from_secs(5)), Act::HangUp]);
    let talk = world.call_number(center.number, "+15551230002", Vec::new(), script);
    world.run(Duration::from_secs(120));
    let heard: Vec<&str> = world.happened[&talk]
        .iter()
        .filter_map(|happened| match happened {
            Happened::Heard(clip) => Some(clip.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(heard[..3], ["es/welcome", "es/pin_ask", "es/main_menu"], "{heard:?}");
    assert_eq!((reached(&world), uui(&world.invites[0])["account"].as_str()), (vec!["support"], "79927398713"));
}

#[test]
fn a_number_has_its_brand_and_a_switch_tells_all_of_a_storm() {
    let brands = example("multi-brand");
    for (number, tamper, greeted) in [
        ("105", bind as fn(&mut Setup), &["welcome_acme"][..]),
        ("106", bind, &["welcome_zenith"]),
        ("106", storms, &["welcome_zenith", "storm"]),
    ] {
        let mut world = world(brands, tamper);
        let talk = world.call_number(number, "+15551230001", Vec::new(), keyed("en", [("menu", "2")]));
        world.run(Duration::from_secs(60));
        for clip in ["welcome_acme", "welcome_zenith", "storm"] {
            assert_eq!(times_heard(&world, talk, clip), usize::from(greeted.contains(&clip)), "{number} {clip}");
        }
        // Zenith takes back by itself; Acme asks for the order first.
        let zenith = number == "106";
        assert_eq!(times_heard(&world, talk, "returns_online"), usize::from(zenith), "{number}");
        assert_eq!(times_heard(&world, talk, "order_ask"), usize::from(!zenith), "{number}");
    }
}

/// The control room's word on the outage, and what the caller is told then; whoever sees a wire on the ground talks to a person
/// before any account is asked for.
#[test]
fn an_outage_is_told_or_reported_and_a_wire_on_the_ground_is_not_kept_waiting() {
    let power = example("utility-outage");
    let known: Answers = &[("/phone/%2B15551230002", Outcome::Ok, &[("account", "79927398713"), ("language", "en")])];
    for (outage, keys, last) in [
        (&[("active", "true"), ("restored", "16:30")][..], &[("trouble_ask", "2")][..], "outage_until.1"),
        (&[("active", "true")], &[("trouble_ask", "2")], "outage_known"),
        (&[("active", "false")], &[("trouble_ask", "2"), ("extent_ask", "2")], "reported"),
        (&[("active", "false")], &[("trouble_ask", "1")], "keep_away"),
    ] {
        let mut world = world(power, bind);
        known.iter().for_each(|(path, outcome, values)| answer(&mut world, path, *outcome, values));
        answer(&mut world, "/outage/79927398713", Outcome::Ok, outage);
        answer(&mut world, "/reports", Outcome::Ok, &[]);
        let mut script = keyed("en", keys.iter().copied());
        script.extend([Act::Hear(format!("en/{last}")), Act::Stay]);
        let talk = world.call_number(power.number, "+15551230002", Vec::new(), script);
        world.run(Duration::from_secs(60));
        assert_eq!(times_heard(&world, talk, last), 1, "{last}");
        assert_eq!(times_heard(&world, talk, "account_ask"), 0, "{last}");
        let to: &[&str] = if last == "keep_away" { &["emergency"] } else { &[] };
        assert_eq!(reached(&world), to, "{last}");
        let posted = world.asked.iter().filter_map(|asked| asked.body.as_ref()).map(|body| body.open());
        let report = "{\"account\":\"79927398713\",\"extent\":\"street\"}";
        assert_eq!(posted.collect::<Vec<_>>(), if last == "reported" { vec![report] } else { vec![] }, "{last}");
    }
}

#[test]
fn a_closed_clinic_has_a_doctor_on_call_and_a_new_patient_the_front_desk() {
    let clinic = example("clinic");
    let stranger = [("pick_language", "1"), ("phone_offer.2", "1"), ("birth_ask", "03011980")];
    let stranger: Vec<_> = stranger.into_iter().chain([("birth_readback.1", "1"), ("wish_ask", "1")]).collect();
    for (hours, keys, person) in [
        (0, vec![("pick_language", "1"), ("closed_ask", "1")], &["duty"][..]),
        (0, vec![("pick_language", "1"), ("closed_ask", "2")], &[]),
        (8, stranger, &["reception"]),
    ] {
        let mut world = world(clinic, bind);
        world.now = Instant::from_micros(0) + Duration::from_secs(3_600 * hours + 1);
        answer(&mut world, "/patients/15551230009/1980-03-01", Outcome::None, &[]);
        let mut script = keyed("en", keys);
        script.push(Act::Stay);
        let talk = world.call_number(clinic.number, "+15551230009", Vec::new(), script);
        world.run(Duration::from_secs(120));
        assert_eq!(reached(&world), person, "{hours}");
        assert_eq!(times_heard(&world, talk, "opening_hours"), usize::from(person.is_empty()));
        assert_eq!(times_heard(&world, talk, "new_patient"), usize::from(hours == 8));
    }
}

#[test]
fn who_knows_the_pin_is_heard_back_and_announces() {
    let desk = example("announce-desk");
    let mut world = world(desk, bind);
    let mut script =
        keyed("en", [("pin_ask", "2467#"), ("pin_again", "2468#"), ("wish_ask", "1"), ("record_now", "5")]);
    let spoken = [Act::Wait(ms(3_000)), Act::Press("#".to_owned()), Act::HearVoice];
    script.extend(spoken.clone());
    script.extend(keyed("en", [("message_readback.2", "2"), ("record_again", "5")]));
    script.extend(spoken);
    script.extend(keyed("en", [("message_readback.2", "1")]));
    script.extend([Act::Hear("en/announced".to_owned()), Act::Stay]);
    world.call_number(desk.number, "+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    assert_eq!((reached(&world), world.cdrs[0].disposition), (Vec::new(), Disposition::SelfServed));
    let [announced] = &world.announced[..] else { panic!("one announcement, not {}", world.announced.len()) };
    assert_eq!((announced.prompt.as_str(), announced.language.as_str()), ("storm", "en"));
    assert_eq!(announced.switch.as_ref().map(|set| (set.name.as_str(), set.on)), Some(("storm", true)));
    let spoken = announced.spoken.as_ref().expect("what was said");
    let ms = spoken.samples.len() / 8;
    assert!((2_500..3_500).contains(&ms), "{ms} ms");
    assert!(spoken.arena.span("take/1").is_some() && spoken.arena.span("take/2").is_some());
    let told = [serde_json::to_string(&world.cdrs).expect("JSON"), format!("{:?}", world.told)];
    assert!(told.iter().all(|told| !told.contains("2468")), "{told:?}");
    keep("announcing", desk.flow, &world);
}

#[test]
fn who_does_not_know_the_pin_changes_nothing() {
    let desk = example("announce-desk");
    let mut world = world(desk, bind);
    let mut script = keyed("en", [("pin_ask", "1234#"), ("pin_again", "1235#"), ("pin_again", "1236#")]);
    script.extend([Act::HearVoice, Act::Stay]);
    world.call_number(desk.number, "+15551230001", Vec::new(), script);
    world.run(Duration::from_secs(120));
    assert_eq!((reached(&world), world.announced.len()), (vec!["desk"], 0));
    assert_eq!(world.engine.counters().pins_refused, 3);
}
