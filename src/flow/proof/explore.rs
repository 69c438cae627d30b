//! Every state that a call of a flow can be in: where it is, what it was run from, how the facts stand. The ones that take
//! the fewest events come first, so that the way to a state is a shortest one.

use super::ground::Ground;
use super::moves::{By, Move, Point};
use super::standing::{Standing, Status};
use crate::flow::model::Next;
use crate::flow::step::Step;
use std::collections::{HashMap, HashSet};

/// States that are told apart at most. A contact centre of 120 lines has some thousands.
const MAX_STATES: usize = 150_000;
/// How deep `run` within `run` may go.
pub const MAX_RUNS: usize = 8;

/// Before a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub place: (usize, usize),
    /// Its number among the stacks.
    stack: usize,
    pub standing: Standing,
}

/// One event between two states; without a second one the call is over.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub by: By,
    pub to: Option<usize>,
    pub paced: bool,
}

/// What a state has that no call may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// A `return` with nothing to return to.
    StrayReturn,
    /// One `run` too many within others.
    DeepRun,
    /// The caller is asked for a fact a second time.
    AskedTwice(usize),
    /// Somebody is called with a fact that was neither filled nor declined: which of the step's `needs:`.
    Unasked(usize),
    SecretKept(usize),
    /// A prompt speaks a fact that has no value: which of those that the step speaks.
    NotFilled(usize),
    /// A lookup sends a fact that has no value.
    SendsUnfilled(usize),
    /// A value of a lookup is read where it may have failed: which of those that the step reads.
    NeverGiven(usize),
}

/// All states, and what leads from each to others.
pub struct States {
    pub all: Vec<State>,
    /// The first edge of each state, and behind the last state how many there are.
    first: Vec<usize>,
    edges: Vec<Edge>,
    /// From which state, by which of its edges, each was come to first.
    from: Vec<Option<(usize, usize)>>,
    /// What is wrong, each with the first state that has it.
    pub troubles: Vec<(usize, Trouble)>,
    /// Run stacks: what is returned to, and the stack below that. 0 is the empty one.
    stacks: Vec<((usize, usize), usize)>,
}

#[cfg(test)]
impl States {
    /// Whether a call that comes to that step, its facts standing so, is among them.
    pub fn has(&self, ground: &Ground, place: (usize, usize), facts: &[Status]) -> bool {
        self.all.iter().filter(|state| state.place == place).any(|state| {
            let mut stack = state.stack;
            let mut frames = Vec::new();
            while stack != 0 {
                frames.push(self.stacks[stack].0);
                stack = self.stacks[stack].1;
            }
            let live = ground.looked_at(place, &frames);
            facts.iter().enumerate().filter(|(fact, _)| live[fact / 64] & (1 << (fact % 64)) != 0).all(
                |(fact, real)| match (state.standing.status(fact), real) {
                    (Status::Unknown, Status::Unknown) | (Status::Declined, Status::Declined) => true,
                    (Status::Fresh | Status::Answered, Status::Unknown | Status::Filled(_)) => true,
                    (Status::Settled, Status::Declined | Status::Filled(_)) | (Status::Any, _) => true,
                    (Status::Filled(None), Status::Filled(_)) => true,
                    (one, other) => one == *other,
                },
            )
        })
    }
}

/// There are more states than are told apart.
pub struct TooMany;

impl States {
    pub fn explore(ground: &Ground) -> Result<States, TooMany> {
        let states = States {
            all: Vec::new(),
            first: vec![0],
            edges: Vec::new(),
            from: Vec::new(),
            troubles: Vec::new(),
            stacks: vec![((0, 0), 0)],
        };
        let mut walk = Walk { ground, states, seen: HashMap::new(), runs: HashMap::new(), told: HashSet::new() };
        walk.come((ground.flow.start, 0), 0, Standing::new(ground), None);
        let mut at = 0;
        while at < walk.states.all.len() {
            if walk.states.all.len() > MAX_STATES {
                return Err(TooMany);
            }
            walk.leave(at);
            walk.states.first.push(walk.states.edges.len());
            at += 1;
        }
        Ok(walk.states)
    }

    pub fn edges(&self, state: usize) -> &[Edge] {
        &self.edges[self.first[state]..self.first[state + 1]]
    }

    /// The events of a shortest way to a state: each with the state that it happens in.
    pub fn way(&self, state: usize) -> Vec<(usize, By)> {
        let mut way = Vec::new();
        let mut at = state;
        while let Some((from, edge)) = self.from[at] {
            way.push((from, self.edges[edge].by));
            at = from;
        }
        way.reverse();
        way
    }
}

struct Walk<'w, 'f> {
    ground: &'w Ground<'f>,
    states: States,
    seen: HashMap<State, usize>,
    runs: HashMap<((usize, usize), usize), usize>,
    told: HashSet<((usize, usize), Trouble)>,
}

impl Walk<'_, '_> {
    /// The state's number; a new one is walked on from later.
    fn come(
        &mut self,
        place: (usize, usize),
        stack: usize,
        mut standing: Standing,
        from: Option<(usize, usize)>,
    ) -> usize {
        let frames = self.frames(stack);
        self.ground.settle(place, &frames, &mut standing);
        let state = State { place, stack, standing };
        if let Some(known) = self.seen.get(&state) {
            return *known;
        }
        let number = self.states.all.len();
        self.seen.insert(state.clone(), number);
        self.states.all.push(state);
        self.states.from.push(from);
        number
    }

    fn frames(&self, mut stack: usize) -> Vec<(usize, usize)> {
        let mut frames = Vec::new();
        while stack != 0 {
            let (place, below) = self.states.stacks[stack];
            frames.push(place);
            stack = below;
        }
        frames
    }

    fn leave(&mut self, number: usize) {
        let state = self.states.all[number].clone();
        if let Some(fact) = self.ground.due(state.place, &state.standing) {
            return self.look_up(number, &state, fact);
        }
        let ground = self.ground;
        let step = &ground.flow.blocks[state.place.0].steps[state.place.1].step;
        let point = Point { ground, standing: &state.standing };
        self.troubles(number, &state, &point, step);
        let waits = match step {
            Step::Say(_) | Step::Lookup(_) | Step::Agent(_) | Step::Transfer(_) | Step::Callback(_) => true,
            Step::Collect(collect) => collect.asks(&point),
            _ => false,
        };
        let mut moves = step.moves(&point);
        if let Some(hangup) = ground.flow.always_hangup.filter(|_| waits && !state.standing.is_gone()) {
            let mut gone = point.on(By::HungUp, Next::Afresh(hangup));
            gone.then.go();
            moves.push(gone);
        }
        for way in moves {
            self.take(number, &state, way);
        }
    }

    /// What is outside shows now: a value, each that makes a difference, or nothing.
    fn look_up(&mut self, number: usize, state: &State, fact: usize) {
        let unknown = match state.standing.status(fact) {
            Status::Settled => Status::Declined,
            _ => Status::Unknown,
        };
        let nothing = (By::Unknown { fact }, unknown);
        let values = self.ground.values(fact).into_iter();
        let known = values.map(|value| (By::Known { fact, value }, Status::Filled(value)));
        for (by, status) in [nothing].into_iter().chain(known) {
            let from = Some((number, self.states.edges.len()));
            let to = self.come(state.place, state.stack, state.standing.with(fact, status), from);
            self.states.edges.push(Edge { by, to: Some(to), paced: false });
        }
    }

    fn take(&mut self, number: usize, state: &State, way: Move) {
        let Move { by, next, mut then, paced } = way;
        let (block, step) = state.place;
        let flow = self.ground.flow;
        let to = match next {
            Next::Continue => Some(((block, step + 1), state.stack)),
            Next::Block(block) => Some(((block, 0), state.stack)),
            Next::Afresh(block) => Some(((block, 0), 0)),
            Next::Run(block) => match self.push((state.place.0, step + 1), state.stack) {
                Some(stack) => Some(((block, 0), stack)),
                None => return self.trouble(number, Trouble::DeepRun),
            },
            Next::Return if state.stack == 0 => return self.trouble(number, Trouble::StrayReturn),
            Next::Return => Some(self.states.stacks[state.stack]),
            Next::Always => {
                then.decline_unknown(flow.facts.len());
                flow.always_error.map(|block| ((block, 0), 0))
            }
            Next::End(_) => None,
        };
        // What is done after the caller is gone may come to the end of its block.
        let to = to.filter(|((block, step), _)| *step < flow.blocks[*block].steps.len());
        let from = Some((number, self.states.edges.len()));
        let to = to.map(|(place, stack)| self.come(place, stack, then, from));
        self.states.edges.push(Edge { by, to, paced });
    }

    /// The stack with one more to return to; none if there are too many.
    fn push(&mut self, back: (usize, usize), below: usize) -> Option<usize> {
        if self.frames(below).len() >= MAX_RUNS {
            return None;
        }
        let stacks = &mut self.states.stacks;
        Some(*self.runs.entry((back, below)).or_insert_with(|| {
            stacks.push((back, below));
            stacks.len() - 1
        }))
    }

    fn troubles(&mut self, number: usize, state: &State, point: &Point, step: &Step) {
        let (ground, flow) = (self.ground, self.ground.flow);
        let unknown = |fact: usize| matches!(point.status(fact), Status::Unknown | Status::Fresh);
        let lacks = |fact: usize| !matches!(point.status(fact), Status::Filled(_) | Status::Any);
        let minds = ground.minds(state.place);
        if let Some(needs) = step.needs() {
            // What no caller can be asked for is missing for another reason.
            let asked = |at: &usize| !needs.unasked[*at] && !flow.facts[needs.facts[*at]].ask.is_empty();
            let unasked = (0..needs.facts.len()).filter(|at| asked(at) && unknown(needs.facts[*at]));
            unasked.for_each(|at| self.trouble(number, Trouble::Unasked(at)));
        }
        if minds.hands_off {
            let kept = minds.read.iter().filter(|fact| matches!(point.status(**fact), Status::Filled(_)));
            kept.for_each(|fact| self.trouble(number, Trouble::SecretKept(*fact)));
        }
        let spoken = minds.spoken.iter().enumerate().filter(|(_, (fact, _))| lacks(*fact));
        spoken.for_each(|(at, _)| self.trouble(number, Trouble::NotFilled(at)));
        for (at, (lookup, which, _)) in minds.given.iter().enumerate() {
            let given = ground.given(*lookup).is_none_or(|slot| point.standing.slot(slot) == 1);
            if !given && flow.lookups[*lookup].gives[*which].default.is_none() {
                self.trouble(number, Trouble::NeverGiven(at));
            }
        }
        match step {
            Step::Collect(collect) => {
                let fact = collect.fact();
                if unknown(fact) && point.standing.was_asked(fact) {
                    self.trouble(number, Trouble::AskedTwice(fact));
                }
                let accepts = flow.facts[fact].accept.map(|lookup| &flow.lookups[lookup]);
                let sent = accepts.into_iter().flat_map(|lookup| lookup.sent()).filter(|sent| *sent != fact);
                if collect.asks(point) {
                    sent.filter(|fact| lacks(*fact))
                        .for_each(|fact| self.trouble(number, Trouble::SendsUnfilled(fact)));
                }
            }
            Step::Lookup(step) => {
                let sent = flow.lookups[step.lookup()].sent().filter(|fact| lacks(*fact));
                sent.for_each(|fact| self.trouble(number, Trouble::SendsUnfilled(fact)));
            }
            _ => {}
        }
    }

    /// Each is told once of each step.
    fn trouble(&mut self, number: usize, trouble: Trouble) {
        let place = self.states.all[number].place;
        if self.told.insert((place, trouble)) {
            self.states.troubles.push((number, trouble));
        }
    }
}
