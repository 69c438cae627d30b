//! A name that dnsmasq resolves, and a capture that tshark reads.

use crate::peers::{Sipp, free, reached};
use crate::program::Program;
use crate::scenario::{AGENT, KEYS, caller};
use crate::server::{DESK, Server, keeping};
use crate::{carries_the_account, reached_an_agent};
use askonce::sip::Transport;
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
fn tshark_reads_the_capture_of_a_call() {
    let at = free();
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("calls");
    let server = Server::serving(DESK, &reached(at, Transport::Udp), &keeping(&record), &[]);
    let agent = Sipp::answering(AGENT, at);
    // The caller's messages come over TCP, and are datagrams in the capture as well.
    Sipp::calling_over("t1", &caller(30), server.at(Transport::Tcp), KEYS).messages();
    agent.messages();
    server.records();
    let capture = folder.path().join("call.pcap");
    let calls = std::fs::read_dir(record).expect("recordings");
    let [call] = &calls.map(|call| call.expect("a folder").path()).collect::<Vec<_>>()[..] else { panic!("one call") };
    let mut trace = Command::new(env!("CARGO_BIN_EXE_askonce"));
    let traced = trace.arg("trace").arg(call).arg("--pcap").arg(&capture).output().expect("askonce");
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let read = |filter: &str| {
        let mut command = Command::new("tshark");
        let checked = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
        command.args(checked).args(["-T", "fields", "-e", "sip.CSeq.method", "-Y", filter, "-r"]).arg(&capture);
        let output = command.output().expect("tshark is not on this machine: apt-get install tshark");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let methods = read("frame");
    let count = |method: &str| methods.iter().filter(|read| *read == method).count();
    // INVITE and 200, and 180 besides from the agent; an ACK each; a BYE with its 200 each.
    assert_eq!((methods.len(), count("INVITE"), count("ACK"), count("BYE")), (11, 5, 2, 4), "{methods:?}");
    assert_eq!(read("sip && ip.checksum.status == \"Good\" && udp.checksum.status == \"Good\""), methods);
    assert!(read("_ws.malformed || _ws.expert.severity == \"Error\"").is_empty());
}
