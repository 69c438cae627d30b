//! The call on one axis of time: the caller's sound, and the lanes below it.

use super::Differs;
use super::gathered::{Gathered, Item, Lane};
use super::time;
use crate::audio::wav::Clip;
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

pub fn write(told: &Gathered, sound: Option<&Clip>, differs: &[Differs], out: &mut String) -> fmt::Result {
    let sounding = sound.map_or(0, |clip| clip.samples.len() as u64 * 1_000_000 / u64::from(clip.rate.max(1)));
    let end = told.end.max(sounding).max(1_000_000);
    let top = RULER + sound.map_or(0, |_| SOUND);
    // The last lane has a row for each fact.
    let mut facts: Vec<&str> = Vec::new();
    for item in told.items.iter().filter(|item| item.lane == Lane::Fact) {
        if !facts.contains(&item.label.as_str()) {
            facts.push(&item.label);
        }
    }
    let row = |item: &Item| match Lane::ALL.iter().position(|(lane, _)| *lane == item.lane) {
        Some(lane) => {
            top + lane * LANE
                + facts.iter().position(|fact| *fact == item.label).filter(|_| item.lane == Lane::Fact).unwrap_or(0)
                    * LANE
        }
        None => top,
    };
    let height = top + LANE * (Lane::ALL.len() + facts.len().saturating_sub(1)) + 4;
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
        let y = top + at * LANE;
        writeln!(out, "<rect class=\"lane\" x=\"0\" y=\"{y}\" width=\"100%\" height=\"{}\"/>", LANE - 2)?;
        writeln!(out, "<text class=\"lane-name\" x=\"6\" y=\"{}\">{name}</text>", y + 16)?;
    }
    writeln!(out, "<svg id=\"plot\" x=\"{NAMES}\" y=\"0\" height=\"{height}\">\n<g id=\"ruler\"></g>")?;
    if let Some(clip) = sound {
        waveform(clip, sounding, end, out)?;
    }
    let x = |t: u64| t * WIDTH / end;
    for item in &told.items {
        let (y, label, class) = (row(item), escape(&item.label), item.lane.class());
        let from = item.from;
        let when = item.to.map_or_else(|| time(from), |to| format!("{} to {}", time(from), time(to)));
        match item.to {
            // A nested picture cuts what is wider than it.
            Some(to) => writeln!(
                out,
                "<svg class=\"bar {class}\" data-t=\"{from}\" data-u=\"{to}\" x=\"{}\" y=\"{y}\" width=\"{}\" \
                 height=\"{}\"><title>{when}: {label}</title><rect width=\"100%\" height=\"100%\" rx=\"3\"/>\
                 <text x=\"5\" y=\"16\">{label}</text></svg>",
                x(from),
                x(to - from).max(2),
                LANE - 2,
            )?,
            None => writeln!(
                out,
                "<svg class=\"moment {class}\" data-t=\"{from}\" x=\"{}\" y=\"{y}\"><title>{when}: {label}</title>\
                 <line y2=\"{}\"/><text x=\"3\" y=\"16\">{label}</text></svg>",
                x(from),
                LANE - 2,
            )?,
        }
    }
    for differs in differs {
        let (t, what) = (differs.t, escape(&differs.what));
        writeln!(
            out,
            "<svg class=\"moment differing\" data-t=\"{t}\" x=\"{}\" y=\"0\"><title>{what}</title>\
             <line y2=\"{height}\"/></svg>",
            x(t)
        )?;
    }
    writeln!(out, "<svg id=\"cursor\" x=\"-9\" y=\"0\"><line y2=\"{height}\"/></svg>\n</svg>\n</svg>\n</section>")
}

/// The loudest sample either way, for each piece of time.
fn waveform(clip: &Clip, sounding: u64, end: u64, out: &mut String) -> fmt::Result {
    let shortest = clip.rate as usize * SHORTEST_MS / 1000;
    let piece = shortest.max(clip.samples.len().div_ceil(LINES)).max(1);
    let pieces = clip.samples.chunks(piece);
    let (count, half) = (pieces.len().max(1), SOUND as i32 / 2);
    write!(
        out,
        "<svg class=\"sound\" data-t=\"0\" data-u=\"{sounding}\" x=\"0\" y=\"{RULER}\" width=\"{}\" height=\"{SOUND}\" \
         viewBox=\"0 0 {count} {SOUND}\" preserveAspectRatio=\"none\"><title>what the caller sent</title><path d=\"",
        sounding * WIDTH / end
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
