//! A page in one file: the picture, and beside it a block's lines and what they say, in each language. Without script: a click
//! on a block goes to its section, and the style shows the section that was gone to.

use super::chart::{Card, Line, Mark};
use super::letters::escape;
use super::svg::{self, Drawing};
use crate::flow::model::{Block, Flow};
use crate::flow::{Prompts, step::Step};
use crate::yaml::Source;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

const STYLE: &str = include_str!("page.css");

/// The page. `files`: the flow's own text, then those of its modules. `untaken`: as of `svg`.
pub fn html(flow: &Flow, prompts: &Prompts, files: &[&Source], untaken: Option<&BTreeSet<String>>) -> String {
    let drawing = Drawing::of(flow, untaken);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = page(flow, prompts, files, &drawing, &mut text);
    text
}

fn page(flow: &Flow, prompts: &Prompts, files: &[&Source], drawing: &Drawing, out: &mut String) -> fmt::Result {
    let name = escape(&flow.name.text);
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{name}</title>")?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n{STYLE}</style>\n</head>\n<body>"
    )?;
    writeln!(out, "<main>\n{}</main>\n<aside>", svg::write(drawing, Some(|block| format!("#{}", anchor(block)))))?;
    writeln!(out, "<p class=\"hint\">Click a block to see its lines and what callers hear there.</p>")?;
    for (block, card) in flow.blocks.iter().zip(&drawing.chart.cards) {
        let title = escape(&card.block);
        writeln!(out, "<section id=\"{}\">\n<a class=\"close\" href=\"#\">close</a>", anchor(&card.block))?;
        writeln!(out, "<h2>{title}</h2>")?;
        if let Some(file) = files.get(block.file) {
            writeln!(out, "<p class=\"file\">{}</p>", escape(&file.path))?;
            yaml(block, file, out)?;
        }
        said(flow, prompts, card, block, out)?;
        writeln!(out, "</section>")?;
    }
    out.write_str("</aside>\n</body>\n</html>\n")
}

fn anchor(block: &str) -> String {
    format!("block-{block}")
}

/// The block's lines as they stand in the file: its name, and what is indented below it.
fn yaml(block: &Block, file: &Source, out: &mut String) -> fmt::Result {
    let first = block.name.span.line;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines: Vec<(usize, &str)> = file.text.lines().enumerate().skip(first.saturating_sub(1)).collect();
    let own = lines.first().map_or(0, |(_, line)| indent(line));
    let end = lines.iter().skip(1).position(|(_, line)| !line.trim().is_empty() && indent(line) <= own);
    lines.truncate(end.map_or(lines.len(), |end| end + 1));
    while lines.last().is_some_and(|(_, line)| line.trim().is_empty()) {
        lines.pop();
    }
    out.write_str("<pre>")?;
    for (at, line) in lines {
        let line = escape(line.get(own..).unwrap_or(line));
        writeln!(out, "<span class=\"number\">{:>4}</span>  {line}", at + 1)?;
    }
    out.write_str("</pre>\n")
}

/// What is said there, in each language.
fn said(flow: &Flow, prompts: &Prompts, card: &Card, block: &Block, out: &mut String) -> fmt::Result {
    let mut ids: Vec<&str> = Vec::new();
    for (line, placed) in card.lines.iter().zip(&block.steps) {
        let places = places(flow, line, &placed.step);
        let uses = flow.uses.iter().filter(|used| places.contains(&used.place));
        for used in uses {
            if !ids.contains(&used.prompt.as_str()) {
                ids.push(&used.prompt);
            }
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    out.write_str("<dl>\n")?;
    for id in ids {
        writeln!(out, "<dt>{}</dt>", escape(id))?;
        for book in prompts.books() {
            let Some(prompt) = book.prompt(id) else { continue };
            let language = escape(&book.language);
            let text = escape(&prompt.text);
            writeln!(out, "<dd lang=\"{language}\"><b>{language}</b> {text}</dd>")?;
        }
    }
    out.write_str("</dl>\n")
}

/// Where the flow says what a step says: at the step, at the fact that it asks for, at the line that its callers wait in.
fn places(flow: &Flow, line: &Line, step: &Step) -> Vec<String> {
    let mut places = vec![line.name.clone()];
    if line.mark == Mark::Fact {
        places.push(format!("fact {}", line.object));
    }
    if let Step::Agent(agent) = step {
        let held = agent.queues().iter().filter_map(|queue| flow.queues[*queue].held.as_ref()?.waiting.as_ref());
        places.extend(held.map(|waiting| format!("waiting {}", waiting.name.text)));
    }
    places
}
