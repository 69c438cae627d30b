//! Which addresses an endpoint may lead to. A name that leads into our own network would let whoever answers for it
//! read what only we may reach; so the very address that is connected to is looked at, not the name.

use crate::config::Endpoint;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the endpoint may be reached there.
pub fn may_reach(endpoint: &Endpoint, address: IpAddr) -> bool {
    let address = address.to_canonical();
    let named = endpoint.address().is_some_and(|named| named.to_canonical() == address);
    named || is_public(address) || endpoint.private && is_one_host(address)
}

/// An address that anybody may reach: of none of the ranges that IANA's special-purpose registries keep from the network.
fn is_public(address: IpAddr) -> bool {
    is_one_host(address)
        && match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    // RFC 6598 (carriers' NAT), RFC 2544 (benchmarks), RFC 6890 (192.0.0.0/24), RFC 1112 (240.0.0.0/4).
    let shared = first == 100 && second & 0xc0 == 64;
    let benchmark = first == 198 && second & 0xfe == 18;
    let special = [first, second, third] == [192, 0, 0];
    let unusable = first == 0 || first >= 240;
    let local = address.is_private() || address.is_loopback() || address.is_link_local();
    !(local || shared || benchmark || special || unusable)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // RFC 6052 and RFC 3056: an IPv4 address within, which a gateway sends on to.
    let within = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    let within = within.map(|(high, low)| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    // Site-local (RFC 3879) is what unique local came in place of; 64:ff9b:1::/48 is RFC 8215's own network.
    let site_local = segments[0] & 0xffc0 == 0xfec0;
    let local_gateway = segments[..3] == [0x64, 0xff9b, 1];
    let local = address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local();
    !(local || site_local || local_gateway) && within.is_none_or(is_public_v4)
}

fn is_one_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Span, Word};

    #[test]
    fn a_name_leads_to_private_addresses_only_where_the_endpoint_says_so() {
        // Address; what a name reaches, and a name of an endpoint with `private: true`.
        let cases = [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1::1", true, true),
            ("127.0.0.1", false, true),
            ("10.1.2.3", false, true),
            ("172.16.0.1", false, true),
            ("192.168.1.1", false, true),
            ("169.254.169.254", false, true),
            ("100.64.0.1", false, true),
            ("198.18.0.1", false, true),
            ("192.0.0.8", false, true),
            ("::1", false, true),
            ("fd00::1", false, true),
            ("fe80::1", false, true),
            ("fec0::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("64:ff9b::7f00:1", false, true),
            ("64:ff9b::5db8:d822", true, true),
            ("2002:a00:1::1", false, true),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("255.255.255.255", false, false),
        ];
        let mut endpoint = Endpoint {
            name: Word { text: "crm".to_owned(), span: Span::default() },
            tls: false,
            host: "crm.example".to_owned(),
            port: 80,
            path: String::new(),
            ca: None,
            private: false,
        };
        for (text, public, private) in cases {
            let address: IpAddr = text.parse().expect(text);
            for (says, reaches) in [(false, public), (true, private)] {
                endpoint.private = says;
                assert_eq!(may_reach(&endpoint, address), reaches, "{text}, private: {says}");
            }
        }
        endpoint.private = false;
        endpoint.host = "10.1.2.3".to_owned();
        assert!(may_reach(&endpoint, IpAddr::from([10, 1, 2, 3])), "it is named");
        assert!(!may_reach(&endpoint, IpAddr::from([10, 1, 2, 4])));
    }
}
