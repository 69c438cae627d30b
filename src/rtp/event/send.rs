//! Sending a key: the marker on the first packet, an update every 20 ms, three ENDs, one timestamp.

use crate::key::Key;
use crate::time::Duration;

/// Updates a second.
const UPDATES: u32 = 50;
/// The clock of whoever names none.
const CLOCK: u32 = 8_000;
/// RFC 4733 section 2.5.1.4: the final packet is sent a total of three times.
const ENDS: u8 = 3;
/// Power of the tone, in dBm0 without its sign (RFC 4733 section 2.3.4).
const VOLUME: u8 = 10;

/// One press being sent.
#[derive(Clone, Debug)]
pub struct Sender {
    key: Key,
    timestamp: u32,
    /// Units of one update, of the whole press, and of what was reported so far.
    step: u16,
    total: u16,
    reported: u16,
    ends: u8,
}

/// One packet to send now; the sequence goes on from the audio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    pub marker: bool,
    pub timestamp: u32,
    pub payload: [u8; 4],
}

/// A press of more than 8.19 s (at 48,000 Hz, 1.36 s) would need segments (RFC 4733 section 2.5.1.3), which nobody asks us to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Sender {
    /// A press at 8,000 Hz that begins at `timestamp`, which is the audio's at that moment.
    pub fn new(key: Key, timestamp: u32, duration: Duration) -> Result<Sender, TooLong> {
        Self::at_clock(CLOCK, key, timestamp, duration)
    }

    /// The same at another clock.
    pub fn at_clock(clock: u32, key: Key, timestamp: u32, duration: Duration) -> Result<Sender, TooLong> {
        let units = duration.as_millis().saturating_mul(u128::from(clock)) / 1000;
        let total = u16::try_from(units).map_err(|_| TooLong)?;
        let step = u16::try_from(clock / UPDATES).map_err(|_| TooLong)?;
        Ok(Sender { key, timestamp, step, total: total.max(step), reported: 0, ends: 0 })
    }

    /// The packet of this 20 ms step; `None` once the press is over.
    pub fn step(&mut self) -> Option<Update> {
        if self.ends == ENDS {
            return None;
        }
        let marker = self.reported == 0;
        let end = self.reported >= self.total.saturating_sub(self.step) && !marker;
        self.ends += u8::from(end);
        self.reported = if end { self.total } else { self.reported.saturating_add(self.step).min(self.total) };
        let [d0, d1] = self.reported.to_be_bytes();
        let payload = [self.key.code(), u8::from(end) << 7 | VOLUME, d0, d1];
        Some(Update { marker, timestamp: self.timestamp, payload })
    }
}
