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

pub use capture::pcap;
pub use kept::{Packet, Packets};

use crate::record::Fixture;
use std::ops::Range;
use wave::{Wave, audible, heard};

/// A recorded call before and after its redaction. Their inputs are the same at the same times, but for their values.
#[derive(Clone, Copy)]
pub struct Redaction<'r> {
    pub live: &'r Fixture,
    pub redacted: &'r Fixture,
    /// When nobody may hear the caller: microseconds since the INVITE.
    pub muted: &'r [Range<u64>],
}

/// Why a call has no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// The redacted call has other keys at other times.
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

/// What `caller.wav` holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Wav {
    /// The time of its first sample: microseconds since the INVITE.
    pub from: u64,
    /// At 8,000 Hz.
    pub samples: Vec<i16>,
}

/// What the caller said, each key a tone at its time, whatever it came by: a detector hears the call's keys, and no others.
pub fn wav(packets: &Packets, calls: &Redaction<'_>) -> Result<Wav, Unsound> {
    let presses = keys::presses(calls)?;
    let wave = Wave::of(packets, &presses, calls.muted)?.with_tones(audible(&presses, false));
    match heard(&wave.samples).into_iter().eq(audible(&presses, false).map(|press| press.is)) {
        true => Ok(Wav { from: wave.from, samples: wave.samples }),
        false => Err(Unsound::Heard),
    }
}
