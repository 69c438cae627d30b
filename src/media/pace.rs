//! When a frame goes out and which timestamp it bears.
//!
//! A stream has a home: one moment in every 20 ms. Frames go out at home and bear timestamps 160 apart
//! (at 8,000 Hz), whether or not the one before was sent. A prompt that begins does not wait for home: its frames go out
//! early by a constant `shift`, under the same timestamps, until silence returns to home. So timestamps
//! stay on one clock, two packets are never further apart than 40 ms, and the prompt begins at once.
//!
//! ```text
//! home      |    s    |    s    |         |         |         |    s
//! early                             p1        p2        p3
//! timestamp      0        160       320       480       640        800
//! ```

use crate::time::{Duration, Instant};

/// The time of one frame.
pub const FRAME_TIME: Duration = Duration::from_millis(20);
/// A stall up to this long is caught up frame by frame; after a longer one the timestamps jump and the
/// prompt goes on where it was.
const CATCH_UP: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub struct Pace {
    /// The moment of the next frame; the first step sets it.
    home: Option<Instant>,
    /// The timestamp of the next frame.
    timestamp: u32,
    /// Timestamp units of one frame.
    units: u32,
    shift: Duration,
    /// The lowest timestamp that may be sent next.
    floor: Option<u32>,
}

impl Pace {
    pub fn new(timestamp: u32, units: u32) -> Self {
        Self { home: None, timestamp, units, shift: Duration::ZERO, floor: None }
    }

    /// From the next frame on the clock is another one.
    pub fn set_units(&mut self, units: u32) {
        self.units = units;
    }

    /// When the next frame is due: `early`, as soon as the one before has had its time.
    pub fn due(&mut self, now: Instant, early: bool) -> Instant {
        let home = *self.home.get_or_insert(now);
        home - if early { FRAME_TIME } else { self.shift }
    }

    /// After a long stall, leaves out the frames that nobody could use any more. Says whether it did.
    pub fn leap(&mut self, now: Instant) -> bool {
        let Some(home) = self.home else { return false };
        let behind = now.since(home);
        if behind <= CATCH_UP {
            return false;
        }
        let frames = u32::try_from(behind.as_micros() / FRAME_TIME.as_micros()).unwrap_or(u32::MAX);
        self.home = Some(home + FRAME_TIME * frames);
        self.timestamp = self.timestamp.wrapping_add(self.units.wrapping_mul(frames));
        true
    }

    /// The timestamp of the frame that is sent now. What a bridge sent meanwhile may be ahead of our clock:
    /// then our clock follows, for a timestamp never goes back.
    pub fn stamp(&mut self) -> u32 {
        if let Some(floor) = self.floor
            && (self.timestamp.wrapping_sub(floor) as i32) < 0
        {
            self.timestamp = floor;
        }
        self.sent(self.timestamp);
        self.timestamp
    }

    /// The frame's time is over, sent or not. `keep` stays as early as this frame was.
    pub fn advance(&mut self, now: Instant, keep: bool) {
        let Some(home) = self.home else { return };
        self.shift = if keep { home.since(now) } else { Duration::ZERO };
        self.home = Some(home + FRAME_TIME);
        self.timestamp = self.timestamp.wrapping_add(self.units);
    }

    /// The next frame goes out at home again.
    pub fn settle(&mut self) {
        self.shift = Duration::ZERO;
    }

    /// The timestamp that a frame of another source bears when it is passed on now.
    pub fn stamp_of(&self, now: Instant) -> u32 {
        let Some(home) = self.home else { return self.timestamp };
        let units = |time: Duration| (time.as_micros() * u128::from(self.units) / FRAME_TIME.as_micros()) as u32;
        let stamp = self.timestamp.wrapping_add(units(now.since(home))).wrapping_sub(units(home.since(now)));
        match self.floor {
            Some(floor) if (stamp.wrapping_sub(floor) as i32) < 0 => floor,
            _ => stamp,
        }
    }

    /// A packet of this timestamp went out.
    pub fn sent(&mut self, timestamp: u32) {
        self.floor = Some(timestamp.wrapping_add(self.units));
    }
}
