//! Which connection a message takes, which peers may connect, and what there is of either.

use super::link::{Link, Outgoing, prepare};
use super::names::{Host, Names};
use super::tls::Tls;
use super::{Bounds, Counters, StreamEvent, count};
use crate::random::Random;
use crate::sip::hop::{Connection, source_key};
use crate::sip::{Hop, Message, Transport, Via, wire};
use crate::time::Duration;
use ipnet::IpNet;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often the files of TLS are looked at.
const RELOAD: Duration = Duration::from_secs(5);
/// Accepting fails while the process has no file descriptors left; it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Accepted connections that wait for the hub, of all listeners.
const ACCEPTED: usize = 64;
/// A message to send.
pub struct Command {
    pub to: Hop,
    pub bytes: Vec<u8>,
}

type Accepted = (Transport, TcpStream, SocketAddr);

/// Whom a connection leads to. One that was checked for another host may lead to somebody else (RFC 5922 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Peer {
    transport: Transport,
    address: SocketAddr,
    host: Host,
}

/// What the hub knows of a connection.
struct Entry {
    queue: mpsc::Sender<Box<Outgoing>>,
    full: Rc<Notify>,
    peer: Peer,
    /// By the peer, and not by us.
    opened_by_peer: bool,
    /// Of one that a peer opened which is no trunk.
    stranger: bool,
}

pub struct Hub {
    tls: Option<Tls>,
    bounds: Rc<Bounds>,
    counters: Arc<Counters>,
    events: mpsc::Sender<StreamEvent>,
    random: Random,
    entries: HashMap<Connection, Entry>,
    /// Connections that a message to a peer may take.
    reach: HashMap<Peer, Connection>,
    /// How many there are of a peer's address, opened by it or by us.
    sources: HashMap<(bool, u64), usize>,
    opened: usize,
    strangers: usize,
    names: Arc<Names>,
    handshakes: Arc<Semaphore>,
    links: JoinSet<()>,
    connections: HashMap<Id, Connection>,
    /// Of the last connection.
    serial: u64,
}

impl Hub {
    pub fn new(
        tls: Option<Tls>,
        bounds: Bounds,
        counters: Arc<Counters>,
        names: Arc<Names>,
        events: mpsc::Sender<StreamEvent>,
        seed: u64,
    ) -> Hub {
        Hub {
            tls,
            handshakes: Arc::new(Semaphore::new(bounds.handshakes)),
            bounds: Rc::new(bounds),
            counters,
            events,
            random: Random::from_seed(seed),
            entries: HashMap::new(),
            reach: HashMap::new(),
            sources: HashMap::new(),
            opened: 0,
            strangers: 0,
            names,
            links: JoinSet::new(),
            connections: HashMap::new(),
            serial: 0,
        }
    }

    /// Runs until nobody can give commands any more. `trunks`: where they are, once that changes.
    pub async fn run(
        mut self,
        listeners: Vec<(Transport, TcpListener)>,
        mut commands: mpsc::Receiver<Command>,
        mut trunks: watch::Receiver<Vec<IpNet>>,
    ) {
        let (found, mut accepted) = mpsc::channel(ACCEPTED);
        for (transport, listener) in listeners {
            tokio::task::spawn_local(accept(transport, listener, found.clone(), self.counters.clone()));
        }
        let mut reload = interval(RELOAD);
        reload.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command { to, bytes }) => self.send(to, bytes).await,
                    None => return,
                },
                Some(accepted) = accepted.recv() => self.accepted(accepted),
                Ok(()) = trunks.changed() => Rc::make_mut(&mut self.bounds).trunks = trunks.borrow_and_update().clone(),
                Some(ended) = self.links.join_next_with_id() => self.ended(ended),
                _ = reload.tick(), if self.tls.is_some() => {
                    if let Some(tls) = &mut self.tls {
                        tls.reload();
                    }
                }
            }
        }
    }

    async fn send(&mut self, to: Hop, bytes: Vec<u8>) {
        let mut peer = Peer { transport: to.transport, address: to.address, host: Host::of(to.connection) };
        let mut outgoing = Box::new(Outgoing { to: Some(to), bytes });
        if let Some(entry) = to.connection.and_then(|connection| self.entries.get(&connection))
            && entry.peer.transport == to.transport
        {
            match entry.offer(outgoing) {
                Ok(()) => return,
                Err(Refused::Full(bytes)) => return self.failed(to, bytes).await,
                Err(Refused::Ending(back)) => outgoing = back,
            }
        }
        // An answer goes back by the connection that its request came by, and else where trunks say: the far end's port
        // was its own for a while, and whoever connects and leaves must not make us connect.
        if to.connection.is_some() && outgoing.bytes.starts_with(b"SIP/") {
            match self.sent_by(to, &outgoing.bytes) {
                Some(address) => peer = Peer { address, host: Host::ADDRESS, ..peer },
                None => return self.failed(to, outgoing.bytes).await,
            }
        }
        if let Some(entry) = self.reach.get(&peer).and_then(|connection| self.entries.get(connection)) {
            match entry.offer(outgoing) {
                Ok(()) => return,
                Err(Refused::Full(bytes)) => return self.failed(to, bytes).await,
                Err(Refused::Ending(back)) => outgoing = back,
            }
        }
        if let Err(outgoing) = self.open(peer, outgoing) {
            self.failed(to, outgoing.bytes).await;
        }
    }

    /// Where an answer goes whose connection is gone: to the address that its request came from, at the port of sent-by
    /// (RFC 3261 section 18.2.2). Only to trunks: nobody else makes us connect.
    fn sent_by(&self, to: Hop, answer: &[u8]) -> Option<SocketAddr> {
        let Ok(Message::Response(response)) = wire::read(answer) else { return None };
        let via = Via::read(response.headers.get("Via")?).ok()?;
        let port = via.port.unwrap_or(to.transport.default_port());
        self.is_trunk(to.address.ip()).then(|| SocketAddr::new(to.address.ip(), port))
    }

    fn is_trunk(&self, address: IpAddr) -> bool {
        self.bounds.trunks.iter().any(|net| net.contains(&address))
    }

    async fn failed(&self, to: Hop, bytes: Vec<u8>) {
        // Whoever took events is gone only when the service ends.
        let _ = self.events.send(StreamEvent::Failed { to, bytes }).await;
    }

    /// Begins to open a connection, with its first message; which comes back if that is not to be.
    fn open(&mut self, peer: Peer, first: Box<Outgoing>) -> Result<(), Box<Outgoing>> {
        let tls = match &self.tls {
            _ if peer.transport != Transport::Tls => None,
            Some(tls) => {
                let name = self.names.name(peer.host).unwrap_or_else(|| ServerName::from(peer.address.ip()));
                Some((tls.connector.clone(), name))
            }
            // TLS without a certificate of ours is not offered.
            None => return Err(first),
        };
        if self.opened >= self.bounds.opened {
            count(&self.counters.refused_opened);
            return Err(first);
        }
        if self.number_of(false, peer) >= self.bounds.per_source {
            count(&self.counters.refused_opened_per_source);
            return Err(first);
        }
        count(&self.counters.opened);
        self.opened += 1;
        let random = Random::from_seed(self.random.u64());
        let (link, entry) = self.link(peer, Some(random));
        // The queue is new and empty.
        let taken = entry.queue.try_send(first).map_err(TrySendError::into_inner);
        let connection = self.start(entry, link.opened(tls));
        self.reach.insert(peer, connection);
        taken
    }

    fn number_of(&self, opened_by_peer: bool, peer: Peer) -> usize {
        self.sources.get(&(opened_by_peer, source_key(peer.address.ip()))).copied().unwrap_or(0)
    }

    /// Takes a connection from a peer, or drops it, which closes it.
    fn accepted(&mut self, (transport, stream, address): Accepted) {
        let peer = Peer { transport, address, host: Host::ADDRESS };
        if self.entries.len() - self.opened >= self.bounds.accepted {
            return count(&self.counters.refused_accepted);
        }
        let stranger = !self.is_trunk(address.ip());
        if stranger && self.strangers >= self.bounds.accepted.div_ceil(2) {
            return count(&self.counters.refused_strangers);
        }
        if self.number_of(true, peer) >= self.bounds.per_source {
            return count(&self.counters.refused_per_source);
        }
        let tls = match self.tls.as_ref().filter(|_| transport == Transport::Tls) {
            None => None,
            Some(_) if stranger && self.handshakes.available_permits() <= self.bounds.handshakes / 2 => {
                return count(&self.counters.refused_handshakes);
            }
            Some(tls) => match self.handshakes.clone().try_acquire_owned() {
                Ok(permit) => Some((tls.acceptor.clone(), permit)),
                Err(_) => return count(&self.counters.refused_handshakes),
            },
        };
        if let Err(error) = prepare(&stream, &self.bounds) {
            // It broke before it began.
            tracing::trace!(%error, "accept");
            return count(&self.counters.failed_accepts);
        }
        count(&self.counters.accepted);
        self.strangers += usize::from(stranger);
        let (link, mut entry) = self.link(peer, None);
        (entry.opened_by_peer, entry.stranger) = (true, stranger);
        let connection = match tls {
            None => self.start(entry, link.serve(stream)),
            Some((acceptor, permit)) => self.start(entry, link.secured(stream, acceptor, permit)),
        };
        // Over TLS nobody has proved to be at that address; answers find the connection by its number.
        if transport == Transport::Tcp {
            self.reach.entry(peer).or_insert(connection);
        }
    }

    /// `random`: for the pings of one that we open.
    fn link(&mut self, peer: Peer, random: Option<Random>) -> (Link, Entry) {
        self.serial += 1;
        let (queue, waiting) = mpsc::channel(self.bounds.queue);
        let full = Rc::new(Notify::new());
        let connection = Some(peer.host.connection(self.serial));
        let link = Link {
            hop: Hop { connection, ..Hop::new(peer.transport, peer.address) },
            events: self.events.clone(),
            queue: queue.clone(),
            waiting,
            full: full.clone(),
            bounds: self.bounds.clone(),
            counters: self.counters.clone(),
            random,
        };
        (link, Entry { queue, full, peer, opened_by_peer: false, stranger: false })
    }

    /// Starts the task of the link that was made last.
    fn start(&mut self, entry: Entry, task: impl Future<Output = ()> + 'static) -> Connection {
        let connection = entry.peer.host.connection(self.serial);
        *self.sources.entry((entry.opened_by_peer, source_key(entry.peer.address.ip()))).or_default() += 1;
        self.entries.insert(connection, entry);
        self.connections.insert(self.links.spawn_local(task).id(), connection);
        connection
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "a connection's task died");
        }
        let Some(connection) = self.connections.remove(&task) else { return };
        let Some(entry) = self.entries.remove(&connection) else { return };
        if self.reach.get(&entry.peer) == Some(&connection) {
            self.reach.remove(&entry.peer);
        }
        self.strangers -= usize::from(entry.stranger);
        self.opened -= usize::from(!entry.opened_by_peer);
        let source = (entry.opened_by_peer, source_key(entry.peer.address.ip()));
        if let Some(connections) = self.sources.get_mut(&source) {
            *connections -= 1;
            if *connections == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// Why a connection does not take a message.
enum Refused {
    /// Its queue is full, and it ends.
    Full(Vec<u8>),
    /// It is ending.
    Ending(Box<Outgoing>),
}

impl Entry {
    fn offer(&self, outgoing: Box<Outgoing>) -> Result<(), Refused> {
        self.queue.try_send(outgoing).map_err(|refused| match refused {
            TrySendError::Full(back) => {
                self.full.notify_one();
                Refused::Full(back.bytes)
            }
            TrySendError::Closed(back) => Refused::Ending(back),
        })
    }
}

/// Waits for peers of one listener.
async fn accept(transport: Transport, listener: TcpListener, found: mpsc::Sender<Accepted>, counters: Arc<Counters>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                if found.send((transport, stream, peer)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                count(&counters.failed_accepts);
                tracing::trace!(%error, "accept");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_idle_connection_is_small_and_a_dead_one_breaks() {
        let (events, _told) = mpsc::channel(1);
        let mut hub = Hub::new(None, Bounds::default(), Arc::default(), Arc::default(), events, 7);
        let address = "127.0.0.1:5060".parse().unwrap();
        let (link, _) = hub.link(Peer { transport: Transport::Tcp, address, host: Host::ADDRESS }, None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        // Without what rustls keeps of a session; the queue has room for 32 pointers until it is used.
        prepare(&stream, &hub.bounds).unwrap();
        assert_eq!(socket2::SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(hub.bounds.message));
        let size = size_of_val(&link.serve(stream));
        assert!(size < 4_096 - 512, "{size} bytes");
    }
}
