//! One side of a tape: packets find their place by their RTP timestamps, decoded; where none came is silence.

use super::lay::Lay;
use super::{AHEAD, BACK, LATE, STEP};
use crate::audio::codec::LONGEST;
use crate::audio::dtmf::Detector;
use crate::codec::Codec;
use crate::media::tap::Tapped;

/// The places that are not written yet and may be filled.
const LINE: usize = (BACK + LATE + STEP + AHEAD) as usize + LONGEST;

pub struct Track {
    line: Box<[i16; LINE]>,
    lay: Lay,
    detector: Detector,
    lost: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self { line: Box::new([0; LINE]), lay: Lay::default(), detector: Detector::default(), lost: 0 }
    }
}

impl Track {
    /// A packet that came at the place `now`; what lies before `heard` is too late.
    pub fn take(&mut self, now: u64, heard: u64, codec: Codec, tapped: &Tapped<'_>) {
        let mut sound = [0; LONGEST];
        let laid = self.lay.lay((now, heard), (codec, &tapped.header), tapped.payload, &mut sound);
        let Some((place, length)) = laid else {
            self.lost += STEP;
            return;
        };
        // Of a packet that is partly too late, the rest.
        let reach = heard..heard + (LINE - BACK as usize) as u64;
        for (place, &sample) in (place..).zip(&sound[..length]) {
            match u64::try_from(place).ok().filter(|place| reach.contains(place)) {
                Some(place) => self.line[place as usize % LINE] = sample,
                None => self.lost += 1,
            }
        }
    }

    /// Whether the detector, which has come to this place, hears a key.
    pub fn hears_key(&mut self, place: u64) -> bool {
        self.detector.hear([self.line[place as usize % LINE]], |_| ());
        self.detector.holds()
    }

    /// The sample, which makes room for a later one.
    pub fn erase(&mut self, place: u64) -> i16 {
        std::mem::take(&mut self.line[place as usize % LINE])
    }

    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Track({} lost)", self.lost)
    }
}
