//! The longest value that a fact may have, for what has to carry it.

use super::{Kind, MAX_TEXT, Question};
use crate::secret::Secret;

impl Question {
    /// A value of the greatest length that its type and `length:` allow, in octets and once it is escaped. `None`: it has no
    /// value that a carrier takes along.
    pub fn longest(&self) -> Option<Secret> {
        let value = match &self.kind {
            Kind::Digits { length, .. } => "9".repeat(*length.end()),
            Kind::Choice(values) => values.iter().map(|(_, value)| &value.text).max_by_key(|text| text.len())?.clone(),
            Kind::Number => "999999999".to_owned(),
            Kind::Money(_) => "999999999.99".to_owned(),
            Kind::Date => "2026-12-31".to_owned(),
            Kind::Time => "23:59".to_owned(),
            Kind::Phone => format!("+{}", "9".repeat(15)),
            Kind::Bool => "false".to_owned(),
            // The letters with most octets.
            Kind::Text => "\u{10FFFD}".repeat(MAX_TEXT),
            Kind::Recording { .. } => return None,
        };
        Some(Secret::new(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::fact::Check;
    use crate::flow::fact::tests::question;
    use crate::key::Key;
    use crate::yaml::{Span, Word};

    #[test]
    fn the_longest_value_is_one_of_its_type() {
        let word = |text: &str| Word { text: text.to_owned(), span: Span::default() };
        let key = Key::from_char('1').expect("a key");
        let choice = vec![(key, word("a")), (Key::STAR, word("billing"))];
        let digits = Kind::Digits { length: 8..=12, check: Check::None };
        let usd = Kind::Money(crate::audio::spoken::Currency::Usd);
        let kinds = [digits, Kind::Choice(choice), Kind::Number, usd, Kind::Date, Kind::Time, Kind::Phone, Kind::Bool];
        for (kind, octets) in kinds.into_iter().chain([Kind::Text]).zip([12, 7, 9, 12, 10, 5, 16, 5, 800]) {
            let question = question(kind);
            let longest = question.longest().expect("a value");
            assert!(question.accepts(longest.open()), "{:?}", question.kind);
            assert_eq!(longest.open().len(), octets, "{:?}", question.kind);
        }
    }
}
