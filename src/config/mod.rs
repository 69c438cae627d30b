//! The server's configuration: what binds the flows to this place. Everything in it is parsed.

mod address;
mod admission;
mod announcements;
mod carried;
mod check;
mod codecs;
mod destination;
mod endpoint;
mod fixed;
mod fixtures;
mod listen;
mod load;
mod media;
mod quick;
mod recording;
mod retention;
mod secrets;
mod srtp;
mod switches;
mod trunk;
mod webhook;

pub use announcements::Announcements;
pub use check::{Handoff, Names, check};
pub use fixed::{fixed, needs_restart};
pub use fixtures::{Fixtures, Keep, Keeping};
pub use listen::even_ports;
pub use load::load;
pub use quick::Quick;
pub use recording::Recording;
pub use retention::Retention;
pub use webhook::Webhook;

use crate::codec::{Codec, Preference};
use crate::context::carrier::Carrier;
use crate::context::{self, UuiFacts};
use crate::keying::Policy;
use crate::sip::{Hop, Uri};
use crate::time::Duration;
use crate::yaml::Word;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Calls at once, at most. Each holds two sockets and some 16 kB.
pub const MAX_CALLS: usize = 6_000;

#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from, as diagnostics call it.
    pub path: String,
    pub listen: Listen,
    /// The address for Contact and SDP, where it differs from the bound one.
    pub advertise: Option<IpAddr>,
    pub tls: Option<Tls>,
    /// DNS servers; none: the system's.
    pub resolver: Vec<SocketAddr>,
    /// Flow files, and folders of them.
    pub flows: Vec<Word>,
    /// The SQLite file.
    pub store: String,
    pub synchronous: Synchronous,
    pub secrets: Vec<SecretPlace>,
    /// What lookups and webhooks may reach.
    pub endpoints: Vec<Endpoint>,
    pub retention: Retention,
    pub limits: Limits,
    pub record: Recording,
    /// Whether the media workers have SCHED_FIFO, each on a core of its own.
    pub realtime: bool,
    pub unknown: Unknown,
    /// What is spoken where neither trunk nor destination say anything.
    pub codecs: Preference,
    pub trunks: Vec<Arc<Trunk>>,
    pub numbers: Vec<Number>,
    pub destinations: Vec<Destination>,
    /// What flows may read as `switch.NAME`, and how each stands until it is set.
    pub switches: Vec<(Word, bool)>,
    /// What flows may announce, and where it lies; `None`: nothing.
    pub announcements: Option<Announcements>,
}

/// When a commit of the store counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Once the system has it: it survives the death of the process.
    #[default]
    Normal,
    /// Once the disk has it: it survives a power cut as well.
    Full,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// One at least; at most one for each transport and IP version.
    pub sip: Vec<Hop>,
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

/// Files in PEM, relative to the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate with its chain, and its key.
    pub cert: String,
    pub key: String,
    /// Who vouches for the peers that we call; `None`: whoever the system trusts.
    pub ca: Option<String>,
}

/// Where the value of a secret lies. The value itself is never in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    pub name: Word,
    pub source: SecretSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, relative to the configuration.
    File(String),
}

/// An HTTP server that lookups and webhooks may reach: `https://crm.example:8443/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: Word,
    pub tls: bool,
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    /// What every path there begins with: empty, or `/v1`.
    pub path: String,
    /// Who vouches for it, relative to the configuration; `None`: whoever the system trusts.
    pub ca: Option<String>,
    /// Whether its name may lead into a private network. An address is taken as it stands.
    pub private: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub calls: usize,
    /// New calls a second from one source address; `None`: as many as there is room for.
    pub per_source: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { calls: MAX_CALLS, per_source: Some(50) }
    }
}

/// What a source hears that no trunk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// 403.
    Refuse,
    /// Nothing.
    Drop,
}

/// Who may call, how far they are believed, and how we reach them.
#[derive(Clone, Debug)]
pub struct Trunk {
    pub name: Word,
    /// Where its signalling comes from.
    pub from: Vec<IpNet>,
    /// Where its RTP comes from.
    pub media_from: Vec<IpNet>,
    pub codecs: Preference,
    /// Where the caller's number is read, the first that is there wins.
    pub identity: Vec<Identity>,
    /// Where the called number is read, the first that a flow answers wins.
    pub called: Vec<Called>,
    /// Digits of the country code whose national numbers are written without it.
    pub country: Option<String>,
    /// Whether `known: [uui.*]` counts from here.
    pub trust_uui: bool,
    /// The fact that a User-to-User without names is the value of.
    pub uui_bare: Option<String>,
    /// Whether `known: [header.*]` counts from here.
    pub trust_headers: bool,
    pub register: Option<Register>,
    /// Where our requests to it go. There is one, if `register` or `ping` is there.
    pub proxy: Option<Uri>,
    /// Of its callers' media, and of destinations over it that say nothing else.
    pub srtp: Policy,
    /// Whether its callers' sound is recorded; `None`: as everybody's.
    pub record: Option<bool>,
    /// How often it is asked by OPTIONS whether it is there.
    pub ping: Option<Duration>,
}

/// How we make ourselves known to a trunk's proxy, and what we answer its challenges with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    pub user: String,
    /// The only realm whose challenge is answered.
    pub realm: String,
    /// The name of the password's place.
    pub secret: String,
    pub every: Duration,
}

/// A header that names the caller, or who forwarded the call here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    PAssertedIdentity,
    RemotePartyId,
    From,
    /// Who forwarded the call here, the last of them (RFC 5806).
    Diversion,
    HistoryInfo,
}

impl Identity {
    /// What the network says of the caller, then what the caller says. Who forwarded a call is not its caller: that
    /// counts only for a trunk that asks for it.
    pub const DEFAULT: [Identity; 3] = [Identity::PAssertedIdentity, Identity::RemotePartyId, Identity::From];
}

/// Where the called number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    RequestUri,
    /// What was dialled before the call was forwarded, the first of them (RFC 5806).
    Diversion,
    HistoryInfo,
    To,
}

#[derive(Clone, Debug)]
pub struct Number {
    /// The called number as it comes in the request, or `*` for any other.
    pub number: Word,
    /// The name of the flow that answers. `None`, in quick mode only: the one flow that there is.
    pub flow: Option<Word>,
    /// Whether its calls' sound is recorded; `None`: as their trunk's.
    pub record: Option<bool>,
    /// What it gives to the parameters of the flow.
    pub with: Vec<(Word, Word)>,
}

/// Whom we may call: queues name it, nothing else is dialled.
#[derive(Clone, Debug)]
pub struct Destination {
    pub name: Word,
    /// Tried in this order.
    pub to: Vec<Uri>,
    /// The trunk whose proxy takes these calls.
    pub trunk: Option<Word>,
    /// How long one of them rings.
    pub ring: Duration,
    /// `None`: those of its trunk, if it has one.
    pub codecs: Option<Preference>,
    /// `None`: as its trunk, or off.
    pub srtp: Option<Policy>,
    /// Whether the caller hears what this side sends before it answers, in place of our music.
    pub early_media: bool,
    /// Whether the facts go along, and not the reference alone.
    pub trusted: bool,
    pub carriers: Vec<Carrier>,
    /// Facts that go in headers of their own: header, fact.
    pub headers: Vec<(Word, Word)>,
    /// Facts in the UUI; `None`: those that the agent step needs.
    pub uui: Option<Uui>,
    /// What a link to the caller's screen begins with: the carrier `call_info` puts the reference behind it.
    pub call_info: Option<String>,
    /// Of the carrier `webhook`.
    pub webhook: Option<Webhook>,
}

/// What the User-to-User of a destination holds.
#[derive(Clone, Debug)]
pub enum Uui {
    /// The reference, and these facts in this order.
    Facts(Vec<Word>),
    /// The value of that fact alone.
    Bare(Word),
}

impl Uui {
    pub fn facts(&self) -> &[Word] {
        match self {
            Uui::Facts(facts) => facts,
            Uui::Bare(fact) => std::slice::from_ref(fact),
        }
    }
}

impl Config {
    /// The entry that answers a called number: its own, or `*`.
    pub fn number(&self, called: &str) -> Option<&Number> {
        self.own_number(called).or_else(|| self.own_number("*"))
    }

    /// The entry of that number itself.
    pub fn own_number(&self, called: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.number.text == called)
    }

    /// The trunk that a packet's source belongs to; the first in the file wins.
    pub fn trunk(&self, source: IpAddr) -> Option<&Arc<Trunk>> {
        self.trunks.iter().find(|trunk| trunk.from.iter().any(|net| net.contains(&source)))
    }

    /// Whether a call to that number is recorded from its beginning.
    pub fn records(&self, trunk: &Trunk, number: &Number) -> bool {
        number.record.or(trunk.record).unwrap_or(self.record.audio)
    }

    /// Whether any call may be.
    pub fn may_record(&self) -> bool {
        let trunks = self.trunks.iter().map(|trunk| trunk.record);
        let numbers = self.numbers.iter().map(|number| number.record);
        self.record.audio || trunks.chain(numbers).any(|record| record == Some(true))
    }

    /// Every codec that anybody here speaks: prompts are there in these.
    pub fn spoken(&self) -> Vec<Codec> {
        let trunks = self.trunks.iter().map(|trunk| &trunk.codecs);
        let destinations = self.destinations.iter().filter_map(|destination| destination.codecs.as_ref());
        let all: Vec<_> = [&self.codecs].into_iter().chain(trunks).chain(destinations).collect();
        Codec::ALL.into_iter().filter(|codec| all.iter().any(|some| some.codecs.contains(codec))).collect()
    }

    /// What a call needs of a destination: names without their places, and where to send.
    pub fn for_calls(&self, destination: &Destination) -> context::Destination {
        let trunk = destination.trunk.as_ref();
        let trunk = trunk.and_then(|name| self.trunks.iter().find(|trunk| trunk.name.text == name.text));
        let proxy = trunk.and_then(|trunk| trunk.proxy.as_ref());
        let codecs = destination.codecs.as_ref().or(trunk.map(|trunk| &trunk.codecs)).unwrap_or(&self.codecs);
        let hops = |uri| address::hop(proxy.unwrap_or(uri)).into_iter().collect();
        let to = destination.to.iter().map(|uri| context::Target { uri: uri.to_string(), hops: hops(uri) });
        let text = |word: &Word| word.text.clone();
        context::Destination {
            to: to.collect(),
            proxy: proxy.map(Uri::to_string),
            ring: destination.ring,
            codecs: codecs.clone(),
            srtp: destination.srtp.or(trunk.map(|trunk| trunk.srtp)).unwrap_or_default(),
            early_media: destination.early_media,
            trusted: destination.trusted,
            carriers: destination.carriers.clone(),
            headers: destination.headers.iter().map(|(header, fact)| (text(header), text(fact))).collect(),
            uui: destination.uui.as_ref().map(|uui| match uui {
                Uui::Facts(facts) => UuiFacts::Pairs(facts.iter().map(text).collect()),
                Uui::Bare(fact) => UuiFacts::Bare { bare: text(fact) },
            }),
            call_info: destination.call_info.clone(),
        }
    }
}

/// A key that may be absent: `None` only if it is there and wrong.
fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

#[cfg(test)]
mod tests;
