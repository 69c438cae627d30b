//! What can be seen of a message without reading it: enough to tell whose it is.

/// A message as it passes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'m> {
    pub call_id: &'m [u8],
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invite,
    Request,
    Response,
}

/// Looks for the first Call-ID in the head; `None` if there is none.
pub fn glance(bytes: &[u8]) -> Option<Glance<'_>> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut lines = bytes[start..].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next()?;
    let kind = if is_response(first) {
        Kind::Response
    } else if first.starts_with(b"INVITE ") {
        Kind::Invite
    } else {
        Kind::Request
    };
    let call_id = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = line[..colon].trim_ascii_end();
        let named = name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i");
        named.then(|| line[colon + 1..].trim_ascii())
    })?;
    Some(Glance { call_id, kind })
}

/// Whether a message that begins like this is a response.
pub fn is_response(start: &[u8]) -> bool {
    start.starts_with(b"SIP/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_is_found_in_every_spelling_and_only_in_the_head() {
        for (text, seen) in [
            ("INVITE sip:a@b SIP/2.0\r\nVia: x\r\nCall-ID: 1@2\r\n\r\n", Some(("1@2", Kind::Invite))),
            ("\r\nBYE sip:a@b SIP/2.0\ni : abc\n\n", Some(("abc", Kind::Request))),
            ("SIP/2.0 200 OK\r\nCALL-ID:abc", Some(("abc", Kind::Response))),
            ("BYE sip:a@b SIP/2.0\r\nVia: x\r\n\r\nCall-ID: 1", None),
            ("\r\n\r\n", None),
            ("", None),
        ] {
            let got = glance(text.as_bytes()).map(|seen| (std::str::from_utf8(seen.call_id).unwrap(), seen.kind));
            assert_eq!(got, seen, "{text:?}");
        }
    }
}
