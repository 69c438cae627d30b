//! Quick mode: one flow, loopback callers, destinations from the command line.

use super::address::{address, missing};
use super::codecs::listed;
use super::destination::RING;
use super::endpoint;
use super::{
    Called, Config, Destination, Endpoint, Fixtures, Identity, Keep, Keeping, Limits, Listen, Number, Recording,
    Retention, RtpPorts, Synchronous, Trunk, Unknown,
};
use crate::codec::Preference;
use crate::context::carrier::Carrier;
use crate::keying::Policy;
use crate::sip::Hop;
use crate::yaml::{Faults, Span, Word};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Quick<'a> {
    /// The flow's file.
    pub flow: &'a str,
    /// `NAME=sip:user@IP:port`, one a destination.
    pub destinations: &'a [String],
    /// `NAME=http://127.0.0.1:9000`, one an endpoint.
    pub endpoints: &'a [String],
    pub sip: SocketAddr,
    pub rtp: RtpPorts,
    pub http: SocketAddr,
    pub store: &'a str,
}

impl Config {
    /// The configuration of quick mode: one trunk `local` of loopback sources, trusted for uui and headers; every
    /// number leads to the flow. The error says which destination is wrong, and why.
    pub fn quick(quick: &Quick) -> Result<Config, String> {
        let destinations =
            quick.destinations.iter().map(|text| destination(text, quick.sip)).collect::<Result<Vec<_>, _>>()?;
        let endpoints = quick.endpoints.iter().map(|text| endpoint(text)).collect::<Result<_, _>>()?;
        let mut names: Vec<&str> = destinations.iter().map(|d| d.name.text.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("--destination {} is given twice", twice[0]));
        }
        if let Some(all) = [quick.sip.ip(), quick.rtp.address].into_iter().find(IpAddr::is_unspecified) {
            return Err(format!(
                "{all} is no address that a phone can send to: give one of this machine's, or use --config"
            ));
        }
        let loopback = vec![
            IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ];
        let local = Trunk {
            name: word("local"),
            from: loopback.clone(),
            media_from: loopback,
            codecs: Preference::default(),
            identity: Identity::DEFAULT.to_vec(),
            called: vec![Called::RequestUri],
            country: None,
            trust_uui: true,
            uui_bare: None,
            trust_headers: true,
            register: None,
            proxy: None,
            srtp: Policy::Off,
            record: None,
            ping: None,
        };
        Ok(Config {
            path: "the command line".to_owned(),
            listen: Listen { sip: vec![Hop::udp(quick.sip)], rtp: quick.rtp, http: quick.http },
            advertise: None,
            tls: None,
            resolver: Vec::new(),
            flows: vec![word(quick.flow)],
            store: quick.store.to_owned(),
            synchronous: Synchronous::Normal,
            secrets: Vec::new(),
            endpoints,
            retention: Retention::default(),
            // Only this machine calls here.
            limits: Limits { per_source: None, ..Limits::default() },
            record: Recording::default(),
            realtime: false,
            unknown: Unknown::Refuse,
            codecs: Preference::default(),
            trunks: vec![Arc::new(local)],
            numbers: vec![Number { number: word("*"), flow: None, record: None, with: Vec::new() }],
            destinations,
            switches: Vec::new(),
            announcements: None,
        })
    }

    /// Quick mode that keeps each of its calls as a fixture in that folder.
    pub fn keeping_all(mut self, folder: String) -> Config {
        let usual = Fixtures::default();
        let keeping = Keeping { keep: Keep::All, ..usual.keeping };
        self.record.fixtures = Some(Fixtures { folder: Some(folder), keeping, ..usual });
        self
    }

    /// Quick mode with other codecs than G.711 on every leg: `g722,pcmu`, the best first.
    pub fn speaking(mut self, codecs: &str) -> Result<Config, String> {
        self.codecs = listed(codecs)?;
        for trunk in &mut self.trunks {
            Arc::make_mut(trunk).codecs.clone_from(&self.codecs);
        }
        Ok(self)
    }
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (name, url) = text.split_once('=').ok_or_else(|| format!("--endpoint {text}: write NAME=http://…"))?;
    let refused = |why: &str| format!("--endpoint {text}: {why}");
    if !word(name).is_name("the name of an endpoint", &mut Faults::new("")) {
        return Err(refused("the name is letters, digits, `_` and `-`, a letter first"));
    }
    endpoint::read(&word(name), url).map_err(refused)
}

fn destination(text: &str, sip: SocketAddr) -> Result<Destination, String> {
    let (name, uri) = text.split_once('=').ok_or_else(|| format!("--destination {text}: write NAME=sip:…"))?;
    let refused = |why: String| format!("--destination {text}: {why}");
    if !word(name).is_name("the name of a destination", &mut Faults::new("")) {
        return Err(refused("the name is letters, digits, `_` and `-`, a letter first".to_owned()));
    }
    let to = address(uri).map_err(refused)?;
    if let Some(kind) = missing(&to, &[Hop::udp(sip)]) {
        return Err(refused(format!("nothing of ours sends there: --sip {sip} is no {kind}; use --config")));
    }
    Ok(Destination {
        name: word(name),
        to: vec![to],
        trunk: None,
        ring: RING,
        codecs: None,
        srtp: None,
        early_media: false,
        trusted: true,
        carriers: vec![Carrier::UuiIsdn, Carrier::Headers, Carrier::ReferTo],
        headers: Vec::new(),
        uui: None,
        webhook: None,
        call_info: None,
    })
}

/// A word of the command line has no place in a file.
fn word(text: &str) -> Word {
    Word { text: text.to_owned(), span: Span::default() }
}
