//! `endpoints:`: the HTTP servers that lookups and webhooks may reach. Nothing else is reachable.

use super::{Endpoint, optional};
use crate::yaml::{Faults, Fields, Node, Value, Word};
use hyper::Uri;
use std::net::IpAddr;

const MAX_ENDPOINTS: usize = 100;
/// What a lookup or a webhook writes behind the endpoint's own path comes on top.
const MAX_PATH: usize = 256;

pub fn endpoints(node: &Node, faults: &mut Faults) -> Option<Vec<Endpoint>> {
    let entries = node.map("endpoints as `{ crm: \"https://crm.example\" }`", MAX_ENDPOINTS, faults)?;
    let endpoints: Vec<_> = entries.iter().map(|(name, node)| endpoint(name, node, faults)).collect();
    endpoints.into_iter().collect()
}

/// A URL, or `{ url: …, ca: FILE, private: true }`.
fn endpoint(name: &Word, node: &Node, faults: &mut Faults) -> Option<Endpoint> {
    name.is_name("the name of an endpoint", faults);
    let Value::Map(_) = node.value else {
        return url(name, &node.word("a URL as `https://crm.example`", faults)?, faults);
    };
    let mut fields = Fields::of(node, format!("endpoint `{}`", name.text), faults)?;
    let url_node = fields.need("url", faults).and_then(|node| node.word("a URL as `https://crm.example`", faults));
    let ca_node = fields.take("ca");
    let ca = ca_node.map(|node| node.word("a file of certificates", faults).map(|word| word.text));
    let private = fields.take("private").map_or(Some(false), |node| node.boolean(faults));
    fields.finish(faults);
    let endpoint = url(name, &url_node?, faults)?;
    if let Some(node) = ca_node.filter(|_| !endpoint.tls) {
        let message = format!("this has no effect: `{}` is reached without TLS", name.text);
        faults.error("no-effect", node.span, message).remedy("write https://, or leave `ca:` out");
    }
    Some(Endpoint { ca: optional(ca)?, private: private?, ..endpoint })
}

fn url(name: &Word, word: &Word, faults: &mut Faults) -> Option<Endpoint> {
    let endpoint = read(name, &word.text);
    match &endpoint {
        Err(why) => {
            faults.error("wrong-type", word.span, *why).remedy("write https://HOST, https://HOST:PORT or with a /path");
        }
        Ok(endpoint) if !endpoint.tls && !endpoint.address().is_some_and(|address| address.is_loopback()) => {
            let message = format!("what goes to `{}` and comes from there is in clear on the wire", name.text);
            faults.warning("in-clear", word.span, message).remedy("write https://");
        }
        Ok(_) => {}
    }
    endpoint.ok()
}

/// What a URL says; the error says what is wrong with it.
pub fn read(name: &Word, text: &str) -> Result<Endpoint, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "this is no URL")?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("a URL begins with `https://` or `http://`"),
    };
    let authority = uri.authority().ok_or("a URL names a host")?;
    if authority.as_str().contains('@') {
        return Err("no user and no password stand in this file: lookups say `auth: SECRET`");
    }
    if uri.query().is_some() || text.contains('#') || uri.path().len() > MAX_PATH {
        return Err("an endpoint is a host, a port and the beginning of a path, and no more");
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err("a URL names a host");
    }
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => {
            if tls {
                443
            } else {
                80
            }
        }
        _ => authority.port_u16().filter(|port| *port != 0).ok_or("a port is a number from 1 to 65535")?,
    };
    let path = uri.path().trim_end_matches('/').to_owned();
    Ok(Endpoint { name: name.clone(), tls, host, port, path, ca: None, private: false })
}

impl Endpoint {
    /// Its host, where that is no name.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `crm.example:8443`, as a request says it; without the port where that is the usual one.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Span;

    fn named(text: &str) -> Result<Endpoint, &'static str> {
        read(&Word { text: "crm".to_owned(), span: Span::default() }, text)
    }

    #[test]
    fn urls_are_read() {
        let cases = [
            ("https://crm.example", true, "crm.example", 443, "", "crm.example"),
            ("https://crm.example:8443/", true, "crm.example", 8443, "", "crm.example:8443"),
            ("http://127.0.0.1:80/v1/", false, "127.0.0.1", 80, "/v1", "127.0.0.1"),
            ("https://[2001:db8::1]:8443", true, "2001:db8::1", 8443, "", "[2001:db8::1]:8443"),
        ];
        for (text, tls, host, port, path, authority) in cases {
            let read = named(text).expect(text);
            assert_eq!((read.tls, &*read.host, read.port, &*read.path), (tls, host, port, path), "{text}");
            assert_eq!(read.authority(), authority);
        }
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        let cases = [
            ("crm.example", "begins with"),
            ("ftp://crm.example", "begins with"),
            ("https://", "no URL"),
            ("https://user:word@crm.example", "no password"),
            ("https://crm.example/?a=b", "no more"),
            ("https://crm.example/#a", "no more"),
            ("https://crm.example:0", "a port"),
            ("https://crm.example:65536", "a port"),
            ("https://crm.example:x", "a port"),
            ("https://crm.example/a b", "no URL"),
        ];
        for (text, why) in cases {
            let read = named(text).expect_err(text);
            assert!(read.contains(why), "{text}: {read}");
        }
    }
}
