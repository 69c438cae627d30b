//! What phones are told to do, and what happens to them.

use super::talk::Counted;
use crate::key::Key;
use crate::sip::{Hop, Request, Uri};
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
    /// Puts the other side on hold, and goes on sending what it sends.
    Hold,
    /// The same, without a sound: neither side sends.
    Park,
    /// Takes it back.
    Resume,
    /// Sends the other side on to that URI (REFER): what stands in Refer-To.
    SendOn(String),
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
    /// Whoever drives the phones says what becomes of it: `Phones::ring`, `take`, `refuse`.
    Told,
}

/// A call that a phone places.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub to: Hop,
    pub target: Uri,
    /// The caller's name; may be empty.
    pub display: String,
    pub from: Uri,
    /// Of names that an INVITE of ours does not have anyway.
    pub headers: Vec<(String, String)>,
}

/// What happened to a phone.
#[derive(Clone, Debug)]
pub enum Happened {
    /// An INVITE came in: as it was on the wire.
    Invited(Box<Request>),
    Ringing,
    /// The two sides talk; for a call that we placed, this long after the INVITE.
    Answered {
        after: Duration,
    },
    /// A clip begins: the event's time is that of its first frame, though a later one told which it is.
    Heard(String),
    HeardVoice,
    /// The answer to our REFER.
    Referred(u16),
    /// The other side's key.
    KeyHeard(Key),
    Pressed,
    /// Over: by us, or with the status of a refusal (0 for a BYE), and whether the script was through. Where we gave up,
    /// the status says why: 408 as nobody answered in time, 488 as the answer was of no use, 503 as we had no room.
    Ended {
        by_us: bool,
        status: u16,
        through: bool,
        /// Since the INVITE of a call that we placed.
        after: Duration,
        counted: Box<Counted>,
    },
}
