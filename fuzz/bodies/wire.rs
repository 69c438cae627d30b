use askonce::sip::{Headers, Message, wire};

/// What is read has a sound head, and what is written of it reads the same. What is refused has a status to answer
/// with. Nothing read could end a line where it is written again.
pub fn wire(bytes: &[u8]) {
    let message = match wire::read(bytes) {
        Ok(message) => message,
        Err(malformed) => {
            assert!(matches!(malformed.status, 400 | 414 | 505 | 513), "{}", malformed.status);
            malformed.request.iter().for_each(|headers| check_lines(headers));
            return;
        }
    };
    if let Message::Response(response) = &message {
        assert!(!response.reason.contains(['\r', '\n']), "{:?}", response.reason);
    }
    let (headers, body, written) = parts(&message);
    assert!(headers.head().is_ok());
    check_lines(headers);
    // Compact names and bytes that are no UTF-8 are written longer than they were read, so that a line that was just
    // short enough may have become too long; and Content-Length is written where there was none.
    if written.len() > wire::MAX_LINE || headers.iter().count() == wire::MAX_HEADERS {
        return;
    }
    let again = wire::read(&written).unwrap_or_else(|malformed| panic!("{}", malformed.reason));
    let (headers_again, body_again, written_again) = parts(&again);
    assert!(described(headers).eq(described(headers_again)));
    assert_eq!(body, body_again);
    assert_eq!(written, written_again);
}

fn parts(message: &Message) -> (&Headers, &[u8], Vec<u8>) {
    match message {
        Message::Request(request) => (&request.headers, &request.body, request.to_bytes()),
        Message::Response(response) => (&response.headers, &response.body, response.to_bytes()),
    }
}

/// All but Content-Length, which is written anew.
fn described(headers: &Headers) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter(|(name, _)| *name != "Content-Length")
}

fn check_lines(headers: &Headers) {
    assert!(headers.iter().count() <= wire::MAX_HEADERS);
    for (name, value) in headers.iter() {
        assert!(!name.contains(['\r', '\n', ':', ' ']) && !value.contains(['\r', '\n']), "{name:?}: {value:?}");
    }
}
