//! Opus (RFC 6716, RFC 7587) as telephones use it: speech of one channel at 16,000 Hz.

use super::{FRAME, LONGEST};
use rusty_opus::{Application, OpusDecoder, OpusEncoder};

const RATE: i32 = 16_000;
const SAMPLES: usize = RATE as usize / 50;
/// What wide-band speech needs (RFC 7587 section 3.1.1 gives 16 to 20 kbit/s), and room for its repair.
const BITRATE: i32 = 24_000;
/// Half of the ten steps: two thirds of the work of all ten.
const COMPLEXITY: i32 = 5;
/// How much loss the packets are made to bear: each then carries a coarse copy of the one before it.
const LOSS_PERCENT: i32 = 5;
/// Whoever hears mono must hear stereo as well (RFC 7587 section 7). A decoder of one channel would allocate for it.
const CHANNELS: usize = 2;
/// A frame of silence of the transform (CELT, RFC 6716 section 4.3): silent whatever was before it.
pub const SILENCE: [u8; 3] = [0xb8, 0xff, 0xfe];
/// A frame of silence of the predictor (SILK), as our encoder begins with it.
const QUIET: [u8; 8] = [0x48, 0x0b, 0xe4, 0x55, 0xbf, 0x14, 0x98, 0x7c];

pub struct Encoder {
    encoder: OpusEncoder,
    samples: [f32; SAMPLES],
}

pub struct Decoder {
    decoder: OpusDecoder,
    samples: [f32; LONGEST * CHANNELS],
}

impl Encoder {
    pub fn new() -> Box<Self> {
        let Ok(mut encoder) = OpusEncoder::new(RATE, 1, Application::Voip) else {
            unreachable!("one channel of 16,000 Hz")
        };
        encoder.bitrate_bps = BITRATE;
        encoder.complexity = COMPLEXITY;
        encoder.use_inband_fec = true;
        encoder.packet_loss_perc = LOSS_PERCENT;
        let mut encoder = Box::new(Self { encoder, samples: [0.0; SAMPLES] });
        // What the library allocates at its first frame is there from now on.
        encoder.encode(&[0; SAMPLES], &mut [0; FRAME]);
        encoder
    }

    /// Codes a frame. Returns its length, which is 0 if the library fails.
    pub fn encode(&mut self, samples: &[i16; SAMPLES], out: &mut [u8; FRAME]) -> usize {
        for (to, &from) in self.samples.iter_mut().zip(samples) {
            *to = f32::from(from) / 32_768.0;
        }
        self.encoder.encode(&self.samples, SAMPLES, out).unwrap_or(0)
    }
}

impl Decoder {
    pub fn new() -> Box<Self> {
        let Ok(decoder) = OpusDecoder::new(RATE, CHANNELS) else { unreachable!("two channels of 16,000 Hz") };
        let mut decoder = Box::new(Self { decoder, samples: [0.0; LONGEST * CHANNELS] });
        // What the library allocates at the first frames of each kind is there from now on.
        for packet in [&SILENCE[..], &QUIET] {
            decoder.decode(packet, &mut [0; LONGEST]);
            decoder.conceal(packet, &mut [0; SAMPLES]);
        }
        decoder
    }

    /// Decodes a packet. Returns how many samples it had, `None` if it is no packet of Opus.
    pub fn decode(&mut self, packet: &[u8], out: &mut [i16; LONGEST]) -> Option<usize> {
        // To the library an empty packet is a lost one, of the longest length.
        if packet.is_empty() {
            return None;
        }
        let count = self.decoder.decode(packet, LONGEST, &mut self.samples).ok()?;
        Some(self.mix(count, out))
    }

    /// Fills a gap: its end with what the packet behind it repeats of it, the rest from what was before.
    pub fn conceal(&mut self, next: &[u8], out: &mut [i16]) {
        // The library thinks in steps of 2.5 ms.
        let whole = out.len() - out.len() % (SAMPLES / 8);
        let (before, rest) = out.split_at_mut(whole.saturating_sub(SAMPLES));
        for gap in before.chunks_mut(SAMPLES) {
            let made = self.decoder.decode(&[], gap.len(), &mut self.samples).unwrap_or(0);
            let mixed = self.mix(made, gap);
            gap[mixed..].fill(0);
        }
        let last = whole.min(SAMPLES);
        let made = if next.is_empty() || last < SAMPLES {
            self.decoder.decode(&[], last, &mut self.samples)
        } else {
            self.decoder.decode_fec(next, last, &mut self.samples)
        };
        let mixed = self.mix(made.unwrap_or(0), rest);
        rest[mixed..].fill(0);
    }

    /// Both channels as one.
    fn mix(&self, count: usize, out: &mut [i16]) -> usize {
        let pairs = self.samples.as_chunks::<CHANNELS>().0.iter().take(count);
        let mixed = out.iter_mut().zip(pairs).map(|(out, [left, right])| *out = ((left + right) * 16_384.0) as i16);
        mixed.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::measure::tone;

    /// What a browser or a music server may send: all bands, two channels, up to 120 ms a packet.
    #[test]
    fn whatever_a_peer_s_encoder_does_is_heard() {
        for (rate, channels, application, milliseconds) in [
            (48_000, 2, Application::Audio, 20),
            (48_000, 1, Application::RestrictedLowDelay, 10),
            (48_000, 2, Application::Voip, 60),
            (8_000, 1, Application::Voip, 40),
            (16_000, 2, Application::Voip, 120),
        ] {
            let mut encoder = OpusEncoder::new(rate, channels, application).expect("an encoder");
            let (samples, mut heard) = (rate as usize * milliseconds / 1_000, Vec::new());
            let sound = tone(440, rate as u32, rate as usize * 6 / 5, 8_000.0);
            let mut decoder = Decoder::new();
            for frame in sound.chunks(samples) {
                let pcm: Vec<f32> = frame.iter().flat_map(|&s| vec![f32::from(s) / 32_768.0; channels]).collect();
                let mut packet = [0; 1_275];
                let length = encoder.encode(&pcm, samples, &mut packet).expect("a packet");
                let mut out = [0; LONGEST];
                let decoded = decoder.decode(&packet[..length], &mut out).expect("sound");
                assert_eq!(decoded, SAMPLES * milliseconds / 20, "{rate} {channels} {milliseconds}");
                heard.extend_from_slice(&out[..decoded]);
            }
            let late = &heard[heard.len() / 2..];
            let level = (late.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / late.len() as f64).sqrt();
            assert!((4_500.0..7_000.0).contains(&level), "{rate} {channels} {milliseconds}: {level}");
        }
    }
}
