//! What is proved of a flow from its shape alone: no block falls off its end, no step or block is out of reach,
//! no path goes round without a person, no `return` without its `run`.

use super::Loading;
use crate::flow::model::{Block, Flow, Next, Placed, Way};
use crate::flow::step::{Step, VERBS};
use crate::yaml::{Diagnostic, Node, Span, Word};

/// How deep `run` within `run` may go.
const MAX_RUNS: usize = 8;

/// What may be done for a caller who is gone.
const AFTERWARDS: [&str; 6] = ["lookup", "set", "if", "route", "goto", "hangup"];

/// Every step of a block but the last leads to the next one, and the last does not.
pub fn block(name: &Word, items: &[Node], steps: &[Placed], loading: &mut Loading) {
    let goes_on = |step: &Placed| step.step.ways().iter().any(|way| way.next == Next::Continue);
    if let Some(stop) = steps.iter().position(|step| !goes_on(step)) {
        if let Some(dead) = items.get(stop + 1) {
            let message = format!("no path reaches this step: `{}` before it never goes on", steps[stop].step.verb());
            loading.faults.error("unreachable-step", dead.span, message);
        }
        return;
    }
    let place = items.last().map_or(name.span, |item| item.span);
    let name = loading.full(name);
    loading.falling.push((name, place));
}

/// The proofs that need every block.
pub fn whole(flow: &Flow, loading: &mut Loading) {
    let with_caller = within(flow, [Some(flow.start), flow.escape.map(|e| e.to), flow.always_error]);
    let without = within(flow, [flow.always_hangup]);
    for (block, (with, without)) in flow.blocks.iter().zip(with_caller.iter().zip(&without)) {
        if !with && !without {
            let message = format!("no path reaches block `{}`", block.name.text);
            fault(loading, block, "unreachable-block", message).remedy("lead to it, or delete it");
        }
        if *without {
            afterwards(block, loading);
        }
    }
    for (name, place) in std::mem::take(&mut loading.falling) {
        let Some(at) = flow.blocks.iter().position(|block| block.name.text == name.text) else { continue };
        // What is done for a caller who is gone ends by itself.
        if with_caller[at] || !without[at] {
            let message = format!("block `{}` falls off its end", name.text);
            let remedy = "end it with `- hangup`, `- return` or `- goto: BLOCK`";
            fault_at(loading, &flow.blocks[at], "falls-off", place, message).remedy(remedy);
        }
    }
    stray_returns(flow, loading);
    endless(flow, loading);
    deep(flow, loading);
    // A value that runs in a round would be looked at for ever.
    if !loading.has_errors() {
        super::given::read(flow, loading);
    }
    for (what, name) in loading.unused() {
        // A module's are there for more flows than one.
        if !name.text.contains('.') {
            loading.faults.warning("unused", name.span, format!("nothing uses {what} `{}`", name.text));
        }
    }
}

fn fault<'l>(loading: &'l mut Loading, block: &Block, code: &'static str, message: String) -> &'l mut Diagnostic {
    fault_at(loading, block, code, block.name.span, message)
}

/// What is wrong with a block, in the file that it stands in.
pub(super) fn fault_at<'l>(
    loading: &'l mut Loading,
    block: &Block,
    code: &'static str,
    place: Span,
    message: String,
) -> &'l mut Diagnostic {
    let faults = match block.file.checked_sub(1) {
        Some(module) => &mut loading.modules[module],
        None => &mut loading.faults,
    };
    faults.error(code, place, message)
}

/// Nobody is there any more to hear or to key in anything.
fn afterwards(block: &Block, loading: &mut Loading) {
    for placed in &block.steps {
        let verb = placed.step.verb();
        if !AFTERWARDS.contains(&verb) {
            let message = format!(
                "`{verb}` in line {} of block `{}`: the caller is gone by then",
                placed.at.line, block.name.text
            );
            let verbs: Vec<&str> = VERBS.iter().copied().filter(|verb| AFTERWARDS.contains(verb)).collect();
            fault(loading, block, "caller-gone", message).remedy(format!("there may be: {}", verbs.join(", ")));
        }
    }
}

/// A way out of a block.
struct Edge {
    to: usize,
    /// A person paces it, or a bound does: it cannot be taken without end.
    paced: bool,
    run: bool,
    line: usize,
}

fn edges(flow: &Flow, block: usize) -> Vec<Edge> {
    let mut bounded = false;
    let mut edges = Vec::new();
    for placed in &flow.blocks[block].steps {
        for Way { next, paced, .. } in placed.step.ways() {
            let (to, run) = match next {
                Next::Block(to) | Next::Afresh(to) => (Some(to), false),
                Next::Run(to) => (Some(to), true),
                Next::Always => (flow.always_error, false),
                Next::Continue | Next::Return | Next::End(_) => (None, false),
            };
            edges.extend(to.map(|to| Edge { to, paced: paced || bounded, run, line: placed.at.line }));
        }
        if let Step::Agent(agent) = &placed.step {
            let held = agent.queues().iter().filter_map(|queue| flow.queues[*queue].held.as_ref()?.waiting.as_ref());
            let instead = held.filter_map(|waiting| waiting.instead.as_ref());
            // The caller presses a key.
            edges.extend(instead.map(|way| Edge { to: way.to, paced: true, run: false, line: placed.at.line }));
        }
        bounded |= matches!(&placed.step, Step::Forget(forget) if forget.is_bounded());
    }
    edges
}

/// The blocks that are reached from these.
fn within<const N: usize>(flow: &Flow, roots: [Option<usize>; N]) -> Vec<bool> {
    reached(flow, roots.into_iter().flatten().collect(), |_| true)
}

fn reached(flow: &Flow, mut open: Vec<usize>, follows: fn(&Edge) -> bool) -> Vec<bool> {
    let mut seen = vec![false; flow.blocks.len()];
    while let Some(block) = open.pop() {
        if !std::mem::replace(&mut seen[block], true) {
            open.extend(edges(flow, block).iter().filter(|edge| follows(edge)).map(|edge| edge.to));
        }
    }
    seen
}

/// A block that is reached without a `run` has nothing to return to.
fn stray_returns(flow: &Flow, loading: &mut Loading) {
    let roots = [Some(flow.start), flow.escape.map(|e| e.to), flow.always_error, flow.always_hangup];
    let without_run = reached(flow, roots.into_iter().flatten().collect(), |edge| !edge.run);
    for (block, _) in flow.blocks.iter().zip(without_run).filter(|(_, reached)| *reached) {
        let returns = |placed: &&Placed| placed.step.ways().iter().any(|way| way.next == Next::Return);
        if let Some(placed) = block.steps.iter().find(returns) {
            let name = &block.name.text;
            let message = format!("`return` in line {}: `{name}` is also reached without a `run`", placed.at.line);
            let remedy = format!("lead to it by `- run: {name}` only");
            fault(loading, block, "stray-return", message).remedy(remedy);
        }
    }
}

/// A fact is asked once. So on a second round every `collect` is passed by, every `route` goes the same way,
/// and the round never ends; only a person who is talked to on the way (`done:` of `agent`), or a bound, breaks it.
fn endless(flow: &Flow, loading: &mut Loading) {
    let remedy = "a fact is asked once, so the second round brings nothing new: end it, or bound it by `forget:` with `at_most:`";
    rounds(
        flow,
        loading,
        |edge| !edge.paced && !edge.run,
        |path, line, loading| {
            let names: Vec<&str> = path.iter().map(|block| flow.blocks[*block].name.text.as_str()).collect();
            let message = format!("this goes round for ever: {}", names.join(" -> "));
            let back = format!("the way back is in line {line}");
            let Some(last) = path.last() else { return };
            fault(loading, &flow.blocks[*last], "endless-loop", message).remedy(remedy).note(back);
        },
    );
}

/// Calls `found` for each round of such edges: its blocks, the first one at both ends, and the line of the way back.
fn rounds(
    flow: &Flow,
    loading: &mut Loading,
    follows: fn(&Edge) -> bool,
    mut found: impl FnMut(&[usize], usize, &mut Loading),
) {
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
        let ways = |block| edges(flow, block).into_iter().filter(follows);
        let mut path = vec![(root, ways(root))];
        while let Some((block, rest)) = path.last_mut() {
            let block = *block;
            let Some(Edge { to, line, .. }) = rest.next() else {
                marks[block] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::OnPath;
                    path.push((to, ways(to)));
                }
                Mark::Done => {}
                Mark::OnPath => {
                    let round = path.iter().map(|(b, _)| *b).skip_while(|b| *b != to).chain([to]);
                    found(&round.collect::<Vec<_>>(), line, loading);
                }
            }
        }
    }
}

/// `run` within `run` within `run`: every one of them is remembered. A block that comes back to itself through a `run`
/// would go on for as long as the call does.
fn deep(flow: &Flow, loading: &mut Loading) {
    // The greatest depth at which each block is reached; it settles within as many turns as there may be runs.
    let mut depth = vec![0; flow.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for block in 0..flow.blocks.len() {
            for edge in edges(flow, block) {
                let reached = depth[block] + usize::from(edge.run);
                if reached > depth[edge.to] {
                    if reached > MAX_RUNS {
                        let message = format!("`run` in line {} goes more than {MAX_RUNS} deep", edge.line);
                        let remedy = "a block that is run ends by `- return`, and does not lead back to who ran it";
                        fault(loading, &flow.blocks[block], "deep-run", message).remedy(remedy);
                        return;
                    }
                    depth[edge.to] = reached;
                    changed = true;
                }
            }
        }
    }
}
