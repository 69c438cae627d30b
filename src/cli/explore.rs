//! `askonce explore`: the smallest suite of calls that takes all of a flow, made up and kept as recordings.

use super::coverage::fixtures;
use super::{Failed, count, fail, show, suite};
use crate::codec::Codec;
use crate::engine::Service;
use crate::flow::proof::Reached;
use crate::replay::coverage::table::together;
use crate::replay::coverage::{Item, Kind, Plan, Planned, Taken};
use crate::replay::explore::{self, Explored, Numbers, SOURCE, numbers, wanted};
use crate::replay::stage::keep;
use crate::rerun::Sounds;
use crate::server::files::{self, Disk};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Things that a call's line names; how many more there are it says.
const NAMED: usize = 4;

#[derive(clap::Args)]
pub struct Args {
    /// The flow
    flow: PathBuf,
    /// Keep the calls as recordings, a folder each, beside those that are there: only what they leave out is added
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// So many new calls at most: those that add most
    #[arg(long, value_name = "N")]
    budget: Option<usize>,
    /// Delete recordings of its own that show what the flow no longer has, and nothing that the others leave out
    #[arg(long, requires = "write")]
    prune: bool,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let (service, findings) = files::load_unproved(&Disk, &args.flow, &Codec::LAWS);
    show(&findings);
    let service = service.ok_or_else(|| fail("only a flow that loads can be explored"))?;
    let (flow, prompts) = (&service.program.flow, &service.program.prompts);
    let plan = Plan::of(flow, prompts, Reached::of(flow, prompts).as_ref());
    let mut sound = true;
    let mut there = match &args.write {
        Some(folder) if folder.exists() => there(folder, &service, &plan, &mut sound)?,
        _ => Vec::new(),
    };
    if args.prune {
        prune(&mut there)?;
    }
    let had: Numbers = there.iter().flat_map(|kept| kept.takes.iter().copied()).collect();
    let calls = explore::explore(&service, &plan, &had, args.budget).ok_or_else(|| {
        fail("the flow can be in too many states for calls to be made up: make two flows of it, or record some")
    })?;
    println!("flow {} ({}): {}\n", flow.name.text, flow.path(), of(&there, &calls));
    let taken = args.write.as_deref().map_or_else(Vec::new, names);
    for call in calls.iter().map(|call| renamed(call, &taken)) {
        println!("  {:<40}  {}", call.0, alone(&plan, call.1));
        if let Some(folder) = &args.write {
            keep::keep(&call.1.fixture, &folder.join(&call.0)).map_err(fail)?;
        }
    }
    if calls.is_empty() {
        println!("  nothing is to be added");
    }
    there.iter().filter(|kept| !kept.gone.is_empty()).for_each(|kept| {
        println!("  {:<40}  no longer shows {}", kept.name, kept.gone.join(", "));
    });
    reached(&plan, &had, &calls, args.budget);
    if sound { Ok(()) } else { Err(Failed) }
}

/// What is in a folder already, of whatever flow: it is not written over.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}

/// A recording that is in the folder already.
struct Kept {
    name: String,
    folder: PathBuf,
    takes: Numbers,
    /// What it was made to show, and does no longer; of others than those that were explored, nothing.
    gone: Vec<String>,
    explored: bool,
}

/// Those of this flow, as they go on it now.
fn there(folder: &Path, service: &Service, plan: &Plan, sound: &mut bool) -> Result<Vec<Kept>, Failed> {
    let mut all = Vec::new();
    let (wanted, sounds) = (wanted(plan), Sounds::of(service.arena.clone()));
    for path in fixtures(&[folder.to_owned()])? {
        let taken = suite::read(&path).and_then(|fixture| {
            if fixture.header.flow != service.program.flow.name.text {
                return Ok(None);
            }
            let taken = Taken::again(plan, &fixture, &service.program, &sounds);
            taken.map(|taken| Some((fixture.header, taken))).map_err(|unplayable| unplayable.to_string())
        });
        match taken {
            Ok(None) => {}
            Ok(Some((header, taken))) => {
                let shown = |name: &String| Kind::ALL.iter().any(|kind| taken.0.contains_key(&Item::new(*kind, name)));
                let gone = header.shows.into_iter().filter(|name| !shown(name)).collect();
                let takes = numbers(plan, &taken).intersection(&wanted).copied().collect();
                let own = path.parent().unwrap_or(folder).to_owned();
                let name = own.strip_prefix(folder).unwrap_or(&own).display().to_string();
                all.push(Kept { name, folder: own, takes, gone, explored: header.source == SOURCE });
            }
            Err(why) => {
                *sound = false;
                eprintln!("askonce: {}: not counted: {why}", path.display());
            }
        }
    }
    Ok(all)
}

/// Those of our own making that lost what they were made for, where the others take the rest.
fn prune(there: &mut Vec<Kept>) -> Result<(), Failed> {
    let mut at = 0;
    while at < there.len() {
        let Kept { takes, gone, explored, folder, .. } = &there[at];
        let others = || there.iter().enumerate().filter(|(other, _)| *other != at);
        let needless = takes.iter().all(|number| others().any(|(_, kept)| kept.takes.contains(number)));
        if !*explored || gone.is_empty() || !needless {
            at += 1;
            continue;
        }
        let failed = |error: std::io::Error| fail(format!("{}: {error}", folder.display()));
        std::fs::remove_file(folder.join("call.jsonl")).map_err(failed)?;
        // Whatever else somebody has put there stays.
        if std::fs::read_dir(folder).map_err(failed)?.next().is_none() {
            std::fs::remove_dir(folder).map_err(failed)?;
        }
        println!("deleted: {}, it showed {}", folder.display(), gone.join(", "));
        there.remove(at);
    }
    Ok(())
}

fn of(there: &[Kept], calls: &[Explored]) -> String {
    match there.len() {
        0 => count(calls.len(), "call"),
        kept => format!("{} there, {} new", count(kept, "recording"), count(calls.len(), "call")),
    }
}

/// Its name, unless that is another's already.
fn renamed<'c>(call: &'c Explored, taken: &[String]) -> (String, &'c Explored) {
    let names = std::iter::once(call.name.clone()).chain((2..).map(|n| format!("{}-{n}", call.name)));
    let name = names.into_iter().find(|name| !taken.contains(name));
    (name.unwrap_or_else(|| call.name.clone()), call)
}

/// What no other call shows.
fn alone(plan: &Plan, call: &Explored) -> String {
    let names: Vec<&str> = call.shows.iter().map(|number| plan.all[*number].item.name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names[..names.len().min(NAMED)].join(", ") + &more
}

/// How much is taken, and what is not.
fn reached(plan: &Plan, had: &Numbers, calls: &[Explored], budget: Option<usize>) {
    let taken: Numbers = had.iter().chain(calls.iter().flat_map(|call| &call.takes)).copied().collect();
    let mut kinds = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Prompts) {
        let all: Vec<usize> =
            plan.within().filter(|(_, planned)| planned.item.kind == kind).map(|(number, _)| number).collect();
        let of = all.iter().filter(|number| taken.contains(number)).count();
        if !all.is_empty() {
            kinds.push(format!("{} {of}/{}", kind.name(), all.len()));
        }
    }
    println!("\n  {}", kinds.join(", "));
    let wanted = wanted(plan);
    let left: BTreeSet<&usize> = wanted.difference(&taken).collect();
    let left: Vec<String> = together(left.into_iter().map(|number| &plan.all[*number]));
    if !left.is_empty() {
        println!("\n  {}:", if budget.is_some() { "left out" } else { "no call was found for" });
        left.iter().for_each(|left| println!("    {left}"));
    }
    let beyond = plan.all.iter().filter_map(|planned: &Planned| Some((planned, planned.beyond.as_deref()?)));
    let beyond: Vec<_> = beyond.collect();
    if !beyond.is_empty() {
        println!("\n  out of reach:");
        beyond.iter().for_each(|(planned, why)| println!("    {}: {why}", planned.item.name));
    }
}
