//! One call: two legs, the flow that runs on it, and the context that it gathers. Owned by the engine,
//! driven by `handle(now, In)`, drained by `poll()`. It reads no clock and knows no socket, so a recording
//! of its inputs is a recording of the call.

mod again;
mod bridge;
pub mod cdr;
mod early;
mod handoff;
mod leg;
mod person;
mod recording;
mod sent_on;
mod target;
mod transfer;

use crate::codec::Preference;
use crate::context::{Context, Destination, FlowStamp, Inbound};
use crate::flow::{Action, AgentEnd, Ending, Event, Flow, Heard, LineWord, Prompts, Run};
use crate::keying::Policy;
use crate::media::RecordAct;
use crate::random::Random;
use crate::record::fixture::{self, Header, Local};
use crate::record::seam::{Arrival, Disposition, EndedBy, FactChange, In, Leg, LineTold, Out, Switched};
use crate::sdp::{Negotiated, Offer};
use crate::time::{Duration, Instant};
use cdr::Cdr;
use early::Early;
use handoff::{Handoff, Means, Phase};
use jiff::Timestamp;
pub use leg::Fusion;
use leg::LegState;
use recording::Running;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// No call outlives this: a bridged pair that vanished without a BYE must not hold its ports for ever.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// A flow with the prompts that it speaks.
#[derive(Clone)]
pub struct Program {
    pub flow: Arc<Flow>,
    pub prompts: Arc<Prompts>,
}

/// What a call is made from.
#[derive(Clone)]
pub struct Birth {
    pub program: Program,
    pub destinations: Arc<BTreeMap<String, Destination>>,
    pub trunk: String,
    /// What the caller's leg may speak.
    pub codecs: Preference,
    /// The trunk's.
    pub srtp: Policy,
    /// Whether its sound is recorded from the beginning.
    pub recorded: bool,
    /// What its number gives to the parameters of the flow.
    pub with: BTreeMap<String, String>,
    /// The switches as they stand.
    pub switches: BTreeMap<String, bool>,
    /// How we name ourselves to the agent's phone.
    pub user_agent: String,
    pub call: String,
    pub case: String,
    /// The wall clock at the first input.
    pub at: Timestamp,
    pub seed: u64,
    pub local: Local,
}

impl Birth {
    /// The header of this call's recording: with it, the flow and the inputs, the call runs again.
    pub fn header(&self, source: &str) -> Header {
        let flow = &self.program.flow;
        Header {
            askonce: fixture::VERSION,
            flow: flow.name.text.clone(),
            digest: flow.digest.clone(),
            at: self.at,
            seed: self.seed,
            source: source.to_owned(),
            shows: Vec::new(),
            trunk: self.trunk.clone(),
            codecs: self.codecs.clone(),
            srtp: self.srtp,
            recorded: self.recorded,
            with: self.with.clone(),
            switches: self.switches.clone(),
            user_agent: self.user_agent.clone(),
            clips: BTreeMap::new(),
            wav_from: None,
            sound: None,
            complete: true,
            redacted: None,
            live_differs: false,
            call: self.call.clone(),
            case: self.case.clone(),
            local: self.local.clone(),
            // All of them: an agent may send the caller on to any.
            destinations: BTreeMap::clone(&self.destinations),
        }
    }
}

pub struct Call {
    birth: Birth,
    random: Random,
    context: Context,
    run: Run,
    begun: Instant,
    answered: Option<Instant>,
    /// While prompts are heard before the answer.
    early: Option<Early>,
    /// The caller hears the agent's side, which has not answered yet.
    overheard: bool,
    caller: LegState,
    agent: LegState,
    handoff: Option<Handoff>,
    /// Max-Forwards of the caller's INVITE.
    max_forwards: u8,
    /// A person has talked to the caller, or a hand-off has failed: what the disposition is made from.
    reached: bool,
    failed: bool,
    /// The person who is called may send the caller on to where the flow says.
    escalates: bool,
    /// In a line of ours since then.
    queued: Option<Instant>,
    /// What plays while the caller waits; `None`: the usual music.
    music_clip: Option<String>,
    /// Plays that the call itself starts (music) count downwards from here, those of the flow upwards from 0.
    music: u32,
    stores: u32,
    resolves: u32,
    keys: u32,
    refusals: Vec<cdr::Refused>,
    recording: Option<Running>,
    unrecorded: u32,
    again: again::Entry,
    /// The caller is gone, and the flow does what is left to do without it.
    departed: Option<(Disposition, EndedBy)>,
    ended: Option<(Instant, Disposition, EndedBy)>,
    out: VecDeque<(Instant, Out)>,
}

impl Call {
    /// Takes the INVITE and answers it, or refuses it if the two sides share no codec.
    pub fn new(now: Instant, birth: Birth, arrival: &Arrival) -> Self {
        let mut random = Random::from_seed(birth.seed);
        let flow = birth.program.flow.clone();
        let inbound = Inbound {
            uui: arrival.uui.clone(),
            headers: arrival.headers.clone(),
            caller_number: arrival.from.clone(),
            web: arrival.web.clone(),
            last_call: arrival.last_call.clone(),
            case: arrival.case.clone(),
            with: birth.with.clone(),
            switches: birth.switches.clone(),
        };
        let mut call = Self {
            caller: LegState::new(birth.local.caller_media, birth.codecs.clone(), birth.srtp, &mut random),
            agent: LegState::new(birth.local.agent_media, Preference::default(), Policy::Off, &mut random),
            context: context(now, &birth, arrival),
            run: Run::new(flow, birth.program.prompts.clone(), inbound),
            birth,
            random,
            begun: now,
            answered: None,
            early: None,
            overheard: false,
            handoff: None,
            max_forwards: arrival.max_forwards,
            reached: false,
            failed: false,
            escalates: false,
            queued: None,
            music_clip: None,
            music: u32::MAX,
            stores: 0,
            resolves: 0,
            keys: 0,
            refusals: Vec::new(),
            recording: None,
            unrecorded: 0,
            again: again::Entry::default(),
            departed: None,
            ended: None,
            out: VecDeque::new(),
        };
        call.answer(now, arrival);
        call
    }

    /// Takes an input at `now`. Whatever fell due before it happens first, at its own time.
    pub fn handle(&mut self, now: Instant, input: In) {
        self.advance(now);
        if self.ended.is_some() {
            return;
        }
        match input {
            // The INVITE made the call; there is no second one.
            In::Invite(_) => {}
            In::Key { leg, key, by } => self.press(now, leg, key, by),
            In::PlayEnded { play } => self.play_ended(now, play),
            In::Ref { reference } => self.minted(now, reference),
            In::Store { store, kept } => self.stored(now, store, kept),
            In::LookedUp { lookup, outcome, values } => {
                self.run_event(now, Event::LookedUp { lookup, outcome, values });
            }
            In::Refer { to, replaces, .. } => self.sent_on(now, &to, replaces),
            In::Line(told) => self.run_event(now, Event::Line(line_word(told))),
            In::Switch { name, on } => self.run.switch(&name, on),
            In::Shown => self.shown(),
            In::Progress { status, answer } => self.progress(now, status, answer.as_ref()),
            In::Answered { answer } => self.agent_answered(now, answer.as_ref()),
            In::Refused { status, contacts, .. } => self.refused(now, status, &contacts),
            In::Resolved { resolve, hops } => self.resolved(now, resolve, &hops),
            In::Referred { status } => self.referred(now, status),
            In::Transfer { status, last } => self.transfer_progress(now, status, last),
            In::Reoffer { leg, offer } => self.reoffer(now, leg, offer.as_ref()),
            In::LateAnswer { leg, answer } => self.late_answer(now, leg, answer.as_ref()),
            In::Recorded { file, ended } => self.recorded(&file, ended),
            In::Taken { take, outcome } => self.run_event(now, Event::Taken { take, outcome }),
            In::Announced { announce, done } => self.run_event(now, Event::Announced { announce, done }),
            In::Bye { leg: Leg::Caller } => self.caller_gone(now, EndedBy::Caller),
            In::Lost { leg: Leg::Caller, .. } => self.caller_gone(now, EndedBy::System),
            In::Bye { leg: Leg::Agent } => self.agent_gone(now, AgentEnd::Done),
            // Nobody hung up: the flow's `else` is for this.
            In::Lost { leg: Leg::Agent, .. } => self.agent_gone(now, AgentEnd::Failed),
        }
    }

    /// Fires every deadline that is due at `now`, each at its own time: a shell that is late changes nothing.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            if due >= self.begun + LONGEST {
                self.end(due, Disposition::Failed, EndedBy::System);
            } else if self.early.as_ref().is_some_and(|early| early.until == due) {
                self.pick_up(due);
            } else if self.handoff.as_ref().and_then(|handoff| handoff.deadline) == Some(due) {
                self.handoff_late(due);
            } else {
                self.run_event(due, Event::Deadline);
            }
        }
    }

    /// The next moment at which something happens without an input.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let handoff = self.handoff.as_ref().and_then(|handoff| handoff.deadline);
        let early = self.early.as_ref().map(|early| early.until);
        [self.run.next_deadline(), handoff, early, Some(self.begun + LONGEST)].into_iter().flatten().min()
    }

    /// The next output with the time at which it happened.
    pub fn poll(&mut self) -> Option<(Instant, Out)> {
        self.out.pop_front()
    }

    /// Whether the call is over: nothing follows once its outputs are drained.
    pub fn ended(&self) -> bool {
        self.ended.is_some()
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The fact that the caller is asked for now, by its place.
    pub fn asked(&self) -> Option<usize> {
        self.run.asked()
    }

    /// From now on it is kept what becomes of each key.
    pub fn keep_heard(&mut self) {
        self.run.keep_heard();
    }

    /// What became of the caller's keys; each by its number (`pressed`).
    pub fn heard(&self) -> &[(u32, Heard)] {
        self.run.heard()
    }

    /// Keys that the caller has pressed, each once, however many carriers told of it.
    pub fn pressed(&self) -> u32 {
        self.keys
    }

    /// Whether the caller is in the middle of an entry.
    pub fn is_entering(&self) -> bool {
        self.run.is_entering()
    }

    /// Whether the caller is asked for what nobody may see.
    pub fn asks_in_private(&self) -> bool {
        self.run.asks_in_private()
    }

    /// The record of the call, without its media. A call that has not ended is recorded as failed now.
    pub fn cdr(&self, now: Instant) -> Cdr {
        let (end, disposition, by) = self.ended.unwrap_or((now, Disposition::Failed, EndedBy::System));
        let wall = |at| self.context.wall(at);
        let answered_ms = self.answered.map_or(0, |answered| end.since(answered).as_millis());
        Cdr {
            askonce: fixture::VERSION,
            call: self.birth.call.clone(),
            case: self.birth.case.clone(),
            flow: self.context.flow.name.clone(),
            digest: self.context.flow.digest.clone(),
            from: self.context.shown_caller().0.map(|number| number.open().to_owned()),
            to: self.context.called.clone(),
            trunk: self.birth.trunk.clone(),
            start: wall(self.begun),
            answer: self.answered.map(wall),
            end: wall(end),
            answered_ms: u64::try_from(answered_ms).unwrap_or(u64::MAX),
            disposition,
            by,
            blocks: cdr::blocks(&self.context),
            path: cdr::path(&self.birth.program.flow, &self.context),
            path_dropped: self.context.journey_dropped,
            facts: cdr::facts(&self.context),
            hops: self.context.hops.clone(),
            asked_again: self.again.told.clone(),
            keys: self.keys,
            keys_dropped: self.run.counts().keys_dropped,
            known_refused: self.run.counts().known_refused,
            refusals: self.refusals.clone(),
            recordings: self.context.recordings.clone(),
            unrecorded: self.unrecorded,
            media: Vec::new(),
        }
    }

    fn answer(&mut self, now: Instant, arrival: &Arrival) {
        let Some(offer) = &arrival.offer else {
            // The flow begins with the answer, which the ACK brings.
            self.answered = Some(now);
            let sdp = self.caller.offer(None);
            return self.emit(now, Out::Answer { sdp });
        };
        let (sdp, session) = match self.caller.answer(offer) {
            Ok(answered) => answered,
            Err(refusal) => {
                let because = refusal.is_of_srtp().then(|| refusal.to_string());
                self.emit(now, Out::Reject { status: 488, because });
                return self.over(now, Disposition::Rejected, EndedBy::System);
            }
        };
        if self.birth.program.flow.early {
            return self.begin_early(now, sdp, session);
        }
        self.answered = Some(now);
        self.emit(now, Out::Answer { sdp });
        self.begin(now, session);
    }

    fn begin(&mut self, now: Instant, session: Negotiated) {
        self.listen(now, Leg::Caller, session);
        if self.birth.recorded {
            self.record(now, RecordAct::Start);
        }
        self.run_event(now, Event::Begin);
    }

    /// Lets the flow act, and does what it says.
    fn run_event(&mut self, now: Instant, event: Event) {
        self.run.handle(now, &mut self.context, event);
        while let Some(action) = self.run.poll() {
            if self.ended.is_some() {
                return;
            }
            match action {
                Action::Play { play, say } => {
                    self.emit(now, Out::Play { leg: Leg::Caller, play, say, looped: false, from: 0 });
                }
                Action::Answer => self.pick_up(now),
                Action::Lookup { lookup, name, mut request } => {
                    let call = &self.birth.call;
                    request.key = request.key.map(|_| format!("{call}-{lookup}"));
                    self.emit(now, Out::Lookup { lookup, name, request });
                }
                Action::Music(clip) => {
                    self.music_clip = clip;
                    self.play_music(now, Leg::Caller);
                }
                Action::Join { queue, at_once, size } => {
                    self.queued = Some(now);
                    self.emit(now, Out::Join { queue, at_once, size });
                }
                Action::Leave => {
                    self.queued = None;
                    self.emit(now, Out::Leave);
                }
                Action::Reject(status) => self.reject(now, status),
                Action::Stop => self.emit(now, Out::Stop { leg: Leg::Caller }),
                Action::Fact(fact) => self.emit(now, Out::Fact(FactChange::of(&fact))),
                Action::Step { block, step, verb, line } => {
                    self.emit(now, Out::Step { block, step, verb: verb.to_owned(), line });
                }
                Action::Agent { destination, facts, whisper, escalates, .. } => {
                    self.escalates = escalates;
                    self.hand_off(now, Means::Invite { whisper, replaces: None }, destination, facts);
                }
                Action::Transfer { destination, facts, because } => {
                    self.begin_transfer(now, destination, facts, because);
                }
                Action::Record(act) => self.record(now, act),
                Action::Take { take, longest } => {
                    self.emit(now, Out::Take { take, longest_ms: longest.as_millis() as u64 });
                }
                Action::EndTake { take } => self.emit(now, Out::EndTake { take }),
                Action::Announce { announce, prompt, language, take, switch } => {
                    let switch = switch.map(|(name, on)| Switched { name, on });
                    self.emit(now, Out::Announce { announce, prompt, language, take, switch });
                }
                Action::Hangup { because } => match self.departed {
                    Some((disposition, by)) => self.over(now, disposition, by),
                    None => self.hang_up(now, because),
                },
            }
        }
        self.mask(now);
    }

    fn hang_up(&mut self, now: Instant, because: Ending) {
        let disposition = match because {
            Ending::Transferred => Disposition::Transferred,
            _ if self.reached => Disposition::Agent,
            Ending::SelfServed if !self.failed => Disposition::SelfServed,
            Ending::Closed => Disposition::Closed,
            Ending::Agent | Ending::SelfServed | Ending::Failed => Disposition::Failed,
        };
        let by = if because == Ending::Agent { EndedBy::Agent } else { EndedBy::Flow };
        self.end(now, disposition, by);
    }

    /// The flow refuses the call; one that is answered already ends.
    fn reject(&mut self, now: Instant, status: u16) {
        if self.early.take().is_none() {
            return self.end(now, Disposition::Rejected, EndedBy::Flow);
        }
        self.emit(now, Out::Reject { status, because: None });
        self.over(now, Disposition::Rejected, EndedBy::Flow);
    }

    fn caller_gone(&mut self, now: Instant, by: EndedBy) {
        if self.departed.is_some() {
            return;
        }
        let disposition = match &self.handoff {
            _ if by == EndedBy::System => Disposition::Failed,
            Some(handoff) if handoff.bridged() => Disposition::Agent,
            // Its phone took the REFER: it is on its way to the other one.
            Some(handoff) if handoff.phase == (Phase::Referring { accepted: true }) => Disposition::Transferred,
            Some(_) => Disposition::AbandonedQueue,
            None if self.queued.is_some() => Disposition::AbandonedQueue,
            None if self.reached => Disposition::Agent,
            None => Disposition::AbandonedFlow,
        };
        self.release_agent(now);
        self.departed = Some((disposition, by));
        self.run_event(now, Event::Gone);
    }

    /// Ends the call from our side: whoever is still there gets a BYE.
    fn end(&mut self, now: Instant, disposition: Disposition, by: EndedBy) {
        self.release_agent(now);
        self.emit(now, Out::Hangup { leg: Leg::Caller });
        self.over(now, disposition, by);
    }

    fn over(&mut self, now: Instant, disposition: Disposition, by: EndedBy) {
        self.ended = Some((now, disposition, by));
        self.emit(now, Out::End { disposition, by });
    }

    fn reoffer(&mut self, now: Instant, leg: Leg, offer: Option<&Offer>) {
        let rings = leg == Leg::Agent && !self.overheard && !self.handoff.as_ref().is_some_and(Handoff::answered);
        let codec = self.leg(leg).codec();
        let state = self.leg(leg);
        match offer {
            // RFC 3261 section 14.2: a re-INVITE without an offer asks for ours.
            None => {
                let sdp = state.offer(codec);
                self.emit(now, Out::Reanswer { leg, sdp, session: None });
            }
            Some(offer) => match state.answer(offer) {
                Err(_) => self.emit(now, Out::Rerefuse { leg, status: 488 }),
                Ok((sdp, session)) => {
                    if leg == Leg::Caller {
                        self.changed_early();
                    }
                    // An UPDATE from a phone that still rings: its stream is not open yet.
                    self.emit(now, Out::Reanswer { leg, sdp, session: Some(session).filter(|_| !rings) });
                    self.hold_music(now);
                }
            },
        }
    }

    /// RFC 3261 section 13.2.1: the ACK brings the answer to the offer of our 2xx. Without a usable one a new call fails
    /// (section 13.2.2.4), and a session that stands stays as it was.
    fn late_answer(&mut self, now: Instant, leg: Leg, answer: Option<&Offer>) {
        let first = self.leg(leg).negotiated.is_none();
        match answer.and_then(|answer| self.leg(leg).take_answer(answer)) {
            Some(session) if first => self.begin(now, session),
            Some(session) => {
                self.emit(now, Out::Retarget { leg, session });
                self.hold_music(now);
            }
            None if first => self.end(now, Disposition::Failed, EndedBy::System),
            None => {}
        }
    }

    fn leg(&mut self, leg: Leg) -> &mut LegState {
        match leg {
            Leg::Caller => &mut self.caller,
            Leg::Agent => &mut self.agent,
        }
    }

    fn listen(&mut self, now: Instant, leg: Leg, session: Negotiated) {
        let (ssrc, sequence, timestamp) = (self.random.u32(), self.random.u16(), self.random.u32());
        // RFC 4568 section 6.4: in the lower half, for who misses the packets before the first rollover misses that.
        let sequence = if session.srtp.is_some() { sequence & 0x7fff } else { sequence };
        self.emit(now, Out::Listen { leg, session, ssrc, sequence, timestamp });
    }

    fn emit(&mut self, now: Instant, out: Out) {
        self.out.push_back((now, out));
    }
}

fn line_word(told: LineTold) -> LineWord {
    match told {
        LineTold::Place { position, seconds } => LineWord::Place { position, wait: seconds.map(Duration::from_secs) },
        LineTold::Turn => LineWord::Turn,
        LineTold::Full => LineWord::Full,
    }
}

fn context(now: Instant, birth: &Birth, arrival: &Arrival) -> Context {
    let flow = &birth.program.flow;
    Context {
        case: birth.case.clone(),
        call: birth.call.clone(),
        caller_number: arrival.from.clone(),
        caller_name: arrival.name.clone(),
        private: arrival.private,
        called: arrival.to.clone(),
        flow: FlowStamp { name: flow.name.text.clone(), digest: flow.digest.clone() },
        language: flow.language.clone(),
        facts: flow.unknown_facts(),
        earlier: Vec::new(),
        earlier_dropped: 0,
        journey: Vec::new(),
        journey_dropped: 0,
        hops: Vec::new(),
        recordings: Vec::new(),
        started: birth.at,
        begun: now,
    }
}
