//! The prompts of a folder: id, text, and the clips and values that it is spoken with.
//!
//! `account_readback: "I have {account}. If that is right, press 1."` is spoken as the clip
//! `en/account_readback.1`, the value in words, and the clip `en/account_readback.2`.

use super::fact::Question;
use crate::audio::Utterance;
use crate::audio::spoken::Reading;
use crate::context::Class;
use crate::secret::Secret;
use crate::yaml::{Diagnostic, Faults, Source, Span, Value, Word, read};
use std::collections::{BTreeMap, BTreeSet};

/// Prompts of one catalogue.
pub const MAX_PROMPTS: usize = 5_000;
/// Placeholders of one prompt.
const MAX_PLACEHOLDERS: usize = 8;
/// The prompt that stands for a fact without a value where a text says `{name?}`.
pub const NOT_GIVEN: &str = "not_given";

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
    /// The catalogue's file.
    pub path: String,
    prompts: BTreeMap<String, Prompt>,
    /// The ids whose texts are wrong; `None`: of the whole catalogue nothing could be read.
    wrong: Option<BTreeSet<String>>,
    /// The catalogue as it was read: a part of every flow's digest.
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    pub parts: Vec<Part>,
    /// Of its id.
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A clip by its name, `en/welcome`, and what is said in it.
    Clip {
        name: String,
        text: String,
    },
    Fact(Placeholder),
    /// Of the line that the caller waits in.
    Queue(Queued),
}

/// `{account}`, `{card.last4}`, `{reason?}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placeholder {
    pub name: String,
    pub form: Form,
    /// Without a value the prompt `NOT_GIVEN` is said; else nothing.
    pub not_given: bool,
}

/// How much of a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Whole,
    /// A date with its day of the week.
    Weekday,
    /// The last so many digits, one by one.
    Last(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queued {
    /// The caller's place in the line; 1 is the next.
    Position,
    /// The minutes that the wait may take.
    Minutes,
}

/// What `PromptBook::speech` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'p> {
    Fact(&'p str),
    Queue(Queued),
}

/// What there is for a placeholder.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'v> {
    Fact(&'v Question, &'v Secret),
    Number(u32),
    /// The fact has no value.
    NotGiven,
    /// Who listens may not hear it.
    Withheld,
}

impl Prompts {
    /// The first language speaks until the caller chose another.
    pub fn new(first: PromptBook, others: Vec<PromptBook>) -> Prompts {
        Prompts { first, others }
    }

    pub fn books(&self) -> impl Iterator<Item = &PromptBook> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether nothing is wrong with any catalogue.
    pub fn are_sound(&self) -> bool {
        self.books().all(|book| book.wrong.as_ref().is_some_and(BTreeSet::is_empty))
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
    /// Reads a catalogue (`id: text`). The book holds every prompt whose text could be read, so that a flow's own
    /// mistakes show at the same time.
    pub fn read(language: &str, catalogue: &Source) -> (PromptBook, Vec<Diagnostic>) {
        let mut faults = Faults::new(&catalogue.path);
        let mut prompts = BTreeMap::new();
        let node = read(catalogue, &mut faults);
        let entries = node.as_ref().and_then(|n| n.map("a catalogue of `id: text`", MAX_PROMPTS, &mut faults));
        let mut wrong = BTreeSet::new();
        for (id, text) in entries.unwrap_or(&[]) {
            let Value::Scalar { text: spoken, .. } = &text.value else {
                text.wrong("the text of the prompt", &mut faults);
                wrong.extend([id.text.clone()]);
                continue;
            };
            if !is_id(&id.text) {
                let message = format!("`{}` cannot be the id of a prompt", id.text);
                faults.error("bad-name", id.span, message).remedy("letters, digits, `_`, `-` and `/`");
                continue;
            }
            match parts(language, id, spoken, text.span, &mut faults) {
                Some(parts) => {
                    drop(prompts.insert(id.text.clone(), Prompt { text: spoken.clone(), parts, span: id.span }))
                }
                None => wrong.extend([id.text.clone()]),
            }
        }
        let (language, path) = (language.to_owned(), catalogue.path.clone());
        let wrong = entries.map(|_| wrong);
        let book = PromptBook { language, path, prompts, wrong, text: catalogue.text.clone() };
        (book, faults.into_list())
    }

    /// The book of a catalogue that cannot be read at all.
    pub fn unread(language: &str, path: &str) -> PromptBook {
        let (language, path) = (language.to_owned(), path.to_owned());
        PromptBook { language, path, prompts: BTreeMap::new(), wrong: None, text: String::new() }
    }

    /// Whether the catalogue could be read, if not each of its texts.
    pub fn is_whole(&self) -> bool {
        self.wrong.is_some()
    }

    /// Whether it is known if there is such a prompt. What is wrong with its text, or with the whole catalogue, was told.
    pub fn is_sure_of(&self, id: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| !wrong.contains(id))
    }

    pub fn prompt(&self, id: &str) -> Option<&Prompt> {
        self.prompts.get(id)
    }

    /// Every prompt with its id.
    pub fn prompts(&self) -> impl Iterator<Item = (&str, &Prompt)> {
        self.prompts.iter().map(|(id, prompt)| (id.as_str(), prompt))
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

    /// What to say for a prompt. `entry` is what a placeholder reads; a value that there is no way to say is left out.
    pub fn speech<'v>(&self, id: &str, entry: impl Fn(Wanted) -> Entry<'v>) -> Vec<Utterance> {
        let mut said = Vec::new();
        for part in self.prompts.get(id).map(|p| p.parts.as_slice()).into_iter().flatten() {
            match part {
                Part::Clip { name, .. } => said.push(Utterance::Clip(name.clone())),
                Part::Queue(queued) => {
                    if let Entry::Number(number) = entry(Wanted::Queue(*queued)) {
                        said.push(self.value(Reading::Number, Secret::new(number.to_string())));
                    }
                }
                Part::Fact(placeholder) => match entry(Wanted::Fact(&placeholder.name)) {
                    Entry::Fact(question, value) => said.extend(self.read_out(question, value, placeholder.form)),
                    Entry::NotGiven if placeholder.not_given => said.extend(self.plain(NOT_GIVEN)),
                    Entry::NotGiven | Entry::Withheld | Entry::Number(_) => {}
                },
            }
        }
        said
    }

    /// A value as its type is read; of one whose values have prompts, that prompt. Whoever loads a flow has refused what
    /// is not to be heard; it is not said here either.
    fn read_out(&self, question: &Question, value: &Secret, form: Form) -> Vec<Utterance> {
        match (question.class, form) {
            (Class::Secret, _) | (Class::Pci, Form::Whole | Form::Weekday) => return Vec::new(),
            (_, Form::Last(count)) => return vec![self.value(Reading::Digits, value.last(count))],
            (Class::Public | Class::Pii, Form::Whole | Form::Weekday) => {}
        }
        if let Some(clip) = question.kind.clip(value) {
            return vec![Utterance::Clip(clip)];
        }
        let Some(reading) = question.kind.reading() else {
            let named = question.kind.named_values().find(|named| *value == Secret::new(*named));
            return named.map_or_else(Vec::new, |named| self.plain(&value_prompt(&question.name.text, named)));
        };
        let reading = if form == Form::Weekday { reading.with_weekday() } else { reading };
        vec![self.value(reading, value.clone())]
    }

    fn value(&self, reading: Reading, value: Secret) -> Utterance {
        Utterance::Value { language: self.language.clone(), reading, value }
    }

    /// The clips of a prompt that reads nothing.
    fn plain(&self, id: &str) -> Vec<Utterance> {
        let clips = self.prompts.get(id).into_iter().flat_map(Prompt::clips);
        clips.map(|name| Utterance::Clip(name.to_owned())).collect()
    }
}

impl Prompt {
    pub fn clips(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Clip { name, .. } => Some(name.as_str()),
            Part::Fact(_) | Part::Queue(_) => None,
        })
    }

    /// What it reads: the same in every language, but that a day of the week may be said in one and not in another.
    pub fn values(&self) -> BTreeSet<Part> {
        let values = self.parts.iter().filter(|part| !matches!(part, Part::Clip { .. })).cloned();
        let same = values.map(|part| match part {
            Part::Fact(placeholder) if placeholder.form == Form::Weekday => {
                Part::Fact(Placeholder { form: Form::Whole, ..placeholder })
            }
            other => other,
        });
        same.collect()
    }

    /// Its placeholders that name facts.
    pub fn facts(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Clip { .. } | Part::Queue(_) => None,
            Part::Fact(placeholder) => Some(placeholder),
        })
    }

    /// Whether it reads something, of a fact or of the line.
    pub fn reads(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Clip { .. }))
    }

    /// Whether it is for those who wait in a line.
    pub fn reads_queue(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Queue(_)))
    }
}

/// The prompt that says a value of a fact whose values are names: `reason/billing`, in a module as well.
pub fn value_prompt(fact: &str, value: &str) -> String {
    format!("{}/{value}", fact.rsplit('.').next().unwrap_or(fact))
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
        let Some(part) = placeholder(name) else {
            faults.error("placeholder", span, format!("`{{{name}}}` is nothing that can be read")).remedy(PLACEHOLDERS);
            return None;
        };
        pieces.push(before);
        names.push(part);
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
            let name = if whole { name } else { format!("{name}.{clips}") };
            // Punctuation that a placeholder left at the front belongs to what was before it.
            let text = piece.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '¿' | '¡')).trim_end();
            parts.push(Part::Clip { name, text: text.to_owned() });
        }
        parts.extend(names.next());
    }
    if parts.is_empty() {
        faults.error("wrong-type", span, format!("prompt `{}` has no text", id.text));
        return None;
    }
    Some(parts)
}

const PLACEHOLDERS: &str = "a placeholder names a fact: {account}; the last digits of one: {card.last4}; a date with its day \
                            of the week: {visit.weekday}; {queue.position} or {queue.minutes}; and {name?} says `not_given` \
                            where there is no value";

/// What stands between `{` and `}`.
fn placeholder(text: &str) -> Option<Part> {
    match text {
        "queue.position" => return Some(Part::Queue(Queued::Position)),
        "queue.minutes" => return Some(Part::Queue(Queued::Minutes)),
        _ => {}
    }
    let (text, not_given) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
    // A fact of a module has the module's name before its own.
    let (name, form) = match text.rsplit_once('.') {
        Some((name, "weekday")) => (name, Form::Weekday),
        Some((name, form)) if form.starts_with("last") => match form.as_bytes() {
            [b'l', b'a', b's', b't', count @ b'1'..=b'4'] => (name, Form::Last(usize::from(count - b'0'))),
            _ => return None,
        },
        _ => (text, Form::Whole),
    };
    let is_name = !name.starts_with("queue.") && name.split('.').all(|part| is_id(part) && !part.contains('/'));
    is_name.then(|| Part::Fact(Placeholder { name: name.to_owned(), form, not_given }))
}

#[cfg(test)]
mod tests;
