//! What is true of every codec, and what is known of each.

use super::*;
use crate::audio::measure::{snr, tone, voice};

/// Codes frame by frame.
fn encoded(codec: Codec, sound: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let frame = |samples: &[i16]| {
        let mut padded = [0; SAMPLES];
        padded[..samples.len()].copy_from_slice(samples);
        encoder.encode(&padded, &mut [0; FRAME]).to_vec()
    };
    sound.chunks(codec.samples()).map(frame).collect()
}

fn decoded(codec: Codec, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    let mut out = Vec::new();
    for packet in packets {
        out.extend_from_slice(decoder.decode(packet, &mut [0; LONGEST]).expect("a packet of ours"));
    }
    out
}

fn level(sound: &[i16]) -> f64 {
    (sound.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / sound.len() as f64).sqrt()
}

#[test]
fn sound_survives_each_codec() {
    for (codec, of_tone, of_voice) in [(Codec::Pcmu, 35.0, 35.0), (Codec::Pcma, 35.0, 33.0), (Codec::G722, 45.0, 25.0)]
    {
        let rate = codec.rate();
        for (sound, least) in
            [(tone(1_000, rate, rate as usize, 8_000.0), of_tone), (voice(rate, rate as usize), of_voice)]
        {
            let packets = encoded(codec, &sound);
            assert!(packets.iter().all(|packet| packet.len() == FRAME));
            let heard = snr(&sound, &decoded(codec, &packets));
            assert!(heard > least, "{codec:?}: {heard} dB");
        }
    }
}

#[test]
fn silence_is_silent_whatever_was_before() {
    for codec in Codec::ALL {
        let mut decoder = Decoder::new(codec);
        let mut heard = Vec::new();
        for packet in encoded(codec, &voice(codec.rate(), codec.rate() as usize)) {
            decoder.decode(&packet, &mut [0; LONGEST]);
        }
        for _ in 0..10 {
            let mut sound = [0; LONGEST];
            let sound = decoder.decode(silence(codec), &mut sound).expect("a packet of ours");
            assert_eq!(sound.len(), codec.samples(), "{codec:?}");
            heard.push(level(sound));
        }
        assert!(heard[2..].iter().all(|&level| level < 33.0), "{codec:?}: {heard:?}");
    }
}

/// The Recommendation resets the scale factors to 32 and 8, and all else to zero.
#[test]
fn g722_begins_as_the_recommendation_says() {
    let silent = encoded(Codec::G722, &[0; 320]);
    assert_eq!(silent[0][..4], [0xfa; 4], "a difference of zero is the smallest positive one, over a scale of 32");
    let mut decoder = g722::Decoder::default();
    // 0x88: code 8 is -14,984 of 32,768 of the scale 32, so -15; upper code 2 is 7,408 of 8, so 1. The mirror filter's
    // first coefficients make of -14 and -16 what is less than zero, and what is not.
    let first: Vec<[i16; 2]> = (0..12).map(|_| decoder.decode(0x88)).collect();
    assert_eq!((first[0], first[11] != [0; 2]), ([-1, 0], true));
}

#[test]
fn g722_saturates_and_never_wraps() {
    let square: Vec<i16> = (0..16_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let heard = decoded(Codec::G722, &encoded(Codec::G722, &square));
    let snr = snr(&square, &heard);
    assert!(snr > 12.0, "{snr} dB");
}

#[cfg(feature = "opus")]
#[test]
fn opus_keeps_the_voice_and_its_packets_are_small() {
    let sound = voice(16_000, 32_000);
    let packets = encoded(Codec::Opus, &sound);
    let bytes: usize = packets.iter().map(Vec::len).sum();
    assert!((2_000..8_000).contains(&bytes), "{bytes} bytes in 2 s");
    let heard = decoded(Codec::Opus, &packets);
    let (sent, heard) = (level(&sound[8_000..]), level(&heard[8_000..]));
    assert!((heard / sent - 1.0).abs() < 0.2, "{sent} became {heard}");
}

#[test]
fn packets_of_10_to_60_ms_and_odd_ones_are_decoded() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let mut decoder = Decoder::new(codec);
        for bytes in [0, 1, 80, 81, 160, 240, 320, 480, 1460] {
            let mut sound = [0; LONGEST];
            let samples = decoder.decode(&vec![0x55; bytes], &mut sound).map(<[i16]>::len);
            let expected = bytes * codec.samples() / FRAME;
            assert_eq!(samples, Some(expected.min(LONGEST)), "{codec:?}: {bytes} bytes");
        }
    }
}

#[test]
fn a_gap_is_filled_in_every_codec_with_something_of_its_loudness() {
    for codec in Codec::ALL {
        let sound = voice(codec.rate(), codec.rate() as usize);
        let packets = encoded(codec, &sound);
        let mut decoder = Decoder::new(codec);
        for (number, packet) in packets.iter().enumerate() {
            let mut out = [0; LONGEST];
            if number % 10 == 9 {
                let gap = &mut out[..codec.samples()];
                decoder.conceal(packets.get(number + 1).map_or(&[], Vec::as_slice), gap);
                let normal = level(&sound[sound.len() / 2..]);
                assert!((0.3..1.5).contains(&(level(gap) / normal)), "{codec:?} {number}: {}", level(gap) / normal);
            } else {
                decoder.decode(packet, &mut out).expect("a packet of ours");
            }
        }
    }
}

#[cfg(feature = "opus")]
#[test]
fn what_is_no_opus_is_a_loss_and_a_gap_of_any_length_is_filled() {
    let mut decoder = Decoder::new(Codec::Opus);
    assert!(decoder.decode(&[], &mut [0; LONGEST]).is_none());
    let mut random = crate::random::Random::from_seed(1);
    for round in 0..3_000_u32 {
        let packet: Vec<u8> = (0..random.below(80)).map(|_| random.u32() as u8).collect();
        let decoded = decoder.decode(&packet, &mut [0; LONGEST]).map(<[i16]>::len);
        assert!(decoded.is_none_or(|samples| samples <= LONGEST), "{packet:x?}");
        let gap = (round as usize * 7) % (LONGEST + 1);
        decoder.conceal(&packet, &mut [0; LONGEST][..gap]);
    }
}
