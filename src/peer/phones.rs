//! A set of phones behind one SIP address: each call follows a script.

use super::ear::Ear;
use super::histogram::Histogram;
use super::script::{Act, Answering, Happened, Outgoing};
use super::talk::{Noticed, Talk};
use super::talks::Talks;
use super::voice::{Speech, Voice};
use crate::keying::Policy;
use crate::random::Random;
use crate::sdp::Direction;
use crate::sip::endpoint::{self, DialogId, Door, Endpoint, Event};
use crate::sip::invite::Invite;
use crate::sip::{Hop, Locals, Message, Request, Transport, Uri, wire};
use crate::time::{Deadlines, Duration, Instant};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// One call of one phone; never used twice.
pub type TalkId = u32;

/// What a set of phones wants done.
pub enum Output {
    Sip {
        to: Hop,
        bytes: Vec<u8>,
    },
    Rtp {
        talk: TalkId,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Bind a media socket; answered with `opened`.
    Open {
        talk: TalkId,
    },
    /// The other side's media comes from here, if it sends from where it receives.
    Expect {
        talk: TalkId,
        from: SocketAddr,
    },
    Close {
        talk: TalkId,
    },
    Event {
        talk: TalkId,
        at: Instant,
        happened: Happened,
    },
}

enum State {
    /// Waits for its socket; an outgoing call knows where it goes.
    Opening {
        call: Option<Box<(Outgoing, Arc<Voice>)>>,
    },
    Calling,
    Ringing {
        answer_at: Option<Instant>,
    },
    Talking,
}

struct Phone {
    state: State,
    dialog: Option<DialogId>,
    talk: Option<Talk>,
    script: Arc<[Act]>,
    step: usize,
    /// The step has begun (its keys are queued, its wait is set).
    begun: bool,
    /// Its steps of 20 ms have begun.
    stepping: bool,
    wait_until: Instant,
    /// Keys that the step has sent by INFO.
    informed: usize,
    heard: Option<u16>,
    placed: Instant,
    offer: Vec<u8>,
    answering: Option<Answering>,
}

pub struct Phones {
    endpoint: Endpoint,
    locals: Locals,
    random: Random,
    ear: Option<Arc<Ear>>,
    byte: u8,
    voice: Arc<Voice>,
    patience: Option<Duration>,
    answering: Answering,
    phones: Talks<Phone>,
    /// The INVITE that just came, if its body has parts of which the endpoint leaves us one.
    wire: Option<Box<Request>>,
    dialogs: HashMap<DialogId, TalkId>,
    /// To answer, to give up, and the first step of a talk.
    alarms: Deadlines<TalkId>,
    /// The further steps of all talks, in their order: each is 20 ms after the one before.
    steps: VecDeque<(Instant, TalkId)>,
    next: TalkId,
    out: VecDeque<Output>,
    /// Times between two packets of a call.
    pub gaps: Histogram,
}

impl Phones {
    /// `voice` fills the audio frames of these phones, so that the other side can tell whom it hears.
    pub fn new(contact: SocketAddr, voice: u8, answering: Answering, ear: Option<Arc<Ear>>, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let user_agent = "askonce-peer".to_owned();
        let locals = Locals::new(Transport::ALL.map(|transport| Hop::new(transport, contact)));
        let config =
            endpoint::Config { locals: locals.clone(), user_agent, max_transactions: 400_000, max_dialogs: 100_000 };
        Self {
            endpoint: Endpoint::new(config, Random::from_seed(random.u64()))
                .expect("our own name has no control bytes"),
            locals,
            random,
            ear,
            byte: voice,
            voice: Arc::new(Voice::new(voice, Speech::default())),
            patience: None,
            answering,
            phones: Talks::default(),
            wire: None,
            dialogs: HashMap::new(),
            alarms: Deadlines::default(),
            steps: VecDeque::new(),
            next: 0,
            out: VecDeque::new(),
            gaps: Histogram::default(),
        }
    }

    /// Of the calls from now on.
    pub fn srtp(&mut self, policy: Policy) {
        self.speak(Speech { srtp: policy, ..self.voice.speech.clone() });
    }

    /// Of the calls from now on.
    pub fn speak(&mut self, speech: Speech) {
        self.voice = Arc::new(Voice::new(self.byte, speech));
    }

    /// A call that is not answered for so long is given up: it ends by us, with status 408.
    pub fn patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// Places a call to `target` at `to`; it goes out once its media socket is open.
    pub fn call(
        &mut self,
        to: SocketAddr,
        target: Uri,
        from: Uri,
        headers: Vec<(String, String)>,
        script: Arc<[Act]>,
    ) -> TalkId {
        self.call_over(Hop::udp(to), target, from, headers, script)
    }

    /// As `call`, over any transport.
    pub fn call_over(
        &mut self,
        to: Hop,
        target: Uri,
        from: Uri,
        headers: Vec<(String, String)>,
        script: Arc<[Act]>,
    ) -> TalkId {
        self.dial(Outgoing { to, target, display: String::new(), from, headers }, script)
    }

    /// As `call`, with all that an INVITE may say. It speaks as the phones do now.
    pub fn dial(&mut self, call: Outgoing, script: Arc<[Act]>) -> TalkId {
        let call = Some(Box::new((call, self.voice.clone())));
        self.add(State::Opening { call }, script)
    }

    fn add(&mut self, state: State, script: Arc<[Act]>) -> TalkId {
        let talk = self.next;
        self.next += 1;
        let phone = Phone {
            state,
            dialog: None,
            talk: None,
            script,
            step: 0,
            begun: false,
            stepping: false,
            wait_until: Instant::ZERO,
            informed: 0,
            heard: None,
            placed: Instant::ZERO,
            offer: Vec::new(),
            answering: None,
        };
        self.phones.insert(talk, phone);
        self.out.push_back(Output::Open { talk });
        talk
    }

    /// The media socket of a talk is open at `local`.
    pub fn opened(&mut self, now: Instant, talk: TalkId, local: SocketAddr) {
        let Some(phone) = self.phones.get_mut(talk) else { return };
        let State::Opening { call } = &mut phone.state else { return };
        let call = call.take();
        let voice = call.as_ref().map_or(&self.voice, |call| &call.1).clone();
        let mut sound = Talk::new(local, voice, self.ear.clone(), &mut self.random);
        match call.map(|call| call.0) {
            Some(call) => {
                let sdp = sound.offer(Direction::SendRecv);
                phone.talk = Some(sound);
                phone.state = State::Calling;
                phone.placed = now;
                if let Some(patience) = self.patience {
                    self.alarms.set(now + patience, talk);
                }
                let invite = Invite {
                    local: self.locals.facing(&call.to).unwrap_or(call.to),
                    target: call.target,
                    display: call.display,
                    from: call.from,
                    headers: call.headers,
                    sdp,
                    beside: None,
                    user_agent: "askonce-peer".to_owned(),
                    max_forwards: 70,
                };
                let request = invite.build(&mut self.random).ok();
                let dialog = request.and_then(|request| self.endpoint.invite(now, call.to, request).ok());
                match dialog {
                    Some(dialog) => {
                        phone.dialog = Some(dialog);
                        self.dialogs.insert(dialog, talk);
                    }
                    None => self.over(now, talk, true, 503),
                }
            }
            None => {
                phone.talk = Some(sound);
                let answer_at = match phone.answering.as_ref() {
                    Some(Answering::Answer { after, .. }) => Some(now + *after),
                    _ => None,
                };
                phone.state = State::Ringing { answer_at };
                let told_to = matches!(phone.answering, Some(Answering::Told));
                if let Some(dialog) = phone.dialog.filter(|_| !told_to) {
                    told(self.endpoint.ring(now, dialog, 180, Vec::new()));
                }
                if let Some(at) = answer_at {
                    self.alarms.set(at, talk);
                }
            }
        }
        self.drain(now);
    }

    /// There is no media socket for this talk.
    pub fn not_opened(&mut self, now: Instant, talk: TalkId) {
        self.give_up(now, talk, 503);
    }

    pub fn on_sip(&mut self, now: Instant, from: Hop, bytes: &[u8]) {
        self.wire = whole(bytes);
        self.endpoint.on_message(now, from, bytes, Door::Open);
        self.drain(now);
    }

    /// A message of these phones could not be delivered.
    pub fn undelivered(&mut self, now: Instant, bytes: &[u8]) {
        self.endpoint.on_undelivered(now, bytes);
        self.drain(now);
    }

    pub fn on_rtp(&mut self, now: Instant, talk: TalkId, packet: &[u8]) {
        let Some(phone) = self.phones.get_mut(talk) else { return };
        let Some(sound) = &mut phone.talk else { return };
        let noticed = sound.on_packet(now, packet, &mut self.gaps);
        let voice = sound.counted.voice_frames == 1;
        match noticed {
            Some(Noticed::Heard(clip, since)) => {
                phone.heard = Some(clip);
                let name = self.ear.as_ref().map_or(String::new(), |ear| ear.name(clip).to_owned());
                self.event(now - since, talk, Happened::Heard(name));
            }
            Some(Noticed::Key(key)) => self.event(now, talk, Happened::KeyHeard(key)),
            None if voice => self.event(now, talk, Happened::HeardVoice),
            None => return,
        }
        self.follow(now, talk);
        self.drain(now);
    }

    pub fn on_deadline(&mut self, now: Instant) {
        self.endpoint.on_deadline(now);
        while let Some((_, talk)) = self.alarms.due(now) {
            self.alarm(now, talk);
        }
        while let Some(&(_, talk)) = self.steps.front().filter(|(at, _)| *at <= now) {
            self.steps.pop_front();
            self.step(now, talk);
        }
        self.drain(now);
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let step = self.steps.front().map(|(at, _)| *at);
        [self.endpoint.next_deadline(), self.alarms.next(), step].into_iter().flatten().min()
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Calls that are not over.
    pub fn talks(&self) -> usize {
        self.phones.len()
    }

    fn alarm(&mut self, now: Instant, talk: TalkId) {
        let Some(phone) = self.phones.get_mut(talk) else { return };
        match &phone.state {
            State::Ringing { answer_at: Some(at) } if *at <= now => self.answer(now, talk),
            State::Calling => self.give_up(now, talk, 408),
            // An alarm of before the answer may come later, and begins nothing anew.
            State::Talking if !std::mem::replace(&mut phone.stepping, true) => self.step(now, talk),
            _ => {}
        }
    }

    fn step(&mut self, now: Instant, talk: TalkId) {
        let Some(sound) = self.phones.get_mut(talk).and_then(|phone| phone.talk.as_mut()) else { return };
        if let Some((to, bytes)) = sound.tick(now) {
            self.out.push_back(Output::Rtp { talk, to, bytes });
        }
        // Behind all others: a talk that began in between shifts by less than a turn of the shell.
        let at = self.steps.back().map_or(sound.next_tick, |(at, _)| sound.next_tick.max(*at));
        sound.next_tick = at;
        self.steps.push_back((at, talk));
        self.follow(now, talk);
    }

    fn answer(&mut self, now: Instant, talk: TalkId) {
        let Some(phone) = self.phones.get_mut(talk) else { return };
        let (Some(sound), Some(dialog)) = (&mut phone.talk, phone.dialog) else { return };
        match sound.answer(now, &phone.offer) {
            Some(sdp) => {
                told(self.endpoint.accept(now, dialog, sdp));
                self.talking(now, talk, Duration::ZERO);
            }
            None => {
                told(self.endpoint.refuse(now, dialog, 488, &[]));
                self.over(now, talk, true, 488);
            }
        }
    }

    fn talking(&mut self, now: Instant, talk: TalkId, after: Duration) {
        if let Some(phone) = self.phones.get_mut(talk) {
            phone.state = State::Talking;
            self.alarms.set(now, talk);
            self.expect(talk);
            self.event(now, talk, Happened::Answered { after });
        }
    }

    /// What comes before the answer is heard, where the other side says what it sends.
    fn early(&mut self, now: Instant, talk: TalkId, body: &[u8]) {
        let sound = self.phones.get_mut(talk).and_then(|phone| phone.talk.as_mut());
        if !body.is_empty() && sound.is_some_and(|sound| sound.take_answer(now, body)) {
            self.expect(talk);
        }
    }

    /// Says where the other side's media comes from.
    fn expect(&mut self, talk: TalkId) {
        let sound = self.phones.get(talk).and_then(|phone| phone.talk.as_ref());
        if let Some(from) = sound.and_then(Talk::remote) {
            self.out.push_back(Output::Expect { talk, from });
        }
    }

    /// Ends a call from this side, whatever its state.
    pub fn hang_up(&mut self, now: Instant, talk: TalkId) {
        self.give_up(now, talk, 0);
    }

    /// Ends every call.
    pub fn hang_up_all(&mut self, now: Instant) {
        self.phones.numbers().into_iter().for_each(|talk| self.hang_up(now, talk));
    }

    fn give_up(&mut self, now: Instant, talk: TalkId, status: u16) {
        let dialog = self.phones.get(talk).and_then(|phone| phone.dialog);
        if let Some(dialog) = dialog {
            told(self.endpoint.bye(now, dialog));
        }
        self.over(now, talk, true, status);
        self.drain(now);
    }

    fn over(&mut self, now: Instant, talk: TalkId, by_us: bool, status: u16) {
        let Some(phone) = self.phones.remove(talk) else { return };
        if let Some(dialog) = phone.dialog {
            self.dialogs.remove(&dialog);
        }
        let through = phone.script.get(phone.step).is_none_or(|act| *act == Act::Stay);
        let counted = phone.talk.map(|mut sound| {
            sound.end_entry(now);
            sound.counted
        });
        // Who never talked has counted nothing.
        let (after, counted) = (now.since(phone.placed), Box::new(counted.unwrap_or_default()));
        self.event(now, talk, Happened::Ended { by_us, status, through, after, counted });
        self.out.push_back(Output::Close { talk });
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                endpoint::Output::Send { to, bytes } => self.out.push_back(Output::Sip { to, bytes }),
                endpoint::Output::Event(event) => self.sip_event(now, event),
            }
        }
    }

    fn sip_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Invite { dialog, request, .. } => self.invited(now, dialog, request),
            Event::Progress { dialog, status: 180..=189, body } => {
                if let Some(&talk) = self.dialogs.get(&dialog) {
                    self.early(now, talk, &body);
                    self.event(now, talk, Happened::Ringing);
                }
            }
            Event::Answered { dialog, response } => {
                let Some(&talk) = self.dialogs.get(&dialog) else { return };
                let Some(phone) = self.phones.get_mut(talk) else { return };
                let after = now.since(phone.placed);
                if phone.talk.as_mut().is_some_and(|sound| sound.take_answer(now, &response.body)) {
                    self.talking(now, talk, after);
                } else {
                    self.give_up(now, talk, 488);
                }
            }
            Event::Refused { dialog, status, .. } => self.dialog_over(now, dialog, status),
            Event::Bye { dialog } | Event::Cancelled { dialog } => self.dialog_over(now, dialog, 0),
            Event::Lost { dialog, .. } => self.dialog_over(now, dialog, 408),
            Event::Reinvite { dialog, request } => {
                let talk = self.dialogs.get(&dialog).and_then(|talk| self.phones.get_mut(*talk));
                let sound = talk.and_then(|phone| phone.talk.as_mut());
                told(match sound.and_then(|sound| sound.answer(now, &request.body)) {
                    Some(sdp) => self.endpoint.accept_reinvite(now, dialog, sdp),
                    None => self.endpoint.refuse_reinvite(now, dialog, 488),
                });
                self.dialogs.get(&dialog).copied().into_iter().for_each(|talk| self.expect(talk));
            }
            Event::Progress { .. } | Event::Confirmed { .. } | Event::Acknowledged { .. } | Event::Info { .. } => {}
            // These phones go nowhere else.
            Event::Refer { dialog, .. } => told(self.endpoint.answer_refer(now, dialog, 603)),
            Event::Referred { dialog, status } => {
                if let Some(&talk) = self.dialogs.get(&dialog) {
                    self.event(now, talk, Happened::Referred(status));
                }
            }
            Event::Transfer { .. } | Event::Outcome { .. } | Event::Ended { .. } => {}
            Event::Reanswered { dialog, response } => {
                let phone = self.dialogs.get(&dialog).and_then(|talk| self.phones.get_mut(*talk));
                if let Some(sound) = phone.and_then(|phone| phone.talk.as_mut()) {
                    sound.take_answer(now, &response.body);
                }
                self.dialogs.get(&dialog).copied().into_iter().for_each(|talk| self.expect(talk));
            }
            Event::ReinviteRefused { .. } => {}
        }
    }

    fn dialog_over(&mut self, now: Instant, dialog: DialogId, status: u16) {
        if let Some(&talk) = self.dialogs.get(&dialog) {
            self.over(now, talk, false, status);
        }
    }

    fn invited(&mut self, now: Instant, dialog: DialogId, request: Box<Request>) {
        if let Answering::Refuse(status) = self.answering {
            let talk = self.next;
            self.next += 1;
            self.event(now, talk, Happened::Invited(request));
            return told(self.endpoint.refuse(now, dialog, status, &[]));
        }
        let script = match &self.answering {
            Answering::Answer { script, .. } => script.clone(),
            Answering::Ring | Answering::Told | Answering::Refuse(_) => Arc::new([]),
        };
        let talk = self.add(State::Opening { call: None }, script);
        let whole = self.wire.take().unwrap_or_else(|| request.clone());
        if let Some(phone) = self.phones.get_mut(talk) {
            phone.dialog = Some(dialog);
            phone.offer.clone_from(&request.body);
            phone.answering = Some(self.answering.clone());
        }
        self.dialogs.insert(dialog, talk);
        self.event(now, talk, Happened::Invited(whole));
    }

    fn event(&mut self, now: Instant, talk: TalkId, happened: Happened) {
        self.out.push_back(Output::Event { talk, at: now, happened });
    }
}

/// An INVITE whose body has several parts, as it came.
fn whole(bytes: &[u8]) -> Option<Box<Request>> {
    let parts = b"multipart/mixed";
    if !bytes.starts_with(b"INVITE ") || !bytes.windows(parts.len()).any(|part| part == parts) {
        return None;
    }
    match wire::read(bytes) {
        Ok(Message::Request(request)) => Some(Box::new(request)),
        _ => None,
    }
}

/// A refused command leaves a phone as it is: what becomes of its dialog comes as an event.
fn told(told: Result<(), endpoint::Refusal>) {
    if let Err(refusal) = told {
        tracing::debug!(?refusal, "a peer's SIP command was refused");
    }
}

mod follow;
#[cfg(test)]
mod tests;
