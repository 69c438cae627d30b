//! One leg's own side of the session: what it offered, what it answers, and what came of both (RFC 3264).

use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Direction, Format, Offer};
use crate::codec::{Codec, Preference};
use crate::random::Random;

/// The clocks of telephone-event (RFC 4733) and their payload types in our offers.
const EVENTS: [(u32, u8); 2] = [(8_000, 101), (48_000, 110)];
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
    /// Units of a second in their timestamps and durations.
    #[serde(default = "events_as_ever", skip_serializing_if = "is_as_ever")]
    pub event_clock: u32,
    /// Where the peer receives RTP.
    pub remote: SocketAddr,
    /// As we see it.
    pub direction: Direction,
    pub rtcp_mux: bool,
}

fn events_as_ever() -> u32 {
    EVENTS[0].0
}

fn is_as_ever(clock: &u32) -> bool {
    *clock == EVENTS[0].0
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

    /// An offer of `codecs` in this order, with telephone-event at each of their clocks.
    pub fn offer(&mut self, codecs: &[Codec], direction: Direction) -> Vec<u8> {
        let events = EVENTS.into_iter().filter(|(clock, _)| codecs.iter().any(|codec| codec.clock() == *clock));
        let formats = codecs.iter().map(|codec| (codec.payload_type(), Sort::Audio(*codec)));
        let formats = formats.chain(events.map(|(clock, event)| (event, Sort::Event(clock))));
        let stream = self.stream(formats, direction, false);
        self.offered = Some((codecs.to_vec(), direction));
        self.describe(stream)
    }

    /// The answer to an offer: one codec that both have, and telephone-event if offered. The offer's payload types serve
    /// both ways. `wanted` is the direction that we would like.
    pub fn answer(
        &mut self,
        offer: &Offer,
        preference: &Preference,
        wanted: Direction,
    ) -> Result<(Vec<u8>, Negotiated), Refusal> {
        self.reaches(offer)?;
        let (payload_type, codec) = chosen(offer, preference).ok_or(Refusal::NoCodec)?;
        let event = event(offer, codec.clock());
        let direction = wanted.and(offer.direction.reversed());
        self.streams.clone_from(&offer.streams);
        self.ours = offer.ours;
        let formats = [(payload_type, Sort::Audio(codec))];
        let formats = formats.into_iter().chain(event.map(|(event, clock)| (event, Sort::Event(clock))));
        let stream = self.stream(formats, direction, offer.rtcp_mux);
        let negotiated = Negotiated {
            codec,
            payload_type,
            receive_payload_type: payload_type,
            event_send: event.map(|(event, _)| event),
            event_receive: event.map(|(event, _)| event),
            event_clock: event.map_or_else(events_as_ever, |(_, clock)| clock),
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
        let event = event(answer, codec.clock());
        let received = event.and_then(|(_, clock)| EVENTS.into_iter().find(|(ours, _)| *ours == clock));
        Ok(Negotiated {
            codec,
            payload_type,
            receive_payload_type: codec.payload_type(),
            event_send: event.map(|(event, _)| event),
            event_receive: received.map(|(_, event)| event),
            event_clock: event.map_or_else(events_as_ever, |(_, clock)| clock),
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
    fn stream(&self, formats: impl Iterator<Item = (u8, Sort)>, direction: Direction, rtcp_mux: bool) -> String {
        let (mut numbers, mut maps) = (String::new(), String::new());
        for (payload_type, sort) in formats {
            // Writing into a String cannot fail.
            let _ = write!(numbers, " {payload_type}");
            let _ = write!(maps, "a=rtpmap:{payload_type} {sort}\r\n");
            if let Some(parameters) = sort.parameters() {
                let _ = write!(maps, "a=fmtp:{payload_type} {parameters}\r\n");
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

/// What a format of ours is.
#[derive(Clone, Copy)]
enum Sort {
    Audio(Codec),
    /// With its clock.
    Event(u32),
}

impl Sort {
    fn parameters(self) -> Option<&'static str> {
        match self {
            // The sixteen keys and hook flash (RFC 4733 section 3.2).
            Sort::Event(_) => Some("0-16"),
            #[cfg(feature = "opus")]
            Sort::Audio(Codec::Opus) => Some("useinbandfec=1"),
            Sort::Audio(_) => None,
        }
    }
}

/// The value of `a=rtpmap`, without its payload type.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sort::Event(clock) => write!(f, "{EVENT_NAME}/{clock}"),
            // Opus names two channels, whatever is sent (RFC 7587 section 7).
            #[cfg(feature = "opus")]
            Sort::Audio(Codec::Opus) => f.write_str("opus/48000/2"),
            Sort::Audio(codec) => write!(f, "{}/{}", codec.name(), codec.clock()),
        }
    }
}

/// The format that we answer with: the first of ours if our order was written down. Otherwise the first of the offer,
/// whose author then sends and hears what it likes best.
fn chosen(offer: &Offer, preference: &Preference) -> Option<(u8, Codec)> {
    if preference.ours {
        preference.codecs.iter().find_map(|codec| first_common(offer, &[*codec]))
    } else {
        first_common(offer, &preference.codecs)
    }
}

/// The first format of the description that is one of `codecs`.
fn first_common(described: &Offer, codecs: &[Codec]) -> Option<(u8, Codec)> {
    described.formats.iter().find_map(|format| {
        let codec = codecs.iter().find(|codec| is(format, codec.name(), codec.clock()))?;
        Some((format.payload_type, *codec))
    })
}

/// telephone-event at the codec's clock, as one SSRC has one clock (RFC 4733 section 2.2); from those who have it only
/// at the other one, that. Keys that are lost over a formality would be worse.
fn event(described: &Offer, clock: u32) -> Option<(u8, u32)> {
    let at = |clock| {
        let format = described.formats.iter().find(|format| is(format, EVENT_NAME, clock))?;
        Some((format.payload_type, clock))
    };
    at(clock).or_else(|| EVENTS.iter().find_map(|(clock, _)| at(*clock)))
}

fn is(format: &Format, name: &str, clock: u32) -> bool {
    format.clock == clock && format.name.eq_ignore_ascii_case(name)
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
