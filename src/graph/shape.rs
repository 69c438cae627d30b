//! How large a card is, and where on it things stand.

use super::chart::{Card, Chart, Goal, Line};
use super::letters::width;

/// The height of a line of text, and of a card's head.
pub const ROW: i32 = 19;
pub const HEAD: i32 = 28;
/// Below the last line.
const FOOT: i32 = 6;
/// Where the marks and the verbs of a card stand.
pub const MARK_X: i32 = 13;
pub const VERB_X: i32 = 25;
/// Right of a label: room for the arrow's foot.
pub const LABEL_INSET: i32 = 12;
/// Between the verb and its object, and between that and a label.
const SPACE: i32 = 9;
const BETWEEN: i32 = 22;
/// Letters.
pub const TITLE: i32 = 14;
pub const TEXT: i32 = 12;
pub const SMALL: i32 = 11;
/// The widest that a text may be.
pub const TITLE_MOST: i32 = 240;
pub const OBJECT_MOST: i32 = 330;
pub const LABEL_MOST: i32 = 170;
/// The least width of a card.
const LEAST: i32 = 120;

#[derive(Debug)]
pub struct Shape {
    pub width: i32,
    pub height: i32,
    /// Where the objects begin.
    pub object_x: i32,
    /// Of each line of the card, its first row.
    pub rows: Vec<i32>,
    pub ports: Vec<Port>,
}

/// Where a line to another card begins: at the right edge.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Below the card's top.
    pub y: i32,
    pub to: usize,
    pub run: bool,
    /// Which line of the card, and which of its forks.
    pub line: usize,
    pub fork: usize,
}

/// Where lines come in, below the card's top.
pub fn entrance(run: bool) -> i32 {
    if run { HEAD / 2 + 8 } else { HEAD / 2 }
}

impl Shape {
    pub fn of(card: &Card, chart: &Chart) -> Shape {
        // What stands bare pushes nothing aside.
        let said = card.lines.iter().filter(|line| !line.object.is_empty());
        let verbs = said.map(|line| width(&line.verb, SMALL)).max().unwrap_or(0);
        let object_x = VERB_X + verbs + SPACE;
        let mut widest = LEAST.max(MARK_X + width(&card.title, TITLE).min(TITLE_MOST) + 2 * LABEL_INSET);
        let (mut rows, mut ports, mut row) = (Vec::new(), Vec::new(), 0);
        for (at, line) in card.lines.iter().enumerate() {
            rows.push(row);
            let mut left = vec![0; height(line)];
            left[0] = object_x + width(&line.object, TEXT).min(OBJECT_MOST);
            for (note, row) in line.notes.iter().zip(notes(line)..) {
                left[row] = object_x + width(note, SMALL).min(OBJECT_MOST);
            }
            for (fork, of) in line.forks.iter().enumerate() {
                let label = of.label(chart);
                let label = if label.is_empty() { 0 } else { BETWEEN + width(&label, SMALL).min(LABEL_MOST) };
                widest = widest.max(left[fork] + label + LABEL_INSET);
                if let Goal::Card { card, run } = of.to {
                    let y = middle(row + index(fork));
                    ports.push(Port { y, to: card, run, line: at, fork });
                }
            }
            widest = left.iter().fold(widest, |widest, left| widest.max(left + LABEL_INSET));
            row += index(left.len());
        }
        Shape { width: widest, height: HEAD + row * ROW + FOOT, object_x, rows, ports }
    }
}

/// The rows of a line: its ways out begin at the first one, and its notes end at the last one, where labels are short.
fn height(line: &Line) -> usize {
    line.forks.len().max(1 + line.notes.len())
}

/// The row of a line's first note.
pub fn notes(line: &Line) -> usize {
    height(line) - line.notes.len()
}

/// The middle of a row, below the card's top.
pub fn middle(row: i32) -> i32 {
    HEAD + row * ROW + ROW / 2
}

/// A card has some thousands of rows at most.
pub fn index(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX / (2 * ROW))
}
