//! The media of a capture's dialogs, heard with the ears of a media worker: one stream for each direction of each dialog.

use super::unread::{Unread, Why};
use crate::key::Key;
use crate::media::{Command, Event, Open, Sink, StreamId, Streams, Tapped, Tapping};
use crate::record::seam::KeyCarrier;
use crate::rtp::{Header, NotRtp};
use crate::sdp::{self, Deaf, Offer};
use crate::time::Instant;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who sent a dialog's INVITE, and who was called by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    Calling,
    Called,
}

impl Party {
    pub const BOTH: [Party; 2] = [Party::Calling, Party::Called];

    pub fn other(self) -> Party {
        match self {
            Party::Calling => Party::Called,
            Party::Called => Party::Calling,
        }
    }
}

/// A key that a side of a dialog pressed.
pub struct Pressed {
    pub dialog: usize,
    pub by: Party,
    pub key: Key,
    pub carrier: KeyCarrier,
}

#[derive(Default)]
pub struct Media {
    streams: Streams,
    /// By where packets go.
    ways: HashMap<SocketAddr, Way>,
    /// The same by dialogs, for their ends.
    kept: HashMap<usize, Vec<SocketAddr>>,
    bytes: Vec<u8>,
}

/// What is known of packets that go somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Who sends there, in which dialog.
    Open(usize, Party),
    /// A description names the place, and nobody listens: the other side has described nothing yet, or it is over.
    Named,
    /// SRTP without its key.
    Keyless,
}

/// Addresses of one dialog: a call is moved a few times, not more.
const WAYS: usize = 32;

impl Media {
    /// What both sides described last, and where the signalling of each comes from.
    pub fn agree(&mut self, dialog: usize, described: &[Option<(Offer, IpAddr)>; 2], tap: bool, sink: &mut impl Sink) {
        for by in Party::BOTH {
            let Some((receiver, beside)) = &described[by.other() as usize] else { continue };
            let Some((sender, signalling)) = &described[by as usize] else {
                self.name(dialog, receiver, *beside, Way::Named);
                continue;
            };
            let (way, session) = match sdp::overheard(receiver, sender) {
                Ok(session) => (Way::Open(dialog, by), Some(session)),
                Err(Deaf::Key) => (Way::Keyless, None),
                Err(Deaf::Codec) => (Way::Named, None),
            };
            self.name(dialog, receiver, *beside, way);
            let Some(session) = session else { continue };
            let id = id(dialog, by);
            if self.streams.attention(id).is_some() {
                self.streams.command(Command::Retarget { id, session: Box::new(session) }, sink);
                continue;
            }
            let open = Open {
                id,
                session,
                signalling: *signalling,
                // Who saw the packets saw them arrive: nobody has to be kept out.
                media_from: vec![
                    everywhere(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                    everywhere(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
                ],
                ssrc: 0,
                sequence: 0,
                timestamp: 0,
                gated: false,
            };
            self.streams.command(Command::Open(Box::new(open)), sink);
            if tap && by == Party::Calling {
                let (tapping, recording) = (Tapping::Packets, Some(dialog as u32));
                self.streams.command(Command::Tap { id, tapping, recording }, sink);
            }
        }
    }

    /// Behind NAT a description may name an address that the capture does not see.
    fn name(&mut self, dialog: usize, receiver: &Offer, beside: IpAddr, way: Way) {
        for to in [SocketAddr::new(beside, receiver.address.port()), receiver.address] {
            let known = self.kept.entry(dialog).or_default();
            let is_new = !known.contains(&to);
            if to.ip().is_unspecified() || is_new && known.len() >= WAYS {
                continue;
            }
            if is_new {
                known.push(to);
            }
            self.ways.insert(to, way);
        }
    }

    /// A datagram that is no SIP.
    pub fn packet(
        &mut self,
        (number, at): (u64, u64),
        (from, to): (SocketAddr, SocketAddr),
        bytes: &[u8],
        unread: &mut Unread,
        sink: &mut impl Sink,
    ) {
        match self.ways.get(&to) {
            Some(Way::Open(dialog, by)) => {
                self.bytes.clear();
                self.bytes.extend_from_slice(bytes);
                self.streams.on_packet(Instant::from_micros(at), id(*dialog, *by), from, &mut self.bytes, sink);
            }
            Some(Way::Keyless) if is_rtp(bytes) => unread.note(number, Why::Keyless),
            None if is_rtp(bytes) => unread.note(number, Why::Unnamed),
            Some(Way::Keyless | Way::Named) | None => {}
        }
    }

    /// Nothing of that dialog comes any more.
    pub fn close(&mut self, dialog: usize, sink: &mut impl Sink) {
        for way in self.kept.remove(&dialog).unwrap_or_default() {
            // The next call may have the port already.
            if let Some(kept) = self.ways.get_mut(&way)
                && matches!(kept, Way::Open(whose, _) if *whose == dialog)
            {
                // A few packets more are on their way.
                *kept = Way::Named;
            }
        }
        for by in Party::BOTH {
            if self.streams.attention(id(dialog, by)).is_some() {
                self.streams.command(Command::Close { id: id(dialog, by) }, sink);
            }
        }
    }
}

fn id(dialog: usize, by: Party) -> StreamId {
    StreamId { call: dialog as u32, leg: by as u8 }
}

/// The dialog and the side of it that sends this stream.
pub fn whose(id: StreamId) -> (usize, Party) {
    (id.call as usize, if id.leg == Party::Calling as u8 { Party::Calling } else { Party::Called })
}

fn everywhere(of: IpAddr) -> IpNet {
    IpNet::new_assert(of, 0)
}

/// Whether it may well be RTP: a header that can be read, of sound or of an event, and something behind it.
fn is_rtp(bytes: &[u8]) -> bool {
    match Header::read(bytes) {
        Ok((_, payload)) => !payload.is_empty(),
        Err(NotRtp::Rtcp) | Err(_) => false,
    }
}

/// Who wants the packets that callers sent.
pub trait Listener {
    const LISTENS: bool;

    /// A packet of a dialog's caller, and when it came.
    fn packet(&mut self, at: u64, tapped: Tapped<'_>);

    /// Nothing of that dialog comes any more.
    fn ended(&mut self, dialog: usize);
}

/// Nobody.
impl Listener for () {
    const LISTENS: bool = false;

    fn packet(&mut self, _: u64, _: Tapped<'_>) {}

    fn ended(&mut self, _: usize) {}
}

/// Keeps the keys, and hands on what is tapped.
pub struct Heard<'l, L> {
    pub at: u64,
    pub pressed: Vec<Pressed>,
    /// Streams that found no room.
    pub refused: u64,
    pub listener: &'l mut L,
}

impl<L: Listener> Sink for Heard<'_, L> {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn event(&mut self, event: Event) {
        let (id, key, carrier) = match event {
            Event::Key { id, key } => (id, key, KeyCarrier::Rtp),
            Event::Tone { id, key } => (id, key, KeyCarrier::InBand),
            Event::Refused { .. } => return self.refused += 1,
            Event::Ended { .. } | Event::Silent { .. } | Event::Heard { .. } | Event::Closed { .. } => return,
        };
        let (dialog, by) = whose(id);
        self.pressed.push(Pressed { dialog, by, key, carrier });
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}

    fn tap(&mut self, tapped: Tapped<'_>) {
        self.listener.packet(self.at, tapped);
    }
}
