//! `askonce replay`: recorded calls again, in virtual time, against the flows as they are now.

use super::suite::{Case, Suite, Where};
use super::{Failed, count, fail, over, quotes};
use crate::record::compare::{Difference, Layers};
use crate::replay::junit::{self, Tested};
use crate::rerun::Outcome;
use crate::rerun::anchored::Need;
use crate::rerun::outcome::How;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Differences of one recording that are shown.
const SHOWN: usize = 8;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    /// Each input when it was recorded, though the flow was edited; without this, as long after what it answers to
    #[arg(long)]
    exact: bool,
    /// What is compared: keys, path, facts, prompts, hand-off, timing, disposition, invariants, bytes; or `-timing,-bytes` for all
    /// but these
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    layers: Option<Layers>,
    /// What may differ in time, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 250)]
    window: u64,
    /// Only what did not pass
    #[arg(long)]
    ci: bool,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Write how it went as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    over: over::Elsewhere,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line for each recording, and what differs
    Text,
    /// One JSON object
    Json,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let mut layers = args.layers.clone().unwrap_or_default();
    layers.window = Duration::from_millis(args.window);
    let how = How { exact: args.exact, layers };
    let suite = Suite::find(&args.wanted)?;
    let cases = if args.over.wanted() { over::run(&args.over, &suite, &how.layers)? } else { suite.run(&how) };
    let failed = cases.iter().filter(|case| !case.outcome().passes()).count();
    match args.format {
        Form::Text => {
            for case in cases.iter().filter(|case| !args.ci || !case.outcome().passes()) {
                print!("{}", told(case));
            }
            println!("{} replayed, {} passed, {failed} failed", cases.len(), cases.len() - failed);
        }
        Form::Json => {
            let cases: Vec<Value> = cases.iter().map(object).collect();
            let text =
                serde_json::to_string_pretty(&json!({ "replayed": cases.len(), "failed": failed, "cases": cases }));
            println!("{}", text.map_err(fail)?);
        }
    }
    if let Some(file) = &args.junit {
        let quotes = |flow: &str| suite.flows.served(flow).ok().map(|served| quotes(&served.program.flow));
        std::fs::write(file, junit::write(&tested(&cases), &quotes))
            .map_err(|error| fail(format!("{}: {error}", file.display())))?;
    }
    if failed == 0 { Ok(()) } else { Err(Failed) }
}

fn tested(cases: &[Case]) -> Vec<Tested<'_>> {
    let tested = cases.iter().map(|case| Tested {
        name: case.name(),
        flow: &case.flow,
        outcome: case.outcome(),
        quoted: &case.quoted,
        took: case.took,
    });
    tested.collect()
}

/// As a person reads it.
fn told(case: &Case) -> String {
    let path = case.name();
    let word = case.outcome().word();
    let mut text = match case.outcome() {
        Outcome::Pass { outputs } => return format!("{word}  {path} ({})\n", count(*outputs, "output")),
        Outcome::Broken(why) => return format!("{word} {path}: {why}\n"),
        Outcome::Diff(_) if !case.quoted.is_empty() => return format!("{word}  {path}\n{}", case.quoted),
        Outcome::Diff(differences) => {
            let lines = differences.iter().take(SHOWN).map(|difference| {
                let t = seconds(difference.t);
                format!("      {t} {difference}\n")
            });
            let more = differences.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!("      and {}\n", count(more, "more difference")) } else { String::new() };
            format!("{word}  {path}\n{}{more}", lines.collect::<String>())
        }
        Outcome::NeedsInput(needs) => {
            let lines = needs.iter().map(|need| format!("      {} {}{}\n", seconds(need.t), place(need), need.what));
            format!("{word}  {path}\n{}", lines.collect::<String>())
        }
    };
    if case.replayed.edited {
        text += "      (the flow was edited since this was recorded)\n";
    }
    text
}

fn seconds(micros: u64) -> String {
    format!("{:>8.3} s", micros as f64 / 1e6)
}

fn place(need: &Need) -> String {
    need.place.as_ref().map_or_else(String::new, |(block, step, line)| format!("at {block}.{step} (line {line}): "))
}

fn object(case: &Case) -> Value {
    let mut object = json!({
        "path": case.path,
        "test": case.title,
        "flow": case.flow,
        "call": case.fixture.as_ref().map(|fixture| &fixture.header.call),
        "outcome": case.outcome().word(),
        "edited": case.replayed.edited,
        "micros": u64::try_from(case.took.as_micros()).unwrap_or(u64::MAX),
    });
    match case.outcome() {
        Outcome::Pass { outputs } => object["outputs"] = json!(outputs),
        Outcome::Broken(why) => object["error"] = json!(why),
        Outcome::Diff(differences) => object["differences"] = differences.iter().map(difference).collect(),
        Outcome::NeedsInput(needs) => {
            let need = |need: &Need| json!({ "t": need.t, "place": need.place, "needs": need.what.to_string() });
            object["needs"] = needs.iter().map(need).collect();
        }
    }
    object
}

fn difference(difference: &Difference) -> Value {
    let Difference { layer, t, place, line, subject, recorded, replayed } = difference;
    json!({
        "layer": layer.name(),
        "t": t,
        "block": place.as_ref().map(|(block, _)| block),
        "step": place.as_ref().map(|(_, step)| step),
        "line": line,
        "subject": subject,
        "recorded": recorded,
        "replayed": replayed,
    })
}
