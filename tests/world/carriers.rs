//! What of the context reaches the agent's side, decoded there, by each carrier.

use crate::scenarios::{ACCOUNT, answers, caller, plan};
use crate::{Plan, World};
use askonce::config::{Destination, Uui};
use askonce::context::Document;
use askonce::context::carrier::{Carrier, uui};
use askonce::engine::Setup;
use askonce::keying::Policy;
use askonce::peer::Act;
use askonce::record::seam::Disposition;
use askonce::record::trace::Told;
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::sip::Request;
use askonce::time::Duration;
use askonce::yaml::{Span, Word};
use std::sync::Arc;

type Tamper = fn(&mut Setup);

fn destination(setup: &mut Setup) -> &mut Destination {
    &mut Arc::make_mut(&mut setup.config).destinations[0]
}

fn world(tamper: Tamper) -> World {
    World::new(Plan { tamper, ..plan(51, answers(&[Act::HearVoice, Act::HangUp])) })
}

/// A caller who keys in the account, and the INVITEs that came of it.
fn called(world: &mut World) -> Vec<Request> {
    let before = world.rang.len();
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(60));
    let cdr = world.cdrs.last().expect("a record");
    assert_eq!(cdr.disposition, Disposition::Agent);
    world.rang[before..].to_vec()
}

/// The parts of a multipart/mixed body: headers and content of each.
fn parts(request: &Request) -> Vec<(String, String)> {
    let kind = request.headers.get("Content-Type").expect("a type");
    let boundary = kind.strip_prefix("multipart/mixed;boundary=").expect("several parts");
    let body = std::str::from_utf8(&request.body).expect("text");
    let body = body.strip_suffix(&format!("--{boundary}--\r\n")).expect("an end");
    let delimiter = format!("--{boundary}\r\n");
    let parts = body.split(&delimiter).skip(1).map(|part| part.split_once("\r\n\r\n").expect("a head"));
    parts.map(|(head, content)| (head.to_owned(), content.trim_end().to_owned())).collect()
}

fn pairs(request: &Request) -> (uui::Form, Vec<(String, String)>) {
    let values: Vec<&str> = request.headers.all("User-to-User").collect();
    assert_eq!(values.len(), 1);
    let read = uui::read(values[0], None).expect("readable");
    (read.form, read.pairs.into_iter().map(|(name, value)| (name, value.open().to_owned())).collect())
}

#[test]
fn each_form_of_user_to_user_reaches_the_agent() {
    let cases: [(Tamper, uui::Form); 3] = [
        (|setup| destination(setup).carriers = vec![Carrier::UuiIsdn], uui::Form::Isdn),
        (|setup| destination(setup).carriers = vec![Carrier::UuiRaw], uui::Form::Raw),
        (|setup| destination(setup).carriers = vec![Carrier::UuiPd], uui::Form::Pd),
    ];
    for (tamper, expected) in cases {
        let mut world = world(tamper);
        let invites = called(&mut world);
        let (form, pairs) = pairs(&invites[0]);
        assert_eq!(form, expected);
        assert_eq!(pairs[1], ("account".to_owned(), ACCOUNT.to_owned()));
        assert!(world.kept.contains_key(&pairs[0].1), "the reference leads to the context");
    }
}

#[test]
fn a_bare_value_is_all_that_there_is() {
    let mut world = world(|setup| {
        let destination = destination(setup);
        destination.carriers = vec![Carrier::UuiRaw];
        destination.uui = Some(Uui::Bare(Word { text: "account".to_owned(), span: Span::default() }));
    });
    let invites = called(&mut world);
    let digits: String = ACCOUNT.bytes().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(invites[0].headers.get("User-to-User"), Some(&*format!("{digits};encoding=hex")));
}

const ALL: [Carrier; 5] = [Carrier::UuiIsdn, Carrier::Headers, Carrier::ReferTo, Carrier::Body, Carrier::CallInfo];

fn everything(setup: &mut Setup) {
    let destination = destination(setup);
    destination.carriers = ALL.to_vec();
    destination.call_info = Some("https://desk.example/c/".to_owned());
}

#[test]
fn all_of_them_at_once_and_the_call_stands() {
    let mut world = world(everything);
    let invites = called(&mut world);
    let invite = &invites[0];
    let reference = pairs(invite).1[0].1.clone();
    assert_eq!(invite.headers.get("X-Askonce-Context"), Some(reference.as_str()));
    assert_eq!(invite.headers.get("X-Account"), Some(ACCOUNT));
    assert_eq!(invite.headers.get("Call-Info"), Some(&*format!("<https://desk.example/c/{reference}>;purpose=info")));
    let parts = parts(invite);
    assert_eq!(parts[0].0, "Content-Type: application/sdp");
    assert!(parts[0].1.starts_with("v=0\r\n"));
    let head = "Content-Type: application/json\r\nContent-Disposition: render;handling=optional";
    assert_eq!(parts[1].0, head);
    let object: serde_json::Value = serde_json::from_str(&parts[1].1).expect("JSON");
    assert_eq!((&object["ref"], &object["facts"]["account"]), (&reference.clone().into(), &ACCOUNT.into()));
    assert_eq!(object["case"], world.cdrs[0].case);
    assert_eq!(world.cdrs[0].hops[0].carriers, ["uui-isdn", "headers", "body", "call_info"]);
    let traced = |told: &Told| match told {
        Told::Entry { entry, .. } => serde_json::to_string(entry).expect("a trace"),
        _ => String::new(),
    };
    let traced: String = world.told.iter().map(traced).collect();
    assert!(!traced.contains(ACCOUNT) && !traced.contains(&reference), "a trace shows none of it");
    // What was stored is of the published form, to the last key.
    for context in &world.contexts {
        let document: Document = serde_json::from_value(context.clone()).expect("of that form");
        assert_eq!(&serde_json::to_value(document).expect("JSON"), context);
    }
}

#[test]
fn a_destination_that_is_not_trusted_gets_the_reference_alone() {
    let mut world = world(|setup| {
        everything(setup);
        destination(setup).trusted = false;
    });
    let invites = called(&mut world);
    let (_, pairs) = pairs(&invites[0]);
    assert_eq!(pairs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ref"]);
    let whole = String::from_utf8(invites[0].to_bytes()).expect("text");
    let digits: String = ACCOUNT.bytes().map(|octet| format!("{octet:02x}")).collect();
    assert!(!whole.contains(ACCOUNT) && !whole.contains(&digits), "{whole}");
    let object: serde_json::Value = serde_json::from_str(&parts(&invites[0])[1].1).expect("JSON");
    assert_eq!((&object["ref"], object.get("facts")), (&pairs[0].1.clone().into(), None));
}

#[test]
fn the_keys_of_srtp_are_found_beside_a_body() {
    let mut world = world(|setup| {
        everything(setup);
        destination(setup).srtp = Some(Policy::Required);
    });
    world.agents.srtp(Policy::Required);
    let invites = called(&mut world);
    assert!(parts(&invites[0])[0].1.contains("\r\na=crypto:1 "));
    let media = world.cdrs[0].media.iter().find(|media| media.leg == askonce::record::seam::Leg::Agent);
    assert!(media.is_some_and(|media| media.statistics.srtp.is_some()));
}

fn refused_for_its_body(request: &Request, status: u16) -> Option<u16> {
    let kind = request.headers.get("Content-Type");
    kind.is_some_and(|kind| kind.starts_with("multipart/")).then_some(status)
}

#[test]
fn a_body_that_is_refused_is_left_out_at_once_and_not_tried_again() {
    type Refuse = fn(&Request) -> Option<u16>;
    let cases: [(u16, Refuse); 3] = [
        (400, |request| refused_for_its_body(request, 400)),
        (415, |request| refused_for_its_body(request, 415)),
        (488, |request| refused_for_its_body(request, 488)),
    ];
    for (status, refuse) in cases {
        let mut world = world(everything);
        world.refuse = refuse;
        let invites = called(&mut world);
        let kinds: Vec<&str> =
            invites.iter().map(|invite| &invite.headers.get("Content-Type").expect("a type")[..9]).collect();
        assert_eq!(kinds, ["multipart", "applicati"], "{status}");
        assert_eq!(pairs(&invites[0]), pairs(&invites[1]), "the same hop with the same reference");
        assert_eq!(world.cdrs[0].hops[0].carriers, ["uui-isdn", "headers", "call_info"]);
        assert_eq!((world.cdrs[0].hops.len(), world.cdrs[0].refusals[0].status), (1, status));
        assert_eq!(world.engine.counters().bodies_refused, 1);
        // The next call knows.
        assert_eq!(called(&mut world).len(), 1);
        assert_eq!(world.engine.counters().bodies_refused, 1);
        for recording in &world.recordings {
            let program = files::load(&Disk, &crate::scenarios::flow()).0.expect("the flow loads").program;
            let replayed = rerun::run(recording, program).expect("a playable recording");
            assert_eq!(replayed.comparison.first_difference, None);
        }
    }
}

#[test]
fn a_refusal_that_is_not_about_the_body_teaches_nothing() {
    let mut world = World::new(Plan { tamper: everything, ..plan(52, askonce::peer::Answering::Refuse(488)) });
    let mut script = caller(ACCOUNT);
    script.truncate(5);
    world.call("+15551230001", Vec::new(), [script, vec![Act::Stay]].concat());
    world.run(Duration::from_secs(60));
    assert_eq!(world.rang.len(), 2, "once with it, once without");
    assert_eq!(world.engine.counters().bodies_refused, 0);
    assert_eq!(world.cdrs[0].disposition, Disposition::Failed);
}

#[test]
fn a_target_that_takes_the_call_neither_way_says_nothing_of_the_next_one() {
    let mut world = world(|setup| {
        everything(setup);
        let other = askonce::sip::Uri::read("sip:other@127.0.0.3:5060").expect("a URI");
        destination(setup).to.insert(0, other);
    });
    world.refuse = |request| (request.uri.user() == Some("other")).then_some(488);
    let invites = called(&mut world);
    let whole =
        |invite: &Request| invite.headers.get("Content-Type").is_some_and(|kind| kind.starts_with("multipart/"));
    assert_eq!(invites.iter().map(whole).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(world.engine.counters().bodies_refused, 0);
}
