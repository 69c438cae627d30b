//! Questions about all states at once: which ways go round, what can still be reached, which way is the longest.

use super::explore::{Edge, States};

/// The states in groups that lead to each other, by edges that are followed; a group comes after all those that it leads
/// to (Tarjan).
pub fn groups(states: &States, follows: impl Fn(usize, &Edge) -> bool) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let count = states.all.len();
    let (mut number, mut low, mut open) = (vec![NEW; count], vec![0; count], vec![false; count]);
    let (mut next, mut stack, mut groups) = (0, Vec::new(), Vec::new());
    for root in 0..count {
        if number[root] != NEW {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some((state, edge)) = path.last_mut() {
            let state = *state;
            if *edge == 0 {
                (number[state], low[state], open[state]) = (next, next, true);
                next += 1;
                stack.push(state);
            }
            let Some(taken) = states.edges(state).get(*edge) else {
                path.pop();
                if let Some((before, _)) = path.last() {
                    low[*before] = low[*before].min(low[state]);
                }
                if low[state] == number[state] {
                    let at = stack.iter().rposition(|other| *other == state).unwrap_or(0);
                    let group = stack.split_off(at);
                    group.iter().for_each(|state| open[*state] = false);
                    groups.push(group);
                }
                continue;
            };
            *edge += 1;
            let Some(to) = taken.to.filter(|_| follows(state, taken)) else { continue };
            if number[to] == NEW {
                path.push((to, 0));
            } else if open[to] {
                low[state] = low[state].min(number[to]);
            }
        }
    }
    groups
}

/// The states from which one of those is reached.
pub fn reaching(states: &States, goals: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut before = vec![Vec::new(); states.all.len()];
    for state in 0..states.all.len() {
        for to in states.edges(state).iter().filter_map(|edge| edge.to) {
            before[to].push(state);
        }
    }
    let mut reaching = vec![false; states.all.len()];
    let mut open: Vec<usize> = (0..states.all.len()).filter(|state| goals(*state)).collect();
    while let Some(state) = open.pop() {
        if !std::mem::replace(&mut reaching[state], true) {
            open.extend(&before[state]);
        }
    }
    reaching
}

/// For each state the weight of the heaviest way on from it, and the first edge of that; `None` where no way is one.
pub type Longest = Vec<Option<(u64, Option<usize>)>>;

/// `order`: a state comes after all those that it leads to. A way ends where `ends` says so with what that weighs; the
/// `weight` of an edge is `None` where a way does not go on by it.
pub fn longest(
    states: &States,
    order: &[Vec<usize>],
    ends: impl Fn(usize) -> Option<u64>,
    weight: impl Fn(usize, &Edge) -> Option<u64>,
) -> Longest {
    let mut longest: Longest = vec![None; states.all.len()];
    for state in order.iter().flatten().copied() {
        let mut best = ends(state).map(|weight| (weight, None));
        for (at, edge) in states.edges(state).iter().enumerate() {
            let on = weight(state, edge).zip(edge.to.and_then(|to| longest[to]));
            if let Some((weight, (behind, _))) = on
                && best.is_none_or(|(best, _)| weight + behind > best)
            {
                best = Some((weight + behind, Some(at)));
            }
        }
        longest[state] = best;
    }
    longest
}
