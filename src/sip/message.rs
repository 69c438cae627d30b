//! Requests, responses and their headers: values, and their bytes on the wire. The only door to `rsip`, of which
//! we use the header model and nothing else (its parsing loses or refuses much of what is legal).

use std::fmt;
use std::io::Write;

use rsip::Header;
use rsip::headers::UntypedHeader;

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
    for header in headers.0.iter().filter(|header| !matches!(header, Header::ContentLength(_))) {
        for part in [name(header), ": ", value(header), "\r\n"] {
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
/// resolved when the message was read.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(rsip::Headers);

/// Why a header of ours was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader(pub &'static str);

impl Headers {
    /// Empty, with room for as many headers as a message commonly has.
    pub(super) fn for_message() -> Headers {
        Headers(Vec::with_capacity(32).into())
    }

    /// The first value under `name`.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value under `name`. Via, Route, Record-Route, Contact and P-Asserted-Identity come one by one, other lists as written.
    pub fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |header| name(header).eq_ignore_ascii_case(wanted)).map(value)
    }

    /// The elements of all comma-separated lists under `name`.
    pub fn tokens<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|list| params::split(list, b',')).filter(|token| !token.is_empty())
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().count()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|header| (name(header), value(header)))
    }

    /// Adds a header of ours. Refused: a name that is no token, and control bytes in the value, which could end
    /// the line and forge another header.
    pub fn push(&mut self, name: &str, value: impl Into<String>) -> Result<(), BadHeader> {
        let value = value.into();
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
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(header(name, value.into()));
    }

    /// Reads what every message must have (RFC 3261 section 8.1.1). The error is the reason, for a 400.
    pub fn head(&self) -> Result<Head<'_>, &'static str> {
        let (mut via, mut from, mut to, mut call_id, mut cseq) = (None, None, None, None, None);
        for header in self.0.iter() {
            let (slot, value) = match header {
                Header::Via(value) => {
                    via = via.or(Some(value.value()));
                    continue;
                }
                Header::From(value) => (&mut from, value.value()),
                Header::To(value) => (&mut to, value.value()),
                Header::CallId(value) => (&mut call_id, value.value()),
                Header::CSeq(value) => (&mut cseq, value.value()),
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

macro_rules! names {
    ($($variant:ident $name:literal $($compact:literal)?,)* ; $($other:literal $letter:literal,)*) => {
        /// rsip's value for a header by any spelling of its name.
        fn header(name: &str, value: String) -> Header {
            $(if name.eq_ignore_ascii_case($name) $(|| name.eq_ignore_ascii_case($compact))? {
                return Header::$variant(UntypedHeader::new(value));
            })*
            $(if name.eq_ignore_ascii_case($letter) {
                return Header::Other($other.to_owned(), value);
            })*
            Header::Other(name.to_owned(), value)
        }

        fn name(header: &Header) -> &str {
            match header {
                $(Header::$variant(_) => $name,)*
                Header::Other(name, _) => name,
            }
        }

        fn value(header: &Header) -> &str {
            match header {
                $(Header::$variant(inner) => inner.value(),)*
                Header::Other(_, value) => value,
            }
        }
    };
}

// Variant of rsip, canonical name, compact letter; the frequent ones first. After the `;`: names that rsip does
// not know and their letters (RFC 3515, 3841, 3892, 4028, 6665, 8224).
names! {
    Via "Via" "v", From "From" "f", To "To" "t", CallId "Call-ID" "i", CSeq "CSeq", Contact "Contact" "m",
    MaxForwards "Max-Forwards", ContentLength "Content-Length" "l", ContentType "Content-Type" "c",
    RecordRoute "Record-Route", Route "Route", Allow "Allow", Supported "Supported" "k", Require "Require",
    UserAgent "User-Agent", Server "Server", Accept "Accept", AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language", AlertInfo "Alert-Info", AuthenticationInfo "Authentication-Info",
    Authorization "Authorization", CallInfo "Call-Info", ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" "e", ContentLanguage "Content-Language", Date "Date", ErrorInfo "Error-Info",
    Event "Event" "o", Expires "Expires", InReplyTo "In-Reply-To", MimeVersion "MIME-Version",
    MinExpires "Min-Expires", Organization "Organization", Priority "Priority",
    ProxyAuthenticate "Proxy-Authenticate", ProxyAuthorization "Proxy-Authorization", ProxyRequire "Proxy-Require",
    ReplyTo "Reply-To", RetryAfter "Retry-After", Subject "Subject" "s", SubscriptionState "Subscription-State",
    Timestamp "Timestamp", Unsupported "Unsupported", Warning "Warning", WwwAuthenticate "WWW-Authenticate", ;
    "Refer-To" "r", "Referred-By" "b", "Session-Expires" "x", "Allow-Events" "u", "Accept-Contact" "a",
    "Reject-Contact" "j", "Request-Disposition" "d", "Identity" "y",
}

/// Without values: User-to-User and bodies may hold what the caller keyed in.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(name)).finish()
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
