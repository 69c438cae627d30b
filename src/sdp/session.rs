//! One leg's own side of the session: what it offered, what it answers, and what came of both (RFC 3264).

use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Direction, Format, Offer};
use crate::codec::Codec;
use crate::random::Random;

/// The payload type of telephone-event in our offers (RFC 4733).
const EVENT: u8 = 101;
/// The only clock that we use.
const CLOCK: u32 = 8000;
const EVENT_NAME: &str = "telephone-event";

/// Our description, from the first offer or answer to the end of the call.
#[derive(Clone, Debug)]
pub struct Session {
    local: SocketAddr,
    id: u32,
    version: u64,
    /// What was described last, without its version.
    last: Option<String>,
    /// The streams that the session has (RFC 3264 section 8: they never get fewer), each refused, and which is ours.
    streams: Vec<String>,
    ours: usize,
    /// Codecs and direction of our last offer.
    offered: Option<(Vec<Codec>, Direction)>,
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiated {
    pub codec: Codec,
    /// Payload type of what we send.
    pub payload_type: u8,
    pub receive_payload_type: u8,
    /// Payload types of telephone-event, if the peer knows it.
    pub event_send: Option<u8>,
    pub event_receive: Option<u8>,
    /// Where the peer receives RTP.
    pub remote: SocketAddr,
    /// As we see it.
    pub direction: Direction,
    pub rtcp_mux: bool,
}

/// Why nothing came of it: 488, or the end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No codec in common.
    NoCodec,
    /// An answer to no offer of ours.
    NotOffered,
    /// IPv6 where our media is on IPv4, or the other way round: neither side would hear the other.
    OtherVersion,
}

impl Session {
    /// `local` is where we receive RTP, as the peer reaches it.
    pub fn new(local: SocketAddr, random: &mut Random) -> Session {
        let (id, version) = (random.u32(), u64::from(random.u32()));
        Session { local, id, version, last: None, streams: vec![String::new()], ours: 0, offered: None }
    }

    /// An offer of `codecs` in this order, with telephone-event.
    pub fn offer(&mut self, codecs: &[Codec], direction: Direction) -> Vec<u8> {
        let formats = codecs.iter().map(|codec| (codec.payload_type(), codec.name()));
        let stream = self.stream(formats.chain([(EVENT, EVENT_NAME)]), direction, false);
        self.offered = Some((codecs.to_vec(), direction));
        self.describe(stream)
    }

    /// The answer to an offer: the first of its formats that is among `codecs`, and telephone-event if offered. The
    /// offer's payload types serve both ways. `wanted` is the direction that we would like.
    pub fn answer(
        &mut self,
        offer: &Offer,
        codecs: &[Codec],
        wanted: Direction,
    ) -> Result<(Vec<u8>, Negotiated), Refusal> {
        self.reaches(offer)?;
        let (payload_type, codec) = first_common(offer, codecs).ok_or(Refusal::NoCodec)?;
        let event = event(offer);
        let direction = wanted.and(offer.direction.reversed());
        self.streams.clone_from(&offer.streams);
        self.ours = offer.ours;
        let formats = [(payload_type, codec.name())].into_iter().chain(event.map(|event| (event, EVENT_NAME)));
        let stream = self.stream(formats, direction, offer.rtcp_mux);
        let negotiated = Negotiated {
            codec,
            payload_type,
            receive_payload_type: payload_type,
            event_send: event,
            event_receive: event,
            remote: offer.address,
            direction,
            rtcp_mux: offer.rtcp_mux,
        };
        Ok((self.describe(stream), negotiated))
    }

    /// The peer's answer to our last offer. We send with the answer's payload types and receive with those of the
    /// offer (RFC 3264 section 6.1).
    pub fn take_answer(&self, answer: &Offer) -> Result<Negotiated, Refusal> {
        let (codecs, direction) = self.offered.as_ref().ok_or(Refusal::NotOffered)?;
        self.reaches(answer)?;
        let (payload_type, codec) = first_common(answer, codecs).ok_or(Refusal::NoCodec)?;
        let event_send = event(answer);
        Ok(Negotiated {
            codec,
            payload_type,
            receive_payload_type: codec.payload_type(),
            event_send,
            event_receive: event_send.map(|_| EVENT),
            remote: answer.address,
            direction: direction.and(answer.direction.reversed()),
            rtcp_mux: false,
        })
    }

    /// An unspecified address is reached by nobody, and asks for nothing: the hold of RFC 2543.
    fn reaches(&self, peer: &Offer) -> Result<(), Refusal> {
        let same = peer.address.is_ipv4() == self.local.is_ipv4() || peer.address.ip().is_unspecified();
        if same { Ok(()) } else { Err(Refusal::OtherVersion) }
    }

    /// The lines of our stream.
    fn stream<'a>(&self, formats: impl Iterator<Item = (u8, &'a str)>, direction: Direction, rtcp_mux: bool) -> String {
        let (mut numbers, mut maps) = (String::new(), String::new());
        for (payload_type, name) in formats {
            // Writing into a String cannot fail.
            let _ = write!(numbers, " {payload_type}");
            let _ = write!(maps, "a=rtpmap:{payload_type} {name}/{CLOCK}\r\n");
            if name == EVENT_NAME {
                // The sixteen keys and hook flash (RFC 4733 section 3.2).
                let _ = write!(maps, "a=fmtp:{payload_type} 0-16\r\n");
            }
        }
        let mux = if rtcp_mux { "a=rtcp-mux\r\n" } else { "" };
        let (port, direction) = (self.local.port(), direction.as_str());
        format!("m=audio {port} RTP/AVP{numbers}\r\n{maps}a=ptime:20\r\n{mux}a={direction}\r\n")
    }

    /// The whole body; its version grows when it differs from the last one (RFC 3264 section 8).
    fn describe(&mut self, stream: String) -> Vec<u8> {
        let mut media = String::new();
        for (at, refused) in self.streams.iter().enumerate() {
            if at == self.ours {
                media.push_str(&stream);
            } else {
                let _ = write!(media, "m={refused}\r\n");
            }
        }
        if self.last.as_ref().is_some_and(|last| *last != media) {
            self.version += 1;
        }
        let (id, version, ip) = (self.id, self.version, self.local.ip());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let body =
            format!("v=0\r\no=- {id} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n{media}");
        self.last = Some(media);
        body.into_bytes()
    }
}

/// The first format of the description that is one of `codecs`.
fn first_common(described: &Offer, codecs: &[Codec]) -> Option<(u8, Codec)> {
    described.formats.iter().find_map(|format| {
        let codec = codecs.iter().find(|codec| is(format, codec.name()))?;
        Some((format.payload_type, *codec))
    })
}

fn event(described: &Offer) -> Option<u8> {
    described.formats.iter().find(|format| is(format, EVENT_NAME)).map(|format| format.payload_type)
}

fn is(format: &Format, name: &str) -> bool {
    format.clock == CLOCK && format.name.eq_ignore_ascii_case(name)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NoCodec => "no codec in common",
            Refusal::NotOffered => "an answer to no offer",
            Refusal::OtherVersion => "media over another version of IP",
        })
    }
}
