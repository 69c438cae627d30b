//! Which messages are read, and which calls may come in: the gate before parsing, and the door after it.

use super::gate::Passage;
use super::{Counters, Engine};
use crate::config::Unknown;
use crate::sip::Hop;
use crate::sip::endpoint::Door;
use crate::time::{Duration, Instant};
use std::net::IpAddr;

/// How often the log tells of calls that were turned away.
const TURNED_AWAY_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// A message comes to the gate, and if that lets it through, to the door.
    pub(super) fn message(&mut self, now: Instant, from: Hop, bytes: &[u8]) {
        let source = from.address.ip();
        let trunk = self.config.trunk(source).is_some();
        let turned_away = self.turned_away();
        let passage = self.gate.admit(now, source, bytes, trunk);
        if passage != Passage::Drop {
            let closed = self.closed(source, passage);
            // Whom we called may hear of us: its BYE may cross ours, and a PBX asks whether we are there.
            let hidden = self.config.unknown == Unknown::Drop && !trunk && !self.gate.has_called(source);
            let door = match closed {
                _ if hidden => Door::Silent,
                Some(_) => Door::Unavailable,
                None if trunk => Door::Open,
                None => Door::Forbidden,
            };
            self.trace_in(now, from, bytes, door == Door::Open);
            let before = self.endpoint.counters().unavailable;
            self.endpoint.on_message(now, from, bytes, door);
            if let Some(why) = closed {
                *why(&mut self.counters) += self.endpoint.counters().unavailable - before;
            }
        }
        if self.turned_away() != turned_away {
            self.tell_turned_away(now, from);
        }
    }

    /// Calls answered with 403 and 503, and messages dropped unread.
    fn turned_away(&self) -> [u64; 3] {
        let counters = self.endpoint.counters();
        [counters.forbidden, counters.unavailable, self.gate.counters().dropped()]
    }

    /// Why no new call may come in from there, if so: the counter of the reason.
    fn closed(&self, source: IpAddr, passage: Passage) -> Option<fn(&mut Counters) -> &mut u64> {
        if self.draining {
            Some(|counters| &mut counters.turned_away_draining)
        } else if self.slots.len() >= self.config.limits.calls {
            Some(|counters| &mut counters.turned_away_full)
        } else if self.full {
            Some(|counters| &mut counters.turned_away_busy)
        } else if passage == Passage::TurnAway {
            Some(|counters| &mut counters.turned_away_rate)
        } else if self.half_open.is_full(source) {
            Some(|counters| &mut counters.turned_away_half_open)
        } else {
            None
        }
    }

    /// What is turned away is told of in one line a second at most: a flood must not fill the log.
    pub(super) fn tell_turned_away(&mut self, now: Instant, from: Hop) {
        if self.turned_away_told.is_none_or(|told| now >= told + TURNED_AWAY_EVERY) {
            self.turned_away_told = Some(now);
            let [forbidden, unavailable, unread] = self.turned_away();
            let Counters { unknown_number, no_common_codec, no_ports, .. } = self.counters;
            tracing::info!(%from, forbidden, unavailable, unread, unknown_number, no_common_codec, no_ports, "turned away (403: no trunk has this source; 503: no room; unread: more than its source may send; 404 or 484; 488; 503: no media port)");
        }
    }
}
