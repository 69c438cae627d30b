//! What was recorded of a call: which file, and once it has ended what is in it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recording {
    /// Below the folder of the recordings.
    pub file: String,
    /// `None` while it goes on.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ended {
    pub ms: u64,
    /// Of it, on the caller's side, silence instead of what there was: around keys, while masked, in pauses.
    pub blanked_ms: u64,
    /// Sound of either side that came and found no way into the file.
    pub lost_ms: u64,
    pub why: String,
}

impl Ended {
    /// One that could not begin.
    pub fn unbegun(why: impl Into<String>) -> Ended {
        Ended { ms: 0, blanked_ms: 0, lost_ms: 0, why: why.into() }
    }
}
