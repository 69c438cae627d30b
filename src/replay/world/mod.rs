//! A recorded call with its packets: they go through the real SIP and RTP of a real engine, in virtual time. What was not in
//! the capture, the recording plays.
//!
//! ```text
//! call.pcap:  the caller's SIP -> caller (fits it to the dialog that stands now) --+--> engine::Engine --> its journal
//!             RTP ----------------> media::Streams -- keys, ends of plays ---------+        |               = what the
//! call.jsonl: the agent's side ---> agent (a SIP endpoint) ------------------------+        |                 call did
//!             lookups, store ... -> answers (by name and ordinal) <-----------------+--------+
//! ```
//! Ours are the recorded call's addresses, seed, names and references, so that what goes out is to the byte what went out,
//! but for the tags of the caller's dialog.

mod agent;
mod answers;
mod caller;
mod setting;
pub mod wire;

use crate::engine::{CallNumber, Engine, Input, MediaPorts, Output, Recalled, Reserved, Service};
use crate::media::{Command, Event, Sink, StreamId, Streams};
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{Arrival, In, Leg, Out};
use crate::rerun::Unplayable;
use crate::sip::Hop;
use crate::sip::hop::Connection;
use crate::time::{Deadlines, Duration, Instant};
use agent::{Agent, Wants};
use answers::Answers;
use caller::Caller;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::{Said, Wire};

/// When the INVITE comes: some time after time began.
const BEGUN: Instant = Instant::from_micros(1_000_000);
/// No call is longer: the engine's own bound, and what it remembers of a call that is over.
const LONGEST: Duration = Duration::from_secs(5 * 3600);
/// A phone takes no longer to answer a message.
const ANSWERS: Duration = Duration::from_secs(2);
/// The number of the one call.
const CALL: CallNumber = 0;

/// What a call did again, on the wire.
#[derive(Debug)]
pub struct Performed {
    /// The engine's own journal.
    pub lines: Vec<Line>,
    /// Lookups to which the recording has no answer: the endpoint, and what was wanted of it.
    pub unanswered: Vec<(String, Vec<String>)>,
}

/// Lets the call come in again. The error says why it cannot.
pub fn perform(fixture: &Fixture, wire: &Wire, service: &Service) -> Result<Performed, String> {
    let Some(Line { step: Step::In(In::Invite(arrival)), .. }) = fixture.lines.first() else {
        return Err(Unplayable::NoInvite.to_string());
    };
    if !fixture.header.complete {
        return Err(Unplayable::Incomplete.to_string());
    }
    World::new(fixture, arrival, wire, service)?.run()
}

struct World<'f> {
    fixture: &'f Fixture,
    arrival: &'f Arrival,
    now: Instant,
    engine: Engine,
    streams: Streams,
    ticks: Deadlines<StreamId>,
    wire: &'f Wire,
    caller: Caller<'f>,
    agent: Agent<'f>,
    answers: Answers<'f>,
    /// What comes later, in the order in which it was thought of.
    due: BTreeMap<(Instant, u64), Due<'f>>,
    thought: u64,
    /// The next packet of sound.
    sound: usize,
    /// By how much the caller's side is later than in the capture, for the answer is. `None`: it has not been answered.
    later: Option<i64>,
    journal: Option<Fixture>,
}

enum Due<'f> {
    Said(&'f Said),
    Sip(Hop, Vec<u8>),
    Told(Input<'static>),
}

/// What the streams told.
#[derive(Default)]
struct Told(Vec<Event>);

impl Sink for Told {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn event(&mut self, event: Event) {
        self.0.push(event);
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}
}

impl<'f> World<'f> {
    fn new(fixture: &'f Fixture, arrival: &'f Arrival, wire: &'f Wire, service: &Service) -> Result<World<'f>, String> {
        let (engine, hop) = setting::engine(fixture, arrival, wire, service)?;
        let is_lost = |line: &Line| matches!(line.step, Step::In(In::Lost { leg: Leg::Caller, .. }));
        let acks = !fixture.lines.iter().any(is_lost);
        let mut world = World {
            fixture,
            arrival,
            now: BEGUN,
            engine,
            streams: Streams::default(),
            ticks: Deadlines::default(),
            wire,
            caller: Caller::of(wire, hop, acks),
            agent: Agent::of(fixture, wire),
            answers: Answers::of(&fixture.lines, fixture.header.seed),
            due: BTreeMap::new(),
            thought: 0,
            sound: 0,
            later: None,
            journal: None,
        };
        world.expect_others();
        let listens = |line: &Line| matches!(line.step, Step::Out(Out::Listen { leg: Leg::Caller, .. }));
        if !fixture.lines.iter().any(listens) {
            world.expect_said(0);
        }
        Ok(world)
    }

    /// What comes at its time, whatever the call does: words of the line, switches.
    fn expect_others(&mut self) {
        for line in &self.fixture.lines {
            let told = match &line.step {
                Step::In(In::Line(told)) => Input::Line { call: CALL, told: *told },
                Step::In(In::Switch { name, on }) => Input::Switch { name: name.clone(), on: *on },
                _ => continue,
            };
            self.expect(BEGUN + Duration::from_micros(line.t), Due::Told(told));
        }
    }

    fn expect(&mut self, at: Instant, due: Due<'f>) {
        self.thought += 1;
        self.due.insert((at, self.thought), due);
    }

    fn run(mut self) -> Result<Performed, String> {
        let invite = self.wire.said.first().ok_or("the capture has no INVITE")?;
        self.message(self.caller.hop, &invite.bytes);
        self.settle();
        let until = BEGUN + LONGEST;
        while self.journal.is_none() {
            let next = self.next().filter(|next| *next <= until);
            self.now = self.now.max(next.ok_or("the call does not end")?);
            self.step();
        }
        let journal = self.journal.ok_or("the call does not end")?;
        if !journal.header.complete {
            return Err("the engine gave this call up: see its log".to_owned());
        }
        Ok(Performed { lines: journal.lines, unanswered: self.answers.unanswered })
    }

    fn next(&self) -> Option<Instant> {
        let due = self.due.first_key_value().map(|((at, _), _)| *at);
        let deadlines =
            [self.engine.next_deadline(), self.ticks.next(), self.agent.next_deadline(), due, self.next_sound()];
        deadlines.into_iter().flatten().min()
    }

    fn next_sound(&self) -> Option<Instant> {
        Some(in_time(self.wire.sound.get(self.sound)?.t, self.later?))
    }

    fn step(&mut self) {
        let now = self.now;
        while self.next_sound().is_some_and(|at| at <= now) {
            let packet = &self.wire.sound[self.sound];
            self.sound += 1;
            let (id, mut told) = (id(packet.leg), Told::default());
            self.streams.on_packet(now, id, packet.from, &mut packet.bytes.clone(), &mut told);
            self.hear(told);
        }
        while let Some((_, id)) = self.ticks.due(now) {
            let mut told = Told::default();
            if let Some(next) = self.streams.tick(now, id, &mut told) {
                self.ticks.set(next, id);
            }
            self.hear(told);
        }
        // What was told at the very moment of a key or of a prompt's end was told because of it.
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Due::Said(said) => self.message(self.caller.hop, &self.caller.says(said)),
                Due::Sip(from, bytes) => self.message(from, &bytes),
                Due::Told(input) => self.engine.handle(now, input),
            }
            self.settle();
        }
        if self.agent.next_deadline().is_some_and(|at| at <= now) {
            let wants = self.agent.on_deadline(now);
            self.agent_wants(wants);
        }
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            self.engine.handle(now, Input::Deadline);
        }
        self.settle();
    }

    /// Gives a message to the engine.
    fn message(&mut self, from: Hop, bytes: &[u8]) {
        // What comes over a stream has a connection that answers go back over.
        let connection = from.transport.is_stream().then_some(Connection(1));
        let from = Hop { connection: from.connection.or(connection), ..from };
        self.engine.handle(self.now, Input::Message { from, bytes });
    }

    fn hear(&mut self, told: Told) {
        for event in told.0 {
            self.engine.handle(self.now, Input::Media(event));
            self.settle();
        }
    }

    fn settle(&mut self) {
        while let Some(output) = self.engine.poll() {
            self.engine_wants(output);
        }
    }

    fn agent_wants(&mut self, wants: Vec<Wants>) {
        for wants in wants {
            match wants {
                Wants::Sip(from, bytes) => self.expect(self.now, Due::Sip(from, bytes)),
                Wants::Key(In::Key { leg, key, .. }) if !self.wire.sound.iter().any(|packet| packet.leg == leg) => {
                    self.engine.handle(self.now, Input::Media(Event::Key { id: id(leg), key }));
                }
                Wants::Key(_) => {}
            }
        }
    }

    fn engine_wants(&mut self, output: Output) {
        let answer = match output {
            Output::Send { to, bytes } => return self.sent(to, &bytes),
            Output::Media(command) => return self.command(command),
            Output::Recording(finished) => {
                self.journal = Some(finished.fixture);
                return;
            }
            asks => self.answer(asks),
        };
        match answer {
            Some((Duration::ZERO, told)) => self.engine.handle(self.now, told),
            Some((after, told)) => self.expect(self.now + after, Due::Told(told)),
            None => {}
        }
    }

    /// What the world says to what the engine asks, and after how long; on much there is nothing to say.
    fn answer(&mut self, asks: Output) -> Option<(Duration, Input<'static>)> {
        Some(match asks {
            Output::Reserve { call } => (Duration::ZERO, Input::Reserved { call, reserved: Some(self.reserved()) }),
            Output::Recall(recall) => {
                let (web, last_call) = (self.arrival.web.clone(), self.arrival.last_call.clone());
                let header = &self.fixture.header;
                let case = Some(header.case.clone()).filter(|case| *case != header.call);
                let recalled = Recalled { case, earlier: self.arrival.case.clone(), web, last_call };
                (Duration::ZERO, Input::Recalled { call: recall.call, recalled })
            }
            Output::Mint { call } => self.answers.minted(call),
            Output::Lookup { call, lookup, request } => return self.answers.lookup(call, lookup, &request),
            Output::Store(row) => self.answers.stored(&row),
            Output::Resolve { asker, uri } => self.answers.resolved(asker, &uri),
            Output::Announce(announcement) => self.answers.announced(&announcement),
            Output::Record(order) => return self.answers.recorded(order),
            _ => return None,
        })
    }

    fn reserved(&self) -> Reserved {
        let header = &self.fixture.header;
        let ports = MediaPorts { caller: header.local.caller_media, agent: header.local.agent_media };
        Reserved { ports, at: header.at, name: header.call.clone() }
    }

    /// A message of ours goes to the phone that it is for.
    fn sent(&mut self, to: Hop, bytes: &[u8]) {
        let Ok(message) = crate::sip::wire::read(bytes) else { return };
        if self.caller.is_meant(&message) {
            if let Some((t, said)) = self.caller.hears(&message) {
                let then = t.map_or(self.now, |t| in_time(t, self.later.unwrap_or(0)));
                let at = then.clamp(self.now, self.now + ANSWERS);
                self.expect(at, Due::Sip(self.caller.hop, said));
            }
            return;
        }
        let from = self.fixture.header.local.sip.facing(&to).unwrap_or(to);
        let wants = self.agent.hears(self.now, from, to, bytes);
        self.agent_wants(wants);
    }

    fn command(&mut self, command: Command) {
        if let Command::Open(open) = &command {
            self.ticks.set(self.now, open.id);
            if open.id == id(Leg::Caller) && self.later.is_none() {
                self.answered();
            }
        }
        let mut told = Told::default();
        self.streams.command(command, &mut told);
        self.hear(told);
    }

    /// The caller is heard from now on: what it did then, it does as long after this.
    fn answered(&mut self) {
        let listens = |line: &&Line| matches!(line.step, Step::Out(Out::Listen { leg: Leg::Caller, .. }));
        let then = self.fixture.lines.iter().find(listens).map_or(0, |line| line.t);
        let now = self.now.as_micros() - BEGUN.as_micros();
        let later = now as i64 - then as i64;
        self.later = Some(later);
        let passed = |packet: &wire::Sound| packet.t < then;
        self.sound = self.wire.sound.iter().take_while(|packet| passed(packet)).count();
        self.expect_said(later);
    }

    fn expect_said(&mut self, later: i64) {
        for said in self.caller.timed() {
            self.expect(in_time(said.t, later), Due::Said(said));
        }
    }
}

/// When what came at that time comes now.
fn in_time(t: u64, later: i64) -> Instant {
    BEGUN + Duration::from_micros(t.saturating_add_signed(later))
}

fn id(leg: Leg) -> StreamId {
    StreamId { call: CALL, leg: leg as u8 }
}
