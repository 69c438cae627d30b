//! How high everything stands: as near to what it is joined to as its neighbours allow.

use super::grid::{Grid, Item, Joint, Net, step};

/// Times that the columns are gone through.
const SWEEPS: usize = 16;
/// Lines of two nets that would lie on each other are so far apart.
const APART: i32 = 4;
/// A line that would bend by so little is straight.
const NEAR: i32 = 9;
/// As much may be empty between one part of the picture and the next.
const EMPTY: i32 = 40;

/// Which neighbours count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    Left,
    Right,
    Both,
}

/// Every column from above, without a wish.
pub fn stack(grid: &mut Grid) {
    for column in 0..grid.columns.len() {
        column_stack(grid, column);
    }
}

pub fn column_stack(grid: &mut Grid, column: usize) {
    let mut last: Option<usize> = None;
    for at in grid.columns[column].clone() {
        grid.items[at].y = match last {
            Some(last) => grid.items[last].y + step(&grid.items[last], &grid.items[at]),
            None => grid.items[at].above(),
        };
        last = Some(at);
    }
}

pub fn settle(grid: &mut Grid) {
    let last = grid.columns.len();
    for sweep in 0..SWEEPS {
        // To one side first, so that a long line is drawn straight; then each between its neighbours.
        let sides = match sweep {
            0..4 => Sides::Left,
            4..8 => Sides::Right,
            _ => Sides::Both,
        };
        for at in 0..last {
            column(grid, if sweep % 8 < 4 { at } else { last - 1 - at }, sides);
        }
    }
}

/// Where an item would stand if it were alone: the middle of what it is joined to.
pub fn wish(grid: &Grid, at: usize, sides: Sides) -> Option<i32> {
    let item = &grid.items[at];
    let joints: Vec<&Joint> = match sides {
        Sides::Left => item.left.iter().collect(),
        Sides::Right => item.right.iter().collect(),
        Sides::Both => item.left.iter().chain(&item.right).collect(),
    };
    if joints.is_empty() {
        return None;
    }
    let sum: i64 = joints.iter().map(|joint| i64::from(grid.items[joint.item].y + joint.there - joint.here)).sum();
    i32::try_from(sum / i64::try_from(joints.len()).unwrap_or(1)).ok()
}

/// Items that push each other, and stand as one.
struct Pile {
    /// Where its first item would stand, times the weight of all.
    sum: i64,
    weight: i64,
    items: usize,
    /// From the pile's first item to the first one of the next pile.
    height: i64,
}

/// A column's items, in their order, as near to their wishes as can be (the sum of squares is least: neighbours that would
/// overlap become one pile, which stands where its items want it on average).
pub fn column(grid: &mut Grid, column: usize, sides: Sides) {
    let order = grid.columns[column].clone();
    let mut piles: Vec<Pile> = Vec::new();
    for (place, at) in order.iter().enumerate() {
        let item = &grid.items[*at];
        let weight = weight(grid, item, sides);
        let wish = wish(grid, *at, sides).unwrap_or(item.y);
        let height = order.get(place + 1).map_or(0, |next| i64::from(step(item, &grid.items[*next])));
        let mut pile = Pile { sum: i64::from(wish) * weight, weight, items: 1, height };
        while let Some(above) = piles.pop_if(|above| {
            above.sum * pile.weight + above.height * above.weight * pile.weight > pile.sum * above.weight
        }) {
            pile.sum += above.sum - above.height * pile.weight;
            // Told of its own first item: what it wants lies so much higher.
            pile.weight += above.weight;
            pile.items += above.items;
            pile.height += above.height;
        }
        piles.push(pile);
    }
    let mut items = order.into_iter();
    for pile in piles {
        let mut y = i32::try_from(pile.sum.div_euclid(pile.weight)).unwrap_or(0);
        let mut last: Option<usize> = None;
        for at in items.by_ref().take(pile.items) {
            if let Some(last) = last {
                y += step(&grid.items[last], &grid.items[at]);
            }
            grid.items[at].y = y;
            last = Some(at);
        }
    }
}

/// A long line is straight before a card stands in the middle.
fn weight(grid: &Grid, item: &Item, sides: Sides) -> i64 {
    let passes = |joints: &[Joint]| joints.iter().any(|joint| grid.items[joint.item].is_pass());
    let joined = match sides {
        Sides::Left => passes(&item.left),
        Sides::Right => passes(&item.right),
        Sides::Both => passes(&item.left) || passes(&item.right),
    };
    match (item.is_pass(), joined) {
        (true, true) => 8,
        (true, false) => 2,
        (false, _) => 1,
    }
}

/// Takes out what is empty across all columns.
pub fn close_up(grid: &mut Grid) {
    let mut order: Vec<usize> = (0..grid.items.len()).collect();
    order.sort_by_key(|at| grid.items[*at].y - grid.items[*at].above());
    let (mut bottom, mut up) = (None, 0);
    for at in order {
        let item = &mut grid.items[at];
        let top = item.y - item.above();
        let empty = bottom.map_or(0, |bottom| top - bottom);
        up += (empty - EMPTY).max(0);
        bottom = bottom.max(Some(item.y + item.height));
        item.y -= up;
    }
}

/// Where its line would be straight, if that is near.
fn straight(grid: &Grid, at: usize) -> i32 {
    let item = &grid.items[at];
    let ends = item.left.iter().map(|joint| grid.items[joint.item].y + joint.there - joint.here);
    let near = ends.filter(|y| (y - item.y).abs() <= NEAR);
    near.min_by_key(|y| (y - item.y).abs()).unwrap_or(item.y)
}

/// Makes lines straight that nearly are, and moves items down until no two nets lie on each other where one comes into a gap and the other one leaves it.
pub fn apart(grid: &mut Grid) {
    let mut taken: Vec<(Net, i32)> = Vec::new();
    for column in 0..grid.columns.len() {
        let mut last: Option<usize> = None;
        for at in grid.columns[column].clone() {
            let least = last.map_or(i32::MIN, |last| grid.items[last].y + step(&grid.items[last], &grid.items[at]));
            let mut y = straight(grid, at).max(least);
            let lies = |y: i32, net: Net| taken.iter().any(|(other, at)| *other != net && (at - y).abs() < APART);
            while grid.items[at].into.iter().any(|(net, below)| lies(y + below, *net)) {
                y += 1;
            }
            grid.items[at].y = y;
            last = Some(at);
        }
        let leaves = grid.columns[column].iter().map(|at| &grid.items[*at]);
        taken = leaves.flat_map(|item| item.out.iter().map(|(net, below)| (*net, item.y + below))).collect();
    }
}
