//! PCMU: mu-law of G.711.

use super::Law;
use audio_codec_algorithms::{convert_ulaw_to_alaw, decode_ulaw, encode_ulaw};

pub const LAW: Law = Law { silence: 0xff, encode: encode_ulaw, decode: decode_ulaw };

pub fn to_pcma(byte: u8) -> u8 {
    convert_ulaw_to_alaw(byte)
}
