//! Whom a stream believes, and what it counts of the others.

use super::*;

const HOME: &str = "10.0.0.1:4000";

fn one(change: impl FnOnce(&mut Open)) -> World {
    let mut open = open(A);
    change(&mut open);
    let mut world = World::default();
    world.command(Command::Open(Box::new(open)));
    world
}

#[test]
fn the_first_source_that_the_signalling_vouches_for_is_latched() {
    let cases = [
        ("10.0.0.1:4000", true, "the SDP's address"),
        ("192.0.2.7:9999", true, "the signalling's IP, any port"),
        ("198.51.100.3:5", true, "inside media_from"),
        ("10.0.0.1:4001", false, "the SDP's IP, another port"),
        ("203.0.113.1:4000", false, "anybody"),
    ];
    for (source, latched, name) in cases {
        let mut world = one(|open| {
            open.signalling = address("192.0.2.7:0").ip();
            open.media_from = vec!["198.51.100.0/24".parse().expect("a network")];
        });
        world.packet(0, A, source, &rtp(0, 1, 0, &[0; 160]));
        let expected = if latched { vec![(A, Some(address(source)))] } else { vec![] };
        assert_eq!(world.wire.connects, expected, "{name}");
        world.tick(0, A);
        let to = if latched { source } else { "10.0.0.1:4000" };
        assert_eq!(world.wire.sent[0].to, address(to), "{name}");
        assert_eq!(world.close(A).refused.foreign, u64::from(!latched), "{name}");
    }
}

#[test]
fn only_a_re_invite_with_another_address_latches_anew() {
    let mut world = one(|_| ());
    world.packet(0, A, HOME, &rtp(0, 1, 0, &[0; 160]));
    let target = open(A).session;
    world.command(Command::Retarget { id: A, session: Box::new(target.clone()) });
    world.packet(20, A, "10.0.0.1:5000", &rtp(0, 2, 160, &[0; 160]));
    assert_eq!(world.wire.connects, [(A, Some(address(HOME)))]);
    let moved = Negotiated { remote: address("10.9.9.9:6000"), ..target };
    world.command(Command::Retarget { id: A, session: Box::new(moved) });
    world.tick(40, A);
    assert_eq!(world.wire.sent[0].to, address("10.9.9.9:6000"));
    world.packet(40, A, "10.9.9.9:6000", &rtp(0, 3, 320, &[0; 160]));
    assert_eq!(world.wire.connects[1..], [(A, None), (A, Some(address("10.9.9.9:6000")))]);
    world.packet(60, A, HOME, &rtp(0, 4, 480, &[0; 160]));
    let statistics = world.close(A);
    assert_eq!((statistics.refused.foreign, statistics.received), (2, 2));
}

#[test]
fn a_gated_stream_sends_nothing_and_its_player_stands_still() {
    type Opening = fn(&mut World);
    let opened: [(&str, Opening); 2] = [
        ("by the ACK", |world| world.command(Command::Ungate(A))),
        ("by a packet", |world| world.packet(50, A, HOME, &rtp(0, 1, 0, &[0; 80]))),
    ];
    for (name, open_gate) in opened {
        let mut world = one(|open| open.gated = true);
        world.play(A, 7, &["one"], false);
        world.packet(10, A, "203.0.113.1:1", &rtp(0, 1, 0, &[0; 160]));
        world.run(A, 0, 50);
        assert_eq!((world.wire.sent.len(), &world.wire.events[..]), (0, &[][..]), "{name}");
        open_gate(&mut world);
        let told = world.wire.events.contains(&Event::Heard { id: A });
        assert_eq!(told, name == "by a packet", "that it is there is told once it is known by its own packet");
        world.tick(52, A);
        assert_eq!(world.wire.sent.len(), 1, "{name}");
        assert_ne!(world.wire.sent[0].payload, [0xff; 160], "{name}: the play begins, no silence goes ahead of it");
        assert!(world.wire.sent[0].header.marker, "{name}");
    }
}

#[test]
fn every_refused_packet_is_counted_by_its_reason() {
    let mut world = one(|_| ());
    let rtcp = [0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    let packets = [
        rtp(0, 1, 0, &[0; 160]),
        rtp(0, 4, 480, &[0; 160]),  // two are missing
        rtp(0, 3, 320, &[0; 160]),  // one of them, late
        rtp(0, 4, 480, &[0; 160]),  // the newest again
        rtp(13, 5, 640, &[40]),     // comfort noise
        rtp(18, 6, 800, &[0; 20]),  // G.729: not agreed on
        of(9, 0, 77, 0, &[0; 160]), // a new SSRC
        vec![0x40; 20],             // version 1
        rtcp.to_vec(),
        rtp(101, 6, 800, &[16, 0, 0, 1]), // flash
        rtp(0, 7, 960, &[]),              // odd sizes are fine
        rtp(0, 8, 960, &[0; 1000]),
    ];
    for packet in packets {
        world.packet(0, A, HOME, &packet);
    }
    let held = Negotiated { direction: Direction::SendOnly, ..open(A).session };
    world.command(Command::Retarget { id: A, session: Box::new(held) });
    world.packet(0, A, HOME, &rtp(0, 9, 0, &[0; 160]));
    let refused = Refused { malformed: 2, payload_type: 1, unproven: 1, on_hold: 1, events: 1, ..Refused::default() };
    let jitter_ms = Some(8);
    let expected = Statistics { received: 8, lost: 1, late: 2, rtcp: 1, jitter_ms, refused, ..Statistics::default() };
    assert_eq!(world.close(A), expected);
}

#[test]
fn a_command_that_cannot_be_carried_out_is_refused_with_its_reason() {
    let mut world = one(|_| ());
    let arena = arena();
    let play = |spans| Command::Play { id: A, play: 1, arena: arena.clone(), spans, looped: false, from: 0 };
    let cases = [
        (Command::Open(Box::new(open(A))), A, Refusal::Taken),
        (Command::Ungate(B), B, Refusal::Unknown),
        (Command::Close { id: B }, B, Refusal::Unknown),
        (Command::Bridge { call: 1, a: 0, b: 1 }, B, Refusal::Unknown),
        (play(vec![Span { start: 0, frames: u32::MAX }]), A, Refusal::Spans),
        (play(vec![Span { start: 1, frames: u32::MAX }]), A, Refusal::Spans),
        (play(vec![Span { start: 0, frames: 1 }; 1025]), A, Refusal::Spans),
    ];
    for (command, id, refusal) in cases {
        let name = format!("{command:?}");
        world.command(command);
        assert_eq!(world.wire.events.pop(), Some(Event::Refused { id, refusal }), "{name}");
    }
    for call in 2..=16_384 {
        world.command(Command::Open(Box::new(open(StreamId { call, leg: 0 }))));
    }
    assert_eq!((world.streams.len(), world.wire.events.len()), (16_384, 0));
    world.command(Command::Open(Box::new(open(B))));
    assert_eq!(world.wire.events, [Event::Refused { id: B, refusal: Refusal::Full }]);
}

#[test]
fn nobody_keys_fifty_times_a_second() {
    let mut world = World::default();
    world.command(Command::Open(Box::new(open(A))));
    for n in 0..100_u16 {
        let at = u64::from(n) * 10;
        world.packet(at, A, "10.0.0.1:4000", &rtp(101, n, u32::from(n) * 800, &[1, 10, 0, 160]));
    }
    assert_eq!(world.keys().len(), 50);
    world.packet(1_100, A, "10.0.0.1:4000", &rtp(101, 100, 90_000, &[2, 10, 0, 160]));
    assert_eq!(world.keys().len(), 51, "a second later keys count again");
    assert_eq!(world.close(A).refused.presses, 50);
}

#[test]
fn a_peer_that_answered_both_laws_may_send_either() {
    let mut world = World::with_two();
    world.command(Command::Bridge { call: A.call, a: A.leg, b: B.leg });
    world.packet(0, A, "10.0.0.1:4000", &rtp(8, 1, 160, &[0xd5; 160]));
    let sent = world.wire.sent.last().expect("it is passed on");
    assert_eq!((sent.id, sent.payload.as_slice()), (B, &[0xd5; 160][..]), "PCMA to PCMA, though PCMU was agreed");
}
