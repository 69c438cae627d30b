//! Who calls, and what number was called: read off the INVITE by the trunk's precedence, and written one way (E.164).

mod e164;

use crate::config::{Called, Config, Identity, Number, Trunk};
use crate::secret::Secret;
use crate::sip::uri::decode;
use crate::sip::{Headers, NameAddr, Request, Uri};

/// Values of one list header that are looked at: calls are forwarded a few times, not more (RFC 5806 section 6.5).
const VALUES: usize = 20;

/// What users stand for nobody: RFC 3323 section 4.1.1.3, and what gateways write besides.
const NOBODY: [&str; 6] = ["anonymous", "restricted", "unavailable", "unknown", "private", "withheld"];

/// The caller, as far as its network lets us know. A flow may use this number; a person sees it only if it is not
/// `private`.
pub struct Caller {
    /// `None`: an anonymous caller.
    pub number: Option<Secret>,
    /// Of a known number only.
    pub name: Option<Secret>,
    /// The caller asked that its identity be withheld from whom it talks to.
    pub private: bool,
}

/// The first header of the trunk's list that names somebody. Of a private caller only what its network asserts counts:
/// we are of the trust domain then, and the caller is not to be known by what it wrote itself (RFC 3325 section 7).
pub fn caller(trunk: &Trunk, headers: &Headers) -> Caller {
    let asked = asked_for(headers, &["id", "user", "header"]);
    let asserted = |identity: &Identity| matches!(identity, Identity::PAssertedIdentity | Identity::RemotePartyId);
    let listed = trunk.identity.iter().filter(|identity| !asked || asserted(identity));
    let named = listed.flat_map(|identity| {
        // A number that dials comes before a name that does not: of two asserted identities one may be each.
        let mut values = values(*identity, headers);
        values.sort_by_key(|value| !is_number(&user(&value.uri)));
        values.into_iter().map(|value| (*identity, value))
    });
    let Some((identity, found)) = named.into_iter().find(|(_, value)| names_somebody(&value.uri)) else {
        return Caller { number: None, name: None, private: asked };
    };
    // What a name may not hold would keep it, and the call, from the agent's phone.
    let name: String = found.display.chars().filter(|c| !c.is_control()).collect();
    let hidden = found.param("privacy").is_some_and(|privacy| !unquoted(privacy).eq_ignore_ascii_case("off"))
        || found.uri.headers().to_ascii_lowercase().contains("privacy=history");
    // RFC 3323 section 4.2: `none` asks that nothing of the caller be hidden. Who forwarded its call asks for itself.
    let open = identity == Identity::RemotePartyId && asked_for(headers, &["none"]);
    let number = e164::normal(&user(&found.uri), trunk.country.as_deref());
    Caller {
        number: Some(Secret::new(number)),
        name: Some(name).filter(|name| !name.is_empty()).map(Secret::new),
        private: asked || hidden && !open,
    }
}

/// The called number, in the form in which `numbers` has it, and the entry that answers it. The places that the trunk
/// lists are tried in turn, as written and then normalised, and the Request-URI in any case: a call that was forwarded
/// from a number which is none of ours was still made to us. The number is empty if the INVITE names none.
pub fn called<'c>(config: &'c Config, trunk: &Trunk, request: &Request) -> (String, Option<&'c Number>) {
    let mut first = None;
    for place in trunk.called.iter().chain([&Called::RequestUri]) {
        let Some(written) = dialled(*place, request) else { continue };
        let normal = e164::normal(&written, trunk.country.as_deref());
        if let Some(entry) = config.own_number(&written).or_else(|| config.own_number(&normal)) {
            return (entry.number.text.clone(), Some(entry));
        }
        first = first.or(Some(normal));
    }
    let first = first.unwrap_or_else(String::new);
    let entry = config.number(&first);
    (first, entry)
}

fn dialled(place: Called, request: &Request) -> Option<String> {
    let headers = &request.headers;
    let uri = match place {
        Called::RequestUri => request.uri.clone(),
        Called::To => read(headers.all("To"))?.uri,
        // Each diversion is put before those that were there: the last one is the first that happened.
        Called::Diversion => list(headers, "Diversion").pop()?.uri,
        Called::HistoryInfo => list(headers, "History-Info").into_iter().next()?.uri,
    };
    names_somebody(&uri).then(|| user(&uri))
}

fn values(identity: Identity, headers: &Headers) -> Vec<NameAddr<'_>> {
    match identity {
        Identity::PAssertedIdentity => list(headers, "P-Asserted-Identity"),
        Identity::RemotePartyId => remote_parties(headers),
        Identity::From => read(headers.all("From")).into_iter().collect(),
        // The one who forwarded the call to us is the last who did, so it stands first (RFC 5806 section 6.5).
        Identity::Diversion => list(headers, "Diversion").into_iter().take(1).collect(),
        Identity::HistoryInfo => forwarder(list(headers, "History-Info")).into_iter().collect(),
    }
}

/// The entry that the last change of the target changed away from: `mp` has its index (RFC 7044 section 5); where there
/// is none, `cause` marks the new target (RFC 4458), and the entry before it is meant.
fn forwarder(mut entries: Vec<NameAddr<'_>>) -> Option<NameAddr<'_>> {
    let changed = |entry: &NameAddr| entry.param("mp").is_some() || entry.uri.param("cause").is_some();
    let last = entries.iter().rposition(changed)?;
    let from = match entries[last].param("mp") {
        Some(index) => entries.iter().position(|entry| entry.param("index") == Some(index))?,
        None => last.checked_sub(1)?,
    };
    Some(entries.swap_remove(from))
}

/// Remote-Party-ID may name the called side as well: `party=called`.
fn remote_parties(headers: &Headers) -> Vec<NameAddr<'_>> {
    let calling = |value: &NameAddr| value.param("party").is_none_or(|party| party.eq_ignore_ascii_case("calling"));
    list(headers, "Remote-Party-ID").into_iter().filter(calling).collect()
}

/// What can be read of a header with a list of addresses.
fn list<'h>(headers: &'h Headers, name: &'static str) -> Vec<NameAddr<'h>> {
    headers.tokens(name).take(VALUES).filter_map(|value| NameAddr::read(value).ok()).collect()
}

fn read<'h>(mut values: impl Iterator<Item = &'h str>) -> Option<NameAddr<'h>> {
    NameAddr::read(values.next()?).ok()
}

/// Whether `Privacy` has one of these values (RFC 3323 section 4.2, RFC 3325 section 9.3).
fn asked_for(headers: &Headers, wanted: &[&str]) -> bool {
    let mut values = headers.all("Privacy").flat_map(|value| value.split([';', ','])).map(str::trim);
    values.any(|value| wanted.iter().any(|wanted| value.eq_ignore_ascii_case(wanted)))
}

/// Whether a URI names a caller or a number, and not that it is withheld.
fn names_somebody(uri: &Uri) -> bool {
    let (user, host) = (user(uri), uri.host());
    let top = host.rsplit('.').next().unwrap_or(host);
    !user.is_empty()
        && !NOBODY.iter().any(|nobody| user.eq_ignore_ascii_case(nobody))
        && !top.eq_ignore_ascii_case("invalid")
}

/// The user of a URI without the parameters that carriers put behind it (RFC 4694: `;npdi;rn=…`).
fn user(uri: &Uri) -> String {
    let user = uri.user().unwrap_or("");
    decode(user.split(';').next().unwrap_or(user))
}

fn is_number(user: &str) -> bool {
    user.starts_with(|c: char| c == '+' || c.is_ascii_digit())
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

#[cfg(test)]
mod tests;
