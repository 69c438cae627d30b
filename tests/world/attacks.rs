//! Twelve attacks on the media of a call, every few milliseconds from its first packet to its last: none of them
//! changes a packet that anyone sends, a line of the recording, or the record, but for what was refused.

use crate::scenarios::{ACCOUNT, answers, caller, ms, plan};
use crate::{Plan, World};
use askonce::engine::Setup;
use askonce::keying::Policy;
use askonce::media::Refused;
use askonce::peer::Act;
use askonce::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

/// What an attacker knows who saw the last packet to a stream: more than most do.
struct Seen<'a> {
    /// The source that the stream trusts.
    trusted: SocketAddr,
    packet: &'a [u8],
    /// Counts the strikes.
    turn: u32,
}

impl Seen<'_> {
    fn stranger(&self) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, (self.turn % 250) as u8 + 1], 4_000 + (self.turn % 999) as u16))
    }

    /// The last packet's SSRC.
    fn ssrc(&self) -> [u8; 4] {
        self.packet[8..12].try_into().expect("four bytes")
    }

    /// A packet that would be the next one, of a payload type and an SSRC.
    fn next(&self, payload_type: u8, ssrc: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut packet = self.packet[..12].to_vec();
        let sequence = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(1);
        packet[1] = payload_type;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[8..].copy_from_slice(&ssrc);
        [&packet, payload].concat()
    }
}

type Strikes = Vec<(SocketAddr, Vec<u8>)>;

struct Attack {
    name: &'static str,
    strikes: fn(&Seen) -> Strikes,
    /// What has to count it.
    counted: fn(&Refused, u64) -> u64,
    secure: bool,
}

/// The key 9, at its end.
const NINE: [u8; 4] = [9, 0x8a, 0x03, 0x20];
const EVENT: u8 = 101;

const ATTACKS: [Attack; 12] = [
    Attack {
        name: "spray: sound from everywhere to every port",
        strikes: |seen| (0..5).map(|_| (seen.stranger(), seen.next(0, seen.ssrc(), &[0x55; 160]))).collect(),
        counted: |refused, _| refused.foreign,
        secure: false,
    },
    Attack {
        name: "hijack: the caller's own address, from another port",
        strikes: |seen| {
            let port = seen.trusted.port() ^ 1;
            vec![(SocketAddr::new(seen.trusted.ip(), port), seen.next(0, seen.ssrc(), &[0x55; 160]))]
        },
        counted: |refused, _| refused.foreign,
        secure: false,
    },
    Attack {
        name: "keys from a stranger",
        strikes: |seen| vec![(seen.stranger(), seen.next(EVENT, seen.ssrc(), &NINE))],
        counted: |refused, _| refused.foreign,
        secure: false,
    },
    Attack {
        name: "keys from a forged source, which does not know the SSRC",
        strikes: |seen| vec![(seen.trusted, seen.next(EVENT, seen.turn.to_be_bytes(), &NINE))],
        counted: |refused, _| refused.unproven,
        secure: false,
    },
    Attack {
        name: "RTCP BYE",
        strikes: |seen| {
            let [a, b, c, d] = seen.ssrc();
            let report = [0x80, 201, 0, 1, a, b, c, d];
            let bye = [0x81, 203, 0, 1, a, b, c, d];
            vec![(seen.trusted, bye.to_vec()), (seen.trusted, [report, bye].concat())]
        },
        counted: |_, rtcp| rtcp,
        secure: false,
    },
    Attack {
        name: "malformed RTCP",
        strikes: |seen| {
            let [a, b, c, d] = seen.ssrc();
            let bodies: [&[u8]; 5] = [
                &[0x80, 200],
                &[0x80, 200, 0xff, 0xff, a, b, c, d],
                &[0x9f, 201, 0, 1, a, b, c, d],
                &[0x81, 202, 0, 2, a, b, c, d, 1, 255, 65, 65],
                &[0xa1, 203, 0, 1, a, b, c, 0],
            ];
            bodies.map(|body| (seen.trusted, [body, &[0; 8][..]].concat())).to_vec()
        },
        counted: |_, rtcp| rtcp,
        secure: false,
    },
    Attack {
        name: "malformed RTP",
        strikes: |seen| {
            let headed = |first: u8, rest: &[u8]| [&[first, 0, 0, 1, 0, 0, 0, 1][..], &seen.ssrc(), rest].concat();
            let packets = [
                Vec::new(),
                vec![0x80],
                headed(0x8f, &[0; 8]),
                headed(0x90, &[0, 0, 0xff, 0xff]),
                headed(0xa0, &[0xff; 4]),
                headed(0x40, &[0; 160]),
                vec![0xff; 1_500],
            ];
            packets.map(|packet| (seen.trusted, packet)).to_vec()
        },
        counted: |refused, _| refused.malformed,
        secure: false,
    },
    Attack {
        name: "a DTLS hello",
        strikes: |seen| {
            // Handshake, DTLS 1.2, epoch 0; client_hello (RFC 6347 section 4.1).
            let hello = [&[22, 254, 253][..], &[0; 8], &[0, 50, 1, 0, 0, 38], &[0; 44]].concat();
            vec![(seen.trusted, hello)]
        },
        counted: |refused, _| refused.malformed,
        secure: false,
    },
    Attack {
        name: "STUN, whole and damaged",
        strikes: |seen| {
            // A binding request; one that says it is longer than it is (RFC 5389 section 6).
            let cookie = [0x21, 0x12, 0xa4, 0x42];
            let request = |length: u8, rest: &[u8]| [&[0, 1, 0, length][..], &cookie, &[7; 12], rest].concat();
            vec![(seen.trusted, request(0, &[])), (seen.trusted, request(8, &[0, 0x25, 0xff]))]
        },
        counted: |refused, _| refused.malformed,
        secure: false,
    },
    Attack {
        name: "SRTP and SRTCP with another key's tag",
        strikes: |seen| {
            let mut packet = seen.next(0, seen.ssrc(), &seen.packet[12..]);
            packet[20] ^= 1;
            // E is 0: not even encrypted.
            let bye = [&[0x81, 203, 0, 1][..], &seen.ssrc(), &[0, 0, 0, 9], &[0; 16]].concat();
            vec![(seen.trusted, packet), (seen.trusted, bye)]
        },
        counted: |refused, _| refused.forged,
        secure: true,
    },
    Attack {
        name: "SRTP once more",
        strikes: |seen| vec![(seen.trusted, seen.packet.to_vec())],
        counted: |refused, _| refused.forged,
        secure: true,
    },
    Attack {
        name: "keys in clear into a call with SRTP",
        strikes: |seen| vec![(seen.trusted, seen.next(EVENT, seen.ssrc(), &NINE))],
        // Too short to bear a tag.
        counted: |refused, _| refused.malformed,
        secure: true,
    },
];

/// A whole call, struck every 30 ms on both legs. What came of it, and what was counted.
fn struck(secure: bool, strikes: fn(&Seen) -> Strikes) -> (World, u32) {
    let tamper: fn(&mut Setup) = |setup| {
        let config = Arc::get_mut(&mut setup.config).expect("a configuration of its own");
        Arc::get_mut(&mut config.trunks[0]).expect("a trunk of its own").srtp = Policy::Offered;
        config.destinations[0].srtp = Some(Policy::Offered);
    };
    let agent = answers(&[Act::HearVoice, Act::Press("55".to_owned()), Act::Wait(ms(800)), Act::HangUp]);
    let mut world = World::new(Plan { tamper, ..plan(41, agent) });
    if secure {
        world.callers.srtp(Policy::Required);
        world.agents.srtp(Policy::Required);
    }
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    let mut turn = 0;
    for _ in 0..1_500 {
        world.run(ms(30));
        // The streams close with the call; what comes later is for nobody.
        if !world.cdrs.is_empty() {
            break;
        }
        for (ours, (trusted, packet)) in world.heard() {
            turn += 1;
            for (from, bytes) in strikes(&Seen { trusted, packet: &packet, turn }) {
                world.strike(from, ours, bytes);
            }
        }
    }
    world.run(Duration::from_secs(40));
    (world, turn)
}

/// The record and the recording, without what was counted of packets.
fn told(world: &World) -> (serde_json::Value, String) {
    let [cdr] = &world.cdrs[..] else { panic!("{} records", world.cdrs.len()) };
    let mut record = serde_json::to_value(cdr).expect("a record");
    for leg in record["media"].as_array_mut().expect("legs") {
        let leg = leg.as_object_mut().expect("a leg");
        ["refused", "rtcp"].iter().for_each(|counted| drop(leg.remove(*counted)));
    }
    (record, world.recordings[0].write().expect("a whole recording"))
}

#[test]
fn no_attack_on_media_changes_a_call() {
    for secure in [false, true] {
        let (calm, _) = struck(secure, |_| Vec::new());
        assert_eq!(calm.cdrs[0].keys, 13);
        for attack in ATTACKS.iter().filter(|attack| secure || !attack.secure) {
            let (world, turns) = struck(secure, attack.strikes);
            let name = attack.name;
            assert!(turns > 250, "{name}: {turns} turns");
            assert_eq!(told(&world), told(&calm), "{name}");
            assert_eq!(world.packets(), calm.packets(), "{name}: not the same packets");
            let happened = |world: &World| format!("{:?} {:?}", world.happened, world.agents_happened);
            assert_eq!(happened(&world), happened(&calm), "{name}");
            if secure == attack.secure {
                let counted = |media: &askonce::call::cdr::LegMedia| {
                    (attack.counted)(&media.statistics.refused, media.statistics.rtcp)
                };
                let counted: u64 = world.cdrs[0].media.iter().map(counted).sum();
                assert!(counted >= u64::from(turns), "{name}: {turns} turns, {counted} counted");
            }
        }
    }
}
