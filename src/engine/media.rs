//! What a call says about sound, as commands for the media plane, and what comes back from there.

use super::{CallNumber, Engine, Output, Phase, Stream};
use crate::audio::Utterance;
use crate::call::cdr::LegMedia;
use crate::key::Key;
use crate::keying::Ours;
use crate::media::{Command, Event, Open, RecordAct, Refusal, StreamId, Timing};
use crate::record::seam::{In, KeyCarrier, Leg};
use crate::sdp::{self, Negotiated, Srtp};
use crate::sip::endpoint::DialogId;
use crate::time::Instant;

pub(super) fn stream(call: CallNumber, leg: Leg) -> StreamId {
    StreamId { call, leg: leg as u8 }
}

fn leg(id: StreamId) -> Leg {
    if id.leg == Leg::Caller as u8 { Leg::Caller } else { Leg::Agent }
}

impl Engine {
    pub(super) fn media_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Key { id, key } => self.deliver(now, id.call, In::Key { leg: leg(id), key, by: KeyCarrier::Rtp }),
            Event::Tone { id, key } => {
                self.deliver(now, id.call, In::Key { leg: leg(id), key, by: KeyCarrier::InBand });
            }
            Event::Heard { id } => self.shown(now, id.call),
            Event::Ended { id, play } => self.deliver(now, id.call, In::PlayEnded { play }),
            Event::Silent { id } => self.ask(now, id),
            Event::Refused { id, refusal } => self.media_refused(now, id, refusal),
            Event::Closed { id, statistics } => {
                let Some(slot) = self.slots.get_mut(&id.call) else { return };
                // The leg's next stream may be open already.
                if slot.streams[usize::from(id.leg)] == Stream::Closing {
                    slot.streams[usize::from(id.leg)] = Stream::None;
                }
                slot.media.push(LegMedia { leg: leg(id), statistics });
                if matches!(slot.phase, Phase::Closing { .. }) {
                    self.settle(now, id.call);
                }
            }
        }
    }

    pub(super) fn listen(&mut self, call: CallNumber, leg: Leg, session: Negotiated, identity: (u32, u16, u32)) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        let (signalling, media_from) = match leg {
            Leg::Caller => (slot.from.address.ip(), slot.trunk.media_from.clone()),
            Leg::Agent => (slot.agent_hop.map_or(session.remote.ip(), |hop| hop.address.ip()), Vec::new()),
        };
        slot.streams[leg as usize] = Stream::Open;
        let (ssrc, sequence, timestamp) = identity;
        let session = self.with_keys(call, leg, session);
        let open = Open {
            id: stream(call, leg),
            session,
            signalling,
            media_from,
            ssrc,
            sequence,
            timestamp,
            // The caller's address is only what an INVITE says; the agent's is one that we dialled.
            gated: leg == Leg::Caller,
        };
        self.media(Command::Open(Box::new(open)));
        if leg == Leg::Caller {
            self.keep_packets(call);
        }
    }

    pub(super) fn retarget(&mut self, call: CallNumber, leg: Leg, session: Negotiated) {
        let session = self.with_keys(call, leg, session);
        self.media(Command::Retarget { id: stream(call, leg), session: Box::new(session) });
    }

    /// A description of the call's with our keys in place of their names.
    pub(super) fn keyed(&self, call: CallNumber, leg: Leg, sdp: &str) -> Vec<u8> {
        sdp::fill(sdp, |name, suite| self.keyring.master((call, leg as u8), name, suite)).into_bytes()
    }

    fn with_keys(&self, call: CallNumber, leg: Leg, mut session: Negotiated) -> Negotiated {
        if let Some(Srtp { ours, theirs }) = &mut session.srtp
            && let Ours::Named(name) = *ours
        {
            *ours = Ours::Known(self.keyring.master((call, leg as u8), name, theirs.suite()));
        }
        session
    }

    /// A far end has sent nothing for long. Silence is no reason to end anything: whether it is still there its phone is
    /// asked, and a dialog without an answer is lost like any other.
    fn ask(&mut self, now: Instant, id: StreamId) {
        let Some(slot) = self.slots.get(&id.call) else { return };
        let dialog = if leg(id) == Leg::Caller { slot.caller } else { slot.agent };
        if let Some(dialog) = dialog {
            self.counters.silent += 1;
            let told = self.endpoint.probe(now, dialog);
            self.told(told);
        }
    }

    /// A stream that could not do what it was told. Without its sound a leg is of no use to anyone.
    fn media_refused(&mut self, now: Instant, id: StreamId, refusal: Refusal) {
        self.counters.media_refused += 1;
        let Some(slot) = self.slots.get_mut(&id.call) else { return };
        tracing::error!(call = slot.name, leg = ?leg(id), ?refusal, "the media plane refused a command");
        if std::mem::replace(&mut slot.streams[usize::from(id.leg)], Stream::None) == Stream::Open {
            self.leave(now, id.call, leg(id));
            self.deliver(now, id.call, In::Lost { leg: leg(id), why: "no media".to_owned() });
        } else if matches!(slot.phase, Phase::Closing { .. }) {
            self.settle(now, id.call);
        }
    }

    /// The ACK came: the caller's address is real.
    pub(super) fn ungate(&mut self, dialog: DialogId) {
        if let Some(&(call, leg)) = self.dialogs.get(&dialog) {
            self.media(Command::Ungate(stream(call, leg)));
        }
    }

    /// A caller that is not answered yet showed that it hears us: it may hear us, and counts as half-open no more.
    pub(super) fn shown(&mut self, now: Instant, number: CallNumber) {
        let Some(slot) = self.slots.get_mut(&number).filter(|slot| slot.early) else { return };
        slot.early = false;
        if let Some(dialog) = slot.caller {
            self.half_open.ends(dialog);
            self.ungate(dialog);
        }
        self.deliver(now, number, In::Shown);
    }

    pub(super) fn play(
        &mut self,
        now: Instant,
        call: CallNumber,
        leg: Leg,
        play: u32,
        say: &[Utterance],
        (looped, from): (bool, u32),
    ) {
        let Some(slot) = self.slots.get(&call) else { return };
        let arena = slot.takes.arena().unwrap_or(&slot.service.arena).clone();
        match arena.spans(say) {
            Ok(spans) => self.media(Command::Play { id: stream(call, leg), play, arena, spans, looped, from }),
            Err(missing) => {
                // The loader checked every prompt, so this is ours; the caller goes on without the words.
                tracing::error!(call = slot.name, %missing, "a prompt has no sound");
                self.deliver(now, call, In::PlayEnded { play });
            }
        }
    }

    pub(super) fn press(&mut self, call: CallNumber, leg: Leg, key: Key) {
        self.media(Command::Press { id: stream(call, leg), keys: vec![key], timing: Timing::default() });
    }

    pub(super) fn stop(&mut self, call: CallNumber, leg: Leg) {
        self.media(Command::Stop { id: stream(call, leg) });
    }

    /// What is said to a person is for that person alone: of what a fixture keeps it is left away.
    pub(super) fn bridge(&mut self, now: Instant, call: CallNumber) {
        self.order_packets(now, call, RecordAct::Mask);
        self.media(Command::Bridge { call, a: Leg::Caller as u8, b: Leg::Agent as u8 });
    }

    pub(super) fn unbridge(&mut self, now: Instant, call: CallNumber) {
        self.order_packets(now, call, RecordAct::Unmask);
        self.media(Command::Unbridge { call });
    }

    pub(super) fn close_stream(&mut self, call: CallNumber, leg: Leg) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        if slot.streams[leg as usize] == Stream::Open {
            slot.streams[leg as usize] = Stream::Closing;
            self.media(Command::Close { id: stream(call, leg) });
        }
    }

    fn media(&mut self, command: Command) {
        self.out.push_back(Output::Media(command));
    }
}
