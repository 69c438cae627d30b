//! Where a told call takes place: addresses that nobody has (RFC 5737), and who can be reached from there.

use crate::call::{Birth, Program};
use crate::codec::Preference;
use crate::config::{Config, Number};
use crate::context::carrier::Carrier;
use crate::context::{Destination, Target};
use crate::flow::Flow;
use crate::flow::script::Opening;
use crate::keying::Policy;
use crate::record::fixture::Local;
use crate::record::seam::Arrival;
use crate::sdp::{self, Offer};
use crate::sip::{Hop, Locals, Transport};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));
/// Ours towards targets of IPv6 (RFC 3849).
const OURS_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const CALLED: &str = "+18005550100";
/// The call's name and its case's: there is one call on a stage.
const CALL: &str = "stage";
const SEED: u64 = 1;
const RING: Duration = Duration::from_secs(30);

/// What is known of the world that the call may reach.
#[derive(Clone, Debug)]
pub struct Place {
    destinations: BTreeMap<String, Destination>,
    called: String,
    with: BTreeMap<String, String>,
    switches: BTreeMap<String, bool>,
}

impl Place {
    /// Each destination of the flow is one phone, which is trusted.
    pub fn made_up(flow: &Flow) -> Place {
        let destinations = flow.destinations().map(|word| (word.text.clone(), made_up(&word.text))).collect();
        Place { destinations, called: CALLED.to_owned(), with: BTreeMap::new(), switches: BTreeMap::new() }
    }

    /// That of a configuration: its destinations with what goes along to each, its switches, and what the first number
    /// that the flow answers gives to it. `None`: no number leads to the flow.
    pub fn of(config: &Config, flow: &Flow) -> Option<Place> {
        let is_its = |number: &&Number| number.flow.as_ref().is_some_and(|named| named.text == flow.name.text);
        let number = config.numbers.iter().find(is_its)?;
        let in_clear = |destination: Destination| Destination {
            // Whatever is spoken there, the stage speaks G.711.
            codecs: Preference::default(),
            srtp: Policy::Off,
            ..destination
        };
        let destinations = config.destinations.iter();
        let called = if number.number.text == "*" { CALLED.to_owned() } else { number.number.text.clone() };
        Some(Place {
            destinations: destinations.map(|to| (to.name.text.clone(), in_clear(config.for_calls(to)))).collect(),
            called,
            with: number.with.iter().map(|(name, value)| (name.text.clone(), value.text.clone())).collect(),
            switches: config.switches.iter().map(|(name, on)| (name.text.clone(), *on)).collect(),
        })
    }
}

impl Place {
    pub fn into_destinations(self) -> BTreeMap<String, Destination> {
        self.destinations
    }
}

fn made_up(name: &str) -> Destination {
    Destination {
        to: vec![Target { uri: format!("sip:{name}@stage.invalid"), hops: Vec::new() }],
        proxy: None,
        ring: RING,
        codecs: Preference::default(),
        srtp: Policy::Off,
        early_media: false,
        trusted: true,
        carriers: vec![Carrier::UuiIsdn, Carrier::Headers, Carrier::ReferTo],
        headers: Vec::new(),
        uui: None,
        call_info: None,
    }
}

/// What the call is made from, and how it comes in. What the script says counts before the configuration.
pub fn birth(program: &Program, place: &Place, opening: &Opening) -> (Birth, Arrival) {
    let inbound = opening.inbound();
    let (mut with, mut switches) = (place.with.clone(), place.switches.clone());
    with.extend(inbound.with);
    switches.extend(inbound.switches);
    let birth = Birth {
        program: program.clone(),
        destinations: Arc::new(place.destinations.clone()),
        trunk: CALL.to_owned(),
        codecs: Preference::default(),
        srtp: Policy::Off,
        recorded: false,
        with,
        switches,
        user_agent: "askonce".to_owned(),
        call: CALL.to_owned(),
        case: CALL.to_owned(),
        at: opening.at,
        seed: SEED,
        local: Local {
            sip: Locals::new(Transport::ALL.into_iter().flat_map(|transport| {
                [OURS, OURS_6].map(|ip| Hop::new(transport, SocketAddr::new(ip, transport.default_port())))
            })),
            caller_media: SocketAddr::new(OURS, 20_000),
            agent_media: SocketAddr::new(OURS, 20_002),
        },
    };
    let arrival = Arrival {
        from: inbound.caller_number,
        name: None,
        private: false,
        to: place.called.clone(),
        uui: inbound.uui,
        headers: inbound.headers,
        offer: Some(phone(CALLER)),
        web: inbound.web,
        last_call: inbound.last_call,
        case: inbound.case,
        max_forwards: 70,
    };
    (birth, arrival)
}

/// Where every name leads.
pub fn agent_hop() -> Hop {
    Hop::udp(SocketAddr::new(AGENT, 5060))
}

pub fn agent_sdp() -> Offer {
    phone(AGENT)
}

/// Where a person sends the caller on to; where that leads the flow says.
pub fn elsewhere() -> String {
    "sip:elsewhere@stage.invalid".to_owned()
}

/// A telephone with keys.
fn phone(at: IpAddr) -> Offer {
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 {at}\r\ns=-\r\nc=IN IP4 {at}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    );
    sdp::read(text.as_bytes()).expect("a description of our own")
}
