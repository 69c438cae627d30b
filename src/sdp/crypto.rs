//! `a=crypto` (RFC 4568): the key of one direction, within the description. Our own stand in there by their names until
//! the message goes out.

use super::Master;
use crate::keying::{KeyName, Suite};
use serde::{Deserialize, Serialize};

/// Greatest tag: nine digits (RFC 4568 section 9.1).
const TAG_DIGITS: usize = 9;
/// RFC 4568 section 6.1: a lifetime is no longer than SRTP allows.
const MAX_LIFETIME: u64 = 1 << 48;
const MAX_EXPONENT: u32 = 48;
const ATTRIBUTE: &str = "a=crypto:";
const METHOD: &str = "inline:";

/// A line that we can use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crypto {
    pub tag: u32,
    /// What its author protects with.
    pub key: Master,
}

/// A line of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub tag: u32,
    pub suite: Suite,
    pub name: KeyName,
}

/// One line of a stream; `None` if it is no `a=crypto`, or none that we can use: an unknown suite, a key that is not
/// of the suite's length, a master key identifier, several keys, or a session parameter that changes what goes over the
/// wire (section 6.3; one that nobody knows makes the line invalid unless it begins with a dash).
pub fn read(line: &str) -> Option<Crypto> {
    let mut words = line.strip_prefix(ATTRIBUTE)?.split_ascii_whitespace();
    let tag = words.next().filter(|tag| is_number(tag) && tag.len() <= TAG_DIGITS)?;
    let suite = Suite::of(words.next()?)?;
    let mut key = words.next()?.strip_prefix(METHOD)?.split('|');
    let master = Master::read(suite, key.next()?)?;
    if !key.next().is_none_or(is_lifetime) || key.next().is_some() {
        return None;
    }
    // The window's size is a hint to us (section 6.3.6).
    let harmless = |param: &str| param.starts_with('-') || param.strip_prefix("WSH=").is_some_and(is_number);
    words.all(harmless).then_some(Crypto { tag: tag.parse().ok()?, key: master })
}

/// `2^20`, or `1048576`.
fn is_lifetime(text: &str) -> bool {
    match text.strip_prefix("2^") {
        Some(exponent) => is_number(exponent) && exponent.parse().is_ok_and(|n: u32| n <= MAX_EXPONENT),
        None => is_number(text) && text.parse().is_ok_and(|n: u64| (1..=MAX_LIFETIME).contains(&n)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Line {
    /// With the key's name for the key.
    pub fn describe(&self) -> String {
        let Line { tag, suite, name } = self;
        format!("{ATTRIBUTE}{tag} {} {METHOD}{}\r\n", suite.name(), name.placeholder())
    }
}

/// Our description with its keys in their places, and as long as before.
pub fn fill(described: &str, key: impl Fn(KeyName, Suite) -> Master) -> String {
    let mut filled = String::with_capacity(described.len());
    for line in described.split_inclusive("\r\n") {
        match placeholder(line) {
            Some((before, name, suite)) => {
                filled.push_str(before);
                filled.push_str(&key(name, suite).open());
                filled.push_str("\r\n");
            }
            None => filled.push_str(line),
        }
    }
    filled
}

/// What stands before the key's name, and which key it is.
fn placeholder(line: &str) -> Option<(&str, KeyName, Suite)> {
    let text = line.strip_suffix("\r\n").filter(|text| text.starts_with(ATTRIBUTE))?;
    let at = text.find(METHOD)? + METHOD.len();
    let suite = Suite::of(text.split(' ').nth(1)?)?;
    Some((&text[..at], KeyName::read(&text[at..])?, suite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keying::Keyring;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn a_line_is_read_strictly() {
        let cm = format!("AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        let gcm = "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0OD1F1aWQgcHJvIHF1bw==";
        let used = [
            (format!("a=crypto:1 {cm}"), 1),
            (format!("a=crypto:999999999 {}", cm.replace("_80", "_32")), 999_999_999),
            (format!("a=crypto:3 {gcm}"), 3),
            (format!("a=crypto:1 {cm}|2^20"), 1),
            (format!("a=crypto:1 {cm}|1048576 WSH=64 -later=x"), 1),
            (format!("a=crypto:1 {}", cm.replacen("AES_CM", "aes_cm", 1)), 1),
        ];
        for (line, tag) in used {
            assert_eq!(read(&line).map(|crypto| crypto.tag), Some(tag), "{line}");
        }
        let refused = [
            "a=crypto:".to_owned(),
            "a=crypto:1".to_owned(),
            format!("a=crypto: {cm}"),
            format!("a=crypto:x {cm}"),
            format!("a=crypto:+1 {cm}"),
            format!("a=crypto:1234567890 {cm}"),
            format!("a=crypto:1 {}", cm.replace("128", "256")),
            format!("a=crypto:1 {}", cm.replace("inline", "prompt")),
            format!("a=crypto:1 {}", cm.replace("VubGVz", "VubGV=")),
            format!("a=crypto:1 {}", gcm.trim_end_matches('=')),
            format!("a=crypto:1 {cm}|"),
            format!("a=crypto:1 {cm}|2^49"),
            format!("a=crypto:1 {cm}|0"),
            format!("a=crypto:1 {cm}|1:4"),
            format!("a=crypto:1 {cm}|2^20|1:4"),
            format!("a=crypto:1 {cm};inline:{KEY}"),
            format!("a=crypto:1 {cm} UNENCRYPTED_SRTP"),
            format!("a=crypto:1 {cm} UNENCRYPTED_SRTCP"),
            format!("a=crypto:1 {cm} UNAUTHENTICATED_SRTP"),
            format!("a=crypto:1 {cm} KDR=1"),
            format!("a=crypto:1 {cm} FEC_ORDER=FEC_SRTP"),
            format!("a=crypto:1 {cm} WSH="),
            format!("a=crypto:1 {cm} later"),
        ];
        for line in refused {
            assert_eq!(read(&line), None, "{line}");
        }
    }

    #[test]
    fn a_key_takes_the_place_of_its_name_and_nothing_else_is_touched() {
        let ring = Keyring::new([1; 32]);
        let name = KeyName { session: 1, generation: 2 };
        let key = |name, suite| ring.master((9, 0), name, suite);
        for suite in Suite::ALL {
            let line = Line { tag: 4, suite, name }.describe();
            let other = format!("m=image 0 udptl {}\r\n{}", name.placeholder(), line.replace("a=crypto", "a=other"));
            let filled = fill(&format!("{other}{line}a=sendrecv\r\n"), key);
            let own = format!("a=crypto:4 {} inline:{}\r\n", suite.name(), key(name, suite).open());
            assert_eq!(filled, format!("{other}{own}a=sendrecv\r\n"));
            assert_eq!((filled.len() - other.len(), line.len()), (own.len() + 12, own.len()));
            assert_eq!(read(own.trim_end()), Some(Crypto { tag: 4, key: key(name, suite) }));
            assert_eq!(read(line.trim_end()), None, "a name is no key");
            assert_eq!(fill(&filled, key), filled);
        }
    }
}
