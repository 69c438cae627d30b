//! What a worker tells of itself, for whoever admits calls and for the metrics.

use crate::server::meter::Meter;
use crate::time::{Duration, Instant};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Written by the worker, read by anybody.
#[derive(Debug, Default)]
pub struct Gauges {
    pub streams: AtomicU64,
    lag_micros: AtomicU64,
    busy_permille: AtomicU64,
    wanted_permille: AtomicU64,
    late_permille: AtomicU64,
    pub stalls: AtomicU64,
    pub sends_failed: AtomicU64,
    pub receives_failed: AtomicU64,
    pub held_back: AtomicU64,
    pub strays: AtomicU64,
    pub unrecorded: AtomicU64,
    pub reports_unbound: AtomicU64,
}

/// A worker's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub streams: u64,
    /// The latest tick of the last 100 ms, behind its moment.
    pub lag: Duration,
    /// Thousandths of a core that the thread had in the last 100 ms.
    pub busy_permille: u64,
    /// Of the same, that it had or was ready for.
    pub wanted_permille: u64,
    /// Of these ticks, thousandths that came later than the next one should have.
    pub late_permille: u64,
    /// Times that the thread was half a second late and left ticks out.
    pub stalls: u64,
    /// Packets that the system did not take.
    pub sends_failed: u64,
    /// Receives that failed; a refused port of the far end is most of them.
    pub receives_failed: u64,
    /// Ticks on which no packet was read because nobody took the events.
    pub held_back: u64,
    /// Packets for a stream that is not open.
    pub strays: u64,
    /// Packets of recorded calls for which the recorder had no room.
    pub unrecorded: u64,
    /// Streams that go without reports, for the port beside theirs was not to be had.
    pub reports_unbound: u64,
}

impl Gauges {
    pub fn read(&self) -> Load {
        Load {
            streams: self.streams.load(Relaxed),
            lag: Duration::from_micros(self.lag_micros.load(Relaxed)),
            busy_permille: self.busy_permille.load(Relaxed),
            wanted_permille: self.wanted_permille.load(Relaxed),
            late_permille: self.late_permille.load(Relaxed),
            stalls: self.stalls.load(Relaxed),
            sends_failed: self.sends_failed.load(Relaxed),
            receives_failed: self.receives_failed.load(Relaxed),
            held_back: self.held_back.load(Relaxed),
            strays: self.strays.load(Relaxed),
            unrecorded: self.unrecorded.load(Relaxed),
            reports_unbound: self.reports_unbound.load(Relaxed),
        }
    }
}

/// Counts one.
pub fn count(gauge: &AtomicU64) {
    gauge.fetch_add(1, Relaxed);
}

/// Measures the ticks and the thread that they are on.
#[derive(Debug)]
pub struct Ticks {
    meter: Meter,
    /// Of the window that goes on: ticks, those that were late by another tick, and the latest.
    ticks: u64,
    late: u64,
    lag: Duration,
    /// Of the window before.
    pub busy_permille: u64,
}

impl Ticks {
    pub fn start(now: Instant) -> Self {
        Self { meter: Meter::start(now), ticks: 0, late: 0, lag: Duration::ZERO, busy_permille: 0 }
    }

    /// One tick, which came `lag` after its moment.
    pub fn tick(&mut self, now: Instant, lag: Duration, period: Duration, gauges: &Gauges) {
        self.ticks += 1;
        self.late += u64::from(lag > period);
        self.lag = self.lag.max(lag);
        let Some(share) = self.meter.turn(now) else { return };
        self.busy_permille = share.busy;
        gauges.busy_permille.store(share.busy, Relaxed);
        gauges.wanted_permille.store(share.wanted, Relaxed);
        gauges.late_permille.store(self.late * 1000 / self.ticks, Relaxed);
        gauges.lag_micros.store(self.lag.as_micros() as u64, Relaxed);
        (self.ticks, self.late, self.lag) = (0, 0, Duration::ZERO);
    }
}
