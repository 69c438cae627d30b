//! A declared fact: what values it takes, where it may be known from, how it is asked for.

mod longest;

use crate::audio::spoken::{self, Currency, Reading};
use crate::context::{Class, Earlier, Inbound, Source};
use crate::key::Key;
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::{Span, Word};
use jiff::Timestamp;
use jiff::civil::Date;
use regex_lite::Regex;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// The fact whose value is the language that speaks from then on.
pub const LANGUAGE: &str = "language";

/// Digits of the shortest telephone number.
const LEAST_PHONE: usize = 7;

/// The fact that says whether we know for sure who calls.
pub const VERIFIED: &str = "verified";

/// The fact that a placeholder names: in full, `verify.card`, or without its module where no other one is so called.
pub fn named<'n>(names: impl Iterator<Item = &'n str> + Clone, name: &str) -> Option<usize> {
    let bare = |full: &str| full.rsplit('.').next() == Some(name);
    let mut without = names.clone().enumerate().filter(|(_, full)| bare(full)).map(|(at, _)| at);
    let only = || without.next().filter(|_| without.next().is_none());
    names.clone().position(|full| full == name).or_else(only)
}

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
    /// The prompt that reads the value back, and its keys.
    pub confirm: Option<Readback>,
    /// The prompt that offers a known value, in place of taking it silently.
    pub offer: Option<Readback>,
    /// The lookup that says whether the business takes the value.
    pub accept: Option<usize>,
    pub range: Option<Range>,
    pub lives: Lives,
    /// How old a value from before this call may be.
    pub fresh: Option<Duration>,
    /// Asked after everything is done: no escape, and nothing need follow.
    pub survey: bool,
    /// Fills the fact after the last try.
    pub default: Option<Secret>,
    pub span: Span,
    /// The file that it stands in, as of a block.
    pub file: usize,
}

/// A prompt that reads a value, and what the caller says to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readback {
    pub prompt: Word,
    /// It is right.
    pub right: Key,
    /// Another one.
    pub again: Key,
}

/// How long a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lives {
    /// In this call.
    Call,
    /// In every call of the case.
    Case,
}

/// What a value has to lie between; both ends count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// In hundredths.
    Numbers(RangeInclusive<i64>),
    Dates(Bound, Bound),
}

/// An end of a range of dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Open,
    /// The day of the call, by UTC.
    Today,
    Date(Date),
}

impl Bound {
    pub fn date(self, today: Date) -> Option<Date> {
        match self {
            Bound::Open => None,
            Bound::Today => Some(today),
            Bound::Date(date) => Some(date),
        }
    }
}

impl Range {
    pub fn has(&self, value: &str, today: Date) -> bool {
        match self {
            Range::Numbers(range) => spoken::hundredths(value).is_some_and(|number| range.contains(&number)),
            Range::Dates(from, to) => spoken::date(value).is_some_and(|date| {
                from.date(today).is_none_or(|from| from <= date) && to.date(today).is_none_or(|to| date <= to)
            }),
        }
    }
}

/// What the digits of a value have to fulfil.
#[derive(Clone, Debug)]
pub enum Check {
    None,
    Luhn,
    /// ISO/IEC 7064, MOD 97-10: the remainder is 1.
    Mod97,
    Pattern(Regex),
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Check::Pattern(one), Check::Pattern(other)) => one.as_str() == other.as_str(),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Check {}

impl Check {
    pub fn holds(&self, digits: &str) -> bool {
        match self {
            Check::None => true,
            Check::Luhn => luhn_holds(digits),
            Check::Mod97 => digits.bytes().fold(0, |rest, b| (rest * 10 + u32::from(b - b'0')) % 97) == 1,
            Check::Pattern(pattern) => pattern.is_match(digits),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Digits {
        length: RangeInclusive<usize>,
        check: Check,
    },
    /// The value of each key, in the file's order.
    Choice(Vec<(Key, Word)>),
    /// `1234`: a whole number of nine digits at most.
    Number,
    /// `12.50`, or from outside `12`.
    Money(Currency),
    /// `2026-03-01`.
    Date,
    /// `16:05`.
    Time,
    /// 7 to 15 digits, from outside with a `+` before them.
    Phone,
    /// `true` or `false`; never keyed in.
    Bool,
    /// A line of text; never keyed in.
    Text,
    /// What the caller says, as long as that at most; the value is the name of the take.
    Recording {
        longest: Duration,
    },
}

/// Letters of a text.
const MAX_TEXT: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    Uui(String),
    Header(String),
    CallerNumber,
    Web(String),
    LastCall,
    /// A lookup that fills the fact, once it was made.
    Lookup(usize),
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
        self.kind.fits(value)
    }

    /// Its name within its file: without the module's.
    pub fn bare(&self) -> &str {
        self.name.text.rsplit('.').next().unwrap_or(&self.name.text)
    }

    /// Whether the business says who the caller is by it: nothing else may.
    pub fn is_verified(&self) -> bool {
        self.bare() == VERIFIED
    }

    /// Whether that lookup is one of its sources, in their order.
    pub fn is_known_by(&self, lookup: usize) -> bool {
        self.known.contains(&Known::Lookup(lookup))
    }

    /// The keys after which an entry is complete without `#`.
    pub fn greatest_length(&self) -> usize {
        match &self.kind {
            Kind::Digits { length, .. } => *length.end(),
            Kind::Choice(_) => 1,
            Kind::Number => 9,
            Kind::Money(_) => 11,
            Kind::Date => 8,
            Kind::Time => 4,
            Kind::Phone => 15,
            Kind::Bool | Kind::Text | Kind::Recording { .. } => 0,
        }
    }

    /// Whether a key is one of the choice: `*` and `#` then mean that.
    pub fn has_key(&self, key: Key) -> bool {
        match &self.kind {
            Kind::Choice(values) => values.iter().any(|(k, _)| *k == key),
            _ => false,
        }
    }

    /// The value that was keyed in, if it is one. How a date is keyed in depends on the language that asks.
    pub fn value_of(&self, keys: &[Key], language: &str) -> Option<Secret> {
        if let Kind::Choice(values) = &self.kind {
            let [key] = keys else { return None };
            return values.iter().find(|(k, _)| k == key).map(|(_, v)| Secret::new(v.text.as_str()));
        }
        let keyed: String = keys.iter().map(|k| k.to_char()).collect();
        let value = Secret::new(self.written(keyed, language)?);
        self.accepts(value.open()).then_some(value)
    }

    /// What was keyed in, as the value is written.
    fn written(&self, keyed: String, language: &str) -> Option<String> {
        Some(match &self.kind {
            Kind::Digits { .. } | Kind::Choice(_) | Kind::Phone => keyed,
            Kind::Bool | Kind::Text | Kind::Recording { .. } => return None,
            Kind::Number => spoken::whole(&keyed)?.to_string(),
            Kind::Money(_) => {
                // The last two are the hundredths.
                let (units, hundredths) = keyed.split_at_checked(keyed.len().checked_sub(2)?)?;
                let units = if units.is_empty() { 0 } else { spoken::whole(units)? };
                format!("{units}.{hundredths}")
            }
            Kind::Date => {
                let (first, second, year) = (keyed.get(..2)?, keyed.get(2..4)?, keyed.get(4..)?);
                let (month, day) = if spoken::month_first(language) { (first, second) } else { (second, first) };
                format!("{year}-{month}-{day}")
            }
            Kind::Time => format!("{}:{}", keyed.get(..2)?, keyed.get(2..)?),
        })
    }
}

impl Kind {
    /// The fewest characters that a value has.
    pub fn least_length(&self) -> usize {
        match self {
            Kind::Digits { length, .. } => *length.start(),
            Kind::Phone => LEAST_PHONE,
            _ => 1,
        }
    }

    /// Its values, where they are names that say nothing to a caller: prompts `FACT/VALUE` say them.
    pub fn named_values(&self) -> impl Iterator<Item = &str> {
        let (named, bare): (&[(Key, Word)], &[&str]) = match self {
            Kind::Choice(values) => (values, &[]),
            Kind::Bool => (&[], &["true", "false"]),
            _ => (&[], &[]),
        };
        named.iter().map(|(_, value)| value.text.as_str()).chain(bare.iter().copied())
    }

    /// The clip that a value of this type is.
    pub fn clip(&self, value: &Secret) -> Option<String> {
        matches!(self, Kind::Recording { .. }).then(|| value.open().to_owned())
    }

    /// Whether a value is one of this type.
    pub fn fits(&self, value: &str) -> bool {
        match self {
            Kind::Digits { length, check } => {
                length.contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()) && check.holds(value)
            }
            Kind::Choice(values) => values.iter().any(|(_, v)| v.text == value),
            Kind::Number => spoken::whole(value).is_some(),
            Kind::Money(_) => spoken::money(value).is_some(),
            Kind::Date => spoken::date(value).is_some(),
            Kind::Time => spoken::time(value).is_some(),
            Kind::Phone => {
                let digits = value.strip_prefix('+').unwrap_or(value);
                (LEAST_PHONE..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
            }
            Kind::Bool => matches!(value, "true" | "false"),
            Kind::Text => (1..=MAX_TEXT).contains(&value.chars().count()) && !value.chars().any(char::is_control),
            // It is made in its call, and nobody brings one.
            Kind::Recording { .. } => false,
        }
    }

    /// Whether a caller can be asked for it.
    pub fn is_keyed(&self) -> bool {
        !matches!(self, Kind::Bool | Kind::Text | Kind::Recording { .. })
    }

    /// Whether its values are compared as numbers.
    pub fn is_number(&self) -> bool {
        matches!(self, Kind::Number | Kind::Money(_))
    }

    /// A value as a lookup's JSON body has it: what is digits stays text, so that no zero is lost.
    pub fn json(&self, value: &str) -> Value {
        match self {
            Kind::Bool => json!(value == "true"),
            Kind::Number => spoken::whole(value).map_or_else(|| json!(value), |number| json!(number)),
            _ => json!(value),
        }
    }

    /// A remedy: how a value is written.
    pub fn example(&self) -> String {
        match self {
            Kind::Digits { length, .. } if length.start() == length.end() => format!("{} digits", length.start()),
            Kind::Digits { length, .. } => format!("{} to {} digits", length.start(), length.end()),
            Kind::Choice(values) => {
                format!("one of: {}", values.iter().map(|(_, v)| v.text.as_str()).collect::<Vec<_>>().join(", "))
            }
            Kind::Number => "a whole number".to_owned(),
            Kind::Money(_) => "a sum as 12.50".to_owned(),
            Kind::Date => "a date as 2026-03-01".to_owned(),
            Kind::Time => "a time as 16:05".to_owned(),
            Kind::Phone => "7 to 15 digits".to_owned(),
            Kind::Bool => "true or false".to_owned(),
            Kind::Text => format!("a line of {MAX_TEXT} letters at most"),
            Kind::Recording { .. } => "nothing: a recording is spoken".to_owned(),
        }
    }

    /// How its value is read; `None` of what has prompts for its values, and of text.
    pub fn reading(&self) -> Option<Reading> {
        Some(match self {
            Kind::Choice(_) | Kind::Bool | Kind::Text | Kind::Recording { .. } => return None,
            Kind::Digits { .. } => Reading::Digits,
            Kind::Number => Reading::Number,
            Kind::Money(currency) => Reading::Money(*currency),
            Kind::Date => Reading::Date { weekday: false },
            Kind::Time => Reading::Time,
            Kind::Phone => Reading::Phone,
        })
    }
}

impl Known {
    /// What this source holds for the fact of that name, whether or not that accepts it; nothing that is older than
    /// `since`. A lookup's word is not among what came with the call.
    pub fn look<'i>(&self, inbound: &'i Inbound, fact: &str, since: Timestamp) -> Option<(&'i str, Source)> {
        let earlier = |all: &'i [Earlier], name: &str| {
            let known = all.iter().find(|earlier| earlier.name == name && earlier.at >= since)?;
            Some(known.value.open())
        };
        match self {
            Known::Web(name) => Some((earlier(&inbound.web, name)?, Source::Web)),
            Known::LastCall => Some((earlier(&inbound.last_call, fact)?, Source::LastCall)),
            Known::Lookup(_) => None,
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

    pub(super) fn question(kind: Kind) -> Question {
        Question {
            name: word("f"),
            kind,
            class: Class::Public,
            known: Vec::new(),
            ask: Vec::new(),
            confirm: None,
            offer: None,
            accept: None,
            range: None,
            lives: Lives::Case,
            fresh: None,
            survey: false,
            default: None,
            span: Span::default(),
            file: 0,
        }
    }

    #[test]
    fn a_placeholder_names_a_fact_in_full_or_the_only_one_of_its_module_s_name() {
        let names = ["card", "pay.card", "pay.date", "visit.date", "visit.reason"];
        let cases = [("card", Some(0)), ("pay.card", Some(1)), ("reason", Some(4)), ("date", None), ("nobody", None)];
        for (name, at) in cases {
            assert_eq!(named(names.into_iter(), name), at, "{name}");
        }
    }

    #[test]
    fn digits_by_length_and_check() {
        let checked = question(Kind::Digits { length: 8..=12, check: Check::Luhn });
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
        assert!(question(Kind::Digits { length: 3..=3, check: Check::None }).accepts("123"));
    }

    #[test]
    fn a_choice_takes_one_of_its_keys_and_from_outside_one_of_its_values() {
        let key = |c| Key::from_char(c).expect("a key");
        let choice = question(Kind::Choice(vec![(key('1'), word("billing")), (key('*'), word("sales"))]));
        assert_eq!(choice.value_of(&[key('*')], "en"), Some(Secret::new("sales")));
        assert_eq!(choice.value_of(&[key('3')], "en"), None);
        assert_eq!(choice.value_of(&[], "en"), None);
        assert!(choice.accepts("billing") && !choice.accepts("1"));
    }

    #[test]
    fn what_is_keyed_in_becomes_a_value_by_its_type_and_the_language() {
        let money = Kind::Money(Currency::Usd);
        let cases = [
            (Kind::Number, "en", "007", Some("7")),
            (Kind::Number, "en", "0", Some("0")),
            (Kind::Number, "en", "", None),
            (money.clone(), "en", "1250", Some("12.50")),
            (money.clone(), "en", "5", None),
            (money.clone(), "en", "50", Some("0.50")),
            (money.clone(), "en", "00001", Some("0.01")),
            (money, "en", "99999999999", Some("999999999.99")),
            (Kind::Date, "en", "03012026", Some("2026-03-01")),
            (Kind::Date, "es", "03012026", Some("2026-01-03")),
            (Kind::Date, "en", "02302026", None),
            (Kind::Date, "en", "0301", None),
            (Kind::Time, "en", "1605", Some("16:05")),
            (Kind::Time, "en", "2400", None),
            (Kind::Time, "en", "16", None),
            (Kind::Phone, "en", "5551230001", Some("5551230001")),
            (Kind::Phone, "en", "555", None),
            (Kind::Phone, "en", "555123000A", None),
        ];
        for (kind, language, keys, value) in cases {
            let keys: Vec<Key> = keys.chars().map(|c| Key::from_char(c).expect("a key")).collect();
            let question = question(kind);
            assert!(keys.len() <= question.greatest_length());
            let found = question.value_of(&keys, language);
            assert_eq!(found.as_ref().map(Secret::open), value, "{question:?}, {language}, {keys:?}");
        }
    }

    #[test]
    fn values_from_outside_are_written_in_one_way() {
        let cases: [(Kind, &[&str], &[&str]); 5] = [
            (Kind::Number, &["0", "007", "999999999"], &["", "-1", "1.5", "1000000000", "٧"]),
            (Kind::Money(Currency::Eur), &["12", "12.50"], &["12.5", "12,50", ".50", "1e3", "-1.00"]),
            (Kind::Date, &["2026-03-01", "2024-02-29"], &["2026-02-29", "03/01/2026", "2026-3-1", "20260301"]),
            (Kind::Time, &["00:00", "23:59"], &["24:00", "7:30", "07:30:00", "0730"]),
            (Kind::Phone, &["15551230001", "+15551230001"], &["555-1230", "123456", "1234567890123456", "+"]),
        ];
        for (kind, good, bad) in cases {
            let question = question(kind);
            assert!(good.iter().all(|value| question.accepts(value)), "{question:?}");
            assert!(!bad.iter().any(|value| question.accepts(value)), "{question:?}");
        }
    }

    #[test]
    fn a_caller_number_is_looked_at_without_its_plus() {
        let inbound = Inbound { caller_number: Some(Secret::new("+15551230001")), ..Inbound::default() };
        assert_eq!(
            Known::CallerNumber.look(&inbound, "phone", Timestamp::MIN),
            Some(("15551230001", Source::CallerNumber))
        );
        assert_eq!(Known::Uui("a".into()).look(&inbound, "a", Timestamp::MIN), None);
    }
}
