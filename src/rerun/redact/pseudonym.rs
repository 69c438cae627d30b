//! A value's pseudonym: of equal length and form, the same for the same value, and told alike by the flow.

use super::laws::Laws;
use super::{Key, Replaced};
use crate::audio::spoken;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// Candidates that are tried for one value. A check digit takes ten, two check digits a hundred; a pattern that only one
/// value in ten thousand fulfils is still met.
const CANDIDATES: u32 = 1 << 16;
/// Up to this many letters or digits a value may be its own pseudonym: it tells nobody, and there may be no other.
const SHORT: usize = 2;
/// Digits and letters of a reference or another token in hex.
const TOKEN: usize = 16;
/// From so many digits on a value is taken for the same one wherever it stands.
const TELLING: usize = 4;

/// Fewer digits are found by chance.
pub const LEAST: usize = 6;

/// How far a pseudonym goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The same in every call.
    Caller,
    /// Another one in each: a PIN has so few values that who has many pseudonyms of it could count them.
    Call,
}

pub struct Pseudonyms<'k> {
    key: &'k Key,
    laws: Laws<'k>,
    /// What makes the pseudonyms of one call others.
    call: String,
    /// As their digits, or as they are if how they are written matters.
    found: BTreeMap<(Scope, String), String>,
}

impl<'k> Pseudonyms<'k> {
    pub fn new(key: &'k Key, laws: Laws<'k>, call: &str) -> Self {
        Self { key, laws, call: format!("call {call}"), found: BTreeMap::new() }
    }

    /// Of a value from outside; `None` if there is none. What the flow's author wrote stays.
    pub fn of(&mut self, scope: Scope, value: &str) -> Option<String> {
        if self.laws.is_word(value) || !value.chars().any(char::is_alphanumeric) {
            return Some(value.to_owned());
        }
        if !value.chars().any(is_letter) {
            return self.number(scope, value, |_| true);
        }
        let pseudonym = if is_token(value) { self.search(scope, value, |_| true)? } else { self.words(scope, value)? };
        self.laws.told(value).eq(self.laws.told(&pseudonym)).then_some(pseudonym)
    }

    /// Of digits, with whatever stands between them; `fits` says whether a candidate will do here.
    pub fn number(&mut self, scope: Scope, value: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
        let plain = plain(value);
        let written = |digits: &str| in_place_of(value, digits);
        let found = self.search(scope, &plain, |candidate| fits(&written(candidate)))?;
        Some(written(&found))
    }

    /// Its pseudonym, if it has one already.
    pub fn known(&self, value: &str) -> Option<String> {
        let plain = plain(value);
        let telling = plain.chars().filter(char::is_ascii_digit).count() >= TELLING;
        let found = |scope| self.found.get(&(scope, plain.clone())).filter(|_| telling);
        Some(in_place_of(value, found(Scope::Caller).or_else(|| found(Scope::Call))?))
    }

    /// A text in which the values that are known already are replaced.
    pub fn sweep(&self, text: &str) -> String {
        let long = |value: &str| value.len() >= LEAST && value.bytes().all(|byte| byte.is_ascii_digit());
        let found = self.found.iter().filter(|((_, value), _)| long(value));
        found.fold(text.to_owned(), |text, ((_, value), pseudonym)| text.replace(value.as_str(), pseudonym))
    }

    pub fn replaced(&self) -> Vec<Replaced> {
        let changed = self.found.iter().filter(|((_, value), pseudonym)| value != *pseudonym);
        let secret = |text: &String| Secret::new(text.as_str());
        changed.map(|((_, value), by)| Replaced { original: secret(value), pseudonym: secret(by) }).collect()
    }

    /// Words and numbers of a text, each by itself.
    fn words(&mut self, scope: Scope, text: &str) -> Option<String> {
        let (mut made, mut rest) = (String::new(), text);
        while let Some(first) = rest.chars().next() {
            let alike = |c: char| match first {
                '0'..='9' => c.is_ascii_digit(),
                _ => is_letter(c) == is_letter(first) && !c.is_ascii_digit(),
            };
            let (run, behind) = rest.split_at(rest.find(|c| !alike(c)).unwrap_or(rest.len()));
            match first {
                '0'..='9' => made += &self.number(scope, run, |_| true)?,
                _ if is_letter(first) => made += &self.word(scope, run)?,
                _ => made += run,
            }
            rest = behind;
        }
        Some(made)
    }

    /// The same in either case.
    fn word(&mut self, scope: Scope, word: &str) -> Option<String> {
        let lower: String = word.chars().map(|c| of_size(c.to_lowercase(), c)).collect();
        let found = self.search(scope, &lower, |_| true)?;
        let as_it_was = |(c, was): (char, char)| if was.is_uppercase() { of_size(c.to_uppercase(), c) } else { c };
        Some(found.chars().zip(word.chars()).map(as_it_was).collect())
    }

    fn search(&mut self, scope: Scope, value: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
        let place = (scope, value.to_owned());
        if let Some(found) = self.found.get(&place).filter(|found| fits(found)) {
            return Some(found.clone());
        }
        let call = if scope == Scope::Call { self.call.as_str() } else { "" };
        let told: Vec<u8> = self.laws.told(value).collect();
        let short = value.chars().filter(|c| c.is_alphanumeric()).count() <= SHORT;
        let mut candidates = (0..CANDIDATES).map(|number| drawn(self.key, call, value, number));
        let found = candidates.find(|candidate| {
            (short || candidate != value) && self.laws.told(candidate).eq(told.iter().copied()) && fits(candidate)
        })?;
        self.found.entry(place).or_insert_with(|| found.clone());
        Some(found)
    }
}

/// A candidate: a day for a day, digits for digits, letters for letters.
fn drawn(key: &Key, call: &str, value: &str, number: u32) -> String {
    let mut stream = key.stream(call, value, number);
    if spoken::date(value).is_some() {
        let (year, month) = (1900 + stream.below(200), 1 + stream.below(12));
        return format!("{year}-{month:02}-{:02}", 1 + stream.below(31));
    }
    let letters = if is_token(value) { 6 } else { 26 };
    // Of as many octets in UTF-8, so that what has a size keeps it.
    let mut one = |from: char, count: u32| char::from_u32(from as u32 + stream.below(count)).unwrap_or(from);
    let draw = |c: char| match c.len_utf8() {
        1 if c.is_ascii_digit() => one('0', 10),
        1 if c.is_ascii_uppercase() => one('A', letters),
        1 if c.is_ascii_lowercase() => one('a', letters),
        2 if is_letter(c) => one('\u{e0}', 23),
        3 if is_letter(c) => one('\u{3042}', 60),
        4 if is_letter(c) => one('\u{20000}', 1_000),
        _ => c,
    };
    value.chars().map(draw).collect()
}

/// What tells one value from another: where a day, a time or a sum is written, all of it, and else its digits.
fn plain(value: &str) -> String {
    let formal = value.contains(['-', ':', '.'])
        && (spoken::date(value).is_some() || spoken::time(value).is_some() || spoken::money(value).is_some());
    if formal { value.to_owned() } else { value.chars().filter(char::is_ascii_digit).collect() }
}

/// The digits of a pseudonym, where the value has its own.
fn in_place_of(value: &str, pseudonym: &str) -> String {
    let mut digits = pseudonym.chars().filter(char::is_ascii_digit);
    value.chars().map(|c| if c.is_ascii_digit() { digits.next().unwrap_or(c) } else { c }).collect()
}

/// A letter, or a digit that no keypad has.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !c.is_ascii_digit()
}

/// In the other case, if it then has as many octets.
fn of_size(mut other: impl Iterator<Item = char>, c: char) -> char {
    other.next().filter(|other| other.len_utf8() == c.len_utf8()).unwrap_or(c)
}

fn is_token(value: &str) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let (letters, digits) =
        (value.bytes().any(|byte| byte.is_ascii_lowercase()), value.bytes().any(|b| b.is_ascii_digit()));
    value.len() >= TOKEN && letters && digits && value.bytes().all(hex)
}
