//! The payload of User-to-User: written for all carriers of that header, and read in every form that peers send.
//!
//! The octets are ASCII `name=value` pairs joined by `;` and percent-encoded, the reference first; or the one value that
//! a destination wants bare. RFC 7433 section 4 has the header, RFC 7434 section 9 the discriminator and the size.

use super::{Parcel, Uui, Written};
use crate::secret::Secret;
use std::fmt::Write;

/// RFC 7434 section 9: user information of the ISDN package, without the discriminator.
pub const OCTETS: usize = 128;
/// IA5 characters (Q.931 table 4-26).
pub(super) const DISCRIMINATOR: u8 = 0x04;
/// What else is no text: a user-specific protocol, as Avaya writes.
const USER_SPECIFIC: u8 = 0x00;
/// Pairs read from one header, so that a peer cannot make us hold more.
const PAIRS: usize = 32;

/// Writes exactly one header, or none: Genesys discards all User-to-User if there are two. `form` puts the header's value
/// around the hex of the payload.
pub(super) fn put(parcel: &Parcel<'_>, written: &mut Written, form: impl FnOnce(&str) -> String) {
    let payload = match &parcel.uui {
        Uui::Pairs(facts) => pairs(parcel.reference, facts, &mut written.omitted),
        Uui::Bare(_, None) => return,
        Uui::Bare(_, Some(value)) if value.open().len() <= OCTETS && is_plain(value) => value.open().to_owned(),
        Uui::Bare(name, Some(_)) => return written.omitted.push((*name).to_owned()),
    };
    written.headers.push(("User-to-User".to_owned(), form(&hex(payload.as_bytes()))));
}

fn pairs(reference: &Secret, facts: &[(&str, &Secret)], omitted: &mut Vec<String>) -> String {
    let mut payload = format!("ref={}", escape(reference.open()));
    for (name, value) in facts {
        let pair = pair_of(name, value);
        if payload.len() + pair.len() <= OCTETS && is_plain(value) {
            payload.push_str(&pair);
        } else {
            omitted.push((*name).to_owned());
        }
    }
    payload
}

fn pair_of(name: &str, value: &Secret) -> String {
    format!(";{}={}", escape(name), escape(value.open()))
}

/// The header of a caller's side that sends these pairs: in the form of the ISDN, with no reference but one of theirs.
pub fn of_caller(pairs: &[(String, Secret)]) -> String {
    let pairs: String = pairs.iter().map(|(name, value)| pair_of(name, value)).collect();
    let payload = pairs.strip_prefix(';').unwrap_or("");
    format!("{DISCRIMINATOR:02x}{};encoding=hex", hex(payload.as_bytes()))
}

/// The octets that a fact takes among others.
pub fn pair(name: &str, value: &Secret) -> usize {
    pair_of(name, value).len()
}

/// The octets of a value as it is.
pub fn octets(value: &Secret) -> usize {
    value.open().len()
}

fn is_plain(value: &Secret) -> bool {
    !value.open().is_empty() && !value.open().chars().any(char::is_control)
}

/// The header's value that `read` makes these pairs of, as the ISDN package has it.
pub fn write(pairs: &[(String, Secret)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value.open())));
    let payload = pairs.collect::<Vec<_>>().join(";");
    format!("{DISCRIMINATOR:02x}{};encoding=hex", hex(payload.as_bytes()))
}

/// Why a User-to-User header gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// An `encoding` that we do not know.
    Encoding,
    /// Not what its encoding says, or not text behind it.
    Payload,
    /// No `name=value` in it, and nobody said which fact a bare value is.
    Bare,
}

/// The form in which a payload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Isdn,
    Raw,
    Pd,
    /// As text, without hex.
    Text,
}

/// What was read of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub form: Form,
    pub pairs: Vec<(String, Secret)>,
}

/// Reads a header value of any of the forms: with the discriminator octet, without it, or with it in `pd`; in hex, in
/// quotes or not, or as text (`encoding=ascii` or `text`, or in quotes and not hex). Text without `=` is the value of the
/// fact `bare`.
pub fn read(value: &str, bare: Option<&str>) -> Result<Read, Unreadable> {
    let (content, quoted, parameters) = split(value).ok_or(Unreadable::Payload)?;
    let (mut hexed, mut pd) = (true, false);
    for parameter in parameters.split(';') {
        let (name, setting) = parameter.split_once('=').unwrap_or((parameter, ""));
        let setting = setting.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "encoding" if ["ascii", "text"].iter().any(|text| setting.eq_ignore_ascii_case(text)) => hexed = false,
            "encoding" if !setting.eq_ignore_ascii_case("hex") => return Err(Unreadable::Encoding),
            "pd" => pd = true,
            _ => {}
        }
    }
    let (octets, form) = match unhex(&content).filter(|_| hexed) {
        Some(octets) => match octets.as_slice() {
            _ if pd => (octets, Form::Pd),
            [DISCRIMINATOR | USER_SPECIFIC, rest @ ..] => (rest.to_vec(), Form::Isdn),
            _ => (octets, Form::Raw),
        },
        None if quoted || !hexed => (content.into_bytes(), Form::Text),
        None => return Err(Unreadable::Payload),
    };
    let text = String::from_utf8(octets).map_err(|_| Unreadable::Payload)?;
    let pairs = match bare {
        _ if text.contains('=') => {
            let pairs = text.split(';').take(PAIRS).filter_map(|pair| pair.split_once('='));
            pairs.map(|(name, value)| Some((unescape(name)?, unescape(value)?))).collect::<Option<Vec<_>>>()
        }
        Some(fact) => Some(vec![(fact.to_owned(), text)]),
        None => return Err(Unreadable::Bare),
    };
    let pairs = pairs.filter(|pairs| !pairs.iter().any(|(_, value)| value.chars().any(char::is_control)));
    let secret = |(name, value): (String, String)| (name, Secret::new(value));
    let pairs = pairs.ok_or(Unreadable::Payload)?.into_iter().map(secret).collect();
    Ok(Read { form, pairs })
}

/// The content without its quotes, whether it had some, and the parameters.
fn split(value: &str) -> Option<(String, bool, &str)> {
    let value = value.trim();
    let Some(quoted) = value.strip_prefix('"') else {
        let (content, parameters) = value.split_at(value.find(';').unwrap_or(value.len()));
        return Some((content.trim_end().to_owned(), false, parameters));
    };
    let (mut content, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return Some((content, true, &quoted[at + 1..])),
            '\\' if !escaped => escaped = true,
            c => {
                content.push(c);
                escaped = false;
            }
        }
    }
    None
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+*#".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            octets.push(nibble(rest.next()?)? << 4 | nibble(rest.next()?)?);
        } else {
            octets.push(byte);
        }
    }
    String::from_utf8(octets).ok()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || digits.is_empty() {
        return None;
    }
    digits.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
