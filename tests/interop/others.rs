//! A name that dnsmasq resolves, and a capture that tshark reads.

use crate::peers::{Sipp, free};
use crate::program::Program;
use crate::scenario::{AGENT, KEYS, caller};
use crate::server::{DESK, Server};
use crate::{carries_the_account, reached_an_agent};
use std::process::Command;

#[test]
fn the_agents_name_is_looked_up() {
    let (at, resolver) = (free(), free());
    let mut command = Command::new("dnsmasq");
    command
        .args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--log-facility=-",
            "--log-queries",
        ])
        .args(["--pid-file=", "--user=root", "--bind-interfaces", "--listen-address=127.0.0.1"])
        .arg(format!("--port={}", resolver.port()))
        .arg("--address=/desk.example.com/127.0.0.1")
        .arg(format!("--srv-host=_sip._udp.people.example.com,desk.example.com,{}", at.port()));
    let mut names = Program::start(command, "dnsmasq-base");
    names.says("started");
    let agent = Sipp::answering(AGENT, at);
    let server = Server::serving(DESK, "sip:agent@people.example.com", &format!("resolver: [\"{resolver}\"]"), &[]);
    Sipp::calling(&caller(30), server.sip, KEYS).messages().only("BYE ");
    carries_the_account(agent.messages().only("INVITE "));
    reached_an_agent(&server.records(), "agent");
}

#[test]
fn tshark_reads_a_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("call.pcap");
    let traced = Command::new(env!("CARGO_BIN_EXE_askonce"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["trace", "fixtures/clean", "--pcap"])
        .arg(&capture)
        .output()
        .expect("askonce");
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let read = |filter: &str| {
        let mut command = Command::new("tshark");
        let checked = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
        command.args(checked).args(["-T", "fields", "-e", "frame.number", "-Y", filter, "-r"]).arg(&capture);
        let output = command.output().expect("tshark is not on this machine: apt-get install tshark");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
    };
    // Two INVITEs with their 100 or 180, 200 and ACK, and two BYEs with their 200.
    let messages = read("frame");
    assert!(messages >= 10, "{messages}");
    assert_eq!(read("sip && ip.checksum.status == \"Good\" && udp.checksum.status == \"Good\""), messages);
    assert_eq!(read("_ws.malformed"), 0);
}
