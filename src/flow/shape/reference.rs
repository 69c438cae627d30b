//! The reference for authors, docs/reference.md, out of the tables.

use super::tables::{CONDITIONS, FLOW, MODULE, SOURCES, TYPES};
use crate::flow::load::limits::{MAX_DEPTH, MAX_TOKENS};
use crate::flow::step::SHAPES;
use crate::time::Duration;
use crate::yaml::node::{MAX_BYTES, MAX_DEPTH as MAX_NESTING};
use crate::yaml::schema::{meanings, short};
use crate::yaml::shape::{Key, Rule, Shape, Takes};

const HEAD: &str = "# Reference of the flow language

Made by `askonce schema reference`. What it all is for, and how it fits together: [flows.md](flows.md). Editors take the same
from [flow.schema.json](flow.schema.json). What is wrong with a flow is told in the words of [findings.md](findings.md).

Keys in **bold** must be there. A *target* is a block, `continue` (the next step) or `return` (behind the `run` that led here).
";

/// The page, as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let shapes = FLOW.all();
    let (verbs, sections): (Vec<&Shape>, Vec<_>) = shapes.into_iter().partition(|shape| is_verb(shape));
    for shape in sections.into_iter().chain([MODULE]) {
        section(shape, "##", shape.name, &mut page);
    }
    page.push_str("\n## Steps\n\nA step is one verb with the keys beside it. A step that can fail and has no `else:` goes to `always.error`; with neither\nthe flow does not load.\n");
    for verb in verbs {
        section(verb, "###", &format!("`{}`", verb.name), &mut page);
    }
    page.push_str("\n## Types of facts\n\n");
    listed(("type", "is"), TYPES, &mut page);
    page.push_str("\n## Sources of facts\n\n");
    listed(("source", "is"), SOURCES, &mut page);
    page.push_str("\n## Conditions\n\n");
    listed(("written", "means"), CONDITIONS, &mut page);
    page.push_str(&format!(
        "\n## Bounds\n\nBesides those above: a file of {} KiB, nested {MAX_NESTING} deep; a condition of {MAX_TOKENS} words, its brackets \
         {MAX_DEPTH} deep.\nWhat is beyond a bound is refused with the bound.\n",
        MAX_BYTES >> 10,
    ));
    page
}

fn is_verb(shape: &Shape) -> bool {
    SHAPES.iter().any(|verb| verb.name == shape.name)
}

fn section(shape: &Shape, level: &str, title: &str, page: &mut String) {
    page.push_str(&format!("\n{level} {title}\n\n{}\n", shape.doc));
    if shape.keys.is_empty() {
        return;
    }
    page.push_str("\n| key | takes | |\n| --- | --- | --- |\n");
    shape.keys.iter().chain(shape.others.iter().map(|(_, key)| key)).for_each(|key| row(key, page));
    let rules: Vec<String> = shape.rules.iter().map(rule).collect();
    if !rules.is_empty() {
        page.push_str(&format!("\n{}\n", rules.join(" ")));
    }
}

fn row(key: &Key, page: &mut String) {
    let name = if key.needed { format!("**`{}`**", key.name) } else { format!("`{}`", key.name) };
    let mut doc = key.doc.to_owned();
    for (word, meaning) in meanings(&key.takes).iter().filter(|_| !is_told(&key.takes)) {
        doc.push_str(&format!("<br>`{word}`: {meaning}"));
    }
    if let Some(default) = key.default {
        doc.push_str(&format!("<br>Absent: `{default}`."));
    }
    if let Some(example) = key.example {
        doc.push_str(&format!("<br>`{}: {example}`", key.name));
    }
    page.push_str(&format!("| {name} | {} | {doc} |\n", takes(&key.takes)));
}

/// Words that the page tells of in one place: targets, and types of facts.
fn is_told(takes: &Takes) -> bool {
    is_target(takes) || meanings(takes).starts_with(TYPES)
}

fn is_target(takes: &Takes) -> bool {
    meanings(takes).first().is_some_and(|(word, _)| *word == "continue")
}

fn takes(what: &Takes) -> String {
    match what {
        _ if is_target(what) => "a target".into(),
        Takes::Bool => "`true` or `false`".into(),
        Takes::Number(from, to) if from == to => format!("`{from}`"),
        Takes::Number(from, to) => format!("{from} to {to}"),
        Takes::Range(from, to) => format!("`8` or `8-12`, {from} to {to}"),
        Takes::Duration(_, Duration::MAX) => "a time".into(),
        Takes::Duration(least, most) => format!("a time, {} to {}", short(*least), short(*most)),
        Takes::Words(words) => words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Takes::Name(what) => format!("the name of a {what}"),
        Takes::NewName => "a name".into(),
        Takes::Text(what, _) | Takes::Scalar(what) => (*what).into(),
        Takes::List(item, most) => format!("a list of at most {most}: {}", takes(item)),
        Takes::Map(key, value, most) => format!("a map of at most {most}: {} to {}", takes(key), takes(value)),
        Takes::Of(shape) => format!("[{}](#{})", shape.name, shape.name.to_lowercase().replace(' ', "-")),
        Takes::One(_) => "a [step](#steps)".into(),
        Takes::Any(ways) => ways.iter().map(takes).collect::<Vec<_>>().join(", or "),
    }
}

fn rule(rule: &Rule) -> String {
    let keys = |keys: &[&str]| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match rule {
        Rule::OneOf(all) => format!("Exactly one of {}.", keys(all)),
        Rule::SomeOf(all) => format!("At least one of {}.", keys(all)),
        Rule::Only(some, with) => format!("{} only with `{with}`.", keys(some)),
        Rule::Apart(some, from) => format!("{} not with `{from}`.", keys(some)),
        Rule::OnlyIf(some, with, value) => format!("{} only with `{with}: {value}`.", keys(some)),
        Rule::Needs(with, value, some) => format!("`{with}: {value}` needs {}.", keys(some)),
    }
}

fn listed((left, right): (&str, &str), rows: &[(&str, &str)], page: &mut String) {
    page.push_str(&format!("| {left} | {right} |\n| --- | --- |\n"));
    rows.iter().for_each(|(word, meaning)| page.push_str(&format!("| `{word}` | {meaning} |\n")));
}
