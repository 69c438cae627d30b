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
