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
use crate::yaml::{Span, Word};
use std::borrow::Cow;
use std::fmt;

/// A loaded flow. It is never changed; a reload makes another one with another digest.
#[derive(Clone, Debug)]
pub struct Flow {
    pub name: Word,
    /// The file it came from, as diagnostics call it, and those of its modules.
    pub paths: Vec<String>,
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
    pub budget: Option<Budget>,
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
    /// Its own file, as diagnostics call it.
    pub fn path(&self) -> &str {
        &self.paths[0]
    }

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

    /// The destinations that its steps hand callers to, and the facts that go along.
    pub fn handoffs(&self) -> Vec<(&Word, &[usize])> {
        let steps = self.blocks.iter().flat_map(|block| &block.steps);
        let handed = steps.flat_map(|placed| match &placed.step {
            Step::Agent(agent) => {
                let queues = agent.queues().iter().filter_map(|queue| self.queues[*queue].to.as_ref());
                queues.map(|to| (to, agent.needs().facts.as_slice())).collect()
            }
            _ => Vec::new(),
        });
        handed.collect()
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

    /// As the flow's file names it.
    pub fn name(&self, flow: &Flow, name: impl Fn(&T) -> String) -> String {
        match self {
            Named::This(one) => name(one),
            Named::With(parameter, _) => format!("with.{}", flow.with[*parameter].name.text),
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

/// A step and where it stands in its file.
#[derive(Clone, Debug)]
pub struct Placed {
    pub at: Span,
    pub step: Step,
}

/// The facts that go along with a caller, and where each is named.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub facts: Vec<usize>,
    /// Whether it may be one that nobody asked for.
    pub unasked: Vec<bool>,
    pub at: Vec<Span>,
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

impl Needs {
    /// As the file names them: `account`, `reason?`.
    pub fn named(&self, flow: &Flow) -> impl Iterator<Item = String> {
        let facts = self.facts.iter().zip(&self.unasked);
        facts.map(|(fact, unasked)| flow.facts[*fact].name.text.clone() + if *unasked { "?" } else { "" })
    }
}

/// What a caller may have to go through before a person is called.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub at: Span,
    pub questions: Option<usize>,
    pub seconds: Option<usize>,
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

/// One way out of a step.
#[derive(Clone, Copy, Debug)]
pub struct Way<'s> {
    pub exit: Exit<'s>,
    pub next: Next,
}

impl Way<'static> {
    /// The step is done, and the block goes on.
    pub const ON: Self = Self { exit: Exit::On, next: Next::Continue };

    pub fn of(key: &'static str, next: Next) -> Self {
        Self { exit: Exit::Key(key), next }
    }
}

/// What a way out is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit<'s> {
    /// The next step, and nothing need be said of it.
    On,
    /// A word of the step: `else`, `full`, `then`; of a step with one way out, its verb.
    Key(&'static str),
    /// A value of the choice that is routed.
    Value(&'s str),
}

/// Short and stable, no two of a step alike: `next`, `else`, `to.billing`.
impl From<Exit<'_>> for Cow<'static, str> {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::On => Cow::Borrowed("next"),
            Exit::Key(key) => Cow::Borrowed(key),
            Exit::Value(value) => Cow::Owned(format!("to.{value}")),
        }
    }
}

impl fmt::Display for Exit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Cow::from(*self))
    }
}
