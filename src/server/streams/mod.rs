//! SIP over TCP and TLS (RFC 3261 section 18): a thread that owns the connections, in both directions. The control
//! plane hands it whole messages and gets whole messages; it never waits for a peer.
//!
//! ```text
//! send ->  hub: which connection?  ->  link: write queue  ->  peer
//! events  <-  link: framing  <-  peer
//! ```

mod hub;
mod link;
mod names;
#[cfg(test)]
mod tests;
pub mod tls;

use crate::sip::{Hop, Transport};
use crate::time::Duration;
use hub::{Command, Hub};
use ipnet::IpNet;
use names::Names;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tls::Tls;
use tokio::sync::{mpsc, watch};

/// Connections that wait to be accepted; the kernel refuses further ones.
const BACKLOG: i32 = 1024;
/// Commands that wait for the hub, which only waits while the control plane does not take events.
const COMMANDS: usize = 4_096;

/// What the streams may take of the machine, and how long they wait.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Where trunks are: half of the connections that peers open, and of their handshakes, are kept for them.
    pub trunks: Vec<IpNet>,
    /// Connections that peers opened, in all.
    pub accepted: usize,
    /// Of these, from one IPv4 address or one IPv6 network of 64 bits; and as many that we opened to one.
    pub per_source: usize,
    /// Connections that we opened or are opening.
    pub opened: usize,
    /// TLS handshakes of peers under way at once.
    pub handshakes: usize,
    /// Messages that wait to be written to one connection; one more closes it.
    pub queue: usize,
    /// Events that wait for the control plane; while they do, no more is read.
    pub events: usize,
    pub connect: Duration,
    pub handshake: Duration,
    /// From the first byte of a message to its last one, read or written.
    pub message: Duration,
    /// To the first whole message of a peer that opened a connection.
    pub first: Duration,
    /// Without a byte from the peer.
    pub idle: Duration,
    /// For the answer to a message after which framing is lost.
    pub last_words: Duration,
    /// Between our pings (RFC 5626 section 4.4.1), drawn anew for each.
    pub ping: std::ops::Range<Duration>,
    /// For a peer that answered a ping before to answer the next one (RFC 5626 section 4.4.1: ten seconds).
    pub pong: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            trunks: Vec::new(),
            accepted: 2_000,
            per_source: 100,
            opened: 500,
            handshakes: 64,
            queue: 256,
            events: 1_024,
            connect: seconds(4),
            handshake: seconds(5),
            message: seconds(10),
            first: seconds(30),
            idle: seconds(600),
            last_words: seconds(2),
            ping: seconds(95)..seconds(120),
            pong: seconds(10),
        }
    }
}

/// What the control plane learns. A connection is told of by its messages; one that is gone, by those that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// A message, or the head of one after which framing is lost: the endpoint refuses it, and the connection ends.
    Message { from: Hop, bytes: Vec<u8> },
    /// A message could not be delivered; the hop is that of `send`. One that the kernel took counts as delivered.
    Failed { to: Hop, bytes: Vec<u8> },
}

/// What was refused and what broke, since the start.
#[derive(Debug, Default, serde::Serialize)]
pub struct Counters {
    pub accepted: AtomicU64,
    pub opened: AtomicU64,
    pub refused_accepted: AtomicU64,
    pub refused_strangers: AtomicU64,
    pub refused_per_source: AtomicU64,
    pub refused_handshakes: AtomicU64,
    pub refused_opened: AtomicU64,
    pub refused_opened_per_source: AtomicU64,
    /// Hosts beyond those that are remembered: they are connected to under their address.
    pub refused_names: AtomicU64,
    /// `send` returned false.
    pub refused_sends: AtomicU64,
    pub failed_accepts: AtomicU64,
    pub failed_handshakes: AtomicU64,
    pub failed_connects: AtomicU64,
    pub closed_idle: AtomicU64,
    pub closed_slow: AtomicU64,
    pub closed_full: AtomicU64,
    pub closed_lost: AtomicU64,
    pub closed_silent: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// The way to the connections.
pub struct Streams {
    commands: mpsc::Sender<Command>,
    trunks: watch::Sender<Vec<IpNet>>,
    counters: Arc<Counters>,
    names: Arc<Names>,
}

impl Streams {
    /// Starts the thread. `seed` is for the times of keep-alives. It ends when `Streams` is dropped, and the
    /// connections with it.
    ///
    /// # Errors
    /// Certificates that cannot be used, listeners that are none of ours, no thread.
    pub fn start(
        listeners: Vec<(Transport, TcpListener)>,
        files: Option<tls::Files>,
        bounds: Bounds,
        seed: u64,
    ) -> io::Result<(Streams, mpsc::Receiver<StreamEvent>)> {
        let tls = files.map(Tls::open).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (counters, names) = (Arc::new(Counters::default()), Arc::new(Names::default()));
        let (commands, taken) = mpsc::channel(COMMANDS);
        let (told, events) = mpsc::channel(bounds.events);
        let (trunks, changed) = watch::channel(Vec::new());
        let adopt = |(transport, listener): (Transport, TcpListener)| {
            if !transport.is_stream() || transport == Transport::Tls && tls.is_none() {
                return Err(io::Error::other(format!("no certificate to listen with for {}", transport.as_str())));
            }
            listener.set_nonblocking(true)?;
            let _inside = runtime.enter();
            Ok((transport, tokio::net::TcpListener::from_std(listener)?))
        };
        let listeners = listeners.into_iter().map(adopt).collect::<io::Result<Vec<_>>>()?;
        let (counting, known) = (counters.clone(), names.clone());
        std::thread::Builder::new().name("streams".to_owned()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                Hub::new(tls, bounds, counting, known, told, seed).run(listeners, taken, changed).await;
            });
        })?;
        Ok((Streams { commands, trunks, counters, names }, events))
    }

    /// Sends a whole message over `to.connection` if that lives, else over a connection to `to.address`, which is
    /// made if there is none; over TLS to the host that `to.connection` was made for. Never waits. The message comes
    /// back if it is refused, which is counted: the streams are behind.
    pub fn send(&self, to: Hop, bytes: Vec<u8>) -> Result<(), Vec<u8>> {
        self.commands.try_send(Command { to, bytes }).map_err(|refused| {
            count(&self.counters.refused_sends);
            refused.into_inner().bytes
        })
    }

    /// Trunks are elsewhere from now on; connections that stand stay.
    pub fn move_trunks(&self, trunks: Vec<IpNet>) {
        self.trunks.send_replace(trunks);
    }

    /// A TLS hop that DNS gave for a host, whose name the certificate there must have (RFC 5922 section 7.2): without
    /// this it must name the address.
    pub fn of_host(&self, hop: Hop, host: &str) -> Hop {
        let Some(host) = self.names.host(host) else {
            count(&self.counters.refused_names);
            return hop;
        };
        Hop { connection: Some(host.connection(0)), ..hop }
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// Binds a listener. One on an IPv6 address hears IPv6 only, so that the same port can be had for IPv4.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
