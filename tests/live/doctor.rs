//! `askonce doctor` on the machine of the tests, whatever is the matter with it.

use crate::server::{askonce, configuration};
use std::net::SocketAddr;
use std::process::Output;

const CHECKS: [&str; 16] = [
    "kernel",
    "scheduling",
    "wake-up lag",
    "cores",
    "cpu quota",
    "clock source",
    "time",
    "descriptors",
    "media ports",
    "socket buffers",
    "connection tracking",
    "configuration",
    "addresses",
    "tls files",
    "secrets",
    "store",
];

/// Files that are not there; without a stream nobody reads them.
const TLS: &str = "tls: { cert: gone.pem, key: gone.key }";

fn doctor(arguments: &[&str]) -> Output {
    askonce().arg("doctor").args(arguments).output().expect("askonce doctor")
}

#[test]
fn every_check_has_its_line() {
    let out = doctor(&[]);
    let text = String::from_utf8(out.stdout).expect("text");
    assert_eq!(text.lines().count(), CHECKS.len(), "{text}");
    for (line, check) in text.lines().zip(CHECKS) {
        let (verdict, rest) = line.split_at(8);
        assert!(["ok", "warn", "fail", "unknown"].contains(&verdict.trim_end()) && rest.starts_with(check), "{line}");
    }
    assert_eq!(out.status.success(), !text.lines().any(|line| line.starts_with("fail")), "{text}");
}

#[test]
fn a_configuration_is_looked_at_and_what_cannot_be_used_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = configuration(&folder, "udp:127.0.0.1:0", SocketAddr::from(([127, 0, 0, 1], 5090)), TLS);
    let examine = || {
        let out = doctor(&["--json", "--config", path.to_str().expect("a name")]);
        let told: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let verdict = |check: &str| {
            let all = told["checks"].as_array().expect("a list");
            let found = all.iter().find(|found| found["check"] == check).expect("the check");
            found["verdict"].as_str().expect("a word").to_owned()
        };
        (out.status.success(), ["configuration", "tls files", "secrets"].map(verdict), verdict("store"))
    };
    let (_, [configured, tls, secrets], store) = examine();
    assert_eq!([configured, tls, secrets].map(|verdict| verdict == "ok"), [true; 3]);
    assert_ne!(store, "fail");
    let change = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&path).expect("the configuration");
        std::fs::write(&path, text.replace(from, to)).expect("written");
    };
    change("udp:127.0.0.1:0", "udp:127.0.0.1:0, tcp:127.0.0.1:0");
    let (success, [_, tls, _], _) = examine();
    assert_eq!((success, tls.as_str()), (false, "fail"));
    change(TLS, "");
    change("store: askonce.db", "store: askonce.yaml/askonce.db");
    let (success, [_, tls, _], store) = examine();
    assert_eq!((success, tls.as_str(), store.as_str()), (false, "ok", "fail"));
}
