//! A trace as a ladder on a terminal: caller, askonce and agent side by side, messages as arrows between them, and what
//! happened in the call in its place.

use super::fixture::{Fixture, Step};
use super::outline;
use super::seam::Leg;
use super::trace::{Entry, Head, Note, Sip, Trace, Way};
use crate::sip::{Message, Request, wire};

/// Characters between two sides.
const COLUMN: usize = 40;
/// Characters of an arrow beside its label: a blank on each side of it, the tip, a dash at least each way.
const ARROW: usize = 5;

/// A line or two of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Microseconds since the INVITE.
    pub t: u64,
    pub kind: Kind,
    pub leg: Option<Leg>,
    pub text: String,
}

/// What a row is. A message that has a session description tells of it in a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Message { way: Way, sdp: Option<String> },
    Keys,
    Note,
}

/// The ladder of a recording. One that holds no messages shows those that its inputs and outputs stand for.
pub fn of_recording(fixture: &Fixture) -> Vec<Row> {
    let trace = Trace::of(fixture);
    if !fixture.sip.is_empty() {
        return rows(&trace.entries);
    }
    let mut found: Vec<Row> = Vec::new();
    for line in &fixture.lines {
        let (message, note) = match &line.step {
            Step::In(input) => (outline::received(input), Note::of_input(line.t, input)),
            Step::Out(out) => (outline::sent(out), Note::of_output(line.t, out)),
        };
        let message = message.map(|outline::Message { leg, way, label, sdp }| Row {
            t: line.t,
            kind: Kind::Message { way, sdp },
            leg: Some(leg),
            text: label,
        });
        message.into_iter().chain(note.as_ref().map(noted)).for_each(|row| add(&mut found, row));
    }
    found
}

/// The ladder of entries: in the order of their times and, at one time, messages first.
pub fn rows(entries: &[Entry]) -> Vec<Row> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| (entry.t(), matches!(entry, Entry::Note(_))));
    let mut rows = Vec::new();
    for entry in sorted {
        let row = match entry {
            Entry::Sip(sip) => messaged(sip),
            Entry::Note(note) => noted(note),
        };
        add(&mut rows, row);
    }
    rows
}

/// Keys in a row share a line.
fn add(rows: &mut Vec<Row>, row: Row) {
    match rows.last_mut() {
        Some(last) if (&last.kind, last.leg) == (&Kind::Keys, row.leg) && row.kind == Kind::Keys => {
            last.text += &row.text;
        }
        _ => rows.push(row),
    }
}

fn noted(note: &Note) -> Row {
    let kind = if note.note == outline::KEYS { Kind::Keys } else { Kind::Note };
    let text = if kind == Kind::Keys { note.what.clone() } else { format!("{} {}", note.note, note.what) };
    Row { t: note.t, kind, leg: note.leg, text }
}

fn messaged(sip: &Sip) -> Row {
    let first = || sip.text.lines().find(|line| !line.is_empty()).unwrap_or("").to_owned();
    let (text, body) = match wire::read(sip.text.as_bytes()) {
        Ok(Message::Request(request)) => (asked(&request), request.body),
        Ok(Message::Response(response)) => {
            let to = response.headers.get("CSeq").and_then(|number| number.split_whitespace().nth(1));
            (format!("{} {} ({})", response.status, response.reason, to.unwrap_or("")), response.body)
        }
        Err(_) => (first(), Vec::new()),
    };
    let sdp = crate::sdp::read(&body).ok().map(|offer| outline::stream(&offer));
    Row { t: sip.t, kind: Kind::Message { way: sip.sip, sdp }, leg: Some(sip.leg), text }
}

/// The method and, of a dialog's first request, its target.
fn asked(request: &Request) -> String {
    let within = request.headers.get("To").is_some_and(|to| to.contains(";tag="));
    if within || request.method.as_str() == "ACK" {
        return request.method.to_string();
    }
    format!("{} {}", request.method, request.uri.user().unwrap_or(request.uri.as_str()))
}

/// The lines above the rows.
pub fn heading(head: &Head) -> String {
    let caller = format!("caller {}", head.from);
    format!(
        "call {}  flow {}  {}\n{:>9}  {caller:<COLUMN$} askonce{:>width$}",
        head.call,
        head.flow,
        head.at,
        "ms",
        "agent",
        width = COLUMN - 4,
    )
}

impl Row {
    /// The row as text; `colours`: for a terminal.
    pub fn render(&self, colours: bool) -> String {
        // A recording of elsewhere could hold what a terminal obeys.
        let text: String = self.text.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let time = format!("{:>9}", format!("{}.{}", self.t / 1000, self.t % 1000 / 100));
        let side = usize::from(self.leg == Some(Leg::Agent));
        match &self.kind {
            Kind::Message { way, sdp } => {
                let mut lines =
                    line(&time, side, &paint(&arrow(&text, (*way == Way::In) == (side == 0)), "1", colours));
                if let Some(sdp) = sdp {
                    lines = lines + "\n" + &line("         ", side, &left(&format!("  {sdp}")));
                }
                lines
            }
            Kind::Keys => line(&time, side, &left(&format!("  keys {text}"))),
            // What is done for a leg is told beside us, as all that we do.
            Kind::Note => {
                let cell = left(&format!("* {text}"));
                let drawn = line(&time, 1, &paint(&cell, "2", colours));
                // What is wider than its column has no bar behind it.
                if cell.chars().count() > COLUMN { drawn.trim_end_matches('|').to_owned() } else { drawn }
            }
        }
    }
}

/// A cell in its column, the bars of the three sides around it.
fn line(time: &str, side: usize, cell: &str) -> String {
    let empty = " ".repeat(COLUMN);
    let (caller, agent) = if side == 0 { (cell, empty.as_str()) } else { (empty.as_str(), cell) };
    format!("{time} |{caller}|{agent}|").trim_end().to_owned()
}

fn arrow(label: &str, rightwards: bool) -> String {
    let dashes = COLUMN.saturating_sub(label.chars().count() + ARROW);
    let (before, after) = ("-".repeat(1 + dashes / 4), "-".repeat(1 + dashes - dashes / 4));
    if rightwards { format!("{before} {label} {after}>") } else { format!("<{before} {label} {after}") }
}

fn left(text: &str) -> String {
    format!("{text:<COLUMN$}")
}

fn paint(text: &str, code: &str, colours: bool) -> String {
    if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
