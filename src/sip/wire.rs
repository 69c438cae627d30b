//! Reading a datagram, byte by byte as RFC 3261 section 7 and 25 allow it to be written: folded lines, blanks
//! before colons, compact names, lists, bytes that are no UTF-8.

use std::borrow::Cow;
use std::io::BufRead;

use super::message::{Headers, Message, Method, Request, Response, is_token};
use super::params;
use super::uri::Uri;

/// A longer message, or one whose Content-Length says so, is refused; UDP carries no longer one.
pub const MAX_MESSAGE: usize = 65_536;
/// A longer Request-URI is refused: no number or user of ours is near it.
pub const MAX_URI: usize = 2_048;
/// A message with more headers (each Via, Route and Contact value counts) is refused.
pub const MAX_HEADERS: usize = 256;
/// A longer line, its foldings joined, is refused.
pub const MAX_LINE: usize = 8_192;

/// A message that cannot be served.
#[derive(Debug)]
pub struct Malformed {
    pub reason: &'static str,
    /// What it is answered with if it can be: 400, 414 or 513 beyond a bound, or 505 for another version of SIP.
    pub status: u16,
    /// The headers as far as they were read, if it is a request that takes an answer (an ACK takes none).
    pub request: Option<Box<Headers>>,
}

/// The status and reason to refuse a message with.
type Fault = (u16, &'static str);

/// Alone it would let a value end a line at a careless peer, once we send it back.
const STRAY_RETURN: &str = "a carriage return inside of a line";

/// Reads one datagram. The body is what Content-Length says; without it, all the rest (section 18.3).
pub fn read(bytes: &[u8]) -> Result<Message, Malformed> {
    let silent = |reason| Malformed { reason, status: 400, request: None };
    // Of a longer message the head may still serve for an answer.
    let (bytes, whole) = (&bytes[..bytes.len().min(MAX_MESSAGE)], bytes.len() <= MAX_MESSAGE);
    // Section 7.5: empty lines ahead of the start line are skipped (keep-alives are nothing but these).
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or(silent("empty"))?;
    let mut lines = Lines { rest: &bytes[start..] };
    let line = lines.next().ok_or(silent("empty"))?;
    let start = read_start(&line);
    let mut headers = Headers::for_message();
    let headers_read = read_headers(&mut lines, &mut headers);
    let answerable = !line.starts_with("SIP/") && !line.starts_with("ACK ") && line.contains(" SIP/");
    let malformed =
        |(status, reason), headers| Malformed { reason, status, request: answerable.then_some(Box::new(headers)) };
    let start = match start {
        Ok(start) => start,
        Err(fault) => return Err(malformed(fault, headers)),
    };
    let body = lines.rest;
    let length = if whole { headers_read.map_err(bad) } else { Err((513, "longer than 64 kB")) }
        .and_then(|()| headers_agree(&headers, &start).map_err(bad))
        .and_then(|()| body_length(&headers, body.len()));
    let body = match length {
        Ok(length) => body[..length].to_vec(),
        Err(fault) => return Err(malformed(fault, headers)),
    };
    Ok(match start {
        Start::Request(method, uri) => Message::Request(Request { method, uri, headers, body }),
        Start::Response(status, reason) => Message::Response(Response { status, reason, headers, body }),
    })
}

enum Start {
    Request(Method, Uri),
    Response(u16, String),
}

fn bad(reason: &'static str) -> Fault {
    (400, reason)
}

/// The start line, or what to refuse it with.
fn read_start(line: &str) -> Result<Start, Fault> {
    if line.as_bytes().contains(&b'\r') {
        return Err(bad(STRAY_RETURN));
    }
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status = status.parse().ok().filter(|status| digits && (100..700).contains(status));
        return Ok(Start::Response(status.ok_or(bad("not a status code"))?, reason.to_owned()));
    }
    let (method, rest) = line.split_once(' ').ok_or(bad("not a start line"))?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(bad("not a start line"))?;
    if !is_token(method.as_bytes()) || !version.starts_with("SIP/") {
        return Err(bad("not a start line"));
    }
    if version != "SIP/2.0" {
        return Err((505, "another version of SIP"));
    }
    if uri.len() > MAX_URI {
        return Err((414, "a Request-URI longer than 2 kB"));
    }
    let uri = Uri::read(uri).map_err(bad)?;
    if !uri.headers().is_empty() {
        return Err(bad("headers in the Request-URI"));
    }
    Ok(Start::Request(Method::of(method), uri))
}

/// Reads up to the empty line. A faulty line is skipped, so that the rest can serve for an answer, and the first
/// fault is returned at the end.
fn read_headers(lines: &mut Lines<'_>, headers: &mut Headers) -> Result<(), &'static str> {
    let mut fault = None;
    for line in lines.by_ref() {
        if line.is_empty() {
            return fault.map_or(Ok(()), Err);
        }
        if let Err(reason) = read_header(&line, headers) {
            fault = fault.or(Some(reason));
        }
    }
    // A head without its empty line: cut off on its way, or never SIP.
    Err(fault.unwrap_or("no empty line after the headers"))
}

/// Adds the header or, of those that are lists of addresses, one header a value.
fn read_header(line: &str, headers: &mut Headers) -> Result<(), &'static str> {
    if line.len() > MAX_LINE {
        return Err("a line longer than 8 kB");
    }
    if line.as_bytes().contains(&b'\r') {
        return Err(STRAY_RETURN);
    }
    let colon = line.bytes().position(|b| b == b':').ok_or("a header without a colon")?;
    let (name, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii());
    if !is_token(name.as_bytes()) {
        return Err("a header name that is no token");
    }
    const LISTS: [&str; 7] = ["Via", "v", "Contact", "m", "Route", "Record-Route", "P-Asserted-Identity"];
    if !value.as_bytes().contains(&b',') || !LISTS.iter().any(|list| name.eq_ignore_ascii_case(list)) {
        return add(headers, name, value);
    }
    for part in params::split(value, b',') {
        if part.is_empty() {
            return Err("an empty element in a list");
        }
        add(headers, name, part)?;
    }
    Ok(())
}

fn add(headers: &mut Headers, name: &str, value: &str) -> Result<(), &'static str> {
    if headers.len() == MAX_HEADERS {
        return Err("more than 256 headers");
    }
    headers.put(name, value);
    Ok(())
}

/// What RFC 3261 section 8.2 lets us refuse before anything else: the five are there and sound, once each, and
/// CSeq names the method; the numbers are numbers. A method that we do not know is refused as such, whatever its CSeq
/// names (RFC 4475 section 3.1.2.18).
fn headers_agree(headers: &Headers, start: &Start) -> Result<(), &'static str> {
    let head = headers.head()?;
    if let Start::Request(method, _) = start {
        if *method != head.method && !matches!(method, Method::Other(_)) {
            return Err("CSeq names another method");
        }
        if headers.single("Max-Forwards")?.is_some_and(|hops| hops.parse::<u8>().is_err()) {
            return Err("not a Max-Forwards number");
        }
    }
    Ok(())
}

fn body_length(headers: &Headers, rest: usize) -> Result<usize, Fault> {
    let Some(length) = headers.single("Content-Length").map_err(bad)? else { return Ok(rest) };
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad("not a Content-Length"));
    }
    // A number that does not even fit is no smaller than the bound.
    match length.parse() {
        Ok(length) if length <= rest => Ok(length),
        Ok(length) if length <= MAX_MESSAGE => Err(bad("the body is shorter than Content-Length")),
        Ok(_) | Err(_) => Err((513, "a Content-Length beyond 64 kB")),
    }
}

/// The lines of a message head, foldings joined by one blank (section 7.3.1). What is no UTF-8 becomes U+FFFD.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        let first = self.physical()?;
        if first.is_empty() || !matches!(self.rest.first(), Some(b' ' | b'\t')) {
            return Some(match std::str::from_utf8(first) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(first),
            });
        }
        let mut joined = first.trim_ascii_end().to_vec();
        while let Some(b' ' | b'\t') = self.rest.first() {
            let Some(more) = self.physical() else { break };
            joined.push(b' ');
            joined.extend_from_slice(more.trim_ascii());
        }
        Some(Cow::Owned(String::from_utf8_lossy(&joined).into_owned()))
    }
}

impl<'a> Lines<'a> {
    /// Up to the next line feed, with or without its carriage return.
    fn physical(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        // `skip_until` searches with memchr, several times as fast as looking at byte after byte; a slice never fails.
        let (all, mut rest) = (self.rest, self.rest);
        let length = rest.skip_until(b'\n').ok()?;
        self.rest = rest;
        let line = &all[..length];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests;
