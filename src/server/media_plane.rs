//! The control plane's side of media: binds the sockets of a call, picks its worker, passes the commands on.

use super::media_worker::{self, Load, Unreachable, Unsent, Worker, WorkerCommand, WorkerEvent, WorkerHandle};
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
}

/// The sockets of one call; a leg's socket is here while no stream has it.
struct Reserved {
    worker: usize,
    sockets: [Option<UdpSocket>; 2],
}

pub struct MediaPlane {
    setup: MediaSetup,
    workers: Vec<WorkerHandle>,
    calls_on: Vec<usize>,
    reserved: HashMap<CallNumber, Reserved>,
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
        let mut rings = Vec::new();
        let workers = (0..setup.workers.max(1))
            .map(|_| {
                let mut configuration = media_worker::Configuration::default();
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
        Ok((Self { setup, workers, calls_on, reserved: HashMap::new(), unsent, random }, rings))
    }

    /// Binds a socket for either leg of a call, on the worker with the fewest calls.
    pub fn reserve(&mut self, call: CallNumber) -> Result<MediaPorts, NoPort> {
        let mut bind = || ports::bind_even_port(self.setup.address, self.setup.ports.clone(), &mut self.random);
        let ((caller, caller_port), (agent, agent_port)) = (bind()?, bind()?);
        let address = super::transports::reached(self.setup.address, self.setup.advertise);
        let [shown_caller, shown_agent] = [caller_port, agent_port].map(|port| SocketAddr::new(address, port));
        let alive = self.calls_on.iter().enumerate().filter(|(worker, _)| !self.workers[*worker].is_gone());
        let fewest = alive.min_by_key(|(_, calls)| **calls).map(|(worker, _)| worker);
        let worker = fewest.ok_or_else(|| NoPort::Os(std::io::Error::other("no media worker is left")))?;
        self.calls_on[worker] += 1;
        self.reserved.insert(call, Reserved { worker, sockets: [Some(caller), Some(agent)] });
        Ok(MediaPorts { caller: shown_caller, agent: shown_agent })
    }

    /// Passes a command to the worker of its call, or says why it cannot.
    pub fn command(&mut self, command: Command) -> Option<Event> {
        let reserved = self.reserved.get_mut(&command.call())?;
        let worker = reserved.worker;
        let command = match command {
            Command::Open(open) => match reserved.sockets[usize::from(open.id.leg)].take() {
                Some(socket) => WorkerCommand::Open(open, socket),
                None => return Some(Event::Refused { id: open.id, refusal: Refusal::NoSocket }),
            },
            command => WorkerCommand::Media(command),
        };
        let opens = match &command {
            WorkerCommand::Open(open, _) => Some(open.id),
            WorkerCommand::Media(_) => None,
        };
        if self.workers[worker].is_gone() {
            return opens.map(|id| Event::Refused { id, refusal: Refusal::NoSocket });
        }
        self.unsent[worker].push_back(command);
        self.retry();
        None
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

    /// How busy each worker is, and how late its ticks were.
    pub fn load(&self) -> Vec<Load> {
        self.workers.iter().map(WorkerHandle::load).collect()
    }

    /// A stream closed: its socket serves the call's next stream, if there is one.
    pub fn give_back(&mut self, call: CallNumber, leg: u8, socket: UdpSocket) {
        if let Some(reserved) = self.reserved.get_mut(&call) {
            reserved.sockets[usize::from(leg)] = Some(socket);
        }
    }

    pub fn release(&mut self, call: CallNumber) {
        if let Some(reserved) = self.reserved.remove(&call) {
            self.calls_on[reserved.worker] -= 1;
        }
    }
}
