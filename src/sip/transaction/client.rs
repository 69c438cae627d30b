//! The non-INVITE client transaction (RFC 3261 section 17.1.2).
//!
//! ```text
//! Trying --1xx--> Trying, slower --200-699--> Completed --K--> over
//!    \--F--> timed out
//! ```

use super::Heard;
use super::timer::{Backoff, Due, T2, T4, linger};
use crate::sip::hop::Transport;
use crate::time::Instant;

#[derive(Debug)]
pub(in crate::sip) struct Client {
    state: State,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    Trying(Backoff),
    Completed { until: Instant },
}

impl Client {
    pub(in crate::sip) fn new(now: Instant, transport: Transport) -> Client {
        Client { state: State::Trying(Backoff::new(now, transport, T2)), transport }
    }

    pub(in crate::sip) fn on_response(&mut self, now: Instant, status: u16) -> Heard {
        match &mut self.state {
            State::Trying(backoff) if status < 200 => {
                backoff.slow_down(now);
                Heard::Provisional
            }
            State::Trying(_) => {
                self.state = State::Completed { until: now + linger(self.transport, T4) };
                Heard::Final
            }
            State::Completed { .. } => Heard::Nothing,
        }
    }

    /// No final response yet.
    pub(in crate::sip) fn waits(&self) -> bool {
        matches!(self.state, State::Trying(_))
    }

    pub(in crate::sip) fn deadline(&self) -> Instant {
        match &self.state {
            State::Trying(backoff) => backoff.deadline(),
            State::Completed { until } => *until,
        }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        match &mut self.state {
            State::Trying(backoff) => backoff.on_deadline(now),
            State::Completed { until } if *until <= now => Due::Over,
            State::Completed { .. } => Due::Nothing,
        }
    }
}
