//! How each codec codes. To add one: its file, its arms here, its variant of `Codec`.

mod conceal;
mod g722;
mod law;
#[cfg(feature = "opus")]
mod opus;

pub use law::{Law, PCMA, PCMU, transcode};

use crate::codec::Codec;
use conceal::Concealer;

/// Bytes of the largest frame of 20 ms: 64 kbit/s.
pub const FRAME: usize = 160;
/// Samples of the largest frame.
pub const SAMPLES: usize = 320;
/// Samples of the longest packet that is decoded whole: 120 ms at 16,000 Hz, the most that Opus has.
pub const LONGEST: usize = 1920;

/// A frame of silence, to be sent by whoever has nothing to say.
pub const fn silence(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Pcmu => &[PCMU.silence; FRAME],
        Codec::Pcma => &[PCMA.silence; FRAME],
        Codec::G722 => &G722_SILENCE,
        #[cfg(feature = "opus")]
        Codec::Opus => &opus::SILENCE,
    }
}

/// The smallest code of either band: predictors and scale factors come to rest under it. (What an encoder makes of zeros
/// hunts around zero, and cannot be repeated.)
const G722_SILENCE: [u8; FRAME] = [0xfd; FRAME];

/// What codes one stream of sound. It allocates when it is made, and not after.
pub struct Encoder(Encoding);

enum Encoding {
    Law(Law),
    G722(Box<g722::Encoder>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    pub fn new(codec: Codec) -> Encoder {
        Encoder(match codec {
            Codec::Pcmu => Encoding::Law(PCMU),
            Codec::Pcma => Encoding::Law(PCMA),
            Codec::G722 => Encoding::G722(Box::default()),
            #[cfg(feature = "opus")]
            Codec::Opus => Encoding::Opus(opus::Encoder::new()),
        })
    }

    /// Codes the first `Codec::samples` of the samples. Returns the bytes of the frame.
    pub fn encode<'o>(&mut self, samples: &[i16; SAMPLES], out: &'o mut [u8; FRAME]) -> &'o [u8] {
        let length = match &mut self.0 {
            Encoding::Law(law) => {
                out.iter_mut().zip(samples).for_each(|(byte, &sample)| *byte = (law.encode)(sample));
                FRAME
            }
            Encoding::G722(encoder) => {
                let pairs = samples.as_chunks::<2>().0;
                out.iter_mut().zip(pairs).for_each(|(byte, pair)| *byte = encoder.encode(*pair));
                FRAME
            }
            #[cfg(feature = "opus")]
            Encoding::Opus(encoder) => encoder.encode(samples, out),
        };
        &out[..length]
    }
}

/// What decodes one stream of packets and fills its gaps. It allocates when it is made, and not after; of Opus, the
/// library allocates once more when a sender changes its mode.
pub struct Decoder {
    decoding: Decoding,
    concealer: Concealer,
}

enum Decoding {
    Law(Law),
    G722(Box<g722::Decoder>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    pub fn new(codec: Codec) -> Decoder {
        let decoding = match codec {
            Codec::Pcmu => Decoding::Law(PCMU),
            Codec::Pcma => Decoding::Law(PCMA),
            Codec::G722 => Decoding::G722(Box::default()),
            #[cfg(feature = "opus")]
            Codec::Opus => Decoding::Opus(opus::Decoder::new()),
        };
        Decoder { decoding, concealer: Concealer::new(codec.rate()) }
    }

    /// The samples of a packet, of whatever length it is; those beyond `LONGEST` are cut off. `None` if the payload is
    /// damaged: it counts as lost.
    pub fn decode<'o>(&mut self, payload: &[u8], out: &'o mut [i16; LONGEST]) -> Option<&'o [i16]> {
        let length = match &mut self.decoding {
            Decoding::Law(law) => {
                let samples = out.iter_mut().zip(payload).map(|(sample, &byte)| *sample = (law.decode)(byte));
                samples.count()
            }
            Decoding::G722(decoder) => {
                let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(payload);
                2 * pairs.map(|(pair, &byte)| *pair = decoder.decode(byte)).count()
            }
            #[cfg(feature = "opus")]
            Decoding::Opus(decoder) => return decoder.decode(payload, out).map(|length| &out[..length]),
        };
        self.concealer.came(&mut out[..length]);
        Some(&out[..length])
    }

    /// Makes up what was lost, right before the packet of `next`.
    #[cfg_attr(not(feature = "opus"), allow(unused_variables, reason = "only packets of Opus repeat the one before"))]
    pub fn conceal(&mut self, next: &[u8], out: &mut [i16]) {
        match &mut self.decoding {
            #[cfg(feature = "opus")]
            Decoding::Opus(decoder) => decoder.conceal(next, out),
            Decoding::Law(_) | Decoding::G722(_) => self.concealer.fill(out),
        }
    }
}

#[cfg(test)]
mod tests;
