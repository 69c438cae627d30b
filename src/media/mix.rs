//! Three legs of a call joined, as in a warm transfer: each hears the other two. Made when they are joined; a packet and a
//! frame allocate nothing.
//!
//! ```text
//! packet -> decoder -> 16,000 Hz -> ring ->+-> one reader for each of the others: their frames, summed
//!                                          +->                                    -> encoder -> packet, every 20 ms
//! ```

use super::relay::{Kind, Passing};
use crate::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::rtp::Place;

/// Samples a second of what is summed; those of a frame are `SAMPLES`.
const RATE: u32 = 16_000;
/// What a leg said last: 320 ms.
const RING: usize = 16 * SAMPLES;
/// A reader waits for two frames before it begins: the legs' clocks and the network's differ by less.
const PRIMED: u64 = 2 * SAMPLES as u64;
/// One that is further behind leaves out what is too old.
const BEHIND: u64 = 8 * SAMPLES as u64;
/// Packets that are made up for lost ones.
const CONCEALED: u16 = 3;

/// A leg's place among the three.
pub struct Seat {
    others: [u8; 2],
    codec: Codec,
    decoder: Decoder,
    up: Converter,
    down: Converter,
    encoder: Encoder,
    /// The sequence number of the packet that follows, of an SSRC.
    next: Option<(u32, u16)>,
    ring: [i16; RING],
    /// Samples that were ever said.
    said: u64,
    /// Of the others.
    readers: [Reader; 2],
}

/// How far another leg has heard this one.
#[derive(Clone, Copy)]
struct Reader {
    at: u64,
    /// There was too little for a frame: it goes on when two are there.
    waits: bool,
}

impl Seat {
    pub fn new(codec: Codec, others: [u8; 2]) -> Box<Seat> {
        Box::new(Seat {
            others,
            codec,
            decoder: Decoder::new(codec),
            up: Converter::new(codec.rate(), RATE),
            down: Converter::new(RATE, codec.rate()),
            encoder: Encoder::new(codec),
            next: None,
            ring: [0; RING],
            said: 0,
            readers: [Reader { at: 0, waits: true }; 2],
        })
    }

    pub fn others(&self) -> [u8; 2] {
        self.others
    }

    /// The leg speaks another codec from now on.
    pub fn set_codec(&mut self, codec: Codec) {
        if self.codec != codec {
            *self = Seat { ring: self.ring, said: self.said, readers: self.readers, ..*Seat::new(codec, self.others) };
        }
    }

    /// A packet of the leg. Keys stay its own, and one that comes late is lost.
    pub fn take(&mut self, passing: &Passing, payload: &[u8]) {
        let header = passing.header;
        if matches!(passing.place, Place::Late | Place::Repeated | Place::Unproven) {
            return;
        }
        let expected = self.next.replace((header.ssrc, header.sequence.wrapping_add(1)));
        let Kind::Audio(codec) = passing.kind else { return };
        let mut sound = [0; LONGEST];
        let lost =
            expected.filter(|(ssrc, _)| *ssrc == header.ssrc).map(|(_, next)| header.sequence.wrapping_sub(next));
        for _ in 0..lost.filter(|lost| *lost <= CONCEALED).unwrap_or(0) {
            let samples = self.codec.samples();
            self.decoder.conceal(payload, &mut sound[..samples]);
            self.say(&sound[..samples]);
        }
        let mut law = [0; LONGEST];
        let payload = match law.get_mut(..payload.len()) {
            // A peer that answered both laws of G.711 may send either.
            Some(own) if codec != self.codec => {
                own.copy_from_slice(payload);
                crate::audio::codec::transcode(codec, self.codec, own);
                own
            }
            _ => payload,
        };
        if let Some(length) = self.decoder.decode(payload, &mut sound).map(<[i16]>::len) {
            self.say(&sound[..length]);
        }
    }

    fn say(&mut self, sound: &[i16]) {
        let mut wide = [0; 2 * LONGEST];
        let length = self.up.convert(sound, &mut wide);
        for &sample in &wide[..length] {
            self.ring[(self.said % RING as u64) as usize] = sample;
            self.said += 1;
        }
    }

    /// Adds the leg's next 20 ms to what another leg hears; nothing while it is silent.
    pub fn add_to(&mut self, hearer: u8, sum: &mut [i32; SAMPLES]) {
        let Some(reader) = self.others.iter().position(|other| *other == hearer) else { return };
        let Reader { at, waits } = &mut self.readers[reader];
        if self.said - *at > BEHIND {
            *at = self.said - PRIMED;
        }
        *waits = self.said - *at < if *waits { PRIMED } else { SAMPLES as u64 };
        if *waits {
            return;
        }
        for (offset, sum) in (*at..).zip(sum.iter_mut()) {
            *sum += i32::from(self.ring[(offset % RING as u64) as usize]);
        }
        *at += SAMPLES as u64;
    }

    /// The frame of what the leg hears.
    pub fn code<'o>(&mut self, sum: &[i32; SAMPLES], out: &'o mut [u8; FRAME]) -> &'o [u8] {
        let wide = sum.map(|sample| sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16);
        let mut samples = [0; SAMPLES];
        self.down.convert(&wide, &mut samples);
        self.encoder.encode(&samples, out)
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seat({:?} beside {:?})", self.codec, self.others)
    }
}
