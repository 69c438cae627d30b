//! Mermaid's flowchart: <https://mermaid.js.org/syntax/flowchart.html>.

use super::chart::{Card, Chart, Goal, Line, Mark};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Letters of one text in a box.
const MOST: usize = 40;

/// What makes cards unlike each other in grey as well.
const CLASSES: &str = "  classDef start stroke-width:3px\n  classDef agent stroke-width:3px,stroke:#1f6feb\n  \
                       classDef entry stroke-dasharray:4 3\n";

pub fn write(chart: &Chart) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", chart.name);
    let modules: BTreeSet<&str> = chart.cards.iter().filter_map(|card| card.module.as_deref()).collect();
    nodes(chart, None, &mut text);
    for (at, module) in modules.into_iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  subgraph m{at}[\"{}\"]", escape(module));
        nodes(chart, Some(module), &mut text);
        text.push_str("  end\n");
    }
    for (from, card) in chart.cards.iter().enumerate() {
        arrows(from, card, chart, &mut text);
    }
    text.push_str(CLASSES);
    classes(chart, &mut text);
    text
}

fn nodes(chart: &Chart, module: Option<&str>, text: &mut String) {
    let cards = chart.cards.iter().enumerate().filter(|(_, card)| card.module.as_deref() == module);
    for (at, card) in cards {
        let (open, close) = match (card.is_entry(), card.ends) {
            (true, _) => ("{{", "}}"),
            (_, true) => ("(", ")"),
            (false, false) => ("[", "]"),
        };
        let mut said = format!("<b>{}</b>", escape(&card.title));
        for line in &card.lines {
            let _ = write!(said, "<br/>{}", step(line, chart));
        }
        let _ = writeln!(text, "  b{at}{open}\"{said}\"{close}");
    }
}

fn step(line: &Line, chart: &Chart) -> String {
    let object = escape(&line.object);
    let object = if line.mark == Mark::Fact { format!("<u>{object}</u>") } else { object };
    let said = format!("{} {object}", line.verb);
    // Ways that are a word in the language, and no arrow.
    let words = line.forks.iter().filter(|fork| matches!(fork.to, Goal::Word(_)));
    words.fold(said.trim_end().to_owned(), |said, fork| format!("{said} <i>{}</i>", escape(&fork.label(chart))))
}

/// One arrow to each card, with all that lead there. It says of which step, if there are several.
fn arrows(from: usize, card: &Card, chart: &Chart, text: &mut String) {
    let forks = card.lines.iter().flat_map(|line| line.forks.iter().map(move |fork| (line, fork)));
    let forks: Vec<_> = forks.filter(|(_, fork)| matches!(fork.to, Goal::Card { .. })).collect();
    let several = forks.iter().any(|(line, _)| line.name != forks[0].0.name);
    let mut arrows: BTreeMap<(usize, bool), Vec<String>> = BTreeMap::new();
    for (line, fork) in forks {
        let Goal::Card { card: to, run } = fork.to else { continue };
        let label = escape(&fork.label(chart));
        let label = match (label.as_str(), several) {
            ("then", _) => escape(&line.object),
            ("", _) | (_, false) => label,
            (label, true) => format!("{}: {label}", escape(&line.object)),
        };
        arrows.entry((to, run)).or_default().extend((!label.is_empty()).then_some(label));
    }
    for ((to, run), labels) in arrows {
        let arrow = if run { "<-.->" } else { "-->" };
        let label = if labels.is_empty() { String::new() } else { format!("|\"{}\"|", labels.join("<br/>")) };
        let _ = writeln!(text, "  b{from} {arrow}{label} b{to}");
    }
}

fn classes(chart: &Chart, text: &mut String) {
    let kind = |card: &Card| match card {
        card if card.start => "start",
        card if card.agent => "agent",
        card if card.is_entry() => "entry",
        _ => "",
    };
    for class in ["start", "agent", "entry"] {
        let of = chart.cards.iter().enumerate().filter(|(_, card)| kind(card) == class);
        let of: Vec<String> = of.map(|(at, _)| format!("b{at}")).collect();
        if !of.is_empty() {
            let _ = writeln!(text, "  class {} {class}", of.join(","));
        }
    }
}

/// Within quotes Mermaid reads HTML, and knows entities written with `#`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for (at, letter) in text.chars().enumerate() {
        if at == MOST {
            escaped.push('…');
            break;
        }
        match letter {
            '#' => escaped.push_str("#35;"),
            '"' => escaped.push_str("#quot;"),
            '&' => escaped.push_str("#amp;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            // Backticks begin Markdown.
            '`' => escaped.push_str("#96;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
