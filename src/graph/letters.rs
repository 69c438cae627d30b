//! How wide text is, and how it is written into XML.

/// Letters per em, in hundredths, of the widest of the usual system fonts: in a narrower one there is a little more air.
const WIDTHS: [(&str, i32); 7] = [
    ("ijl|!',.:;", 34),
    (" ()[]{}/\\-\"`ftrI", 43),
    ("mwMW%@", 99),
    ("ABDGHKNOQRUVXYC&", 79),
    ("EFJLPSTZ", 69),
    ("0123456789$?_abdeghnopqu", 64),
    ("cksvxyz", 60),
];
/// A letter of another alphabet, or a sign.
const OTHER: i32 = 100;

/// The width of a line of text, in pixels.
pub fn width(text: &str, size: i32) -> i32 {
    let em: i32 = text.chars().map(letter).sum();
    (em * size + 99) / 100
}

fn letter(letter: char) -> i32 {
    match WIDTHS.iter().find(|(letters, _)| letters.contains(letter)) {
        Some((_, width)) => *width,
        // Latin with accents.
        None if ('\u{a1}'..='\u{24f}').contains(&letter) => 79,
        None => OTHER,
    }
}

/// The text, cut where it is wider than that.
pub fn fit(text: &str, size: i32, most: i32) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        cut.push(letter);
        if width(&cut, size) + size > most {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    cut
}

/// As XML and HTML have it, in text and in attributes. What XML has no way to write is left out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
