//! Which column each card stands in: as far right as the longest way to it is long, ways back left aside.

use super::goals;
use crate::graph::chart::{Chart, Goal};

/// A line that goes farther than so many columns would cost more than it tells: the card says the block's name instead.
const FAR: usize = 8;

/// The column of each card.
pub fn ranks(chart: &Chart) -> Vec<usize> {
    let blocks: Vec<usize> = (0..chart.cards.len()).filter(|card| !chart.cards[*card].is_entry()).collect();
    let start = blocks.iter().copied().filter(|card| chart.cards[*card].start);
    let order = down(chart, start.chain(blocks.iter().copied()).collect());
    let mut place = vec![0; chart.cards.len()];
    for (at, card) in order.iter().enumerate() {
        place[*card] = at;
    }
    let mut ranks = vec![0; chart.cards.len()];
    for &card in &order {
        for goal in goals(chart, card) {
            // Who stands before it in this order is led back to.
            if place[goal] > place[card] {
                ranks[goal] = ranks[goal].max(ranks[card] + 1);
            }
        }
    }
    let entries = (0..chart.cards.len()).filter(|card| chart.cards[*card].is_entry());
    for entry in entries {
        let to = goals(chart, entry).first().map_or(0, |goal| ranks[*goal]);
        ranks[entry] = usize::saturating_sub(to, 1);
    }
    ranks
}

/// The cards in an order in which only ways back lead to an earlier one: depth first, each behind all that it leads to,
/// read from the end.
fn down(chart: &Chart, roots: Vec<usize>) -> Vec<usize> {
    let mut seen = vec![false; chart.cards.len()];
    let mut done = Vec::with_capacity(chart.cards.len());
    for root in roots {
        let mut path = Vec::new();
        if !std::mem::replace(&mut seen[root], true) {
            path.push((root, goals(chart, root)));
        }
        while let Some((card, rest)) = path.last_mut() {
            // The last one first, so that the first one comes out first.
            match rest.pop() {
                None => {
                    done.push(*card);
                    path.pop();
                }
                Some(goal) if !std::mem::replace(&mut seen[goal], true) => path.push((goal, goals(chart, goal))),
                Some(_) => {}
            }
        }
    }
    // A root that leads to an earlier root stands before it now.
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
