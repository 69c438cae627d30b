use super::*;
use crate::audio::dtmf::Tone;
use crate::key::Key;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

const CARD: &str = "4111111111111111";
const ACCOUNT: &str = "79927398713";
const PHONE: &str = "+15551230001";
const DAY: &str = "2026-12-01";
const PIN: &str = "4711";

fn search() -> Search {
    Search::of(&[CARD, ACCOUNT, PHONE, DAY, PIN].map(Secret::new))
}

fn found(bytes: &[u8]) -> Vec<(usize, Form)> {
    let found = search().file(bytes).expect("what can be listened to");
    found.into_iter().map(|found| (found.number, found.form)).collect()
}

fn packed(digits: &str) -> Vec<u8> {
    HEXLOWER.decode(digits.as_bytes()).expect("digits")
}

fn wide(text: &str, octets: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(octets).collect()
}

/// A datagram of a telephone-event within an Ethernet frame of a capture.
fn event(code: u8, end: bool, timestamp: u32) -> Vec<u8> {
    let rtp =
        [&[0x80, 101, 0, 1][..], &timestamp.to_be_bytes(), &[9; 4], &[code, u8::from(end) << 7 | 10, 3, 32]].concat();
    [vec![0; 34], vec![0, 1, 0, 2, 0, 24, 0, 0], rtp, vec![0; 2]].concat()
}

fn capture(digits: &str) -> Vec<u8> {
    let mut file = [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[0; 20]].concat();
    for (at, digit) in digits.bytes().enumerate() {
        for end in [false, false, true] {
            let frame = event(digit - b'0', end, 800 * at as u32);
            file.extend(
                [&[0; 8][..], &(frame.len() as u32).to_le_bytes(), &(frame.len() as u32).to_le_bytes(), &frame]
                    .concat(),
            );
        }
    }
    file
}

fn capture_ng(digits: &str) -> Vec<u8> {
    let mut file = [
        &0x0a0d_0d0a_u32.to_le_bytes()[..],
        &28_u32.to_le_bytes(),
        &0x1a2b_3c4d_u32.to_le_bytes(),
        &[0; 12],
        &28_u32.to_le_bytes(),
    ]
    .concat();
    for (at, digit) in digits.bytes().enumerate() {
        let frame = event(digit - b'0', true, 800 * at as u32);
        let length = (32 + frame.len() as u32).to_le_bytes();
        file.extend(
            [
                &6_u32.to_le_bytes()[..],
                &length,
                &[0; 12],
                &(frame.len() as u32).to_le_bytes(),
                &[0; 4],
                &frame,
                &length,
            ]
            .concat(),
        );
    }
    file
}

fn sound(digits: &str) -> Vec<u8> {
    let mut samples = Vec::new();
    for key in digits.chars().filter_map(Key::from_char) {
        samples.extend(Tone::new(key, 800));
        samples.extend([0; 800]);
    }
    let octets: Vec<u8> = samples.iter().flat_map(|sample: &i16| sample.to_le_bytes()).collect();
    let length = (octets.len() as u32).to_le_bytes();
    let format = [1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0];
    [b"RIFF", &length[..], b"WAVEfmt ", &[16, 0, 0, 0], &format, b"data", &length, &octets].concat()
}

#[test]
fn a_number_is_found_in_each_of_the_nine_encodings() {
    let planted: Vec<(usize, Form, Vec<u8>)> = vec![
        (0, Form::Plain, format!("{{\"value\":\"{CARD}\"}}").into()),
        (2, Form::Plain, "From: <sip:+15551230001@198.51.100.7>".into()),
        (3, Form::Plain, format!("\"visit\":\"{DAY}\"").into()),
        (3, Form::Keys, "12012026".chars().map(|key| format!("Signal={key}\r\n")).collect::<String>().into()),
        (4, Form::Plain, "{\"body\":\"{\\\"pin\\\":\\\"4711\\\"}\"}".into()),
        (4, Form::Plain, "GET /verify?pin=4711&a=b".into()),
        (0, Form::Spaced, "the card 4111 1111-1111.1111 of".into()),
        (2, Form::Spaced, "call +1 (555) 123-0001.".into()),
        (
            1,
            Form::Hex,
            format!("04{};encoding=hex", HEXLOWER.encode(format!("ref=a;account={ACCOUNT}").as_bytes())).into(),
        ),
        (0, Form::Hex, HEXUPPER.encode(format!("card={CARD}").as_bytes()).into()),
        (4, Form::Hex, HEXLOWER.encode(b"pin=4711;a=b").into()),
        (0, Form::Base64, BASE64.encode(format!("{{\"card\":\"{CARD}\"}}").as_bytes()).into()),
        (0, Form::Base64, BASE64.encode(format!("1{{\"card\":\"{CARD}\"}}").as_bytes()).into()),
        (0, Form::Base64, BASE64.encode(format!("12{{\"card\":\"{CARD}\"}}").as_bytes()).into()),
        (1, Form::Escaped, ACCOUNT.bytes().map(|digit| format!("%{digit:02X}")).collect::<String>().into()),
        (1, Form::Escaped, ACCOUNT.bytes().map(|digit| format!("={digit:02X}")).collect::<String>().into()),
        (1, Form::Escaped, ACCOUNT.bytes().map(|digit| format!("&#{digit};")).collect::<String>().into()),
        (1, Form::Escaped, ACCOUNT.bytes().map(|digit| format!("&#x{digit:x};")).collect::<String>().into()),
        (1, Form::Escaped, ACCOUNT.bytes().map(|digit| format!("\\u{digit:04x}")).collect::<String>().into()),
        (0, Form::Utf16, wide(CARD, u16::to_le_bytes)),
        (0, Form::Utf16, wide(CARD, u16::to_be_bytes)),
        (0, Form::Bcd, packed("004111111111111111")),
        (0, Form::Bcd, packed("1411111111111111")),
        (0, Form::Bcd, packed("0411111111111111100f")),
        (
            1,
            Form::Keys,
            ACCOUNT
                .chars()
                .map(|key| format!("{{\"t\":1,\"in\":\"key\",\"leg\":\"caller\",\"key\":\"{key}\",\"by\":\"rtp\"}}\n"))
                .collect::<String>()
                .into(),
        ),
        (
            1,
            Form::Keys,
            ACCOUNT.chars().map(|key| format!("Signal={key}\r\nDuration=160\r\n")).collect::<String>().into(),
        ),
        (1, Form::Keys, capture(ACCOUNT)),
        (1, Form::Keys, capture_ng(ACCOUNT)),
        (1, Form::Tones, sound(ACCOUNT)),
    ];
    for (number, form, bytes) in &planted {
        let found = found(bytes);
        assert!(found.contains(&(*number, *form)), "{form}: {found:?} in {}", String::from_utf8_lossy(bytes));
    }
    let forms: std::collections::BTreeSet<Form> = planted.iter().map(|(_, form, _)| *form).collect();
    assert_eq!(forms.into_iter().collect::<Vec<_>>(), Form::ALL);
}

#[test]
fn what_is_not_there_is_not_found() {
    let other = "73309458833";
    let free: Vec<Vec<u8>> = vec![
        // The day of a time stamp and of a file, the time of a line, a PIN among other digits.
        format!("{{\"t\":{},\"at\":\"{DAY}T10:15:00Z\",\"file\":\"{DAY}/call.wav\",\"line\":4711}}", &ACCOUNT[..7])
            .into(),
        "port 47110 and 14711".into(),
        capture(other),
        sound(other),
        HEXLOWER.encode(other.as_bytes()).into(),
    ];
    for bytes in &free {
        assert_eq!(found(bytes), [], "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_place_is_told_by_line_and_a_number_by_its_tail() {
    let search = search();
    let text = format!("one\ntwo\n{{\"value\":\"{ACCOUNT}\"}}\n{{\"value\":\"{CARD}\"}}");
    let found = search.file(text.as_bytes()).expect("text");
    let told: Vec<String> =
        found.iter().map(|one| format!("{} {} {}", one.place, search.masked(one), one.form)).collect();
    assert_eq!(told, ["line 3 *********13 in clear", "line 4 **************11 in clear"]);
}

#[test]
fn what_is_too_short_is_counted() {
    let search = Search::of(&["12", "Ann Lee", "take/1", "471"].map(Secret::new));
    assert!(search.is_empty());
    assert_eq!((search.len(), search.short), (0, 4));
}

#[test]
fn damaged_captures_and_sounds_are_no_reason_to_stop() {
    for file in [capture(ACCOUNT), capture_ng(ACCOUNT)] {
        for cut in [0, 3, 8, 24, 27, 31, 60, file.len() - 1] {
            let _ = search().file(&file[..cut]);
        }
        let mut huge = file.clone();
        huge[24..].iter_mut().for_each(|byte| *byte = 0xff);
        assert_eq!(found(&huge), []);
    }
    assert!(search().file(b"RIFF is the beginning of no sound").is_err());
}
