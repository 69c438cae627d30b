//! Takes the caller out of a message before anyone keeps it. Works on any bytes, sound SIP or not. What is masked
//! becomes as many `*`, so that Content-Length and the layout stay true; what is not known to be harmless is masked.

use super::glance::is_response;
use super::params;
use super::uri::{host_port, ip};

/// Header fields that say how a call is carried, not who calls and why: they are shown. Compact names are beside theirs.
const SHOWN: &[&str] = &[
    "Via",
    "v",
    "Call-ID",
    "i",
    "CSeq",
    "Max-Forwards",
    "Content-Type",
    "c",
    "Content-Length",
    "l",
    "Allow",
    "Supported",
    "k",
    "Require",
    "Proxy-Require",
    "Unsupported",
    "User-Agent",
    "Server",
    "Expires",
    "Min-Expires",
    "Session-Expires",
    "x",
    "Min-SE",
    "Retry-After",
    "Warning",
    "Reason",
    "Date",
    "Timestamp",
    "Accept",
    "Event",
    "o",
    "Allow-Events",
    "u",
    "Subscription-State",
    "RSeq",
    "RAck",
    "Privacy",
    "Content-Disposition",
    "Content-Encoding",
    "e",
];

/// Parameters of addresses, and of the header fields that hold them, that say how a call is carried as well.
const PARAMETERS: &[&str] = &[
    "transport",
    "lr",
    "ob",
    "maddr",
    "tag",
    "branch",
    "received",
    "rport",
    "expires",
    "q",
    "user",
    "party",
    "screen",
    "privacy",
    "reason",
    "cause",
    "counter",
    "index",
    "mp",
    "rc",
    "np",
];

/// Addresses of others than the caller: their user is shown as well.
const TARGETS: &[&str] = &["Route", "Record-Route", "Refer-To", "r"];

/// Addresses that are the caller's, or tell of one.
const PARTIES: &[&str] = &[
    "Contact",
    "m",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "Referred-By",
    "b",
    "Reply-To",
];

/// What is shown of a number at its end, if it is long enough to hide the rest.
const TAIL: usize = 2;
const LONG_ENOUGH: usize = 6;

/// What becomes of a header field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Shown,
    /// An address of which display name and user are shown.
    Target,
    /// An address of the caller.
    Party,
    Masked,
}

/// The message as text, masked. `forward`: it goes the way of the dialog's first INVITE, or answers what does; then
/// the caller is in From, and otherwise in To and the Request-URI.
pub fn mask(bytes: &[u8], forward: bool) -> String {
    let text = legible(bytes);
    let mut out = String::with_capacity(text.len());
    // RFC 3261 section 7.5: empty lines ahead of the start line are skipped.
    let message = text.trim_start_matches(['\r', '\n']);
    out.push_str(&text[..text.len() - message.len()]);
    let mut lines = message.split_inclusive('\n');
    if let Some(line) = lines.next() {
        start_line(line, forward, &mut out);
    }
    let mut rule = Rule::Masked;
    let mut described = false;
    for line in lines.by_ref() {
        if line.trim_end_matches(['\r', '\n']).is_empty() {
            out.push_str(line);
            break;
        }
        if line.starts_with([' ', '\t']) {
            // A folded line goes with its field; of an address nothing is shown then.
            if rule == Rule::Shown {
                out.push_str(line)
            } else {
                stars(line, &mut out)
            }
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            rule = Rule::Masked;
            stars(line, &mut out);
            continue;
        };
        rule = rule_of(name.trim_end(), forward);
        if is(name.trim_end(), &["Content-Type", "c"]) {
            described = value.trim().to_ascii_lowercase().starts_with("application/sdp");
        }
        out.push_str(name);
        out.push(':');
        field(value, rule, &mut out);
    }
    for line in lines {
        if described { description_line(line, &mut out) } else { stars(line, &mut out) }
    }
    out
}

fn rule_of(name: &str, forward: bool) -> Rule {
    let caller: &[&str] = if forward { &["From", "f"] } else { &["To", "t"] };
    if is(name, PARTIES) || is(name, caller) {
        Rule::Party
    } else if is(name, TARGETS) || is(name, &["From", "f", "To", "t"]) {
        Rule::Target
    } else if is(name, SHOWN) {
        Rule::Shown
    } else {
        Rule::Masked
    }
}

fn is(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn field(value: &str, rule: Rule, out: &mut String) {
    let content = value.trim_end_matches(['\r', '\n']);
    let inner = content.trim_start();
    out.push_str(&content[..content.len() - inner.len()]);
    match rule {
        Rule::Shown => out.push_str(inner),
        Rule::Masked => stars(inner, out),
        Rule::Target => addresses(inner, false, out),
        Rule::Party => addresses(inner, true, out),
    }
    out.push_str(&value[content.len()..]);
}

fn start_line(line: &str, forward: bool, out: &mut String) {
    if is_response(line.as_bytes()) {
        return out.push_str(line);
    }
    match line.split_once(' ').and_then(|(method, rest)| Some((method, rest.rsplit_once(' ')?))) {
        Some((method, (target, version))) if version.starts_with("SIP/") => {
            out.push_str(method);
            out.push(' ');
            uri(target, !forward, out);
            out.push(' ');
            out.push_str(version);
        }
        _ => stars(line, out),
    }
}

/// A list of addresses; `hide`: display names and users.
fn addresses(value: &str, hide: bool, out: &mut String) {
    let mut rest = value;
    while let Some(at) = params::end_of_part(rest.as_bytes(), b',') {
        address(&rest[..at], hide, out);
        out.push(',');
        rest = &rest[at + 1..];
    }
    address(rest, hide, out);
}

fn address(text: &str, hide: bool, out: &mut String) {
    let quoted = if text.trim_start().starts_with('"') {
        let blank = text.len() - text.trim_start().len();
        params::closing_quote(text.trim_start()).map_or(text.len(), |at| blank + at)
    } else {
        0
    };
    let bracket = text[quoted..].find('<').map(|at| quoted + at);
    match bracket.and_then(|at| Some((at, at + text[at..].find('>')?))) {
        Some((open, close)) => {
            for c in text[..open].chars() {
                if hide && !c.is_whitespace() && c != '"' { star(c, out) } else { out.push(c) }
            }
            out.push('<');
            uri(&text[open + 1..close], hide, out);
            out.push('>');
            parameters(&text[close + 1..], out);
        }
        None if bracket.is_none() && quoted == 0 => uri(text, hide, out),
        None => stars(text, out),
    }
}

/// A URI, with the parameters that follow it where it has no brackets. Its headers are masked, and all of it where we
/// do not know what its scheme means.
fn uri(text: &str, hide: bool, out: &mut String) {
    let inner = text.trim_start();
    out.push_str(&text[..text.len() - inner.len()]);
    let Some(end) = inner.find(':').map(|at| at + 1).filter(|end| is(&inner[..*end], &["sip:", "sips:", "tel:"]))
    else {
        return stars(inner, out);
    };
    let (scheme, rest) = inner.split_at(end);
    out.push_str(scheme);
    // One `@` too many: better a host masked than a part of a number shown.
    let at = if hide { rest.rfind('@') } else { rest.find('@') };
    let rest = at.map_or(rest, |at| {
        user(&rest[..at], hide, out);
        out.push('@');
        &rest[at + 1..]
    });
    let (rest, headers) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (host, behind) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    if is_host(host) && !is(scheme, &["tel:"]) {
        out.push_str(host)
    } else {
        user(host, hide, out)
    }
    parameters(behind, out);
    if let Some(headers) = headers.strip_prefix('?') {
        out.push('?');
        stars(headers, out);
    }
}

/// An address, or a name. A number that stands where a host should be is neither: the last label of a name begins with
/// a letter (RFC 3261 section 25.1).
fn is_host(text: &str) -> bool {
    let named = |label: &str| label.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_name = |host: &str| host.trim_end_matches('.').rsplit('.').next().is_some_and(named);
    host_port(text).is_ok_and(|(host, _)| ip(host).is_some() || is_name(host))
}

fn user(user: &str, hide: bool, out: &mut String) {
    if hide { number(user, out) } else { called(user, out) }
}

/// The user part of the caller's URI: of its number the last digits are shown, of what carriers put behind it nothing.
fn number(user: &str, out: &mut String) {
    let (number, more) = user.split_at(user.find([';', ':']).unwrap_or(user.len()));
    let length = number.chars().count();
    let shown = if length < LONG_ENOUGH { 0 } else { TAIL };
    for (at, c) in number.chars().enumerate() {
        if at + shown < length { star(c, out) } else { out.push(c) }
    }
    stars(more, out);
}

/// The user part of any other URI: a name or number, and nothing of what could be put behind it.
fn called(user: &str, out: &mut String) {
    let end = user.find(|c: char| !c.is_ascii_alphanumeric() && !"+-._*#".contains(c)).unwrap_or(user.len());
    out.push_str(&user[..end]);
    stars(&user[end..], out);
}

/// `;name=value;flag`: those with a known name are shown, if they are what they seem to be.
fn parameters(text: &str, out: &mut String) {
    let mut rest = Some(text);
    while let Some(text) = rest {
        let end = params::end_of_part(text.as_bytes(), b';');
        let part = &text[..end.unwrap_or(text.len())];
        let name = part.split('=').next().unwrap_or(part).trim();
        // A quote that nobody closed takes in what follows.
        let is_one = !part.contains([';', ',', '<', '>', '@', '?']);
        if part.trim().is_empty() || is_one && is(name, PARAMETERS) {
            out.push_str(part)
        } else {
            stars(part, out)
        }
        rest = end.map(|end| {
            out.push(';');
            &text[end + 1..]
        });
    }
}

/// A line of a session description: names, notes and keys are masked.
fn description_line(line: &str, out: &mut String) {
    const KEYS: [&str; 4] = ["a=crypto:", "a=key-mgmt:", "a=ice-pwd:", "a=identity:"];
    let secret = KEYS.iter().find(|key| line.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key)));
    match (line.get(..2), secret) {
        (_, Some(key)) => {
            out.push_str(&line[..key.len()]);
            stars(&line[key.len()..], out);
        }
        (Some("v=" | "c=" | "b=" | "t=" | "r=" | "z=" | "m=" | "a="), None) => out.push_str(line),
        // The first word is a user's name.
        (Some("o="), None) => {
            let (name, rest) = line[2..].split_at(line[2..].find(' ').unwrap_or(line.len() - 2));
            out.push_str("o=");
            if name == "-" {
                out.push_str(name)
            } else {
                stars(name, out)
            }
            out.push_str(rest);
        }
        (Some(kind), None) if kind.ends_with('=') => {
            out.push_str(kind);
            stars(&line[2..], out);
        }
        _ => stars(line, out),
    }
}

fn stars(text: &str, out: &mut String) {
    text.chars().for_each(|c| if matches!(c, '\r' | '\n') { out.push(c) } else { star(c, out) });
}

/// As many as the character has bytes.
fn star(c: char, out: &mut String) {
    (0..c.len_utf8()).for_each(|_| out.push('*'));
}

/// As text of the same length: what is no UTF-8, and what a terminal could obey, becomes `?`.
fn legible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() && !matches!(c, '\r' | '\n' | '\t') {
                (0..c.len_utf8()).for_each(|_| text.push('?'));
            } else {
                text.push(c);
            }
        }
        chunk.invalid().iter().for_each(|_| text.push('?'));
    }
    text
}

#[cfg(test)]
mod tests;
