//! askonce and the programs that it is tried with, each started with what its test needs.

use crate::keys;
use crate::program::Program;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use tempfile::TempDir;

/// `askonce serve` in a folder of its own.
pub struct Server {
    pub program: Program,
    pub sip: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Serves the account desk, whose people are at `agent`.
    pub fn start(agent: SocketAddr) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["serve", "--flow", "flows/account-desk.yaml", "--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0"])
            .args(["--rtp", "127.0.0.1:21000-28999", "--destination", &format!("support=sip:agent@{agent}")])
            .arg("--store")
            .arg(folder.path().join("askonce.db"));
        let mut program = Program::start(command, "nothing: cargo builds it");
        let ready = program.says("ready sip=");
        let sip = ready.split_whitespace().find_map(|word| word.strip_prefix("sip=udp:"));
        Server { sip: sip.expect("a SIP address").parse().expect("an address"), program, folder }
    }

    /// Ends the server once its calls have ended; gives their records.
    pub fn records(mut self) -> Vec<serde_json::Value> {
        self.program.signal("-TERM");
        assert!(self.program.ends().success());
        let records = std::fs::read_to_string(self.folder.path().join("askonce.cdr.jsonl")).expect("the records");
        records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// A SIPp that goes through a scenario once.
pub struct Sipp {
    program: Program,
    folder: TempDir,
}

impl Sipp {
    /// Calls `server`, with `keys` in `keys.pcap` for a scenario that plays them.
    pub fn calling(scenario: &str, server: SocketAddr, keys: &str) -> Sipp {
        Sipp::start(scenario, free(), &keys::capture(keys), &[&server.to_string()])
    }

    /// Is called at `local`, and sends back what it hears.
    pub fn answering(scenario: &str, local: SocketAddr) -> Sipp {
        Sipp::start(scenario, local, &[], &["-rtp_echo"])
    }

    fn start(scenario: &str, local: SocketAddr, keys: &[u8], arguments: &[&str]) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("scenario.xml"), scenario).expect("a scenario");
        std::fs::write(folder.path().join("keys.pcap"), keys).expect("a capture");
        let mut command = Command::new("sipp");
        command
            .current_dir(folder.path())
            .env("TERM", "dumb")
            .args(["-sf", "scenario.xml", "-m", "1", "-nostdin", "-timeout", "45s", "-timeout_error"])
            .args(["-i", "127.0.0.1", "-p", &local.port().to_string(), "-mp", &free().port().to_string()])
            .args(["-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"])
            .args(arguments);
        Sipp { program: Program::start(command, "sip-tester"), folder }
    }

    /// Waits until the scenario is through; gives what it sent and received.
    pub fn messages(mut self) -> Messages {
        let status = self.program.ends();
        let read =
            |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|why| why.to_string());
        assert!(status.success(), "SIPp: {status}\n{}\n{}", read("errors"), read("messages"));
        Messages(read("messages"))
    }
}

/// SIPp's log of messages.
pub struct Messages(String);

impl Messages {
    /// The messages that SIPp received and that begin with `start`.
    pub fn received(&self, start: &str) -> Vec<&str> {
        let logged = self.0.split("\n-----").filter(|logged| logged.contains("message received ["));
        logged.filter_map(|logged| Some(logged.split_once("\n\n")?.1)).filter(|text| text.starts_with(start)).collect()
    }

    /// The only one of these.
    pub fn only(&self, start: &str) -> &str {
        let [message] = self.received(start)[..] else { panic!("one {start}message, not so in\n{}", self.0) };
        message
    }
}

/// A baresip without a sound card: it sends back what it hears.
pub struct Baresip {
    pub program: Program,
    _folder: TempDir,
}

impl Baresip {
    /// Listens for SIP at `local`, and answers by itself.
    pub fn start(local: SocketAddr) -> Baresip {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        write("config", &format!("sip_listen {local}\n{CONFIG}"));
        write("accounts", &format!("<sip:agent@{local}>;regint=0;answermode=auto\n"));
        write("contacts", "");
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(folder.path());
        let mut program = Program::start(command, "baresip-core");
        program.says("baresip is ready.");
        Baresip { program, _folder: folder }
    }
}

/// Sound goes over a bridge inside of baresip from its ear to its mouth; commands come on its input.
const CONFIG: &str = "net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
audio_player aubridge,phone
audio_source aubridge,phone
module stdio.so
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
";

/// An address of this machine that nobody has taken yet.
pub fn free() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("its address")
}
