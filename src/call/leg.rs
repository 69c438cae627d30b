//! One leg of a call: its session description, what was negotiated, and the keys of all its carriers
//! fused into one press, one key.

use crate::codec::{Codec, Preference};
use crate::key::Key;
use crate::keying::Policy;
use crate::random::Random;
use crate::record::seam::KeyCarrier;
use crate::sdp::{self, Direction, Negotiated, Offer};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

/// A phone that sends INFO and telephone-event for one press sends both within this time.
const SAME_PRESS: Duration = Duration::from_millis(500);

pub struct LegState {
    session: sdp::Session,
    preference: Preference,
    pub negotiated: Option<Negotiated>,
    fusion: Fusion,
}

impl LegState {
    pub fn new(local: SocketAddr, preference: Preference, srtp: Policy, random: &mut Random) -> Self {
        Self { session: sdp::Session::new(local, srtp, random), preference, negotiated: None, fusion: Fusion::default() }
    }

    /// Our offer: the other leg's codec first if this one speaks it, so that the bridge only rewrites headers.
    pub fn offer(&mut self, first: Option<Codec>) -> String {
        let mut codecs = self.preference.codecs.clone();
        codecs.sort_by_key(|codec| Some(*codec) != first);
        text(self.session.offer(&codecs, Direction::SendRecv))
    }

    /// Answers an offer, the first or a later one, unless the two of us have nothing in common.
    pub fn answer(&mut self, offer: &Offer) -> Result<(String, Negotiated), sdp::Refusal> {
        let (sdp, negotiated) = self.session.answer(offer, &self.preference, Direction::SendRecv)?;
        self.negotiated = Some(negotiated.clone());
        Ok((text(sdp), negotiated))
    }

    /// Takes the answer to our offer.
    pub fn take_answer(&mut self, answer: &Offer) -> Option<Negotiated> {
        let negotiated = self.session.take_answer(answer).ok()?;
        self.negotiated = Some(negotiated.clone());
        Some(negotiated)
    }

    pub fn codec(&self) -> Option<Codec> {
        self.negotiated.as_ref().map(|negotiated| negotiated.codec)
    }

    /// Whether the other side does not want to hear us (RFC 3264 section 8.4: it holds).
    pub fn held(&self) -> bool {
        let direction = self.negotiated.as_ref().map(|negotiated| negotiated.direction);
        direction.is_some_and(|direction| !direction.sends())
    }

    /// Whether this is a press of its own, not another carrier's word for the last one.
    pub fn press(&mut self, now: Instant, key: Key, by: KeyCarrier) -> bool {
        self.fusion.press(now, key, by)
    }
}

/// Session descriptions are ASCII by construction (`sdp::Session` writes them).
fn text(sdp: Vec<u8>) -> String {
    String::from_utf8_lossy(&sdp).into_owned()
}

/// Latches on the first telephone-event: from then on INFO repeats what was already heard.
#[derive(Default)]
struct Fusion {
    telephone_event: bool,
    last_info: Option<(Instant, Key)>,
}

impl Fusion {
    fn press(&mut self, now: Instant, key: Key, by: KeyCarrier) -> bool {
        match by {
            KeyCarrier::Info => {
                self.last_info = Some((now, key));
                !self.telephone_event
            }
            KeyCarrier::Rtp if self.telephone_event => true,
            KeyCarrier::Rtp => {
                self.telephone_event = true;
                !self.last_info.is_some_and(|(at, last)| last == key && now.since(at) <= SAME_PRESS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_press_by_two_carriers_is_one_key() {
        use KeyCarrier::{Info, Rtp};
        // (milliseconds, key, carrier, counts)
        let scripts: [&[(u64, char, KeyCarrier, bool)]; 4] = [
            &[(0, '1', Info, true), (300, '1', Info, true), (600, '2', Info, true)],
            &[(0, '1', Rtp, true), (5, '1', Info, false), (900, '1', Rtp, true), (905, '1', Info, false)],
            &[(0, '1', Info, true), (20, '1', Rtp, false), (400, '1', Rtp, true), (410, '1', Info, false)],
            &[(0, '1', Info, true), (20, '2', Rtp, true), (2000, '1', Rtp, true)],
        ];
        for (number, script) in scripts.iter().enumerate() {
            let mut fusion = Fusion::default();
            for &(ms, key, by, counts) in *script {
                let key = Key::from_char(key).expect("a key");
                let now = Instant::from_micros(ms * 1000);
                assert_eq!(fusion.press(now, key, by), counts, "script {number} at {ms} ms");
            }
        }
    }
}
