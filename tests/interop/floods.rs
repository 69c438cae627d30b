//! Floods over real sockets, one kind after the other, while somebody calls: every call is answered, with all its
//! keys, and the program's memory stays where it was.

use crate::messages::{bye, garbage, invite, invite_and_cancel, options, register};
use crate::peers::free;
use crate::server::Server;
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::sip::Uri;
use askonce::time::{Duration, Instant};
use std::net::{SocketAddr, UdpSocket};

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
