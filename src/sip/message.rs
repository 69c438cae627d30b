//! Requests, responses and their headers: values, and their bytes on the wire.

use std::fmt;
use std::io::Write;
use std::ops::Range;

use super::name_addr::NameAddr;
use super::params;
use super::uri::Uri;
use super::via::Via;

pub enum Message {
    Request(Request),
    Response(Response),
}

#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: Headers,
    pub body: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    /// The request as it is sent. Content-Length comes last and is always the body's own length.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(format_args!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }
}

impl Response {
    /// The response as it is sent. Content-Length comes last and is always the body's own length.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(format_args!("SIP/2.0 {} {}", self.status, self.reason), &self.headers, &self.body)
    }
}

fn to_bytes(start: fmt::Arguments<'_>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(768 + body.len());
    // Writing into a Vec cannot fail.
    let _ = write!(bytes, "{start}\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| *name != "Content-Length") {
        for part in [name, ": ", value, "\r\n"] {
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    let _ = write!(bytes, "Content-Length: {}\r\n\r\n", body.len());
    bytes.extend_from_slice(body);
    bytes
}

macro_rules! methods {
    ($($variant:ident $token:literal,)*) => {
        /// A method; the token is case-sensitive (RFC 3261 section 7.1).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Method {
            $($variant,)*
            /// Any other token.
            Other(String),
        }

        impl Method {
            pub fn of(token: &str) -> Method {
                match token {
                    $($token => Method::$variant,)*
                    _ => Method::Other(token.to_owned()),
                }
            }

            pub fn as_str(&self) -> &str {
                match self {
                    $(Method::$variant => $token,)*
                    Method::Other(token) => token,
                }
            }
        }
    };
}

methods! {
    Invite "INVITE", Ack "ACK", Bye "BYE", Cancel "CANCEL", Options "OPTIONS", Info "INFO", Update "UPDATE",
    Prack "PRACK", Register "REGISTER", Subscribe "SUBSCRIBE", Notify "NOTIFY", Refer "REFER", Message "MESSAGE",
    Publish "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The headers in the order of the message. Names are asked for in full, in any case; compact names were
/// resolved when the message was read. All values are in one text: two allocations for a message, however many headers.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    text: String,
    list: Vec<Header>,
}

#[derive(Clone, PartialEq, Eq)]
struct Header {
    name: Name,
    /// Where it is in the text.
    value: Range<usize>,
}

#[derive(Clone, PartialEq, Eq)]
enum Name {
    /// As we write it, however it was written.
    Known(&'static str),
    /// Where it is in the text.
    Other(Range<usize>),
}

/// Why a header of ours was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader(pub &'static str);

impl Headers {
    /// Empty, with room for a message whose head has this length.
    pub(super) fn with_room(length: usize) -> Headers {
        Headers { text: String::with_capacity(length), list: Vec::with_capacity(24) }
    }

    /// The first value under `name`.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value under `name`. Via, Route, Record-Route, Contact and P-Asserted-Identity come one by one, other lists as written.
    pub fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    /// The elements of all comma-separated lists under `name`.
    pub fn tokens<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|list| params::split(list, b',')).filter(|token| !token.is_empty())
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|header| {
            let name = match &header.name {
                Name::Known(name) => name,
                Name::Other(name) => &self.text[name.clone()],
            };
            (name, &self.text[header.value.clone()])
        })
    }

    /// Adds a header of ours. Refused: a name that is no token, and control bytes in the value, which could end
    /// the line and forge another header.
    pub fn push(&mut self, name: &str, value: impl AsRef<str>) -> Result<(), BadHeader> {
        let value = value.as_ref();
        if !is_token(name.as_bytes()) {
            return Err(BadHeader("a header name that is no token"));
        }
        if value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(BadHeader("a control byte in a header value"));
        }
        self.put(name, value);
        Ok(())
    }

    /// Adds a header whose value was read off the wire or is made of numbers and tokens of ours.
    pub(super) fn put(&mut self, name: &str, value: impl AsRef<str>) {
        let name = known(name).map_or_else(|| Name::Other(self.keep(name)), Name::Known);
        let value = self.keep(value.as_ref());
        self.list.push(Header { name, value });
    }

    fn keep(&mut self, part: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(part);
        start..self.text.len()
    }

    /// Reads what every message must have (RFC 3261 section 8.1.1). The error is the reason, for a 400.
    pub fn head(&self) -> Result<Head<'_>, &'static str> {
        let (mut via, mut from, mut to, mut call_id, mut cseq) = (None, None, None, None, None);
        for (name, value) in self.iter() {
            let slot = match name {
                "Via" => {
                    via = via.or(Some(value));
                    continue;
                }
                "From" => &mut from,
                "To" => &mut to,
                "Call-ID" => &mut call_id,
                "CSeq" => &mut cseq,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err("From, To, Call-ID or CSeq is there twice");
            }
        }
        let (cseq, method) = read_cseq(cseq.ok_or("no CSeq")?)?;
        Ok(Head {
            via: Via::read(via.ok_or("no Via")?)?,
            from: NameAddr::read(from.ok_or("no From")?)?,
            to: NameAddr::read(to.ok_or("no To")?)?,
            call_id: call_id.filter(|id| !id.is_empty()).ok_or("no Call-ID")?,
            cseq,
            method,
        })
    }

    /// The one value of a header that may be there once at most, with `head`'s five watched there.
    pub(super) fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, &'static str> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { Err("a header is there twice that may be there once") } else { Ok(first) }
    }
}

/// What identifies a message (RFC 3261 section 8.1.1), read.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// The topmost Via.
    pub via: Via<'a>,
    pub from: NameAddr<'a>,
    pub to: NameAddr<'a>,
    pub call_id: &'a str,
    pub cseq: u32,
    /// The method of CSeq.
    pub method: Method,
}

fn read_cseq(value: &str) -> Result<(u32, Method), &'static str> {
    let (number, method) = value.split_once([' ', '\t']).ok_or("a CSeq without a method")?;
    // RFC 3261 section 8.1.1.5: less than 2**31.
    let number = number.parse().ok().filter(|&number: &u32| number < 1 << 31).ok_or("not a CSeq number")?;
    Ok((number, Method::of(method.trim_ascii())))
}

/// RFC 3261 section 25.1, `token`.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

/// Names as we write them, and their compact letters (RFC 3261 section 20, RFC 3515, 3841, 3892, 4028, 6665, 8224); the
/// frequent ones first.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("CSeq", ""), ("Contact", "m"), ("Max-Forwards", ""),
    ("Content-Length", "l"), ("Content-Type", "c"), ("Record-Route", ""), ("Route", ""), ("Allow", ""),
    ("Supported", "k"), ("Require", ""), ("User-Agent", ""), ("Server", ""), ("Accept", ""), ("Accept-Encoding", ""),
    ("Accept-Language", ""), ("Alert-Info", ""), ("Authentication-Info", ""), ("Authorization", ""),
    ("Call-Info", ""), ("Content-Disposition", ""), ("Content-Encoding", "e"), ("Content-Language", ""), ("Date", ""),
    ("Error-Info", ""), ("Event", "o"), ("Expires", ""), ("In-Reply-To", ""), ("MIME-Version", ""),
    ("Min-Expires", ""), ("Organization", ""), ("Priority", ""), ("Proxy-Authenticate", ""),
    ("Proxy-Authorization", ""), ("Proxy-Require", ""), ("Reply-To", ""), ("Retry-After", ""), ("Subject", "s"),
    ("Subscription-State", ""), ("Timestamp", ""), ("Unsupported", ""), ("Warning", ""), ("WWW-Authenticate", ""),
    ("Refer-To", "r"), ("Referred-By", "b"), ("Session-Expires", "x"), ("Allow-Events", "u"), ("Accept-Contact", "a"),
    ("Reject-Contact", "j"), ("Request-Disposition", "d"), ("Identity", "y"),
];

/// The name as we write it, by any spelling of it.
fn known(name: &str) -> Option<&'static str> {
    let compact = name.len() == 1;
    let same = |(full, letter): &&(&str, &str)| name.eq_ignore_ascii_case(if compact { letter } else { full });
    NAMES.iter().find(same).map(|(full, _)| *full)
}

/// Without values: User-to-User and bodies may hold what the caller keyed in.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?} + {} bytes", self.method, self.uri, self.headers, self.body.len())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} + {} bytes", self.status, self.reason, self.headers, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case_and_lists_split() {
        let mut headers = Headers::default();
        headers.push("user-to-user", "00;encoding=hex").unwrap();
        headers.push("Supported", "timer, 100rel").unwrap();
        headers.push("k", "replaces").unwrap();
        headers.push("x", "90").unwrap();
        assert_eq!(headers.all("User-to-User").collect::<Vec<_>>(), ["00;encoding=hex"]);
        assert_eq!(headers.tokens("supported").collect::<Vec<_>>(), ["timer", "100rel", "replaces"]);
        assert_eq!(headers.get("Session-Expires"), Some("90"));
    }

    #[test]
    fn control_bytes_are_refused_and_values_not_printed() {
        let mut headers = Headers::default();
        for value in ["a\r\nX: 1", "a\n", "\0", "a\x7f", "\t"] {
            assert!(headers.push("X-A", value).is_err(), "{value:?}");
        }
        assert!(headers.push("X A", "a").is_err() && headers.push("", "a").is_err());
        assert_eq!(headers.iter().count(), 0);
        headers.push("X-Account", "79927398713").unwrap();
        assert_eq!(format!("{headers:?}"), r#"["X-Account"]"#);
    }

    #[test]
    fn the_length_written_is_the_body_s_own() {
        let mut headers = Headers::default();
        headers.put("Content-Length", "99");
        headers.put("Via", "x");
        let response = Response { status: 200, reason: "OK".into(), headers, body: b"ab".to_vec() };
        assert_eq!(response.to_bytes(), b"SIP/2.0 200 OK\r\nVia: x\r\nContent-Length: 2\r\n\r\nab");
    }
}
