//! The INVITE client transaction (RFC 3261 section 17.1.1 with the Accepted state of RFC 6026).
//!
//! ```text
//! Calling --1xx--> Proceeding --2xx--> Accepted  --M--> over     (every 2xx goes up: forks and retransmits)
//!    |                 \-----300-699-> Completed --D--> over     (every one is ACKed here)
//!    \--B: no answer at all, or abandoned in Proceeding--> timed out
//! ```

use super::timer::{Backoff, Due, GIVE_UP, linger};
use super::{Heard, MAX_FORKS};
use crate::sip::hop::Transport;
use crate::sip::message::{Headers, Method, Request};
use crate::time::{Duration, Instant};

#[derive(Debug)]
pub(in crate::sip) struct InviteClient {
    state: State,
    transport: Transport,
    /// The INVITE, for its ACK and its CANCEL.
    request: Box<Request>,
    /// To tags of the 2xx that came: one phone's, or several phones' if the INVITE was forked.
    answers: Vec<String>,
    /// When Proceeding ends for want of anybody who waits.
    abandoned: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Calling(Backoff),
    Proceeding,
    Completed { until: Instant },
    Accepted { until: Instant },
}

impl InviteClient {
    pub(in crate::sip) fn new(now: Instant, transport: Transport, request: Box<Request>) -> InviteClient {
        // Timer A doubles without a cap (section 17.1.1.2).
        InviteClient {
            state: State::Calling(Backoff::new(now, transport, Duration::MAX)),
            transport,
            request,
            answers: Vec::new(),
            abandoned: None,
        }
    }

    pub(in crate::sip) fn on_response(&mut self, now: Instant, status: u16) -> Heard {
        match (&self.state, status) {
            (State::Calling(_), 100..=199) => {
                self.state = State::Proceeding;
                Heard::Provisional
            }
            (State::Proceeding, 100..=199) => Heard::Provisional,
            (State::Calling(_) | State::Proceeding, 200..=299) => {
                self.state = State::Accepted { until: now + GIVE_UP };
                Heard::Final
            }
            (State::Accepted { .. }, 200..=299) => Heard::Final,
            (State::Calling(_) | State::Proceeding, _) => {
                self.state = State::Completed { until: now + linger(self.transport, GIVE_UP) };
                Heard::Final
            }
            (State::Completed { .. }, 300..) => Heard::Again,
            _ => Heard::Nothing,
        }
    }

    /// The ACK of a refusal (section 17.1.1.3) or the CANCEL (section 9.1): they go the INVITE's own way, Via and all.
    /// `to` is the To of the refusal, or of the INVITE.
    pub(in crate::sip) fn follow_up(&self, method: Method, to: &str) -> Request {
        let mut headers = Headers::default();
        headers.put("Via", self.request.headers.get("Via").unwrap_or(""));
        headers.put("Max-Forwards", "70");
        for (name, value) in self.request.headers.iter() {
            match name {
                "Route" | "From" | "Call-ID" => headers.put(name, value),
                "To" => headers.put("To", to),
                "CSeq" => headers.put("CSeq", value.replace("INVITE", method.as_str())),
                _ => {}
            }
        }
        Request { method, uri: self.request.uri.clone(), headers, body: Vec::new() }
    }

    /// Nobody waits for the answer beyond 64*T1 from now: the INVITE was cancelled (section 9.1), or its dialog ended.
    pub(in crate::sip) fn abandon(&mut self, now: Instant) {
        self.abandoned = self.abandoned.or(Some(now + GIVE_UP));
    }

    /// A CANCEL may go out once a 1xx has come, and before the final answer (section 9.1).
    pub(in crate::sip) fn may_cancel(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    pub(in crate::sip) fn request(&self) -> &Request {
        &self.request
    }

    /// Notes a 2xx by its tag. `Some(true)`: it is new; `None`: too many, not noted.
    pub(in crate::sip) fn note_answer(&mut self, tag: &str) -> Option<bool> {
        if self.answers.iter().any(|noted| noted == tag) {
            return Some(false);
        }
        if self.answers.len() == MAX_FORKS {
            return None;
        }
        self.answers.push(tag.to_owned());
        Some(true)
    }

    /// No final response yet.
    pub(in crate::sip) fn waits(&self) -> bool {
        matches!(self.state, State::Calling(_) | State::Proceeding)
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Calling(backoff) => Some(backoff.deadline()),
            State::Proceeding => self.abandoned,
            State::Completed { until } | State::Accepted { until } => Some(*until),
        }
    }

    pub(in crate::sip) fn on_deadline(&mut self, now: Instant) -> Due {
        match &mut self.state {
            State::Calling(backoff) => backoff.on_deadline(now),
            State::Proceeding if self.abandoned.is_some_and(|until| until <= now) => Due::TimedOut,
            State::Completed { until } | State::Accepted { until } if *until <= now => Due::Over,
            _ => Due::Nothing,
        }
    }
}
