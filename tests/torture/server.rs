//! A running `askonce serve` in a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Server {
    child: Child,
    pub udp: SocketAddr,
    pub tcp: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    /// Every number is answered. The agent's phone, which no message gets as far as, is nowhere.
    pub fn start() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
        let config = format!(
            "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0, tcp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{}]
store: askonce.db
limits: {{ per_source: 1000/s }}
trunks: {{ local: {{ from: [127.0.0.0/8], trust: [uui, headers] }} }}
numbers: {{ \"*\": account-desk }}
destinations: {{ support: {{ to: [\"sip:agent@127.0.0.1:9\"], trusted: true }} }}
",
            flows.display()
        );
        let path = folder.path().join("askonce.yaml");
        std::fs::write(&path, config).expect("a configuration");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_askonce"))
            .args(["serve", "--config"])
            .arg(path)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("askonce serve");
        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
        let address = |transport: &str| {
            let found = ready.split([' ', ',', '=']).find_map(|word| word.strip_prefix(transport));
            found.unwrap_or_else(|| panic!("not ready: {ready:?}")).parse().expect("an address")
        };
        Server { udp: address("udp:"), tcp: address("tcp:"), child, folder }
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
