//! Values that nobody's are, for the calls of witnesses: each one that its fact takes.

use crate::flow::fact::{Bound, Check, Kind, Question, Range};
use crate::flow::model::Escape;
use crate::key::Key;
use jiff::civil::Date;
use std::collections::HashSet;

/// Digits that are tried until one fits a check: a hundredth of them does for MOD 97-10.
const TRIES: u64 = 2_000;
/// The number that explains the Luhn check everywhere, and a number of the block that no telephone has.
const LUHN: &str = "79927398713";
const PHONE: &str = "12025550123";

/// A value of the fact, as it is written; none if none was found.
pub fn value(question: &Question, today: Date) -> Option<String> {
    candidates(question, today).into_iter().find(|value| fits(question, value, today))
}

/// Values of the fact that are worth a call each: the shortest, the longest, each end of its range, each name.
pub fn values(question: &Question, today: Date) -> Vec<String> {
    let mut values: Vec<String> = value(question, today).into_iter().collect();
    match &question.kind {
        Kind::Digits { length, .. } => {
            for length in [*length.start(), *length.end()] {
                let mut counted = (1..TRIES).map(|n| format!("{n:0length$}"));
                values.extend(counted.find(|value| value.len() == length && fits(question, value, today)));
            }
        }
        _ => values.extend(candidates(question, today).into_iter().filter(|value| fits(question, value, today))),
    }
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
    values
}

/// A try that brings nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slip {
    Silent,
    /// Keys that are no value of the fact.
    Keys(String),
    /// A value that the business does not take.
    Refused,
    /// A value that the caller takes back with that key when it is read.
    Again(Key),
}

/// Every way to fail in a try.
pub fn slips(question: &Question, today: Date, month_first: bool, escape: Option<Escape>) -> Vec<Slip> {
    let mut slips = vec![Slip::Silent];
    // What is said is never wrong.
    if matches!(question.kind, Kind::Recording { .. }) {
        return slips;
    }
    let wrong: Vec<String> = match &question.kind {
        Kind::Choice(_) => {
            let person = escape.and_then(|escape| escape.menu);
            let others = "9876543210".chars().filter_map(Key::from_char).filter(|key| Some(*key) != person);
            // In a survey nobody is in reach, whatever its caller presses.
            let keys = person.filter(|_| question.survey).into_iter().chain(others);
            keys.filter(|key| !question.has_key(*key)).take(1).map(|key| letters(&[key])).collect()
        }
        Kind::Digits { length, check } => {
            let (least, most) = (*length.start(), *length.end());
            // Right but for its length, and right but for its check.
            let short =
                (1..TRIES).map(|n| format!("{n:0length$}", length = least - 1)).find(|short| check.holds(short));
            let unlike = (1..TRIES).map(|n| format!("{n:0least$}")).find(|unlike| !check.holds(unlike));
            let ended = |keys: String| if keys.len() < most { format!("{keys}#") } else { keys };
            short.filter(|short| short.len() < least && least > 1).into_iter().chain(unlike).map(ended).collect()
        }
        _ => {
            let beyond = outside(question, today).into_iter().filter(|value| !fits(question, value, today));
            let beyond = beyond.filter_map(|value| keys(question, &value, month_first));
            ["1#".to_owned()].into_iter().chain(beyond).collect()
        }
    };
    slips.extend(wrong.into_iter().map(Slip::Keys));
    slips.extend(question.accept.map(|_| Slip::Refused));
    slips.extend(question.confirm.as_ref().map(|confirm| Slip::Again(confirm.again)));
    slips
}

/// A step beyond each end of the fact's range.
fn outside(question: &Question, today: Date) -> Vec<String> {
    match &question.range {
        Some(Range::Dates(from, to)) => {
            let from = from.date(today).and_then(|from| from.yesterday().ok());
            let to = to.date(today).and_then(|to| to.tomorrow().ok());
            from.into_iter().chain(to).map(|date| date.to_string()).collect()
        }
        Some(Range::Numbers(range)) => {
            let beyond = [range.start().saturating_sub(100), range.end().saturating_add(100)];
            let text = |hundredths: i64| match &question.kind {
                Kind::Money(_) => format!("{}.{:02}", hundredths / 100, hundredths % 100),
                _ => (hundredths / 100).to_string(),
            };
            beyond.into_iter().filter(|hundredths| *hundredths >= 0).map(text).collect()
        }
        None => Vec::new(),
    }
}

pub fn fits(question: &Question, value: &str, today: Date) -> bool {
    question.accepts(value) && question.range.as_ref().is_none_or(|range| range.has(value, today))
}

/// What a caller keys in for a value, with the `#` where the entry does not end by itself.
pub fn keys(question: &Question, value: &str, month_first: bool) -> Option<String> {
    let keyed = match &question.kind {
        Kind::Choice(values) => return values.iter().find(|(_, v)| v.text == value).map(|(key, _)| letters(&[*key])),
        Kind::Digits { .. } | Kind::Phone | Kind::Number => value.trim_start_matches('+').to_owned(),
        Kind::Money(_) => {
            let (units, hundredths) = value.split_once('.').unwrap_or((value, "00"));
            format!("{units}{hundredths}")
        }
        Kind::Date => {
            let mut parts = value.splitn(3, '-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            if month_first { format!("{month}{day}{year}") } else { format!("{day}{month}{year}") }
        }
        Kind::Time => value.replace(':', ""),
        Kind::Bool | Kind::Text | Kind::Recording { .. } => return None,
    };
    Some(if keyed.len() < question.greatest_length() { format!("{keyed}#") } else { keyed })
}

pub fn letters(keys: &[Key]) -> String {
    keys.iter().map(|key| key.to_char()).collect()
}

fn candidates(question: &Question, today: Date) -> Vec<String> {
    match &question.kind {
        Kind::Choice(values) => values.iter().map(|(_, value)| value.text.clone()).collect(),
        Kind::Bool => vec!["true".to_owned(), "false".to_owned()],
        Kind::Digits { length, check } => digits(*length.start(), *length.end(), check),
        Kind::Phone => vec![PHONE.to_owned()],
        Kind::Number => numbers(question.range.as_ref()).map(|hundredths| (hundredths / 100).to_string()).collect(),
        Kind::Money(_) => numbers(question.range.as_ref())
            .map(|hundredths| format!("{}.{:02}", hundredths / 100, hundredths % 100))
            .collect(),
        Kind::Date => dates(question.range.as_ref(), today).iter().map(Date::to_string).collect(),
        Kind::Time => vec!["16:05".to_owned()],
        Kind::Text => vec!["sample".to_owned()],
        Kind::Recording { .. } => Vec::new(),
    }
}

fn digits(least: usize, most: usize, check: &Check) -> Vec<String> {
    let counted = move |length: usize| (0..TRIES).map(move |n| format!("{n:0length$}"));
    match check {
        Check::None => vec!["1234567890".chars().cycle().take(least).collect()],
        Check::Luhn if (least..=most).contains(&LUHN.len()) => vec![LUHN.to_owned()],
        Check::Luhn | Check::Mod97 => counted(least).collect(),
        // Whatever it begins with: nines and zeroes behind every start of up to three digits.
        Check::Pattern(_) => (least..=most)
            .flat_map(|length| {
                (0..1_110u32).map(move |n| {
                    let start = match n {
                        0..=9 => format!("{n}"),
                        10..=109 => format!("{:02}", n - 10),
                        _ => format!("{:03}", n - 110),
                    };
                    format!("{start:0<length$}").chars().take(length).collect()
                })
            })
            .collect(),
    }
}

/// In hundredths.
fn numbers(range: Option<&Range>) -> impl Iterator<Item = i64> {
    let (least, most) = match range {
        Some(Range::Numbers(range)) => (*range.start(), *range.end()),
        Some(Range::Dates(..)) | None => (0, i64::MAX),
    };
    [100, least, least.saturating_add(100), most].into_iter()
}

fn dates(range: Option<&Range>, today: Date) -> Vec<Date> {
    let mut dates = vec![today];
    if let Some(Range::Dates(from, to)) = range {
        for bound in [from, to] {
            if let Bound::Date(date) = bound {
                dates.push(*date);
            }
        }
    }
    dates.extend(today.yesterday());
    dates.extend(today.tomorrow());
    dates
}
