//! Knows our prompts by their frames: what a peer hears is named without speech recognition.

use crate::audio::Arena;
use crate::codec::Codec;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

/// The names of clips that are music begin with it.
pub const MUSIC: &str = "music/";

/// The frames that belong to one clip only, by their hash.
#[derive(Default)]
pub struct Ear {
    frames: HashMap<(Codec, u64), Option<Frame>>,
    clips: Vec<String>,
}

/// A frame that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The number of its clip.
    pub clip: u16,
    /// Which frame of it; `None` if the clip has several that are equal, or is music.
    pub index: Option<u32>,
}

impl Ear {
    /// Learns every clip of the arena.
    pub fn new(arena: &Arena) -> Self {
        let mut ear = Ear::default();
        ear.learn(arena);
        ear
    }

    /// Learns the clips of one arena more; one of the same name is the same clip in another form. A frame that several
    /// clips share (silence) names none of them.
    pub fn learn(&mut self, arena: &Arena) {
        for name in arena.names() {
            let Some(span) = arena.span(name) else { continue };
            let clip = self.number(name);
            // Music goes round and round, and begins anywhere.
            let tells = !name.starts_with(MUSIC);
            for index in 0..span.frames {
                let own = Frame { clip, index: Some(index).filter(|_| tells) };
                for codec in Codec::ALL {
                    let Some(frame) = arena.frame(codec, span.start + index) else { continue };
                    match self.frames.entry((codec, hash(frame))) {
                        Entry::Vacant(vacant) => {
                            vacant.insert(Some(own));
                        }
                        Entry::Occupied(mut other) => match other.get_mut() {
                            Some(other) if other.clip == clip && *other != own => other.index = None,
                            Some(other) if other.clip == clip => {}
                            other => *other = None,
                        },
                    }
                }
            }
        }
    }

    fn number(&mut self, name: &str) -> u16 {
        let known = self.clips.iter().position(|clip| clip == name);
        let place = known.unwrap_or_else(|| {
            self.clips.push(name.to_owned());
            self.clips.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    /// What this frame is a part of, if that is one clip only; `None`: it is of no clip at all.
    pub fn hear(&self, codec: Codec, payload: &[u8]) -> Option<Option<Frame>> {
        self.frames.get(&(codec, hash(payload))).copied()
    }

    /// The clips that have a frame of their own: those that can be told from all others.
    pub fn knows(&self) -> BTreeSet<&str> {
        self.frames.values().flatten().map(|frame| self.name(frame.clip)).collect()
    }

    /// `en/welcome`.
    pub fn name(&self, clip: u16) -> &str {
        self.clips.get(usize::from(clip)).map_or("", String::as_str)
    }
}

fn hash(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::ArenaBuilder;
    use crate::audio::codec::PCMU;

    fn arena(clips: &[(&str, &[i16])]) -> Arena {
        let mut builder = ArenaBuilder::default();
        for (name, levels) in clips {
            let samples: Vec<i16> = levels.iter().flat_map(|level| [*level; 160]).collect();
            builder.clip(name, &samples, 8_000).expect("room");
        }
        builder.build()
    }

    #[test]
    fn a_frame_is_known_by_what_no_other_clip_has_in_every_form_of_it() {
        let mut ear = Ear::new(&arena(&[("en/a", &[0, 1_000, 2_000, 3_000, 2_000]), ("en/b", &[0, 4_000])]));
        ear.learn(&arena(&[("en/a", &[0, 500]), ("en/c", &[1_000, 0])]));
        let heard = |level: i16| {
            let frame = ear.hear(Codec::Pcmu, &[(PCMU.encode)(level); 160])??;
            Some((ear.name(frame.clip), frame.index))
        };
        let known = [0, 500, 1_000, 2_000, 3_000, 4_000].map(heard);
        let a = |index| Some(("en/a", index));
        assert_eq!(known, [None, a(Some(1)), None, a(None), a(Some(3)), Some(("en/b", Some(1)))]);
        let mut knows = ear.knows();
        knows.remove(crate::audio::arena::HOLD);
        assert_eq!(
            knows.into_iter().collect::<Vec<_>>(),
            ["en/a", "en/b"],
            "a clip that sounds like others is not told"
        );
    }
}
