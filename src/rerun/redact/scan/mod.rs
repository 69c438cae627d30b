//! Whether callers' numbers are in what was written, in whatever form: each of nine ways in which recordings, captures and
//! sound could tell a number.
//!
//! Numbers of six digits and more are looked for; of four and five digits, which are found by chance everywhere, only as
//! our own formats would write them (`"1234"`, `=1234`). Of text nothing is looked for.

mod forms;
mod pressed;

use super::pseudonym::LEAST;
use crate::audio::resample::resample;
use crate::audio::wav;
use crate::secret::Secret;
use forms::{FIRST, Pattern};
use std::collections::HashMap;
use std::fmt;

/// The ways in which a number may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Plain,
    /// With blanks, dots or dashes between its digits.
    Spaced,
    /// The hex of its characters, as User-to-User has it.
    Hex,
    /// Standard and for URLs, which of digits are the same.
    Base64,
    /// `%37`, `=37`, `&#55;`, `&#x37;`, `\u0037`.
    Escaped,
    Utf16,
    /// Two digits an octet, in both orders.
    Bcd,
    /// Key after key: lines of a recording, INFO, telephone-events of a capture.
    Keys,
    /// As tones in a WAV.
    Tones,
}

impl Form {
    pub const ALL: [Form; 9] = [
        Form::Plain,
        Form::Spaced,
        Form::Hex,
        Form::Base64,
        Form::Escaped,
        Form::Utf16,
        Form::Bcd,
        Form::Keys,
        Form::Tones,
    ];
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Plain => "in clear",
            Form::Spaced => "with separators",
            Form::Hex => "as hex",
            Form::Base64 => "as base64",
            Form::Escaped => "escaped",
            Form::Utf16 => "as UTF-16",
            Form::Bcd => "as BCD",
            Form::Keys => "key by key",
            Form::Tones => "as tones",
        })
    }
}

/// A number that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub place: Place,
    /// Which of those that are looked for.
    pub number: usize,
    pub form: Form,
}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Counted from 1, of a text.
    Line(usize),
    /// Where it begins.
    Octet(usize),
    /// Milliseconds into the sound, when the number was whole.
    Sound(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Octet(octet) => write!(f, "octet {octet}"),
            Place::Sound(ms) => write!(f, "{}.{:03} s", ms / 1_000, ms % 1_000),
        }
    }
}

/// All that is looked for, in all its forms.
pub struct Search {
    numbers: Vec<Secret>,
    /// How many are too short to be looked for.
    pub short: usize,
    /// By their first octets, behind a filter that most places do not pass.
    patterns: HashMap<u64, Vec<Pattern>>,
    filter: Vec<u64>,
    /// The digits of those that may be spoken of key by key.
    digits: HashMap<u64, Vec<(usize, Vec<u8>)>>,
}

impl Search {
    /// Of values as callers give them: their digits count, and a day as it is written besides.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v Secret>) -> Search {
        let mut search = Search {
            numbers: Vec::new(),
            short: 0,
            patterns: HashMap::new(),
            filter: Vec::new(),
            digits: HashMap::new(),
        };
        for value in values {
            let patterns = forms::of(value);
            if patterns.is_empty() {
                search.short += 1;
                continue;
            }
            let number = search.numbers.len();
            search.numbers.push(value.clone());
            for pattern in patterns {
                search.patterns.entry(first(&pattern.octets)).or_default().push(Pattern { number, ..pattern });
            }
            for digits in forms::digits(value).into_iter().filter(|digits| digits.len() >= LEAST) {
                search.digits.entry(first(&digits)).or_default().push((number, digits));
            }
        }
        // Of 64 places one passes, where the size allows: 2^24 bits at most.
        let bits = (search.patterns.len() * 64).next_power_of_two().clamp(1 << 12, 1 << 24);
        search.filter = vec![0; bits / 64];
        for first in search.patterns.keys() {
            let (word, bit) = place(*first, search.filter.len());
            search.filter[word] |= bit;
        }
        search
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many numbers are looked for.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number that was found, but for its last digits.
    pub fn masked(&self, found: &Found) -> String {
        self.numbers[found.number].masked(2)
    }

    /// What is in a file, each number once at each place, in the order of the file. The error: it is sound that cannot be
    /// listened to.
    pub fn file(&self, bytes: &[u8]) -> Result<Vec<Found>, wav::NotPlayable> {
        let mut found = self.octets(bytes);
        if bytes.starts_with(b"RIFF") {
            found.extend(self.tones(bytes)?);
        } else if let Some(packets) = pressed::packets(bytes) {
            found.extend(pressed::events(&packets).iter().flat_map(|keys| self.keys(keys, Place::Octet, Form::Keys)));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What is in a text or in any other octets.
    pub fn octets(&self, bytes: &[u8]) -> Vec<Found> {
        let is_text = !bytes.contains(&0);
        let mut found = self.written(bytes);
        found.extend(self.spaced(bytes));
        let keys = pressed::lines(bytes);
        found.extend(keys.iter().flat_map(|keys| self.keys(keys, Place::Octet, Form::Keys)));
        // Octets come in order for each way of writing; lines are counted once for all.
        found.sort();
        let (mut line, mut at) = (1, 0);
        for one in found.iter_mut().filter(|_| is_text) {
            let Place::Octet(octet) = one.place else { continue };
            line += bytes[at..octet].iter().filter(|byte| **byte == b'\n').count();
            at = octet;
            one.place = Place::Line(line);
        }
        found.dedup();
        found
    }

    fn written(&self, bytes: &[u8]) -> Vec<Found> {
        const MASK: u64 = (1 << (8 * FIRST)) - 1;
        let (mut found, mut first) = (Vec::new(), 0);
        for (end, byte) in bytes.iter().enumerate() {
            first = (first << 8 | u64::from(*byte)) & MASK;
            let Some(at) = (end + 1).checked_sub(FIRST) else { continue };
            let (word, bit) = place(first, self.filter.len());
            if self.filter[word] & bit == 0 {
                continue;
            }
            let begins = self.patterns.get(&first).into_iter().flatten();
            let here = begins.filter(|pattern| pattern.is_at(bytes, at));
            found.extend(here.map(|pattern| Found {
                place: Place::Octet(at),
                number: pattern.number,
                form: pattern.form,
            }));
        }
        found
    }

    /// Digits with one or two separators in between.
    fn spaced(&self, bytes: &[u8]) -> Vec<Found> {
        let (mut found, mut digits) = (Vec::new(), Vec::new());
        let (mut last, mut apart) = (0, 0);
        for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
            let gap = &bytes[last..at];
            let joined = gap.len() <= 2 && gap.iter().all(|byte| b" .-/()_".contains(byte));
            if !digits.is_empty() && !joined {
                // Without a separator it is found in clear.
                if apart > 0 {
                    found.extend(self.keys(&digits, Place::Octet, Form::Spaced));
                }
                digits.clear();
                apart = 0;
            }
            apart += gap.len();
            digits.push((at, *byte));
            last = at + 1;
        }
        if apart > 0 {
            found.extend(self.keys(&digits, Place::Octet, Form::Spaced));
        }
        found.retain(|one| match one.place {
            Place::Octet(at) => forms::is_apart(bytes, at, &self.numbers[one.number]),
            _ => true,
        });
        found
    }

    /// Digits, each with its place; `place` makes that of a number that is whole from there on.
    fn keys<P: Copy>(&self, keys: &[(P, u8)], place: fn(P) -> Place, form: Form) -> Vec<Found> {
        let digits: Vec<u8> = keys.iter().map(|(_, digit)| *digit).collect();
        let mut found = Vec::new();
        for (at, window) in digits.windows(FIRST).enumerate() {
            let begins = self.digits.get(&first(window)).into_iter().flatten();
            for (number, _) in begins.filter(|(_, wanted)| digits[at..].starts_with(wanted)) {
                found.push(Found { place: place(keys[at].0), number: *number, form });
            }
        }
        found
    }

    fn tones(&self, bytes: &[u8]) -> Result<Vec<Found>, wav::NotPlayable> {
        let clip = wav::read(bytes)?;
        let samples = resample(&clip.samples, clip.rate, pressed::RATE);
        Ok(self.keys(&pressed::tones(&samples), Place::Sound, Form::Tones))
    }
}

fn first(bytes: &[u8]) -> u64 {
    bytes[..FIRST].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn place(first: u64, words: usize) -> (usize, u64) {
    let hash = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    // As many words as a power of two.
    ((hash >> 6) as usize & (words - 1), 1 << (hash & 63))
}

#[cfg(test)]
mod tests;
