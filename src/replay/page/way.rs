//! The way of a call through the picture of its flow: blocks that it came to, and ways that it took.

use crate::flow::Flow;
use crate::flow::model::Next;
use crate::graph;
use crate::record::fixture::{Line, Step};
use crate::record::seam::Out;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

pub fn write(flow: &Flow, lines: &[Line], out: &mut String) -> fmt::Result {
    let steps: Vec<(usize, usize)> = lines.iter().filter_map(|line| entered(flow, line)).collect();
    let blocks: BTreeSet<usize> = steps.iter().map(|(block, _)| *block).collect();
    let ways: BTreeSet<String> = steps.windows(2).flat_map(|pair| taken(flow, pair[0], pair[1])).collect();
    writeln!(out, "<section id=\"way\">\n<h2>The way through the flow</h2>\n<style>")?;
    for block in blocks {
        let name = quoted(&flow.blocks[block].name.text);
        writeln!(out, ".flow g[data-block={name}] {{ opacity: 1; }}")?;
    }
    for way in ways {
        let name = quoted(&way);
        writeln!(out, ".flow path[data-way={name}] {{ stroke: var(--taken); stroke-width: 3; opacity: 1; }}")?;
        writeln!(out, ".flow tspan[data-way={name}] {{ fill: var(--taken); font-weight: 600; }}")?;
    }
    writeln!(
        out,
        "</style>\n<p class=\"tools\"><button data-scale=\"1.25\">+</button><button data-scale=\"0.8\">&minus;</button>\
         <button data-scale=\"0\">whole flow</button></p>\n<div class=\"flow scroll\" tabindex=\"0\">"
    )?;
    out.push_str(&graph::svg(flow, None));
    writeln!(out, "</div>\n</section>")
}

fn entered(flow: &Flow, line: &Line) -> Option<(usize, usize)> {
    let Step::Out(Out::Step { block, step, .. }) = &line.step else { return None };
    let block = flow.blocks.iter().position(|known| known.name.text == *block)?;
    Some((block, step.checked_sub(1)?)).filter(|(block, step)| *step < flow.blocks[*block].steps.len())
}

/// The ways of the first step that lead to the second one, as the picture names them.
fn taken(flow: &Flow, (block, step): (usize, usize), to: (usize, usize)) -> Vec<String> {
    let placed = &flow.blocks[block].steps[step];
    let leads = |next: Next| match next {
        Next::Continue => to == (block, step + 1),
        Next::Block(other) | Next::Run(other) | Next::Afresh(other) => to == (other, 0),
        // Behind a `run` somewhere: the only way of those that goes into the middle of another block.
        Next::Return => to.1 > 0 && to != (block, step + 1),
        Next::Always => flow.always_error.is_some_and(|error| to == (error, 0)),
        Next::End(_) => false,
    };
    let name = &flow.blocks[block].name.text;
    let ways = placed.step.ways().into_iter().filter(|way| leads(way.next));
    let ways: Vec<String> = ways.map(|way| format!("{name}:{}:{}", step + 1, way.exit)).collect();
    if !ways.is_empty() {
        return ways;
    }
    let anywhere = [
        ("escape", flow.escape.map(|escape| escape.to)),
        ("always.error", flow.always_error),
        ("always.hangup", flow.always_hangup),
    ];
    let found = anywhere.into_iter().find(|(_, target)| target.is_some_and(|target| to == (target, 0)));
    found.map(|(way, _)| way.to_owned()).into_iter().collect()
}

/// As a string of CSS within HTML.
fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for letter in name.chars() {
        if letter.is_alphanumeric() || matches!(letter, ':' | '.' | '_' | '-' | ' ') {
            text.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\{:x} ", u32::from(letter));
        }
    }
    text + "\""
}
