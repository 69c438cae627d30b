//! The non-INVITE client transaction (RFC 3261 section 17.1.2).
//!
//! ```text
//! Trying --1xx--> Trying, slower --200-699--> Completed --K--> over
//!    \--F--> timed out
//! ```

use super::Heard;
use super::timer::{Backoff, Due, T2, T4};
use crate::time::Instant;

#[derive(Debug)]
pub(in crate::sip) enum Client {
    Trying(Backoff),
    Completed { until: Instant },
}

impl Client {
    pub(in crate::sip) fn new(now: Instant) -> Client {
        Client::Trying(Backoff::new(now, T2))
    }

    pub(in crate::sip) fn on_response(&mut self, now: Instant, status: u16) -> Heard {
        match self {
            Client::Trying(backoff) if status < 200 => {
                backoff.slow_down(now);
                Heard::Provisional
            }
            Client::Trying(_) => {
                *self = Client::Completed { until: now + T4 };
                Heard::Final
            }
            Client::Completed { .. } => Heard::Nothing,
        }
    }

    /// No final response yet.
    pub(in crate::sip) fn waits(&self) -> bool {
        matches!(self, Client::Trying(_))
    }

    pub(in crate::sip) fn deadline(&self) -> Instant {
        match self {
            Client::Trying(backoff) => backoff.deadline(),
            Client::Completed { until } => *until,
        }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        match self {
            Client::Trying(backoff) => backoff.on_deadline(now),
            Client::Completed { until } if *until <= now => Due::Over,
            Client::Completed { .. } => Due::Nothing,
        }
    }
}
