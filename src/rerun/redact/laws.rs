//! What a flow can tell of a value: whether its checks hold, on which side of a number of its conditions it lies. A
//! pseudonym is to be told alike, or the call would go another way with it.

use crate::audio::spoken;
use crate::flow::expr::Operand;
use crate::flow::fact::{Check, Kind};
use crate::flow::model::Flow;
use crate::flow::step::Step;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Of one flow, on the day of a call.
pub struct Laws<'f> {
    flow: &'f Flow,
    today: Date,
    /// What the flow itself says: the values of its choices, what its conditions compare with.
    words: BTreeSet<&'f str>,
    /// Numbers of its conditions, in hundredths.
    numbers: Vec<i64>,
}

impl<'f> Laws<'f> {
    pub fn new(flow: &'f Flow, today: Date) -> Laws<'f> {
        let mut laws = Laws { flow, today, words: BTreeSet::from(["true", "false"]), numbers: Vec::new() };
        let parameters = flow.with.iter().flat_map(|parameter| &parameter.values).map(|value| value.text.as_str());
        laws.words.extend(parameters);
        laws.words.extend(flow.facts.iter().flat_map(|question| question.kind.named_values()));
        for placed in flow.blocks.iter().flat_map(|block| &block.steps) {
            let Step::Branch(branch) = &placed.step else { continue };
            for operand in branch.operands() {
                match operand {
                    Operand::Text(text) => _ = laws.words.insert(text),
                    Operand::Number(hundredths) => laws.numbers.push(*hundredths),
                    _ => {}
                }
            }
        }
        laws
    }

    /// Whether the flow's author wrote it: then it says nothing of a caller.
    pub fn is_word(&self, value: &str) -> bool {
        self.words.contains(value)
    }

    /// What can be told of a value; of two that are told alike it is the same. Those that most values fail come first.
    pub fn told(&self, value: &str) -> impl Iterator<Item = u8> {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let formal = [spoken::date(value).is_some(), spoken::time(value).is_some()];
        let digital = [
            digits && Check::Luhn.holds(value),
            value.starts_with('0'),
            digits && Check::Mod97.holds(value),
            self.is_word(value),
        ];
        let facts = self.flow.facts.iter().map(move |question| {
            let range = || question.range.as_ref().is_none_or(|range| range.has(value, self.today));
            question.accepts(value) && range()
        });
        let given = self.flow.lookups.iter().flat_map(|lookup| &lookup.gives).map(move |given| given.kind.fits(value));
        let number = spoken::hundredths(value);
        let numbers = self.numbers.iter().map(move |than| number.map_or(0, |number| 2 + number.cmp(than) as i8) as u8);
        let day = formal.contains(&true);
        // Days and times of conditions, whose order is that of their letters.
        let words = self.words.iter().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let words = words.map(move |word| if day { 2 + value.cmp(word) as i8 } else { 0 } as u8);
        digital.into_iter().chain(formal).chain(facts).chain(given).map(u8::from).chain(numbers).chain(words)
    }
}

/// The keys with which a value is keyed in, `length` of them: `Question::value_of` the other way round.
pub fn keys_of(kind: &Kind, value: &str, length: usize, language: &str) -> Option<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let keys = match kind {
        // Zeros ahead are not a part of the value.
        Kind::Number | Kind::Money(_) => {
            let least = format!("{:0>length$}", digits.trim_start_matches('0'));
            (least.len() == length).then_some(least)?
        }
        Kind::Date => {
            let (year, month, day) = (digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?);
            if spoken::month_first(language) { format!("{month}{day}{year}") } else { format!("{day}{month}{year}") }
        }
        _ => digits,
    };
    (keys.len() == length).then_some(keys)
}
