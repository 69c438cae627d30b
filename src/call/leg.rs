//! One leg of a call: its session description, what was negotiated, and the keys of all its carriers
//! fused into one press, one key.

use crate::codec::{Codec, Preference};
use crate::key::Key;
use crate::keying::Policy;
use crate::random::Random;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, KeyCarrier, Leg, Out};
use crate::sdp::{self, Direction, Negotiated, Offer};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What a phone sends for one press by several carriers comes within this time.
const SAME_PRESS: Duration = Duration::from_millis(500);
/// An INFO that was lost comes again after 500 ms (RFC 3261, timer E).
const LATE_INFO: Duration = Duration::from_millis(1000);
/// Presses remembered: more than are made within that time.
const RECENT: usize = 16;

pub struct LegState {
    session: sdp::Session,
    preference: Preference,
    pub negotiated: Option<Negotiated>,
    fusion: Fusion,
}

impl LegState {
    pub fn new(local: SocketAddr, preference: Preference, srtp: Policy, random: &mut Random) -> Self {
        Self {
            session: sdp::Session::new(local, srtp, random),
            preference,
            negotiated: None,
            fusion: Fusion::default(),
        }
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
        self.agree(&negotiated);
        Ok((text(sdp), negotiated))
    }

    /// Takes the answer to our offer.
    pub fn take_answer(&mut self, answer: &Offer) -> Option<Negotiated> {
        let negotiated = self.session.take_answer(answer).ok()?;
        self.agree(&negotiated);
        Some(negotiated)
    }

    fn agree(&mut self, negotiated: &Negotiated) {
        self.fusion.renew();
        self.negotiated = Some(negotiated.clone());
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

/// The carriers of one side's keys. The best one heard so far counts, and those below it only repeat what it says:
/// events are exact, INFO may come late, and tones are what somebody's voice may sound like. A press that a lesser one
/// told first is remembered, so that the better one's word for it is not another press.
#[derive(Default)]
pub struct Fusion {
    best: Option<KeyCarrier>,
    recent: VecDeque<Press>,
}

struct Press {
    at: Instant,
    key: Key,
    /// Which carriers brought it.
    by: [bool; 3],
}

impl Fusion {
    /// Another session description: it may be another phone, with other carriers.
    pub fn renew(&mut self) {
        self.best = None;
    }

    /// The same off the lines of a call: whether a key of its caller's is a press of its own. `None`: the line is no such key.
    pub fn follow(&mut self, Line { t, step }: &Line) -> Option<bool> {
        match step {
            Step::In(In::Key { leg: Leg::Caller, key, by }) => Some(self.press(Instant::from_micros(*t), *key, *by)),
            Step::Out(
                Out::Listen { leg: Leg::Caller, .. }
                | Out::Retarget { leg: Leg::Caller, .. }
                | Out::Reanswer { leg: Leg::Caller, .. },
            ) => {
                self.renew();
                None
            }
            _ => None,
        }
    }

    /// Whether this is a press of its own.
    pub fn press(&mut self, now: Instant, key: Key, by: KeyCarrier) -> bool {
        if self.best.is_some_and(|best| (by as u8) > best as u8) {
            return false;
        }
        self.best = Some(by);
        let patience = if by == KeyCarrier::Info { LATE_INFO } else { SAME_PRESS };
        // The oldest that this carrier has not brought yet: two quick presses of one key stay two.
        let same = |press: &&mut Press| press.key == key && !press.by[by as usize] && now.since(press.at) <= patience;
        if let Some(press) = self.recent.iter_mut().find(same) {
            press.by[by as usize] = true;
            return false;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        let mut press = Press { at: now, key, by: [false; 3] };
        press.by[by as usize] = true;
        self.recent.push_back(press);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyCarrier::{InBand, Info, Rtp};

    /// (milliseconds, key, carrier, counts)
    type Script = &'static [(u64, char, KeyCarrier, bool)];

    fn check(scripts: &[Script]) {
        for (number, script) in scripts.iter().enumerate() {
            let mut fusion = Fusion::default();
            for &(ms, key, by, counts) in *script {
                let key = Key::from_char(key).expect("a key");
                let now = Instant::from_micros(ms * 1000);
                assert_eq!(fusion.press(now, key, by), counts, "script {number} at {ms} ms");
            }
        }
    }

    #[test]
    fn one_press_by_two_carriers_is_one_key() {
        check(&[
            &[(0, '1', Info, true), (300, '1', Info, true), (600, '2', Info, true)],
            &[(0, '1', Rtp, true), (5, '1', Info, false), (900, '1', Rtp, true), (905, '1', Info, false)],
            &[(0, '1', Info, true), (20, '1', Rtp, false), (400, '1', Rtp, true), (410, '1', Info, false)],
            &[(0, '1', Info, true), (20, '2', Rtp, true), (2000, '1', Rtp, true)],
            &[(0, '1', InBand, true), (30, '1', Rtp, false), (400, '1', InBand, false), (430, '1', Rtp, true)],
            &[(0, '1', Rtp, true), (40, '1', InBand, false), (3000, '1', InBand, false)],
            &[(0, '1', InBand, true), (160, '1', Info, false), (300, '1', InBand, false), (460, '1', Info, true)],
        ]);
    }

    #[test]
    fn case_22_one_press_by_three_carriers_is_one_key() {
        check(&[
            &[(0, '5', Rtp, true), (40, '5', InBand, false), (160, '5', Info, false)],
            &[(0, '5', InBand, true), (20, '5', Rtp, false), (160, '5', Info, false), (900, '5', Rtp, true)],
            &[(0, '5', InBand, true), (20, '5', Info, false), (60, '5', Rtp, false), (300, '5', Rtp, true)],
            &[(0, '5', Info, true), (40, '5', InBand, false), (60, '5', Rtp, false), (300, '5', Rtp, true)],
        ]);
    }

    #[test]
    fn quick_presses_of_one_key_stay_apart_though_the_other_carrier_lags() {
        check(&[
            &[(0, '5', InBand, true), (160, '5', InBand, true), (170, '5', Info, false), (330, '5', Info, false)],
            // The first INFO was lost and came again.
            &[(0, '5', InBand, true), (700, '5', Info, false), (1600, '5', Info, true)],
        ]);
    }
}
