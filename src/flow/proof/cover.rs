//! Calls that together take every way out of every step: few of them, each to its end.

use super::explore::States;
use super::ground::Ground;
use super::moves::By;
use super::witness;
use crate::flow::script::Script;
use std::collections::{HashMap, HashSet};

/// States that are tried for one way out, where the first ones have no call.
const TRIES: usize = 8;

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
            if known.len() < TRIES {
                known.push((state, at));
            }
        }
    }
    let ends = ends(states);
    let (mut taken, mut scripts, mut missed) = (HashSet::new(), Vec::new(), 0);
    // What is far in is come to by ways that take much of the rest along.
    for exit in order.iter().rev() {
        if taken.contains(exit) {
            continue;
        }
        let ways = all[exit].iter().map(|(state, edge)| through(states, &ends, *state, *edge));
        let found = ways.filter_map(|way| Some((witness::script(ground, states, &way)?, way))).next();
        let Some((script, way)) = found else {
            missed += 1;
            continue;
        };
        for (at, (state, by)) in way.iter().enumerate() {
            let to = way.get(at + 1).map(|(next, _)| states.all[*next].place);
            taken.insert((states.all[*state].place, *by, to));
        }
        taken.insert(*exit);
        scripts.push(script);
    }
    (scripts, missed)
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
    for state in 0..states.all.len() {
        for (at, edge) in states.edges(state).iter().enumerate().filter(|(_, edge)| edge.by != By::Unserved) {
            match edge.to {
                Some(to) => before[to].push((state, at)),
                None if ends[state].is_none() => {
                    ends[state] = Some(at);
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
