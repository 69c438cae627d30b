//! The control plane: one thread that owns the engine. It takes inputs off its queues, stamps them once,
//! and does what the engine says. Nothing here waits for anything but its queues.

use super::media_plane::MediaPlane;
use super::media_worker::WorkerEvent;
use super::store::{Row, Store, Stored};
use crate::engine::{CallNumber, Engine, Input, Output, Reserved};
use crate::os::clock::Clock;
use crate::secret::Secret;
use crate::sip::Hop;
use crate::time::{Duration, Instant};
use jiff::Timestamp;
use std::net::SocketAddr;
use tokio::net::UdpSocket;
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
    pub sip: UdpSocket,
    pub media: MediaPlane,
    pub media_events: mpsc::Receiver<WorkerEvent>,
    pub store: Store,
    pub stored: mpsc::UnboundedReceiver<Stored>,
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
                ready = self.sip.readable() => if let Err(error) = ready {
                    tracing::error!(%error, "the SIP socket cannot be read");
                },
            }
            // Whatever woke us: a flood of keys must not keep a BYE waiting.
            self.sip_turn(&mut datagram);
            self.act(&mut shell);
        }
        let (engine, sip) = (self.engine.counters(), self.engine.sip_counters());
        let gate = self.engine.gate().counters();
        tracing::info!(?engine, ?sip, ?gate, ?shell, store = ?self.store.losses(), media = ?self.media.load(), "ended");
        self.store.close();
        self.engine
    }

    fn sip_turn(&mut self, datagram: &mut [u8]) {
        for _ in 0..TURN {
            match self.sip.try_recv_from(datagram) {
                Ok((length, source)) => {
                    let input = Input::Message { from: Hop::udp(source), bytes: &datagram[..length] };
                    self.engine.handle(self.clock.now(), input);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // A port that a peer closed is reported here; its transactions time out by themselves.
                Err(error) => tracing::trace!(%error, "SIP receive"),
            }
        }
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
                    if let Err(error) = self.sip.try_send_to(&bytes, to.address) {
                        // Lost like a datagram on the way: the transaction sends it again.
                        shell.sends_failed += 1;
                        tracing::debug!(%error, %to, "SIP send");
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
                tracing::warn!(%error, "a call was refused: no media port");
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

/// The address that peers reach a socket at: the advertised one where it differs from the bound one.
pub fn contact(bound: SocketAddr, advertise: Option<std::net::IpAddr>) -> SocketAddr {
    SocketAddr::new(advertise.unwrap_or(bound.ip()), bound.port())
}

/// Runs a control plane on a runtime of this thread.
pub fn run(make: impl FnOnce(UdpSocket) -> Control, sip: std::net::UdpSocket) -> Engine {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let sip = UdpSocket::from_std(sip).expect("a non-blocking socket in a runtime");
        make(sip).run().await
    })
}
