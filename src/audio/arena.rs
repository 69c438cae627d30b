//! The arena: every clip encoded once for every codec that is spoken, in frames of 20 ms. Immutable, so that all calls
//! share it; playing is copying a frame.

use super::codec::{Encoder, FRAME, SAMPLES};
use super::cut::{Cut, Shape};
use super::resample::resample;
use super::spoken::{self, PAUSE};
use super::{Utterance, tone};
use crate::codec::Codec;
use crate::time::Duration;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The clip that a caller on hold hears; built in unless one of that name is given.
pub const HOLD: &str = "music/hold";

/// The clip after which a caller is recorded, of a flow that asks for that.
pub const BEEP: &str = "tone/beep";

/// Two hours of clips: 58 MB a codec, and half of that for Opus.
const FRAMES: usize = 2 * 60 * 60 * 50;
/// Frames of the silence between groups of digits.
const PAUSE_FRAMES: u32 = 10;
/// Frames of a loop that its encoder hears before its first one, so that the second round follows from the first.
const RUN_UP: usize = 50;
const FRAME_MS: u64 = 20;

/// A run of frames; only the arena that gave it can play it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    /// Frames of 20 ms.
    pub frames: u32,
}

impl Span {
    pub fn time(self) -> Duration {
        Duration::from_millis(FRAME_MS * u64::from(self.frames))
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Arena {
    /// In the order of `Codec::ALL`; empty for a codec that nobody speaks.
    coded: [Coded; Codec::ALL.len()],
    frames: u32,
    clips: BTreeMap<String, Span>,
    /// The silence between groups of digits.
    pause: Span,
    /// Its frames come first, and its clips are clips of this one.
    base: Option<Arc<Arena>>,
}

/// The frames of one codec, one behind the other: those of Opus differ in length.
#[derive(Clone, Default, PartialEq, Eq)]
struct Coded {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// A clip that an utterance needs and the arena has not. A word's name is masked: it is a piece of the caller's value.
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
        let own = self.clips.get(name).copied();
        own.or_else(|| self.base.as_ref()?.span(name))
    }

    /// The arena with one clip more, which is in the same codecs: what a caller said, in its call alone.
    pub fn with(base: Arc<Arena>, name: &str, samples: &[i16], rate: u32) -> Result<Arena, NoRoom> {
        let codecs = Codec::ALL.into_iter().filter(|&codec| base.speaks(codec)).collect();
        let arena = Arena {
            frames: base.frames,
            pause: base.pause,
            base: Some(base),
            coded: Default::default(),
            clips: BTreeMap::new(),
        };
        let mut builder = ArenaBuilder { codecs, arena, also_hold: Vec::new() };
        builder.clip(name, samples, rate)?;
        Ok(builder.arena)
    }

    fn speaks(&self, codec: Codec) -> bool {
        !self.coded[codec as usize].ends.is_empty()
    }

    /// The runs of a list of utterances, in order; a value gives one run a word.
    pub fn spans(&self, utterances: &[Utterance]) -> Result<Vec<Span>, Missing> {
        let mut spans = Vec::new();
        for utterance in utterances {
            match utterance {
                Utterance::Clip(name) => spans.push(self.span(name).ok_or_else(|| Missing { clip: name.clone() })?),
                Utterance::Value { language, reading, value } => {
                    for clip in spoken::clips(language, *reading, value.open()) {
                        let found = if clip == PAUSE { Some(self.pause) } else { self.span(&clip) };
                        spans.push(found.ok_or_else(|| Missing { clip: format!("{language}/?") })?);
                    }
                }
            }
        }
        Ok(spans)
    }

    /// One frame by its index in the arena; `None` past the end, which is another arena's span, and of a codec that the
    /// arena was not made for.
    pub fn frame(&self, codec: Codec, index: u32) -> Option<&[u8]> {
        let own = self.base.as_ref().map_or(0, |base| base.frames);
        let Some(index) = index.checked_sub(own) else { return self.base.as_ref()?.frame(codec, index) };
        let Coded { bytes, ends } = &self.coded[codec as usize];
        let end = *ends.get(index as usize)?;
        let start = index.checked_sub(1).and_then(|before| ends.get(before as usize)).copied().unwrap_or(0);
        bytes.get(start as usize..end as usize)
    }

    /// Frames of all clips.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The names of its own clips, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.clips.keys().map(String::as_str)
    }
}

/// An arena under construction.
pub struct ArenaBuilder {
    codecs: Vec<Codec>,
    arena: Arena,
    also_hold: Vec<String>,
}

impl Default for ArenaBuilder {
    fn default() -> Self {
        Self::new(&Codec::LAWS)
    }
}

impl ArenaBuilder {
    /// Clips will be there in these codecs.
    pub fn new(codecs: &[Codec]) -> Self {
        let pause = Span { start: 0, frames: 0 };
        let arena = Arena { coded: Default::default(), frames: 0, clips: BTreeMap::new(), pause, base: None };
        Self { codecs: codecs.to_vec(), arena, also_hold: Vec::new() }
    }

    /// Whether a clip of that name was taken.
    pub fn has(&self, name: &str) -> bool {
        self.arena.span(name).is_some()
    }

    /// Encodes a prompt of samples at `rate` Hz.
    pub fn clip(&mut self, name: &str, samples: &[i16], rate: u32) -> Result<(), NoRoom> {
        self.shaped(name, Shape::Prompt, samples, rate)
    }

    /// Encodes a clip of samples at `rate` Hz as what it is for.
    pub fn shaped(&mut self, name: &str, shape: Shape, samples: &[i16], rate: u32) -> Result<(), NoRoom> {
        if self.arena.clips.contains_key(name) {
            return Err(NoRoom::Taken);
        }
        let cut = Cut::new(shape, samples, rate);
        if self.arena.frames as usize + cut.frames > FRAMES {
            return Err(NoRoom::Full);
        }
        let span = self.encode(cut, samples, rate);
        self.arena.clips.insert(name.to_owned(), span);
        Ok(())
    }

    /// The hold music goes by that name as well.
    pub fn also_hold(&mut self, name: &str) {
        self.also_hold.push(name.to_owned());
    }

    /// The tone after which somebody is recorded.
    pub fn beep(&mut self) -> Result<(), NoRoom> {
        self.clip(BEEP, &tone::beep(), tone::RATE)
    }

    /// The finished arena, with hold music wherever anything is spoken.
    pub fn build(mut self) -> Arena {
        if self.arena.span(HOLD).is_none() && !self.codecs.is_empty() {
            let mut music = tone::hold_music();
            // It has no seam: what fades into its beginning is its beginning.
            music.extend_from_within(..tone::RATE as usize / 2);
            let span = self.encode(Cut::new(Shape::Loop, &music, tone::RATE), &music, tone::RATE);
            self.arena.clips.insert(HOLD.to_owned(), span);
        }
        if let Some(hold) = self.arena.span(HOLD) {
            self.arena.clips.extend(self.also_hold.drain(..).map(|name| (name, hold)));
        }
        let silence = vec![0; PAUSE_FRAMES as usize * SAMPLES];
        let rate = 50 * SAMPLES as u32;
        self.arena.pause = self.encode(Cut::new(Shape::Prompt, &silence, rate), &silence, rate);
        self.arena
    }

    fn encode(&mut self, cut: Cut, samples: &[i16], rate: u32) -> Span {
        let span = Span { start: self.arena.frames, frames: cut.frames as u32 };
        // Codecs of one rate share what was resampled.
        let mut parts: BTreeMap<u32, Vec<i16>> = BTreeMap::new();
        for &codec in &self.codecs {
            let to = codec.rate();
            let part = parts.entry(to).or_insert_with(|| cut.of(&resample(samples, rate, to), to));
            self.arena.coded[codec as usize].append(codec, part, cut.shape);
        }
        self.arena.frames += span.frames;
        span
    }
}

impl Coded {
    /// Each clip from a fresh encoder: it sounds the same whatever is played before it. That of a loop has heard its end.
    fn append(&mut self, codec: Codec, samples: &[i16], shape: Shape) {
        let mut encoder = Encoder::new(codec);
        let frames = samples.chunks(codec.samples());
        let run_up = if shape == Shape::Loop { RUN_UP.min(frames.len()) } else { 0 };
        let heard = frames.clone().skip(frames.len() - run_up).map(|frame| (frame, false));
        for (samples, kept) in heard.chain(frames.map(|frame| (frame, true))) {
            let (mut frame, mut coded) = ([0; SAMPLES], [0; FRAME]);
            frame[..samples.len()].copy_from_slice(samples);
            let coded = encoder.encode(&frame, &mut coded);
            if kept {
                self.bytes.extend_from_slice(coded);
                self.ends.push(self.bytes.len() as u32);
            }
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} clips, {} frames)", self.clips.len(), self.frames)
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
    use crate::audio::codec::{Decoder, LONGEST, Law};
    use crate::audio::measure::voice;
    use crate::secret::Secret;

    fn arena(names: &[&str]) -> Arena {
        let mut builder = ArenaBuilder::default();
        for (length, name) in (161..).zip(names) {
            builder.clip(name, &vec![1000; length], 8_000).expect("room");
        }
        builder.build()
    }

    #[test]
    fn a_clip_is_whole_frames_of_each_codec_padded_with_its_silence() {
        let arena = arena(&["en/a", "en/b"]);
        assert_eq!(arena.span("en/b"), Some(Span { start: 2, frames: 2 }));
        for codec in Codec::LAWS {
            let last = arena.frame(codec, 3).expect("a frame");
            let law = Law::of(codec).expect("a law");
            assert_eq!(last[..2], [(law.encode)(1000); 2], "{codec:?}");
            assert!(last[2..].iter().all(|&byte| byte == (law.encode)(0)), "{codec:?}");
        }
        assert_eq!(arena.names().collect::<Vec<_>>(), ["en/a", "en/b", HOLD]);
        assert_eq!((arena.frames(), arena.frame(Codec::Pcmu, 614)), (614, None));
        assert_eq!(arena.frame(Codec::G722, 0), None, "nobody asked for it");
    }

    #[test]
    fn every_codec_has_as_many_frames_and_each_clip_sounds_the_same_wherever_it_stands() {
        for (rate, samples) in [(8_000, 8_001), (16_000, 16_001)] {
            let voice = voice(rate, samples);
            let mut builder = ArenaBuilder::new(&Codec::ALL);
            for name in ["a", "b"] {
                assert_eq!(builder.clip(name, &voice, rate), Ok(()));
            }
            let arena = builder.build();
            for codec in Codec::ALL {
                let frames = |span: Span| (span.start..span.start + span.frames).map(|at| arena.frame(codec, at));
                let [a, b] = ["a", "b"].map(|name| arena.span(name).expect("a clip"));
                assert_eq!((a.frames, b), (51, Span { start: 51, frames: 51 }), "{codec:?}");
                assert!(frames(a).eq(frames(b)) && frames(a).all(|frame| frame.is_some_and(|frame| !frame.is_empty())));
                assert!(arena.frame(codec, 711).is_some() && arena.frame(codec, 712).is_none(), "{codec:?}");
            }
        }
    }

    #[test]
    fn a_value_is_said_by_its_words_and_a_word_that_is_missing_is_not_named() {
        let arena = arena(&["en/you-said", "en/digits/4", "en/signs/star", "en/signs/pound"]);
        let said = |value: &str| {
            let (language, value) = ("en".to_owned(), Secret::new(value));
            let digits = Utterance::Value { language, reading: spoken::Reading::Digits, value };
            arena.spans(&[Utterance::Clip("en/you-said".into()), digits])
        };
        let starts = |value: &str| said(value).expect("all there").iter().map(|span| span.start).collect::<Vec<_>>();
        assert_eq!(starts("4*#"), [0, 2, 4, 6]);
        assert_eq!(starts("44444"), [0, 2, 2, 608, 2, 2, 2]);
        assert_eq!(said("47"), Err(Missing { clip: "en/?".into() }));
        assert_eq!(arena.spans(&[Utterance::Clip("en/x".into())]), Err(Missing { clip: "en/x".into() }));
    }

    /// Decoded as a caller hears it, round after round: the step over the seam is one of those that are inside.
    #[test]
    fn a_loop_is_without_a_seam_in_every_codec() {
        for name in [HOLD, "music"] {
            let mut builder = ArenaBuilder::new(&Codec::ALL);
            let music: Vec<i16> = voice(8_000, 40_123);
            builder.shaped("music", Shape::Loop, &music, 8_000).expect("room");
            let arena = builder.build();
            let span = arena.span(name).expect("a clip");
            for codec in Codec::ALL {
                let mut decoder = Decoder::new(codec);
                let mut heard = Vec::new();
                for at in (0..2 * span.frames).map(|at| span.start + at % span.frames) {
                    let frame = arena.frame(codec, at).expect("a frame");
                    heard.extend_from_slice(decoder.decode(frame, &mut [0; LONGEST]).expect("sound"));
                }
                let (seam, near) = (heard.len() / 2, codec.samples() / 2);
                let step = |at: usize| (i32::from(heard[at]) - i32::from(heard[at - 1])).abs();
                let over = (seam - near..seam + near).map(step).max();
                let inside = (near..seam - near).map(step).max();
                assert!(over <= inside, "{name}, {codec:?}: {over:?} beside {inside:?}");
            }
        }
    }

    #[test]
    fn given_hold_music_replaces_the_built_in() {
        assert_eq!(arena(&[]).span(HOLD), Some(Span { start: 0, frames: 600 }));
        assert_eq!(arena(&[HOLD]).span(HOLD), Some(Span { start: 0, frames: 2 }));
    }

    #[test]
    fn what_is_said_over_an_arena_is_one_clip_more_of_it() {
        let mut builder = ArenaBuilder::new(&[Codec::Pcma, Codec::G722]);
        builder.beep().expect("room");
        let base = Arc::new(builder.build());
        let over = Arena::with(base.clone(), "take/1", &[900; 330], 8_000).expect("room");
        let twice = Arena::with(Arc::new(over), "take/2", &[700; 160], 8_000).expect("room");
        let end = base.frames();
        assert_eq!(twice.span("take/1"), Some(Span { start: end, frames: 3 }));
        assert_eq!(twice.span("take/2"), Some(Span { start: end + 3, frames: 1 }));
        assert_eq!((twice.span(BEEP), twice.frames()), (base.span(BEEP), end + 4));
        for codec in Codec::ALL {
            assert!((0..end).all(|at| twice.frame(codec, at) == base.frame(codec, at)), "{codec:?}");
            assert_eq!(twice.frame(codec, end + 3).is_some(), base.frame(codec, 0).is_some(), "{codec:?}");
            assert_eq!(twice.frame(codec, end + 4), None);
        }
        let law = Law::of(Codec::Pcma).expect("a law");
        assert_eq!(twice.frame(Codec::Pcma, end).map(|frame| frame[0]), Some((law.encode)(900)));
        assert_eq!(twice.frame(Codec::Pcma, end + 3).map(|frame| frame[159]), Some((law.encode)(700)));
    }

    #[test]
    fn the_arena_has_bounds() {
        let mut builder = ArenaBuilder::default();
        assert_eq!(builder.clip("a", &[0; 10], 8_000), Ok(()));
        assert_eq!(builder.clip("a", &[0; 10], 8_000), Err(NoRoom::Taken));
        assert_eq!(builder.clip("b", &vec![0; FRAMES * FRAME], 8_000), Err(NoRoom::Full));
    }
}
