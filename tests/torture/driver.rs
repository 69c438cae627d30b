//! Sends one message and hears what comes back, until an OPTIONS sent after it has its answer: the server answers in
//! order, so nothing has to be waited for where nothing may come.

use askonce::sip::framing::{Frame, Framer};
use askonce::sip::glance::glance;
use askonce::sip::{Headers, Message, Method, Request, Via, wire};
use askonce::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::ops::Range;

/// Whoever does not answer for so long is dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// What carries the messages.
pub enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Framer),
}

impl Wire {
    pub fn udp(server: SocketAddr) -> Wire {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server).expect("its peer");
        socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        Wire::Udp(socket)
    }

    pub fn tcp(server: SocketAddr) -> Wire {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        Wire::Tcp(stream, Framer::default())
    }

    fn send(&mut self, bytes: &[u8]) {
        match self {
            Wire::Udp(socket) => assert_eq!(socket.send(bytes).expect("sent"), bytes.len()),
            Wire::Tcp(stream, _) => stream.write_all(bytes).expect("sent"),
        }
    }

    /// The next response; `None` where the server has closed the connection in order.
    fn receive(&mut self) -> Option<String> {
        match self {
            Wire::Udp(socket) => {
                let mut datagram = [0; 65_535];
                let length = socket.recv(&mut datagram).expect("an answer before the patience ends");
                Some(String::from_utf8_lossy(&datagram[..length]).into_owned())
            }
            Wire::Tcp(stream, framer) => loop {
                match framer.frame() {
                    Some(Frame::Message(bytes)) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                    Some(other) => panic!("{other:?} from the server"),
                    None => {}
                }
                let mut chunk = [0; 4096];
                match stream.read(&mut chunk).expect("an answer before the patience ends") {
                    0 => return None,
                    length => framer.push(&chunk[..length]),
                }
            },
        }
    }
}

/// Plays messages to a server, one after the other.
pub struct Driver {
    wire: Wire,
    /// Names the signs of life, which no other driver of the same server may use again.
    name: String,
    played: usize,
    /// INVITEs that made calls, and their 200s. They get no ACK, and so no audio goes to where their descriptions say.
    calls: Vec<(Request, String)>,
}

/// What came back.
pub struct Heard {
    pub responses: Vec<String>,
    /// The server closed the connection, with what was left on it.
    pub closed: bool,
}

impl Driver {
    pub fn new(wire: Wire, name: &str) -> Driver {
        Driver { wire, name: name.to_owned(), played: 0, calls: Vec::new() }
    }

    /// Sends the message, and gives every response to it: those before the answer to a sign of life, and so many in any
    /// case, for the engine asks its shell for media sockets before it answers a call. A 100 comes only if that takes
    /// long, and is no answer.
    pub fn play(&mut self, message: &[u8], awaited: usize) -> Heard {
        self.played += 1;
        let probe = format!("alive-{}-{}", self.name, self.played);
        self.wire.send(message);
        self.wire.send(options(&probe).as_bytes());
        let (mut responses, mut alive, mut closed) = (Vec::<String>::new(), false, false);
        while !closed && (!alive || responses.len() < awaited) {
            match self.receive() {
                None => closed = true,
                Some(response) if response.contains(&format!("Call-ID: {probe}\r\n")) => {
                    assert_eq!(status(&response), 200, "the sign of life: {response}");
                    alive = true;
                }
                Some(response) if status(&response) == 100 => {}
                Some(response) => responses.push(response),
            }
        }
        let invite = responses.last().and_then(|response| request_of(message, response));
        if let (Some(request), Some(response)) = (invite, responses.last())
            && request.method == Method::Invite
        {
            match status(response) {
                200 => self.calls.push((request, response.clone())),
                _ if closed => {}
                _ => self.wire.send(&following(&request, Method::Ack, response)),
            }
        }
        Heard { responses, closed }
    }

    /// Sends a message whose end never comes: not a word is said of it, and the connection ends with ours.
    pub fn leave_unfinished(mut self, file: &str, message: &[u8]) {
        self.wire.send(message);
        let Wire::Tcp(stream, _) = &self.wire else { panic!("{file}: a datagram has its end") };
        stream.shutdown(Shutdown::Write).expect("the end of our side");
        assert_eq!(self.wire.receive(), None, "{file}");
    }

    /// Ends the calls that are still up.
    pub fn hang_up(&mut self) {
        let ends: Vec<_> = self.calls.iter().map(|(invite, ok)| following(invite, Method::Bye, ok)).collect();
        for bye in ends {
            self.wire.send(&bye);
            let response = self.receive().expect("an open connection");
            assert!(status(&response) == 200 && response.contains(" BYE\r\n"), "{response}");
        }
    }

    /// The next response that is no 200 of a call once more, for want of an ACK.
    fn receive(&mut self) -> Option<String> {
        loop {
            let response = self.wire.receive()?;
            if self.calls.iter().all(|(_, ok)| *ok != response) {
                return Some(response);
            }
        }
    }
}

fn options(name: &str) -> String {
    format!(
        "OPTIONS sip:ivr@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{name}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:torture@127.0.0.1>;tag=1\r\nTo: <sip:ivr@127.0.0.1>\r\nCall-ID: {name}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

pub fn status(response: &str) -> u16 {
    let status = response.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
    status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status line: {response}"))
}

/// What a refusal has to say besides its status.
const DETAILS: [(u16, &str); 4] = [
    (405, "Allow: INVITE, "),
    (415, "Accept: application/sdp, multipart/mixed\r\n"),
    (420, "Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"),
    (501, "Allow: INVITE, "),
];

/// The topmost Via says where the request really came from, and it alone; the others come back as they were.
pub fn check_response(file: &str, message: &[u8], response: &str) {
    for (_, detail) in DETAILS.iter().filter(|(wanted, _)| *wanted == status(response)) {
        assert!(response.contains(&format!("\r\n{detail}")), "{file}: {response}");
    }
    let Some(request) = request_of(message, response) else { return };
    let vias: Vec<&str> = response.lines().filter_map(|line| line.strip_prefix("Via: ")).collect();
    assert_eq!(vias.len(), request.headers.all("Via").count(), "{file}: {response}");
    let received: Vec<&str> = vias[0].split(';').filter_map(|part| part.strip_prefix("received=")).collect();
    assert_eq!(received, ["127.0.0.1"], "{file}: {response}");
    assert!(vias[1..].iter().copied().eq(request.headers.all("Via").skip(1)), "{file}: {response}");
}

/// The request that a response is to, if that can be read: over a stream one message may turn out to be several.
fn request_of(message: &[u8], response: &str) -> Option<Request> {
    let mut framer = Framer::default();
    framer.push(message);
    std::iter::from_fn(|| framer.frame()).find_map(|frame| {
        let (Frame::Message(bytes) | Frame::Lost(bytes)) = frame else { return None };
        let call_id = |bytes| glance(bytes).map(|seen| seen.call_id.to_vec());
        match wire::read(&bytes) {
            Ok(Message::Request(request)) if call_id(&bytes) == call_id(response.as_bytes()) => Some(request),
            Ok(_) | Err(_) => None,
        }
    })
}

/// The ACK of a refused INVITE, or the BYE of the call that it made.
fn following(invite: &Request, method: Method, response: &str) -> Vec<u8> {
    let Ok(Message::Response(response)) = wire::read(response.as_bytes()) else { panic!("{response}") };
    let header = |name: &'static str| response.headers.get(name).expect(name).to_owned();
    let cseq = response.headers.head().expect("a sound response").cseq;
    let (cseq, via) = match method {
        // RFC 3261 section 17.1.1.3: the ACK of a refusal has the Via of its INVITE.
        Method::Ack => (cseq, invite.headers.get("Via").expect("a Via").to_owned()),
        _ => (cseq + 1, format!("SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKbye{cseq}")),
    };
    let mut headers = Headers::default();
    for (name, value) in [
        ("Via", via),
        ("From", header("From")),
        ("To", header("To")),
        ("Call-ID", header("Call-ID")),
        ("CSeq", format!("{cseq} {method}")),
        ("Max-Forwards", "70".to_owned()),
    ] {
        headers.push(name, value).expect(name);
    }
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }.to_bytes()
}

/// The request with `rport` in its topmost Via (RFC 3581), if that can be read and does not ask for it: without it the
/// answer goes to port 5060 or whichever the Via names, where a test cannot listen. The rest of the message, and all
/// that the verdicts are on, stays as the RFC has it.
pub fn asking_rport(message: &[u8]) -> Vec<u8> {
    let Some(Range { start, end }) = top_via(message).filter(|_| !message.starts_with(b"SIP/")) else {
        return message.to_vec();
    };
    let value = String::from_utf8_lossy(&message[start..end]).replace("\r\n", " ");
    match Via::read(value.trim()) {
        Ok(via) if via.param("rport").is_none() => [&message[..end], b";rport", &message[end..]].concat(),
        Ok(_) | Err(_) => message.to_vec(),
    }
}

/// The place of the topmost Via value: it ends at a comma, or with its line and the foldings of that.
fn top_via(message: &[u8]) -> Option<Range<usize>> {
    let mut line_start = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let name = line[..colon].trim_ascii_end();
        if name.eq_ignore_ascii_case(b"Via") || name.eq_ignore_ascii_case(b"v") {
            let start = line_start + colon + 1;
            let folded = |at: usize| matches!(message.get(at + 2), Some(b' ' | b'\t'));
            let ends = |at: &usize| message[*at] == b',' || message[*at] == b'\r' && !folded(*at);
            return (start..message.len()).find(ends).map(|end| start..end);
        }
        line_start += line.len();
    }
    None
}
