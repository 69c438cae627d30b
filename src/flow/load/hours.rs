//! `hours:` and `calendars:`, from their text.

use super::Loading;
use super::limits::{MAX_DAYS, MAX_HOURS, MAX_RANGES};
use crate::flow::hours::{Day, Hours, Range};
use crate::yaml::{Node, Value, Word};
use jiff::tz::TimeZoneDatabase;

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Calendars are shared lists of days: `us: [12-25, 2026-11-26]`.
pub fn calendars(node: Option<&Node>, loading: &mut Loading) {
    let entries = node.and_then(|n| n.map("the calendars", MAX_HOURS, &mut loading.faults)).unwrap_or(&[]);
    for (name, node) in entries {
        name.is_name("the name of a calendar", &mut loading.faults);
        let days = days(node, loading);
        let name = loading.full(name).text;
        loading.calendars.insert(name, days);
    }
}

pub fn hours(name: &Word, node: &Node, loading: &mut Loading) -> Option<Hours> {
    let entries = node.map("hours as `{ zone: America/New_York, mon-fri: 08:00-20:00 }`", 20, &mut loading.faults)?;
    let mut zone = None;
    let mut week: [Vec<Range>; 7] = Default::default();
    let (mut closed, mut short) = (Vec::new(), Vec::new());
    for (key, node) in entries {
        match key.text.as_str() {
            "zone" => zone = Some(self::zone(node, loading)),
            "closed" => closed = days(node, loading),
            "short" => short = short_days(node, loading),
            _ => {
                let Some(weekdays) = weekdays(&key.text) else {
                    let remedy = "zone, closed, short, and days: mon, mon-fri, sat-sun";
                    let message = format!("hours `{}` have no key `{}`", name.text, key.text);
                    loading.faults.error("unknown-key", key.span, message).remedy(remedy);
                    continue;
                };
                let ranges = ranges(node, loading);
                for day in weekdays {
                    if !week[day].is_empty() {
                        let message = format!("`{}` is told of a second time", WEEK[day]);
                        loading.faults.error("duplicate-key", key.span, message);
                    }
                    week[day].clone_from(&ranges);
                }
            }
        }
    }
    let Some(zone) = zone else {
        let message = format!("hours `{}` have no `zone:`", name.text);
        loading.faults.error("missing-key", node.span, message).remedy("zone: America/New_York");
        return None;
    };
    Some(Hours { name: name.clone(), zone: zone?, week, closed, short })
}

fn zone(node: &Node, loading: &mut Loading) -> Option<jiff::tz::TimeZone> {
    let word = node.word("a time zone", &mut loading.faults)?;
    // What is built in, and not what the machine has: a recorded call runs again anywhere.
    let zone = TimeZoneDatabase::bundled().get(&word.text).ok();
    if zone.is_none() {
        let message = format!("there is no time zone `{}`", word.text);
        loading.faults.error("unknown-name", word.span, message).remedy("a name of the IANA database: Europe/Madrid");
    }
    zone
}

/// `mon`, `mon-fri`: which days of the week, Monday 0.
fn weekdays(text: &str) -> Option<Vec<usize>> {
    let day = |text: &str| WEEK.iter().position(|day| *day == text);
    match text.split_once('-') {
        None => Some(vec![day(text)?]),
        Some((from, to)) => {
            let (from, to) = (day(from)?, day(to)?);
            Some((0..=(to + 7 - from) % 7).map(|n| (from + n) % 7).collect())
        }
    }
}

/// One range, or a list of them.
fn ranges(node: &Node, loading: &mut Loading) -> Vec<Range> {
    let one = std::slice::from_ref(node);
    let items = match &node.value {
        Value::List(_) => node.list("ranges", MAX_RANGES, &mut loading.faults).unwrap_or(&[]),
        _ => one,
    };
    let read = |item: &Node| {
        let word = item.word("a range as `08:00-20:00`", &mut loading.faults)?;
        let range = Range::read(&word.text);
        if range.is_none() {
            item.wrong("a range as `08:00-20:00`", &mut loading.faults);
        }
        range
    };
    items.iter().filter_map(read).collect()
}

/// A list of days and calendars.
fn days(node: &Node, loading: &mut Loading) -> Vec<Day> {
    let items = node.list("days as `[2026-11-26, 12-25]`", MAX_DAYS, &mut loading.faults).unwrap_or(&[]);
    items.iter().flat_map(|item| day(item, loading)).collect()
}

fn day(node: &Node, loading: &mut Loading) -> Vec<Day> {
    let Some(word) = node.word("a day or a calendar", &mut loading.faults) else { return Vec::new() };
    if let Some(day) = Day::read(&word.text) {
        return vec![day];
    }
    let within = loading.full(&word).text;
    let found = [within, word.text.clone()].iter().find_map(|name| loading.calendars.get(name).cloned());
    found.unwrap_or_else(|| {
        let message = format!("`{}` is neither a day nor a calendar", word.text);
        let remedy = "2026-11-26, 12-25 for every year, or the name of a calendar of `calendars:`";
        loading.faults.error("unknown-name", word.span, message).remedy(remedy);
        Vec::new()
    })
}

/// `{ 12-24: 08:00-12:00 }`
fn short_days(node: &Node, loading: &mut Loading) -> Vec<(Day, Vec<Range>)> {
    let entries = node.map("days as `{ 12-24: 08:00-12:00 }`", MAX_DAYS, &mut loading.faults).unwrap_or(&[]);
    let mut short = Vec::new();
    for (day, node) in entries {
        match Day::read(&day.text) {
            Some(read) => short.push((read, ranges(node, loading))),
            None => {
                let message = format!("`{}` is no day", day.text);
                loading.faults.error("unknown-name", day.span, message).remedy("2026-12-24, or 12-24 for every year");
            }
        }
    }
    short
}
