//! Keys both ways: cases of the design that need a stream (`rtp/event/tests` lists all 28), tones heard, keys pressed.

use super::*;
use crate::audio::codec::{Encoder, FRAME, SAMPLES};
use crate::audio::dtmf::Tone;
use crate::audio::rate::Converter;

const HOME: &str = "10.0.0.1:4000";

fn one(change: impl FnOnce(&mut Negotiated)) -> World {
    let mut open = open(A);
    change(&mut open.session);
    let mut world = World::default();
    world.command(Command::Open(Box::new(open)));
    world
}

fn no_events(session: &mut Negotiated) {
    session.event_send = None;
    session.event_receive = None;
}

fn speaks(codec: Codec) -> impl FnOnce(&mut Negotiated) {
    move |session| {
        no_events(session);
        (session.codec, session.event_clock) = (codec, codec.clock());
        (session.payload_type, session.receive_payload_type) = (codec.payload_type(), codec.payload_type());
    }
}

/// Sound of 8,000 Hz as packets of 20 ms.
fn coded(codec: Codec, sound: &[i16]) -> Vec<Vec<u8>> {
    let (mut converter, mut encoder) = (Converter::new(8_000, codec.rate()), Encoder::new(codec));
    let packet = |narrow: &[i16]| {
        let mut samples = [0; SAMPLES];
        converter.convert(narrow, &mut samples);
        encoder.encode(&samples, &mut [0; FRAME]).to_vec()
    };
    sound.chunks(160).map(packet).collect()
}

fn key(c: char) -> Key {
    Key::from_char(c).expect("a key")
}

impl World {
    /// Presses heard as tones.
    fn tones(&self) -> String {
        let key = |event: &Event| match event {
            Event::Tone { key, .. } => Some(key.to_char()),
            _ => None,
        };
        self.wire.events.iter().filter_map(key).collect()
    }

    /// Sends the sound of keys of 100 ms and pauses of 60 ms as packets of 20 ms, but for those that `lost` names.
    fn sing(&mut self, keys: &str, from: Codec, lost: impl Fn(u16) -> bool) {
        let sound = keys.chars().flat_map(|c| Tone::new(key(c), 800).chain([0; 480]));
        let sound: Vec<i16> = [0; 300].into_iter().chain(sound).collect();
        for (n, frame) in (0u16..).zip(coded(from, &sound)) {
            if !lost(n) {
                let (sequence, timestamp) = (65_530u16.wrapping_add(n), from.units() * u32::from(n));
                self.packet(20 * u64::from(n), A, HOME, &rtp(from.payload_type(), sequence, timestamp, &frame));
            }
        }
    }
}

#[test]
fn case_12_a_new_ssrc_keeps_the_press_that_is_under_way() {
    let mut world = one(|_| ());
    world.packet(0, A, HOME, &rtp(101, 1, 90_000, &[5, 10, 0, 160]));
    world.packet(20, A, HOME, &of(9, 101, 500, 10, &[5, 10, 1, 64]));
    world.packet(40, A, HOME, &of(9, 101, 501, 10, &[5, 10, 1, 224]));
    world.packet(60, A, HOME, &of(9, 101, 502, 10, &[5, 0x8a, 1, 224]));
    assert_eq!(world.keys(), "5");
    world.packet(160, A, HOME, &of(9, 101, 503, 900, &[5, 10, 0, 160]));
    assert_eq!(world.keys(), "55");
    assert_eq!(world.close(A).refused.unproven, 1);
}

#[test]
fn case_17_any_dynamic_payload_type_that_was_agreed_on_and_no_other() {
    for payload_type in 96..=127 {
        let mut world = one(|session| session.event_receive = Some(payload_type));
        for other in 96..=127 {
            let n = u16::from(other) - 96;
            world.packet(0, A, HOME, &rtp(other, n, 160 * u32::from(n), &[5, 0x8a, 1, 64]));
        }
        assert_eq!(world.keys(), "5", "{payload_type}");
        assert_eq!(world.close(A).refused.payload_type, 31);
    }
}

#[test]
fn case_19_redundancy_that_nobody_agreed_on_doubles_nothing() {
    let mut world = one(|_| ());
    // RFC 2198: this event, and the one before it once more, as payload type 121.
    let redundant = [0x80 | 101, 0, 0, 4, 101, 5, 10, 0, 160, 5, 10, 1, 64];
    for n in 0..3u16 {
        world.packet(20 * u64::from(n), A, HOME, &rtp(121, 2 * n, 0, &redundant));
        world.packet(20 * u64::from(n), A, HOME, &rtp(101, 2 * n + 1, 0, &[5, 10, 0, 160]));
    }
    assert_eq!(world.keys(), "5");
    assert_eq!(world.close(A).refused.payload_type, 3);
}

#[test]
fn case_23_a_key_before_the_ack_is_heard_and_one_across_a_prompt_s_start_is_one() {
    let mut waiting = open(A);
    waiting.gated = true;
    let mut world = World::default();
    world.command(Command::Open(Box::new(waiting)));
    world.play(A, 1, &["two"], false);
    world.packet(0, A, HOME, &rtp(101, 1, 0, &[5, 10, 0, 160]));
    for n in 1..6u16 {
        let at = 20 * u64::from(n);
        world.tick(at, A);
        let end = u8::from(n > 3) << 7;
        world.packet(at + 1, A, HOME, &rtp(101, 1 + n, 0, &[5, 10 | end, 1, 160]));
    }
    assert_eq!(world.keys(), "5");
    assert!(world.wire.events.contains(&Event::Ended { id: A, play: 1 }));
}

#[test]
fn case_24_a_key_of_another_source_is_ignored_before_and_after_the_latch() {
    let mut world = one(|_| ());
    let key = |sequence| rtp(101, sequence, 0, &[5, 10, 0, 160]);
    world.packet(0, A, "203.0.113.1:1", &key(1));
    world.packet(1, A, HOME, &rtp(0, 2, 0, &[0; 160]));
    world.packet(2, A, "10.0.0.1:4002", &key(3));
    assert_eq!(world.keys(), "");
    world.packet(3, A, HOME, &key(4));
    assert_eq!(world.keys(), "5");
}

#[test]
fn case_26_a_phone_that_sends_nothing_but_its_keys_is_heard_and_stays() {
    let mut world = one(|open| open.direction = Direction::SendRecv);
    let hour = 3_600_000;
    for n in 0..4u16 {
        let at = hour * u64::from(n);
        world.run(A, at, at + 40);
        world.packet(at + 50, A, HOME, &rtp(101, n, u32::from(n) * 28_800_000, &[n as u8, 0x8a, 1, 64]));
    }
    assert_eq!(world.keys(), "0123");
    assert!(!world.wire.events.iter().any(|event| matches!(event, Event::Closed { .. })));
}

#[test]
fn case_27_keys_are_heard_again_after_hold() {
    let mut world = one(|_| ());
    let target = open(A).session;
    world.packet(0, A, HOME, &rtp(101, 1, 0, &[1, 0x8a, 1, 64]));
    for (receiving, sequence) in [(false, 2), (true, 3)] {
        world.command(Command::Retarget {
            id: A,
            session: Box::new(Negotiated { direction: Direction::of(true, receiving), ..target.clone() }),
        });
        world.packet(1000, A, HOME, &rtp(101, sequence, 8000, &[2, 0x8a, 1, 64]));
    }
    assert_eq!(world.keys(), "12");
}

#[test]
fn tones_are_heard_where_no_event_was_agreed_on_and_only_there() {
    // Beside an agreed law of G.711 the other one is heard as well.
    let laws = [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu)];
    for (agreed, codec) in Codec::ALL.map(|codec| (codec, codec)).into_iter().chain(laws) {
        let mut world = one(speaks(agreed));
        world.sing("15#0", codec, |_| false);
        assert_eq!(world.tones(), "15#0", "{agreed:?} {codec:?}");
        assert_eq!(world.close(A).keys, 4);
        let mut world = one(|session| {
            speaks(agreed)(session);
            session.event_receive = Some(101);
        });
        world.sing("15#0", codec, |_| false);
        assert_eq!(world.tones(), "", "{agreed:?} {codec:?}");
    }
    let mut world = one(no_events);
    world.sing("7", Codec::Pcmu, |_| false);
    world.command(Command::Retarget { id: A, session: Box::new(open(A).session) });
    world.sing("7", Codec::Pcmu, |_| false);
    assert_eq!(world.tones(), "7", "the re-INVITE agreed on events");
}

#[test]
fn a_lost_or_a_late_packet_of_a_tone_doubles_nothing() {
    for (codec, lost) in Codec::ALL.into_iter().flat_map(|codec| (0..10).map(move |lost| (codec, lost))) {
        let mut world = one(speaks(codec));
        world.sing("5", codec, |n| n == lost);
        // From the packet in which a tone begins G.722 knows how loud it is; by itself it learns that too late.
        let expected = if (codec, lost) == (Codec::G722, 2) { "" } else { "5" };
        assert_eq!(world.tones(), expected, "{codec:?} without packet {lost}");
    }
    let mut world = one(no_events);
    world.sing("5", Codec::Pcmu, |n| n == 5);
    let tone = coded(Codec::Pcmu, &Tone::new(key('5'), 320).collect::<Vec<_>>()).concat();
    for _ in 0..3 {
        world.packet(200, A, HOME, &rtp(0, 65_535, 800, &tone));
    }
    assert_eq!(world.tones(), "5", "the straggler is not heard");
}

#[test]
fn what_lies_between_two_tones_decides_whether_they_are_one_press() {
    let tone = || Tone::new(key('5'), 640);
    let two: Vec<i16> = tone().chain(tone()).collect();
    // Opus delays the sound: what lies between two tones would come behind what lies between the packets.
    let held: Vec<i16> = Tone::new(key('5'), 1280).collect();
    // (packets that are lost behind a first tone of 80 ms, when the second one begins in ms; presses)
    let cases = [
        ("it goes on", 0, 80, 1),
        ("a clock that is 5 ms off", 0, 85, 1),
        ("the sender was silent for 30 ms", 0, 110, 2),
        ("one packet is lost", 1, 100, 1),
        ("the clock was set back", 0, 0, 1),
        ("a second is lost", 50, 1080, 2),
    ];
    for (codec, (name, lost, begins, presses)) in
        Codec::ALL.into_iter().flat_map(|codec| cases.map(|case| (codec, case)))
    {
        let mut world = one(speaks(codec));
        let packets = coded(codec, if codec.clock() == 8_000 { &two } else { &held });
        for (n, packet) in (0u16..).zip(&packets) {
            let (lost, begins) = if n < 4 { (0, 0) } else { (lost, begins * codec.clock() / 1000) };
            let timestamp = begins + codec.units() * u32::from(n % 4);
            world.packet(20 * u64::from(n), A, HOME, &rtp(codec.payload_type(), n + lost, timestamp, packet));
        }
        assert_eq!(world.tones().len(), presses, "{codec:?}: {name}");
    }
    let tone = coded(Codec::Pcmu, &tone().collect::<Vec<_>>()).concat();
    let mut world = one(no_events);
    world.packet(0, A, HOME, &rtp(0, 0, 0, &tone));
    world.packet(80, A, HOME, &rtp(13, 1, 640, &[40]));
    world.packet(90, A, HOME, &rtp(0, 2, 640, &tone));
    assert_eq!(world.tones(), "55", "comfort noise is a pause");
}

fn press(keys: &str) -> Command {
    Command::Press { id: A, keys: keys.chars().map(key).collect(), timing: Timing::default() }
}

#[test]
fn keys_are_pressed_as_events_in_place_of_the_sound() {
    let mut world = one(|_| ());
    world.run(A, 0, 40);
    world.play(A, 1, &["two"], false);
    world.command(press("4#"));
    world.run(A, 40, 440);
    let sent = &world.wire.sent;
    assert!(sent[..18].iter().zip(0..).all(|(s, i)| s.at == 20 * i), "one packet every 20 ms");
    assert!(sent.windows(2).all(|w| w[1].header.sequence == w[0].header.sequence.wrapping_add(1)));
    let start = sent[0].header.timestamp;
    let since = |sent: &Sent| sent.header.timestamp.wrapping_sub(start);
    for (key, first) in [(4, 2), (11, 10)] {
        let reports: Vec<_> = (0..7).map(|i| (&sent[first + i], since(&sent[first + i]))).collect();
        for (i, (report, timestamp)) in reports.into_iter().enumerate() {
            let duration = 160 * (i + 1).min(5) as u16;
            let [d0, d1] = duration.to_be_bytes();
            let end = u8::from(i >= 4) << 7;
            assert_eq!((report.header.payload_type, report.header.marker), (102, i == 0));
            assert_eq!(timestamp, 160 * first as u32, "the audio's clock, at the beginning");
            assert_eq!(report.payload, [key, end | 10, d0, d1]);
        }
        assert_eq!(
            (sent[first + 7].payload.as_slice(), since(&sent[first + 7])),
            (&[0xff; 160][..], 160 * (first as u32 + 7))
        );
    }
    assert_ne!(sent[18].payload, [0xff; 160], "then the prompt plays, whole");
    assert_eq!(sent[20].payload, [0xff; 160]);
    assert_eq!(since(&sent[18]), 18 * 160);
    assert_eq!(world.wire.events, [Event::Ended { id: A, play: 1 }]);
}

#[test]
fn without_events_keys_are_pressed_as_tones() {
    for codec in Codec::ALL {
        let mut world = one(speaks(codec));
        world.command(press("0123456789*#ABCD"));
        world.run(A, 0, 2600);
        let apart = |w: &[Sent]| w[1].header.timestamp.wrapping_sub(w[0].header.timestamp);
        assert!(world.wire.sent.windows(2).all(|w| apart(w) == codec.units()));
        let back = std::mem::take(&mut world.wire.sent);
        for (n, sent) in (0u16..).zip(back) {
            world.packet(0, A, HOME, &rtp(codec.payload_type(), n, codec.units() * u32::from(n), &sent.payload));
        }
        assert_eq!(world.tones(), "0123456789*#ABCD", "{codec:?}");
    }
}

#[cfg(feature = "opus")]
#[test]
fn with_opus_keys_are_pressed_as_events_at_its_clock_or_at_the_one_that_is_agreed_on() {
    for (clock, step) in [(48_000, 960), (8_000, 160)] {
        let mut world = one(|session| {
            speaks(Codec::Opus)(session);
            (session.event_send, session.event_clock) = (Some(110), clock);
        });
        world.command(press("4"));
        world.run(A, 0, 140);
        let durations: Vec<_> =
            world.wire.sent.iter().map(|s| u16::from_be_bytes([s.payload[2], s.payload[3]])).collect();
        assert_eq!(durations, [1, 2, 3, 4, 5, 5, 5].map(|n| n * step), "{clock}");
    }
}

#[test]
fn keys_wait_behind_gate_and_hold_and_stop_the_bridge() {
    let mut world = one(|session| session.direction = Direction::RecvOnly);
    world.command(press("1"));
    world.run(A, 0, 100);
    assert_eq!(world.wire.sent, []);
    world.command(Command::Retarget { id: A, session: Box::new(open(A).session) });
    world.run(A, 100, 120);
    assert_eq!(world.wire.sent[0].payload, [1, 10, 0, 160]);

    let mut world = World::with_two();
    world.run(A, 0, 20);
    world.run(B, 0, 20);
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    world.command(press("1"));
    world.wire.sent.clear();
    world.run(A, 20, 100);
    world.packet(101, B, "10.0.0.2:4000", &rtp(8, 1, 0, &[0xd5; 160]));
    assert_eq!(world.wire.sent.len(), 4, "the bridge is silent while the key goes out");
    world.run(A, 100, 400);
    assert_eq!(world.wire.sent.len(), 8, "then the ticks of a bridged leg send nothing");
    world.packet(401, B, "10.0.0.2:4000", &rtp(8, 2, 160, &[0xd5; 160]));
    let (last, passed) = (&world.wire.sent[7].header, &world.wire.sent[8].header);
    assert_eq!(passed.sequence, last.sequence.wrapping_add(1));
    assert!(passed.timestamp.wrapping_sub(last.timestamp) >= 160 && passed.marker);
}

#[test]
fn an_event_that_the_far_end_takes_back_in_between_ends_in_silence() {
    let mut world = one(|_| ());
    world.command(press("12"));
    world.run(A, 0, 40);
    let mut session = open(A).session;
    no_events(&mut session);
    world.command(Command::Retarget { id: A, session: Box::new(session) });
    world.run(A, 40, 160);
    assert!(world.wire.sent[2..].iter().all(|sent| sent.payload == [0xff; 160]));
    world.run(A, 160, 180);
    assert_eq!((world.wire.sent[8].header.payload_type, world.wire.sent[8].payload.len()), (0, 160));
    assert_ne!(world.wire.sent[8].payload, [0xff; 160], "the next key is a tone");
}

#[test]
fn too_many_keys_and_odd_timings_are_refused() {
    let ms = Duration::from_millis;
    let with =
        |keys: usize, on, off| Command::Press { id: A, keys: vec![Key::POUND; keys], timing: Timing { on, off } };
    let mut world = one(|_| ());
    world.command(with(64, ms(100), ms(60)));
    assert_eq!(world.wire.events, []);
    let refused = [
        with(1, ms(100), ms(60)),
        with(65, ms(100), ms(60)),
        with(0, ms(20), ms(60)),
        with(0, ms(100), ms(0)),
        with(0, ms(1400), ms(60)),
        with(0, ms(100), ms(9000)),
    ];
    for command in refused {
        let name = format!("{command:?}");
        world.command(command);
        assert_eq!(world.wire.events.pop(), Some(Event::Refused { id: A, refusal: Refusal::Keys }), "{name}");
    }
}
