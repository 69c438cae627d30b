//! English as it is spoken in the United States: "March third, twenty twenty-six", "four oh five PM".

use super::{Currency, Language, Said, listed, named};
use jiff::civil::Date;

pub static ENGLISH: Language = Language { name: "en", words, number, money, date, time, month_first: true };

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const DAYS: [&str; 31] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
    "twenty-second",
    "twenty-third",
    "twenty-fourth",
    "twenty-fifth",
    "twenty-sixth",
    "twenty-seventh",
    "twenty-eighth",
    "twenty-ninth",
    "thirtieth",
    "thirty-first",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const OTHERS: [(&str, &str); 22] = [
    ("numbers/hundred", "hundred"),
    ("numbers/thousand", "thousand"),
    ("numbers/million", "million"),
    ("numbers/oh", "oh"),
    ("money/dollar", "dollar"),
    ("money/dollars", "dollars"),
    ("money/euro", "euro"),
    ("money/euros", "euros"),
    ("money/cent", "cent"),
    ("money/cents", "cents"),
    ("money/and", "and"),
    ("time/am", "A M"),
    ("time/pm", "P M"),
    ("time/noon", "noon"),
    ("time/midnight", "midnight"),
    ("signs/plus", "plus"),
    ("signs/minus", "minus"),
    ("signs/point", "point"),
    ("signs/star", "star"),
    ("signs/pound", "pound"),
    ("signs/unknown", "a value that I cannot read"),
    ("numbers/100", "one hundred"),
];

fn words() -> Vec<(String, String)> {
    let two_digits = |n: usize| match (n / 10, n % 10) {
        (0 | 1, _) => UNITS[n].to_owned(),
        (ten, 0) => TENS[ten - 2].to_owned(),
        (ten, unit) => format!("{}-{}", TENS[ten - 2], UNITS[unit]),
    };
    let mut words = listed("digits", 0, &UNITS[..10]);
    words.extend((10..100).map(|n| (format!("numbers/{n}"), two_digits(n))));
    words.extend((2..10).map(|n| (format!("numbers/{n}00"), format!("{} hundred", UNITS[n]))));
    words.extend(listed("days", 1, &DAYS));
    words.extend(listed("months", 1, &MONTHS));
    words.extend(listed("weekdays", 1, &WEEKDAYS));
    words.extend(named(&OTHERS));
    words
}

fn number(n: u32, said: &mut Said) {
    for (scale, name) in [(1_000_000, "numbers/million"), (1_000, "numbers/thousand")] {
        let many = n / scale % 1_000;
        if many > 0 {
            below_thousand(many, said);
            said.push(name.to_owned());
        }
    }
    if n == 0 || !n.is_multiple_of(1_000) {
        below_thousand(n % 1_000, said);
    }
}

fn below_thousand(n: u32, said: &mut Said) {
    if n >= 100 {
        said.push(format!("numbers/{}", n / 100 * 100));
    }
    if n == 0 || !n.is_multiple_of(100) {
        two_digits(n % 100, said);
    }
}

fn two_digits(n: u32, said: &mut Said) {
    let folder = if n < 10 { "digits" } else { "numbers" };
    said.push(format!("{folder}/{n}"));
}

/// "twelve dollars and fifty cents", "fifty cents".
fn money(units: u32, cents: u32, currency: Currency, said: &mut Said) {
    let unit = match currency {
        Currency::Usd => "dollar",
        Currency::Eur => "euro",
    };
    let mut amount = |n: u32, name: &str| {
        number(n, said);
        said.push(format!("money/{name}{}", if n == 1 { "" } else { "s" }));
    };
    match (units, cents) {
        (_, 0) => amount(units, unit),
        (0, _) => amount(cents, "cent"),
        _ => {
            amount(units, unit);
            said.push("money/and".to_owned());
            number(cents, said);
            said.push(format!("money/cent{}", if cents == 1 { "" } else { "s" }));
        }
    }
}

/// "March third, twenty twenty-six".
fn date(date: Date, said: &mut Said) {
    said.push(format!("months/{}", date.month()));
    said.push(format!("days/{}", date.day()));
    year(date.year().unsigned_abs().into(), said);
}

/// "nineteen eighty-five", "nineteen oh five", "nineteen hundred", "two thousand five", "twenty ten".
fn year(year: u32, said: &mut Said) {
    let (century, rest) = (year / 100, year % 100);
    if century % 10 == 0 && rest < 10 || century == 0 {
        return number(year, said);
    }
    two_digits(century, said);
    match rest {
        0 => said.push("numbers/hundred".to_owned()),
        1..10 => {
            said.push("numbers/oh".to_owned());
            two_digits(rest, said);
        }
        _ => two_digits(rest, said),
    }
}

/// "four oh five PM", "noon".
fn time(hour: u32, minute: u32, said: &mut Said) {
    match (hour, minute) {
        (0, 0) => return said.push("time/midnight".to_owned()),
        (12, 0) => return said.push("time/noon".to_owned()),
        _ => two_digits((hour + 11) % 12 + 1, said),
    }
    match minute {
        0 => {}
        1..10 => {
            said.push("numbers/oh".to_owned());
            two_digits(minute, said);
        }
        _ => two_digits(minute, said),
    }
    said.push(if hour < 12 { "time/am" } else { "time/pm" }.to_owned());
}
