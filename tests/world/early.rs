//! `answer: early`: prompts before the 200, for callers who show that they are there.

use crate::scenarios::{ACCOUNT, answers, caller, flow, ms, plan};
use crate::simulation::AGENTS;
use crate::{Plan, World};
use askonce::call::Program;
use askonce::engine::{Input, Setup};
use askonce::peer::{Act, Answering, Happened, TalkId};
use askonce::record::Line;
use askonce::record::fixture::Step;
use askonce::record::seam::{Disposition, In, Leg, Out};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::sip::{Hop, Locals, Transport};
use askonce::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
/// The welcome is heard before the account is asked for.
const WELCOME: Duration = Duration::from_millis(2_400);

fn early(setup: &mut Setup) {
    for service in setup.services.values_mut() {
        Arc::make_mut(&mut service.program.flow).early = true;
    }
}

fn world(seed: u64) -> World {
    let agent = answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp]);
    let mut world = World::new(Plan { tamper: early, ..plan(seed, agent) });
    world.captured = Some(Vec::new());
    world
}

/// When the call was answered, on the clock of its recording.
fn answered(world: &World) -> Option<Duration> {
    let lines = &world.recordings[0].lines;
    lines
        .iter()
        .find(|line| matches!(line.step, Step::Out(Out::Answer { .. })))
        .map(|line| Duration::from_micros(line.t))
}

fn program(world: &World) -> Program {
    let (service, _) = files::load(&Disk, &flow());
    let mut service = service.expect("the example");
    Arc::make_mut(&mut service.program.flow).early = true;
    assert_eq!(service.program.flow.digest, world.recordings[0].header.digest);
    crate::rehearsed::again_on(world, &service);
    service.program
}

fn ended(world: &World, talk: TalkId) -> Option<u16> {
    world.happened[&talk].iter().find_map(|happened| match happened {
        Happened::Ended { status, .. } => Some(*status),
        _ => None,
    })
}

/// A request of a caller made by hand, to which no phone listens.
fn request(method: &str, to: &str) -> Vec<u8> {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
    let body = if method == "INVITE" { sdp } else { "" };
    let text = format!(
        "{method} sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK{method}\r\nFrom: \
         <sip:+15551230001@127.0.0.2>;tag=a\r\nTo: <sip:1@127.0.0.1>{to}\r\nCall-ID: x\r\nCSeq: 1 {method}\r\nContact: \
         <sip:127.0.0.2:5060>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    text.into_bytes()
}

#[test]
fn the_welcome_is_heard_before_the_answer_and_the_question_after_it() {
    let mut world = world(51);
    let mut script = caller(ACCOUNT);
    script.insert(0, Act::Hear("en/account_ask".to_owned()));
    let talk = world.call("+15551230001", Vec::new(), script);
    world.run(120 * SECOND);
    let at = answered(&world).expect("an answer");
    assert!(at > WELCOME && at < 2 * WELCOME, "{at:?}");
    assert!(world.happened[&talk].iter().any(|happened| matches!(happened, Happened::Ringing)), "the 183");
    let lines = &world.recordings[0].lines;
    let shown = lines.iter().find(|line| matches!(line.step, Step::In(In::Shown))).expect("its PRACK came");
    assert!(Duration::from_micros(shown.t) < ms(100));
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, ended(&world, talk)), (Disposition::Agent, Some(0)));
    assert_eq!(
        cdr.answer.map(|answer| answer.duration_since(cdr.start).as_millis()),
        i128::try_from(at.as_millis()).ok()
    );
    let sent = cdr.media.iter().find(|media| media.leg == Leg::Caller).map(|media| media.statistics.sent);
    assert!(sent > Some(50 * u64::from(at.as_secs() as u32)), "the stream ran from the PRACK on: {sent:?}");
    let replayed = rerun::run(&world.recordings[0], program(&world)).expect("it can be run");
    assert_eq!(replayed.comparison.first_difference, None);
}

#[test]
fn a_caller_who_gives_up_before_the_answer_was_never_answered() {
    let mut world = world(52);
    let talk = world.call("+15551230001", Vec::new(), vec![Act::Stay]);
    world.run(SECOND);
    world.callers.hang_up(world.now, talk);
    world.run(40 * SECOND);
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, cdr.answer, cdr.answered_ms), (Disposition::AbandonedFlow, None, 0));
    assert_eq!(world.engine.half_open(), 0);
    program(&world);
}

/// Neither reliable responses nor sound: nothing is sent to where the INVITE says, and the prompts wait for the ACK.
#[test]
fn who_does_not_show_itself_is_answered_after_a_second_and_misses_nothing() {
    let mut world = world(53);
    world.inject(5060, 5060, &request("INVITE", ""));
    world.run(ms(900));
    let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
    assert!(said.starts_with("SIP/2.0 183") && said.contains("m=audio") && !said.contains("RSeq"), "{said}");
    assert_eq!(world.engine.half_open(), 1);
    world.run(ms(200));
    let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
    assert!(said.starts_with("SIP/2.0 200") && said.contains("m=audio"), "{said}");
    let tag = said.lines().find_map(|line| line.strip_prefix("To: <sip:1@127.0.0.1>")).expect("a To tag").to_owned();
    world.inject(5060, 5060, &request("ACK", &tag));
    world.run(30 * SECOND);
    assert!(world.recordings.is_empty(), "the call goes on");
    world.tell(Input::Stop);
    world.run(40 * SECOND);
    let played = |line: &&Line| matches!(line.step, Step::In(In::PlayEnded { .. }));
    let first = world.recordings[0].lines.iter().find(played).map(|line| Duration::from_micros(line.t));
    assert!(first > Some(SECOND + WELCOME), "the welcome began with the ACK: {first:?}");
}

/// One packet from where the description says opens the gate, as it does for any call.
#[test]
fn sound_of_the_callers_own_shows_it_as_well() {
    let mut world = world(54);
    world.inject(5060, 5060, &request("INVITE", ""));
    world.run(ms(100));
    let packet = [&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5][..], &[0xff; 160]].concat();
    world.inject(9_000, 10_000, &packet);
    world.run(2 * SECOND);
    let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
    assert!(said.starts_with("SIP/2.0 183"), "{said}");
    assert_eq!(world.engine.half_open(), 0, "it holds no place of those who may not be there");
    world.run(5 * SECOND);
    assert!(String::from_utf8_lossy(&world.last_to_caller).starts_with("SIP/2.0 200"), "the question answers");
}

/// Where a connection comes from nobody forges: the prompt begins at once.
#[test]
fn a_caller_over_tcp_need_not_show_itself() {
    let tamper = |setup: &mut Setup| {
        early(setup);
        let server = Hop::udp("127.0.0.1:5060".parse().expect("an address"));
        setup.locals = Locals::new([server, Hop::new(Transport::Tcp, server.address)]);
    };
    let mut world = World::new(Plan { tamper, ..plan(57, answers(&[])) });
    let invite = String::from_utf8(request("INVITE", "")).expect("text").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let from = Hop::new(Transport::Tcp, "127.0.0.2:5060".parse().expect("an address"));
    world.tell(Input::Message { from, bytes: invite.as_bytes() });
    world.run(2 * SECOND);
    assert!(String::from_utf8_lossy(&world.last_to_caller).starts_with("SIP/2.0 183"));
    assert_eq!(world.engine.half_open(), 0);
    world.run(3 * SECOND);
    assert!(String::from_utf8_lossy(&world.last_to_caller).starts_with("SIP/2.0 200"), "the question answers");
}

/// The flow only has something to say.
#[test]
fn a_flow_that_ends_before_it_asked_anything_refuses_the_call() {
    let tamper = |setup: &mut Setup| {
        early(setup);
        for service in setup.services.values_mut() {
            let flow = Arc::make_mut(&mut service.program.flow);
            flow.start = flow.blocks.iter().position(|block| block.name.text == "sorry").expect("the block");
        }
    };
    let mut world = World::new(Plan { tamper, ..plan(55, answers(&[])) });
    let talk = world.call("+15551230001", Vec::new(), vec![Act::Stay]);
    world.run(60 * SECOND);
    assert_eq!(ended(&world, talk), Some(480));
    assert_eq!((world.cdrs[0].disposition, world.cdrs[0].answer), (Disposition::SelfServed, None));
}

/// What the agent's side says by hand, while its phone rings.
fn agent_says(world: &mut World, status: &str, sdp: bool) {
    let invite = world.invites.last().expect("an INVITE");
    let echoed = ["Via", "From", "Call-ID", "CSeq"].map(|name| {
        let value = invite.headers.get(name).expect("a header");
        format!("{name}: {value}\r\n")
    });
    let to = invite.headers.get("To").expect("a header");
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9100 RTP/AVP 0\r\n";
    let body = if sdp { body } else { "" };
    let text = format!(
        "SIP/2.0 {status}\r\n{}To: {to};tag=other\r\nContact: <sip:{AGENTS}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        echoed.concat(),
        body.len()
    );
    let from = Hop::udp(SocketAddr::new(AGENTS, 5060));
    world.tell(Input::Message { from, bytes: text.as_bytes() });
    world.run(ms(100));
}

/// Half a second of the voice of an agent's phone.
fn agent_speaks(world: &mut World, first: u8) {
    for n in first..first + 25 {
        let packet = [&[0x80, 0, 0, n, 0, 0, 0, 160, 0, 0, 0, 6][..], &[0x42; 160]].concat();
        world.inject(9_100, 10_002, &packet);
        world.run(ms(20));
    }
}

/// A call that has come to a phone that rings and rings.
fn ringing(early_media: bool) -> (World, TalkId) {
    let tamper: fn(&mut Setup) = if early_media {
        |setup: &mut Setup| {
            let config = Arc::make_mut(&mut setup.config);
            config.destinations.iter_mut().for_each(|destination| destination.early_media = true);
        }
    } else {
        |_: &mut Setup| {}
    };
    let mut world = World::new(Plan { tamper, ..plan(56, Answering::Ring) });
    let headers = vec![("X-Account-Number".to_owned(), ACCOUNT.to_owned())];
    let talk = world.call("+15551230001", headers, vec![Act::Stay]);
    world.run(8 * SECOND);
    assert_eq!(world.invites.len(), 1);
    (world, talk)
}

fn heard(world: &World, talk: TalkId) -> (bool, usize) {
    let happened = &world.happened[&talk];
    let music = |happened: &&Happened| matches!(happened, Happened::Heard(clip) if clip == "music/hold");
    (happened.iter().any(|happened| matches!(happened, Happened::HeardVoice)), happened.iter().filter(music).count())
}

#[test]
fn what_an_agents_side_sends_before_it_answers_is_heard_where_the_destination_says_so() {
    for early_media in [false, true] {
        let (mut world, talk) = ringing(early_media);
        assert_eq!(heard(&world, talk), (false, 1), "music");
        agent_says(&mut world, "183 Session Progress", true);
        agent_speaks(&mut world, 0);
        assert_eq!(heard(&world, talk), (early_media, 1));
        agent_says(&mut world, "200 OK", true);
        agent_speaks(&mut world, 25);
        assert!(heard(&world, talk).0, "the two talk");
        world.tell(Input::Stop);
        world.run(40 * SECOND);
        assert_eq!(world.cdrs[0].disposition, Disposition::Failed, "we stopped");
        let streams = world.cdrs[0].media.iter().filter(|media| media.leg == Leg::Agent).count();
        assert_eq!(streams, 1, "one stream, before and after the answer");
    }
}

#[test]
fn an_agents_side_that_played_something_and_then_refuses_leaves_the_caller_with_the_music_and_the_flow() {
    let (mut world, talk) = ringing(true);
    agent_says(&mut world, "183 Session Progress", true);
    agent_speaks(&mut world, 0);
    agent_says(&mut world, "486 Busy Here", false);
    world.run(30 * SECOND);
    assert!(world.happened[&talk].iter().any(|h| matches!(h, Happened::Heard(clip) if clip == "en/call_later")));
    assert_eq!((world.cdrs[0].disposition, ended(&world, talk)), (Disposition::Failed, Some(0)));
    let (service, _) = files::load(&Disk, &flow());
    let replayed = rerun::run(&world.recordings[0], service.expect("the example").program).expect("it can be run");
    assert_eq!(replayed.comparison.first_difference, None);
}
