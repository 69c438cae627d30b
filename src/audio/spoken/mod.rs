//! Values read aloud: from a value to the names of the clips that say it. A language is a file with its words and its
//! grammar; what no grammar can say is said digit by digit.

mod en;
mod es;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A short silence between groups; built in, and the same in every language.
pub const PAUSE: &str = "pause";

/// Digits of a group: more are not kept in mind.
const GROUP: usize = 4;
/// Countries whose callers group a number with its code in one way: the code, and the digits behind it.
const COUNTRIES: [(&str, usize); 2] = [("1", 10), ("34", 9)];

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// One by one, in groups.
    Digits,
    /// `1234`: whole, to 999,999,999.
    Number,
    /// `12.50` or `12`.
    Money(Currency),
    /// `2026-03-01`.
    Date { weekday: bool },
    /// `16:05`.
    Time,
    /// `15551230001` or `+15551230001`.
    Phone,
}

impl Reading {
    /// A date is said with its day of the week, the others as they are.
    pub fn with_weekday(self) -> Reading {
        match self {
            Reading::Date { .. } => Reading::Date { weekday: true },
            _ => self,
        }
    }

    /// The name of its type in a flow.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Digits => "digits",
            Reading::Number => "number",
            Reading::Money(_) => "money",
            Reading::Date { .. } => "date",
            Reading::Time => "time",
            Reading::Phone => "phone",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Currency {
    #[default]
    Usd,
    Eur,
}

/// The words and the grammar of a language. Words are named by folder and file: `numbers/21`.
struct Language {
    name: &'static str,
    /// Every word with its text.
    words: fn() -> Vec<(String, String)>,
    /// Up to 999,999,999.
    number: fn(u32, &mut Said),
    /// Whole units and hundredths.
    money: fn(u32, u32, Currency, &mut Said),
    date: fn(Date, &mut Said),
    /// Hour and minute, of 24 hours.
    time: fn(u32, u32, &mut Said),
    month_first: bool,
}

const LANGUAGES: [&Language; 2] = [&en::ENGLISH, &es::SPANISH];

/// Names of clips, without the language.
type Said = Vec<String>;

/// The clips that say a value, in order; never none.
pub fn clips(language: &str, reading: Reading, value: &str) -> Vec<String> {
    let said = table(language).and_then(|table| table.say(reading, value));
    let said = said.unwrap_or_else(|| one_by_one(value));
    said.into_iter().map(|name| if name == PAUSE { name } else { format!("{language}/{name}") }).collect()
}

/// The clips that a reading needs, with their texts; `None` if nobody taught us to read so in this language. Digits are
/// read in every one.
pub fn vocabulary(language: &str, reading: Reading) -> Option<Vec<(String, String)>> {
    if table(language).is_none() && reading != Reading::Digits {
        return None;
    }
    let folders = folders(reading);
    let wanted =
        words(language).into_iter().filter(|(name, _)| name.split('/').next().is_some_and(|f| folders.contains(&f)));
    Some(wanted.map(|(name, text)| (format!("{language}/{name}"), text)).collect())
}

/// Every word of a language with its text; digits alone where we have no others.
pub fn words(language: &str) -> Vec<(String, String)> {
    let digits = || (0..10).map(|digit| (format!("digits/{digit}"), digit.to_string())).collect();
    table(language).map_or_else(digits, |table| (table.words)())
}

/// Languages that read every kind of value.
pub fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|language| language.name)
}

/// Whether a date is keyed in with the month first.
pub fn month_first(language: &str) -> bool {
    table(language).is_some_and(|table| table.month_first)
}

/// `es-MX` is read as `es`.
fn table(language: &str) -> Option<&'static Language> {
    let name = language.split('-').next();
    LANGUAGES.into_iter().find(|table| name == Some(table.name))
}

fn folders(reading: Reading) -> &'static [&'static str] {
    match reading {
        Reading::Digits => &["digits"],
        Reading::Phone => &["digits", "signs"],
        Reading::Number => &["digits", "signs", "numbers"],
        Reading::Money(_) => &["digits", "signs", "numbers", "money"],
        Reading::Date { .. } => &["digits", "signs", "numbers", "days", "months", "weekdays"],
        Reading::Time => &["digits", "signs", "numbers", "time"],
    }
}

impl Language {
    /// `None`: it is no such value, or too great a one.
    fn say(&self, reading: Reading, value: &str) -> Option<Said> {
        let mut said = Said::new();
        match reading {
            Reading::Digits => return None,
            Reading::Number => (self.number)(whole(signed(value, &mut said))?, &mut said),
            Reading::Money(currency) => {
                let (units, hundredths) = money(signed(value, &mut said))?;
                (self.money)(units, hundredths, currency, &mut said);
            }
            Reading::Date { weekday } => {
                let date = date(value)?;
                if weekday {
                    said.push(format!("weekdays/{}", date.weekday().to_monday_one_offset()));
                }
                (self.date)(date, &mut said);
            }
            Reading::Time => {
                let (hour, minute) = time(value)?;
                (self.time)(hour, minute, &mut said);
            }
            Reading::Phone => return phone(value),
        }
        Some(said)
    }
}

/// The value without its minus, which is said first.
fn signed<'v>(value: &'v str, said: &mut Said) -> &'v str {
    let Some(rest) = value.strip_prefix('-') else { return value };
    said.push("signs/minus".to_owned());
    rest
}

/// A whole number of nine digits at most.
pub fn whole(text: &str) -> Option<u32> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Units and hundredths of `12.50` or `12`.
pub fn money(text: &str) -> Option<(u32, u32)> {
    match text.split_once('.') {
        Some((units, hundredths)) if hundredths.len() == 2 => Some((whole(units)?, whole(hundredths)?)),
        Some(_) => None,
        None => Some((whole(text)?, 0)),
    }
}

/// The hundredths of `12.50` or `12`: numbers and sums in one measure.
pub fn hundredths(text: &str) -> Option<i64> {
    money(text).map(|(units, hundredths)| i64::from(units) * 100 + i64::from(hundredths))
}

/// A day of the calendar, as `2026-03-01`.
pub fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits| parts.next().filter(|part| part.len() == digits).and_then(whole);
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Hour and minute of `16:05`.
pub fn time(text: &str) -> Option<(u32, u32)> {
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute) = (whole(hour)?, whole(minute)?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// The digits with their country's code apart.
fn phone(text: &str) -> Option<Said> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let apart = COUNTRIES.into_iter().find_map(|(code, national)| {
        let rest = digits.strip_prefix(code)?;
        (rest.len() == national).then_some((code, rest))
    });
    let mut said: Said = if digits == text { Said::new() } else { vec!["signs/plus".to_owned()] };
    let mut national = digits;
    if let Some((code, rest)) = apart {
        said.extend(code.chars().filter_map(character));
        said.push(PAUSE.to_owned());
        national = rest;
    }
    said.extend(grouped(national));
    Some(said)
}

/// Whatever it is, by its characters.
fn one_by_one(value: &str) -> Said {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return grouped(value);
    }
    let said: Said = value.chars().filter_map(character).collect();
    if said.iter().all(|word| word == PAUSE) { vec!["signs/unknown".to_owned()] } else { said }
}

/// In groups of much the same size, the smaller ones first: 3 and 4; 3, 3 and 4; 4 and 4.
fn grouped(digits: &str) -> Said {
    let groups = digits.len().div_ceil(GROUP).max(1);
    let mut said = Said::new();
    let mut from = 0;
    for group in 1..=groups {
        if group > 1 {
            said.push(PAUSE.to_owned());
        }
        let until = group * digits.len() / groups;
        said.extend(digits[from..until].chars().filter_map(character));
        from = until;
    }
    said
}

fn character(c: char) -> Option<String> {
    Some(match c {
        '0'..='9' => format!("digits/{c}"),
        '+' => "signs/plus".to_owned(),
        '-' | '/' | ':' | ' ' => PAUSE.to_owned(),
        '.' | ',' => "signs/point".to_owned(),
        '*' => "signs/star".to_owned(),
        '#' => "signs/pound".to_owned(),
        _ => return None,
    })
}

/// Words of a folder, named by their place in the list, which begins at `first`.
fn listed(folder: &str, first: usize, texts: &[&str]) -> Vec<(String, String)> {
    let named = texts.iter().zip(first..).map(|(text, at)| (format!("{folder}/{at}"), (*text).to_owned()));
    named.collect()
}

/// Words with names of their own.
fn named(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}
