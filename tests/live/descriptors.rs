//! File descriptors: the program takes all that it may have, and when they have run out calls are refused until some
//! are free again.

use crate::server::{Server, configuration, connect, tcp_line};
use crate::{PATIENCE, answers, call, script, set, talk};
use askonce::os::clock::Clock;
use askonce::peer::Answering;
use askonce::sip::Transport;
use std::process::Command;

const SOFT: usize = 64;
const HARD: usize = 96;
/// What the program may open for itself after it is ready.
const OWN: usize = 10;

#[test]
fn without_file_descriptors_calls_are_refused_and_nothing_dies() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let folder = tempfile::tempdir().expect("a folder");
    let config = configuration(&folder, "udp:127.0.0.1:0, tcp:127.0.0.1:0", agent.0.contact(), "");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -S -n {SOFT} && ulimit -H -n {HARD} && exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_askonce")).args(["serve", "--config"]).arg(config);
    let mut server = Server::run(folder, command);
    let told = format!("descriptors={HARD}");
    assert!(server.log().contains(&told), "no {told} in\n{}", server.log());
    // A shell may leave it one of a higher number, which counts against no limit.
    let open = || {
        let all = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("a running program");
        let number = |file: std::io::Result<std::fs::DirEntry>| file.ok()?.file_name().to_str()?.parse().ok();
        all.filter_map(number).filter(|number: &usize| *number < HARD).count()
    };
    let until = |reached: &dyn Fn(usize) -> bool| {
        let began = clock.now();
        while !reached(open()) {
            assert!(clock.now().since(began) < PATIENCE, "{} descriptors", open());
            std::thread::yield_now();
        }
    };

    let before = open();
    // A few more than there is room for: the kernel keeps those until they are accepted.
    let idle: Vec<_> = (before..HARD + 5).map(|_| connect(server.at(Transport::Tcp))).collect();
    until(&|open| open == HARD);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    call(&mut caller, server.at(Transport::Udp), Vec::new(), script());
    assert_eq!(talk(clock, [&mut caller, &mut agent], &mut |_| {}).1, 503);
    drop(idle);
    // Some of its threads and the store open their own only now; the connections were far more.
    until(&|open| open <= before + OWN);
    call(&mut caller, server.at(Transport::Udp), Vec::new(), script());
    assert_eq!(talk(clock, [&mut caller, &mut agent], &mut |_| {}).1, 0);
    // Those that nobody accepted are gone as well.
    let mut line = tcp_line(server.at(Transport::Tcp));
    line.write(line.request(1, "OPTIONS", "", "").as_bytes());
    assert!(line.answer("1 OPTIONS").starts_with("SIP/2.0 200 "));
    server.terminate();
    let log = server.log();
    assert!(!log.contains("failed_accepts: 0,"), "{log}");
    // Not a line for each call: those of a second are told of together.
    assert!(log.contains("turned away") && log.contains("no media port") && !log.contains("is refused"), "{log}");
}
