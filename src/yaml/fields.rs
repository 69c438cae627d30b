//! A map with a known set of keys, taken one by one; what nobody asked for is reported.

use super::diagnostic::{Diagnostic, Faults, Span};
use super::near::{nearest, suggestion};
use super::node::{Node, Value, Word, is_misread};
use super::shape::Shape;

/// The keys of one map. `take` and `need` consume them; `finish` reports the rest.
#[derive(Debug)]
pub struct Fields<'n> {
    /// "fact `account`".
    what: String,
    span: Span,
    entries: Vec<(&'n Word, &'n Node)>,
    asked: Vec<&'static str>,
    shape: Option<&'static Shape>,
    /// Keys that were taken for the ones that they look like.
    mistyped: Vec<(&'n Word, &'static str)>,
}

impl<'n> Fields<'n> {
    /// `None`, and a diagnostic: the node is no map.
    pub fn of(node: &'n Node, what: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        let what = what.into();
        let Value::Map(entries) = &node.value else {
            node.wrong(&format!("{what} as a map of keys"), faults);
            return None;
        };
        let entries = entries.iter().map(|(key, value)| (key, value)).collect();
        Some(Self { what, span: node.span, entries, asked: Vec::new(), shape: None, mistyped: Vec::new() })
    }

    /// The same by a table: no other key is asked for, and what is told of an unknown one is the table's. A mistyped key is
    /// taken for what it looks like: it is reported all the same, and what follows from its absence is not.
    pub fn by(mut self, shape: &'static Shape) -> Self {
        debug_assert!(self.asked.iter().all(|key| shape.key(key).is_some()), "what was asked for is in the table");
        self.shape = Some(shape);
        self
    }

    /// The value of a key that may be absent.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        debug_assert!(self.shape.is_none_or(|shape| shape.key(key).is_some()), "`{key}` is not in the table");
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let at = self.entries.iter().position(|(k, _)| k.text == key).or_else(|| {
            let at = self.mistyped(key)?;
            self.mistyped.push((self.entries[at].0, key));
            Some(at)
        })?;
        Some(self.entries.remove(at).1)
    }

    /// The entry whose key is none, and looks like this one more than like any other.
    fn mistyped(&self, key: &str) -> Option<usize> {
        let shape = self.shape?;
        self.entries.iter().position(|(k, _)| {
            shape.key(&k.text).is_none() && !is_misread(&k.text) && nearest(&k.text, shape.names()) == Some(key)
        })
    }

    /// The value of a key that must be there.
    pub fn need(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n Node> {
        let value = self.take(key);
        if value.is_none() {
            self.missing(key, faults);
        }
        value
    }

    /// `askonce: 1`, which flows and configurations begin with. There is one version, so nothing is kept.
    pub fn version(&mut self, faults: &mut Faults) {
        match self.take("askonce") {
            Some(node) => drop(node.number("the version of the language,", 1..=1, faults)),
            None => drop(self.missing("askonce", faults).remedy("write `askonce: 1` in the first line")),
        }
    }

    /// Reports that a key is not there, at a key that looks like it if there is one.
    pub fn missing<'f>(&mut self, key: &str, faults: &'f mut Faults) -> &'f mut Diagnostic {
        let near = nearest(key, self.entries.iter().map(|(k, _)| k.text.as_str()));
        let at = near.and_then(|near| self.entries.iter().position(|(k, _)| k.text == near));
        let (span, near) =
            at.map_or((self.span, None), |at| (self.entries[at].0.span, Some(self.entries.remove(at).0)));
        let diagnostic = faults.error("missing-key", span, format!("{} has no `{key}:`", self.what));
        if let Some(near) = near {
            diagnostic.remedy(format!("is `{}` meant to be it?", near.text));
        }
        diagnostic
    }

    /// The keys not yet taken, with their places.
    pub fn rest(&self) -> impl Iterator<Item = &'n Word> {
        self.entries.iter().map(|(key, _)| *key)
    }

    /// Keys that the documents name and that this version does not serve: each is reported as such.
    pub fn later(&mut self, keys: &[&str], faults: &mut Faults) {
        let what = &self.what;
        self.entries.retain(|(key, _)| {
            let later = keys.contains(&key.text.as_str());
            if later {
                faults.not_served(key.span, &format!("`{}:` of {what}", key.text));
            }
            !later
        });
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, faults: &mut Faults) {
        let mistyped = self.mistyped.iter().map(|(key, _)| *key);
        // What other readers take for true or false was told of when the file was read.
        let unknown = self.rest().filter(|key| !is_misread(&key.text)).chain(mistyped);
        for key in unknown {
            let message = format!("{} has no key `{}`", self.what, key.text);
            let remedy = match self.shape.and_then(|shape| shape.only(&key.text)) {
                Some(with) => format!("it stands only with {with}"),
                None => suggestion(&key.text, self.asked.iter().copied()),
            };
            faults.error("unknown-key", key.span, message).remedy(remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Source, read};

    #[test]
    fn what_is_asked_for_is_taken_and_the_rest_is_reported() {
        let text = "type: digits\nlenght: 8\nlives: call\n";
        let mut faults = Faults::new("t.yaml");
        let node = read(&Source { path: "t.yaml".into(), text: text.into() }, &mut faults).expect("valid");
        let mut fields = Fields::of(&node, "fact `a`", &mut faults).expect("a map");
        assert!(fields.need("type", &mut faults).is_some());
        assert!(fields.need("length", &mut faults).is_none());
        fields.later(&["lives", "fresh"], &mut faults);
        fields.finish(&mut faults);
        let list = faults.into_list();
        let found: Vec<_> = list.iter().map(|d| (d.code, d.span.line, d.remedy.as_deref())).collect();
        let expected = [("missing-key", 2, Some("is `lenght` meant to be it?")), ("not-served-yet", 3, None)];
        assert_eq!(found, expected);
    }
}
