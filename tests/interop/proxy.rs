//! Kamailio in front: it stays in the dialogs of both sides, asks whether we are there, and leaves us out once we end.

use crate::peers::{Sipp, free, reached};
use crate::program::Program;
use crate::scenario::{self, AGENT, KEYS, caller};
use crate::server::{DESK, Server};
use crate::{carries_the_account, header, reached_an_agent, talked};
use askonce::sip::Transport;
use std::net::SocketAddr;
use std::process::Command;
use tempfile::TempDir;

pub struct Kamailio {
    program: Program,
    _folder: TempDir,
}

impl Kamailio {
    /// At `local`, in front of `server` over `transport`, and of the agent's phone.
    fn start(local: SocketAddr, transport: Transport, server: &Server, agent: SocketAddr) -> Kamailio {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        let certificates = server.folder().display();
        write("dispatcher.list", &format!("1 sip:{};transport={}\n", server.at(transport), transport.as_str()));
        write(
            "tls.cfg",
            &format!(
                "[server:default]\nmethod = TLSv1.2+\nprivate_key = {certificates}/key.pem\ncertificate = {certificates}/cert.pem\n\
                 [client:default]\nverify_certificate = yes\nrequire_certificate = yes\nca_list = {certificates}/ca.pem\n"
            ),
        );
        let modules = format!("/usr/lib/{}-linux-gnu/kamailio/modules/", std::env::consts::ARCH);
        let secure = SocketAddr::new(local.ip(), local.port() + 1);
        let config = include_str!("kamailio.cfg").replace("LOCAL", &local.to_string());
        let config = config.replace("SECURE", &secure.to_string()).replace("AGENT", &reached(agent, Transport::Udp));
        write(
            "kamailio.cfg",
            &config.replace("FOLDER", &folder.path().display().to_string()).replace("MODULES", &modules),
        );
        let mut command = Command::new("kamailio");
        command
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(folder.path().join("kamailio.cfg"))
            .arg("-Y")
            .arg(folder.path());
        let mut program = Program::start(command, "kamailio kamailio-tls-modules");
        program.says("Listening on");
        Kamailio { program, _folder: folder }
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children end with it, unless it is killed.
        self.program.signal("-TERM");
        self.program.ends();
    }
}

/// A server behind a proxy behind which the agent is.
pub fn behind(transport: Transport, agent: SocketAddr) -> (Server, Kamailio, SocketAddr) {
    let local = free();
    let server = Server::serving(DESK, &reached(local, transport), "", &[]);
    let proxy = Kamailio::start(local, transport, &server, agent);
    (server, proxy, local)
}

#[test]
fn calls_go_through_kamailio_in_dialog() {
    std::thread::scope(|scope| {
        for (transport, by) in Transport::ALL.into_iter().zip(["agent", "caller", "agent"]) {
            scope.spawn(move || {
                let at = free();
                let scenario = if by == "agent" { AGENT.to_owned() } else { scenario::patient() };
                let (server, _proxy, local) = behind(transport, at);
                let agent = Sipp::answering(&scenario, at);
                // Holds, takes up again, keys: all by requests through the proxy.
                let caller = scenario::holder(if by == "agent" { 30 } else { 10 });
                let caller = Sipp::calling(&caller, local, KEYS).messages();
                let agent = agent.messages();
                let invite = agent.only("INVITE ");
                carries_the_account(invite);
                assert!(!header(invite, "Record-Route").is_empty(), "{invite}");
                assert_eq!(caller.received("BYE ").len(), usize::from(by == "agent"));
                talked(&reached_an_agent(&server.records(), by));
            });
        }
    });
}

#[test]
fn kamailio_leaves_us_out_once_we_end_and_the_call_that_stands_goes_on() {
    std::thread::scope(|scope| {
        for transport in Transport::ALL {
            scope.spawn(move || {
                let at = free();
                let (server, mut proxy, local) = behind(transport, at);
                let agent = Sipp::answering(AGENT, at);
                let standing = Sipp::calling(&caller(30), local, KEYS);
                // The ACK has come through.
                proxy.program.says("within the call: ACK");
                server.program.signal("-TERM");
                proxy.program.says("a gateway is down");
                let refused = Sipp::calling(&scenario::refused("503"), local, KEYS).messages();
                assert!(refused.only("SIP/2.0 503 ").starts_with("SIP/2.0 503 No Gateway"), "Kamailio's word");
                standing.messages().only("BYE ");
                carries_the_account(agent.messages().only("INVITE "));
                reached_an_agent(&server.ended(), "agent");
            });
        }
    });
}
