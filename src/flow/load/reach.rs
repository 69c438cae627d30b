//! What a flow's shape alone shows: no block falls off its end, nothing leads nowhere, nothing is there that nothing leads
//! to. The proofs, which walk every way through it, come after that (`flow::proof`).

use super::Loading;
use crate::flow::model::{Block, Flow, Next, Placed};
use crate::flow::step::{Step, VERBS};
use crate::yaml::{Diagnostic, Node, Span, Word};

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
fn fault_at<'l>(
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
            let message = format!("`{verb}` in block `{}`: the caller is gone by then", block.name.text);
            let verbs: Vec<&str> = VERBS.iter().copied().filter(|verb| AFTERWARDS.contains(verb)).collect();
            let remedy = format!("there may be: {}", verbs.join(", "));
            fault_at(loading, block, "caller-gone", placed.at, message).remedy(remedy);
        }
    }
}

/// The blocks that a block may lead to.
fn leads(flow: &Flow, block: usize) -> Vec<usize> {
    let mut blocks = Vec::new();
    for placed in &flow.blocks[block].steps {
        blocks.extend(placed.step.ways().into_iter().filter_map(|way| match way.next {
            Next::Block(to) | Next::Afresh(to) | Next::Run(to) => Some(to),
            Next::Always => flow.always_error,
            Next::Continue | Next::Return | Next::End(_) => None,
        }));
        if let Step::Agent(agent) = &placed.step {
            blocks.extend(agent.offers(flow));
        }
    }
    blocks
}

/// The blocks that are reached from these.
fn within<const N: usize>(flow: &Flow, roots: [Option<usize>; N]) -> Vec<bool> {
    let mut open: Vec<usize> = roots.into_iter().flatten().collect();
    let mut seen = vec![false; flow.blocks.len()];
    while let Some(block) = open.pop() {
        if !std::mem::replace(&mut seen[block], true) {
            open.extend(leads(flow, block));
        }
    }
    seen
}
