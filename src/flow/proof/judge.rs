//! From states to what is wrong with the flow: each finding with its place, its remedy and a shortest way there.

use super::explore::{Edge, MAX_RUNS, State, States, Trouble};
use super::graph::{self, Longest};
use super::ground::Ground;
use super::length::Lengths;
use super::moves::{By, Point};
use crate::flow::fact::Kind;
use crate::flow::model::Needs;
use crate::flow::run::SILENCE;
use crate::flow::step::Step;
use crate::time::Duration;
use crate::yaml::{Diagnostic, Span};

/// What a caller may hear nothing for, while one lookup follows another.
const LONGEST_SILENCE: Duration = Duration::from_secs(4);

/// A finding, and the events that lead to it, each with the state that it happens in.
#[derive(Clone)]
pub struct Found {
    pub diagnostic: Diagnostic,
    pub way: Option<Vec<(usize, By)>>,
    /// Where that is.
    pub end: (usize, usize),
}

pub struct Judge<'j, 'f> {
    pub ground: &'j Ground<'f>,
    pub states: &'j States,
    pub lengths: &'j Lengths<'f>,
}

impl Judge<'_, '_> {
    /// Everything, where all facts are told apart.
    pub fn everything(&self) -> Vec<Found> {
        let mut found = self.troubles();
        let rounds = self.endless();
        if rounds.is_empty() {
            found.extend(self.silence());
            found.extend(self.budget());
        }
        found.extend(rounds);
        found.extend(self.no_choice());
        found.extend(self.no_way_out());
        if found.is_empty() {
            found.extend(self.unreachable());
        }
        found
    }

    /// What calls run into.
    pub fn troubles(&self) -> Vec<Found> {
        self.states.troubles.iter().map(|(state, trouble)| self.trouble(*state, *trouble)).collect()
    }

    fn trouble(&self, state: usize, trouble: Trouble) -> Found {
        let flow = self.ground.flow;
        let place = self.states.all[state].place;
        let (block, step) = (&flow.blocks[place.0], &flow.blocks[place.0].steps[place.1]);
        let minds = self.ground.minds(place);
        let name = |fact: usize| flow.facts[fact].name.text.as_str();
        let told = |code, at, message, remedy: String| {
            self.found(code, (place, at), message, remedy, Some(self.states.way(state)))
        };
        match trouble {
            Trouble::StrayReturn => {
                let block = &block.name.text;
                let message = format!("`{block}` is also reached without a `run`: there is nothing to return to");
                told("stray-return", step.at, message, format!("lead to it by `- run: {block}` only"))
            }
            Trouble::DeepRun => {
                let message = format!("`run` goes more than {MAX_RUNS} deep here");
                let remedy = "a block that is run ends by `- return`, and does not lead back to who ran it";
                told("deep-run", step.at, message, remedy.to_owned())
            }
            Trouble::AskedTwice(fact) => {
                let message = format!("the caller may be asked for `{}` a second time here", name(fact));
                let remedy = "if that is on purpose, bound the `forget:` before it by `at_most:`, or file what was said by \
                              `keep: true`";
                told("asked-twice", step.at, message, remedy.to_owned())
            }
            Trouble::Unasked(which) => {
                let needs: Option<&Needs> = step.step.needs();
                let (fact, at) = needs.map_or((0, step.at), |needs| (needs.facts[which], needs.at[which]));
                let message = format!("`{}` may come here neither filled nor declined: nobody asked", name(fact));
                let remedy = format!(
                    "`- collect: {0}` on every way here; or write `{0}?` if it goes along only where somebody asked",
                    name(fact)
                );
                told("unasked", at, message, remedy)
            }
            Trouble::SecretKept(fact) => {
                let message = format!("the secret `{}` may still be there when somebody is called", name(fact));
                told("secret-kept", step.at, message, format!("`- forget: {}` on every way here", name(fact)))
            }
            Trouble::NotFilled(which) => {
                let (fact, prompt) = minds.spoken[which];
                let message = format!("prompt `{prompt}` speaks `{{{0}}}`, which may have no value here", name(fact));
                let remedy = format!("collect it on every way here, or word its absence: `{{{}?}}`", name(fact));
                told("not-filled", step.at, message, remedy)
            }
            Trouble::SendsUnfilled(fact) => {
                let lookup = match &step.step {
                    Step::Lookup(step) => Some(step.lookup()),
                    Step::Collect(collect) => flow.facts[collect.fact()].accept,
                    _ => None,
                };
                let lookup = lookup.map_or("", |lookup| flow.lookups[lookup].name.text.as_str());
                let message = format!("lookup `{lookup}` sends `{}`, which may have no value here", name(fact));
                let remedy =
                    format!("collect it on every way here, or go round it: `- if: not filled({})`", name(fact));
                told("sends-unfilled", step.at, message, remedy)
            }
            Trouble::NeverGiven(which) => {
                let (lookup, which, at) = minds.given[which];
                let lookup = &flow.lookups[lookup];
                let (lookup, name) = (&lookup.name.text, &lookup.gives[which].name.text);
                let message = format!("`{lookup}.{name}` is read where lookup `{lookup}` may have failed");
                let remedy = format!("lead its `else:` elsewhere, or give `{name}` a `default:`");
                told("never-given", at, message, remedy)
            }
        }
    }

    fn found(
        &self,
        code: &'static str,
        (place, at): ((usize, usize), Span),
        message: String,
        remedy: impl Into<String>,
        way: Option<Vec<(usize, By)>>,
    ) -> Found {
        let path = &self.ground.flow.paths[self.ground.flow.blocks[place.0].file];
        let mut diagnostic = Diagnostic::error(path, code, at, message);
        diagnostic.remedy(remedy);
        Found { diagnostic, way, end: place }
    }

    /// A fact is asked once. So on a second round every `collect` is passed by and every `route` goes the same way; only a
    /// person who is talked to on the way, or a bound, ends it.
    pub fn endless(&self) -> Vec<Found> {
        let remedy = "a fact is asked once, so the second round brings nothing new: end it, or bound it by `forget:` with \
                      `at_most:`";
        let follows = |_: usize, edge: &Edge| !edge.paced;
        let groups = graph::groups(self.states, follows);
        let mut told: Vec<Vec<usize>> = Vec::new();
        let mut found = Vec::new();
        for group in groups {
            let Some(round) = self.round(&group) else { continue };
            let mut blocks: Vec<usize> = round.iter().map(|(state, _)| self.states.all[*state].place.0).collect();
            blocks.dedup();
            let mut kind = blocks.clone();
            kind.sort_unstable();
            kind.dedup();
            if told.contains(&kind) {
                continue;
            }
            told.push(kind);
            let Some(&(last, _)) = round.last() else { continue };
            if blocks.len() == 1 || blocks.first() != blocks.last() {
                blocks.push(blocks[0]);
            }
            let names: Vec<&str> =
                blocks.iter().map(|block| self.ground.flow.blocks[*block].name.text.as_str()).collect();
            let message = format!("this goes round for ever: {}", names.join(" -> "));
            let place = self.states.all[last].place;
            let at = self.ground.flow.blocks[place.0].steps[place.1].at;
            let mut way = self.states.way(round[0].0);
            way.extend(round);
            found.push(self.found("endless-loop", (place, at), message, remedy, Some(way)));
        }
        found
    }

    /// A way round within a group of states that lead to each other, from the one that comes first; none in a state alone.
    fn round(&self, group: &[usize]) -> Option<Vec<(usize, By)>> {
        let first = group.iter().copied().min()?;
        let mut way: Vec<(usize, By)> = Vec::new();
        let mut at = first;
        loop {
            let within = |edge: &&Edge| !edge.paced && edge.to.is_some_and(|to| group.contains(&to));
            // The way that goes back is taken where there is one, so that the round is short.
            let edges = self.states.edges(at);
            let back = edges.iter().filter(within).find(|edge| way.iter().any(|(state, _)| Some(*state) == edge.to));
            let edge = back.or_else(|| edges.iter().find(within))?;
            way.push((at, edge.by));
            at = edge.to?;
            if let Some(start) = way.iter().position(|(state, _)| *state == at) {
                let mut round = way.split_off(start);
                // It begins where it comes first in the file: what leads back there is what is to be mended.
                let first = (0..round.len()).min_by_key(|at| self.states.all[round[*at].0].place);
                round.rotate_left(first.unwrap_or(0));
                return Some(round);
            }
        }
    }

    /// A round through a bounded `forget:` passes a choice of the caller: nobody is sent round who did not ask for it.
    fn no_choice(&self) -> Vec<Found> {
        let flow = self.ground.flow;
        let mut found = Vec::new();
        let bounded = self.ground.places().filter_map(|place| match &flow.blocks[place.0].steps[place.1].step {
            Step::Forget(forget) if forget.is_bounded() => Some((place, forget.fact())),
            _ => None,
        });
        for (place, fact) in bounded {
            let Some(first) = self.goes_round(place) else { continue };
            let at = flow.blocks[place.0].steps[place.1].at;
            let name = &flow.facts[fact].name.text;
            let message = format!("callers go round by `forget: {name}` without having asked for it");
            let remedy = "ask for a choice on the way round: another one, or not?";
            found.push(self.found("no-choice", (place, at), message, remedy, Some(self.states.way(first))));
        }
        found
    }

    /// The first state at a place from which calls come back to it without a choice.
    fn goes_round(&self, place: (usize, usize)) -> Option<usize> {
        let at_place = |state: usize| self.states.all[state].place == place;
        let chosen = |by: By| match by {
            By::Keyed { fact, .. } | By::Known { fact, .. } | By::Taken { fact, .. } => {
                matches!(self.ground.flow.facts[fact].kind, Kind::Choice(_))
            }
            _ => false,
        };
        let mut seen = vec![false; self.states.all.len()];
        for first in (0..self.states.all.len()).filter(|state| at_place(*state)) {
            let mut open = vec![first];
            while let Some(state) = open.pop() {
                if std::mem::replace(&mut seen[state], true) {
                    continue;
                }
                let edges = self.states.edges(state).iter().filter(|edge| !edge.paced && !chosen(edge.by));
                for to in edges.filter_map(|edge| edge.to) {
                    if at_place(to) {
                        return Some(first);
                    }
                    open.push(to);
                }
            }
        }
        None
    }

    /// From every question a person stays in reach, or what stands for one.
    pub fn no_way_out(&self) -> Vec<Found> {
        let flow = self.ground.flow;
        let step = |state: usize| {
            let (block, step) = self.states.all[state].place;
            &flow.blocks[block].steps[step]
        };
        let reaching = graph::reaching(self.states, |state| is_person(&step(state).step));
        let mut told = Vec::new();
        let mut found = Vec::new();
        for (state, reaches) in reaching.into_iter().enumerate() {
            let placed = step(state);
            let Step::Collect(collect) = &placed.step else { continue };
            let standing = &self.states.all[state].standing;
            let asks = collect.asks(&Point { ground: self.ground, standing });
            let place = self.states.all[state].place;
            if reaches || !asks || flow.facts[collect.fact()].survey || told.contains(&place) {
                continue;
            }
            told.push(place);
            let name = &flow.facts[collect.fact()].name.text;
            let message = format!("from the question for `{name}` no way leads to a person");
            let remedy = "lead its `else:` or the `escape:` to an `agent:`; a question after everything is done is `survey: true`";
            found.push(self.found("no-way-out", (place, placed.at), message, remedy, Some(self.states.way(state))));
        }
        found
    }

    /// Steps that no call comes to, though others lead there: the first one of each block.
    fn unreachable(&self) -> Vec<Found> {
        let flow = self.ground.flow;
        let mut reached = vec![false; self.ground.steps()];
        self.states.all.iter().for_each(|state| reached[self.ground.step(state.place)] = true);
        let mut found = Vec::new();
        for (at, block) in flow.blocks.iter().enumerate() {
            let dead = (0..block.steps.len()).find(|step| !reached[self.ground.step((at, *step))]);
            found.extend(dead.map(|step| {
                let (code, place) = if step == 0 {
                    ("unreachable-block", block.name.span)
                } else {
                    ("unreachable-step", block.steps[step].at)
                };
                let message = format!("no call ever comes to this {}", if step == 0 { "block" } else { "step" });
                let remedy = "the facts that it takes are never so when something leads here: delete it, or mend what leads here";
                self.found(code, ((at, step), place), message, remedy, None)
            }));
        }
        found
    }

    /// One lookup after another, with nothing to be heard between them.
    fn silence(&self) -> Vec<Found> {
        let quiet = |state: usize, edge: &Edge| match edge.by {
            By::LookedUp { lookup, .. } => {
                let waited = self.ground.flow.lookups[lookup].timeout.min(SILENCE);
                u64::try_from(waited.as_millis()).ok()
            }
            _ => (!self.sounds(state)).then_some(0),
        };
        let order = graph::groups(self.states, |_, edge| !edge.paced);
        let longest =
            graph::longest(self.states, &order, |_| Some(0), |state, edge| quiet(state, edge).filter(|_| !edge.paced));
        let lookup = |state: usize| {
            let (block, step) = self.states.all[state].place;
            matches!(self.ground.flow.blocks[block].steps[step].step, Step::Lookup(_))
                && !self.states.all[state].standing.is_gone()
        };
        let weight = |state: usize| longest[state].map_or(0, |(weight, _)| u128::from(weight));
        let worst = (0..self.states.all.len())
            .filter(|state| lookup(*state))
            .max_by_key(|state| (weight(*state), usize::MAX - state));
        let Some(state) = worst.filter(|state| weight(*state) > LONGEST_SILENCE.as_millis()) else { return Vec::new() };
        let place = self.states.all[state].place;
        let at = self.ground.flow.blocks[place.0].steps[place.1].at;
        let seconds = weight(state).div_ceil(1_000);
        let message = format!("a caller may hear nothing for {seconds} s from here on: one lookup follows another");
        let remedy = "say something between them, or ask for less";
        let way = self.along(state, &longest);
        vec![self.found("long-silence", (place, at), message, remedy, Some(way))]
    }

    /// Whether something is to be heard in a state.
    fn sounds(&self, state: usize) -> bool {
        let State { place, standing, .. } = &self.states.all[state];
        match &self.ground.flow.blocks[place.0].steps[place.1].step {
            Step::Say(_) | Step::Agent(_) | Step::Transfer(_) => true,
            Step::Collect(collect) => collect.asks(&Point { ground: self.ground, standing }),
            _ => false,
        }
    }

    /// The way to a state, and the longest one on from it.
    fn along(&self, state: usize, longest: &Longest) -> Vec<(usize, By)> {
        let mut way = self.states.way(state);
        let mut at = state;
        while let Some((_, Some(edge))) = longest[at] {
            let edge = self.states.edges(at)[edge];
            way.push((at, edge.by));
            let Some(to) = edge.to else { break };
            at = to;
        }
        way
    }

    /// The longest way to a person.
    fn budget(&self) -> Vec<Found> {
        let Some(budget) = self.ground.flow.budget else { return Vec::new() };
        let order = graph::groups(self.states, |_, edge| !edge.paced);
        let ends = |state: usize| {
            let (block, step) = self.states.all[state].place;
            is_person(&self.ground.flow.blocks[block].steps[step].step).then_some(0)
        };
        let asked = |_: usize, edge: &Edge| Some(u64::from(is_question(edge.by)));
        let spent = |state: usize, edge: &Edge| Some(self.spent(state, edge.by));
        let questions = budget.questions.map(|most| {
            (
                most,
                1,
                "questions",
                graph::longest(self.states, &order, ends, |state, edge| {
                    asked(state, edge).filter(|_| ends(state).is_none())
                }),
            )
        });
        let seconds = budget.seconds.map(|most| {
            (
                most,
                1_000,
                "seconds",
                graph::longest(self.states, &order, ends, |state, edge| {
                    spent(state, edge).filter(|_| ends(state).is_none())
                }),
            )
        });
        let mut found = Vec::new();
        for (most, unit, what, longest) in [questions, seconds].into_iter().flatten() {
            let Some((weight, _)) = longest[0] else { continue };
            if weight > most as u64 * unit {
                let message =
                    format!("the longest way to a person takes {} {what}; the budget is {most}", weight.div_ceil(unit));
                let remedy = "ask for less before somebody is called, say less, or raise the budget";
                let way = self.along(0, &longest);
                let path = self.ground.flow.path();
                let mut diagnostic = Diagnostic::error(path, "over-budget", budget.at, message);
                diagnostic.remedy(remedy);
                let end = way.last().map_or(self.states.all[0].place, |(state, _)| self.states.all[*state].place);
                found.push(Found { diagnostic, way: Some(way), end });
            }
        }
        found
    }

    /// Milliseconds that the flow takes of a caller: what it says, and what it waits for systems.
    fn spent(&self, state: usize, by: By) -> u64 {
        let (block, step) = self.states.all[state].place;
        let flow = self.ground.flow;
        let time = match (&flow.blocks[block].steps[step].step, by) {
            (Step::Say(say), _) => say.prompts().iter().map(|prompt| self.lengths.prompt(prompt)).max(),
            (Step::Lookup(step), By::LookedUp { .. }) => Some(flow.lookups[step.lookup()].timeout),
            (_, By::Keyed { fact, .. } | By::AskedForPerson { fact }) => Some(self.lengths.question(fact, 1)),
            (_, By::Taken { fact, .. }) => Some(self.lengths.offer(fact)),
            (_, By::GaveUp { fact }) => Some(self.lengths.question(fact, flow.facts[fact].ask.len())),
            _ => None,
        };
        time.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What needs no path: it is in how things are declared.
pub fn declared(ground: &Ground) -> Vec<Found> {
    let flow = ground.flow;
    let mut found = Vec::new();
    let asked = |fact: usize| {
        let mut steps = flow.blocks.iter().flat_map(|block| &block.steps);
        steps.any(|placed| matches!(&placed.step, Step::Collect(collect) if collect.fact() == fact))
    };
    let mut tell = |at: (usize, Span), code, message, remedy: &str| {
        let mut diagnostic = Diagnostic::error(&flow.paths[at.0], code, at.1, message);
        diagnostic.remedy(remedy);
        found.push(Found { diagnostic, way: None, end: (flow.start, 0) });
    };
    for (fact, question) in flow.facts.iter().enumerate() {
        let choice = matches!(question.kind, Kind::Choice(_)) && !question.survey;
        if choice && asked(fact) && ground.escape(fact).is_none() {
            let message = format!("no key leads from the choice `{}` to a person", question.name.text);
            tell(
                (question.file, question.span),
                "no-escape",
                message,
                "escape: { menu: 0, collect: star, to: BLOCK } at the top of the flow",
            );
        }
    }
    found
}

fn is_question(by: By) -> bool {
    matches!(by, By::Keyed { .. } | By::Taken { .. } | By::GaveUp { .. } | By::AskedForPerson { .. })
}

/// A person, or what stands for one.
fn is_person(step: &Step) -> bool {
    matches!(step, Step::Agent(_) | Step::Transfer(_) | Step::Callback(_) | Step::Ticket(_))
}
