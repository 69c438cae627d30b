//! One way to write a number: E.164 with its plus sign, where the trunk's country tells how.

/// E.164 numbers have no more digits.
const MOST: usize = 15;
/// Anything shorter is an extension or a short code, and is dialled as it is.
const LEAST: usize = 7;
/// National numbers of a country without one length for all.
const ANY: (usize, usize) = (LEAST, MOST);

/// How a country writes numbers.
struct Plan {
    country: &'static str,
    /// What stands before a number of another place of the country, and is no part of it.
    trunk: &'static str,
    /// What stands before the code of another country.
    international: &'static [&'static str],
    /// Digits of the shortest and of the longest national number.
    national: (usize, usize),
    /// A number without any prefix that begins with the country's code and has so many digits contains that code;
    /// a shorter one is a national number that happens to begin like it.
    whole: usize,
}

/// Countries that do not do as most do: a 0 before national numbers, 00 before country codes.
const PLANS: [Plan; 12] = [
    // North America: ten digits always; 1 before them; 011. A PBX from elsewhere may send 00, which nobody dials there.
    plan("1", "1", &["011", "00"], (10, 10), 11),
    // Russia and Kazakhstan: 8, and 8~10; ten digits, of which 7 may be the first.
    plan("7", "8", &["810", "00"], (10, 10), 11),
    // Italy: the 0 belongs to the number. Ten digits that begin with 39 are a mobile.
    plan("39", "", &["00"], ANY, 11),
    // No prefix at all: Spain, Denmark, Norway; Poland, where 48 is an area as well.
    plan("34", "", &["00"], ANY, 11),
    plan("45", "", &["00"], ANY, 10),
    plan("47", "", &["00"], ANY, 10),
    plan("48", "", &["00"], ANY, 11),
    // Hungary: 06.
    plan("36", "06", &["00"], ANY, 10),
    // India and Brazil: ten and eleven digits without the 0 are usual, and may begin with the code.
    plan("91", "0", &["00"], ANY, 12),
    plan("55", "0", &["00"], ANY, 12),
    // Australia and Japan: their own prefixes, and 00 is none of them.
    plan("61", "0", &["0011"], ANY, 11),
    plan("81", "0", &["010"], ANY, 11),
];

const fn plan(
    country: &'static str,
    trunk: &'static str,
    international: &'static [&'static str],
    national: (usize, usize),
    whole: usize,
) -> Plan {
    Plan { country, trunk, international, national, whole }
}

/// The number as E.164, if `country` (its digits) tells how to write it; otherwise as it came, without the separators
/// that only please the eye. A name, an extension and what fits no rule stay as they came.
pub fn normal(user: &str, country: Option<&str>) -> String {
    // RFC 3966 section 5.1.1: visual separators.
    let bare: String = user.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' ')).collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    if digits.len() < LEAST || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return user.to_owned();
    }
    let Some(country) = country.filter(|_| !bare.starts_with('+')) else { return bare };
    match international(&bare, country).filter(|number| (LEAST..=MOST).contains(&number.len())) {
        Some(number) => format!("+{number}"),
        None => bare,
    }
}

/// Country code and national number of digits that were dialled or sent in that country.
fn international(digits: &str, country: &str) -> Option<String> {
    let usual = Plan { country: "", trunk: "0", international: &["00"], national: ANY, whole: country.len() + 7 };
    let plan = PLANS.iter().find(|plan| plan.country == country).unwrap_or(&usual);
    let abroad = plan.international.iter().find_map(|prefix| digits.strip_prefix(prefix));
    if let Some(number) = abroad.filter(|number| number.len() >= LEAST && !number.starts_with('0')) {
        return Some(number.to_owned());
    }
    let coded = digits.strip_prefix(country).filter(|_| digits.len() >= plan.whole);
    let national = coded.or_else(|| digits.strip_prefix(plan.trunk)).unwrap_or(digits);
    let (least, most) = plan.national;
    (least..=most).contains(&national.len()).then(|| format!("{country}{national}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_countries_write_their_numbers_one_way() {
        let cases = [
            ("1", "2025550123", "+12025550123"),
            ("1", "12025550123", "+12025550123"),
            ("1", "(202) 555-0123", "+12025550123"),
            ("1", "011442079460123", "+442079460123"),
            ("1", "00442079460123", "+442079460123"),
            ("1", "5550123", "5550123"),
            ("1", "92025550123", "92025550123"),
            ("44", "02079460123", "+442079460123"),
            ("44", "442079460123", "+442079460123"),
            ("44", "0012025550123", "+12025550123"),
            ("44", "01184960123", "+441184960123"),
            ("49", "03012345678", "+493012345678"),
            ("49", "4930123456", "+4930123456"),
            ("33", "0123456789", "+33123456789"),
            ("39", "0612345678", "+390612345678"),
            ("39", "3921234567", "+393921234567"),
            ("39", "393921234567", "+393921234567"),
            ("34", "912345678", "+34912345678"),
            ("34", "34912345678", "+34912345678"),
            ("7", "84951234567", "+74951234567"),
            ("7", "74951234567", "+74951234567"),
            ("7", "7272123456", "+77272123456"),
            ("7", "810442079460123", "+442079460123"),
            ("47", "47123456", "+4747123456"),
            ("47", "4722123456", "+4722123456"),
            ("48", "481234567", "+48481234567"),
            ("36", "0612345678", "+3612345678"),
            ("91", "9123456789", "+919123456789"),
            ("91", "919123456789", "+919123456789"),
            ("55", "55912345678", "+5555912345678"),
            ("61", "0291234567", "+61291234567"),
            ("61", "0011442079460123", "+442079460123"),
            ("81", "0312345678", "+81312345678"),
            ("81", "01012025550123", "+12025550123"),
            ("65", "65123456", "+6565123456"),
            ("65", "6561234567", "+6561234567"),
        ];
        for (country, written, expected) in cases {
            assert_eq!(normal(written, Some(country)), expected, "{written} in +{country}");
            assert_eq!(normal(expected, Some(country)), expected, "{expected} again in +{country}");
        }
    }

    #[test]
    fn what_is_no_number_stays_as_it_came() {
        let cases =
            ["100", "911", "10-20", "alice", "john.doe-2", "*69", "", "+", "+1-202", "5550123#", "12345678901234567"];
        for text in cases {
            assert_eq!(normal(text, Some("1")), text);
        }
        for (written, expected) in
            [("2025550123", "2025550123"), ("00442079460123", "00442079460123"), ("+1-202-555-0123", "+12025550123")]
        {
            assert_eq!(normal(written, None), expected);
        }
    }
}
