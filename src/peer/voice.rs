//! What phones say, encoded once for all of them: a voice, and keys as tones. And how loud what they hear is.

use crate::audio::codec::{self, Encoder, FRAME, PCMA, PCMU, SAMPLES};
use crate::audio::dtmf::Tone;
use crate::audio::resample::resample;
use crate::codec::Codec;
use crate::key::Key;
use crate::keying::Policy;
use crate::media::{FRAME_TIME, Timing};

/// What tones are made at.
const RATE: u32 = 8_000;
/// Comfort noise (RFC 3389) where it has its static payload type.
const COMFORT_NOISE: u8 = 13;
/// The greatest amplitude that counts as silence, of 32,767: half of what a quiet room has.
const QUIET: i16 = 64;
/// A frame of Opus without sound (DTX, RFC 6716 section 2.1.9) is hardly more than its first byte.
#[cfg(feature = "opus")]
const OPUS_QUIET: usize = 8;

/// How a set of phones speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// In the order of the offer; nothing else is answered.
    pub codecs: Vec<Codec>,
    pub srtp: Policy,
    /// Whether telephone-event is offered; without it keys go out as tones.
    pub events: bool,
    /// How long a key is held, and the pause before the next one.
    pub timing: Timing,
}

impl Default for Speech {
    fn default() -> Self {
        let timing = Timing { on: FRAME_TIME * 5, off: FRAME_TIME * 6 };
        Self { codecs: Codec::LAWS.to_vec(), srtp: Policy::Off, events: true, timing }
    }
}

/// The frames of these phones.
pub struct Voice {
    pub speech: Speech,
    /// By codec.
    said: Vec<(Codec, Said)>,
}

struct Said {
    /// The voice, again and again.
    voice: Vec<Vec<u8>>,
    /// By the key's code.
    keys: Vec<Vec<Vec<u8>>>,
}

impl Voice {
    /// `byte` fills the frames of G.711, so that the other side can tell whom it hears; the other codecs say the same
    /// level as a hum.
    pub fn new(byte: u8, speech: Speech) -> Voice {
        let samples = (RATE as u128 * speech.timing.on.as_millis() / 1000) as u32;
        let said = |&codec: &Codec| {
            let voice = if codec.is_law() { vec![vec![byte; FRAME]] } else { encode(codec, &hum()) };
            let keys = (0..16).filter_map(Key::from_code);
            let keys = keys.map(|key| encode(codec, &Tone::new(key, samples).collect::<Vec<_>>())).collect();
            (codec, Said { voice, keys })
        };
        Voice { said: speech.codecs.iter().map(said).collect(), speech }
    }

    /// The frame of the voice with this number.
    pub fn frame(&self, codec: Codec, number: usize) -> &[u8] {
        let voice = self.said(codec).map_or(&[][..], |said| &said.voice);
        voice.get(number % voice.len().max(1)).map_or(codec::silence(codec), Vec::as_slice)
    }

    /// The frame with this number of a key's tone; silence behind its end.
    pub fn tone(&self, codec: Codec, key: Key, number: usize) -> &[u8] {
        let tone = self.said(codec).and_then(|said| said.keys.get(usize::from(key.code())));
        tone.and_then(|frames| frames.get(number)).map_or(codec::silence(codec), Vec::as_slice)
    }

    fn said(&self, codec: Codec) -> Option<&Said> {
        self.said.iter().find(|(of, _)| *of == codec).map(|(_, said)| said)
    }
}

/// Frames of a clip at 8,000 Hz.
fn encode(codec: Codec, clip: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let frame = |samples: &[i16]| {
        let (mut whole, mut out) = ([0; SAMPLES], [0; FRAME]);
        whole[..samples.len()].copy_from_slice(samples);
        encoder.encode(&whole, &mut out).to_vec()
    };
    resample(clip, RATE, codec.rate()).chunks(codec.samples()).map(frame).collect()
}

/// A second of a sawtooth at 100 Hz.
fn hum() -> Vec<i16> {
    (0..RATE).map(|at| (at % 80) as i16 * 100 - 4_000).collect()
}

/// What a packet brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Silence as a machine makes it.
    Nothing,
    /// What a quiet room has, or a prompt before its first word.
    Quiet,
    Sound,
}

pub fn level(codec: Codec, payload_type: u8, payload: &[u8]) -> Level {
    let repeats = || payload.iter().all(|byte| Some(byte) == payload.first());
    let loud = |decode: fn(u8) -> i16| payload.iter().any(|&byte| decode(byte).unsigned_abs() > QUIET.unsigned_abs());
    let loud = match codec {
        _ if payload_type == COMFORT_NOISE || payload == codec::silence(codec) => return Level::Nothing,
        Codec::Pcmu => loud(PCMU.decode),
        Codec::Pcma => loud(PCMA.decode),
        // Senders' silences differ, but each repeats one byte; a sound never does.
        Codec::G722 if repeats() => return Level::Nothing,
        Codec::G722 => true,
        #[cfg(feature = "opus")]
        Codec::Opus => payload.len() > OPUS_QUIET,
    };
    if loud { Level::Sound } else { Level::Quiet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_and_keys_are_sounds_in_every_codec_and_silence_is_none() {
        let speech = Speech { codecs: Codec::ALL.to_vec(), ..Speech::default() };
        let voice = Voice::new(0x31, speech);
        let key = Key::from_char('5').expect("a key");
        for codec in Codec::ALL {
            let heard = |payload: &[u8]| level(codec, codec.payload_type(), payload) == Level::Sound;
            for number in 0..100 {
                assert!(heard(voice.frame(codec, number)), "{codec:?} {number}");
            }
            assert!((0..5).all(|number| heard(voice.tone(codec, key, number))), "{codec:?}");
            assert_eq!(voice.tone(codec, key, 5), codec::silence(codec), "{codec:?}");
            assert_eq!(level(codec, codec.payload_type(), codec::silence(codec)), Level::Nothing, "{codec:?}");
            assert_eq!(level(codec, COMFORT_NOISE, &[0x40]), Level::Nothing, "{codec:?}");
        }
    }

    #[test]
    fn a_whisper_of_g711_is_quiet() {
        for (codec, law) in [(Codec::Pcmu, PCMU), (Codec::Pcma, PCMA)] {
            let [quiet, sound] = [Level::Quiet, Level::Sound];
            for (amplitude, heard) in [(40, quiet), (-40, quiet), (200, sound), (-200, sound)] {
                let mut payload = [law.silence; 160];
                payload[80] = (law.encode)(amplitude);
                assert_eq!(level(codec, codec.payload_type(), &payload), heard, "{codec:?} {amplitude}");
            }
        }
    }

    #[test]
    fn what_is_not_spoken_is_silent() {
        let voice = Voice::new(0x31, Speech::default());
        assert_eq!(voice.frame(Codec::G722, 7), codec::silence(Codec::G722));
    }
}
