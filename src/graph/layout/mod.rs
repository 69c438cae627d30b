//! Where everything stands: cards in columns from left to right, and lines that go round them.
//!
//! Lines that lead to one card are one *net*: they join on their way, as on a circuit diagram, so that ten ways to one desk
//! cost one line. A net goes through a column at a *pass*, a place of its own between the cards; in the gap between two
//! columns it has one upright *track*. So no line meets a card but the one that it leads to.
//!
//! ```text
//! column 0      gap 0     column 1     gap 1      column 2
//! [ start  ]--->-+
//! [        ]     | +-->[ verify ]
//!                +-|---- pass ------------------>[ desk ]
//! ```

mod grid;
mod order;
mod place;
mod rank;
mod tracks;

use super::chart::{Chart, Goal};
use super::shape::Shape;
use grid::Grid;
use tracks::Tracks;

use std::collections::BTreeSet;

pub use rank::shorten;

/// Around everything.
const MARGIN: i32 = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

#[derive(Debug)]
pub struct Layout {
    pub width: i32,
    pub height: i32,
    /// The upper left corner of each card.
    pub cards: Vec<Point>,
    pub lines: Vec<Polyline>,
    /// Where lines to one card become one.
    pub joins: BTreeSet<Point>,
    pub panels: Vec<Panel>,
}

/// A fork's line, from its port to the card that it leads to; every piece is level or upright.
#[derive(Debug)]
pub struct Polyline {
    pub from: usize,
    /// Which of the card's ports.
    pub port: usize,
    pub points: Vec<Point>,
}

/// The ground under cards of one module that stand together.
#[derive(Debug)]
pub struct Panel {
    pub module: String,
    pub at: Point,
    pub width: i32,
    pub height: i32,
}

/// Lays out a chart whose far goals are words already (`shorten`).
pub fn layout(chart: &Chart, shapes: &[Shape], top: i32) -> Layout {
    let ranks = rank::ranks(chart);
    let mut grid = Grid::new(chart, shapes, &ranks);
    order::order(&mut grid);
    place::settle(&mut grid);
    place::apart(&mut grid);
    place::close_up(&mut grid);
    let least = grid.items.iter().map(|item| item.y - item.above()).min().unwrap_or(0);
    for item in &mut grid.items {
        item.y += top + MARGIN - least;
    }
    draw(&grid, &Tracks::of(&grid), shapes)
}

fn draw(grid: &Grid, tracks: &Tracks, shapes: &[Shape]) -> Layout {
    let lefts = lefts(grid, tracks);
    let cards: Vec<Point> = grid.items.iter().take(shapes.len()).map(|item| item.corner(&lefts)).collect();
    let mut lines = Vec::new();
    for (from, shape) in shapes.iter().enumerate() {
        for (at, port) in shape.ports.iter().enumerate() {
            let start = Point { x: cards[from].x + shape.width, y: cards[from].y + port.y };
            let points = tracks.way(grid, &lefts, (from, start), (port.to, port.run));
            lines.push(Polyline { from, port: at, points });
        }
    }
    let bottom = grid.items.iter().map(|item| item.y + item.height).max().unwrap_or(0);
    let (width, height) = (lefts.last().copied().unwrap_or(0) + MARGIN, bottom + MARGIN);
    Layout { width, height, cards, lines, joins: tracks.joins(&lefts), panels: panels(grid, &lefts) }
}

/// The left edge of each column, and that of the gap behind the last one's end.
fn lefts(grid: &Grid, tracks: &Tracks) -> Vec<i32> {
    let mut x = MARGIN + tracks.gap_width(0);
    let mut lefts = Vec::new();
    for (column, width) in grid.widths.iter().enumerate() {
        lefts.push(x);
        x += width + tracks.gap_width(column + 1);
    }
    lefts.push(x);
    lefts
}

fn panels(grid: &Grid, lefts: &[i32]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for column in &grid.columns {
        let mut last: Option<&str> = None;
        for item in column.iter().map(|at| &grid.items[*at]) {
            let at = Point { x: lefts[item.column] - grid::PANEL, y: item.y - item.above() };
            match (&item.module, panels.last_mut()) {
                (Some(module), Some(panel)) if last == Some(module) => {
                    panel.height = item.y + item.height + grid::PANEL - panel.at.y;
                    panel.width = panel.width.max(item.width + 2 * grid::PANEL);
                }
                (Some(module), _) => panels.push(Panel {
                    module: module.clone(),
                    at,
                    width: item.width + 2 * grid::PANEL,
                    height: item.above() + item.height + grid::PANEL,
                }),
                (None, _) => {}
            }
            last = item.module.as_deref();
        }
    }
    panels
}

/// Cards that a card leads to.
fn goals(chart: &Chart, card: usize) -> Vec<usize> {
    let forks = chart.cards[card].lines.iter().flat_map(|line| &line.forks);
    let goal = |goal| match goal {
        Goal::Card { card, .. } | Goal::Far(card) => Some(card),
        Goal::Word(_) => None,
    };
    forks.filter_map(|fork| goal(fork.to)).collect()
}
