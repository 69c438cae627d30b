//! What an engine is made from that a recorded call comes into again: a configuration of its trunk and its number alone.

use super::wire::Wire;
use crate::config::{Config, Number, Quick, RtpPorts};
use crate::engine::{Engine, Service, Setup};
use crate::keying::{Keyring, Policy};
use crate::record::fixture::{Fixture, Header};
use crate::record::seam::{Arrival, Leg};
use crate::sip::Hop;
use crate::yaml::{Span, Word};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The engine, and the caller's side of the way to it.
pub fn engine(fixture: &Fixture, arrival: &Arrival, wire: &Wire, service: &Service) -> Result<(Engine, Hop), String> {
    let header = &fixture.header;
    let caller = wire.caller().ok_or("the capture has no message of the caller's")?;
    let setup = Setup {
        config: Arc::new(config(header, arrival, wire, caller)?),
        services: BTreeMap::from([(header.flow.clone(), service.clone())]),
        switches: header.switches.clone(),
        locals: header.local.sip.clone(),
        credentials: BTreeMap::new(),
        pins: BTreeMap::new(),
        seed: header.seed,
        keyring: Keyring::new([0; 32]),
        record: true,
        trace: false,
    };
    let mut engine = Engine::new(setup);
    engine.rehearse(header);
    Ok((engine, caller))
}

/// How the trunk reads numbers nobody recorded: it is asked for what a trunk is asked for that says nothing of it.
fn config(header: &Header, arrival: &Arrival, wire: &Wire, caller: Hop) -> Result<Config, String> {
    let own = header.local.sip.facing(&caller).ok_or("the recording has no address of ours that faces the caller")?;
    let media = header.local.caller_media;
    let mut config = Config::quick(&Quick {
        flow: &header.flow,
        destinations: &[],
        endpoints: &[],
        sip: own.address,
        rtp: RtpPorts { address: media.ip(), first: media.port(), last: media.port() },
        http: SocketAddr::new(media.ip(), 0),
        store: "",
    })?;
    let offered = crate::sdp::read(&wire.invite.body).ok();
    for trunk in &mut config.trunks {
        let trunk = Arc::make_mut(trunk);
        trunk.name = word(&header.trunk);
        trunk.from = vec![IpNet::from(caller.address.ip())];
        trunk.media_from = wire.sources(Leg::Caller).into_iter().map(IpNet::from).collect();
        trunk.codecs.clone_from(&header.codecs);
        // A capture that was made to be shared is in clear.
        let in_clear = offered.as_ref().is_some_and(|offer| !offer.secure && offer.crypto.is_empty());
        trunk.srtp = if in_clear { Policy::Off } else { header.srtp };
        (trunk.trust_uui, trunk.trust_headers) = (!arrival.uui.is_empty(), !arrival.headers.is_empty());
        trunk.uui_bare = arrival.uui.first().map(|(name, _)| name.clone()).filter(|_| arrival.uui.len() == 1);
    }
    let with: Vec<_> = header.with.iter().map(|(name, value)| (word(name), word(value))).collect();
    let number = |text: &str| Number {
        number: word(text),
        flow: Some(word(&header.flow)),
        record: Some(header.recorded),
        with: with.clone(),
    };
    config.numbers = vec![number(&arrival.to), number("*")];
    Ok(config)
}

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), span: Span::default() }
}
