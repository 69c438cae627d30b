//! A configuration from its text.

use super::{
    Config, Limits, Listen, Number, Retention, Synchronous, Unknown, admission, announcements, codecs, destination,
    endpoint, listen, media, optional, recording, retention, secrets, srtp, switches, trunk, webhook,
};
use crate::codec::Preference;
use crate::yaml::{Diagnostic, Faults, Fields, Node, Source, Value, Word, read};
use std::net::IpAddr;
use std::sync::Arc;

const MAX_FLOWS: usize = 100;
const MAX_NUMBERS: usize = 10_000;
const MAX_WITH: usize = 32;

const STORE: &str = "var/askonce.db";

/// Loads a configuration, with its warnings, or says everything that is wrong with it.
pub fn load(source: &Source) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut faults = Faults::new(&source.path);
    let config = read(source, &mut faults).and_then(|node| top(&node, source, &mut faults));
    match config.filter(|_| !faults.has_errors()) {
        Some(config) => Ok((config, faults.into_list())),
        None => Err(faults.into_list()),
    }
}

fn top(node: &Node, source: &Source, faults: &mut Faults) -> Option<Config> {
    let mut fields = Fields::of(node, "the configuration", faults)?;
    fields.version(faults);
    let tls_node = fields.take("tls");
    let tls = tls_node.map(|node| listen::tls(node, faults));
    let listen = fields.need("listen", faults).and_then(|node| listen::listen(node, tls_node.is_some(), faults));
    let advertise = fields.take("advertise").map(|node| advertised(node, faults));
    let resolver = fields.take("resolver").map_or(Some(Vec::new()), |node| listen::resolver(node, faults));
    let flows = fields.need("flows", faults).and_then(|node| node.words("flow files or folders", MAX_FLOWS, faults));
    let store = fields.take("store").map(|node| store(node, faults));
    let secrets = fields.take("secrets").map_or(Some(Vec::new()), |node| secrets::secrets(node, faults));
    let endpoints = fields.take("endpoints").map_or(Some(Vec::new()), |node| endpoint::endpoints(node, faults));
    let retention = fields.take("retention");
    let retention = retention.map_or(Some(Retention::default()), |node| retention::retention(node, faults));
    let limits = fields.take("limits").map_or(Some(Limits::default()), |node| admission::limits(node, faults));
    let record = fields.take("record");
    let record =
        record.map_or_else(|| Some(recording::Recording::default()), |node| recording::recording(node, faults));
    let realtime = fields.take("media").map_or(Some(false), |node| media::realtime(node, faults));
    let unknown = fields.take("unknown").map_or(Some(Unknown::Refuse), |node| admission::unknown(node, faults));
    let ours = listen.as_ref().map(|listen| listen.sip.as_slice());
    let codecs = fields.take("codecs").map_or_else(|| Some(Preference::default()), |node| codecs::codecs(node, faults));
    let around = trunk::Around { listen: ours, secrets: secrets.as_deref(), codecs: codecs.as_ref() };
    let trunks = fields.need("trunks", faults).and_then(|node| trunk::trunks(node, around, faults));
    let numbers = fields.need("numbers", faults).and_then(|node| numbers(node, faults));
    let webhooks = webhook::Around { endpoints: endpoints.as_deref(), secrets: secrets.as_deref() };
    let around = destination::Around { listen: ours, trunks: trunks.as_deref(), webhooks };
    let destinations = fields.take("destinations");
    let destinations = destinations.map_or(Some(Vec::new()), |node| destination::destinations(node, around, faults));
    let switches = fields.take("switches").map_or(Some(Vec::new()), |node| switches::switches(node, faults));
    let announcements = fields.take("announcements").map(|node| announcements::announcements(node, faults));
    fields.finish(faults);
    let (listen, advertise) = (listen?, optional(advertise)?);
    check_advertise(node, &listen, advertise, faults);
    let (store, synchronous) = store.unwrap_or_else(|| Some((STORE.to_owned(), Synchronous::Normal)))?;
    let config = Config {
        path: source.path.clone(),
        listen,
        advertise,
        tls: optional(tls)?,
        resolver: resolver?,
        flows: flows?,
        store,
        synchronous,
        secrets: secrets?,
        endpoints: endpoints?,
        retention: retention?,
        limits: limits?,
        record: record?,
        realtime: realtime?,
        unknown: unknown?,
        codecs: codecs?,
        trunks: trunks?.into_iter().map(Arc::new).collect(),
        numbers: numbers?,
        destinations: destinations?,
        switches: switches?,
        announcements: optional(announcements)?,
    };
    srtp::warn_of_readable_keys(&config, faults);
    Some(config)
}

fn advertised(node: &Node, faults: &mut Faults) -> Option<IpAddr> {
    let address: IpAddr = node.parsed("an IP address", faults)?;
    if address.is_unspecified() {
        node.wrong("the address at which peers reach us", faults);
    }
    Some(address)
}

/// A socket that listens on every address needs the one that peers are told, of its own IP version.
fn check_advertise(node: &Node, listen: &Listen, advertise: Option<IpAddr>, faults: &mut Faults) {
    let bound = listen.sip.iter().map(|hop| hop.address.ip()).chain([listen.rtp.address]);
    let told = |address: &IpAddr| advertise.is_some_and(|told| told.is_ipv4() == address.is_ipv4());
    let untold = |address: &IpAddr| address.is_unspecified() && !told(address);
    if let Some(untold) = bound.into_iter().find(untold) {
        let version = if untold.is_ipv4() { "IPv4" } else { "IPv6" };
        let message = format!("SIP or RTP listens on every {version} address, and none is named for Contact and SDP");
        faults
            .error("no-advertise", node.span, message)
            .remedy(format!("add `advertise: ADDRESS` of {version}, or listen on one address"));
    }
}

/// A file, or `{ file: var/askonce.db, synchronous: full }`.
fn store(node: &Node, faults: &mut Faults) -> Option<(String, Synchronous)> {
    let Value::Map(_) = node.value else { return Some((store_file(node, faults)?, Synchronous::Normal)) };
    let mut fields = Fields::of(node, "`store`", faults)?;
    let file = fields.need("file", faults).and_then(|node| store_file(node, faults));
    let synchronous = fields.take("synchronous").map_or(Some(Synchronous::Normal), |node| synchronous(node, faults));
    fields.finish(faults);
    Some((file?, synchronous?))
}

fn synchronous(node: &Node, faults: &mut Faults) -> Option<Synchronous> {
    let word = node.word("normal or full", faults)?;
    match &*word.text {
        "normal" => Some(Synchronous::Normal),
        "full" => Some(Synchronous::Full),
        _ => {
            faults.unknown("word for what is durable", &word, ["normal", "full"]);
            None
        }
    }
}

fn store_file(node: &Node, faults: &mut Faults) -> Option<String> {
    let word = node.word("a file", faults)?;
    if word.text.contains("://") {
        faults.not_served(word.span, "a store that is no file").remedy("name a file of SQLite: var/askonce.db");
        return None;
    }
    Some(word.text)
}

/// The name of a flow, or `{ flow: NAME, record: { audio: true } }`.
fn number(number: &Word, node: &Node, faults: &mut Faults) -> Option<Number> {
    let Value::Map(_) = node.value else {
        let flow = node.name("the name of a flow", faults)?;
        return Some(Number { number: number.clone(), flow: Some(flow), record: None, with: Vec::new() });
    };
    let mut fields = Fields::of(node, format!("number `{}`", number.text), faults)?;
    let flow = fields.need("flow", faults).and_then(|node| node.name("the name of a flow", faults));
    let record = fields.take("record").map(|node| recording::audio(node, faults));
    let with = fields.take("with").map_or_else(|| Some(Vec::new()), |node| with(node, faults));
    fields.finish(faults);
    Some(Number { number: number.clone(), flow: Some(flow?), record: optional(record)?, with: with? })
}

/// What the number gives to the parameters of its flow.
fn with(node: &Node, faults: &mut Faults) -> Option<Vec<(Word, Word)>> {
    let entries = node.map("parameters as `{ brand: acme }`", MAX_WITH, faults)?;
    entries.iter().map(|(name, node)| Some((name.clone(), node.word("the value of a parameter", faults)?))).collect()
}

fn numbers(node: &Node, faults: &mut Faults) -> Option<Vec<Number>> {
    let entries = node.map("numbers as `{ \"+18005550100\": account-desk }`", MAX_NUMBERS, faults)?;
    let mut numbers = Vec::with_capacity(entries.len());
    for (number, node) in entries {
        let fits = number.text == "*"
            || (number.text.len() <= 64
                && number
                    .text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | '*' | '#')));
        if !fits {
            let message = format!("`{}` is no number that can be called", number.text);
            faults.error("bad-name", number.span, message).remedy("write +18005550100, 100, a name, or \"*\"");
        }
        numbers.extend(self::number(number, node, faults));
    }
    if entries.is_empty() {
        node.wrong("at least one number, or \"*\"", faults);
    }
    Some(numbers)
}
