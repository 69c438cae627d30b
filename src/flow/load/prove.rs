//! What is proved of a flow from its shape alone: no block falls off its end, no step or block is out of reach,
//! no path goes round without a person.

use super::Loading;
use crate::flow::model::{Flow, Next, Placed, Way};
use crate::yaml::{Faults, Node, Word};

/// Every step of a block but the last leads to the next one, and the last does not.
pub fn block(name: &Word, items: &[Node], steps: &[Placed], faults: &mut Faults) {
    let goes_on = |step: &Placed| step.step.ways().iter().any(|way| way.next == Next::Continue);
    if let Some(stop) = steps.iter().position(|step| !goes_on(step)) {
        if let Some(dead) = items.get(stop + 1) {
            let message = format!("no path reaches this step: `{}` before it never goes on", steps[stop].step.verb());
            faults.error("unreachable-step", dead.span, message);
        }
        return;
    }
    let place = items.last().map_or(name.span, |item| item.span);
    faults
        .error("falls-off", place, format!("block `{}` falls off its end", name.text))
        .remedy("end it with `- hangup` or `- goto: BLOCK`");
}

/// The proofs that need every block.
pub fn whole(flow: &Flow, loading: &mut Loading) {
    reachable(flow, loading);
    endless(flow, loading);
    for (what, name) in loading.unused() {
        loading.faults.warning("unused", name.span, format!("nothing uses {what} `{}`", name.text));
    }
}

/// The blocks that a step may lead to; `true` for those behind a person.
fn targets(flow: &Flow, block: usize) -> impl Iterator<Item = (usize, bool, usize)> {
    let steps = flow.blocks[block].steps.iter();
    steps.flat_map(move |placed| {
        placed.step.ways().into_iter().filter_map(move |Way { next, paced }| match next {
            Next::Block(to) => Some((to, paced, placed.line)),
            Next::Always => Some((flow.always_error?, paced, placed.line)),
            Next::Continue | Next::End(_) => None,
        })
    })
}

fn reachable(flow: &Flow, loading: &mut Loading) {
    let mut seen = vec![false; flow.blocks.len()];
    let mut open = vec![flow.start];
    open.extend(flow.escape.map(|e| e.to));
    open.extend(flow.always_error);
    while let Some(block) = open.pop() {
        if !std::mem::replace(&mut seen[block], true) {
            open.extend(targets(flow, block).map(|(to, ..)| to));
        }
    }
    for (block, _) in flow.blocks.iter().zip(seen).filter(|(_, seen)| !seen) {
        let message = format!("no path reaches block `{}`", block.name.text);
        loading.faults.error("unreachable-block", block.name.span, message).remedy("lead to it, or delete it");
    }
}

/// A fact is asked once. So on a second round every `collect` is passed by, every `route` goes the same way,
/// and the round never ends; only a person who is talked to on the way (`done:` of `agent`) breaks it.
fn endless(flow: &Flow, loading: &mut Loading) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; flow.blocks.len()];
    for root in 0..flow.blocks.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::OnPath;
        let edges = |block| targets(flow, block).filter(|(_, paced, _)| !paced).collect::<Vec<_>>().into_iter();
        let mut path = vec![(root, edges(root))];
        while let Some((block, rest)) = path.last_mut() {
            let block = *block;
            let Some((to, _, line)) = rest.next() else {
                marks[block] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::OnPath;
                    path.push((to, edges(to)));
                }
                Mark::Done => {}
                Mark::OnPath => {
                    let round = path.iter().map(|(b, _)| *b).skip_while(|b| *b != to).chain([to]);
                    let round: Vec<&str> = round.map(|b| flow.blocks[b].name.text.as_str()).collect();
                    let message = format!("this goes round for ever: {}", round.join(" -> "));
                    let remedy = "a fact is asked once, so the second round brings nothing new: end it";
                    let span = flow.blocks[to].name.span;
                    let back = format!("the way back is in line {line}");
                    loading.faults.error("endless-loop", span, message).remedy(remedy).note(back);
                }
            }
        }
    }
}
