//! `destinations:`: whom we may call.

use super::codecs::codecs;
use super::{Destination, Trunk, address, optional, srtp, webhook};
use crate::context::carrier::Carrier;
use crate::sip::{Hop, Uri};
use crate::time::Duration;
use crate::yaml::{Faults, Fields, Node, Value, Word};

const MAX_DESTINATIONS: usize = 500;
const MAX_TARGETS: usize = 16;
/// Headers and UUI facts of one destination.
const MAX_FACTS: usize = 64;
const MAX_HEADER: usize = 64;

/// How long a target rings when nothing is said.
pub const RING: Duration = Duration::from_secs(20);
/// RFC 3261 section 16.6 item 11: a proxy on the way gives up after about three minutes.
const MAX_RING: Duration = Duration::from_secs(180);
/// The header that carries the reference: no fact may take its place.
const CONTEXT_HEADER: &str = "X-Askonce-Context";

const LATER_CARRIERS: [&str; 5] = ["uui-raw", "uui-pd", "refer_to", "call_info", "body"];

/// What a destination may refer to. `None`: that has mistakes of its own.
#[derive(Clone, Copy)]
pub struct Around<'c> {
    pub listen: Option<&'c [Hop]>,
    pub trunks: Option<&'c [Trunk]>,
    pub webhooks: webhook::Around<'c>,
}

pub fn destinations(node: &Node, around: Around, faults: &mut Faults) -> Option<Vec<Destination>> {
    let entries = node.map("destinations by their names", MAX_DESTINATIONS, faults)?;
    Some(entries.iter().filter_map(|(name, node)| destination(name, node, around, faults)).collect())
}

fn destination(name: &Word, node: &Node, around: Around, faults: &mut Faults) -> Option<Destination> {
    name.is_name("the name of a destination", faults);
    let mut fields = Fields::of(node, format!("destination `{}`", name.text), faults)?;
    let trunk_node = fields.take("trunk");
    // Over a trunk it is the proxy's address that a socket of ours must reach.
    let listen = around.listen.filter(|_| trunk_node.is_none());
    let to = fields.need("to", faults).and_then(|node| targets(node, listen, faults));
    let trunk = trunk_node.map(|node| trunk(node, around.trunks, faults));
    let ring = fields.take("ring").map_or(Some(RING), |node| ring(node, faults));
    let codecs = fields.take("codecs").map(|node| codecs(node, faults));
    let srtp = fields.take("srtp").map(|node| srtp::policy(node, faults));
    let trusted = fields.take("trusted").map_or(Some(false), |node| node.boolean(faults));
    let carriers = fields.take("carriers").map_or_else(|| Some(vec![Carrier::UuiIsdn]), |node| carriers(node, faults));
    let early_media = fields.take("early_media").map_or(Some(false), |node| node.boolean(faults));
    let webhook_node = fields.take("webhook");
    let webhook = webhook_node.map(|node| webhook::webhook(node, around.webhooks, faults));
    let (headers_node, uui_node) = (fields.take("headers"), fields.take("uui"));
    let headers = headers_node.map_or_else(|| Some(Vec::new()), |node| headers(node, faults));
    let uui = uui_node.map(|node| uui(node, faults));
    let carriers = carriers?;
    if carriers.contains(&Carrier::Webhook) && webhook_node.is_none() {
        fields.missing("webhook", faults).remedy("add `webhook: { to: \"ENDPOINT:/PATH\", secret: NAME }`");
    }
    fields.finish(faults);
    for (node, carrier) in [(headers_node, "headers"), (uui_node, "uui-isdn"), (webhook_node, "webhook")] {
        let listed = carriers.iter().any(|c| Carrier::ALL.contains(&(carrier, *c)));
        if let Some(node) = node.filter(|_| !listed) {
            let message = format!("this has no effect: the carriers of `{}` lack `{carrier}`", name.text);
            faults.error("no-effect", node.span, message).remedy(format!("add `{carrier}` to `carriers:`"));
        }
    }
    let (name, uui, trunk) = (name.clone(), optional(uui)?, optional(trunk)?);
    let (codecs, srtp) = (optional(codecs)?, optional(srtp)?);
    let (ring, trusted, headers, early_media, webhook) = (ring?, trusted?, headers?, early_media?, optional(webhook)?);
    let to = to?;
    Some(Destination { name, to, trunk, ring, codecs, srtp, early_media, trusted, carriers, headers, uui, webhook })
}

fn targets(node: &Node, listen: Option<&[Hop]>, faults: &mut Faults) -> Option<Vec<Uri>> {
    let words = node.words("addresses as `[\"sip:100@192.0.2.1:5060\"]`", MAX_TARGETS, faults)?;
    Some(words.iter().filter_map(|word| address::read(word, listen, faults)).collect())
}

fn trunk(node: &Node, trunks: Option<&[Trunk]>, faults: &mut Faults) -> Option<Word> {
    let word = node.name("the name of a trunk", faults)?;
    let Some(trunks) = trunks else { return Some(word) };
    match trunks.iter().find(|trunk| trunk.name.text == word.text) {
        None => faults.unknown("trunk", &word, trunks.iter().map(|trunk| trunk.name.text.as_str())),
        Some(trunk) if trunk.proxy.is_none() => {
            let message = format!("no call goes out over trunk `{}`: it has no `proxy:`", word.text);
            faults.error("missing-key", word.span, message).remedy("add `proxy: \"sip:HOST\"` to the trunk");
        }
        Some(_) => {}
    }
    Some(word)
}

fn ring(node: &Node, faults: &mut Faults) -> Option<Duration> {
    let ring = node.duration(faults)?;
    if ring < Duration::from_secs(1) || ring > MAX_RING {
        let message = format!("a target rings for 1 s to {} s", MAX_RING.as_secs());
        faults.error("out-of-range", node.span, message);
        return None;
    }
    Some(ring)
}

fn carriers(node: &Node, faults: &mut Faults) -> Option<Vec<Carrier>> {
    if let Value::List(items) = &node.value {
        let later =
            |item: &&Node| matches!(&item.value, Value::Scalar { text, .. } if LATER_CARRIERS.contains(&text.as_str()));
        if let Some(item) = items.iter().find(later) {
            faults.not_served(item.span, "this carrier").remedy("there is: uui-isdn, headers");
            return None;
        }
    }
    node.choices("carriers", Carrier::ALL, faults)
}

fn headers(node: &Node, faults: &mut Faults) -> Option<Vec<(Word, Word)>> {
    let entries = node.map("headers as `{ X-Account-Number: account }`", MAX_FACTS, faults)?;
    let mut headers: Vec<(Word, Word)> = Vec::with_capacity(entries.len());
    for (name, fact) in entries {
        let token = name.text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ours = name.text.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("x-")) && name.text.len() > 2;
        let taken = name.text.eq_ignore_ascii_case(CONTEXT_HEADER)
            || headers.iter().any(|(other, _)| other.text.eq_ignore_ascii_case(&name.text));
        if !token || !ours || name.text.len() > MAX_HEADER {
            let message = format!("`{}` cannot be the header of a fact", name.text);
            faults.error("bad-name", name.span, message).remedy("X-NAME, of letters, digits and `-`");
        } else if taken {
            faults.error("duplicate-key", name.span, format!("the header `{}` is taken", name.text));
        }
        headers.push((name.clone(), fact.name("the name of a fact", faults)?));
    }
    Some(headers)
}

fn uui(node: &Node, faults: &mut Faults) -> Option<Vec<Word>> {
    if let Value::Map(_) = node.value {
        faults.not_served(node.span, "`uui: { bare: … }`").remedy("list facts: [account]");
        return None;
    }
    let items = node.list("facts as `[account]`", MAX_FACTS, faults)?;
    items.iter().map(|item| item.name("the name of a fact", faults)).collect()
}
