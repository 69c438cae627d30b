//! `askonce fmt` on files: what it changes, what it leaves, and what it says of both.

use std::path::Path;
use std::process::Command;

/// Runs it in a folder: how it ended, and what it said.
fn fmt(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_askonce")).current_dir(folder).arg("fmt").args(arguments).output();
    let run = run.expect("askonce");
    (run.status.code(), String::from_utf8([run.stdout, run.stderr].concat()).expect("text"))
}

#[test]
fn a_file_is_laid_out_in_place_and_a_broken_one_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sound, broken) = (folder.path().join("sound.yaml"), folder.path().join("broken.yaml"));
    std::fs::write(&sound, "a:   [b,c] # d\n").expect("a file");
    std::fs::write(&broken, "a: [b\n").expect("a file");
    let read = |path: &Path| std::fs::read_to_string(path).expect("a file");

    let (code, said) = fmt(folder.path(), &["--check", "sound.yaml"]);
    assert!(code == Some(1) && said.starts_with("sound.yaml\n"), "{said}");
    assert_eq!(read(&sound), "a:   [b,c] # d\n");

    let (code, said) = fmt(folder.path(), &["broken.yaml", "sound.yaml"]);
    assert!(code == Some(1) && said.contains("broken.yaml:1:") && said.contains("error[yaml]"), "{said}");
    assert_eq!((read(&broken).as_str(), read(&sound).as_str()), ("a: [b\n", "a: [b, c]  # d\n"));

    assert_eq!(fmt(folder.path(), &["--check", "sound.yaml"]), (Some(0), String::new()));
}
