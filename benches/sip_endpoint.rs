//! Whole calls through one endpoint without sockets: INVITE, 200, ACK, BYE, 200, on a virtual clock that lets
//! the transactions die. `cargo bench --bench sip_endpoint`

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
}

struct Calls {
    endpoint: Endpoint,
    now: Instant,
    played: u64,
    caller: Hop,
}

impl Calls {
    fn new() -> Calls {
        let hop = |host: u8| Hop::udp(([192, 0, 2, host], 5060).into());
        let config = Config {
            locals: Locals::new([hop(10)]),
            user_agent: "askonce".to_owned(),
            max_transactions: 200_000,
            max_dialogs: 10_000,
        };
        let endpoint = Endpoint::new(config, Random::from_seed(1)).expect("a sound name");
        Calls { endpoint, now: Instant::ZERO, played: 0, caller: hop(20) }
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
