//! Coverage as a person reads it, and as one JSON object a flow.

use super::{Coverage, Kind, Planned};
use crate::flow::Flow;
use serde::Serialize;
use std::fmt::{self, Write};

/// A flow with its coverage.
pub struct Covered<'c> {
    pub flow: &'c Flow,
    pub coverage: &'c Coverage<'c>,
    /// Counted from records, which tell neither what was heard, nor how lookups ended, nor of the minutes of hours.
    pub of_records: bool,
}

/// What is there of a kind, and what was taken of it.
#[derive(Serialize)]
pub struct Counted {
    taken: usize,
    all: usize,
    percent: f64,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct Missing {
    name: String,
    path: String,
    line: usize,
    /// Why no call can take it; it is not among those that are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// Every key is always there.
#[derive(Serialize)]
pub struct Told {
    flow: String,
    path: String,
    digest: String,
    calls: u64,
    steps: Counted,
    exits: Counted,
    escapes: Counted,
    always: Counted,
    tries: Counted,
    sources: Counted,
    /// `null`: records do not tell.
    lookups: Option<Counted>,
    hours: Option<Counted>,
    prompts: Option<Counted>,
    out_of_reach: Vec<Missing>,
}

/// Of a hundred; of nothing, everything.
pub fn percent((taken, all): (usize, usize)) -> f64 {
    if all == 0 { 100.0 } else { taken as f64 * 100.0 / all as f64 }
}

impl Covered<'_> {
    /// Whether that kind can be told of what was counted.
    pub fn tells(&self, kind: Kind) -> bool {
        !self.of_records || !matches!(kind, Kind::Lookups | Kind::Hours | Kind::Prompts)
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    pub fn told(&self) -> Told {
        let counted = |kind| {
            let (taken, all) = self.coverage.of(kind, None);
            let missing = self.coverage.missing(kind).map(Missing::of).collect();
            Counted { taken, all, percent: (percent((taken, all)) * 100.0).floor() / 100.0, missing }
        };
        let (lookups, hours, prompts) = (Kind::Lookups, Kind::Hours, Kind::Prompts);
        Told {
            flow: self.flow.name.text.clone(),
            path: self.flow.path().to_owned(),
            digest: self.flow.digest.clone(),
            calls: self.coverage.calls,
            steps: counted(Kind::Steps),
            exits: counted(Kind::Exits),
            escapes: counted(Kind::Escapes),
            always: counted(Kind::Always),
            tries: counted(Kind::Tries),
            sources: counted(Kind::Sources),
            lookups: self.tells(lookups).then(|| counted(lookups)),
            hours: self.tells(hours).then(|| counted(hours)),
            prompts: self.tells(prompts).then(|| counted(prompts)),
            out_of_reach: self.beyond().map(Missing::of).collect(),
        }
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Covered { flow, coverage, .. } = self;
        let calls = coverage.calls;
        let name = &flow.name.text;
        writeln!(out, "flow {name} ({}), {calls} call{}\n", flow.path(), if calls == 1 { "" } else { "s" })?;
        let wide = flow.blocks.iter().map(|block| block.name.text.len()).max().unwrap_or(0).max("sources".len());
        writeln!(out, "  {:<wide$}  {:>9}  {:>9}  not taken", "block", "steps", "exits")?;
        for (number, block) in flow.blocks.iter().enumerate() {
            let (steps, exits) = (coverage.of(Kind::Steps, Some(number)), coverage.of(Kind::Exits, Some(number)));
            row(out, wide, &block.name.text, (part(steps), part(exits)), &self.missing_of(number))?;
        }
        let all = |kind| coverage.of(kind, None);
        let whole = |kind| format!("{:.1} %", (percent(all(kind)) * 10.0).floor() / 10.0);
        row(out, wide, "all", (part(all(Kind::Steps)), part(all(Kind::Exits))), &[])?;
        row(out, wide, "", (whole(Kind::Steps), whole(Kind::Exits)), &[])?;
        writeln!(out)?;
        for kind in Kind::ALL.into_iter().skip(2).filter(|kind| self.tells(*kind) && all(*kind).1 > 0) {
            let missing = together(coverage.missing(kind));
            row(out, wide, kind.name(), (part(all(kind)), whole(kind)), &missing)?;
        }
        let mut beyond = self.beyond().peekable();
        if beyond.peek().is_some() {
            writeln!(out, "\n  out of reach, and not counted:")?;
        }
        beyond.try_for_each(|planned| {
            let because = planned.beyond.as_deref().unwrap_or("");
            writeln!(out, "    {}: {because}", named(planned))
        })
    }

    /// What nobody took of a block: steps, and of steps that somebody came to the ways out.
    fn missing_of(&self, block: usize) -> Vec<String> {
        let Covered { flow, coverage, .. } = self;
        let of_block = |planned: &&Planned| planned.block == Some(block);
        let steps: Vec<&Planned> = coverage.missing(Kind::Steps).filter(of_block).collect();
        let is_missed = |planned: &&Planned| steps.iter().any(|step| step.item.name == planned.item.parts().0);
        let exits = coverage.missing(Kind::Exits).filter(of_block).filter(|exit| !is_missed(exit));
        let name = format!("{}:", flow.blocks[block].name.text);
        let all = together(steps.iter().copied()).into_iter().chain(together(exits));
        all.map(|told| told.strip_prefix(&name).map(str::to_owned).unwrap_or(told)).collect()
    }

    /// What no call can take; of a step that none comes to, not each of its ways out.
    fn beyond(&self) -> impl Iterator<Item = &Planned> {
        let all = &self.coverage.plan.all;
        let steps: Vec<&str> = all
            .iter()
            .filter(|planned| planned.beyond.is_some() && planned.item.kind == Kind::Steps)
            .map(|planned| planned.item.name.as_str())
            .collect();
        all.iter().filter(move |planned| {
            planned.beyond.is_some() && (planned.item.kind == Kind::Steps || !steps.contains(&planned.item.parts().0))
        })
    }
}

impl Missing {
    fn of(planned: &Planned) -> Missing {
        let (path, line) = (planned.at.path.clone(), planned.at.line);
        Missing { name: planned.item.name.clone(), path, line, because: planned.beyond.clone() }
    }
}

fn row(out: &mut String, wide: usize, name: &str, (one, two): (String, String), missing: &[String]) -> fmt::Result {
    let mut left = format!("  {name:<wide$}  {one:>9}  {two:>9}");
    if missing.is_empty() {
        return writeln!(out, "{}", left.trim_end());
    }
    for missing in missing {
        writeln!(out, "{left}  {missing}")?;
        left = " ".repeat(wide + 24);
    }
    Ok(())
}

fn part((taken, all): (usize, usize)) -> String {
    format!("{taken}/{all}")
}

/// `start:2:else (collect account, flows/x.yaml:31)`.
fn named(planned: &Planned) -> String {
    format!("{} {}", planned.item.name, at(planned))
}

/// Those of one step, fact, lookup or language in one: `start:2: else, escape (collect account, flows/x.yaml:31)`.
pub fn together<'p>(all: impl Iterator<Item = &'p Planned>) -> Vec<String> {
    let mut groups: Vec<(&Planned, Vec<&str>)> = Vec::new();
    for planned in all {
        let (of, part) = planned.item.parts();
        match groups.last_mut() {
            Some((first, parts)) if !part.is_empty() && first.item.parts().0 == of => parts.push(part),
            _ => groups.push((planned, vec![part])),
        }
    }
    let told = groups.into_iter().map(|(first, parts)| {
        let parts = parts.join(", ");
        let parts = if parts.is_empty() { parts } else { format!(": {parts}") };
        format!("{}{parts} {}", first.item.parts().0, at(first))
    });
    told.collect()
}

/// `(collect account, flows/x.yaml:31)`; of prompts, their catalogue.
fn at(planned: &Planned) -> String {
    let Planned { item, at, what, .. } = planned;
    let what = if what.is_empty() { String::new() } else { format!("{what}, ") };
    let line = if item.kind == Kind::Prompts { String::new() } else { format!(":{}", at.line) };
    format!("({what}{}{line})", at.path)
}
