//! `webhook:` of a destination: where its side takes the whole context, and what it knows us by.

use super::{Endpoint, SecretPlace};
use crate::yaml::{Faults, Fields, Node, Word};

const MAX_PATH: usize = 256;

/// `{ to: "desk:/calls", secret: desk_key }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The endpoint's name.
    pub endpoint: String,
    /// Behind the endpoint's own path.
    pub path: String,
    /// The name of the secret that it is signed with.
    pub secret: String,
}

/// What it may name. `None`: that has mistakes of its own.
#[derive(Clone, Copy)]
pub struct Around<'c> {
    pub endpoints: Option<&'c [Endpoint]>,
    pub secrets: Option<&'c [SecretPlace]>,
}

pub fn webhook(node: &Node, around: Around, faults: &mut Faults) -> Option<Webhook> {
    let mut fields = Fields::of(node, "`webhook`", faults)?;
    let to = fields.need("to", faults).and_then(|node| to(node, around.endpoints, faults));
    let secret = fields.need("secret", faults).and_then(|node| node.name("the name of a secret", faults));
    fields.finish(faults);
    let (secret, (endpoint, path)) = (secret?, to?);
    if let Some(secrets) = around.secrets
        && !secrets.iter().any(|place| place.name.text == secret.text)
    {
        faults.unknown("secret", &secret, secrets.iter().map(|place| place.name.text.as_str()));
    }
    Some(Webhook { endpoint, path, secret: secret.text })
}

/// `desk:/calls`.
fn to(node: &Node, endpoints: Option<&[Endpoint]>, faults: &mut Faults) -> Option<(String, String)> {
    let what = "an endpoint and a path as `desk:/calls`";
    let word = node.word(what, faults)?;
    let clean = |path: &&str| {
        path.starts_with('/') && path.len() <= MAX_PATH && path.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
    };
    let Some((name, path)) = word.text.split_once(':').filter(|(_, path)| clean(path)) else {
        node.wrong(what, faults);
        return None;
    };
    if let Some(endpoints) = endpoints
        && !endpoints.iter().any(|endpoint| endpoint.name.text == name)
    {
        let named = Word { text: name.to_owned(), span: word.span };
        faults.unknown("endpoint", &named, endpoints.iter().map(|endpoint| endpoint.name.text.as_str()));
    }
    Some((name.to_owned(), path.to_owned()))
}
