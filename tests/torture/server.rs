//! A running `askonce serve` in a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

pub struct Server {
    child: Child,
    pub sip: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    /// In quick mode: every number is answered. The agent's phone, which no message gets as far as, is nowhere.
    pub fn start() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_askonce"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["serve", "--flow", "flows/account-desk.yaml", "--destination", "support=sip:agent@127.0.0.1:9"])
            .args(["--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp", "127.0.0.1:21000-28999", "--store"])
            .arg(folder.path().join("askonce.db"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("askonce serve");
        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
        let sip = ready.split_whitespace().find_map(|word| word.strip_prefix("sip=udp:"));
        let sip = sip.unwrap_or_else(|| panic!("not ready: {ready:?}")).parse().expect("an address");
        Server { child, sip, folder }
    }

    /// Ends it as systemd does; gives its call records. Neither is it stopped by a panic, nor did one happen.
    pub fn end(&mut self) -> Vec<serde_json::Value> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert!(self.child.wait().expect("its end").success());
        let log = std::fs::read_to_string(self.folder.path().join("log")).expect("the log");
        assert!(!log.contains("panicked"), "{log}");
        let records = std::fs::read_to_string(self.folder.path().join("askonce.cdr.jsonl")).expect("the call records");
        records.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves no server behind; one that passed has ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
