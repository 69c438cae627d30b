//! What phones are told to do.

use crate::time::Duration;
use std::sync::Arc;

/// What a phone does once the two sides talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Wait(Duration),
    /// Until the clip of that name begins, if it has not since the last one that was waited for.
    Hear(String),
    /// Until the other peer's voice comes through the bridge.
    HearVoice,
    /// By telephone-event, one key after the other, until all are out.
    Press(String),
    /// By SIP INFO, one every 160 ms.
    Info(String),
    /// Puts the other side on hold.
    Hold,
    /// Takes it back.
    Resume,
    /// Until the other side hangs up.
    Stay,
    HangUp,
}

/// What a phone does with a call that comes in.
#[derive(Clone, Debug)]
pub enum Answering {
    /// Rings, then answers and follows the script.
    Answer {
        after: Duration,
        script: Arc<[Act]>,
    },
    Refuse(u16),
    /// Rings for ever.
    Ring,
}
