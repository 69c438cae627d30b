use super::*;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

const RATE: u32 = 50;
const INVITE: &[u8] = b"INVITE sip:1@192.0.2.1 SIP/2.0\r\n";
const BYE: &[u8] = b"BYE sip:1@192.0.2.1 SIP/2.0\r\n";

fn gate() -> Gate {
    Gate::new(Some(RATE), &mut Random::from_seed(1))
}

fn source(number: u32) -> IpAddr {
    IpAddr::from(Ipv4Addr::from(number))
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(1_000_000 + micros)
}

/// How many of the messages of `seconds` at `rate` a second were read, turned away and dropped.
fn flood(gate: &mut Gate, from: IpAddr, bytes: &[u8], trunk: bool, rate: u64, seconds: u64) -> [u64; 3] {
    let mut counted = [0; 3];
    for sent in 0..rate * seconds {
        let passage = gate.admit(at(sent * 1_000_000 / rate), from, bytes, trunk);
        counted[passage as usize] += 1;
    }
    counted
}

#[test]
fn what_opens_something_is_told_by_its_first_word() {
    for (text, expected) in [
        ("INVITE sip:a@b SIP/2.0\r\n", true),
        ("\r\n\r\nINVITE sip:a@b SIP/2.0\r\n", true),
        ("INVITE\r\n sip:a@b SIP/2.0\r\n", true),
        ("OPTIONS sip:a@b SIP/2.0\r\n", true),
        ("REGISTER sip:b SIP/2.0\r\n", true),
        ("REFER sip:b SIP/2.0\r\n", true),
        ("NEWMETHOD sip:b SIP/2.0\r\n", true),
        ("ACKNOWLEDGE sip:b SIP/2.0\r\n", true),
        ("ACK sip:a@b SIP/2.0\r\n", false),
        ("BYE sip:a@b SIP/2.0\r\n", false),
        ("CANCEL sip:a@b SIP/2.0\r\n", false),
        ("\r\nSIP/2.0 200 OK\r\n", false),
        ("\r\n\r\n", false),
        ("", false),
        ("\0\u{1}\0\u{8}!\u{12} ", false),
        ("a-word-that-is-longer-than-any-method-may-be sip:a@b SIP/2.0", false),
    ] {
        assert_eq!(opens(text.as_bytes()), expected, "{text:?}");
    }
    assert!(opens(&[&[b'\n'; METHOD + 1][..], INVITE].concat()), "a disguise");
}

#[test]
fn each_source_has_its_rate_and_what_is_beyond_it_has_its_answer() {
    // Read, turned away and dropped of a flood of 2,000 a second for 10 s, at 50 openers a second with a burst of 2 s.
    for (bytes, trunk, expected) in [
        // The bucket of all messages: 1,000 a second, of which the upper half is for those to turn away.
        (INVITE, true, [600, 10_400, 9_000]),
        (INVITE, false, [75, 0, 19_925]),
        (BYE, true, [12_000, 0, 8_000]),
        (BYE, false, [1_500, 0, 18_500]),
    ] {
        let mut gate = gate();
        let counted = flood(&mut gate, source(7), bytes, trunk, 2_000, 10);
        for (counted, expected) in counted.iter().zip(expected) {
            assert!(counted.abs_diff(expected) <= 1 + expected / 50, "{trunk} {counted} instead of {expected}");
        }
        assert_eq!(gate.counters().dropped(), counted[Passage::Drop as usize]);
        assert_eq!(flood(&mut gate, source(8), bytes, trunk, 5, 10), [50, 0, 0], "another source");
    }
}

#[test]
fn a_trunk_that_calls_too_often_keeps_the_calls_that_it_has() {
    let mut gate = gate();
    for turn in 0..30_000 {
        let now = at(turn * 1_000);
        for _ in 0..3 {
            gate.admit(now, source(7), INVITE, true);
        }
        if turn % 2 == 0 {
            assert_eq!(gate.admit(now, source(7), BYE, true), Passage::Read, "in millisecond {turn}");
        }
    }
}

#[test]
fn a_long_message_costs_what_it_weighs() {
    let mut long = INVITE.to_vec();
    long.resize(16 * TOKEN, b' ');
    let [read, ..] = flood(&mut gate(), source(7), &long, true, 100, 16);
    assert!((56..=58).contains(&read), "{read} of 16 tokens each, of 100 and 50 a second");
}

#[test]
fn a_crowd_of_strangers_takes_no_room_of_the_trunks_and_is_forgotten() {
    let mut gate = gate();
    assert_eq!(gate.admit(at(0), source(1), INVITE, true), Passage::Read);
    let mut counted: BTreeMap<u8, u32> = BTreeMap::new();
    // All at once: more than there are places.
    for number in 0..200_000 {
        let passage = gate.admit(at(0), source(0x0a00_0000 + number), BYE, false);
        *counted.entry(passage as u8).or_default() += 1;
    }
    let places = (SETS * WAYS) as u32;
    assert_eq!(counted[&(Passage::Read as u8)], places, "every place was used");
    assert_eq!(gate.counters().crowds, u64::from(200_000 - places));
    assert_eq!(gate.sources(at(0)), SETS * WAYS + 1);
    assert_eq!(gate.admit(at(0), source(2), INVITE, true), Passage::Read, "another trunk");
    assert_eq!(gate.sources(at(100_000)), 0, "100 ms later all buckets are full again");
    assert_eq!(gate.admit(at(100_000), source(0x0b00_0000), BYE, false), Passage::Read);
}

#[test]
fn whom_we_called_is_no_stranger() {
    let mut gate = gate();
    let network = |last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
    let read = |gate: &mut Gate, last| flood(gate, network(last), BYE, false, 1_000, 1)[Passage::Read as usize];
    assert!(read(&mut gate, 1) < 400);
    gate.call(network(2));
    assert_eq!(read(&mut gate, 3), 1_000, "the same network of 64 bits");
}

#[test]
fn the_same_address_written_as_ipv6_is_the_same_source() {
    let mapped = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
    assert_eq!(source_key(mapped), source_key(IpAddr::from([192, 0, 2, 1])));
}
