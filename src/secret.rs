//! A value that never prints itself. What a caller keyed in travels as a `Secret` from the packet to
//! the sink; tests/house.rs lists the files that may open one.

use std::fmt;

/// Caller data. `Debug` and `Display` show its length at most; `open` is for carriers, checks and the store.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Secret(Box<str>);

impl Secret {
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    /// The value in clear. Whoever calls this answers for where it goes.
    pub fn open(&self) -> &str {
        &self.0
    }

    /// Length in characters.
    pub fn len(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether it is exactly so many hex digits, in lower case.
    pub fn is_hex(&self, digits: usize) -> bool {
        self.0.len() == digits && self.0.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last `count` characters, or all of a shorter one.
    pub fn last(&self, count: usize) -> Secret {
        Secret::new(self.0.chars().skip(self.len().saturating_sub(count)).collect::<String>())
    }

    /// All but the last `shown` characters as `*`; nothing is shown of a value that is hardly longer.
    pub fn masked(&self, shown: usize) -> String {
        let len = self.len();
        let shown = if len < shown + 4 { 0 } else { shown };
        self.0.chars().enumerate().map(|(i, c)| if i + shown < len { '*' } else { c }).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} characters)", self.len())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_neither_itself_nor_a_part_of_it() {
        let secret = Secret::new("79927398713");
        for text in [format!("{secret}"), format!("{secret:?}"), format!("{secret:#?}")] {
            assert!(!text.contains("7992") && !text.contains("713"), "{text}");
        }
    }

    #[test]
    fn a_mask_shows_the_tail_of_a_long_value_and_nothing_of_a_short_one() {
        assert_eq!(Secret::new("79927398713").masked(4), "*******8713");
        assert_eq!(Secret::new("1234").masked(4), "****");
        assert_eq!(Secret::new("79927398713").last(4), Secret::new("8713"));
        assert_eq!(Secret::new("13").last(4), Secret::new("13"));
    }
}
