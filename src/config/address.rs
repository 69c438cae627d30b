//! SIP addresses as an author writes them: whom we call, and through which proxy.

use crate::sip::uri::Scheme;
use crate::sip::{Hop, Locals, Transport, Uri};
use crate::yaml::{Faults, Word};

/// Greatest length of a host name and of one of its labels (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_USER: usize = 64;

/// A word of the file that is such an address, and that `listen` has a socket for; reports it when not. `None` for
/// `listen`: what listens is not known, for its own mistakes.
pub fn read(word: &Word, listen: Option<&[Hop]>, faults: &mut Faults) -> Option<Uri> {
    let uri = match address(&word.text) {
        Ok(uri) => uri,
        Err(why) => {
            faults
                .error("wrong-type", word.span, why)
                .remedy("write sip:100@192.0.2.1:5060 or sip:support@pbx.example");
            return None;
        }
    };
    if let Some(kind) = listen.and_then(|listen| missing(&uri, listen)) {
        let message = format!("nothing of ours sends there: `listen.sip` has no {kind}");
        let transport = kind.split(' ').next().unwrap_or("udp");
        faults.error("no-socket", word.span, message).remedy(format!("add `{transport}:ADDRESS:PORT` to `listen.sip`"));
        return None;
    }
    Some(uri)
}

/// `sip:user@host:port;transport=tcp` or `sips:`; user, port and parameters may be absent. The error is the reason.
pub fn address(text: &str) -> Result<Uri, String> {
    if !["sip:", "sips:"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err("an address begins with `sip:` or `sips:`".to_owned());
    }
    let uri = Uri::read(text)?;
    // What stands before an @ is the user alone: a password in a URI is for all to see (RFC 3261 section 19.1.1).
    let user = text.split_once('@').map(|(user, _)| user.split_once(':').map_or(user, |(_, user)| user));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '*' | '#');
    if user.is_some_and(|user| user.len() > MAX_USER || !user.chars().all(plain)) {
        return Err("the user of an address is letters, digits and -_.+*# only".to_owned());
    }
    if text.contains('?') {
        return Err("an address takes no headers".to_owned());
    }
    for param in text.split(';').skip(1) {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        match name {
            "transport" if Transport::of(value).is_none() => {
                return Err(format!("no transport `{value}`: udp, tcp or tls"));
            }
            "transport" if uri.scheme() == Scheme::Sips && value.eq_ignore_ascii_case("udp") => {
                return Err("`sips:` goes over TLS, not over UDP".to_owned());
            }
            "transport" => {}
            "user" if value == "phone" => {}
            _ => {
                return Err(format!(
                    "an address takes no parameter `{param}`: transport=udp|tcp|tls and user=phone only"
                ));
            }
        }
    }
    let hop = hop(&uri);
    let nowhere = uri.port() == Some(0) || hop.is_some_and(|hop| hop.address.ip().is_unspecified());
    match hop {
        _ if nowhere => Err("nobody can be called at address or port 0".to_owned()),
        None if !is_host_name(uri.host()) => Err(format!("`{}` is neither an IP address nor a host name", uri.host())),
        _ => Ok(uri),
    }
}

/// Where the address leads, if its host is an IP literal (RFC 3263 section 4.1); a name is resolved before each call.
pub fn hop(uri: &Uri) -> Option<Hop> {
    uri.hop(Transport::Udp)
}

/// The kind of socket that the address needs and that none of ours is: "tcp over IPv6".
pub fn missing(uri: &Uri, listen: &[Hop]) -> Option<String> {
    match (hop(uri), uri.transport()) {
        (Some(hop), _) => {
            let version = if hop.address.is_ipv4() { "IPv4" } else { "IPv6" };
            let found = Locals::new(listen.iter().copied()).facing(&hop);
            found.is_none().then(|| format!("{} over {version}", hop.transport.as_str()))
        }
        (None, Some(transport)) => {
            (!listen.iter().any(|own| own.transport == transport)).then(|| transport.as_str().to_owned())
        }
        (None, None) => None,
    }
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits is a mistyped IPv4 address (RFC 3261 section 25.1: a toplabel begins with a letter).
    let top = host.rsplit('.').next().unwrap_or(host);
    host.len() <= MAX_HOST && host.split('.').all(label) && top.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_over_what() {
        let cases = [
            ("sip:support@192.0.2.10", Some("udp:192.0.2.10:5060")),
            ("sip:192.0.2.10:5070;transport=TCP", Some("tcp:192.0.2.10:5070")),
            ("sip:a@192.0.2.10;transport=tls", Some("tls:192.0.2.10:5061")),
            ("sips:a@[2001:db8::1]", Some("tls:[2001:db8::1]:5061")),
            ("sip:+1555@sbc.example;user=phone", None),
            ("sip:support@pbx1.internal:5070;transport=tcp", None),
            ("sips:pbx", None),
        ];
        for (text, expected) in cases {
            let hop = hop(&address(text).expect(text)).map(|hop| hop.to_string());
            assert_eq!(hop.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let cases = [
            ("tel:+1555", "begins with `sip:`"),
            ("sip:", "not a host"),
            ("sip:a:pw@pbx", "the user of an address"),
            ("sip:a;b@pbx", "the user of an address"),
            ("sip:a%0a@pbx", "the user of an address"),
            ("sip:a@pbx?X=1", "no headers"),
            ("sip:a@pbx;maddr=192.0.2.1", "no parameter `maddr=192.0.2.1`"),
            ("sip:a@pbx;transport=sctp", "no transport `sctp`"),
            ("sips:a@pbx;transport=udp", "over TLS"),
            ("sip:a@192.0.2.300", "neither an IP address nor a host name"),
            ("sip:a@-pbx.example", "neither an IP address nor a host name"),
            ("sip:a@pbx..example", "neither an IP address nor a host name"),
            ("sip:a@0.0.0.0", "address or port 0"),
            ("sip:a@pbx:0", "address or port 0"),
        ];
        for (text, why) in cases {
            let error = address(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn what_no_socket_of_ours_can_reach_is_known() {
        let listen = ["udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060"].map(|hop| hop.parse().expect("a hop"));
        let missing = |text| missing(&address(text).expect(text), &listen);
        assert_eq!((missing("sip:192.0.2.9"), missing("sip:[2001:db8::9];transport=tcp")), (None, None));
        assert_eq!((missing("sip:pbx"), missing("sip:pbx;transport=tcp")), (None, None));
        assert_eq!(missing("sip:[2001:db8::9]").as_deref(), Some("udp over IPv6"));
        assert_eq!(missing("sips:pbx").as_deref(), Some("tls"));
    }
}
