//! The hosts that TLS peers must prove to be (RFC 5922 section 7.2). Which one is a part of a connection's number: so
//! every message over a connection, or for one that is gone, says by itself whom it is for, and an address has no name
//! but where a message for that name goes.

use crate::sip::hop::Connection;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Hosts, none of which is ever forgotten: a configuration names 8,200 at most (500 destinations of 16 targets, and 200
/// proxies), and nobody else's names are asked of DNS.
const HOSTS: usize = 10_000;
/// Bits of a connection's number that tell connections apart; those above are its host's.
const SERIAL: u32 = 40;

/// A host by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Host(u64);

impl Host {
    /// None: the certificate must name the address.
    pub const ADDRESS: Host = Host(0);

    pub fn of(connection: Option<Connection>) -> Host {
        connection.map_or(Host::ADDRESS, |connection| Host(connection.0 >> SERIAL))
    }

    /// The number of this host's connection with that serial, which begins at 1: 0 is no connection.
    pub fn connection(self, serial: u64) -> Connection {
        Connection(self.0 << SERIAL | serial)
    }
}

/// Shared by the control plane, which learns names, and the hub, which has them checked.
#[derive(Default)]
pub struct Names(Mutex<Known>);

#[derive(Default)]
struct Known {
    numbers: HashMap<ServerName<'static>, Host>,
    /// By number, which begins at 1.
    names: Vec<ServerName<'static>>,
}

impl Names {
    /// The number of a host; that of no host for what is no name, as it is in no certificate either. `None`: there are
    /// too many.
    pub fn host(&self, host: &str) -> Option<Host> {
        let Ok(name @ ServerName::DnsName(_)) = ServerName::try_from(host.to_ascii_lowercase()) else {
            return Some(Host::ADDRESS);
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.numbers.get(&name) {
            return Some(*host);
        }
        if known.names.len() >= HOSTS {
            return None;
        }
        known.names.push(name.clone());
        let host = Host(known.names.len() as u64);
        known.numbers.insert(name, host);
        Some(host)
    }

    /// `None` for that of no host.
    pub fn name(&self, Host(number): Host) -> Option<ServerName<'static>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        known.names.get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_number_which_each_of_its_connections_tells() {
        let names = Names::default();
        let (a, b) = (names.host("a.example").unwrap(), names.host("b.example").unwrap());
        assert_ne!(a, b);
        assert_eq!(names.host("A.Example"), Some(a));
        assert_eq!((Host::of(Some(a.connection(7))), Host::of(Some(b.connection(7)))), (a, b));
        assert_eq!(names.name(b), ServerName::try_from("b.example").ok());
        for address in ["192.0.2.1", "2001:db8::1", "[2001:db8::1]", "no name"] {
            assert_eq!(names.host(address), Some(Host::ADDRESS), "{address}");
        }
        assert_eq!((Host::of(None), names.name(Host::ADDRESS)), (Host::ADDRESS, None));
    }

    #[test]
    fn there_are_so_many_hosts_and_no_more() {
        let names = Names::default();
        for number in 0..HOSTS {
            assert!(names.host(&format!("h{number}.example")).is_some());
        }
        assert_eq!(names.host("one.more.example"), None);
        assert_eq!(names.host("h0.example"), Some(Host(1)));
    }
}
