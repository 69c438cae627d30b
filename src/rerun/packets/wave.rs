//! A caller's packets laid beside each other, and what nobody may hear taken out of them.

use super::Unsound;
use super::kept::Packets;
use super::keys::{self, Press};
use crate::audio::codec::LONGEST;
use crate::audio::dtmf::Detector;
use crate::key::Key;
use crate::media::Kind;
use crate::media::tape::{BACK, LATE, Lay, RATE};
use crate::record::seam::KeyCarrier;
use std::ops::Range;

/// Samples of a call's sound: an hour.
const SAMPLES: u64 = 3_600 * RATE as u64;
/// What is before the first packet, for the tone of a key that is told with it.
const BEFORE: u64 = 60_000;

/// The sound of a caller.
#[derive(Clone, Debug)]
pub struct Wave {
    /// Its first sample's time, in microseconds since the INVITE. A packet's sound is at the time at which it came, or
    /// would have come but for its jitter.
    pub from: u64,
    /// At 8,000 Hz.
    pub samples: Vec<i16>,
    /// By packet: where its sound is, and how long. `None`: it is nowhere.
    pub places: Vec<Option<(u64, u64)>>,
}

impl Wave {
    /// What was heard.
    pub fn laid(packets: &Packets, presses: &[Press]) -> Result<Wave, Unsound> {
        let sounding = packets.iter().find(|packet| !matches!(packet.kind, Kind::Event { .. }));
        let first = [sounding.map(|packet| packet.t), presses.first().map(|press| press.t.saturating_sub(BEFORE))];
        let from = first.into_iter().flatten().min().unwrap_or(0);
        let mut wave = Wave { from, samples: Vec::new(), places: Vec::new() };
        if presses.last().is_some_and(|press| wave.place(press.t) > SAMPLES) {
            return Err(Unsound::Long);
        }
        wave.lay(packets)?;
        Ok(wave)
    }

    /// What was heard, without what nobody may hear: keys however they came, sound around them, and what is muted.
    pub fn of(packets: &Packets, presses: &[Press], muted: &[Range<u64>]) -> Result<Wave, Unsound> {
        let mut wave = Wave::laid(packets, presses)?;
        let mut silent = wave.keys();
        let events = packets.iter().filter(|packet| matches!(packet.kind, Kind::Event { .. }));
        for t in events.map(|packet| packet.t).chain(presses.iter().map(|press| press.t)) {
            let place = wave.place(t);
            silent.push(place.saturating_sub(BACK)..place + BACK);
        }
        silent.extend(muted.iter().map(|muted| wave.place(muted.start)..wave.place(muted.end) + 1));
        let length = wave.samples.len();
        for silent in silent {
            let within = |place: u64| (place as usize).min(length);
            wave.samples[within(silent.start)..within(silent.end)].fill(0);
        }
        Ok(wave)
    }

    /// The same with tones for those keys.
    pub fn with_tones<'p>(mut self, presses: impl Iterator<Item = &'p Press>) -> Wave {
        let keys: Vec<(u64, Key)> = presses.map(|press| (self.place(press.t), press.is)).collect();
        keys::write_tones(&mut self.samples, &keys);
        self
    }

    fn place(&self, t: u64) -> u64 {
        t.saturating_sub(self.from) * u64::from(RATE) / 1_000_000
    }

    fn lay(&mut self, packets: &Packets) -> Result<(), Unsound> {
        let (mut lay, mut sound) = (Lay::default(), [0; LONGEST]);
        for packet in packets.iter() {
            let (Kind::Audio(codec), Some(payload)) = (packet.kind, packet.payload) else {
                self.places.push(None);
                continue;
            };
            let now = self.place(packet.t);
            let laid = lay.lay((now, now.saturating_sub(LATE)), (codec, &packet.header), payload, &mut sound);
            // As on a tape: what is out of reach is not heard.
            let reach = now.saturating_sub(LATE)..=now + LATE;
            let laid = laid.and_then(|(place, length)| Some((u64::try_from(place).ok()?, length)));
            let Some((place, length)) = laid.filter(|(place, _)| reach.contains(place)) else {
                self.places.push(None);
                continue;
            };
            let end = place + length as u64;
            if end > SAMPLES {
                return Err(Unsound::Long);
            }
            if self.samples.len() < end as usize {
                self.samples.resize(end as usize, 0);
            }
            self.samples[place as usize..end as usize].copy_from_slice(&sound[..length]);
            self.places.push(Some((place, length as u64)));
        }
        Ok(())
    }

    /// Where the detector hears keys, and what is before each until it is certain.
    fn keys(&self) -> Vec<Range<u64>> {
        let (mut detector, mut keys) = (Detector::default(), Vec::<Range<u64>>::new());
        for (place, &sample) in (0..).zip(&self.samples) {
            detector.hear([sample], |_| ());
            if !detector.holds() {
                continue;
            }
            match keys.last_mut().filter(|last| last.end == place) {
                Some(last) => last.end += 1,
                None => keys.push(u64::saturating_sub(place, BACK)..place + 1),
            }
        }
        keys
    }
}

/// What a detector hears in a sound.
pub fn heard(samples: &[i16]) -> Vec<Key> {
    let mut keys = Vec::new();
    Detector::default().hear(samples.iter().copied(), |key| keys.push(key));
    keys
}

/// The keys that a wave is to have: all that count, or those that came as tones.
pub fn audible(presses: &[Press], tones: bool) -> impl Iterator<Item = &Press> {
    presses.iter().filter(move |press| if tones { press.by == KeyCarrier::InBand } else { press.counts })
}
