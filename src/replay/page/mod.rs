//! One call as a page in a file of its own: what happened on one axis of time with the caller's sound, the story, the facts as
//! they filled, the way through the flow, the SIP ladder, and where a replay differs. Values are masked as in the story.
//!
//! ```text
//! recording -> runs again -> gathered (rows, and bars on lanes) -> timeline, story, facts
//!                         -> ladder            flow -> its picture, the taken ways marked
//! ```
//! Nothing is loaded, and only the page's own script runs: its digest is in the page's policy.

mod gathered;
mod ladder;
mod timeline;
mod way;

use super::quote::Quotes;
use super::stage::Words;
use crate::audio::wav::Clip;
use crate::call::Program;
use crate::graph::escape;
use crate::record::Fixture;
use crate::record::compare::Difference;
use crate::record::trace::Head;
use crate::rerun::Sounds;
use crate::rerun::anchored::{self, Need};
use crate::rerun::outcome::{self, How, Outcome};
use data_encoding::BASE64;
use gathered::{Gathered, Told};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Lines of the flow around the one that a difference is at.
const AROUND: usize = 2;

/// The flow as it is now.
pub struct Now<'n> {
    pub program: &'n Program,
    pub sounds: &'n Sounds,
    pub quotes: Quotes,
}

/// Where the call, run again, differs.
struct Differs {
    /// Microseconds since the INVITE.
    t: u64,
    what: String,
    recorded: Option<String>,
    replayed: Option<String>,
    /// Block and line of the flow.
    place: Option<(String, usize)>,
}

/// What the caller sent.
pub struct Sound {
    pub clip: Clip,
    /// When its first sample was, in microseconds since the INVITE.
    pub from: u64,
}

/// The page. Without the flow less is told.
pub fn html(fixture: &Fixture, flow: Option<&Now>, sound: Option<&Sound>) -> String {
    let words = flow.map(|flow| Words::of(&flow.program.prompts));
    let (told, differs) = gather(fixture, flow, words.as_ref());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = Page { fixture, flow, sound, told: &told, differs: &differs, out: &mut text }.write();
    text
}

/// As the call runs again, so that it is known what it knew; where that differs, as it was recorded.
fn gather(fixture: &Fixture, flow: Option<&Now>, words: Option<&Words>) -> (Gathered, Vec<Differs>) {
    let differs = flow.map_or_else(Vec::new, |flow| {
        differing(outcome::replay(fixture, flow.program, flow.sounds, &How::default()).outcome)
    });
    if let Some(flow) = flow.filter(|_| differs.is_empty()) {
        let mut told = Told::new(words);
        let ran = anchored::watched(fixture, flow.program, flow.sounds, |line, context| told.take(line, Some(context)));
        if ran.is_ok() {
            return (told.gathered(), differs);
        }
    }
    let mut told = Told::new(words);
    fixture.lines.iter().for_each(|line| told.take(line, None));
    (told.gathered(), differs)
}

fn differing(outcome: Outcome) -> Vec<Differs> {
    let none = |t, what: String| Differs { t, what, recorded: None, replayed: None, place: None };
    match outcome {
        Outcome::Pass { .. } => Vec::new(),
        Outcome::Broken(why) => vec![none(0, why)],
        Outcome::NeedsInput(needs) => {
            let of = |need: Need| {
                let place = need.place.map(|(block, _, line)| (block, line));
                Differs { place, ..none(need.t, format!("needs input: {}", need.what)) }
            };
            needs.into_iter().map(of).collect()
        }
        Outcome::Diff(differences) => {
            let of = |difference: Difference| {
                let Difference { layer, t, place, line, subject, recorded, replayed } = difference;
                let place = place.map(|(block, _)| block).zip(line);
                Differs { t, what: format!("{layer}: {subject}"), recorded, replayed, place }
            };
            differences.into_iter().map(of).collect()
        }
    }
}

struct Page<'p> {
    fixture: &'p Fixture,
    flow: Option<&'p Now<'p>>,
    sound: Option<&'p Sound>,
    told: &'p Gathered,
    differs: &'p [Differs],
    out: &'p mut String,
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        let header = &self.fixture.header;
        let head: Head = crate::record::trace::Trace::of(self.fixture).head;
        let digest = BASE64.encode(&Sha256::digest(SCRIPT));
        let (call, flow) = (escape(&header.call), escape(&header.flow));
        writeln!(self.out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(
            self.out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
        )?;
        writeln!(
            self.out,
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>call {call}, {flow}</title>"
        )?;
        writeln!(self.out, "<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{flow}</h1>")?;
        let end = self.told.rows.last().map_or("", |row| row.text.as_str());
        writeln!(self.out, "<p>call <b>{call}</b> from {} at {}</p>", escape(&head.from), header.at)?;
        writeln!(self.out, "<p>{}</p>\n</header>\n<main>", escape(end))?;
        self.differences()?;
        timeline::write(self.told, self.sound, self.differs, self.out)?;
        self.story()?;
        self.facts()?;
        if let Some(flow) = self.flow {
            way::write(&flow.program.flow, &self.fixture.lines, self.out)?;
        }
        ladder::write(self.fixture, self.out)?;
        writeln!(self.out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
    }

    fn differences(&mut self) -> fmt::Result {
        if self.flow.is_none() {
            return writeln!(self.out, "<p class=\"hint\">Told without the flow (--flows says where flows are).</p>");
        }
        if self.differs.is_empty() {
            return writeln!(self.out, "<p class=\"same\">The flow as it is now does what was recorded.</p>");
        }
        writeln!(self.out, "<section id=\"differences\">\n<h2>Differences</h2>")?;
        for differs in self.differs {
            let what = escape(&differs.what);
            writeln!(self.out, "<article class=\"differs\">\n<p>{} {what}</p>", time(differs.t))?;
            if let (Some((block, line)), Some(Now { quotes, .. })) = (&differs.place, self.flow) {
                let place = quotes.place(block, *line).unwrap_or_default();
                let excerpt = quotes.excerpt(block, *line, AROUND);
                writeln!(self.out, "<p class=\"file\">{}</p>\n<pre>{}</pre>", escape(&place), escape(&excerpt))?;
            }
            let sides = [("recorded", &differs.recorded), ("replayed", &differs.replayed)];
            for (side, text) in sides.into_iter().filter(|_| (&differs.recorded, &differs.replayed) != (&None, &None)) {
                let text = escape(text.as_deref().unwrap_or("nothing"));
                writeln!(self.out, "<p class=\"{side}\"><b>{side}</b> {text}</p>")?;
            }
            writeln!(self.out, "</article>")?;
        }
        writeln!(self.out, "</section>")
    }

    fn story(&mut self) -> fmt::Result {
        writeln!(self.out, "<section id=\"story\">\n<h2>What happened</h2>\n<table>")?;
        for row in &self.told.rows {
            let differs = self.differs.iter().any(|differs| differs.t == row.t);
            let class = if differs { " class=\"differs\"" } else { "" };
            let block = escape(row.place.split(':').next().unwrap_or(""));
            writeln!(
                self.out,
                "<tr{class} tabindex=\"0\" data-at=\"{}\" data-in=\"{block}\"><td>{}</td><td>{}</td><td>{}</td></tr>",
                row.t,
                time(row.t),
                escape(&row.place),
                escape(&row.text)
            )?;
        }
        writeln!(self.out, "</table>\n</section>")
    }

    fn facts(&mut self) -> fmt::Result {
        writeln!(self.out, "<section id=\"facts\">\n<h2>What was learned, and when</h2>\n<table>")?;
        for row in &self.told.facts {
            let (at, text) = (time(row.t), escape(&row.text));
            writeln!(self.out, "<tr tabindex=\"0\" data-at=\"{}\"><td>{at}</td><td>{text}</td></tr>", row.t)?;
        }
        if self.told.facts.is_empty() {
            writeln!(self.out, "<tr><td>nothing</td></tr>")?;
        }
        writeln!(self.out, "</table>\n</section>")
    }
}

/// `0:04.2`.
fn time(t: u64) -> String {
    let tenths = t / 100_000;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}
