//! Streams with SRTP: what passes, and what does not.

use super::*;
use crate::keying::{KeyName, Master, Ours};
use crate::sdp::Srtp;
use crate::srtp::{Inbound, OVERHEAD, Outbound};

const HOME: &str = "10.0.0.1:4000";
const FROM_B: &str = "10.0.0.2:4000";

fn master(suite: Suite, seed: u8) -> Master {
    let length = if suite == Suite::Gcm128 { 28 } else { 30 };
    let bytes: Vec<u8> = (0..length).map(|n| n ^ seed).collect();
    Master::new(suite, &bytes).expect("a key")
}

fn srtp(suite: Suite, ours: u8, theirs: u8) -> Option<Srtp> {
    Some(Srtp { ours: Ours::Known(master(suite, ours)), theirs: master(suite, theirs) })
}

/// Legs A and B, with what SRTP each has.
fn world(a: Option<Srtp>, b: Option<Srtp>) -> World {
    let mut world = World::with_two();
    for (id, srtp) in [(A, a), (B, b)] {
        retarget(&mut world, id, |session| session.srtp = srtp);
    }
    world
}

fn retarget(world: &mut World, id: StreamId, change: impl FnOnce(&mut Negotiated)) {
    let mut session = if id == A { open(A).session } else { with_b().session };
    change(&mut session);
    world.command(Command::Retarget { id, session: Box::new(session) });
}

fn sealed(by: &mut Outbound, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + OVERHEAD, 0);
    let length = by.protect(&mut packet, plain.len()).expect("protected");
    packet.truncate(length);
    packet
}

/// What was sent since, as its receiver gets it.
fn opened(by: &mut Inbound, sent: &Sent) -> Vec<u8> {
    let mut packet = [0; HEADER].to_vec();
    sent.header.write(packet.first_chunk_mut().expect("room"));
    packet.extend(&sent.payload);
    let length = by.unprotect(&mut packet).expect("authentic");
    packet[HEADER..length].to_vec()
}

#[test]
fn prompts_and_silence_go_out_protected_and_speech_and_keys_are_heard() {
    for suite in Suite::ALL {
        let mut world = world(srtp(suite, 1, 2), None);
        let (mut phone, mut ear) = (Outbound::new(&master(suite, 2)), Inbound::new(&master(suite, 1)));
        world.play(A, 1, &["one"], false);
        world.run(A, 0, 60);
        let sent = world.wire.sent.clone();
        let heard: Vec<_> = sent.iter().map(|sent| opened(&mut ear, sent)).collect();
        assert!(heard.len() == 3 && heard.iter().all(|payload| payload.len() == 160), "{suite:?}");
        assert!(heard[0] != heard[1] && heard[2] == [0xff; 160], "a frame, then silence");
        world.packet(60, A, HOME, &sealed(&mut phone, &rtp(0, 1, 0, &[0x80; 160])));
        world.packet(80, A, HOME, &sealed(&mut phone, &rtp(101, 2, 160, &[5, 10, 0, 160])));
        assert_eq!(world.keys(), "5", "{suite:?}");
        let statistics = world.close(A);
        assert_eq!((statistics.received, statistics.sent, statistics.srtp), (2, 3, Some(suite)));
        assert_eq!(statistics.refused, Refused::default());
    }
}

#[test]
fn what_has_not_the_key_changes_nothing() {
    for suite in Suite::ALL {
        let mut world = world(srtp(suite, 1, 2), None);
        let mut phone = Outbound::new(&master(suite, 2));
        let key = rtp(101, 1, 0, &[5, 10, 0, 160]);
        let real = sealed(&mut phone, &key);
        let mut flipped = real.clone();
        flipped[HEADER] ^= 1;
        let forged = [
            key.clone(),
            sealed(&mut Outbound::new(&master(suite, 1)), &key),
            sealed(&mut Outbound::new(&master(suite, 3)), &of(77, 101, 1, 0, &[5, 10, 0, 160])),
            flipped,
            vec![0x80, 203, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        for packet in &forged {
            world.packet(0, A, HOME, packet);
        }
        // Its source is not latched, and it opens no gate.
        assert_eq!((world.wire.events.len(), world.wire.connects.len()), (0, 0), "{suite:?}");
        world.packet(0, A, "203.0.113.1:1", &real);
        world.packet(20, A, HOME, &real);
        world.packet(20, A, HOME, &real);
        assert_eq!((world.keys(), world.wire.connects.len()), ("5".to_owned(), 1), "{suite:?}");
        let statistics = world.close(A);
        assert_eq!((statistics.received, statistics.keys, statistics.rtcp), (1, 1, 0));
        let Refused { forged: counted, foreign, malformed, .. } = statistics.refused;
        assert_eq!((counted + malformed, foreign), (forged.len() as u64 + 1, 1), "{suite:?}");
    }
}

#[test]
fn rtcp_counts_if_it_is_authentic() {
    let mut world = world(srtp(Suite::Cm32, 1, 2), None);
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
    report.resize(32 + OVERHEAD, 0);
    let length = Outbound::new(&master(Suite::Cm32, 2)).protect_rtcp(&mut report, 32).expect("protected");
    for _ in 0..2 {
        world.packet(0, A, HOME, &report[..length]);
    }
    let statistics = world.close(A);
    assert_eq!((statistics.rtcp, statistics.refused.forged), (1, 1));
}

#[test]
fn a_bridge_opens_on_one_leg_and_closes_on_the_other() {
    let (gcm, cm) = (Suite::Gcm128, Suite::Cm80);
    let legs = [
        (srtp(gcm, 1, 2), None),
        (None, srtp(gcm, 3, 4)),
        (srtp(cm, 1, 2), srtp(gcm, 3, 4)),
        (srtp(gcm, 1, 2), srtp(Suite::Cm32, 3, 4)),
    ];
    for (a, b) in legs {
        let mut world = world(a.clone(), b.clone());
        world.command(Command::Bridge { call: 1, a: 0, b: 1 });
        for (from, to, source, speaks, hears, payload_type) in [(A, B, HOME, &a, &b, 0), (B, A, FROM_B, &b, &a, 8)] {
            let mut phone = speaks.as_ref().map(|srtp| Outbound::new(&srtp.theirs));
            let mut ear = hears.as_ref().map(|srtp| match &srtp.ours {
                Ours::Known(master) => Inbound::new(master),
                Ours::Named(_) => panic!("a key"),
            });
            for n in 0..5 {
                let plain = rtp(payload_type, 65_533_u16.wrapping_add(n), 160 * u32::from(n), &[0xd5; 160]);
                let packet = phone.as_mut().map_or(plain.clone(), |phone| sealed(phone, &plain));
                world.packet(20 * u64::from(n), from, source, &packet);
                let sent = world.wire.sent.last().expect("it is passed on").clone();
                assert_eq!(sent.id, to);
                let heard = ear.as_mut().map_or(sent.payload.clone(), |ear| opened(ear, &sent));
                let mut expected = [0xd5; 160];
                let [from, to] = if to == B { [Codec::Pcmu, Codec::Pcma] } else { [Codec::Pcma, Codec::Pcmu] };
                crate::audio::codec::transcode(from, to, &mut expected);
                assert_eq!(heard, expected);
            }
            world.wire.sent.clear();
        }
    }
}

#[test]
fn packets_of_every_size_are_passed_on_but_those_that_nothing_of_ours_has() {
    let mut world = world(None, srtp(Suite::Gcm128, 3, 4));
    let mut ear = Inbound::new(&master(Suite::Gcm128, 3));
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    let lengths = [0, 160, 479, 480, 481, 1_400, 2_020, 2_021];
    for (length, sequence) in lengths.into_iter().zip(1..) {
        world.packet(0, A, HOME, &rtp(0, sequence, 0, &vec![0x80; length]));
    }
    let heard: Vec<_> = world.wire.sent.iter().map(|sent| opened(&mut ear, sent).len()).collect();
    assert_eq!(heard, lengths[..7]);
    let statistics = world.close(B);
    assert_eq!((statistics.sent, statistics.unprotected), (7, 1));
}

#[test]
fn rollovers_survive_a_re_invite_with_the_same_keys_and_end_with_new_ones() {
    for suite in Suite::ALL {
        let mut world = world(srtp(suite, 1, 2), None);
        let (mut phone, mut ear) = (Outbound::new(&master(suite, 2)), Inbound::new(&master(suite, 1)));
        // Ours begin at 65,530, theirs at 65,500: both roll over.
        for n in 0..100_u16 {
            let at = 20 * u64::from(n);
            world.packet(at, A, HOME, &sealed(&mut phone, &rtp(0, 65_500_u16.wrapping_add(n), 0, &[1; 160])));
            world.tick(at, A);
            opened(&mut ear, world.wire.sent.last().expect("silence"));
        }
        retarget(&mut world, A, |session| session.srtp = srtp(suite, 1, 2));
        world.packet(2000, A, HOME, &sealed(&mut phone, &rtp(0, 64, 0, &[1; 160])));
        world.tick(2000, A);
        opened(&mut ear, world.wire.sent.last().expect("silence"));
        // The peer has a new key, we go on with ours; then the other way round.
        let mut fresh = Outbound::new(&master(suite, 5));
        retarget(&mut world, A, |session| session.srtp = srtp(suite, 1, 5));
        world.packet(2020, A, HOME, &sealed(&mut phone, &rtp(0, 65, 0, &[1; 160])));
        world.packet(2020, A, HOME, &sealed(&mut fresh, &rtp(0, 66, 0, &[1; 160])));
        world.tick(2020, A);
        opened(&mut ear, world.wire.sent.last().expect("silence"));
        retarget(&mut world, A, |session| session.srtp = srtp(suite, 6, 5));
        world.packet(2040, A, HOME, &sealed(&mut fresh, &rtp(0, 67, 0, &[1; 160])));
        world.tick(2040, A);
        opened(&mut Inbound::new(&master(suite, 6)), world.wire.sent.last().expect("silence"));
        let statistics = world.close(A);
        assert_eq!((statistics.received, statistics.refused.forged), (104, 0), "{suite:?}");
    }
}

#[test]
fn a_peer_s_old_key_opens_for_two_seconds_more_and_then_no_longer() {
    for suite in Suite::ALL {
        let mut world = world(srtp(suite, 1, 2), None);
        let (mut old, mut fresh) = (Outbound::new(&master(suite, 2)), Outbound::new(&master(suite, 5)));
        let packet = |n: u16| rtp(0, n, 160 * u32::from(n), &[1; 160]);
        world.packet(0, A, HOME, &sealed(&mut old, &packet(1)));
        retarget(&mut world, A, |session| session.srtp = srtp(suite, 1, 5));
        // What was under way comes before, between and behind the new ones; the same offer again changes nothing.
        world.packet(20, A, HOME, &sealed(&mut old, &packet(2)));
        world.packet(40, A, HOME, &sealed(&mut fresh, &packet(4)));
        retarget(&mut world, A, |session| session.srtp = srtp(suite, 1, 5));
        world.packet(60, A, HOME, &sealed(&mut old, &packet(3)));
        for n in 5..102 {
            world.packet(20 * u64::from(n), A, HOME, &sealed(&mut fresh, &packet(n)));
        }
        world.packet(2100, A, HOME, &sealed(&mut old, &packet(102)));
        world.packet(2120, A, HOME, &sealed(&mut fresh, &packet(103)));
        let statistics = world.close(A);
        assert_eq!((statistics.received, statistics.refused.forged), (102, 1), "{suite:?}");
    }
}

#[test]
fn without_a_key_of_ours_a_secure_stream_is_silent_and_deaf() {
    let named = Ours::Named(KeyName { session: 1, generation: 0 });
    let mut world = world(Some(Srtp { ours: named, theirs: master(Suite::Cm80, 2) }), None);
    world.run(A, 0, 100);
    world.packet(0, A, HOME, &rtp(0, 1, 0, &[0; 160]));
    assert_eq!(world.wire.sent, []);
    let statistics = world.close(A);
    assert_eq!((statistics.unprotected, statistics.sent, statistics.received), (5, 0, 0));
}

#[cfg(feature = "opus")]
#[test]
fn a_codec_of_another_clock_goes_on_under_the_same_key_from_a_source_that_never_was() {
    // Ours begin at 65,530: four frames are before the rollover, ten are beyond it.
    for (suite, frames) in Suite::ALL.into_iter().flat_map(|suite| [(suite, 4), (suite, 10)]) {
        let mut world = world(srtp(suite, 1, 2), None);
        let mut ear = Inbound::new(&master(suite, 1));
        let mut sources = Vec::new();
        for (n, codec) in (0..).zip([Codec::Pcmu, Codec::Opus, Codec::Pcma, Codec::Opus, Codec::Pcmu]) {
            retarget(&mut world, A, |session| {
                (session.codec, session.payload_type) = (codec, codec.payload_type());
                session.srtp = srtp(suite, 1, 2);
            });
            world.run(A, 20 * n * frames, 20 * (n + 1) * frames);
            let sent = std::mem::take(&mut world.wire.sent);
            assert_eq!(sent.len() as u64, frames);
            sent.iter().for_each(|sent| drop(opened(&mut ear, sent)));
            assert!(n == 0 || sent[0].header.sequence < 0x8000, "{suite:?}");
            sources.push(sent[0].header.ssrc);
        }
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(sources.len(), 5, "{suite:?}");
        assert_eq!(world.close(A).unprotected, 0);
    }
}
