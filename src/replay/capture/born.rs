//! What a captured call is made from: how the service would take its INVITE, by a configuration.

use super::Capture;
use super::acts::acts;
use super::calls::Legs;
use super::dialogs::{Invite, What};
use super::media::Party;
use crate::call::{Birth, Program};
use crate::codec::{Codec, Preference};
use crate::config::{Config, Quick, RtpPorts, Trunk};
use crate::context::Destination;
use crate::engine;
use crate::flow::Flow;
use crate::keying::Policy;
use crate::record::fixture::Local;
use crate::record::seam::Arrival;
use crate::replay::stage::{Place, Timed};
use crate::sdp;
use crate::sip::{Hop, Locals, Transport};
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Of the service, where the capture names none of that version of IP (RFC 5737, RFC 3849).
const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OURS_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Media ports where the capture has no description of ours.
const PORTS: [u16; 2] = [20_000, 20_002];

/// A call as it came in.
pub struct Came {
    /// The name of the flow that answers it.
    pub flow: String,
    pub arrival: Arrival,
    trunk: Arc<Trunk>,
    with: BTreeMap<String, String>,
}

/// A place in which every call leads to one flow, whoever calls and whatever was dialled; what the caller brings along is
/// believed.
pub fn anywhere(flow: &str) -> Result<Config, String> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::quick(&Quick {
        flow,
        destinations: &[],
        endpoints: &[],
        sip: nowhere,
        rtp: RtpPorts { address: nowhere.ip(), first: 0, last: 0 },
        http: nowhere,
        store: "",
    })?;
    for trunk in &mut config.trunks {
        let trunk = Arc::make_mut(trunk);
        trunk.from = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]
            .map(|all| IpNet::new_assert(all, 0))
            .to_vec();
        trunk.codecs = every_codec();
        trunk.srtp = Policy::Offered;
    }
    for number in &mut config.numbers {
        number.flow = config.flows.first().cloned();
    }
    Ok(config)
}

/// Takes an INVITE as the service does; `dialled` in place of what was dialled. The error says why it would not.
pub fn came(capture: &Capture, legs: &Legs, config: &Config, dialled: Option<&str>) -> Result<Came, String> {
    let invite = invite(capture, legs)?;
    let source = invite.from.address.ip();
    let trunk = config.trunk(source).cloned();
    let trunk = trunk.ok_or_else(|| {
        format!("no trunk of {} has {source} in its `from:` (--flow takes calls from anywhere)", config.path)
    })?;
    let (called, entry) = match dialled {
        Some(number) => (number.to_owned(), config.number(number)),
        None => engine::called(config, &trunk, &invite.request),
    };
    let found = entry.and_then(|entry| Some((entry, entry.flow.as_ref()?)));
    let (entry, flow) = found.ok_or_else(|| {
        format!("no flow answers the number {called} in {} (--number says which was called)", config.path)
    })?;
    let body = &invite.request.body;
    let offer = (!body.is_empty()).then(|| sdp::read(body)).transpose();
    let offer = offer.map_err(|why| format!("its offer cannot be used: {why}"))?;
    let (arrival, _) = engine::arrival(&trunk, &invite.request, called, offer);
    Ok(Came { flow: flow.text.clone(), arrival, trunk, with: engine::given(entry) })
}

/// What the call is made from, and what was done in it. `name` is the call's.
pub fn birth(
    capture: &Capture,
    (legs, came): (&Legs, &Came),
    config: &Config,
    program: &Program,
    name: &str,
    remarks: &mut Vec<String>,
) -> Result<(Birth, Timed), String> {
    let invite = invite(capture, legs)?;
    let dialogs = &capture.dialogs.all;
    let timed = acts(dialogs, legs, program.flow.early, capture.ended, remarks).ok_or("it has no INVITE")?;
    let at = i64::try_from(invite.at).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    let birth = Birth {
        program: program.clone(),
        destinations: Arc::new(destinations(config, &program.flow)),
        trunk: came.trunk.name.text.clone(),
        codecs: codecs(capture, legs, &came.trunk.codecs),
        srtp: came.trunk.srtp,
        recorded: false,
        with: came.with.clone(),
        switches: config.switches.iter().map(|(name, on)| (name.text.clone(), *on)).collect(),
        user_agent: "askonce".to_owned(),
        call: name.to_owned(),
        case: name.to_owned(),
        at: at.ok_or("its time is beyond all calendars")?,
        // Any will do, and one call's is always the same.
        seed: invite.at,
        local: local(capture, legs, invite),
    };
    Ok((birth, timed))
}

fn invite<'c>(capture: &'c Capture, legs: &Legs) -> Result<&'c Invite, String> {
    let dialog = capture.dialogs.all.get(legs.caller);
    dialog.and_then(|dialog| dialog.invite.as_ref()).ok_or_else(|| "it has no INVITE".to_owned())
}

/// Those of the configuration, or one phone for each that the flow names. Whatever is spoken there may be.
fn destinations(config: &Config, flow: &Flow) -> BTreeMap<String, Destination> {
    let place = Place::of(config, flow).filter(|_| !config.destinations.is_empty());
    let mut destinations = place.unwrap_or_else(|| Place::made_up(flow)).into_destinations();
    destinations.values_mut().for_each(|destination| destination.codecs = every_codec());
    destinations
}

/// Where everything is spoken, what was spoken then comes first.
fn codecs(capture: &Capture, legs: &Legs, trunk: &Preference) -> Preference {
    let ours = capture.dialogs.all[legs.caller].described[Party::Called as usize].as_ref();
    let spoken = ours.and_then(|(ours, _)| {
        let named = |codec: &Codec| ours.formats.iter().any(|format| format.name.eq_ignore_ascii_case(codec.name()));
        Codec::ALL.into_iter().find(named)
    });
    match spoken.filter(|_| *trunk == every_codec()) {
        Some(spoken) => {
            let others = Codec::ALL.into_iter().filter(|codec| *codec != spoken);
            Preference::configured([spoken].into_iter().chain(others).collect())
        }
        None => trunk.clone(),
    }
}

fn every_codec() -> Preference {
    Preference { codecs: Codec::ALL.to_vec(), ours: false }
}

/// Our side as the capture shows it.
fn local(capture: &Capture, legs: &Legs, invite: &Invite) -> Local {
    let dialogs = &capture.dialogs.all;
    let ours = invite.to.address;
    let ip = |four: bool| match (ours.is_ipv4() == four, four) {
        (true, _) => ours.ip(),
        (false, true) => IpAddr::V4(OURS),
        (false, false) => IpAddr::V6(OURS_6),
    };
    let port =
        |transport: Transport| if transport == invite.to.transport { ours.port() } else { transport.default_port() };
    let hops = Transport::ALL.into_iter().flat_map(|transport| {
        [true, false].map(|four| Hop::new(transport, SocketAddr::new(ip(four), port(transport))))
    });
    // Media has the version of IP that the other side describes.
    let caller = &dialogs[legs.caller];
    let theirs = caller.described[Party::Calling as usize].as_ref().map(|(offer, _)| offer.address);
    let agents = legs.agents.iter().flat_map(|agent| dialogs[*agent].events.iter());
    let agents = agents.filter_map(|event| match &event.what {
        What::Answered { answer } | What::Progress { answer, .. } => Some(answer.as_ref()?.address),
        _ => None,
    });
    let media = |described: Option<SocketAddr>, theirs: Option<SocketAddr>, port: u16| {
        let four = theirs.is_none_or(|theirs| theirs.is_ipv4());
        let fits = described.filter(|described| described.is_ipv4() == four && !described.ip().is_unspecified());
        fits.unwrap_or_else(|| SocketAddr::new(ip(four), port))
    };
    let described = |dialog: usize, party: Party| {
        dialogs[dialog].described[party as usize].as_ref().map(|(offer, _)| offer.address)
    };
    let ours_to_agent = legs.agents.first().and_then(|agent| described(*agent, Party::Calling));
    Local {
        sip: Locals::new(hops),
        caller_media: media(described(legs.caller, Party::Called), theirs, PORTS[0]),
        agent_media: media(ours_to_agent, agents.into_iter().next(), PORTS[1]),
    }
}
