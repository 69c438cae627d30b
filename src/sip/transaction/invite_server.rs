//! The INVITE server transaction (RFC 3261 section 17.2.1 with the Accepted state of RFC 6026).
//!
//! ```text
//! Proceeding --300-699--> Completed --ACK--> Confirmed --I--> over
//!      |                      \--H: no ACK--> over
//!      \-----2xx--------> Accepted --L--> over       (the dialog sends the 2xx again, not we)
//! ```

use super::timer::{Backoff, Due, GIVE_UP, T2, T4};
use crate::time::Instant;

#[derive(Debug)]
pub(in crate::sip) enum InviteServer {
    Proceeding,
    Completed(Backoff),
    Confirmed { until: Instant },
    Accepted { until: Instant },
}

impl InviteServer {
    pub(in crate::sip) fn respond(&mut self, now: Instant, status: u16) {
        match status {
            100..=199 => {}
            200..=299 => *self = InviteServer::Accepted { until: now + GIVE_UP },
            _ => *self = InviteServer::Completed(Backoff::new(now, T2)),
        }
    }

    /// Whether the INVITE, having come again, is answered with the last response.
    pub(in crate::sip) fn answers_again(&self) -> bool {
        matches!(self, InviteServer::Proceeding | InviteServer::Completed(_))
    }

    /// Takes the ACK of our 300-699; false if it must be that of a 2xx, which belongs to the dialog.
    pub(in crate::sip) fn on_ack(&mut self, now: Instant) -> bool {
        if let InviteServer::Completed(_) = self {
            *self = InviteServer::Confirmed { until: now + T4 };
        }
        matches!(self, InviteServer::Confirmed { .. })
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match self {
            InviteServer::Proceeding => None,
            InviteServer::Completed(backoff) => Some(backoff.deadline()),
            InviteServer::Confirmed { until } | InviteServer::Accepted { until } => Some(*until),
        }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        match self {
            // Timer H: the peer never took our refusal; nobody waits for that.
            InviteServer::Completed(backoff) => match backoff.on_deadline(now) {
                Due::TimedOut => Due::Over,
                due => due,
            },
            InviteServer::Confirmed { until } | InviteServer::Accepted { until } if *until <= now => Due::Over,
            _ => Due::Nothing,
        }
    }
}
