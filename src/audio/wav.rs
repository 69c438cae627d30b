//! Reading a prompt's WAV file: PCM, float, A-law and mu-law, mono or stereo, at any usual rate, and a clear word about
//! anything else. A file says twice what it is, and is often wrong: lengths are claims, and the samples are counted.

use super::nearest;
use super::resample::RATES;
use audio_codec_algorithms::{decode_alaw, decode_ulaw};
use std::fmt;

/// No file is read further than this: ten minutes of 48,000 Hz stereo in 16 bits are 115 MB.
pub const LARGEST: usize = 128 << 20;
/// A clip longer than ten minutes is a mistake.
const LONGEST: usize = 10 * 60;
/// Chunks before the sound; a music program writes some ten.
const CHUNKS: usize = 64;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// One channel.
    pub samples: Vec<i16>,
    /// Samples a second, one of `RATES`.
    pub rate: u32,
    pub remarks: Vec<Remark>,
}

/// What the author should know about a file that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Two channels were mixed to one.
    Stereo,
    /// The length of the sound is not what the file says (it was written to a pipe, or cut off): all that is there was taken.
    Length { said: u32, there: usize },
}

/// Why a file cannot be a prompt. Its text names the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlayable {
    /// No WAV, or damaged.
    NotWav(&'static str),
    /// A WAV of another coding: its format tag and bits a sample.
    Coding {
        tag: u16,
        bits: u16,
    },
    Channels(u16),
    Rate(u32),
    /// Longer than may be, in seconds.
    TooLong {
        seconds: usize,
        most: usize,
    },
    TooLarge,
    Empty,
}

/// One of two channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Left,
    Right,
}

/// The sound of a WAV file given as its bytes.
pub fn read(bytes: &[u8]) -> Result<Clip, NotPlayable> {
    read_longer(bytes, LONGEST, None)
}

/// The same of at most so many seconds; of two channels only that one, if any is named.
pub fn read_longer(bytes: &[u8], most: usize, channel: Option<Channel>) -> Result<Clip, NotPlayable> {
    if bytes.len() > LARGEST {
        return Err(NotPlayable::TooLarge);
    }
    let Chunks { format, sound, remark } = chunks(bytes)?;
    let format = Format::read(format)?;
    let block = format.block();
    let count = sound.len() / block;
    let rate = format.rate;
    match count.div_ceil(rate as usize) {
        0 => return Err(NotPlayable::Empty),
        seconds if seconds > most => return Err(NotPlayable::TooLong { seconds, most }),
        _ => {}
    }
    let samples = match format.ours {
        true => sound.as_chunks().0.iter().map(|two| i16::from_le_bytes(*two)).collect(),
        false => sound.chunks_exact(block).map(|block| format.mono(format.heard(block, channel))).collect(),
    };
    let stereo = (format.channels == 2 && channel.is_none()).then_some(Remark::Stereo);
    Ok(Clip { samples, rate, remarks: stereo.into_iter().chain(remark).collect() })
}

/// The bodies of the two chunks that count.
struct Chunks<'a> {
    format: &'a [u8],
    sound: &'a [u8],
    /// If the sound's length is not what it says.
    remark: Option<Remark>,
}

fn chunks(bytes: &[u8]) -> Result<Chunks<'_>, NotPlayable> {
    let (b"RIFF", [_, _, _, _, b'W', b'A', b'V', b'E', chunks @ ..]) =
        bytes.split_first_chunk().ok_or(NotPlayable::NotWav("it is too short"))?
    else {
        return Err(NotPlayable::NotWav("it does not begin with RIFF and WAVE"));
    };
    let (mut rest, mut format) = (chunks, None);
    for _ in 0..CHUNKS {
        let Some((&[a, b, c, d, l0, l1, l2, l3], body)) = rest.split_first_chunk::<8>() else {
            return Err(NotPlayable::NotWav("it ends before its sound"));
        };
        let said = u32::from_le_bytes([l0, l1, l2, l3]);
        let length = said as usize;
        match (&[a, b, c, d], format) {
            (b"data", None) => return Err(NotPlayable::NotWav("its sound comes before its format")),
            (b"data", Some(format)) if length == 0 || length > body.len() => {
                // Nothing after nothing is an empty file.
                let remark = (!body.is_empty()).then_some(Remark::Length { said, there: body.len() });
                return Ok(Chunks { format, sound: body, remark });
            }
            (b"data", Some(format)) => {
                return Ok(Chunks { format, sound: &body[..length], remark: None });
            }
            (b"fmt ", None) => format = Some(&body[..length.min(body.len())]),
            _ => {}
        }
        // A chunk of odd length is followed by a byte of padding.
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Err(NotPlayable::NotWav("it has too many parts before its sound"))
}

/// What the samples are.
struct Format {
    channels: u16,
    rate: u32,
    /// Bytes of a sample, at most four.
    width: usize,
    /// A sample, in units of 16 bits.
    value: fn(&[u8]) -> f32,
    /// One channel of 16 bits, as most prompts are: there is nothing to convert.
    ours: bool,
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The true tag comes later, as the beginning of a GUID.
const EXTENSIBLE: u16 = 0xfffe;
/// The rest of the GUIDs that are tags.
const GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

impl Format {
    fn read(chunk: &[u8]) -> Result<Format, NotPlayable> {
        let number = |at: usize| chunk.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        let short = NotPlayable::NotWav("its format is too short");
        let (Some(bits), Some(low), Some(high)) = (number(14), number(4), number(6)) else { return Err(short) };
        let (Some(mut tag), Some(channels), Some(block)) = (number(0), number(2), number(12)) else {
            return Err(short);
        };
        if tag == EXTENSIBLE && chunk.get(26..40) == Some(&GUID) {
            tag = number(24).ok_or(short)?;
        }
        let rate = u32::from(high) << 16 | u32::from(low);
        let value = value(tag, bits).ok_or(NotPlayable::Coding { tag, bits })?;
        let ours = (tag, bits, channels) == (PCM, 16, 1);
        let format = Format { channels, rate, width: usize::from(bits / 8), value, ours };
        if !(1..=2).contains(&channels) {
            return Err(NotPlayable::Channels(channels));
        }
        if !RATES.contains(&rate) {
            return Err(NotPlayable::Rate(rate));
        }
        if usize::from(block) != format.block() {
            return Err(NotPlayable::NotWav("its format contradicts itself"));
        }
        Ok(format)
    }

    /// Bytes of one moment.
    fn block(&self) -> usize {
        usize::from(self.channels) * self.width
    }

    /// The channels of one moment, mixed. Beyond full scale is full scale; what is no number is silence.
    fn mono(&self, block: &[u8]) -> i16 {
        let sum: f32 = block.chunks_exact(self.width).map(self.value).sum();
        let channels = (block.len() / self.width) as f32;
        nearest(f64::from(sum / channels))
    }

    /// What counts of one moment: all of it, or one of two channels.
    fn heard<'b>(&self, block: &'b [u8], channel: Option<Channel>) -> &'b [u8] {
        match channel.filter(|_| self.channels == 2) {
            None => block,
            Some(Channel::Left) => &block[..self.width],
            Some(Channel::Right) => &block[self.width..],
        }
    }
}

/// How a sample is read; `None` of what is no format of prompts.
fn value(tag: u16, bits: u16) -> Option<fn(&[u8]) -> f32> {
    Some(match (tag, bits) {
        (PCM, 8) => |b| (f32::from(b[0]) - 128.0) * 256.0,
        (PCM, 16) => |b| f32::from(i16::from_le_bytes([b[0], b[1]])),
        (PCM, 24) => |b| i32::from_le_bytes([0, b[0], b[1], b[2]]) as f32 / 65_536.0,
        (PCM, 32) => |b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32 / 65_536.0,
        (FLOAT, 32) => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]) * 32_768.0,
        (A_LAW, 8) => |b| f32::from(decode_alaw(b[0])),
        (MU_LAW, 8) => |b| f32::from(decode_ulaw(b[0])),
        _ => return None,
    })
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Stereo => {
                f.write_str("two channels are mixed to one; check that it sounds right, or give a mono file")
            }
            Remark::Length { said, there } => write!(
                f,
                "the file says {said} bytes of sound and has {there}, which are all taken; was it cut off? \
                 Saving it again writes the true length"
            ),
        }
    }
}

impl fmt::Display for NotPlayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotPlayable::NotWav(reason) => write!(f, "not a sound WAV file: {reason}")?,
            NotPlayable::Coding { tag, bits } => {
                write!(f, "a WAV of format {tag:#06x} with {bits} bits, and not of PCM, float, A-law or mu-law")?;
            }
            NotPlayable::Channels(channels) => write!(f, "a WAV of {channels} channels, and a prompt has one or two")?,
            NotPlayable::Rate(rate) => write!(f, "a WAV of {rate} Hz, and none of the usual rates ({RATES:?})")?,
            NotPlayable::TooLong { seconds, most } => {
                return write!(f, "{seconds} s long, and a clip has at most {most} s: cut it, or say it in parts");
            }
            NotPlayable::TooLarge => write!(f, "larger than {} MB", LARGEST >> 20)?,
            NotPlayable::Empty => {
                return f.write_str("a WAV without a sample: record it again, or leave the prompt out");
            }
        }
        f.write_str("; convert it: sox in.wav -r 16000 -c 1 -b 16 out.wav")
    }
}

impl std::error::Error for NotPlayable {}

#[cfg(test)]
mod tests;
