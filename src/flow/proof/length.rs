//! How long prompts are: of their clips where there are any, and by their letters where not.

use crate::audio::spoken::Reading;
use crate::flow::fact::Ask;
use crate::flow::model::Flow;
use crate::flow::prompts::{Part, Prompts};
use crate::time::Duration;

/// A letter of a text, spoken; and a digit, or a word of a value.
const LETTER: Duration = Duration::from_millis(65);
const WORD: Duration = Duration::from_millis(500);
/// Words of the longest value of a type, but for those that have a length.
const WORDS: u32 = 8;

pub struct Lengths<'f> {
    pub flow: &'f Flow,
    pub prompts: &'f Prompts,
    /// Of a clip by its name.
    pub clip: &'f dyn Fn(&str) -> Option<Duration>,
}

impl Lengths<'_> {
    /// In the language in which it is the longest.
    pub fn prompt(&self, id: &str) -> Duration {
        let books = self.prompts.books().filter_map(|book| book.prompt(id));
        let spoken = books.map(|prompt| prompt.parts.iter().map(|part| self.part(part)).sum());
        spoken.max().unwrap_or(Duration::ZERO)
    }

    fn part(&self, part: &Part) -> Duration {
        match part {
            Part::Clip { name, text } => {
                let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                (self.clip)(name).unwrap_or(LETTER * letters)
            }
            Part::Fact(placeholder) => {
                let kind = self.flow.spoken(&placeholder.name).map(|fact| &self.flow.facts[fact]);
                let digits = kind.filter(|question| question.kind.reading() == Some(Reading::Digits));
                let words = digits.map(|question| u32::try_from(question.greatest_length()).unwrap_or(WORDS));
                WORD * words.unwrap_or(WORDS)
            }
            Part::Queue(_) => WORD,
        }
    }

    /// A question that is asked so often, and its confirmation.
    pub fn question(&self, fact: usize, tries: usize) -> Duration {
        let question = &self.flow.facts[fact];
        let ask = |ask: &Ask| match ask {
            Ask::Plain(word) => self.prompt(&word.text),
            Ask::Worded { silent, invalid } => self.prompt(&silent.text).max(self.prompt(&invalid.text)),
        };
        let asked: Duration = question.ask.iter().take(tries).map(ask).sum();
        let confirm = question.confirm.as_ref().map(|confirm| self.prompt(&confirm.prompt.text));
        asked + confirm.unwrap_or(Duration::ZERO)
    }

    pub fn offer(&self, fact: usize) -> Duration {
        let offer = self.flow.facts[fact].offer.as_ref();
        offer.map_or(Duration::ZERO, |offer| self.prompt(&offer.prompt.text))
    }
}
