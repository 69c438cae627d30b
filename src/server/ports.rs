//! Media ports: a random even one of the range (RFC 3550 section 11), its socket non-blocking.

use crate::config::even_ports;
use crate::random::Random;
use socket2::{Domain, Socket, Type};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

/// Ports tried before the range counts as used up: a bind costs some microseconds and a call is waiting.
const PROBES: u32 = 256;

/// Descriptors of a call: a socket for each leg from its beginning, and later perhaps one beside it for reports.
pub const DESCRIPTORS: usize = 4;

/// Why there is no media port; the call is refused with 503.
#[derive(Debug)]
pub enum NoPort {
    /// `tried` ports of the `holds` in the range were all in use.
    UsedUp { tried: u32, holds: u32 },
    /// The system refused: no such address, no descriptor left (EMFILE), no permission.
    Os(io::Error),
}

/// Binds an even port of the range: a random one, or the next free one behind it.
pub fn bind_even_port(
    address: IpAddr,
    range: RangeInclusive<u16>,
    random: &mut Random,
) -> Result<(UdpSocket, u16), NoPort> {
    let holds = even_ports(&range);
    let first = u32::from(*range.start()).div_ceil(2);
    let start = random.below(holds);
    let tried = PROBES.min(holds);
    for probe in 0..tried {
        // Half a port number fits in 15 bits, so its double fits in 16.
        let port = (2 * (first + (start + probe) % holds)) as u16;
        match bind(SocketAddr::new(address, port)) {
            Ok(socket) => return Ok((socket, port)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(NoPort::Os(error)),
        }
    }
    Err(NoPort::UsedUp { tried, holds })
}

/// In two system calls: every call takes two sockets.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), None)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Whether the range could carry a call at all: two even ports, at an address that is this machine's.
pub fn probe(address: IpAddr, range: RangeInclusive<u16>, random: &mut Random) -> Result<(), NoPort> {
    let holds = even_ports(&range);
    if holds < 2 {
        return Err(NoPort::UsedUp { tried: 0, holds });
    }
    bind_even_port(address, range, random).map(drop)
}

impl fmt::Display for NoPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPort::UsedUp { tried: 0, holds } => write!(f, "a call takes two even ports, and the range holds {holds}"),
            NoPort::UsedUp { tried, holds } => write!(f, "{tried} of the range's {holds} media ports are all in use"),
            NoPort::Os(error) => write!(f, "no media socket: {error}"),
        }
    }
}

impl std::error::Error for NoPort {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn every_even_port_is_found_and_then_the_range_is_used_up() {
        let mut random = Random::from_seed(3);
        let range = 14_171..=14_179;
        let sockets: Vec<_> =
            (0..4).map(|_| bind_even_port(LOOPBACK, range.clone(), &mut random).expect("a port")).collect();
        for (socket, port) in &sockets {
            assert_eq!(socket.local_addr().expect("bound").port(), *port);
            let mut buffer = [0];
            let heard = socket.recv(&mut buffer).expect_err("nothing is there");
            assert_eq!(heard.kind(), ErrorKind::WouldBlock);
        }
        let mut ports: Vec<_> = sockets.iter().map(|(_, port)| *port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [14_172, 14_174, 14_176, 14_178]);
        let full = bind_even_port(LOOPBACK, range, &mut random);
        assert!(matches!(full, Err(NoPort::UsedUp { tried: 4, holds: 4 })), "{full:?}");
    }

    #[test]
    fn what_the_system_refuses_is_no_used_up_range() {
        let foreign = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let refused = bind_even_port(foreign, 14_180..=14_190, &mut Random::from_seed(3));
        assert!(matches!(refused, Err(NoPort::Os(_))), "{refused:?}");
        let none = bind_even_port(LOOPBACK, 11..=11, &mut Random::from_seed(3));
        assert!(matches!(none, Err(NoPort::UsedUp { tried: 0, holds: 0 })), "{none:?}");
    }
}
