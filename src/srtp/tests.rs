use super::*;
use crate::keying::Suite;
use crate::random::Random;

const SSRC: u32 = 0x5501_a0b2;

fn master(suite: Suite, seed: u8) -> Master {
    let bytes: Vec<u8> = (0..30).map(|n: u8| n.wrapping_mul(37) ^ seed).collect();
    let length = if suite == Suite::Gcm128 { 28 } else { 30 };
    Master::new(suite, &bytes[..length]).expect("a key")
}

fn pair(suite: Suite) -> (Outbound, Inbound) {
    (Outbound::new(&master(suite, 1)), Inbound::new(&master(suite, 1)))
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0];
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn sealed(by: &mut Outbound, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + OVERHEAD, 0);
    let length = by.protect(&mut packet, plain.len()).expect("protected");
    packet.truncate(length);
    packet
}

fn opened(by: &mut Inbound, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut packet = packet.to_vec();
    let length = by.unprotect(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

fn sealed_rtcp(by: &mut Outbound, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + OVERHEAD, 0);
    let length = by.protect_rtcp(&mut packet, plain.len()).expect("protected");
    packet.truncate(length);
    packet
}

const RTCP: [u8; 28] =
    [0x80, 200, 0, 6, 0x55, 1, 0xa0, 0xb2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

#[test]
fn what_is_protected_comes_out_as_it_was_and_is_not_to_be_read_on_the_way() {
    for (suite, tag) in [(Suite::Gcm128, 16), (Suite::Cm80, 10), (Suite::Cm32, 4)] {
        let (mut out, mut into) = pair(suite);
        // CSRCs, an extension and padding; no payload at all; sizes around the blocks of the cipher.
        let mut odd = rtp(SSRC, 7, &[0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 0x11, 0x22, 0, 2]);
        odd[0] = 0xb1;
        let plain = [0, 1, 15, 16, 17, 127, 128, 129, 160, 480].map(|length| vec![0x55; length]);
        let plain = plain.iter().zip(8..).map(|(payload, sequence)| rtp(SSRC, sequence, payload));
        for plain in [odd].into_iter().chain(plain) {
            let packet = sealed(&mut out, &plain);
            assert_eq!(packet.len(), plain.len() + tag, "{suite:?}");
            assert_eq!(packet[..12], plain[..12]);
            if plain.len() > 40 {
                assert_ne!(packet[12..40], plain[12..40]);
            }
            assert_eq!(opened(&mut into, &packet), Ok(plain), "{suite:?}");
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_and_the_packet_itself_is_taken_afterwards() {
    for suite in Suite::ALL {
        let (mut out, mut into) = pair(suite);
        opened(&mut into, &sealed(&mut out, &rtp(SSRC, 99, &[1; 20]))).expect("the first");
        let packet = sealed(&mut out, &rtp(SSRC, 100, &[0x55; 20]));
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let refused = opened(&mut into, &forged).expect_err("a forged packet");
            assert!(matches!(refused, Refused::Forged | Refused::Malformed | Refused::Replayed), "{bit}: {refused:?}");
        }
        for length in 0..packet.len() {
            assert!(opened(&mut into, &packet[..length]).is_err(), "{length} bytes");
        }
        assert!(opened(&mut into, &packet).is_ok(), "{suite:?}");
        assert_eq!(opened(&mut into, &packet), Err(Refused::Replayed));
    }
}

/// Packets over four rollovers that come in any order within 60, some of them twice, some never.
#[test]
fn reordering_loss_and_replay_over_rollovers() {
    for suite in Suite::ALL {
        let (mut out, mut into) = pair(suite);
        let mut random = Random::from_seed(7);
        let mut waiting: Vec<(u16, Vec<u8>)> = Vec::new();
        let (mut taken, mut twice) = (0, 0);
        for n in 0..4 * 65_536_u32 {
            let sequence = (n + 65_000) as u16;
            // Most are not sent at all: what matters lies around the rollovers.
            if !(64_800..=65_535).contains(&sequence) && sequence > 800 && !sequence.is_multiple_of(100) {
                continue;
            }
            waiting.push((sequence, sealed(&mut out, &rtp(SSRC, sequence, &n.to_be_bytes()))));
            if waiting.len() < 30 {
                continue;
            }
            let (sequence, packet) = waiting.swap_remove(random.below(30) as usize);
            // Those that were overtaken by more than the window can tell are too old.
            let Ok(plain) = opened(&mut into, &packet) else { continue };
            assert_eq!(plain[2..4], sequence.to_be_bytes());
            taken += 1;
            if random.below(4) == 0 {
                assert_eq!(opened(&mut into, &packet), Err(Refused::Replayed));
                twice += 1;
            }
        }
        assert!(taken > 5_000 && twice > 1_000, "{suite:?}: {taken} {twice}");
    }
}

#[test]
fn a_sequence_number_goes_out_once_and_late_ones_keep_their_rollover() {
    for suite in Suite::ALL {
        let (mut out, mut into) = pair(suite);
        let mut go = |sequence: u16, fill: u8| {
            let mut packet = rtp(SSRC, sequence, &[fill; 20]);
            packet.resize(32 + OVERHEAD, 0);
            let length = out.protect(&mut packet, 32)?;
            opened(&mut into, &packet[..length])
        };
        for sequence in [65_534, 0, 65_535, 1] {
            assert!(go(sequence, 1).is_ok(), "{suite:?} {sequence}");
        }
        for sequence in [0, 65_535, 65_534] {
            let mut again = rtp(SSRC, sequence, &[2; 40]);
            assert_eq!(out.protect(&mut again, 32), Err(Refused::Replayed), "{sequence}");
        }
        let mut other = rtp(SSRC + 1, 2, &[0; 40]);
        assert_eq!(out.protect(&mut other, 32), Err(Refused::Source));
        assert_eq!(out.protect(&mut rtp(SSRC, 2, &[0; 20]), 32), Err(Refused::Room));
        assert_eq!(out.protect(&mut rtp(SSRC, 2, &[0; 20]), 33), Err(Refused::Room));
    }
}

#[test]
fn a_new_source_is_taken_once_it_is_authentic_and_an_old_one_is_not_forgotten() {
    let key = master(Suite::Cm80, 1);
    let mut into = Inbound::new(&key);
    let packets: Vec<_> =
        (0..=SOURCES as u32).map(|ssrc| sealed(&mut Outbound::new(&key), &rtp(ssrc, 5, &[1; 20]))).collect();
    for ssrc in 100..200 {
        let mut forged = packets[0].clone();
        forged[11] = ssrc;
        assert_eq!(opened(&mut into, &forged), Err(Refused::Forged));
    }
    for packet in &packets[..SOURCES] {
        assert!(opened(&mut into, packet).is_ok());
    }
    for packet in &packets[..SOURCES] {
        assert_eq!(opened(&mut into, packet), Err(Refused::Replayed));
    }
    assert_eq!(opened(&mut into, &packets[SOURCES]), Err(Refused::Source));
}

#[test]
fn a_key_ends() {
    let (mut out, mut into) = pair(Suite::Cm80);
    sealed(&mut out, &rtp(SSRC, 0, &[]));
    let last = |index| Some(Source::first(SSRC, index));
    out.source = last(MAX_INDEX - 1);
    into.sources.0[0] = last(MAX_INDEX - 1);
    let packet = sealed(&mut out, &rtp(SSRC, 0xffff, &[1]));
    assert!(opened(&mut into, &packet).is_ok(), "the last one");
    let mut packet = rtp(SSRC, 0, &[1; 30]);
    assert_eq!(out.protect(&mut packet, 20), Err(Refused::Exhausted));
    assert_eq!(opened(&mut into, &packet), Err(Refused::Exhausted));
    out.rtcp_index = MAX_RTCP_INDEX;
    sealed_rtcp(&mut out, &RTCP);
    assert_eq!(out.protect_rtcp(&mut [RTCP, RTCP].concat(), RTCP.len()), Err(Refused::Exhausted));
}

#[test]
fn rtcp_is_authenticated_encrypted_and_taken_once() {
    for suite in Suite::ALL {
        let (mut out, mut into) = pair(suite);
        let first = sealed_rtcp(&mut out, &RTCP);
        let second = sealed_rtcp(&mut out, &RTCP);
        // The long tag with either suite of counter mode.
        assert_eq!(first.len(), RTCP.len() + WORD + if suite == Suite::Gcm128 { 16 } else { 10 });
        assert_eq!(first[..8], RTCP[..8]);
        assert_ne!(first[8..28], RTCP[8..28]);
        for bit in 0..first.len() * 8 {
            let mut forged = first.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(into.unprotect_rtcp(&mut forged).is_err(), "{suite:?} {bit}");
        }
        for length in 0..first.len() {
            assert!(into.unprotect_rtcp(&mut first[..length].to_vec()).is_err());
        }
        for packet in [&second, &first] {
            let mut packet = packet.clone();
            assert_eq!(into.unprotect_rtcp(&mut packet), Ok(RTCP.len()), "{suite:?}");
            assert_eq!(packet[..RTCP.len()], RTCP);
        }
        assert_eq!(into.unprotect_rtcp(&mut first.clone()), Err(Refused::Replayed));
        // What is not encrypted is not authentic, whatever follows it: a BYE with ten zeros for a tag.
        let bye = [&[0x81, 203, 0, 1, 0x55, 1, 0xa0, 0xb2, 0, 0, 0, 9][..], &[0; 16]].concat();
        assert_eq!(into.unprotect_rtcp(&mut bye.clone()), Err(Refused::Forged));
    }
}

#[test]
fn keys_of_two_directions_have_nothing_in_common() {
    for suite in Suite::ALL {
        let (mut out, _) = pair(suite);
        let packet = sealed(&mut out, &rtp(SSRC, 1, &[1; 20]));
        assert_eq!(opened(&mut Inbound::new(&master(suite, 2)), &packet), Err(Refused::Forged));
    }
}
