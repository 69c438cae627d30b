//! Which lookups have surely ended well by the time that a value of theirs is read: one that failed has given nothing.

use super::Loading;
use super::prove::fault_at;
use crate::flow::model::{Flow, Next};
use crate::flow::step::Step;
use crate::yaml::Span;

/// By lookup: whether it has given its values on every way here.
type Sure = Vec<bool>;

/// A value without a `default:` may only be read behind its lookup.
pub fn read(flow: &Flow, loading: &mut Loading) {
    let blocks = known(flow);
    for (block, sure) in flow.blocks.iter().zip(&blocks) {
        // A block that nothing reaches is told of elsewhere.
        let Some(mut sure) = sure.clone() else { continue };
        for placed in &block.steps {
            for (lookup, which, place) in reads(&placed.step) {
                let asked = &flow.lookups[lookup];
                let given = &asked.gives[which];
                if !sure[lookup] && given.default.is_none() {
                    let (lookup, name) = (&asked.name.text, &given.name.text);
                    let message = format!("`{lookup}.{name}` is read where lookup `{lookup}` may have failed");
                    let remedy = format!("lead its `else:` elsewhere, or give `{name}` a `default:`");
                    fault_at(loading, block, "never-given", place, message).remedy(remedy);
                }
            }
            go_on(flow, &placed.step, &blocks, &mut sure);
        }
    }
}

/// What a step reads of lookups, and where it stands.
fn reads(step: &Step) -> Vec<(usize, usize, Span)> {
    match step {
        Step::Branch(branch) => branch.given(),
        Step::Set(set) => set.given().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What is sure at the beginning of each block; `None`: nothing leads there. From nothing known at the roots to what holds on
/// every way; it settles, as what is sure of a block only shrinks.
fn known(flow: &Flow) -> Vec<Option<Sure>> {
    let mut known = vec![None; flow.blocks.len()];
    let roots = [Some(flow.start), flow.escape.map(|e| e.to), flow.always_error, flow.always_hangup];
    let nothing = vec![false; flow.lookups.len()];
    for root in roots.into_iter().flatten() {
        known[root] = Some(nothing.clone());
    }
    loop {
        let mut changed = false;
        for block in 0..flow.blocks.len() {
            let Some(mut sure) = known[block].clone() else { continue };
            for placed in &flow.blocks[block].steps {
                for way in placed.step.ways() {
                    if let Next::Block(to) | Next::Run(to) = way.next {
                        changed |= narrow(&mut known[to], &sure);
                    }
                }
                if let Step::Agent(agent) = &placed.step {
                    let held = agent.queues().iter().filter_map(|queue| flow.queues[*queue].held.as_ref());
                    let instead = held.filter_map(|held| Some(held.waiting.as_ref()?.instead.as_ref()?.to));
                    instead.for_each(|to| changed |= narrow(&mut known[to], &sure));
                }
                go_on(flow, &placed.step, &known, &mut sure);
            }
        }
        if !changed {
            return known;
        }
    }
}

/// What is sure on one more way to a block. True if that changed anything.
fn narrow(at: &mut Option<Sure>, way: &Sure) -> bool {
    match at {
        None => {
            *at = Some(way.clone());
            true
        }
        Some(sure) => {
            let before = sure.clone();
            sure.iter_mut().zip(way).for_each(|(sure, way)| *sure &= way);
            *sure != before
        }
    }
}

/// What is sure behind a step that went on.
fn go_on(flow: &Flow, step: &Step, blocks: &[Option<Sure>], sure: &mut Sure) {
    match step {
        Step::Lookup(step) => sure[step.lookup()] |= !step.goes_on_failed(),
        Step::RunBlock(run) => {
            let back = returned(flow, run.block(), blocks);
            back.iter().for_each(|back| sure.iter_mut().zip(back).for_each(|(sure, back)| *sure |= back));
        }
        _ => {}
    }
}

/// What is sure at every `return` of a block that is run, and of those that it goes on to.
fn returned(flow: &Flow, run: usize, blocks: &[Option<Sure>]) -> Option<Sure> {
    let (mut seen, mut open) = (vec![false; flow.blocks.len()], vec![run]);
    let mut back: Option<Sure> = None;
    while let Some(block) = open.pop() {
        if std::mem::replace(&mut seen[block], true) {
            continue;
        }
        let mut sure = blocks[block].clone()?;
        for placed in &flow.blocks[block].steps {
            for way in placed.step.ways() {
                match way.next {
                    Next::Block(to) => open.push(to),
                    Next::Return => {
                        narrow(&mut back, &sure);
                    }
                    _ => {}
                }
            }
            go_on(flow, &placed.step, blocks, &mut sure);
        }
    }
    back
}
