//! A flow as it stands after loading: every name resolved to an index, every step with its ways out.

use super::fact::{self, Kind, Known, Question};
use super::hours::Hours;
use super::lookup::Lookup;
use super::run::Ending;
use super::step::Step;
use super::step::transfer::Transfer;
use crate::audio::spoken::Reading;
use crate::context::{Fact, Method};
use crate::key::Key;
use crate::time::Duration;
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
    pub lookups: Vec<Lookup>,
    pub hours: Vec<Hours>,
    /// What a number may give to it.
    pub with: Vec<Parameter>,
    pub queues: Vec<Queue>,
    pub blocks: Vec<Block>,
    /// The block named `start`.
    pub start: usize,
    pub escape: Option<Escape>,
    /// Its prompts are heard before the call is answered, until something is asked or a person is called.
    pub early: bool,
    /// The values that its prompts read: how, and the prompt's place.
    pub readings: Vec<(Reading, Word)>,
    /// Where its prompts are said, in the file's order, those included that other prompts say.
    pub uses: Vec<Use>,
    /// The block of `always: {error:}`.
    pub always_error: Option<usize>,
    /// The block of `always: {hangup:}`.
    pub always_hangup: Option<usize>,
}

impl Flow {
    /// The destinations of the configuration that the flow names.
    pub fn destinations(&self) -> impl Iterator<Item = &Word> {
        self.queues.iter().filter_map(|queue| queue.to.as_ref()).chain(self.transfers().map(Transfer::to))
    }

    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.blocks.iter().flat_map(|block| &block.steps).filter_map(|placed| match &placed.step {
            Step::Transfer(transfer) => Some(transfer),
            _ => None,
        })
    }

    /// Whether a fact of it may be known from another channel, or from its caller's call before.
    pub fn knows_callers(&self) -> bool {
        self.knows(|known| matches!(known, Known::Web(_) | Known::LastCall))
    }

    /// Whether a fact of it may be known from its caller's call before.
    pub fn resumes_calls(&self) -> bool {
        self.knows(|known| *known == Known::LastCall)
    }

    fn knows(&self, known: impl Fn(&Known) -> bool) -> bool {
        self.facts.iter().flat_map(|question| &question.known).any(known)
    }

    /// The endpoints of the configuration that its lookups ask.
    pub fn endpoints(&self) -> impl Iterator<Item = &Word> {
        self.lookups.iter().filter(|lookup| lookup.method != Method::Compare).map(|lookup| &lookup.endpoint)
    }

    /// The secrets of the configuration that its lookups show, or compare with.
    pub fn secrets(&self) -> impl Iterator<Item = &Word> {
        self.lookups.iter().filter_map(|lookup| lookup.auth.as_ref()).chain(self.pins())
    }

    /// The secrets of the configuration that callers' entries are held against.
    pub fn pins(&self) -> impl Iterator<Item = &Word> {
        self.lookups.iter().filter(|lookup| lookup.method == Method::Compare).map(|lookup| &lookup.endpoint)
    }

    /// The switches that its conditions read and that it sets, and where.
    pub fn switches(&self) -> Vec<Word> {
        let steps = self.blocks.iter().flat_map(|block| &block.steps);
        let named = steps.map(|placed| match &placed.step {
            Step::Branch(branch) => branch.switches().collect::<Vec<_>>(),
            Step::Announce(announce) => announce.switch().cloned().into_iter().collect(),
            _ => Vec::new(),
        });
        named.flatten().collect()
    }

    /// Whether it changes what other callers hear.
    pub fn announces(&self) -> bool {
        let mut steps = self.blocks.iter().flat_map(|block| &block.steps);
        steps.any(|placed| matches!(placed.step, Step::Announce(_)))
    }

    /// Whether it asks for something that is recorded.
    pub fn takes(&self) -> bool {
        self.facts.iter().any(|question| matches!(question.kind, Kind::Recording { .. }))
    }

    /// The clips of music that its lines play.
    pub fn music(&self) -> impl Iterator<Item = &str> {
        let held = self.queues.iter().filter_map(|queue| queue.held.as_ref()?.waiting.as_ref());
        held.filter_map(|waiting| waiting.music.as_deref())
    }

    /// Whether it may begin a recording.
    pub fn records(&self) -> bool {
        let mut steps = self.blocks.iter().flat_map(|block| &block.steps);
        self.takes() || steps.any(|placed| matches!(&placed.step, Step::Record(record) if record.starts()))
    }

    /// The fact that a placeholder of a prompt names: its place.
    pub fn spoken(&self, name: &str) -> Option<usize> {
        fact::named(self.facts.iter().map(|question| question.name.text.as_str()), name)
    }

    /// The facts of a new call: all unknown, in the flow's order.
    pub fn unknown_facts(&self) -> Vec<Fact> {
        self.facts.iter().map(|f| Fact::unknown(f.name.text.as_str(), f.class)).collect()
    }
}

/// A prompt and who says it: `fact account`, or the block and the step as `start:2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub prompt: String,
    pub place: String,
}

/// Where callers are handed to.
#[derive(Clone, Debug)]
pub struct Queue {
    pub name: Word,
    /// A destination of the configuration; `None`: people of our own, which nothing serves yet.
    pub to: Option<Word>,
    /// When it takes callers: of the flow's hours. `None`: always.
    pub hours: Option<usize>,
    /// The line is ours; `None`: it is the destination's.
    pub held: Option<Held>,
}

/// A line that we hold.
#[derive(Clone, Debug)]
pub struct Held {
    /// Callers with its people at once.
    pub at_once: usize,
    /// Callers who wait.
    pub size: usize,
    pub longest: Duration,
    pub waiting: Option<Waiting>,
}

/// What callers hear in a line.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub name: Word,
    /// The clip of the music; `None`: the usual one.
    pub music: Option<String>,
    /// How often which prompt is said.
    pub announce: Option<(Duration, String)>,
    pub instead: Option<Instead>,
}

/// A way out of a line.
#[derive(Clone, Debug)]
pub struct Instead {
    pub after: Duration,
    pub key: Key,
    pub say: String,
    /// A block.
    pub to: usize,
}

/// A parameter of `with:`.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Word,
    /// What it may be; the first one where a number says nothing.
    pub values: Vec<Word>,
}

/// A thing of the flow, named outright or by a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<T> {
    This(T),
    /// Which parameter, and the thing for each of its values.
    With(usize, Vec<T>),
}

impl<T> Named<T> {
    pub fn all(&self) -> &[T] {
        match self {
            Named::This(one) => std::slice::from_ref(one),
            Named::With(_, all) => all,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Block {
    pub name: Word,
    /// The file that it stands in: 0 the flow's own, then those of its modules.
    pub file: usize,
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
    /// That block, and back behind this step at its `return`.
    Run(usize),
    /// Behind the `run` that led here.
    Return,
    /// That block, and whatever was run is left behind.
    Afresh(usize),
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
