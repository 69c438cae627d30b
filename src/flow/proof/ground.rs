//! What is the same for every call of a flow: what each step looks at, and which facts still matter behind it.

use super::standing::{Standing, Status};
use crate::context::Class;
use crate::flow::expr::Operand;
use crate::flow::fact::{Kind, Known, Lives};
use crate::flow::model::{Flow, Next};
use crate::flow::prompts::Prompts;
use crate::flow::step::Step;
use crate::secret::Secret;
use crate::yaml::Span;

/// A flow as the proofs walk it.
pub struct Ground<'f> {
    pub flow: &'f Flow,
    /// By block, the number of its first step among all steps; behind the last block, how many there are.
    first: Vec<usize>,
    minds: Vec<Minds<'f>>,
    /// Behind each step: the slots that are looked at from it on.
    live: Vec<Vec<u64>>,
    /// By fact: which of its values it has makes a difference somewhere.
    valued: Vec<bool>,
    /// The slot of a lookup whose values somebody reads, and of a fact whose rounds are counted.
    given: Vec<Option<usize>>,
    rounds: Vec<Option<usize>>,
    slots: usize,
    /// The only fact that is told apart; `None`: all of them.
    only: Option<usize>,
}

/// What a step looks at.
pub struct Minds<'f> {
    flow: &'f Flow,
    prompts: &'f Prompts,
    /// Facts that may be known from outside, and that are looked for there.
    pub looked_up: Vec<usize>,
    /// Facts whose state counts as it is.
    pub read: Vec<usize>,
    /// Facts whose value makes a difference.
    pub valued: Vec<usize>,
    /// Facts that a prompt speaks, and which prompt; not those with a wording for having none.
    pub spoken: Vec<(usize, &'f str)>,
    /// Values of lookups that it reads: the lookup, which of its values, and where.
    pub given: Vec<(usize, usize, Span)>,
    /// Somebody is called, or gets the facts: no secret may be left.
    pub hands_off: bool,
}

impl<'f> Minds<'f> {
    fn new(flow: &'f Flow, prompts: &'f Prompts) -> Self {
        let (looked_up, read, valued) = (Vec::new(), Vec::new(), Vec::new());
        Self { flow, prompts, looked_up, read, valued, spoken: Vec::new(), given: Vec::new(), hands_off: false }
    }

    pub fn flow(&self) -> &'f Flow {
        self.flow
    }

    /// As `Turn::look_up`: what is to be offered is not taken silently.
    pub fn look_up(&mut self, fact: usize) {
        match self.flow.facts[fact].offer {
            None => self.looked_up.push(fact),
            Some(_) => self.read.push(fact),
        }
    }

    /// As `Turn::bring`: what goes along with the caller.
    pub fn bring(&mut self, facts: &[usize]) {
        self.looked_up.extend(facts);
    }

    pub fn read(&mut self, fact: usize) {
        self.read.push(fact);
    }

    pub fn operand(&mut self, operand: &Operand, at: Span) {
        match operand {
            Operand::Fact(fact) => {
                self.look_up(*fact);
                self.valued.push(*fact);
            }
            Operand::Given(lookup, which) => self.given.push((*lookup, *which, at)),
            Operand::With(_) | Operand::Switch(_) | Operand::Text(_) | Operand::Number(_) => {}
        }
    }

    pub fn speak(&mut self, prompt: &'f str) {
        let Some(spoken) = self.prompts.first().prompt(prompt) else { return };
        for placeholder in spoken.facts().filter(|placeholder| !placeholder.not_given) {
            self.spoken.extend(self.flow.spoken(&placeholder.name).map(|fact| (fact, prompt)));
        }
    }

    pub fn hand_off(&mut self) {
        self.hands_off = true;
        let secrets = self.flow.facts.iter().enumerate().filter(|(_, question)| question.class == Class::Secret);
        self.read.extend(secrets.map(|(fact, _)| fact));
    }
}

impl<'f> Ground<'f> {
    /// `only`: no other fact is told apart.
    pub fn new(flow: &'f Flow, prompts: &'f Prompts, only: Option<usize>) -> Self {
        let mut first = vec![0];
        first.extend(flow.blocks.iter().scan(0, |steps, block| {
            *steps += block.steps.len();
            Some(*steps)
        }));
        let steps = flow.blocks.iter().flat_map(|block| &block.steps);
        let minds: Vec<Minds> = steps
            .clone()
            .map(|placed| {
                let mut minds = Minds::new(flow, prompts);
                placed.step.minds(&mut minds);
                minds
            })
            .collect();
        let mut valued = vec![false; flow.facts.len()];
        minds.iter().flat_map(|minds| &minds.valued).for_each(|fact| valued[*fact] = true);
        let mut slots = flow.facts.len();
        let mut slot = |wanted: bool| {
            wanted.then(|| {
                slots += 1;
                slots - 1
            })
        };
        let mut read = vec![false; flow.lookups.len()];
        for (lookup, which, _) in minds.iter().flat_map(|minds| &minds.given) {
            read[*lookup] |= flow.lookups[*lookup].gives[*which].default.is_none();
        }
        let given = read.into_iter().map(&mut slot).collect();
        let mut bounded = vec![false; flow.facts.len()];
        for placed in steps {
            if let Step::Forget(forget) = &placed.step {
                bounded[forget.fact()] |= forget.is_bounded();
            }
        }
        let rounds = bounded.into_iter().map(&mut slot).collect();
        let mut ground = Self { flow, first, minds, live: Vec::new(), valued, given, rounds, slots: slots + 1, only };
        ground.live = ground.liveness();
        ground
    }

    /// Octets of a standing.
    pub fn slots(&self) -> usize {
        self.slots
    }

    pub fn steps(&self) -> usize {
        self.minds.len()
    }

    /// The number of a step among all steps.
    pub fn step(&self, (block, step): (usize, usize)) -> usize {
        self.first[block] + step
    }

    /// Every step.
    pub fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let blocks = self.flow.blocks.iter().enumerate();
        blocks.flat_map(|(at, block)| (0..block.steps.len()).map(move |step| (at, step)))
    }

    pub fn minds(&self, place: (usize, usize)) -> &Minds<'f> {
        &self.minds[self.step(place)]
    }

    pub fn tracked(&self, fact: usize) -> bool {
        self.only.is_none_or(|only| only == fact)
    }

    /// Whether something outside may know the fact when the call begins: what came with it, or its case.
    pub fn may_be_known(&self, fact: usize) -> bool {
        let question = &self.flow.facts[fact];
        let outside = question.known.iter().any(|known| !matches!(known, Known::Lookup(_)));
        outside || question.lives == Lives::Case
    }

    /// The values by which filled is told from filled.
    pub fn values(&self, fact: usize) -> Vec<Option<u8>> {
        let count = distinct(&self.flow.facts[fact].kind).len();
        if !self.valued[fact] || count == 0 {
            return vec![None];
        }
        (0..count).filter_map(|value| u8::try_from(value).ok()).map(Some).collect()
    }

    /// One value of those, by its text.
    pub fn value(&self, fact: usize, text: &str) -> Option<u8> {
        let all = distinct(&self.flow.facts[fact].kind);
        let at = all.iter().position(|value| *value == text).filter(|_| self.valued[fact]);
        at.and_then(|at| u8::try_from(at).ok())
    }

    /// The text of a value that is told apart.
    pub fn text(&self, fact: usize, value: u8) -> Option<&'f str> {
        distinct(&self.flow.facts[fact].kind).get(usize::from(value)).copied()
    }

    /// Whether a value is the one that a fact has after the last try.
    pub fn is_default(&self, fact: usize, value: Option<u8>) -> bool {
        let default = self.flow.facts[fact].default.as_ref();
        let text = |value| self.text(fact, value).map(Secret::new);
        value.is_none_or(|value| default.is_some_and(|default| text(value).as_ref() == Some(default)))
    }

    /// The slot that says whether a lookup has given its values.
    pub fn given(&self, lookup: usize) -> Option<usize> {
        self.given[lookup]
    }

    /// The slot that counts how often a fact was forgotten.
    pub fn rounds(&self, fact: usize) -> Option<usize> {
        self.rounds[fact]
    }

    /// Where the caller gets by asking for a person while this fact is asked for.
    pub fn escape(&self, fact: usize) -> Option<usize> {
        let (escape, question) = (self.flow.escape?, &self.flow.facts[fact]);
        let reads_back = question.confirm.is_some() || question.offer.is_some();
        let heard = match question.kind {
            _ if question.survey => false,
            Kind::Choice(_) => escape.menu.is_some(),
            _ => escape.collect.is_some() || (reads_back && escape.menu.is_some()),
        };
        heard.then_some(escape.to)
    }

    /// Forgets of a call at that step, to come back to those, what nobody looks at any more.
    pub fn settle(&self, place: (usize, usize), stack: &[(usize, usize)], standing: &mut Standing) {
        standing.forget_but(&self.looked_at(place, stack));
    }

    /// The slots that are looked at from that step on, and behind those that are returned to.
    pub fn looked_at(&self, place: (usize, usize), stack: &[(usize, usize)]) -> Vec<u64> {
        let mut live = self.behind(place).to_vec();
        for place in stack {
            live.iter_mut().zip(self.behind(*place)).for_each(|(live, more)| *live |= more);
        }
        live
    }

    /// A `run` that stands last in its block goes on at the block's end, where nothing is.
    fn behind(&self, place: (usize, usize)) -> &[u64] {
        static NOTHING: [u64; 0] = [];
        if place.1 == self.flow.blocks[place.0].steps.len() { &NOTHING } else { &self.live[self.step(place)] }
    }

    /// The facts of which a step has to know how they stand before it goes on: those that are looked for outside, and those
    /// of which the last word is due.
    pub fn due(&self, place: (usize, usize), standing: &Standing) -> Option<usize> {
        let minds = self.minds(place);
        let fresh = minds.looked_up.iter().find(|fact| standing.status(**fact) == Status::Fresh);
        let spoken = minds.spoken.iter().map(|(fact, _)| fact);
        let mut all = minds.looked_up.iter().chain(&minds.read).chain(spoken);
        let last_word = |fact: &&usize| matches!(standing.status(**fact), Status::Answered | Status::Settled);
        fresh.or_else(|| all.find(last_word)).copied()
    }

    /// From the steps that look at a slot back to those that lead there, until nothing changes.
    fn liveness(&self) -> Vec<Vec<u64>> {
        let words = self.slots.div_ceil(64);
        let mut blocks = vec![vec![0; words]; self.flow.blocks.len()];
        let mut live = vec![vec![0; words]; self.steps()];
        loop {
            let mut changed = false;
            for (at, block) in self.flow.blocks.iter().enumerate().rev() {
                let mut behind: Vec<u64> = vec![0; words];
                for (step, placed) in block.steps.iter().enumerate().rev() {
                    self.look(&placed.step, self.step((at, step)), &mut behind);
                    for to in self.leads(&placed.step) {
                        behind.iter_mut().zip(&blocks[to]).for_each(|(behind, more)| *behind |= more);
                    }
                    live[self.step((at, step))].clone_from(&behind);
                }
                changed |= blocks[at] != behind;
                blocks[at] = behind;
            }
            if !changed {
                return live;
            }
        }
    }

    fn look(&self, step: &Step, number: usize, live: &mut [u64]) {
        let minds = &self.minds[number];
        let facts = minds.looked_up.iter().chain(&minds.read).copied();
        let spoken = minds.spoken.iter().map(|(fact, _)| *fact);
        let given = minds.given.iter().filter_map(|(lookup, ..)| self.given[*lookup]);
        let rounds = match step {
            Step::Forget(forget) => self.rounds[forget.fact()],
            _ => None,
        };
        for slot in facts.chain(spoken).chain(given).chain(rounds) {
            live[slot / 64] |= 1 << (slot % 64);
        }
    }

    /// The blocks that a step may lead to, whatever else happens there.
    fn leads(&self, step: &Step) -> Vec<usize> {
        let ways = step.ways().into_iter().filter_map(|way| match way.next {
            Next::Block(to) | Next::Run(to) | Next::Afresh(to) => Some(to),
            Next::Always => self.flow.always_error,
            Next::Continue | Next::Return | Next::End(_) => None,
        });
        let escape = match step {
            Step::Collect(collect) => self.escape(collect.fact()),
            _ => None,
        };
        let offer = match step {
            Step::Agent(agent) => agent.offers(self.flow),
            _ => Vec::new(),
        };
        ways.chain(escape).chain(offer).chain(self.flow.always_hangup).collect()
    }
}

/// The values of a closed list, each once.
fn distinct(kind: &Kind) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for value in kind.named_values() {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}
