//! G.711: its two laws, one byte a sample at 8,000 Hz.

use crate::codec::Codec;
use audio_codec_algorithms as g711;

/// One of the two laws.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// The byte of silence.
    pub silence: u8,
    pub encode: fn(i16) -> u8,
    pub decode: fn(u8) -> i16,
    /// A byte as the other law has it, by the tables of G.711 (no decoding in between).
    pub other: fn(u8) -> u8,
}

pub const PCMU: Law =
    Law { silence: 0xff, encode: g711::encode_ulaw, decode: g711::decode_ulaw, other: g711::convert_ulaw_to_alaw };
pub const PCMA: Law =
    Law { silence: 0xd5, encode: g711::encode_alaw, decode: g711::decode_alaw, other: g711::convert_alaw_to_ulaw };

impl Law {
    /// `None` if the codec is no law of G.711.
    pub fn of(codec: Codec) -> Option<Law> {
        match codec {
            Codec::Pcmu => Some(PCMU),
            Codec::Pcma => Some(PCMA),
            _ => None,
        }
    }
}

/// Turns a payload of one law into one of the other, in place. `false` if either codec is none.
pub fn transcode(from: Codec, to: Codec, payload: &mut [u8]) -> bool {
    let (Some(law), true) = (Law::of(from), to.is_law()) else { return false };
    if from != to {
        payload.iter_mut().for_each(|byte| *byte = (law.other)(*byte));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_samples_of_g711() {
        for (law, byte, sample) in [(PCMU, 0xff, 0), (PCMU, 0x80, 32124), (PCMU, 0x00, -32124), (PCMA, 0xd5, 8)] {
            assert_eq!((law.decode)(byte), sample, "{byte:#x}");
            assert_eq!((law.encode)(sample), byte, "{sample}");
        }
        assert_eq!((PCMU.silence, PCMA.silence), (0xff, 0xd5));
    }

    #[test]
    fn transcoding_stays_near_the_sound() {
        for (from, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu)] {
            let [before, after] = [from, to].map(|codec| Law::of(codec).expect("a law"));
            for byte in 0..=255 {
                let mut payload = [byte];
                assert!(transcode(from, to, &mut payload));
                let (before, after) = (i32::from((before.decode)(byte)), i32::from((after.decode)(payload[0])));
                assert!((before - after).abs() <= before.abs() / 16 + 16, "{from:?} {byte:#x}: {before} {after}");
            }
            let mut payload = [before.silence];
            assert!(transcode(from, from, &mut payload) && payload == [before.silence]);
            assert!(!transcode(from, Codec::G722, &mut payload) && !transcode(Codec::G722, to, &mut payload));
        }
    }
}
