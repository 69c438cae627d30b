//! What is known goes along with the caller: the stored context has every fact that a person may see, and what goes by SIP
//! has those that the hand-off needs, wherever the destination has a carrier for them, or says that it left them out.

use super::Scene;
use crate::context::carrier::{self, Carrier, header_name, uui};
use crate::context::{Destination, UuiFacts};
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, Out};
use crate::secret::Secret;
use crate::sip::{Message, NameAddr, uri, wire};
use serde_json::Value;

/// How a target refuses what goes beside the session description (RFC 3261 section 21.4.13, and what misreads it).
const BODY_REFUSED: [u16; 3] = [400, 415, 488];

#[derive(Default)]
pub(super) struct Handed {
    /// A target refused so: until the next one, INVITEs may go without it.
    refused: bool,
}

/// What went along with a caller.
struct Sent {
    headers: Vec<(String, String)>,
    facts: Option<Value>,
}

impl Handed {
    pub fn pass(&mut self, scene: &mut Scene<'_>, line: &Line) {
        match &line.step {
            Step::In(In::Refused { status, .. }) => self.refused |= BODY_REFUSED.contains(status),
            Step::Out(Out::Mint) => self.refused = false,
            Step::Out(Out::Store { context, .. }) => stored(scene, line.t, context),
            Step::Out(Out::Agent { destination, invite, omitted, .. }) => {
                let Some(to) = scene.header.destinations.get(destination) else { return };
                let mut carriers = carrier::of_invite(&to.carriers);
                carriers.retain(|carrier| *carrier != Carrier::Body || !self.refused);
                let sent = Sent::of_invite(invite);
                sent_along(scene, line.t, (destination, to), (&carriers, sent.as_ref(), omitted));
            }
            Step::Out(Out::Refer { destination, refer_to, omitted, .. }) => {
                let Some(to) = scene.header.destinations.get(destination) else { return };
                let sent = Sent::of_refer(refer_to);
                let mut carriers = carrier::of_refer(&to.carriers);
                if carriers.is_empty() {
                    carriers.push(Carrier::ReferTo);
                }
                sent_along(scene, line.t, (destination, to), (&carriers, sent.as_ref(), omitted));
            }
            _ => {}
        }
    }
}

/// Whoever has the reference reads all of it.
fn stored(scene: &mut Scene<'_>, t: u64, context: &Value) {
    let lost = |fact: &&str| {
        let value = scene.shown_value(fact).map(Secret::open);
        value.is_some() && context["facts"][*fact]["value"].as_str() != value
    };
    let lost: Vec<&str> = scene.facts.keys().copied().filter(lost).collect();
    for fact in lost {
        scene.violated("fact-not-handed-on", t, format!("`{fact}` is known, and the stored context lacks it"));
    }
}

/// `destination` with its name; the carriers that rode, what went, and what was left out by its name.
fn sent_along(
    scene: &mut Scene<'_>,
    t: u64,
    (name, to): (&str, &Destination),
    (carriers, sent, omitted): (&[Carrier], Option<&Sent>, &[String]),
) {
    // Facts go by SIP to whom we trust; the others have the reference.
    let Some(needs) = scene.needs().filter(|_| to.trusted) else { return };
    let program = scene.program;
    let mut lost = Vec::new();
    for fact in needs.facts.iter().map(|fact| program.flow.facts[*fact].name.text.as_str()) {
        let Some(value) = scene.shown_value(fact) else { continue };
        let header = header_of(to, fact);
        let left_out = |name: &str| omitted.iter().any(|omitted| omitted == name);
        let brought = |carrier: &Carrier| {
            let Some(sent) = sent else { return false };
            match carrier {
                Carrier::Headers => header.as_deref().is_none_or(|header| {
                    left_out(header) || sent.header(header).is_some_and(|sent| sent == value.open())
                }),
                // Nothing rides in this Refer-To.
                Carrier::ReferTo => left_out(fact),
                Carrier::Body => left_out(fact) || sent.in_body(fact) == Some(value.open()),
                carrier if carrier.is_uui() => !in_uui(to, fact) || left_out(fact) || sent.in_uui(to, fact, value),
                _ => true,
            }
        };
        // A Refer-To that has no room for a header names it instead.
        let named = left_out(fact) || left_out("User-to-User") || header.as_deref().is_some_and(left_out);
        if !named && !carriers.iter().all(brought) {
            lost.push(fact);
        }
    }
    for fact in lost {
        let message = format!("`{fact}` is known, and did not go to `{name}`");
        scene.violated("fact-not-handed-on", t, message);
    }
}

/// The header that the fact rides in, if it rides in one.
fn header_of(to: &Destination, fact: &str) -> Option<String> {
    match to.headers.is_empty() {
        true => Some(header_name(fact)),
        false => to.headers.iter().find(|(_, mapped)| mapped == fact).map(|(header, _)| header.clone()),
    }
}

fn in_uui(to: &Destination, fact: &str) -> bool {
    match &to.uui {
        None => true,
        Some(UuiFacts::Pairs(facts)) => facts.iter().any(|named| named == fact),
        Some(UuiFacts::Bare { bare }) => bare == fact,
    }
}

impl Sent {
    fn of_invite(invite: &str) -> Option<Sent> {
        let Ok(Message::Request(request)) = wire::read(invite.as_bytes()) else { return None };
        let headers = request.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // The JSON is a line of its own, whatever parts there are.
        let body = String::from_utf8_lossy(&request.body);
        let json = body.lines().find(|line| line.starts_with('{'));
        Some(Sent { headers, facts: json.and_then(|json| serde_json::from_str(json).ok()) })
    }

    /// The header fields that the caller's phone is to write into its INVITE (RFC 3261 section 19.1.1).
    fn of_refer(refer_to: &Secret) -> Option<Sent> {
        let address = NameAddr::read(refer_to.open()).ok()?;
        let pairs = address.uri.headers().split('&').filter_map(|pair| pair.split_once('='));
        let headers = pairs.map(|(name, value)| (uri::decode(name), uri::decode(value))).collect();
        Some(Sent { headers, facts: None })
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    fn in_body(&self, fact: &str) -> Option<&str> {
        self.facts.as_ref()?["facts"][fact].as_str()
    }

    fn in_uui(&self, to: &Destination, fact: &str, value: &Secret) -> bool {
        let bare = match &to.uui {
            Some(UuiFacts::Bare { bare }) => Some(bare.as_str()),
            Some(UuiFacts::Pairs(_)) | None => None,
        };
        let read = self.header("User-to-User").and_then(|header| uui::read(header, bare).ok());
        read.is_some_and(|read| read.pairs.iter().any(|(name, sent)| name == fact && sent == value))
    }
}
