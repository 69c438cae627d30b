//! What a flow says, before it is sound: clips by name and values read digit by digit.

use crate::secret::Secret;

/// One piece of speech. The arena turns a list of them into spans of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Utterance {
    /// A clip of the arena by its name: `en/welcome`.
    Clip(String),
    /// A value, one clip a character: `en/digits/7`. The value stays secret until its frames are looked up.
    Digits { language: String, value: Secret },
}
