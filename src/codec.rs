//! Which codec: the name that `sdp/`, `audio/` and `media/` share. How each one codes is in `audio/codec/`.

use serde::{Deserialize, Serialize};

/// An audio codec. One frame of ours is 20 ms of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    Pcmu,
    Pcma,
    G722,
    #[cfg(feature = "opus")]
    Opus,
}

/// Frames a second.
const FRAMES: u32 = 50;

impl Codec {
    /// Every codec of this build.
    #[cfg(feature = "opus")]
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];
    #[cfg(not(feature = "opus"))]
    pub const ALL: [Codec; 3] = [Codec::Pcmu, Codec::Pcma, Codec::G722];

    /// The laws of G.711: what every telephone has, and what is spoken if nothing else is configured.
    pub const LAWS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The static payload type (RFC 3551 section 6), or the dynamic one of our offers.
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            #[cfg(feature = "opus")]
            Codec::Opus => 111,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            #[cfg(feature = "opus")]
            Codec::Opus => "opus",
        }
    }

    /// Units of an RTP timestamp in a second: of G.722 half the samples (RFC 3551 section 4.5.2), of Opus 48,000 whatever
    /// is in it (RFC 7587 section 4.1).
    pub fn clock(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            #[cfg(feature = "opus")]
            Codec::Opus => 48_000,
        }
    }

    /// Samples a second that we code and decode. Opus would do 48,000: five times the work, for what no telephone and no
    /// prompt has.
    pub fn rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8_000,
            Codec::G722 => 16_000,
            #[cfg(feature = "opus")]
            Codec::Opus => 16_000,
        }
    }

    /// Timestamp units of a frame.
    pub fn units(self) -> u32 {
        self.clock() / FRAMES
    }

    /// Samples of a frame.
    pub fn samples(self) -> usize {
        (self.rate() / FRAMES) as usize
    }

    pub fn is_law(self) -> bool {
        Codec::LAWS.contains(&self)
    }
}

/// The codecs that a trunk or a destination speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// In our order. Nothing else is offered or accepted.
    pub codecs: Vec<Codec>,
    /// Whether our order counts when we answer. Else it is the offer's, as RFC 3264 section 6.1 would like it.
    pub ours: bool,
}

impl Default for Preference {
    /// The laws of G.711, which are alike to us: whoever offers has its choice.
    fn default() -> Self {
        Self { codecs: Codec::LAWS.to_vec(), ours: false }
    }
}

impl Preference {
    /// A list that somebody wrote down is an order.
    pub fn configured(codecs: Vec<Codec>) -> Self {
        Self { codecs, ours: true }
    }

    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
