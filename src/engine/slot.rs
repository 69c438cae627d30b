//! A call and what the engine holds for it.

use super::record::Taped;
use super::take::Takes;
use super::{Service, journal::Journal};
use crate::call::Call;
use crate::call::cdr::{Cdr, LegMedia};
use crate::config::Trunk;
use crate::record::seam::Arrival;
use crate::sip::Hop;
use crate::sip::endpoint::DialogId;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Slot {
    pub phase: Phase,
    pub name: String,
    /// That it came back to, or began.
    pub case: Option<String>,
    pub from: Hop,
    pub trunk: Arc<Trunk>,
    pub service: Service,
    pub caller: Option<DialogId>,
    pub agent: Option<DialogId>,
    /// Where the agent's INVITE went.
    pub agent_hop: Option<Hop>,
    /// And to whom.
    pub destination: Option<String>,
    /// The store was given its context.
    pub stored: bool,
    pub journal: Option<Journal>,
    /// It has a 183, and did not show that it hears us.
    pub early: bool,
    /// By leg.
    pub streams: [Stream; 2],
    /// What the streams that closed before the call's end had counted.
    pub media: Vec<LegMedia>,
    /// Files that the recorder has not finished.
    pub tapes: Vec<Taped>,
    pub takes: Takes,
    /// The number under which its packets are kept.
    pub packets: Option<u32>,
    /// Whether the configuration has it recorded.
    pub recorded: bool,
    /// What its number gives to the parameters of the flow.
    pub with: BTreeMap<String, String>,
    /// When its INVITE came, until we said something to it.
    pub invited: Option<Instant>,
    /// Lookups under way, and when they began.
    pub lookups: Vec<(u32, String, Instant)>,
    /// The deadline that stands for this call in the queue.
    pub armed: Option<Instant>,
}

/// A leg's media stream, as far as the engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    None,
    Open,
    /// Asked to close; its statistics are on their way.
    Closing,
}

pub(super) enum Phase {
    /// The INVITE waits for its sockets.
    Arriving {
        arrival: Box<Arrival>,
        /// Until when it waits for what is known of it first.
        recall: Option<Instant>,
    },
    Live {
        call: Box<Call>,
    },
    /// Over; its record waits for the statistics of its streams.
    Closing {
        cdr: Box<Cdr>,
        context: Option<serde_json::Value>,
        until: Instant,
    },
}
