//! The call on one axis of time: the caller's sound, and the lanes below it.

use super::gathered::{Gathered, Item, Lane};
use super::time;
use super::{Differs, Sound};
use crate::graph::escape;
use std::fmt::{self, Write};

/// Pixels: the whole call as it is drawn without the script, a lane, the ruler, the sound, the names of the lanes.
const WIDTH: u64 = 1100;
const LANE: usize = 26;
const RULER: usize = 22;
const SOUND: usize = 84;
const NAMES: u64 = 74;
/// Of the sound, a line is drawn for so long at least, and so many at most.
const SHORTEST_MS: usize = 10;
const LINES: usize = 12_000;

pub fn write(told: &Gathered, sound: Option<&Sound>, differs: &[Differs], out: &mut String) -> fmt::Result {
    let end = told.end.max(sound.map_or(0, Sound::end)).max(1_000_000);
    let plan = Plan::of(told, sound.is_some());
    let height = plan.height;
    writeln!(out, "<section id=\"time\">\n<h2>On one axis of time</h2>")?;
    writeln!(
        out,
        "<p class=\"tools\"><button data-do=\"in\">+</button><button data-do=\"out\">&minus;</button>\
         <button data-do=\"all\">whole call</button> <span class=\"hint\">drag to move; with the keys: + &minus; 0 and \
         arrows; click for the story there</span></p>"
    )?;
    writeln!(
        out,
        "<svg id=\"timeline\" tabindex=\"0\" role=\"img\" aria-label=\"the call over time\" height=\"{height}\" \
         width=\"{}\" data-end=\"{end}\" data-names=\"{NAMES}\">",
        NAMES + WIDTH + 10
    )?;
    for (at, (_, name)) in Lane::ALL.iter().enumerate() {
        let y = plan.top + at * LANE;
        writeln!(out, "<rect class=\"lane\" x=\"0\" y=\"{y}\" width=\"100%\" height=\"{}\"/>", LANE - 2)?;
        writeln!(out, "<text class=\"lane-name\" x=\"6\" y=\"{}\">{name}</text>", y + 16)?;
    }
    writeln!(out, "<svg id=\"plot\" x=\"{NAMES}\" y=\"0\" height=\"{height}\">\n<g id=\"ruler\"></g>")?;
    if let Some(sound) = sound {
        waveform(sound, end, out)?;
    }
    told.items.iter().try_for_each(|one| item(one, plan.y(one), end, out))?;
    for differs in differs {
        let (t, x, what) = (differs.t, differs.t * WIDTH / end, escape(&differs.what));
        writeln!(
            out,
            "<svg class=\"moment differing\" data-t=\"{t}\" x=\"{x}\" y=\"0\"><title>{what}</title>\
             <line y2=\"{height}\"/></svg>"
        )?;
    }
    writeln!(out, "<svg id=\"cursor\" x=\"-9\" y=\"0\"><line y2=\"{height}\"/></svg>\n</svg>\n</svg>\n</section>")
}

/// Where lanes are, from above; the last one has a row for each fact.
struct Plan<'t> {
    top: usize,
    facts: Vec<&'t str>,
    height: usize,
}

impl Plan<'_> {
    fn of(told: &Gathered, sound: bool) -> Plan<'_> {
        let mut facts: Vec<&str> = Vec::new();
        for item in told.items.iter().filter(|item| item.lane == Lane::Fact) {
            if !facts.contains(&item.label.as_str()) {
                facts.push(&item.label);
            }
        }
        let top = RULER + if sound { SOUND } else { 0 };
        let height = top + LANE * (Lane::ALL.len() + facts.len().saturating_sub(1)) + 4;
        Plan { top, facts, height }
    }

    fn y(&self, item: &Item) -> usize {
        let lane = Lane::ALL.iter().position(|(lane, _)| *lane == item.lane).unwrap_or(0);
        let fact = self.facts.iter().position(|fact| item.lane == Lane::Fact && *fact == item.label);
        self.top + LANE * (lane + fact.unwrap_or(0))
    }
}

fn item(item: &Item, y: usize, end: u64, out: &mut String) -> fmt::Result {
    let (label, class, from, high) = (escape(&item.label), item.lane.class(), item.from, LANE - 2);
    let x = |t: u64| t * WIDTH / end;
    match item.to {
        // A nested picture cuts what is wider than it.
        Some(to) => writeln!(
            out,
            "<svg class=\"bar {class}\" data-t=\"{from}\" data-u=\"{to}\" x=\"{}\" y=\"{y}\" width=\"{}\" \
             height=\"{high}\"><title>{} to {}: {label}</title><rect width=\"100%\" height=\"100%\" rx=\"3\"/>\
             <text x=\"5\" y=\"16\">{label}</text></svg>",
            x(from),
            x(to.saturating_sub(from)).max(2),
            time(from),
            time(to),
        ),
        None => writeln!(
            out,
            "<svg class=\"moment {class}\" data-t=\"{from}\" x=\"{}\" y=\"{y}\"><title>{}: {label}</title>\
             <line y2=\"{high}\"/><text x=\"3\" y=\"16\">{label}</text></svg>",
            x(from),
            time(from),
        ),
    }
}

impl Sound {
    fn end(&self) -> u64 {
        self.from + self.clip.samples.len() as u64 * 1_000_000 / u64::from(self.clip.rate.max(1))
    }
}

/// The loudest sample either way, for each piece of time.
fn waveform(sound: &Sound, end: u64, out: &mut String) -> fmt::Result {
    let Sound { clip, from } = sound;
    let shortest = clip.rate as usize * SHORTEST_MS / 1000;
    let piece = shortest.max(clip.samples.len().div_ceil(LINES)).max(1);
    let pieces = clip.samples.chunks(piece);
    let (count, half) = (pieces.len().max(1), SOUND as i32 / 2);
    write!(
        out,
        "<svg class=\"sound\" data-t=\"{from}\" data-u=\"{}\" x=\"{}\" y=\"{RULER}\" width=\"{}\" height=\"{SOUND}\" \
         viewBox=\"0 0 {count} {SOUND}\" preserveAspectRatio=\"none\"><title>what the caller sent</title><path d=\"",
        sound.end(),
        from * WIDTH / end,
        (sound.end() - from) * WIDTH / end
    )?;
    for (at, samples) in pieces.enumerate() {
        let level = |sample: Option<&i16>| i32::from(*sample.unwrap_or(&0)) * (half - 2) / 32_768;
        let (low, high) = (level(samples.iter().min()), level(samples.iter().max()));
        if (low, high) != (0, 0) {
            write!(out, "M{at} {}V{}", half - high, half - low)?;
        }
    }
    writeln!(out, "\"/><line x1=\"0\" y1=\"{half}\" x2=\"{count}\" y2=\"{half}\"/></svg>")
}
