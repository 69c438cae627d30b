//! Columns and what stands in them: cards, and passes of the nets that go through.

use super::Point;
use crate::graph::chart::Chart;
use crate::graph::shape::{HEAD, Shape, entrance};
use std::collections::BTreeMap;

/// Between two cards, between a pass and its neighbours, around cards of a module, and above them for its name.
const CARDS: i32 = 22;
const PASSES: i32 = 12;
pub const PANEL: i32 = 9;
const PANEL_NAME: i32 = 16;

/// The card that a net leads to, and whether it is run.
pub type Net = (usize, bool);

#[derive(Debug)]
pub struct Grid {
    /// The cards, in the chart's order, and behind them the passes.
    pub items: Vec<Item>,
    /// The items of each column, from above.
    pub columns: Vec<Vec<usize>>,
    pub widths: Vec<i32>,
    /// The pass of a net through a column.
    pub passes: BTreeMap<(Net, usize), usize>,
}

#[derive(Debug)]
pub struct Item {
    pub column: usize,
    pub width: i32,
    /// 0 of a pass.
    pub height: i32,
    /// Its upper edge.
    pub y: i32,
    pub module: Option<String>,
    /// What it is joined to on the left and on the right.
    pub left: Vec<Joint>,
    pub right: Vec<Joint>,
    /// The nets that come to its left edge and leave its right one, and how far below its top.
    pub into: Vec<(Net, i32)>,
    pub out: Vec<(Net, i32)>,
}

/// An end of a line at another item: how far below the tops of both it is.
#[derive(Clone, Copy, Debug)]
pub struct Joint {
    pub item: usize,
    pub here: i32,
    pub there: i32,
}

impl Item {
    fn new(column: usize, width: i32, height: i32) -> Item {
        let (left, right, into, out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Item { column, width, height, y: 0, module: None, left, right, into, out }
    }

    fn card(column: usize, shape: &Shape, module: Option<String>) -> Item {
        let out = shape.ports.iter().map(|port| ((port.to, port.run), port.y)).collect();
        Item { module, out, ..Item::new(column, shape.width, shape.height) }
    }

    fn pass(column: usize, net: Net) -> Item {
        Item { into: vec![(net, 0)], out: vec![(net, 0)], ..Item::new(column, 0, 0) }
    }

    pub fn is_pass(&self) -> bool {
        self.height == 0
    }

    /// What it needs above its upper edge.
    pub fn above(&self) -> i32 {
        if self.module.is_some() { PANEL + PANEL_NAME } else { 0 }
    }

    pub fn corner(&self, lefts: &[i32]) -> Point {
        Point { x: lefts[self.column], y: self.y }
    }
}

/// From the upper edge of one item to that of the next.
pub fn step(above: &Item, below: &Item) -> i32 {
    let space = match (above.is_pass(), below.is_pass()) {
        (false, false) => CARDS,
        _ => PASSES,
    };
    let together = above.module == below.module;
    let module = if together || above.module.is_none() { 0 } else { PANEL };
    above.height + space + module + if together { 0 } else { below.above() }
}

impl Grid {
    pub fn new(chart: &Chart, shapes: &[Shape], ranks: &[usize]) -> Grid {
        let items: Vec<Item> = (chart.cards.iter().zip(shapes).zip(ranks))
            .map(|((card, shape), rank)| Item::card(*rank, shape, card.module.clone()))
            .collect();
        let mut grid = Grid { items, columns: Vec::new(), widths: Vec::new(), passes: BTreeMap::new() };
        let mut sources: BTreeMap<Net, Vec<(usize, i32)>> = BTreeMap::new();
        for (from, item) in grid.items.iter().enumerate() {
            for (net, port) in &item.out {
                sources.entry(*net).or_default().push((from, *port));
            }
        }
        sources.into_iter().for_each(|(net, sources)| grid.lead(net, &sources));
        let count = grid.items.iter().map(|item| item.column + 1).max().unwrap_or(0);
        (grid.columns, grid.widths) = (vec![Vec::new(); count], vec![HEAD; count]);
        for (at, item) in grid.items.iter().enumerate() {
            grid.columns[item.column].push(at);
            grid.widths[item.column] = grid.widths[item.column].max(item.width);
        }
        grid
    }

    /// A net's passes, and its joints with them. `sources`: the cards that it comes from, and their ports.
    fn lead(&mut self, net: Net, sources: &[(usize, i32)]) {
        let (to, run) = net;
        self.items[to].into.push((net, entrance(run)));
        let end = self.items[to].column;
        let columns = sources.iter().map(|(from, _)| self.items[*from].column);
        let (first, last) = columns.fold((end, 0), |(first, last), column| (first.min(column), last.max(column)));
        // Onward: between the first source and the card. Back: from the last source to the column of the card itself.
        let back = if last >= end { end..last + 1 } else { end..end };
        for column in (first + 1..end).chain(back) {
            self.passes.insert((net, column), self.items.len());
            self.items.push(Item::pass(column, net));
        }
        for column in first + 1..end {
            let next = self.onward(net, column + 1);
            self.join((self.passes[&(net, column)], 0), next);
        }
        for column in end + 1..=last {
            self.join((self.passes[&(net, column - 1)], 0), (self.passes[&(net, column)], 0));
        }
        for &(from, port) in sources {
            let column = self.items[from].column;
            if column < end {
                self.join((from, port), self.onward(net, column + 1));
            } else {
                self.turn(self.passes[&(net, column)], (from, port), |item| &mut item.right);
            }
        }
        if let Some(pass) = self.passes.get(&(net, end)) {
            self.turn(*pass, (to, entrance(run)), |item| &mut item.left);
        }
    }

    /// Where a net that comes from the left goes in a column.
    pub fn onward(&self, net: Net, column: usize) -> (usize, i32) {
        if column == self.items[net.0].column { (net.0, entrance(net.1)) } else { (self.passes[&(net, column)], 0) }
    }

    fn join(&mut self, (left, out): (usize, i32), (right, into): (usize, i32)) {
        self.items[left].right.push(Joint { item: right, here: out, there: into });
        self.items[right].left.push(Joint { item: left, here: into, there: out });
    }

    /// A pass is near what it turns round to in its own column; that card does not follow it.
    fn turn(&mut self, pass: usize, (card, y): (usize, i32), side: fn(&mut Item) -> &mut Vec<Joint>) {
        side(&mut self.items[pass]).push(Joint { item: card, here: 0, there: y });
    }
}
