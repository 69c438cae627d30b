//! The arena: every clip encoded once for every codec, in frames of 20 ms. Immutable, so that all calls
//! share it; playing is copying 160 bytes.

use super::{Utterance, codec, tone};
use crate::codec::Codec;
use std::collections::BTreeMap;
use std::fmt;

/// Bytes of a frame: 20 ms at 8,000 Hz, one byte a sample.
pub const FRAME: usize = 160;
pub type Frame = [u8; FRAME];

/// The clip that a caller on hold hears; built in unless one of that name is given.
pub const HOLD: &str = "music/hold";

/// Two hours of clips: 58 MB a codec.
const FRAMES: usize = 2 * 60 * 60 * 50;
/// The language's clips for one value, by the character.
const DIGITS: &str = "digits";

/// A run of frames; only the arena that gave it can play it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    /// Frames of 20 ms.
    pub frames: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Arena {
    /// In the order of `Codec::ALL`.
    frames: [Vec<Frame>; Codec::ALL.len()],
    clips: BTreeMap<String, Span>,
}

/// A clip that an utterance needs and the arena has not. A digit's name is masked: it is a piece of the caller's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub clip: String,
}

/// Why a clip was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// A clip of that name is there already.
    Taken,
    /// The arena would be longer than two hours.
    Full,
}

impl Arena {
    /// The run of one clip.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.clips.get(name).copied()
    }

    /// The runs of a list of utterances, in order; a value gives one run a character.
    pub fn spans(&self, utterances: &[Utterance]) -> Result<Vec<Span>, Missing> {
        let mut spans = Vec::new();
        for utterance in utterances {
            match utterance {
                Utterance::Clip(name) => spans.push(self.span(name).ok_or_else(|| Missing { clip: name.clone() })?),
                Utterance::Digits { language, value } => {
                    for c in value.open().chars() {
                        let missing = || Missing { clip: format!("{language}/{DIGITS}/?") };
                        spans.push(self.span(&digit(language, c)).ok_or_else(missing)?);
                    }
                }
            }
        }
        Ok(spans)
    }

    /// One frame by its index in the arena; `None` past the end, which is another arena's span.
    pub fn frame(&self, codec: Codec, index: u32) -> Option<&Frame> {
        self.frames[codec as usize].get(index as usize)
    }

    /// The names of the clips, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.clips.keys().map(String::as_str)
    }
}

/// The clip that says one character of a value.
fn digit(language: &str, c: char) -> String {
    match c {
        '*' => format!("{language}/{DIGITS}/star"),
        '#' => format!("{language}/{DIGITS}/pound"),
        _ => format!("{language}/{DIGITS}/{c}"),
    }
}

/// An arena under construction.
pub struct ArenaBuilder(Arena);

impl Default for ArenaBuilder {
    fn default() -> Self {
        Self(Arena { frames: [const { Vec::new() }; Codec::ALL.len()], clips: BTreeMap::new() })
    }
}

impl ArenaBuilder {
    /// Encodes a clip of samples at 8,000 Hz; the last frame is filled up with silence.
    pub fn clip(&mut self, name: &str, samples: &[i16]) -> Result<(), NoRoom> {
        if self.0.clips.contains_key(name) {
            return Err(NoRoom::Taken);
        }
        if self.0.frames[0].len() + samples.len().div_ceil(FRAME) > FRAMES {
            return Err(NoRoom::Full);
        }
        self.encode(name, samples);
        Ok(())
    }

    /// The finished arena, with hold music in any case.
    pub fn build(mut self) -> Arena {
        if self.0.span(HOLD).is_none() {
            self.encode(HOLD, &tone::hold_music());
        }
        self.0
    }

    fn encode(&mut self, name: &str, samples: &[i16]) {
        let start = self.0.frames[0].len() as u32;
        for (codec, encoded) in Codec::ALL.into_iter().zip(&mut self.0.frames) {
            encoded.extend(samples.chunks(FRAME).map(|samples| frame(codec, samples)));
        }
        let frames = samples.len().div_ceil(FRAME) as u32;
        self.0.clips.insert(name.to_owned(), Span { start, frames });
    }
}

/// At most 160 samples as a frame.
fn frame(codec: Codec, samples: &[i16]) -> Frame {
    let mut frame = [codec::silence(codec); FRAME];
    for (byte, &sample) in frame.iter_mut().zip(samples) {
        *byte = codec::encode(codec, sample);
    }
    frame
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} clips, {} frames)", self.clips.len(), self.frames[0].len())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no clip {}", self.clip)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoRoom::Taken => f.write_str("a clip of that name is there already"),
            NoRoom::Full => write!(f, "more than {} hours of clips", FRAMES / (60 * 60 * 50)),
        }
    }
}

impl std::error::Error for Missing {}
impl std::error::Error for NoRoom {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn arena(names: &[&str]) -> Arena {
        let mut builder = ArenaBuilder::default();
        for (length, name) in (161..).zip(names) {
            builder.clip(name, &vec![1000; length]).expect("room");
        }
        builder.build()
    }

    #[test]
    fn a_clip_is_whole_frames_of_each_codec_padded_with_its_silence() {
        let arena = arena(&["en/a", "en/b"]);
        assert_eq!(arena.span("en/b"), Some(Span { start: 2, frames: 2 }));
        for (codec, silence) in [(Codec::Pcmu, 0xff), (Codec::Pcma, 0xd5)] {
            let last = arena.frame(codec, 3).expect("a frame");
            assert_eq!(last[..2], [codec::encode(codec, 1000); 2], "{codec:?}");
            assert!(last[2..].iter().all(|&byte| byte == silence), "{codec:?}");
        }
        assert_eq!(arena.names().collect::<Vec<_>>(), ["en/a", "en/b", HOLD]);
        assert_eq!(arena.frame(Codec::Pcmu, 604), None);
    }

    #[test]
    fn a_value_is_said_by_the_character() {
        let arena = arena(&["en/you-said", "en/digits/4", "en/digits/star", "en/digits/pound"]);
        let said = |value: &str| {
            let digits = Utterance::Digits { language: "en".into(), value: Secret::new(value) };
            arena.spans(&[Utterance::Clip("en/you-said".into()), digits])
        };
        let starts: Vec<_> = said("4*#").expect("all there").iter().map(|span| span.start).collect();
        assert_eq!(starts, [0, 2, 4, 6]);
        assert_eq!(said("47"), Err(Missing { clip: "en/digits/?".into() }));
        assert_eq!(arena.spans(&[Utterance::Clip("en/x".into())]), Err(Missing { clip: "en/x".into() }));
    }

    #[test]
    fn given_hold_music_replaces_the_built_in() {
        assert_eq!(arena(&[]).span(HOLD), Some(Span { start: 0, frames: 600 }));
        assert_eq!(arena(&[HOLD]).span(HOLD), Some(Span { start: 0, frames: 2 }));
    }

    #[test]
    fn the_arena_has_bounds() {
        let mut builder = ArenaBuilder::default();
        assert_eq!(builder.clip("a", &[0; 10]), Ok(()));
        assert_eq!(builder.clip("a", &[0; 10]), Err(NoRoom::Taken));
        assert_eq!(builder.clip("b", &vec![0; FRAMES * FRAME]), Err(NoRoom::Full));
    }
}
