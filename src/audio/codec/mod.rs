//! How each codec codes. To add one: its file, its line in `LAWS`.

mod pcma;
mod pcmu;

use crate::codec::Codec;

/// A codec of one byte a sample at 8,000 Hz.
#[derive(Clone, Copy)]
struct Law {
    silence: u8,
    encode: fn(i16) -> u8,
    decode: fn(u8) -> i16,
}

/// One line a codec, in the order of `Codec::ALL`.
const LAWS: [Law; Codec::ALL.len()] = [pcmu::LAW, pcma::LAW];

const fn law(codec: Codec) -> Law {
    LAWS[codec as usize]
}

/// The byte of silence.
pub const fn silence(codec: Codec) -> u8 {
    law(codec).silence
}

/// One sample of 16-bit linear PCM, coded.
pub fn encode(codec: Codec, sample: i16) -> u8 {
    (law(codec).encode)(sample)
}

/// One coded sample as 16-bit linear PCM.
pub fn decode(codec: Codec, byte: u8) -> i16 {
    (law(codec).decode)(byte)
}

/// Turns a payload of one codec into one of the other, in place, by the tables of G.711 (no decoding in between).
pub fn transcode(from: Codec, to: Codec, payload: &mut [u8]) {
    let convert = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => pcmu::to_pcma,
        (Codec::Pcma, Codec::Pcmu) => pcma::to_pcmu,
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
    };
    for byte in payload {
        *byte = convert(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_codecs() {
        for (index, codec) in Codec::ALL.into_iter().enumerate() {
            assert_eq!(codec as usize, index);
        }
        assert_eq!((silence(Codec::Pcmu), silence(Codec::Pcma)), (0xff, 0xd5));
    }

    #[test]
    fn known_samples_of_g711() {
        let cases =
            [(Codec::Pcmu, 0xff, 0), (Codec::Pcmu, 0x80, 32124), (Codec::Pcmu, 0x00, -32124), (Codec::Pcma, 0xd5, 8)];
        for (codec, byte, sample) in cases {
            assert_eq!(decode(codec, byte), sample, "{codec:?} {byte:#x}");
            assert_eq!(encode(codec, sample), byte, "{codec:?} {sample}");
        }
    }

    #[test]
    fn transcoding_stays_near_the_sound() {
        for (from, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu)] {
            for byte in 0..=255 {
                let mut payload = [byte];
                transcode(from, to, &mut payload);
                let (before, after) = (i32::from(decode(from, byte)), i32::from(decode(to, payload[0])));
                assert!((before - after).abs() <= before.abs() / 16 + 16, "{from:?} {byte:#x}: {before} {after}");
            }
            let mut payload = [silence(from)];
            transcode(from, from, &mut payload);
            assert_eq!(payload, [silence(from)]);
        }
    }
}
