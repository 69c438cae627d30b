//! Reports of one stream (RTCP, RFC 3550 section 6): what we tell its far end of what came and went, and what that tells us.

use super::Statistics;
use crate::random::Random;
use crate::rtp::rtcp::{self, Block, LONGEST, NAME, Sent};
use crate::rtp::{Header, Place};
use crate::time::{Duration, Instant};

/// Section 6.2: the least interval; at what a telephone call takes the bandwidth would allow for a shorter one. Half of it
/// before the first report.
const INTERVAL: Duration = Duration::from_secs(5);
/// Section 6.3.1: an interval is drawn between half and one and a half, and divided by e - 3/2, in 1/1000.
const COMPENSATION: u32 = 1218;

/// What an SSRC sent, for our reports of it.
#[derive(Clone, Copy, Debug)]
struct Reception {
    ssrc: u32,
    /// The first sequence number, and the highest with its rounds above it.
    base: u32,
    highest: u32,
    received: u32,
    /// As the last report had them.
    before: (u32, u32),
    /// Arrival less timestamp of the newest packet of sound, and the mean of its changes in 16ths (section 6.4.1).
    transit: Option<u32>,
    jitter: u32,
    clock: u32,
    /// The last sender's report: the middle of its `ntp`, and when it came.
    reported: Option<(u32, Instant)>,
}

#[derive(Debug)]
pub struct Reporter {
    /// What the name and the intervals are drawn from.
    seed: u64,
    reports: u32,
    due: Option<Instant>,
    /// Of our SSRC; and packets as the last two reports had them.
    packets: u32,
    octets: u32,
    before: [u32; 2],
    from: Option<Reception>,
    /// In thousandths of a second, the last that could be told.
    round_trip: Option<u32>,
    /// What the far end last told of us: lost, and jitter in units of our clock.
    far: Option<(i32, u32)>,
}

impl Reporter {
    /// The call's seed drew the first numbers of the stream: they draw what else there is.
    pub fn new(ssrc: u32, timestamp: u32) -> Self {
        let seed = u64::from(ssrc) << 32 | u64::from(timestamp);
        let (packets, octets, before, from) = (0, 0, [0; 2], None);
        Self { seed, reports: 0, due: None, packets, octets, before, from, round_trip: None, far: None }
    }

    /// Our packets have another SSRC from now on.
    pub fn restart(&mut self) {
        (self.packets, self.octets, self.before, self.far) = (0, 0, [0; 2], None);
    }

    pub fn sent(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }

    /// A packet came that is believed; `clock` of its timestamp where it is one of sound, which moves with every packet.
    pub fn received(&mut self, now: Instant, header: &Header, place: Place, clock: Option<u32>) {
        let sequence = u32::from(header.sequence);
        let known = self.from.filter(|from| from.ssrc == header.ssrc && place != Place::Restarted);
        let from = self.from.insert(known.unwrap_or_else(|| Reception::new(header.ssrc, sequence)));
        from.received = from.received.wrapping_add(1);
        if place == Place::Ahead {
            let ahead = header.sequence.wrapping_sub(from.highest as u16);
            from.highest = from.highest.wrapping_add(u32::from(ahead));
        }
        if let Some(clock) = clock {
            from.arrived(now, header.timestamp, clock);
        }
    }

    /// What the far end tells; false if that is no compound packet.
    pub fn heard(&mut self, now: Instant, bytes: &[u8], ours: u32) -> bool {
        let Some(report) = rtcp::read(bytes, ours) else { return false };
        if let (Some(ntp), Some(from)) = (report.ntp, &mut self.from) {
            from.reported = Some((middle(ntp), now));
        }
        if let Some(block) = report.of_us {
            self.far = Some((block.lost, block.jitter));
            let trip = middle(ntp(now)).wrapping_sub(block.last).wrapping_sub(block.since);
            // The far end's clock may run faster than ours, and a report may be made up.
            if block.last != 0 && trip < 1 << 31 {
                self.round_trip = Some((u64::from(trip) * 1000 / 65_536) as u32);
            }
        }
        true
    }

    /// Whether it is time for a report; the next one's time is drawn then.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = *self.due.get_or_insert(now + interval(self.seed, 0) / 2);
        if now < due {
            return false;
        }
        self.reports = self.reports.wrapping_add(1);
        self.due = Some(now + interval(self.seed, self.reports));
        true
    }

    /// The report of now; `timestamp` is what a packet of ours would bear. Whoever sent nothing for two intervals makes a
    /// receiver's report (section 6.4).
    pub fn write(&mut self, now: Instant, ssrc: u32, timestamp: u32, out: &mut [u8; LONGEST]) -> usize {
        let Self { packets, octets, .. } = *self;
        let sends = packets != self.before[0];
        self.before = [self.before[1], packets];
        let sent = sends.then(|| Sent { ntp: ntp(now), timestamp, packets, octets });
        let of = self.from.as_mut().map(|from| from.block(now));
        rtcp::write(out, ssrc, sent, of, &name(self.seed))
    }

    pub fn tell(&self, clock: u32, statistics: &mut Statistics) {
        let milliseconds = |units: u32, clock: u32| (u64::from(units) * 1000 / u64::from(clock.max(1))) as u32;
        statistics.jitter_ms = self.from.map(|from| milliseconds(from.jitter >> 4, from.clock));
        statistics.round_trip_ms = self.round_trip;
        statistics.far_lost = self.far.map(|(lost, _)| lost);
        statistics.far_jitter_ms = self.far.map(|(_, jitter)| milliseconds(jitter, clock));
    }
}

impl Reception {
    fn new(ssrc: u32, sequence: u32) -> Self {
        let (transit, jitter, clock, reported) = (None, 0, 0, None);
        Self { ssrc, base: sequence, highest: sequence, received: 0, before: (0, 0), transit, jitter, clock, reported }
    }

    fn arrived(&mut self, now: Instant, timestamp: u32, clock: u32) {
        let arrival = (now.as_micros() * u64::from(clock / 1000) / 1000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        let before = self.transit.filter(|_| self.clock == clock);
        (self.transit, self.clock) = (Some(transit), clock);
        if let Some(before) = before {
            let change = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A sender that set its clock anew is not late.
            if change < clock {
                self.jitter = self.jitter + change - ((self.jitter + 8) >> 4);
            }
        }
    }

    /// Appendix A.3.
    fn block(&mut self, now: Instant) -> Block {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        let (expected_now, received_now) =
            (expected.wrapping_sub(self.before.0), self.received.wrapping_sub(self.before.1));
        self.before = (expected, self.received);
        let missing = expected_now.saturating_sub(received_now);
        let fraction = (u64::from(missing) << 8).checked_div(expected_now.into()).unwrap_or(0).min(255) as u8;
        let (last, since) = self.reported.map_or((0, 0), |(last, at)| (last, middle(ntp_of(now.since(at)))));
        let lost = expected.wrapping_sub(self.received) as i32;
        Block { ssrc: self.ssrc, fraction, lost, highest: self.highest, jitter: self.jitter >> 4, last, since }
    }
}

fn interval(seed: u64, number: u32) -> Duration {
    let mut random = Random::from_seed(seed.wrapping_add(u64::from(number)));
    INTERVAL * (500 + random.below(1000)) / COMPENSATION
}

/// A name of this stream alone (RFC 7022 section 4.2 asks for 96 bits; ours are drawn from the 64 that its SSRC and
/// timestamps show anyway).
fn name(seed: u64) -> [u8; NAME] {
    let mut random = Random::from_seed(!seed);
    std::array::from_fn(|_| b"abcdefghijklmnopqrstuvwxyz012345"[random.below(32) as usize])
}

/// Time since the zero of our clock: no wall clock is needed (section 6.4.1), and none told.
fn ntp(now: Instant) -> u64 {
    ntp_of(now.since(Instant::ZERO))
}

fn ntp_of(time: Duration) -> u64 {
    let parts = (u64::from(time.subsec_micros()) << 32) / 1_000_000;
    (time.as_secs() << 32) | parts
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}
