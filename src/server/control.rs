//! The control plane: one thread that owns the engine. It takes inputs off its queues, stamps them once,
//! and does what the engine says. Nothing here waits for anything but its queues.

use super::announcer::{Announcer, Word};
use super::crowd::Crowd;
use super::dns::{Query, Resolved, Resolver};
use super::inbox::Inbox;
use super::media_plane::MediaPlane;
use super::media_worker::{Told, WorkerEvent};
use super::memory::{Found, Memory};
use super::meter::{Meter, WINDOW};
use super::outbound::{LookedUp, Outbound};
use super::recorder::{Recorded, Recorder};
use super::report::{Report, Standing, counted};
use super::store::{Row, Store, Stored};
use super::streams::StreamEvent;
use super::traces::Publisher;
use super::transports::{Transports, trunk_networks};
use crate::context::{Ended, Outcome};
use crate::engine::{
    Announcement, CallNumber, DialogRow, Engine, Input, NewPlace, Output, Recall, Recalled, RecordOrder, Reserved,
};
use crate::os::bell::Bell;
use crate::os::clock::Clock;
use crate::os::sys::Batch;
use crate::secret::Secret;
use crate::sip::uri::Scheme;
use crate::sip::{Transport, Uri};
use crate::time::{Duration, Instant};
use jiff::Timestamp;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync::{mpsc, oneshot};

/// The greatest UDP payload.
const DATAGRAM: usize = 65_535;
/// Datagrams, and events of a queue, taken in one turn, so that no queue starves another.
const TURN: usize = 64;
/// Timers are looked at on multiples of this only, and whenever something else woke us: many that fall due one after
/// the other cost one wake-up. No timer of SIP or of a flow is that fine.
const GRAIN: Duration = Duration::from_millis(5);
/// A thread that is woken again within twice this time rests for as long after each wake-up: whatever comes meanwhile
/// costs one wake-up, and waits no longer than this.
const REST: Duration = Duration::from_millis(2);
/// After the signal to drain, calls that stand have this long.
const DRAIN: Duration = Duration::from_secs(30 * 60);
/// Then they are ended, and their BYEs have this long for an answer.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// What whoever runs the service wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Will {
    /// No new calls; those that stand come to their end.
    Drain,
    /// Those that stand end now.
    Stop,
}

/// What other threads of ours want of the control plane.
pub enum Order {
    /// Calls that begin from now on have this. The answer: whether any will.
    Reload(Box<NewPlace>, oneshot::Sender<bool>),
    /// A switch is set, and written down.
    Switch { name: String, on: bool },
    /// Whether it turns, and what for.
    Stand(oneshot::Sender<Standing>),
    /// Everything that is counted.
    Report(oneshot::Sender<Box<Report>>),
}

pub struct Control {
    pub engine: Engine,
    pub clock: Clock,
    /// Rung by every queue below.
    pub bell: Arc<Bell>,
    pub sip: Transports,
    pub stream_events: mpsc::Receiver<StreamEvent>,
    pub resolver: Resolver,
    pub resolved: mpsc::Receiver<Resolved>,
    pub media: MediaPlane,
    pub media_events: mpsc::Receiver<WorkerEvent>,
    /// If calls are journalled.
    pub inbox: Option<Inbox>,
    /// If calls may be recorded.
    pub recorder: Option<Recorder>,
    pub recorded: mpsc::UnboundedReceiver<Recorded>,
    /// Beside it.
    pub announcer: Option<Announcer>,
    pub announced: mpsc::UnboundedReceiver<Word>,
    /// If there are endpoints.
    pub outbound: Option<Outbound>,
    pub looked_up: mpsc::UnboundedReceiver<LookedUp>,
    pub store: Store,
    pub stored: mpsc::UnboundedReceiver<Stored>,
    /// Dialogs that a killed process left.
    pub orphans: Vec<DialogRow>,
    pub memory: Memory,
    pub recalled: mpsc::UnboundedReceiver<Found>,
    /// Where traces go, if calls are traced.
    pub traces: Option<Publisher>,
    pub will: mpsc::Receiver<Will>,
    pub orders: mpsc::Receiver<Order>,
    pub shell: Shell,
}

/// How the thread gets along with what there is to do.
struct Pace {
    woken: Instant,
    /// That comes often.
    often: bool,
    meter: Meter,
    crowd: Crowd,
}

/// What the control plane counted besides the engine.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Shell {
    pub sends_failed: u64,
    pub ports_failed: u64,
    /// Calls of which nothing was looked up, or which left nothing behind, for too many others did.
    pub memory_full: u64,
}

impl Control {
    /// Runs until the drain is over.
    pub fn run(mut self) -> Engine {
        let mut datagrams = Batch::of(DATAGRAM);
        let mut ends: Option<Instant> = None;
        let mut stopped = false;
        let woken = self.clock.now();
        for orphan in std::mem::take(&mut self.orphans) {
            self.engine.handle(woken, Input::Orphan(Box::new(orphan)));
        }
        let mut pace = Pace { woken, often: false, meter: Meter::start(woken), crowd: Crowd::default() };
        loop {
            let now = self.clock.now();
            if ends.is_some_and(|end| now >= end) && !stopped {
                stopped = true;
                self.engine.handle(now, Input::Stop);
                self.act();
                ends = Some(now + LAST_WORDS);
            }
            if ends.is_some_and(|end| self.engine.idle() || stopped && now >= end) {
                break;
            }
            let (rung, readable) = self.wait(now, ends, &mut pace);
            self.look_at_room(&mut pace);
            // In this order, so that a flood of datagrams starves neither the clock nor an operator; and whatever woke us,
            // each has its turn: a flood of keys must not keep a BYE waiting.
            if rung {
                pace.often &= !self.queues(&mut ends);
            }
            let now = self.clock.now();
            if self.engine.next_deadline().is_some_and(|at| at <= now) {
                self.engine.handle(now, Input::Deadline);
            }
            if readable {
                let (engine, clock) = (&mut self.engine, &self.clock);
                let heard = |from, bytes: &[u8]| engine.handle(clock.now(), Input::Message { from, bytes });
                pace.often &= !self.sip.datagrams(TURN, &mut datagrams, heard);
            }
            self.act();
        }
        let (engine, sip, streams) = (self.engine.counters(), self.engine.sip_counters(), self.sip.counters());
        let (gate, dns) = (self.engine.gate().counters(), self.resolver.counters());
        let outbound = self.outbound.as_ref().map(Outbound::counters);
        let traces_lost = self.traces.as_ref().map(|traces| traces.lost);
        tracing::info!(?engine, ?sip, ?gate, ?streams, ?dns, shell = ?self.shell, ?outbound, traces_lost, inbox = ?self.inbox.as_ref().map(Inbox::counters), store = ?self.store.losses(), media = ?self.media.load(), "ended");
        if let Some(inbox) = self.inbox {
            inbox.close();
        }
        if let Some(recorder) = self.recorder {
            recorder.close();
        }
        if let Some(outbound) = self.outbound {
            outbound.close();
        }
        self.store.close();
        self.engine
    }

    /// Once a window: tells the engine whether another call may come in, and lets crowded workers be relieved.
    fn look_at_room(&mut self, pace: &mut Pace) {
        let now = self.clock.now();
        let Some(share) = pace.meter.turn(now) else { return };
        self.media.balance();
        let workers = self.media.load();
        let Some(full) = pace.crowd.window(share, &workers) else { return };
        let wanted: Vec<u64> = workers.iter().map(|load| load.wanted_permille).collect();
        match full {
            true => {
                tracing::warn!(control = share.wanted, workers = ?wanted, calls = self.engine.calls(), "no room: new calls get 503 (thousandths of a core that the threads want)")
            }
            false => {
                tracing::info!(control = share.wanted, workers = ?wanted, calls = self.engine.calls(), "there is room for calls again")
            }
        }
        self.engine.handle(now, Input::Full(full));
    }

    /// Waits until a queue rings, a datagram may be there, or the next deadline: which of the first two.
    fn wait(&self, mut now: Instant, ends: Option<Instant>, pace: &mut Pace) -> (bool, bool) {
        if pace.often {
            self.clock.sleep_until(pace.woken + REST);
            now = self.clock.now();
        }
        // Without room it looks again, though nobody calls.
        let look = pace.crowd.is_full().then(|| now + WINDOW);
        let deadline = [self.engine.next_deadline(), ends, look].into_iter().flatten().min();
        let grain = GRAIN.as_micros() as u64;
        let on_grain = |at: Instant| Instant::from_micros(at.as_micros().div_ceil(grain) * grain);
        let limit = deadline.map(|at| on_grain(at).since(now));
        let woken = self.bell.wait(self.sip.sockets(), limit);
        let before = std::mem::replace(&mut pace.woken, self.clock.now());
        pace.often = pace.woken.since(before) < 2 * REST;
        match woken {
            Ok(woken) => (woken.rung, woken.readable),
            Err(error) => {
                tracing::error!(%error, "the control plane cannot wait");
                (true, true)
            }
        }
    }

    /// Takes what the queues hold, up to a turn of each. True if they may hold more.
    fn queues(&mut self, ends: &mut Option<Instant>) -> bool {
        let waker = Waker::from(self.bell.clone());
        let mut context = Context::from_waker(&waker);
        let mut left = false;
        match self.will.poll_recv(&mut context) {
            Poll::Ready(Some(Will::Drain)) => {
                *ends = ends.or(Some(self.clock.now() + DRAIN));
                self.engine.handle(self.clock.now(), Input::Drain);
                left = true;
            }
            // Nobody left to want anything means the end.
            Poll::Ready(Some(Will::Stop) | None) => *ends = Some(self.clock.now()),
            Poll::Pending => {}
        }
        left |= self.turn(|all| all.orders.poll_recv(&mut context), Self::ordered);
        left |= self.turn(|all| all.media_events.poll_recv(&mut context), Self::media_told);
        left |= self.turn(|all| all.stored.poll_recv(&mut context), Self::stored_told);
        left |= self.turn(|all| all.looked_up.poll_recv(&mut context), Self::looked_up_told);
        left |= self.turn(|all| all.recalled.poll_recv(&mut context), Self::recalled_told);
        left |= self.turn(|all| all.recorded.poll_recv(&mut context), Self::recorded_told);
        left |= self.turn(|all| all.announced.poll_recv(&mut context), Self::announcer_told);
        left |= self.turn(|all| all.resolved.poll_recv(&mut context), Self::resolved_told);
        left |= self.turn(|all| all.stream_events.poll_recv(&mut context), Self::stream_told);
        if left {
            self.bell.ring();
        }
        left
    }

    /// Takes what one queue holds. True if it may hold more: then it will not ring, as an empty one does.
    fn turn<T>(&mut self, mut next: impl FnMut(&mut Self) -> Poll<Option<T>>, told: fn(&mut Self, T)) -> bool {
        for _ in 0..TURN {
            match next(self) {
                Poll::Ready(Some(event)) => told(self, event),
                Poll::Ready(None) | Poll::Pending => return false,
            }
        }
        true
    }

    fn ordered(&mut self, order: Order) {
        // Whoever asked may have given up meanwhile.
        match order {
            Order::Reload(place, taken) => {
                let trunks = trunk_networks(&place.config);
                self.sip.move_trunks(trunks);
                if let (Some(inbox), Some(fixtures)) = (&self.inbox, &place.config.record.fixtures) {
                    inbox.keep(&fixtures.keeping);
                }
                self.engine.handle(self.clock.now(), Input::Reload(place));
                let _ = taken.send(!self.engine.draining());
            }
            Order::Switch { name, on } => self.engine.handle(self.clock.now(), Input::Switch { name, on }),
            Order::Stand(answer) => {
                let flows = self.engine.flows().map(|(name, digest)| (name.to_owned(), digest.to_owned())).collect();
                let (draining, store) = (self.engine.draining(), self.store.lives());
                let _ = answer.send(Standing { draining, store, flows });
            }
            Order::Report(answer) => {
                let _ = answer.send(Box::new(self.report()));
            }
        }
    }

    fn report(&self) -> Report {
        Report {
            calls: self.engine.calls(),
            half_open: self.engine.half_open(),
            sip_load: self.engine.sip_load(),
            trunks: self.engine.trunks(),
            lines: self.engine.lines().map(|(name, waiting, served)| (name.to_owned(), waiting, served)).collect(),
            tally: self.engine.tally().clone(),
            rooms: vec![
                ("engine", counted(self.engine.counters())),
                ("sip", counted(self.engine.sip_counters())),
                ("gate", counted(self.engine.gate().counters())),
                ("streams", self.sip.counters().map_or_else(Vec::new, counted)),
                ("dns", counted(self.resolver.counters())),
                ("store", counted(&*self.store.losses())),
                ("control", counted(&self.shell)),
                ("inbox", self.inbox.as_ref().map_or_else(Vec::new, |inbox| counted(inbox.counters()))),
            ],
            outbound: self
                .outbound
                .iter()
                .flat_map(Outbound::counters)
                .map(|(name, all)| (name.clone(), counted(&**all)))
                .collect(),
            traces_lost: self.traces.as_ref().map_or(0, |traces| traces.lost),
            violated: self.inbox.as_ref().map_or_else(Vec::new, Inbox::violated),
            media: self.media.load(),
            store_waiting: self.store.waiting(),
            store_lag: self.store.lag(),
        }
    }

    fn stream_told(&mut self, event: StreamEvent) {
        let now = self.clock.now();
        match event {
            StreamEvent::Message { from, bytes } => self.engine.handle(now, Input::Message { from, bytes: &bytes }),
            StreamEvent::Failed { to, bytes } => {
                tracing::debug!(%to, "a SIP message was not delivered");
                self.engine.handle(now, Input::Undelivered { bytes: &bytes });
            }
        }
    }

    fn resolved_told(&mut self, Resolved { asker, hops, host }: Resolved) {
        let hops = self.sip.of_host(hops, &host);
        self.engine.handle(self.clock.now(), Input::Resolved { asker, hops });
    }

    fn media_told(&mut self, event: WorkerEvent) {
        let (event, socket) = match event.told {
            Told::Event(event, socket) => (event, socket),
            Told::Left(leaving) => return self.media.left(leaving),
        };
        if let (crate::media::Event::Closed { id, .. }, Some(socket)) = (&event, socket) {
            self.media.give_back(id.call, id.leg, socket);
        }
        self.engine.handle(self.clock.now(), Input::Media(event));
    }

    fn stored_told(&mut self, Stored { call, store, kept }: Stored) {
        self.engine.handle(self.clock.now(), Input::Stored { call, store, kept });
    }

    fn looked_up_told(&mut self, LookedUp { call, lookup, outcome, values }: LookedUp) {
        self.engine.handle(self.clock.now(), Input::LookedUp { call, lookup, outcome, values });
    }

    fn recalled_told(&mut self, Found { call, recalled }: Found) {
        self.engine.handle(self.clock.now(), Input::Recalled { call, recalled });
    }

    fn recorded_told(&mut self, Recorded { call, recording, ended }: Recorded) {
        self.engine.handle(self.clock.now(), Input::Recorded { call, recording, ended });
    }

    fn announcer_told(&mut self, word: Word) {
        let input = match word {
            Word::Taken { call, recording, outcome, spoken } => Input::Taken { call, recording, outcome, spoken },
            Word::Announced { call, announce, done } => Input::Announced { call, announce, done },
        };
        self.engine.handle(self.clock.now(), input);
    }

    fn act(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send { to, bytes } => {
                    if let Err((bytes, error)) = self.sip.send(to, bytes) {
                        self.shell.sends_failed += 1;
                        tracing::debug!(%error, %to, "SIP send");
                        // A datagram is lost as on its way, and sent again; over a stream nothing is.
                        if to.transport.is_stream() {
                            self.engine.handle(self.clock.now(), Input::Undelivered { bytes: &bytes });
                        }
                    }
                }
                Output::Resolve { asker, uri } => {
                    if !self.resolver.resolve(asker, query(&uri)) {
                        self.engine.handle(self.clock.now(), Input::Resolved { asker, hops: Vec::new() });
                    }
                }
                Output::Recall(recall) => self.recall(recall),
                Output::Leave { caller, facts } => {
                    self.shell.memory_full += u64::from(!self.memory.leave(caller, facts));
                }
                Output::Reserve { call } => self.reserve(call),
                Output::Mint { call } => match mint() {
                    Ok(reference) => self.engine.handle(self.clock.now(), Input::Minted { call, reference }),
                    Err(error) => tracing::error!(%error, "the system gives no randomness"),
                },
                Output::Lookup { call, lookup, request } => {
                    if !self.outbound.as_ref().is_some_and(|outbound| outbound.look_up(call, lookup, request)) {
                        let (outcome, values) = (Outcome::Failed, Vec::new());
                        self.looked_up_told(LookedUp { call, lookup, outcome, values });
                    }
                }
                Output::Store(row) => {
                    let (call, store) = (row.call, row.store);
                    if !self.store.keep(Row::Context(row)) {
                        self.engine.handle(self.clock.now(), Input::Stored { call, store, kept: false });
                    }
                }
                Output::Media(command) => {
                    if let Some(refused) = self.media.command(command) {
                        self.engine.handle(self.clock.now(), Input::Media(refused));
                    }
                }
                Output::Record(order) => self.record(order),
                Output::Announce(announcement) => self.announce(announcement),
                Output::Recording(finished) => {
                    if let Some(inbox) = &self.inbox {
                        inbox.take(finished);
                    }
                }
                Output::Trace(told) => {
                    if let Some(traces) = &mut self.traces {
                        traces.tell(told);
                    }
                }
                Output::Live(cdr) => self.keep(Row::Live(cdr)),
                Output::Dialog(row) => self.keep(Row::Dialog(row)),
                Output::OrphanGone { call, leg } => self.keep(Row::OrphanGone(call, leg)),
                Output::Cdr { cdr, context } => self.keep(Row::Cdr(cdr, context)),
                Output::Release { call, name, agent_told } => {
                    self.media.release(call, agent_told);
                    self.store.keep(Row::Over(name));
                }
            }
        }
    }

    fn record(&mut self, order: RecordOrder) {
        let (call, recording) = (order.call, order.recording);
        if !self.recorder.as_ref().is_some_and(|recorder| recorder.order(order)) {
            // Nothing more goes there: it may not know that it has to be silent.
            let ended = Ended::unbegun("the recorder takes no orders");
            self.recorded_told(Recorded { call, recording, ended });
        }
    }

    fn announce(&mut self, announcement: Box<Announcement>) {
        let (call, announce) = (announcement.call, announcement.announce);
        if !self.announcer.as_ref().is_some_and(|announcer| announcer.publish(announcement)) {
            self.announcer_told(Word::Announced { call, announce, done: false });
        }
    }

    /// What nobody waits for: lost and counted if there is no room.
    fn keep(&self, row: Row) {
        self.store.keep(row);
    }

    fn recall(&mut self, recall: Recall) {
        let call = recall.call;
        if !self.memory.recall(recall) {
            self.shell.memory_full += 1;
            self.engine.handle(self.clock.now(), Input::Recalled { call, recalled: Recalled::default() });
        }
    }

    fn reserve(&mut self, call: CallNumber) {
        let at = Timestamp::now();
        let reserved = match (self.media.reserve(call), name(at)) {
            (Ok(ports), Ok(name)) => Some(Reserved { ports, at, name }),
            (Err(error), _) => {
                self.shell.ports_failed += 1;
                // The engine tells of each second's; this is why.
                if self.shell.ports_failed.is_power_of_two() {
                    tracing::warn!(%error, calls = self.shell.ports_failed, "no media port");
                }
                None
            }
            (_, Err(error)) => {
                tracing::error!(%error, "a call was refused: the system gives no randomness");
                self.media.release(call, false);
                None
            }
        };
        self.engine.handle(self.clock.now(), Input::Reserved { call, reserved });
    }
}

/// 128 bits from the system as 32 hex digits: nothing that anyone can guess.
fn mint() -> Result<Secret, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(Secret::new(bits.iter().map(|octet| format!("{octet:02x}")).collect::<String>()))
}

/// A call's public name: sorts by time, unique by 80 random bits.
fn name(at: Timestamp) -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
    Ok(ulid::Ulid::from_parts(milliseconds, u128::from_le_bytes(bits)).to_string())
}

/// What a URI says of where it leads (RFC 3263 section 4.1).
fn query(uri: &Uri) -> Query {
    let transport = uri.param("transport").and_then(Transport::of);
    Query { host: uri.host().to_owned(), port: uri.port(), transport, secure: uri.scheme() == Scheme::Sips }
}
