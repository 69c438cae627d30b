//! `srtp:`: whether media is to be secret. Its keys go along in the signalling (RFC 4568 section 8), so that they are
//! only as secret as that is.

use super::Config;
use crate::keying::Policy;
use crate::sip::{Transport, Uri};
use crate::yaml::{Faults, Node};

const POLICIES: [(&str, Policy); 3] =
    [("required", Policy::Required), ("offered", Policy::Offered), ("off", Policy::Off)];

pub fn policy(node: &Node, faults: &mut Faults) -> Option<Policy> {
    let word = node.word("required, offered or off", faults)?;
    let known = POLICIES.iter().find(|(name, _)| *name == word.text);
    if known.is_none() {
        faults.unknown("policy on SRTP", &word, POLICIES.map(|(name, _)| name));
    }
    known.map(|(_, policy)| *policy)
}

/// Whoever reads the signalling on its way has the keys in it.
pub fn warn_of_readable_keys(config: &Config, faults: &mut Faults) {
    let mut warn = |span, message: String| {
        let why = "whoever reads SIP on its way can decrypt the media";
        faults.warning("readable-keys", span, message).note(why).remedy("signal over TLS: `;transport=tls`, or sips:");
    };
    let over_tls = |uri: &Uri| uri.transport() == Some(Transport::Tls);
    let tls = config.listen.sip.iter().any(|own| own.transport == Transport::Tls);
    for trunk in config.trunks.iter().filter(|trunk| !trunk.srtp.is_off()) {
        let name = &trunk.name;
        if !tls {
            warn(name.span, format!("trunk `{}` has SRTP, and none of our addresses for SIP is TLS", name.text));
        } else if trunk.proxy.as_ref().is_some_and(|proxy| !over_tls(proxy)) {
            warn(name.span, format!("trunk `{}` has SRTP, and its proxy is not reached over TLS", name.text));
        }
    }
    for destination in &config.destinations {
        let called = config.for_calls(destination);
        // Over a trunk it is the proxy that is reached; the trunk's own policy has told of it above.
        let told = called.proxy.is_some() && destination.srtp.is_none();
        let proxy = called.proxy.as_ref().and_then(|proxy| Uri::read(proxy).ok());
        let readable = match &proxy {
            Some(proxy) => !over_tls(proxy),
            None => !destination.to.iter().all(over_tls),
        };
        if readable && !told && !called.srtp.is_off() {
            let name = &destination.name;
            warn(name.span, format!("destination `{}` has SRTP, and is not reached over TLS alone", name.text));
        }
    }
}
