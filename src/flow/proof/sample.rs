//! Values that nobody's are, for the calls of witnesses: each one that its fact takes.

use crate::flow::fact::{Bound, Check, Kind, Question, Range};
use crate::key::Key;
use jiff::civil::Date;

/// Digits that are tried until one fits a check: a hundredth of them does for MOD 97-10.
const TRIES: u64 = 2_000;
/// The number that explains the Luhn check everywhere, and a number of the block that no telephone has.
const LUHN: &str = "79927398713";
const PHONE: &str = "12025550123";

/// A value of the fact, as it is written; none if none was found.
pub fn value(question: &Question, today: Date) -> Option<String> {
    candidates(question, today).into_iter().find(|value| fits(question, value, today))
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
