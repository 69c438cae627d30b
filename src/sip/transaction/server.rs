//! The non-INVITE server transaction (RFC 3261 section 17.2.2). We answer at once, so that only its Completed state
//! is left: for 64*T1 (timer J) the request, coming again, is answered with the same response.

use super::timer::{Due, GIVE_UP, linger};
use crate::sip::hop::Transport;
use crate::time::Instant;

#[derive(Debug)]
pub(in crate::sip) struct Server {
    until: Instant,
}

impl Server {
    pub(in crate::sip) fn new(now: Instant, transport: Transport) -> Server {
        Server { until: now + linger(transport, GIVE_UP) }
    }

    pub(in crate::sip) fn deadline(&self) -> Instant {
        self.until
    }

    pub(in crate::sip) fn on_deadline(&self, now: Instant) -> Due {
        if self.until <= now { Due::Over } else { Due::Nothing }
    }
}
