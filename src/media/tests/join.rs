//! Three legs joined: each hears the other two, and not itself.

use super::*;
use crate::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use crate::audio::measure::tone;

const C: StreamId = StreamId { call: 1, leg: 2 };

/// What each leg says: its codec, and a tone of that frequency.
type Legs = [(StreamId, Codec, u32); 3];

fn home(id: StreamId) -> String {
    format!("10.0.0.{}:4000", id.leg + 1)
}

fn joined(legs: &Legs) -> World {
    let mut world = World::default();
    for &(id, codec, _) in legs {
        let mut open = open(id);
        open.session = Negotiated { remote: address(&home(id)), ..speaks(codec, open.session) };
        open.signalling = open.session.remote.ip();
        world.command(Command::Open(Box::new(open)));
    }
    world.command(Command::Join { call: 1, legs: [0, 1, 2] });
    world
}

fn speaks(codec: Codec, of: Negotiated) -> Negotiated {
    let payload_type = codec.payload_type();
    Negotiated { codec, payload_type, receive_payload_type: payload_type, event_clock: codec.clock(), ..of }
}

/// Two seconds in which everyone says a tone; packets that `lost` names do not come.
fn talk(world: &mut World, legs: &Legs, lost: impl Fn(StreamId, u16) -> bool) {
    let mut voices = legs.map(|(_, codec, frequency)| {
        (tone(frequency, codec.rate(), 2 * codec.rate() as usize, 6_000.0), Encoder::new(codec))
    });
    for n in 0..100u16 {
        for ((id, codec, _), (sound, encoder)) in legs.iter().zip(&mut voices) {
            let at = 20 * u64::from(n) + 3 * u64::from(id.leg);
            let mut samples = [0; SAMPLES];
            let from = usize::from(n) * codec.samples();
            samples[..codec.samples()].copy_from_slice(&sound[from..from + codec.samples()]);
            let mut frame = [0; FRAME];
            let payload = encoder.encode(&samples, &mut frame);
            if !lost(*id, n) {
                let packet = rtp(codec.payload_type(), n, codec.units() * u32::from(n), payload);
                world.packet(at, *id, &home(*id), &packet);
            }
            world.tick(at, *id);
        }
    }
}

/// How loud a frequency is in what the leg's far end heard in its second second, its peak.
fn loudness(world: &World, id: StreamId, codec: Codec, frequency: u32) -> f64 {
    let mut decoder = Decoder::new(codec);
    let decode =
        |sent: &Sent| decoder.decode(&sent.payload, &mut [0; LONGEST]).expect("what we send is sound").to_vec();
    let heard: Vec<i16> = world.wire.sent.iter().filter(|sent| sent.id == id).flat_map(decode).collect();
    let second = &heard[heard.len() - codec.rate() as usize / 2..];
    let step = std::f64::consts::TAU * f64::from(frequency) / f64::from(codec.rate());
    let part = |wave: fn(f64) -> f64| -> f64 {
        second.iter().enumerate().map(|(n, &s)| f64::from(s) * wave(step * n as f64)).sum()
    };
    part(f64::sin).hypot(part(f64::cos)) * 2.0 / second.len() as f64
}

#[test]
fn each_of_three_hears_the_other_two_whatever_they_speak() {
    let mut seconds = vec![(Codec::Pcma, Codec::G722), (Codec::Pcmu, Codec::Pcmu)];
    #[cfg(feature = "opus")]
    seconds.push((Codec::Opus, Codec::Pcma));
    for (second, third) in seconds {
        let legs = [(A, Codec::Pcmu, 500), (B, second, 900), (C, third, 1500)];
        let mut world = joined(&legs);
        talk(&mut world, &legs, |_, _| false);
        for (id, codec, _) in legs {
            for (other, _, frequency) in legs {
                let heard = loudness(&world, id, codec, frequency);
                let expected = if other == id { 0.0..300.0 } else { 4_500.0..7_000.0 };
                assert!(expected.contains(&heard), "{id:?} {codec:?} hears {other:?}: {heard}");
            }
            let sent: Vec<_> = world.wire.sent.iter().filter(|sent| sent.id == id).collect();
            assert_eq!(sent.len(), 100, "a packet every 20 ms");
            assert!(sent.windows(2).all(|pair| {
                let [a, b] = [pair[0].header, pair[1].header];
                b.sequence == a.sequence.wrapping_add(1) && b.timestamp == a.timestamp.wrapping_add(codec.units())
            }));
        }
        assert_eq!(world.wire.events, []);
    }
}

#[test]
fn who_says_nothing_or_loses_packets_keeps_nobody_from_hearing_the_third() {
    let legs = [(A, Codec::Pcmu, 500), (B, Codec::Pcma, 900), (C, Codec::Pcmu, 1500)];
    let mut world = joined(&legs);
    talk(&mut world, &legs, |id, n| id == B || id == C && n % 20 == 7);
    assert!(loudness(&world, A, Codec::Pcmu, 900) < 100.0);
    assert!((4_500.0..7_000.0).contains(&loudness(&world, A, Codec::Pcmu, 1500)));
    assert!((4_500.0..7_000.0).contains(&loudness(&world, B, Codec::Pcma, 500)));
}

#[test]
fn what_plays_to_one_is_heard_by_it_alone_and_keys_are_told_and_stay() {
    let legs = [(A, Codec::Pcmu, 500), (B, Codec::Pcma, 900), (C, Codec::Pcmu, 1500)];
    let mut world = joined(&legs);
    world.play(A, 1, &["two"], true);
    world.packet(0, B, &home(B), &rtp(101, 500, 0, &[5, 10, 0, 160]));
    talk(&mut world, &legs, |_, n| n < 2);
    assert_eq!(world.keys(), "5");
    let music = (Law::of(Codec::Pcmu).expect("a law").encode)(-5000);
    let plays = |sent: &&Sent| sent.payload.iter().all(|byte| *byte == music);
    assert!(world.wire.sent.iter().all(|sent| plays(&sent) == (sent.id == A) && sent.payload.len() == 160));
}

#[test]
fn a_join_takes_the_bridge_s_place_and_ends_with_any_of_its_legs() {
    let legs = [(A, Codec::Pcmu, 500), (B, Codec::Pcma, 900), (C, Codec::Pcmu, 1500)];
    let mut world = joined(&legs);
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    world.packet(0, A, &home(A), &rtp(0, 1, 0, &[0x80; 160]));
    assert_eq!(world.wire.sent.len(), 1, "passed on at once, to one");
    world.command(Command::Join { call: 1, legs: [2, 0, 1] });
    world.packet(20, A, &home(A), &rtp(0, 2, 160, &[0x80; 160]));
    assert_eq!(world.wire.sent.len(), 1, "it waits for the others' next frames");
    assert_eq!(world.close(C).sent, 0);
    world.packet(40, A, &home(A), &rtp(0, 3, 320, &[0x80; 160]));
    assert_eq!(world.wire.sent.len(), 1);
    assert_eq!(world.streams.attention(A), Some(Attention::Listening));
    for (legs, id, refusal) in [([0, 1, 2], C, Refusal::Unknown), ([0, 1, 1], B, Refusal::Taken)] {
        world.command(Command::Join { call: 1, legs });
        assert_eq!(world.wire.events.pop(), Some(Event::Refused { id, refusal }));
    }
}
