//! Reading an offer or an answer: the first audio stream that we can use.
//!
//! `ezk-sdp-types` parses, but one line that it does not know (`m=image 9 udptl t38`) fails a whole body with it. So
//! the body is cut into its sections first, and it sees the session's lines and those of our stream only.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ezk_sdp_types::{MediaDescription, SessionDescription, TaggedAddress};
use serde::{Deserialize, Serialize};

use super::Direction;
use super::crypto::{self, Crypto};

/// More streams or formats than that are no telephone call.
const MAX_MEDIA: usize = 16;
const MAX_FORMATS: usize = 64;
/// Keys to choose from, of which the first is taken.
const MAX_KEYS: usize = 8;
/// Longer bodies are refused, read from a datagram or not.
const MAX_BODY: usize = 65_536;

/// What a description says of the stream that we use; an offer's as well as an answer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Where its author receives RTP.
    pub address: SocketAddr,
    /// In the author's order of preference; formats without a name are left out.
    pub formats: Vec<Format>,
    /// As its author sees it.
    pub direction: Direction,
    pub rtcp_mux: bool,
    /// Milliseconds of sound a packet that the author wants.
    pub ptime: Option<u32>,
    /// Over RTP/SAVP: without a key nothing can come of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// The keys that we can use, in the author's order; over RTP/AVP an offer that may be left (RFC 8643).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crypto: Vec<Crypto>,
    /// The same media over the other one of RTP/AVP and RTP/SAVP, where its author leaves the choice to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Box<Offer>>,
    /// The `m=` values of all streams with port 0, as an answer refuses them.
    pub(super) streams: Vec<String>,
    /// Which of them is ours.
    pub(super) ours: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    pub payload_type: u8,
    pub name: String,
    pub clock: u32,
}

/// Why a description cannot be used: 488 to an offer, the end of the call to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Not SDP.
    Malformed,
    /// No audio stream over RTP/AVP or RTP/SAVP with a port.
    NoAudio,
    /// A host name, or an address that is not one host's, in `c=`; or none.
    Address,
    /// Too long, or too many streams or formats.
    TooMuch,
}

/// Reads the body of an INVITE or of its answer.
pub fn read(body: &[u8]) -> Result<Offer, Unusable> {
    if body.len() > MAX_BODY {
        return Err(Unusable::TooMuch);
    }
    let text = String::from_utf8_lossy(body);
    let sections = sections(&text);
    let (session, media) = sections.split_first().ok_or(Unusable::Malformed)?;
    if session.first().is_none_or(|line| line.trim_end() != "v=0") {
        return Err(Unusable::Malformed);
    }
    if media.len() > MAX_MEDIA {
        return Err(Unusable::TooMuch);
    }
    let profiles: Vec<_> = media.iter().map(|lines| profile(lines.first()?)).collect();
    let ours = profiles.iter().position(Option::is_some).ok_or(Unusable::NoAudio)?;
    let other = profiles.iter().position(|other| other.is_some() && *other != profiles[ours]);
    let streams = media.iter().filter_map(|lines| refused(lines.first()?)).collect::<Vec<_>>();
    if streams.len() != media.len() {
        return Err(Unusable::Malformed);
    }
    let describe = |ours: usize| {
        let secure = profiles[ours] == Some(Profile::Savp);
        described(session, &media[ours], secure, streams.clone(), ours)
    };
    let other = other.and_then(|other| describe(other).ok()).map(Box::new);
    Ok(Offer { other, ..describe(ours)? })
}

fn described(
    session: &[&str],
    lines: &[&str],
    secure: bool,
    streams: Vec<String>,
    ours: usize,
) -> Result<Offer, Unusable> {
    let parsed = parse(session, lines)?;
    let stream = parsed.media_descriptions.first().ok_or(Unusable::NoAudio)?;
    let ip = connection(&parsed, stream)?;
    Ok(Offer {
        address: SocketAddr::new(ip, stream.media.port),
        formats: formats(stream)?,
        direction: direction(stream, ip),
        rtcp_mux: stream.rtcp_mux,
        ptime: ptime(lines),
        secure,
        crypto: lines.iter().filter_map(|line| crypto::read(line.trim_end())).take(MAX_KEYS).collect(),
        other: None,
        streams,
        ours,
    })
}

/// The session's lines, then those of each stream.
fn sections(text: &str) -> Vec<Vec<&str>> {
    let mut sections = vec![Vec::new()];
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

#[derive(Clone, Copy, PartialEq)]
enum Profile {
    Avp,
    Savp,
}

/// `None` for a stream that we cannot use.
fn profile(line: &str) -> Option<Profile> {
    let mut words = line.trim_start_matches("m=").split_ascii_whitespace();
    let (kind, port, protocol) = (words.next(), words.next(), words.next());
    let usable = kind == Some("audio") && port.is_some_and(|port| port != "0");
    match protocol.filter(|_| usable)? {
        "RTP/AVP" => Some(Profile::Avp),
        "RTP/SAVP" => Some(Profile::Savp),
        _ => None,
    }
}

/// The value of an `m=` line with its port set to 0 (RFC 3264 section 6).
fn refused(line: &str) -> Option<String> {
    let mut words = line.trim_start_matches("m=").split_ascii_whitespace();
    let (kind, _, rest) = (words.next()?, words.next()?, words.collect::<Vec<_>>());
    (!rest.is_empty()).then(|| format!("{kind} 0 {}", rest.join(" ")))
}

/// Only the lines that we need: what else is odd in them does not matter.
fn parse(session: &[&str], stream: &[&str]) -> Result<SessionDescription, Unusable> {
    // `o=`, `s=` and `t=` tell us nothing, and sloppy senders leave them out or empty.
    let mut text = String::from("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    for line in session.iter().chain(stream) {
        let line = line.trim_end();
        let wanted = ["m=", "c=", "a=rtpmap:", "a=rtcp-mux", "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
        if wanted.iter().any(|start| line.starts_with(start)) {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    SessionDescription::parse(&text.into()).map_err(|_| Unusable::Malformed)
}

/// The stream's own `c=`, else the session's. A name would have to be looked up, and a group address would make us
/// send to many: neither is taken.
fn connection(session: &SessionDescription, stream: &MediaDescription) -> Result<IpAddr, Unusable> {
    let connection = stream.connection.as_ref().or(session.connection.as_ref()).ok_or(Unusable::Address)?;
    let ip = match connection.address {
        TaggedAddress::IP4(ip) if !ip.is_broadcast() => IpAddr::V4(ip),
        TaggedAddress::IP6(ip) => IpAddr::V6(ip),
        _ => return Err(Unusable::Address),
    };
    if ip.is_multicast() { Err(Unusable::Address) } else { Ok(ip) }
}

fn formats(stream: &MediaDescription) -> Result<Vec<Format>, Unusable> {
    if stream.media.fmts.len() > MAX_FORMATS {
        return Err(Unusable::TooMuch);
    }
    let named = |payload_type: &u8| {
        let payload_type = *payload_type;
        let map = stream.rtpmap.iter().find(|map| map.payload == payload_type);
        let (name, clock) = match (map, payload_type) {
            (Some(map), _) => (map.encoding.to_string(), map.clock_rate),
            // RFC 3551 section 6.
            (None, 0) => ("PCMU".to_owned(), 8000),
            (None, 8) => ("PCMA".to_owned(), 8000),
            (None, 9) => ("G722".to_owned(), 8000),
            _ => return None,
        };
        Some(Format { payload_type, name, clock })
    };
    Ok(stream.media.fmts.iter().filter_map(named).collect())
}

/// RFC 3264 section 8.4: `c=0.0.0.0` is the hold of RFC 2543; its author takes no RTP.
fn direction(stream: &MediaDescription, ip: IpAddr) -> Direction {
    let direction = match stream.direction {
        ezk_sdp_types::Direction::SendRecv => Direction::SendRecv,
        ezk_sdp_types::Direction::SendOnly => Direction::SendOnly,
        ezk_sdp_types::Direction::RecvOnly => Direction::RecvOnly,
        ezk_sdp_types::Direction::Inactive => Direction::Inactive,
    };
    if ip.is_unspecified() { direction.and(Direction::SendOnly) } else { direction }
}

fn ptime(stream: &[&str]) -> Option<u32> {
    stream.iter().find_map(|line| line.strip_prefix("a=ptime:")?.trim().parse().ok())
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::Malformed => "not SDP",
            Unusable::NoAudio => "no audio stream over RTP/AVP or RTP/SAVP",
            Unusable::Address => "no IP address of one host in c=",
            Unusable::TooMuch => "too many streams or formats",
        })
    }
}
