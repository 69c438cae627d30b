//! `secrets:`: where the values lie that must not stand in this file. Whoever uses one reads it there.

use super::{SecretPlace, SecretSource};
use crate::yaml::{Faults, Fields, Node, Value, Word};

const MAX_SECRETS: usize = 200;

pub fn secrets(node: &Node, faults: &mut Faults) -> Option<Vec<SecretPlace>> {
    let entries = node.map("secrets as `{ trunk_password: { env: NAME } }`", MAX_SECRETS, faults)?;
    // All are looked at before one that is wrong makes the list unknown.
    let places: Vec<_> = entries.iter().map(|(name, node)| secret(name, node, faults)).collect();
    places.into_iter().collect()
}

fn secret(name: &Word, node: &Node, faults: &mut Faults) -> Option<SecretPlace> {
    name.is_name("the name of a secret", faults);
    if let Value::Scalar { .. } = node.value {
        faults
            .error("secret-in-clear", name.span, format!("secret `{}` stands here in clear", name.text))
            .remedy("no secret stands in this file: write { env: NAME } or { file: PATH }");
        return None;
    }
    let mut fields = Fields::of(node, format!("secret `{}`", name.text), faults)?;
    let env = fields.take("env").map(|node| node.word("the name of an environment variable", faults));
    let file = fields.take("file").map(|node| node.word("the path of a file", faults));
    let source = match (env, file) {
        (Some(env), None) => env.map(|env| SecretSource::Env(env.text)),
        (None, Some(file)) => file.map(|file| SecretSource::File(file.text)),
        (None, None) | (Some(_), Some(_)) => {
            let message = format!("secret `{}` lies in one place", name.text);
            faults.error("one-of", node.span, message).remedy("write { env: NAME } or { file: PATH }");
            None
        }
    };
    fields.finish(faults);
    Some(SecretPlace { name: name.clone(), source: source? })
}
