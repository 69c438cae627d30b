//! Who gets SRTP, and by which keys.

use super::*;
use crate::keying::Policy::{Off, Offered, Required};
use crate::keying::{Keyring, Ours, Suite};

const CM: &str = "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
const GCM: &str = "a=crypto:2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0OD1F1aWQgcHJvIHF1bw==\r\n";
const UNKNOWN: &str = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";

fn with(policy: Policy) -> Session {
    Session::new("192.0.2.1:3000".parse().unwrap(), policy, &mut Random::from_seed(1))
}

fn keyed(body: &[u8]) -> Offer {
    let ring = Keyring::new([3; 32]);
    let filled = fill(std::str::from_utf8(body).unwrap(), |name, suite| ring.master((1, 0), name, suite));
    assert_eq!(filled.len(), body.len());
    read(filled.as_bytes()).unwrap()
}

/// The name of our key, in an agreement on that suite.
fn name(negotiated: &Negotiated, suite: Suite) -> crate::keying::KeyName {
    match negotiated.srtp.as_ref() {
        Some(Srtp { ours: Ours::Named(name), theirs }) if theirs.suite() == suite => *name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_offer_gets_what_the_policy_says() {
    let avp = "m=audio 4000 RTP/AVP 0\r\n";
    let savp = "m=audio 4002 RTP/SAVP 0\r\n";
    let clear = Ok("4000 RTP/AVP");
    // streams; what comes of them with off, offered, required: the port of theirs and the profile of ours
    type Outcome = Result<&'static str, Refusal>;
    let cases: [(String, [Outcome; 3]); 9] = [
        (avp.to_owned(), [clear, clear, Err(Refusal::Clear)]),
        (format!("{avp}{CM}"), [clear, Ok("4000 RTP/AVP 7"), Ok("4000 RTP/AVP 7")]),
        (format!("{avp}{UNKNOWN}"), [clear, clear, Err(Refusal::Clear)]),
        (format!("{savp}{UNKNOWN}{CM}{GCM}"), [Err(Refusal::Secure), Ok("4002 RTP/SAVP 7"), Ok("4002 RTP/SAVP 7")]),
        (format!("{savp}{GCM}{CM}"), [Err(Refusal::Secure), Ok("4002 RTP/SAVP 2"), Ok("4002 RTP/SAVP 2")]),
        (savp.to_owned(), [Err(Refusal::Secure), Err(Refusal::Keyless), Err(Refusal::Keyless)]),
        (format!("{savp}{CM}{avp}"), [clear, Ok("4002 RTP/SAVP 7"), Ok("4002 RTP/SAVP 7")]),
        (format!("{avp}{savp}{CM}"), [clear, Ok("4002 RTP/SAVP 7"), Ok("4002 RTP/SAVP 7")]),
        (format!("{savp}{UNKNOWN}{avp}"), [clear, clear, Err(Refusal::Clear)]),
    ];
    for (streams, outcomes) in cases {
        let offer = offer(&format!("{HEAD}{streams}"));
        assert_eq!(serde_json::from_str::<Offer>(&serde_json::to_string(&offer).unwrap()).unwrap().other.is_some(), {
            offer.other.is_some()
        });
        for (policy, outcome) in [Off, Offered, Required].into_iter().zip(outcomes) {
            let answered =
                with(policy).answer(&offer, &whoever(&[Pcmu]), Direction::SendRecv).map(|(body, negotiated)| {
                    let body = text(body);
                    let stream = body.lines().find(|line| line.starts_with("m=audio 3000")).expect("our stream");
                    let refused = body.lines().filter(|line| line.starts_with("m=audio 0 ")).count();
                    assert_eq!(refused + 1, streams.matches("m=").count(), "{body}");
                    let tag = body.lines().find_map(|line| line.strip_prefix("a=crypto:")?.split(' ').next());
                    assert_eq!(tag.is_some(), negotiated.srtp.is_some());
                    let profile = stream.split(' ').nth(2).expect("a profile");
                    let tag = tag.map_or(String::new(), |tag| format!(" {tag}"));
                    format!("{} {profile}{tag}", negotiated.remote.port())
                });
            assert_eq!(answered.as_deref().map_err(|why| *why), outcome, "{policy:?} of {streams}");
        }
    }
}

#[test]
fn a_recording_of_a_secure_session_has_no_key_in_it() {
    let offer = offer(&format!("{HEAD}m=audio 4000 RTP/SAVP 0\r\n{CM}"));
    let (body, negotiated) = with(Required).answer(&offer, &whoever(&[Pcmu]), Direction::SendRecv).unwrap();
    let written = [serde_json::to_string(&offer).unwrap(), serde_json::to_string(&negotiated).unwrap(), text(body)];
    for written in &written {
        assert!(!written.contains("WVNf") && written.contains("AES_CM_128_HMAC_SHA1_80"), "{written}");
    }
    assert!(!format!("{offer:?} {negotiated:?}").contains("WVNf"));
    // The same call again, from what was written: the same words.
    let again: Offer = serde_json::from_str(&written[0]).unwrap();
    let (body, negotiated) = with(Required).answer(&again, &whoever(&[Pcmu]), Direction::SendRecv).unwrap();
    assert_eq!([serde_json::to_string(&negotiated).unwrap(), text(body)], written[1..]);
}

#[test]
fn our_offer_is_answered_by_one_of_its_keys_or_not_at_all() {
    let (mut offered, mut required) = (with(Offered), with(Required));
    let bodies = [&mut offered, &mut required].map(|ours| ours.offer(&[Pcmu], Direction::SendRecv));
    let lines = |body: &[u8]| text(body.to_vec()).matches("\r\na=crypto:").count();
    assert_eq!(bodies.each_ref().map(|body| lines(body)), [2, 2]);
    assert!(text(bodies[0].clone()).contains("RTP/AVP 0 101") && text(bodies[1].clone()).contains("RTP/SAVP 0 101"));
    // Each policy of ours against each of theirs.
    for (own, ours, body) in [(Offered, &offered, &bodies[0]), (Required, &required, &bodies[1])] {
        for policy in [Off, Offered, Required] {
            let answer = with(policy).answer(&keyed(body), &whoever(&[Pcmu]), Direction::SendRecv);
            let Ok((answer, theirs)) = answer else {
                assert_eq!((answer.unwrap_err(), own), (Refusal::Secure, Required));
                continue;
            };
            let ours = ours.clone().take_answer(&keyed(&answer)).unwrap();
            assert_eq!((ours.srtp.is_some(), theirs.srtp.is_some()), (policy != Off, policy != Off));
        }
    }
    let answers = [
        (format!("m=audio 4000 RTP/AVP 0\r\n{}", CM.replace(":7", ":9")), Err(Refusal::Keyless), Refusal::Clear),
        (format!("m=audio 4000 RTP/AVP 0\r\n{CM}").replace(":7", ":1"), Err(Refusal::Keyless), Refusal::Clear),
        ("m=audio 4000 RTP/AVP 0\r\n".to_owned(), Ok(false), Refusal::Clear),
        (format!("m=audio 4000 RTP/SAVP 0\r\n{CM}"), Err(Refusal::Secure), Refusal::Keyless),
        ("m=audio 4000 RTP/SAVP 0\r\n".to_owned(), Err(Refusal::Secure), Refusal::Keyless),
        (format!("m=audio 4000 RTP/AVP 0\r\n{CM}").replace(":7", ":2"), Ok(true), Refusal::Clear),
    ];
    for (answer, when_offered, when_required) in answers {
        let answer = offer(&format!("{HEAD}{answer}"));
        assert_eq!(offered.clone().take_answer(&answer).map(|n| n.srtp.is_some()), when_offered, "{answer:?}");
        assert_eq!(required.clone().take_answer(&answer), Err(when_required), "{answer:?}");
    }
}

#[test]
fn our_key_stays_as_long_as_suite_and_peer_do_and_none_comes_back() {
    let mut ours = with(Offered);
    let mut answered = |address: &str, key: &str| {
        let body = format!("{HEAD}m=audio 4000 RTP/SAVP 0\r\nc=IN IP4 {address}\r\n{key}");
        ours.answer(&offer(&body), &whoever(&[Pcmu]), Direction::SendRecv).unwrap().1
    };
    let first = name(&answered("192.0.2.5", CM), Suite::Cm80);
    let rekeyed = CM.replace("WVNf", "AVNf");
    for (address, key) in [("192.0.2.5", CM), ("192.0.2.5", rekeyed.as_str()), ("0.0.0.0", CM), ("192.0.2.5", CM)] {
        assert_eq!(name(&answered(address, key), Suite::Cm80), first, "{address}");
    }
    let mut seen = vec![first];
    // A peer that moved, another suite, the first one again.
    for (address, key, suite) in
        [("192.0.2.6", CM, Suite::Cm80), ("192.0.2.6", GCM, Suite::Gcm128), ("192.0.2.6", CM, Suite::Cm80)]
    {
        let next = name(&answered(address, key), suite);
        assert!(!seen.contains(&next), "{next:?}");
        seen.push(next);
    }
    // Our own offer goes on with the key that is in use, over the profile that is in use; the others are new ones.
    let described = text(ours.offer(&[Pcmu], Direction::SendRecv));
    let key = |suite: Suite| {
        let line = described.lines().find(|line| line.contains(suite.name())).expect("it is offered");
        crate::keying::KeyName::read(line.split("inline:").nth(1).expect("a key")).expect("a name")
    };
    assert!(described.contains("RTP/SAVP"), "{described}");
    assert_eq!(Some(&key(Suite::Cm80)), seen.last());
    assert!(!seen.contains(&key(Suite::Gcm128)));
    // In clear in between: the key was in use.
    let mut ours = with(Offered);
    let secure = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 0\r\n{CM}"));
    let clear = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 0\r\n"));
    let mut answer = |offer| ours.answer(offer, &whoever(&[Pcmu]), Direction::SendRecv).unwrap().1;
    let before = name(&answer(&secure), Suite::Cm80);
    assert_eq!(answer(&clear).srtp, None);
    assert_ne!(name(&answer(&secure), Suite::Cm80), before);
}
