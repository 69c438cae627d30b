//! Spanish: "primero de marzo de dos mil veintiséis", "veintiún dólares con un centavo", "las cuatro y cinco de la tarde".

use super::{Currency, Language, Said, listed, named};
use jiff::civil::Date;

pub static SPANISH: Language = Language { name: "es", words, number, money, date, time, month_first: false };

const UNITS: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const TENS: [&str; 7] = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const HUNDREDS: [&str; 9] = [
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];
const MONTHS: [&str; 12] = [
    "de enero",
    "de febrero",
    "de marzo",
    "de abril",
    "de mayo",
    "de junio",
    "de julio",
    "de agosto",
    "de septiembre",
    "de octubre",
    "de noviembre",
    "de diciembre",
];
const WEEKDAYS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
const HOURS: [&str; 12] = [
    "la una",
    "las dos",
    "las tres",
    "las cuatro",
    "las cinco",
    "las seis",
    "las siete",
    "las ocho",
    "las nueve",
    "las diez",
    "las once",
    "las doce",
];
const OTHERS: [(&str, &str); 29] = [
    ("numbers/cien", "cien"),
    ("numbers/1-before", "un"),
    ("numbers/21-before", "veintiún"),
    ("numbers/thousand", "mil"),
    ("numbers/million", "millón"),
    ("numbers/millions", "millones"),
    ("days/1", "primero"),
    ("days/of", "de"),
    ("money/dollar", "dólar"),
    ("money/dollars", "dólares"),
    ("money/centavo", "centavo"),
    ("money/centavos", "centavos"),
    ("money/euro", "euro"),
    ("money/euros", "euros"),
    ("money/centimo", "céntimo"),
    ("money/centimos", "céntimos"),
    ("money/with", "con"),
    ("money/of", "de"),
    ("time/and", "y"),
    ("time/early", "de la madrugada"),
    ("time/morning", "de la mañana"),
    ("time/noon", "del mediodía"),
    ("time/afternoon", "de la tarde"),
    ("time/night", "de la noche"),
    ("signs/plus", "más"),
    ("signs/minus", "menos"),
    ("signs/point", "punto"),
    ("signs/star", "asterisco"),
    ("signs/pound", "numeral"),
];

fn words() -> Vec<(String, String)> {
    let two_digits = |n: usize| match (n / 10, n % 10) {
        (0..=2, _) => UNITS[n].to_owned(),
        (ten, 0) => TENS[ten - 3].to_owned(),
        (ten, unit) => format!("{} y {}", TENS[ten - 3], UNITS[unit]),
    };
    let mut words = listed("digits", 0, &UNITS[..10]);
    words.extend((10..100).map(|n| (format!("numbers/{n}"), two_digits(n))));
    words.extend((3..10).map(|ten| (format!("numbers/{ten}1-before"), format!("{} y un", TENS[ten - 3]))));
    words.extend(HUNDREDS.iter().zip(1..).map(|(text, n)| (format!("numbers/{n}00"), (*text).to_owned())));
    words.extend(listed("months", 1, &MONTHS));
    words.extend(listed("weekdays", 1, &WEEKDAYS));
    words.extend(listed("time", 1, &HOURS));
    words.extend(named(&OTHERS));
    words.push(("signs/unknown".to_owned(), "un valor que no puedo leer".to_owned()));
    words
}

/// What a number stands before: nothing ("veintiuno"), or a masculine word ("veintiún dólares", "veintiún mil").
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Masculine,
}

fn number(n: u32, said: &mut Said) {
    counted(n, Before::Nothing, said);
}

fn counted(n: u32, before: Before, said: &mut Said) {
    let (millions, thousands, rest) = (n / 1_000_000, n / 1_000 % 1_000, n % 1_000);
    if millions > 0 {
        below_thousand(millions, Before::Masculine, said);
        said.push(if millions == 1 { "numbers/million" } else { "numbers/millions" }.to_owned());
    }
    if thousands > 0 {
        // "mil", never "un mil".
        if thousands > 1 {
            below_thousand(thousands, Before::Masculine, said);
        }
        said.push("numbers/thousand".to_owned());
    }
    if n == 0 || rest > 0 {
        below_thousand(rest, before, said);
    }
}

fn below_thousand(n: u32, before: Before, said: &mut Said) {
    if n == 100 {
        return said.push("numbers/cien".to_owned());
    }
    if n > 100 {
        said.push(format!("numbers/{}", n / 100 * 100));
    }
    let two = n % 100;
    match two {
        0 if n > 0 => {}
        // "once" is a word of its own.
        _ if two % 10 == 1 && two != 11 && before == Before::Masculine => said.push(format!("numbers/{two}-before")),
        0..10 => said.push(format!("digits/{two}")),
        _ => said.push(format!("numbers/{two}")),
    }
}

/// "doce dólares con cincuenta centavos", "un millón de euros", "cincuenta céntimos".
fn money(units: u32, hundredths: u32, currency: Currency, said: &mut Said) {
    let (unit, hundredth) = match currency {
        Currency::Usd => ("dollar", "centavo"),
        Currency::Eur => ("euro", "centimo"),
    };
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    if units > 0 || hundredths == 0 {
        counted(units, Before::Masculine, said);
        if units > 0 && units.is_multiple_of(1_000_000) {
            said.push("money/of".to_owned());
        }
        said.push(format!("money/{unit}{}", plural(units)));
    }
    if hundredths > 0 {
        if units > 0 {
            said.push("money/with".to_owned());
        }
        counted(hundredths, Before::Masculine, said);
        said.push(format!("money/{hundredth}{}", plural(hundredths)));
    }
}

/// "primero de marzo de dos mil veintiséis".
fn date(date: Date, said: &mut Said) {
    match date.day() {
        1 => said.push("days/1".to_owned()),
        day => number(day.unsigned_abs().into(), said),
    }
    said.push(format!("months/{}", date.month()));
    said.push("days/of".to_owned());
    number(date.year().unsigned_abs().into(), said);
}

/// "las cuatro y cinco de la tarde".
fn time(hour: u32, minute: u32, said: &mut Said) {
    said.push(format!("time/{}", (hour + 11) % 12 + 1));
    if minute > 0 {
        said.push("time/and".to_owned());
        number(minute, said);
    }
    let part = match hour {
        0 | 20.. => "night",
        1..6 => "early",
        6..12 => "morning",
        12 => "noon",
        _ => "afternoon",
    };
    said.push(format!("time/{part}"));
}
