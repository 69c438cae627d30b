//! A suite for a flow: of the calls that the prover can make up, the fewest that take all that there is to take.
//!
//! ```text
//! proof::calls -> performed, counted --+-> what none of them takes: lookups that end otherwise, hours that end meanwhile
//!                                      |                                        |
//!                                      +-> candidates <-------------------------+
//!                                              -> the one that adds most, again and again -> without those that others make needless
//! ```

mod name;

use super::coverage::{Kind, Plan, Taken};
use super::stage::{Place, Stage};
use crate::call::Program;
use crate::context::Outcome;
use crate::engine::Service;
use crate::flow::proof;
use crate::flow::script::{Cue, Script};
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::Out;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What made a recording that was explored.
pub const SOURCE: &str = "explore";
/// Calls that are tried for one thing that none takes yet.
const TRIES: usize = 64;

/// Numbers of a plan.
pub type Numbers = BTreeSet<usize>;

/// A call of the suite.
pub struct Explored {
    /// For its folder: what it shows, in words that an edit elsewhere leaves alone.
    pub name: String,
    pub fixture: Fixture,
    pub takes: Numbers,
    /// What no other call of the suite takes.
    pub shows: Numbers,
}

/// A call that could be one of the suite.
struct Candidate {
    script: Script,
    fixture: Fixture,
    takes: Numbers,
}

/// What is to be taken of a plan. Which prompts are heard in which language is told of a suite, and no reason for a call.
pub fn wanted(plan: &Plan) -> Numbers {
    plan.within().filter(|(_, planned)| planned.item.kind != Kind::Prompts).map(|(number, _)| number).collect()
}

/// The numbers of what was taken.
pub fn numbers(plan: &Plan, taken: &Taken) -> Numbers {
    taken.0.keys().filter_map(|item| plan.number(item)).collect()
}

/// The fewest calls that take what is wanted, those first that add most; at most `budget` of them. What is `had` already need
/// not be taken. `None`: the flow can be in too many states for calls to be made up.
pub fn explore(service: &Service, plan: &Plan, had: &Numbers, budget: Option<usize>) -> Option<Vec<Explored>> {
    let Program { flow, prompts } = &service.program;
    let (scripts, _) = proof::calls(flow, prompts)?;
    let place = Place::made_up(flow);
    let theatre = Theatre { service, place, plan, wanted: wanted(plan) };
    let mut all: Vec<Candidate> = scripts.into_iter().map(|script| theatre.perform(script)).collect();
    theatre.lookups(had, &mut all);
    theatre.hours(had, &mut all);
    let needed: Numbers = theatre.wanted.difference(had).copied().collect();
    let chosen = cover(&all, &needed, budget);
    Some(theatre.tell(all, &chosen, &needed))
}

struct Theatre<'t> {
    service: &'t Service,
    place: Place,
    plan: &'t Plan,
    wanted: Numbers,
}

impl Theatre<'_> {
    /// As far as the script fits; the caller hangs up then.
    fn perform(&self, script: Script) -> Candidate {
        let Service { program, arena } = self.service;
        let mut stage = Stage::open(program, arena, &self.place, &script.opening);
        let _fits = script.cues.iter().all(|cue| stage.give(cue).is_ok());
        stage.close();
        let journey = stage.context().journey.clone();
        let mut fixture = stage.into_fixture();
        fixture.header.source = SOURCE.to_owned();
        let taken = Taken::of(self.plan, fixture.lines.iter(), &journey);
        let takes = numbers(self.plan, &taken).intersection(&self.wanted).copied().collect();
        Candidate { script, fixture, takes }
    }

    fn missing(&self, had: &Numbers, all: &[Candidate]) -> Numbers {
        let taken: Numbers = all.iter().flat_map(|call| call.takes.iter().copied()).collect();
        self.wanted.iter().filter(|number| !taken.contains(number) && !had.contains(number)).copied().collect()
    }

    /// A lookup ends in a way that has no exit of its own, and so no call of the prover's.
    fn lookups(&self, had: &Numbers, all: &mut Vec<Candidate>) {
        let ends = [Outcome::None, Outcome::Refused, Outcome::Slow, Outcome::Failed];
        for number in self.missing(had, all) {
            let item = &self.plan.all[number].item;
            let (lookup, end) = item.parts();
            let Some(outcome) = ends.into_iter().find(|outcome| super::tell::word(outcome) == end) else { continue };
            if item.kind != Kind::Lookups {
                continue;
            }
            let asks = |call: &Candidate| {
                let asked = call.fixture.lines.iter();
                asked.clone().any(|line| matches!(&line.step, Step::Out(Out::Lookup { name, .. }) if name == lookup))
            };
            let other = |call: &Candidate| -> Vec<Script> {
                let lookups = call.script.cues.iter().enumerate().filter(|(_, cue)| matches!(cue, Cue::Lookup { .. }));
                let otherwise = lookups.map(|(at, _)| {
                    let mut script = call.script.clone();
                    script.cues[at] = Cue::Lookup { outcome, values: Vec::new() };
                    script
                });
                otherwise.collect()
            };
            let tried: Vec<Script> = all.iter().filter(|call| asks(call)).flat_map(other).take(TRIES).collect();
            all.extend(tried.into_iter().map(|script| self.perform(script)).find(|call| call.takes.contains(&number)));
        }
    }

    /// Hours begin or end between two steps of one call: it comes in so long before that.
    fn hours(&self, had: &Numbers, all: &mut Vec<Candidate>) {
        let moments = proof::moments(&self.service.program.flow);
        for number in self.missing(had, all) {
            let item = &self.plan.all[number].item;
            if item.kind != Kind::Exits || moments.is_empty() {
                continue;
            }
            let (step, _) = item.parts();
            let comes = |line: &Line| match &line.step {
                Step::Out(Out::Step { block, step: at, .. }) if format!("{block}:{at}") == step => Some(line.t),
                _ => None,
            };
            let earlier = |call: &Candidate| -> Vec<Script> {
                let Some(t) = call.fixture.lines.iter().find_map(comes) else { return Vec::new() };
                let before = SignedDuration::from_micros(i64::try_from(t).unwrap_or(i64::MAX));
                let at = moments.iter().filter_map(|moment| moment.checked_sub(before).ok());
                at.map(|at| {
                    let mut script = call.script.clone();
                    script.opening.at = at;
                    script
                })
                .collect()
            };
            let tried: Vec<Script> = all.iter().flat_map(earlier).take(TRIES).collect();
            all.extend(tried.into_iter().map(|script| self.perform(script)).find(|call| call.takes.contains(&number)));
        }
    }

    fn tell(&self, all: Vec<Candidate>, chosen: &[usize], needed: &Numbers) -> Vec<Explored> {
        let among = |number: usize| all.iter().filter(|call| call.takes.contains(&number)).count();
        let mut names = BTreeSet::new();
        let mut told = Vec::new();
        for at in chosen {
            let Candidate { fixture, takes, .. } = &all[*at];
            let others = || chosen.iter().filter(|other| *other != at);
            let shows: Numbers = takes
                .intersection(needed)
                .filter(|number| !others().any(|other| all[*other].takes.contains(number)))
                .copied()
                .collect();
            // What is rare says most about a call.
            let rarest = shows.iter().min_by_key(|number| among(**number)).copied();
            let slug = rarest.map_or_else(|| "call".to_owned(), |number| name::of(&self.plan.all[number]));
            let name = (1..).map(|n| if n == 1 { slug.clone() } else { format!("{slug}-{n}") });
            let name = name.into_iter().find(|name| !names.contains(name)).unwrap_or(slug);
            names.insert(name.clone());
            let mut fixture = fixture.clone();
            fixture.header.shows = shows.iter().map(|number| self.plan.all[*number].item.name.clone()).collect();
            told.push(Explored { name, fixture, takes: takes.clone(), shows });
        }
        told
    }
}

/// The one that adds most, of equal ones the shortest, until nothing is added; then without those that the others make
/// needless.
fn cover(all: &[Candidate], needed: &Numbers, budget: Option<usize>) -> Vec<usize> {
    let mut open = needed.clone();
    let mut chosen: Vec<usize> = Vec::new();
    while budget.is_none_or(|budget| chosen.len() < budget) {
        let adds = |call: &Candidate| call.takes.intersection(&open).count();
        let best = all.iter().enumerate().map(|(at, call)| (adds(call), call.fixture.lines.len(), at));
        let best = best.filter(|(adds, ..)| *adds > 0).min_by_key(|(adds, lines, _)| (usize::MAX - adds, *lines));
        let Some((.., at)) = best else { break };
        open.retain(|number| !all[at].takes.contains(number));
        chosen.push(at);
    }
    for at in (0..chosen.len()).rev() {
        let others = || chosen.iter().enumerate().filter(|(other, _)| *other != at);
        let needless = |number: &usize| others().any(|(_, other)| all[*other].takes.contains(number));
        if all[chosen[at]].takes.intersection(needed).all(needless) {
            chosen.remove(at);
        }
    }
    chosen
}
