//! Our SIP sockets of every kind: UDP here, TCP and TLS on the thread of `streams`.

use super::streams::{self, Bounds, StreamEvent, Streams, tls};
use super::{NotStarted, not_started};
use crate::config::Config;
use crate::os::sys::{BATCH, Batch};
use crate::sip::{Hop, Locals, Transport};
use ipnet::IpNet;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use tokio::sync::mpsc;

/// What the kernel keeps for us of datagrams while another thread has the core: some thousands, at the size that it
/// counts them with. It gives no more than the system's net.core.rmem_max.
pub const WAITING_BYTES: usize = 8 << 20;

const OTHER_PORT: &str = "another program has it, or the address is not this machine's: give another address";

/// Sockets that are bound, and not yet read.
pub struct Listening {
    /// Each with whether it is of IPv4.
    udp: Vec<(bool, UdpSocket)>,
    streams: Option<(Streams, mpsc::Receiver<StreamEvent>)>,
    /// What they are bound to, in the order of the configuration.
    pub bound: Vec<Hop>,
    /// The same as peers reach them.
    pub locals: Locals,
}

impl Listening {
    /// Binds all of `listen`; connections from `trunks` never want for room on account of others. `advertise` takes the place of bound addresses of its own IP version.
    pub fn open(
        listen: &[Hop],
        advertise: Option<IpAddr>,
        tls: Option<tls::Files>,
        trunks: Vec<IpNet>,
        seed: u64,
    ) -> Result<Listening, NotStarted> {
        let (mut udp, mut listeners, mut bound) = (Vec::new(), Vec::new(), Vec::new());
        for hop in listen {
            let address = bind(hop, &mut udp, &mut listeners)
                .map_err(|error| not_started(format!("cannot listen for SIP on {hop}"), error, OTHER_PORT))?;
            bound.push(Hop::new(hop.transport, address));
        }
        let streams = (!listeners.is_empty())
            .then(|| Streams::start(listeners, tls, Bounds { trunks, ..Bounds::default() }, seed))
            .transpose()
            .map_err(|error| not_started("SIP over TCP and TLS", error, "mend the files that `tls:` names"))?;
        let told = |own: SocketAddr| SocketAddr::new(reached(own.ip(), advertise), own.port());
        let locals = bound.iter().map(|hop| Hop::new(hop.transport, told(hop.address)));
        Ok(Listening { udp, streams, locals: Locals::new(locals), bound })
    }

    /// The control plane's end; what comes over streams comes as events.
    pub fn adopt(self) -> (Transports, mpsc::Receiver<StreamEvent>) {
        let (streams, events) = match self.streams {
            Some((streams, events)) => (Some(streams), events),
            // Nothing ever comes.
            None => (None, mpsc::channel(1).1),
        };
        (Transports { udp: self.udp, streams }, events)
    }
}

fn bind(
    hop: &Hop,
    udp: &mut Vec<(bool, UdpSocket)>,
    listeners: &mut Vec<(Transport, std::net::TcpListener)>,
) -> io::Result<SocketAddr> {
    if hop.transport.is_stream() {
        let listener = streams::listen(hop.address)?;
        let address = listener.local_addr()?;
        listeners.push((hop.transport, listener));
        return Ok(address);
    }
    let socket = socket2::Socket::new(socket2::Domain::for_address(hop.address), socket2::Type::DGRAM, None)?;
    if hop.address.is_ipv6() {
        // IPv4 has a socket of its own, and peers then their own addresses.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(WAITING_BYTES)?;
    socket.bind(&hop.address.into())?;
    let socket: UdpSocket = socket.into();
    let address = socket.local_addr()?;
    udp.push((address.is_ipv4(), socket));
    Ok(address)
}

/// Where the trunks of a configuration are.
pub fn trunk_networks(config: &Config) -> Vec<IpNet> {
    config.trunks.iter().flat_map(|trunk| trunk.from.iter().copied()).collect()
}

/// The address that peers reach a socket at: the advertised one where that is of its IP version.
pub fn reached(bound: IpAddr, advertise: Option<IpAddr>) -> IpAddr {
    advertise.filter(|address| address.is_ipv4() == bound.is_ipv4()).unwrap_or(bound)
}

/// The control plane's end of the sockets.
pub struct Transports {
    /// At most one for each IP version, with whether it is of IPv4: each message asks.
    udp: Vec<(bool, UdpSocket)>,
    streams: Option<Streams>,
}

impl Transports {
    /// What to wait for; streams tell by events.
    pub fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.udp.iter().map(|(_, socket)| socket.as_fd())
    }

    /// Takes the datagrams that are there, up to `most` from each socket or a few more. True if there may be others.
    pub fn datagrams(&self, most: usize, batch: &mut Batch, mut take: impl FnMut(Hop, &[u8])) -> bool {
        let mut left = false;
        for (_, socket) in &self.udp {
            for turn in 1..=most.div_ceil(BATCH) {
                let taken = match batch.receive(socket) {
                    Ok(taken) => taken,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // A port that a peer closed is reported here; its transactions time out by themselves.
                    Err(error) => {
                        tracing::trace!(%error, "SIP receive");
                        continue;
                    }
                };
                for index in 0..taken {
                    if let Some((source, bytes)) = batch.datagram(index) {
                        take(Hop::udp(source), bytes);
                    }
                }
                if taken < BATCH {
                    break;
                }
                left |= turn == most.div_ceil(BATCH);
            }
        }
        left
    }

    /// Sends a message, or says that it cannot; over a stream the word may come later, as an event.
    pub fn send(&self, to: Hop, bytes: Vec<u8>) -> Result<(), (Vec<u8>, io::Error)> {
        match &self.streams {
            Some(streams) if to.transport.is_stream() => {
                streams.send(to, bytes).map_err(|bytes| (bytes, io::Error::other("the streams are behind")))
            }
            _ => {
                let same = |(is_ipv4, _): &&(bool, UdpSocket)| *is_ipv4 == to.address.is_ipv4();
                let Some((_, socket)) = self.udp.iter().find(same).filter(|_| !to.transport.is_stream()) else {
                    return Err((bytes, io::Error::other("no socket of that kind")));
                };
                socket.send_to(&bytes, to.address).map(|_| ()).map_err(|error| (bytes, error))
            }
        }
    }

    /// These hops, which DNS gave for a host: the certificate of a TLS peer must name it.
    pub fn of_host(&self, mut hops: Vec<Hop>, host: &str) -> Vec<Hop> {
        let Some(streams) = &self.streams else { return hops };
        for hop in hops.iter_mut().filter(|hop| hop.transport == Transport::Tls) {
            *hop = streams.of_host(*hop, host);
        }
        hops
    }

    /// Trunks are elsewhere from now on.
    pub fn move_trunks(&self, trunks: Vec<IpNet>) {
        if let Some(streams) = &self.streams {
            streams.move_trunks(trunks);
        }
    }

    pub fn counters(&self) -> Option<&streams::Counters> {
        self.streams.as_ref().map(Streams::counters)
    }
}
