//! What calls come to at all: which steps, and by which ways they leave them. The rest no test can show, and why not.

use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::standing::{Standing, Status};
use crate::context::Outcome;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::prompts::Prompts;
use crate::flow::run::AgentEnd;
use crate::flow::step::Step;
use std::collections::{HashMap, HashSet};

type Place = (usize, usize);

/// Of a flow that is proved.
pub struct Reached {
    /// Every step that some call comes to; `Some`: only one that has what nobody serves yet behind it, at that step.
    steps: HashMap<Place, Option<Place>>,
    /// From a step to another one, or to the end of the call.
    led: HashSet<(Place, Option<Place>)>,
    /// By these ways out, of steps of which several may lead to one place.
    by: HashSet<(Place, String)>,
    escapes: HashSet<Place>,
    /// Where callers leave a line by the way out that it offers.
    left: HashSet<Place>,
}

impl Reached {
    /// `None`: there are too many states to tell.
    pub fn of(flow: &Flow, prompts: &Prompts) -> Option<Reached> {
        let ground = Ground::new(flow, prompts, None);
        let states = States::explore(&ground).ok()?;
        let mut reached = Reached {
            steps: HashMap::new(),
            led: HashSet::new(),
            by: HashSet::new(),
            escapes: HashSet::new(),
            left: HashSet::new(),
        };
        let mut served = HashSet::from([0]);
        let mut open = vec![0];
        while let Some(state) = open.pop() {
            let place = states.all[state].place;
            reached.steps.insert(place, None);
            for edge in states.edges(state).iter().filter(|edge| edge.by != By::Unserved) {
                reached.led.insert((place, edge.to.map(|to| states.all[to].place)));
                let ways = ways(&ground, place, &states.all[state].standing, edge.by);
                reached.by.extend(ways.into_iter().flatten().map(|way| (place, way)));
                let escaped = states.all[state].standing.has_escaped();
                reached.escapes.extend(matches!(edge.by, By::AskedForPerson { .. } if !escaped).then_some(place));
                reached.left.extend((edge.by == By::Left).then_some(place));
                open.extend(edge.to.filter(|to| served.insert(*to)));
            }
        }
        for (state, of) in states.all.iter().enumerate() {
            let unserved = || states.way(state).into_iter().find(|(_, by)| *by == By::Unserved);
            reached.steps.entry(of.place).or_insert_with(|| unserved().map(|(state, _)| states.all[state].place));
        }
        Some(reached)
    }

    /// Why no call comes to a step; `None`: one does.
    pub fn no_step(&self, flow: &Flow, place: Place) -> Option<String> {
        match self.steps.get(&place) {
            Some(None) => None,
            Some(Some((block, step))) => {
                let (block, step, verb) = (&flow.blocks[*block], step, flow.blocks[*block].steps[*step].step.verb());
                let name = &block.name.text;
                Some(format!("it lies behind `{verb}` at {name}:{}, which is not served yet", step + 1))
            }
            None => Some("no call comes there".to_owned()),
        }
    }

    /// Why no call leaves a step by that way.
    pub fn no_way(&self, flow: &Flow, place: Place, way: &Way) -> Option<String> {
        let (block, step) = place;
        let step_of = &flow.blocks[block].steps[step].step;
        let behind = (block, step + 1);
        if let Some(why) = self.no_step(flow, place) {
            return Some(why);
        }
        let on = way.exit == Exit::On;
        if on && let Step::RunBlock(_) = step_of {
            // Taken once that block returns.
            let back = step + 1 == flow.blocks[block].steps.len() || self.no_step(flow, behind).is_none();
            return (!back).then(|| "what it runs never returns".to_owned());
        }
        if on && let Step::Callback(_) | Step::Ticket(_) = step_of {
            return Some(format!("`{}` is not served yet", step_of.verb()));
        }
        let to = match way.next {
            Next::Continue => Some(behind),
            Next::Block(to) | Next::Afresh(to) | Next::Run(to) => Some((to, 0)),
            Next::Always => flow.always_error.map(|to| (to, 0)),
            Next::End(_) => None,
            Next::Return => return None,
        };
        // What is done after the caller is gone may come to the end of its block.
        let led = || self.led.contains(&(place, to)) || (to == Some(behind) && self.led.contains(&(place, None)));
        let sure =
            matches!(step_of, Step::Branch(_) | Step::Route(_) | Step::Lookup(_) | Step::Agent(_) | Step::Collect(_));
        let taken = if sure { self.by.contains(&(place, way.exit.to_string())) } else { led() };
        (!taken).then(|| "however the facts stand there, another way is taken".to_owned())
    }

    /// Whether a caller who is asked there may ask for a person instead.
    pub fn escapes(&self, place: Place) -> bool {
        self.escapes.contains(&place)
    }

    /// Whether a caller may leave the line there by the way out that it offers.
    pub fn leaves(&self, place: Place) -> bool {
        self.left.contains(&place)
    }
}

/// The ways out that an event may take, where that tells more than the place it leads to; `None`: it does not.
fn ways(ground: &Ground, (block, step): Place, standing: &Standing, by: By) -> Option<Vec<String>> {
    let flow = ground.flow;
    let step = &flow.blocks[block].steps[step].step;
    let named = |key: &str| {
        let has = step.ways().iter().any(|way| way.exit.to_string() == key);
        Some(vec![if has { key } else { "else" }.to_owned()])
    };
    match (step, by) {
        (Step::Branch(_), By::Holds(holds)) => named(if holds { "then" } else { "else" }),
        (Step::Route(route), By::Itself) => match standing.status(route.fact()) {
            Status::Filled(Some(value)) => named(&format!("to.{}", ground.text(route.fact(), value)?)),
            Status::Filled(None) | Status::Any => Some(step.ways().iter().map(|way| way.exit.to_string()).collect()),
            _ => named("else"),
        },
        (Step::Lookup(_), By::LookedUp { outcome, .. }) => named(match outcome {
            Outcome::Ok => "next",
            Outcome::None => "none",
            Outcome::Refused => "refused",
            Outcome::Slow => "slow",
            Outcome::Failed => "else",
        }),
        (Step::Agent(_), By::Agent(end)) => named(match end {
            AgentEnd::Failed => "else",
            AgentEnd::Done => "done",
            AgentEnd::Escalated => "escalate",
        }),
        (Step::Agent(_), By::Closed) => named("closed"),
        (Step::Agent(_), By::Full) => named("full"),
        (Step::Agent(_), By::Waited) => named("waited"),
        (Step::Collect(collect), by) => match (by, standing.status(collect.fact())) {
            (By::Keyed { .. } | By::Taken { .. }, _) | (By::Itself, Status::Filled(_)) => named("next"),
            (By::GaveUp { fact }, _) if flow.facts[fact].default.is_some() => named("next"),
            (By::GaveUp { .. } | By::Itself, _) => named("else"),
            (By::AskedForPerson { .. }, _) if standing.has_escaped() => named("else"),
            _ => None,
        },
        _ => None,
    }
}
