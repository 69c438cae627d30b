//! Where a SIP URI leads, as far as it can be told without asking anybody (RFC 3263 section 4): what to look up, and
//! in which order what was found is tried. Names and records in, names and hops out.

use super::Query;
use crate::random::Random;
use crate::sip::{Hop, Locals, Transport};
use std::net::{IpAddr, SocketAddr};

/// Records of one answer that are looked at; others add nothing to sixteen hops.
const RECORDS: usize = 16;

/// What to look up for a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing: the host is an address.
    There(Vec<Hop>),
    /// The host's addresses; transport and port are known.
    Addresses(Transport, u16),
    /// SRV of these names; without any, the host's addresses at the default port.
    Services(Vec<Named>),
    /// NAPTR of the host; without any of use to us, SRV of these.
    Pointers(Vec<Named>),
}

/// The name of an SRV record, and the transport that it is for.
pub type Named = (Transport, String);

/// A NAPTR record (RFC 3403 section 4.1).
#[derive(Clone, Debug)]
pub struct Pointer {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub service: String,
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: String,
}

/// RFC 3263 sections 4.1 and 4.2. For what we have no transport for, nothing is looked up.
pub fn course(query: &Query, locals: &Locals) -> Course {
    let Some(transport) = fallback(query, locals) else { return Course::There(Vec::new()) };
    let port = query.port.unwrap_or(transport.default_port());
    if let Some(address) = numeric(&query.host) {
        let hop = Hop::new(transport, SocketAddr::new(address, port));
        return Course::There(locals.facing(&hop).map(|_| hop).into_iter().collect());
    }
    if query.port.is_some() {
        return Course::Addresses(transport, port);
    }
    let named = |transport| (transport, format!("{}.{}", prefix(transport), query.host));
    match wanted(query) {
        Some(transport) => Course::Services(vec![named(transport)]),
        None => Course::Pointers(Transport::ALL.into_iter().filter(|own| ours(locals, *own)).map(named).collect()),
    }
}

/// The transport where DNS names none: the one asked for, else UDP, else another one that we have.
pub fn fallback(query: &Query, locals: &Locals) -> Option<Transport> {
    match wanted(query) {
        Some(transport) => Some(transport).filter(|transport| ours(locals, *transport)),
        None => Transport::ALL.into_iter().find(|transport| ours(locals, *transport)),
    }
}

/// The transport that the URI asks for. `sips` is TLS, whatever carries it (RFC 3261 section 26.2.2).
fn wanted(query: &Query) -> Option<Transport> {
    if query.secure { Some(Transport::Tls) } else { query.transport }
}

fn ours(locals: &Locals, transport: Transport) -> bool {
    locals.iter().any(|own| own.transport == transport)
}

/// Of a host as it stands in a URI: IPv6 in brackets.
fn numeric(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn prefix(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    }
}

/// The SRV names that NAPTR records lead to, the domain's first choice first; those for transports we have.
pub fn pointed(mut pointers: Vec<Pointer>, locals: &Locals) -> Vec<Named> {
    pointers.sort_by_key(|pointer| (pointer.order, pointer.preference));
    let to_service = |pointer: Pointer| {
        let transport = match pointer.service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => return None,
        };
        let usable = pointer.flags.eq_ignore_ascii_case("s") && ours(locals, transport);
        usable.then_some((transport, pointer.replacement))
    };
    pointers.into_iter().filter_map(to_service).take(RECORDS).collect()
}

/// SRV records in the order in which to try them: by priority, and within one drawn by weight (RFC 2782, "usage
/// rules"). A target `.` says that there is no such service, and is left out.
pub fn in_order(mut services: Vec<Service>, random: &mut Random) -> Vec<Service> {
    services.retain(|service| service.target != ".");
    // Those without weight first: a draw of zero is the only one that takes them while others have weight.
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut ordered = Vec::new();
    while let Some(priority) = services.first().map(|service| service.priority).filter(|_| ordered.len() < RECORDS) {
        let same = services.iter().take_while(|service| service.priority == priority);
        let sum: u32 = same.map(|service| u32::from(service.weight)).fold(0, u32::saturating_add);
        let drawn = random.below(sum.saturating_add(1));
        let mut running = 0_u32;
        let chosen = services.iter().position(|service| {
            running = running.saturating_add(service.weight.into());
            running >= drawn
        });
        ordered.push(services.remove(chosen.unwrap_or(0)));
    }
    ordered
}

/// Addresses as hops, as far as we have the transport in their version of IP; IPv4 first.
pub fn hops(transport: Transport, port: u16, mut addresses: Vec<IpAddr>, locals: &Locals) -> Vec<Hop> {
    addresses.sort_by_key(IpAddr::is_ipv6);
    let hops = addresses.into_iter().map(|address| Hop::new(transport, SocketAddr::new(address, port)));
    hops.filter(|hop| locals.facing(hop).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(hops: &[&str]) -> Locals {
        Locals::new(hops.iter().map(|hop| hop.parse().unwrap()))
    }

    fn all() -> Locals {
        locals(&["udp:192.0.2.1:5060", "tcp:192.0.2.1:5060", "tls:192.0.2.1:5061", "udp:[2001:db8::1]:5060"])
    }

    fn query(host: &str, port: Option<u16>, transport: Option<Transport>, secure: bool) -> Query {
        Query { host: host.to_owned(), port, transport, secure }
    }

    fn named(names: &[(Transport, &str)]) -> Vec<Named> {
        names.iter().map(|(transport, name)| (*transport, (*name).to_owned())).collect()
    }

    #[test]
    fn what_is_looked_up_follows_from_the_uri_and_from_what_we_have() {
        use Course::{Addresses, Pointers, Services, There};
        use Transport::{Tcp, Tls, Udp};
        let there = |hop: &str| There(vec![hop.parse().unwrap()]);
        let three = named(&[(Udp, "_sip._udp.a.example"), (Tcp, "_sip._tcp.a.example"), (Tls, "_sips._tcp.a.example")]);
        for (host, port, transport, secure, wanted) in [
            ("198.51.100.1", None, None, false, there("udp:198.51.100.1:5060")),
            ("198.51.100.1", Some(5070), Some(Tcp), false, there("tcp:198.51.100.1:5070")),
            ("198.51.100.1", None, None, true, there("tls:198.51.100.1:5061")),
            ("[2001:db8::9]", None, None, false, there("udp:[2001:db8::9]:5060")),
            // No TCP over IPv6 is listened for.
            ("[2001:db8::9]", None, Some(Tcp), false, There(Vec::new())),
            ("a.example", Some(5070), None, false, Addresses(Udp, 5070)),
            ("a.example", Some(5070), None, true, Addresses(Tls, 5070)),
            ("a.example", Some(5060), Some(Tcp), false, Addresses(Tcp, 5060)),
            ("a.example", None, Some(Tcp), false, Services(three[1..2].to_vec())),
            ("a.example", None, Some(Tls), false, Services(three[2..].to_vec())),
            ("a.example", None, None, true, Services(three[2..].to_vec())),
            ("a.example", None, Some(Tcp), true, Services(three[2..].to_vec())),
            ("a.example", None, None, false, Pointers(three.clone())),
        ] {
            let query = query(host, port, transport, secure);
            assert_eq!(course(&query, &all()), wanted, "{query:?}");
        }
        let tcp = locals(&["tcp:192.0.2.1:5060"]);
        assert_eq!(course(&query("a.example", Some(5060), None, false), &tcp), Addresses(Tcp, 5060));
        assert_eq!(course(&query("a.example", None, None, false), &tcp), Pointers(three[1..2].to_vec()));
        for (transport, secure) in [(Some(Udp), false), (None, true)] {
            assert_eq!(course(&query("a.example", None, transport, secure), &tcp), There(Vec::new()));
        }
    }

    #[test]
    fn pointers_lead_in_the_domains_order_to_transports_that_we_have() {
        let pointer = |order, preference, flags: &str, service: &str, replacement: &str| Pointer {
            order,
            preference,
            flags: flags.to_owned(),
            service: service.to_owned(),
            replacement: replacement.to_owned(),
        };
        let pointers = vec![
            pointer(100, 50, "s", "SIP+D2U", "udp"),
            pointer(90, 60, "S", "sip+d2t", "tcp"),
            pointer(90, 50, "s", "SIPS+D2T", "tls"),
            pointer(10, 10, "s", "SIP+D2S", "sctp"),
            pointer(10, 10, "s", "E2U+sip", "enum"),
            pointer(10, 10, "a", "SIP+D2U", "not to an SRV"),
        ];
        let wanted = [(Transport::Tls, "tls"), (Transport::Tcp, "tcp"), (Transport::Udp, "udp")];
        assert_eq!(pointed(pointers.clone(), &all()), named(&wanted));
        assert_eq!(pointed(pointers, &locals(&["udp:192.0.2.1:5060"])), named(&wanted[2..]));
    }

    fn service(priority: u16, weight: u16, target: &str) -> Service {
        Service { priority, weight, port: 5060, target: target.to_owned() }
    }

    #[test]
    fn services_are_tried_by_priority_and_within_one_by_weight() {
        let services = [service(20, 0, "c."), service(10, 30, "a."), service(10, 10, "b."), service(10, 0, ".")];
        let mut random = Random::from_seed(3);
        let mut first = 0;
        for _ in 0..4_000 {
            let ordered = in_order(services.to_vec(), &mut random);
            let targets: Vec<&str> = ordered.iter().map(|service| service.target.as_str()).collect();
            assert_eq!((targets.len(), targets[2]), (3, "c."));
            first += u32::from(targets[0] == "a.");
        }
        assert!((2_850..3_200).contains(&first), "{first} of 4000 draws, three in four were to be");
    }

    #[test]
    fn a_service_without_weight_is_seldom_first_and_never_left_out() {
        let services = [service(1, 100, "a."), service(1, 0, "b.")];
        let mut random = Random::from_seed(3);
        let drawn: Vec<_> = (0..2_000).map(|_| in_order(services.to_vec(), &mut random)).collect();
        assert!(drawn.iter().all(|ordered| ordered.len() == 2));
        let first = drawn.iter().filter(|ordered| ordered[0].target == "b.").count();
        assert!((1..100).contains(&first), "{first}");
        let many = vec![service(1, u16::MAX, "a."); 1_000];
        assert_eq!(in_order(many, &mut random).len(), RECORDS);
    }

    #[test]
    fn addresses_of_a_version_that_we_have_not_are_left_out() {
        let addresses: Vec<IpAddr> = ["2001:db8::9", "198.51.100.1"].map(|address| address.parse().unwrap()).to_vec();
        let text = |hops: Vec<Hop>| hops.iter().map(Hop::to_string).collect::<Vec<_>>();
        let udp = text(hops(Transport::Udp, 5060, addresses.clone(), &all()));
        assert_eq!(udp, ["udp:198.51.100.1:5060", "udp:[2001:db8::9]:5060"]);
        assert_eq!(text(hops(Transport::Tcp, 5060, addresses, &all())), ["tcp:198.51.100.1:5060"]);
    }
}
