//! All that there is of a flow to be taken, in the order in which it is told.

use crate::context::{Method, Outcome, Source};
use crate::flow::fact::{Kind as Of, Known, Question};
use crate::flow::hours::Hours;
use crate::flow::model::Next;
use crate::flow::proof::{Ground, Reached, moments};
use crate::flow::run::{ESCAPE, INVALID, SILENT};
use crate::flow::step::Step;
use crate::flow::step::collect::Collect;
use crate::flow::{Flow, Prompts};
use crate::replay::tell::word;
use crate::yaml::Word;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A try that brought the fact, beside those that failed.
pub const TAKEN: &str = "taken";
/// What takes a caller out of any block.
pub const ON_ERROR: &str = "always.error";
pub const ON_HANGUP: &str = "always.hangup";

/// What of a flow is taken or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Steps,
    /// Ways out of steps, both sides of each condition among them.
    Exits,
    /// Questions at which the caller asked for a person.
    Escapes,
    /// What takes a caller out of any block: `always.error`, `always.hangup`.
    Always,
    /// Each try of each question: with a value, without a word, with keys that are none.
    Tries,
    /// Where each fact may come from, and why it may stay open.
    Sources,
    /// Each lookup by how it may end.
    Lookups,
    /// The minutes before and at each beginning and end of hours, as a call comes in then that asks for them.
    Hours,
    /// Each prompt in each language.
    Prompts,
}

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::Steps,
        Kind::Exits,
        Kind::Escapes,
        Kind::Always,
        Kind::Tries,
        Kind::Sources,
        Kind::Lookups,
        Kind::Hours,
        Kind::Prompts,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Steps => "steps",
            Kind::Exits => "exits",
            Kind::Escapes => "escapes",
            Kind::Always => "always",
            Kind::Tries => "tries",
            Kind::Sources => "sources",
            Kind::Lookups => "lookups",
            Kind::Hours => "hours",
            Kind::Prompts => "prompts",
        }
    }
}

/// One thing to take, by its name among those of its kind: `start:2:else`, `account try 2 silent`, `en/welcome`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    pub kind: Kind,
    pub name: String,
}

impl Item {
    pub fn new(kind: Kind, name: impl Into<String>) -> Item {
        Item { kind, name: name.into() }
    }

    /// What it is a part of, and which part: a step and its way, a fact and its try, a language and its prompt.
    pub fn parts(&self) -> (&str, &str) {
        let name = &self.name;
        let parted = match self.kind {
            Kind::Steps | Kind::Always => None,
            Kind::Exits | Kind::Escapes => {
                let step = name.match_indices(':').nth(1).map(|(at, _)| at);
                step.map(|at| (&name[..at], &name[at + 1..]))
            }
            Kind::Tries | Kind::Sources | Kind::Lookups | Kind::Hours => name.split_once(' '),
            Kind::Prompts => name.split_once('/'),
        };
        parted.unwrap_or((name, ""))
    }
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub path: String,
    pub line: usize,
}

#[derive(Clone, Debug)]
pub struct Planned {
    pub item: Item,
    pub at: Place,
    /// Of a step and of a way out of it: the block.
    pub block: Option<usize>,
    /// In a word what is there: `collect account`.
    pub what: String,
    /// Why no call can take it.
    pub beyond: Option<String>,
}

/// All of a flow.
pub struct Plan {
    pub all: Vec<Planned>,
    numbers: HashMap<Item, usize>,
    /// By step, the fact that is asked for there.
    pub asks: HashMap<String, String>,
    /// Ways out that lead to `always.error`.
    pub errors: BTreeSet<String>,
    /// The prompt of each clip, in its language.
    pub clips: BTreeMap<String, String>,
    /// By step, the hours that it asks for.
    pub consults: HashMap<String, Vec<Hours>>,
}

impl Plan {
    /// `reached`: what is known to be out of reach is told, and not counted.
    pub fn of(flow: &Flow, prompts: &Prompts, reached: Option<&Reached>) -> Plan {
        let all = Vec::new();
        let (numbers, asks, errors, clips) = (HashMap::new(), HashMap::new(), BTreeSet::new(), BTreeMap::new());
        let consults = HashMap::new();
        let mut writing = Writing {
            flow,
            prompts,
            reached,
            plan: Plan { all, numbers, asks, errors, clips, consults },
            asked: BTreeSet::new(),
            escaped: BTreeSet::new(),
        };
        writing.blocks();
        writing.always();
        writing.facts();
        writing.lookups();
        writing.hours();
        writing.prompts();
        writing.plan
    }

    pub fn number(&self, item: &Item) -> Option<usize> {
        self.numbers.get(item).copied()
    }

    /// Those that some call can take.
    pub fn within(&self) -> impl Iterator<Item = (usize, &Planned)> {
        self.all.iter().enumerate().filter(|(_, planned)| planned.beyond.is_none())
    }
}

struct Writing<'w> {
    flow: &'w Flow,
    prompts: &'w Prompts,
    reached: Option<&'w Reached>,
    plan: Plan,
    /// Facts that a step asks for.
    asked: BTreeSet<usize>,
    /// Those of them at which the caller may ask for a person instead.
    escaped: BTreeSet<usize>,
}

impl Writing<'_> {
    fn add(&mut self, kind: Kind, name: String, at: Place, what: String) -> &mut Planned {
        let item = Item { kind, name };
        let number = self.plan.all.len();
        let number = *self.plan.numbers.entry(item.clone()).or_insert(number);
        if number == self.plan.all.len() {
            self.plan.all.push(Planned { item, at, block: None, what, beyond: None });
        }
        &mut self.plan.all[number]
    }

    fn blocks(&mut self) {
        let flow = self.flow;
        for (number, block) in flow.blocks.iter().enumerate() {
            for (at, placed) in block.steps.iter().enumerate() {
                let place = Place { path: flow.paths[block.file].clone(), line: placed.at.line };
                let name = format!("{}:{}", block.name.text, at + 1);
                let what = format!("{} {}", placed.step.verb(), placed.step.object(flow)).trim_end().to_owned();
                let beyond = self.reached.and_then(|reached| reached.no_step(flow, (number, at)));
                self.plan.consults.insert(name.clone(), self.consulted(&placed.step));
                let step = self.add(Kind::Steps, name.clone(), place.clone(), what.clone());
                (step.block, step.beyond) = (Some(number), beyond);
                for (exit, beyond) in self.exits(&placed.step, (number, at), &name) {
                    let exit = self.add(Kind::Exits, format!("{name}:{exit}"), place.clone(), what.clone());
                    (exit.block, exit.beyond) = (Some(number), beyond);
                }
                if let Step::Collect(collect) = &placed.step {
                    self.asked.insert(collect.fact());
                    let fact = flow.facts[collect.fact()].name.text.clone();
                    self.plan.asks.insert(name.clone(), fact);
                    if self.escapes(collect, (number, at)) {
                        self.escaped.insert(collect.fact());
                        self.add(Kind::Escapes, format!("{name}:{ESCAPE}"), place, what);
                    }
                }
            }
        }
    }

    /// The ways out of a step, each with why nobody takes it.
    fn exits(&mut self, step: &Step, place: (usize, usize), name: &str) -> Vec<(String, Option<String>)> {
        let (flow, reached) = (self.flow, self.reached);
        let mut exits = Vec::new();
        for way in step.ways() {
            if way.next == Next::Always {
                self.plan.errors.insert(format!("{name}:{}", way.exit));
            }
            exits.push((way.exit.to_string(), reached.and_then(|reached| reached.no_way(flow, place, &way))));
        }
        if let Step::Agent(agent) = step {
            let offers = |queue: &usize| {
                let held = flow.queues[*queue].held.as_ref();
                held.and_then(|held| held.waiting.as_ref()).is_some_and(|waiting| waiting.instead.is_some())
            };
            let beyond = reached.filter(|reached| !reached.leaves(place));
            let beyond = beyond.map(|_| "no call comes there".to_owned());
            let offers = agent.queues().iter().filter(|queue| offers(queue));
            exits.extend(offers.map(|queue| (agent.instead(flow, *queue), beyond.clone())));
        }
        exits
    }

    fn escapes(&self, collect: &Collect, place: (usize, usize)) -> bool {
        match self.reached {
            Some(reached) => reached.escapes(place),
            None => Ground::new(self.flow, self.prompts, None).escape(collect.fact()).is_some(),
        }
    }

    fn always(&mut self) {
        let flow = self.flow;
        let blocks = [(ON_ERROR, flow.always_error), (ON_HANGUP, flow.always_hangup)];
        for (name, block) in blocks {
            let Some(block) = block.map(|block| &flow.blocks[block]) else { continue };
            let within = |exit: &String| self.plan.within().any(|(_, planned)| planned.item.name == *exit);
            let leads = name == ON_HANGUP || self.plan.errors.iter().any(within);
            let at = Place { path: flow.paths[block.file].clone(), line: block.name.span.line };
            let what = format!("to {}", block.name.text);
            self.add(Kind::Always, name.to_owned(), at, what).beyond =
                (!leads).then(|| "no step leads there".to_owned());
        }
    }

    fn facts(&mut self) {
        let flow = self.flow;
        for (number, question) in flow.facts.iter().enumerate() {
            let at = Place { path: flow.paths[question.file].clone(), line: question.span.line };
            let name = &question.name.text;
            let asked = self.asked.contains(&number);
            if asked {
                for (number, ends) in
                    (1..=question.ask.len()).flat_map(|number| tries(question).map(move |end| (number, end)))
                {
                    self.add(Kind::Tries, try_name(name, number, ends), at.clone(), String::new());
                }
            }
            for source in sources(flow, number, asked) {
                self.add(Kind::Sources, source_name(name, &source), at.clone(), String::new());
            }
            let tries = asked && question.default.is_none();
            let open = [("tries", tries), ("person", self.escaped.contains(&number))];
            for (why, _) in open.into_iter().filter(|(_, may)| *may) {
                self.add(Kind::Sources, declined_name(name, why), at.clone(), String::new());
            }
        }
    }

    fn lookups(&mut self) {
        let flow = self.flow;
        for lookup in &flow.lookups {
            let at = self.beside(&lookup.name);
            let outcomes: &[Outcome] = match lookup.method {
                Method::Get | Method::Post => {
                    &[Outcome::Ok, Outcome::None, Outcome::Refused, Outcome::Slow, Outcome::Failed]
                }
                Method::Compare => &[Outcome::Ok, Outcome::Refused],
            };
            for outcome in outcomes {
                self.add(Kind::Lookups, lookup_name(&lookup.name.text, *outcome), at.clone(), String::new());
            }
        }
    }

    fn hours(&mut self) {
        let asked: BTreeSet<String> =
            self.plan.consults.values().flatten().map(|hours| hours.name.text.clone()).collect();
        let flow = self.flow;
        for hours in flow.hours.iter().filter(|hours| asked.contains(&hours.name.text)) {
            let at = self.beside(&hours.name);
            for moment in moments(hours) {
                self.add(Kind::Hours, hours.minute(moment), at.clone(), String::new());
            }
        }
    }

    /// The hours that a step asks for.
    fn consulted(&self, step: &Step) -> Vec<Hours> {
        let (mut filled, mut hours) = (Vec::new(), Vec::new());
        let asked: Vec<usize> = match step {
            Step::Branch(branch) => {
                branch.condition().asked(&mut filled, &mut hours);
                hours.into_iter().flat_map(|named| named.all().iter().copied()).collect()
            }
            Step::Agent(agent) => agent.queues().iter().filter_map(|queue| self.flow.queues[*queue].hours).collect(),
            _ => Vec::new(),
        };
        asked.into_iter().map(|hours| self.flow.hours[hours].clone()).collect()
    }

    /// Where something stands that has no block: in the file of its module's blocks.
    fn beside(&self, name: &Word) -> Place {
        let module = |name: &str| name.rsplit_once('.').map(|(module, _)| module.to_owned());
        let of = module(&name.text);
        let beside = self.flow.blocks.iter().find(|block| of.is_some() && module(&block.name.text) == of);
        Place { path: self.flow.paths[beside.map_or(0, |block| block.file)].clone(), line: name.span.line }
    }

    fn prompts(&mut self) {
        for book in self.prompts.books() {
            for used in &self.flow.uses {
                let Some(prompt) = book.prompt(&used.prompt) else { continue };
                let name = format!("{}/{}", book.language, used.prompt);
                let clips: Vec<String> = prompt.clips().map(str::to_owned).collect();
                // What only reads a value is heard as that.
                if clips.is_empty() {
                    continue;
                }
                let at = Place { path: book.path.clone(), line: prompt.span.line };
                self.add(Kind::Prompts, name.clone(), at, String::new());
                self.plan.clips.extend(clips.into_iter().map(|clip| (clip, name.clone())));
            }
        }
    }
}

/// How a try may end.
fn tries(question: &Question) -> impl Iterator<Item = &'static str> + use<> {
    let spoken = matches!(question.kind, Of::Recording { .. });
    // What is said is never wrong.
    [TAKEN, SILENT, INVALID].into_iter().filter(move |end| !spoken || *end != INVALID)
}

/// Where a fact may come from.
fn sources(flow: &Flow, number: usize, asked: bool) -> Vec<Source> {
    let question = &flow.facts[number];
    let mut all: Vec<Source> = Vec::new();
    let known = question.known.iter().map(|known| match known {
        Known::Uui(_) => Source::Uui,
        Known::Header(_) => Source::Header,
        Known::CallerNumber => Source::CallerNumber,
        Known::Web(_) => Source::Web,
        Known::LastCall => Source::LastCall,
        Known::Lookup(lookup) => Source::Lookup(flow.lookups[*lookup].name.text.clone()),
    });
    all.extend(known);
    let filling = flow.lookups.iter().filter(|lookup| lookup.fills.iter().any(|(fact, _)| *fact == number));
    all.extend(filling.map(|lookup| Source::Lookup(lookup.name.text.clone())));
    let steps = flow.blocks.iter().flat_map(|block| &block.steps);
    let is_set = |step: &Step| matches!(step, Step::Set(set) if set.fact() == number);
    all.extend(steps.filter(|placed| is_set(&placed.step)).map(|_| Source::Set).take(1));
    if asked && !question.ask.is_empty() {
        let spoken = matches!(question.kind, Of::Recording { .. });
        all.push(if spoken { Source::Spoken } else { Source::Keypad });
        all.extend(question.default.as_ref().map(|_| Source::Default));
    }
    all
}

pub fn try_name(fact: &str, number: usize, end: &str) -> String {
    format!("{fact} try {number} {end}")
}

pub fn source_name(fact: &str, source: &Source) -> String {
    format!("{fact} from {source}")
}

pub fn declined_name(fact: &str, why: &str) -> String {
    format!("{fact} declined: {why}")
}

pub fn lookup_name(lookup: &str, outcome: Outcome) -> String {
    format!("{lookup} {}", word(&outcome))
}
