//! The report: as JSON, and for a person.

use super::plan::Plan;
use super::tally::{Failure, Tally};
use crate::peer::histogram::Histogram;
use crate::peer::net::Counted;
use crate::time::Duration;
use serde::Serialize;
use std::fmt;

/// A core this busy, or ticks this late, and it is the tool that is measured.
const BUSY: f64 = 0.9;
const LATE: Duration = Duration::from_millis(5);

#[derive(Serialize)]
pub struct Report {
    target: String,
    pub calls: Calls,
    /// At most.
    at_once: usize,
    seconds: f64,
    /// In which calls that were due had to wait, for so many stood.
    held_back_seconds: f64,
    times_ms: Times,
    packets: Packets,
    keys: Keys,
    pub tool: Tool,
}

#[derive(Serialize)]
pub struct Calls {
    tried: u32,
    answered: u32,
    complete: u32,
    pub failed: u32,
    complete_percent: f64,
    failures: Vec<Failed>,
}

#[derive(Serialize)]
struct Failed {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    calls: u32,
}

/// Each `null` if there was none. By the kernel's times of arrival.
#[derive(Serialize)]
struct Times {
    /// From the INVITE to its 200.
    setup: Option<Percentiles>,
    /// From the INVITE to its 503.
    turned_away: Option<Percentiles>,
    /// From the first key's first packet to the first one without sound.
    first_key_to_silence: Option<Percentiles>,
    /// To the next prompt's first packet.
    last_key_begin_to_prompt: Option<Percentiles>,
    /// 0 if the prompt came while the key was held.
    last_key_end_to_prompt: Option<Percentiles>,
    /// Between two packets of a call.
    packet_gap: Option<Percentiles>,
}

#[derive(Serialize)]
struct Packets {
    sent: u64,
    received: u64,
    /// By sequence numbers.
    lost: u64,
    late: u64,
    /// Times that senders left out by their timestamps: no gaps.
    pauses: u64,
    /// From where no call expected any.
    strays: u64,
    /// What our kernel did not take.
    unsent: u64,
    /// Of SRTP: refused, and not sent for want of a key.
    forged: u64,
    unprotected: u64,
}

#[derive(Serialize)]
struct Keys {
    pressed: u64,
    /// By the target's records.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
}

#[derive(Serialize)]
pub struct Tool {
    core_percent: f64,
    core_percent_busiest_second: f64,
    cpu_ms_per_call: f64,
    tick_lag_ms: Option<Percentiles>,
    /// Then no other figure counts.
    pub bottleneck: bool,
}

#[derive(Clone, Copy, Serialize)]
struct Percentiles {
    count: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Report {
    pub fn new(
        plan: &Plan,
        tally: &mut Tally,
        gaps: &Histogram,
        net: Counted,
        (elapsed, held_back): (Duration, Duration),
        heard: Option<u64>,
        tool: Tool,
    ) -> Report {
        let failed = |(failure, calls): (&Failure, &u32)| Failed {
            reason: failure.reason(),
            status: failure.status(),
            calls: *calls,
        };
        Report {
            target: plan.target.to_string(),
            calls: Calls {
                tried: tally.tried,
                answered: tally.answered,
                complete: tally.complete,
                failed: tally.failed(),
                complete_percent: rounded(f64::from(tally.complete) * 100.0 / f64::from(tally.tried.max(1))),
                failures: tally.failures.iter().map(failed).collect(),
            },
            at_once: tally.at_once,
            seconds: rounded(elapsed.as_secs_f64()),
            held_back_seconds: rounded(held_back.as_secs_f64()),
            times_ms: Times {
                setup: percentiles(&tally.setup),
                turned_away: percentiles(&tally.turned_away),
                first_key_to_silence: percentiles(&tally.stopped),
                last_key_begin_to_prompt: percentiles(&tally.reply),
                last_key_end_to_prompt: percentiles(&tally.reply_after_end),
                packet_gap: percentiles(gaps),
            },
            packets: Packets {
                sent: tally.sent,
                received: tally.received,
                lost: tally.lost,
                late: tally.late,
                pauses: tally.pauses,
                strays: net.strays,
                unsent: net.unsent,
                forged: tally.forged,
                unprotected: tally.unprotected,
            },
            keys: Keys { pressed: tally.keys, heard, lost: heard.map(|heard| tally.keys.saturating_sub(heard)) },
            tool,
        }
    }

    pub fn json(&self) -> String {
        // Numbers and strings: nothing that JSON has no word for.
        serde_json::to_string_pretty(self).unwrap_or_else(|error| error.to_string())
    }
}

impl Tool {
    /// Shares of a core, microseconds a call.
    pub fn new(share: f64, busiest: f64, per_call: f64, lag: &Histogram) -> Tool {
        Tool {
            core_percent: rounded(share * 100.0),
            core_percent_busiest_second: rounded(busiest * 100.0),
            cpu_ms_per_call: rounded(per_call / 1e3),
            tick_lag_ms: percentiles(lag),
            bottleneck: busiest > BUSY || lag.percentile(0.99) > LATE,
        }
    }
}

fn percentiles(of: &Histogram) -> Option<Percentiles> {
    let ms = |share| rounded(of.percentile(share).as_secs_f64() * 1e3);
    (of.total() > 0).then(|| Percentiles {
        count: of.total(),
        p50: ms(0.5),
        p90: ms(0.9),
        p99: ms(0.99),
        p999: ms(0.999),
        max: rounded(of.most().as_secs_f64() * 1e3),
    })
}

/// To a thousandth.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { calls, packets, keys, times_ms, tool, .. } = self;
        let Calls { tried, answered, complete, failed, complete_percent, .. } = calls;
        writeln!(
            f,
            "calls          {tried} tried, {answered} answered, {complete} complete ({complete_percent:.2} %), {failed} failed"
        )?;
        for Failed { reason, status, calls } in &calls.failures {
            let status = status.map_or(String::new(), |status| format!(" {status}"));
            writeln!(f, "               {calls} {reason}{status}")?;
        }
        write!(f, "at once        {} at most; {:.1} s in all", self.at_once, self.seconds)?;
        if self.held_back_seconds > 0.0 {
            write!(f, ", {:.1} of them held back by --concurrency", self.held_back_seconds)?;
        }
        writeln!(f, "\n{:<29}{:>9}{:>9}{:>9}{:>9}{:>9}", "", "p50", "p90", "p99", "p99.9", "most")?;
        let rows = [
            ("INVITE to 200", times_ms.setup),
            ("INVITE to 503", times_ms.turned_away),
            ("first key to silence", times_ms.first_key_to_silence),
            ("last key's begin to prompt", times_ms.last_key_begin_to_prompt),
            ("last key's end to prompt", times_ms.last_key_end_to_prompt),
            ("packet to packet", times_ms.packet_gap),
            ("own ticks late by", tool.tick_lag_ms),
        ];
        for (name, of) in rows {
            match of {
                Some(Percentiles { p50, p90, p99, p999, max, .. }) => {
                    writeln!(f, "{name:<29}{p50:>9.2}{p90:>9.2}{p99:>9.2}{p999:>9.2}{max:>9.2} ms")?;
                }
                None => writeln!(f, "{name:<29}{:>9}", "-")?,
            }
        }
        let Packets { sent, received, lost, late, pauses, strays, unsent, forged, unprotected } = packets;
        write!(f, "packets        {received} received, {lost} lost, {late} late, {sent} sent")?;
        let rare = [
            (pauses, "pauses"),
            (strays, "strays"),
            (unsent, "unsent"),
            (forged, "forged"),
            (unprotected, "unprotected"),
        ];
        for (count, name) in rare.into_iter().filter(|(count, _)| **count > 0) {
            write!(f, ", {count} {name}")?;
        }
        write!(f, "\nkeys           {} pressed", keys.pressed)?;
        if let (Some(heard), Some(lost)) = (keys.heard, keys.lost) {
            write!(f, ", {heard} heard by the target, {lost} lost")?;
        }
        let Tool { core_percent, core_percent_busiest_second: busiest, cpu_ms_per_call, .. } = tool;
        writeln!(
            f,
            "\nload tool      {core_percent:.0} % of a core, {busiest:.0} % in its busiest second; {cpu_ms_per_call:.2} ms a call"
        )?;
        if tool.bottleneck {
            writeln!(
                f,
                "the load tool was the bottleneck: these figures do not count; use a faster or a quieter core, or less load"
            )?;
        }
        Ok(())
    }
}
