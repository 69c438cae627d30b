//! A declared fact: what values it takes, where it may be known from, how it is asked for.

use crate::context::{Class, Inbound, Source};
use crate::key::Key;
use crate::secret::Secret;
use crate::yaml::{Span, Word};
use std::ops::RangeInclusive;

/// A fact of `facts:`.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: Word,
    pub kind: Kind,
    pub class: Class,
    /// Sources that may know it, the first that has it wins.
    pub known: Vec<Known>,
    /// One prompt a try; empty for a fact that is only ever known.
    pub ask: Vec<Ask>,
    /// The prompt that reads the value back.
    pub confirm: Option<Word>,
    /// Fills the fact after the last try.
    pub default: Option<Secret>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Digits {
        length: RangeInclusive<usize>,
        luhn: bool,
    },
    /// The value of each key, in the file's order.
    Choice(Vec<(Key, Word)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    Uui(String),
    Header(String),
    CallerNumber,
}

/// The prompt of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Plain(Word),
    /// Worded by why the last try failed.
    Worded {
        silent: Word,
        invalid: Word,
    },
}

impl Question {
    /// Whether a value, typed or from outside, is one of this fact.
    pub fn accepts(&self, value: &str) -> bool {
        match &self.kind {
            Kind::Digits { length, luhn } => {
                length.contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_digit())
                    && (!luhn || luhn_holds(value))
            }
            Kind::Choice(values) => values.iter().any(|(_, v)| v.text == value),
        }
    }

    /// The keys after which an entry is complete without `#`.
    pub fn greatest_length(&self) -> usize {
        match &self.kind {
            Kind::Digits { length, .. } => *length.end(),
            Kind::Choice(_) => 1,
        }
    }

    /// Whether a key is one of the choice: `*` and `#` then mean that.
    pub fn has_key(&self, key: Key) -> bool {
        match &self.kind {
            Kind::Digits { .. } => false,
            Kind::Choice(values) => values.iter().any(|(k, _)| *k == key),
        }
    }

    /// The value that was keyed in, if it is one.
    pub fn value_of(&self, keys: &[Key]) -> Option<Secret> {
        match &self.kind {
            Kind::Digits { .. } => {
                let value = Secret::new(keys.iter().map(|k| k.to_char()).collect::<String>());
                self.accepts(value.open()).then_some(value)
            }
            Kind::Choice(values) => {
                let [key] = keys else { return None };
                values.iter().find(|(k, _)| k == key).map(|(_, v)| Secret::new(v.text.as_str()))
            }
        }
    }
}

impl Known {
    /// What this source holds, whether or not the fact accepts it.
    pub fn look<'i>(&self, inbound: &'i Inbound) -> Option<(&'i str, Source)> {
        match self {
            Known::Uui(name) => Some((inbound.uui(name)?.open(), Source::Uui)),
            Known::Header(name) => Some((inbound.header(name)?.open(), Source::Header)),
            // E.164 begins with `+`, which no keypad has and no `digits` fact takes.
            Known::CallerNumber => {
                let number = inbound.caller_number.as_ref()?.open();
                Some((number.strip_prefix('+').unwrap_or(number), Source::CallerNumber))
            }
        }
    }
}

/// The check digit of ISO/IEC 7812-1 annex B: from the right, every second digit doubled.
fn luhn_holds(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(b, factor)| u32::from(b - b'0') * factor)
        .map(|n| n / 10 + n % 10)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word { text: text.into(), span: Span::default() }
    }

    fn question(kind: Kind) -> Question {
        let (ask, known) = (Vec::new(), Vec::new());
        let span = Span::default();
        Question { name: word("f"), kind, class: Class::Public, known, ask, confirm: None, default: None, span }
    }

    #[test]
    fn digits_by_length_and_check() {
        let checked = question(Kind::Digits { length: 8..=12, luhn: true });
        let cases = [
            ("79927398713", true),
            ("79927398710", false),
            ("00000000", true),
            ("1234567", false),
            ("18", false),
            ("7992739871x", false),
            ("٧٩٩٢٧٣٩٨", false),
            ("", false),
        ];
        for (value, fits) in cases {
            assert_eq!(checked.accepts(value), fits, "{value}");
        }
        assert!(question(Kind::Digits { length: 3..=3, luhn: false }).accepts("123"));
    }

    #[test]
    fn a_choice_takes_one_of_its_keys_and_from_outside_one_of_its_values() {
        let key = |c| Key::from_char(c).expect("a key");
        let choice = question(Kind::Choice(vec![(key('1'), word("billing")), (key('*'), word("sales"))]));
        assert_eq!(choice.value_of(&[key('*')]), Some(Secret::new("sales")));
        assert_eq!(choice.value_of(&[key('3')]), None);
        assert_eq!(choice.value_of(&[]), None);
        assert!(choice.accepts("billing") && !choice.accepts("1"));
    }

    #[test]
    fn a_caller_number_is_looked_at_without_its_plus() {
        let inbound = Inbound { caller_number: Some(Secret::new("+15551230001")), ..Inbound::default() };
        assert_eq!(Known::CallerNumber.look(&inbound), Some(("15551230001", Source::CallerNumber)));
        assert_eq!(Known::Uui("a".into()).look(&inbound), None);
    }
}
