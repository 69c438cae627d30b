//! Names that a flow declares, and finding them: an unknown one is reported with what was near.

use crate::yaml::{Faults, Word};

/// Everything of one kind, in the file's order.
pub struct Table<T> {
    /// "fact".
    what: &'static str,
    entries: Vec<Declared<T>>,
}

/// A name that stands in the file, whether or not what it names could be read.
struct Declared<T> {
    name: Word,
    value: Option<T>,
    used: bool,
}

impl<T: Clone> Table<T> {
    pub fn new(what: &'static str) -> Self {
        Self { what, entries: Vec::new() }
    }

    /// Every name is declared before anything is read: what comes first may name what comes later.
    pub fn declare(&mut self, name: &Word) -> usize {
        self.entries.push(Declared { name: name.clone(), value: None, used: false });
        self.entries.len() - 1
    }

    pub fn define(&mut self, at: usize, value: Option<T>) {
        self.entries[at].value = value;
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What could be read.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.entries.get(at)?.value.as_ref()
    }

    pub fn use_it(&mut self, at: usize) {
        self.entries[at].used = true;
    }

    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.entries.get_mut(at)?.value.as_mut()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.text.as_str())
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// What a word names, within the module first that it stands in.
    pub fn find(&mut self, word: &Word, module: Option<&str>, faults: &mut Faults) -> Option<usize> {
        let within = module.and_then(|module| self.position(&format!("{module}.{}", word.text)));
        let at = within.or_else(|| self.position(&word.text));
        match at {
            Some(at) => self.entries[at].used = true,
            None => faults.unknown(self.what, word, self.names()),
        }
        at
    }

    /// Everything, unless something could not be read.
    pub fn all(&self) -> Option<Vec<T>> {
        self.entries.iter().map(|entry| entry.value.clone()).collect()
    }

    /// What could be read.
    pub fn read(&self) -> Vec<T> {
        self.entries.iter().filter_map(|entry| entry.value.clone()).collect()
    }

    /// What nothing names: "fact", the name.
    pub fn unused(&self) -> Vec<(&'static str, Word)> {
        let unused = self.entries.iter().filter(|entry| !entry.used);
        unused.map(|entry| (self.what, entry.name.clone())).collect()
    }
}
