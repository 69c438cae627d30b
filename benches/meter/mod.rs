//! What a piece of work costs: time and allocations. No statistics beyond minimum and median: the minimum is the
//! machine at its quietest, the median says how far to trust it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::time::Instant;

/// Batches timed of each work.
const BATCHES: usize = 300;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

// An allocator is unsafe by its trait; this one counts and passes on to the program's. Growing in place counts as well.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set((count.get().0 + 1, count.get().1 + layout.size() as u64)));
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One piece of work, and how often it is done in a batch.
pub struct Work<'a> {
    pub name: &'static str,
    pub times: u32,
    pub once: &'a mut dyn FnMut(),
}

/// Times the works in turn, so that what else the machine does hits all of them, and prints a line for each. Returns
/// the minima, in nanoseconds for doing it once.
pub fn measure(works: &mut [Work<'_>]) -> Vec<f64> {
    let mut spans = vec![Vec::with_capacity(BATCHES); works.len()];
    for _ in 0..BATCHES {
        for (work, spans) in works.iter_mut().zip(&mut spans) {
            let start = Instant::now();
            (0..work.times).for_each(|_| (work.once)());
            spans.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(work.times));
        }
    }
    println!("{:<32}{:>12}{:>12}{:>14}{:>10}", "", "min ns", "median ns", "allocations", "bytes");
    let mut minima = Vec::new();
    for (work, mut spans) in works.iter_mut().zip(spans) {
        spans.sort_by(f64::total_cmp);
        let before = ALLOCATIONS.with(Cell::get);
        (0..work.times).for_each(|_| (work.once)());
        let after = ALLOCATIONS.with(Cell::get);
        let each = |count: u64| count as f64 / f64::from(work.times);
        let (allocations, bytes) = (each(after.0 - before.0), each(after.1 - before.1));
        println!("{:<32}{:>12.0}{:>12.0}{allocations:>14.1}{bytes:>10.0}", work.name, spans[0], spans[BATCHES / 2]);
        minima.push(spans[0]);
    }
    minima
}
