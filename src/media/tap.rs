//! What the far end of a stream says and hears, on its way to the recorder: copies of payloads, not decoded.

use super::Sink;
use super::relay::Kind;
use crate::rtp::Header;
use crate::sdp::Negotiated;

/// Of a recorded call: what the caller says, and what it hears. They are the left and the right channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Said,
    Heard,
}

/// What a stream is tapped for. Each has its own numbers, and begins and ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tapping {
    /// A recording of the call: what the far end says, and what it hears.
    Call,
    /// A take: what it says.
    Take,
    /// The recorded call as a test: every packet of RTP that came, those included which came twice or prove nothing yet.
    Packets,
}

/// A packet of a stream that is tapped.
#[derive(Clone, Copy, Debug)]
pub struct Tapped<'p> {
    pub recording: u32,
    /// Counts what was tapped for that recording: a gap is what found no way to the recorder.
    pub number: u32,
    pub side: Side,
    pub kind: Kind,
    pub header: Header,
    pub payload: &'p [u8],
}

#[derive(Debug)]
pub struct Tap {
    recording: u32,
    number: u32,
}

impl Tap {
    pub fn new(recording: u32) -> Tap {
        Tap { recording, number: 0 }
    }

    pub fn take(&mut self, side: Side, kind: Kind, header: &Header, payload: &[u8], sink: &mut impl Sink) {
        let (recording, number) = (self.recording, self.number);
        self.number = number.wrapping_add(1);
        sink.tap(Tapped { recording, number, side, kind, header: *header, payload });
    }

    /// A packet of ours, before it is protected.
    pub fn take_sent(&mut self, session: &Negotiated, packet: &[u8], sink: &mut impl Sink) {
        let Ok((header, payload)) = Header::read(packet) else { return };
        let is_event = session.event_send == Some(header.payload_type);
        let kind = if is_event { Kind::Event { clock: session.event_clock } } else { Kind::Audio(session.codec) };
        if let Some(payload) = packet.get(payload) {
            self.take(Side::Heard, kind, &header, payload, sink);
        }
    }
}
