//! Sending a key: the marker on the first packet, an update every 20 ms, three ENDs, one timestamp.

use crate::key::Key;
use crate::time::Duration;

/// Units of the 8,000 Hz clock in one update.
const STEP: u16 = 160;
/// RFC 4733 section 2.5.1.4: the final packet is sent a total of three times.
const ENDS: u8 = 3;
/// Power of the tone, in dBm0 without its sign (RFC 4733 section 2.3.4).
const VOLUME: u8 = 10;

/// One press being sent.
#[derive(Clone, Debug)]
pub struct Sender {
    key: Key,
    timestamp: u32,
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

/// A press of more than 8.19 s would need segments (RFC 4733 section 2.5.1.3), which nobody asks us to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Sender {
    /// A press that begins at `timestamp`, which is the audio's at that moment.
    pub fn new(key: Key, timestamp: u32, duration: Duration) -> Result<Sender, TooLong> {
        let total = u16::try_from(duration.as_millis().saturating_mul(8)).map_err(|_| TooLong)?;
        Ok(Sender { key, timestamp, total: total.max(STEP), reported: 0, ends: 0 })
    }

    /// The packet of this 20 ms step; `None` once the press is over.
    pub fn step(&mut self) -> Option<Update> {
        if self.ends == ENDS {
            return None;
        }
        let marker = self.reported == 0;
        let end = self.reported >= self.total.saturating_sub(STEP) && !marker;
        self.ends += u8::from(end);
        self.reported = if end { self.total } else { self.reported.saturating_add(STEP).min(self.total) };
        let [d0, d1] = self.reported.to_be_bytes();
        let payload = [self.key.code(), u8::from(end) << 7 | VOLUME, d0, d1];
        Some(Update { marker, timestamp: self.timestamp, payload })
    }
}
