//! What is heard before an answer: our prompts before the caller's, and the agent's side before its own.
//!
//! Prompts before the answer (`answer: early`): a 183 with our description, and 200 once the flow asks something or hands
//! the caller to a person.
//!
//! ```text
//! INVITE -> 183 --the caller shows itself--> prompts are heard --collect, agent, transfer--> 200
//!            |                                    +-- the flow ends: 480 -- two and a half minutes: 200
//!            +-- it does not within a second: 200, and the prompts begin with the ACK
//! ```

use super::handoff::{Handoff, Phase};
use super::{Call, Event};
use crate::record::seam::{Leg, Out};
use crate::sdp::{Negotiated, Offer};
use crate::time::{Duration, Instant};

/// Whoever shows nothing in this time is answered: an INVITE that somebody forged must not aim us at a third party, and
/// before the ACK of a 200 nothing else is known of a caller that neither takes a reliable 183 nor sends sound.
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

    /// The agent's side has something to hear before it answers: the caller hears it instead of our music, where the
    /// destination wants that. Of several phones that ring, the first.
    pub(super) fn overhear(&mut self, now: Instant, answer: Option<&Offer>) {
        let rings = matches!(self.handoff, Some(Handoff { phase: Phase::Ringing { .. }, .. }));
        if !rings || self.overheard || !self.destination().is_some_and(|destination| destination.early_media) {
            return;
        }
        let Some(session) = answer.and_then(|answer| self.agent.take_answer(answer)) else { return };
        self.overheard = true;
        self.listen(now, Leg::Agent, session);
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.emit(now, Out::Bridge);
    }

    /// The stream of an agent who answered: another one than what was heard before, maybe.
    pub(super) fn hear_agent(&mut self, now: Instant, session: Negotiated) {
        if !std::mem::take(&mut self.overheard) {
            return self.listen(now, Leg::Agent, session);
        }
        self.emit(now, Out::Unbridge);
        self.play_music(now, Leg::Caller);
        self.emit(now, Out::Retarget { leg: Leg::Agent, session });
    }

    /// The 200 of a call that has none yet.
    pub(super) fn pick_up(&mut self, now: Instant) {
        if let Some(Early { sdp, .. }) = self.early.take() {
            self.answered = Some(now);
            self.emit(now, Out::Answer { sdp });
        }
    }
}
