//! Replays what fuzzing kept (`fuzz/corpus`) and what it once broke (`fuzz/found`) through the bodies of the fuzz
//! targets, with the compiler and the time that every test has.
#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

/// A corpus of more bytes is to be minimised (CONTRIBUTING.md).
const MAX_BYTES: usize = 300_000;

fn replay(name: &str, body: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let corpus = files(&root.join("corpus").join(name));
    let bytes: usize = corpus.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(!corpus.is_empty(), "no corpus for {name}");
    assert!(bytes <= MAX_BYTES, "{bytes} bytes for {name}");
    let found = root.join("found").join(name);
    let found = if found.is_dir() { files(&found) } else { Vec::new() };
    for (path, bytes) in corpus.iter().chain(&found) {
        assert!(catch_unwind(|| body(bytes)).is_ok(), "{}", path.display());
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), fs::read(&path).expect("a readable file"))).collect()
}

#[test]
fn wire() {
    replay("wire", bodies::wire::wire);
}

#[test]
fn uri() {
    replay("uri", bodies::uri::uri);
}

#[test]
fn uui() {
    replay("uui", bodies::uui::uui);
}

#[test]
fn via() {
    replay("via", bodies::via::via);
}

#[test]
fn auth() {
    replay("auth", bodies::auth::auth);
}

#[test]
fn dialogs() {
    replay("dialogs", bodies::dialogs::dialogs);
}

#[test]
fn framing() {
    replay("framing", bodies::framing::framing);
}

#[test]
fn capture() {
    replay("capture", bodies::capture::capture);
}
