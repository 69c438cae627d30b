//! What a person gets, without what is new in every call: references, tags, branches, ports and times.

use crate::context::carrier::uui;
use crate::secret::Secret;
use serde_json::Value;

/// Of the INVITE, what says who talks to whom in this dialog, and what our endpoint can: no two calls have it alike, or all do.
const OF_THE_DIALOG: &[&str] = &[
    "via",
    "max-forwards",
    "to",
    "call-id",
    "cseq",
    "contact",
    "allow",
    "supported",
    "session-expires",
    "min-se",
    "user-agent",
    "content-type",
    "content-length",
];

/// What is minted anew for each hop.
const REFERENCE: &[&str] = &["x-askonce-context", "call-info", "replaces"];

/// Of a stored context, what differs without the call being another one.
const OF_THE_CALL: &[&str] =
    &["at", "since", "until", "start", "end", "call", "case", "digest", "ref", "reference", "line"];

type Add<'a> = &'a mut dyn FnMut(String, Vec<Secret>);

/// Each value of the stored context, but for the journey: the path has that.
pub fn context(destination: &str, context: &Value, add: Add<'_>) {
    let Value::Object(parts) = context else { return };
    for (name, part) in parts.iter().filter(|(name, _)| *name != "journey") {
        leaves(&format!("the context for {destination} has {name}"), name, part, add);
    }
}

fn leaves(path: &str, name: &str, value: &Value, add: Add<'_>) {
    match value {
        _ if OF_THE_CALL.contains(&name) => {}
        Value::Object(parts) => {
            for (name, part) in parts {
                leaves(&format!("{path}.{name}"), name, part, add);
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| leaves(path, "", part, add)),
        Value::Null => {}
        Value::String(text) => add(path.to_owned(), vec![Secret::new(text.as_str())]),
        other => add(path.to_owned(), vec![Secret::new(other.to_string())]),
    }
}

/// The header fields of the INVITE to the person, and the JSON beside its session description.
pub fn invite(invite: &str, add: Add<'_>) {
    let (head, body) = invite.split_once("\r\n\r\n").unwrap_or((invite, ""));
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        header(name.trim(), value.trim(), add);
    }
    for part in body.split("\r\n\r\n").filter_map(|part| part.split("\r\n--").next()) {
        if let Ok(json @ Value::Object(_)) = serde_json::from_str::<Value>(part.trim()) {
            leaves("the INVITE's body has", "", &json, add);
        }
    }
}

fn header(name: &str, value: &str, add: Add<'_>) {
    let lower = name.to_ascii_lowercase();
    if OF_THE_DIALOG.contains(&lower.as_str()) {
        return;
    }
    if REFERENCE.contains(&lower.as_str()) {
        return add(format!("the INVITE has {name}"), Vec::new());
    }
    if lower == "user-to-user" {
        return user_to_user("the INVITE", value, add);
    }
    // Of an address, without its tag.
    let value = value.split(";tag=").next().unwrap_or(value);
    add(format!("the INVITE has {name}"), vec![Secret::new(without_port(value))]);
}

fn user_to_user(of: &str, value: &str, add: Add<'_>) {
    match uui::read(value, None) {
        Ok(read) => {
            for (name, value) in read.pairs {
                let values = if name == "ref" { Vec::new() } else { vec![value] };
                add(format!("{of} has {name} in User-to-User"), values);
            }
        }
        Err(_) => add(format!("{of} has User-to-User"), vec![Secret::new(value)]),
    }
}

/// The header fields that ride in a Refer-To.
pub fn refer_to(refer_to: &Secret, add: Add<'_>) {
    let text = refer_to.open();
    let Some((_, fields)) = text.trim_end_matches('>').split_once('?') else { return };
    for field in fields.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let value = crate::sip::uri::decode(value);
        match name.to_ascii_lowercase().as_str() {
            "user-to-user" => user_to_user("the Refer-To", &value, add),
            name if REFERENCE.contains(&name) => add(format!("the Refer-To has {name}"), Vec::new()),
            _ => add(format!("the Refer-To has {name}"), vec![Secret::new(value)]),
        }
    }
}

/// Our port differs from one server to the next.
fn without_port(value: &str) -> String {
    match value.rsplit_once(':') {
        Some((host, rest)) if host.contains('@') => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{host}{rest}")
        }
        _ => value.to_owned(),
    }
}
