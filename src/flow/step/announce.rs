//! `- announce: PROMPT`: what a fact recorded is heard in place of that prompt from then on, a switch is set, or both.
//! Only behind a caller who is verified: it fails for anybody else.

use crate::context::Class;
use crate::flow::fact::{Kind, VERIFIED};
use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Action, Doing, Event, Go, Turn};
use crate::flow::shape::{FACT, PROMPT, TARGET};
use crate::time::{Duration, Instant};
use crate::yaml::shape::{Rule, Shape, Takes, key, need};
use crate::yaml::{Fields, Node, Word};

/// A file is written and synced; the caller hears nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Announce {
    /// The prompt whose place it takes.
    prompt: Word,
    language: String,
    /// The recording.
    from: Option<usize>,
    /// A switch of the configuration, and how it is set.
    switch: Option<(Word, bool)>,
    otherwise: Next,
}

/// The shell's word is awaited.
#[derive(Clone, Debug)]
pub struct Announcing {
    announce: u32,
    until: Instant,
    otherwise: Next,
}

impl Announce {
    pub const SHAPE: &Shape = &Shape::new(
        "announce",
        "What was recorded is heard in place of a prompt from then on, in every flow that has one of that name, and a switch \
         is set. Only for a caller who is `verified`, and only in a flow that the configuration lists.",
        &[
            need("announce", PROMPT, "The prompt whose place it takes.").like("storm"),
            key("from", FACT, "A fact of type recording."),
            key(
                "switch",
                Takes::Map(&Takes::Name("switch of the configuration"), &Takes::Bool, 1),
                "A switch, and how it is set.",
            )
            .like("{ storm: true }"),
            key("in", Takes::Name("language"), "The language of the prompt; without it the flow's first one."),
            key("else", TARGET, "Where the caller goes when it could not be done."),
        ],
    )
    .with(&[Rule::SomeOf(&["from", "switch"])]);

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let prompt = loading.prompt(node);
        let language = language(fields.take("in"), loading);
        let from = fields.take("from").map(|node| recording(node, loading));
        let switch = fields.take("switch").map(|node| switch(node, loading));
        if from.is_none() && switch.is_none() {
            let message = "this announces nothing: it has neither `from:` nor `switch:`";
            loading.faults.error("missing-key", node.span, message).remedy("from: FACT, a fact of type recording");
        }
        if loading.facts.names().all(|name| name.rsplit('.').next() != Some(VERIFIED)) {
            let message = "whoever calls could announce: the flow has no fact `verified`";
            let remedy = "verified: { type: bool }, filled by a lookup: `fills: [verified]`";
            loading.faults.error("unguarded", node.span, message).remedy(remedy);
        }
        let otherwise = loading.otherwise(fields, node);
        let (from, switch) = (optional(from)?, optional(switch)?);
        Some(Self { prompt: prompt?, language: language?, from, switch, otherwise: otherwise? })
    }

    /// The switch that it sets.
    pub fn switch(&self) -> Option<&Word> {
        self.switch.as_ref().map(|(switch, _)| switch)
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON, Way::of("else", self.otherwise)]
    }

    pub fn minds(&self, minds: &mut Minds) {
        self.from.into_iter().for_each(|fact| minds.read(fact));
    }

    /// Whether the shell can do it no call knows.
    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let failed = at.on(By::Failed, self.otherwise);
        match self.from.map(|fact| at.status(fact)) {
            None | Some(Status::Filled(_) | Status::Any) => vec![at.on(By::Itself, Next::Continue), failed],
            Some(_) => vec![at.on(By::Itself, self.otherwise)],
        }
    }

    pub fn object(&self, _: &Flow) -> String {
        self.prompt.text.clone()
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let take = self.from.map(|fact| turn.take_of(fact));
        if !turn.is_verified() || take == Some(None) {
            return turn.fail(Exit::Key("else"), self.otherwise);
        }
        let announce = turn.next_announcement();
        turn.act(Action::Announce {
            announce,
            prompt: self.prompt.text.clone(),
            language: self.language.clone(),
            take: take.flatten(),
            switch: self.switch.as_ref().map(|(switch, on)| (switch.text.clone(), *on)),
        });
        Go::Wait(Doing::Announcing(Announcing { announce, until: turn.now + PATIENCE, otherwise: self.otherwise }))
    }
}

impl Announcing {
    pub fn on(self, turn: &mut Turn, event: Event) -> Go {
        match event {
            Event::Announced { announce, done } if announce == self.announce => {
                if done {
                    turn.on()
                } else {
                    turn.fail(Exit::Key("else"), self.otherwise)
                }
            }
            Event::Deadline if self.until <= turn.now => turn.fail(Exit::Key("else"), self.otherwise),
            Event::Key(key) => {
                turn.type_ahead(key);
                Go::Wait(Doing::Announcing(self))
            }
            _ => Go::Wait(Doing::Announcing(self)),
        }
    }

    pub fn deadline(&self) -> Instant {
        self.until
    }
}

/// One of the flow's languages; the first one if none is named.
fn language(node: Option<&Node>, loading: &mut Loading) -> Option<String> {
    let Some(node) = node else { return Some(loading.prompts.first().language.clone()) };
    let word = node.word("a language", &mut loading.faults)?;
    let known = loading.prompts.books().any(|book| book.language == word.text);
    if !known {
        loading.faults.unknown("language", &word, loading.prompts.books().map(|book| book.language.as_str()));
    }
    known.then_some(word.text)
}

/// `{ storm: true }`: a switch of the configuration, and how it is set.
fn switch(node: &Node, loading: &mut Loading) -> Option<(Word, bool)> {
    let entries = node.map("a switch as `{ storm: true }`", 1, &mut loading.faults)?;
    let Some((name, on)) = entries.first() else {
        node.wrong("a switch as `{ storm: true }`", &mut loading.faults);
        return None;
    };
    let named = name.is_name("the name of a switch", &mut loading.faults);
    Some((name.clone(), on.boolean(&mut loading.faults)?)).filter(|_| named)
}

/// A fact of type recording, which others may hear.
fn recording(node: &Node, loading: &mut Loading) -> Option<usize> {
    let fact = loading.fact(node)?;
    let question = loading.question(fact)?;
    let (name, class) = (question.name.text.clone(), question.class);
    if !matches!(question.kind, Kind::Recording { .. }) {
        let message = format!("`{name}` is no recording: nobody can hear it");
        loading.faults.error("wrong-type", node.span, message).remedy("name a fact of type recording");
        return None;
    }
    if matches!(class, Class::Pci | Class::Secret) {
        let message = format!("`{name}` is {}: nobody else may hear it", format!("{class:?}").to_lowercase());
        loading.faults.error("class", node.span, message).remedy("take its `class:` away");
        return None;
    }
    Some(fact)
}

/// A key that may be absent: `None` only if it is there and wrong.
fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}
