//! Keys that we press: as telephone-events where the far end agreed on them, as tones in the audio where it did not.
//! While keys go out nothing else does: what plays stands still, and what the bridged leg says is not passed on.

use crate::audio::dtmf::Tone;
use crate::key::Key;
use crate::rtp::event::{Sender, Update};
use crate::time::Duration;
use std::collections::VecDeque;

/// Keys that may wait: an account and a code, several times over.
const WAITING: usize = 64;
/// Samples of 20 ms of a tone.
const FRAME: u32 = 160;

/// How long a key is held, and the pause before the next one, in whole frames of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub on: Duration,
    pub off: Duration,
}

impl Default for Timing {
    /// Far ends that want 40 and 40 ms hear it over a line that loses packets.
    fn default() -> Self {
        Self { on: Duration::from_millis(100), off: Duration::from_millis(60) }
    }
}

impl Timing {
    /// What every detector hears (ITU-T Q.24), and what one telephone-event can say at any clock.
    fn is_sound(self) -> bool {
        let [least, held, apart] = [40, 1_300, 8_000].map(Duration::from_millis);
        (least..=held).contains(&self.on) && (least..=apart).contains(&self.off)
    }
}

/// The keys of one stream that go out or wait.
#[derive(Debug, Default)]
pub struct Presses {
    waiting: VecDeque<(Key, Timing)>,
    going: Option<Going>,
}

/// The key that goes out, and its pause.
#[derive(Debug)]
struct Going {
    way: Way,
    /// Frames until the next key may begin.
    left: u32,
}

#[derive(Debug)]
enum Way {
    Event(Sender),
    Tone(Tone),
}

/// What a frame is replaced by.
#[derive(Debug)]
pub enum Pressed<'a> {
    /// The payload of an event packet.
    Event(Update),
    /// The next samples; silence behind its end.
    Tone(&'a mut Tone),
    /// Silence, between two keys.
    Pause,
}

impl Presses {
    /// Queues keys; `false` if they are too many or their timing is no key's, and none was taken.
    pub fn press(&mut self, keys: &[Key], timing: Timing) -> bool {
        if !timing.is_sound() || self.waiting.len() + keys.len() > WAITING {
            return false;
        }
        self.waiting.extend(keys.iter().map(|&key| (key, timing)));
        true
    }

    /// Makes room for as many keys as may wait: none that comes with a packet allocates.
    pub fn make_room(&mut self) {
        self.waiting.reserve(WAITING);
    }

    /// Whether a key goes out or waits.
    pub fn pending(&self) -> bool {
        self.going.as_ref().is_some_and(|going| going.left > 0) || !self.waiting.is_empty()
    }

    /// What goes out in this frame, whose timestamp it is; `events`: the clock of the far end's telephone-events, if it
    /// takes any.
    pub fn step(&mut self, timestamp: u32, events: Option<u32>) -> Option<Pressed<'_>> {
        if self.going.as_ref().is_none_or(|going| going.left == 0) {
            let (key, timing) = self.waiting.pop_front()?;
            self.going = Some(Going::new(key, timing, timestamp, events));
        }
        let going = self.going.as_mut()?;
        going.left -= 1;
        Some(match &mut going.way {
            // The far end may have taken telephone-event back: the rest of this key is a pause.
            Way::Event(sender) => sender.step().filter(|_| events.is_some()).map_or(Pressed::Pause, Pressed::Event),
            Way::Tone(tone) => Pressed::Tone(tone),
        })
    }
}

impl Going {
    fn new(key: Key, timing: Timing, timestamp: u32, events: Option<u32>) -> Going {
        let frames = |time: Duration| time.as_millis().div_ceil(20) as u32;
        // The timing was looked at: such a press fits one event.
        let held = Duration::from_millis(20) * frames(timing.on);
        let sender = events.and_then(|clock| Sender::at_clock(clock, key, timestamp, held).ok());
        let way = match sender {
            Some(sender) => Way::Event(sender),
            None => Way::Tone(Tone::new(key, FRAME * frames(timing.on))),
        };
        Going { way, left: frames(timing.on) + frames(timing.off) }
    }
}
