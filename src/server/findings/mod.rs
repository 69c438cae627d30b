//! What is wrong with flows and configurations, for whoever has to mend it: found (`check`), explained (`codes`), and told
//! as a program reads it (`told`, `github`, `sarif`).

pub mod codes;
pub mod github;
pub mod sarif;
pub mod told;

use super::files::{self, Files, Findings};
use crate::engine::Service;
use serde::Serialize;
use std::path::{Path, PathBuf};
pub use told::{Told, tell};

/// Flows and a configuration that were looked at.
pub struct Checked {
    pub findings: Findings,
    /// The flows that could be read, those of the configuration after the others.
    pub flows: Vec<Sound>,
    /// How many flows the configuration is sound with; `None`: it is not, or there is none.
    pub place: Option<usize>,
}

/// A flow without errors of its own.
#[derive(Debug, Serialize)]
pub struct Sound {
    pub path: String,
    pub flow: String,
    pub digest: String,
}

/// Checks flows, folders of flows, and a configuration with the flows that it names. No sound is encoded.
pub fn check(files: &dyn Files, paths: &[PathBuf], config: Option<&Path>) -> Checked {
    let mut checked = Checked { findings: Findings::default(), flows: Vec::new(), place: None };
    for path in paths.iter().flat_map(|path| super::flow_files(files, path)) {
        let (service, found) = files::load_for(files, &path, &[], None);
        checked.flows.extend(service.as_ref().map(Sound::of));
        checked.add(found);
    }
    if let Some(path) = config {
        let (place, found) = super::read_place_for(files, path, Some(&[]));
        checked.place = place.as_ref().map(|place| place.services.len());
        checked.flows.extend(place.iter().flat_map(|place| place.services.values()).map(Sound::of));
        checked.add(found);
    }
    checked
}

impl Checked {
    /// Flows of one folder have their catalogue in common: what is wrong with it is told once.
    fn add(&mut self, found: Findings) {
        let all = &mut self.findings;
        for diagnostic in found.diagnostics {
            if !all.diagnostics.contains(&diagnostic) {
                all.diagnostics.push(diagnostic);
            }
        }
        all.witnesses.extend(found.witnesses);
        for source in found.sources {
            if !all.sources.iter().any(|known| known.path == source.path) {
                all.sources.push(source);
            }
        }
    }
}

impl Sound {
    fn of(service: &Service) -> Sound {
        let flow = &service.program.flow;
        Sound { path: flow.path().to_owned(), flow: flow.name.text.clone(), digest: flow.digest.clone() }
    }
}

#[cfg(test)]
mod tests;
