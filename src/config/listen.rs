//! `listen:`, `tls:` and `resolver:`: where we are reached.

use super::{Listen, RtpPorts, Tls, optional};
use crate::sip::Hop;
use crate::sip::hop::Transport;
use crate::yaml::{Faults, Fields, Node};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

/// One for each transport and IP version (`sip::Locals`).
const MAX_SIP: usize = 2 * Transport::ALL.len();
const MAX_RESOLVERS: usize = 8;

const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Media ports when nothing is said; their address is then that of SIP.
const PORTS: (u16, u16) = (8192, 32767);
const DNS_PORT: u16 = 53;

/// `tls`: whether the file says which certificate we show.
pub fn listen(node: &Node, tls: bool, faults: &mut Faults) -> Option<Listen> {
    let mut fields = Fields::of(node, "`listen`", faults)?;
    let sip = fields.need("sip", faults).and_then(|node| hops(node, tls, faults));
    let near = sip.as_ref().and_then(|hops| hops.first()).map(|hop| hop.address.ip());
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

fn hops(node: &Node, tls: bool, faults: &mut Faults) -> Option<Vec<Hop>> {
    let items = node.list("addresses as `[udp:0.0.0.0:5060, tcp:0.0.0.0:5060]`", MAX_SIP, faults)?;
    if items.is_empty() {
        node.wrong("one address at least, as `[udp:0.0.0.0:5060]`", faults);
        return None;
    }
    let mut hops: Vec<Hop> = Vec::with_capacity(items.len());
    for item in items {
        let Some(hop) = hop(item, faults) else { continue };
        let (transport, version) = (hop.transport.as_str(), if hop.address.is_ipv4() { "IPv4" } else { "IPv6" });
        let same = |other: &Hop| other.transport == hop.transport && other.address.is_ipv4() == hop.address.is_ipv4();
        if hops.iter().any(same) {
            // Which of two would a message to that side go out from, and name in its Via?
            let message = format!("a second {transport} address over {version}");
            let remedy = format!(
                "one for each transport and IP version: {transport}:0.0.0.0:PORT listens on every IPv4 address"
            );
            let remedy =
                if hop.address.is_ipv4() { remedy } else { remedy.replace("0.0.0.0", "[::]").replace("IPv4", "IPv6") };
            faults.error("second-address", item.span, message).remedy(remedy);
        }
        if hop.transport == Transport::Tls && !tls {
            let message = "TLS needs a certificate, and there is no `tls:`";
            faults.error("no-certificate", item.span, message).remedy("add `tls: { cert: FILE, key: FILE }`");
        }
        hops.push(hop);
    }
    (hops.len() == items.len()).then_some(hops)
}

fn hop(node: &Node, faults: &mut Faults) -> Option<Hop> {
    let word = node.word("an address as `udp:0.0.0.0:5060`", faults)?;
    let hop = word.text.parse().ok();
    if hop.is_none() {
        match word.text.split(':').next() {
            Some(transport @ ("ws" | "wss")) => {
                faults.not_served(word.span, &format!("SIP over {transport}")).remedy("udp, tcp or tls:ADDRESS:PORT");
            }
            _ => drop(node.wrong("a transport and an IP address as `udp:0.0.0.0:5060`", faults)),
        }
    }
    hop
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
    if even_ports(&(first..=last)) < 2 {
        faults
            .error("out-of-range", node.span, "a call takes two even ports")
            .remedy("write a range of some thousand ports");
        return None;
    }
    Some(RtpPorts { address, first, last })
}

/// How many even ports a range holds (RFC 3550 section 11); a call takes two.
pub fn even_ports(range: &RangeInclusive<u16>) -> u32 {
    let first = u32::from(*range.start()).div_ceil(2);
    (u32::from(*range.end()) / 2 + 1).saturating_sub(first)
}

pub fn tls(node: &Node, faults: &mut Faults) -> Option<Tls> {
    let mut fields = Fields::of(node, "`tls`", faults)?;
    let cert = fields.need("cert", faults).and_then(|node| node.word("a file of certificates, PEM", faults));
    let key = fields.need("key", faults).and_then(|node| node.word("a file with their key, PEM", faults));
    let ca = fields.take("ca").map(|node| node.word("a file of certificates, PEM", faults));
    fields.finish(faults);
    Some(Tls { cert: cert?.text, key: key?.text, ca: optional(ca)?.map(|ca| ca.text) })
}

/// `[192.0.2.53, "[2001:db8::53]:5353"]`.
pub fn resolver(node: &Node, faults: &mut Faults) -> Option<Vec<SocketAddr>> {
    let words = node.words("DNS servers as `[192.0.2.53]`", MAX_RESOLVERS, faults)?;
    let mut servers = Vec::with_capacity(words.len());
    for word in words {
        let address =
            word.text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT)).or_else(|_| word.text.parse());
        match address {
            Ok(server) if server.port() != 0 && !server.ip().is_unspecified() => servers.push(server),
            _ => {
                let message =
                    format!("expected a DNS server as `192.0.2.53` or `192.0.2.53:53`, found `{}`", word.text);
                faults.error("wrong-type", word.span, message);
            }
        }
    }
    Some(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_even_ports() {
        for (range, holds) in [(0..=65_535, 32_768), (10..=10, 1), (11..=11, 0), (11..=14, 2), (10..=13, 2)] {
            assert_eq!(even_ports(&range), holds, "{range:?}");
        }
    }
}
