//! The sound of a recorded call, for its test: `caller.wav` and `call.pcap`. The keys in them are those of the redacted
//! recording, at the times of the live ones, and what was said while something sensitive was asked is silence. What cannot
//! be made so is not made at all.

mod capture;
mod dialog;
mod dialogs;
mod kept;
mod keys;
#[cfg(test)]
mod tests;
mod wave;

pub use kept::{Packet, Packets};

use crate::media::tape::RATE;
use crate::rerun::redact::Redacted;
use keys::Press;
use std::io::Cursor;
use wave::{Wave, audible, heard};

/// Why a call has no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// The redacted call has its keys at other times.
    OtherCall,
    /// It is longer than an hour.
    Long,
    /// The detector hears other keys in it than those that were put there.
    Heard,
}

impl std::fmt::Display for Unsound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unsound::OtherCall => "the redacted call has its keys at other times",
            Unsound::Long => "the call's sound is longer than an hour",
            Unsound::Heard => "the redacted sound has other keys than the call",
        })
    }
}

impl std::error::Error for Unsound {}

/// Which files are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub wav: bool,
    pub pcap: bool,
}

/// What is written beside the recording.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sound {
    pub wav: Option<Wav>,
    /// `call.pcap`.
    pub pcap: Option<Vec<u8>>,
}

/// `caller.wav`: what the caller said, each key a tone at its time, whatever it came by. A detector hears the call's keys,
/// and no others.
#[derive(Debug, PartialEq, Eq)]
pub struct Wav {
    /// The time of its first sample: microseconds since the INVITE.
    pub from: u64,
    /// At 8,000 Hz.
    pub samples: Vec<i16>,
}

/// Makes the files: the detector goes through the sound three times.
pub fn redact(packets: &Packets, call: &Redacted, wanted: Wanted) -> Result<Sound, Unsound> {
    let presses = keys::presses(call)?;
    let wave = Wave::of(packets, &presses, &call.map.spans)?;
    let pcap = match wanted.pcap {
        true => Some(capture::pcap(&capture::rewritten(packets, &presses, wave.clone())?, &call.fixture)),
        false => None,
    };
    let wav = match wanted.wav {
        true => Some(wav(&presses, wave)?),
        false => None,
    };
    Ok(Sound { wav, pcap })
}

fn wav(presses: &[Press], wave: Wave) -> Result<Wav, Unsound> {
    let Wave { from, samples, .. } = wave.with_tones(audible(presses, false));
    match heard(&samples).into_iter().eq(audible(presses, false).map(|press| press.is)) {
        true => Ok(Wav { from, samples }),
        false => Err(Unsound::Heard),
    }
}

impl Wav {
    /// As a file: one channel of 16 bits.
    pub fn to_bytes(&self) -> Result<Vec<u8>, hound::Error> {
        let mut bytes = Cursor::new(Vec::new());
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format };
        let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
        self.samples.iter().try_for_each(|&sample| writer.write_sample(sample))?;
        writer.finalize()?;
        Ok(bytes.into_inner())
    }
}
