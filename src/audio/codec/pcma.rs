//! PCMA: A-law of G.711.

use super::Law;
use audio_codec_algorithms::{convert_alaw_to_ulaw, decode_alaw, encode_alaw};

pub const LAW: Law = Law { silence: 0xd5, encode: encode_alaw, decode: decode_alaw };

pub fn to_pcmu(byte: u8) -> u8 {
    convert_alaw_to_ulaw(byte)
}
