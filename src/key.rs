//! One DTMF key as a value. A key is a piece of caller data: printing it for a log shows `?`.

use std::fmt;

/// A key of the sixteen of DTMF, by its RFC 4733 event code (section 3.2): 0-9, `*` = 10, `#` = 11, A-D = 12-15.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u8);

const CHARS: &[u8; 16] = b"0123456789*#ABCD";

impl Key {
    pub const STAR: Key = Key(10);
    pub const POUND: Key = Key(11);

    /// The key of an RFC 4733 event code; `None` for events that are not keys (16 is hook flash).
    pub fn from_code(code: u8) -> Option<Key> {
        (code < 16).then_some(Key(code))
    }

    pub fn from_char(c: char) -> Option<Key> {
        let c = u8::try_from(c.to_ascii_uppercase()).ok()?;
        let code = CHARS.iter().position(|&k| k == c)?;
        u8::try_from(code).ok().map(Key)
    }

    pub fn code(self) -> u8 {
        self.0
    }

    /// The key in clear, for the fact that it becomes a part of.
    pub fn to_char(self) -> char {
        char::from(CHARS[usize::from(self.0)])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(?)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_codes_agree_both_ways() {
        for code in 0..16 {
            let key = Key::from_code(code).expect("sixteen keys");
            assert_eq!(Key::from_char(key.to_char()), Some(key));
            assert_eq!(key.code(), code);
        }
        assert_eq!(Key::from_code(16), None);
        assert_eq!(Key::from_char('E'), None);
        assert_eq!(Key::from_char('a'), Key::from_code(12));
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", Key::from_char('7')), "Some(Key(?))");
    }
}
