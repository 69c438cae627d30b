//! What a flow declares, and looking it up by name: an unknown name is reported with what was near.

use super::limits::MAX_NEEDS;
use super::table::Table;
use crate::audio::spoken::{Currency, Reading};
use crate::flow::expr::Operand;
use crate::flow::fact::{self, Kind, Question};
use crate::flow::hours::{Day, Hours};
use crate::flow::lookup::Lookup;
use crate::flow::model::{Block, Named, Needs, Next, Parameter, Queue, Use};
use crate::flow::prompts::Prompts;
use crate::yaml::near::suggestion;
use crate::yaml::{Diagnostic, Faults, Fields, Node, Span, Word};
use std::collections::{BTreeMap, BTreeSet};

/// Words of targets that no block may be named.
const KEYWORDS: [&str; 2] = ["continue", "return"];

/// A load under way.
pub struct Loading<'p> {
    /// Of the file that is read.
    pub faults: Faults,
    /// Of the modules, the one that is read aside.
    pub modules: Vec<Faults>,
    /// Blocks whose last step goes on: which, where, by its place in the file.
    pub falling: Vec<(Word, Span)>,
    pub prompts: &'p Prompts,
    /// In which sums of money are.
    pub currency: Currency,
    /// Prompts are heard before the answer.
    pub early: bool,
    /// Whether `always: {error:}` is there: steps without an `else:` then have an exit.
    pub has_always: bool,
    /// The file that is read: 0 is the flow's own.
    pub file: usize,
    /// The module that is read, if it is one.
    pub module: Option<String>,
    pub facts: Table<Question>,
    pub lookups: Table<Lookup>,
    pub hours: Table<Hours>,
    pub queues: Table<Queue>,
    pub parameters: Table<Parameter>,
    blocks: Table<Block>,
    /// Shapes of `types:`, and days of `calendars:`.
    pub types: BTreeMap<String, Node>,
    pub calendars: BTreeMap<String, Vec<Day>>,
    /// The values that prompts read.
    pub readings: Vec<(Reading, Word)>,
    /// Where prompts are said.
    pub uses: Vec<Use>,
    /// What is being read: `fact account`, `start:2`.
    pub place: String,
    /// Prompts and languages of which it was told that one lacks the other.
    pub(super) lacking: BTreeSet<(String, String)>,
}

impl<'p> Loading<'p> {
    pub fn new(path: &str, prompts: &'p Prompts) -> Self {
        Self {
            faults: Faults::new(path),
            modules: Vec::new(),
            falling: Vec::new(),
            prompts,
            currency: Currency::default(),
            early: false,
            has_always: false,
            file: 0,
            module: None,
            facts: Table::new("fact"),
            lookups: Table::new("lookup"),
            hours: Table::new("hours"),
            queues: Table::new("queue"),
            parameters: Table::new("parameter"),
            blocks: Table::new("block"),
            types: BTreeMap::new(),
            calendars: BTreeMap::new(),
            readings: Vec::new(),
            uses: Vec::new(),
            place: String::new(),
            lacking: BTreeSet::new(),
        }
    }

    /// Puts the faults of a file in place, or back: 0 is the flow's own.
    pub fn swap(&mut self, file: usize) {
        if let Some(module) = file.checked_sub(1) {
            std::mem::swap(&mut self.faults, &mut self.modules[module]);
            self.file = if self.file == file { 0 } else { file };
        }
    }

    pub fn has_errors(&self) -> bool {
        self.faults.has_errors() || self.modules.iter().any(Faults::has_errors)
    }

    /// Everything found: of the flow, then of its modules.
    pub fn into_found(self) -> Vec<Diagnostic> {
        let all = std::iter::once(self.faults).chain(self.modules);
        all.flat_map(Faults::into_list).collect()
    }

    /// Whether a name, as the whole flow knows it, is of the file that is being read.
    pub fn owns(&self, name: &Word) -> bool {
        let module = name.text.rsplit_once('.').map(|(module, _)| module);
        module == self.module.as_deref()
    }

    /// A name as the whole flow knows it: within a module behind the module's.
    pub fn full(&self, name: &Word) -> Word {
        let text = match &self.module {
            Some(module) => format!("{module}.{}", name.text),
            None => name.text.clone(),
        };
        Word { text, span: name.span }
    }

    /// Every name is known before anything is read: what comes first may name what comes later.
    pub fn declare<T: Clone>(&mut self, entries: &[(Word, Node)], what: &str, table: fn(&mut Self) -> &mut Table<T>) {
        for (name, _) in entries {
            name.is_name(what, &mut self.faults);
            let name = self.full(name);
            table(self).declare(&name);
        }
    }

    pub fn define<T: Clone>(
        &mut self,
        entries: &[(Word, Node)],
        read: fn(&Word, &Node, &mut Self) -> Option<T>,
        table: fn(&mut Self) -> &mut Table<T>,
    ) {
        for (name, node) in entries {
            let value = read(name, node, self);
            let name = self.full(name);
            if let Some(at) = table(self).position(&name.text) {
                table(self).define(at, value);
            }
        }
    }

    pub fn name_block(&mut self, name: &Word) -> usize {
        if KEYWORDS.contains(&name.text.as_str()) {
            let message = format!("`{}` is a word of the language; no block can be named so", name.text);
            self.faults.error("bad-name", name.span, message);
        } else {
            name.is_name("the name of a block", &mut self.faults);
        }
        let name = self.full(name);
        self.blocks.declare(&name)
    }

    pub fn blocks(&mut self) -> &mut Table<Block> {
        &mut self.blocks
    }

    /// Facts, lookups, hours and queues that nothing names.
    pub fn unused(&self) -> Vec<(&'static str, Word)> {
        let (facts, lookups) = (self.facts.unused(), self.lookups.unused());
        [facts, lookups, self.hours.unused(), self.queues.unused(), self.parameters.unused()].concat()
    }

    pub fn question(&self, fact: usize) -> Option<&Question> {
        self.facts.get(fact)
    }

    /// The fact that a placeholder of a prompt names.
    pub fn spoken(&mut self, name: &str) -> Option<usize> {
        let at = fact::named(self.facts.names(), name)?;
        self.facts.use_it(at);
        Some(at)
    }

    /// The fact that a node names.
    pub fn fact(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a fact", &mut self.faults)?;
        self.fact_named(&word)
    }

    pub fn fact_named(&mut self, word: &Word) -> Option<usize> {
        self.facts.find(word, self.module.as_deref(), &mut self.faults)
    }

    pub fn lookup(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a lookup", &mut self.faults)?;
        self.lookups.find(&word, self.module.as_deref(), &mut self.faults)
    }

    pub fn is_lookup(&self, word: &Word) -> bool {
        let name = self.full(word).text;
        self.lookups.position(&name).is_some() || self.lookups.position(&word.text).is_some()
    }

    /// The queue that a node names, outright or by a parameter.
    pub fn queue(&mut self, node: &Node) -> Option<Named<usize>> {
        let word = node.word("the name of a queue", &mut self.faults)?;
        self.named(&word, |loading, word| loading.queues.find(word, loading.module.as_deref(), &mut loading.faults))
    }

    pub fn hours_of(&mut self, word: &Word) -> Option<Named<usize>> {
        self.named(word, |loading, word| loading.hours.find(word, loading.module.as_deref(), &mut loading.faults))
    }

    /// A prompt that a step says, named outright or by a parameter.
    pub fn said(&mut self, node: &Node) -> Option<Named<String>> {
        let word = node.word("a prompt id", &mut self.faults)?;
        self.named(&word, |loading, word| loading.saying(word).map(|word| word.text))
    }

    /// What a word names, or each of the values of `with.NAME`.
    fn named<T>(&mut self, word: &Word, find: impl Fn(&mut Self, &Word) -> Option<T>) -> Option<Named<T>> {
        let Some(parameter) = word.text.strip_prefix("with.") else { return find(self, word).map(Named::This) };
        let (at, _) = self.parameter(&Word { text: parameter.to_owned(), span: word.span })?;
        let values = self.parameters.get(at)?.values.clone();
        // All of them: each that is wrong is reported.
        let found: Vec<_> = values.iter().map(|value| find(self, value)).collect();
        found.into_iter().collect::<Option<_>>().map(|all| Named::With(at, all))
    }

    /// A parameter and the values that it may have.
    pub fn parameter(&mut self, name: &Word) -> Option<(usize, Vec<String>)> {
        let at = self.parameters.find(name, None, &mut self.faults)?;
        let values = &self.parameters.get(at)?.values;
        Some((at, values.iter().map(|value| value.text.clone()).collect()))
    }

    /// `LOOKUP.NAME`: the lookup and which of its values. `None`: the first word is no lookup.
    pub fn given_place(&mut self, word: &Word) -> Option<Option<(usize, usize)>> {
        let (lookup, name) = word.text.rsplit_once('.')?;
        let within = self.module.as_deref().and_then(|module| self.lookups.position(&format!("{module}.{lookup}")));
        let at = within.or_else(|| self.lookups.position(lookup))?;
        self.lookups.use_it(at);
        let Some(lookup) = self.lookups.get(at) else { return Some(None) };
        let which = lookup.gives.iter().position(|given| given.name.text == name);
        if which.is_none() {
            let message = format!("the lookup gives no `{name}`");
            let remedy = suggestion(name, lookup.gives.iter().map(|given| given.name.text.as_str()));
            self.faults.error("unknown-name", word.span, message).remedy(remedy);
        }
        Some(which.map(|which| (at, which)))
    }

    /// The value that a lookup gives, with its type. `None`: the word names no lookup.
    pub fn given(&mut self, word: &Word) -> Option<Option<(Operand, Kind)>> {
        let place = self.given_place(word)?;
        Some(place.and_then(|(lookup, which)| {
            let kind = self.lookups.get(lookup)?.gives.get(which)?.kind.clone();
            Some((Operand::Given(lookup, which), kind))
        }))
    }

    /// A destination of the configuration.
    pub fn destination(&mut self, node: &Node) -> Option<Word> {
        destination(node, &mut self.faults)
    }

    /// `needs:`, the facts that go along with the caller; none without it. `reason?` may come to it without anybody having
    /// asked.
    pub fn needs(&mut self, fields: &mut Fields) -> Option<Needs> {
        let Some(node) = fields.take("needs") else { return Some(Needs::default()) };
        let items = node.list("facts as `[account]`", MAX_NEEDS, &mut self.faults)?;
        let mut needs = Needs::default();
        let mut whole = true;
        for item in items {
            let Some(word) = item.word("the name of a fact", &mut self.faults) else {
                whole = false;
                continue;
            };
            let (text, unasked) = word.text.strip_suffix('?').map_or((word.text.as_str(), false), |text| (text, true));
            let Some(fact) = self.fact_named(&Word { text: text.to_owned(), span: word.span }) else {
                whole = false;
                continue;
            };
            let Some(question) = self.question(fact) else { continue };
            let (name, class) = (question.name.text.clone(), question.class);
            if matches!(question.kind, Kind::Recording { .. }) {
                let message = format!("`{name}` is a recording: it does not go along with the caller");
                self.faults.error("class", item.span, message).remedy("take it out of `needs:`");
                continue;
            }
            if !class.for_agent() {
                let class = format!("{class:?}").to_lowercase();
                let message = format!("`{name}` is {class}: no agent may need it");
                self.faults.error("class", item.span, message).remedy("take it out of `needs:`");
            } else if needs.facts.contains(&fact) {
                self.faults.error("duplicate-key", item.span, format!("`{name}` stands here a second time"));
            }
            needs.facts.push(fact);
            needs.unasked.push(unasked);
            needs.at.push(item.span);
        }
        whole.then_some(needs)
    }

    pub fn block(&mut self, node: &Node) -> Option<usize> {
        let word = node.word("the name of a block", &mut self.faults)?;
        if KEYWORDS.contains(&word.text.as_str()) {
            self.faults.error("wrong-type", word.span, format!("`{}` does not fit here: name a block", word.text));
            return None;
        }
        self.blocks.find(&word, self.module.as_deref(), &mut self.faults)
    }

    /// Where a step may lead: a block, `continue` or `return`.
    pub fn target(&mut self, node: &Node) -> Option<Next> {
        match node.word("a block, `continue` or `return`", &mut self.faults)?.text.as_str() {
            "continue" => Some(Next::Continue),
            "return" => Some(Next::Return),
            _ => self.block(node).map(Next::Block),
        }
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
        self.target(node)
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
