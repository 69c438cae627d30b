//! The sound of a caller as a call: its keys, when they are heard in it.

use crate::audio::dtmf::Detector;
use crate::call::{Birth, Program};
use crate::config::Number;
use crate::engine;
use crate::flow::script::Opening;
use crate::key::Key;
use crate::record::seam::{Arrival, In, KeyCarrier, Leg};
use crate::replay::stage::{self, Place, Scene, Timed};
use jiff::Timestamp;

/// Samples a second of what is listened to.
pub const RATE: u32 = 8_000;
/// Samples that are heard at once: a key's time is as fine as this.
const PIECE: usize = 80;

/// The keys in it, with the microseconds after its beginning at which each is certain.
pub fn keys(samples: &[i16]) -> Vec<(u64, Key)> {
    let (mut detector, mut keys) = (Detector::default(), Vec::new());
    for (piece, samples) in samples.chunks(PIECE).enumerate() {
        let at = micros(piece * PIECE + samples.len());
        detector.hear(samples.iter().copied(), |key| keys.push((at, key)));
    }
    keys
}

/// What such a recording says of where it comes from.
pub const SOURCE: &str = "sound";

/// A caller who is answered when the sound begins, and hangs up when it ends.
pub fn timed(samples: &[i16]) -> Timed {
    let leg = Leg::Caller;
    let pressed = keys(samples).into_iter().map(|(at, key)| (at, In::Key { leg, key, by: KeyCarrier::InBand }));
    let inputs = pressed.chain([(micros(samples.len()), In::Bye { leg })]).collect();
    Timed { scenes: vec![Scene { at: 0, inputs }] }
}

/// What such a call is made from, at a place; `dialled`: one of its numbers, and what that gives.
pub fn birth(
    program: &Program,
    place: &Place,
    at: Timestamp,
    name: &str,
    dialled: Option<&Number>,
) -> (Birth, Arrival) {
    let (mut birth, mut arrival) = stage::birth(program, place, &Opening::at(at));
    (birth.call, birth.case) = (name.to_owned(), name.to_owned());
    if let Some(number) = dialled {
        arrival.to = number.number.text.clone();
        birth.with = engine::given(number);
    }
    // A caller whose keys are tones has nothing better.
    if let Some(offer) = &mut arrival.offer {
        offer.formats.retain(|format| !format.name.eq_ignore_ascii_case("telephone-event"));
    }
    (birth, arrival)
}

fn micros(samples: usize) -> u64 {
    samples as u64 * 1_000_000 / u64::from(RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::dtmf::Tone;
    use crate::record::fixture::Step;
    use crate::record::seam::Out;
    use crate::server::files::{self, Embedded};
    use std::path::Path;

    #[test]
    fn keys_are_heard_at_their_times_and_the_caller_leaves_at_the_end() {
        let mut samples = vec![0; 8_000];
        for key in ['4', '4', '#'] {
            samples.extend(Tone::new(Key::from_char(key).unwrap(), 640));
            samples.extend([0; 960]);
        }
        let heard = keys(&samples);
        assert_eq!(heard.iter().map(|(_, key)| key.to_char()).collect::<String>(), "44#");
        for (begun, (at, _)) in [1_000_000, 1_200_000, 1_400_000].into_iter().zip(&heard) {
            assert!((begun + 20_000..begun + 60_000).contains(at), "{at}");
        }
        let scenes = timed(&samples).scenes;
        assert!(matches!(scenes[0].inputs.last(), Some((1_600_000, In::Bye { leg: Leg::Caller }))));
    }
    #[test]
    fn sound_alone_makes_a_call() {
        let service = files::load(&Embedded, Path::new("flows/account-desk.yaml")).0.expect("the flow loads");
        let mut samples = vec![0; 8_000];
        let mut press = |key, until: usize| {
            samples.extend(Tone::new(Key::from_char(key).unwrap(), 640));
            samples.resize(until.max(samples.len() + 960), 0);
        };
        "79927398713#".chars().for_each(|key| press(key, 0));
        samples.resize(12 * 8_000, 0);
        samples.extend(Tone::new(Key::from_char('1').unwrap(), 640));
        samples.resize(40 * 8_000, 0);
        let place = Place::made_up(&service.program.flow);
        let born = birth(&service.program, &place, Timestamp::UNIX_EPOCH, "talk", None);
        let program = (&service.program, &*service.arena);
        let heard = timed(&samples).perform(program, born, SOURCE, &mut |_| None).expect("a performance");
        let does = |is: fn(&Out) -> bool| {
            heard.fixture.lines.iter().any(|line| matches!(&line.step, Step::Out(out) if is(out)))
        };
        assert!(does(|out| matches!(out, Out::Fact(fact) if fact.value.is_some())) && does(|out| *out == Out::Bridge));
        assert_eq!(heard.remarks, ["the leg to the agent was not captured: taken as answered after 3 s"]);
        assert_eq!(heard.fixture.lines.last().map(|line| line.t), Some(40_000_000), "with the end of the sound");
    }
}
