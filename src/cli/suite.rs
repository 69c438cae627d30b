//! Recordings in folders, and the flows that they are of: what `replay`, `review` and their kin run.

use super::{Failed, fail, show};
use crate::call::Program;
use crate::codec::Codec;
use crate::record::Fixture;
use crate::replay::layers::{self, Layer};
use crate::rerun::outcome::{How, Replayed};
use crate::rerun::{Outcome, Sounds};
use crate::server::files::{self, Disk, Files, Findings};
use crate::server::flow_files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a flow before which its name stands.
const PREFACE: usize = 200;

#[derive(clap::Args)]
pub struct Where {
    /// Folders with recordings (call.jsonl at any depth), or single recordings
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

/// A recording that was run again.
pub struct Case {
    pub path: PathBuf,
    /// The flow's name; empty of a file that could not be read so far.
    pub flow: String,
    pub replayed: Replayed,
    /// Of one that did not pass, for who wants to look at it.
    pub fixture: Option<Box<Fixture>>,
    pub took: Duration,
}

impl Case {
    pub fn outcome(&self) -> &Outcome {
        &self.replayed.outcome
    }
}

/// The recordings that were asked for, and the flows that there are.
pub struct Suite {
    pub paths: Vec<PathBuf>,
    pub flows: Flows,
    layer: Layer,
    jobs: usize,
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
            paths.extend(found.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")));
        }
        if paths.is_empty() {
            return Err(fail("no recording (*.jsonl) found; `askonce serve --record DIR` makes them"));
        }
        if let Some(filter) = &wanted.filter {
            let all = paths.len();
            paths.retain(|path| path.to_string_lossy().contains(filter.as_str()));
            if paths.is_empty() {
                return Err(fail(format!("--filter {filter}: none of {all} recordings has that in its path")));
            }
        }
        let jobs = wanted.jobs.map_or_else(cores, usize::from);
        Ok(Suite { paths, flows: Flows::in_folder(&wanted.flows), layer: wanted.layer, jobs })
    }

    /// Runs them all, and gives them in their order.
    pub fn run(&self, how: &How) -> Vec<Case> {
        let next = AtomicUsize::new(0);
        let run = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = self.paths.get(at) else { return done };
                done.push((at, self.one(path, how)));
            }
        };
        let mut done: Vec<(usize, Case)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.jobs).map(|_| scope.spawn(run)).collect();
            let mut done = run();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, case)| case).collect()
    }

    fn one(&self, path: &Path, how: &How) -> Case {
        let begun = Instant::now();
        let broken = |why: String| Replayed { outcome: Outcome::Broken(why), ran: None, edited: false };
        let (flow, fixture, replayed) = match read(path) {
            Err(why) => (String::new(), None, broken(why)),
            Ok(fixture) => match self.flows.served(&fixture.header.flow) {
                Err(why) => (fixture.header.flow.clone(), Some(fixture), broken(why)),
                Ok(served) => {
                    let folder = path.parent().unwrap_or(Path::new("."));
                    let (program, sounds) = (&served.program, &served.sounds);
                    let replayed = layers::replay(self.layer, folder, &fixture, program, sounds, how);
                    (fixture.header.flow.clone(), Some(fixture), replayed)
                }
            },
        };
        let fixture = fixture.filter(|_| !replayed.outcome.passes()).map(Box::new);
        Case { path: path.to_owned(), flow, replayed, fixture, took: begun.elapsed() }
    }
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
