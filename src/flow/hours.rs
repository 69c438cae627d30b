//! When a place is open: days of the week in a time zone, days that are closed, days that are short.

use crate::yaml::Word;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

const DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of `hours:`.
#[derive(Clone, Debug)]
pub struct Hours {
    pub name: Word,
    pub zone: TimeZone,
    /// From Monday on.
    pub week: [Vec<Range>; 7],
    pub closed: Vec<Day>,
    /// Days with hours of their own.
    pub short: Vec<(Day, Vec<Range>)>,
}

/// Minutes from midnight on, the end excluded; an end beyond 24:00 is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: u16,
    pub to: u16,
}

impl Range {
    /// `08:00-20:00`; one that ends no later than it begins goes on until the next day.
    pub fn read(text: &str) -> Option<Range> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < DAY).then(|| Range { from, to: if to <= from { to + DAY } else { to } })
    }
}

/// `16:05`, and `24:00` for the end of a day.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let part = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = (part(hour)?, part(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

/// A day of one year or of every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    Date(Date),
    Yearly { month: i8, day: i8 },
}

impl Day {
    /// `2026-12-25` or `12-25`.
    pub fn read(text: &str) -> Option<Day> {
        if let Some(date) = crate::audio::spoken::date(text) {
            return Some(Day::Date(date));
        }
        let (month, day) = text.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A year that has every day.
        Date::new(2024, month, day).ok().map(|_| Day::Yearly { month, day })
    }

    fn is(self, date: Date) -> bool {
        match self {
            Day::Date(day) => day == date,
            Day::Yearly { month, day } => (date.month(), date.day()) == (month, day),
        }
    }
}

impl Hours {
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local: DateTime = at.to_zoned(self.zone.clone()).datetime();
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let within =
            |date: Date, minute: u16| self.of(date).iter().any(|range| (range.from..range.to).contains(&minute));
        let yesterday = local.date().checked_sub(Span::new().days(1)).ok();
        within(local.date(), minute) || yesterday.is_some_and(|date| within(date, minute + DAY))
    }

    /// A minute, in words that are the same for all days of the same hours: `office mon 08:00 open`, `office 12-25 08:00 closed`.
    pub fn minute(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        let date = local.date();
        let named = self.closed.iter().chain(self.short.iter().map(|(day, _)| day)).any(|day| day.is(date));
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        let like = self.week.iter().position(|ranges| Some(ranges) == self.week.get(weekday)).unwrap_or(weekday);
        let day = if named { date.strftime("%m-%d").to_string() } else { DAYS[like].to_owned() };
        let state = if self.is_open(at) { "open" } else { "closed" };
        format!("{} {day} {} {state}", self.name.text, local.strftime("%H:%M"))
    }

    /// The hours of a day: a day that is closed has none, whatever day of the week it is.
    fn of(&self, date: Date) -> &[Range] {
        if self.closed.iter().any(|day| day.is(date)) {
            return &[];
        }
        if let Some((_, ranges)) = self.short.iter().find(|(day, _)| day.is(date)) {
            return ranges;
        }
        let weekday = date.weekday().to_monday_zero_offset();
        usize::try_from(weekday).ok().and_then(|weekday| self.week.get(weekday)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Span as Place;
    use jiff::tz::TimeZoneDatabase;

    fn ranges(texts: &[&str]) -> Vec<Range> {
        texts.iter().map(|text| Range::read(text).expect("a range")).collect()
    }

    #[test]
    fn open_by_day_zone_night_and_holiday() {
        let day = ranges(&["08:00-12:00", "13:00-18:00"]);
        let mut week: [Vec<Range>; 7] = std::array::from_fn(|_| day.clone());
        week[4] = ranges(&["22:00-02:00"]);
        week[6] = Vec::new();
        let hours = Hours {
            name: Word { text: "office".into(), span: Place::default() },
            zone: TimeZoneDatabase::bundled().get("America/New_York").expect("a zone"),
            week,
            closed: vec![Day::read("12-25").expect("a day"), Day::read("2026-11-26").expect("a day")],
            short: vec![(Day::read("12-24").expect("a day"), ranges(&["08:00-10:00"]))],
        };
        let cases = [
            ("2026-11-23T13:00:00Z", true), // Monday 08:00 in New York
            ("2026-11-23T12:59:59Z", false),
            ("2026-11-23T17:30:00Z", false), // lunch
            ("2026-07-06T12:00:00Z", true),  // 08:00 in summer
            ("2026-11-28T03:30:00Z", true),  // Friday 22:30
            ("2026-11-28T06:59:00Z", true),  // Saturday 01:59, still Friday's
            ("2026-11-28T07:00:00Z", false),
            ("2026-11-22T15:00:00Z", false), // Sunday
            ("2026-11-26T15:00:00Z", false), // that day alone
            ("2027-12-25T15:00:00Z", false), // every year
            ("2026-12-24T14:00:00Z", true),
            ("2026-12-24T16:00:00Z", false), // short
            // The hour that the change of clocks leaves out, and the one that it gives twice.
            ("2026-03-08T07:30:00Z", false),
        ];
        for (at, open) in cases {
            assert_eq!(hours.is_open(at.parse().expect("a timestamp")), open, "{at}");
        }
    }

    #[test]
    fn what_is_no_range_and_no_day() {
        for text in ["8:00-20:00", "08:00", "08:00-25:00", "08:60-09:00", "24:00-25:00", "a-b", ""] {
            assert_eq!(Range::read(text), None, "{text}");
        }
        assert_eq!(Range::read("00:00-24:00"), Some(Range { from: 0, to: DAY }));
        for text in ["13-01", "02-30", "1-1", "2026-02-30", "christmas", ""] {
            assert_eq!(Day::read(text), None, "{text}");
        }
        assert!(Day::read("02-29").is_some());
    }
}
