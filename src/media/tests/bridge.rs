//! Two legs joined: what one sends the other hears, under the other's own numbers.

use super::*;

const FROM_A: &str = "10.0.0.1:4000";
const FROM_B: &str = "10.0.0.2:4000";

fn bridged() -> World {
    let mut world = World::with_two();
    world.run(A, 0, 100);
    world.run(B, 0, 100);
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    world.wire.sent.clear();
    world
}

#[test]
fn packets_go_out_on_the_other_leg_at_once_with_its_numbers_and_its_codec() {
    let mut world = bridged();
    for i in 0..3u16 {
        let at = 110 + 20 * u64::from(i);
        world.packet(at, A, FROM_A, &rtp(0, 700 + i, 1_000_000 + 160 * u32::from(i), &[0x80; 160]));
    }
    let sent = &world.wire.sent;
    assert_eq!(
        sent.iter().map(|s| (s.at, s.id, s.to)).collect::<Vec<_>>(),
        [110, 130, 150].map(|at| (at, B, address(FROM_B)))
    );
    let first = Header {
        marker: true,
        payload_type: 8,
        sequence: 65_530u16.wrapping_add(5),
        timestamp: (u32::MAX - 100).wrapping_add(110 * 8),
        ssrc: 0xb,
    };
    assert_eq!(sent[0].header, first);
    let third = Header { marker: false, sequence: 1, timestamp: first.timestamp.wrapping_add(320), ..first };
    assert_eq!(sent[2].header, third);
    let mut expected = [0x80; 160];
    crate::audio::codec::transcode(Codec::Pcmu, Codec::Pcma, &mut expected);
    assert_eq!(sent[0].payload, expected);
    world.packet(170, B, FROM_B, &rtp(8, 9, 5, &[0xd5; 240])); // 30 ms
    let back = &world.wire.sent[3];
    assert_eq!((back.id, back.header.ssrc, back.header.payload_type, back.payload.len()), (A, 0xa, 0, 240));
}

#[test]
fn a_header_with_csrcs_extension_and_padding_is_replaced() {
    let mut world = bridged();
    let mut packet = rtp(0, 1, 0, &[0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 0x11, 0x22, 0, 2]);
    packet[0] = 0xb1;
    world.packet(100, A, FROM_A, &packet);
    assert_eq!(world.wire.sent[0].payload.len(), 2);
    assert_eq!(world.wire.sent[0].header.ssrc, 0xb);
}

#[test]
fn losses_and_order_stay_visible_and_stragglers_of_before_are_dropped() {
    let mut world = bridged();
    for sequence in [10, 11, 14, 13, 9, 15, 15] {
        let timestamp = 160 * u32::from(sequence);
        world.packet(100, A, FROM_A, &rtp(0, sequence, timestamp, &[0x80; 160]));
    }
    let first = world.wire.sent[0].header;
    let steps: Vec<_> = world
        .wire
        .sent
        .iter()
        .map(|s| {
            (s.header.sequence.wrapping_sub(first.sequence), s.header.timestamp.wrapping_sub(first.timestamp) / 160)
        })
        .collect();
    assert_eq!(steps, [(0, 0), (1, 1), (4, 4), (3, 3), (5, 5)]);
    assert_eq!(world.close(B).unrelayed, 1);
}

#[test]
fn a_new_ssrc_goes_on_under_ours() {
    let mut world = bridged();
    world.packet(100, A, FROM_A, &rtp(0, 10, 5000, &[0x80; 160]));
    for i in 0..3u16 {
        world.packet(120 + 20 * u64::from(i), A, FROM_A, &of(9, 0, 400 + i, 160 * u32::from(i), &[0x80; 160]));
    }
    let headers: Vec<_> = world.wire.sent.iter().map(|s| s.header).collect();
    assert_eq!(headers.len(), 3, "the first of the new SSRC is not believed");
    assert_eq!(headers[1].sequence, headers[0].sequence.wrapping_add(1));
    assert_eq!(headers[1].timestamp, headers[0].timestamp.wrapping_add(320));
    assert!(headers[1].marker && !headers[2].marker);
}

#[test]
fn keys_are_rewritten_or_dropped_and_told_in_any_case() {
    let mut world = bridged();
    world.packet(100, A, FROM_A, &rtp(101, 1, 0, &[5, 10, 0, 160]));
    assert_eq!((world.wire.sent[0].header.payload_type, &world.wire.sent[0].payload[..]), (96, &[5, 10, 0, 160][..]));
    let deaf = Negotiated { event_send: None, ..open(A).session };
    world.command(Command::Retarget { id: A, session: Box::new(deaf) });
    world.packet(100, B, FROM_B, &rtp(101, 1, 0, &[7, 10, 0, 160]));
    assert_eq!(world.wire.sent.len(), 1);
    assert_eq!(world.keys(), "57");
    assert_eq!(world.close(A).unrelayed, 1);
}

#[test]
fn ticks_of_a_bridged_leg_send_nothing_unless_something_plays_into_it() {
    let mut world = bridged();
    world.run(A, 100, 200);
    assert_eq!(world.wire.sent, []);
    world.play(A, 1, &["two"], true);
    world.run(A, 200, 300);
    let played = world.wire.sent.len();
    assert_eq!(played, 5);
    world.packet(301, B, FROM_B, &rtp(8, 1, 0, &[0xd5; 160]));
    assert_eq!(world.wire.sent.len(), played, "what B says is not heard over A's music");
    world.packet(302, A, FROM_A, &rtp(0, 1, 0, &[0xff; 160]));
    assert_eq!(world.wire.sent.len(), played + 1, "B hears A");
    world.command(Command::Stop { id: A });
    world.packet(321, B, FROM_B, &rtp(8, 2, 160, &[0xd5; 160]));
    let (music, speech) = (&world.wire.sent[played - 1].header, &world.wire.sent[played + 1].header);
    assert_eq!(speech.sequence, music.sequence.wrapping_add(1));
    assert!(speech.marker && speech.timestamp.wrapping_sub(music.timestamp) >= 160);
}

#[test]
fn a_leg_on_hold_or_behind_the_gate_is_spared_and_it_is_counted() {
    let mut world = bridged();
    let held = Negotiated { direction: Direction::RecvOnly, ..open(A).session };
    world.command(Command::Retarget { id: A, session: Box::new(held) });
    world.packet(100, B, FROM_B, &rtp(8, 1, 0, &[0xd5; 160]));
    assert_eq!(world.wire.sent, []);
    assert_eq!(world.close(A).unrelayed, 1);
}

#[test]
fn after_the_bridge_our_own_frames_go_on_in_order_and_never_back_in_time() {
    for other_ahead in [0, 40_000] {
        let mut world = bridged();
        world.packet(110, A, FROM_A, &rtp(0, 1, 0, &[0x80; 160]));
        world.packet(130, A, FROM_A, &rtp(0, 2, 160 + other_ahead, &[0x80; 160]));
        world.run(B, 100, 140);
        world.command(Command::Unbridge { call: 1 });
        world.run(B, 140, 180);
        let headers: Vec<_> = world.wire.sent.iter().map(|s| s.header).collect();
        assert_eq!(headers.len(), 4);
        for pair in headers.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert!(pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 41_000);
        }
        let markers: Vec<_> = headers.iter().map(|header| header.marker).collect();
        assert_eq!(markers, [true, false, true, false]);
        world.packet(200, A, FROM_A, &rtp(0, 3, 320, &[0x80; 160]));
        assert_eq!(world.wire.sent.len(), 4, "no longer bridged");
    }
}

#[test]
fn comfort_noise_is_not_passed_on() {
    let mut world = bridged();
    world.packet(100, A, FROM_A, &rtp(13, 1, 0, &[40]));
    assert_eq!(world.wire.sent, []);
}
