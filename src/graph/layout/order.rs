//! Who stands above whom in a column: so that few lines cross.

use super::grid::{Grid, Item};
use super::place::{self, Sides};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Times that the columns are gone through, from left to right and back.
const SWEEPS: usize = 12;
/// Neighbours are tried the other way round in columns of so many items at most.
const TRIED: usize = 150;

pub fn order(grid: &mut Grid) {
    place::stack(grid);
    let mut best = (crossings(grid), grid.columns.clone());
    for sweep in 0..SWEEPS {
        let sides = if sweep % 2 == 0 { Sides::Left } else { Sides::Right };
        for at in 0..grid.columns.len() {
            let column = if sweep % 2 == 0 { at } else { grid.columns.len() - 1 - at };
            sort(grid, column, sides);
            place::column(grid, column, sides);
        }
        let count = crossings(grid);
        if count < best.0 {
            best = (count, grid.columns.clone());
        }
    }
    grid.columns = best.1;
    place::stack(grid);
    exchange(grid);
}

/// By what they are joined to on one side. What is joined to nothing there stays where it is; a module's cards stay together.
fn sort(grid: &mut Grid, column: usize, sides: Sides) {
    let wish = |at: &usize| place::wish(grid, *at, sides).unwrap_or(grid.items[*at].y);
    let mut modules: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for at in &grid.columns[column] {
        if let Some(module) = &grid.items[*at].module {
            let (sum, count) = modules.entry(module).or_default();
            *sum += i64::from(wish(at));
            *count += 1;
        }
    }
    let key = |at: &usize| {
        let own = i64::from(wish(at));
        match &grid.items[*at].module {
            Some(module) => {
                let (sum, count) = modules.get(module.as_str()).copied().unwrap_or((own, 1));
                (sum / count, module.clone(), own)
            }
            None => (own, String::new(), own),
        }
    };
    let mut keyed: Vec<_> = grid.columns[column].iter().map(|at| (key(at), *at)).collect();
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    grid.columns[column] = keyed.into_iter().map(|(_, at)| at).collect();
}

/// Neighbours that cross less the other way round change places, until there are none.
fn exchange(grid: &mut Grid) {
    for _ in 0..SWEEPS {
        let mut changed = false;
        for column in 0..grid.columns.len() {
            if grid.columns[column].len() > TRIED {
                continue;
            }
            for at in 1..grid.columns[column].len() {
                let (above, below) = (grid.columns[column][at - 1], grid.columns[column][at]);
                let (one, other) = (&grid.items[above], &grid.items[below]);
                if one.module == other.module && cost(grid, one, other) > cost(grid, other, one) {
                    grid.columns[column].swap(at - 1, at);
                    changed = true;
                }
            }
            place::column_stack(grid, column);
        }
        if !changed {
            return;
        }
    }
}

/// How many lines of two neighbours cross if the first one stands above.
fn cost(grid: &Grid, above: &Item, below: &Item) -> usize {
    let side = |joints: fn(&Item) -> &Vec<super::grid::Joint>| {
        let ends = |item: &Item| joints(item).iter().map(|j| grid.items[j.item].y + j.there).collect::<Vec<_>>();
        let (one, other) = (ends(above), ends(below));
        one.iter().map(|y| other.iter().filter(|other| *other < y).count()).sum::<usize>()
    };
    side(|item| &item.left) + side(|item| &item.right)
}

/// How many joints cross between the columns.
fn crossings(grid: &Grid) -> usize {
    let mut count = 0;
    for column in &grid.columns {
        let joints = column.iter().flat_map(|at| {
            let item = &grid.items[*at];
            let outward = item.right.iter().filter(|joint| grid.items[joint.item].column > item.column);
            outward.map(|joint| (item.y + joint.here, grid.items[joint.item].y + joint.there))
        });
        let mut joints: Vec<(i32, i32)> = joints.collect();
        joints.sort_unstable();
        let mut ends: Vec<i32> = Vec::with_capacity(joints.len());
        for (_, end) in joints {
            let at = ends.partition_point(|other| other.cmp(&end) != Ordering::Greater);
            count += ends.len() - at;
            ends.insert(at, end);
        }
    }
    count
}
