use askonce::sip::uri::{Scheme, decode, encode};
use askonce::sip::{NameAddr, Transport, Uri};

/// What is read is written as it was, its parts are parts of it, and brackets around it change nothing.
pub fn uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert_eq!(decode(&encode(text)), text);
    decode(text);
    let Ok(uri) = Uri::read(text) else { return };
    assert_eq!(uri.to_string(), text);
    assert!(!text.bytes().any(|byte| byte <= b' '));
    assert!(uri.user().is_none_or(|user| !user.is_empty() && text.contains(user)));
    assert!(text.ends_with(uri.headers()));
    let bare = uri.without_headers();
    assert!(Uri::read(bare.as_str()) == Ok(bare.clone()) && bare.headers().is_empty(), "{bare:?}");
    assert!(text.contains(uri.host()) && uri.host().is_empty() == !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips));
    assert!(uri.hop(Transport::Udp).is_none_or(|hop| uri.port().is_none_or(|port| hop.address.port() == port)));

    let text = format!("\"A \\\"B\\\"\" <{text}>;tag=1");
    let read = NameAddr::read(&text).expect("a URI in brackets");
    assert!(read.uri == uri && read.display == "A \"B\"" && read.tag() == Some("1"));
}
