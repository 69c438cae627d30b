//! What a flow declares, and looking it up by name: an unknown name is reported with what was near.

use crate::audio::spoken::{Currency, Reading};
use crate::flow::fact::Question;
use crate::flow::model::{Next, Queue, Use};
use crate::flow::prompts::Prompts;
use crate::yaml::{Faults, Fields, Node, Word};
use std::collections::BTreeSet;

/// Words of targets that no block may be named.
const KEYWORDS: [&str; 2] = ["continue", "return"];

/// Facts that go along with a caller.
const MAX_NEEDS: usize = 64;

/// A load under way.
pub struct Loading<'p> {
    pub faults: Faults,
    pub prompts: &'p Prompts,
    /// In which sums of money are.
    pub currency: Currency,
    /// Whether `always: {error:}` is there: steps without an `else:` then have an exit.
    pub has_always: bool,
    facts: Vec<Declared<Question>>,
    queues: Vec<Declared<Queue>>,
    blocks: Vec<Word>,
    /// The values that prompts read.
    pub readings: Vec<(Reading, Word)>,
    /// Where prompts are said.
    pub uses: Vec<Use>,
    /// What is being read: `fact account`, `start:2`.
    pub place: String,
    /// Prompts and languages of which it was told that one lacks the other.
    pub(super) lacking: BTreeSet<(String, String)>,
}

/// A name that stands in the file, whether or not what it names could be read.
struct Declared<T> {
    name: Word,
    what: Option<T>,
    used: bool,
}

impl<'p> Loading<'p> {
    pub fn new(path: &str, prompts: &'p Prompts) -> Self {
        let (facts, queues, blocks) = (Vec::new(), Vec::new(), Vec::new());
        let currency = Currency::default();
        Self {
            faults: Faults::new(path),
            prompts,
            currency,
            has_always: false,
            facts,
            queues,
            blocks,
            readings: Vec::new(),
            uses: Vec::new(),
            place: String::new(),
            lacking: BTreeSet::new(),
        }
    }

    pub fn declare_fact(&mut self, name: &Word) {
        self.facts.push(Declared { name: name.clone(), what: None, used: false });
    }

    pub fn define_fact(&mut self, at: usize, question: Option<Question>) {
        self.facts[at].what = question;
    }

    pub fn declare_queue(&mut self, name: &Word, what: Option<Queue>) {
        self.queues.push(Declared { name: name.clone(), what, used: false });
    }

    pub fn name_blocks(&mut self, blocks: &[(Word, Node)]) {
        for (name, _) in blocks {
            if KEYWORDS.contains(&name.text.as_str()) {
                let message = format!("`{}` is a word of the language; no block can be named so", name.text);
                self.faults.error("bad-name", name.span, message);
            } else {
                name.is_name("the name of a block", &mut self.faults);
            }
            self.blocks.push(name.clone());
        }
    }

    pub fn block_names(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().map(|b| b.text.as_str())
    }

    /// The facts, unless one of them could not be read.
    pub fn facts(&self) -> Option<Vec<Question>> {
        self.facts.iter().map(|f| f.what.clone()).collect()
    }

    /// The facts that could be read.
    pub fn questions(&self) -> Vec<Question> {
        self.facts.iter().filter_map(|f| f.what.clone()).collect()
    }

    pub fn queues(&self) -> Option<Vec<Queue>> {
        self.queues.iter().map(|q| q.what.clone()).collect()
    }

    /// Facts and queues that nothing names: "fact", the name.
    pub fn unused(&self) -> Vec<(&'static str, Word)> {
        let facts = self.facts.iter().filter(|f| !f.used).map(|f| ("fact", f.name.clone()));
        let queues = self.queues.iter().filter(|q| !q.used).map(|q| ("queue", q.name.clone()));
        facts.chain(queues).collect()
    }

    pub fn question(&self, fact: usize) -> Option<&Question> {
        self.facts[fact].what.as_ref()
    }

    /// Whether a fact of that name is declared, and its question, if it could be read.
    pub fn declared(&self, name: &str) -> Option<Option<&Question>> {
        self.facts.iter().find(|fact| fact.name.text == name).map(|fact| fact.what.as_ref())
    }

    pub fn fact_names(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().map(|fact| fact.name.text.as_str())
    }

    /// The fact that a node names.
    pub fn fact(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a fact", &mut self.faults)?;
        let at = self.facts.iter().position(|f| f.name.text == word.text);
        match at {
            Some(at) => self.facts[at].used = true,
            None => {
                let names = self.facts.iter().map(|f| f.name.text.as_str());
                self.faults.unknown("fact", &word, names);
            }
        }
        at
    }

    pub fn queue(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a queue", &mut self.faults)?;
        let at = self.queues.iter().position(|q| q.name.text == word.text);
        match at {
            Some(at) => self.queues[at].used = true,
            None => self.faults.unknown("queue", &word, self.queues.iter().map(|q| q.name.text.as_str())),
        }
        at
    }

    /// A destination of the configuration.
    pub fn destination(&mut self, node: &Node) -> Option<Word> {
        destination(node, &mut self.faults)
    }

    /// `needs:`, the facts that go along with the caller; none without it.
    pub fn needs(&mut self, fields: &mut Fields) -> Option<Vec<usize>> {
        let Some(node) = fields.take("needs") else { return Some(Vec::new()) };
        let items = node.list("facts as `[account]`", MAX_NEEDS, &mut self.faults)?;
        let mut facts = Vec::with_capacity(items.len());
        let mut whole = true;
        for item in items {
            let Some(fact) = self.fact(item) else {
                whole = false;
                continue;
            };
            let Some((name, class)) = self.question(fact).map(|q| (q.name.text.clone(), q.class)) else { continue };
            if !class.for_agent() {
                let class = format!("{class:?}").to_lowercase();
                let message = format!("`{name}` is {class}: no agent may need it");
                self.faults.error("class", item.span, message).remedy("take it out of `needs:`");
            } else if facts.contains(&fact) {
                self.faults.error("duplicate-key", item.span, format!("`{name}` stands here a second time"));
            }
            facts.push(fact);
        }
        whole.then_some(facts)
    }

    pub fn block(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a block", &mut self.faults)?;
        if KEYWORDS.contains(&word.text.as_str()) {
            self.faults.error("wrong-type", word.span, format!("`{}` does not fit here: name a block", word.text));
            return None;
        }
        let at = self.blocks.iter().position(|b| b.text == word.text);
        if at.is_none() {
            self.faults.unknown("block", &word, self.blocks.iter().map(|b| b.text.as_str()));
        }
        at
    }

    /// The exit of a step that can fail: `else:`, or `always.error`, or it does not load.
    pub fn otherwise(&mut self, fields: &mut Fields, verb: &Node) -> Option<Next> {
        let Some(node) = fields.take("else") else {
            if !self.has_always {
                let message = "this step can fail and has no exit";
                self.faults
                    .error("no-exit", verb.span, message)
                    .remedy("add `else: BLOCK` or `always: { error: BLOCK }`");
            }
            return self.has_always.then_some(Next::Always);
        };
        match node.word("a block or `continue`", &mut self.faults)?.text.as_str() {
            "continue" => Some(Next::Continue),
            "return" => {
                self.faults.not_served(node.span, "`return`");
                None
            }
            _ => self.block(node).map(Next::Block),
        }
    }
}

/// The name of a destination of the configuration.
pub fn destination(node: &Node, faults: &mut Faults) -> Option<Word> {
    let to = node.word("a destination of the configuration", faults)?;
    if to.text.contains(':') {
        faults
            .not_served(to.span, "an address in a flow")
            .remedy("name a destination of the configuration, or of --destination NAME=sip:…");
        return None;
    }
    to.is_name("a destination", faults).then_some(to)
}
