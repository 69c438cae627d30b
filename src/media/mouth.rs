//! What says keys to a far end that takes no telephone-event: their tones, in the codec of its stream.

use crate::audio::codec::{Encoder, FRAME, SAMPLES};
use crate::audio::dtmf::Tone;
use crate::audio::rate::Converter;
use crate::sdp::Negotiated;

/// Tones are made at 8,000 Hz.
const RATE: u32 = 8_000;

/// Made when the stream opens or what was agreed on changes; a frame allocates nothing.
pub struct Mouth {
    converter: Converter,
    encoder: Encoder,
}

impl Mouth {
    /// `None` where keys go out as telephone-events.
    pub fn of(session: &Negotiated) -> Option<Box<Mouth>> {
        let codec = session.codec;
        let mouth = || Mouth { converter: Converter::new(RATE, codec.rate()), encoder: Encoder::new(codec) };
        session.event_send.is_none().then(|| Box::new(mouth()))
    }

    /// The next 20 ms of a tone, and silence behind its end.
    pub fn say<'o>(&mut self, tone: &mut Tone, out: &'o mut [u8; FRAME]) -> &'o [u8] {
        let (mut narrow, mut samples) = ([0; RATE as usize / 50], [0; SAMPLES]);
        narrow.iter_mut().zip(tone).for_each(|(sample, next)| *sample = next);
        self.converter.convert(&narrow, &mut samples);
        self.encoder.encode(&samples, out)
    }
}

impl std::fmt::Debug for Mouth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mouth({:?})", self.converter)
    }
}
