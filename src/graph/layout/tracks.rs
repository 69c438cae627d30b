//! The gaps between the columns, and the upright tracks of the nets in them.

use super::Point;
use super::grid::{Grid, Net};
use std::collections::{BTreeMap, BTreeSet};

/// From one lane to the next, and beside the outermost ones: the arrow's head is on the right.
const LANE: i32 = 11;
const BEFORE: i32 = 18;
const BEHIND: i32 = 26;
/// Two tracks in one lane are so far apart.
const APART: i32 = 12;
/// Lanes are changed for fewer crossings where there are so many nets at most.
const TRIED: usize = 120;

/// By gap: 0 is left of the first column.
#[derive(Debug)]
pub struct Tracks {
    gaps: Vec<Gap>,
}

#[derive(Debug, Default)]
struct Gap {
    /// The lane of each net that has one: what comes in where it leaves needs none.
    lanes: BTreeMap<Net, usize>,
    count: usize,
    /// Where a line joins a track that goes on both ways: the lane, and the height.
    joins: Vec<(usize, i32)>,
}

/// A net in a gap: where it meets the columns on both sides.
#[derive(Debug)]
struct Track {
    net: Net,
    left: Vec<i32>,
    right: Vec<i32>,
    least: i32,
    most: i32,
}

impl Tracks {
    pub fn of(grid: &Grid) -> Tracks {
        Tracks { gaps: (0..=grid.columns.len()).map(|gap| Gap::new(tracks(grid, gap))).collect() }
    }

    pub fn gap_width(&self, gap: usize) -> i32 {
        let outside = gap == 0 || gap + 1 == self.gaps.len();
        match self.gaps[gap].count {
            0 if outside => 0,
            count => BEFORE + BEHIND + LANE * i32::try_from(count.saturating_sub(1)).unwrap_or(i32::MAX / (2 * LANE)),
        }
    }

    fn x(&self, gap: usize, lefts: &[i32], lane: usize) -> i32 {
        lefts[gap] - self.gap_width(gap) + BEFORE + LANE * i32::try_from(lane).unwrap_or(0)
    }

    /// The points where lines join.
    pub fn joins(&self, lefts: &[i32]) -> BTreeSet<Point> {
        let gaps = self.gaps.iter().enumerate();
        let joins = gaps.flat_map(|(at, gap)| gap.joins.iter().map(move |(lane, y)| (at, *lane, *y)));
        joins.map(|(gap, lane, y)| Point { x: self.x(gap, lefts, lane), y }).collect()
    }

    /// The way of a line from where it leaves a card's right edge to where it comes to the left edge of another.
    pub fn way(&self, grid: &Grid, lefts: &[i32], (from, start): (usize, Point), net: Net) -> Vec<Point> {
        let mut points = vec![start];
        let (column, end) = (grid.items[from].column, grid.items[net.0].column);
        let mut cross = |gap: usize, (item, below): (usize, i32)| {
            let (last, y) = (points.last().copied().unwrap_or(start), grid.items[item].y + below);
            if let Some(lane) = self.gaps[gap].lanes.get(&net).filter(|_| last.y != y) {
                let x = self.x(gap, lefts, *lane);
                points.extend([Point { x, y: last.y }, Point { x, y }]);
            }
        };
        if column < end {
            (column + 1..=end).for_each(|next| cross(next, grid.onward(net, next)));
        } else {
            // Out to the right, round, and back.
            cross(column + 1, (grid.passes[&(net, column)], 0));
            for back in (end + 1..=column).rev() {
                cross(back, (grid.passes[&(net, back - 1)], 0));
            }
            cross(end, grid.onward(net, end));
        }
        let last = points.last().map_or(start.y, |last| last.y);
        points.push(Point { x: lefts[end], y: last });
        points
    }
}

/// The nets of a gap that come in and leave at different heights.
fn tracks(grid: &Grid, gap: usize) -> Vec<Track> {
    let mut nets: BTreeMap<Net, (Vec<i32>, Vec<i32>)> = BTreeMap::new();
    for item in gap.checked_sub(1).into_iter().flat_map(|column| &grid.columns[column]).map(|at| &grid.items[*at]) {
        for (net, below) in &item.out {
            nets.entry(*net).or_default().0.push(item.y + below);
        }
    }
    for item in grid.columns.get(gap).into_iter().flatten().map(|at| &grid.items[*at]) {
        for (net, below) in &item.into {
            nets.entry(*net).or_default().1.push(item.y + below);
        }
    }
    let track = |(net, (left, right)): (Net, (Vec<i32>, Vec<i32>))| {
        let both = || left.iter().chain(&right).copied();
        let (least, most) = (both().min()?, both().max()?);
        (least < most).then_some(Track { net, left, right, least, most })
    };
    nets.into_iter().filter_map(track).collect()
}

impl Gap {
    fn new(mut tracks: Vec<Track>) -> Gap {
        // What goes down from far below stands left of what goes down from above it, and the other way up.
        tracks.sort_by_key(|track| {
            let from = track.left.iter().chain(&track.right).copied().next().unwrap_or(0);
            let down = from - track.least < track.most - from;
            (down, if down { -from } else { from })
        });
        if tracks.len() <= TRIED {
            exchange(&mut tracks);
        }
        let mut gap = Gap::default();
        let mut lanes: Vec<usize> = Vec::new();
        for track in &tracks {
            let meets = |other: &Track| other.least < track.most + APART && track.least < other.most + APART;
            let before = tracks.iter().zip(&lanes).filter(|(other, _)| meets(other));
            lanes.push(before.map(|(_, lane)| lane + 1).max().unwrap_or(0));
        }
        for (track, lane) in tracks.iter().zip(&lanes) {
            gap.lanes.insert(track.net, *lane);
            let inner = track.left.iter().chain(&track.right).filter(|y| (track.least + 1..track.most).contains(*y));
            gap.joins.extend(inner.map(|y| (*lane, *y)));
        }
        gap.count = lanes.iter().map(|lane| lane + 1).max().unwrap_or(0);
        gap
    }
}

/// Neighbours change places while that saves crossings.
fn exchange(tracks: &mut [Track]) {
    for _ in 0..tracks.len() {
        let mut changed = false;
        for at in 1..tracks.len() {
            let (one, other) = (&tracks[at - 1], &tracks[at]);
            if cost(one, other) > cost(other, one) {
                tracks.swap(at - 1, at);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// How often two tracks cross if the first one stands on the left.
fn cost(left: &Track, right: &Track) -> usize {
    let within = |ys: &[i32], track: &Track| ys.iter().filter(|y| (track.least..=track.most).contains(*y)).count();
    within(&left.right, right) + within(&right.left, left)
}
