//! A bridge between two codecs: what goes in as packets of one comes out as frames of the other.

use super::*;
use crate::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use crate::audio::measure::voice;

const FROM_A: &str = "10.0.0.1:4000";
const FROM_B: &str = "10.0.0.2:4000";

fn speaks(codec: Codec, of: Negotiated) -> Negotiated {
    let payload_type = codec.payload_type();
    Negotiated { codec, payload_type, receive_payload_type: payload_type, event_clock: codec.clock(), ..of }
}

/// Two bridged legs that have been idle until 100 ms.
fn bridged(a: Codec, b: Codec) -> World {
    let mut world = World::with_two();
    let of_b = Negotiated { remote: address(FROM_B), event_send: Some(96), ..open(A).session };
    for (id, session) in [(A, speaks(a, open(A).session)), (B, speaks(b, of_b))] {
        world.command(Command::Retarget { id, session: Box::new(session) });
        world.run(id, 0, 100);
    }
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    world.wire.sent.clear();
    world
}

/// The sound's packets of 20 ms.
fn packets(codec: Codec, sound: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let frames = sound.chunks_exact(codec.samples()).map(|samples| {
        let mut frame = [0; SAMPLES];
        frame[..samples.len()].copy_from_slice(samples);
        encoder.encode(&frame, &mut [0; FRAME]).to_vec()
    });
    frames.collect()
}

fn level(sound: &[i16]) -> f64 {
    (sound.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / sound.len().max(1) as f64).sqrt()
}

/// What the far end of the leg hears.
fn heard(world: &World, codec: Codec) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    let decode =
        |sent: &Sent| decoder.decode(&sent.payload, &mut [0; LONGEST]).expect("what we send is sound").to_vec();
    world.wire.sent.iter().flat_map(decode).collect()
}

/// Sequence, timestamp in frames, and marker of what was sent, from the first packet on.
fn steps(world: &World, units: u32) -> Vec<(u16, u32, bool)> {
    let Some(first) = world.wire.sent.first().map(|sent| sent.header) else { return Vec::new() };
    let step = |sent: &Sent| {
        let Header { sequence, timestamp, marker, .. } = sent.header;
        let time = timestamp.wrapping_sub(first.timestamp);
        assert_eq!(time % units, 0, "whole frames");
        (sequence.wrapping_sub(first.sequence), time / units, marker)
    };
    world.wire.sent.iter().map(step).collect()
}

#[test]
fn every_codec_becomes_every_other_one() {
    for from in Codec::ALL {
        for to in Codec::ALL.into_iter().filter(|to| *to != from && !(to.is_law() && from.is_law())) {
            let mut world = bridged(from, to);
            let sound = voice(from.rate(), from.rate() as usize);
            for (n, packet) in packets(from, &sound).iter().enumerate() {
                let (at, n) = (110 + 20 * n as u64, n as u32);
                world.packet(at, A, FROM_A, &rtp(from.payload_type(), n as u16, n * from.units(), packet));
            }
            let expected: Vec<_> = (0..50).map(|n| (n, u32::from(n), n == 0)).collect();
            assert_eq!(steps(&world, to.units()), expected, "{from:?} to {to:?}");
            let heard = heard(&world, to);
            assert_eq!(heard.len(), 50 * to.samples());
            let (sent, heard) = (level(&sound[sound.len() / 2..]), level(&heard[heard.len() / 2..]));
            assert!((heard / sent - 1.0).abs() < 0.3, "{from:?} to {to:?}: {sent} became {heard}");
            let header = world.wire.sent[0].header;
            assert_eq!((header.payload_type, world.wire.sent[0].id), (to.payload_type(), B));
        }
    }
}

#[test]
fn packets_of_10_to_60_ms_become_packets_of_20() {
    // Bytes a packet, and how many frames each of six packets completes.
    let cases: [(usize, [usize; 6]); 5] =
        [(80, [0, 1, 0, 1, 0, 1]), (160, [1; 6]), (240, [1, 2, 1, 2, 1, 2]), (480, [3; 6]), (100, [0, 1, 0, 1, 1, 0])];
    for (bytes, frames) in cases {
        let mut world = bridged(Codec::Pcmu, Codec::G722);
        for (n, expected) in (0..).zip(frames) {
            let before = world.wire.sent.len();
            let timestamp = 5_000 + u32::from(n) * bytes as u32;
            world.packet(100 + u64::from(n) * 10, A, FROM_A, &rtp(0, n, timestamp, &vec![0x90; bytes]));
            assert_eq!(world.wire.sent.len() - before, expected, "{bytes} bytes, packet {n}");
        }
        let steps = steps(&world, 160);
        assert!(steps.iter().enumerate().all(|(n, step)| *step == (n as u16, n as u32, n == 0)), "{steps:?}");
    }
}

#[test]
fn a_lost_packet_is_made_up_and_a_late_one_is_too_late() {
    for (a, b, units) in [(Codec::Pcma, Codec::G722, 160), (Codec::G722, Codec::Pcmu, 160)] {
        let mut world = bridged(a, b);
        let packets = packets(a, &voice(a.rate(), a.rate() as usize));
        let send = |world: &mut World, n: u16| {
            let bytes = rtp(a.payload_type(), n, 160 * u32::from(n), &packets[usize::from(n)]);
            world.packet(100 + 20 * u64::from(n), A, FROM_A, &bytes);
        };
        for n in (0..40).filter(|n| ![10, 20, 21].contains(n)) {
            send(&mut world, n);
            if n == 12 {
                send(&mut world, 10);
            }
        }
        let steps = steps(&world, units);
        assert!(steps.iter().enumerate().all(|(n, step)| *step == (n as u16, n as u32, n == 0)), "{steps:?}");
        assert_eq!(steps.len(), 40, "as many as were sent");
        let heard = heard(&world, b);
        let quietest = heard.chunks(b.samples()).skip(5).map(level).fold(f64::MAX, f64::min);
        assert!(quietest > level(&heard) / 4.0, "no hole: {quietest}");
        let statistics = world.close(B);
        assert_eq!((statistics.concealed, statistics.unrelayed), (3, 1), "{a:?} to {b:?}");
    }
}

#[test]
fn a_silent_sender_is_no_lost_packet_and_its_time_goes_on() {
    let mut world = bridged(Codec::Pcmu, Codec::G722);
    // 30 ms, then 1 s of nothing without a gap in sequence, then 20 ms.
    world.packet(100, A, FROM_A, &rtp(0, 1, 0, &[0x90; 240]));
    world.packet(1_130, A, FROM_A, &rtp(0, 2, 8_240, &[0x90; 160]));
    world.packet(1_150, A, FROM_A, &rtp(0, 3, 8_400, &[0x90; 160]));
    let ticks: Vec<_> = world.wire.sent.iter().map(|s| s.header.timestamp).collect();
    let since: Vec<_> = ticks.iter().map(|t| t.wrapping_sub(ticks[0])).collect();
    // The second frame is half silence; the pause ends where the source's does.
    assert_eq!(since, [0, 160, 8_240, 8_400]);
    let markers: Vec<_> = world.wire.sent.iter().map(|s| s.header.marker).collect();
    assert_eq!(markers, [true, false, true, false]);
    assert_eq!(world.close(B).concealed, 0);
}

#[test]
fn much_lost_at_once_is_made_up_for_60_ms_and_is_a_pause_from_there() {
    let mut world = bridged(Codec::Pcmu, Codec::G722);
    for n in (0..10).chain(60..62) {
        world.packet(100 + 20 * u64::from(n), A, FROM_A, &rtp(0, n, 160 * u32::from(n), &[0x90; 160]));
    }
    let times: Vec<_> = steps(&world, 160).into_iter().map(|(_, time, _)| time).collect();
    assert_eq!(times, (0..10).chain(10..13).chain(60..62).collect::<Vec<u32>>());
    assert_eq!(world.close(B).concealed, 3);
}

#[test]
fn another_source_or_another_clock_begins_anew() {
    let mut world = bridged(Codec::Pcmu, Codec::G722);
    world.packet(100, A, FROM_A, &rtp(0, 1, 0, &[0x90; 160]));
    world.packet(120, A, FROM_A, &rtp(0, 2, 160, &[0x90; 160]));
    for n in 0..3 {
        world.packet(200 + 20 * u64::from(n), A, FROM_A, &of(9, 0, 400 + n, 70_000 + 160 * u32::from(n), &[0x90; 160]));
    }
    // Its first packet is not believed. The second one comes 100 ms after the last.
    let times: Vec<_> = steps(&world, 1).into_iter().map(|(_, time, marker)| (time, marker)).collect();
    assert_eq!(times, [(0, true), (160, false), (960, true), (1_120, false)]);
    // A timestamp that goes back under the same SSRC.
    world.packet(300, A, FROM_A, &of(9, 0, 403, 5, &[0x90; 160]));
    let (_, time, marker) = steps(&world, 1)[4];
    assert!(marker && time >= 1_280, "{time}");
}

#[test]
fn comfort_noise_is_noise_until_sound_comes() {
    let mut world = bridged(Codec::Pcmu, Codec::G722);
    world.packet(100, A, FROM_A, &rtp(0, 1, 0, &[0x90; 160]));
    world.run(B, 100, 120);
    world.packet(120, A, FROM_A, &rtp(13, 2, 160, &[50]));
    world.run(B, 120, 620);
    assert_eq!(world.wire.sent.len(), 26, "a frame each 20 ms");
    let noise = level(&heard(&world, Codec::G722)[10 * SAMPLES..]);
    assert!((70.0..150.0).contains(&noise), "-50 dB of full scale is 104, not {noise}");
    world.packet(625, A, FROM_A, &rtp(0, 3, 4_200, &[0x90; 160]));
    let (before, after) = (world.wire.sent[25].header, world.wire.sent[26].header);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert!(after.marker && after.timestamp.wrapping_sub(before.timestamp) >= 160);
    world.run(B, 640, 740);
    assert_eq!(world.wire.sent.len(), 27, "no noise behind the sound");
    assert!(world.wire.sent.iter().all(|sent| sent.header.payload_type == 9), "nobody agreed on payload type 13");
    assert_eq!(world.close(B).concealed, 0);
}

#[test]
fn the_other_law_is_taken_as_well() {
    let mut world = bridged(Codec::Pcmu, Codec::G722);
    let sound = voice(8_000, 8_000);
    let (pcmu, pcma) = (packets(Codec::Pcmu, &sound), packets(Codec::Pcma, &sound));
    for n in 0..50_u16 {
        let (payload_type, packets) = if n % 2 == 0 { (0, &pcmu) } else { (8, &pcma) };
        let bytes = rtp(payload_type, n, 160 * u32::from(n), &packets[usize::from(n)]);
        world.packet(100 + 20 * u64::from(n), A, FROM_A, &bytes);
    }
    let (sent, heard) = (level(&sound), level(&heard(&world, Codec::G722)));
    assert!((heard / sent - 1.0).abs() < 0.3, "{sent} became {heard}");
}

#[cfg(feature = "opus")]
#[test]
fn keys_keep_their_length_between_two_clocks() {
    for (from, to, sent, expected) in [
        (Codec::Pcmu, Codec::Opus, 160, 960),
        (Codec::Opus, Codec::Pcmu, 960, 160),
        (Codec::G722, Codec::Opus, 20_000, 65_535),
    ] {
        let mut world = bridged(from, to);
        let [d0, d1] = u16::to_be_bytes(sent);
        world.packet(100, A, FROM_A, &rtp(from.payload_type(), 1, 0, packets(from, &[1_000; SAMPLES])[0].as_slice()));
        for (sequence, end) in [(2, 0), (3, 0), (4, 0x80)] {
            world.packet(100 + 20 * sequence, A, FROM_A, &rtp(101, sequence as u16, 777, &[5, end | 10, d0, d1]));
        }
        world.packet(200, A, FROM_A, &rtp(101, 5, 9_777, &[6, 10, d0, d1]));
        let keys: Vec<_> = world.wire.sent[1..].iter().map(|sent| (sent.header, sent.payload.clone())).collect();
        assert_eq!(keys.len(), 4);
        assert!(keys.iter().all(|(_, payload)| u16::from_be_bytes([payload[2], payload[3]]) == expected), "{keys:?}");
        let times: Vec<_> = keys.iter().map(|(header, _)| header.timestamp.wrapping_sub(keys[0].0.timestamp)).collect();
        assert_eq!((times[1], times[2], times[3]), (0, 0, 60 * to.clock() / 1000), "one press, one timestamp");
        assert_eq!(keys.iter().map(|(header, _)| header.marker).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(world.keys(), "56", "{from:?} to {to:?}");
    }
}

#[test]
fn after_a_re_invite_what_plays_goes_on_at_the_same_frame_in_the_new_codec() {
    let mut world = World::with_two();
    let mut builder = ArenaBuilder::new(&Codec::ALL);
    builder.clip("voice", &voice(16_000, 32_000), 16_000).expect("room");
    let arena = Arc::new(builder.build());
    let spans = vec![arena.span("voice").expect("a clip")];
    world.command(Command::Play { id: A, play: 1, arena: arena.clone(), spans, looped: false, from: 0 });
    let mut expected = Vec::new();
    for (codec, from) in Codec::ALL.into_iter().zip([0, 200, 400, 600]) {
        world.command(Command::Retarget { id: A, session: Box::new(speaks(codec, open(A).session)) });
        world.run(A, from, from + 200);
        let frames = expected.len() as u32..expected.len() as u32 + 10;
        expected.extend(frames.map(|at| (codec.payload_type(), arena.frame(codec, at).expect("a frame").to_vec())));
    }
    let sent: Vec<_> = world.wire.sent.iter().map(|s| (s.header.payload_type, s.payload.clone())).collect();
    assert_eq!(sent, expected);
    for (before, after) in world.wire.sent.iter().zip(&world.wire.sent[1..]) {
        assert_eq!(after.header.sequence, before.header.sequence.wrapping_add(1));
        let alike = before.header.payload_type < 96 && after.header.payload_type < 96
            || before.header.payload_type == after.header.payload_type;
        assert_eq!(before.header.ssrc == after.header.ssrc, alike, "a clock has an SSRC of its own");
    }
}

#[test]
fn a_bridge_follows_either_leg_s_codec() {
    let mut world = bridged(Codec::Pcmu, Codec::Pcma);
    let of_b = Negotiated { remote: address(FROM_B), ..open(A).session };
    let expect = |world: &mut World, at: u64, a: Codec, b: Codec| {
        world.wire.sent.clear();
        let packet = &packets(a, &[1_000; SAMPLES])[0];
        world.packet(at, A, FROM_A, &rtp(a.payload_type(), (at / 20) as u16, 8 * at as u32, packet));
        let sent: Vec<_> = world.wire.sent.iter().map(|s| (s.id, s.header.payload_type, s.header.marker)).collect();
        assert_eq!(sent, [(B, b.payload_type(), true)], "{a:?} to {b:?}");
    };
    expect(&mut world, 100, Codec::Pcmu, Codec::Pcma);
    for (at, a, b) in [
        (120, Codec::Pcmu, Codec::G722),
        (140, Codec::G722, Codec::G722),
        (160, Codec::G722, Codec::Pcma),
        (180, Codec::Pcma, Codec::Pcma),
    ] {
        world.command(Command::Retarget { id: A, session: Box::new(speaks(a, open(A).session)) });
        world.command(Command::Retarget { id: B, session: Box::new(speaks(b, of_b.clone())) });
        expect(&mut world, at, a, b);
    }
}
