//! The bridge, one direction of it: a packet of one leg goes out on the other by a new header before the same payload.

use super::Sink;
use super::stream::Stream;
use crate::audio::codec;
use crate::codec::Codec;
use crate::rtp::packet::HEADER;
use crate::rtp::{Header, Place};
use crate::time::Instant;
use std::ops::Range;

/// A packet that one leg took and the other is to send.
#[derive(Debug)]
pub struct Passing {
    pub header: Header,
    pub payload: Range<usize>,
    pub kind: Kind,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio(Codec),
    Event,
}

/// How the source's numbers become ours; kept while both run on without a break.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    ssrc: u32,
    /// The source's first packet under this mapping: nothing before it may be passed on.
    first: u16,
    sequence: u16,
    timestamp: u32,
}

impl Stream {
    /// Sends another leg's packet on this one. What this leg cannot or must not send now is counted.
    pub fn relay(&mut self, now: Instant, passing: &Passing, bytes: &mut [u8], sink: &mut impl Sink) {
        if self.player.is_some() || self.presses.pending() || !self.may_send() {
            self.break_relay();
            self.statistics.unrelayed += 1;
            return;
        }
        let payload_type = match passing.kind {
            Kind::Audio(_) => Some(self.session.payload_type),
            Kind::Event => self.session.event_send,
        };
        let (Some(payload_type), Some(header)) = (payload_type, self.map(now, passing)) else {
            self.statistics.unrelayed += 1;
            return;
        };
        // A header without CSRCs and extension is never longer than the one that came: ours fits before the payload.
        let Passing { payload: Range { start, end }, kind, .. } = *passing;
        let Some(packet) = start.checked_sub(HEADER).and_then(|start| bytes.get_mut(start..end)) else { return };
        let Some((head, payload)) = packet.split_first_chunk_mut::<HEADER>() else { return };
        Header { payload_type, ..header }.write(head);
        if let Kind::Audio(from) = kind {
            codec::transcode(from, self.session.codec, payload);
        }
        self.send(packet, sink);
    }

    /// Whatever is passed on next begins a new mapping.
    pub fn break_relay(&mut self) {
        self.mapping = None;
    }

    /// The header under our SSRC. Gaps and order of the source stay visible in our sequence, so that the far
    /// end conceals what was lost. `None` for a straggler from before the mapping.
    fn map(&mut self, now: Instant, passing: &Passing) -> Option<Header> {
        let Header { sequence, timestamp, ssrc, .. } = passing.header;
        let kept = self.mapping.filter(|kept| kept.ssrc == ssrc && passing.place != Place::Restarted);
        let mapping = kept.unwrap_or_else(|| Mapping {
            ssrc,
            first: sequence,
            sequence: self.sequence.wrapping_sub(sequence),
            timestamp: self.pace.stamp_of(now).wrapping_sub(timestamp),
        });
        if passing.place != Place::Late {
            self.mapping = Some(mapping);
        } else if kept.is_none() || (sequence.wrapping_sub(mapping.first) as i16) < 0 {
            return None;
        }
        let header = Header {
            marker: passing.header.marker || kept.is_none(),
            payload_type: 0,
            sequence: sequence.wrapping_add(mapping.sequence),
            timestamp: timestamp.wrapping_add(mapping.timestamp),
            ssrc: self.ssrc,
        };
        if passing.place != Place::Late {
            self.sequence = header.sequence.wrapping_add(1);
            self.pace.sent(header.timestamp);
            self.gap = true;
        }
        Some(header)
    }
}
