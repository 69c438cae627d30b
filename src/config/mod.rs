//! The server's configuration: what binds the flows to this place. Everything in it is parsed.

mod check;
mod destination;
mod load;
mod quick;
mod trunk;

pub use check::{Names, check};
pub use load::load;
pub use quick::Quick;

use crate::context;
use crate::context::carrier::Carrier;
use crate::time::Duration;
use crate::yaml::Word;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from, as diagnostics call it.
    pub path: String,
    pub listen: Listen,
    /// The address for Contact and SDP, where it differs from the bound one.
    pub advertise: Option<IpAddr>,
    /// Flow files, and folders of them.
    pub flows: Vec<Word>,
    /// The SQLite file.
    pub store: String,
    pub trunks: Vec<Arc<Trunk>>,
    pub numbers: Vec<Number>,
    pub destinations: Vec<Destination>,
}

#[derive(Clone, Debug)]
pub struct Listen {
    /// UDP.
    pub sip: Vec<SocketAddr>,
    pub rtp: RtpPorts,
    pub http: SocketAddr,
}

/// The ports of the media, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPorts {
    pub address: IpAddr,
    pub first: u16,
    pub last: u16,
}

/// Who may call, and how far they are believed.
#[derive(Clone, Debug)]
pub struct Trunk {
    pub name: Word,
    /// Where its signalling comes from.
    pub from: Vec<IpNet>,
    /// Where its RTP comes from.
    pub media_from: Vec<IpNet>,
    /// Where the caller's number is read, the first that is there wins.
    pub identity: Vec<Identity>,
    /// Whether `known: [uui.*]` counts from here.
    pub trust_uui: bool,
    /// Whether `known: [header.*]` counts from here.
    pub trust_headers: bool,
}

/// A header that names the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    PAssertedIdentity,
    RemotePartyId,
    From,
}

#[derive(Clone, Debug)]
pub struct Number {
    /// The called number as it comes in the request, or `*` for any other.
    pub number: Word,
    /// The name of the flow that answers. `None`, in quick mode only: the one flow that there is.
    pub flow: Option<Word>,
}

/// Whom we may call: queues name it, nothing else is dialled.
#[derive(Clone, Debug)]
pub struct Destination {
    pub name: Word,
    /// Tried in this order.
    pub to: Vec<Target>,
    /// How long one of them rings.
    pub ring: Duration,
    /// Whether the facts go along, and not the reference alone.
    pub trusted: bool,
    pub carriers: Vec<Carrier>,
    /// Facts that go in headers of their own: header, fact.
    pub headers: Vec<(Word, Word)>,
    /// Facts in the UUI, in this order; `None`: those that the agent step needs.
    pub uui: Option<Vec<Word>>,
}

/// A SIP address by number: `sip:user@192.0.2.1:5060`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub user: Option<String>,
    pub address: SocketAddr,
}

impl Destination {
    /// What a call needs of it: the names without their places.
    pub fn for_calls(&self) -> context::Destination {
        let uri = |target: &Target| match &target.user {
            Some(user) => format!("sip:{user}@{}", target.address),
            None => format!("sip:{}", target.address),
        };
        let to = self.to.iter().map(|target| context::Target { uri: uri(target), address: target.address });
        let text = |word: &Word| word.text.clone();
        context::Destination {
            to: to.collect(),
            ring: self.ring,
            trusted: self.trusted,
            carriers: self.carriers.clone(),
            headers: self.headers.iter().map(|(header, fact)| (text(header), text(fact))).collect(),
            uui: self.uui.as_ref().map(|facts| facts.iter().map(text).collect()),
        }
    }
}

impl Config {
    /// The entry that answers a called number: its own, or `*`.
    pub fn number(&self, called: &str) -> Option<&Number> {
        let of = |name: &str| self.numbers.iter().find(|n| n.number.text == name);
        of(called).or_else(|| of("*"))
    }

    /// The trunk that a packet's source belongs to; the first in the file wins.
    pub fn trunk(&self, source: IpAddr) -> Option<&Arc<Trunk>> {
        self.trunks.iter().find(|trunk| trunk.from.iter().any(|net| net.contains(&source)))
    }
}

#[cfg(test)]
mod tests;
