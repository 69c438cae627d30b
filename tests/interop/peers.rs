//! The programs that askonce is tried with, each started with what its test needs.

use crate::keys;
use crate::program::Program;
use crate::{ACCOUNT, carries_the_account};
use askonce::sip::Transport;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use tempfile::TempDir;

/// A SIPp that goes through a scenario once.
pub struct Sipp {
    program: Program,
    folder: TempDir,
}

impl Sipp {
    /// Calls `server`, with `keys` in `keys.pcap` for a scenario that plays them.
    pub fn calling(scenario: &str, server: SocketAddr, keys: &str) -> Sipp {
        Sipp::calling_over("u1", scenario, server, keys)
    }

    /// `over`: UDP (`u1`), TCP with one connection (`t1`) or one a call (`tn`). Debian's SIPp has no TLS.
    pub fn calling_over(over: &str, scenario: &str, server: SocketAddr, keys: &str) -> Sipp {
        Sipp::start(scenario, free(), &keys::capture(keys), &["-t", over, &server.to_string()])
    }

    /// Is called at `local`, and sends back what it hears.
    pub fn answering(scenario: &str, local: SocketAddr) -> Sipp {
        Sipp::answering_over("u1", scenario, local)
    }

    /// Is called at `local`, and says what is in a capture, as `keys.pcap`.
    pub fn saying(scenario: &str, local: SocketAddr, said: &[u8]) -> Sipp {
        Sipp::start(scenario, local, said, &["-t", "u1"])
    }

    pub fn answering_over(over: &str, scenario: &str, local: SocketAddr) -> Sipp {
        Sipp::start(scenario, local, &[], &["-t", over, "-rtp_echo"])
    }

    fn start(scenario: &str, local: SocketAddr, keys: &[u8], arguments: &[&str]) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("scenario.xml"), scenario).expect("a scenario");
        std::fs::write(folder.path().join("keys.pcap"), keys).expect("a capture");
        let mut command = Command::new("sipp");
        command
            .current_dir(folder.path())
            .env("TERM", "dumb")
            .args(["-sf", "scenario.xml", "-m", "1", "-nostdin", "-timeout", "58s", "-timeout_error"])
            // It wants a descriptor for each, and gives up where it may not have so many.
            .args(["-max_socket", "100"])
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
    /// Listens for SIP at `local`, for TLS at the port after it, with the certificates in a folder; answers by itself.
    pub fn start(local: SocketAddr, certificates: &Path) -> Baresip {
        Baresip::with("g711", local, certificates, "")
    }

    /// The same with one codec, by its module.
    pub fn speaking(codec: &str, local: SocketAddr, certificates: &Path) -> Baresip {
        Baresip::with(codec, local, certificates, "")
    }

    /// The same, `encrypting` its media: `srtp` offers it over RTP/AVP, `srtp-mand` over RTP/SAVP.
    pub fn encrypting(local: SocketAddr, certificates: &Path, encrypting: &str) -> Baresip {
        Baresip::with("g711", local, certificates, &format!(";mediaenc={encrypting}"))
    }

    fn with(codec: &str, local: SocketAddr, certificates: &Path, more: &str) -> Baresip {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        let (both, ca) = (certificates.join("both.pem"), certificates.join("ca.pem"));
        let tls = format!("sip_certificate {}\nsip_cafile {}\n", both.display(), ca.display());
        write("config", &format!("sip_listen {local}\n{tls}{CONFIG}module {codec}.so\n"));
        write("accounts", &format!("<sip:agent@{local}>;regint=0;answermode=auto{more}\n"));
        write("contacts", "");
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(folder.path());
        let mut program = Program::start(command, "baresip-core");
        program.says("baresip is ready.");
        Baresip { program, _folder: folder }
    }
}

/// A baresip calls, keys the account and confirms it, and talks with a baresip agent; that one sees the account, presses
/// keys that the caller hears, and hangs up.
pub fn baresips_talk(caller: &mut Baresip, agent: &mut Baresip, uri: &str) {
    caller.program.hears(&format!("/dial {uri}\n"));
    caller.program.says("Call established");
    caller.program.presses(&format!("{ACCOUNT}#1"));
    agent.program.says("Call established");
    let traced = agent.program.said();
    carries_the_account(&traced[traced.find("INVITE sip:agent@").expect("an INVITE")..]);
    // They are none of the flow's.
    agent.program.presses("555");
    caller.program.says("received event: '5' (end=1)");
    agent.program.hears("/hangup\n");
    // The agent's does not always say that it has ended.
    caller.program.says("session closed");
}

/// Sound goes over a bridge inside of baresip from its ear to its mouth; commands come on its input.
const CONFIG: &str = "net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
audio_player aubridge,phone
audio_source aubridge,phone
module stdio.so
module srtp.so
module aubridge.so
module_tmp account.so
module_app menu.so
";

/// A Linphone without a sound card: it hears a file's sound, if any, and commands come on its input.
pub struct Linphone {
    pub program: Program,
    _folder: TempDir,
}

impl Linphone {
    /// Listens at `local`, for TLS at the port after it; `-a` answers by itself.
    pub fn start(local: SocketAddr, certificates: &Path, arguments: &[&str]) -> Linphone {
        Linphone::with(local, certificates, "", arguments)
    }

    /// The same, with SRTP, and no call without it.
    pub fn encrypting(local: SocketAddr, certificates: &Path, arguments: &[&str]) -> Linphone {
        let more = "media_encryption=srtp\nmedia_encryption_mandatory=1\n";
        Linphone::with(local, certificates, more, arguments)
    }

    fn with(local: SocketAddr, certificates: &Path, more: &str, arguments: &[&str]) -> Linphone {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [".local/share/linphone", ".config/linphone"] {
            std::fs::create_dir_all(folder.path().join(path)).expect("a folder");
        }
        let (port, ca) = (local.port(), certificates.join("ca.pem"));
        let sip = format!(
            "[sip]\nsip_port={port}\nsip_tcp_port={port}\nsip_tls_port={}\nroot_ca={}\nlocalip={ip}\nbind_address={ip}\n\
             use_ipv6=0\nuse_info=0\nuse_rfc2833=1\n{more}[rtp]\naudio_rtp_port=-1\nbind_address={ip}\n",
            port + 1,
            ca.display(),
            ip = local.ip(),
        );
        std::fs::write(folder.path().join("linphonerc"), sip).expect("a file");
        let mut command = Command::new("linphonec");
        command.env("HOME", folder.path()).current_dir(folder.path()).args(["-C", "-b", "linphonerc"]).args(arguments);
        let mut program = Program::start(command, "linphone-cli");
        program.hears("soundcard use files\n");
        program.says("Using wav files");
        Linphone { program, _folder: folder }
    }
}

/// A port of this machine that nobody has, neither with UDP nor TCP, and the three after it: phones take TLS, RTCP and
/// video there. Below those that the system gives out by itself, above those of our media.
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(29_000);
    loop {
        let first = NEXT.fetch_add(4, Ordering::Relaxed);
        assert!(first < 32_764, "the tests have used up their ports");
        let all = (first..first + 4).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        if all.clone().all(|at| UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok()) {
            return SocketAddr::from(([127, 0, 0, 1], first));
        }
    }
}

/// How a peer that listens at `local` is called.
pub fn reached(local: SocketAddr, transport: Transport) -> String {
    let port = local.port() + u16::from(transport == Transport::Tls);
    format!("sip:agent@{}:{port};transport={}", local.ip(), transport.as_str())
}
