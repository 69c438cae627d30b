//! What there is to see of a flow: a card for each block, a line for each step, its ways out as forks.

use crate::flow::Flow;
use crate::flow::model::{Block, Escape, Exit, Next, Placed};
use crate::flow::step::Step;
use crate::flow::step::agent::Agent;

#[derive(Debug)]
pub struct Chart {
    pub name: String,
    pub digest: String,
    /// The blocks in the flow's order, then what takes a caller out of any of them.
    pub cards: Vec<Card>,
}

#[derive(Debug)]
pub struct Card {
    /// The block's name, with its module's; empty of a card that is no block.
    pub block: String,
    /// The name alone: a module's cards stand together under the module's name.
    pub title: String,
    /// Calls begin here.
    pub start: bool,
    /// A person is called here.
    pub agent: bool,
    /// Calls may end here.
    pub ends: bool,
    /// The module that it came with.
    pub module: Option<String>,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Line {
    /// `start:2`: the block and the step.
    pub name: String,
    pub mark: Mark,
    pub verb: String,
    pub object: String,
    /// What else the step says.
    pub notes: Vec<String>,
    /// The way out that its place shows: to the next step, or the end.
    pub on: Option<String>,
    pub forks: Vec<Fork>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Plain,
    /// A fact is asked for.
    Fact,
    /// A system of the business is asked.
    Lookup,
    /// The way depends.
    Choice,
    /// A person is called.
    Person,
    Return,
    End,
}

/// Ways out of a step that lead to one place.
#[derive(Debug)]
pub struct Fork {
    /// Name and label of each.
    pub ways: Vec<(String, String)>,
    pub to: Goal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A card, and back again where it is run.
    Card { card: usize, run: bool },
    /// A card that is named in place of a line.
    Far(usize),
    /// Told in a word of the language.
    Word(&'static str),
}

impl Chart {
    pub fn of(flow: &Flow) -> Chart {
        let mut cards: Vec<Card> =
            flow.blocks.iter().enumerate().map(|(at, block)| card(flow, block, at == flow.start)).collect();
        cards.extend(entries(flow));
        Chart { name: flow.name.text.clone(), digest: flow.digest.clone(), cards }
    }
}

impl Card {
    /// A card that is no block: what takes a caller there.
    pub fn is_entry(&self) -> bool {
        self.block.is_empty()
    }
}

impl Fork {
    /// What it says beside its arrow, or instead of one.
    pub fn label(&self, chart: &Chart) -> String {
        let labels: Vec<&str> =
            self.ways.iter().map(|(_, label)| label.as_str()).filter(|label| !label.is_empty()).collect();
        let to = match self.to {
            Goal::Card { .. } => None,
            Goal::Far(card) => Some(chart.cards[card].block.as_str()),
            Goal::Word(word) => Some(word),
        };
        let labels = labels.join(", ");
        match to {
            Some(to) if labels.is_empty() => format!("to {to}"),
            Some(to) => format!("{labels}: {to}"),
            None => labels,
        }
    }
}

fn card(flow: &Flow, block: &Block, start: bool) -> Card {
    let name = &block.name.text;
    let lines: Vec<Line> = block.steps.iter().enumerate().map(|(at, placed)| line(flow, name, at, placed)).collect();
    let (module, title) = name.rsplit_once('.').filter(|_| block.file > 0).unzip();
    let has = |mark: Mark| lines.iter().any(|line| line.mark == mark);
    Card {
        block: name.clone(),
        title: title.unwrap_or(name).to_owned(),
        start,
        agent: has(Mark::Person),
        ends: has(Mark::End),
        module: module.map(str::to_owned),
        lines,
    }
}

fn line(flow: &Flow, block: &str, at: usize, placed: &Placed) -> Line {
    let name = format!("{block}:{}", at + 1);
    let step = &placed.step;
    let mut line = Line {
        mark: mark(step),
        verb: step.verb().to_owned(),
        object: step.object(flow),
        notes: Vec::new(),
        on: None,
        forks: Vec::new(),
        name,
    };
    for way in step.ways() {
        let id = format!("{}:{}", line.name, way.exit);
        let label = match way.exit {
            Exit::On => "",
            // The verb has said it.
            Exit::Key(key) if key == step.verb() => "",
            Exit::Key(key) => key,
            Exit::Value(value) => value,
        };
        let decides = matches!(step, Step::Branch(_));
        match goal(way.next) {
            // Where a condition does not hold, the next step is what everybody expects.
            Goal::Word(_) if label.is_empty() || (decides && way.next == Next::Continue) => line.on = Some(id),
            to => line.fork(id, label.to_owned(), to),
        }
    }
    line.notes.extend(needs(flow, step));
    if let Step::Agent(agent) = step {
        of_agent(flow, agent, &mut line);
    }
    line
}

/// What goes along with the caller.
fn needs(flow: &Flow, step: &Step) -> Option<String> {
    let facts: Vec<String> = step.needs()?.named(flow).collect();
    (!facts.is_empty()).then(|| format!("needs {}", facts.join(", ")))
}

impl Line {
    fn fork(&mut self, id: String, label: String, to: Goal) {
        match self.forks.iter_mut().find(|fork| fork.to == to) {
            Some(fork) => fork.ways.push((id, label)),
            None => self.forks.push(Fork { ways: vec![(id, label)], to }),
        }
    }
}

/// What the person hears first, and the way out of a line that is offered to who waits.
fn of_agent(flow: &Flow, agent: &Agent, line: &mut Line) {
    if let Some(prompt) = agent.whisper() {
        line.notes.push(format!("whisper {prompt}"));
    }
    for at in agent.queues() {
        let queue = &flow.queues[*at];
        let held = queue.held.as_ref().and_then(|held| held.waiting.as_ref()?.instead.as_ref());
        let Some(instead) = held else { continue };
        let id = format!("{}:{}", line.name, agent.instead(flow, *at));
        let label = format!("{} in line", instead.key.to_char());
        line.fork(id, label, Goal::Card { card: instead.to, run: false });
    }
}

fn goal(next: Next) -> Goal {
    match next {
        Next::Block(card) | Next::Afresh(card) => Goal::Card { card, run: false },
        Next::Run(card) => Goal::Card { card, run: true },
        Next::Continue => Goal::Word("continue"),
        Next::Return => Goal::Word("return"),
        Next::Always => Goal::Word("error"),
        Next::End(_) => Goal::Word("end"),
    }
}

fn mark(step: &Step) -> Mark {
    match step {
        Step::Collect(_) => Mark::Fact,
        Step::Lookup(_) => Mark::Lookup,
        Step::Branch(_) | Step::Route(_) => Mark::Choice,
        Step::Agent(_) | Step::Callback(_) | Step::Ticket(_) | Step::Transfer(_) => Mark::Person,
        Step::Return(_) => Mark::Return,
        Step::Hangup(_) | Step::Reject(_) => Mark::End,
        Step::Say(_)
        | Step::RunBlock(_)
        | Step::Goto(_)
        | Step::Set(_)
        | Step::Forget(_)
        | Step::Record(_)
        | Step::Announce(_) => Mark::Plain,
    }
}

/// What takes a caller out of any block, told once: an arrow from each of them would hide all others. What leads to one
/// block stands on one card.
fn entries(flow: &Flow) -> Vec<Card> {
    let mut cards: Vec<(usize, Card)> = Vec::new();
    let escape = flow.escape.map(|escape| ("escape", "escape", escape.to, keys(&escape)));
    let error = flow.always_error.map(|to| ("always.error", "error", to, "a step failed, without else".to_owned()));
    let gone = flow.always_hangup.map(|to| ("always.hangup", "hangup", to, "the caller has gone".to_owned()));
    for (name, verb, to, object) in [escape, error, gone].into_iter().flatten() {
        let name = name.to_owned();
        let ways = vec![(name.clone(), String::new())];
        let forks = vec![Fork { ways, to: Goal::Card { card: to, run: false } }];
        let (mark, verb, notes) = (Mark::Plain, verb.to_owned(), Vec::new());
        let line = Line { name, mark, verb, object, notes, on: None, forks };
        match cards.iter_mut().find(|(block, _)| *block == to) {
            Some((_, card)) => card.lines.push(line),
            None => cards.push((to, entry(line))),
        }
    }
    cards.into_iter().map(|(_, card)| card).collect()
}

fn entry(line: Line) -> Card {
    let (block, title) = (String::new(), "from anywhere".to_owned());
    Card { block, title, start: false, agent: false, ends: false, module: None, lines: vec![line] }
}

/// `0 at a choice, * in digits`
fn keys(escape: &Escape) -> String {
    let keys = [(escape.menu, "at a choice"), (escape.collect, "in digits")];
    let keys = keys.into_iter().filter_map(|(key, place)| Some(format!("{} {place}", key?.to_char())));
    keys.collect::<Vec<_>>().join(", ")
}
