//! Whether this machine is fit for the service: facts are gathered here, and judged in `judge`.

mod judge;
#[cfg(test)]
mod tests;

pub use judge::{Finding, Verdict, judge};

use super::streams::tls;
use super::{Place, default_workers, other_descriptors, secrets, tls_files, transports};
use crate::config::{Config, MAX_CALLS, even_ports};
use crate::os::machine::{Fact, Machine, file_system};
use crate::sip::hop::Transport;
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Quick mode's media ports, for which the machine is judged where there is no configuration.
const QUICK_PORTS: (u16, u16) = (20_000, 29_999);

/// What the service would want here.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Calls at once.
    pub calls: usize,
    /// File descriptors besides two a call: SIP's connections, and the program's own.
    pub other_descriptors: usize,
    /// First and last media port.
    pub ports: (u16, u16),
    /// Media workers, unless `--workers` says otherwise.
    pub workers: usize,
    /// Each with SCHED_FIFO on a core of its own: `media: { realtime: true }`.
    pub realtime: bool,
    pub configured: Configured,
}

/// What only a configuration tells.
#[derive(Clone, Debug)]
pub enum Configured {
    /// None was given.
    Not,
    /// It cannot be served: so many errors.
    Wrong(usize),
    Yes(Box<Site>),
}

#[derive(Clone, Debug)]
pub struct Site {
    pub flows: usize,
    /// Addresses to listen at, as the configuration calls them.
    pub addresses: Vec<(String, Reach)>,
    /// `None`: there is no `tls:`, or nothing that reads it.
    pub tls: Option<Result<(), String>>,
    pub secrets: Result<(), String>,
    pub store: StoreSite,
}

/// Whether we can listen at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Free,
    /// The address is ours, and something listens there already.
    InUse,
    /// Binding goes, but here it would at any address (ip_nonlocal_bind).
    Untold,
    Refused(String),
}

#[derive(Clone, Debug)]
pub struct StoreSite {
    /// The database's folder, or the nearest above it that is there.
    pub folder: PathBuf,
    /// Whether the database's own folder is yet to be made in it.
    pub made: bool,
    /// Whether files can be made in it, and an existing database written.
    pub writable: Result<(), String>,
    /// `ext4`.
    pub file_system: Fact<String>,
}

/// What is the matter with the machine. Takes a second or two. `place`: the configuration, or how many errors it has.
pub fn examine(place: Option<Result<&Place, usize>>) -> Vec<Finding> {
    judge(&Machine::read(transports::WAITING_BYTES), &wanted(place))
}

fn wanted(place: Option<Result<&Place, usize>>) -> Wanted {
    let (calls, ports, configured) = match place {
        Some(Ok(place)) => {
            let (config, rtp) = (&place.config, place.config.listen.rtp);
            (config.limits.calls, (rtp.first, rtp.last), Configured::Yes(Box::new(site(place))))
        }
        other => {
            let calls = MAX_CALLS.min(even_ports(&(QUICK_PORTS.0..=QUICK_PORTS.1)) as usize / 2);
            let wrong = other.and_then(Result::err).map_or(Configured::Not, Configured::Wrong);
            (calls, QUICK_PORTS, wrong)
        }
    };
    let realtime = matches!(place, Some(Ok(place)) if place.config.realtime);
    Wanted {
        calls,
        other_descriptors: other_descriptors(place.and_then(Result::ok).map(|place| &place.config)),
        ports,
        workers: default_workers(),
        realtime,
        configured,
    }
}

fn site(place: &Place) -> Site {
    let config = &place.config;
    let streams = config.listen.sip.iter().any(|hop| hop.transport.is_stream());
    Site {
        flows: place.services.len(),
        addresses: addresses(config),
        // Without streams they are not read.
        tls: tls_files(config).filter(|_| streams).map(|files| tls::usable(&files).map_err(|error| error.to_string())),
        // The remedies of its error are lines of their own.
        secrets: secrets::credentials(config).map(drop).map_err(|error| error.to_string().replace("\n ", ";")),
        store: store(Path::new(&config.store)),
    }
}

fn addresses(config: &Config) -> Vec<(String, Reach)> {
    let listen = &config.listen;
    let sip = listen.sip.iter().map(|hop| {
        let kind = if hop.transport == Transport::Udp { Type::DGRAM } else { Type::STREAM };
        (hop.to_string(), reach(hop.address, kind))
    });
    let rtp = SocketAddr::new(listen.rtp.address, 0);
    let others = [
        (format!("rtp {}", rtp.ip()), reach(rtp, Type::DGRAM)),
        (format!("http {}", listen.http), reach(listen.http, Type::STREAM)),
    ];
    sip.chain(others).collect()
}

/// By binding it for a moment.
fn reach(address: SocketAddr, kind: Type) -> Reach {
    match bind(address, kind) {
        Ok(()) if may_be_foreign(address.ip()) => Reach::Untold,
        Ok(()) => Reach::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Reach::InUse,
        Err(error) => Reach::Refused(error.to_string()),
    }
}

fn bind(address: SocketAddr, kind: Type) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // What stays of connections that are over is in nobody's way.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())
}

/// Whether the kernel lets programs bind addresses that are not this machine's, or does not say.
fn may_be_foreign(ip: IpAddr) -> bool {
    let version = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    let set = std::fs::read_to_string(format!("/proc/sys/net/{version}/ip_nonlocal_bind"));
    !ip.is_unspecified() && !ip.is_loopback() && set.map_or(true, |set| set.trim() != "0")
}

/// The service makes the folder, and those above it, where they are not there: the nearest that is there counts.
fn store(database: &Path) -> StoreSite {
    let wanted = database.parent().unwrap_or(Path::new(""));
    let nearest = wanted.ancestors().find(|folder| *folder == Path::new("") || folder.exists()).unwrap_or(wanted);
    let made = nearest != wanted;
    let folder = if nearest == Path::new("") { PathBuf::from(".") } else { nearest.to_owned() };
    let written = || {
        tempfile::tempfile_in(&folder)?;
        match std::fs::OpenOptions::new().write(true).open(database) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    StoreSite {
        writable: written().map_err(|error: io::Error| error.to_string()),
        file_system: file_system(&folder),
        folder,
        made,
    }
}
