//! The control plane's side of media: binds the sockets of a call, picks its worker, passes the commands on.

use super::media_worker::{self, Worker, WorkerCommand, WorkerEvent, WorkerHandle};
use super::ports::{self, NoPort};
use crate::engine::{CallNumber, MediaPorts};
use crate::media::Command;
use crate::os::clock::Clock;
use crate::random::Random;
use std::collections::HashMap;
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
    random: Random,
}

impl MediaPlane {
    /// Starts the workers; their events arrive at `events`.
    pub fn start(
        setup: MediaSetup,
        clock: Clock,
        events: mpsc::Sender<WorkerEvent>,
        random: Random,
    ) -> std::io::Result<Self> {
        let configuration = media_worker::Configuration::default();
        let workers = (0..setup.workers.max(1))
            .map(|_| Worker::spawn(configuration.clone(), clock, events.clone()))
            .collect::<std::io::Result<Vec<_>>>()?;
        let calls_on = vec![0; workers.len()];
        Ok(Self { setup, workers, calls_on, reserved: HashMap::new(), random })
    }

    /// Binds a socket for either leg of a call, on the worker with the fewest calls.
    pub fn reserve(&mut self, call: CallNumber) -> Result<MediaPorts, NoPort> {
        let mut bind = || ports::bind_even_port(self.setup.address, self.setup.ports.clone(), &mut self.random);
        let (caller, agent) = (bind()?, bind()?);
        let address = self.setup.advertise.unwrap_or(self.setup.address);
        let shown = |socket: &UdpSocket| socket.local_addr().map(|bound| SocketAddr::new(address, bound.port()));
        let shown = (shown(&caller).map_err(NoPort::Os)?, shown(&agent).map_err(NoPort::Os)?);
        let fewest = self.calls_on.iter().enumerate().min_by_key(|(_, calls)| **calls);
        let worker = fewest.map_or(0, |(worker, _)| worker);
        self.calls_on[worker] += 1;
        self.reserved.insert(call, Reserved { worker, sockets: [Some(caller), Some(agent)] });
        Ok(MediaPorts { caller: shown.0, agent: shown.1 })
    }

    /// Passes a command to the worker of its call.
    pub fn command(&mut self, command: Command) {
        let Some(reserved) = self.reserved.get_mut(&command.call()) else { return };
        let worker = &self.workers[reserved.worker];
        let command = match command {
            Command::Open(open) => match reserved.sockets[usize::from(open.id.leg)].take() {
                Some(socket) => WorkerCommand::Open(open, socket),
                None => return tracing::error!("a stream was opened twice"),
            },
            command => WorkerCommand::Media(command),
        };
        if let Err(unreachable) = worker.send(command) {
            tracing::error!(?unreachable, "a media worker takes no commands: its calls are silent");
        }
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
