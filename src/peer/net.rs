//! Drives a set of phones on real sockets: one for SIP, and for RTP a few that all calls share. A call is told by where
//! its media comes from, which the other side's description says; a call alone on a socket, by that.
//! Sixty packets at a call of the system cost a third of what each would by itself.

use super::phones::{Output, Phones, TalkId};
use super::script::Happened;
use super::talks::Talks;
use crate::os::clock::Clock;
use crate::os::sys::{self, Batch};
use crate::sip::{Hop, Transport};
use crate::time::{Duration, Instant};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// The sockets are looked at this often at least.
const LOOK: Duration = Duration::from_millis(1);
const DATAGRAM: usize = 65_535;
/// Sockets for RTP: up to so many calls have one each, more share them.
const LINES: usize = 32;
/// Datagrams of one receive.
const BATCH: usize = 32;
/// Receives of one socket in a turn; what a flood sends beyond waits.
const RECEIVES: usize = 64;
/// What the kernel is asked to keep for a socket while the thread is elsewhere; it gives what net.core.rmem_max allows.
const WAITING_BYTES: usize = 4 << 20;

/// What takes messages that go over TCP or TLS.
pub type Streams = Box<dyn FnMut(Hop, Vec<u8>)>;

pub struct Net {
    clock: Clock,
    sip: UdpSocket,
    contact: SocketAddr,
    streams: Option<Streams>,
    lines: Vec<Line>,
    /// The line of each talk.
    talks: Talks<usize>,
    messages: Batch<4>,
    batch: Batch<BATCH>,
    pub counted: Counted,
}

/// What no call counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Packets from where no call expects any.
    pub strays: u64,
    /// Packets that the kernel did not take.
    pub unsent: u64,
}

/// A socket and its calls.
struct Line {
    socket: UdpSocket,
    local: SocketAddr,
    alone: Option<TalkId>,
    talks: usize,
    /// Of all calls so far, for the last packets of one that is over are no strays: as many as the other sides have ports.
    sources: HashMap<SocketAddr, TalkId>,
    /// Packets to be sent at the end of the turn.
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

impl Net {
    pub fn bind(sip: SocketAddr, clock: Clock) -> io::Result<Self> {
        let sip = bind(sip)?;
        let contact = sip.local_addr()?;
        Ok(Self {
            clock,
            sip,
            contact,
            streams: None,
            lines: Vec::new(),
            talks: Talks::default(),
            messages: Batch::of(DATAGRAM),
            batch: Batch::default(),
            counted: Counted::default(),
        })
    }

    /// Where these phones' SIP is reached.
    pub fn contact(&self) -> SocketAddr {
        self.contact
    }

    /// Messages over TCP and TLS go this way.
    pub fn streams(&mut self, streams: Streams) {
        self.streams = Some(streams);
    }

    /// One turn: what came in is taken, what is due happens, what the phones want goes out.
    pub fn turn(&mut self, phones: &mut Phones, told: &mut dyn FnMut(TalkId, Instant, Happened)) {
        self.take_messages(phones, told);
        for line in 0..self.lines.len() {
            self.take_packets(line, phones, told);
        }
        let now = self.clock.now();
        if phones.next_deadline().is_some_and(|at| at <= now) {
            phones.on_deadline(now);
        }
        self.do_wanted(phones, told);
        for line in &mut self.lines {
            self.counted.unsent += sys::send_burst(&line.socket, &line.waiting) as u64;
            line.waiting.clear();
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

    fn take_messages(&mut self, phones: &mut Phones, told: &mut dyn FnMut(TalkId, Instant, Happened)) {
        // An error is an empty socket, or the word that the other side's port is closed.
        while let Ok(taken) = self.messages.receive_stamped(&self.sip) {
            let now = self.clock.now();
            for index in 0..taken {
                let at = now - self.messages.age(index).unwrap_or(Duration::ZERO);
                if let Some((source, bytes)) = self.messages.datagram(index) {
                    phones.on_sip(at, Hop::udp(source), bytes);
                }
            }
            self.do_wanted(phones, told);
        }
    }

    fn take_packets(&mut self, line: usize, phones: &mut Phones, told: &mut dyn FnMut(TalkId, Instant, Happened)) {
        let mut asked = false;
        for _ in 0..RECEIVES {
            let Ok(taken) = self.batch.receive_stamped(&self.lines[line].socket) else { return };
            let now = self.clock.now();
            for index in 0..taken {
                let at = now - self.batch.age(index).unwrap_or(Duration::ZERO);
                let Some(source) = self.batch.source(index) else { continue };
                if self.lines[line].talk(source).is_none() && !std::mem::replace(&mut asked, true) {
                    // The first packet of a call may overtake the answer that says where it comes from.
                    self.take_messages(phones, told);
                }
                match (self.lines[line].talk(source), self.batch.datagram(index)) {
                    (Some(talk), Some((_, packet))) => phones.on_rtp(at, talk, packet),
                    _ => self.counted.strays += 1,
                }
            }
            if taken < BATCH {
                return;
            }
        }
    }

    /// Does what the phones want; their packets wait for the end of the turn.
    fn do_wanted(&mut self, phones: &mut Phones, told: &mut dyn FnMut(TalkId, Instant, Happened)) {
        while let Some(output) = phones.poll() {
            match output {
                Output::Sip { to, bytes } => self.send_message(to, bytes),
                Output::Rtp { talk, to, bytes } => {
                    if let Some(line) = self.talks.get(talk) {
                        self.lines[*line].waiting.push((to, bytes));
                    }
                }
                Output::Open { talk } => match self.open(talk) {
                    Ok(local) => phones.opened(self.clock.now(), talk, local),
                    Err(error) => {
                        tracing::error!(%error, "a peer has no socket for its call");
                        phones.not_opened(self.clock.now(), talk);
                    }
                },
                Output::Expect { talk, from } => {
                    if let Some(line) = self.talks.get(talk) {
                        self.lines[*line].sources.insert(from, talk);
                    }
                }
                Output::Close { talk } => self.close(talk),
                Output::Event { talk, at, happened } => told(talk, at, happened),
            }
        }
    }

    fn send_message(&mut self, to: Hop, bytes: Vec<u8>) {
        match &mut self.streams {
            Some(streams) if to.transport != Transport::Udp => streams(to, bytes),
            // A full socket buffer is a lost datagram, and SIP sends it again.
            _ => {
                if let Err(error) = self.sip.send_to(&bytes, to.address) {
                    tracing::debug!(%error, "a peer's SIP datagram was not sent");
                }
            }
        }
    }

    fn open(&mut self, talk: TalkId) -> io::Result<SocketAddr> {
        let free = self.lines.iter().position(|line| line.talks == 0);
        let line = match free {
            Some(free) => free,
            None if self.lines.len() < LINES => {
                let socket = bind(SocketAddr::new(self.contact.ip(), 0))?;
                let (local, sources, waiting) = (socket.local_addr()?, HashMap::new(), Vec::new());
                self.lines.push(Line { socket, local, alone: None, talks: 0, sources, waiting });
                self.lines.len() - 1
            }
            None => talk as usize % LINES,
        };
        self.talks.insert(talk, line);
        let line = &mut self.lines[line];
        line.talks += 1;
        line.alone = (line.talks == 1).then_some(talk);
        Ok(line.local)
    }

    fn close(&mut self, talk: TalkId) {
        let Some(line) = self.talks.remove(talk) else { return };
        let line = &mut self.lines[line];
        line.talks -= 1;
        line.alone = line.alone.filter(|alone| *alone != talk);
    }
}

impl Line {
    fn talk(&self, source: SocketAddr) -> Option<TalkId> {
        self.sources.get(&source).copied().or(self.alone)
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(WAITING_BYTES)?;
    sys::stamp_arrivals(&socket)?;
    Ok(socket)
}
