//! What goes out: frames, their moments and their timestamps.

use super::*;
use crate::audio::codec::PCMU;
use crate::audio::measure::tone;
use crate::audio::spoken::{self, Reading};
use crate::audio::{Shape, Utterance};
use crate::secret::Secret;

fn one() -> World {
    let mut world = World::default();
    world.command(Command::Open(Box::new(open(A))));
    world
}

/// Checks that sequence and timestamps run on without a break, 160 units a packet, and the marker stands on the first.
fn assert_unbroken(sent: &[Sent]) {
    assert!(sent[0].header.marker);
    for pair in sent.windows(2) {
        let (before, after) = (pair[0].header, pair[1].header);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
        assert!(!after.marker);
    }
}

/// First byte of each payload: which clip it is of.
fn sounds(world: &World) -> String {
    let sound = |sent: &Sent| match sent.payload[0] {
        0xff | 0xd5 => '.',
        byte if byte & 0x80 != 0 => '1',
        _ => '2',
    };
    world.wire.sent.iter().map(sound).collect()
}

#[test]
fn fifty_packets_a_second_of_silence_when_nothing_plays() {
    let mut world = one();
    world.run(A, 6, 1006);
    let sent = &world.wire.sent;
    assert_unbroken(sent);
    assert_eq!((sent.len(), sent[0].header.sequence, sent[0].header.timestamp), (50, 65_530, u32::MAX - 100));
    assert!(sent.iter().zip(0..).all(|(s, i)| s.at == 6 + 20 * i && s.payload == [0xff; 160]));
    assert_eq!(sent[0].header.payload_type, 0);
    assert_eq!(sent[0].header.ssrc, 0xa);
}

#[test]
fn spans_are_played_without_a_gap_in_the_codec_agreed_on() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8)] {
        let mut world = one();
        let target = Negotiated { codec, payload_type, ..open(A).session };
        world.command(Command::Retarget { id: A, session: Box::new(target) });
        world.play(A, 3, &["two", "empty", "one", "two"], false);
        world.run(A, 0, 140);
        assert_eq!(sounds(&world), "22122..", "{codec:?}");
        assert_unbroken(&world.wire.sent);
        let samples = [(-5000, 0), (1000, 2)];
        for (sample, frame) in samples {
            let expected = [(Law::of(codec).expect("a law").encode)(sample); 160];
            assert_eq!(world.wire.sent[frame].payload, expected, "{codec:?}");
        }
        assert_eq!(world.wire.events, [Event::Ended { id: A, play: 3 }]);
    }
}

/// Words that were recorded with pauses around them and fill no whole frames.
#[test]
fn the_words_of_a_number_follow_each_other_without_a_hole() {
    let number = spoken::clips("es", Reading::Number, "1234567");
    assert_eq!(number.len(), 7, "{number:?}");
    let mut builder = ArenaBuilder::default();
    for (word, name) in (1..).zip(&number) {
        let recorded = [vec![0; 777], tone(300, 8_000, 2_000 + 60 * word, 9_000.0), vec![0; 555]].concat();
        builder.shaped(name, Shape::Word, &recorded, 8_000).expect("room");
    }
    let arena = Arc::new(builder.build());
    let value = Secret::new("1234567");
    let value = Utterance::Value { language: "es".into(), reading: Reading::Number, value };
    let spans = arena.spans(&[value]).expect("every word is there");
    let frames: u32 = spans.iter().map(|span| span.frames).sum();
    let mut world = one();
    world.command(Command::Play { id: A, play: 1, arena, spans, looped: false, from: 0 });
    world.run(A, 0, 20 * u64::from(frames));
    let sent = &world.wire.sent;
    assert_unbroken(sent);
    assert_eq!((sent.len(), &world.wire.events[..]), (frames as usize, &[Event::Ended { id: A, play: 1 }][..]));
    let sound: Vec<i16> = sent.iter().flat_map(|sent| &sent.payload).map(|&byte| (PCMU.decode)(byte)).collect();
    let quiet = sound.split(|sample| sample.unsigned_abs() > 1_000).map(<[i16]>::len).max();
    assert!(quiet < Some(108), "13.5 ms at most between two words: {quiet:?} samples");
}

#[test]
fn a_prompt_begins_at_once_and_silence_returns_home() {
    let mut world = one();
    world.run(A, 0, 100);
    world.play(A, 1, &["two"], false);
    let mut due = 93; // The stream's home is 100; 80 was its last frame.
    while due < 200 {
        due = world.tick(due, A);
    }
    let at: Vec<_> = world.wire.sent[4..].iter().map(|sent| sent.at).collect();
    assert_eq!(at, [80, 93, 113, 140, 160, 180]);
    assert_eq!(sounds(&world), ".....22...");
    assert_unbroken(&world.wire.sent);
}

#[test]
fn a_prompt_after_an_early_prompt_does_not_run_ahead_of_the_clock() {
    let mut world = one();
    world.tick(0, A);
    world.play(A, 1, &["two", "two"], true);
    assert_eq!(world.tick(2, A), 22);
    assert_eq!(world.tick(22, A), 42);
    world.command(Command::Stop { id: A });
    world.play(A, 2, &["one"], false);
    assert_eq!(world.tick(24, A), 40, "the frame of 42 went out at 22: the next one may not before 40");
    assert_eq!(world.tick(40, A), 80);
    assert_eq!(sounds(&world), ".221");
    assert_unbroken(&world.wire.sent);
    assert_eq!(world.wire.events.last(), Some(&Event::Ended { id: A, play: 2 }));
}

#[test]
fn stop_is_heard_at_the_next_frame_and_ends_nothing() {
    let mut world = one();
    world.play(A, 1, &["two"], true);
    world.run(A, 0, 100);
    world.command(Command::Stop { id: A });
    world.run(A, 100, 160);
    assert_eq!(sounds(&world), "22222...");
    assert_eq!(world.wire.events, []);
}

#[test]
fn a_play_of_nothing_ends_without_having_begun() {
    for looped in [false, true] {
        let mut world = one();
        world.play(A, 1, &["empty"], looped);
        world.run(A, 0, 40);
        assert_eq!(world.wire.events, [Event::Ended { id: A, play: 1 }]);
        assert_eq!(sounds(&world), "..");
    }
}

#[test]
fn a_play_begins_at_any_frame_and_a_loop_at_that_of_its_round() {
    let clips = ["two", "empty", "one", "two"];
    let cases = [(0, false, "22122..."), (1, false, "2122...."), (2, false, "122....."), (3, false, "22......")];
    let beyond = [(5, false, "........"), (u32::MAX, false, "........")];
    let looped = [(0, true, "22122221"), (4, true, "22212222"), (5, true, "22122221"), (5_000_012, true, "12222122")];
    for (from, looped, heard) in cases.into_iter().chain(beyond).chain(looped) {
        let mut world = one();
        world.play_from(A, 7, &clips, looped, from);
        world.run(A, 0, 160);
        assert_eq!(sounds(&world), heard, "from {from}, looped: {looped}");
        assert_eq!(world.wire.events.len(), usize::from(!looped), "from {from}");
        assert_unbroken(&world.wire.sent);
    }
}

#[test]
fn on_hold_the_player_stands_still_and_the_timestamps_do_not() {
    let mut world = one();
    world.play(A, 1, &["one", "two"], false);
    world.run(A, 0, 40);
    for (sending, until) in [(false, 100), (true, 160)] {
        world.command(Command::Retarget {
            id: A,
            session: Box::new(Negotiated { direction: Direction::of(sending, true), ..open(A).session }),
        });
        world.run(A, until - 60, until);
    }
    assert_eq!(sounds(&world), "122..");
    let (last, resumed) = (&world.wire.sent[1], &world.wire.sent[2]);
    assert_eq!(resumed.header.sequence, last.header.sequence.wrapping_add(1));
    assert_eq!(resumed.header.timestamp, last.header.timestamp.wrapping_add(160 * 4));
    assert!(resumed.header.marker);
}

#[test]
fn a_late_tick_sends_at_once_and_timestamps_stay_on_the_clock() {
    let mut world = one();
    world.tick(0, A);
    let mut due = world.tick(110, A); // Five frames late: 20, 40, 60, 80, 100.
    while due <= 110 {
        due = world.tick(110, A);
    }
    assert_eq!((world.wire.sent.len(), due), (6, 120));
    assert_unbroken(&world.wire.sent);
}

#[test]
fn after_a_long_stall_the_timestamps_jump_and_the_prompt_goes_on() {
    let mut world = one();
    world.play(A, 1, &["one", "two"], false);
    world.tick(0, A);
    let due = world.tick(1015, A);
    assert_eq!(due, 1020);
    assert_eq!(sounds(&world), "12");
    let (first, second) = (&world.wire.sent[0].header, &world.wire.sent[1].header);
    assert_eq!(second.timestamp, first.timestamp.wrapping_add(160 * 50));
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert!(second.marker);
}

#[test]
fn attention_tells_listening_from_playing_from_bridged() {
    let mut world = World::with_two();
    assert_eq!(world.streams.attention(A), Some(Attention::Listening));
    world.play(A, 1, &["one"], false);
    assert_eq!(world.streams.attention(A), Some(Attention::Playing));
    world.tick(0, A);
    assert_eq!(world.streams.attention(A), Some(Attention::Listening));
    world.command(Command::Bridge { call: 1, a: 0, b: 1 });
    assert_eq!(world.streams.attention(B), Some(Attention::Bridged));
    world.close(B);
    assert_eq!((world.streams.attention(A), world.streams.attention(B)), (Some(Attention::Listening), None));
}
