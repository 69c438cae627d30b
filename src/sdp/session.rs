//! One leg's own side of the session: what it offered, what it answers, and what came of both (RFC 3264).

use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::crypto::{Crypto, Line};
use super::{Direction, Format, Offer};
use crate::codec::Codec;
use crate::keying::{KeyName, Master, Ours, Policy, Suite};
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

    /// An offer of `codecs` in this order, with telephone-event.
    pub fn offer(&mut self, codecs: &[Codec], direction: Direction) -> Vec<u8> {
        let formats = codecs.iter().map(|codec| (codec.payload_type(), codec.name()));
        let secure = self.policy == Policy::Required || self.agreed.is_some_and(|agreed| agreed.secure);
        let suites: &[Suite] = if self.policy.is_off() { &[] } else { &Suite::OFFERED };
        let line = |(tag, suite): (u32, &Suite)| Line { tag, suite: *suite, name: self.key_name(*suite, None) };
        let keys: Vec<Line> = (1..).zip(suites).map(line).collect();
        let stream = self.stream(formats.chain([(EVENT, EVENT_NAME)]), direction, false, (secure, &keys));
        self.offered = Some(Offered { codecs: codecs.to_vec(), direction, secure, keys });
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
        let (offer, crypto) = self.choose(offer)?;
        self.reaches(offer)?;
        let (payload_type, codec) = first_common(offer, codecs).ok_or(Refusal::NoCodec)?;
        let event = event(offer);
        let direction = wanted.and(offer.direction.reversed());
        self.streams.clone_from(&offer.streams);
        self.ours = offer.ours;
        let formats = [(payload_type, codec.name())].into_iter().chain(event.map(|event| (event, EVENT_NAME)));
        let key = crypto.map(|crypto| {
            let suite = crypto.key.suite();
            Line { tag: crypto.tag, suite, name: self.key_name(suite, Some(offer.address)) }
        });
        let stream = self.stream(formats, direction, offer.rtcp_mux, (offer.secure, key.as_slice()));
        let negotiated = Negotiated {
            codec,
            payload_type,
            receive_payload_type: payload_type,
            event_send: event,
            event_receive: event,
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
        let event_send = event(answer);
        let direction = offered.direction.and(answer.direction.reversed());
        let keys = offered.answered(answer, self.policy)?;
        Ok(Negotiated {
            codec,
            payload_type,
            receive_payload_type: codec.payload_type(),
            event_send,
            event_receive: event_send.map(|_| EVENT),
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
    fn stream<'a>(
        &self,
        formats: impl Iterator<Item = (u8, &'a str)>,
        direction: Direction,
        rtcp_mux: bool,
        (secure, keys): (bool, &[Line]),
    ) -> String {
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
            Refusal::Clear => "SRTP is required: RTP/SAVP with a=crypto",
            Refusal::Secure => "no SRTP: RTP/AVP",
            Refusal::Keyless => "no a=crypto of a known suite",
        })
    }
}
