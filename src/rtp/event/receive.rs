//! Receiving keys. The key is told at the first packet seen of its press, so that a prompt stops at once;
//! every later packet only has to be known as belonging to a press that was told.

use crate::key::Key;
use crate::rtp::packet::Header;
use crate::time::{Duration, Instant};

/// A press whose last report is older than this is over, END or not: three 50 ms intervals without one.
const LAPSE: Duration = Duration::from_millis(150);
/// ENDs are repeated at the sender's interval of at most 50 ms; no press of a key follows another so fast.
const REPEAT: Duration = Duration::from_millis(60);
/// An END and its repeats are this near in sequence, with one lost or audio in between.
const NEAR: u16 = 3;
/// How far a packet may be behind to be called late, in packets and in time. Further behind is a sender that
/// began again, or one that sent so much audio since the last key that the sequence went round.
const LATE_PACKETS: u16 = 100;
const LATE: Duration = Duration::from_secs(2);
/// What a timestamp that moves with every packet may differ from the growth of the duration: 60 ms, in milliseconds.
const SLACK: u32 = 60;
/// Shorter than any pause between two presses, in milliseconds.
const PAUSE: u32 = 30;
/// A duration that would be full in so many milliseconds may be followed by a new segment (RFC 4733 section 2.5.1.3):
/// half a second of loss.
const NEARLY_FULL: u32 = 512;
/// Presses remembered behind the newest, to know a straggler.
const EARLIER: usize = 4;
/// Events read from one packet (RFC 4733 section 2.5.1.5); what lies behind them is not.
pub const PACKED: usize = 8;

/// Turns event packets into keys. The quietest event is still a key: its volume is not looked at.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Units of a millisecond.
    units: u32,
    press: Option<Press>,
    earlier: [Option<Mark>; EARLIER],
    oldest: usize,
    ignored: Ignored,
}

/// Event packets that could not be a key, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Events over 15: flash, tones.
    pub codes: u64,
    /// Payloads under four bytes.
    pub short: u64,
    /// Behind the newest event packet, or the same again.
    pub late: u64,
}

/// What names a press: its key and the moment at which it began.
type Mark = (Key, u32);

/// The newest press, ended or not.
#[derive(Clone, Debug)]
struct Press {
    ssrc: u32,
    units: u32,
    /// The highest sequence number of an event packet.
    sequence: u16,
    seen: Instant,
    mark: Mark,
    duration: u16,
    ended: bool,
}

/// One event of a packet.
#[derive(Clone, Copy)]
struct Report {
    mark: Mark,
    end: bool,
    duration: u16,
}

/// Where a packet stands to the last event packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    First,
    Ahead(u16),
    Late,
    /// Another SSRC, or a sequence that began again: neither sequence nor timestamp can be compared.
    Elsewhere,
}

impl Default for Receiver {
    /// At 8,000 Hz.
    fn default() -> Self {
        Self::new(8_000)
    }
}

impl Receiver {
    /// `clock`: units of timestamps and durations in a second.
    pub fn new(clock: u32) -> Self {
        Self { units: clock / 1000, press: None, earlier: [None; EARLIER], oldest: 0, ignored: Ignored::default() }
    }

    /// The clock from now on; the press that is under way stays known.
    pub fn set_clock(&mut self, clock: u32) {
        self.units = clock / 1000;
    }

    /// Reads one event packet; `key` gets each press that was not told before (two, if a packet brings two).
    pub fn on_event(&mut self, now: Instant, header: &Header, payload: &[u8], mut key: impl FnMut(Key)) {
        if payload.len() < 4 {
            self.ignored.short += 1;
            return;
        }
        let mut order = self.order(now, header);
        if order == Order::Late {
            self.ignored.late += 1;
            return;
        }
        let mut timestamp = header.timestamp;
        for (index, entry) in payload.as_chunks::<4>().0.iter().take(PACKED).enumerate() {
            let [code, flags, d0, d1] = *entry;
            let duration = u16::from_be_bytes([d0, d1]);
            let end = flags & 0x80 != 0;
            if index > 0 && duration == 0 {
                break; // Zeros behind the event are padding, not the key 0.
            }
            match Key::from_code(code) {
                Some(k) => {
                    let report = Report { mark: (k, timestamp), end, duration };
                    if self.report(now, header, order, report) {
                        key(k);
                    }
                    order = Order::Ahead(0);
                }
                None => self.ignored.codes += 1,
            }
            if !end {
                break; // Only an event that ended has another one behind it.
            }
            timestamp = timestamp.wrapping_add(u32::from(duration));
        }
    }

    pub fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// Whether the report begins a press; the newest press is brought up to date.
    fn report(&mut self, now: Instant, header: &Header, order: Order, report: Report) -> bool {
        let same_source = self.press.as_ref().is_some_and(|press| press.ssrc == header.ssrc);
        if same_source && self.earlier.contains(&Some(report.mark)) {
            return false;
        }
        let continues = self.press.as_ref().is_some_and(|press| press.continued_by(now, order, same_source, &report));
        if let Some(press) = &self.press {
            if !same_source {
                self.earlier = [None; EARLIER];
            } else if press.mark != report.mark {
                self.earlier[self.oldest] = Some(press.mark);
                self.oldest = (self.oldest + 1) % EARLIER;
            }
        }
        let ended = report.end || continues && self.press.as_ref().is_some_and(|press| press.ended);
        self.press = Some(Press {
            ssrc: header.ssrc,
            units: self.units,
            sequence: header.sequence,
            seen: now,
            mark: report.mark,
            duration: report.duration,
            ended,
        });
        !continues
    }

    fn order(&self, now: Instant, header: &Header) -> Order {
        let Some(press) = &self.press else { return Order::First };
        if press.ssrc != header.ssrc {
            return Order::Elsewhere;
        }
        let ahead = header.sequence.wrapping_sub(press.sequence);
        let recent = now.since(press.seen) <= LATE;
        match ahead {
            0 if recent => Order::Late,
            _ if recent && ahead >= u16::MAX - LATE_PACKETS => Order::Late,
            1..0x8000 => Order::Ahead(ahead),
            _ => Order::Elsewhere,
        }
    }
}

impl Press {
    /// Whether the report belongs to this press, though its timestamp may be another.
    ///
    /// ```text
    /// honest sender     ts 0 d 160   ts 0 d 320   ts 0 END 400   x3       one timestamp a press
    /// moving timestamp  ts 0 d 160   ts 160 d 320 ts 320 d 480   ...      moves as the duration grows
    /// proxied END       ts 0 d 160   ts 0 d 320   ts 400 END 400 x3       END stamped anew
    /// held over 8 s     ts 0 d 65535 ts 65535 d 160 ...                   next segment, no gap (section 2.5.2.3)
    /// ```
    fn continued_by(&self, now: Instant, order: Order, same_source: bool, report: &Report) -> bool {
        if same_source && self.mark == report.mark {
            return true;
        }
        if self.mark.0 != report.mark.0 {
            return false;
        }
        let silent = now.since(self.seen);
        match order {
            Order::First | Order::Late => false,
            Order::Elsewhere if self.ended => report.end && silent <= REPEAT,
            Order::Elsewhere => silent <= LAPSE && report.duration >= self.duration,
            Order::Ahead(gap) if self.ended => {
                report.end && gap <= NEAR && silent <= REPEAT && self.advance(report) <= self.slack()
            }
            Order::Ahead(gap) if report.end => self.grows(report) || silent <= LAPSE && self.ends(gap, report),
            Order::Ahead(_) => self.grows(report) || self.next_segment(report),
        }
    }

    /// An END with a timestamp of its own is this press's, unless it fits a new press that lost all but its END:
    /// packets are missing, and it is stamped later than this press can have ended.
    fn ends(&self, gap: u16, report: &Report) -> bool {
        let longest = u32::from(report.duration) + PAUSE * self.units;
        gap <= NEAR || report.duration >= self.duration && self.advance(report) <= longest
    }

    /// The timestamp moved, but no further than the duration grew.
    fn grows(&self, report: &Report) -> bool {
        let growth = report.duration.wrapping_sub(self.duration);
        let capped = report.duration == u16::MAX;
        (growth > 0 || capped)
            && growth < 0x8000
            && self.advance(report).wrapping_sub(u32::from(growth)).wrapping_add(self.slack()) <= 2 * self.slack()
    }

    /// The report begins where this one was full, or would have been but for the lost packets in between.
    fn next_segment(&self, report: &Report) -> bool {
        let advance = self.advance(report);
        let nearly_full = u32::from(u16::MAX) - NEARLY_FULL * self.units + 1;
        u32::from(self.duration) >= nearly_full
            && (u32::from(self.duration)..=u32::from(u16::MAX) + self.slack()).contains(&advance)
    }

    fn slack(&self) -> u32 {
        SLACK * self.units
    }

    fn advance(&self, report: &Report) -> u32 {
        report.mark.1.wrapping_sub(self.mark.1)
    }
}
