//! A URI as SIP uses it (RFC 3261 section 19.1, RFC 3966): kept as the text that was read, with its parts marked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::hop::{Hop, Transport};
use super::params;

/// `sip:`, `sips:` and `tel:` with their parts; any other scheme as mere text. `Display` is what was read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    user: Option<Range<usize>>,
    host: Range<usize>,
    port: Option<u16>,
    params: Range<usize>,
    headers: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// A scheme that we know nothing of (`mailto`, `isbn`, ...).
    Other,
}

impl Uri {
    /// Reads a whole `addr-spec`. The error is the reason, for a 400.
    pub fn read(text: &str) -> Result<Uri, &'static str> {
        if text.bytes().any(|b| b <= b' ' || matches!(b, b'<' | b'>' | b'"' | 0x7f)) {
            return Err("a URI with a blank, bracket, quote or control byte in it");
        }
        let (name, rest) = text.split_once(':').ok_or("a URI without a scheme")?;
        let mut uri = Uri {
            text: text.to_owned(),
            scheme: scheme(name)?,
            user: None,
            host: 0..0,
            port: None,
            params: 0..0,
            headers: 0..0,
        };
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.mark_sip(text, text.len() - rest.len())?,
            Scheme::Tel => uri.mark_tel(text, text.len() - rest.len())?,
            Scheme::Other => {}
        }
        Ok(uri)
    }

    /// `sip:user@host[:port]` of an address of ours; `user` may be empty.
    pub fn of(user: &str, host: SocketAddr) -> Result<Uri, &'static str> {
        if user.is_empty() { Uri::read(&format!("sip:{host}")) } else { Uri::read(&format!("sip:{user}@{host}")) }
    }

    fn mark_sip(&mut self, text: &str, start: usize) -> Result<(), &'static str> {
        // A raw `@` is legal once only, so the first one ends the user part; the user part may hold `;` and `?`.
        let host = match text[start..].find('@').map(|at| start + at) {
            Some(at) => {
                let password = text[start..at].find(':').map_or(at, |colon| start + colon);
                if password == start {
                    return Err("a URI with an empty user part");
                }
                self.user = Some(start..password);
                at + 1
            }
            None => start,
        };
        let headers = text[host..].find('?').map_or(text.len(), |at| host + at);
        let params = text[host..headers].find(';').map_or(headers, |at| host + at);
        let (name, port) = host_port(&text[host..params])?;
        params::check(&text[params..headers])?;
        self.host = host..host + name.len();
        self.port = port;
        self.params = params..headers;
        self.headers = headers..text.len();
        Ok(())
    }

    fn mark_tel(&mut self, text: &str, start: usize) -> Result<(), &'static str> {
        let params = text[start..].find(';').map_or(text.len(), |at| start + at);
        params::check(&text[params..])?;
        if params == start {
            return Err("a tel URI without a number");
        }
        self.user = Some(start..params);
        self.params = params..text.len();
        Ok(())
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The user part as written, or the number of a `tel:` URI. It may hold escapes: see [`decode`].
    pub fn user(&self) -> Option<&str> {
        self.user.clone().map(|range| &self.text[range])
    }

    /// The host as written, an IPv6 address with its brackets; empty where the scheme has none.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The transport that the URI asks for, by its parameter or its scheme.
    pub fn transport(&self) -> Option<Transport> {
        match (self.scheme, self.param("transport")) {
            (Scheme::Sips, _) => Some(Transport::Tls),
            (_, asked) => asked.and_then(Transport::of),
        }
    }

    /// Where to send, if the host is an IP literal: over the transport that the URI asks for, or else over `usual`.
    pub fn hop(&self, usual: Transport) -> Option<Hop> {
        let transport = self.transport().unwrap_or(usual);
        let port = self.port.unwrap_or(transport.default_port());
        ip(self.host()).map(|ip| Hop::new(transport, SocketAddr::new(ip, port)))
    }

    /// The value of a URI parameter, in any case; `""` for a flag such as `lr`.
    pub fn param(&self, name: &str) -> Option<&str> {
        params::find(&self.text[self.params.clone()], name)
    }

    /// Whether it has no parameters but these, in any case.
    pub fn has_params_of(&self, known: &[&str]) -> bool {
        let is_known = |name: &str| known.iter().any(|known| name.eq_ignore_ascii_case(known));
        params::pairs(&self.text[self.params.clone()]).all(|(name, _)| is_known(name))
    }

    /// The URI as a Request-URI may be: without headers (RFC 3261 section 19.1.1).
    pub fn without_headers(&self) -> Uri {
        let mut uri = self.clone();
        uri.text.truncate(self.text.len() - self.headers.len());
        uri.headers.end = uri.headers.start;
        uri
    }

    /// The URI's headers (`a=b&c=d`) without the `?`, escaped as read; empty if there are none.
    pub fn headers(&self) -> &str {
        self.text[self.headers.clone()].trim_start_matches('?')
    }
}

/// `host [":" port]`, blanks around the colon allowed (a Via may have them).
pub(super) fn host_port(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or("an IPv6 address without its closing bracket")? + 2,
        None => text.bytes().position(|b| !is_host_byte(b)).unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(end);
    if host.is_empty() || (host.starts_with('[') && !matches!(ip(host), Some(IpAddr::V6(_)))) {
        return Err("not a host");
    }
    let rest = rest.trim_ascii();
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest.strip_prefix(':').ok_or("not a host")?.trim_ascii();
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err("not a port");
    }
    Ok((host, Some(port.parse().map_err(|_| "not a port")?)))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// The address that a host writes as a literal, IPv6 with or without brackets. RFC 3261's grammar let a third colon
/// slip into `::192.0.2.1`; it is read over (RFC 5118 section 4.10).
pub(super) fn ip(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().or_else(|no| if host.contains(":::") { host.replacen(":::", "::", 1).parse() } else { Err(no) }).ok()
}

fn scheme(name: &str) -> Result<Scheme, &'static str> {
    let known = [("sip", Scheme::Sip), ("sips", Scheme::Sips), ("tel", Scheme::Tel)];
    if let Some((_, scheme)) = known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
        return Ok(*scheme);
    }
    let legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if legal { Ok(Scheme::Other) } else { Err("not a URI scheme") }
}

/// Text with its `%XX` escapes resolved; what is then no UTF-8 becomes U+FFFD. A stray `%` stays.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Text as it may stand in a header of a URI: all but letters, digits and `-_.` is escaped.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Without the headers part: a Refer-To may carry the caller's data there.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.headers.is_empty() { self.text.len() } else { self.headers.start };
        write!(f, "Uri({})", &self.text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_the_text_given_back() {
        // text, user, host, port, hop
        let cases = [
            ("sip:alice@example.com", Some("alice"), "example.com", None, None),
            (
                "SIPS:john.doe:pw@192.0.2.1:5061;lr",
                Some("john.doe"),
                "192.0.2.1",
                Some(5061),
                Some("tls:192.0.2.1:5061"),
            ),
            ("sip:[2001:db8::10:5070]", None, "[2001:db8::10:5070]", None, Some("udp:[2001:db8::10:5070]:5060")),
            ("sip:user;par=u%40example.net@example.com", Some("user;par=u%40example.net"), "example.com", None, None),
            ("sip:a@b.c;transport=udp?Subject=x@y", Some("a"), "b.c", None, None),
            ("sip:192.0.2.1;Transport=TCP", None, "192.0.2.1", None, Some("tcp:192.0.2.1:5060")),
            ("tel:+1-555;phone-context=x", Some("+1-555"), "", None, None),
            ("isbn:2983792873", None, "", None, None),
            ("sip:[2001:db8:::192.0.2.1]", None, "[2001:db8:::192.0.2.1]", None, Some("udp:[2001:db8::c000:201]:5060")),
        ];
        for (text, user, host, port, hop) in cases {
            let uri = Uri::read(text).unwrap();
            assert_eq!((uri.user(), uri.host(), uri.port()), (user, host, port), "{text}");
            assert_eq!(uri.hop(Transport::Udp).map(|hop| hop.to_string()).as_deref(), hop, "{text}");
            assert_eq!(uri.to_string(), text);
        }
        let uri = Uri::read("sip:a@b;LR;maddr=1.2.3.4?x=1").unwrap();
        assert_eq!((uri.param("lr"), uri.param("maddr"), uri.headers()), (Some(""), Some("1.2.3.4"), "x=1"));
        assert!(!format!("{uri:?}").contains("x=1"));
        assert!(uri.without_headers() == Uri::read("sip:a@b;LR;maddr=1.2.3.4").unwrap());
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        let faulty = [
            "alice@example.com",
            "sip:",
            "sip:@host",
            "sip:a b@host",
            "<sip:a@b>",
            "sip:a@b@c",
            "sip:2001:db8::10",
            "sip:[2001:db8::10",
            "sip:[[2001:db8::10]",
            "sip:[192.0.2.1]",
            "sip:[2001:db8::::192.0.2.1]",
            "sip:a@b:99999",
            "sip:a@b;;",
            "tel:",
            "1x:y",
            "sip:a@b:+5",
        ];
        for text in faulty {
            assert!(Uri::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn escapes_are_resolved() {
        let cases =
            [("sips%3Auser%40x", "sips:user@x"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%ff", "\u{fffd}")];
        for (text, decoded) in cases {
            assert_eq!(decode(text), decoded);
        }
        assert_eq!(encode("04;encoding=hex"), "04%3Bencoding%3Dhex");
        assert_eq!(decode(&encode("a&b?c=é \r\n")), "a&b?c=é \r\n");
    }
}
