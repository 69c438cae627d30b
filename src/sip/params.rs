//! Parameter lists (`;name=value;flag`) and the splitting of header values at a separator that is neither
//! quoted nor inside `<>`.

/// A list with more parameters is refused: each look-up walks through them.
pub(super) const MAX_PARAMS: usize = 64;

/// The parts of `text` between `separator`s outside of quoted strings and angle brackets, trimmed.
pub(super) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = end_of_part(text.as_bytes(), separator);
        rest = at.map(|at| &text[at + 1..]);
        Some(text[..at.unwrap_or(text.len())].trim_ascii())
    })
}

/// Where the first `separator` is that is neither quoted nor in brackets.
pub(super) fn end_of_part(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            _ if bracketed => {}
            _ if byte == separator => return Some(at),
            _ => {}
        }
    }
    None
}

/// The parameters of `text`, which is empty or starts with `;`: names and values, `""` for a flag's value.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split(text, b';').skip(1).map(|part| match part.split_once('=') {
        Some((name, value)) => (name.trim_ascii_end(), value.trim_ascii_start()),
        None => (part, ""),
    })
}

/// The value of the parameter `name` in any case; `""` for a flag.
pub(super) fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    pairs(text).find(|(read, _)| read.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Refuses what is not a list of parameters: text before the first `;`, an empty name, a quote or bracket where none
/// may be, too many. What passes leaves nothing open: a parameter of ours behind it is one to every reader.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return Ok(());
    }
    if !text.starts_with(';') {
        return Err("text where a parameter should start");
    }
    for (count, (name, value)) in pairs(text).enumerate() {
        if count == MAX_PARAMS {
            return Err("more than 64 parameters");
        }
        if name.is_empty() || name.contains([' ', '"', ',', '<', '>']) {
            return Err("a parameter without a name");
        }
        let quoted = value.starts_with('"');
        if quoted && closing_quote(value) != Some(value.len() - 1) {
            return Err("a quoted string left open");
        }
        if !quoted && value.contains(['"', '<', '>']) {
            return Err("a quote or bracket in a parameter");
        }
    }
    Ok(())
}

/// Where the quoted string at the start of `text` ends: the place of its closing quote.
pub(super) fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_split() {
        let text = r#""a, \", b" <sip:x@y;p=1,2>;q=1 , <sip:z@y>"#;
        assert_eq!(split(text, b',').collect::<Vec<_>>(), [r#""a, \", b" <sip:x@y;p=1,2>;q=1"#, "<sip:z@y>"]);
    }

    #[test]
    fn parameters_are_found_in_any_case_and_faulty_lists_refused() {
        assert_eq!(find(";lr;TAG = abc", "tag"), Some("abc"));
        assert_eq!(find(";lr;tag=abc", "lr"), Some(""));
        assert_eq!(find(";a=\"x;tag=1\"", "tag"), None);
        for faulty in [";;", "x=1", ";a=\"x", ";=1", ";a=x\"y", ";a=<x", ";a<=x"] {
            assert!(check(faulty).is_err(), "{faulty}");
        }
        let many = ";a".repeat(MAX_PARAMS);
        assert!(check(&many).is_ok() && check(&format!("{many};a")).is_err());
        // A blank is a space or a tab: what else Unicode calls so is a part of the value.
        assert_eq!(find(";a= b\u{a0}", "a"), Some("b\u{a0}"));
        assert!(check("").is_ok() && check(" ; a = b;c").is_ok());
    }
}
