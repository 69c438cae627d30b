//! Sound: codecs, WAV, levels, keys as tones, and the arena of pre-encoded frames that prompts are played from.

pub mod arena;
pub mod codec;
pub mod cut;
pub mod dtmf;
pub mod loudness;
#[cfg(test)]
pub mod measure;
pub mod rate;
pub mod resample;
pub mod spoken;
pub mod take;
mod tone;
pub mod utterance;
pub mod wav;

pub use arena::{Arena, ArenaBuilder, Missing, NoRoom, Span};
pub use cut::Shape;
pub use utterance::Utterance;

/// The nearest sample: beyond full scale is full scale, and what is no number is silence. Not by `round`, which the oldest
/// processors that we are built for have only as a call.
fn nearest(value: f64) -> i16 {
    (value + 0.5_f64.copysign(value)) as i16
}
