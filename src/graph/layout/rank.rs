//! Which column each card stands in: as far right as the longest way to it is long, ways back left aside.

use super::goals;
use crate::graph::chart::{Chart, Goal};
use std::cmp::Reverse;

/// A line that goes farther than so many columns would cost more than it tells: the card says the block's name instead.
const FAR: usize = 8;

/// The column of each card.
pub fn ranks(chart: &Chart) -> Vec<usize> {
    let all = || 0..chart.cards.len();
    let start = all().filter(|card| chart.cards[*card].start);
    let entries = || all().filter(|card| chart.cards[*card].is_entry());
    let order = down(chart, start.chain(entries()).chain(all()).collect());
    let mut place = vec![0; chart.cards.len()];
    for (at, card) in order.iter().enumerate() {
        place[*card] = at;
    }
    let mut ranks = vec![0_usize; chart.cards.len()];
    for &card in &order {
        for goal in goals(chart, card) {
            // Who stands before it in this order is led back to.
            if place[goal] > place[card] {
                ranks[goal] = ranks[goal].max(ranks[card] + 1);
            }
        }
    }
    // Right beside the block that it leads to.
    for entry in entries() {
        ranks[entry] = goals(chart, entry).iter().map(|goal| ranks[*goal].saturating_sub(1)).min().unwrap_or(0);
    }
    ranks
}

/// The cards in an order in which only ways back lead to an earlier one: depth first, each behind all that it leads to,
/// read from the end. What its author wrote first is gone down first: a file mostly stands in the order of the call.
fn down(chart: &Chart, roots: Vec<usize>) -> Vec<usize> {
    let onward = |card| {
        let mut goals = goals(chart, card);
        goals.sort_by_key(|goal| Reverse(*goal));
        goals
    };
    let mut seen = vec![false; chart.cards.len()];
    let mut done = Vec::with_capacity(chart.cards.len());
    for root in roots {
        let mut path = Vec::new();
        if !std::mem::replace(&mut seen[root], true) {
            path.push((root, onward(root)));
        }
        while let Some((card, rest)) = path.last_mut() {
            match rest.pop() {
                None => {
                    done.push(*card);
                    path.pop();
                }
                Some(goal) if !std::mem::replace(&mut seen[goal], true) => path.push((goal, onward(goal))),
                Some(_) => {}
            }
        }
    }
    done.reverse();
    done
}

/// Has the card name a goal that is far away.
pub fn shorten(chart: &mut Chart) {
    let ranks = ranks(chart);
    for (card, from) in chart.cards.iter_mut().zip(&ranks) {
        for fork in card.lines.iter_mut().flat_map(|line| &mut line.forks) {
            if let Goal::Card { card: to, .. } = fork.to
                && from.abs_diff(ranks[to]) > FAR
            {
                fork.to = Goal::Far(to);
            }
        }
    }
}
