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
fn keys_are_rewritten_for_a_leg_that_has_events() {
    let mut world = bridged();
    world.packet(100, A, FROM_A, &rtp(101, 1, 0, &[5, 10, 0, 160]));
    assert_eq!((world.wire.sent[0].header.payload_type, &world.wire.sent[0].payload[..]), (96, &[5, 10, 0, 160][..]));
    assert_eq!(world.keys(), "5");
}

/// Keys of 100 ms with pauses of 60 ms by telephone-event 101, from `at` on.
fn press_by_events(world: &mut World, at: u64, leg: StreamId, source: &str, keys: &str) {
    for (n, c) in (0..).zip(keys.chars()) {
        let code = Key::from_char(c).expect("a key").code();
        for i in 0..6u16 {
            let (sequence, timestamp) = (8 * n + i, 1280 * u32::from(n));
            let [d0, d1] = (160 * (i + 1).min(5)).to_be_bytes();
            let payload = [code, 10 | u8::from(i > 2) << 7, d0, d1];
            let now = at + 160 * u64::from(n) + 20 * u64::from(i);
            world.packet(now, leg, source, &rtp(101, sequence, timestamp, &payload));
            world.run(if leg == A { B } else { A }, now, now + 20);
        }
    }
}

/// The keys that the far end of a leg hears as tones.
fn tones_to(world: &World, id: StreamId, law: Law) -> String {
    let mut detector = crate::audio::dtmf::Detector::default();
    let mut keys = String::new();
    for sent in world.wire.sent.iter().filter(|sent| sent.id == id) {
        detector.hear(sent.payload.iter().map(|&byte| (law.decode)(byte)), |key| keys.push(key.to_char()));
    }
    keys
}

#[test]
fn a_leg_without_events_hears_the_other_one_s_keys_as_tones_each_once() {
    for (deaf, other, source, law) in
        [(A, B, FROM_B, crate::audio::codec::PCMU), (B, A, FROM_A, crate::audio::codec::PCMA)]
    {
        let mut world = bridged();
        let opened = if deaf == A { open(A) } else { with_b() };
        let session = Negotiated { event_send: None, ..opened.session };
        world.command(Command::Retarget { id: deaf, session: Box::new(session) });
        press_by_events(&mut world, 200, other, source, "4711#");
        world.run(deaf, 1000, 1200);
        assert_eq!(tones_to(&world, deaf, law), "4711#");
        assert_eq!(world.keys(), "4711#");
        let presses = world.wire.sent.iter().filter(|sent| sent.id == deaf);
        assert!(presses.clone().all(|sent| sent.payload.len() == 160), "no event goes to who has none");
        assert_eq!(presses.filter(|sent| sent.header.marker).count(), 1, "tones and pauses follow each other");
    }
}

#[test]
fn more_keys_than_may_wait_are_counted_and_music_is_not_interrupted_by_keys() {
    let mut world = bridged();
    let session = Negotiated { event_send: None, ..with_b().session };
    world.command(Command::Retarget { id: B, session: Box::new(session) });
    for n in 0..70u16 {
        let at = 200 + u64::from(n) * 30;
        world.packet(at, A, FROM_A, &rtp(101, n, 8000 * u32::from(n), &[5, 0x8a, 3, 32]));
    }
    assert_eq!(world.close(B).unrelayed, 6);
    let mut world = bridged();
    let session = Negotiated { event_send: None, ..with_b().session };
    world.command(Command::Retarget { id: B, session: Box::new(session) });
    world.play(B, 1, &["two"], true);
    press_by_events(&mut world, 200, A, FROM_A, "1");
    world.command(Command::Stop { id: B });
    world.run(B, 500, 800);
    assert_eq!(tones_to(&world, B, crate::audio::codec::PCMA), "", "nothing waits for the end of the music");
    assert_eq!(world.close(B).unrelayed, 1);
}

#[test]
fn of_a_key_that_was_pressed_before_the_bridge_nothing_is_passed_on() {
    let mut world = World::with_two();
    world.packet(80, A, FROM_A, &rtp(101, 1, 0, &[5, 10, 0, 160]));
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    world.packet(100, A, FROM_A, &rtp(101, 2, 0, &[5, 10, 1, 64]));
    world.packet(120, A, FROM_A, &rtp(101, 3, 0, &[5, 0x8a, 1, 224]));
    assert_eq!((world.keys(), world.wire.sent.len()), ("5".to_owned(), 0));
    world.packet(400, A, FROM_A, &rtp(101, 4, 3200, &[6, 10, 0, 160]));
    assert_eq!(world.wire.sent.len(), 1);
    assert_eq!(world.close(B).unrelayed, 2);
}

#[test]
fn tones_of_a_leg_without_events_stay_sound() {
    let mut world = bridged();
    let session = Negotiated { event_send: None, event_receive: None, ..open(A).session };
    world.command(Command::Retarget { id: A, session: Box::new(session) });
    let tone: Vec<i16> = crate::audio::dtmf::Tone::new(Key::STAR, 1600).collect();
    for (n, frame) in (0u16..).zip(tone.chunks(160)) {
        let payload: Vec<u8> = frame.iter().map(|&s| (crate::audio::codec::PCMU.encode)(s)).collect();
        world.packet(200 + 20 * u64::from(n), A, FROM_A, &rtp(0, n, 160 * u32::from(n), &payload));
    }
    assert_eq!(tones_to(&world, B, crate::audio::codec::PCMA), "*");
    assert!(world.wire.sent.iter().all(|sent| sent.header.payload_type == 8), "once, and not as an event besides");
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
