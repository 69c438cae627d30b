//! How often each length of time occurred, to 1.6 percent, in a fixed 14 kB whatever is counted.

use crate::time::Duration;

/// Steps between a power of two and the next.
const STEPS: usize = 64;
/// Up to 2^36 microseconds, 19 hours; what is longer counts as that.
const POWERS: usize = 31;

#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    most: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * POWERS], total: 0, most: Duration::ZERO }
    }
}

impl Histogram {
    pub fn add(&mut self, time: Duration) {
        let step = step(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.counts[step.min(STEPS * POWERS - 1)] += 1;
        self.total += 1;
        self.most = self.most.max(time);
    }

    /// Adds all that another one counted.
    pub fn join(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.total += other.total;
        self.most = self.most.max(other.most);
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn most(&self) -> Duration {
        self.most
    }

    /// The time that this share of all (0 to 1) did not exceed, as the greatest of its step; zero if there are none.
    pub fn percentile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        step.map_or(Duration::ZERO, |step| Duration::from_micros(greatest(step))).min(self.most)
    }
}

/// Microseconds below 128 have a step each; above, 64 steps lead to each power of two.
fn step(micros: u64) -> usize {
    let shift = micros.max(1).ilog2().saturating_sub(STEPS.ilog2());
    STEPS * shift as usize + (micros >> shift) as usize
}

/// The greatest number that falls into a step.
fn greatest(step: usize) -> u64 {
    let shift = (step / STEPS).saturating_sub(1);
    let first = step - STEPS * shift;
    ((first as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_a_step_that_is_hardly_wider_than_it() {
        let mut last = 0;
        for micros in (0..5_000).chain((5_000..40_000_000).step_by(997)) {
            let step = step(micros);
            assert!(step >= last && step < STEPS * POWERS, "{micros}");
            let greatest = greatest(step);
            assert!((micros..=micros + micros / STEPS as u64).contains(&greatest), "{micros} in a step to {greatest}");
            last = step;
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), Duration::ZERO);
        (1..=1000).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        let of = |share| histogram.percentile(share).as_micros();
        for (share, exact) in [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            assert!((exact..=exact + exact / 60).contains(&of(share)), "{share}: {}", of(share));
        }
        assert_eq!((histogram.total(), histogram.most()), (1000, Duration::from_millis(1)));
        let mut both = histogram.clone();
        both.add(Duration::from_secs(1_000_000));
        both.join(&histogram);
        assert_eq!((both.total(), both.most()), (2001, Duration::from_secs(1_000_000)));
        assert_eq!(both.percentile(0.5), histogram.percentile(0.5));
    }
}
