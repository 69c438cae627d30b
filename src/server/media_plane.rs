//! The control plane's side of media: binds the sockets of a call, picks its worker, passes the commands on.

use super::media_worker::{self, Leaving, Load, Unreachable, Unsent, Worker, WorkerCommand, WorkerEvent, WorkerHandle};
use super::ports::{self, NoPort};
use super::recorder::ring::{Outlet, ring};
use crate::engine::{CallNumber, MediaPorts};
use crate::media::{Command, Event, Refusal};
use crate::os::clock::Clock;
use crate::random::Random;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use tokio::sync::mpsc;

/// Sockets kept for the next calls. Most calls never call an agent, and to bind and close a port takes longer than any
/// other part of the control thread's work for a call.
const SPARE: usize = 1024;

/// What the media plane is made from.
#[derive(Clone, Debug)]
pub struct MediaSetup {
    pub address: IpAddr,
    pub ports: RangeInclusive<u16>,
    /// The address in session descriptions, where it differs from the bound one.
    pub advertise: Option<IpAddr>,
    pub workers: usize,
    /// Recordings at once; 0: there is no recorder.
    pub recordings: usize,
    /// Their cores, as many, where each has one of its own and SCHED_FIFO.
    pub cores: Option<Vec<usize>>,
}

/// From here on a worker's calls are moved to one that wants so much less, thousandths of a core.
const CROWDED: u64 = 600;
const LESS: u64 = 200;
/// Calls that move at a time.
const MOVES: usize = 16;

/// The sockets of one call; a leg's socket is here while no stream has it.
struct Reserved {
    worker: usize,
    /// While the call is between two workers: what the second one is to do. A call says little in a few ticks.
    held: Option<Vec<WorkerCommand>>,
    /// It stays where it is: the packets of a recorded call come to the recorder by one ring, in order.
    recorded: bool,
    sockets: [Option<UdpSocket>; 2],
    agent_port: u16,
}

pub struct MediaPlane {
    setup: MediaSetup,
    workers: Vec<WorkerHandle>,
    calls_on: Vec<usize>,
    reserved: HashMap<CallNumber, Reserved>,
    /// Sockets that served no stream, and of whose ports nobody was told: nothing of an old call comes to them.
    spare: Vec<(UdpSocket, u16)>,
    /// Commands that a worker was too far behind to take, by worker: one that stalls holds up no other. Bounded by
    /// the calls, each with a few.
    unsent: Vec<VecDeque<WorkerCommand>>,
    random: Random,
}

impl MediaPlane {
    /// Starts the workers; their events arrive at `events`. Gives the ring of each to the recorder.
    pub fn start(
        setup: MediaSetup,
        clock: Clock,
        events: mpsc::Sender<WorkerEvent>,
        random: Random,
    ) -> std::io::Result<(Self, Vec<Outlet>)> {
        let core = |worker: usize| setup.cores.as_ref().and_then(|cores| cores.get(worker).copied());
        let mut rings = Vec::new();
        let workers = (0..setup.workers.max(1))
            .map(|worker| {
                let mut configuration = media_worker::Configuration { core: core(worker), ..Default::default() };
                if setup.recordings > 0 {
                    let (inlet, outlet) = ring(setup.recordings);
                    configuration.recorder = Some(inlet);
                    rings.push(outlet);
                }
                Worker::spawn(configuration, clock, events.clone())
            })
            .collect::<std::io::Result<Vec<_>>>()?;
        let calls_on = vec![0; workers.len()];
        let unsent = workers.iter().map(|_| VecDeque::new()).collect();
        Ok((Self { setup, workers, calls_on, reserved: HashMap::new(), spare: Vec::new(), unsent, random }, rings))
    }

    /// Binds a socket for either leg of a call, on the worker with the fewest calls.
    pub fn reserve(&mut self, call: CallNumber) -> Result<MediaPorts, NoPort> {
        let (caller, agent) = (self.socket()?, self.socket()?);
        let address = super::transports::reached(self.setup.address, self.setup.advertise);
        let [shown_caller, shown_agent] = [caller.1, agent.1].map(|port| SocketAddr::new(address, port));
        let alive = self.calls_on.iter().enumerate().filter(|(worker, _)| !self.workers[*worker].is_gone());
        let fewest = alive.min_by_key(|(_, calls)| **calls).map(|(worker, _)| worker);
        let worker = fewest.ok_or_else(|| NoPort::Os(std::io::Error::other("no media worker is left")))?;
        self.calls_on[worker] += 1;
        let sockets = [Some(caller.0), Some(agent.0)];
        self.reserved.insert(call, Reserved { worker, held: None, recorded: false, sockets, agent_port: agent.1 });
        Ok(MediaPorts { caller: shown_caller, agent: shown_agent })
    }

    fn socket(&mut self) -> Result<(UdpSocket, u16), NoPort> {
        match self.spare.pop() {
            Some(spare) => Ok(spare),
            None => ports::bind_even_port(self.setup.address, self.setup.ports.clone(), &mut self.random),
        }
    }

    /// Passes a command to the worker of its call, or says why it cannot.
    pub fn command(&mut self, command: Command) -> Option<Event> {
        let reserved = self.reserved.get_mut(&command.call())?;
        let worker = reserved.worker;
        reserved.recorded |= matches!(command, Command::Tap { .. });
        let command = match command {
            Command::Open(open) => match reserved.sockets[usize::from(open.id.leg)].take() {
                Some(socket) => WorkerCommand::Open(open, socket),
                None => return Some(Event::Refused { id: open.id, refusal: Refusal::NoSocket }),
            },
            command => WorkerCommand::Media(command),
        };
        let opens = match &command {
            WorkerCommand::Open(open, _) => Some(open.id),
            _ => None,
        };
        if self.workers[worker].is_gone() {
            return opens.map(|id| Event::Refused { id, refusal: Refusal::NoSocket });
        }
        match &mut reserved.held {
            Some(held) => held.push(command),
            None => self.send(worker, command),
        }
        None
    }

    fn send(&mut self, worker: usize, command: WorkerCommand) {
        self.unsent[worker].push_back(command);
        self.retry();
    }

    /// Moves some calls from the worker that is busiest to the one that is least, if that is worth it.
    pub fn balance(&mut self) {
        let alive = self.workers.iter().enumerate().filter(|(_, worker)| !worker.is_gone());
        let loads: Vec<(u64, usize)> = alive.map(|(index, worker)| (worker.load().wanted_permille, index)).collect();
        let (Some(&(most, from)), Some(&(least, to))) = (loads.iter().max(), loads.iter().min()) else { return };
        if most >= CROWDED && most >= least + LESS {
            self.relocate(from, to);
        }
    }

    fn relocate(&mut self, from: usize, to: usize) {
        let there =
            self.reserved.iter_mut().filter(|(_, call)| call.worker == from && call.held.is_none() && !call.recorded);
        let mut moved = Vec::with_capacity(MOVES);
        for (&number, call) in there.take(MOVES) {
            (call.worker, call.held) = (to, Some(Vec::new()));
            moved.push(number);
        }
        self.calls_on[from] -= moved.len();
        self.calls_on[to] += moved.len();
        tracing::debug!(from, to, calls = moved.len(), "calls move to another media worker");
        moved.into_iter().for_each(|call| self.send(from, WorkerCommand::Leave(call)));
    }

    /// A call that left its worker goes to the next, and what it was told meanwhile behind it.
    pub fn left(&mut self, leaving: Box<Leaving>) {
        // Without a reservation the call is over: its streams go with it.
        let Some(reserved) = self.reserved.get_mut(&leaving.call()) else { return };
        let (worker, held) = (reserved.worker, reserved.held.take());
        let all = std::iter::once(WorkerCommand::Arrive(leaving)).chain(held.into_iter().flatten());
        all.for_each(|command| self.send(worker, command));
    }

    /// Sends what waits, in order, as far as the workers take it: a stream that is not closed keeps its port.
    fn retry(&mut self) {
        for (worker, unsent) in self.workers.iter().zip(&mut self.unsent) {
            while let Some(command) = unsent.pop_front() {
                if let Err(Unsent { why: Unreachable::Behind, command }) = worker.send(command) {
                    unsent.push_front(command);
                    break;
                }
            }
        }
    }

    /// How busy each worker that lives is, and how late its ticks were.
    pub fn load(&self) -> Vec<Load> {
        self.workers.iter().filter(|worker| !worker.is_gone()).map(WorkerHandle::load).collect()
    }

    /// A stream closed: its socket serves the call's next stream, if there is one.
    pub fn give_back(&mut self, call: CallNumber, leg: u8, socket: UdpSocket) {
        if let Some(reserved) = self.reserved.get_mut(&call) {
            reserved.sockets[usize::from(leg)] = Some(socket);
        }
    }

    /// The call is over. `agent_told`: of the port of the agent's leg.
    pub fn release(&mut self, call: CallNumber, agent_told: bool) {
        let Some(Reserved { worker, sockets: [_, agent], agent_port, .. }) = self.reserved.remove(&call) else {
            return;
        };
        self.calls_on[worker] -= 1;
        if let Some(agent) = agent.filter(|_| !agent_told && self.spare.len() < SPARE) {
            self.spare.push((agent, agent_port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::media::{Open, StreamId};
    use crate::sdp::{Direction, Negotiated};
    use crate::server::media_worker::Told;
    use crate::time::Duration;
    use std::net::Ipv4Addr;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn plane(workers: usize, ports: RangeInclusive<u16>) -> (MediaPlane, mpsc::Receiver<WorkerEvent>) {
        let (sender, events) = mpsc::channel(64);
        let setup = MediaSetup { address: LOOPBACK, ports, advertise: None, workers, recordings: 0, cores: None };
        (MediaPlane::start(setup, Clock::start(), sender, Random::from_seed(1)).expect("threads").0, events)
    }

    #[test]
    fn a_port_that_nobody_was_told_of_serves_the_next_call() {
        let (mut plane, _events) = plane(1, 15_400..=15_499);
        let first = plane.reserve(1).expect("ports");
        plane.release(1, false);
        let second = plane.reserve(2).expect("ports");
        assert_eq!((second.caller, plane.spare.len()), (first.agent, 0));
        plane.release(2, true);
        assert_eq!(plane.spare.len(), 0);
    }

    #[test]
    fn what_a_call_is_told_while_it_moves_is_done_behind_it() {
        let (mut plane, mut events) = plane(2, 15_500..=15_599);
        plane.reserve(1).expect("ports");
        let id = StreamId { call: 1, leg: 0 };
        let session = Negotiated {
            codec: Codec::Pcmu,
            payload_type: 0,
            receive_payload_type: 0,
            event_send: None,
            event_receive: None,
            event_clock: 8_000,
            remote: SocketAddr::new(LOOPBACK, 9),
            direction: Direction::SendRecv,
            rtcp_mux: false,
            srtp: None,
        };
        let (signalling, media_from) = (LOOPBACK, Vec::new());
        let open = Open { id, session, signalling, media_from, ssrc: 1, sequence: 1, timestamp: 1, gated: true };
        assert_eq!(plane.command(Command::Open(Box::new(open))), None);
        plane.relocate(0, 1);
        assert_eq!(plane.command(Command::Close { id }), None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut next = || {
            let next = async { tokio::time::timeout(Duration::from_secs(10), events.recv()).await };
            runtime.block_on(next).expect("in time").expect("workers that live").told
        };
        let Told::Left(leaving) = next() else { panic!("it leaves before it closes") };
        plane.left(leaving);
        assert!(matches!(next(), Told::Event(Event::Closed { .. }, Some(_))));
        assert_eq!(plane.calls_on, [0, 1]);
    }
}
