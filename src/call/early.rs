//! Prompts before the answer (`answer: early`): a 183 with our description, and 200 once the flow asks something or hands
//! the caller to a person.
//!
//! ```text
//! INVITE -> 183 --the caller shows itself--> prompts are heard --collect, agent, transfer--> 200
//!            |                                    +-- the flow ends: 480 -- two and a half minutes: 200
//!            +-- it does not within a second: 200, and the prompts begin with the ACK
//! ```

use super::{Call, Event};
use crate::record::seam::{Leg, Out};
use crate::sdp::Negotiated;
use crate::time::{Duration, Instant};

/// A caller whose side neither takes a reliable 183 nor sends sound of its own is not sent any (an INVITE that somebody
/// forged must not aim us at a third party): after this time it is answered instead.
const UNSHOWN: Duration = Duration::from_secs(1);
/// A proxy gives an INVITE up that got no final response after three minutes (RFC 3261 section 16.6, timer C).
const LONGEST: Duration = Duration::from_secs(150);

/// A call that has our 183 and no answer.
pub struct Early {
    /// What the 200 says; nothing once the session was changed by an UPDATE.
    sdp: String,
    /// When it is answered at the latest.
    pub until: Instant,
}

impl Call {
    pub(super) fn begin_early(&mut self, now: Instant, sdp: String, session: Negotiated) {
        // The stream is there before anything can show that the caller is.
        self.listen(now, Leg::Caller, session);
        self.emit(now, Out::Early { sdp: sdp.clone() });
        self.early = Some(Early { sdp, until: now + UNSHOWN });
        self.run_event(now, Event::Begin);
    }

    /// The caller shows that it is there: it hears us.
    pub(super) fn shown(&mut self) {
        if let Some(early) = &mut self.early {
            early.until = self.begun + LONGEST;
        }
    }

    /// The session is another one than the 183 said: the 200 need not say it again.
    pub(super) fn changed_early(&mut self) {
        if let Some(early) = &mut self.early {
            early.sdp.clear();
        }
    }

    /// The 200 of a call that has none yet.
    pub(super) fn pick_up(&mut self, now: Instant) {
        if let Some(Early { sdp, .. }) = self.early.take() {
            self.answered = Some(now);
            self.emit(now, Out::Answer { sdp });
        }
    }
}
