//! `trunks:`: who may call, how far they are believed, and how we reach them.

use super::codecs::codecs;
use super::recording;
use super::{Called, Identity, Register, SecretPlace, Trunk, address, optional, srtp};
use crate::codec::Preference;
use crate::keying::Policy;
use crate::sip::{Hop, Uri};
use crate::time::Duration;
use crate::yaml::{Faults, Fields, Node, Word};
use ipnet::IpNet;
use std::net::IpAddr;

const MAX_TRUNKS: usize = 200;
/// Networks of one trunk.
const MAX_NETS: usize = 200;
const MAX_REALM: usize = 128;

/// How often a registration is renewed when nothing is said, and within which bounds it may be asked for.
const EVERY: Duration = Duration::from_secs(600);
const EVERY_FROM: Duration = Duration::from_secs(60);
const EVERY_TO: Duration = Duration::from_secs(3600);
const PING_FROM: Duration = Duration::from_secs(5);
const PING_TO: Duration = Duration::from_secs(3600);

const LATER: [&str; 1] = ["transfer"];
/// What a caller writes about itself comes after what its network says; who forwarded a call counts only where a
/// trunk asks for it.
const IDENTITIES: [(&str, Identity); 5] = [
    ("p-asserted-identity", Identity::PAssertedIdentity),
    ("remote-party-id", Identity::RemotePartyId),
    ("from", Identity::From),
    ("diversion", Identity::Diversion),
    ("history-info", Identity::HistoryInfo),
];
const CALLED: [(&str, Called); 4] = [
    ("request-uri", Called::RequestUri),
    ("diversion", Called::Diversion),
    ("history-info", Called::HistoryInfo),
    ("to", Called::To),
];

/// What a trunk may refer to: our sockets and the secrets. `None`: these have mistakes of their own.
#[derive(Clone, Copy)]
pub struct Around<'c> {
    pub listen: Option<&'c [Hop]>,
    pub secrets: Option<&'c [SecretPlace]>,
    /// Those of the whole place.
    pub codecs: Option<&'c Preference>,
}

#[derive(Clone, Copy, PartialEq)]
enum Trust {
    Uui,
    Headers,
}

pub fn trunks(node: &Node, around: Around, faults: &mut Faults) -> Option<Vec<Trunk>> {
    let entries = node.map("trunks by their names", MAX_TRUNKS, faults)?;
    if entries.is_empty() {
        node.wrong("at least one trunk", faults).remedy("without one, every call is refused");
    }
    // All are looked at before one that is wrong makes the list unknown.
    let trunks: Vec<_> = entries.iter().map(|(name, node)| trunk(name, node, around, faults)).collect();
    trunks.into_iter().collect()
}

fn trunk(name: &Word, node: &Node, around: Around, faults: &mut Faults) -> Option<Trunk> {
    name.is_name("the name of a trunk", faults);
    let mut fields = Fields::of(node, format!("trunk `{}`", name.text), faults)?;
    let from = fields.need("from", faults).and_then(|node| nets(node, faults));
    let media_from = fields.take("media_from").map(|node| nets(node, faults));
    let identity = fields
        .take("identity")
        .map_or_else(|| Some(Identity::DEFAULT.to_vec()), |node| node.choices("identity header", &IDENTITIES, faults));
    let called = fields.take("called").map_or_else(
        || Some(vec![Called::RequestUri]),
        |node| node.choices("place of the called number", &CALLED, faults),
    );
    let country = fields.take("country").map(|node| country(node, faults));
    let all = [("uui", Trust::Uui), ("headers", Trust::Headers)];
    let trust = fields.take("trust").map_or_else(|| Some(Vec::new()), |node| node.choices("trust", &all, faults));
    let proxy_node = fields.take("proxy");
    let proxy = proxy_node.map(|node| proxy(node, around.listen, faults));
    let srtp = fields.take("srtp").map_or(Some(Policy::Off), |node| srtp::policy(node, faults));
    let (register_node, ping_node) = (fields.take("register"), fields.take("ping"));
    for (key, node) in [("register", register_node), ("ping", ping_node)] {
        if let Some(node) = node.filter(|_| proxy_node.is_none()) {
            let message = format!("`{key}:` of trunk `{}` has nowhere to go", name.text);
            faults.error("missing-key", node.span, message).remedy("add `proxy: \"sip:HOST\"`");
        }
    }
    let uui_bare = fields.take("uui_bare");
    if let Some(node) = uui_bare.filter(|_| trust.as_ref().is_some_and(|trust| !trust.contains(&Trust::Uui))) {
        let message = format!("this has no effect: the User-to-User of trunk `{}` is not believed", name.text);
        faults.error("no-effect", node.span, message).remedy("add `uui` to `trust:`");
    }
    let uui_bare = uui_bare.map(|node| node.name("the name of a fact", faults).map(|fact| fact.text));
    let codecs = fields.take("codecs").map_or_else(|| around.codecs.cloned(), |node| codecs(node, faults));
    let register = register_node.map(|node| register(node, name, around.secrets, faults));
    let record = fields.take("record").map(|node| recording::audio(node, faults));
    let ping = ping_node.map(|node| span_of_time("a ping", node, PING_FROM, PING_TO, faults));
    fields.later(&LATER, faults);
    fields.finish(faults);
    let (from, trust) = (from?, trust?);
    Some(Trunk {
        name: name.clone(),
        media_from: media_from.unwrap_or_else(|| Some(from.clone()))?,
        from,
        codecs: codecs?,
        identity: identity?,
        called: called?,
        country: optional(country)?,
        trust_uui: trust.contains(&Trust::Uui),
        uui_bare: optional(uui_bare)?,
        trust_headers: trust.contains(&Trust::Headers),
        register: optional(register)?,
        proxy: optional(proxy)?,
        srtp: srtp?,
        record: optional(record)?,
        ping: optional(ping)?,
    })
}

/// `"+1"`: the digits.
fn country(node: &Node, faults: &mut Faults) -> Option<String> {
    let what = "a country code as `\"+1\"`";
    let word = node.word(what, faults)?;
    let code = word.text.strip_prefix('+').filter(|code| {
        (1..=3).contains(&code.len()) && !code.starts_with('0') && code.bytes().all(|b| b.is_ascii_digit())
    });
    if code.is_none() {
        node.wrong(what, faults).remedy("a plus sign and one to three digits, in quotes");
    }
    code.map(str::to_owned)
}

fn proxy(node: &Node, listen: Option<&[Hop]>, faults: &mut Faults) -> Option<Uri> {
    let word = node.word("a SIP address as `\"sip:sbc.carrier.example\"`", faults)?;
    let uri = address::read(&word, listen, faults)?;
    if uri.user().is_some() {
        faults.error("wrong-type", word.span, "a proxy's address has no user").remedy("write sip:HOST");
        return None;
    }
    Some(uri)
}

fn register(node: &Node, name: &Word, secrets: Option<&[SecretPlace]>, faults: &mut Faults) -> Option<Register> {
    let mut fields = Fields::of(node, format!("`register` of trunk `{}`", name.text), faults)?;
    let user = fields.need("user", faults).and_then(|node| node.word("the user of the registration", faults));
    let realm =
        fields.need("realm", faults).and_then(|node| node.word("the realm of the registrar's challenge", faults));
    let secret = fields.need("secret", faults).and_then(|node| node.name("the name of a secret", faults));
    let every = fields.take("every");
    let every = every.map_or(Some(EVERY), |node| span_of_time("a registration", node, EVERY_FROM, EVERY_TO, faults));
    fields.finish(faults);
    if let Some(user) = &user
        && let Err(why) = address::address(&format!("sip:{}@registrar", user.text))
    {
        faults.error("bad-name", user.span, why);
    }
    if let Some(realm) = &realm
        && (realm.text.len() > MAX_REALM || realm.text.chars().any(char::is_control))
    {
        faults.error(
            "bad-name",
            realm.span,
            format!("a realm has {MAX_REALM} characters at most, and none of control"),
        );
    }
    if let (Some(secret), Some(all)) = (&secret, secrets) {
        let names = || all.iter().map(|place| place.name.text.as_str());
        if !names().any(|name| name == secret.text) {
            faults.unknown("secret", secret, names());
        }
    }
    Some(Register { user: user?.text, realm: realm?.text, secret: secret?.text, every: every? })
}

fn span_of_time(what: &str, node: &Node, from: Duration, to: Duration, faults: &mut Faults) -> Option<Duration> {
    let every = node.duration(faults)?;
    if every < from || every > to {
        let message = format!("{what} is sent every {} s to {} s", from.as_secs(), to.as_secs());
        faults.error("out-of-range", node.span, message);
        return None;
    }
    Some(every)
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
