//! Speech as text: what a person reads where a caller hears.

use crate::audio::Utterance;
use crate::audio::spoken::{self, PAUSE};
use crate::flow::Prompts;
use crate::flow::prompts::Part;
use crate::time::Duration;
use std::collections::BTreeMap;

/// Spoken English has some fifteen letters a second.
const LETTER: Duration = Duration::from_millis(65);

/// The texts of a flow's clips and of the words that its values are read with.
pub struct Words {
    texts: BTreeMap<String, String>,
}

impl Words {
    pub fn of(prompts: &Prompts) -> Words {
        let mut texts = BTreeMap::new();
        for book in prompts.books() {
            for part in book.prompts().flat_map(|(_, prompt)| &prompt.parts) {
                if let Part::Clip { name, text } = part {
                    texts.insert(name.clone(), text.clone());
                }
            }
            let words = spoken::words(&book.language).into_iter();
            for (name, text) in words {
                let clip = format!("{}/{name}", book.language);
                match name.strip_prefix("digits/") {
                    // Figures are quicker to read than their names.
                    Some(figure) => drop(texts.insert(clip, figure.to_owned())),
                    None => drop(texts.entry(clip).or_insert(text)),
                }
            }
        }
        Words { texts }
    }

    /// What is said, values in words. Of what has no text, its name.
    pub fn text(&self, say: &[Utterance]) -> String {
        let mut text = String::new();
        let mut add = |clip: &str| match clip {
            PAUSE => text.push(','),
            clip => {
                let said = self.texts.get(clip).map_or(clip, String::as_str);
                // What a value ends had its full stop behind the value.
                let ended = said.starts_with(char::is_uppercase) && text.ends_with(char::is_alphanumeric);
                text += if ended { "." } else { "" };
                text += if text.is_empty() { "" } else { " " };
                text += said;
            }
        };
        for utterance in say {
            match utterance {
                Utterance::Clip(name) => add(name),
                Utterance::Value { language, reading, value } => {
                    spoken::clips(language, *reading, value.open()).iter().for_each(|clip| add(clip));
                }
            }
        }
        text
    }

    /// How long that takes to say, about.
    pub fn length(&self, say: &[Utterance]) -> Duration {
        LETTER * u32::try_from(self.text(say).len()).unwrap_or(u32::MAX).max(1)
    }
}
