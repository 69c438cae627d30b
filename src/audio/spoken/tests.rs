//! What is heard, in words: `,` is the pause between groups.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const USD: Reading = Reading::Money(Currency::Usd);
const EUR: Reading = Reading::Money(Currency::Eur);
const DATE: Reading = Reading::Date { weekday: false };
const DAY_AND_DATE: Reading = Reading::Date { weekday: true };

fn heard(language: &str, reading: Reading, value: &str) -> String {
    let texts: BTreeMap<String, String> =
        words(language).into_iter().map(|(name, text)| (format!("{language}/{name}"), text)).collect();
    let wanted = vocabulary(language, reading).expect("a language");
    let text = |clip: &String| {
        if clip == PAUSE {
            return ",".to_owned();
        }
        assert!(wanted.iter().any(|(name, _)| name == clip), "{clip} is not among what {reading:?} needs");
        texts.get(clip).unwrap_or_else(|| panic!("no word {clip}")).clone()
    };
    clips(language, reading, value).iter().map(text).collect::<Vec<_>>().join(" ").replace(" ,", ",")
}

fn check(language: &str, cases: &[(Reading, &str, &str)]) {
    for (reading, value, said) in cases {
        assert_eq!(heard(language, *reading, value), *said, "{language}: {reading:?} {value}");
    }
}

#[test]
fn english() {
    check(
        "en",
        &[
            (Reading::Number, "0", "zero"),
            (Reading::Number, "7", "seven"),
            (Reading::Number, "10", "ten"),
            (Reading::Number, "21", "twenty-one"),
            (Reading::Number, "99", "ninety-nine"),
            (Reading::Number, "100", "one hundred"),
            (Reading::Number, "101", "one hundred one"),
            (Reading::Number, "342", "three hundred forty-two"),
            (Reading::Number, "1000", "one thousand"),
            (Reading::Number, "1001", "one thousand one"),
            (Reading::Number, "21000", "twenty-one thousand"),
            (Reading::Number, "100100", "one hundred thousand one hundred"),
            (Reading::Number, "1000000", "one million"),
            (Reading::Number, "1000007", "one million seven"),
            (
                Reading::Number,
                "999999999",
                "nine hundred ninety-nine million nine hundred ninety-nine thousand nine hundred ninety-nine",
            ),
            (Reading::Number, "-5", "minus five"),
            (Reading::Number, "007", "seven"),
            (USD, "0", "zero dollars"),
            (USD, "1", "one dollar"),
            (USD, "1.01", "one dollar and one cent"),
            (USD, "0.50", "fifty cents"),
            (USD, "0.01", "one cent"),
            (USD, "12.50", "twelve dollars and fifty cents"),
            (USD, "1000000.00", "one million dollars"),
            (USD, "-3.20", "minus three dollars and twenty cents"),
            (EUR, "21", "twenty-one euros"),
            (EUR, "1.99", "one euro and ninety-nine cents"),
            (DATE, "2026-03-01", "March first twenty twenty-six"),
            (DATE, "2026-03-03", "March third twenty twenty-six"),
            (DATE, "1985-12-31", "December thirty-first nineteen eighty-five"),
            (DATE, "1905-01-22", "January twenty-second nineteen oh five"),
            (DATE, "1900-07-04", "July fourth nineteen hundred"),
            (DATE, "2000-02-29", "February twenty-ninth two thousand"),
            (DATE, "2009-05-12", "May twelfth two thousand nine"),
            (DATE, "2100-01-01", "January first twenty-one hundred"),
            (DATE, "0987-01-01", "January first nine eighty-seven"),
            (DAY_AND_DATE, "2026-11-22", "Sunday November twenty-second twenty twenty-six"),
            (Reading::Time, "16:00", "four P M"),
            (Reading::Time, "00:05", "twelve oh five A M"),
            (Reading::Time, "00:00", "midnight"),
            (Reading::Time, "12:00", "noon"),
            (Reading::Time, "12:30", "twelve thirty P M"),
            (Reading::Time, "23:59", "eleven fifty-nine P M"),
            (Reading::Time, "09:10", "nine ten A M"),
            (Reading::Phone, "15551230001", "one, five five five, one two three, zero zero zero one"),
            (Reading::Phone, "+15551230001", "plus one, five five five, one two three, zero zero zero one"),
            (Reading::Phone, "5551230001", "five five five, one two three, zero zero zero one"),
            (Reading::Phone, "1230001", "one two three, zero zero zero one"),
            (Reading::Digits, "7", "seven"),
            (Reading::Digits, "1234", "one two three four"),
            (Reading::Digits, "12345678", "one two three four, five six seven eight"),
        ],
    );
}

#[test]
fn spanish() {
    check(
        "es",
        &[
            (Reading::Number, "0", "cero"),
            (Reading::Number, "1", "uno"),
            (Reading::Number, "16", "dieciséis"),
            (Reading::Number, "21", "veintiuno"),
            (Reading::Number, "31", "treinta y uno"),
            (Reading::Number, "100", "cien"),
            (Reading::Number, "101", "ciento uno"),
            (Reading::Number, "111", "ciento once"),
            (Reading::Number, "500", "quinientos"),
            (Reading::Number, "742", "setecientos cuarenta y dos"),
            (Reading::Number, "1000", "mil"),
            (Reading::Number, "1001", "mil uno"),
            (Reading::Number, "2000", "dos mil"),
            (Reading::Number, "21000", "veintiún mil"),
            (Reading::Number, "21021", "veintiún mil veintiuno"),
            (Reading::Number, "31000", "treinta y un mil"),
            (Reading::Number, "100000", "cien mil"),
            (Reading::Number, "101000", "ciento un mil"),
            (Reading::Number, "111000", "ciento once mil"),
            (Reading::Number, "1000000", "un millón"),
            (Reading::Number, "1001000", "un millón mil"),
            (Reading::Number, "21000000", "veintiún millones"),
            (Reading::Number, "100000000", "cien millones"),
            (Reading::Number, "-5", "menos cinco"),
            (USD, "0", "cero dólares"),
            (USD, "1", "un dólar"),
            (USD, "21", "veintiún dólares"),
            (USD, "11", "once dólares"),
            (USD, "100", "cien dólares"),
            (USD, "101", "ciento un dólares"),
            (USD, "12.50", "doce dólares con cincuenta centavos"),
            (USD, "0.01", "un centavo"),
            (USD, "1000000", "un millón de dólares"),
            (USD, "1000001", "un millón un dólares"),
            (EUR, "41.21", "cuarenta y un euros con veintiún céntimos"),
            (EUR, "1.01", "un euro con un céntimo"),
            (EUR, "2000000", "dos millones de euros"),
            (EUR, "1000", "mil euros"),
            (DATE, "2026-03-01", "primero de marzo de dos mil veintiséis"),
            (DATE, "2026-03-02", "dos de marzo de dos mil veintiséis"),
            (DATE, "1985-12-31", "treinta y uno de diciembre de mil novecientos ochenta y cinco"),
            (DATE, "2000-02-29", "veintinueve de febrero de dos mil"),
            (DATE, "1900-01-21", "veintiuno de enero de mil novecientos"),
            (DAY_AND_DATE, "2026-11-22", "domingo veintidós de noviembre de dos mil veintiséis"),
            (DAY_AND_DATE, "2026-11-25", "miércoles veinticinco de noviembre de dos mil veintiséis"),
            (Reading::Time, "16:00", "las cuatro de la tarde"),
            (Reading::Time, "00:05", "las doce y cinco de la noche"),
            (Reading::Time, "01:01", "la una y uno de la madrugada"),
            (Reading::Time, "06:30", "las seis y treinta de la mañana"),
            (Reading::Time, "12:00", "las doce del mediodía"),
            (Reading::Time, "13:21", "la una y veintiuno de la tarde"),
            (Reading::Time, "20:15", "las ocho y quince de la noche"),
            (Reading::Phone, "34612345678", "tres cuatro, seis uno dos, tres cuatro cinco, seis siete ocho"),
            (Reading::Phone, "612345678", "seis uno dos, tres cuatro cinco, seis siete ocho"),
            (Reading::Phone, "+34612345678", "más tres cuatro, seis uno dos, tres cuatro cinco, seis siete ocho"),
            (Reading::Digits, "105", "uno cero cinco"),
        ],
    );
}

#[test]
fn what_is_no_such_value_or_too_great_a_one_is_said_one_by_one_and_never_nothing() {
    check(
        "en",
        &[
            (Reading::Number, "1000000000", "one zero zero, zero zero zero, zero zero zero zero"),
            (Reading::Number, "12.5", "one two point five"),
            (Reading::Number, "", "a value that I cannot read"),
            (Reading::Number, "-", "a value that I cannot read"),
            (Reading::Number, "many", "a value that I cannot read"),
            (USD, "1.5", "one point five"),
            (USD, "1234567890.00", "one two three four five six seven eight nine zero point zero zero"),
            (DATE, "2026-02-30", "two zero two six, zero two, three zero"),
            (DATE, "2026-3-1", "two zero two six, three, one"),
            (DATE, "20260301", "two zero two six, zero three zero one"),
            (DATE, "２０２６-03-01", ", zero three, zero one"),
            (Reading::Time, "24:00", "two four, zero zero"),
            (Reading::Time, "7:60", "seven, six zero"),
            (Reading::Phone, "+", "plus"),
            (Reading::Phone, "12x#*", "one two pound star"),
        ],
    );
    check("es", &[(Reading::Time, "99:99", "nueve nueve, nueve nueve"), (USD, "?", "un valor que no puedo leer")]);
}

#[test]
fn every_number_and_every_day_is_said_with_words_that_there_are() {
    for language in languages() {
        let said = |reading, values: &mut dyn Iterator<Item = String>| {
            let words: BTreeSet<String> =
                vocabulary(language, reading).expect("words").into_iter().map(|w| w.0).collect();
            for value in values {
                let clips = clips(language, reading, &value);
                assert!(!clips.is_empty() && clips.iter().all(|c| words.contains(c)), "{language}, {value}: {clips:?}");
            }
        };
        for reading in [Reading::Number, USD, EUR] {
            let far = (0..1_000).flat_map(|n| [n * 1_001_001 % 999_999_999, n * 1_000_021 % 999_999_937]);
            said(reading, &mut (0..2_000).chain(far).map(|n: u64| n.to_string()));
        }
        for year in [0, 100, 1000, 1066, 1999, 2019, 2110, 9999] {
            let days = (1..13).flat_map(|month| (1..32).map(move |day| format!("{year:04}-{month:02}-{day:02}")));
            said(DAY_AND_DATE, &mut days.filter(|day| date(day).is_some()));
        }
        said(Reading::Time, &mut (0..24 * 60).map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)));
    }
}

#[test]
fn the_words_of_a_language_have_each_one_name() {
    for language in languages() {
        let words = words(language);
        let names: BTreeMap<_, _> = words.iter().cloned().collect();
        assert_eq!(names.len(), words.len(), "{language}");
        assert!(words.iter().all(|(_, text)| !text.is_empty()));
    }
}

#[test]
fn groups_are_short_and_much_the_same() {
    let groups = |digits: &str| grouped(digits).split(|word| word == PAUSE).map(<[String]>::len).collect::<Vec<_>>();
    let cases: [(usize, &[usize]); 8] = [
        (1, &[1]),
        (4, &[4]),
        (5, &[2, 3]),
        (7, &[3, 4]),
        (9, &[3, 3, 3]),
        (10, &[3, 3, 4]),
        (11, &[3, 4, 4]),
        (16, &[4, 4, 4, 4]),
    ];
    for (length, expected) in cases {
        assert_eq!(groups(&"1".repeat(length)), expected, "{length}");
    }
}

#[test]
fn a_language_that_nobody_taught_us_has_digits_and_a_variant_is_its_language() {
    assert_eq!(clips("fr", Reading::Digits, "12"), ["fr/digits/1", "fr/digits/2"]);
    assert_eq!(vocabulary("fr", Reading::Digits).map(|words| words.len()), Some(10));
    assert_eq!(vocabulary("fr", Reading::Time), None);
    assert_eq!(clips("es-MX", Reading::Number, "21"), ["es-MX/numbers/21"]);
    assert!(month_first("en") && month_first("en-US") && !month_first("es") && !month_first("fr"));
}
