//! One leg's own side of the session: what it offered, what it answers, and what came of both (RFC 3264).

use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::crypto::{Crypto, Line};
use super::{Direction, Format, Offer};
use crate::codec::{Codec, Preference};
use crate::keying::{KeyName, Master, Ours, Policy, Suite};
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
    offered: Option<Offered>,
    policy: Policy,
    /// SRTP as it stands.
    agreed: Option<Agreed>,
    /// Of the next key of ours.
    generation: u32,
}

/// Our last offer.
#[derive(Clone, Debug)]
struct Offered {
    codecs: Vec<Codec>,
    direction: Direction,
    secure: bool,
    keys: Vec<Line>,
}

/// Our key of an agreement, and with whom.
#[derive(Clone, Copy, Debug)]
struct Agreed {
    suite: Suite,
    name: KeyName,
    remote: SocketAddr,
    /// Over RTP/SAVP.
    secure: bool,
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
    /// `None`: RTP in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srtp: Option<Srtp>,
}

/// The keys of both directions, of one suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Srtp {
    pub ours: Ours,
    pub theirs: Master,
}

pub(super) fn events_as_ever() -> u32 {
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
    /// RTP in clear, where SRTP is required.
    Clear,
    /// RTP/SAVP where we do without, or where it was not offered.
    Secure,
    /// RTP/SAVP without an `a=crypto` that we can use, or an answer with another one than was offered.
    Keyless,
}

impl Refusal {
    /// Whether the two would have understood each other but for SRTP.
    pub fn is_of_srtp(self) -> bool {
        matches!(self, Refusal::Clear | Refusal::Secure | Refusal::Keyless)
    }
}

impl Session {
    /// `local` is where we receive RTP, as the peer reaches it.
    pub fn new(local: SocketAddr, policy: Policy, random: &mut Random) -> Session {
        let (id, version) = (random.u32(), u64::from(random.u32()));
        let (last, streams, offered, agreed) = (None, vec![String::new()], None, None);
        Session { local, id, version, last, streams, ours: 0, offered, policy, agreed, generation: 0 }
    }

    /// An offer of `codecs` in this order, with telephone-event at each of their clocks, and
    /// at 8,000 Hz: there are phones with Opus that know no other.
    pub fn offer(&mut self, codecs: &[Codec], direction: Direction) -> Vec<u8> {
        let spoken = |clock| clock == EVENTS[0].0 || codecs.iter().any(|codec| codec.clock() == clock);
        let events = EVENTS.into_iter().filter(|(clock, _)| spoken(*clock));
        let formats = codecs.iter().map(|codec| (codec.payload_type(), Sort::Audio(*codec)));
        let formats = formats.chain(events.map(|(clock, event)| (event, Sort::Event(clock))));
        let secure = self.policy == Policy::Required || self.agreed.is_some_and(|agreed| agreed.secure);
        let suites: &[Suite] = if self.policy.is_off() { &[] } else { &Suite::OFFERED };
        let line = |(tag, suite): (u32, &Suite)| Line { tag, suite: *suite, name: self.key_name(*suite, None) };
        let keys: Vec<Line> = (1..).zip(suites).map(line).collect();
        let stream = self.stream(formats, direction, false, (secure, &keys));
        self.offered = Some(Offered { codecs: codecs.to_vec(), direction, secure, keys });
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
        let (offer, crypto) = self.choose(offer)?;
        self.reaches(offer)?;
        let (payload_type, codec) = chosen(offer, preference).ok_or(Refusal::NoCodec)?;
        let event = event(offer, codec.clock());
        let direction = wanted.and(offer.direction.reversed());
        self.streams.clone_from(&offer.streams);
        self.ours = offer.ours;
        let formats = [(payload_type, Sort::Audio(codec))];
        let formats = formats.into_iter().chain(event.map(|(event, clock)| (event, Sort::Event(clock))));
        let key = crypto.map(|crypto| {
            let suite = crypto.key.suite();
            Line { tag: crypto.tag, suite, name: self.key_name(suite, Some(offer.address)) }
        });
        let stream = self.stream(formats, direction, offer.rtcp_mux, (offer.secure, key.as_slice()));
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
            srtp: self.settle(offer, key.zip(crypto)),
        };
        Ok((self.describe(stream), negotiated))
    }

    /// The peer's answer to our last offer. We send with the answer's payload types and receive with those of the
    /// offer (RFC 3264 section 6.1).
    pub fn take_answer(&mut self, answer: &Offer) -> Result<Negotiated, Refusal> {
        let offered = self.offered.as_ref().ok_or(Refusal::NotOffered)?;
        self.reaches(answer)?;
        let (payload_type, codec) = first_common(answer, &offered.codecs).ok_or(Refusal::NoCodec)?;
        let event = event(answer, codec.clock());
        let received = event.and_then(|(_, clock)| EVENTS.into_iter().find(|(ours, _)| *ours == clock));
        let direction = offered.direction.and(answer.direction.reversed());
        let keys = offered.answered(answer, self.policy)?;
        Ok(Negotiated {
            codec,
            payload_type,
            receive_payload_type: codec.payload_type(),
            event_send: event.map(|(event, _)| event),
            event_receive: received.map(|(_, event)| event),
            event_clock: event.map_or_else(events_as_ever, |(_, clock)| clock),
            remote: answer.address,
            direction,
            rtcp_mux: false,
            srtp: self.settle(answer, keys),
        })
    }

    /// Which of the offered streams is taken, and by which key. Where the choice is ours, SRTP is.
    fn choose<'o>(&self, offer: &'o Offer) -> Result<(&'o Offer, Option<&'o Crypto>), Refusal> {
        let all = || [Some(offer), offer.other.as_deref()].into_iter().flatten();
        let keyed = all().find_map(|offer| Some((offer, Some(offer.crypto.first()?))));
        if let Some(keyed) = keyed.filter(|_| !self.policy.is_off()) {
            return Ok(keyed);
        }
        match all().find(|offer| !offer.secure) {
            Some(_) if self.policy == Policy::Required => Err(Refusal::Clear),
            Some(clear) => Ok((clear, None)),
            None if self.policy.is_off() => Err(Refusal::Secure),
            None => Err(Refusal::Keyless),
        }
    }

    /// The name of the key that we protect with. It stays while suite and peer do: with a new key both sides count from
    /// zero. A peer that moved may not know how far we had counted (RFC 4568 section 7.1.4).
    fn key_name(&self, suite: Suite, remote: Option<SocketAddr>) -> KeyName {
        let stays = |agreed: &Agreed| {
            let there = remote.is_none_or(|remote| remote == agreed.remote || remote.ip().is_unspecified());
            agreed.suite == suite && there
        };
        let fresh = KeyName { session: self.id, generation: self.generation };
        self.agreed.filter(stays).map_or(fresh, |agreed| agreed.name)
    }

    /// SRTP as it stands from now on. A key that was in use and is not any more is never taken again: its numbers would
    /// begin anew.
    fn settle(&mut self, peer: &Offer, keys: Option<(Line, &Crypto)>) -> Option<Srtp> {
        let Some((Line { suite, name, .. }, crypto)) = keys else {
            self.agreed = None;
            return None;
        };
        let held = self.agreed.filter(|_| peer.address.ip().is_unspecified());
        let remote = held.map_or(peer.address, |agreed| agreed.remote);
        self.generation = self.generation.max(name.generation.saturating_add(1));
        self.agreed = Some(Agreed { suite, name, remote, secure: peer.secure });
        Some(Srtp { ours: Ours::Named(name), theirs: crypto.key.clone() })
    }

    /// An unspecified address is reached by nobody, and asks for nothing: the hold of RFC 2543.
    fn reaches(&self, peer: &Offer) -> Result<(), Refusal> {
        let same = peer.address.is_ipv4() == self.local.is_ipv4() || peer.address.ip().is_unspecified();
        if same { Ok(()) } else { Err(Refusal::OtherVersion) }
    }

    /// The lines of our stream.
    fn stream(
        &self,
        formats: impl Iterator<Item = (u8, Sort)>,
        direction: Direction,
        rtcp_mux: bool,
        (secure, keys): (bool, &[Line]),
    ) -> String {
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
        let profile = if secure { "RTP/SAVP" } else { "RTP/AVP" };
        let keys: String = keys.iter().map(Line::describe).collect();
        format!("m=audio {port} {profile}{numbers}\r\n{maps}{keys}a=ptime:20\r\n{mux}a={direction}\r\n")
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

impl Offered {
    /// Our line and the peer's of an answer that took one of ours, by its tag and suite (RFC 4568 section 5.1.3).
    fn answered<'a>(&self, answer: &'a Offer, policy: Policy) -> Result<Option<(Line, &'a Crypto)>, Refusal> {
        if answer.secure != self.secure {
            return Err(if answer.secure { Refusal::Secure } else { Refusal::Clear });
        }
        let Some(theirs) = answer.crypto.first().filter(|_| !self.keys.is_empty()) else {
            return match policy {
                Policy::Required => Err(if answer.secure { Refusal::Keyless } else { Refusal::Clear }),
                _ if answer.secure => Err(Refusal::Keyless),
                Policy::Off | Policy::Offered => Ok(None),
            };
        };
        let ours = self.keys.iter().find(|line| line.tag == theirs.tag && line.suite == theirs.key.suite());
        ours.map(|line| Some((*line, theirs))).ok_or(Refusal::Keyless)
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
pub(super) fn first_common(described: &Offer, codecs: &[Codec]) -> Option<(u8, Codec)> {
    described.formats.iter().find_map(|format| {
        let codec = codecs.iter().find(|codec| is(format, codec.name(), codec.clock()))?;
        Some((format.payload_type, *codec))
    })
}

/// telephone-event at the codec's clock, as one SSRC has one clock (RFC 4733 section 2.2); from those who have it only
/// at the other one, that. Keys that are lost over a formality would be worse.
pub(super) fn event(described: &Offer, clock: u32) -> Option<(u8, u32)> {
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
            Refusal::Clear => "SRTP is required: RTP/SAVP with a=crypto",
            Refusal::Secure => "no SRTP: RTP/AVP",
            Refusal::Keyless => "no a=crypto of a known suite",
        })
    }
}
