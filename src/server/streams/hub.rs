//! Which connection a message takes, which peers may connect, and what there is of either.

use super::link::{Link, Outgoing, prepare};
use super::tls::Tls;
use super::{Bounds, Counters, StreamEvent, count};
use crate::random::Random;
use crate::sip::hop::Connection;
use crate::sip::{Hop, Transport};
use crate::time::Duration;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often the files of TLS are looked at.
const RELOAD: Duration = Duration::from_secs(5);
/// Accepting fails while the process has no file descriptors left; it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Accepted connections that wait for the hub, of all listeners.
const ACCEPTED: usize = 64;
/// Names of addresses; beyond these the one given longest ago goes.
const NAMES: usize = 1_024;

pub enum Command {
    Send { to: Hop, bytes: Vec<u8> },
    Name { address: SocketAddr, host: String },
}

type Accepted = (Transport, TcpStream, SocketAddr);

/// What the hub knows of a connection.
struct Entry {
    queue: mpsc::Sender<Box<Outgoing>>,
    full: Rc<Notify>,
    address: (Transport, SocketAddr),
    /// Of one that a peer opened: whom it counts for.
    source: Option<IpAddr>,
    /// Of one that a peer opened which is no trunk.
    stranger: bool,
    /// Of TLS that we opened: the name that the peer's certificate had to have.
    name: Option<ServerName<'static>>,
}

pub struct Hub {
    tls: Option<Tls>,
    bounds: Rc<Bounds>,
    counters: Arc<Counters>,
    events: mpsc::Sender<StreamEvent>,
    random: Random,
    entries: HashMap<Connection, Entry>,
    /// Connections that a message to an address may take.
    reach: HashMap<(Transport, SocketAddr), Connection>,
    sources: HashMap<IpAddr, usize>,
    opened: usize,
    strangers: usize,
    /// With the number of the command that gave it.
    names: HashMap<SocketAddr, (ServerName<'static>, u64)>,
    handshakes: Arc<Semaphore>,
    links: JoinSet<()>,
    connections: HashMap<Id, Connection>,
    /// The last number given to a connection or a name.
    number: u64,
}

impl Hub {
    pub fn new(
        tls: Option<Tls>,
        bounds: Bounds,
        counters: Arc<Counters>,
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
            names: HashMap::new(),
            links: JoinSet::new(),
            connections: HashMap::new(),
            number: 0,
        }
    }

    /// Runs until nobody can give commands any more.
    pub async fn run(mut self, listeners: Vec<(Transport, TcpListener)>, mut commands: mpsc::Receiver<Command>) {
        let (found, mut accepted) = mpsc::channel(ACCEPTED);
        for (transport, listener) in listeners {
            tokio::task::spawn_local(accept(transport, listener, found.clone(), self.counters.clone()));
        }
        let mut reload = interval(RELOAD);
        reload.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Send { to, bytes }) => self.send(to, bytes).await,
                    Some(Command::Name { address, host }) => self.name(address, host),
                    None => return,
                },
                Some(accepted) = accepted.recv() => self.accepted(accepted),
                Some(ended) = self.links.join_next_with_id() => self.ended(ended).await,
                _ = reload.tick(), if self.tls.is_some() => {
                    if let Some(tls) = &mut self.tls {
                        tls.reload();
                    }
                }
            }
        }
    }

    async fn send(&mut self, to: Hop, bytes: Vec<u8>) {
        let mut outgoing = Box::new(Outgoing { to: Some(to), bytes });
        let name = (to.transport == Transport::Tls).then(|| self.name_of(to.address));
        let by_address = self.reach.get(&(to.transport, to.address)).copied();
        // A connection that was checked for another name may lead to somebody else (RFC 5922 section 4).
        let by_address =
            by_address.filter(|connection| self.entries.get(connection).is_some_and(|entry| entry.name == name));
        for connection in [to.connection, by_address].into_iter().flatten() {
            let Some(entry) = self.entries.get(&connection).filter(|entry| entry.address.0 == to.transport) else {
                continue;
            };
            match entry.queue.try_send(outgoing) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) => {
                    entry.full.notify_one();
                    return self.failed(to, back.bytes).await;
                }
                // It is ending.
                Err(TrySendError::Closed(back)) => outgoing = back,
            }
        }
        // An answer has no other way than the one its request came by: the far end's port was its own for a while, and
        // whoever connects and leaves must not make us connect.
        if to.connection.is_some() && outgoing.bytes.starts_with(b"SIP/") {
            return self.failed(to, outgoing.bytes).await;
        }
        if let Err(outgoing) = self.open(to, name, outgoing) {
            self.failed(to, outgoing.bytes).await;
        }
    }

    async fn failed(&self, to: Hop, bytes: Vec<u8>) {
        // Whoever took events is gone only when the service ends.
        let _ = self.events.send(StreamEvent::Failed { to, bytes }).await;
    }

    /// Begins to open a connection, with its first message; which comes back if that is not to be.
    fn open(&mut self, to: Hop, name: Option<ServerName<'static>>, first: Box<Outgoing>) -> Result<(), Box<Outgoing>> {
        let tls = match (&self.tls, &name) {
            (Some(tls), Some(name)) => Some((tls.connector.clone(), name.clone())),
            // TLS without a certificate of ours is not offered.
            (None, Some(_)) => return Err(first),
            (_, None) => None,
        };
        if self.opened >= self.bounds.opened {
            count(&self.counters.refused_opened);
            return Err(first);
        }
        count(&self.counters.opened);
        self.opened += 1;
        let random = Random::from_seed(self.random.u64());
        let address = (to.transport, to.address);
        let (link, entry) = self.link(address, None, name, Some(random));
        // The queue is new and empty.
        let taken = entry.queue.try_send(first).map_err(TrySendError::into_inner);
        let connection = self.start(entry, link.opened(tls));
        self.reach.insert(address, connection);
        taken
    }

    /// Takes a connection from a peer, or drops it, which closes it.
    fn accepted(&mut self, (transport, stream, peer): Accepted) {
        let source = source(peer.ip());
        if self.entries.len() - self.opened >= self.bounds.accepted {
            return count(&self.counters.refused_accepted);
        }
        let stranger = !self.bounds.trunks.iter().any(|net| net.contains(&peer.ip()));
        if stranger && self.strangers >= self.bounds.accepted.div_ceil(2) {
            return count(&self.counters.refused_strangers);
        }
        if self.sources.get(&source).is_some_and(|connections| *connections >= self.bounds.per_source) {
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
        *self.sources.entry(source).or_default() += 1;
        self.strangers += usize::from(stranger);
        let (link, mut entry) = self.link((transport, peer), Some(source), None, None);
        entry.stranger = stranger;
        let connection = match tls {
            None => self.start(entry, link.serve(stream)),
            Some((acceptor, permit)) => self.start(entry, link.secured(stream, acceptor, permit)),
        };
        // Over TLS nobody has proved to be at that address; answers find the connection by its number.
        if transport == Transport::Tcp {
            self.reach.entry((transport, peer)).or_insert(connection);
        }
    }

    fn link(
        &mut self,
        address: (Transport, SocketAddr),
        source: Option<IpAddr>,
        name: Option<ServerName<'static>>,
        random: Option<Random>,
    ) -> (Link, Entry) {
        self.number += 1;
        let (queue, waiting) = mpsc::channel(self.bounds.queue);
        let full = Rc::new(Notify::new());
        let link = Link {
            hop: Hop { connection: Some(Connection(self.number)), ..Hop::new(address.0, address.1) },
            events: self.events.clone(),
            queue: queue.clone(),
            waiting,
            full: full.clone(),
            bounds: self.bounds.clone(),
            counters: self.counters.clone(),
            random,
        };
        (link, Entry { queue, full, address, source, stranger: false, name })
    }

    /// Starts the task of the link that was numbered last.
    fn start(&mut self, entry: Entry, task: impl Future<Output = ()> + 'static) -> Connection {
        let connection = Connection(self.number);
        self.entries.insert(connection, entry);
        self.connections.insert(self.links.spawn_local(task).id(), connection);
        connection
    }

    async fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some(connection) = self.connections.remove(&task) else { return };
        let Some(entry) = self.entries.remove(&connection) else { return };
        if self.reach.get(&entry.address) == Some(&connection) {
            self.reach.remove(&entry.address);
        }
        self.strangers -= usize::from(entry.stranger);
        match entry.source {
            None => self.opened -= 1,
            Some(source) => {
                let left = self.sources.get_mut(&source).map_or(0, |connections| {
                    *connections -= 1;
                    *connections
                });
                if left == 0 {
                    self.sources.remove(&source);
                }
            }
        }
        if let Err(error) = ended {
            tracing::error!(%error, "a connection's task died");
            let _ = self.events.send(StreamEvent::Closed { connection }).await;
        }
    }

    fn name(&mut self, address: SocketAddr, host: String) {
        let Ok(name) = ServerName::try_from(host) else {
            // What is no name is in no certificate either: the address must be.
            self.names.remove(&address);
            return;
        };
        if self.names.len() >= NAMES && !self.names.contains_key(&address) {
            let oldest = self.names.iter().min_by_key(|(_, (_, given))| *given).map(|(address, _)| *address);
            oldest.and_then(|address| self.names.remove(&address));
        }
        self.number += 1;
        self.names.insert(address, (name, self.number));
    }

    fn name_of(&self, address: SocketAddr) -> ServerName<'static> {
        self.names.get(&address).map_or_else(|| ServerName::from(address.ip()), |(name, _)| name.clone())
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

/// Whom a peer counts for: somebody with IPv6 has at least a network of 64 bits, and all its addresses.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_with_ipv6_counts_once_for_all_addresses_of_the_network() {
        let of = |address: &str| source(address.parse().unwrap());
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[tokio::test]
    async fn an_idle_connection_is_small_and_a_dead_one_breaks() {
        let (events, _told) = mpsc::channel(1);
        let mut hub = Hub::new(None, Bounds::default(), Arc::default(), events, 7);
        let (link, _) = hub.link((Transport::Tcp, "127.0.0.1:5060".parse().unwrap()), None, None, None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        // Without what rustls keeps of a session; the queue has room for 32 pointers until it is used.
        prepare(&stream, &hub.bounds).unwrap();
        assert_eq!(socket2::SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(hub.bounds.message));
        let size = size_of_val(&link.serve(stream));
        assert!(size < 4_096 - 512, "{size} bytes");
    }

    #[test]
    fn the_name_given_longest_ago_goes_first() {
        let (events, _told) = mpsc::channel(1);
        let mut hub = Hub::new(None, Bounds::default(), Arc::default(), events, 7);
        let address = |number: usize| SocketAddr::from(([192, 0, 2, 1], u16::try_from(number).unwrap()));
        for number in 0..NAMES {
            hub.name(address(number), "a.example".to_owned());
        }
        hub.name(address(0), "b.example".to_owned());
        hub.name(address(NAMES), "a.example".to_owned());
        let known = |hub: &Hub, number| hub.names.contains_key(&address(number));
        assert_eq!((hub.names.len(), known(&hub, 0), known(&hub, 1)), (NAMES, true, false));
        hub.name(address(0), "no name".to_owned());
        assert_eq!(hub.name_of(address(0)), ServerName::from(address(0).ip()));
    }
}
