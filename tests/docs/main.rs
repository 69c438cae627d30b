//! The pages for authors say what is so: whatever YAML they show loads, and the tutorial leads where it says.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the pages and run the program")]

mod fragments;
mod layout;
mod links;
mod tutorial;

use askonce::server::files::{self, Files, Findings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A fenced block of a page: ```` ```yaml flow ````.
struct Fence {
    /// `docs/cookbook.md:17`: where its text begins.
    place: String,
    info: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of a page, in their order.
fn fences(page: &str) -> Vec<Fence> {
    let text = read(page);
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let place = format!("{page}:{}", number + 2);
                open = Some(Fence { place, info: info.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(fence), None) => fence.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a fence is left open");
    fences
}

/// A folder that is nowhere: `flow.yaml`, `prompts/en.yaml`.
#[derive(Default)]
struct Folder(BTreeMap<PathBuf, String>);

impl Folder {
    fn put(&mut self, path: &str, text: impl Into<String>) {
        self.0.insert(path.into(), text.into());
    }

    /// What is wrong with its `flow.yaml`, before any sound is read; empty if nothing is.
    fn findings(&self) -> String {
        let mut findings = Findings::default();
        files::read_flow(self, Path::new("flow.yaml"), &mut findings);
        findings.render()
    }
}

impl Files for Folder {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        Ok(self.0.keys().filter(|path| path.starts_with(folder)).cloned().collect())
    }
}
