//! A name-addr or addr-spec with header parameters, as From, To, Contact, Route and Record-Route hold it
//! (RFC 3261 section 20.10).

use std::borrow::Cow;

use super::params;
use super::uri::Uri;

/// `"Display name" <uri>;tag=...`. The display name is unquoted; the parameters are those of the header.
#[derive(Clone, Debug)]
pub struct NameAddr<'a> {
    pub display: Cow<'a, str>,
    pub uri: Uri,
    params: &'a str,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. The error is the reason, for a 400.
    pub fn read(text: &'a str) -> Result<NameAddr<'a>, &'static str> {
        let text = text.trim_ascii();
        let (display, rest) = match text.strip_prefix('"') {
            Some(after) => {
                let end = params::closing_quote(text).ok_or("a quoted string left open")?;
                (unescaped(&after[..end - 1]), text[end + 1..].trim_ascii_start())
            }
            None => match text.find('<') {
                // Tokens, says the grammar: other characters are let pass, but none that leaves it open where a value ends
                // (RFC 4475 section 3.1.2.15).
                Some(at) if text[..at].contains([',', '"']) => return Err("a display name that needs quotes"),
                Some(at) => (Cow::Borrowed(text[..at].trim_ascii()), &text[at..]),
                None => return NameAddr::read_addr_spec(text),
            },
        };
        let inside = rest.strip_prefix('<').ok_or("a display name without a <URI>")?;
        let (uri, params) = inside.split_once('>').ok_or("a < without its >")?;
        params::check(params)?;
        Ok(NameAddr { display, uri: Uri::read(uri)?, params: params.trim_ascii_start() })
    }

    /// Without brackets, what follows a `;` belongs to the header, not to the URI (section 20.10).
    fn read_addr_spec(text: &'a str) -> Result<NameAddr<'a>, &'static str> {
        let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let uri = uri.trim_ascii_end();
        if uri.contains('?') {
            return Err("a URI with headers outside of <>");
        }
        params::check(params)?;
        Ok(NameAddr { display: Cow::Borrowed(""), uri: Uri::read(uri)?, params })
    }

    /// The value of a header parameter, `""` for a flag.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        params::find(self.params, name)
    }

    pub fn tag(&self) -> Option<&'a str> {
        self.param("tag").filter(|tag| !tag.is_empty())
    }
}

/// A display name as it stands between quotes.
pub fn quoted(display: &str) -> String {
    format!("\"{}\"", display.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        // text, display, uri, tag
        let cases = [
            (r#""A \"b\" <c>" <sip:a@b;x=1> ; tag = 7"#, r#"A "b" <c>"#, "sip:a@b;x=1", Some("7")),
            ("caller<sip:caller@example.com>;tag=323", "caller", "sip:caller@example.com", Some("323")),
            ("sip:+1650@ss1.example.net;user=phone", "", "sip:+1650@ss1.example.net", None),
            ("Anonymous User <sip:a@b>;tag=", "Anonymous User", "sip:a@b", None),
            ("<tel:+1555;ext=1>", "", "tel:+1555;ext=1", None),
            ("M\u{fc}ller (B\u{fc}ro) <sip:a@b>", "M\u{fc}ller (B\u{fc}ro)", "sip:a@b", None),
        ];
        for (text, display, uri, tag) in cases {
            let read = NameAddr::read(text).unwrap();
            assert_eq!((&*read.display, read.uri.as_str(), read.tag()), (display, uri, tag), "{text}");
            assert_eq!(NameAddr::read(&format!("{} <{}>", quoted(display), uri)).unwrap().display, display);
        }
    }

    #[test]
    fn faulty_values_are_refused() {
        let faulty = [
            r#""Mr. J <sip:a@b>"#,
            "Bell, A. <sip:a@b>",
            "Bell \"A\" <sip:a@b>",
            "x <sip:a@b",
            "< sip:a@b >",
            "\"x\" sip:a@b",
            "sip:a@b?x=1",
            "<sip:a@b>x",
            "",
        ];
        for text in faulty {
            assert!(NameAddr::read(text).is_err(), "{text}");
        }
    }
}
