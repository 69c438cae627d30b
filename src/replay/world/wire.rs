//! What came to us of one call, off a capture: the caller's SIP messages and the sound of both sides.

use crate::record::fixture::{Fixture, Header};
use crate::record::seam::Leg;
use crate::replay::capture;
use crate::sdp::Offer;
use crate::sip::{Hop, Message, Method, Request, Transport, wire};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Beside the recording.
pub const FILE: &str = "call.pcap";
/// Messages of a call, and packets of its sound: of the longest call there may be, both sides.
const MESSAGES: usize = 4_096;
const PACKETS: usize = 1_500_000;
/// Networks that a caller's sound comes from.
const SOURCES: usize = 16;

/// A datagram, or a message off a stream, that somebody sent to us or we to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// Microseconds since the call's INVITE was taken off its queue; what came before that came at once.
    pub t: u64,
    pub from: Hop,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A SIP message of the caller's.
pub struct Said {
    pub t: u64,
    pub from: Hop,
    pub message: Message,
    pub bytes: Vec<u8>,
}

/// A packet of one side's sound.
pub struct Sound {
    pub t: u64,
    pub leg: Leg,
    pub from: SocketAddr,
    pub bytes: Vec<u8>,
}

/// One call's packets, those that came to us, in their order.
pub struct Wire {
    pub invite: Request,
    pub said: Vec<Said>,
    pub sound: Vec<Sound>,
    /// The session descriptions that came, with their keys.
    described: Vec<(Offer, Vec<u8>)>,
}

/// The packets beside a recording. The error names the file, what is wrong with it and the remedy.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]
pub fn read(folder: &Path, fixture: &Fixture) -> Result<Wire, String> {
    let path = folder.join(FILE);
    let failed = |why: &str| format!("{}: {why}", path.display());
    if !path.exists() {
        let remedy = "record calls with sound, or lay a capture of the call there";
        return Err(failed(&format!("there is no such file: {remedy}")));
    }
    let file = std::fs::File::open(&path).map_err(|error| failed(&error.to_string()))?;
    let begun = u64::try_from(fixture.header.at.as_microsecond()).unwrap_or(0);
    let mut gathered = Gathered::of(&fixture.header);
    capture::carried(file, |at, from, to, bytes| {
        gathered.take(Came { t: at.saturating_sub(begun), from, to, bytes: bytes.to_vec() })
    })
    .map_err(|error| failed(&error.to_string()))?;
    gathered.finish().map_err(|why| failed(&why))
}

/// What of a capture is the call's.
struct Gathered<'h> {
    header: &'h Header,
    /// Its INVITE and its Call-ID, once it was there.
    call: Option<(Request, String)>,
    said: Vec<Said>,
    sound: Vec<Sound>,
    described: Vec<(Offer, Vec<u8>)>,
    /// There was more than any call has.
    full: bool,
}

impl Gathered<'_> {
    fn of(header: &Header) -> Gathered<'_> {
        Gathered { header, call: None, said: Vec::new(), sound: Vec::new(), described: Vec::new(), full: false }
    }

    fn take(&mut self, came: Came) {
        let Came { t, from, to, bytes } = came;
        let local = &self.header.local;
        let leg = [local.caller_media, local.agent_media].iter().position(|media| *media == to);
        if let Some(leg) = leg {
            self.full |= self.sound.len() == PACKETS;
            if !self.full {
                self.sound.push(Sound { t, leg: Leg::BOTH[leg], from: from.address, bytes });
            }
            return;
        }
        if !local.sip.iter().any(|hop| hop.address == to) {
            return;
        }
        let Ok(message) = wire::read(&bytes) else { return };
        let call_id = call_id(&message);
        if let (None, Message::Request(request)) = (&self.call, &message)
            && request.method == Method::Invite
        {
            self.call = call_id.map(|id| (request.clone(), id.to_owned()));
        }
        let is_its = self.call.as_ref().is_some_and(|(_, id)| call_id == Some(id));
        self.full |= self.said.len().max(self.described.len()) == MESSAGES;
        if self.full {
            return;
        }
        self.described.extend(description(&message));
        // What came again says nothing new: here no datagram is lost.
        if is_its && !self.said.iter().any(|other| other.bytes == bytes) {
            self.said.push(Said { t, from, message, bytes });
        }
    }

    /// The error says what is missing.
    fn finish(self) -> Result<Wire, String> {
        let Gathered { header, call, mut said, mut sound, described, full } = self;
        let sip: Vec<String> = header.local.sip.iter().map(Hop::to_string).collect();
        let none = || format!("there is no INVITE to {} in it", sip.join(" or "));
        let (invite, _) = call.ok_or_else(none)?;
        if full {
            return Err("there is more in it than one call has: leave this call's packets alone in it".to_owned());
        }
        // A capture that was written for a test has datagrams only; what carried them, Via says.
        let via = invite.headers.get("Via").and_then(|via| via.split([' ', '/']).nth(2));
        let transport = via.and_then(Transport::of).unwrap_or(Transport::Udp);
        said.iter_mut().for_each(|said| said.from.transport = transport);
        said.sort_by_key(|said| said.t);
        sound.sort_by_key(|packet| packet.t);
        Ok(Wire { invite, said, sound, described })
    }
}

impl Wire {
    /// The packets of the recorded call. The error says what is missing.
    pub fn of(header: &Header, came: Vec<Came>) -> Result<Wire, String> {
        let mut gathered = Gathered::of(header);
        came.into_iter().for_each(|came| gathered.take(came));
        gathered.finish()
    }

    /// Where the caller's signalling comes from.
    pub fn caller(&self) -> Option<Hop> {
        self.said.first().map(|first| first.from)
    }

    /// A description of a recording as it came: its keys are not in there.
    pub fn described(&self, offer: &Offer) -> Option<&[u8]> {
        let same = |other: &Offer| {
            (other.address, other.direction, &other.formats) == (offer.address, offer.direction, &offer.formats)
        };
        self.described.iter().find(|(came, _)| same(came)).map(|(_, body)| body.as_slice())
    }

    /// Where that side's sound comes from.
    pub fn sources(&self, leg: Leg) -> BTreeSet<IpAddr> {
        let mut sources = BTreeSet::new();
        for packet in self.sound.iter().filter(|packet| packet.leg == leg) {
            if sources.len() < SOURCES {
                sources.insert(packet.from.ip());
            }
        }
        sources
    }
}

fn description(message: &Message) -> Option<(Offer, Vec<u8>)> {
    let body = match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    };
    Some((crate::sdp::read(body).ok()?, body.clone()))
}

/// The call that a message is of.
pub fn call_id(message: &Message) -> Option<&str> {
    match message {
        Message::Request(request) => request.headers.get("Call-ID"),
        Message::Response(response) => response.headers.get("Call-ID"),
    }
}
