//! A flow as it stands after loading: every name resolved to an index, every step with its ways out.

use super::fact::Question;
use super::run::Ending;
use super::step::Step;
use crate::audio::spoken::Reading;
use crate::context::Fact;
use crate::key::Key;
use crate::yaml::Word;

/// A loaded flow. It is never changed; a reload makes another one with another digest.
#[derive(Clone, Debug)]
pub struct Flow {
    pub name: Word,
    /// The file it came from, as diagnostics call it.
    pub path: String,
    /// The first 16 hex digits of SHA-256 over the flow's text and its prompts' texts.
    pub digest: String,
    /// The language in which it begins to speak: the first of `languages:`.
    pub language: String,
    /// The facts, in the file's order; a context lists them in the same order.
    pub facts: Vec<Question>,
    pub queues: Vec<Queue>,
    pub blocks: Vec<Block>,
    /// The block named `start`.
    pub start: usize,
    pub escape: Option<Escape>,
    /// Its prompts are heard before the call is answered, until something is asked or a person is called.
    pub early: bool,
    /// The values that whispers speak: how, and the prompt's place.
    pub whispered: Vec<(Reading, Word)>,
    /// The block of `always: {error:}`.
    pub always_error: Option<usize>,
}

impl Flow {
    /// The destinations of the configuration that the flow names.
    pub fn destinations(&self) -> impl Iterator<Item = &Word> {
        let steps = self.blocks.iter().flat_map(|block| &block.steps);
        let transfers = steps.filter_map(|placed| match &placed.step {
            Step::Transfer(transfer) => Some(transfer.to()),
            _ => None,
        });
        self.queues.iter().map(|queue| &queue.to).chain(transfers)
    }

    /// Whether a fact of it may be known from another channel, or from a call before.
    pub fn knows_callers(&self) -> bool {
        false
    }

    /// Whether a fact of it may be known from its caller's call before.
    pub fn resumes_calls(&self) -> bool {
        false
    }

    /// Whether it may begin a recording.
    pub fn records(&self) -> bool {
        let mut steps = self.blocks.iter().flat_map(|block| &block.steps);
        steps.any(|placed| matches!(&placed.step, Step::Record(record) if record.starts()))
    }

    /// The values that its prompts speak: how, and the prompt's place.
    pub fn readings(&self) -> impl Iterator<Item = (Reading, &Word)> {
        let confirmed = self.facts.iter().filter_map(|fact| Some((fact.kind.reading()?, fact.confirm.as_ref()?)));
        confirmed.chain(self.whispered.iter().map(|(reading, prompt)| (*reading, prompt)))
    }

    /// How a fact's value is read.
    pub fn reading(&self, fact: &str) -> Option<Reading> {
        self.facts.iter().find(|question| question.name.text == fact)?.kind.reading()
    }

    /// The facts of a new call: all unknown, in the flow's order.
    pub fn unknown_facts(&self) -> Vec<Fact> {
        self.facts.iter().map(|f| Fact::unknown(f.name.text.as_str(), f.class)).collect()
    }
}

/// Where callers are handed to.
#[derive(Clone, Debug)]
pub struct Queue {
    pub name: Word,
    /// A destination of the configuration.
    pub to: Word,
}

#[derive(Clone, Debug)]
pub struct Block {
    pub name: Word,
    pub steps: Vec<Placed>,
}

/// A step and its line in the file.
#[derive(Clone, Debug)]
pub struct Placed {
    pub line: usize,
    pub step: Step,
}

/// The way to a person from every question.
#[derive(Clone, Copy, Debug)]
pub struct Escape {
    /// The key at a choice.
    pub menu: Option<Key>,
    /// The key while digits are entered.
    pub collect: Option<Key>,
    pub to: usize,
}

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next step of the block.
    Continue,
    Block(usize),
    /// `always.error`: what is unknown is declined first.
    Always,
    End(Ending),
}

/// One way out of a step, for the proofs.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub next: Next,
    /// A person paces it: this way cannot be taken twice in no time.
    pub paced: bool,
}

impl Way {
    pub fn at_once(next: Next) -> Self {
        Self { next, paced: false }
    }
}
