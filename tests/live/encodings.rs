//! How a number may look in a file: nine encodings, and a search for all forms of many numbers at once.

use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};
use std::collections::HashMap;

/// What is looked for is at least that long; less would be found by chance.
const LEAST: usize = 8;
/// Of the filter before the table: 2^24 bits.
const FILTER: u32 = 24;

/// Everything that `text` may look like, but for keys one by one. Hex is that of User-to-User as well.
pub fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let each = |form: &dyn Fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>().into_bytes();
    let mut forms = vec![
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        HEXUPPER.encode(bytes).into_bytes(),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("\\u{byte:04x}")),
        // UTF-16 of both orders has these in it.
        each(&|byte| format!("{}\0", byte as char))[..2 * bytes.len() - 1].to_vec(),
    ];
    forms.extend((0..3).map(|shift| base64(bytes, shift)));
    // BCD, both orders of its halves, and the codes of telephone-event in a row; of a shorter number that is too little.
    let digits: Vec<u8> = bytes.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    if digits.len() == bytes.len() && digits.len() >= 2 * LEAST {
        let packed = |first: usize| digits.chunks_exact(2).map(|two| two[first] << 4 | two[1 - first]).collect();
        forms.extend([packed(0), packed(1), digits.clone()]);
    }
    forms
}

/// What stands in base64 wherever so many bytes (modulo 3) are before it.
fn base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend(bytes);
    let whole = padded.len() * 8 / 6;
    BASE64_NOPAD.encode(&padded).into_bytes()[(shift * 8).div_ceil(6)..whole].to_vec()
}

/// Digits that our formats would tell one by one: none of a caller's is ever in a file.
pub fn keys(text: &[u8]) -> String {
    let begins: [&[u8]; 3] = [b"\"key\":\"", b"key=", b"Signal="];
    let digit = |at: usize| {
        let begin = begins.iter().find(|begin| text[at..].starts_with(begin))?;
        let mut rest = text[at + begin.len()..].iter();
        let digit = rest.next().filter(|byte| byte.is_ascii_digit())?;
        let alone = rest.next().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        alone.then_some(char::from(*digit))
    };
    (0..text.len()).filter(|at| matches!(text[*at], b'"' | b'k' | b'S')).filter_map(digit).collect()
}

/// The keys of all that looks like the last packets of telephone-events of 100 ms as our phones send them (RFC 4733
/// section 2.3: the code, the end and the volume, the duration); a key that comes again right away counts once.
pub fn events(bytes: &[u8]) -> String {
    let ends = bytes.windows(4).filter(|payload| payload[0] < 10 && payload[1..] == [0x8a, 0x03, 0x20]);
    once(ends.map(|payload| char::from(b'0' + payload[0])))
}

/// Without what repeats the one before.
pub fn once(keys: impl Iterator<Item = char>) -> String {
    let mut all: Vec<char> = keys.collect();
    all.dedup();
    all.into_iter().collect()
}

/// All forms of all that is looked for.
pub struct Search {
    filter: Vec<u64>,
    /// By their first bytes: what each is a form of, and the whole of it.
    forms: HashMap<u64, Vec<(usize, Vec<u8>)>>,
    wanted: Vec<String>,
}

impl Search {
    pub fn of(wanted: impl IntoIterator<Item = String>) -> Search {
        let wanted: Vec<String> = wanted.into_iter().collect();
        let mut search = Search { filter: vec![0; 1 << (FILTER - 6)], forms: HashMap::new(), wanted: Vec::new() };
        for (number, text) in wanted.iter().enumerate() {
            for form in forms(text) {
                assert!(form.len() >= LEAST, "{form:?} of {text} is found by chance");
                let first = first(&form);
                let (word, bit) = place(first);
                search.filter[word] |= bit;
                search.forms.entry(first).or_default().push((number, form));
            }
        }
        Search { wanted, ..search }
    }

    /// What is in there, in whatever form.
    pub fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(LEAST).enumerate() {
            let first = first(window);
            let (word, bit) = place(first);
            if self.filter[word] & bit == 0 {
                continue;
            }
            for (number, form) in self.forms.get(&first).into_iter().flatten() {
                if bytes[at..].starts_with(form) {
                    found.push(self.wanted[*number].as_str());
                }
            }
        }
        found
    }
}

fn first(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..LEAST].try_into().expect("so many"))
}

fn place(first: u64) -> (usize, u64) {
    let hash = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

#[test]
fn a_number_is_found_in_each_encoding() {
    let card = "4111111111111111";
    let search = Search::of([card.to_owned(), "pin=1234".to_owned()]);
    let wide = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let packed = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hex");
    let inside: Vec<Vec<u8>> = vec![
        format!("{{\"card\":\"{card}\"}}").into(),
        format!("04{};encoding=hex", HEXLOWER.encode(format!("card={card}").as_bytes())).into(),
        HEXUPPER.encode(format!("pin=1234;card={card}").as_bytes()).into(),
        BASE64_NOPAD.encode(format!("{{\"card\":\"{card}\"}}").as_bytes()).into(),
        BASE64_NOPAD.encode(format!("a{{\"card\":\"{card}\"}}").as_bytes()).into(),
        BASE64_NOPAD.encode(format!("ab{{\"card\":\"{card}\"}}").as_bytes()).into(),
        "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31".into(),
        format!("\\u0034{}", "\\u0031".repeat(15)).into(),
        packed(&format!("00{card}")),
        packed("141111111111111100"),
        [vec![9, 9, 4], vec![1; 15]].concat(),
        wide(card).iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        wide(card).iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    ];
    for bytes in &inside {
        assert!(search.found(bytes).contains(&card), "{:?}", String::from_utf8_lossy(bytes));
    }
    assert!(search.found(b"<Some(pin=1234)>").contains(&"pin=1234"));
    assert_eq!(search.found(b"pin=1235 411111111111111"), [""; 0]);
    assert_eq!(keys(b"{\"in\":\"key\",\"key\":\"4\"} key=1 Signal=1\r\nkey=* key=01J"), "411");
    let pressed = |code: u8| [[code, 0x0a, 0x00, 0xa0], [code, 0x8a, 0x03, 0x20], [code, 0x8a, 0x03, 0x20]].concat();
    let pressed: Vec<u8> = [4, 1, 2, 2].into_iter().flat_map(pressed).collect();
    assert_eq!(events(&pressed), "412");
}
