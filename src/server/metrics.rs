//! `/metrics`: a report of the control plane as OpenMetrics text, which Prometheus reads. Labels are names of the
//! configuration and of loaded flows only; nothing a caller chose is in any of them.

use super::report::Report;
use crate::engine::{BOUNDS, Histogram, Series};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;
use std::fmt;

pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Values {
    Counts(Vec<(Labels, u64)>),
    Gauges(Vec<(Labels, f64)>),
    Times(Histogram),
}

#[derive(Debug)]
struct Metric {
    name: &'static str,
    help: &'static str,
    values: Values,
}

/// The page. `reloads`: readings that serve, and those that were refused.
pub fn page(report: &Report, reloads: [u64; 2]) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(metrics(report, reloads))));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

fn metrics(report: &Report, reloads: [u64; 2]) -> Vec<Metric> {
    let Report { tally, media, .. } = report;
    let [served, refused] = reloads;
    let engine = |event: &str| room(report, "engine").iter().find(|(name, _)| name == event).map_or(0, |(_, n)| *n);
    vec![
        counts("askonce_calls_begun", "Calls that were let in.", one(engine("calls"))),
        counts("askonce_calls_ended", "Calls that are over, by how.", named(&tally.ended)),
        gauges("askonce_calls", "Calls under way.", vec![(Vec::new(), report.calls as f64)]),
        gauges("askonce_half_open_calls", "Callers that have not shown that they hear us.", value(report.half_open)),
        times("askonce_setup_seconds", "From the INVITE to our 183 or 200.", &tally.setup),
        counts("askonce_steps", "Steps of flows that were entered.", named(&tally.steps)),
        counts("askonce_exits", "Calls that are over, by the block in which they were.", named(&tally.exits)),
        counts("askonce_facts_asked", "Calls in which the caller was asked for the fact.", named(&tally.asked)),
        counts("askonce_facts", "Calls by what became of the fact, and where it is from.", named(&tally.facts)),
        counts("askonce_lookups", "Lookups, by how they ended.", named(&tally.lookups)),
        counts("askonce_outbound_exchanges", "HTTP exchanges with endpoints, by how they ended.", exchanges(report)),
        times("askonce_lookup_seconds", "From a lookup's question to its end.", &tally.looked_up),
        counts(
            "askonce_handoffs",
            "Hand-offs by destination, carrier and what became of them.",
            named(&tally.handoffs),
        ),
        times("askonce_handoff_wait_seconds", "How long callers waited for a person.", &tally.waited),
        counts("askonce_agent_refusals", "What agents' phones said instead of 200.", named(&tally.refused)),
        gauges("askonce_line_waiting", "Callers who wait in a line of ours.", lines(report, |line| line.1)),
        gauges("askonce_line_served", "Callers of a line who are with people.", lines(report, |line| line.2)),
        counts("askonce_asked_again", "Facts that we held and the agent's side asked for.", named(&tally.asked_again)),
        gauges("askonce_trunk_registered", "Whether the trunk's registrar has our binding.", trunks(report, true)),
        gauges("askonce_trunk_up", "Whether the trunk answers our OPTIONS.", trunks(report, false)),
        counts(
            "askonce_engine_events",
            "What the engine counts; docs/operating.md says what.",
            events(report, "engine"),
        ),
        counts("askonce_sip_events", "What the SIP endpoint counts.", events(report, "sip")),
        counts("askonce_gate_events", "Messages dropped unread.", events(report, "gate")),
        counts("askonce_streams_events", "What connections of TCP and TLS count.", events(report, "streams")),
        counts("askonce_dns_events", "What the resolver counts.", events(report, "dns")),
        counts("askonce_control_events", "What the control thread counts.", events(report, "control")),
        counts("askonce_store_lost", "Rows that were not kept.", events(report, "store")),
        gauges("askonce_store_waiting_rows", "Rows that are not committed yet.", value(report.store_waiting as usize)),
        gauges("askonce_store_lag_seconds", "Wait of the last commit's oldest row.", seconds(report.store_lag)),
        gauges("askonce_sip_dialogs", "Dialogs of SIP.", value(report.sip_load.0)),
        gauges("askonce_sip_transactions", "Transactions of SIP.", value(report.sip_load.1)),
        gauges("askonce_media_streams", "Streams of a worker.", workers(report, |load| load.streams as f64)),
        gauges("askonce_media_lag_seconds", "A worker's latest tick.", workers(report, |load| load.lag.as_secs_f64())),
        gauges(
            "askonce_media_wanted_ratio",
            "Of a core, what a worker wants.",
            workers(report, |load| ratio(load.wanted_permille)),
        ),
        gauges(
            "askonce_media_late_ratio",
            "Of a worker's ticks, those that were late.",
            workers(report, |load| ratio(load.late_permille)),
        ),
        counts("askonce_media_events", "What media workers count.", media_events(media)),
        counts("askonce_inbox_events", "What became of calls that are over.", events(report, "inbox")),
        counts("askonce_invariants_violated", "Promises that calls broke.", violated(report)),
        counts("askonce_traces_lost", "Entries of traces that did not get through.", one(report.traces_lost)),
        counts(
            "askonce_reloads",
            "Edits that serve, and that were refused.",
            vec![(vec![("result", "served".to_owned())], served), (vec![("result", "refused".to_owned())], refused)],
        ),
        counts("askonce_series_beyond", "Counts by name for which there was no room.", one(tally.beyond)),
    ]
}

fn counts(name: &'static str, help: &'static str, counts: Vec<(Labels, u64)>) -> Metric {
    Metric { name, help, values: Values::Counts(counts) }
}

fn gauges(name: &'static str, help: &'static str, gauges: Vec<(Labels, f64)>) -> Metric {
    Metric { name, help, values: Values::Gauges(gauges) }
}

fn times(name: &'static str, help: &'static str, times: &Histogram) -> Metric {
    Metric { name, help, values: Values::Times(times.clone()) }
}

fn one(count: u64) -> Vec<(Labels, u64)> {
    vec![(Vec::new(), count)]
}

fn value(value: usize) -> Vec<(Labels, f64)> {
    vec![(Vec::new(), value as f64)]
}

fn seconds(time: crate::time::Duration) -> Vec<(Labels, f64)> {
    vec![(Vec::new(), time.as_secs_f64())]
}

fn ratio(permille: u64) -> f64 {
    permille as f64 / 1_000.0
}

fn named(series: &Series) -> Vec<(Labels, u64)> {
    let labels = |values: &mut dyn Iterator<Item = &str>| -> Labels {
        series.labels.iter().copied().zip(values.map(str::to_owned)).collect()
    };
    series.iter().map(|(mut values, count)| (labels(&mut values), count)).collect()
}

fn room<'r>(report: &'r Report, name: &str) -> &'r [(String, u64)] {
    report.rooms.iter().find(|(room, _)| *room == name).map_or(&[], |(_, events)| events)
}

fn exchanges(report: &Report) -> Vec<(Labels, u64)> {
    let of = |(endpoint, all): &(String, Vec<(String, u64)>)| -> Vec<_> {
        let labels = |result: &str| vec![("endpoint", endpoint.clone()), ("result", result.to_owned())];
        all.iter().map(|(result, count)| (labels(result), *count)).collect()
    };
    report.outbound.iter().flat_map(of).collect()
}

/// Calls that began and ended have metrics of their own.
fn events(report: &Report, name: &str) -> Vec<(Labels, u64)> {
    let others =
        room(report, name).iter().filter(|(event, _)| name != "engine" || event != "calls" && event != "ended");
    others.map(|(event, count)| (vec![("event", event.clone())], *count)).collect()
}

fn violated(report: &Report) -> Vec<(Labels, u64)> {
    report.violated.iter().map(|(code, count)| (vec![("code", (*code).to_owned())], *count)).collect()
}

fn lines(report: &Report, of: fn(&(String, usize, usize)) -> usize) -> Vec<(Labels, f64)> {
    report.lines.iter().map(|line| (vec![("line", line.0.clone())], of(line) as f64)).collect()
}

fn trunks(report: &Report, registered: bool) -> Vec<(Labels, f64)> {
    let state = |trunk: &crate::engine::TrunkState| {
        let state = if registered { trunk.registered } else { trunk.up };
        Some((vec![("trunk", trunk.name.clone())], f64::from(u8::from(state?))))
    };
    report.trunks.iter().filter_map(state).collect()
}

fn workers(report: &Report, of: impl Fn(&super::media_worker::Load) -> f64) -> Vec<(Labels, f64)> {
    let numbered = report.media.iter().enumerate();
    numbered.map(|(worker, load)| (vec![("worker", worker.to_string())], of(load))).collect()
}

fn media_events(workers: &[super::media_worker::Load]) -> Vec<(Labels, u64)> {
    let sum = |event: &str, of: fn(&super::media_worker::Load) -> u64| {
        (vec![("event", event.to_owned())], workers.iter().map(of).sum())
    };
    vec![
        sum("stalls", |load| load.stalls),
        sum("sends_failed", |load| load.sends_failed),
        sum("receives_failed", |load| load.receives_failed),
        sum("held_back", |load| load.held_back),
        sum("strays", |load| load.strays),
        sum("unrecorded", |load| load.unrecorded),
        sum("reports_unbound", |load| load.reports_unbound),
    ]
}

#[derive(Debug)]
struct Page(Vec<Metric>);

/// None of ours are given.
const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for Metric { name, help, values } in &self.0 {
            // The encoder ends the help with a full stop of its own.
            let help = help.trim_end_matches('.');
            let kind = match values {
                Values::Counts(_) => MetricType::Counter,
                Values::Gauges(_) => MetricType::Gauge,
                Values::Times(_) => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            match values {
                Values::Counts(counts) => {
                    for (labels, count) in counts {
                        match labels.is_empty() {
                            true => metric.encode_counter(count, NO_EXEMPLAR)?,
                            false => metric.encode_family(labels)?.encode_counter(count, NO_EXEMPLAR)?,
                        }
                    }
                }
                Values::Gauges(gauges) => {
                    for (labels, value) in gauges {
                        match labels.is_empty() {
                            true => metric.encode_gauge(value)?,
                            false => metric.encode_family(labels)?.encode_gauge(value)?,
                        }
                    }
                }
                Values::Times(times) => {
                    let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1_000.0).chain([f64::INFINITY]);
                    let buckets: Vec<(f64, u64)> = bounds.zip(times.buckets).collect();
                    let count = times.buckets.iter().sum();
                    metric.encode_histogram::<NoLabelSet>(times.sum.as_secs_f64(), count, &buckets, None)?;
                }
            }
        }
        Ok(())
    }
}
