//! A running `askonce serve` in a folder of its own.

use crate::PATIENCE;
use crate::line::Line;
use askonce::peer::http;
use askonce::sip::{Hop, Transport};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub const TOKEN: &str = "a-token-for-tests-only";

pub struct Server {
    child: Child,
    /// Where it listens.
    pub hops: Vec<Hop>,
    /// Of these, the first.
    pub sip: SocketAddr,
    pub http: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// In quick mode, with the agent's phone as the destination.
    pub fn start(agent: SocketAddr, more: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("askonce.db").display().to_string();
        let destination = format!("support=sip:agent@{agent}");
        let quick = ["--flow", "flows/account-desk.yaml", "--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0"];
        let place = ["--rtp", "127.0.0.1:21000-28999", "--destination", &destination];
        let own = if more.contains(&"--store") { [].as_slice() } else { &["--store", &store] };
        Server::serve(folder, &[&quick[..], &place, own, more].concat())
    }

    /// With a configuration: every number leads to the account desk, whose people are at `agent`. `listen` is that of
    /// `listen.sip`, `more` goes below it.
    pub fn configured(folder: TempDir, listen: &str, agent: SocketAddr, more: &str) -> Server {
        let path = configuration(&folder, listen, agent, more);
        Server::serve(folder, &["--config", path.to_str().expect("a name")])
    }

    pub fn serve(folder: TempDir, arguments: &[&str]) -> Server {
        let mut command = askonce();
        command.arg("serve").args(arguments);
        Server::run(folder, command)
    }

    /// Runs a command that becomes `askonce serve`.
    pub fn run(folder: TempDir, mut command: Command) -> Server {
        let token = folder.path().join("token");
        std::fs::write(&token, TOKEN).expect("a token file");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        command.arg("--token-file").arg(&token).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("askonce serve");
        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
        let log = || std::fs::read_to_string(folder.path().join("log")).expect("the log");
        assert!(ready.starts_with("ready "), "{ready:?}\n{}", log());
        let field = |name: &str| {
            let value = ready.split_whitespace().find_map(|word| word.strip_prefix(name));
            value.unwrap_or_else(|| panic!("no {name} in {ready:?}"))
        };
        let hops: Vec<Hop> = field("sip=").split(',').map(|hop| hop.parse().expect("a hop")).collect();
        Server { child, sip: hops[0].address, hops, http: field("http=").parse().expect("an address"), folder }
    }

    /// Where it listens for this.
    pub fn at(&self, transport: Transport) -> SocketAddr {
        self.hops.iter().find(|hop| hop.transport == transport).expect("a listener").address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).expect("the log")
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (status, body) = runtime.block_on(http::get(self.http, path, token)).expect("an answer");
        (status.as_u16(), body)
    }

    /// SIGKILL: nobody is told.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("its end");
    }

    /// For another server, once this one has ended.
    pub fn into_folder(mut self) -> TempDir {
        std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"))
    }

    /// SIGTERM, as systemd sends it; waits for the end, and finds no panic in the log.
    pub fn terminate(&mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill");
        assert!(sent.success());
        assert!(self.child.wait().expect("its end").success());
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        // A test that failed leaves no server behind; one that passed has ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn askonce() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A connection whose writes go by themselves, and the address that it has here.
pub fn connect(server: SocketAddr) -> (TcpStream, SocketAddr) {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    stream.set_nodelay(true).expect("each write by itself");
    let local = stream.local_addr().expect("an address");
    (stream, local)
}

pub fn tcp_line(server: SocketAddr) -> Line {
    let (stream, local) = connect(server);
    Line::over(Box::new(stream), "TCP", server, local)
}

/// Writes the configuration of `Server::configured`.
pub fn configuration(folder: &TempDir, listen: &str, agent: SocketAddr, more: &str) -> PathBuf {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
    let config = format!(
        "askonce: 1
listen: {{ sip: [{listen}], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{}]
store: askonce.db
trunks: {{ local: {{ from: [127.0.0.0/8, \"::1/128\"], trust: [uui, headers] }} }}
numbers: {{ \"*\": account-desk }}
destinations: {{ support: {{ to: [\"sip:agent@{agent}\"], trusted: true, carriers: [headers], headers: {{ {} }} }} }}
{more}",
        flows.display(),
        MAPPED.map(|name| format!("{name}: account")).join(", "),
    );
    let path = folder.path().join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    path
}

/// Header fields with the account for the agent's side: so many that no datagram is to carry them.
const MAPPED: [&str; 16] = [
    "X-Member",
    "X-Account-Of-The-Policy-Holder-As-The-Contract-Has-It",
    "X-Account-Of-The-Policy-Holder-As-The-Register-Has-It",
    "X-Account-Of-The-Policy-Holder-As-The-Household-Has-It",
    "X-Account-Of-The-Beneficiary-As-The-Contract-Has-It",
    "X-Account-Of-The-Beneficiary-As-The-Register-Has-It",
    "X-Account-Of-The-Beneficiary-As-The-Household-Has-It",
    "X-Account-Of-The-Subscriber-As-The-Contract-Has-It",
    "X-Account-Of-The-Subscriber-As-The-Register-Has-It",
    "X-Account-Of-The-Subscriber-As-The-Household-Has-It",
    "X-Account-Of-The-Guarantor-As-The-Contract-Has-It",
    "X-Account-Of-The-Guarantor-As-The-Register-Has-It",
    "X-Account-Of-The-Guarantor-As-The-Household-Has-It",
    "X-Account-Of-The-Tenant-As-The-Contract-Has-It",
    "X-Account-Of-The-Tenant-As-The-Register-Has-It",
    "X-Account-Of-The-Tenant-As-The-Household-Has-It",
];
