//! Building the INVITE of a new call. Same fields and same seed, same bytes: a recording holds the request as sent.

use super::endpoint::session_timer::INTERVAL;
use super::hop::{Hop, Transport};
use super::message::{BadHeader, Headers, Method, Request};
use super::multipart;
use super::name_addr::quoted;
use super::uri::Uri;
use super::via::MAGIC_COOKIE;
use crate::random::Random;

/// A larger request goes by a transport that watches for congestion (RFC 3261 section 18.1.1).
pub const MAX_DATAGRAM: usize = 1_300;

/// What we serve, for Allow (RFC 3261 section 20.5). No REFER: a caller's transfer is refused.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE";
/// Which extensions we know, for Supported, and for Require of others (RFC 3262, RFC 4028).
pub(super) const SUPPORTED: &str = "100rel, timer";
/// A re-INVITE or UPDATE of ours has nobody who would PRACK.
pub(super) const SUPPORTED_IN_DIALOG: &str = "timer";

/// An INVITE to be built.
#[derive(Clone)]
pub struct Invite {
    /// Our own address as the peer reaches it: it goes into Via and Contact.
    pub local: Hop,
    /// Request-URI and To.
    pub target: Uri,
    /// Display name of From; may be empty.
    pub display: String,
    pub from: Uri,
    /// Further headers, of names that the builder does not write itself.
    pub headers: Vec<(String, String)>,
    /// The offer; empty for none (the answer of the peer then holds it).
    pub sdp: Vec<u8>,
    /// JSON that goes beside the offer, for a peer that takes bodies of several parts; others refuse the call.
    pub beside: Option<String>,
    pub user_agent: String,
    /// 70, or one less than the call that this one goes on for (RFC 3261 section 8.1.1.6).
    pub max_forwards: u8,
}

/// The headers that are the builder's own.
const RESERVED: [&str; 23] = [
    "MIME-Version",
    "Via",
    "v",
    "From",
    "f",
    "To",
    "t",
    "Call-ID",
    "i",
    "CSeq",
    "Contact",
    "m",
    "Max-Forwards",
    "Content-Length",
    "l",
    "Content-Type",
    "c",
    "Allow",
    "Supported",
    "k",
    "Session-Expires",
    "x",
    "Min-SE",
];

impl Invite {
    /// The whole request, with fresh branch, From tag and Call-ID. Refused: control bytes in any value, headers that
    /// the builder writes itself, a target with URI headers.
    pub fn build(&self, random: &mut Random) -> Result<Request, BadHeader> {
        if !self.target.headers().is_empty() {
            return Err(BadHeader("headers in the Request-URI"));
        }
        let mut headers = Headers::default();
        headers.put("Via", via(self.local, random));
        headers.put("Max-Forwards", self.max_forwards.to_string());
        let display = if self.display.is_empty() { String::new() } else { quoted(&self.display) + " " };
        headers.push("From", format!("{display}<{}>;tag={}", self.from, random.token()))?;
        headers.push("To", format!("<{}>", self.target))?;
        headers.put("Call-ID", random.token() + &random.token());
        headers.put("CSeq", "1 INVITE");
        headers.put("Contact", contact(self.local));
        headers.put("Allow", ALLOW);
        headers.put("Supported", SUPPORTED);
        headers.put("Session-Expires", INTERVAL.to_string());
        headers.push("User-Agent", &*self.user_agent)?;
        for (name, value) in &self.headers {
            if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
                return Err(BadHeader("a header that the builder writes itself"));
            }
            headers.push(name, &**value)?;
        }
        let mut body = self.sdp.clone();
        match &self.beside {
            Some(json) => {
                let boundary = random.token();
                body = multipart::mixed(&boundary, &self.sdp, json);
                headers.put("MIME-Version", "1.0");
                headers.put("Content-Type", format!("multipart/mixed;boundary={boundary}"));
            }
            None if !body.is_empty() => headers.put("Content-Type", "application/sdp"),
            None => {}
        }
        Ok(Request { method: Method::Invite, uri: self.target.clone(), headers, body })
    }
}

/// A Via of ours with a new branch, asking for `rport` (RFC 3581 section 3).
pub(super) fn via(local: Hop, random: &mut Random) -> String {
    let transport = local.transport.as_str().to_ascii_uppercase();
    format!("SIP/2.0/{transport} {};rport;branch={MAGIC_COOKIE}{}", local.address, random.token())
}

/// Our Contact: UDP is what a URI means that names no transport (RFC 3263 section 4.1).
pub(super) fn contact(local: Hop) -> String {
    match local.transport {
        Transport::Udp => format!("<sip:{}>", local.address),
        transport => format!("<sip:{};transport={}>", local.address, transport.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Message, wire};

    impl Invite {
        pub(in crate::sip) fn default_for_tests() -> Invite {
            let uri = Uri::read("sip:agent@192.0.2.2").unwrap();
            Invite {
                local: Hop::udp("192.0.2.1:5060".parse().unwrap()),
                target: uri.clone(),
                display: "Caller \"A\"".into(),
                from: uri,
                headers: vec![("User-to-User".into(), "04616263;encoding=hex".into())],
                sdp: b"v=0\r\n".to_vec(),
                beside: None,
                user_agent: "askonce".into(),
                max_forwards: 70,
            }
        }
    }

    #[test]
    fn the_same_seed_builds_the_same_bytes_and_they_read_back() {
        let build = |seed| Invite::default_for_tests().build(&mut Random::from_seed(seed)).unwrap().to_bytes();
        assert_eq!(build(1), build(1));
        assert_ne!(build(1), build(2));
        let Ok(Message::Request(read)) = wire::read(&build(1)) else { panic!("does not read") };
        let head = read.headers.head().unwrap();
        assert_eq!((&*head.from.display, head.cseq, head.to.tag()), ("Caller \"A\"", 1, None));
        assert_eq!(read.headers.get("User-to-User"), Some("04616263;encoding=hex"));
        assert_eq!(read.body, b"v=0\r\n");
        assert!(String::from_utf8(build(1)).unwrap().contains("\r\nContent-Length: 5\r\n\r\n"));
    }

    #[test]
    fn forged_lines_and_doubled_headers_are_refused() {
        let header = |name: &str, value: &str| Invite {
            headers: vec![(name.into(), value.into())],
            ..Invite::default_for_tests()
        };
        let cases = [
            header("X-A", "1\r\nX-B: 2"),
            header("X-A: b\r\nX-B", "2"),
            header("contact", "<sip:x@y>"),
            header("F", "<sip:x@y>"),
            Invite { display: "x\r\nX: 1".into(), ..Invite::default_for_tests() },
            Invite { user_agent: "x\n".into(), ..Invite::default_for_tests() },
            Invite { target: Uri::read("sip:a@b?X=1").unwrap(), ..Invite::default_for_tests() },
        ];
        for invite in cases {
            assert!(invite.build(&mut Random::from_seed(1)).is_err());
        }
    }
}
