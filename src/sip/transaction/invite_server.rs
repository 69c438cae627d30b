//! The INVITE server transaction (RFC 3261 section 17.2.1 with the Accepted state of RFC 6026).
//!
//! ```text
//! Silent --200 ms: 100--> Proceeding --300-699--> Completed --ACK--> Confirmed --I--> over
//!      \--------1xx-----------^   |                      \--H: no ACK--> over
//!                                 \-----2xx--------> Accepted --L--> over   (the dialog sends the 2xx again, not we)
//! ```

use super::timer::{Backoff, Due, GIVE_UP, T2, T4, linger};
use crate::sip::hop::Transport;
use crate::time::{Duration, Instant};

/// An INVITE that has no answer by then gets a 100; one that is answered sooner needs none (section 17.2.1).
const TRYING: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(in crate::sip) struct InviteServer {
    state: State,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// Nothing has been answered yet.
    Silent {
        until: Instant,
    },
    Proceeding,
    Completed(Backoff),
    Confirmed {
        until: Instant,
    },
    Accepted {
        until: Instant,
    },
}

impl InviteServer {
    pub(in crate::sip) fn new(now: Instant, transport: Transport) -> InviteServer {
        InviteServer { state: State::Silent { until: now + TRYING }, transport }
    }

    pub(in crate::sip) fn respond(&mut self, now: Instant, status: u16) {
        match status {
            100..=199 => self.state = State::Proceeding,
            200..=299 => self.state = State::Accepted { until: now + GIVE_UP },
            _ => self.state = State::Completed(Backoff::new(now, self.transport, T2)),
        }
    }

    /// Whether the INVITE, having come again, is answered with the last response.
    pub(in crate::sip) fn answers_again(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed(_))
    }

    /// Takes the ACK of our 300-699; false if it must be that of a 2xx, which belongs to the dialog.
    pub(in crate::sip) fn on_ack(&mut self, now: Instant) -> bool {
        if let State::Completed(_) = self.state {
            self.state = State::Confirmed { until: now + linger(self.transport, T4) };
        }
        matches!(self.state, State::Confirmed { .. })
    }

    /// The ACK of our 2xx came: nobody sends the INVITE again, and what is on its way still arrives within T4. Timer L
    /// (RFC 6026 section 8.7) is for the one that has not got the 2xx yet; at 1,000 calls a second it keeps 32,000.
    pub(in crate::sip) fn on_ack_of_2xx(&mut self, now: Instant) {
        if let State::Accepted { until } = &mut self.state {
            *until = (*until).min(now + linger(self.transport, T4));
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Proceeding => None,
            State::Completed(backoff) => Some(backoff.deadline()),
            State::Silent { until } | State::Confirmed { until } | State::Accepted { until } => Some(*until),
        }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        match &mut self.state {
            // Timer H: the peer never took our refusal; nobody waits for that.
            State::Completed(backoff) => match backoff.on_deadline(now) {
                Due::TimedOut => Due::Over,
                due => due,
            },
            State::Silent { until } if *until <= now => {
                self.state = State::Proceeding;
                Due::Trying
            }
            State::Confirmed { until } | State::Accepted { until } if *until <= now => Due::Over,
            _ => Due::Nothing,
        }
    }
}
