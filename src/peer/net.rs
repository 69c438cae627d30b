//! Drives a set of phones on real sockets: one for SIP, one a call for RTP.

use super::phones::{Happened, Output, Phones, TalkId};
use crate::os::clock::Clock;
use crate::os::sys::{self, BATCH, Batch};
use crate::time::{Duration, Instant};
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

/// The sockets are looked at this often at least.
const LOOK: Duration = Duration::from_millis(1);
const DATAGRAM: usize = 65_535;

pub struct Net {
    clock: Clock,
    sip: UdpSocket,
    contact: SocketAddr,
    media: HashMap<TalkId, UdpSocket>,
    buffer: Vec<u8>,
    batch: Batch,
}

impl Net {
    pub fn bind(sip: SocketAddr, clock: Clock) -> std::io::Result<Self> {
        let sip = UdpSocket::bind(sip)?;
        sip.set_nonblocking(true)?;
        let contact = sip.local_addr()?;
        Ok(Self { clock, sip, contact, media: HashMap::new(), buffer: vec![0; DATAGRAM], batch: Batch::default() })
    }

    /// Where these phones' SIP is reached.
    pub fn contact(&self) -> SocketAddr {
        self.contact
    }

    /// One turn: what came in is taken, what is due happens, what the phones want goes out.
    pub fn turn(&mut self, phones: &mut Phones, told: &mut dyn FnMut(TalkId, Instant, Happened)) {
        while let Ok((length, source)) = self.sip.recv_from(&mut self.buffer) {
            phones.on_sip(self.clock.now(), source, &self.buffer[..length]);
        }
        let now = self.clock.now();
        if phones.next_deadline().is_some_and(|at| at <= now) {
            phones.on_deadline(now);
        }
        while let Some(output) = phones.poll() {
            match output {
                Output::Sip { to, bytes } => self.send_sip(&bytes, to),
                Output::Rtp { talk, to, bytes } => self.speak(phones, talk, to, &bytes),
                Output::Open { talk } => match self.open(talk) {
                    Ok(local) => phones.opened(self.clock.now(), talk, local),
                    Err(error) => {
                        tracing::error!(%error, "a peer has no socket for its call");
                        phones.hang_up(self.clock.now(), talk);
                    }
                },
                Output::Close { talk } => {
                    self.media.remove(&talk);
                }
                Output::Event { talk, at, happened } => told(talk, at, happened),
            }
        }
    }

    /// Waits until something is due, and no longer than a look.
    pub fn wait(&self, phones: &Phones) {
        let now = self.clock.now();
        let due = phones.next_deadline().map_or(LOOK, |at| at.since(now).min(LOOK));
        if due > Duration::ZERO {
            std::thread::sleep(due);
        }
    }

    fn send_sip(&self, bytes: &[u8], to: SocketAddr) {
        // A full socket buffer is a lost datagram, and SIP sends it again.
        if let Err(error) = self.sip.send_to(bytes, to) {
            tracing::debug!(%error, "a peer's SIP datagram was not sent");
        }
    }

    /// Sends a packet of a call, and takes what has come for that call: each once in 20 ms.
    fn speak(&mut self, phones: &mut Phones, talk: TalkId, to: SocketAddr, packet: &[u8]) {
        let Some(socket) = self.media.get(&talk) else { return };
        if let Err(error) = socket.send_to(packet, to) {
            tracing::trace!(%error, "a peer's RTP packet was not sent");
        }
        // An error is an empty socket, or the word that the other side's port is closed already.
        while let Ok(taken) = self.batch.receive_stamped(socket) {
            let now = self.clock.now();
            for index in 0..taken {
                let at = now - self.batch.age(index).unwrap_or(Duration::ZERO);
                if let Some((_, packet)) = self.batch.datagram(index) {
                    phones.on_rtp(at, talk, packet);
                }
            }
            if taken < BATCH {
                return;
            }
        }
    }

    fn open(&mut self, talk: TalkId) -> std::io::Result<SocketAddr> {
        let socket = UdpSocket::bind(SocketAddr::new(self.contact.ip(), 0))?;
        socket.set_nonblocking(true)?;
        sys::stamp_arrivals(&socket)?;
        let local = socket.local_addr()?;
        self.media.insert(talk, socket);
        Ok(local)
    }
}
