//! Floods over real sockets, one kind after the other, while somebody calls: every call is answered, with all its
//! keys, and the program's memory stays where it was.

use crate::line::Line;
use crate::messages::{bye, garbage, invite, invite_and_cancel, options, register};
use crate::peers::free;
use crate::program::Program;
use crate::server::Server;
use askonce::os::clock::Clock;
use askonce::os::sys;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::sip::Uri;
use askonce::time::{Duration, Instant};
use socket2::{Domain, Socket, Type};
use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use tempfile::TempDir;

/// What the messages are, and how many of them there are in a millisecond.
type Flood = (fn(u64) -> Vec<u8>, u64);
const FLOODS: [Flood; 7] =
    [(invite, 1), (invite_and_cancel, 2), (register, 1), (options, 1), (garbage, 20), (bye, 20), (|_| invite(0), 20)];
/// Each lasts so long.
const EACH: Duration = Duration::from_millis(1_100);
/// The prober places a call this often.
const EVERY: Duration = Duration::from_millis(200);
/// Before the floods, so that what a process takes for its first calls is there; and during them.
const WARM: usize = 10;
const CALLS: usize = 40;
const KEYS: &str = "79927398713#";
/// Connections that one source holds, or tries to: twenty times what it may have.
const IDLE: usize = 2_200;
/// Calls of either prober meanwhile.
const MEANWHILE: usize = 20;
/// Descriptors that the program may take while they last: a source's share of connections, and the probers' calls.
const TAKEN: usize = 100 + 100;
/// And keep: sockets for the next calls, as many as there were of the probers' at once.
const KEPT: usize = 10;
/// Kilobytes that the program may grow by: its calls and transactions of half a minute, and what malloc keeps.
const GROWTH: u64 = 10_000;

/// Sends all floods from 127.0.0.2; what is answered is not looked at. Gives the number of messages.
fn flood(clock: Clock, server: SocketAddr) -> u64 {
    let socket = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    let tick = std::time::Duration::from_millis(1);
    socket.set_read_timeout(Some(tick)).expect("a deadline");
    let mut buffer = [0; 2048];
    let mut sent = 0;
    for (message, rate) in FLOODS {
        let began = clock.now();
        let mut due = 0;
        while clock.now().since(began) < EACH {
            let until = clock.now().since(began).as_millis() as u64 * rate;
            while due < until {
                // Answers that find nobody come back as errors of the next sending: it is to go on.
                let _ = socket.send_to(&message(sent + due), server);
                due += 1;
            }
            let _ = socket.recv(&mut buffer);
        }
        // Even, so that an INVITE and its CANCEL stay together.
        sent += due.next_multiple_of(2);
    }
    sent
}

/// Calls from 127.0.0.3, keys, and hangs up, again and again. Gives how many were answered and came to their end.
fn probe(clock: Clock, server: SocketAddr, calls: usize) -> (usize, usize) {
    let mut net = Net::bind("127.0.0.3:0".parse().expect("an address"), clock).expect("a socket");
    let mut phones = Phones::new(net.contact(), 0x31, Answering::Refuse(486), None, clock.now().as_micros());
    let uri = |user: &str, at| Uri::of(user, at).expect("a URI");
    let script = [Act::Wait(EVERY), Act::Press(KEYS.to_owned()), Act::Wait(EVERY), Act::HangUp];
    let (mut answered, mut through, mut placed) = (0, 0, 0);
    let began = clock.now();
    let due = |placed: usize| -> Instant { began + EVERY * u32::try_from(placed).expect("a few") };
    while placed < calls || phones.talks() > 0 {
        if placed < calls && clock.now() >= due(placed) {
            let from = uri("+15551230001", net.contact());
            phones.call(server, uri("+18005550100", server), from, Vec::new(), script.clone().into());
            placed += 1;
        }
        net.turn(&mut phones, &mut |_, _, happened| match happened {
            Happened::Answered { .. } => answered += 1,
            Happened::Ended { by_us: true, status: 0, .. } => through += 1,
            _ => {}
        });
        net.wait(&phones);
    }
    (answered, through)
}

#[test]
fn floods_cost_the_calls_of_others_nothing_and_the_program_no_memory() {
    let server = Server::start(free());
    let clock = Clock::start();
    assert_eq!(probe(clock, server.sip, WARM), (WARM, WARM));
    let before = server.program.resident();
    let at = server.sip;
    let flooder = std::thread::spawn(move || flood(clock, at));
    let probed = probe(clock, server.sip, CALLS);
    let sent = flooder.join().expect("the floods");
    let after = server.program.resident();
    println!("{sent} messages, {probed:?} of {CALLS} calls; {before} kB before, {after} kB after");
    assert_eq!(probed, (CALLS, CALLS), "answered and ended of {CALLS}");
    assert!(after < before + GROWTH, "{before} kB before, {after} kB after");
    // The first signal lets calls go on, the second ends them: nobody will ACK the floods' calls.
    server.program.signal("-INT");
    let keyed = |record: &&serde_json::Value| record["from"] == "+15551230001" && record["keys"] == KEYS.len();
    assert_eq!(server.records().iter().filter(keyed).count(), WARM + CALLS, "calls with all their keys");
}

/// SIP over UDP and TCP, where every number is answered.
fn start(folder: &TempDir) -> (Program, [SocketAddr; 2]) {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/account-desk.yaml");
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0, tcp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{}]
store: askonce.db
trunks: {{ local: {{ from: [127.0.0.0/8] }} }}
numbers: {{ \"*\": account-desk }}
destinations: {{ support: {{ to: [\"sip:agent@{}\"], trusted: true }} }}
",
        flows.display(),
        free(),
    );
    let path = folder.path().join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
    command.args(["serve", "--config"]).arg(path);
    let mut program = Program::start(command, "nothing: cargo builds it");
    let ready = program.says("ready sip=");
    let at = ["udp:", "tcp:"].map(|transport| {
        let found = ready.split([' ', ',', '=']).find_map(|word| word.strip_prefix(transport));
        found.expect("a SIP address").parse().expect("an address")
    });
    (program, at)
}

fn connect(from: &str, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&from.parse::<SocketAddr>().expect("an address").into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// Holds connections from 127.0.0.2 until it is told to stop, always new ones: every other says nothing, the rest
/// begins a message and sends an octet of it now and then. Gives how many there were.
fn idle(server: SocketAddr, began: impl FnOnce(), stop: &Receiver<()>) -> usize {
    let mut held = VecDeque::new();
    let mut made = 0;
    let mut open = |held: &mut VecDeque<TcpStream>| {
        let mut stream = connect("127.0.0.2:0", server).expect("the kernel takes it, whatever becomes of it");
        if made % 2 == 0 {
            // The server may have closed it already.
            let _ = stream.write_all(b"INVITE sip:");
        }
        held.push_back(stream);
        made += 1;
        made
    };
    while open(&mut held) < IDLE {}
    began();
    while stop.recv_timeout(std::time::Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
        let made = open(&mut held);
        held.pop_front();
        let _ = held[made % IDLE].write_all(b"x");
    }
    made
}

/// Calls from 127.0.0.5 over TCP, each on a connection of its own; gives how many were answered and came to their end.
fn probe_tcp(server: SocketAddr) -> usize {
    let mut through = 0;
    for _ in 0..MEANWHILE {
        let Ok(stream) = connect("127.0.0.5:0", server) else { continue };
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
        let local = stream.local_addr().expect("its address");
        let mut line = Line::over(Box::new(stream), "TCP", server, local);
        line.write(line.invite().as_bytes());
        line.accepted("1 INVITE");
        line.write(line.request(1, "ACK", "", "").as_bytes());
        line.write(line.request(2, "BYE", "", "").as_bytes());
        line.accepted("2 BYE");
        through += 1;
    }
    through
}

#[test]
fn idle_connections_cost_the_calls_of_others_nothing_and_the_program_little() {
    sys::raise_descriptors().expect("descriptors for the flood");
    let folder = tempfile::tempdir().expect("a folder");
    let (mut program, [udp, tcp]) = start(&folder);
    let clock = Clock::start();
    assert_eq!(probe(clock, udp, WARM), (WARM, WARM));
    let (memory, descriptors) = (program.resident(), program.descriptors());
    let ((stop, stopped), (tell, began)) = (channel(), channel());
    let flooder = std::thread::spawn(move || idle(tcp, || tell.send(()).expect("somebody waits"), &stopped));
    began.recv().expect("the connections");
    let by_tcp = std::thread::spawn(move || probe_tcp(tcp));
    let (answered, through) = probe(clock, udp, MEANWHILE);
    let by_tcp = by_tcp.join().expect("the calls over TCP");
    let most = program.descriptors();
    stop.send(()).expect("the flood goes on");
    let made = flooder.join().expect("the flood");
    let ended = clock.now();
    while program.descriptors() > descriptors + KEPT {
        assert!(clock.now().since(ended) < Duration::from_secs(20), "{} descriptors", program.descriptors());
        std::thread::yield_now();
    }
    let after = program.resident();
    println!("{made} connections, {answered} {through} {by_tcp} of {MEANWHILE}; {memory} kB before, {after} kB after");
    println!("{descriptors} descriptors before, {most} at once");
    assert_eq!((answered, through, by_tcp), (MEANWHILE, MEANWHILE, MEANWHILE));
    assert!(most <= descriptors + TAKEN, "{descriptors} descriptors before, {most} at once");
    assert!(after < memory + GROWTH, "{memory} kB before, {after} kB after");
    program.signal("-TERM");
    assert!(program.ends().success());
    assert!(program.said().contains("refused_per_source: "), "{}", program.said());
}
