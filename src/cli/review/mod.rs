//! `askonce review`: what differs in recorded calls, the equal differences together, and which of it is right from now on.

mod terminal;

use super::suite::{Served, Suite, Where};
use super::{Failed, count, fail, quotes};
use crate::record::Fixture;
use crate::record::compare::Layers;
use crate::replay::answer;
use crate::replay::groups::{Group, What};
use crate::replay::quote::Quotes;
use crate::replay::review::{Case, Review, Write, recordings};
use crate::rerun::outcome::{self, How, Replayed};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::rc::Rc;

/// Files that are named when they are written; of more it is said how many.
const NAMED: usize = 20;
/// Lines of the flow around the one that a group is at.
const AROUND: usize = 1;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    /// What is compared: path, facts, prompts, ... or `-timing,-bytes` for all but these
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    layers: Option<Layers>,
    /// Without a terminal: this group, by its name in brackets, is right from now on
    #[arg(long, value_name = "GROUP")]
    accept: Vec<String>,
    /// Without a terminal: whatever differs is right from now on
    #[arg(long)]
    accept_all: bool,
    /// Without a terminal: the answer to what a group asks for, as 3fa92c11="ok tier=gold"
    #[arg(long, value_name = "GROUP=ANSWER")]
    answer: Vec<String>,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let how = How { layers: args.layers.clone().unwrap_or_default(), ..How::default() };
    let suite = Suite::find(&args.wanted)?;
    let (mut cases, mut passed) = (Vec::new(), 0);
    for case in suite.run(&how) {
        if case.outcome().passes() {
            passed += 1;
            continue;
        }
        // What a person wrote is not written anew by what a call did.
        if case.path.extension().is_none_or(|ending| ending != "jsonl") {
            eprintln!("askonce: {} does not pass, and is no recording: edit it, or the flow", case.path.display());
            continue;
        }
        let super::suite::Case { path, flow, replayed, fixture, .. } = case;
        let (name, replayed) = (path.display().to_string(), Rc::new(replayed));
        cases.push(Case { path, name, flow, fixture, replayed, answered: false });
    }
    let mut review = Review::new(cases, passed);
    let desk = Desk::of(&suite, how, &review);
    let decided = args.accept_all || !args.accept.is_empty() || !args.answer.is_empty();
    if !decided && !review.cases.is_empty() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return terminal::review(&mut review, &desk, &args.wanted.flows);
    }
    for answer in &args.answer {
        let (id, text) = answer.split_once('=').ok_or_else(|| fail("an answer is GROUP=ANSWER, as 3fa92c11=none"))?;
        let told = review.answer(find(&review, id)?, text, |flow, fixture| desk.again(flow, fixture));
        println!("[{id}] {}", told.map_err(|why| fail(format!("{id}: {why}")))?);
    }
    for id in &args.accept {
        let told = review.accept_group(find(&review, id)?).map_err(|why| fail(format!("{id}: {why}")))?;
        println!("[{id}] {told}");
    }
    if args.accept_all {
        // What cannot be accepted is left, and told below.
        (0..review.groups.len()).for_each(|at| drop(review.accept_group(at)));
    }
    tell(&review, &desk)?;
    desk.write(&review)?;
    if review.undecided() == 0 { Ok(()) } else { Err(Failed) }
}

fn find(review: &Review, id: &str) -> Result<usize, Failed> {
    review.find(id).ok_or_else(|| {
        let names = review.groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>().join(", ");
        fail(format!("there is no group {id}: {}", if names.is_empty() { "everything passes" } else { &names }))
    })
}

/// The flows that recordings are of.
struct Desk<'s> {
    suite: &'s Suite,
    how: How,
    quotes: BTreeMap<String, Quotes>,
}

impl Desk<'_> {
    fn of<'s>(suite: &'s Suite, how: How, review: &Review) -> Desk<'s> {
        let mut desk = Desk { suite, how, quotes: BTreeMap::new() };
        for group in &review.groups {
            if let Ok(served) = suite.flows.served(&group.flow) {
                desk.quotes.entry(group.flow.clone()).or_insert_with(|| quotes(&served.program.flow));
            }
        }
        desk
    }

    fn again(&self, flow: &str, fixture: &Fixture) -> Result<Replayed, String> {
        let Served { program, sounds } = self.suite.flows.served(flow)?;
        Ok(outcome::replay(fixture, &program, &sounds, &self.how))
    }

    /// Writes what was decided.
    fn write(&self, review: &Review) -> Result<(), Failed> {
        let writes = review.writes();
        for (case, write) in &writes {
            let case = &review.cases[*case];
            let failed =
                |why: String| fail(format!("{}: {why}; those before it, in their order, are written", case.name));
            let (Some(fixture), Some(ran)) = (&case.fixture, &case.replayed.ran) else { continue };
            let golden = match write {
                Write::Golden => {
                    let Served { program, sounds } = self.suite.flows.served(&case.flow).map_err(failed)?;
                    &outcome::golden(fixture, ran, &program, &sounds)
                }
                Write::Answers => fixture.as_ref(),
            };
            let text = golden.write().map_err(|broken| failed(broken.to_string()))?;
            replace(&case.path, &text).map_err(|error| failed(error.to_string()))?;
            if writes.len() <= NAMED {
                println!("written {}", case.name);
            }
        }
        if !writes.is_empty() {
            println!("{} written", recordings(writes.len()));
        }
        Ok(())
    }
}

/// A file as a whole: whoever reads it meanwhile finds the old text or the new one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}

fn tell(review: &Review, desk: &Desk) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for group in &review.groups {
        out.write_all(told(group, review, desk).as_bytes()).map_err(fail)?;
    }
    let differ = review.cases.len();
    let groups = count(review.groups.len(), "group");
    let all = review.passed + differ;
    writeln!(
        out,
        "{all} replayed, {} as recorded, {differ} not, in {groups}: {} to decide",
        review.passed,
        review.undecided()
    )
    .map_err(fail)
}

fn told(group: &Group, review: &Review, desk: &Desk) -> String {
    let Group { id, flow, what, cases } = group;
    let accepted = review.accepted_of(group);
    let standing = if accepted == 0 { String::new() } else { format!(", {accepted} accepted") };
    let same = match (what, cases.len()) {
        (What::Differs(_), 1) => "differs",
        (What::Differs(_), _) => "differ the same way",
        (What::Needs(_), 1) => "wants an answer",
        (What::Needs(_), _) => "want the same answer",
        (What::Broken(_), 1) => "does not run",
        (What::Broken(_), _) => "do not run",
    };
    let mut text = format!("[{id}] {} {same}{standing}\n", recordings(cases.len()));
    let quotes = desk.quotes.get(flow);
    let placed = what.place().and_then(|(block, line)| Some((quotes?, block, line)));
    let place = placed.and_then(|(quotes, block, line)| quotes.place(block, line));
    let place = match place {
        Some(place) => format!(" at {} ({place})", what.step()),
        None if flow.is_empty() => String::new(),
        None => format!(" in the flow {flow}"),
    };
    text += &format!("  {}{place}: {}\n", what.kind(), what.summary());
    if let Some((quotes, block, line)) = placed {
        text += &quotes.excerpt(block, line, AROUND).lines().map(|line| format!("  {line}\n")).collect::<String>();
    }
    if let What::Needs(need) = what
        && let Some(form) = answer::form(&need.what)
    {
        text += &format!("  --answer {id}=\"..\": {form}\n");
    }
    let more = if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
    text + &format!("  {}{more}\n\n", review.cases[cases[0]].name)
}
