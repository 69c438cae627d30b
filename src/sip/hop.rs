//! Where SIP messages come from and go to: a transport and an address, and over a stream the connection.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// What carries a message (RFC 3261 section 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    /// As a `transport` parameter and in the configuration; a Via has it in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// By its name in any case.
    pub fn of(name: &str) -> Option<Transport> {
        Transport::ALL.into_iter().find(|transport| name.eq_ignore_ascii_case(transport.as_str()))
    }

    /// Whether it delivers by itself, in order, and needs Content-Length to tell messages apart.
    pub fn is_stream(self) -> bool {
        self != Transport::Udp
    }

    /// The port where none is given (RFC 3261 section 19.1.2).
    pub fn default_port(self) -> u16 {
        if self == Transport::Tls { 5061 } else { 5060 }
    }
}

/// A connection of the shell; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Connection(pub u64);

/// One end of a message's way: the peer's, or ours. As text `udp:192.0.2.1:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hop {
    pub transport: Transport,
    pub address: SocketAddr,
    /// The connection that a message came over, or what the shell knows one to be made by. Answers go back over it;
    /// `None` lets the shell take one that leads to `address`, or make it.
    pub connection: Option<Connection>,
}

impl Hop {
    pub fn new(transport: Transport, address: SocketAddr) -> Hop {
        Hop { transport, address, connection: None }
    }

    pub fn udp(address: SocketAddr) -> Hop {
        Hop::new(Transport::Udp, address)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.as_str(), self.address)
    }
}

impl FromStr for Hop {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hop, &'static str> {
        let (transport, address) = text.split_once(':').ok_or("an address begins with its transport")?;
        let transport = Transport::of(transport).ok_or("not a transport: udp, tcp or tls")?;
        Ok(Hop::new(transport, address.parse().map_err(|_| "not an IP address and a port")?))
    }
}

impl TryFrom<String> for Hop {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Hop, &'static str> {
        text.parse()
    }
}

impl From<Hop> for String {
    fn from(hop: Hop) -> String {
        hop.to_string()
    }
}

/// The addresses at which our SIP is reached, at most one for each transport and IP version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locals(Vec<Hop>);

impl Locals {
    pub fn new(hops: impl IntoIterator<Item = Hop>) -> Locals {
        Locals(hops.into_iter().collect())
    }

    /// Ours of the same transport and IP version as a peer's: what goes into Via and Contact towards it.
    pub fn facing(&self, peer: &Hop) -> Option<Hop> {
        let fits = |own: &&Hop| own.transport == peer.transport && own.address.is_ipv4() == peer.address.is_ipv4();
        self.0.iter().find(fits).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Hop> {
        self.0.iter()
    }
}

/// What tells sources apart: the address, or the network of a site in IPv6. The networks that have the numbers of
/// IPv4 addresses are reserved (RFC 4291 section 2.5.5), so that they meet nobody.
pub fn source_key(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_with_ipv6_counts_once_for_all_addresses_of_the_network() {
        let of = |address: &str| source_key(address.parse().unwrap());
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn a_hop_is_read_as_it_is_written() {
        for text in ["udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5070", "tls:192.0.2.1:5061"] {
            assert_eq!(text.parse::<Hop>().map(|hop| hop.to_string()).as_deref(), Ok(text));
        }
        for faulty in ["192.0.2.1:5060", "sctp:192.0.2.1:5060", "udp:example.com:5060", "udp:192.0.2.1"] {
            assert!(faulty.parse::<Hop>().is_err(), "{faulty}");
        }
    }

    #[test]
    fn a_peer_faces_our_address_of_its_own_kind() {
        let hop = |text: &str| text.parse::<Hop>().unwrap();
        let locals = Locals::new(["udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060", "tcp:192.0.2.1:5062"].map(hop));
        let facing = |peer| locals.facing(&hop(peer)).map(|own| own.to_string());
        assert_eq!(facing("udp:[2001:db8::9]:1").as_deref(), Some("udp:[2001:db8::1]:5060"));
        assert_eq!(facing("tcp:192.0.2.9:1").as_deref(), Some("tcp:192.0.2.1:5062"));
        assert_eq!(facing("tcp:[2001:db8::9]:1"), None);
    }
}
