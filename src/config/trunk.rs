//! `trunks:`: who may call.

use super::{Identity, Trunk};
use crate::yaml::{Faults, Fields, Node, Word};
use ipnet::IpNet;
use std::net::IpAddr;

const MAX_TRUNKS: usize = 200;
/// Networks of one trunk.
const MAX_NETS: usize = 200;

const LATER: [&str; 9] = ["country", "transfer", "srtp", "codecs", "register", "proxy", "ping", "uui_bare", "unknown"];
const IDENTITIES: [(&str, Identity); 3] = [
    ("p-asserted-identity", Identity::PAssertedIdentity),
    ("remote-party-id", Identity::RemotePartyId),
    ("from", Identity::From),
];

#[derive(Clone, Copy, PartialEq)]
enum Trust {
    Uui,
    Headers,
}

pub fn trunks(node: &Node, faults: &mut Faults) -> Option<Vec<Trunk>> {
    let entries = node.map("trunks by their names", MAX_TRUNKS, faults)?;
    if entries.is_empty() {
        node.wrong("at least one trunk", faults).remedy("without one, every call is refused");
    }
    Some(entries.iter().filter_map(|(name, node)| trunk(name, node, faults)).collect())
}

fn trunk(name: &Word, node: &Node, faults: &mut Faults) -> Option<Trunk> {
    name.is_name("the name of a trunk", faults);
    let mut fields = Fields::of(node, format!("trunk `{}`", name.text), faults)?;
    let from = fields.need("from", faults).and_then(|node| nets(node, faults));
    let media_from = fields.take("media_from").map(|node| nets(node, faults));
    // What a caller writes about itself comes last.
    let identity = fields.take("identity").map_or_else(
        || Some(IDENTITIES.map(|(_, identity)| identity).to_vec()),
        |node| node.choices("identity headers", &IDENTITIES, faults),
    );
    let all = [("uui", Trust::Uui), ("headers", Trust::Headers)];
    let trust = fields.take("trust").map_or_else(|| Some(Vec::new()), |node| node.choices("trust", &all, faults));
    fields.later(&LATER, faults);
    fields.finish(faults);
    let (from, trust) = (from?, trust?);
    Some(Trunk {
        name: name.clone(),
        media_from: media_from.unwrap_or_else(|| Some(from.clone()))?,
        from,
        identity: identity?,
        trust_uui: trust.contains(&Trust::Uui),
        trust_headers: trust.contains(&Trust::Headers),
    })
}

fn nets(node: &Node, faults: &mut Faults) -> Option<Vec<IpNet>> {
    let words = node.words("networks as `[198.51.100.0/24]`", MAX_NETS, faults)?;
    let mut nets = Vec::with_capacity(words.len());
    for word in words {
        let net = word.text.parse().ok().or_else(|| word.text.parse::<IpAddr>().ok().map(IpNet::from));
        match net {
            Some(net) => nets.push(net),
            None => {
                let message = format!("expected a network as `198.51.100.0/24`, found `{}`", word.text);
                faults.error("wrong-type", word.span, message);
            }
        }
    }
    Some(nets)
}
