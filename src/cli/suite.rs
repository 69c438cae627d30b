//! Recordings in folders, and the flows that they are of: what `replay`, `review` and their kin run.

use super::{Failed, fail, show};
use crate::call::Program;
use crate::codec::Codec;
use crate::record::Fixture;
use crate::record::fixture::Step;
use crate::replay::case::{self, Tried};
use crate::replay::layers::{self, Layer};
use crate::rerun::outcome::{How, Replayed};
use crate::rerun::{Outcome, Sounds};
use crate::server::files::{self, Disk, Files, Findings};
use crate::server::flow_files;
use crate::yaml::Source;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a flow before which its name stands.
const PREFACE: usize = 200;

#[derive(clap::Args)]
pub struct Where {
    /// Folders with recordings (call.jsonl at any depth) and tests (*.test.yaml), or single ones
    #[arg(required = true)]
    fixtures: Vec<PathBuf>,
    /// Where the flows are
    #[arg(long, default_value = "flows")]
    pub flows: PathBuf,
    /// Only those whose path has this in it
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How deep they run again
    #[arg(long, value_enum, default_value_t = Layer::Events)]
    layer: Layer,
    /// At once [default: as many as this machine has cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

/// A flow and how it sounds.
#[derive(Clone)]
pub struct Served {
    pub program: Program,
    pub sounds: Arc<Sounds>,
}

/// A recording that was run again, or a test that was performed.
pub struct Case {
    pub path: PathBuf,
    /// What a test shows.
    pub title: Option<String>,
    /// The flow's name; empty of a file that could not be read so far.
    pub flow: String,
    pub replayed: Replayed,
    /// A test's failures, with the lines that they are of.
    pub quoted: String,
    /// Of one that did not pass, for who wants to look at it.
    pub fixture: Option<Box<Fixture>>,
    pub took: Duration,
}

impl Case {
    pub fn of(path: &Path, title: Option<String>, flow: String, replayed: Replayed, fixture: Fixture) -> Case {
        let fixture = (!replayed.outcome.passes()).then(|| Box::new(fixture));
        let (path, took) = (path.to_owned(), Duration::ZERO);
        Case { path, title, flow, replayed, quoted: String::new(), fixture, took }
    }

    pub fn broken(path: &Path, title: Option<String>, flow: String, why: String) -> Case {
        let replayed = Replayed { outcome: Outcome::Broken(why), ran: None, edited: false };
        let (path, took) = (path.to_owned(), Duration::ZERO);
        Case { path, title, flow, replayed, quoted: String::new(), fixture: None, took }
    }

    /// Its file, and of a test what it shows.
    pub fn name(&self) -> String {
        let path = self.path.display();
        self.title.as_ref().map_or_else(|| path.to_string(), |title| format!("{path}: {title}"))
    }

    pub fn outcome(&self) -> &Outcome {
        &self.replayed.outcome
    }
}

/// The recordings and tests that were asked for, and the flows that there are.
pub struct Suite {
    items: Vec<Item>,
    pub flows: Flows,
    layer: Layer,
    /// How many at once, if somebody said so.
    pub jobs: Option<usize>,
}

/// A file, what a test shows, and the call.
pub type WouldBe = (PathBuf, Option<String>, Result<Fixture, String>);

/// Something to be run.
enum Item {
    Recording(PathBuf),
    Test(Source, Box<case::Case>),
    /// A test that cannot be read, and why.
    Misread(PathBuf, String),
}

impl Suite {
    pub fn find(wanted: &Where) -> Result<Suite, Failed> {
        let mut paths = Vec::new();
        for place in &wanted.fixtures {
            if place.is_file() {
                paths.push(place.clone());
                continue;
            }
            if !place.exists() {
                return Err(fail(format!("{}: there is no such file or folder", place.display())));
            }
            let found = Disk.below(place).map_err(|error| fail(format!("{}: {error}", place.display())))?;
            paths.extend(
                found
                    .into_iter()
                    .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl") || is_test(path)),
            );
        }
        if paths.is_empty() {
            return Err(fail(
                "no recording (*.jsonl) and no test (*.test.yaml) found; `askonce serve --record DIR` records calls",
            ));
        }
        if let Some(filter) = &wanted.filter {
            let all = paths.len();
            paths.retain(|path| path.to_string_lossy().contains(filter.as_str()));
            if paths.is_empty() {
                return Err(fail(format!("--filter {filter}: none of {all} files has that in its path")));
            }
        }
        let items = paths.into_iter().flat_map(items).collect();
        let jobs = wanted.jobs.map(usize::from);
        Ok(Suite { items, flows: Flows::in_folder(&wanted.flows), layer: wanted.layer, jobs })
    }

    /// Runs them all, and gives them in their order.
    pub fn run(&self, how: &How) -> Vec<Case> {
        let next = AtomicUsize::new(0);
        let run = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = self.items.get(at) else { return done };
                done.push((at, self.one(item, how)));
            }
        };
        let mut done: Vec<(usize, Case)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.jobs.unwrap_or_else(cores)).map(|_| scope.spawn(run)).collect();
            let mut done = run();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, case)| case).collect()
    }

    /// Each as the recording of a call, that of a test performed: for who has the call elsewhere.
    pub fn calls(&self) -> Vec<WouldBe> {
        let call = |item: &Item| match item {
            Item::Recording(path) => (path.clone(), None, read(path)),
            Item::Misread(path, why) => (path.clone(), None, Err(why.clone())),
            Item::Test(source, test) => {
                let served = self.flows.served(&test.flow.text);
                let call = served
                    .map(|served| case::perform(test, &source.path, &served.program, served.sounds.arena()).fixture);
                (PathBuf::from(&source.path), Some(test.title.clone()), call)
            }
        };
        self.items.iter().map(call).collect()
    }

    fn one(&self, item: &Item, how: &How) -> Case {
        let begun = Instant::now();
        let case = match item {
            Item::Recording(path) => self.recording(path, how),
            Item::Test(source, test) => self.test(source, test),
            Item::Misread(path, why) => Case::broken(path, None, String::new(), why.clone()),
        };
        Case { took: begun.elapsed(), ..case }
    }

    fn recording(&self, path: &Path, how: &How) -> Case {
        let fixture = match read(path) {
            Ok(fixture) => fixture,
            Err(why) => return Case::broken(path, None, String::new(), why),
        };
        let flow = fixture.header.flow.clone();
        match self.flows.served(&flow) {
            Err(why) => Case::broken(path, None, flow, why),
            Ok(served) => {
                let folder = path.parent().unwrap_or(Path::new("."));
                let replayed = layers::replay(self.layer, folder, &fixture, &served.program, &served.sounds, how);
                Case::of(path, None, flow, replayed, fixture)
            }
        }
    }

    fn test(&self, source: &Source, test: &case::Case) -> Case {
        let (path, title, flow) = (Path::new(&source.path), Some(test.title.clone()), test.flow.text.clone());
        let served = match self.flows.served(&flow) {
            Ok(served) => served,
            Err(why) => return Case::broken(path, title, flow, why),
        };
        let Tried { fixture, failures } = case::perform(test, &source.path, &served.program, served.sounds.arena());
        let quoted = failures.iter().map(|failure| failure.diagnostic.render(&[source]) + "\n").collect();
        let outputs = fixture.lines.iter().filter(|line| matches!(line.step, Step::Out(_))).count();
        let outcome = match failures.is_empty() {
            true => Outcome::Pass { outputs },
            false => Outcome::Diff(failures.into_iter().map(|failure| failure.difference).collect()),
        };
        let case = Case::of(path, title, flow, Replayed { outcome, ran: None, edited: false }, fixture);
        Case { quoted, ..case }
    }
}

/// What is in a file that was asked for.
fn items(path: PathBuf) -> Vec<Item> {
    if !is_test(&path) {
        return vec![Item::Recording(path)];
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return vec![Item::Misread(path, error.to_string())],
    };
    let source = Source { path: path.display().to_string(), text };
    match case::read(&source) {
        Ok(cases) => cases.into_iter().map(|case| Item::Test(source.clone(), Box::new(case))).collect(),
        Err(mistakes) => {
            let told: Vec<String> = mistakes.iter().map(|mistake| mistake.render(&[&source])).collect();
            vec![Item::Misread(path, format!("the test cannot be read\n{}", told.join("\n\n")))]
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.yaml"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Reads a recording.
pub fn read(path: &Path) -> Result<Fixture, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Fixture::read(&text).map_err(|broken| broken.to_string())
}

/// The flows of a folder, each loaded once it is wanted.
pub struct Flows {
    folder: PathBuf,
    /// By their names.
    files: BTreeMap<String, PathBuf>,
    served: Mutex<BTreeMap<String, Result<Served, String>>>,
}

impl Flows {
    pub fn in_folder(folder: &Path) -> Flows {
        let named = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).ok()?;
            let name = text.lines().take(PREFACE).find_map(|line| line.strip_prefix("flow:"))?.trim().to_owned();
            Some((name, path))
        };
        let files = flow_files(&Disk, folder).into_iter().filter_map(named).collect();
        Flows { folder: folder.to_owned(), files, served: Mutex::default() }
    }

    /// The file of the flow of that name.
    pub fn file(&self, name: &str) -> Result<&Path, String> {
        let file = self.files.get(name).map(PathBuf::as_path);
        file.ok_or_else(|| format!("no file in {} is the flow `{name}` (--flows says where)", self.folder.display()))
    }

    /// The flow of that name. What fails a proof is run as well: a witness of that is a recording like others.
    pub fn served(&self, name: &str) -> Result<Served, String> {
        let mut all = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = all.get(name) {
            return served.clone();
        }
        let served = self.file(name).and_then(|path| {
            let (service, findings) = files::load_unproved(&Disk, path, &Codec::LAWS);
            service.map(|service| of(&service)).ok_or_else(|| {
                show(&findings);
                let first = first(&findings);
                format!("the flow {} does not load{first}; `askonce check` says everything", path.display())
            })
        });
        all.insert(name.to_owned(), served.clone());
        served
    }
}

fn of(service: &crate::engine::Service) -> Served {
    Served { program: service.program.clone(), sounds: Arc::new(Sounds::of(service.arena.clone())) }
}

fn first(findings: &Findings) -> String {
    let error = findings.diagnostics.iter().find(|found| found.severity == crate::yaml::Severity::Error);
    error.map_or_else(String::new, |found| format!(": {}:{}: {}", found.path, found.span.line, found.message))
}
