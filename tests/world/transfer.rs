//! A caller's phone that is sent away: a UA written by hand takes the REFER and tells how it went.

use askonce::call::cdr::Cdr;
use askonce::config::{Config, Quick, RtpPorts};
use askonce::context::Received;
use askonce::context::carrier::Carrier;
use askonce::engine::{Engine, Input, MediaPorts, Output, Reserved, Setup};
use askonce::record::seam::Disposition;
use askonce::secret::Secret;
use askonce::server::files::{self, Files};
use askonce::sip::{Hop, Locals, Message, Request, Uri, wire};
use askonce::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FLOW: &str = "askonce: 1
flow: away
facts:
  account: { type: digits, length: 8, known: [uui.account] }
blocks:
  start:
    - transfer: clinic
      because: the clinic has its own menu
      needs: [account]
      else: lost
  lost:
    - say: sorry
    - hangup
";
const PROMPTS: &str = "ask: Your number\nsorry: Nobody is there\n";

/// A flow that is in no file.
struct Written;

impl Files for Written {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("away.yaml") => Ok(FLOW.into()),
            Some("en.yaml") => Ok(PROMPTS.into()),
            _ => Ok(include_bytes!("../../flows/prompts/en/welcome.wav").to_vec()),
        }
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let clips = ["ask.wav", "sorry.wav"].iter().filter(|_| folder.ends_with("en"));
        Ok(clips.map(|clip| folder.join(clip)).collect())
    }
}

/// The engine, and one phone's messages with it.
struct Line {
    engine: Engine,
    now: Instant,
    heard: Vec<Request>,
    cdrs: Vec<Cdr>,
    /// From, To and Call-ID of the phone's requests, once it is answered.
    head: String,
    cseq: u32,
}

fn phone() -> Hop {
    Hop::udp(SocketAddr::from(([127, 0, 0, 1], 6000)))
}

impl Line {
    fn answered() -> Line {
        Line::answered_with(&[], Config::clone)
    }

    /// With further targets of the transfer, and another configuration.
    fn answered_with(others: &[&str], tamper: fn(&Config) -> Config) -> Line {
        let (service, findings) = files::load(&Written, Path::new("away.yaml"));
        let service = service.unwrap_or_else(|| panic!("{}", findings.render()));
        let address = SocketAddr::from(([127, 0, 0, 1], 5060));
        let quick = Quick {
            flow: "away.yaml",
            destinations: &["clinic=sip:desk@127.0.0.1:7000".to_owned()],
            endpoints: &[],
            sip: address,
            rtp: RtpPorts { address: address.ip(), first: 20_000, last: 29_999 },
            http: address,
            store: "unused.db",
        };
        let mut config = Config::quick(&quick).expect("a sound configuration");
        config.destinations[0].to.extend(others.iter().map(|uri| Uri::read(uri).expect("a URI")));
        let config = tamper(&config);
        let locals = Locals::new([Hop::udp(address)]);
        let services = BTreeMap::from([("away".to_owned(), service)]);
        let engine = Engine::new(Setup {
            config: Arc::new(config),
            services,
            locals,
            credentials: BTreeMap::new(),
            pins: BTreeMap::new(),
            switches: BTreeMap::new(),
            seed: 1,
            keyring: askonce::keying::Keyring::new([9; 32]),
            record: false,
            sound: false,
            trace: false,
        });
        let now = Instant::from_micros(1_000_000);
        let mut line = Line { engine, now, heard: Vec::new(), cdrs: Vec::new(), head: String::new(), cseq: 1 };
        line.head = "From: <sip:+15551230001@127.0.0.1>;tag=p\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: c1".to_owned();
        let uui: String = b"account=79927398".iter().map(|octet| format!("{octet:02x}")).collect();
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
        line.says("INVITE", &format!("User-to-User: 04{uui};encoding=hex\r\nContent-Type: application/sdp\r\n"), sdp);
        line
    }

    fn says(&mut self, method: &str, headers: &str, body: &str) {
        let (head, cseq) = (&self.head, self.cseq);
        self.cseq += u32::from(method != "ACK");
        let cseq = if method == "ACK" { 1 } else { cseq };
        let text = format!(
            "{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bK{method}{cseq}\r\n{head}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:p@127.0.0.1:6000>\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.give(&text);
    }

    fn notify(&mut self, state: &str, status: &str) {
        self.notify_of("refer", state, status);
    }

    fn notify_of(&mut self, event: &str, state: &str, status: &str) {
        let headers = format!("Event: {event}\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n");
        self.says("NOTIFY", &headers, &format!("SIP/2.0 {status}\r\n"));
    }

    /// Answers the last request of that method that the phone heard.
    fn answers(&mut self, method: &str, status: &str) {
        let request = self.heard.iter().rfind(|request| request.method.as_str() == method).expect("it was heard");
        let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
        let lines = request.headers.iter().filter(|(name, _)| kept.contains(name));
        let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.give(&format!("SIP/2.0 {status}\r\n{lines}Content-Length: 0\r\n\r\n"));
    }

    fn give(&mut self, text: &str) {
        self.engine.handle(self.now, Input::Message { from: phone(), bytes: text.as_bytes() });
        self.drain();
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle(self.now, Input::Deadline);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        let now = self.now;
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send { bytes, .. } => match wire::read(&bytes) {
                    Ok(Message::Request(request)) => self.heard.push(request),
                    Ok(Message::Response(response))
                        if response.status == 200 && self.head.contains("127.0.0.1>\r\nCall") =>
                    {
                        let to = response.headers.get("To").expect("a To").to_owned();
                        self.head = format!("From: <sip:+15551230001@127.0.0.1>;tag=p\r\nTo: {to}\r\nCall-ID: c1");
                        self.says("ACK", "", "");
                    }
                    Ok(Message::Response(_)) => {}
                    Err(_) => panic!("the engine sends what can be read"),
                },
                Output::Record(_) | Output::Announce(_) => {}
                Output::Reserve { call } => {
                    let port = |port| SocketAddr::from(([127, 0, 0, 1], port));
                    let ports = MediaPorts { caller: port(20_000), agent: port(20_002) };
                    let at = "2026-12-01T10:15:00Z".parse().expect("a timestamp");
                    let reserved = Some(Reserved { ports, at, name: "call".to_owned() });
                    self.engine.handle(now, Input::Reserved { call, reserved });
                }
                Output::Mint { call } => {
                    let reference = Secret::new("0123456789abcdef0123456789abcdef");
                    self.engine.handle(now, Input::Minted { call, reference });
                }
                Output::Store(row) => {
                    self.engine.handle(now, Input::Stored { call: row.call, store: row.store, kept: true });
                }
                Output::Cdr { cdr, .. } => self.cdrs.push(*cdr),
                Output::Media(_)
                | Output::Recording(_)
                | Output::Lookup { .. }
                | Output::Leave { .. }
                | Output::Recall(_)
                | Output::Release { .. }
                | Output::Live(_)
                | Output::Dialog(_)
                | Output::OrphanGone { .. }
                | Output::Resolve { .. }
                | Output::Trace(_) => {}
            }
        }
    }

    fn methods(&self) -> Vec<&str> {
        self.heard.iter().map(|request| request.method.as_str()).collect()
    }

    fn disposition(&mut self) -> Disposition {
        self.pass(Duration::from_secs(60));
        self.cdrs[0].disposition
    }
}

#[test]
fn a_transferred_caller_takes_the_context_along() {
    let mut line = Line::answered();
    assert_eq!(line.methods(), ["REFER"]);
    let refer_to = line.heard[0].headers.get("Refer-To").expect("a Refer-To").to_owned();
    let (uri, uui) = refer_to.split_once("?User-to-User=04").expect("the context in the URI");
    assert_eq!(uri, "<sip:desk@127.0.0.1:7000");
    let account: String = b";account=79927398".iter().map(|octet| format!("{octet:02x}")).collect();
    assert!(uui.contains(&format!("{account}%3Bencoding%3Dhex")), "{refer_to}");
    line.answers("REFER", "202 Accepted");
    line.notify("active;expires=60", "100 Trying");
    line.notify("active;expires=60", "180 Ringing");
    assert_eq!(line.methods(), ["REFER"], "not before the other side answered");
    line.notify("terminated;reason=noresource", "200 OK");
    assert_eq!(line.methods(), ["REFER", "BYE"]);
    line.answers("BYE", "200 OK");
    assert_eq!(line.disposition(), Disposition::Transferred);
}

#[test]
fn without_refer_to_among_its_carriers_a_destination_gets_the_caller_alone() {
    let plain = |config: &Config| {
        let mut config = config.clone();
        config.destinations[0].carriers = vec![Carrier::UuiIsdn];
        config
    };
    let mut line = Line::answered_with(&[], plain);
    assert_eq!(line.heard[0].headers.get("Refer-To"), Some("<sip:desk@127.0.0.1:7000>"));
    assert_eq!(line.engine.counters().facts_not_carried, 1);
    line.answers("REFER", "202 Accepted");
    line.notify("terminated;reason=noresource", "200 OK");
    assert_eq!(line.disposition(), Disposition::Transferred);
    assert!(line.cdrs[0].hops[0].carriers.is_empty());
}

#[test]
fn a_failed_transfer_takes_the_call_back() {
    let refused = |line: &mut Line| line.answers("REFER", "603 Decline");
    let busy = |line: &mut Line| {
        line.answers("REFER", "202 Accepted");
        line.notify("terminated;reason=noresource", "486 Busy Here");
    };
    let silent = |line: &mut Line| {
        line.answers("REFER", "202 Accepted");
        line.pass(Duration::from_secs(40));
    };
    type Way<'a> = (&'a str, &'a dyn Fn(&mut Line), u16);
    let ways: [Way<'_>; 3] = [("refused", &refused, 603), ("busy", &busy, 486), ("silent", &silent, 408)];
    for (name, way, status) in ways {
        let mut line = Line::answered();
        way(&mut line);
        // The flow's else has taken the caller back; it hangs up when it has heard enough.
        assert_eq!(line.methods(), ["REFER"], "{name}");
        line.says("BYE", "", "");
        assert_eq!(line.disposition(), Disposition::AbandonedFlow, "{name}");
        assert_eq!(line.cdrs[0].refusals[0].status, status, "{name}");
    }
}

#[test]
fn a_caller_that_hangs_up_on_its_way_was_transferred() {
    let mut line = Line::answered();
    line.answers("REFER", "202 Accepted");
    line.says("BYE", "", "");
    assert_eq!(line.disposition(), Disposition::Transferred);
    assert_eq!(line.cdrs[0].hops[0].received, Received::Sent);
    let mut line = Line::answered();
    line.says("BYE", "", "");
    assert_eq!(line.disposition(), Disposition::AbandonedQueue, "its phone had not taken the REFER yet");
}

const OTHER: &str = "sip:other@127.0.0.1:7000";

#[test]
fn a_phone_that_takes_no_refer_is_not_asked_again() {
    let ways =
        [("405 No", 1), ("420 No", 1), ("489 No", 1), ("501 No", 1), ("603 No", 1), ("486 No", 2), ("404 No", 2)];
    for (status, refers) in ways {
        let mut line = Line::answered_with(&[OTHER], Config::clone);
        line.answers("REFER", status);
        assert_eq!(line.methods(), vec!["REFER"; refers], "{status}");
    }
}

#[test]
fn a_refer_without_an_answer_leaves_the_caller_to_the_flow() {
    let mut line = Line::answered_with(&[OTHER], Config::clone);
    line.pass(Duration::from_secs(60));
    assert!(line.heard.iter().all(|request| request.headers.get("CSeq") == Some("1 REFER")), "{:?}", line.methods());
    // The flow's `else` has it.
    line.says("BYE", "", "");
    assert_eq!(line.disposition(), Disposition::AbandonedFlow);
    assert_eq!(line.cdrs[0].refusals.iter().map(|refused| refused.status).collect::<Vec<_>>(), [408]);
}

#[test]
fn what_comes_of_an_earlier_target_does_not_decide_the_next_one() {
    let mut line = Line::answered_with(&[OTHER], Config::clone);
    line.answers("REFER", "202 Accepted");
    line.pass(Duration::from_secs(28));
    line.answers("REFER", "202 Accepted");
    assert_eq!(line.methods(), ["REFER", "REFER"]);
    line.notify("terminated;reason=noresource", "487 Request Terminated");
    line.notify_of("refer;id=2", "active", "180 Ringing");
    line.notify_of("refer;id=2", "terminated;reason=noresource", "200 OK");
    assert_eq!(line.methods(), ["REFER", "REFER", "BYE"]);
    assert_eq!(line.disposition(), Disposition::Transferred);
    let received: Vec<Received> = line.cdrs[0].hops.iter().map(|hop| hop.received).collect();
    assert_eq!(received, [Received::Failed, Received::Confirmed]);
}
