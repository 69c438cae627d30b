//! The prompts of a folder: id, text, and the clips and values that it is spoken with.
//!
//! `account_readback: "I have {account}. If that is right, press 1."` is spoken as the clip
//! `en/account_readback.1`, the value in words, and the clip `en/account_readback.2`.

use crate::audio::Utterance;
use crate::audio::spoken::Reading;
use crate::secret::Secret;
use crate::yaml::{Diagnostic, Faults, Source, Span, Value, Word, read};
use std::collections::{BTreeMap, BTreeSet};

/// Prompts of one catalogue.
const MAX_PROMPTS: usize = 5_000;
/// Placeholders of one prompt.
const MAX_PLACEHOLDERS: usize = 8;

/// What a flow says, in each of its languages.
#[derive(Clone, Debug)]
pub struct Prompts {
    first: PromptBook,
    others: Vec<PromptBook>,
}

/// Every prompt of one language.
#[derive(Clone, Debug)]
pub struct PromptBook {
    pub language: String,
    prompts: BTreeMap<String, Prompt>,
    /// The catalogue as it was read: a part of every flow's digest.
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A clip by its name: `en/welcome`.
    Clip(String),
    /// The value of a fact, read by its type; of a date, with its day of the week.
    Fact { name: String, weekday: bool },
}

impl Prompts {
    /// The first language speaks until the caller chose another.
    pub fn new(first: PromptBook, others: Vec<PromptBook>) -> Prompts {
        Prompts { first, others }
    }

    pub fn books(&self) -> impl Iterator<Item = &PromptBook> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub fn first(&self) -> &PromptBook {
        &self.first
    }

    /// The book of a language; that of the first one if there is none.
    pub fn book(&self, language: &str) -> &PromptBook {
        self.books().find(|book| book.language == language).unwrap_or(&self.first)
    }
}

impl PromptBook {
    /// Reads a catalogue (`id: text`). `clips` are the sound files that exist, by name without `.wav`. The
    /// book holds every prompt whose text could be read, so that a flow's own mistakes show at the same time.
    pub fn read(language: &str, catalogue: &Source, clips: &BTreeSet<String>) -> (PromptBook, Vec<Diagnostic>) {
        let mut faults = Faults::new(&catalogue.path);
        let mut prompts = BTreeMap::new();
        let node = read(catalogue, &mut faults);
        let entries = node.as_ref().and_then(|n| n.map("a catalogue of `id: text`", MAX_PROMPTS, &mut faults));
        for (id, text) in entries.into_iter().flatten() {
            let Value::Scalar { text: spoken, .. } = &text.value else {
                text.wrong("the text of the prompt", &mut faults);
                continue;
            };
            if !is_id(&id.text) {
                let message = format!("`{}` cannot be the id of a prompt", id.text);
                faults.error("bad-name", id.span, message).remedy("letters, digits, `_`, `-` and `/`");
                continue;
            }
            if let Some(parts) = parts(language, id, spoken, text.span, &mut faults) {
                wanted(id, spoken, &parts, clips, &mut faults);
                prompts.insert(id.text.clone(), Prompt { text: spoken.clone(), parts });
            }
        }
        let book = PromptBook { language: language.to_owned(), prompts, text: catalogue.text.clone() };
        (book, faults.into_list())
    }

    pub fn prompt(&self, id: &str) -> Option<&Prompt> {
        self.prompts.get(id)
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }

    /// The catalogue's text, for digests.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the clips that the prompts are made of.
    pub fn clips(&self) -> impl Iterator<Item = &str> {
        self.prompts.values().flat_map(Prompt::clips)
    }

    /// What to say for a prompt. `value` is what the placeholder of a fact reads, and how; one that has none is left out.
    pub fn speech<'v>(&self, id: &str, value: impl Fn(&str) -> Option<(&'v Secret, Reading)>) -> Vec<Utterance> {
        let parts = self.prompts.get(id).map(|p| p.parts.as_slice()).into_iter().flatten();
        let spoken = parts.filter_map(|part| match part {
            Part::Clip(name) => Some(Utterance::Clip(name.clone())),
            Part::Fact { name, weekday } => value(name).map(|(value, reading)| {
                let reading = if *weekday { reading.with_weekday() } else { reading };
                Utterance::Value { language: self.language.clone(), reading, value: value.clone() }
            }),
        });
        spoken.collect()
    }
}

impl Prompt {
    pub fn clips(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Clip(name) => Some(name.as_str()),
            Part::Fact { .. } => None,
        })
    }

    /// Its placeholders: the fact, and whether the day of the week is wanted.
    pub fn facts(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Clip(_) => None,
            Part::Fact { name, weekday } => Some((name.as_str(), *weekday)),
        })
    }
}

fn is_id(text: &str) -> bool {
    let rooted = text.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
    rooted && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/'))
}

/// The text cut at its placeholders. A piece without a letter or a digit is not spoken.
fn parts(language: &str, id: &Word, text: &str, span: Span, faults: &mut Faults) -> Option<Vec<Part>> {
    let mut pieces = vec![];
    let mut names = vec![];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            faults.error("placeholder", span, format!("`{{` without `}}` in prompt `{}`", id.text));
            return None;
        };
        if names.len() >= MAX_PLACEHOLDERS {
            faults.error("too-many", span, format!("more than {MAX_PLACEHOLDERS} placeholders in one prompt"));
            return None;
        }
        let (name, weekday) = name.strip_suffix(".weekday").map_or((name, false), |name| (name, true));
        if name.contains(['.', '?']) {
            faults.not_served(span, &format!("`{{{name}}}`")).remedy(
                "a placeholder names a fact: {account}; of a date, {visit.weekday} says its day of the week too",
            );
            return None;
        }
        pieces.push(before);
        names.push(Part::Fact { name: name.to_owned(), weekday });
        rest = behind;
    }
    pieces.push(rest);
    let (mut parts, mut clips) = (vec![], 0);
    let mut names = names.into_iter();
    let whole = pieces.len() == 1;
    for piece in pieces {
        if piece.contains(char::is_alphanumeric) {
            clips += 1;
            let name = format!("{language}/{}", id.text);
            parts.push(Part::Clip(if whole { name } else { format!("{name}.{clips}") }));
        }
        parts.extend(names.next());
    }
    if parts.is_empty() {
        faults.error("wrong-type", span, format!("prompt `{}` has no text", id.text));
        return None;
    }
    Some(parts)
}

/// Reports the sound files that a prompt needs and that are not there.
fn wanted(id: &Word, text: &str, parts: &[Part], clips: &BTreeSet<String>, faults: &mut Faults) {
    for part in parts {
        let Part::Clip(name) = part else { continue };
        if !clips.contains(name) {
            faults
                .error("no-clip", id.span, format!("prompt `{}` needs `{name}.wav`, which is not there", id.text))
                .note(format!("its text is: {text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(text: &str, clips: &[&str]) -> (PromptBook, Vec<Diagnostic>) {
        let catalogue = Source { path: "prompts/en.yaml".into(), text: text.into() };
        PromptBook::read("en", &catalogue, &clips.iter().map(|clip| (*clip).to_owned()).collect())
    }

    #[test]
    fn a_placeholder_cuts_the_text_into_numbered_clips() {
        let clips = ["en/hello", "en/back.1", "en/back.2", "en/tail.1"];
        let text = "hello: Good day.\nback: \"I have {account}. Right?\"\ntail: \"It is {visit.weekday}.\"\n";
        let (book, faults) = book(text, &clips);
        assert_eq!(faults, []);
        let clip = |name: &str| Part::Clip(name.to_owned());
        let fact = |name: &str, weekday| Part::Fact { name: name.to_owned(), weekday };
        let parts = |id| book.prompt(id).map(|p| p.parts.clone());
        assert_eq!(parts("hello"), Some(vec![clip("en/hello")]));
        assert_eq!(parts("back"), Some(vec![clip("en/back.1"), fact("account", false), clip("en/back.2")]));
        assert_eq!(parts("tail"), Some(vec![clip("en/tail.1"), fact("visit", true)]));
        let value = Secret::new("2026-03-01");
        let said = book.speech("tail", |name| (name == "visit").then_some((&value, Reading::Date { weekday: false })));
        let reading = Reading::Date { weekday: true };
        assert_eq!(
            said,
            [Utterance::Clip("en/tail.1".into()), Utterance::Value { language: "en".into(), reading, value }]
        );
    }

    #[test]
    fn what_a_catalogue_may_not_say() {
        let cases = [
            ("hello: Good day.\n", "no-clip", 1, 1),
            ("a: \"{x\"\n", "placeholder", 1, 4),
            ("a: \"{card.last4}\"\n", "not-served-yet", 1, 4),
            ("a: \"{name?}\"\n", "not-served-yet", 1, 4),
            ("a: \"...\"\n", "wrong-type", 1, 4),
            ("a: [b]\n", "wrong-type", 1, 4),
            ("../../etc/passwd: b\n", "bad-name", 1, 1),
            ("- a\n", "wrong-type", 1, 1),
        ];
        for (text, code, line, column) in cases {
            let (_, faults) = book(text, &[]);
            let found: Vec<_> = faults.iter().map(|d| (d.code, d.span.line, d.span.column)).collect();
            assert_eq!(found, [(code, line, column)], "{text}: {faults:?}");
        }
    }

    #[test]
    fn a_missing_clip_is_named_with_its_text() {
        let (_, faults) = book("ok: Fine.\nback: \"{account} it is\"\n", &["en/ok"]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.contains("`en/back.1.wav`"), "{faults:?}");
        assert_eq!(faults[0].notes, ["its text is: {account} it is"]);
    }
}
