use askonce::context::carrier::uui::{Unreadable, read};

/// What is read is text without control bytes and within bounds, and a bare value is one only where nothing else is there.
pub fn uui(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let named = read(text, Some("fact"));
    for read in [read(text, None), named.clone()].into_iter().flatten() {
        assert!(!read.pairs.is_empty() || text.len() > 1);
        assert!(read.pairs.len() <= 32);
        assert!(read.pairs.iter().all(|(_, value)| !value.open().chars().any(char::is_control)));
    }
    match read(text, None) {
        Err(Unreadable::Bare) => assert!(named.is_err() || named.is_ok_and(|read| read.pairs[0].0 == "fact")),
        unnamed => assert_eq!(unnamed, named),
    }
}
