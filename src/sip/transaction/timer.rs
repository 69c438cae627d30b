//! The timers of RFC 3261 section 17 (table 4).

use crate::sip::hop::Transport;
use crate::time::{Duration, Instant};

/// Round-trip estimate.
pub(in crate::sip) const T1: Duration = Duration::from_millis(500);
/// The longest gap between two sendings of a non-INVITE request or an INVITE's response.
pub(in crate::sip) const T2: Duration = Duration::from_secs(4);
/// How long a message may wander in the network.
pub(in crate::sip) const T4: Duration = Duration::from_secs(5);
/// 64*T1: timers B, D, F, H, J, L and M.
pub(in crate::sip) const GIVE_UP: Duration = Duration::from_secs(32);

/// How long a transaction that is over still takes in what comes again: not at all where nothing does.
pub(in crate::sip) fn linger(transport: Transport, span: Duration) -> Duration {
    if transport.is_stream() { Duration::ZERO } else { span }
}

/// What a machine has to say when its deadline may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) enum Due {
    /// Nothing is due.
    Nothing,
    /// An INVITE still has no answer: a 100 is to be sent.
    Trying,
    /// The message is to be sent again.
    Resend,
    /// The peer did not answer; the transaction is over.
    TimedOut,
    /// The transaction has done its duty.
    Over,
}

/// Sending again at doubling gaps until `until`: timers A, E and G with B, F and H. Over a stream nothing is sent again.
#[derive(Clone, Copy, Debug)]
pub(in crate::sip) struct Backoff {
    at: Instant,
    gap: Duration,
    cap: Duration,
    until: Instant,
    stream: bool,
}

impl Backoff {
    pub(in crate::sip) fn new(now: Instant, transport: Transport, cap: Duration) -> Backoff {
        Backoff { at: now + T1, gap: T1, cap, until: now + GIVE_UP, stream: transport.is_stream() }
    }

    /// From now on at the longest gap: a non-INVITE request that got a 1xx (section 17.1.2.2).
    pub(in crate::sip) fn slow_down(&mut self, now: Instant) {
        self.gap = self.cap;
        self.at = now + self.cap;
    }

    pub(in crate::sip) fn deadline(&self) -> Instant {
        if self.stream { self.until } else { self.at.min(self.until) }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        if self.until <= now {
            return Due::TimedOut;
        }
        if self.stream || now < self.at {
            return Due::Nothing;
        }
        self.gap = (self.gap * 2).min(self.cap);
        self.at = now + self.gap;
        Due::Resend
    }
}
