//! Typed readings of a scalar. Each says what it expected and what it found, with the remedy where one is known.

use super::diagnostic::{Diagnostic, Faults};
use super::node::{Node, Value, Word};
use super::shape::MAX_NAME;
use crate::time::Duration;
use std::ops::RangeInclusive;
use std::str::FromStr;

impl Node {
    /// A word as it was written, quoted or not. `what` is what was expected: "a prompt id".
    pub fn word(&self, what: &str, faults: &mut Faults) -> Option<Word> {
        match &self.value {
            Value::Scalar { text, .. } if !text.is_empty() => Some(Word { text: text.clone(), span: self.span }),
            _ => {
                self.wrong(what, faults);
                None
            }
        }
    }

    /// A word that may name something: letters, digits, `_` and `-`, beginning with a letter.
    pub fn name(&self, what: &str, faults: &mut Faults) -> Option<Word> {
        let word = self.word(what, faults)?;
        word.is_name(what, faults).then_some(word)
    }

    pub fn boolean(&self, faults: &mut Faults) -> Option<bool> {
        let Value::Scalar { text, quoted } = &self.value else {
            self.wrong("true or false", faults);
            return None;
        };
        match (text.as_str(), quoted) {
            ("true", false) => Some(true),
            ("false", false) => Some(false),
            _ => {
                let remedy = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => "write true",
                    "no" | "off" | "n" | "false" => "write false",
                    _ => "write true or false",
                };
                self.wrong("true or false", faults).remedy(remedy);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub fn number(&self, what: &str, range: RangeInclusive<usize>, faults: &mut Faults) -> Option<usize> {
        let (from, to) = (*range.start(), *range.end());
        let number = self.plain().and_then(whole).filter(|n| range.contains(n));
        if number.is_none() {
            let wrong = self.wrong(&format!("{what} from {from} to {to}"), faults);
            if self.plain().is_some_and(|text| text.len() > 1 && text.starts_with('0')) {
                wrong.remedy("without the zero before it: other readers take it for octal");
            }
        }
        number
    }

    /// `8` or `8-12`, both ends within `range`.
    pub fn range(
        &self,
        what: &str,
        range: RangeInclusive<usize>,
        faults: &mut Faults,
    ) -> Option<RangeInclusive<usize>> {
        let ends = self.plain().and_then(|text| match text.split_once('-') {
            Some((from, to)) => Some(whole(from)?..=whole(to)?),
            None => whole(text).map(|n| n..=n),
        });
        let fits = ends.filter(|r| range.contains(r.start()) && range.contains(r.end()) && !r.is_empty());
        if fits.is_none() {
            let what = format!("{what} as `8` or `8-12`, from {} to {}", range.start(), range.end());
            self.wrong(&what, faults);
        }
        fits
    }

    /// `800ms`, `20s`, `2m`, `12h` or `30d`.
    pub fn duration(&self, faults: &mut Faults) -> Option<Duration> {
        let duration = self.plain().and_then(duration);
        if duration.is_none() {
            self.wrong("a duration as `800ms`, `20s`, `2m`, `12h` or `30d`", faults);
        }
        duration
    }

    /// The items of a list; at most `most` of them.
    pub fn list(&self, what: &str, most: usize, faults: &mut Faults) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => {
                self.at_most(most, items.len(), faults);
                Some(items)
            }
            _ => {
                self.wrong(what, faults).remedy("write a list: [a, b]");
                None
            }
        }
    }

    /// The entries of a map with at most `most` keys.
    pub fn map(&self, what: &str, most: usize, faults: &mut Faults) -> Option<&[(Word, Node)]> {
        match &self.value {
            Value::Map(entries) => {
                self.at_most(most, entries.len(), faults);
                Some(entries)
            }
            _ => {
                self.wrong(what, faults);
                None
            }
        }
    }

    /// What is too much is read all the same, so that nothing else is told of what names it.
    fn at_most(&self, most: usize, entries: usize, faults: &mut Faults) {
        if entries > most {
            faults.error("too-many", self.span, format!("{entries} entries; at most {most} are taken"));
        }
    }

    /// A scalar of a type that reads itself.
    pub fn parsed<T: FromStr>(&self, what: &str, faults: &mut Faults) -> Option<T> {
        let word = self.word(what, faults)?;
        let value = word.text.parse().ok();
        if value.is_none() {
            self.wrong(what, faults);
        }
        value
    }

    /// A list of words, one at least.
    pub fn words(&self, what: &str, most: usize, faults: &mut Faults) -> Option<Vec<Word>> {
        let items = self.list(what, most, faults)?;
        if items.is_empty() {
            self.wrong(what, faults);
            return None;
        }
        items.iter().map(|item| item.word(what, faults)).collect()
    }

    /// A list of words out of a closed set.
    pub fn choices<T: Copy>(&self, what: &str, all: &[(&str, T)], faults: &mut Faults) -> Option<Vec<T>> {
        let items = self.list(what, all.len(), faults)?;
        let mut chosen = Vec::with_capacity(items.len());
        for item in items {
            let word = item.word(what, faults)?;
            match all.iter().find(|(name, _)| *name == word.text) {
                Some((_, value)) => chosen.push(*value),
                None => faults.unknown(what, &word, all.iter().map(|(name, _)| *name)),
            }
        }
        Some(chosen)
    }

    /// Reports that something else was expected here.
    pub fn wrong<'f>(&self, expected: &str, faults: &'f mut Faults) -> &'f mut Diagnostic {
        let found = match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Scalar { text, quoted: false } => format!("`{text}`"),
            Value::Scalar { text, quoted: true } => format!("the text {text:?}"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        faults.error("wrong-type", self.span, format!("expected {expected}, found {found}"))
    }

    fn plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, quoted: false } => Some(text),
            _ => None,
        }
    }
}

impl Word {
    /// Whether the word may name something; reports it when not.
    pub fn is_name(&self, what: &str, faults: &mut Faults) -> bool {
        let fits = self.text.len() <= MAX_NAME
            && self.text.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !fits {
            let message = format!("`{}` cannot be {what}", self.text);
            let remedy = format!("letters, digits, `_` and `-`, a letter first, at most {MAX_NAME} of them");
            faults.error("bad-name", self.span, message).remedy(remedy);
        }
        fits
    }
}

/// `0755` is 493 to readers of YAML 1.1, and so nothing to us.
fn whole(text: &str) -> Option<usize> {
    let octal = text.len() > 1 && text.starts_with('0');
    text.bytes().all(|b| b.is_ascii_digit() && !octal).then(|| text.parse().ok())?
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        "d" => number.checked_mul(24 * 3_600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Span;

    fn plain(text: &str) -> Node {
        Node { span: Span::default(), value: Value::Scalar { text: text.to_owned(), quoted: false } }
    }

    #[test]
    fn readings() {
        let faults = &mut Faults::new("t");
        assert_eq!(plain("800ms").duration(faults), Some(Duration::from_millis(800)));
        for (text, seconds) in [("2m", 120), ("12h", 12 * 3_600), ("30d", 30 * 24 * 3_600)] {
            assert_eq!(plain(text).duration(faults), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(plain("8-12").range("a length", 1..=32, faults), Some(8..=12));
        assert_eq!(plain("8").range("a length", 1..=32, faults), Some(8..=8));
        assert_eq!(plain("8").number("a port", 0..=9, faults), Some(8));
        assert_eq!(plain("true").boolean(faults), Some(true));
        assert_eq!(plain("a-b_1").name("a name", faults).map(|w| w.text), Some("a-b_1".to_owned()));
        assert!(!faults.has_errors());
    }

    #[test]
    fn what_is_no_reading_says_what_was_expected() {
        type Read = fn(&Node, &mut Faults) -> bool;
        let cases: [(&str, Read, &str); 12] = [
            ("0755", |n, f| n.number("a port", 0..=999, f).is_some(), "found `0755`"),
            (
                "20",
                |n, f| n.duration(f).is_some(),
                "expected a duration as `800ms`, `20s`, `2m`, `12h` or `30d`, found `20`",
            ),
            ("s", |n, f| n.duration(f).is_some(), "found `s`"),
            ("99999999999999999999s", |n, f| n.duration(f).is_some(), "expected a duration"),
            ("12-8", |n, f| n.range("a length", 1..=32, f).is_some(), "from 1 to 32"),
            ("8-", |n, f| n.range("a length", 1..=32, f).is_some(), "expected a length"),
            ("0", |n, f| n.range("a length", 1..=32, f).is_some(), "found `0`"),
            ("+8", |n, f| n.number("a port", 0..=9, f).is_some(), "found `+8`"),
            ("yes", |n, f| n.boolean(f).is_some(), "expected true or false, found `yes`"),
            ("9a", |n, f| n.name("a name", f).is_some(), "`9a` cannot be a name"),
            ("a", |n, f| n.list("a list", 1, f).is_some(), "expected a list"),
            ("a", |n, f| n.map("a map", 1, f).is_some(), "expected a map"),
        ];
        for (text, read, message) in cases {
            let mut faults = Faults::new("t");
            assert!(!read(&plain(text), &mut faults), "{text}");
            let list = faults.into_list();
            assert!(list.len() == 1 && list[0].message.contains(message), "{text}: {list:?}");
        }
    }
}
