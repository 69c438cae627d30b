//! Keys in the body of an INFO: `application/dtmf-relay` (`Signal=5`) and `application/dtmf` (`5`). No RFC
//! defines them (RFC 6086 section 1 tells their history); phones and PBXs send both.

use super::message::Request;
use crate::key::Key;

/// The key that an INFO brings, if it brings one.
pub fn key(request: &Request) -> Option<Key> {
    let kind = request.headers.get("Content-Type")?.split(';').next()?.trim();
    let body = std::str::from_utf8(&request.body).ok()?;
    let signal = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let fields = body.lines().filter_map(|line| line.split_once('='));
        let mut signals = fields.filter(|(name, _)| name.trim().eq_ignore_ascii_case("signal"));
        signals.next()?.1
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        body
    } else {
        return None;
    };
    let signal = signal.trim();
    let mut chars = signal.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Key::from_char(c),
        // Event codes: 10 is `*`, 11 is `#`.
        (Some(_), Some(_)) => signal.parse().ok().and_then(Key::from_code),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Headers, Method};
    use super::super::uri::Uri;
    use super::*;

    #[test]
    fn phones_forms_of_one_key() {
        for (kind, body, expected) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("application/dtmf-relay", "Signal= #\nDuration= 160", Some('#')),
            ("Application/DTMF-Relay; x=y", "duration=100\r\nsignal=*\r\n", Some('*')),
            ("application/dtmf", "7", Some('7')),
            ("application/dtmf", "11\r\n", Some('#')),
            ("application/dtmf", "16", None),
            ("application/dtmf", "", None),
            ("application/dtmf-relay", "Duration=160", None),
            ("application/sdp", "5", None),
        ] {
            let mut headers = Headers::default();
            headers.put("Content-Type", kind);
            let uri = Uri::read("sip:a@192.0.2.1").unwrap();
            let request = Request { method: Method::Info, uri, headers, body: body.as_bytes().to_vec() };
            assert_eq!(key(&request).map(Key::to_char), expected, "{kind} {body:?}");
        }
    }
}
