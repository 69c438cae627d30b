//! A YAML document as a tree in which every scalar and every key keeps its text and its place.

use super::diagnostic::{Faults, Source, Span};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Options, Spanned};
use std::collections::HashMap;
use std::fmt;

/// Greatest size of a file, in bytes: ten thousand lines are about 400,000.
pub const MAX_BYTES: usize = 1 << 20;
/// Greatest nesting; the language needs six.
pub const MAX_DEPTH: usize = 16;
/// Greatest number of scalars, lists and maps in a file.
const MAX_NODES: usize = 100_000;

/// A piece of text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub span: Span,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing after the key, or `~`.
    Nothing,
    /// The text as the author wrote it: `00123` and `yes` stay what they are.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    /// In file order, each key once.
    Map(Vec<(Word, Node)>),
}

/// Whether YAML 1.1 would take a key for true or false. `read` reports each of them.
pub fn is_misread(key: &str) -> bool {
    matches!(key.to_ascii_lowercase().as_str(), "on" | "off" | "yes" | "no" | "y" | "n")
}

/// Reads the one document of a file. `None`: it is no YAML that we take; `faults` says why. Keys that stand
/// twice and merge keys are reported here and left out of the tree.
pub fn read(source: &Source, faults: &mut Faults) -> Option<Node> {
    if source.text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; the greatest size is {MAX_BYTES}", source.text.len());
        faults.error("too-big", Span::default(), message);
        return None;
    }
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(&source.text, options()) {
        Ok(raw) => {
            let mut node = Tree { text: &source.text, faults }.node(raw);
            if node.value == Value::Nothing {
                // A file without a value ends behind its last line; it is wrong from its first.
                node.span = Span { start: 0, end: 0, line: 1, column: 1 };
            }
            Some(node)
        }
        Err(error) => {
            refuse(&source.text, &error, faults);
            None
        }
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn refuse(text: &str, error: &Error, faults: &mut Faults) {
    let span = error.location().map_or_else(Span::default, |location| span_of(text, &location));
    // The parser notices behind what it is about.
    let before = |marks: &[char]| text[..span.start].rfind(marks).map_or(span, |at| place_of(text, at));
    match error.without_snippet() {
        Error::Budget { breach: BudgetBreach::Anchors { .. }, .. } => anchor(before(&['&']), faults),
        Error::Budget { breach: BudgetBreach::Aliases { .. }, .. } | Error::UnknownAnchor { .. } => {
            anchor(span, faults)
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            faults.error("too-deep", span, format!("nested deeper than {MAX_DEPTH}"));
        }
        Error::Budget { .. } => {
            faults.error("too-big", span, format!("more than {MAX_NODES} values in one file"));
        }
        Error::MultipleDocuments { .. } => {
            let begins = text[..span.start].rfind("\n---").map_or(span, |at| place_of(text, at + 1));
            faults.error("yaml", begins, "a second document begins here").remedy("one file holds one document");
        }
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => {
            if let Some(tab) = tab(text, span) {
                faults.error("yaml", tab, "a tab indents this line").remedy("indent it by spaces");
            } else if msg.contains("anchor or alias") {
                anchor(span, faults);
            } else if msg.contains("quoted scalar") {
                let remedy = "end it before the end of its line";
                faults.error("yaml", before(&['"', '\'']), "the quotes that begin here do not end").remedy(remedy);
            } else {
                faults.error("yaml", span, format!("not YAML: {}", without_place(msg)));
            }
        }
        other => {
            faults.error("yaml", span, format!("not YAML: {}", without_place(&other.to_string())));
        }
    }
}

fn anchor(span: Span, faults: &mut Faults) {
    faults
        .error("anchor", span, "YAML anchors and aliases are refused")
        .remedy("write the value out where it is used; the key of a telephone is `star`, or \"*\"");
}

/// The tab in the indentation of the line that the parser stopped in, or of the next one: what it expected there it
/// looked for in the line before.
fn tab(text: &str, span: Span) -> Option<Span> {
    let first = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let mut at = first;
    for line in text[first..].split_inclusive('\n').take(2) {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indentation].find('\t') {
            return Some(place_of(text, at + tab));
        }
        at += line.len();
    }
    None
}

/// One character of the text.
fn place_of(text: &str, at: usize) -> Span {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let (number, column) = (text[..at].matches('\n').count() + 1, text[line..at].chars().count() + 1);
    Span { start: at, end: at + 1, line: number, column }
}

/// The crate's message without the place that it ends with: ours is shown apart.
fn without_place(message: &str) -> &str {
    message.find(" at line ").map_or(message, |at| &message[..at])
}

fn span_of(text: &str, location: &Location) -> Span {
    let at = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let span = location.span();
    let (line, column) = (at(location.line()), at(location.column()));
    let start = span.byte_offset().map_or_else(|| byte_of(text, line, column), at).min(text.len());
    let end = start.saturating_add(span.byte_len().map_or(0, at)).min(text.len());
    // The parser counts the space after a plain scalar as a part of it.
    let end = start + text.get(start..end).map_or(0, |s| s.trim_end().len());
    Span { start, end, line, column }
}

/// Some errors come without a byte offset; a column counts characters.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + text[before..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

/// What the YAML crate tells us, before the text is taken from the source.
enum Raw {
    /// A scalar that it understood as something else than text: number, boolean, nothing.
    Other,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

struct Tree<'a> {
    text: &'a str,
    faults: &'a mut Faults,
}

impl Tree<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let span = span_of(self.text, &raw.referenced);
        let value = match raw.value {
            Raw::Other => self.plain(span),
            Raw::Text(text) => {
                let quoted = self.text[span.start..span.end] != text;
                Value::Scalar { text, quoted }
            }
            Raw::List(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Value::Map(self.entries(entries)),
        };
        Node { span, value }
    }

    fn plain(&self, span: Span) -> Value {
        match &self.text[span.start..span.end] {
            "" | "~" | "null" | "Null" | "NULL" => Value::Nothing,
            text => Value::Scalar { text: text.to_owned(), quoted: false },
        }
    }

    fn entries(&mut self, raw: Vec<(Spanned<String>, Spanned<Raw>)>) -> Vec<(Word, Node)> {
        let mut entries: Vec<(Word, Node)> = Vec::with_capacity(raw.len());
        let mut lines: HashMap<String, usize> = HashMap::with_capacity(raw.len());
        for (key, value) in raw {
            let key = Word { span: span_of(self.text, &key.referenced), text: key.value };
            let value = self.node(value);
            if let Some(first) = lines.insert(key.text.clone(), key.span.line) {
                let message = format!("`{}` stands here a second time", key.text);
                self.faults
                    .error("duplicate-key", key.span, message)
                    .note(format!("it stands in line {first} already"));
            } else if key.text == "<<" {
                self.faults
                    .error("merge-key", key.span, "the merge key `<<` is refused")
                    .remedy("write the keys out where they are used");
            } else {
                if is_misread(&key.text) {
                    self.faults
                        .error("misread-key", key.span, format!("no key may be named `{}`", key.text))
                        .remedy("YAML 1.1 readers take it for true or false: choose another name");
                }
                entries.push((key, value));
            }
        }
        entries
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Other)
            }

            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Raw::Map(map))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests;
