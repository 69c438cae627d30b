//! Knows our prompts by their frames: what a peer hears is named without speech recognition.

use crate::audio::Arena;
use crate::codec::Codec;
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};

/// The frames of an arena that belong to one clip only, by their hash.
pub struct Ear {
    frames: HashMap<(Codec, u64), Option<u16>>,
    clips: Vec<String>,
}

impl Ear {
    /// Learns every clip of the arena. A frame that several clips share (silence) names none of them.
    pub fn new(arena: &Arena) -> Self {
        let clips: Vec<String> = arena.names().map(str::to_owned).collect();
        let mut frames = HashMap::new();
        for (number, name) in clips.iter().enumerate() {
            let Some(span) = arena.span(name) else { continue };
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            for index in span.start..span.start + span.frames {
                for codec in Codec::ALL {
                    let Some(frame) = arena.frame(codec, index) else { continue };
                    match frames.entry((codec, hash(frame))) {
                        Entry::Vacant(vacant) => {
                            vacant.insert(Some(number));
                        }
                        Entry::Occupied(mut other) if *other.get() != Some(number) => {
                            other.insert(None);
                        }
                        Entry::Occupied(_) => {}
                    }
                }
            }
        }
        Self { frames, clips }
    }

    /// The number of the clip that this frame is a part of, if it is a part of only one.
    pub fn hear(&self, codec: Codec, payload: &[u8]) -> Option<u16> {
        *self.frames.get(&(codec, hash(payload)))?
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
