mod srtp;

use super::*;
use crate::codec::Codec::{Pcma, Pcmu};
use crate::codec::{Codec, Preference};
use crate::keying::Policy;
use crate::random::Random;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n";

fn session() -> Session {
    Session::new("192.0.2.1:3000".parse().unwrap(), Policy::Off, &mut Random::from_seed(1))
}

fn offer(text: &str) -> Offer {
    read(text.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// Whoever offers has its choice.
fn whoever(codecs: &[Codec]) -> Preference {
    Preference { codecs: codecs.to_vec(), ours: false }
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

#[test]
fn odd_but_usable_descriptions_are_read() {
    // body, address, direction, formats
    let cases = [
        (format!("{HEAD}{AUDIO}"), "192.0.2.5:4000", Direction::SendRecv, "8 PCMA, 0 PCMU, 96 telephone-event"),
        (
            format!("{HEAD}a=sendonly\r\n{AUDIO}"),
            "192.0.2.5:4000",
            Direction::SendOnly,
            "8 PCMA, 0 PCMU, 96 telephone-event",
        ),
        (
            format!("{HEAD}{AUDIO}a=inactive\r\na=sendrecvx\r\n"),
            "192.0.2.5:4000",
            Direction::Inactive,
            "8 PCMA, 0 PCMU, 96 telephone-event",
        ),
        (
            format!("{HEAD}{AUDIO}c=IN IP4 0.0.0.0\r\n"),
            "0.0.0.0:4000",
            Direction::SendOnly,
            "8 PCMA, 0 PCMU, 96 telephone-event",
        ),
        (
            format!(
                "{HEAD}m=image 9 udptl t38\r\nm=audio 0 RTP/AVP 0\r\nm=audio 6 RTP/AVP 0 18\r\nm=video 7 RTP/AVP 34\r\n"
            ),
            "192.0.2.5:6",
            Direction::SendRecv,
            "0 PCMU",
        ),
        (
            "v=0\no=\ns=\nm=audio 4002 RTP/AVP 0\nc=IN IP6 2001:db8::1\na=crypto:nonsense\na=candidate:\n".to_owned(),
            "[2001:db8::1]:4002",
            Direction::SendRecv,
            "0 PCMU",
        ),
    ];
    for (body, address, direction, formats) in cases {
        let offer = offer(&body);
        let read: Vec<_> = offer.formats.iter().map(|f| format!("{} {}", f.payload_type, f.name)).collect();
        assert_eq!(
            (&*offer.address.to_string(), offer.direction, &*read.join(", ")),
            (address, direction, formats),
            "{body}"
        );
    }
    let all = offer(&format!("{HEAD}{AUDIO}a=rtcp-mux\r\na=ptime:30\r\n"));
    assert_eq!((all.rtcp_mux, all.ptime), (true, Some(30)));
    assert_eq!(serde_json::from_str::<Offer>(&serde_json::to_string(&all).unwrap()).unwrap(), all);
}

#[test]
fn unusable_descriptions_say_why() {
    let cases = [
        (String::new(), Unusable::Malformed),
        ("hello".to_owned(), Unusable::Malformed),
        (HEAD.to_owned(), Unusable::NoAudio),
        (format!("{HEAD}m=audio 0 RTP/AVP 0\r\n"), Unusable::NoAudio),
        (format!("{HEAD}m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n"), Unusable::NoAudio),
        (format!("{HEAD}m=audio 99999 RTP/AVP 0\r\n"), Unusable::Malformed),
        (format!("{HEAD}{AUDIO}c=IN IP4 media.example.com\r\n"), Unusable::Address),
        (format!("{HEAD}{AUDIO}c=IN IP4 224.2.1.1/127\r\n"), Unusable::Address),
        (format!("v=0\r\n{AUDIO}"), Unusable::Address),
        (format!("{HEAD}{}", AUDIO.repeat(17)), Unusable::TooMuch),
        (format!("{HEAD}m=audio 4000 RTP/AVP{}\r\n", " 0".repeat(65)), Unusable::TooMuch),
    ];
    for (body, why) in cases {
        assert_eq!(read(body.as_bytes()), Err(why), "{body}");
    }
}

#[test]
fn an_answer_follows_the_offer_s_order_numbers_and_streams() {
    let offer =
        offer(&format!("{HEAD}m=image 9 udptl t38\r\n{AUDIO}a=sendonly\r\na=rtcp-mux\r\nm=video 7 RTP/AVP 34\r\n"));
    let (body, negotiated) = session().answer(&offer, &whoever(&[Pcmu, Pcma]), Direction::SendRecv).unwrap();
    let body = text(body);
    assert!(body.contains(
        "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=image 0 udptl t38\r\nm=audio 3000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\na=ptime:20\r\na=rtcp-mux\r\na=recvonly\r\n\
         m=video 0 RTP/AVP 34\r\n"
    ), "{body}");
    let expected = Negotiated {
        codec: Pcma,
        payload_type: 8,
        receive_payload_type: 8,
        event_send: Some(96),
        event_receive: Some(96),
        event_clock: 8000,
        remote: "192.0.2.5:4000".parse().unwrap(),
        direction: Direction::RecvOnly,
        rtcp_mux: true,
        srtp: None,
    };
    assert_eq!(negotiated, expected);
    let (_, only_pcmu) = session().answer(&offer, &whoever(&[Pcmu]), Direction::SendRecv).unwrap();
    assert_eq!(only_pcmu.payload_type, 0);
}

#[test]
fn no_common_codec_is_refused_and_events_of_another_clock_are_better_than_none() {
    let wide = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 9 97\r\na=rtpmap:9 G722/8000\r\na=rtpmap:97 PCMU/16000\r\n"));
    assert_eq!(session().answer(&wide, &whoever(&[Pcmu]), Direction::SendRecv), Err(Refusal::NoCodec));
    let event = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/48000\r\n"));
    let (_, negotiated) = session().answer(&event, &whoever(&[Pcmu]), Direction::SendRecv).unwrap();
    assert_eq!((negotiated.event_send, negotiated.event_clock), (Some(97), 48_000));
    let odd = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/11025\r\n"));
    assert_eq!(session().answer(&odd, &whoever(&[Pcmu]), Direction::SendRecv).unwrap().1.event_send, None);
}

#[test]
fn a_list_that_is_written_down_is_an_order_and_without_one_the_offer_s_counts() {
    let wide = offer(&format!("{HEAD}m=audio 4000 RTP/AVP 8 0 9\r\n"));
    let cases = [
        (Preference::default(), Pcma),
        (Preference::configured(vec![Codec::G722, Pcmu]), Codec::G722),
        (Preference::configured(vec![Pcmu, Codec::G722]), Pcmu),
        (whoever(&[Codec::G722, Pcmu]), Pcmu),
    ];
    for (preference, codec) in cases {
        let (body, negotiated) = session().answer(&wide, &preference, Direction::SendRecv).unwrap();
        assert_eq!(negotiated.codec, codec, "{preference:?}");
        let number = codec.payload_type();
        assert!(text(body).contains(&format!("RTP/AVP {number}\r\na=rtpmap:{number} {}/8000\r\n", codec.name())));
    }
}

#[cfg(feature = "opus")]
#[test]
fn opus_brings_its_clock_and_events_at_it() {
    let every = [Codec::Opus, Codec::G722, Pcma, Pcmu];
    let mut caller = session();
    let offered = text(caller.offer(&every, Direction::SendRecv));
    assert!(
        offered.contains(
            "m=audio 3000 RTP/AVP 111 9 8 0 101 110\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
             a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
             a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-16\r\n"
        ),
        "{offered}"
    );
    let cases = [(vec![Codec::Opus], Codec::Opus, 111, 110, 48_000), (vec![Codec::G722], Codec::G722, 9, 101, 8_000)];
    for (codecs, codec, payload_type, event, clock) in cases {
        let mut callee = Session::new("198.51.100.2:5000".parse().unwrap(), Policy::Off, &mut Random::from_seed(2));
        let preference = Preference::configured(codecs);
        let (answer, theirs) = callee.answer(&offer(&offered), &preference, Direction::SendRecv).unwrap();
        let ours = caller.take_answer(&read(&answer).unwrap()).unwrap();
        for side in [ours, theirs] {
            let found = (side.codec, side.payload_type, side.event_receive, side.event_clock);
            assert_eq!(found, (codec, payload_type, Some(event), clock));
        }
    }
    // Some have Opus, and events at 8,000 Hz only.
    let mixed = "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 OPUS/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
    let preference = Preference::configured(every.to_vec());
    let (_, found) = session().answer(&offer(&format!("{HEAD}{mixed}")), &preference, Direction::SendRecv).unwrap();
    assert_eq!((found.payload_type, found.event_send, found.event_clock), (96, Some(101), 8_000));
    // With others than the default it is written down, and read again.
    let written = serde_json::to_string(&found).unwrap();
    assert!(!written.contains("event_clock"), "{written}");
    assert_eq!(serde_json::from_str::<Negotiated>(&written).unwrap(), found);
}

#[test]
fn media_stays_within_one_version_of_ip() {
    let mut ipv6 = Session::new("[2001:db8::2]:5000".parse().unwrap(), Policy::Off, &mut Random::from_seed(2));
    let described = text(ipv6.offer(&[Pcmu], Direction::SendRecv));
    assert!(described.contains("c=IN IP6 2001:db8::2\r\n"), "{described}");
    let of_ipv6 = offer(&described);
    assert_eq!(session().answer(&of_ipv6, &whoever(&[Pcmu]), Direction::SendRecv), Err(Refusal::OtherVersion));
    let mut ipv4 = session();
    ipv4.offer(&[Pcmu], Direction::SendRecv);
    assert_eq!(ipv4.take_answer(&of_ipv6), Err(Refusal::OtherVersion));
    assert!(ipv6.answer(&of_ipv6, &whoever(&[Pcmu]), Direction::SendRecv).is_ok());
    let held = offer(&described.replace("IP6 2001:db8::2", "IP4 0.0.0.0"));
    assert!(ipv6.answer(&held, &whoever(&[Pcmu]), Direction::SendRecv).is_ok());
}

#[test]
#[cfg(feature = "opus")]
fn an_offer_of_opus_has_events_at_the_clock_that_every_phone_knows() {
    let body = text(session().offer(&[Codec::Opus], Direction::SendRecv));
    for event in ["101 telephone-event/8000", "110 telephone-event/48000"] {
        assert!(body.contains(&format!("a=rtpmap:{event}\r\n")), "{body}");
    }
}

#[test]
fn an_offer_and_its_answer_meet() {
    let mut caller = session();
    let offered = caller.offer(&[Pcmu, Pcma], Direction::SendRecv);
    let mut callee = Session::new("198.51.100.2:5000".parse().unwrap(), Policy::Off, &mut Random::from_seed(2));
    let (answer, theirs) = callee.answer(&offer(&text(offered)), &whoever(&[Pcma]), Direction::SendOnly).unwrap();
    assert!(text(answer.clone()).contains("c=IN IP4 198.51.100.2\r\n"));
    let ours = caller.take_answer(&read(&answer).unwrap()).unwrap();
    assert_eq!((ours.codec, ours.payload_type, ours.direction), (Pcma, 8, Direction::RecvOnly));
    assert_eq!((theirs.codec, theirs.direction, theirs.event_send), (Pcma, Direction::SendOnly, Some(101)));
    assert_eq!((ours.event_send, ours.event_receive), (Some(101), Some(101)));
    assert_eq!(ours.remote.to_string(), "198.51.100.2:5000");
    assert_eq!(callee.take_answer(&read(&answer).unwrap()), Err(Refusal::NotOffered));
    // Another number of the answer is what we send to it; our own is what we receive.
    let moved = offer(&format!(
        "{HEAD}m=audio 4000 RTP/AVP 97 98\r\na=rtpmap:97 pcmu/8000\r\na=rtpmap:98 telephone-event/8000\r\n"
    ));
    let ours = caller.take_answer(&moved).unwrap();
    assert_eq!((ours.payload_type, ours.receive_payload_type), (97, 0));
    assert_eq!((ours.event_send, ours.event_receive), (Some(98), Some(101)));
}

#[test]
fn the_version_grows_when_the_body_changes_and_streams_stay() {
    let mut session = session();
    let version = |body: Vec<u8>| -> u64 { text(body).split(' ').nth(2).unwrap().parse().unwrap() };
    let first = version(session.offer(&[Pcmu], Direction::SendRecv));
    assert_eq!(version(session.offer(&[Pcmu], Direction::SendRecv)), first);
    assert_eq!(version(session.offer(&[Pcmu], Direction::SendOnly)), first + 1);
    let offer = offer(&format!("{HEAD}{AUDIO}m=video 7 RTP/AVP 34\r\n"));
    let (answer, _) = session.answer(&offer, &whoever(&[Pcmu]), Direction::SendRecv).unwrap();
    assert_eq!(version(answer), first + 2);
    assert!(text(session.offer(&[Pcmu], Direction::SendRecv)).ends_with("a=sendrecv\r\nm=video 0 RTP/AVP 34\r\n"));
}

#[test]
fn directions_reverse_and_meet() {
    use Direction::*;
    for direction in [SendRecv, SendOnly, RecvOnly, Inactive] {
        assert_eq!(direction.reversed().reversed(), direction);
        assert_eq!(direction.and(SendRecv), direction);
    }
    assert_eq!((SendOnly.reversed(), SendOnly.and(RecvOnly)), (RecvOnly, Inactive));
}
