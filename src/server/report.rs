//! How the service stands, as the control plane tells it: numbers and names of the configuration, and nothing of callers.

use super::media_worker::Load;
use crate::engine::{Tally, TrunkState};
use crate::time::Duration;
use serde::Serialize;

/// What is asked every few seconds: it costs next to nothing.
#[derive(Default)]
pub struct Standing {
    pub draining: bool,
    /// Whether the store's writer lives.
    pub store: bool,
    /// Name and digest.
    pub flows: Vec<(String, String)>,
}

/// All that is measured and counted.
#[derive(Default)]
pub struct Report {
    pub calls: usize,
    pub half_open: usize,
    /// Dialogs and transactions.
    pub sip_load: (usize, usize),
    pub trunks: Vec<TrunkState>,
    /// Name, callers who wait, callers with people.
    pub lines: Vec<(String, usize, usize)>,
    pub tally: Tally,
    /// What was counted since the start, by who counts.
    pub rooms: Vec<(&'static str, Vec<(String, u64)>)>,
    /// What became of the exchanges with each endpoint.
    pub outbound: Vec<(String, Vec<(String, u64)>)>,
    pub traces_lost: u64,
    /// How often each promise was broken that every call keeps; nothing where calls are not judged.
    pub violated: Vec<(&'static str, u64)>,
    /// Of each worker that lives.
    pub media: Vec<Load>,
    /// Rows that the store has not committed.
    pub store_waiting: u64,
    /// How long the oldest row of the last commit had waited.
    pub store_lag: Duration,
}

/// Counters under the names that they have in the code: one that is added is here by itself.
pub fn counted(counters: &impl Serialize) -> Vec<(String, u64)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(counters) else { return Vec::new() };
    fields.into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect()
}
