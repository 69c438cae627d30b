//! What a number looks like in each way of writing it that is a row of octets.

use super::{Form, LEAST};
use crate::audio::spoken;
use crate::secret::Secret;
use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};

/// Octets by which a pattern is looked up: none is shorter.
pub const FIRST: usize = 6;
/// From so many digits on a number is one wherever it stands; a shorter one only where no digit or letter is beside it.
const LONG: usize = 8;
/// Digits of the shortest number that our own formats are searched for.
const SHORTEST: usize = 4;
/// In BCD, of which half as many octets are looked for.
const PACKED: usize = 2 * FIRST;

pub struct Pattern {
    pub number: usize,
    pub form: Form,
    pub octets: Vec<u8>,
    /// Nothing that could be a part of a number is beside it.
    pub apart: bool,
}

impl Pattern {
    fn new(form: Form, octets: impl Into<Vec<u8>>) -> Pattern {
        Pattern { number: 0, form, octets: octets.into(), apart: false }
    }

    pub fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        bytes[at..].starts_with(&self.octets) && (!self.apart || is_alone(bytes, at, at + self.octets.len()))
    }
}

/// Its digits; those of a day also in the orders in which it is keyed in, before its own.
pub fn digits(value: &Secret) -> Vec<Vec<u8>> {
    let digits: Vec<u8> = value.open().bytes().filter(u8::is_ascii_digit).collect();
    if spoken::date(value.open()).is_none() {
        return vec![digits];
    }
    let (year, month, day) = (&digits[..4], &digits[4..6], &digits[6..]);
    vec![[month, day, year].concat(), [day, month, year].concat(), digits]
}

/// All of them; none of a value that is too short, or that is text.
pub fn of(value: &Secret) -> Vec<Pattern> {
    let (mut orders, day) = (digits(value), spoken::date(value.open()).is_some());
    let digits = orders.pop().unwrap_or_else(Vec::new);
    // Digits among letters are a part of a text, of which the rest tells nothing.
    if digits.len() < SHORTEST || value.open().chars().any(char::is_alphabetic) {
        return Vec::new();
    }
    if digits.len() < LEAST {
        return short(&digits);
    }
    let mut patterns = rows(&digits);
    patterns[0].apart = digits.len() < LONG;
    patterns.extend(orders.iter().flat_map(|digits| rows(digits)));
    if day {
        patterns.push(Pattern { apart: true, ..Pattern::new(Form::Plain, value.open()) });
        // Written like that it is everywhere.
        patterns.extend(rows(value.open().as_bytes()).into_iter().skip(1));
    }
    patterns
}

/// `"1234"`, also within a text within JSON, and `=1234` with what ends a value.
fn short(digits: &[u8]) -> Vec<Pattern> {
    let plain = |begin: &[u8], end: &[u8]| Pattern::new(Form::Plain, [begin, digits, end].concat());
    let hex = |begin: &[u8]| [begin, digits].concat();
    vec![
        plain(b"\"", b"\""),
        plain(b"\"", b"\\\""),
        plain(b"=", b";"),
        plain(b"=", b"&"),
        plain(b"=", b"\""),
        plain(b"=", b" "),
        plain(b"=", b"\r"),
        plain(b"=", b"\\r"),
        Pattern::new(Form::Hex, HEXLOWER.encode(&hex(b"="))),
        Pattern::new(Form::Hex, HEXUPPER.encode(&hex(b"="))),
    ]
}

/// In clear first.
fn rows(text: &[u8]) -> Vec<Pattern> {
    let each = |form: &dyn Fn(u8) -> String| text.iter().map(|byte| form(*byte)).collect::<String>().into_bytes();
    let mut patterns = vec![
        Pattern::new(Form::Plain, text),
        Pattern::new(Form::Hex, HEXLOWER.encode(text)),
        Pattern::new(Form::Escaped, each(&|byte| format!("%{byte:02x}"))),
        Pattern::new(Form::Escaped, each(&|byte| format!("={byte:02X}"))),
        Pattern::new(Form::Escaped, each(&|byte| format!("&#{byte};"))),
        Pattern::new(Form::Escaped, each(&|byte| format!("&#x{byte:x};"))),
        Pattern::new(Form::Escaped, each(&|byte| format!("\\u{byte:04x}"))),
        // UTF-16 of both orders has these in it.
        Pattern::new(Form::Utf16, &each(&|byte| format!("{}\0", char::from(byte)))[..2 * text.len() - 1]),
    ];
    patterns.extend((0..3).map(|before| Pattern::new(Form::Base64, base64(text, before))));
    let values: Vec<u8> = text.iter().map(|byte| byte.wrapping_sub(b'0')).collect();
    if values.iter().all(|value| *value < 10) && values.len() > PACKED {
        for from in 0..2 {
            let packed = |high: usize| -> Vec<u8> {
                values[from..].chunks_exact(2).map(|two| two[high] << 4 | two[1 - high]).collect()
            };
            patterns.extend([packed(0), packed(1)].map(|octets| Pattern::new(Form::Bcd, octets)));
        }
    }
    patterns
}

/// What stands in base64 wherever so many octets (modulo 3) are before it.
fn base64(text: &[u8], before: usize) -> Vec<u8> {
    let mut octets = vec![0; before];
    octets.extend(text);
    let whole = octets.len() * 8 / 6;
    BASE64_NOPAD.encode(&octets).into_bytes()[(before * 8).div_ceil(6)..whole].to_vec()
}

/// Whether no digit or letter is beside it. JSON's numbers are ours: what is a caller's is in quotes.
fn is_alone(bytes: &[u8], from: usize, to: usize) -> bool {
    let before = &bytes[..from];
    let beside = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    // A day is the beginning of the name of a file, and of a time stamp.
    let goes_on = beside(bytes.get(to)) || bytes.get(to) == Some(&b'/');
    let of_json = before.ends_with(b"\":") && !before.ends_with(b"\\\":");
    !beside(before.last()) && !goes_on && !of_json
}

/// Whether a number with separators begins there for itself.
pub fn is_apart(bytes: &[u8], at: usize, value: &Secret) -> bool {
    let count = value.open().bytes().filter(u8::is_ascii_digit).count();
    let (mut left, mut end) = (count, at);
    while left > 0 && end < bytes.len() {
        left -= usize::from(bytes[end].is_ascii_digit());
        end += 1;
    }
    // Without a separator it is in clear, and found as that.
    count >= LONG && end - at > count && is_alone(bytes, at, end)
}
