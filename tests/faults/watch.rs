//! `askonce check --watch`, as an editor's companion runs it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A machine that does much else is given this long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Watched(Child);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The reports, a line each, as they come.
fn watch(folder: &std::path::Path) -> (Watched, Receiver<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.args(["check", "--watch", "--format", "json"]).arg(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let (told, reports) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).all(|line| told.send(line).is_ok()));
    (Watched(child), reports)
}

#[test]
fn a_saved_file_is_checked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("desk.yaml");
    let flow = "askonce: 1\nflow: desk\nblocks:\n  start:\n    - hangup\n";
    std::fs::create_dir(folder.path().join("prompts")).expect("a folder");
    std::fs::write(folder.path().join("prompts/en.yaml"), "{}\n").expect("written");
    std::fs::write(&file, flow).expect("written");
    let (_watched, reports) = watch(folder.path());
    let errors = |what: &str| {
        let report = reports.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no report {what}"));
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        (report["errors"].clone(), report["findings"][0]["code"].clone())
    };
    assert_eq!(errors("at the start"), (0.into(), serde_json::Value::Null));
    std::fs::write(&file, flow.replace("hangup", "hangpu")).expect("written");
    assert_eq!(errors("of the mistake"), (1.into(), "unknown-verb".into()));
    std::fs::write(&file, flow).expect("written");
    assert_eq!(errors("once it is mended").0, 0);
}
