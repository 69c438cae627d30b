//! The hand-off: how the context reaches the person, and the caller with it.
//!
//! ```text
//! agent step -> mint a reference -> store the context -> resolve -> INVITE -> ringing -> whisper -> bridged
//!                                     (late: go on)         |
//!                                                           +-> refused, silent: next target, or the flow's exit
//! ```

use crate::context::Target;
use crate::secret::Secret;
use crate::sip::Hop;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// The store gets this long to make the context durable; then the caller goes on to a person without it.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// DNS gets this long; the resolver gives up, or gives the last good answer, within 4 s.
pub const RESOLVE_PATIENCE: Duration = Duration::from_secs(5);
/// A target that gave no response at all within this time is taken for unreachable: five INVITEs went out
/// by then (RFC 3261 section 17.1.1.2: 0, 0.5, 1.5, 3.5, 7.5 s).
pub const UNREACHABLE: Duration = Duration::from_secs(8);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for the shell's reference.
    Minting,
    /// Waits for the store's word on what it was given under that number.
    Storing { reference: Secret, store: u32 },
    /// Waits for the shell's word on where the target's name leads.
    Resolving { reference: Secret, resolve: u32 },
    /// The INVITE is out, and may ring until `patience` ends; `heard` once anything came back.
    Ringing { reference: Secret, patience: Instant, heard: bool },
    /// The REFER is out; `accepted` once the caller's phone took it.
    Referring { accepted: bool },
    /// The person answered and hears the whisper of that play; the caller still hears music.
    Whispering { reference: Secret, play: u32 },
    /// The two talk; by leg, whether it hears music because the other one holds.
    Bridged { music: [bool; 2] },
}

/// By what the caller gets to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// We call the person, and stay in the middle; the person hears that prompt before the caller. `replaces`: in place of
    /// that dialog, which an agent has with the person already (RFC 3891).
    Invite { whisper: Option<String>, replaces: Option<String> },
    /// The caller's own phone calls the person, and we are gone.
    Refer { because: String },
}

/// Whether the context goes beside the session description, where its destination wants that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Due,
    /// A target would not take it: it goes without.
    Refused,
    /// A target that would not take it rings without it: the destination needs no more tries.
    Learned,
}

#[derive(Debug)]
pub struct Handoff {
    pub means: Means,
    pub destination: String,
    /// Indices of the facts that the step needs.
    pub needs: Vec<usize>,
    /// The target that is tried, and those still to be tried.
    pub target: Option<Target>,
    pub targets: VecDeque<Target>,
    /// Hops of the target still to be tried.
    pub hops: VecDeque<Hop>,
    /// TCP did not work for an INVITE too large for UDP: it goes by UDP all the same.
    pub datagrams: bool,
    /// The hop that the last INVITE took.
    pub hop: Option<Hop>,
    /// What became of the carrier `body`.
    pub body: Body,
    /// Whether the store keeps the context.
    pub durable: bool,
    pub phase: Phase,
    /// When this target's turn began.
    pub began: Instant,
    pub deadline: Option<Instant>,
}

impl Handoff {
    pub fn new(now: Instant, means: Means, destination: String, needs: Vec<usize>, targets: Vec<Target>) -> Self {
        let mut handoff = Self {
            means,
            destination,
            needs,
            target: None,
            targets: targets.into(),
            hops: VecDeque::new(),
            datagrams: false,
            hop: None,
            body: Body::Due,
            durable: false,
            phase: Phase::Minting,
            began: now,
            deadline: None,
        };
        handoff.next_target(now);
        handoff
    }

    /// Starts over with the next target: a hop of its own, with a reference of its own. False: there is none.
    pub fn next_target(&mut self, now: Instant) -> bool {
        self.target = self.targets.pop_front();
        self.hops.clear();
        self.datagrams = false;
        if self.body == Body::Refused {
            // Without it that target would not ring either: the next one may.
            self.body = Body::Due;
        }
        self.phase = Phase::Minting;
        self.began = now;
        self.deadline = Some(now + STORE_PATIENCE);
        self.target.is_some()
    }

    pub fn resolve(&mut self, now: Instant, reference: Secret, resolve: u32) {
        self.deadline = Some(now + RESOLVE_PATIENCE);
        self.phase = Phase::Resolving { reference, resolve };
    }

    pub fn ring(&mut self, now: Instant, reference: Secret, ring: Duration) {
        let patience = now + ring;
        self.deadline = Some(patience.min(now + UNREACHABLE));
        self.phase = Phase::Ringing { reference, patience, heard: false };
    }

    /// From the REFER on: its answer takes a moment, the ringing as long as it may, the NOTIFY of it a moment again.
    pub fn refer(&mut self, now: Instant, ring: Duration) {
        self.deadline = Some(now + ring + UNREACHABLE);
        self.phase = Phase::Referring { accepted: false };
    }

    /// A target is being tried: it rings, or has answered and not heard the caller yet.
    pub fn trying(&self) -> bool {
        matches!(self.phase, Phase::Ringing { .. } | Phase::Referring { .. } | Phase::Whispering { .. })
    }

    /// The person's leg has a stream.
    pub fn answered(&self) -> bool {
        matches!(self.phase, Phase::Whispering { .. } | Phase::Bridged { .. })
    }

    /// The target answers us with something: from now on it may ring as long as it is allowed to.
    pub fn heard(&mut self) {
        if let Phase::Ringing { patience, heard, .. } = &mut self.phase {
            *heard = true;
            self.deadline = Some(*patience);
        }
    }

    pub fn whisper(&self) -> Option<&str> {
        match &self.means {
            Means::Invite { whisper, .. } => whisper.as_deref(),
            Means::Refer { .. } => None,
        }
    }

    pub fn replaces(&self) -> Option<&str> {
        match &self.means {
            Means::Invite { replaces, .. } => replaces.as_deref(),
            Means::Refer { .. } => None,
        }
    }

    pub fn bridged(&self) -> bool {
        matches!(self.phase, Phase::Bridged { .. })
    }
}
