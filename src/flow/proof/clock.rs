//! When a call has to come in to tell one set of hours from another.

use crate::flow::hours::{Day, Hours, Range};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

/// A day of every year falls on a day that would be open otherwise within so many years.
const YEARS: i16 = 8;

/// Right before and right at each beginning and end: of a week, and of each day that is named. `from` is where the week begins.
pub fn moments(hours: &Hours, from: Timestamp) -> Vec<Timestamp> {
    let first = from.to_zoned(hours.zone.clone()).date();
    let mut days: Vec<(Date, &[Range])> =
        first.series(1.day()).take(7).map(|date| (date, of_week(hours, date))).collect();
    let named = hours.closed.iter().map(|day| (*day, [].as_slice()));
    for (day, ranges) in named.chain(hours.short.iter().map(|(day, ranges)| (*day, ranges.as_slice()))) {
        // What is named is told from what would be on that day.
        if let Some(date) = falls(hours, day, first) {
            days.extend([(date, ranges), (date, of_week(hours, date))]);
        }
    }
    let mut moments: Vec<Timestamp> = days.into_iter().flat_map(|(date, ranges)| edges(hours, date, ranges)).collect();
    moments.sort();
    moments.dedup();
    moments
}

fn of_week(hours: &Hours, date: Date) -> &[Range] {
    let weekday = usize::try_from(date.weekday().to_monday_zero_offset());
    weekday.ok().and_then(|weekday| hours.week.get(weekday)).map_or(&[], Vec::as_slice)
}

fn falls(hours: &Hours, day: Day, first: Date) -> Option<Date> {
    let mut dates: Vec<Date> = match day {
        Day::Date(date) => vec![date],
        Day::Yearly { month, day } => (first.year()..first.year() + YEARS)
            .filter_map(|year| Date::new(year, month, day).ok())
            .filter(|date| *date >= first)
            .collect(),
    };
    dates.retain(|date| !of_week(hours, *date).is_empty());
    dates.first().copied()
}

fn edges(hours: &Hours, date: Date, ranges: &[Range]) -> Vec<Timestamp> {
    let midnight = date.to_zoned(hours.zone.clone());
    let at = |minute: u16| {
        let edge = midnight.as_ref().ok()?.datetime().checked_add(i64::from(minute).minutes()).ok()?;
        Some(edge.to_zoned(hours.zone.clone()).ok()?.timestamp())
    };
    let both = ranges.iter().flat_map(|range| [range.from, range.to]);
    let both = both.flat_map(|minute| [minute.checked_sub(1), Some(minute)]);
    both.flatten().filter_map(at).collect()
}
