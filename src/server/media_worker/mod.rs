//! The media worker: a thread that owns its streams and their sockets, and paces them from an absolute tick.
//!
//! ```text
//! tick ->  commands  ->  streams of this slot: step, send  ->  streams whose turn it is: read  ->  events out
//! ```
//! No epoll, no timer and no wake-up per packet. A stream is read shortly before its step, in time for what a key changes
//! to be heard in it, and one that listens or is bridged half a turn from there as well. While the thread is under half
//! busy these are read at every tick, and one that plays twice.

mod beside;
mod load;
#[cfg(test)]
mod tests;
mod wheel;
mod wire;

pub use load::Load;

use super::recorder::ring::Inlet;
use crate::media::{Attention, Command, Event, Moving, Open, Refusal, Sink, StreamId, Streams};
use crate::os::clock::Clock;
use crate::os::sys::{self, BATCH, Batch};
use crate::time::{Duration, Instant};
use load::{Gauges, Ticks, count};
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::mpsc::Sender;
use wheel::Wheel;
use wire::{Line, Wire};

/// Commands that wait for a worker: several for each stream that it may have at once.
const COMMANDS: usize = 32_768;
/// Commands taken at one tick; the others wait for the next.
const COMMANDS_A_TICK: usize = 1024;
/// Datagrams of one socket at one tick, or a few more. What a flood sends beyond waits or is the kernel's to drop.
const DATAGRAMS: usize = 64;
/// Receives to empty a socket that is opened: its buffer holds some hundred datagrams.
const STALE: usize = 256;
/// A thread this late leaves ticks out instead of catching up.
const STALL: Duration = Duration::from_millis(500);
/// Half a core: from here on listening and bridged streams are read twice in 20 ms only.
const HALF: u64 = 500;
/// From the read to the step: the key goes to the control thread, and what it says about it comes back.
const LEAD: Duration = Duration::from_millis(6);
/// A thread that is over half busy asks a socket that gave something for more in one of so many turns: there is seldom
/// more, and asking costs a system call.
const WHOLE: u64 = 4;

#[derive(Clone, Debug)]
pub struct Configuration {
    /// Whole ticks make up 20 ms: 1, 2, 4, 5 or 10 ms. A prompt waits at most one of them.
    pub tick: Duration,
    /// Where the packets of recorded calls go.
    pub recorder: Option<Inlet>,
    /// The core that the thread is bound to, with SCHED_FIFO.
    pub core: Option<usize>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { tick: Duration::from_millis(2), recorder: None, core: None }
    }
}

#[derive(Debug)]
pub enum WorkerCommand {
    /// A stream with its bound, non-blocking socket. Datagrams that came before are thrown away.
    Open(Box<Open>, UdpSocket),
    Media(Command),
    /// A call's streams go to another worker: answered with `Told::Left`.
    Leave(u32),
    /// They come, with what waits in their sockets.
    Arrive(Box<Leaving>),
}

/// What a worker tells, and the moment of the tick at which it came about.
#[derive(Debug)]
pub struct WorkerEvent {
    pub at: Instant,
    pub told: Told,
}

#[derive(Debug)]
pub enum Told {
    /// An event and, of a stream that closed, its socket: bound, and perhaps still connected.
    Event(Event, Option<UdpSocket>),
    /// A call's streams, for `WorkerCommand::Arrive`. Nothing more of it comes from this worker.
    Left(Box<Leaving>),
}

/// A call between two workers: its streams and their sockets.
#[derive(Debug)]
pub struct Leaving {
    streams: Moving,
    lines: Vec<(StreamId, Line)>,
}

impl Leaving {
    pub fn call(&self) -> u32 {
        self.streams.call
    }
}

/// Why a worker does not take commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    Gone,
    /// Tens of thousands of them wait.
    Behind,
}

/// A command that was not taken.
#[derive(Debug)]
pub struct Unsent {
    pub why: Unreachable,
    pub command: WorkerCommand,
}

/// The way to a worker. The worker ends when its handle is dropped, or nobody takes its events.
#[derive(Debug)]
pub struct WorkerHandle {
    commands: SyncSender<WorkerCommand>,
    gauges: Arc<Gauges>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Passes a command on without waiting; commands take effect in order, at the next tick.
    pub fn send(&self, command: WorkerCommand) -> Result<(), Unsent> {
        use std::sync::mpsc::TrySendError::{Disconnected, Full};
        self.commands.try_send(command).map_err(|error| match error {
            Full(command) => Unsent { why: Unreachable::Behind, command },
            Disconnected(command) => Unsent { why: Unreachable::Gone, command },
        })
    }

    /// Whether the worker has ended, which it does only by a fault.
    pub fn is_gone(&self) -> bool {
        self.thread.is_finished()
    }

    pub fn load(&self) -> Load {
        self.gauges.read()
    }

    /// Ends the worker and waits for it. An error if it panicked.
    pub fn join(self) -> std::thread::Result<()> {
        drop(self.commands);
        self.thread.join()
    }
}

pub struct Worker {
    period: Duration,
    /// The moment of tick 0.
    zero: Instant,
    streams: Streams,
    wheel: Wheel,
    wire: Wire,
    batch: Batch,
    ticks: Ticks,
    commands: Receiver<WorkerCommand>,
    /// Streams to read at every tick; those that no longer are leave it when it is walked.
    attended: Vec<StreamId>,
    /// The streams of the tick, while they are walked.
    turn: Vec<StreamId>,
}

impl Worker {
    /// Starts a worker's thread. An error if the tick does not divide 20 ms, or the system gives no thread, or not the core
    /// and SCHED_FIFO.
    pub fn spawn(configuration: Configuration, clock: Clock, events: Sender<WorkerEvent>) -> io::Result<WorkerHandle> {
        let wheel = Wheel::new(configuration.tick)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "whole media ticks of 1-10 ms make up 20 ms"))?;
        let (sender, commands) = sync_channel(COMMANDS);
        let gauges = Arc::new(Gauges::default());
        let wire = Wire::new(events, gauges.clone(), configuration.recorder);
        let (ready, started) = sync_channel(1);
        let run = move || {
            let bound = configuration.core.map_or(Ok(()), |core| sys::pin(core).and_then(|()| sys::real_time()));
            let failed = bound.is_err();
            // Whoever starts the worker waits for this word.
            if ready.send(bound).is_err() || failed {
                return;
            }
            let zero = clock.now();
            let worker = Worker {
                period: configuration.tick,
                zero,
                streams: Streams::default(),
                wheel,
                wire,
                batch: Batch::default(),
                ticks: Ticks::start(zero),
                commands,
                attended: Vec::new(),
                turn: Vec::new(),
            };
            worker.run(clock);
        };
        let thread = std::thread::Builder::new().name("media".to_owned()).spawn(run)?;
        started.recv().map_err(|_| io::Error::other("the thread died"))??;
        Ok(WorkerHandle { commands: sender, gauges, thread })
    }

    fn run(mut self, clock: Clock) {
        let mut tick = 0;
        loop {
            tick += 1;
            clock.sleep_until(self.moment(tick));
            let now = clock.now();
            let lag = now.since(self.moment(tick));
            self.ticks.tick(now, lag, self.period, &self.wire.gauges);
            if lag > STALL {
                tick += (lag.as_micros() / self.period.as_micros()) as u64;
                count(&self.wire.gauges.stalls);
            }
            // The streams see the moment that the tick was meant for: a late tick does not move their clocks.
            self.wire.now = self.moment(tick);
            if !self.take_commands(tick) {
                return;
            }
            self.step_slot(tick);
            if self.wire.is_held_back() {
                count(&self.wire.gauges.held_back);
            } else {
                self.listen(tick);
                self.take_reports();
            }
            if !self.wire.flush() {
                return;
            }
        }
    }

    fn moment(&self, tick: u64) -> Instant {
        self.zero + Duration::from_micros(tick * self.period.as_micros() as u64)
    }

    /// The first tick at or after a moment.
    fn tick_of(&self, at: Instant) -> u64 {
        at.since(self.zero).as_micros().div_ceil(self.period.as_micros()) as u64
    }

    /// `false` once nobody can send any more.
    fn take_commands(&mut self, tick: u64) -> bool {
        for _ in 0..COMMANDS_A_TICK {
            match self.commands.try_recv() {
                Ok(WorkerCommand::Open(open, socket)) => self.open(open, socket, tick),
                Ok(WorkerCommand::Media(command)) => self.command(command, tick),
                Ok(WorkerCommand::Leave(call)) => self.leave(call),
                Ok(WorkerCommand::Arrive(leaving)) => self.arrive(*leaving, tick),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        self.wire.gauges.streams.store(self.streams.len() as u64, Relaxed);
        self.wire.gauges.strays.store(self.streams.strays(), Relaxed);
        true
    }

    fn open(&mut self, open: Box<Open>, socket: UdpSocket, tick: u64) {
        let id = open.id;
        let taken = self.wire.lines.contains_key(&id);
        // It may have served another stream, and would hear nobody but that one's far end.
        if socket.peer_addr().is_ok()
            && let Err(error) = sys::disconnect(&socket)
        {
            tracing::warn!(%error, "a media socket could not be disconnected");
            return self.wire.event(Event::Refused { id, refusal: Refusal::NoSocket });
        }
        self.streams.command(Command::Open(open), &mut self.wire);
        if taken || self.streams.attention(id).is_none() {
            return;
        }
        // What waits in a socket that served another stream is not this one's.
        for _ in 0..STALE {
            match self.batch.receive(&socket) {
                Ok(BATCH) => {}
                _ => break,
            }
        }
        let at = self.wheel.emptiest(tick);
        let slot = self.wheel.place(id, at);
        self.wire.add(id, socket, slot);
        self.attend(id);
    }

    fn command(&mut self, command: Command, tick: u64) {
        let bridged = match command {
            Command::Bridge { call, a, b } => [Some(a), Some(b), None].map(|leg| Some(StreamId { call, leg: leg? })),
            Command::Join { call, legs } => legs.map(|leg| Some(StreamId { call, leg })),
            _ => [None; 3],
        };
        match &command {
            Command::Open(open) => {
                let refusal = Refusal::NoSocket;
                return self.wire.event(Event::Refused { id: open.id, refusal });
            }
            // A prompt begins at this tick, not when the stream's turn comes.
            Command::Play { id, .. } => self.reslot(*id, Some(tick)),
            Command::Close { id } => self.forget(*id),
            _ => {}
        }
        let stopped = match command {
            Command::Stop { id } => Some(id),
            _ => None,
        };
        self.streams.command(command, &mut self.wire);
        for id in bridged.into_iter().chain([stopped]).flatten() {
            self.attend(id);
        }
    }

    /// The stream is on no list any more.
    fn forget(&mut self, id: StreamId) {
        self.reslot(id, None);
        if self.wire.lines.get(&id).is_some_and(|line| line.attended) {
            self.attended.retain(|&other| other != id);
        }
    }

    fn leave(&mut self, call: u32) {
        let streams = self.streams.leave(call);
        let ids: Vec<StreamId> = streams.ids().collect();
        for &id in &ids {
            self.forget(id);
            // Bound anew with the next report.
            self.wire.beside.close(id);
        }
        let lines = ids.into_iter().filter_map(|id| Some((id, self.wire.lines.remove(&id)?))).collect();
        self.wire.tell(Told::Left(Box::new(Leaving { streams, lines })));
    }

    fn arrive(&mut self, Leaving { streams, lines }: Leaving, tick: u64) {
        self.streams.arrive(streams, &mut self.wire);
        for (id, line) in lines {
            if self.streams.attention(id).is_none() {
                continue;
            }
            // Its step is what says when the next one is due.
            let slot = self.wheel.place(id, tick);
            self.wire.lines.insert(id, Line { slot, attended: false, drained: 0, ..line });
            self.attend(id);
        }
    }

    /// Moves a stream to the slot of a tick, or off the wheel.
    fn reslot(&mut self, id: StreamId, tick: Option<u64>) {
        if let Some(line) = self.wire.lines.get_mut(&id) {
            self.wheel.remove(id, line.slot);
            if let Some(tick) = tick {
                line.slot = self.wheel.place(id, tick);
            }
        }
    }

    /// The streams whose step is due.
    fn step_slot(&mut self, tick: u64) {
        let mut turn = std::mem::take(&mut self.turn);
        self.wheel.take(tick, &mut turn);
        for &id in &turn {
            let Some(due) = self.streams.tick(self.wire.now, id, &mut self.wire) else { continue };
            let at = self.tick_of(due).max(tick + 1);
            let slot = self.wheel.place(id, at);
            let Some(line) = self.wire.lines.get_mut(&id) else { continue };
            line.slot = slot;
            if !line.attended {
                self.attend(id);
            }
        }
        self.turn = turn;
    }

    /// Reads streams that are near their step, or half a turn from there, and, while there is time, those that want it at
    /// every tick.
    fn listen(&mut self, tick: u64) {
        let mut turn = std::mem::take(&mut self.turn);
        let relaxed = self.ticks.busy_permille < HALF;
        let (streams, lines) = (&self.streams, &mut self.wire.lines);
        let (len, lead) = (self.wheel.len(), LEAD.as_micros().div_ceil(self.period.as_micros()) as u64);
        let between = self.wheel.ahead(tick, lead + len / 2).iter().copied();
        turn.clear();
        turn.extend_from_slice(self.wheel.ahead(tick, lead));
        turn.extend(between.filter(|&id| relaxed || streams.attention(id) != Some(Attention::Playing)));
        let whole = relaxed || (tick / len).is_multiple_of(WHOLE);
        if relaxed {
            self.attended.retain(|&id| {
                let kept = matches!(streams.attention(id), Some(Attention::Listening | Attention::Bridged));
                if kept {
                    turn.push(id);
                } else if let Some(line) = lines.get_mut(&id) {
                    line.attended = false;
                }
                kept
            });
        }
        for &id in &turn {
            self.drain(id, tick, whole);
        }
        self.turn = turn;
    }

    /// Reads the reports that came to ports beside the streams', a batch of each: what a flood sends beyond waits, or is the
    /// kernel's to drop.
    fn take_reports(&mut self) {
        for id in self.wire.beside.ready() {
            let taken = self.wire.beside.socket(id).map_or(Ok(0), |socket| self.batch.receive(socket));
            // An error is a far end that takes no reports (ECONNREFUSED).
            for index in 0..taken.unwrap_or(0) {
                if let Some((source, bytes)) = self.batch.datagram(index) {
                    self.streams.on_report(self.wire.now, id, source, bytes);
                }
            }
        }
    }

    /// Puts a stream on the list of those that are read at every tick, if it belongs there.
    fn attend(&mut self, id: StreamId) {
        let Some(line) = self.wire.lines.get_mut(&id) else { return };
        let attention = self.streams.attention(id);
        if !line.attended && matches!(attention, Some(Attention::Listening | Attention::Bridged)) {
            line.attended = true;
            self.attended.push(id);
        }
    }

    /// Reads what has come for a stream, once a tick at most: all of it, or the first of it.
    fn drain(&mut self, id: StreamId, tick: u64, whole: bool) {
        let Some(line) = self.wire.lines.get_mut(&id) else { return };
        if std::mem::replace(&mut line.drained, tick) == tick {
            return;
        }
        let connected = line.connected.is_some();
        let mut read = 0;
        while read < DATAGRAMS {
            let Some(line) = self.wire.lines.get_mut(&id) else { return };
            let failed = match line.source() {
                Some(source) => match self.batch.receive_one(&line.socket) {
                    Ok(bytes) => {
                        read += 1;
                        self.streams.on_packet(self.wire.now, id, source, bytes, &mut self.wire);
                        if whole {
                            continue;
                        }
                        return;
                    }
                    Err(error) => error,
                },
                None => match self.batch.receive(&line.socket) {
                    Ok(taken) => {
                        read += BATCH;
                        self.take(id, taken);
                        continue;
                    }
                    Err(error) => error,
                },
            };
            if failed.kind() == ErrorKind::WouldBlock {
                // Connected since before this drain, and empty: from here on the kernel lets nobody else in.
                line.pure |= connected;
                return;
            }
            // A far end that has closed its port is told here (ECONNREFUSED). It never ends a stream.
            read += 1;
            count(&self.wire.gauges.receives_failed);
            tracing::trace!(error = %failed, "media receive");
        }
    }

    /// Gives a stream the datagrams of a batch, each with its source.
    fn take(&mut self, id: StreamId, taken: usize) {
        for index in 0..taken {
            if let Some((source, bytes)) = self.batch.datagram(index) {
                self.streams.on_packet(self.wire.now, id, source, bytes, &mut self.wire);
            }
        }
    }
}
