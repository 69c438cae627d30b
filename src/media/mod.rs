//! Media streams without a socket or a clock: packets and ticks go in, packets and events come out.
//!
//! ```text
//! on_packet -> source (is it the one we trust?) -> guard (SRTP) -> rtp order -> ear (keys) -> relay to the bridged leg
//! tick      -> pace (when, which timestamp) -> press, player or silence -> guard -> packet
//! both      -> tap -> tape: a recorded call, in the recorder's thread
//! ```

mod ear;
mod guard;
mod holder;
mod mix;
mod mouth;
mod pace;
mod player;
mod press;
mod relay;
mod report;
mod source;
mod stream;
mod streams;
mod tap;
pub mod tape;
#[cfg(test)]
mod tests;
mod transcode;

pub use guard::Guard;
pub use pace::FRAME_TIME;
pub use press::{Pressed, Presses, Timing};
pub use relay::Kind;
pub use streams::{Attention, ByStream, Moving, Streams};
pub use tap::{Side, Tapped, Tapping};

use crate::audio::{Arena, Span};
use crate::key::Key;
use crate::keying::Suite;
use crate::sdp::Negotiated;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A stream by its call and leg. All streams of a call live on one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub call: u32,
    pub leg: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub id: StreamId,
    /// What offer and answer agreed on (RFC 3264).
    pub session: Negotiated,
    /// Where the SIP came from: behind NAT the media comes from there as well.
    pub signalling: IpAddr,
    /// Networks that the trunk's media may come from besides.
    pub media_from: Vec<IpNet>,
    /// The first values on the wire, drawn by the caller.
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    /// Send nothing before `Ungate` or a packet from the far end: a forged INVITE must not aim us at a third party.
    pub gated: bool,
}

#[derive(Clone, Debug)]
pub enum Command {
    Open(Box<Open>),
    /// The ACK came: the far end is where it said it is.
    Ungate(StreamId),
    /// A re-INVITE. The source is latched anew only if `session.remote` changed.
    Retarget {
        id: StreamId,
        session: Box<Negotiated>,
    },
    /// Plays the spans without a gap, in place of whatever plays. `looped` plays them until `Stop`. The first `from` frames
    /// are left out; of a loop, only in its first round, and what `from` has beyond whole rounds counts.
    Play {
        id: StreamId,
        play: u32,
        arena: Arc<Arena>,
        spans: Vec<Span>,
        looped: bool,
        from: u32,
    },
    Stop {
        id: StreamId,
    },
    /// Presses keys on the far end, one after the other and behind those that still wait, in place of any sound.
    Press {
        id: StreamId,
        keys: Vec<Key>,
        timing: Timing,
    },
    /// Copies of what the far end says go to `Sink::tap` under that number, or no longer; for a recording of the call what
    /// it hears as well.
    Tap {
        id: StreamId,
        tapping: Tapping,
        recording: Option<u32>,
    },
    /// Joins two legs of a call; a call has one bridge at most.
    Bridge {
        call: u32,
        a: u8,
        b: u8,
    },
    /// Joins three legs of a call: each hears the other two, whatever they speak. Keys are told and not passed on. It takes
    /// the bridge's place, and ends like one, or when one of the three closes.
    Join {
        call: u32,
        legs: [u8; 3],
    },
    Unbridge {
        call: u32,
    },
    Close {
        id: StreamId,
    },
}

impl Command {
    /// The call whose streams it concerns.
    pub fn call(&self) -> u32 {
        match self {
            Command::Open(open) => open.id.call,
            Command::Ungate(id)
            | Command::Retarget { id, .. }
            | Command::Play { id, .. }
            | Command::Stop { id }
            | Command::Press { id, .. }
            | Command::Tap { id, .. }
            | Command::Close { id } => id.call,
            Command::Bridge { call, .. } | Command::Join { call, .. } | Command::Unbridge { call } => *call,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key press by telephone-event, told at its first packet; in a bridge as well.
    Key {
        id: StreamId,
        key: Key,
    },
    /// A key press heard in the audio of a far end that has no telephone-event, told once it is certain.
    Tone {
        id: StreamId,
        key: Key,
    },
    /// The far end of a gated stream sent something: it is there, and the gate is open.
    Heard {
        id: StreamId,
    },
    /// The last frame went out. A play that was stopped or replaced does not end.
    Ended {
        id: StreamId,
        play: u32,
    },
    Closed {
        id: StreamId,
        statistics: Statistics,
    },
    /// For a minute nothing has come from its far end. It may be on hold, mute, or gone; told again after each minute more.
    Silent {
        id: StreamId,
    },
    /// A command that could not be carried out.
    Refused {
        id: StreamId,
        refusal: Refusal,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The worker has as many streams as it may have.
    Full,
    /// A stream of that name is open.
    Taken,
    /// No stream of that name is open.
    Unknown,
    /// More spans than a play may have, or a span that the arena has not.
    Spans,
    /// More keys than may wait, or held or paused for a time that is no key's.
    Keys,
    /// The shell has no socket for the stream.
    NoSocket,
}

/// Where packets and events go. Nothing is returned: what fails to leave is the shell's to count.
pub trait Sink {
    fn send(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]);
    /// Sends a report from the port beside the stream's: the far end did not agree on one for both (RFC 5761).
    fn report(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]);
    fn event(&mut self, event: Event);
    /// From now on only packets of this source are taken: the socket may be connected to it.
    fn connect(&mut self, id: StreamId, to: SocketAddr);
    /// The far end moves: the socket must hear any source again.
    fn disconnect(&mut self, id: StreamId);
    /// Of a stream that is recorded. A sink without a recorder keeps nothing.
    fn tap(&mut self, _: Tapped<'_>) {}
}

/// What is done with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordAct {
    Start,
    /// Silence on both sides until `Resume`.
    Pause,
    Resume,
    /// Silence on the caller's side until `Unmask`: it keys in, or says, what nobody may hear.
    Mask,
    Unmask,
    Stop,
}

/// What a stream did, in packets unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Audio and events taken from the trusted source.
    pub received: u64,
    pub sent: u64,
    /// Missing by sequence number.
    pub lost: u64,
    /// Behind the newest, or the same again.
    pub late: u64,
    /// Key presses.
    pub keys: u64,
    /// Reports that came, and that went.
    pub rtcp: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub reports: u64,
    /// How unevenly sound came (RFC 3550 section 6.4.1), as finely as the worker looks: 2 to 20 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// To the far end and back, by the reports of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// What the far end told of what it got: packets lost, and how unevenly they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far_lost: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far_jitter_ms: Option<u32>,
    pub refused: Refused,
    /// Of a bridge: not passed on to this leg.
    pub unrelayed: u64,
    /// Of a bridge between two codecs: frames made up for lost ones.
    pub concealed: u64,
    /// What the packets were protected with at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srtp: Option<Suite>,
    /// Not sent, for SRTP could not protect it.
    #[serde(skip_serializing_if = "is_zero")]
    pub unprotected: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Packets refused, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// No RTP packet, and no compound one of RTCP.
    pub malformed: u64,
    /// Not from the source that we trust.
    pub foreign: u64,
    /// SRTP without the agreed key's tag, or once more.
    #[serde(skip_serializing_if = "is_zero")]
    pub forged: u64,
    /// A payload type that was not agreed on.
    pub payload_type: u64,
    /// The first packet of a new SSRC or of a sequence that jumped.
    pub unproven: u64,
    /// While the far end has us not receiving.
    pub on_hold: u64,
    /// Events over 15, and event payloads under four bytes.
    pub events: u64,
    /// Presses beyond what anyone can key.
    pub presses: u64,
}
