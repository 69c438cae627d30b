//! The person has answered: the whisper, then the two talk; who is held hears music, and keys go both ways.
//!
//! ```text
//! answered -> whisper to the agent, music to the caller -> its end, a key of the agent's, 30 s -> bridged
//! bridged  -> one side holds: music to the other one; if the side that holds sends sound of its own, that is heard
//! ```

use super::handoff::{Handoff, Phase};
use super::person::NO_ANSWER;
use super::{AgentEnd, Call, Event};
use crate::audio::Utterance;
use crate::audio::arena::HOLD;
use crate::context::{Class, Received};
use crate::key::Key;
use crate::media::FRAME_TIME;
use crate::record::seam::{KeyCarrier, Leg, Out};
use crate::secret::Secret;
use crate::time::{Duration, Instant};

/// The caller hears music until then, whatever the agent's phone does meanwhile.
const LONGEST_WHISPER: Duration = Duration::from_secs(30);

/// SIP status of an agent that hangs up before it has heard the caller (RFC 3261 section 21.4.18).
const UNAVAILABLE: u16 = 480;

impl Call {
    /// The agent's phone answered: it hears the whisper alone, or at once the caller.
    pub(super) fn whisper(&mut self, now: Instant, reference: Secret) {
        let say = self.whispered_words();
        let Some(handoff) = self.handoff.as_mut().filter(|_| !say.is_empty()) else {
            return self.bridge(now, reference);
        };
        self.music -= 1;
        handoff.phase = Phase::Whispering { reference, play: self.music };
        handoff.deadline = Some(now + LONGEST_WHISPER);
        self.emit(now, Out::Play { leg: Leg::Agent, play: self.music, say, looped: false, from: 0 });
    }

    /// What is a caller's own is read to a trusted destination only.
    fn whispered_words(&self) -> Vec<Utterance> {
        let whisper = self.handoff.as_ref().and_then(Handoff::whisper);
        let (Some(whisper), Some(destination)) = (whisper, self.destination()) else { return Vec::new() };
        let value = |name: &str| {
            let fact = self.context.fact(name)?;
            let value =
                self.context.shown_value(fact).filter(|_| destination.trusted || fact.class == Class::Public)?;
            Some((value, self.birth.program.flow.reading(name)?))
        };
        self.birth.program.prompts.book(&self.context.language).speech(whisper, value)
    }

    /// The whisper ended, or was cut short.
    pub(super) fn whispered(&mut self, now: Instant) {
        if let Some(Handoff { phase: Phase::Whispering { reference, .. }, .. }) = &self.handoff {
            let reference = reference.clone();
            self.bridge(now, reference);
        }
    }

    pub(super) fn play_ended(&mut self, now: Instant, play: u32) {
        match &self.handoff {
            Some(Handoff { phase: Phase::Whispering { play: whisper, .. }, .. }) if *whisper == play => {
                self.whispered(now);
            }
            _ => self.run_event(now, Event::PlayEnded(play)),
        }
    }

    fn bridge(&mut self, now: Instant, reference: Secret) {
        self.close_hop(now, Received::Confirmed);
        self.reached = true;
        if let Some(handoff) = &mut self.handoff {
            handoff.phase = Phase::Bridged { music: [false; 2] };
            handoff.deadline = None;
        }
        self.emit(now, Out::Stop { leg: Leg::Caller });
        self.emit(now, Out::Bridge);
        self.hold_music(now);
        // The hop is a part of the context: whoever fetches it sees that this person has it.
        self.store(now, reference);
    }

    /// Music for whom the other side holds (RFC 3264 section 8.4), until it is taken back or holds as well.
    pub(super) fn hold_music(&mut self, now: Instant) {
        let holds = Leg::BOTH.map(|leg| self.leg(leg).held());
        let Some(Handoff { phase: Phase::Bridged { music }, .. }) = &mut self.handoff else { return };
        let due = Leg::BOTH.map(|leg| holds[leg.other() as usize] && !holds[leg as usize]);
        let before = std::mem::replace(music, due);
        for leg in Leg::BOTH {
            match (before[leg as usize], due[leg as usize]) {
                (false, true) => self.play_music(now, leg),
                (true, false) => self.emit(now, Out::Stop { leg }),
                _ => {}
            }
        }
    }

    /// Everyone who hears music is at the same place of it: the time of day says where.
    pub(super) fn play_music(&mut self, now: Instant, leg: Leg) {
        self.music -= 1;
        let clip = self.music_clip.as_deref().filter(|_| leg == Leg::Caller).unwrap_or(HOLD);
        let say = vec![Utterance::Clip(clip.to_owned())];
        let frames = self.context.wall(now).as_millisecond() / FRAME_TIME.as_millis() as i64;
        // From one round of 2^32 frames to the next, once in three years, the music jumps.
        let from = frames as u32;
        self.emit(now, Out::Play { leg, play: self.music, say, looped: true, from });
    }

    /// A key of either side. In a bridge it travels with the media, but for one that came by INFO.
    pub(super) fn press(&mut self, now: Instant, leg: Leg, key: Key, by: KeyCarrier) {
        // Before the ACK with the answer nobody has been asked anything.
        if self.leg(leg).negotiated.is_none() || !self.leg(leg).press(now, key, by) {
            return;
        }
        let held = self.caller.held() || self.agent.held();
        match self.handoff.as_ref().map(|handoff| &handoff.phase) {
            Some(Phase::Whispering { .. }) if leg == Leg::Agent => {
                self.emit(now, Out::Stop { leg });
                self.whispered(now);
            }
            Some(Phase::Bridged { .. }) if by == KeyCarrier::Info && !held => {
                self.emit(now, Out::Press { leg: leg.other(), key });
            }
            _ => {}
        }
        // The agent's keys mean nothing to the flow.
        if leg == Leg::Caller {
            self.keys += 1;
            self.keyed_again(now, key);
            self.run_event(now, Event::Key(key));
        }
    }

    /// The agent hung up, or its leg broke, and the caller did not.
    pub(super) fn agent_gone(&mut self, now: Instant, end: AgentEnd) {
        match self.handoff.as_ref().map(|handoff| &handoff.phase) {
            Some(Phase::Bridged { .. }) => {}
            Some(Phase::Whispering { .. }) => return self.refused(now, UNAVAILABLE, &[]),
            _ => return self.refused(now, NO_ANSWER, &[]),
        }
        self.unbridge(now);
        self.failed |= end == AgentEnd::Failed;
        self.run_event(now, Event::Agent(end));
    }

    /// The two talk no longer; the caller is with us.
    pub(super) fn unbridge(&mut self, now: Instant) {
        let Some(Handoff { phase: Phase::Bridged { music }, .. }) = self.handoff.take() else { return };
        self.emit(now, Out::Unbridge);
        if music[Leg::Caller as usize] {
            self.emit(now, Out::Stop { leg: Leg::Caller });
        }
    }
}
