//! Calls of real phones in each codec and with SRTP, recorded by the server and captured off the wire: both run again.
//! With `ASKONCE_KEEP=fixtures/peers` they are kept there, for `cargo test --test captured`.

use crate::captured::Captured;
use crate::peers::{Baresip, Linphone, baresips_talk, free, reached};
use crate::program::Program;
use crate::server::Server;
use crate::{ACCOUNT, reached_an_agent};
use askonce::sip::Transport;
use std::path::Path;
use std::process::Command;

/// A codec, the module of baresip that has it, and `srtp:`. Debian's Linphone has no G.722.
const CASES: [(&str, &str, &str); 5] = [
    ("pcmu", "g711", "off"),
    ("pcma", "g711", "off"),
    ("g722", "g722", "off"),
    ("opus", "opus", "off"),
    ("pcmu", "g711", "required"),
];

/// Whose call it is.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Baresip,
    Linphone,
}

#[test]
fn calls_of_real_phones_run_again_from_recording_and_capture() {
    std::thread::scope(|scope| {
        for (codec, module, srtp) in CASES {
            scope.spawn(move || call(Caller::Baresip, codec, module, srtp));
            if codec != "g722" {
                scope.spawn(move || call(Caller::Linphone, codec, module, srtp));
            }
        }
    });
}

fn call(caller: Caller, codec: &str, module: &str, srtp: &str) {
    let at = free();
    let kept = tempfile::tempdir().expect("a folder");
    let server = Server::recording(codec, srtp, &reached(at, Transport::Udp), &kept.path().join("calls"));
    let sip = server.sip.port();
    let mut capture = capturing(sip, &kept.path().join("call.pcap"));
    let secure = srtp == "required";
    let baresip = |at| match secure {
        true => Baresip::encrypting(at, server.folder(), "srtp-mand"),
        false => Baresip::speaking(module, at, server.folder()),
    };
    let mut agent = baresip(at);
    let uri = server.uri("127.0.0.1", Transport::Udp);
    match caller {
        Caller::Baresip => {
            let mut caller = baresip(free());
            baresips_talk(&mut caller, &mut agent, &uri);
        }
        Caller::Linphone => {
            let start = if secure { Linphone::encrypting } else { Linphone::start };
            let mut caller = start(free(), server.folder(), &[]);
            caller.program.hears(&format!("call {uri}\n"));
            caller.program.says("Media streams established");
            caller.program.hears(&format!("{ACCOUNT}#1\n"));
            agent.program.says("Call established");
            agent.program.presses("555");
            caller.program.says("Receiving tone 5");
            agent.program.hears("/hangup\n");
            caller.program.says("ended");
        }
    }
    reached_an_agent(&server.records(), "agent");
    capture.signal("-INT");
    assert!(capture.ends().success(), "{}", capture.said());
    let calls = std::fs::read_dir(kept.path().join("calls")).expect("recordings");
    let [recording] = &calls.map(|call| call.expect("a folder").path()).collect::<Vec<_>>()[..] else {
        panic!("one call")
    };
    std::fs::copy(recording.join("call.jsonl"), kept.path().join("call.jsonl")).expect("copied");
    let phone = if caller == Caller::Baresip { "baresip" } else { "linphone" };
    let name = format!("{phone}-{codec}{}", if secure { "-srtp" } else { "" });
    let captured = Captured::read(kept.path());
    let [from_caller, from_agent] = captured.again(&name);
    // Without a sound card Linphone sends nothing but its keys.
    let least = if caller == Caller::Baresip { 100 } else { 13 };
    assert!(from_caller.received >= least && from_agent.received > 50, "{name}: {from_caller:?} {from_agent:?}");
    // Linphone opens its way through NAT with packets of two line ends, and the ends of a key are one packet three times.
    let (punched, repeated) = if caller == Caller::Linphone { (4, 26) } else { (0, 0) };
    for counted in [from_caller, from_agent] {
        let refused = &counted.refused;
        assert!(refused.malformed <= punched && refused.forged <= repeated, "{name}: {counted:?}");
        assert_eq!((refused.foreign, counted.srtp.is_some()), (0, secure), "{name}: {counted:?}");
    }
    if let Some(folder) = std::env::var_os("ASKONCE_KEEP") {
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(kept.path().join("call.jsonl"), folder.join("call.jsonl")).expect("kept");
        let ours = |port: u16| format!("udp.dstport == {port}");
        let local = &captured.fixture.header.local;
        let ports = [sip, local.caller_media.port(), local.agent_media.port()].map(ours).join(" or ");
        let mut command = Command::new("tshark");
        command.arg("-r").arg(kept.path().join("call.pcap")).args(["-Y", &ports, "-F", "pcap", "-w"]);
        let written = command.arg(folder.join("call.pcap")).status().expect("tshark");
        assert!(written.success());
    }
}

/// A capture of what comes to the server.
fn capturing(sip: u16, file: &Path) -> Program {
    let mut command = Command::new("dumpcap");
    let filter = format!("udp dst port {sip} or udp dst portrange 21000-28999");
    command.args(["-q", "-i", "lo", "-P", "-f", &filter, "-w"]).arg(file);
    let mut capture = Program::start(command, "tshark");
    capture.says("File:");
    capture
}
