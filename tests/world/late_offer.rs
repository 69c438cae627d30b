//! An INVITE without an offer (RFC 3261 section 13.2.1): ours goes out in the 200, the ACK brings the answer.

use crate::network::Weather;
use crate::{Plan, World};
use askonce::engine::{Input, Setup};
use askonce::keying::Policy;
use askonce::peer::{Act, Answering};
use askonce::record::seam::{Disposition, EndedBy};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use std::path::Path;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);

fn world(tamper: fn(&mut Setup)) -> World {
    let agent = Answering::Answer { after: SECOND, script: [Act::Stay].into() };
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
    let weather = Weather { loss: 0, duplication: 0 };
    let mut world =
        World::new(Plan { seed: 21, weather, answering: agent, flow, store: true, ports: u32::MAX, tamper });
    world.captured = Some(Vec::new());
    world
}

/// A request of the caller's; `tag` is the To tag, `body` its SDP.
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

fn answer(format: u8) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP {format}\r\n"
    )
}

/// The world after the INVITE and, unless it is `None`, an ACK with that body.
fn called(ack: Option<&str>) -> World {
    called_over("RTP/AVP", |_| {}, ack)
}

/// The same, where our offer is of that profile.
fn called_over(profile: &str, tamper: fn(&mut Setup), ack: Option<&str>) -> World {
    let mut world = world(tamper);
    world.inject(5060, 5060, &request("INVITE", "", ""));
    world.run(SECOND);
    let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
    let stream = format!("\r\nm=audio 10000 {profile} 0 8 101\r\n");
    assert!(said.starts_with("SIP/2.0 200") && said.contains(&stream), "{said}");
    let tag = said.lines().find_map(|line| line.strip_prefix("To: <sip:1@127.0.0.1>")).expect("a To tag").to_owned();
    assert!(world.invites.is_empty() && world.cdrs.is_empty(), "the flow waits for the answer");
    if let Some(body) = ack {
        world.inject(5060, 5060, &request("ACK", &tag, body));
    }
    world.run(10 * SECOND);
    world
}

#[test]
fn the_answer_in_the_ack_opens_the_stream_and_begins_the_flow() {
    let mut world = called(Some(&answer(8)));
    assert_eq!(world.invites.len(), 1, "the agent is called");
    assert_eq!(world.invites[0].headers.get("X-Account"), Some("79927398713"));
    world.tell(Input::Stop);
    world.run(40 * SECOND);
    let caller = &world.cdrs[0].media.iter().find(|media| media.leg == askonce::record::Leg::Caller).expect("a stream");
    assert!(caller.statistics.sent > 300, "the ACK showed that the caller's address is real: {:?}", caller.statistics);

    let mut world = called(Some(&answer(0)));
    world.inject(5060, 5060, &{
        let said = String::from_utf8(world.last_to_caller.clone()).expect("text");
        let tag =
            said.lines().find_map(|line| line.strip_prefix("To: <sip:1@127.0.0.1>")).expect("a To tag").to_owned();
        String::from_utf8(request("BYE", &tag, "")).expect("text").replace("CSeq: 1", "CSeq: 2").into_bytes()
    });
    world.run(10 * SECOND);
    assert_eq!((world.cdrs[0].disposition, world.cdrs[0].by), (Disposition::Agent, EndedBy::Caller));
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
    let program = files::load(&Disk, &flow).0.expect("the flow loads").program;
    let replayed = rerun::run(&world.recordings[0], program).expect("a playable recording");
    assert_eq!(replayed.comparison.first_difference, None);
}

#[test]
fn without_a_usable_answer_the_call_ends() {
    for ack in [Some(String::new()), Some(answer(18)), None] {
        let mut world = called(ack.as_deref());
        world.run(40 * SECOND);
        assert!(world.last_to_caller.starts_with(b"BYE "), "{ack:?}");
        assert_eq!((world.cdrs[0].disposition, world.cdrs[0].by), (Disposition::Failed, EndedBy::System), "{ack:?}");
        assert!(world.invites.is_empty() && world.engine.calls() == 0);
    }
}

#[test]
fn where_srtp_is_required_our_offer_says_so_and_the_answer_has_to_take_it() {
    let required: fn(&mut Setup) = |setup| {
        let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
        Arc::get_mut(&mut config.trunks[0]).expect("a trunk of its own").srtp = Policy::Required;
    };
    let clear = answer(0);
    let secure = |tag| {
        let key = "AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        format!("{}a=crypto:{tag} {key}\r\n", clear.replace("RTP/AVP", "RTP/SAVP"))
    };
    // The second of our two is the one of that suite.
    for (ack, stands) in [(secure(2), true), (secure(1), false), (clear.clone(), false)] {
        let mut world = called_over("RTP/SAVP", required, Some(&ack));
        assert_eq!(world.invites.len(), usize::from(stands), "{ack}");
        world.tell(Input::Stop);
        world.run(40 * SECOND);
        let srtp = world.cdrs[0].media.iter().find_map(|media| media.statistics.srtp);
        assert_eq!(srtp, stands.then_some(askonce::keying::Suite::Cm80), "{ack}");
    }
}
