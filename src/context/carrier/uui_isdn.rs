//! Carrier `uui-isdn`: `User-to-User: 04<hex>;encoding=hex` (RFC 7433 section 4, RFC 7434 section 9).
//! Without `purpose` the ISDN package applies: one protocol-discriminator octet, then at most 128 octets.
//! The octets are ASCII `name=value` pairs joined by `;` and percent-encoded, the reference first.

use super::{Parcel, Written};
use crate::secret::Secret;
use std::fmt::Write;

/// RFC 7434 section 9: user information of the ISDN package, without the discriminator.
const OCTETS: usize = 128;
/// IA5 characters (Q.931 table 4-26).
const DISCRIMINATOR: u8 = 0x04;
/// Pairs read from one header, so that a peer cannot make us hold more.
const PAIRS: usize = 32;

/// Writes exactly one header: Genesys discards all User-to-User if there are two.
pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    let mut payload = format!("ref={}", escape(parcel.reference.open()));
    for (name, value) in &parcel.uui {
        let pair = format!(";{}={}", escape(name), escape(value.open()));
        if payload.len() + pair.len() <= OCTETS {
            payload.push_str(&pair);
        } else {
            written.omitted.push((*name).to_owned());
        }
    }
    let mut value = hex(&[DISCRIMINATOR]);
    value.push_str(&hex(payload.as_bytes()));
    value.push_str(";encoding=hex");
    written.headers.push(("User-to-User".to_owned(), value));
}

/// Why a User-to-User header gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// An `encoding` other than hex.
    Encoding,
    /// Not hex digits in pairs, or not text behind them.
    Payload,
    /// No `name=value` in it.
    Bare,
}

/// Reads a header value of any of the UUI forms: with the discriminator octet, without it, or in `pd`.
pub fn read(value: &str) -> Result<Vec<(String, Secret)>, Unreadable> {
    let mut parts = value.split(';').map(str::trim);
    let digits = parts.next().unwrap_or("").trim_matches('"');
    for parameter in parts {
        let (name, setting) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim().eq_ignore_ascii_case("encoding") && !setting.trim().eq_ignore_ascii_case("hex") {
            return Err(Unreadable::Encoding);
        }
    }
    let octets = unhex(digits).ok_or(Unreadable::Payload)?;
    let octets = octets.strip_prefix(&[DISCRIMINATOR]).unwrap_or(&octets);
    let text = std::str::from_utf8(octets).map_err(|_| Unreadable::Payload)?;
    if !text.contains('=') {
        return Err(Unreadable::Bare);
    }
    let pairs = text.split(';').take(PAIRS).filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| Some((unescape(name)?, Secret::new(unescape(value)?))))
        .collect::<Option<Vec<_>>>()
        .ok_or(Unreadable::Payload)
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
    String::from_utf8(octets).ok().filter(|text| !text.chars().any(char::is_control))
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
mod tests {
    use super::*;

    fn written(reference: &str, facts: &[(&str, &str)]) -> Written {
        let reference = Secret::new(reference);
        let values: Vec<Secret> = facts.iter().map(|(_, value)| Secret::new(*value)).collect();
        let uui = facts.iter().zip(&values).map(|((name, _), value)| (*name, value)).collect();
        let mut written = Written::default();
        write(&Parcel { reference: &reference, uui, headers: Vec::new() }, &mut written);
        written
    }

    #[test]
    fn what_is_written_is_read_back() {
        let reference = "9f".repeat(16);
        let written = written(&reference, &[("account", "79927398713"), ("note", "a;b=c é")]);
        let (name, value) = &written.headers[0];
        assert_eq!(name, "User-to-User");
        assert!(value.starts_with("047265663d39663966") && value.ends_with(";encoding=hex"), "{value}");
        let read = read(value).expect("our own form");
        let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (n.as_str(), v.open())).collect();
        assert_eq!(read, [("ref", reference.as_str()), ("account", "79927398713"), ("note", "a;b=c é")]);
    }

    #[test]
    fn a_fact_that_does_not_fit_is_left_out_and_named() {
        let long = "9".repeat(100);
        let written = written(&"0".repeat(32), &[("long", &long), ("account", "12345678")]);
        assert_eq!(written.omitted, ["long"]);
        let octets = written.headers[0].1.split(';').next().map_or(0, str::len) / 2;
        assert!(octets <= 1 + OCTETS);
        assert!(read(&written.headers[0].1).expect("readable").iter().any(|(n, _)| n == "account"));
    }

    #[test]
    fn peers_forms_and_their_mistakes() {
        let account = hex(b"account=12345674");
        for form in [
            format!("{account};encoding=hex"),
            format!("04{account};encoding=hex"),
            format!("{account};pd=04;ENCODING=HEX"),
            format!("{account};purpose=isdn-uui"),
            account.to_uppercase(),
        ] {
            let read = read(&form).expect(&form);
            assert_eq!((read[0].0.as_str(), read[0].1.open()), ("account", "12345674"), "{form}");
        }
        for (form, why) in [
            ("abc;encoding=hex", Unreadable::Payload),
            ("zz;encoding=hex", Unreadable::Payload),
            ("", Unreadable::Payload),
            ("0431323334", Unreadable::Bare),
            ("56a390f3d2b7310023a2;encoding=base64", Unreadable::Encoding),
            (&hex(b"account=%0d%0a"), Unreadable::Payload),
        ] {
            assert_eq!(read(form), Err(why), "{form}");
        }
    }
}
