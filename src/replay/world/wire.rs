//! What came to us of one call, off a capture: the caller's SIP messages and the sound of both sides.

use crate::record::fixture::{Fixture, Header};
use crate::record::seam::Leg;
use crate::replay::capture;
use crate::sdp::Offer;
use crate::sip::{Hop, Message, Method, Request, Transport, wire};
use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Beside the recording.
pub const FILE: &str = "call.pcap";
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
#[allow(clippy::disallowed_methods, reason = "the shells own what the core may not have")]
pub fn read(folder: &Path, fixture: &Fixture) -> Result<Wire, String> {
    let path = folder.join(FILE);
    let failed = |why: &str| format!("{}: {why}", path.display());
    if !path.exists() {
        let remedy = "record calls with sound, or lay a capture of the call there";
        return Err(failed(&format!("there is no such file: {remedy}")));
    }
    let file = File::open(&path).map_err(|error| failed(&error.to_string()))?;
    let begun = u64::try_from(fixture.header.at.as_microsecond()).unwrap_or(0);
    let mut came = Vec::new();
    capture::carried(file, |at, from, to, bytes| {
        came.push(Came { t: at.saturating_sub(begun), from, to, bytes: bytes.to_vec() });
    })
    .map_err(|error| failed(&error.to_string()))?;
    Wire::of(&fixture.header, came).map_err(|why| failed(&why))
}

impl Wire {
    /// The packets of the recorded call. The error says what is missing.
    pub fn of(header: &Header, came: Vec<Came>) -> Result<Wire, String> {
        let ours = |to: &SocketAddr| header.local.sip.iter().any(|hop| hop.address == *to);
        let media = |to: &SocketAddr| match to {
            to if *to == header.local.caller_media => Some(Leg::Caller),
            to if *to == header.local.agent_media => Some(Leg::Agent),
            _ => None,
        };
        let (mut said, mut sound) = (Vec::<Said>::new(), Vec::new());
        let mut call: Option<(Request, String)> = None;
        let mut described = Vec::new();
        for Came { t, from, to, bytes } in came {
            if let Some(leg) = media(&to) {
                sound.push(Sound { t, leg, from: from.address, bytes });
                continue;
            }
            let Some(message) = ours(&to).then(|| wire::read(&bytes).ok()).flatten() else { continue };
            described.extend(description(&message));
            let call_id = call_id(&message);
            if let (None, Message::Request(request)) = (&call, &message)
                && request.method == Method::Invite
            {
                call = call_id.map(|id| (request.clone(), id.to_owned()));
            }
            let is_its = call.as_ref().is_some_and(|(_, id)| call_id == Some(id));
            // What came again says nothing new: here no datagram is lost.
            if is_its && !said.iter().any(|other| other.bytes == bytes) {
                said.push(Said { t, from, message, bytes });
            }
        }
        let sip: Vec<String> = header.local.sip.iter().map(Hop::to_string).collect();
        let none = || format!("there is no INVITE to {} in it", sip.join(" or "));
        let (invite, _) = call.ok_or_else(none)?;
        // A capture that was written for a test has datagrams only; what carried them, Via says.
        let via = invite.headers.get("Via").and_then(|via| via.split([' ', '/']).nth(2));
        let transport = via.and_then(Transport::of).unwrap_or(Transport::Udp);
        said.iter_mut().for_each(|said| said.from.transport = transport);
        said.sort_by_key(|said| said.t);
        sound.sort_by_key(|packet| packet.t);
        Ok(Wire { invite, said, sound, described })
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
