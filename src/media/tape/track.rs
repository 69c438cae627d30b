//! One side of a tape: packets find their place by their RTP timestamps, decoded; where none came is silence.

use super::{AHEAD, BACK, LATE, RATE, STEP};
use crate::audio::codec::{Decoder, LONGEST, Law};
use crate::audio::dtmf::Detector;
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::media::tap::Tapped;

/// So many packets in a row whose place is out of reach: the sender's clock is another one now.
const ASTRAY: u8 = 10;
/// The places that are not written yet and may be filled.
const LINE: usize = (BACK + LATE + STEP + AHEAD) as usize + LONGEST;

pub struct Track {
    line: Box<[i16; LINE]>,
    clock: Option<Clock>,
    /// When the last packet came.
    came: u64,
    astray: u8,
    detector: Detector,
    /// Makes sound of 8,000 Hz of a codec that is no law of G.711.
    wide: Option<(Codec, Decoder, Converter)>,
    lost: u64,
}

/// Which place an RTP timestamp stands for.
#[derive(Clone, Copy)]
struct Clock {
    ssrc: u32,
    rate: u32,
    timestamp: u32,
    place: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            line: Box::new([0; LINE]),
            clock: None,
            came: 0,
            astray: 0,
            detector: Detector::default(),
            wide: None,
            lost: 0,
        }
    }
}

impl Track {
    /// A packet that came at the place `now`; what lies before `heard` is too late.
    pub fn take(&mut self, now: u64, heard: u64, codec: Codec, tapped: &Tapped<'_>) {
        let mut sound = [0; LONGEST];
        let Some(length) = self.decode(codec, tapped.payload, &mut sound) else {
            self.lost += STEP;
            return;
        };
        let place = self.place(now, heard, codec, tapped);
        self.came = now;
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

    /// Where the packet belongs, which may be out of reach. A sender that begins anew, or that stood still while it was
    /// silent, begins at the place at which its packet came.
    fn place(&mut self, now: u64, heard: u64, codec: Codec, tapped: &Tapped<'_>) -> i64 {
        let fresh = Clock { ssrc: tapped.ssrc, rate: codec.clock(), timestamp: tapped.timestamp, place: now };
        let known = self.clock.filter(|clock| (clock.ssrc, clock.rate) == (fresh.ssrc, fresh.rate));
        let clock = *self.clock.insert(known.unwrap_or(fresh));
        let place = clock.place_of(tapped.timestamp);
        if (heard as i64..=(now + AHEAD) as i64).contains(&place) {
            self.astray = 0;
            return place;
        }
        self.astray += 1;
        if self.astray < ASTRAY && now <= self.came + LATE {
            return place;
        }
        self.astray = 0;
        self.clock = Some(fresh);
        now as i64
    }

    /// How many samples at 8,000 Hz the payload is. What comes out of its order is decoded out of order too: of G.722 and
    /// Opus that is heard for some milliseconds.
    fn decode(&mut self, codec: Codec, payload: &[u8], out: &mut [i16; LONGEST]) -> Option<usize> {
        if let Some(law) = Law::of(codec) {
            return Some(out.iter_mut().zip(payload).map(|(sample, &byte)| *sample = (law.decode)(byte)).count());
        }
        let wide = self.wide.take().filter(|wide| wide.0 == codec);
        let fresh = || (codec, Decoder::new(codec), Converter::new(codec.rate(), RATE));
        let (_, decoder, converter) = self.wide.insert(wide.unwrap_or_else(fresh));
        let mut sound = [0; LONGEST];
        Some(converter.convert(decoder.decode(payload, &mut sound)?, out))
    }
}

impl Clock {
    fn place_of(&self, timestamp: u32) -> i64 {
        let ahead = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        self.place as i64 + ahead * i64::from(RATE) / i64::from(self.rate)
    }
}

impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Track({} lost)", self.lost)
    }
}
