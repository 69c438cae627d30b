//! What a trace shows of a whole call, and what it must not.

use crate::scenarios::{ACCOUNT, FAIR, answers, caller, ms, plan, world};
use crate::{Plan, World};
use askonce::peer::{Act, Answering};
use askonce::record::seam::Leg;
use askonce::record::trace::{MESSAGES, Sip, Told, Trace, Way};
use askonce::record::{Fixture, ladder, pcap};
use askonce::time::Duration;

const CALLER: &str = "5551230001";

/// A call with the account keyed by INFO, so that the digits are in SIP bodies too.
fn traced() -> World {
    let mut world = world(21, FAIR, answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]));
    let mut script = caller(ACCOUNT);
    script[1] = Act::Info(format!("{ACCOUNT}#"));
    world.call(&format!("+1{CALLER}"), Vec::new(), script);
    world.run(Duration::from_secs(120));
    world
}

/// The call as it was told of, put together.
fn trace(world: &World) -> Trace {
    let mut trace = None;
    for told in &world.told {
        match (told, &mut trace) {
            (Told::Begun(head), None) => trace = Some(Trace { head: head.clone(), entries: Vec::new() }),
            (Told::Entry { entry, .. }, Some(trace)) => trace.entries.push(entry.clone()),
            (Told::Over { dropped, .. }, Some(trace)) => {
                trace.head.over = true;
                trace.head.dropped = *dropped;
            }
            _ => panic!("an entry before its call, or a second call"),
        }
    }
    trace.expect("a trace")
}

/// The forms in which digits could travel: plain, hex, percent, and base64 at each of its three alignments.
fn forms(digits: &str) -> Vec<String> {
    let hex: String = digits.bytes().map(|octet| format!("{octet:02x}")).collect();
    let percent = digits.bytes().map(|octet| format!("%{octet:02x}")).collect();
    let aligned = (0..3).map(|skip| base64(&digits.as_bytes()[skip..digits.len() - (digits.len() - skip) % 3]));
    [digits.to_owned(), hex, percent].into_iter().chain(aligned).collect()
}

/// Of whole groups of three octets.
fn base64(octets: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let groups = octets.chunks(3).map(|group| group.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)));
    groups.flat_map(|bits| [18, 12, 6, 0].map(|shift| alphabet[(bits >> shift) as usize & 63])).collect()
}

#[test]
fn no_form_of_the_account_is_in_a_trace_a_ladder_or_a_capture() {
    assert_eq!(base64(b"799273"), "Nzk5Mjcz");
    let world = traced();
    let trace = trace(&world);
    let recorded = &world.recordings[0];
    let reference = world.invites[0].headers.get("X-Askonce-Context").expect("a reference");
    let ladder = |rows: Vec<ladder::Row>| rows.iter().map(|row| row.render(false)).collect::<Vec<_>>().join("\n");
    let mut shown = vec![
        trace.write().expect("JSON"),
        ladder::heading(&trace.head),
        ladder(ladder::rows(&trace.entries)),
        ladder(ladder::of_recording(recorded)),
        String::from_utf8_lossy(&pcap::write(trace.head.at, trace.messages())).into_owned(),
        String::from_utf8_lossy(&pcap::write(trace.head.at, &recorded.sip)).into_owned(),
    ];
    shown.extend(recorded.sip.iter().map(|sip| sip.text.clone()));
    let headless = Fixture { sip: Vec::new(), ..recorded.clone() };
    shown.push(ladder(ladder::of_recording(&headless)));
    let looked_for = [forms(ACCOUNT), forms(CALLER), forms(reference)].concat();
    for text in shown {
        let text = text.to_lowercase();
        for form in &looked_for {
            assert!(!text.contains(&form.to_lowercase()), "{form} is in {text}");
        }
    }
    // What is looked for is where it belongs, so the search can find it.
    let sent = String::from_utf8(world.invites[0].to_bytes()).expect("text");
    assert!(sent.contains(ACCOUNT) && sent.contains(&forms(ACCOUNT)[1]) && sent.contains(CALLER));
}

#[test]
fn a_trace_holds_every_message_of_both_legs_to_the_last_answer() {
    let world = traced();
    let trace = trace(&world);
    let told: Vec<&Sip> = trace.messages().collect();
    let recorded: Vec<&Sip> = world.recordings[0].sip.iter().collect();
    assert_eq!(told, recorded, "the trace and the recording hold the same messages");
    let starts = |leg, way| {
        let of = told.iter().filter(|sip| (sip.leg, sip.sip) == (leg, way));
        let mut starts: Vec<&str> =
            of.map(|sip| sip.text.split(" sip:").next().unwrap_or("").lines().next().unwrap_or("")).collect();
        // The network may let one overtake another.
        starts.sort_unstable();
        starts.dedup();
        starts
    };
    assert_eq!(starts(Leg::Caller, Way::In), ["ACK", "INFO", "INVITE", "SIP/2.0 200 OK"]);
    assert_eq!(starts(Leg::Caller, Way::Out), ["BYE", "SIP/2.0 200 OK"]);
    assert_eq!(starts(Leg::Agent, Way::Out), ["ACK", "INVITE", "SIP/2.0 200 OK"]);
    let ringing = ["BYE", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"];
    assert_eq!(starts(Leg::Agent, Way::In), ringing);
    let invite = told.iter().find(|sip| (sip.leg, sip.sip) == (Leg::Agent, Way::Out)).expect("an INVITE");
    assert_eq!(invite.text.len(), world.invites[0].to_bytes().len(), "a mask keeps the length");
    assert!(invite.text.contains("\r\nX-Account: ***********\r\n"), "{}", invite.text);
    assert!(trace.head.over && trace.head.dropped == 0 && trace.head.from == "**********01");
    assert_eq!(Trace::read(&trace.write().expect("JSON")).expect("the same"), trace);
    let text = world.recordings[0].write().expect("a recording");
    assert_eq!(Fixture::read(&text).expect("the same"), world.recordings[0]);
    assert!(text.lines().nth(1).expect("a line").contains("\"sip\":\"in\""), "messages are in their places");
}

#[test]
fn messages_beyond_the_bound_are_counted_and_not_kept() {
    let mut world = world(22, FAIR, answers(&[Act::Stay]));
    world.call(&format!("+1{CALLER}"), Vec::new(), vec![Act::Wait(Duration::from_secs(8)), Act::HangUp]);
    world.run(Duration::from_secs(2));
    let id = trace(&world)
        .messages()
        .next()
        .expect("an INVITE")
        .text
        .lines()
        .find_map(|line| line.strip_prefix("Call-ID: ").map(str::to_owned));
    let stray = format!("ACK sip:x@127.0.0.1 SIP/2.0\r\nCall-ID: {}\r\n\r\n", id.expect("a Call-ID"));
    for _ in 0..MESSAGES {
        world.inject(5060, 5060, stray.as_bytes());
    }
    world.run(Duration::from_secs(60));
    let trace = trace(&world);
    let sip = &world.recordings[0].sip;
    assert_eq!((trace.messages().count(), sip.len()), (MESSAGES, MESSAGES));
    assert!(trace.head.dropped > 0);
    assert_eq!(sip.last().map(|last| last.dropped), Some(trace.head.dropped));
}

#[test]
fn a_call_that_is_refused_leaves_nothing() {
    let mut world = World::new(Plan { ports: 0, ..plan(23, Answering::Refuse(486)) });
    world.call("+15551230001", Vec::new(), vec![Act::Stay]);
    world.run(Duration::from_secs(60));
    assert!(world.told.is_empty() && world.recordings.is_empty() && world.engine.idle());
}
