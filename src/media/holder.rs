//! Whoever holds may have music of its own for whom it holds: then that is heard instead of ours. What a phone still
//! sends because it does not mute is not told from music; silence, or nothing, leaves the place to ours.

use crate::audio::codec::Law;
use crate::codec::Codec;
use crate::time::{Duration, Instant};

/// Packets with sound before it counts: half a second. What was on its way when the hold was agreed on is less.
const SUSTAINED: u32 = 25;
/// It is over when there was no sound for so long: music has pauses.
const OVER: Duration = Duration::from_secs(2);
/// A sample this far from zero is sound: -44 dB of full scale.
const SOUND: u16 = 200;
/// Bytes of a packet of Opus that says no more than that there is nothing to say.
const PAUSE: usize = 3;

/// What comes from the bridged leg while we play music for want of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder {
    packets: u32,
    last: Instant,
}

impl Holder {
    /// A packet of sound came from it. The laws of G.711 are listened to; what else is coded is taken for sound.
    pub fn sent(&mut self, now: Instant, codec: Codec, payload: &[u8]) {
        let sound = match Law::of(codec) {
            Some(law) => payload.iter().any(|&byte| (law.decode)(byte).unsigned_abs() >= SOUND),
            None => payload.len() > PAUSE,
        };
        if !sound {
            return;
        }
        self.packets = if self.is_over(now) { 1 } else { self.packets.saturating_add(1) };
        self.last = now;
    }

    /// Whether it is to be heard.
    pub fn sounds(&self, now: Instant) -> bool {
        self.packets >= SUSTAINED && !self.is_over(now)
    }

    fn is_over(&self, now: Instant) -> bool {
        now.since(self.last) > OVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_of_sound_counts_until_two_seconds_without_any() {
        let (loud, soft) = ([0x80; 160], [0xff; 160]);
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let mut holder = Holder::default();
        for n in 0..25 {
            assert!(!holder.sounds(at(20 * n)), "{n}");
            holder.sent(at(20 * n), Codec::Pcmu, &loud);
            holder.sent(at(20 * n), Codec::Pcmu, &soft);
        }
        assert!(holder.sounds(at(500)) && holder.sounds(at(2480)) && !holder.sounds(at(2481)));
        holder.sent(at(3000), Codec::Pcmu, &loud);
        assert!(!holder.sounds(at(3000)), "it begins anew");
        let mut silent = Holder::default();
        for n in 0..1000 {
            silent.sent(at(20 * n), Codec::Pcmu, &soft);
            silent.sent(at(20 * n), Codec::Pcma, &[0xd5; 160]);
            silent.sent(at(20 * n), Codec::G722, &[0; 2]);
        }
        assert!(!silent.sounds(at(20_000)));
    }
}
