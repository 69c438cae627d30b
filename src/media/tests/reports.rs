//! Reports (RTCP): when they go out, what they say, what those that come are worth, and a far end that is silent.

use super::*;
use crate::keying::{Master, Ours};
use crate::rtp::rtcp::{self, Block, LONGEST, NAME, Report, Sent as Info};
use crate::sdp::Srtp;
use crate::srtp::{Inbound, OVERHEAD, Outbound};

const HOME: &str = "10.0.0.1:4000";
const BESIDE: &str = "10.0.0.1:4001";

fn one(change: impl FnOnce(&mut Open)) -> World {
    let mut open = open(A);
    change(&mut open);
    let mut world = World::default();
    world.command(Command::Open(Box::new(open)));
    world
}

fn report(ssrc: u32, sent: Option<Info>, of: Option<Block>) -> Vec<u8> {
    let mut out = [0; LONGEST];
    let length = rtcp::write(&mut out, ssrc, sent, of, &[b'x'; NAME]);
    out[..length].to_vec()
}

impl World {
    fn beside(&mut self, at: u64, source: &str, bytes: &[u8]) {
        self.wire.now = at;
        let now = Instant::from_micros(at * 1000);
        self.streams.on_report(now, A, address(source), &mut bytes.to_vec());
    }
}

/// What a report of ours says of `of`, and its sender's part.
fn read(bytes: &[u8], of: u32) -> Report {
    rtcp::read(bytes, of).expect("a compound packet")
}

#[test]
fn reports_go_out_every_five_seconds_give_or_take_to_the_port_that_was_agreed_on() {
    for (mux, to) in [(false, BESIDE), (true, HOME)] {
        let mut world = one(|open| open.session.rtcp_mux = mux);
        world.run(A, 0, 200_000);
        let at: Vec<u64> = world.wire.reports.iter().map(|report| report.0).collect();
        // RFC 3550 section 6.3.1: between 2.05 and 6.16 s, and half of that before the first.
        assert!((1_020..=3_100).contains(&at[0]), "{at:?}");
        assert!(at.windows(2).all(|pair| (2_040..=6_180).contains(&(pair[1] - pair[0]))), "{at:?}");
        assert!((40..60).contains(&at.len()), "some 4.1 s apart: {}", at.len());
        assert!(world.wire.reports.iter().all(|report| report.2 == address(to)));
        assert_eq!(world.close(A).reports, at.len() as u64);
    }
}

#[test]
fn a_report_says_what_was_sent_and_what_came() {
    let mut world = one(|_| ());
    let mut at = 0;
    // From 65,534 on, every tenth is lost, one comes twice; each 20 ms, then 4 ms late every other time.
    for n in (0..500u16).filter(|n| n % 10 != 9) {
        at = 20 * u64::from(n) + if n > 250 && n % 2 == 0 { 4 } else { 0 };
        world.run(A, at.saturating_sub(20), at);
        let sequence = 65_534u16.wrapping_add(n);
        world.packet(at, A, HOME, &rtp(0, sequence, 160 * u32::from(n), &[0x80; 160]));
        if n == 100 {
            world.packet(at, A, HOME, &rtp(0, sequence, 160 * u32::from(n), &[0x80; 160]));
        }
    }
    world.run(A, at, at + 7_000);
    let (when, .., last) = world.wire.reports.last().expect("a report").clone();
    let Report { ntp, of_us } = read(&last, 5);
    let of = of_us.expect("a block of theirs");
    assert_eq!((of.lost, of.highest), (49 - 1, 0x1_0000 + 496), "the last one lost does not show");
    // Changes of 4 ms or, where one is missing, of none: a mean of some 30 units.
    assert!((20..=32).contains(&of.jitter), "{}", of.jitter);
    let seconds = ntp.expect("a sender's report") >> 32;
    assert_eq!(seconds, when / 1000, "our own clock, and no time of day");
    let words: Vec<u32> = last.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
    let sent = world.wire.sent.iter().filter(|sent| sent.at <= when).count() as u32;
    assert!(sent.abs_diff(words[5]) <= 1 && words[6] == words[5] * 160, "{sent} {words:?}");
    let stamp = world.wire.sent.iter().rfind(|sent| sent.at <= when).expect("sound").header.timestamp;
    assert!(words[4].wrapping_sub(stamp) <= 320, "the moment's timestamp");
    assert_eq!(world.close(A).jitter_ms, Some(of.jitter / 8));
}

#[test]
fn who_sends_nothing_makes_a_receiver_s_report_and_hold_does_not_end_reports() {
    let mut world = one(|open| open.session.direction = Direction::Inactive);
    world.run(A, 0, 20_000);
    assert!(world.wire.reports.len() >= 3 && world.wire.sent.is_empty());
    assert!(world.wire.reports.iter().all(|report| report.3[1] == 201));
}

#[test]
fn nothing_is_reported_to_whom_nobody_has_heard_of_and_to_no_address() {
    let mut gated = one(|open| open.gated = true);
    gated.run(A, 0, 100_000);
    let mut nowhere = one(|open| open.session.remote = address("0.0.0.0:4000"));
    nowhere.run(A, 0, 100_000);
    for world in [gated, nowhere] {
        assert!(world.wire.reports.is_empty() && world.wire.events.is_empty());
    }
}

#[test]
fn round_trip_loss_and_jitter_of_the_far_end_are_in_the_record() {
    let mut world = one(|_| ());
    world.packet(0, A, HOME, &rtp(0, 1, 0, &[0x80; 160]));
    world.run(A, 0, 8_000);
    let (sent_at, .., ours) = world.wire.reports.last().expect("a report").clone();
    let last = (read(&ours, 0).ntp.expect("a sender's report") >> 16) as u32;
    // It took 30 ms, was kept for 500, and took 50 back.
    let block = Block { ssrc: 0xa, fraction: 0, lost: 7, highest: 1, jitter: 80, last, since: 32_768 };
    let theirs =
        report(5, Some(Info { ntp: 0x1234_5678_9abc_def0, timestamp: 0, packets: 1, octets: 160 }), Some(block));
    world.beside(sent_at + 580, BESIDE, &theirs);
    world.run(A, sent_at + 580, sent_at + 8_000);
    let (when, .., answer) = world.wire.reports.last().expect("another report").clone();
    let of = read(&answer, 5).of_us.expect("a block of theirs");
    assert_eq!(of.last, 0x5678_9abc);
    let passed = u64::from(of.since) * 1000 / 65_536;
    assert!(passed.abs_diff(when - sent_at - 580) <= 1, "{passed} ms since it came");
    let statistics = world.close(A);
    assert_eq!((statistics.far_lost, statistics.far_jitter_ms), (Some(7), Some(10)));
    assert!(statistics.round_trip_ms.is_some_and(|trip| (79..=81).contains(&trip)), "{:?}", statistics.round_trip_ms);
}

#[test]
fn a_report_that_is_none_a_stranger_s_or_a_farewell_changes_nothing() {
    let mut world = one(|_| ());
    world.packet(0, A, HOME, &rtp(0, 1, 0, &[0x80; 160]));
    let block = Block { ssrc: 0xa, last: 0x4000_0000, since: 9, ..Block::default() };
    let farewell = [report(5, None, Some(block)), vec![0x81, 203, 0, 1, 0, 0, 0, 5]].concat();
    world.beside(10, "10.0.0.9:4001", &farewell);
    world.beside(10, BESIDE, &farewell[..farewell.len() - 1]);
    world.beside(10, BESIDE, &farewell);
    world.beside(10, "10.0.0.1:4003", &farewell);
    world.packet(10, A, HOME, &farewell);
    world.packet(20, A, HOME, &rtp(0, 2, 160, &[0x80; 160]));
    let statistics = world.close(A);
    assert_eq!((statistics.received, statistics.rtcp, statistics.round_trip_ms), (2, 3, None));
    assert_eq!((statistics.refused.foreign, statistics.refused.malformed), (2, 1));
    assert_eq!(world.wire.events, []);
}

#[test]
fn on_a_secure_leg_reports_are_secure_both_ways() {
    for suite in Suite::ALL {
        let length = if suite == Suite::Gcm128 { 28 } else { 30 };
        let [ours, theirs] = [1, 2].map(|seed| Master::new(suite, &vec![seed; length]).expect("a key"));
        let srtp = Srtp { ours: Ours::Known(ours.clone()), theirs: theirs.clone() };
        let mut world = one(|open| open.session.srtp = Some(srtp));
        world.run(A, 0, 8_000);
        let mut ear = Inbound::new(&ours);
        assert!(!world.wire.reports.is_empty());
        for (.., packet) in &world.wire.reports {
            assert!(rtcp::read(packet, 0).is_none(), "nobody else reads it");
            let mut packet = packet.clone();
            let length = ear.unprotect_rtcp(&mut packet).expect("authentic");
            assert!(read(&packet[..length], 0).ntp.is_some());
        }
        let mut plain = report(5, None, None);
        world.beside(8_000, BESIDE, &plain);
        let length = plain.len();
        plain.resize(length + OVERHEAD, 0);
        let length = Outbound::new(&theirs).protect_rtcp(&mut plain, length).expect("protected");
        world.beside(8_000, BESIDE, &plain[..length]);
        let statistics = world.close(A);
        assert_eq!((statistics.rtcp, statistics.refused.forged), (1, 1), "{suite:?}");
    }
}

#[test]
fn a_minute_of_nothing_is_told_and_a_report_or_refused_sound_is_something() {
    let mut world = one(|_| ());
    world.run(A, 0, 59_980);
    assert_eq!(world.wire.events, []);
    world.run(A, 59_980, 185_000);
    assert_eq!(world.wire.events, vec![Event::Silent { id: A }; 3]);
    let mut held = one(|open| open.session.direction = Direction::SendOnly);
    for second in (0..300).step_by(50) {
        held.run(A, second * 1000, second * 1000 + 50_000);
        let at = second * 1000 + 50_000;
        match second % 100 {
            0 => held.beside(at, BESIDE, &report(5, None, None)),
            _ => held.packet(at, A, HOME, &rtp(0, 1, 0, &[0x80; 160])),
        }
        held.beside(at, "10.0.0.9:4001", &report(5, None, None));
    }
    assert_eq!(held.wire.events, []);
}
