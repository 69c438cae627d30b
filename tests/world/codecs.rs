//! What is agreed on with either side: by the trunk's list, and by the destination's.

use crate::network::Weather;
use crate::{Plan, World};
use askonce::codec::{Codec, Preference};
use askonce::engine::Setup;
use askonce::peer::{Act, Answering};
use askonce::record::Line;
use askonce::record::fixture::Step;
use askonce::record::seam::{Disposition, Leg, Out};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use std::path::Path;
use std::sync::Arc;

const FLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/account-desk.yaml");

/// The caller's side speaks G.722 and PCMU, the agent's G.722, PCMA and PCMU, in that order.
fn lists(setup: &mut Setup) {
    let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
    let trunk = Arc::get_mut(&mut config.trunks[0]).expect("a trunk of its own");
    trunk.codecs = Preference::configured(vec![Codec::G722, Codec::Pcmu]);
    config.destinations[0].codecs = Some(Preference::configured(vec![Codec::Pcma, Codec::G722, Codec::Pcmu]));
    for service in setup.services.values_mut() {
        let loaded = files::load_for(&Disk, Path::new(FLOW), &config.spoken(), None).0.expect("the flow loads");
        service.arena = loaded.arena;
    }
}

/// A call whose INVITE offers these formats, ten seconds later, and what it was answered with.
pub fn called(formats: &str) -> (World, String) {
    let answering = Answering::Answer { after: Duration::from_secs(1), script: [Act::Stay].into() };
    let weather = Weather { loss: 0, duplication: 0 };
    let flow = Path::new(FLOW).to_owned();
    let mut world = World::new(Plan { seed: 4, weather, answering, flow, store: true, ports: u32::MAX, tamper: lists });
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP {formats}\r\n"
    );
    world.inject(5060, 5060, &request("INVITE", "", &body));
    world.run(Duration::from_secs(1));
    let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
    if said.starts_with("SIP/2.0 200") {
        world.inject(5060, 5060, &request("ACK", tag(&said), ""));
    }
    world.run(Duration::from_secs(10));
    (world, said)
}

fn tag(said: &str) -> &str {
    said.lines().find_map(|line| line.strip_prefix("To: <sip:1@127.0.0.1>")).expect("a To tag")
}

/// A request of the caller's; `tag` is the To tag.
fn request(method: &str, tag: &str, body: &str) -> Vec<u8> {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let text = format!(
        "{method} sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK{method}\r\nFrom: \
         <sip:+15551230001@127.0.0.2>;tag=a\r\nTo: <sip:1@127.0.0.1>{tag}\r\nCall-ID: x\r\nCSeq: 1 {method}\r\nContact: \
         <sip:127.0.0.2:5060>\r\nX-Account-Number: 79927398713\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    text.into_bytes()
}

#[test]
fn each_side_is_answered_and_called_by_its_own_list() {
    // What is offered, what is answered, and what the agent is offered: the caller's codec first.
    for (formats, answered, offered) in [
        ("0 8 9", "RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n", "RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\n"),
        ("8 0", "RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", "RTP/AVP 0 8 9 101\r\na=rtpmap:0 PCMU/8000\r\n"),
    ] {
        let (world, said) = called(formats);
        assert!(said.starts_with("SIP/2.0 200") && said.contains(answered), "{said}");
        let sdp = String::from_utf8(world.invites[0].body.clone()).expect("text");
        assert!(sdp.contains(offered), "{sdp}");
    }
}

#[test]
fn in_a_bridge_either_request_may_bring_another_codec_and_another_address_or_be_refused() {
    for method in ["INVITE", "UPDATE"] {
        let (mut world, said) = called("0");
        // PCMU to G.722 at another port, PCMA, which this trunk has not, and back.
        for (cseq, port, formats, status, answered) in
            [(2, 9100, "9", 200, "G722/8000"), (3, 9100, "8", 488, ""), (4, 9000, "0", 200, "PCMU/8000")]
        {
            let body = format!(
                "v=0\r\no=- 1 {cseq} IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
            );
            let again = |method: &str, body: &str| {
                let text = String::from_utf8(request(method, tag(&said), body)).expect("text");
                text.replace("CSeq: 1", &format!("CSeq: {cseq}")).replace("z9hG4bK", &format!("z9hG4bK{cseq}"))
            };
            world.inject(5060, 5060, again(method, &body).as_bytes());
            world.run(Duration::from_millis(500));
            let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
            assert!(said.starts_with(&format!("SIP/2.0 {status}")) && said.contains(answered), "{method}: {said}");
            if method == "INVITE" {
                world.inject(5060, 5060, again("ACK", "").as_bytes());
            }
            world.run(Duration::from_millis(500));
        }
        let bye = String::from_utf8(request("BYE", tag(&said), "")).expect("text").replace("CSeq: 1", "CSeq: 9");
        world.inject(5060, 5060, bye.as_bytes());
        world.run(Duration::from_secs(60));
        let session = |line: &Line| match &line.step {
            Step::Out(Out::Reanswer { leg: Leg::Caller, session: Some(session), .. }) => {
                Some((session.codec, session.remote.port()))
            }
            _ => None,
        };
        let sessions: Vec<_> = world.recordings[0].lines.iter().filter_map(session).collect();
        assert_eq!(sessions, [(Codec::G722, 9100), (Codec::Pcmu, 9000)], "{method}");
        assert_eq!(world.cdrs[0].disposition, Disposition::Agent, "the bridge stood through it");
    }
}

#[test]
fn who_has_none_of_the_list_is_refused() {
    let (world, said) = called("8");
    assert!(said.starts_with("SIP/2.0 488"), "{said}");
    assert!(world.invites.is_empty() && world.engine.calls() == 0);
}

#[test]
fn the_lists_are_in_the_recording() {
    let (mut world, said) = called("0 9");
    let bye = String::from_utf8(request("BYE", tag(&said), "")).expect("text").replace("CSeq: 1", "CSeq: 2");
    world.inject(5060, 5060, bye.as_bytes());
    world.run(Duration::from_secs(60));
    let program = files::load(&Disk, Path::new(FLOW)).0.expect("the flow loads").program;
    let text = world.recordings[0].write().expect("a recording");
    let read = askonce::record::Fixture::read(&text).expect("the same recording");
    assert_eq!(read.header.codecs.codecs, [Codec::G722, Codec::Pcmu]);
    let replayed = rerun::run(&read, program).expect("a playable recording");
    assert_eq!(replayed.comparison.first_difference, None);
}
