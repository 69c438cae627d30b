//! The control plane: one thread that owns the engine. It takes inputs off its queues, stamps them once,
//! and does what the engine says. Nothing here waits for anything but its queues.

use super::dns::{Query, Resolved, Resolver};
use super::media_plane::MediaPlane;
use super::media_worker::WorkerEvent;
use super::store::{Row, Store, Stored};
use super::streams::StreamEvent;
use super::traces::Publisher;
use super::transports::{Listening, Transports};
use crate::engine::{CallNumber, Engine, Input, Output, Reserved};
use crate::os::clock::Clock;
use crate::secret::Secret;
use crate::sip::uri::Scheme;
use crate::sip::{Transport, Uri};
use crate::time::{Duration, Instant};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

/// The greatest UDP payload.
const DATAGRAM: usize = 65_535;
/// Datagrams and events taken in one turn, so that neither queue starves the other.
const TURN: usize = 64;
/// After the signal to drain, calls that stand have this long.
const DRAIN: Duration = Duration::from_secs(30 * 60);
/// Then they are ended, and their BYEs have this long for an answer.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// What whoever runs the service wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Will {
    Serve,
    /// No new calls; those that stand come to their end.
    Drain,
    /// Those that stand end now.
    Stop,
}

pub struct Control {
    pub engine: Engine,
    pub clock: Clock,
    pub sip: Transports,
    pub stream_events: mpsc::Receiver<StreamEvent>,
    pub resolver: Resolver,
    pub resolved: mpsc::Receiver<Resolved>,
    pub media: MediaPlane,
    pub media_events: mpsc::Receiver<WorkerEvent>,
    pub store: Store,
    pub stored: mpsc::UnboundedReceiver<Stored>,
    /// Where traces go, if calls are traced.
    pub traces: Option<Publisher>,
    pub will: watch::Receiver<Will>,
}

/// What the control plane counted besides the engine.
#[derive(Debug, Default)]
pub struct Shell {
    pub sends_failed: u64,
    pub ports_failed: u64,
}

impl Control {
    /// Runs until the drain is over.
    pub async fn run(mut self) -> Engine {
        let mut datagram = vec![0; DATAGRAM];
        let mut shell = Shell::default();
        let mut ends: Option<Instant> = None;
        let mut stopped = false;
        loop {
            let now = self.clock.now();
            if ends.is_some_and(|end| now >= end) && !stopped {
                stopped = true;
                self.engine.handle(now, Input::Stop);
                self.act(&mut shell);
                ends = Some(now + LAST_WORDS);
            }
            if ends.is_some_and(|end| self.engine.idle() || stopped && now >= end) {
                break;
            }
            let deadline = [self.engine.next_deadline(), ends].into_iter().flatten().min();
            // In this order, so that a flood of datagrams starves neither the clock nor an operator.
            tokio::select! {
                biased;
                changed = self.will.changed() => match self.will_now(changed.is_err()) {
                    Will::Serve => {}
                    Will::Drain => {
                        ends = ends.or(Some(self.clock.now() + DRAIN));
                        self.engine.handle(self.clock.now(), Input::Drain);
                    }
                    Will::Stop => ends = Some(self.clock.now()),
                },
                () = until(&self.clock, deadline) => self.engine.handle(self.clock.now(), Input::Deadline),
                Some(event) = self.media_events.recv() => self.media_turn(event),
                Some(stored) = self.stored.recv() => self.stored_turn(stored),
                Some(resolved) = self.resolved.recv() => self.resolved_told(resolved),
                Some(event) = self.stream_events.recv() => self.stream_turn(event),
                ready = self.sip.readable() => if let Err(error) = ready {
                    tracing::error!(%error, "the SIP socket cannot be read");
                },
            }
            // Whatever woke us: a flood of keys must not keep a BYE waiting.
            self.sip_turn(&mut datagram);
            self.act(&mut shell);
        }
        let (engine, sip, streams) = (self.engine.counters(), self.engine.sip_counters(), self.sip.counters());
        let (gate, dns) = (self.engine.gate().counters(), self.resolver.counters());
        let traces_lost = self.traces.as_ref().map(|traces| traces.lost);
        tracing::info!(?engine, ?sip, ?gate, ?streams, ?dns, ?shell, traces_lost, store = ?self.store.losses(), media = ?self.media.load(), "ended");
        self.store.close();
        self.engine
    }

    fn sip_turn(&mut self, buffer: &mut [u8]) {
        let (engine, clock) = (&mut self.engine, &self.clock);
        self.sip.datagrams(TURN, buffer, |from, bytes| engine.handle(clock.now(), Input::Message { from, bytes }));
    }

    fn stream_turn(&mut self, first: StreamEvent) {
        self.stream_told(first);
        for _ in 1..TURN {
            match self.stream_events.try_recv() {
                Ok(event) => self.stream_told(event),
                Err(_) => return,
            }
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

    /// What is wanted now; nobody left to want anything means the end.
    fn will_now(&mut self, alone: bool) -> Will {
        if alone { Will::Stop } else { *self.will.borrow_and_update() }
    }

    fn media_turn(&mut self, first: WorkerEvent) {
        self.media_told(first);
        for _ in 1..TURN {
            match self.media_events.try_recv() {
                Ok(event) => self.media_told(event),
                Err(_) => return,
            }
        }
    }

    fn media_told(&mut self, event: WorkerEvent) {
        let (told, socket) = event.split();
        if let (crate::media::Event::Closed { id, .. }, Some(socket)) = (&told, socket) {
            self.media.give_back(id.call, id.leg, socket);
        }
        self.engine.handle(self.clock.now(), Input::Media(told));
    }

    fn stored_turn(&mut self, first: Stored) {
        self.stored_told(first);
        for _ in 1..TURN {
            match self.stored.try_recv() {
                Ok(stored) => self.stored_told(stored),
                Err(_) => return,
            }
        }
    }

    fn stored_told(&mut self, Stored { call, store, kept }: Stored) {
        self.engine.handle(self.clock.now(), Input::Stored { call, store, kept });
    }

    fn act(&mut self, shell: &mut Shell) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send { to, bytes } => {
                    if let Err((bytes, error)) = self.sip.send(to, bytes) {
                        shell.sends_failed += 1;
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
                Output::Reserve { call } => self.reserve(call, shell),
                Output::Mint { call } => match mint() {
                    Ok(reference) => self.engine.handle(self.clock.now(), Input::Minted { call, reference }),
                    Err(error) => tracing::error!(%error, "the system gives no randomness"),
                },
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
                Output::Recording(fixture) => {
                    self.store.keep(Row::Recording(fixture));
                }
                Output::Trace(told) => {
                    if let Some(traces) = &mut self.traces {
                        traces.tell(told);
                    }
                }
                Output::Cdr(cdr) => {
                    self.store.keep(Row::Cdr(cdr));
                }
                Output::Release { call, name } => {
                    self.media.release(call);
                    self.store.keep(Row::Over(name));
                }
            }
        }
    }

    fn reserve(&mut self, call: CallNumber, shell: &mut Shell) {
        let at = Timestamp::now();
        let reserved = match (self.media.reserve(call), name(at)) {
            (Ok(ports), Ok(name)) => Some(Reserved { ports, at, name }),
            (Err(error), _) => {
                shell.ports_failed += 1;
                // The engine tells of each second's; this is why.
                if shell.ports_failed.is_power_of_two() {
                    tracing::warn!(%error, calls = shell.ports_failed, "no media port");
                }
                None
            }
            (_, Err(error)) => {
                tracing::error!(%error, "a call was refused: the system gives no randomness");
                self.media.release(call);
                None
            }
        };
        self.engine.handle(self.clock.now(), Input::Reserved { call, reserved });
    }
}

async fn until(clock: &Clock, deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep(at.since(clock.now())).await,
        None => std::future::pending().await,
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

/// Runs a control plane on a runtime of this thread.
pub fn run(make: impl FnOnce(Transports, mpsc::Receiver<StreamEvent>) -> Control, sip: Listening) -> Engine {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let (sip, stream_events) = sip.adopt().expect("non-blocking sockets in a runtime");
        make(sip, stream_events).run().await
    })
}
