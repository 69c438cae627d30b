//! `destinations:`: whom we may call.

use super::codecs::codecs;
use super::{Destination, Trunk, Uui, Webhook, address, optional, srtp, webhook};
use crate::context::carrier::{Carrier, REFERENCE};
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
/// What a link begins with; the header's line with the reference stays far below what peers cut.
const MAX_LINK: usize = 256;

/// What goes along where nothing is said.
const CARRIERS: [Carrier; 2] = [Carrier::UuiIsdn, Carrier::ReferTo];

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
    let early_media = fields.take("early_media").map_or(Some(false), |node| node.boolean(faults));
    let context = context(name, trusted, &mut fields, around.webhooks, faults);
    fields.finish(faults);
    let Context { carriers, headers, uui, call_info, webhook } = context?;
    let (name, trunk, codecs, srtp) = (name.clone(), optional(trunk)?, optional(codecs)?, optional(srtp)?);
    let (to, ring, trusted, early_media) = (to?, ring?, trusted?, early_media?);
    Some(Destination {
        name,
        to,
        trunk,
        ring,
        codecs,
        srtp,
        early_media,
        trusted,
        carriers,
        headers,
        uui,
        call_info,
        webhook,
    })
}

/// What of the context goes along, and how.
struct Context {
    carriers: Vec<Carrier>,
    headers: Vec<(Word, Word)>,
    uui: Option<Uui>,
    call_info: Option<String>,
    webhook: Option<Webhook>,
}

fn context(
    name: &Word,
    trusted: Option<bool>,
    fields: &mut Fields,
    webhooks: webhook::Around,
    faults: &mut Faults,
) -> Option<Context> {
    let (carriers_node, link_node) = (fields.take("carriers"), fields.take("call_info"));
    let (headers_node, uui_node) = (fields.take("headers"), fields.take("uui"));
    let webhook_node = fields.take("webhook");
    let carriers = carriers_node.map_or_else(|| Some(CARRIERS.to_vec()), |node| carriers(node, faults));
    let headers = headers_node.map_or_else(|| Some(Vec::new()), |node| headers(node, faults));
    let uui = optional(uui_node.map(|node| uui(node, faults)));
    let call_info = optional(link_node.map(|node| link(node, faults)));
    let webhook = optional(webhook_node.map(|node| webhook::webhook(node, webhooks, faults)));
    let carriers = carriers?;
    let has = |carrier| carriers.contains(&carrier);
    let writes_uui = carriers.iter().any(|carrier| carrier.is_uui()) || carriers == [Carrier::ReferTo];
    let wanted = [
        (headers_node, "headers", has(Carrier::Headers)),
        (uui_node, "uui-isdn", writes_uui),
        (link_node, "call_info", has(Carrier::CallInfo)),
        (webhook_node, "webhook", has(Carrier::Webhook)),
    ];
    for (node, carrier, listed) in wanted {
        if let Some(node) = node.filter(|_| !listed) {
            let message = format!("this has no effect: the carriers of `{}` lack `{carrier}`", name.text);
            faults.error("no-effect", node.span, message).remedy(format!("add `{carrier}` to `carriers:`"));
        }
    }
    if has(Carrier::Webhook) && webhook_node.is_none() {
        fields.missing("webhook", faults).remedy("add `webhook: { to: \"ENDPOINT:/PATH\", secret: NAME }`");
    }
    if let Some(node) = carriers_node.filter(|_| has(Carrier::CallInfo) && link_node.is_none()) {
        let message = "`call_info` needs to know what its link begins with";
        faults.error("missing-key", node.span, message).remedy("add `call_info: \"https://desk.example/c/\"`");
    }
    if let (Some(node), Some(Some(Uui::Bare(_))), Some(false)) = (uui_node, &uui, trusted) {
        let message = format!("this has no effect: `{}` is not trusted, and gets the reference alone", name.text);
        faults.error("no-effect", node.span, message).remedy("add `trusted: true`, or leave `bare` out");
    }
    Some(Context { carriers, headers: headers?, uui: uui?, call_info: call_info?, webhook: webhook? })
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
    let carriers = node.choices("carriers", Carrier::ALL, faults)?;
    // Of two User-to-User Genesys believes neither, and others the first or the last.
    let uui: Vec<&str> = carriers.iter().filter(|carrier| carrier.is_uui()).map(|carrier| carrier.name()).collect();
    if let [first, second, ..] = uui.as_slice() {
        let message = format!("`{first}` and `{second}` would be two User-to-User headers, and peers take one");
        faults.error("conflict", node.span, message).remedy(format!("leave one of them: {first}"));
    }
    Some(carriers)
}

/// What the reference is put behind.
fn link(node: &Node, faults: &mut Faults) -> Option<String> {
    let what = "what a link begins with, as `https://desk.example/c/`";
    let word = node.word(what, faults)?;
    let clean = |b: u8| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b);
    let link = word.text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(clean));
    if !link || word.text.len() > MAX_LINK {
        node.wrong(what, faults).remedy("https, and nothing that a link cannot hold");
        return None;
    }
    Some(word.text)
}

fn headers(node: &Node, faults: &mut Faults) -> Option<Vec<(Word, Word)>> {
    let entries = node.map("headers as `{ X-Account-Number: account }`", MAX_FACTS, faults)?;
    let mut headers: Vec<(Word, Word)> = Vec::with_capacity(entries.len());
    for (name, fact) in entries {
        let token = name.text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ours = name.text.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("x-")) && name.text.len() > 2;
        let taken = name.text.eq_ignore_ascii_case(REFERENCE)
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

/// Facts, or `{ bare: FACT }`.
fn uui(node: &Node, faults: &mut Faults) -> Option<Uui> {
    if let Value::Map(_) = node.value {
        let mut fields = Fields::of(node, "`uui`", faults)?;
        let bare = fields.need("bare", faults).and_then(|node| node.name("the name of a fact", faults));
        fields.finish(faults);
        return bare.map(Uui::Bare);
    }
    let items = node.list("facts as `[account]`", MAX_FACTS, faults)?;
    let facts: Option<Vec<Word>> = items.iter().map(|item| item.name("the name of a fact", faults)).collect();
    facts.map(Uui::Facts)
}
