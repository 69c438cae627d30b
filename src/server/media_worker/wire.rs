//! The worker's sockets and its outgoing events: the `Sink` that the streams write into.

use super::beside::Beside;
use super::load::{Gauges, count};
use super::{Told, WorkerEvent};
use crate::media::{ByStream, Event, Sink, StreamId, Tapped};
use crate::os::sys;
use crate::server::recorder::ring::Inlet;
use crate::time::Instant;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// Events that wait for a full queue. From here on packets stay in the sockets until the queue takes events
/// again, so no key is lost; what still adds to it are the few events of each command and of each play.
const BACKLOG: usize = 8192;

/// A stream's socket and its place on the wheel.
#[derive(Debug)]
pub struct Line {
    pub socket: UdpSocket,
    pub slot: usize,
    /// It is on the worker's list of streams to read at every tick.
    pub attended: bool,
    /// The tick at which it was read last.
    pub drained: u64,
    pub connected: Option<SocketAddr>,
    /// Nothing waits in the connected socket from before it was.
    pub pure: bool,
}

impl Line {
    /// Whom everything in the socket comes from, where that is certain.
    pub fn source(&self) -> Option<SocketAddr> {
        self.connected.filter(|_| self.pure)
    }
}

#[derive(Debug)]
pub struct Wire {
    /// The moment of the tick, for the events.
    pub now: Instant,
    pub lines: ByStream<Line>,
    pub gauges: Arc<Gauges>,
    pub beside: Beside,
    waiting: VecDeque<WorkerEvent>,
    events: Sender<WorkerEvent>,
    /// To the recorder, if there is one.
    recorder: Option<Inlet>,
}

impl Wire {
    pub fn new(events: Sender<WorkerEvent>, gauges: Arc<Gauges>, recorder: Option<Inlet>) -> Self {
        let waiting = VecDeque::with_capacity(BACKLOG);
        let (lines, beside) = (ByStream::default(), Beside::default());
        Self { now: Instant::ZERO, lines, gauges, beside, waiting, events, recorder }
    }

    pub fn add(&mut self, id: StreamId, socket: UdpSocket, slot: usize) {
        self.lines.insert(id, Line { socket, slot, attended: false, drained: 0, connected: None, pure: false });
    }

    pub fn tell(&mut self, told: Told) {
        self.waiting.push_back(WorkerEvent { at: self.now, told });
    }

    /// So many events wait that no packet may be read.
    pub fn is_held_back(&self) -> bool {
        self.waiting.len() >= BACKLOG
    }

    /// Hands over what waits. `false` once nobody listens any more.
    pub fn flush(&mut self) -> bool {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return true;
                }
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        !self.events.is_closed()
    }
}

impl Sink for Wire {
    fn send(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        let Some(line) = self.lines.get(&id) else { return };
        let send = || match line.connected {
            Some(connected) if connected == to => line.socket.send(packet),
            _ => line.socket.send_to(packet, to),
        };
        let refused = |error: &io::Error| error.kind() == ErrorKind::ConnectionRefused;
        // What comes back as refused is an earlier packet's ICMP answer; this one was not sent, so it is sent again.
        let sent = send().or_else(|error| if refused(&error) { send() } else { Err(error) });
        if let Err(error) = sent {
            count(&self.gauges.sends_failed);
            tracing::trace!(%error, "media send");
        }
    }

    fn report(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        if let Some(line) = self.lines.get(&id) {
            self.beside.send(id, &line.socket, to, packet, &self.gauges);
        }
    }

    fn event(&mut self, event: Event) {
        if let Event::Closed { id, .. } = &event {
            self.beside.close(*id);
        }
        let socket = match &event {
            Event::Closed { id, .. } => self.lines.remove(id).map(|line| line.socket),
            _ => None,
        };
        self.tell(Told::Event(event, socket));
    }

    fn connect(&mut self, id: StreamId, to: SocketAddr) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        match line.socket.connect(to) {
            Ok(()) => (line.connected, line.pure) = (Some(to), false),
            // The stream checks every source itself: a socket that stays open to all is slower, not weaker.
            Err(error) => tracing::debug!(%error, "a media socket could not be connected"),
        }
    }

    fn tap(&mut self, tapped: Tapped<'_>) {
        let Some(recorder) = &self.recorder else { return };
        if !recorder.push(self.now, &tapped) {
            count(&self.gauges.unrecorded);
        }
    }

    fn disconnect(&mut self, id: StreamId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        if line.connected.take().is_some()
            && let Err(error) = sys::disconnect(&line.socket)
        {
            tracing::warn!(%error, "a media socket could not be disconnected: the far end's new address is not heard");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_in_order_and_hold_back_the_reading_when_they_are_many() {
        let (sender, mut events) = tokio::sync::mpsc::channel(2);
        let mut wire = Wire::new(sender, Arc::default(), None);
        let id = |call| StreamId { call, leg: 0 };
        for play in 0..BACKLOG as u32 {
            assert!(!wire.is_held_back());
            wire.event(Event::Ended { id: id(1), play });
        }
        assert!(wire.is_held_back());
        assert!(wire.flush());
        for expected in 0..BACKLOG as u32 {
            let taken = events.try_recv().expect("an event").told;
            assert!(matches!(taken, Told::Event(Event::Ended { play, .. }, None) if play == expected), "{taken:?}");
            assert!(wire.flush() && !wire.is_held_back());
        }
        drop(events);
        assert!(!wire.flush());
    }
}
