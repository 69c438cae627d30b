//! Sound: codecs, WAV, and the arena of pre-encoded frames that prompts are played from.

pub mod utterance;

pub use utterance::Utterance;
