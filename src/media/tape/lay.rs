//! Where the sound of a packet belongs, and what it is at 8,000 Hz.

use super::{AHEAD, LATE, RATE};
use crate::audio::codec::{Decoder, LONGEST, Law};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::rtp::Header;

/// So many packets in a row whose place is out of reach: the sender's clock is another one now.
const ASTRAY: u8 = 10;

/// Lays the packets of one stream beside each other. Places are in samples.
#[derive(Default)]
pub struct Lay {
    clock: Option<Clock>,
    /// When the last packet came.
    came: u64,
    astray: u8,
    /// Makes sound of 8,000 Hz of a codec that is no law of G.711.
    wide: Option<(Codec, Decoder, Converter)>,
}

/// Which place an RTP timestamp stands for.
#[derive(Clone, Copy)]
struct Clock {
    ssrc: u32,
    rate: u32,
    timestamp: u32,
    place: u64,
}

impl Lay {
    /// The place of a packet that came at the place `now`, and how many samples it has; what lies before `heard` is too
    /// late. `None`: it could not be decoded. What comes out of its order is decoded out of order too: of G.722 and Opus
    /// that is heard for some milliseconds.
    pub fn lay(
        &mut self,
        (now, heard): (u64, u64),
        (codec, header): (Codec, &Header),
        payload: &[u8],
        out: &mut [i16; LONGEST],
    ) -> Option<(i64, usize)> {
        let length = self.decode(codec, payload, out)?;
        let place = self.place(now, heard, codec, header);
        self.came = now;
        Some((place, length))
    }

    /// Where the packet belongs, which may be out of reach. A sender that begins anew, or that stood still while it was
    /// silent, begins at the place at which its packet came.
    fn place(&mut self, now: u64, heard: u64, codec: Codec, header: &Header) -> i64 {
        let fresh = Clock { ssrc: header.ssrc, rate: codec.clock(), timestamp: header.timestamp, place: now };
        let known = self.clock.filter(|clock| (clock.ssrc, clock.rate) == (fresh.ssrc, fresh.rate));
        let clock = *self.clock.insert(known.unwrap_or(fresh));
        let place = clock.place_of(header.timestamp);
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
