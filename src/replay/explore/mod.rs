//! A suite for a flow: of the calls that the prover can make up, the fewest that take all that there is to take.
//!
//! ```text
//! proof::calls -> performed, counted --+-> what none of them takes: a little otherwise than one that comes near
//!                                      |                                        |
//!                                      +-> candidates <-------------------------+
//!                                              -> the one that adds most, again and again -> without those that others make needless
//! ```

mod name;

use super::coverage::{Item, Kind, Plan, Taken};
use super::stage::{Place, Stage};
use super::tell::word;
use crate::call::Program;
use crate::context::Outcome;
use crate::engine::Service;
use crate::flow::proof;
use crate::flow::script::{Cue, Script};
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::Out;
use jiff::{SignedDuration, Timestamp};
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
    theatre.otherwise(had, &mut all);
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
        let taken = Taken::of(self.plan, fixture.lines.iter(), &journey, fixture.header.at);
        let takes = numbers(self.plan, &taken).intersection(&self.wanted).copied().collect();
        Candidate { script, fixture, takes }
    }

    fn missing(&self, had: &Numbers, all: &[Candidate]) -> Numbers {
        let taken: Numbers = all.iter().flat_map(|call| call.takes.iter().copied()).collect();
        self.wanted.iter().filter(|number| !taken.contains(number) && !had.contains(number)).copied().collect()
    }

    /// What none takes yet, by calls that go a little otherwise than one that comes near.
    fn otherwise(&self, had: &Numbers, all: &mut Vec<Candidate>) {
        for number in self.missing(had, all) {
            let item = &self.plan.all[number].item;
            let tried: Vec<Script> = all.iter().rev().flat_map(|call| self.others(item, call)).take(TRIES).collect();
            all.extend(tried.into_iter().map(|script| self.perform(script)).find(|call| call.takes.contains(&number)));
        }
    }

    fn others(&self, item: &Item, call: &Candidate) -> Vec<Script> {
        let (of, part) = item.parts();
        match item.kind {
            Kind::Lookups => call.looked_up(of).flat_map(|at| call.ended(at, part)).collect(),
            Kind::Sources => {
                let flow = &self.service.program.flow;
                let fact = flow.facts.iter().position(|question| question.name.text == of);
                let value = fact.and_then(|fact| proof::sample(flow, fact));
                let (Some(value), Some(lookup)) = (value, part.strip_prefix("from lookup:")) else { return Vec::new() };
                call.looked_up(lookup).filter_map(|at| call.found(at, of, &value)).collect()
            }
            Kind::Tries => call.slips(of),
            Kind::Exits => {
                let hours = self.service.program.flow.hours.iter();
                call.earlier(of, &hours.flat_map(proof::moments).collect::<Vec<_>>())
            }
            Kind::Steps | Kind::Hours | Kind::Escapes | Kind::Always | Kind::Prompts => Vec::new(),
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

impl Candidate {
    /// Where the script has a lookup end, if that one is looked up.
    fn looked_up(&self, lookup: &str) -> impl Iterator<Item = usize> {
        let asks = |line: &Line| matches!(&line.step, Step::Out(Out::Lookup { name, .. }) if name == lookup);
        let asks = self.fixture.lines.iter().any(asks);
        let cues = self.script.cues.iter().enumerate().filter(move |_| asks);
        cues.filter(|(_, cue)| matches!(cue, Cue::Lookup { .. })).map(|(at, _)| at)
    }

    /// It ends in that way, which may have no exit of its own, and so no call of the prover's.
    fn ended(&self, at: usize, end: &str) -> Option<Script> {
        let ends = [Outcome::None, Outcome::Refused, Outcome::Slow, Outcome::Failed];
        let outcome = ends.into_iter().find(|outcome| word(outcome) == end)?;
        let mut script = self.script.clone();
        script.cues[at] = Cue::Lookup { outcome, values: Vec::new() };
        Some(script)
    }

    /// It finds a value for a fact that no step looks at.
    fn found(&self, at: usize, fact: &str, value: &str) -> Option<Script> {
        let mut script = self.script.clone();
        let Cue::Lookup { outcome: Outcome::Ok, values } = &mut script.cues[at] else { return None };
        values.retain(|(name, _)| name != fact);
        values.push((fact.to_owned(), value.to_owned()));
        Some(script)
    }

    /// One slip fewer, or a silence more, where the fact is asked for and given.
    fn slips(&self, fact: &str) -> Vec<Script> {
        let given = |line: &Line| matches!(&line.step, Step::Out(Out::Fact(told)) if told.name == fact && told.state == "filled" && told.tries > 0);
        let cues = if self.fixture.lines.iter().any(given) { self.script.cues.len() } else { 0 };
        let slip = |at: usize| {
            let (mut fewer, mut more) = (self.script.clone(), self.script.clone());
            fewer.cues.remove(at);
            more.cues.insert(at, Cue::Silence);
            [fewer, more]
        };
        (0..cues).flat_map(slip).collect()
    }

    /// Hours begin or end while it is on its way to that step: it comes in so long before that.
    fn earlier(&self, step: &str, moments: &[Timestamp]) -> Vec<Script> {
        let comes = |line: &Line| match &line.step {
            Step::Out(Out::Step { block, step: at, .. }) if format!("{block}:{at}") == step => Some(line.t),
            _ => None,
        };
        let Some(t) = self.fixture.lines.iter().find_map(comes) else { return Vec::new() };
        let before = SignedDuration::from_micros(i64::try_from(t).unwrap_or(i64::MAX));
        let at = moments.iter().filter_map(|moment| moment.checked_sub(before).ok());
        at.map(|at| {
            let mut script = self.script.clone();
            script.opening.at = at;
            script
        })
        .collect()
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
