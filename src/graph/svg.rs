//! The picture as SVG.

use super::chart::{Card, Chart, Fork, Goal, Line, Mark};
use super::layout::{self, Layout, Panel, Point};
use super::letters::{escape, fit, width};
use super::shape::{
    HEAD, LABEL_INSET, LABEL_MOST, MARK_X, OBJECT_MOST, ROW, SMALL, Shape, TEXT, TITLE, TITLE_MOST, VERB_X, entrance,
    index, middle, notes,
};
use crate::flow::Flow;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// The flow's name stands above everything, what marks mean below.
const TOP: i32 = 46;
const BOTTOM: i32 = 34;
/// Corners of cards, of such where calls end, and of lines.
const CORNER: i32 = 4;
const ROUND: i32 = 14;
const BEND: i32 = 7;

const STYLE: &str = include_str!("picture.css");

/// A chart with its places.
pub struct Drawing<'d> {
    pub chart: Chart,
    shapes: Vec<Shape>,
    pub layout: Layout,
    /// Ways that no call took; `None`: nobody asks.
    untaken: Option<&'d BTreeSet<String>>,
}

impl<'d> Drawing<'d> {
    pub fn of(flow: &Flow, untaken: Option<&'d BTreeSet<String>>) -> Self {
        let mut chart = Chart::of(flow);
        layout::shorten(&mut chart);
        let shapes: Vec<Shape> = chart.cards.iter().map(|card| Shape::of(card, &chart)).collect();
        let layout = layout::layout(&chart, &shapes, TOP);
        Drawing { chart, shapes, layout, untaken }
    }

    /// What the class of a way's element has besides.
    fn besides(&self, way: &str) -> &'static str {
        if self.untaken.is_some_and(|untaken| untaken.contains(way)) { " untaken" } else { "" }
    }

    /// The width and the height of each card.
    #[cfg(test)]
    pub fn sizes(&self) -> impl Iterator<Item = (i32, i32)> {
        self.shapes.iter().map(|shape| (shape.width, shape.height))
    }
}

/// `link`: where a click on a card leads, by the block's name.
pub fn write(drawing: &Drawing, link: Option<fn(&str) -> String>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = picture(drawing, link, &mut text);
    text
}

fn picture(drawing: &Drawing, link: Option<fn(&str) -> String>, out: &mut String) -> fmt::Result {
    let Drawing { chart, layout, .. } = drawing;
    let legend_width = LEGEND_WIDTH + if drawing.untaken.is_some() { UNTAKEN_WIDTH } else { 0 };
    let (width, height) = (layout.width.max(legend_width), layout.height + BOTTOM);
    let name = escape(&chart.name);
    write!(out, r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" "#)?;
    writeln!(out, r#"height="{height}" role="img" aria-label="flow {name}">"#)?;
    writeln!(out, "<title>flow {name}</title>\n<style>\n{STYLE}</style>")?;
    writeln!(out, r#"<rect class="ground" width="{width}" height="{height}"/>"#)?;
    let blocks = chart.cards.iter().filter(|card| !card.is_entry()).count();
    writeln!(out, r#"<text class="name" x="24" y="32">{name}</text>"#)?;
    let about = format!("{blocks} blocks · digest {}", chart.digest);
    let x = 24 + super::letters::width(&chart.name, 20) + 18;
    writeln!(out, r#"<text class="about" x="{x}" y="32">{about}</text>"#)?;
    layout.panels.iter().try_for_each(|panel| ground(panel, out))?;
    lines(drawing, out)?;
    for (at, card) in chart.cards.iter().enumerate() {
        let link = link.filter(|_| !card.is_entry()).map(|link| link(&card.block));
        let Point { x, y } = layout.cards[at];
        let (open, close) = match &link {
            Some(link) => (format!(r#"<a href="{}">"#, escape(link)), "</a>"),
            None => (String::new(), ""),
        };
        let block = escape(if card.is_entry() { &card.title } else { &card.block });
        writeln!(out, r#"{open}<g class="{}" data-block="{block}" transform="translate({x} {y})">"#, class(card))?;
        Pen { card, drawing, shape: &drawing.shapes[at], out }.card()?;
        writeln!(out, "</g>{close}")?;
    }
    legend(height - BOTTOM / 2, drawing.untaken.is_some(), out)?;
    out.write_str("</svg>\n")
}

fn class(card: &Card) -> String {
    let classes = [("card", true), ("start", card.start), ("agent", card.agent), ("entry", card.is_entry())];
    classes.iter().filter(|(_, is)| *is).map(|(class, _)| *class).collect::<Vec<_>>().join(" ")
}

/// Under a module's cards.
fn ground(panel: &Panel, out: &mut String) -> fmt::Result {
    let Panel { module, at: Point { x, y }, width, height } = panel;
    writeln!(out, r#"<rect class="panel" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>"#)?;
    let name = escape(&fit(module, SMALL, width - 16));
    writeln!(out, r#"<text class="module" x="{}" y="{}">{name}</text>"#, x + 8, y + 15)
}

fn lines(drawing: &Drawing, out: &mut String) -> fmt::Result {
    let Drawing { chart, shapes, layout, .. } = drawing;
    let mut heads = BTreeSet::new();
    // Half a pixel aside, a line of one pixel is sharp, however many lie on each other.
    writeln!(out, r#"<g transform="translate(.5 .5)">"#)?;
    for line in &layout.lines {
        let port = shapes[line.from].ports[line.port];
        let fork = &chart.cards[line.from].lines[port.line].forks[port.fork];
        let class = if port.run { "line run" } else { "line" };
        let path = path(&line.points, &layout.joins);
        for (way, _) in &fork.ways {
            let (besides, way) = (drawing.besides(way), escape(way));
            writeln!(out, r#"<path class="{class}{besides}" data-way="{way}" d="{path}"><title>{way}</title></path>"#)?;
        }
        let to = layout.cards[port.to];
        heads.insert((to.x, to.y + entrance(port.run), -1));
        if port.run {
            // And back.
            let from = layout.cards[line.from];
            heads.insert((from.x + shapes[line.from].width + 2, from.y + port.y, 1));
        }
    }
    for Point { x, y } in &layout.joins {
        writeln!(out, r#"<circle class="join" cx="{x}" cy="{y}" r="2.6"/>"#)?;
    }
    for (x, y, towards) in heads {
        writeln!(out, r#"<path class="tip" d="M{x} {y}l{} -4v8z"/>"#, 9 * towards)?;
    }
    writeln!(out, "</g>")
}

/// Straight pieces with round corners, but where lines join.
fn path(points: &[Point], joins: &BTreeSet<Point>) -> String {
    let mut text = String::new();
    for (at, point) in points.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| points.get(at));
        let (Some(before), Some(after), false) = (before, points.get(at + 1), joins.contains(point)) else {
            let letter = if at == 0 { 'M' } else { 'L' };
            let _ = write!(text, "{letter}{} {}", point.x, point.y);
            continue;
        };
        let (into, out) = (towards(point, before), towards(point, after));
        let _ = write!(text, "L{} {}Q{} {} {} {}", into.x, into.y, point.x, point.y, out.x, out.y);
    }
    text
}

/// The point where a corner's curve begins: at most half the way to the next corner.
fn towards(corner: &Point, other: &Point) -> Point {
    let step = |from: i32, to: i32| {
        let half = (to - from) / 2;
        from + half.clamp(-BEND, BEND)
    };
    Point { x: step(corner.x, other.x), y: step(corner.y, other.y) }
}

/// Draws one card, from its upper left corner.
struct Pen<'p> {
    card: &'p Card,
    drawing: &'p Drawing<'p>,
    shape: &'p Shape,
    out: &'p mut String,
}

impl Pen<'_> {
    fn card(&mut self) -> fmt::Result {
        let Shape { width: w, height: h, .. } = self.shape;
        let corner = if self.card.ends { ROUND } else { CORNER };
        writeln!(self.out, r#"<rect class="box" width="{w}" height="{h}" rx="{corner}"/>"#)?;
        let (straight, across) = (HEAD - corner, w - 2 * corner);
        write!(self.out, r#"<path class="head" d="M0 {HEAD}v-{straight}q0 -{corner} {corner} -{corner}"#)?;
        writeln!(self.out, r#"h{across}q{corner} 0 {corner} {corner}v{straight}z"/>"#)?;
        let title = escape(&fit(&self.card.title, TITLE, TITLE_MOST));
        writeln!(self.out, r#"<text class="title" x="{LABEL_INSET}" y="19">{title}</text>"#)?;
        for at in 0..self.card.lines.len() {
            self.line(at)?;
        }
        Ok(())
    }

    fn line(&mut self, at: usize) -> fmt::Result {
        let line = &self.card.lines[at];
        let row = self.shape.rows[at];
        let y = middle(row);
        if !self.card.is_entry() {
            let next = self.shape.rows.get(at + 1).map(|next| middle(*next));
            self.rail(line, y, next)?;
        }
        let (object_x, base) = (self.shape.object_x, y + 4);
        self.text("verb", VERB_X, base, &line.verb)?;
        let object = fit(&line.object, TEXT, OBJECT_MOST);
        if line.mark == Mark::Fact {
            let (x, top, wide, high) = (object_x - 6, y - ROW / 2 + 1, width(&object, TEXT) + 12, ROW - 2);
            writeln!(
                self.out,
                r#"<rect class="fact" x="{x}" y="{top}" width="{wide}" height="{high}" rx="{}"/>"#,
                high / 2
            )?;
        }
        self.cut("object", object_x, base, (&line.object, &object))?;
        for (note, row) in line.notes.iter().zip(row + index(notes(line))..) {
            let short = fit(note, SMALL, OBJECT_MOST);
            self.cut("note", object_x, middle(row) + 4, (note, &short))?;
        }
        for (fork, row) in (0..line.forks.len()).zip(row..) {
            self.fork(line, fork, middle(row))?;
        }
        Ok(())
    }

    /// The label of a way out at the right edge; of what is no line, a word in its place.
    fn fork(&mut self, line: &Line, at: usize, y: i32) -> fmt::Result {
        let fork = &line.forks[at];
        let (x, label) = (self.shape.width - LABEL_INSET, fork.label(&self.drawing.chart));
        let short = fit(&label, SMALL, LABEL_MOST);
        let short = if short == label { self.labels(fork, &label) } else { escape(&short) };
        match fork.to {
            Goal::Card { .. } => {
                if !short.is_empty() {
                    writeln!(self.out, r#"<text class="label" x="{x}" y="{}">{short}</text>"#, y + 4)?;
                }
                writeln!(self.out, r#"<circle class="port" cx="{}" cy="{y}" r="2.6"/>"#, self.shape.width)
            }
            Goal::Far(_) | Goal::Word(_) => {
                let class = if matches!(fork.to, Goal::Far(_)) { "label far" } else { "label word" };
                write!(self.out, r#"<text class="{class}" x="{x}" y="{}">"#, y + 4)?;
                // The words belong to every one of these ways.
                let open: String =
                    fork.ways.iter().map(|(way, _)| format!(r#"<tspan data-way="{}">"#, escape(way))).collect();
                writeln!(self.out, "{open}{short}{}</text>", "</tspan>".repeat(fork.ways.len()))
            }
        }
    }

    /// A label as it is written, with the words of ways that nobody took told apart.
    fn labels(&self, fork: &Fork, label: &str) -> String {
        let said = fork.ways.iter().filter(|(_, word)| !word.is_empty());
        let words: Vec<String> = said
            .clone()
            .map(|(way, word)| match self.drawing.besides(way) {
                "" => escape(word),
                class => format!(r#"<tspan class="{}">{}</tspan>"#, class.trim_start(), escape(word)),
            })
            .collect();
        let plain = said.map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(", ");
        words.join(", ") + &escape(label.strip_prefix(&plain).unwrap_or(label))
    }

    /// The mark of a step, and the way down to the next one.
    fn rail(&mut self, line: &Line, y: i32, next: Option<i32>) -> fmt::Result {
        let way = line.on.as_ref().map_or_else(String::new, |on| format!(r#" data-way="{}""#, escape(on)));
        let besides = line.on.as_ref().map_or("", |on| self.drawing.besides(on));
        let (rail, mark) = match next {
            Some(_) => (way, String::new()),
            None => (String::new(), way),
        };
        if let (Some(next), Some(_)) = (next, &line.on) {
            writeln!(self.out, r#"<path class="rail{besides}"{rail} d="M{MARK_X} {y}V{next}"/>"#)?;
        }
        mark_at(line.mark, (MARK_X, y), (if next.is_none() { besides } else { "" }, &mark), self.out)
    }

    fn text(&mut self, class: &str, x: i32, y: i32, text: &str) -> fmt::Result {
        writeln!(self.out, r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#, escape(text))
    }

    /// What was cut is told whole to who points at it.
    fn cut(&mut self, class: &str, x: i32, y: i32, (whole, short): (&str, &str)) -> fmt::Result {
        if whole == short {
            return if whole.is_empty() { Ok(()) } else { self.text(class, x, y, whole) };
        }
        let (whole, short) = (escape(whole), escape(short));
        writeln!(self.out, r#"<text class="{class}" x="{x}" y="{y}"><title>{whole}</title>{short}</text>"#)
    }
}

fn mark_at(mark: Mark, (x, y): (i32, i32), (besides, way): (&str, &str), out: &mut String) -> fmt::Result {
    let (class, d) = match mark {
        Mark::Plain | Mark::Fact => ("full", format!("M{} {y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", x - 3)),
        Mark::Lookup => ("open", format!("M{} {y}a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z", f64::from(x) - 3.6)),
        Mark::Choice => ("open", format!("M{x} {}l5 5l-5 5l-5 -5z", y - 5)),
        Mark::Person => (
            "person",
            format!("M{x} {}a3 3 0 1 0 .01 0zM{} {}q0 -5.6 5.5 -5.6t5.5 5.6z", y - 7, f64::from(x) - 5.5, y + 6),
        ),
        Mark::Return => ("full", format!("M{} {y}l8 -4.5v9z", x - 5)),
        Mark::End => ("full", format!("M{} {}h8v8h-8z", x - 4, y - 4)),
    };
    writeln!(out, r#"<path class="mark {class}{besides}"{way} d="{d}"/>"#)
}

const LEGEND: [(Mark, &str); 6] = [
    (Mark::Fact, "fact asked for, once"),
    (Mark::Lookup, "system asked"),
    (Mark::Choice, "decision"),
    (Mark::Person, "person called"),
    (Mark::Return, "back to who ran it"),
    (Mark::End, "call ends"),
];
/// As wide as what marks mean.
const LEGEND_WIDTH: i32 = 980;
const UNTAKEN_WIDTH: i32 = 160;

fn legend(y: i32, untaken: bool, out: &mut String) -> fmt::Result {
    let mut x = 32;
    for (mark, what) in LEGEND {
        if mark == Mark::Fact {
            writeln!(out, r#"<rect class="fact" x="{}" y="{}" width="20" height="13" rx="6"/>"#, x - 8, y - 6)?;
        }
        mark_at(mark, (x + if mark == Mark::Fact { 2 } else { 0 }, y), ("", ""), out)?;
        let indent = if mark == Mark::Fact { 18 } else { 12 };
        writeln!(out, r#"<text class="legend" x="{}" y="{}">{what}</text>"#, x + indent, y + 4)?;
        x += indent + width(what, SMALL) + 22;
    }
    writeln!(out, r#"<path class="line run" d="M{x} {y}h34"/>"#)?;
    writeln!(out, r#"<text class="legend" x="{}" y="{}">run, and back at return</text>"#, x + 42, y + 4)?;
    if untaken {
        x += 42 + width("run, and back at return", SMALL) + 22;
        writeln!(out, r#"<path class="line untaken" d="M{x} {y}h34"/>"#)?;
        writeln!(out, r#"<text class="legend" x="{}" y="{}">no call took it</text>"#, x + 42, y + 4)?;
    }
    Ok(())
}
