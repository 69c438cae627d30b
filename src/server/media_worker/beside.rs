//! The ports beside the streams' own: RTCP of far ends that did not agree on one port for both (RFC 3550 section 11).
//!
//! A socket is bound when the stream's first report goes out, some seconds into the call: short calls never have one.
//! Reports are rare, so the sockets are not read in turns like the others; the kernel says which have something.

use super::load::{Gauges, count};
use crate::media::{ByStream, StreamId};
use crate::os::sys::Watch;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

#[derive(Debug, Default)]
pub struct Beside {
    /// `None` for a stream whose next port was not to be had: it goes without reports.
    sockets: ByStream<Option<UdpSocket>>,
    watch: Option<Watch>,
}

impl Beside {
    /// Sends from the port beside a stream's socket.
    pub fn send(&mut self, id: StreamId, socket: &UdpSocket, to: SocketAddr, packet: &[u8], gauges: &Gauges) {
        if !self.sockets.contains_key(&id) {
            let bound = self.bind(id, socket);
            if let Err(error) = &bound {
                count(&gauges.reports_unbound);
                tracing::debug!(%error, "no port for a stream's reports");
            }
            self.sockets.insert(id, bound.ok());
        }
        if let Some(Some(socket)) = self.sockets.get(&id)
            && let Err(error) = socket.send_to(packet, to)
        {
            count(&gauges.sends_failed);
            tracing::trace!(%error, "report send");
        }
    }

    fn bind(&mut self, id: StreamId, socket: &UdpSocket) -> io::Result<UdpSocket> {
        let own = socket.local_addr()?;
        let port = own.port().checked_add(1).ok_or(ErrorKind::AddrNotAvailable)?;
        let beside = UdpSocket::bind(SocketAddr::new(own.ip(), port))?;
        beside.set_nonblocking(true)?;
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => Watch::new()?,
        };
        let watched = watch.add(&beside, u64::from(id.call) << 8 | u64::from(id.leg));
        self.watch = Some(watch);
        watched.map(|()| beside)
    }

    /// The streams whose reports wait to be read.
    pub fn ready(&self) -> impl Iterator<Item = StreamId> + use<> {
        let numbers = self.watch.as_ref().filter(|_| !self.sockets.is_empty()).map(Watch::ready);
        numbers.into_iter().flatten().map(|number| StreamId { call: (number >> 8) as u32, leg: number as u8 })
    }

    pub fn socket(&self, id: StreamId) -> Option<&UdpSocket> {
        self.sockets.get(&id)?.as_ref()
    }

    /// The stream is closed, and so is its socket.
    pub fn close(&mut self, id: StreamId) {
        self.sockets.remove(&id);
    }
}
