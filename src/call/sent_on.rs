//! The agent sends the caller on (REFER in the agent's dialog, RFC 3515): to where the flow escalates, or to a target of
//! the configuration. We stay on the path, and the same context goes along with one more hop.
//!
//! ```text
//! REFER -> 202, NOTIFY 200, BYE to the agent -> the flow's `escalate:` block
//!   |                                        -> the target: reference, store, INVITE (with Replaces: in place of the
//!   |                                           dialog that the agent has with it)
//!   +----> 403: nobody that we may call; 480: nobody is talking
//! ```

use super::handoff::Means;
use super::{AgentEnd, Call, Event};
use crate::context::Target;
use crate::record::seam::{Leg, Out};
use crate::sip::Uri;
use crate::time::Instant;

/// Replaces names a Call-ID and two tags; ours are far shorter.
const MAX_REPLACES: usize = 512;

impl Call {
    pub(super) fn sent_on(&mut self, now: Instant, to: &str, replaces: Option<String>) {
        let answer = |status| Out::AnswerRefer { leg: Leg::Agent, status };
        let Some(handoff) = self.handoff.as_ref().filter(|handoff| handoff.bridged()) else {
            return self.emit(now, answer(480));
        };
        let needs = handoff.needs.clone();
        // Who has talked to the next person already wants that one, and not the flow's.
        if self.escalates && replaces.is_none() {
            self.emit(now, answer(202));
            self.leave_agent(now);
            return self.run_event(now, Event::Agent(AgentEnd::Escalated));
        }
        let sound = |text: &String| text.len() <= MAX_REPLACES && !text.chars().any(char::is_control);
        let destination = self.configured(to).filter(|_| replaces.as_ref().is_none_or(sound));
        let Some((name, target)) = destination else { return self.emit(now, answer(403)) };
        self.emit(now, answer(202));
        self.leave_agent(now);
        self.hand_off_to(now, Means::Invite { whisper: None, replaces }, name, needs, vec![target]);
    }

    /// The agent has done its part.
    fn leave_agent(&mut self, now: Instant) {
        self.unbridge(now);
        self.emit(now, Out::Hangup { leg: Leg::Agent });
    }

    /// The destination that has this target, and the target: the same user at the same host.
    fn configured(&self, to: &str) -> Option<(String, Target)> {
        let wanted = Uri::read(to).ok()?;
        let same = |uri: &str| {
            Uri::read(uri).is_ok_and(|uri| {
                let host = uri.host().eq_ignore_ascii_case(wanted.host());
                uri.scheme() == wanted.scheme() && host && uri.user() == wanted.user() && uri.port() == wanted.port()
            })
        };
        self.birth.destinations.iter().find_map(|(name, destination)| {
            let target = destination.to.iter().find(|target| same(&target.uri))?;
            Some((name.clone(), target.clone()))
        })
    }
}
