//! A caller's side of SIP over a stream, by hand: what is written together and what apart is a test's choice.

use askonce::sip::framing::{Frame, Framer};
use std::io::{Read, Write};
use std::net::SocketAddr;

pub trait Bytes: Read + Write {}
impl<S: Read + Write> Bytes for S {}

/// A connection, and the one call that is made over it.
pub struct Line {
    stream: Box<dyn Bytes>,
    framer: Framer,
    server: SocketAddr,
    local: SocketAddr,
    transport: &'static str,
    /// From the answer to the INVITE on: `;tag=...`
    to_tag: String,
}

impl Line {
    pub fn over(stream: Box<dyn Bytes>, transport: &'static str, server: SocketAddr, local: SocketAddr) -> Line {
        Line { stream, framer: Framer::default(), server, local, transport, to_tag: String::new() }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).expect("written");
    }

    /// What the server sends next, be it a message or not.
    pub fn read(&mut self, bytes: &mut [u8]) -> usize {
        self.stream.read(bytes).expect("something before the patience ends")
    }

    /// The next message.
    pub fn message(&mut self) -> String {
        loop {
            match self.framer.frame() {
                Some(Frame::Message(bytes)) => return String::from_utf8(bytes).expect("text"),
                Some(other) => panic!("{other:?} from the server"),
                None => {}
            }
            let mut chunk = [0; 4096];
            let length = self.read(&mut chunk);
            assert!(length > 0, "the server closed the connection");
            self.framer.push(&chunk[..length]);
        }
    }

    /// The final response to a request. An answer that comes once more is none to another request.
    pub fn answer(&mut self, cseq: &str) -> String {
        loop {
            let message = self.message();
            if message.contains(&format!("\r\nCSeq: {cseq}\r\n")) && !message.starts_with("SIP/2.0 1") {
                return message;
            }
        }
    }

    /// Waits for a 200, and remembers whom it is from.
    pub fn accepted(&mut self, cseq: &str) {
        let answer = self.answer(cseq);
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
        let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To");
        self.to_tag = to[to.find(";tag=").expect("a tag")..].to_owned();
    }

    /// A request of the call, as bytes.
    pub fn request(&self, number: u32, method: &str, more: &str, body: &str) -> String {
        let Line { server, local, transport, to_tag, .. } = self;
        format!(
            "{method} sip:+18005550100@{server} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch=z9hG4bK{method}{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+15551230001@{local}>;tag=1\r\nTo: <sip:+18005550100@{server}>{to_tag}\r\n\
             Call-ID: call-{local}\r\nCSeq: {number} {method}\r\nContact: <sip:+15551230001@{local};transport={transport}>\r\n\
             {more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// With the offer of a caller who is silent: nobody has that port for media.
    pub fn invite(&self) -> String {
        self.request(1, "INVITE", "Content-Type: application/sdp\r\n", &offer(self.local))
    }
}

pub fn offer(at: SocketAddr) -> String {
    let family = if at.is_ipv4() { "IP4" } else { "IP6" };
    let ip = at.ip();
    format!("v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n")
}
