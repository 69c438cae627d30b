//! What a flow says, before it is sound: clips by name, and values as they are read.

use super::spoken::Reading;
use crate::secret::Secret;

/// One piece of speech. The arena turns a list of them into spans of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Utterance {
    /// A clip of the arena by its name: `en/welcome`.
    Clip(String),
    /// A value, in words of its language. It stays secret until its frames are looked up.
    Value { language: String, reading: Reading, value: Secret },
}
