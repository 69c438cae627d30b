//! Sound: codecs, WAV, keys as tones, and the arena of pre-encoded frames that prompts are played from.

pub mod arena;
pub mod codec;
pub mod dtmf;
mod tone;
pub mod utterance;
pub mod wav;

pub use arena::{Arena, ArenaBuilder, Frame, Missing, NoRoom, Span};
pub use utterance::Utterance;
