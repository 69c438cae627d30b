//! What a map of a language may hold, as a table: the reader takes its keys by it, and the schema and the reference are
//! made from it. So a key that is read is a key that is written about.

use crate::time::Duration;

/// A map with a known set of keys.
#[derive(Debug)]
pub struct Shape {
    /// What it is: `fact`. One name one shape.
    pub name: &'static str,
    /// A sentence or two: what it is for.
    pub doc: &'static str,
    pub keys: &'static [Key],
    /// Keys that match a regular expression besides: that, and what they hold.
    pub others: Option<(&'static str, Key)>,
    pub rules: &'static [Rule],
}

/// A key of a shape.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub takes: Takes,
    pub doc: &'static str,
    pub needed: bool,
    /// What holds where the key is absent, as it would be written.
    pub default: Option<&'static str>,
    /// A value as it would be written.
    pub example: Option<&'static str>,
}

/// What stands behind a key or in a list.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// `true` or `false`.
    Bool,
    /// A whole number, from and to.
    Number(usize, usize),
    /// `8` or `8-12`, both ends from and to.
    Range(usize, usize),
    /// `800ms`, `20s`, `2m`, `12h`, `30d`: from and to.
    Duration(Duration, Duration),
    /// One of these words, each with what it means.
    Words(&'static [(&'static str, &'static str)]),
    /// The name of something that is declared elsewhere: "block".
    Name(&'static str),
    /// A name that is given here.
    NewName,
    /// Text: what it says, and the regular expression that it matches (empty: any).
    Text(&'static str, &'static str),
    /// Any scalar: what it is.
    Scalar(&'static str),
    /// So many at most.
    List(&'static Takes, usize),
    /// Keys of the author's own choice, so many at most.
    Map(&'static Takes, &'static Takes, usize),
    Of(&'static Shape),
    /// A map whose first key in the table says which of these it is; one without keys is its name, bare.
    One(&'static [&'static Shape]),
    Any(&'static [Takes]),
}

/// How the keys of one map hang together.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Exactly one of these.
    OneOf(&'static [&'static str]),
    /// One of these at least.
    SomeOf(&'static [&'static str]),
    /// These stand only together with that key.
    Only(&'static [&'static str], &'static str),
    /// None of these stands beside that key.
    Apart(&'static [&'static str], &'static str),
    /// These stand only where that key has that value.
    OnlyIf(&'static [&'static str], &'static str, &'static str),
    /// Where that key has that value, these must be there.
    Needs(&'static str, &'static str, &'static [&'static str]),
}

/// Greatest length of a name, in characters.
pub const MAX_NAME: usize = 64;

impl Shape {
    pub const fn new(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Self {
        Self { name, doc, keys, others: None, rules: &[] }
    }

    pub const fn with(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// What a key stands only together with, for a remedy.
    pub fn only(&self, name: &str) -> Option<String> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Only(keys, with) if keys.contains(&name) => Some(format!("`{with}:`")),
            Rule::OnlyIf(keys, with, value) if keys.contains(&name) => Some(format!("`{with}: {value}`")),
            _ => None,
        })
    }

    /// This shape and every one within it, each once, in the order of the tables.
    pub fn all(&'static self) -> Vec<&'static Shape> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found
    }

    fn gather(&'static self, found: &mut Vec<&'static Shape>) {
        if found.iter().any(|known| known.name == self.name) {
            return;
        }
        found.push(self);
        self.keys.iter().for_each(|key| key.takes.gather(found));
    }
}

impl Takes {
    /// Adds the shapes within it.
    pub fn gather(&self, found: &mut Vec<&'static Shape>) {
        match self {
            Takes::Of(shape) => shape.gather(found),
            Takes::One(shapes) => shapes.iter().for_each(|shape| shape.gather(found)),
            Takes::List(item, _) => item.gather(found),
            Takes::Map(_, value, _) => value.gather(found),
            Takes::Any(ways) => ways.iter().for_each(|way| way.gather(found)),
            _ => {}
        }
    }
}

/// A key that may be absent.
pub const fn key(name: &'static str, takes: Takes, doc: &'static str) -> Key {
    Key { name, takes, doc, needed: false, default: None, example: None }
}

/// A key that must be there.
pub const fn need(name: &'static str, takes: Takes, doc: &'static str) -> Key {
    Key { needed: true, ..key(name, takes, doc) }
}

impl Key {
    pub const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    pub const fn like(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }
}
