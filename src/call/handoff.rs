//! The hand-off: how the context reaches the person, and the caller with it.
//!
//! ```text
//! agent step -> mint a reference -> store the context -> INVITE -> ringing -> bridged
//!                                     (late: go on)         |
//!                                                           +-> refused, silent: next target, or the flow's exit
//! ```

use crate::secret::Secret;
use crate::time::{Duration, Instant};

/// The store gets this long to make the context durable; then the caller goes on to a person without it.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// A target that gave no response at all within this time is taken for unreachable: five INVITEs went out
/// by then (RFC 3261 section 17.1.1.2: 0, 0.5, 1.5, 3.5, 7.5 s).
pub const UNREACHABLE: Duration = Duration::from_secs(8);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for the shell's reference.
    Minting,
    /// Waits for the store's word on what it was given under that number.
    Storing { reference: Secret, store: u32 },
    /// The INVITE is out, and may ring until `patience` ends.
    Ringing { reference: Secret, patience: Instant },
    /// The REFER is out; `accepted` once the caller's phone took it.
    Referring { accepted: bool },
    /// The two talk; `held` while the agent's side does not want to hear the caller.
    Bridged { held: bool },
}

/// By what the caller gets to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// We call the person, and stay in the middle.
    Invite,
    /// The caller's own phone calls the person, and we are gone.
    Refer { because: String },
}

#[derive(Debug)]
pub struct Handoff {
    pub means: Means,
    pub destination: String,
    /// Indices of the facts that the step needs.
    pub needs: Vec<usize>,
    /// Which of the destination's targets is tried.
    pub target: usize,
    pub phase: Phase,
    /// When this target's turn began.
    pub began: Instant,
    pub deadline: Option<Instant>,
}

impl Handoff {
    pub fn new(now: Instant, means: Means, destination: String, needs: Vec<usize>) -> Self {
        let deadline = Some(now + STORE_PATIENCE);
        Self { means, destination, needs, target: 0, phase: Phase::Minting, began: now, deadline }
    }

    /// Starts over with the next target: a hop of its own, with a reference of its own.
    pub fn next_target(&mut self, now: Instant) {
        self.target += 1;
        self.phase = Phase::Minting;
        self.began = now;
        self.deadline = Some(now + STORE_PATIENCE);
    }

    pub fn ring(&mut self, now: Instant, reference: Secret, ring: Duration) {
        let patience = now + ring;
        self.deadline = Some(patience.min(now + UNREACHABLE));
        self.phase = Phase::Ringing { reference, patience };
    }

    /// From the REFER on: its answer takes a moment, the ringing as long as it may, the NOTIFY of it a moment again.
    pub fn refer(&mut self, now: Instant, ring: Duration) {
        self.deadline = Some(now + ring + UNREACHABLE);
        self.phase = Phase::Referring { accepted: false };
    }

    /// A target is being tried.
    pub fn trying(&self) -> bool {
        matches!(self.phase, Phase::Ringing { .. } | Phase::Referring { .. })
    }

    /// The target answers us with something: from now on it may ring as long as it is allowed to.
    pub fn heard(&mut self) {
        if let Phase::Ringing { patience, .. } = self.phase {
            self.deadline = Some(patience);
        }
    }

    pub fn bridged(&self) -> bool {
        matches!(self.phase, Phase::Bridged { .. })
    }
}
