//! A configuration from its text.

use super::destination;
use super::{Config, Listen, Number, RtpPorts, trunk};
use crate::yaml::{Diagnostic, Faults, Fields, Node, Source, Value, read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

const MAX_FLOWS: usize = 100;
const MAX_NUMBERS: usize = 10_000;
/// UDP sockets for SIP.
const MAX_SIP: usize = 16;

const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const STORE: &str = "var/askonce.db";
/// Media ports when nothing is said; their address is then that of SIP.
const PORTS: (u16, u16) = (8192, 32767);

/// Keys that the configuration's document names and that are not served yet.
const LATER: [&str; 7] = ["endpoints", "secrets", "record", "retention", "limits", "tls", "switches"];

/// Loads a configuration, with its warnings, or says everything that is wrong with it.
pub fn load(source: &Source) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut faults = Faults::new(&source.path);
    let config = read(source, &mut faults).and_then(|node| top(&node, source, &mut faults));
    match config.filter(|_| !faults.has_errors()) {
        Some(config) => Ok((config, faults.into_list())),
        None => Err(faults.into_list()),
    }
}

fn top(node: &Node, source: &Source, faults: &mut Faults) -> Option<Config> {
    let mut fields = Fields::of(node, "the configuration", faults)?;
    fields.version(faults);
    let listen = fields.need("listen", faults);
    let listen = listen.and_then(|node| listen_of(node, faults));
    let advertise = fields.take("advertise").map(|node| node.parsed::<IpAddr>("an IP address", faults));
    let flows = fields.need("flows", faults).and_then(|node| node.words("flow files or folders", MAX_FLOWS, faults));
    let store = fields.take("store").map(|node| store(node, faults));
    let trunks = fields.need("trunks", faults).and_then(|node| trunk::trunks(node, faults));
    let numbers = fields.need("numbers", faults).and_then(|node| numbers(node, faults));
    let destinations = fields.take("destinations").map(|node| destination::destinations(node, faults));
    fields.later(&LATER, faults);
    fields.finish(faults);
    let (listen, advertise) = (listen?, advertise.unwrap_or(Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))?);
    let advertise = Some(advertise).filter(|address| !address.is_unspecified());
    let bound = listen.sip.iter().map(SocketAddr::ip).chain([listen.rtp.address]);
    if advertise.is_none() && bound.into_iter().any(|address| address.is_unspecified()) {
        let message = "SIP or RTP listens on every address, and none is named for Contact and SDP";
        faults.error("no-advertise", node.span, message).remedy("add `advertise: ADDRESS`, or listen on one address");
    }
    Some(Config {
        path: source.path.clone(),
        listen,
        advertise,
        flows: flows?,
        store: store.unwrap_or_else(|| Some(STORE.to_owned()))?,
        trunks: trunks?.into_iter().map(Arc::new).collect(),
        numbers: numbers?,
        destinations: destinations.unwrap_or_else(|| Some(Vec::new()))?,
    })
}

fn listen_of(node: &Node, faults: &mut Faults) -> Option<Listen> {
    let mut fields = Fields::of(node, "`listen`", faults)?;
    let sip =
        fields.need("sip", faults).and_then(|node| node.list("addresses as `[udp:0.0.0.0:5060]`", MAX_SIP, faults));
    if let Some(more) = sip.and_then(|items| items.get(1)) {
        faults.not_served(more.span, "a second address for SIP").remedy("one: [udp:ADDRESS:PORT]");
    }
    let sip: Option<Vec<_>> = sip.map(|items| items.iter().filter_map(|item| sip_address(item, faults)).collect());
    let near = sip.as_ref().and_then(|addresses| addresses.first()).map(SocketAddr::ip);
    let rtp_node = fields.take("rtp");
    let rtp = near.and_then(|near| rtp(rtp_node, near, faults));
    let http_node = fields.take("http");
    let http = http_node.map_or(Some(HTTP), |node| node.parsed("an address as `127.0.0.1:8080`", faults));
    fields.finish(faults);
    if let (Some(node), Some(http)) = (http_node, http)
        && !http.ip().is_loopback()
    {
        faults
            .not_served(node.span, "the API beyond loopback")
            .remedy("give a loopback address: users and TLS are missing");
    }
    Some(Listen { sip: sip?, rtp: rtp?, http: http? })
}

fn sip_address(node: &Node, faults: &mut Faults) -> Option<SocketAddr> {
    let word = node.word("an address as `udp:0.0.0.0:5060`", faults)?;
    let (transport, address) = word.text.split_once(':').unwrap_or(("", ""));
    match (transport, address.parse()) {
        ("udp", Ok(address)) => Some(address),
        ("tcp" | "tls" | "ws" | "wss", _) => {
            faults.not_served(word.span, &format!("SIP over {transport}")).remedy("udp:ADDRESS:PORT");
            None
        }
        _ => {
            node.wrong("an address as `udp:0.0.0.0:5060`", faults);
            None
        }
    }
}

/// Where media is received; without an address of its own, where SIP is.
fn rtp(node: Option<&Node>, near: IpAddr, faults: &mut Faults) -> Option<RtpPorts> {
    let (first, last) = PORTS;
    let Some(node) = node else { return Some(RtpPorts { address: near, first, last }) };
    let mut fields = Fields::of(node, "`rtp`", faults)?;
    let address = fields.take("address").map_or(Some(near), |node| node.parsed("an IP address", faults));
    let ports = fields.take("ports").map(|node| node.range("ports", 1024..=65535, faults));
    fields.finish(faults);
    let address = address?;
    let Some(ports) = ports else { return Some(RtpPorts { address, first, last }) };
    let port = |port: usize| u16::try_from(port).ok();
    let ports = ports?;
    let (first, last) = (port(*ports.start())?, port(*ports.end())?);
    if last - first < 2 {
        faults
            .error("out-of-range", node.span, "a call takes two even ports")
            .remedy("write a range of some thousand ports");
        return None;
    }
    Some(RtpPorts { address, first, last })
}

fn store(node: &Node, faults: &mut Faults) -> Option<String> {
    let word = node.word("a file", faults)?;
    if word.text.contains("://") {
        faults.not_served(word.span, "a store that is no file").remedy("name a file of SQLite: var/askonce.db");
        return None;
    }
    Some(word.text)
}

fn numbers(node: &Node, faults: &mut Faults) -> Option<Vec<Number>> {
    let entries = node.map("numbers as `{ \"+18005550100\": account-desk }`", MAX_NUMBERS, faults)?;
    let mut numbers = Vec::with_capacity(entries.len());
    for (number, node) in entries {
        let fits = number.text == "*"
            || (number.text.len() <= 64
                && number
                    .text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | '*' | '#')));
        if !fits {
            let message = format!("`{}` is no number that can be called", number.text);
            faults.error("bad-name", number.span, message).remedy("write +18005550100, 100, a name, or \"*\"");
        }
        if let Value::Map(_) = node.value {
            faults.not_served(node.span, "`with:` of a number").remedy("name the flow");
            continue;
        }
        if let Some(flow) = node.name("the name of a flow", faults) {
            numbers.push(Number { number: number.clone(), flow: Some(flow) });
        }
    }
    if entries.is_empty() {
        node.wrong("at least one number, or \"*\"", faults);
    }
    Some(numbers)
}
