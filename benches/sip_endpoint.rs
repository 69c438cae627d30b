//! Whole calls through one endpoint: INVITE, 200, ACK, BYE, 200. Once without sockets, on a virtual clock that lets
//! the transactions die; once over UDP on loopback, with the CPU of the endpoint's thread as the kernel counts it.
//! `cargo bench --bench sip_endpoint`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark has threads, sockets and a clock")]

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use askonce::random::Random;
use askonce::sip::endpoint::{Config, Door, Endpoint, Event, Output};
use askonce::sip::{Hop, Locals};
use askonce::time::{Duration, Instant};
use meter::Work;

mod meter;

/// From call to call: at 1,000 calls a second some 32,000 finished transactions wait for their timers.
const GAP: Duration = Duration::from_millis(1);
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

fn main() {
    let mut calls = Calls::new();
    // Until as many transactions die as begin.
    (0..40_000).for_each(|_| calls.play());
    let minima =
        meter::measure(&mut [Work { name: "a call through the endpoint", times: 100, once: &mut || calls.play() }]);
    let (dialogs, transactions) = calls.endpoint.load();
    println!(
        "\n{:.1} ms of CPU for 1,000 calls; {dialogs} dialogs and {transactions} transactions live",
        minima[0] / 1e3
    );
    println!("{:.1} ms of CPU for 1,000 calls over UDP sockets, of this one thread", over_sockets(200_000));
}

/// Milliseconds of CPU that 1,000 calls cost the thread of an endpoint that answers each INVITE at once.
fn over_sockets(calls: u64) -> f64 {
    let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (server, phone) = (bind(), bind());
    phone.connect(server.local_addr().expect("an address")).expect("a peer");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let spent = scope.spawn(|| serve(&server, &over));
        play_over(&phone, calls);
        over.store(true, Ordering::Relaxed);
        phone.send(b"\r\n\r\n").expect("it wakes up");
        spent.join().expect("it served") / calls as f64 * 1e3
    })
}

/// Answers calls until `over`; the milliseconds of CPU that this thread spent.
fn serve(socket: &UdpSocket, over: &AtomicBool) -> f64 {
    let mut calls = Calls::at(Hop::udp(socket.local_addr().expect("an address")));
    let began = std::time::Instant::now();
    let mut datagram = [0; 4096];
    while !over.load(Ordering::Relaxed) {
        let (length, from) = socket.recv_from(&mut datagram).expect("a datagram");
        let now = Instant::ZERO + began.elapsed();
        calls.endpoint.on_deadline(now);
        calls.endpoint.on_message(now, Hop::udp(from), &datagram[..length], Door::Open);
        while let Some(output) = calls.endpoint.poll() {
            match output {
                Output::Send { to, bytes } => {
                    socket.send_to(&bytes, to.address).expect("room to send");
                }
                Output::Event(Event::Invite { dialog, .. }) => {
                    calls.endpoint.accept(now, dialog, SDP.to_vec()).expect("it can be answered");
                }
                Output::Event(_) => {}
            }
        }
    }
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    counted.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).expect("a number") / 1e6
}

/// Plays so many calls, a few at a time.
fn play_over(socket: &UdpSocket, calls: u64) {
    let send = |text: String| assert_eq!(socket.send(text.as_bytes()).ok(), Some(text.len()));
    let (mut begun, mut ended) = (0, 0);
    let mut datagram = [0; 4096];
    while ended < calls {
        while begun < calls && begun - ended < 16 {
            begun += 1;
            send(request(begun, "INVITE", 1, ""));
        }
        let length = socket.recv(&mut datagram).expect("a datagram");
        let text = std::str::from_utf8(&datagram[..length]).expect("text");
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect("a header");
        let call = field("Call-ID: ").split('@').next().and_then(|call| call.parse().ok()).expect("a number");
        match (&text[8..11], field("CSeq: ").contains("INVITE")) {
            ("200", true) => ["ACK", "BYE"].into_iter().zip([1, 2]).for_each(|(method, cseq)| {
                send(request(call, method, cseq, &to_tag(text.as_bytes())));
            }),
            ("200", false) => ended += 1,
            _ => {}
        }
    }
}

struct Calls {
    endpoint: Endpoint,
    now: Instant,
    played: u64,
    caller: Hop,
}

impl Calls {
    fn new() -> Calls {
        Calls::at(Hop::udp(([192, 0, 2, 10], 5060).into()))
    }

    fn at(local: Hop) -> Calls {
        let config = Config {
            locals: Locals::new([local]),
            user_agent: "askonce".to_owned(),
            max_transactions: 1_000_000,
            max_dialogs: 10_000,
        };
        let endpoint = Endpoint::new(config, Random::from_seed(1)).expect("a sound name");
        Calls { endpoint, now: Instant::ZERO, played: 0, caller: Hop::udp(([192, 0, 2, 20], 5060).into()) }
    }

    /// One call, answered and hung up by its caller at once.
    fn play(&mut self) {
        self.played += 1;
        self.now = self.now + GAP;
        self.endpoint.on_deadline(self.now);
        self.hear("INVITE", 1, "");
        let (mut sent, mut call) = (0, None);
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { .. } => sent += 1,
                Output::Event(Event::Invite { dialog, .. }) => call = Some(dialog),
                Output::Event(event) => panic!("{event:?}"),
            }
        }
        let dialog = call.expect("a call");
        self.endpoint.accept(self.now, dialog, SDP.to_vec()).expect("it can be answered");
        let tag = loop {
            if let Some(Output::Send { bytes, .. }) = self.endpoint.poll() {
                break to_tag(&bytes);
            }
        };
        self.hear("ACK", 1, &tag);
        self.hear("BYE", 2, &tag);
        let mut ended = false;
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { .. } => sent += 1,
                Output::Event(event) => ended |= matches!(event, Event::Bye { .. }),
            }
        }
        assert!(ended && sent == 1, "the 200 to the BYE, and the call is over");
    }

    fn hear(&mut self, method: &str, cseq: u32, tag: &str) {
        let message = request(self.played, method, cseq, tag);
        self.endpoint.on_message(self.now, self.caller, message.as_bytes(), Door::Open);
    }
}

/// What a phone sends; the CPU to write it is a part of what is measured.
fn request(call: u64, method: &str, cseq: u32, tag: &str) -> String {
    let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let body = if method == "INVITE" { std::str::from_utf8(SDP).expect("text") } else { "" };
    format!(
        "{method} sip:ivr@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5060;rport;branch=z9hG4bK{method}{call}\r\n\
         Max-Forwards: 70\r\nFrom: \"Caller\" <sip:+491701234567@192.0.2.20>;tag=c{call}\r\n\
         To: <sip:ivr@192.0.2.10>{tag}\r\nCall-ID: {call}@192.0.2.20\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:+491701234567@192.0.2.20:5060>\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\n\
         User-Agent: phone\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The tag that the response has in its To.
fn to_tag(response: &[u8]) -> String {
    let text = std::str::from_utf8(response).expect("text");
    let to = text.lines().find(|line| line.starts_with("To:")).expect("a To");
    to.rsplit_once("tag=").expect("a tag").1.to_owned()
}
