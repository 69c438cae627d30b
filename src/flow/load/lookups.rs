//! `lookups:`, from their text.

use super::Loading;
use super::facts::plain_kind;
use super::limits::{LONGEST_TIMEOUT, MAX_LOOKED_UP, SHORTEST_TIMEOUT};
use crate::context::Method;
use crate::flow::fact::{Kind, Known};
use crate::flow::lookup::{Given, Lookup, Piece};
use crate::flow::shape::tables;
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::{Fields, Node, Span, Value, Word};

/// What is compared is answered at once.
const COMPARED: Duration = Duration::from_secs(1);

/// What needs the facts as they are: classes, and who fills what. Of the file that is being read.
pub fn against_facts(loading: &mut Loading) {
    for lookup in loading.lookups.read() {
        if !loading.owns(&lookup.name) {
            continue;
        }
        for fact in lookup.facts_in_path() {
            let Some(question) = loading.question(fact) else { continue };
            if !question.class.for_agent() {
                let class = format!("{:?}", question.class).to_lowercase();
                let message = format!("`{}` is {class}: it may not stand in an address", question.name.text);
                let remedy = "post: …, with the fact in `send:`";
                loading.faults.error("class", lookup.endpoint.span, message).remedy(remedy);
            }
        }
        for (fact, _) in lookup.fills.iter().filter(|_| lookup.method == Method::Compare) {
            let Some(question) = loading.question(*fact).filter(|question| question.kind != Kind::Bool) else {
                continue;
            };
            let message =
                format!("lookup `{}` says yes or no, and `{}` is no bool", lookup.name.text, question.name.text);
            loading.faults.error("wrong-type", lookup.name.span, message).remedy("fills: [verified]");
        }
    }
    for question in loading.facts.read() {
        if !loading.owns(&question.name) {
            continue;
        }
        let place = loading.facts.position(&question.name.text);
        for known in &question.known {
            // A lookup that could not be read is one mistake already.
            let Known::Lookup(at) = known else { continue };
            let Some(lookup) = loading.lookups.get(*at) else { continue };
            if !lookup.fills.iter().any(|(fact, _)| Some(*fact) == place) {
                let message = format!("lookup `{}` does not fill `{}`", lookup.name.text, question.name.text);
                let remedy = format!("fills: [{}]", question.name.text);
                loading.faults.error("not-in-fills", question.span, message).remedy(remedy);
            }
        }
    }
}

/// Its values are typed; the facts that it names have their names already.
pub fn lookup(name: &Word, node: &Node, loading: &mut Loading) -> Option<Lookup> {
    let mut fields = Fields::of(node, format!("lookup `{}`", name.text), &mut loading.faults)?.by(tables::LOOKUP);
    if let Some(secret) = fields.take("secret") {
        return compared(name, secret, fields, loading);
    }
    let (get, post) = (fields.take("get"), fields.take("post"));
    let target = match (get, post) {
        (Some(node), None) => target(node, loading).map(|target| (Method::Get, target)),
        (None, Some(node)) => target(node, loading).map(|target| (Method::Post, target)),
        _ => {
            let message = format!("lookup `{}` takes one of `get:`, `post:` and `secret:`", name.text);
            loading.faults.error("missing-key", node.span, message).remedy("get: \"crm:/phone/{caller.number}\"");
            None
        }
    };
    let send_node = fields.take("send");
    let send = send_node.map_or(Some(Vec::new()), |node| facts(node, loading));
    if let (Some(node), Some(_)) = (send_node, get) {
        loading.faults.error("no-body", node.span, "`get:` sends no facts").remedy("post: …, or the fact in the path");
    }
    let timeout = fields.need("timeout", &mut loading.faults).and_then(|node| timeout(node, loading));
    let auth = fields.take("auth").map(|node| node.name("the name of a secret", &mut loading.faults));
    let idempotent = fields.take("idempotent").map_or(Some(false), |node| node.boolean(&mut loading.faults));
    let fills = fields.take("fills").map_or(Some(Vec::new()), |node| fills(node, loading));
    let gives = fields.take("gives").map_or(Some(Vec::new()), |node| gives(node, loading));
    fields.finish(&mut loading.faults);
    let (method, (endpoint, path)) = target?;
    Some(Lookup {
        name: loading.full(name),
        endpoint,
        method,
        path,
        send: send?,
        timeout: timeout?,
        auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
        idempotent: idempotent?,
        fills: fills?,
        gives: gives?,
    })
}

/// `secret: announce_pin`: no system is asked, what is sent is held against a secret of the configuration.
fn compared(name: &Word, secret: &Node, mut fields: Fields, loading: &mut Loading) -> Option<Lookup> {
    let secret = secret.name("the name of a secret", &mut loading.faults);
    let send_node = fields.need("send", &mut loading.faults);
    let send = send_node.and_then(|node| facts(node, loading));
    if let (Some(node), Some(send)) = (send_node, &send)
        && send.len() != 1
    {
        node.wrong("one fact as `[pin]`", &mut loading.faults).remedy("a secret is one value: send: [pin]");
    }
    let fills = fields.need("fills", &mut loading.faults).and_then(|node| fills(node, loading));
    fields.finish(&mut loading.faults);
    Some(Lookup {
        name: loading.full(name),
        endpoint: secret?,
        method: Method::Compare,
        path: Vec::new(),
        send: send?,
        timeout: COMPARED,
        auth: None,
        idempotent: false,
        fills: fills?,
        gives: Vec::new(),
    })
}

/// `crm:/phone/{caller.number}`: an endpoint of the configuration, and the path there.
fn target(node: &Node, loading: &mut Loading) -> Option<(Word, Vec<Piece>)> {
    let word = node.word("an endpoint and a path as `crm:/phone/{caller.number}`", &mut loading.faults)?;
    let parts = word.text.split_once(':').filter(|(endpoint, path)| !endpoint.is_empty() && path.starts_with('/'));
    let Some((endpoint, path)) = parts.filter(|(_, path)| !path.starts_with("//")) else {
        let message = format!("`{}` names no endpoint of the configuration", word.text);
        loading
            .faults
            .error("bad-target", word.span, message)
            .remedy("write ENDPOINT:/PATH: crm:/phone/{caller.number}");
        return None;
    };
    let endpoint = Word { text: endpoint.to_owned(), span: word.span };
    let legal = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '\\' | '"' | '<' | '>' | '^' | '`' | '|');
    if let Some(wrong) = path.chars().find(|c| !legal(*c)) {
        let message = format!("`{wrong}` cannot stand in a path");
        loading.faults.error("bad-target", word.span, message).remedy("write it by its octets: %20");
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else {
            loading.faults.error("placeholder", word.span, "`{` without `}` in the path");
            return None;
        };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(placeholder(name, word.span, loading)?);
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    endpoint.is_name("an endpoint", &mut loading.faults).then_some((endpoint, pieces))
}

fn placeholder(name: &str, span: Span, loading: &mut Loading) -> Option<Piece> {
    match name {
        "caller.number" => Some(Piece::CallerNumber),
        "called" => Some(Piece::Called),
        _ => loading.fact_named(&Word { text: name.to_owned(), span }).map(Piece::Fact),
    }
}

fn timeout(node: &Node, loading: &mut Loading) -> Option<Duration> {
    let timeout = node.duration(&mut loading.faults)?;
    if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&timeout) {
        let remedy = "the caller waits for it: 800ms, 2s";
        node.wrong("a time from 50ms to 30s", &mut loading.faults).remedy(remedy);
        return None;
    }
    Some(timeout)
}

fn facts(node: &Node, loading: &mut Loading) -> Option<Vec<usize>> {
    let items = node.list("facts as `[account, pin]`", MAX_LOOKED_UP, &mut loading.faults)?;
    let facts: Vec<_> = items.iter().map(|item| loading.fact(item)).collect();
    facts.into_iter().collect()
}

/// `[account]`, or `{ account: customer.number }` with the place in the answer.
fn fills(node: &Node, loading: &mut Loading) -> Option<Vec<(usize, String)>> {
    if let Value::Map(_) = node.value {
        let entries = node.map("facts and their places", MAX_LOOKED_UP, &mut loading.faults)?;
        let mut fills = Vec::with_capacity(entries.len());
        for (name, node) in entries {
            let fact = loading.fact_named(name);
            let at = place(node, loading);
            fills.push((fact?, at?));
        }
        return Some(fills);
    }
    let items = node.list("facts as `[account]`", MAX_LOOKED_UP, &mut loading.faults)?;
    let mut fills = Vec::with_capacity(items.len());
    for item in items {
        let word = item.word("the name of a fact", &mut loading.faults)?;
        fills.push((loading.fact_named(&word)?, word.text));
    }
    Some(fills)
}

/// Where a value stands in the answer: keys of its objects, joined by dots.
fn place(node: &Node, loading: &mut Loading) -> Option<String> {
    let word = node.word("a place in the answer as `customer.tier`", &mut loading.faults)?;
    let sound = word.text.len() <= 128 && word.text.split('.').all(|key| !key.is_empty());
    if !sound {
        node.wrong("a place in the answer as `customer.tier`", &mut loading.faults);
    }
    sound.then_some(word.text)
}

/// `{ tier: text, balance: { type: money, at: account.balance, default: 0.00 } }`
fn gives(node: &Node, loading: &mut Loading) -> Option<Vec<Given>> {
    let entries = node.map("values as `{ tier: text }`", MAX_LOOKED_UP, &mut loading.faults)?;
    let mut gives = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        name.is_name("the name of a value", &mut loading.faults);
        gives.push(given(name, node, loading)?);
    }
    Some(gives)
}

fn given(name: &Word, node: &Node, loading: &mut Loading) -> Option<Given> {
    let Value::Map(_) = node.value else {
        let kind = plain_kind(node, loading)?;
        return Some(Given { name: name.clone(), kind, default: None, at: name.text.clone() });
    };
    let mut fields = Fields::of(node, format!("value `{}`", name.text), &mut loading.faults)?.by(tables::GIVEN);
    let kind = fields.need("type", &mut loading.faults).and_then(|node| plain_kind(node, loading));
    let at = fields.take("at").map_or_else(|| Some(name.text.clone()), |node| place(node, loading));
    let default = fields.take("default").map(|node| node.word("a value", &mut loading.faults));
    fields.finish(&mut loading.faults);
    let (kind, default) = (kind?, default.map_or(Some(None), |default| default.map(Some))?);
    if let Some(default) = default.as_ref().filter(|default| !kind.fits(&default.text)) {
        let message = format!("the default is no value of `{}`", name.text);
        loading.faults.error("bad-default", default.span, message).remedy(kind.example());
    }
    Some(Given { name: name.clone(), kind, default: default.map(|word| Secret::new(word.text)), at: at? })
}
