//! Calls that together take every way out of every step, each to its end; that fail in every way in which an entry can; and
//! that come in when hours begin and end. As few as do.

use super::clock;
use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::solve::{self, Conditions};
use super::witness::{self, Trait};
use crate::flow::script::Script;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// States that are tried for one way out, where the first one has no call.
const TRIES: usize = 16;
/// Callers who each do otherwise: more than there are slips of one question.
const MANNERS: usize = 8;

/// A way out of a step: where, what makes a call take it, and where that leads.
type Exit = ((usize, usize), By, Option<(usize, usize)>);

/// The calls, and the ways out that none of them takes: there is no call that comes there, as far as we know.
pub fn calls(ground: &Ground, states: &States) -> (Vec<Script>, usize) {
    let mut all: HashMap<Exit, Vec<(usize, usize)>> = HashMap::new();
    let mut order: Vec<Exit> = Vec::new();
    for state in 0..states.all.len() {
        for (at, edge) in states.edges(state).iter().enumerate().filter(|(_, edge)| edge.by != By::Unserved) {
            let exit = (states.all[state].place, edge.by, edge.to.map(|to| states.all[to].place));
            let known = all.entry(exit).or_insert_with(|| {
                order.push(exit);
                Vec::new()
            });
            known.push((state, at));
        }
    }
    let ends = ends(states);
    let (mut taken, mut told, mut missed) = (HashSet::new(), Vec::new(), 0);
    // What is far in is come to by ways that take much of the rest along.
    for exit in order.iter().rev() {
        if taken.contains(exit) {
            continue;
        }
        // The first is a shortest way; of what else is known there, others tell.
        let among = all[exit].iter().step_by(all[exit].len().div_ceil(TRIES));
        let ways = among.flat_map(|(state, edge)| {
            let way = through(states, &ends, *state, *edge);
            let mut until = states.way(*state);
            until.push((*state, exit.1));
            [way, until]
        });
        let ways = ways.chain(detours(states, &all[exit], exit.1));
        let mut found = ways.filter_map(|way| {
            let conditions = Conditions::of(ground, states, &way)?;
            let (script, traits) = witness::tell(ground, states, &way, conditions.clone(), 0)?;
            Some(Call { script, traits, way, conditions })
        });
        let Some(call) = found.next() else {
            missed += 1;
            continue;
        };
        for (at, (state, by)) in call.way.iter().enumerate() {
            let to = call.way.get(at + 1).map(|(next, _)| states.all[*next].place);
            taken.insert((states.all[*state].place, *by, to));
        }
        taken.insert(*exit);
        told.push(call);
    }
    let mut scripts = otherwise(ground, states, &told);
    scripts.extend(by_the_clock(ground, states, &told));
    scripts.splice(0..0, told.into_iter().map(|call| call.script));
    (scripts, missed)
}

/// A call that takes a way, as a caller without slips goes it.
struct Call {
    script: Script,
    traits: HashSet<Trait>,
    way: Vec<(usize, By)>,
    conditions: Conditions,
}

/// The same ways as other callers go them, where that shows something new.
fn otherwise(ground: &Ground, states: &States, told: &[Call]) -> Vec<Script> {
    let mut seen: HashSet<Trait> = told.iter().flat_map(|call| call.traits.iter().cloned()).collect();
    let mut scripts = Vec::new();
    for call in told {
        for manner in 1..=MANNERS {
            let way = witness::tell(ground, states, &call.way, call.conditions.clone(), manner);
            let Some((script, traits)) = way.filter(|(_, traits)| !traits.is_subset(&seen)) else { continue };
            seen.extend(traits);
            scripts.push(script);
        }
    }
    scripts
}

/// A call right before and right at each beginning and end of hours, on each day that has its own.
fn by_the_clock(ground: &Ground, states: &States, told: &[Call]) -> Vec<Script> {
    let mut scripts = Vec::new();
    for (number, hours) in ground.flow.hours.iter().enumerate() {
        for at in clock::moments(hours, solve::USUAL) {
            let call = told.iter().find_map(|call| {
                let conditions = Conditions::at(ground, states, &call.way, number, at)?;
                witness::tell(ground, states, &call.way, conditions, 0)
            });
            scripts.extend(call.map(|(script, _)| script));
        }
    }
    scripts
}

/// Other ways to a way out: by each end of each lookup, as what it answers may be what it takes.
fn detours(states: &States, exits: &[(usize, usize)], by: By) -> impl Iterator<Item = Vec<(usize, By)>> {
    let mut seen = HashSet::new();
    let all = (0..states.all.len()).flat_map(|state| states.edges(state).iter().map(move |edge| (state, edge)));
    let lookups = all.filter(move |(state, edge)| {
        matches!(edge.by, By::LookedUp { .. }) && seen.insert((states.all[*state].place, edge.by))
    });
    let wanted: HashSet<usize> = exits.iter().map(|(state, _)| *state).collect();
    lookups.filter_map(move |(state, edge)| {
        let mut way = states.way(state);
        way.push((state, edge.by));
        let (on, state) = on_to(states, edge.to?, &wanted)?;
        way.extend(on);
        way.push((state, by));
        Some(way)
    })
}

/// A shortest way from one state to any of others, and to which.
fn on_to(states: &States, from: usize, wanted: &HashSet<usize>) -> Option<(Vec<(usize, By)>, usize)> {
    let mut before: HashMap<usize, Option<(usize, By)>> = HashMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(state) = open.pop_front() {
        if wanted.contains(&state) {
            let mut way: Vec<(usize, By)> = std::iter::successors(before[&state], |(state, _)| before[state]).collect();
            way.reverse();
            return Some((way, state));
        }
        for edge in states.edges(state).iter().filter(|edge| edge.by != By::Unserved) {
            let Some(to) = edge.to else { continue };
            if let Entry::Vacant(entry) = before.entry(to) {
                entry.insert(Some((state, edge.by)));
                open.push_back(to);
            }
        }
    }
    None
}

/// The way to a state, on by one of its edges, and from there to the nearest end.
fn through(states: &States, ends: &[Option<usize>], state: usize, edge: usize) -> Vec<(usize, By)> {
    let mut way = states.way(state);
    let (mut at, mut next) = (state, edge);
    loop {
        let edge = states.edges(at)[next];
        way.push((at, edge.by));
        let Some(to) = edge.to else { return way };
        let Some(on) = ends[to] else { return way };
        (at, next) = (to, on);
    }
}

/// By state, the edge of a shortest way to the end of a call.
fn ends(states: &States) -> Vec<Option<usize>> {
    let mut before = vec![Vec::new(); states.all.len()];
    let mut ends = vec![None; states.all.len()];
    let mut open = Vec::new();
    for (state, end) in ends.iter_mut().enumerate() {
        for (at, edge) in states.edges(state).iter().enumerate().filter(|(_, edge)| edge.by != By::Unserved) {
            match edge.to {
                Some(to) => before[to].push((state, at)),
                None if end.is_none() => {
                    *end = Some(at);
                    open.push(state);
                }
                None => {}
            }
        }
    }
    let mut at = 0;
    while at < open.len() {
        for (state, edge) in std::mem::take(&mut before[open[at]]) {
            if ends[state].is_none() {
                ends[state] = Some(edge);
                open.push(state);
            }
        }
        at += 1;
    }
    ends
}
